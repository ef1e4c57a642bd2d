//! The statements. Built from names alone, never from values; every name is quoted.
//!
//! Each takes one `text[]` a column, in the order of `columns`, and casts it to the column's type.

use rowkind_formats::Field;

use super::catalog::{TargetColumn, TargetTable};
use super::evolve::ColumnChange;
use super::kind::Kind;
use super::types::{self, Present};
use crate::route::{TargetName, quoted};

/// `INSERT … ON CONFLICT (key) DO UPDATE`: rows whose columns were all sent.
pub fn upsert(table: &TargetTable, columns: &[&TargetColumn], key: &[String]) -> String {
    let names = list(columns.iter().map(|column| quoted(&column.name)));
    let changes = list(columns.iter().filter(|column| !key.contains(&column.name)).map(|column| {
        let name = quoted(&column.name);
        format!("{name} = excluded.{name}")
    }));
    let action = if changes.is_empty() { "nothing".to_owned() } else { format!("update set {changes}") };
    let overriding = overriding(columns);
    format!(
        "insert into {} ({names}){overriding} select {} from {} on conflict ({}) do {action}",
        table.name,
        list(casts(columns)),
        unnested(columns.len()),
        list(key.iter().map(|name| quoted(name))),
    )
}

/// `INSERT`: rows that go by no key.
pub fn insert(table: &TargetTable, columns: &[&TargetColumn]) -> String {
    format!(
        "insert into {} ({}){} select {} from {}",
        table.name,
        list(columns.iter().map(|column| quoted(&column.name))),
        overriding(columns),
        list(casts(columns)),
        unnested(columns.len()),
    )
}

/// `COPY`: rows that are not there. An identity column takes the values that are given.
pub fn copy(table: &TargetTable, columns: &[&TargetColumn]) -> String {
    format!("copy {} ({}) from stdin", table.name, list(columns.iter().map(|column| quoted(&column.name))))
}

/// `UPDATE … FROM`: rows of which some columns were not sent and stay what they are.
pub fn update(table: &TargetTable, columns: &[&TargetColumn], key: &[String]) -> String {
    let is_key = |column: &TargetColumn| key.contains(&column.name);
    let pairs = || columns.iter().zip(casts(columns));
    let changes = list(
        pairs()
            .filter(|(column, _)| !is_key(column))
            .map(|(column, cast)| format!("{} = {cast}", quoted(&column.name))),
    );
    // a row of which only the key was sent changes nothing, but must be there
    let changes = if changes.is_empty() {
        key.first().map(|name| format!("{0} = t.{0}", quoted(name))).unwrap_or_default()
    } else {
        changes
    };
    format!(
        "update {} as t set {changes} from {} where {}",
        table.name,
        unnested(columns.len()),
        all(pairs()
            .filter(|(column, _)| is_key(column))
            .map(|(column, cast)| format!("t.{} = {cast}", quoted(&column.name)))),
    )
}

/// `DELETE … USING`: rows by their keys.
pub fn delete(table: &TargetTable, key: &[&TargetColumn]) -> String {
    let matches = key.iter().zip(casts(key)).map(|(column, cast)| format!("t.{} = {cast}", quoted(&column.name)));
    format!("delete from {} as t using {} where {}", table.name, unnested(key.len()), all(matches))
}

/// `DELETE` of as many rows as there are parameters, each equal to its own in these columns. `nulls` says which are NULL, so
/// that the others can be joined and an index can be used.
pub fn remove(table: &TargetTable, columns: &[&TargetColumn], nulls: &[bool]) -> String {
    let texts = list((0..columns.len()).map(|i| format!("c{i}")));
    let equal = |((i, column), is_null): ((usize, &&TargetColumn), &bool)| {
        let name = format!("t.{}", quoted(&column.name));
        // as it was written: the assignment to the column cut digits, where that is allowed
        let value = format!("u.c{i}::{}::{}", column.cast, column.declared);
        match column.kind {
            _ if *is_null => format!("{name} is null"),
            Kind::Json => format!("{name}::jsonb = {value}::jsonb"),
            _ if column.has_equality => format!("{name} = {value}"),
            _ => format!("{name}::text = {value}::text"),
        }
    };
    format!(
        "with u as (select {texts}, count(*) as n from {} group by {texts}), \
         found as (select t.tableoid, t.ctid, u.n, row_number() over (partition by {}) as nth from {table} as t join u on {}) \
         delete from {table} as t using found where t.tableoid = found.tableoid and t.ctid = found.ctid and found.nth <= found.n",
        unnested(columns.len()),
        list((0..columns.len()).map(|i| format!("u.c{i}"))),
        all(columns.iter().enumerate().zip(nulls).map(equal)),
        table = table.name,
    )
}

/// `TRUNCATE`; Postgres takes none of a table that another one refers to.
pub fn truncate(table: &TargetTable) -> String {
    if table.is_referenced { format!("delete from {}", table.name) } else { format!("truncate {}", table.name) }
}

/// `CREATE TABLE` for rows of these columns; `key` names the primary key's, and is empty for a table without one.
///
/// # Errors
///
/// The name and type of a column that Postgres has no type for.
pub fn create_table(
    name: &TargetName,
    fields: &[Field],
    key: &[String],
    present: &Present,
) -> Result<String, (String, String)> {
    let mut columns = fields.iter().map(|field| types::column(field, present)).collect::<Result<Vec<_>, _>>()?;
    if !key.is_empty() {
        columns.push(format!("primary key ({})", list(key.iter().map(|name| quoted(name)))));
    }
    Ok(format!("create table if not exists {name} ({})", list(columns.into_iter())))
}

/// `ALTER TABLE`: columns that come and types that grow.
pub fn alter_table(name: &TargetName, changes: &[ColumnChange]) -> String {
    let change = |change: &ColumnChange| match change {
        ColumnChange::Add { column, ty } => format!("add column if not exists {} {ty}", quoted(column)),
        ColumnChange::Widen { column, ty } => format!("alter column {} type {ty}", quoted(column)),
    };
    format!("alter table {name} {}", list(changes.iter().map(change)))
}

/// An identity column takes the source's value.
pub(super) fn overriding(columns: &[&TargetColumn]) -> &'static str {
    if columns.iter().any(|column| column.is_identity) { " overriding system value" } else { "" }
}

pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

pub(super) fn all(conditions: impl Iterator<Item = String>) -> String {
    conditions.collect::<Vec<_>>().join(" and ")
}

fn casts<'c>(columns: &'c [&TargetColumn]) -> impl Iterator<Item = String> + 'c {
    columns.iter().enumerate().map(|(i, column)| format!("u.c{i}::{}", column.cast))
}

/// `unnest($1::text[], …) as u(c0, …)`
pub(super) fn unnested(n_columns: usize) -> String {
    let arrays = list((1..=n_columns).map(|i| format!("${i}::text[]")));
    let names = list((0..n_columns).map(|i| format!("c{i}")));
    format!("unnest({arrays}) as u({names})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TargetTable {
        let column = |name: &str, cast: &str| TargetColumn {
            name: name.to_owned(),
            cast: cast.to_owned(),
            declared: cast.to_owned(),
            kind: Kind::Text,
            has_equality: name == "id",
            is_generated: false,
            is_identity: false,
        };
        TargetTable {
            name: TargetName { schema: Some("Mixed Case".into()), table: "t\"; drop table x; --".into() },
            columns: vec![column("id", "integer"), column("select", "text")],
            unique_keys: vec![vec!["id".into()]],
            has_primary_key: true,
            ..TargetTable::default()
        }
    }

    #[test]
    fn names_are_quoted_and_values_are_parameters() {
        let table = table();
        let columns: Vec<&TargetColumn> = table.columns.iter().collect();
        let key = ["id".to_owned()];
        assert_eq!(
            upsert(&table, &columns, &key),
            r#"insert into "Mixed Case"."t""; drop table x; --" ("id", "select") select u.c0::integer, u.c1::text from unnest($1::text[], $2::text[]) as u(c0, c1) on conflict ("id") do update set "select" = excluded."select""#
        );
        assert_eq!(
            update(&table, &columns, &key),
            r#"update "Mixed Case"."t""; drop table x; --" as t set "select" = u.c1::text from unnest($1::text[], $2::text[]) as u(c0, c1) where t."id" = u.c0::integer"#
        );
        assert_eq!(
            delete(&table, &columns[..1]),
            r#"delete from "Mixed Case"."t""; drop table x; --" as t using unnest($1::text[]) as u(c0) where t."id" = u.c0::integer"#
        );
        let conditions = |nulls: &[bool]| {
            let sql = remove(&table, &columns, nulls);
            sql.split_once(" join u on ").and_then(|(_, rest)| Some(rest.split_once(')')?.0.to_owned()))
        };
        assert_eq!(
            conditions(&[false, false]).as_deref(),
            Some(r#"t."id" = u.c0::integer::integer and t."select"::text = u.c1::text::text::text"#)
        );
        assert_eq!(
            conditions(&[true, false]).as_deref(),
            Some(r#"t."id" is null and t."select"::text = u.c1::text::text::text"#)
        );
    }

    #[test]
    fn a_row_that_is_all_key_is_inserted_or_left() {
        let table = table();
        assert!(upsert(&table, &[&table.columns[0]], &["id".to_owned()]).ends_with("do nothing"));
    }
}
