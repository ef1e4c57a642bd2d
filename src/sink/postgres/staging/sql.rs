//! The statements of a staged table: between its rows, the keys that were touched, and the target.
//!
//! `s` is the staged table, `k` the keys, `t` the target. Built from names alone; every name is quoted.

use std::fmt::Display;

use super::super::catalog::{TargetColumn, TargetTable};
use super::super::sql::{all, list, overriding, unnested};
use super::Staged;
use crate::route::{TargetName, quoted};

/// What goes by the key's names, as `a."id" = b."id"`.
fn same_key(key: &[String], a: &str, b: &str) -> String {
    all(key.iter().map(|name| format!("{a}.{0} = {b}.{0}", quoted(name))))
}

fn names<'c>(columns: impl IntoIterator<Item = &'c str>, table: &str) -> String {
    list(columns.into_iter().map(|name| format!("{table}{}", quoted(name))))
}

/// The table of touched keys, empty.
pub(super) fn create_keys(staged: &TargetName, keys: &TargetName, key: &[String]) -> String {
    let columns = names(key.iter().map(String::as_str), "");
    format!(
        "create unique index on {staged} ({columns}); \
         create table {keys} as select {columns}, false as gone from {staged} with no data; \
         alter table {keys} add primary key ({columns})"
    )
}

/// The key of each row of a statement, as `u.c0::integer`, with its name.
fn key_casts(key: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    key.iter().enumerate().map(|(i, (name, cast))| (quoted(name), format!("u.c{i}::{cast}")))
}

/// Brings the rows of these keys as the target has them; those that are staged stay.
pub(super) fn seed(table: &Staged, live: &TargetTable, key: &[(&str, &str)]) -> String {
    let columns = || live.columns.iter().filter(|column| !column.is_generated).map(|column| column.name.as_str());
    format!(
        "insert into {} ({}) select {} from {} as t join {} on {} on conflict ({}) do nothing",
        table.name,
        names(columns(), ""),
        names(columns(), "t."),
        live.name,
        unnested(key.len()),
        all(key_casts(key).map(|(name, cast)| format!("t.{name} = {cast}"))),
        names(key.iter().map(|(name, _)| *name), ""),
    )
}

/// Notes that these keys were touched, and whether their rows have gone.
pub(super) fn touch(table: &Staged, key: &[(&str, &str)], gone: bool) -> String {
    let columns = names(key.iter().map(|(name, _)| *name), "");
    format!(
        "insert into {} ({columns}, gone) select {}, {gone} from {} on conflict ({columns}) do update set gone = excluded.gone",
        table.keys,
        list(key_casts(key).map(|(_, cast)| cast)),
        unnested(key.len()),
    )
}

/// Notes what has become of the rows of these keys, as far as they were touched before.
pub(super) fn retouch(table: &Staged, key: &[(&str, &str)], gone: bool) -> String {
    format!(
        "update {} as k set gone = {gone} from {} where {}",
        table.keys,
        unnested(key.len()),
        all(key_casts(key).map(|(name, cast)| format!("k.{name} = {cast}"))),
    )
}

/// All rows that were touched have gone.
pub(super) fn all_gone(table: &Staged) -> String {
    format!("update {} set gone = true", table.keys)
}

/// The touched rows that are not in the target as they are staged, in the order of their keys: whether one has gone, its
/// key, what the target has of it, and what is staged; the columns as text arrays, NULL for no row.
pub(super) fn differences(table: &Staged, shown: &[&TargetColumn]) -> String {
    let row = |alias: &str| {
        let texts = list(shown.iter().map(|column| format!("{alias}.{}::text", quoted(&column.name))));
        format!("case when {} is not null then array[{texts}] end", first(&table.key, alias))
    };
    let live = match &table.live {
        Some(live) => live.name.to_string(),
        None => format!("(select * from {} where false)", table.name),
    };
    format!(
        "select k.gone, array[{}], {}, {} from {} where {} order by {}",
        list(table.key.iter().map(|name| format!("k.{}::text", quoted(name)))),
        row("t"),
        row("s"),
        touched(table, &live),
        format_args!(
            "case when {s} is null then {t} is not null or not k.gone when {t} is null then true else {} end",
            differ(table),
            s = first(&table.key, "s"),
            t = first(&table.key, "t"),
        ),
        names(table.key.iter().map(String::as_str), "k."),
    )
}

/// All rows that were touched, `k`, with what is staged of each, `s`, and what the target has of it, `t`.
fn touched(table: &Staged, live: &dyn Display) -> String {
    format!(
        "{} as k left join {} as s on {} left join {live} as t on {}",
        table.keys,
        table.name,
        same_key(&table.key, "s", "k"),
        same_key(&table.key, "t", "k"),
    )
}

/// Whether a row of the target is another than the staged one, in a column that records have sent. As text: 1.0 is not 1.00.
fn differ(table: &Staged) -> String {
    let columns: Vec<String> =
        table.sent().map(|column| format!("t.{0}::text is distinct from s.{0}::text", quoted(&column.name))).collect();
    if columns.is_empty() { "false".to_owned() } else { format!("({})", columns.join(" or ")) }
}

fn first(key: &[String], alias: &str) -> String {
    format!("{alias}.{}", key.first().map_or_else(String::new, |name| quoted(name)))
}

/// The rows of the target whose keys were not touched, in the order of their keys, as text arrays.
pub(super) fn extra(table: &Staged, live: &TargetTable, shown: &[&TargetColumn]) -> String {
    format!(
        "select array[{}] from {} as t where {} order by {}",
        list(shown.iter().map(|column| format!("t.{}::text", quoted(&column.name)))),
        live.name,
        untouched(table),
        names(table.key.iter().map(String::as_str), "t."),
    )
}

/// How many rows the target has whose keys were not touched.
pub(super) fn count_extra(table: &Staged, live: &TargetTable) -> String {
    format!("select count(*) from {} as t where {}", live.name, untouched(table))
}

fn untouched(table: &Staged) -> String {
    format!("not exists (select from {} as k where {})", table.keys, same_key(&table.key, "k", "t"))
}

/// Deletes the rows of the target that have gone.
pub(super) fn delete_gone(table: &Staged, live: &TargetTable) -> String {
    format!(
        "delete from {} as t using {} as k where {} and k.gone and not exists (select from {} as s where {})",
        live.name,
        table.keys,
        same_key(&table.key, "t", "k"),
        table.name,
        same_key(&table.key, "s", "k"),
    )
}

/// Deletes the rows of the target whose keys were not touched.
pub(super) fn delete_extra(table: &Staged, live: &TargetTable) -> String {
    format!("delete from {} as t where {}", live.name, untouched(table))
}

/// Brings staged rows into the target: those that are missing, or those that have other values. Columns that no record has
/// sent are left to the target.
pub(super) fn merge(table: &Staged, live: &TargetTable, missing: bool) -> String {
    let columns: Vec<&TargetColumn> = table.sent().collect();
    let all_names = || columns.iter().map(|column| column.name.as_str());
    let changes = list(columns.iter().filter(|column| !table.key.contains(&column.name)).map(|column| {
        let name = quoted(&column.name);
        format!("{name} = excluded.{name}")
    }));
    let action = if changes.is_empty() { "nothing".to_owned() } else { format!("update set {changes}") };
    let there = first(&table.key, "t");
    let condition =
        if missing { format!("{there} is null") } else { format!("{there} is not null and {}", differ(table)) };
    format!(
        "insert into {} ({}){} select {} from {} where {} is not null and {condition} on conflict ({}) do {action}",
        live.name,
        names(all_names(), ""),
        overriding(&columns),
        names(all_names(), "s."),
        touched(table, &live.name),
        first(&table.key, "s"),
        names(table.key.iter().map(String::as_str), ""),
    )
}

/// How many rows are in neither table and have not gone.
pub(super) fn count_unknown(table: &Staged, live: &TargetTable) -> String {
    format!(
        "select count(*) from {} where not k.gone and {} is null and {} is null",
        touched(table, &live.name),
        first(&table.key, "s"),
        first(&table.key, "t"),
    )
}
