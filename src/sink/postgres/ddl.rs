//! Tables that are made and altered so that they hold what comes, in the transaction of the rows that need it.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::catalog::{self, Catalog, TargetTable};
use super::plan::Need;
use super::types::Present;
use super::{Failure, evolve, sql};
use crate::config::Evolve;
use crate::route::{Shape, TargetName, quoted, unusable};

/// What may be done about tables that are missing or lack columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Making {
    pub(super) create: bool,
    pub(super) evolve: Evolve,
    pub(super) place: Place,
}

/// Where the rows of a target table are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Into it.
    Target,
    /// Into a table of its name in this schema, made like it.
    Schema(String),
    /// Into a temporary table that has its columns, and none of its constraints but NOT NULL.
    Staged,
}

impl Place {
    fn of(&self, name: &TargetName, catalog: &Catalog) -> TargetName {
        match self {
            Self::Target => name.clone(),
            Self::Schema(schema) => TargetName { schema: Some(schema.clone()), table: name.table.clone() },
            Self::Staged => match catalog.get(name) {
                Some(Some(known)) => known.name.clone(),
                _ => TargetName { schema: Some("pg_temp".to_owned()), table: format!("staged_{}", catalog.len()) },
            },
        }
    }
}

/// Looks the missing tables up, makes those that are not there and whose shape is known, and alters those that do not
/// hold their rows. What was done, as statements.
pub(super) async fn resolve(
    transaction: &mut PgConnection,
    catalog: &mut Catalog,
    missing: &BTreeMap<TargetName, Need>,
    making: &Making,
) -> Result<Vec<String>, Failure> {
    let mut done = Vec::new();
    for (name, need) in missing {
        let at = making.place.of(name, catalog);
        let is_taken = |(known, table): (&TargetName, &Option<Arc<TargetTable>>)| {
            known != name && table.as_ref().is_some_and(|table| table.name == at)
        };
        if catalog.iter().any(is_taken) {
            return Err(Failure::Fatal(format!("rows of several tables would go into {at}: {name} is one of them")));
        }
        let known = catalog.get(name).cloned().flatten().map(Arc::unwrap_or_clone);
        let mut table = match (&making.place, known) {
            (Place::Staged, Some(known)) => Some(known),
            _ => catalog::load(transaction, &at).await?,
        };
        if table.is_none() && making.place != Place::Target {
            table = copy_table(transaction, name, (&at, &making.place), &mut done).await?;
        }
        if let Need::Rows(shape) = need {
            if table.is_none() {
                done.push(create_table(transaction, &at, shape.as_ref(), making.create).await?);
                table = catalog::load(transaction, &at).await?;
            } else if let (Some(found), Some(shape)) = (&table, shape)
                && let Some(statement) = alter_table(transaction, found, shape, making.evolve).await?
            {
                done.push(statement);
                let altered = catalog::load(transaction, &at).await?;
                table = match (&making.place, altered) {
                    // it has the keys of the one that it stands for
                    (Place::Staged, Some(altered)) => Some(TargetTable { columns: altered.columns, ..found.clone() }),
                    (_, altered) => altered,
                };
            }
        }
        catalog.insert(name.clone(), table.map(Arc::new));
    }
    Ok(done)
}

/// Makes a table like another one, where that is there.
async fn copy_table(
    transaction: &mut PgConnection,
    name: &TargetName,
    (at, place): (&TargetName, &Place),
    done: &mut Vec<String>,
) -> Result<Option<TargetTable>, Failure> {
    let Some(like) = catalog::load(transaction, name).await? else { return Ok(None) };
    if let Place::Staged = place {
        let statement = format!("create table {at} (like {name} including generated)");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
        // what the target fills in itself, records need not have
        let filled: Vec<String> =
            sqlx::query_scalar(FILLED).bind(name.to_string()).fetch_all(&mut *transaction).await?;
        for column in filled {
            let statement = format!("alter table {at} alter column {} drop not null", quoted(&column));
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
        }
        return Ok(Some(TargetTable {
            name: at.clone(),
            references: Vec::new(),
            is_referenced: false,
            has_deferrable: false,
            ..like
        }));
    }
    lock_name(transaction, at).await?;
    create_schema(transaction, at).await?;
    let statement = format!("create table if not exists {at} (like {name} including all)");
    sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *transaction).await?;
    done.push(statement);
    Ok(catalog::load(transaction, at).await?)
}

/// Columns that Postgres fills in where a row does not have them.
const FILLED: &str = "
select attname::text from pg_attribute
 where attrelid = to_regclass($1) and attnum > 0 and not attisdropped and attnotnull and attgenerated = ''
   and (atthasdef or attidentity <> '')";

/// Lanes and instances that meet a new table at once must not both create it.
async fn lock_name(transaction: &mut PgConnection, name: &TargetName) -> Result<(), sqlx::Error> {
    let lock = sqlx::query("select pg_advisory_xact_lock(hashtextextended($1, 0))").bind(name.to_string());
    lock.execute(&mut *transaction).await?;
    Ok(())
}

/// Makes the schema of a table where it is missing.
async fn create_schema(transaction: &mut PgConnection, name: &TargetName) -> Result<(), sqlx::Error> {
    let Some(schema) = name.schema.as_ref().filter(|schema| *schema != "pg_temp") else { return Ok(()) };
    let exists: bool = sqlx::query_scalar("select exists(select from pg_namespace where nspname = $1)")
        .bind(schema)
        .fetch_one(&mut *transaction)
        .await?;
    if !exists {
        let statement = format!("create schema if not exists {}", quoted(schema));
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
    }
    Ok(())
}

/// Gives a table the columns and types that its rows need, and tells how; `None` when it has them.
async fn alter_table(
    transaction: &mut PgConnection,
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
    sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *transaction).await?;
    Ok(Some(statement))
}

async fn create_table(
    transaction: &mut PgConnection,
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
    for field in &shape.fields {
        if let Some(unusable) = unusable(&field.name) {
            return Err(Failure::Fatal(format!(
                "table {name} does not exist, and no column can have the name {unusable}: give it another by `rename` of a `[[route]]`"
            )));
        }
    }
    let present = Present::look_up(transaction, &shape.fields).await?;
    let statement = sql::create_table(name, &shape.fields, &shape.key, &present).map_err(|(column, ty)| {
        Failure::Fatal(format!(
            "table {name} does not exist, and its column {} of type `{ty}` has no Postgres type: create the table",
            quoted(&column)
        ))
    })?;
    lock_name(transaction, name).await?;
    create_schema(transaction, name).await?;
    sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *transaction).await?;
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
