//! What the target tables are, as Postgres's own catalog says.
//!
//! Comes in: a connection and a name. Goes out: a [`TargetTable`] with its columns, its unique keys and what else binds its
//! rows. Reads only.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::postgres::PgRow;
use sqlx::postgres::types::Oid;
use sqlx::{PgConnection, Row};

use super::kind::Kind;
use crate::route::TargetName;

/// The target tables that were looked up; `None` for one that was not there.
pub type Catalog = HashMap<TargetName, Option<Arc<TargetTable>>, foldhash::fast::RandomState>;

/// A table of the target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is another thing that the catalog says")]
pub struct TargetTable {
    /// Its name.
    pub name: TargetName,
    /// In `pg_class`.
    pub oid: u32,
    /// In the table's order.
    pub columns: Vec<TargetColumn>,
    /// Column names of each unique index that an upsert can use; the primary key first.
    pub unique_keys: Vec<Vec<String>>,
    /// Whether the first of `unique_keys` is the primary key.
    pub has_primary_key: bool,
    /// The other tables that its foreign keys refer to, by their `oid`.
    pub references: Vec<u32>,
    /// Whether a foreign key of another table refers to it.
    pub is_referenced: bool,
    /// Whether a constraint on its rows can wait for the end of the transaction.
    pub has_deferrable: bool,
    /// Whether `COPY` does the same to it as an insert: it is a table, without rules, row-level security or a type that reads
    /// its text by the locale.
    pub takes_copy: bool,
}

/// A column of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetColumn {
    /// Its name.
    pub name: String,
    /// The type to cast text to, without its length or precision: a cast to `varchar(3)` would cut, the assignment refuses.
    pub cast: String,
    /// The type as it is declared, with its length or precision: `numeric(12,2)`.
    pub declared: String,
    /// How a value is read for it.
    pub kind: Kind,
    /// Whether its type has an equality that an index can use.
    pub has_equality: bool,
    /// `GENERATED … STORED`: left out of every statement.
    pub is_generated: bool,
    /// `GENERATED ALWAYS AS IDENTITY`: takes the source's value all the same.
    pub is_identity: bool,
}

impl TargetColumn {
    /// Whether its type reads the text that a cast to it reads.
    fn reads_plain_text(&self) -> bool {
        !self.cast.starts_with(MONEY)
    }
}

impl TargetTable {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&TargetColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns of the primary key; none where there is none.
    pub fn primary_key(&self) -> &[String] {
        self.unique_keys.first().filter(|_| self.has_primary_key).map_or(&[], Vec::as_slice)
    }

    /// The columns of a unique key that has just these, in the index's order.
    pub fn unique_key(&self, names: &[&str]) -> Option<&[String]> {
        let same =
            |key: &&Vec<String>| key.len() == names.len() && key.iter().all(|name| names.contains(&name.as_str()));
        self.unique_keys.iter().find(same).map(Vec::as_slice)
    }
}

/// In front of a cast to money.
const MONEY: &str = "numeric::";

const COLUMNS: &str = "
with recursive base as (
  select attnum, atttypid as typid, atttypmod as typmod from pg_attribute
   where attrelid = $1 and attnum > 0 and not attisdropped
  union all
  select b.attnum, t.typbasetype, case when b.typmod = -1 then t.typtypmod else b.typmod end
    from base b join pg_type t on t.oid = b.typid where t.typtype = 'd'
)
select a.attname as name, format_type(a.atttypid, -1) as cast, format_type(a.atttypid, a.atttypmod) as declared,
       t.typname as type, b.typmod as typmod,
       case when t.typcategory = 'A' then e.typname end as item,
       exists(select from pg_opclass o join pg_am m on m.oid = o.opcmethod
               where o.opcintype = t.oid and o.opcdefault and m.amname = 'btree') as has_equality,
       a.attgenerated <> '' as is_generated, a.attidentity = 'a' as is_identity
  from pg_attribute a
  join base b on b.attnum = a.attnum
  join pg_type t on t.oid = b.typid and t.typtype <> 'd'
  left join pg_type e on e.oid = t.typelem
 where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
 order by a.attnum";

const UNIQUE_KEYS: &str = "
select i.indisprimary as is_primary,
       array(select a.attname::text from unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality k(attnum, at)
              join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum order by k.at) as names
  from pg_index i
 where i.indrelid = $1 and i.indisunique and i.indisvalid and i.indimmediate
   and i.indpred is null and i.indexprs is null
 order by i.indisprimary desc, i.indexrelid";

const CONSTRAINTS: &str = "
select array(select distinct confrelid from pg_constraint where contype = 'f' and conrelid = $1 and confrelid <> $1) as parents,
       exists(select from pg_constraint where contype = 'f' and confrelid = $1 and conrelid <> $1) as is_referenced,
       exists(select from pg_constraint where condeferrable and $1 in (conrelid, confrelid)) as has_deferrable,
       (select relkind in ('r', 'p') and not relhasrules and not relrowsecurity from pg_class where oid = $1) as takes_copy";

/// Looks a table up; `None` when there is none of that name. Partitioned and foreign tables and views are tables here.
///
/// # Errors
///
/// When Postgres does not answer.
pub async fn load(connection: &mut PgConnection, name: &TargetName) -> Result<Option<TargetTable>, sqlx::Error> {
    let oid: Option<Oid> =
        sqlx::query_scalar("select to_regclass($1)::oid").bind(name.to_string()).fetch_one(&mut *connection).await?;
    let Some(oid) = oid else { return Ok(None) };
    let columns = sqlx::query(COLUMNS).bind(oid).fetch_all(&mut *connection).await?;
    let keys = sqlx::query(UNIQUE_KEYS).bind(oid).fetch_all(&mut *connection).await?;
    let constraints = sqlx::query(CONSTRAINTS).bind(oid).fetch_one(&mut *connection).await?;
    let parents: Vec<Oid> = constraints.try_get("parents")?;
    let has_primary_key = keys.first().is_some_and(|row| row.try_get("is_primary").unwrap_or(false));
    let columns = columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(TargetTable {
        name: name.clone(),
        oid: oid.0,
        takes_copy: constraints.try_get("takes_copy")? && columns.iter().all(TargetColumn::reads_plain_text),
        columns,
        unique_keys: keys.iter().map(|row| row.try_get("names")).collect::<Result<_, _>>()?,
        has_primary_key,
        references: parents.into_iter().map(|parent| parent.0).collect(),
        is_referenced: constraints.try_get("is_referenced")?,
        has_deferrable: constraints.try_get("has_deferrable")?,
    }))
}

fn column(row: &PgRow) -> Result<TargetColumn, sqlx::Error> {
    let (ty, typmod): (String, i32) = (row.try_get("type")?, row.try_get("typmod")?);
    let item: Option<String> = row.try_get("item")?;
    let kind = match item {
        Some(item) => Kind::Array(Box::new(Kind::of(&item, typmod))),
        None => Kind::of(&ty, typmod),
    };
    let cast: String = row.try_get("cast")?;
    Ok(TargetColumn {
        name: row.try_get("name")?,
        // money reads text by the database's locale, a number not
        cast: if ty == "money" { format!("{MONEY}{cast}") } else { cast },
        declared: row.try_get("declared")?,
        kind,
        has_equality: row.try_get("has_equality")?,
        is_generated: row.try_get("is_generated")?,
        is_identity: row.try_get("is_identity")?,
    })
}
