//! Tables that are made and altered so that they hold what comes, in the transaction of the rows that need it.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row, Transaction};

use super::catalog::{self, Catalog, TargetTable};
use super::plan::Need;
use super::types::Present;
use super::{Failure, evolve, sql};
use crate::config::Evolve;
use crate::route::{Shape, TargetName, quoted};

/// Looks the missing tables up, makes those that are not there and whose shape is known, and alters those that do not
/// hold their rows. What was done, as statements.
pub(super) async fn resolve(
    transaction: &mut Transaction<'_, Postgres>,
    catalog: &mut Catalog,
    missing: &BTreeMap<TargetName, Need>,
    (create, evolve): (bool, Evolve),
) -> Result<Vec<String>, Failure> {
    let mut done = Vec::new();
    for (name, need) in missing {
        let mut table = catalog::load(transaction, name).await?;
        if let Need::Rows(shape) = need {
            if table.is_none() {
                done.push(create_table(transaction, name, shape.as_ref(), create).await?);
                table = catalog::load(transaction, name).await?;
            } else if let (Some(found), Some(shape)) = (&table, shape)
                && let Some(statement) = alter_table(transaction, found, shape, evolve).await?
            {
                done.push(statement);
                table = catalog::load(transaction, name).await?;
            }
        }
        catalog.insert(name.clone(), table.map(Arc::new));
    }
    Ok(done)
}

/// Gives a table the columns and types that its rows need, and tells how; `None` when it has them.
async fn alter_table(
    transaction: &mut Transaction<'_, Postgres>,
    table: &TargetTable,
    shape: &Shape,
    evolve: Evolve,
) -> Result<Option<String>, Failure> {
    let present = Present::look_up(transaction, &shape.fields).await?;
    let changes = evolve::changes(table, &shape.fields, evolve, &present).map_err(Failure::Fatal)?;
    if changes.is_empty() {
        return Ok(None);
    }
    let statement = sql::alter_table(&table.name, &changes);
    sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut **transaction).await?;
    Ok(Some(statement))
}

async fn create_table(
    transaction: &mut Transaction<'_, Postgres>,
    name: &TargetName,
    shape: Option<&Shape>,
    create: bool,
) -> Result<String, Failure> {
    let shape = match shape {
        _ if !create => {
            return Err(Failure::Fatal(format!("table {name} does not exist, and `sink.create` is false")));
        }
        None => {
            return Err(Failure::Fatal(format!(
                "table {name} does not exist, and its records carry no schema to create it from: create the table, or set the connector's `value.converter.schemas.enable=true`"
            )));
        }
        Some(shape) => shape,
    };
    if let Some(column) = shape.key.iter().find(|name| shape.fields.iter().all(|field| field.name != **name)) {
        return Err(Failure::Fatal(format!(
            "table {name} does not exist, and the type of its key's column {} is stated nowhere: create the table, or set the connector's `key.converter.schemas.enable=true`",
            quoted(column)
        )));
    }
    let present = Present::look_up(transaction, &shape.fields).await?;
    let statement = sql::create_table(name, &shape.fields, &shape.key, &present).map_err(|(column, ty)| {
        Failure::Fatal(format!(
            "table {name} does not exist, and its column {} of type `{ty}` has no Postgres type: create the table",
            quoted(&column)
        ))
    })?;
    // lanes and instances that meet a new table at once must not both create it
    sqlx::query("select pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(name.to_string())
        .execute(&mut **transaction)
        .await?;
    if let Some(schema) = &name.schema {
        let exists: bool = sqlx::query_scalar("select exists(select from pg_namespace where nspname = $1)")
            .bind(schema)
            .fetch_one(&mut **transaction)
            .await?;
        if !exists {
            let statement = format!("create schema if not exists {}", quoted(schema));
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut **transaction).await?;
        }
    }
    sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut **transaction).await?;
    Ok(statement)
}

/// Sequences that a table's columns take their defaults from, `serial` and identity alike; those that count down are
/// left alone.
const SEQUENCES: &str = "
select a.attname as name, s.oid::regclass::text as sequence
  from pg_attribute a
  join pg_depend d on d.refobjid = a.attrelid and d.refobjsubid = a.attnum
   and d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
  join pg_class s on s.oid = d.objid and s.relkind = 'S'
  join pg_sequence q on q.seqrelid = s.oid and q.seqincrement > 0
 where a.attrelid = to_regclass($1) and not a.attisdropped";

/// Moves the sequences of a table's columns on to the columns' greatest values; never back.
pub(super) async fn sync_sequences(connection: &mut PgConnection, name: &TargetName) -> Result<(), sqlx::Error> {
    let table = name.to_string();
    let rows = sqlx::query(SEQUENCES).bind(&table).fetch_all(&mut *connection).await?;
    for row in rows {
        let (column, sequence): (String, String) = (row.try_get("name")?, row.try_get("sequence")?);
        let statement = format!(
            "select setval($1::regclass, greatest(m.max, q.last_value), q.is_called or m.max >= q.last_value) \
               from (select max({0})::bigint from {table}) as m, {sequence} as q where m.max is not null",
            quoted(&column)
        );
        sqlx::query(AssertSqlSafe(statement)).bind(&sequence).execute(&mut *connection).await?;
    }
    Ok(())
}
