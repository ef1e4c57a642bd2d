//! What is staged beside what the target has: the differences, and how they are mended.

use std::fmt;

use futures_util::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};

use super::super::catalog::{TargetColumn, TargetTable};
use super::super::kind;
use super::super::{deferred, foreign_keys};
use super::{Failure, Staged, Staging, sql};
use crate::route::TargetName;

/// A row that the target does not have as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What is to be done about it.
    pub kind: Kind,
    /// The columns that the row goes by.
    pub key: Vec<Cell>,
    /// The others: of a change those that differ.
    pub cells: Vec<Cell>,
}

/// How a row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It is missing.
    Missing,
    /// It has other values.
    Changed,
    /// It should have gone.
    Gone,
    /// It is in the target, and nothing that was read is about it.
    Extra,
    /// It is missing, and what was read does not say all of it.
    Unknown,
}

/// A value of a row, as text; `None` for NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The column.
    pub name: String,
    /// Whether its text is one of JSON, too: a number, or a truth value.
    pub is_json: bool,
    /// What the target has.
    pub there: Option<String>,
    /// What it should have.
    pub wanted: Option<String>,
}

/// A table that was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The table of the target.
    pub table: TargetName,
    /// Whether the target does not have it.
    pub is_missing: bool,
    /// Whether its rows go by no key, so that they were not compared.
    pub is_keyless: bool,
    /// Columns that records have and the target lacks.
    pub lacking: Vec<String>,
    /// Rows that were read about, and should be there.
    pub n_rows: i64,
}

/// What was done to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The table of the target.
    pub table: TargetName,
    /// Rows that were missing.
    pub n_inserted: i64,
    /// Rows that had other values.
    pub n_updated: i64,
    /// Rows that should have gone.
    pub n_deleted: i64,
    /// Rows that nothing was read about, and that are still there.
    pub n_extra: i64,
    /// Rows that are missing still: what was read does not say all of their columns.
    pub n_unknown: i64,
}

impl Staging {
    /// Says for each table how its rows differ. `takes_extra`: whether all that belongs into it was read, so that rows which
    /// were not touched are too many. `is_sure`: whether no record was passed over, so that what a truncate took is known.
    ///
    /// # Errors
    ///
    /// When Postgres does not answer, or `each` fails.
    pub async fn compare<E: From<Failure>>(
        &mut self,
        (takes_extra, is_sure): (impl Fn(&TargetName) -> bool, bool),
        mut each: impl FnMut(&TargetName, Difference) -> Result<(), E>,
    ) -> Result<Vec<Compared>, E> {
        let mut compared = Vec::new();
        for (target, staged) in self.catalog.iter() {
            let Some(staged) = staged.as_ref().and_then(|staged| self.tables.get(&staged.name)) else { continue };
            if !staged.is_touched {
                continue;
            }
            if staged.is_keyless {
                compared.push(Compared {
                    table: target.clone(),
                    is_missing: false,
                    is_keyless: true,
                    lacking: Vec::new(),
                    n_rows: 0,
                });
                continue;
            }
            let shown = staged.shown();
            let n_rows: i64 = {
                let sql = format!("select count(*) from {} where not gone", staged.keys);
                let count = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.connection);
                count.await.map_err(Failure::from)?
            };
            let sql = sql::differences(staged, &shown);
            let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(&mut self.connection);
            while let Some(row) = rows.try_next().await.map_err(Failure::from)? {
                each(target, of_row(&row, staged, &shown).map_err(Failure::from)?)?;
            }
            drop(rows);
            let is_emptied = staged.is_emptied && is_sure;
            if let Some(live) = staged.live.as_ref().filter(|_| is_emptied || takes_extra(target)) {
                let kind = if is_emptied { Kind::Gone } else { Kind::Extra };
                let sql = sql::extra(staged, live, &shown);
                let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(&mut self.connection);
                while let Some(row) = rows.try_next().await.map_err(Failure::from)? {
                    let there = row.try_get(0).map_err(Failure::from)?;
                    each(target, difference(kind, staged, &shown, (Some(there), None)))?;
                }
            }
            compared.push(Compared {
                table: target.clone(),
                is_missing: staged.live.is_none(),
                is_keyless: false,
                lacking: staged.lacking(),
                n_rows,
            });
        }
        compared.sort_by(|a, b| a.table.cmp(&b.table));
        Ok(compared)
    }

    /// Brings what is staged into the target, and commits: rows that differ, those that should have gone, and where
    /// `deletes_extra` says so those that nothing was read about, which are told as by [`compare`](Self::compare).
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer. Nothing is changed then.
    pub async fn merge(
        &mut self,
        (takes_extra, is_sure): (impl Fn(&TargetName) -> bool, bool),
        deletes_extra: bool,
    ) -> Result<Vec<Merged>, Failure> {
        let staged = self.tables.values().filter(|staged| staged.is_touched && !staged.is_keyless);
        let mut tables: Vec<(&Staged, &TargetTable)> =
            staged.filter_map(|staged| Some((staged, staged.live.as_ref()?))).collect();
        let ranks = foreign_keys::ranks(&tables.iter().map(|(_, live)| *live).collect::<Vec<_>>());
        let mut ranked: Vec<_> = ranks.into_iter().zip(tables.drain(..)).collect();
        ranked.sort_by_key(|(rank, (_, live))| (*rank, live.name.clone()));
        let tables: Vec<(&Staged, &TargetTable)> = ranked.into_iter().map(|(_, table)| table).collect();

        let connection = &mut self.connection;
        if tables.iter().any(|(_, live)| live.has_deferrable) {
            deferred::defer(connection).await?;
        }
        let mut merged = Vec::with_capacity(tables.len());
        for (staged, live) in tables.iter().rev() {
            let gone = sqlx::query(AssertSqlSafe(sql::delete_gone(staged, live))).execute(&mut *connection).await?;
            let (mut n_deleted, mut n_extra) = (gone.rows_affected(), 0);
            if (staged.is_emptied && is_sure) || (takes_extra(&live.name) && deletes_extra) {
                let extra = sql::delete_extra(staged, live);
                n_deleted += sqlx::query(AssertSqlSafe(extra)).execute(&mut *connection).await?.rows_affected();
            } else if takes_extra(&live.name) {
                let count = sqlx::query_scalar(AssertSqlSafe(sql::count_extra(staged, live)));
                n_extra = count.fetch_one(&mut *connection).await?;
            }
            let n_deleted = i64::try_from(n_deleted).unwrap_or(i64::MAX);
            merged.push(Merged {
                table: live.name.clone(),
                n_inserted: 0,
                n_updated: 0,
                n_deleted,
                n_extra,
                n_unknown: 0,
            });
        }
        for ((staged, live), merged) in tables.iter().zip(merged.iter_mut().rev()) {
            let count = sqlx::query_scalar(AssertSqlSafe(sql::count_unknown(staged, live)));
            merged.n_unknown = count.fetch_one(&mut *connection).await?;
            for (is_missing, n_rows) in [(true, &mut merged.n_inserted), (false, &mut merged.n_updated)] {
                let sql = AssertSqlSafe(sql::merge(staged, live, is_missing));
                let done = sqlx::query(sql).execute(&mut *connection).await?;
                *n_rows = i64::try_from(done.rows_affected()).unwrap_or(i64::MAX);
            }
        }
        sqlx::raw_sql("commit").execute(connection).await?;
        merged.sort_by(|a, b| a.table.cmp(&b.table));
        Ok(merged)
    }
}

fn of_row(row: &PgRow, staged: &Staged, shown: &[&TargetColumn]) -> Result<Difference, sqlx::Error> {
    let (gone, key): (bool, Texts) = (row.try_get(0)?, row.try_get(1)?);
    let (there, wanted): (Option<Texts>, Option<Texts>) = (row.try_get(2)?, row.try_get(3)?);
    let kind = match (&there, &wanted) {
        (Some(_), Some(_)) => Kind::Changed,
        (None, Some(_)) => Kind::Missing,
        (Some(_), None) if gone => Kind::Gone,
        (_, None) => Kind::Unknown,
    };
    let mut difference = difference(kind, staged, shown, (there, wanted));
    for cell in &mut difference.key {
        let at = staged.key.iter().position(|name| *name == cell.name);
        cell.wanted = at.and_then(|at| key.get(at)?.clone());
    }
    Ok(difference)
}

type Texts = Vec<Option<String>>;

fn difference(
    kind: Kind,
    staged: &Staged,
    shown: &[&TargetColumn],
    (there, wanted): (Option<Texts>, Option<Texts>),
) -> Difference {
    let text = |texts: &Option<Texts>, at: usize| texts.as_ref().and_then(|texts| texts.get(at)?.clone());
    let cell = |(at, column): (usize, &&TargetColumn)| Cell {
        name: column.name.clone(),
        is_json: matches!(
            column.kind,
            kind::Kind::Bool | kind::Kind::Integer { .. } | kind::Kind::Numeric { .. } | kind::Kind::Float
        ),
        there: text(&there, at),
        wanted: text(&wanted, at),
    };
    let (key, mut cells): (Vec<Cell>, Vec<Cell>) =
        shown.iter().enumerate().map(cell).partition(|cell| staged.key.contains(&cell.name));
    match kind {
        Kind::Changed => cells.retain(|cell| cell.there != cell.wanted && staged.sent.contains(&cell.name)),
        // what no record has sent, the target will fill in
        Kind::Missing => cells.retain(|cell| staged.sent.contains(&cell.name)),
        Kind::Gone | Kind::Extra | Kind::Unknown => {}
    }
    Difference { kind, key, cells }
}

impl Staged {
    /// Columns that the target lacks.
    fn lacking(&self) -> Vec<String> {
        let Some(live) = &self.live else { return Vec::new() };
        let is_lacking = |column: &&TargetColumn| live.columns.iter().all(|there| there.name != column.name);
        self.columns.iter().filter(is_lacking).map(|column| column.name.clone()).collect()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Extra => "extra",
            Self::Unknown => "unknown",
        })
    }
}
