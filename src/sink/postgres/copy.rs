//! Rows that are not in the target yet, by `COPY`: half of what the same rows cost Postgres as an upsert.
//!
//! Whether they are not there is for Postgres to say: what the source tells is true but for what was applied before. So a
//! `COPY` is tried behind a savepoint; where a row is there, the statement runs as the upsert that it is. A table at which
//! that happens is left alone for more and more batches.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::PgConnection;

use super::catalog::TargetTable;
use super::failure::Failure;
use super::text::TextColumn;
use super::writes::Statement;
use crate::route::TargetName;

/// For fewer rows the savepoint and the longer exchange cost more than is won.
const MIN_ROWS: usize = 200;
/// What is sent at once: Postgres reads it while the next is written.
const CHUNK: usize = 64 * 1024;
/// A table is left alone for at most two to the power of this many batches.
const MAX_DOUBT: u32 = 8;
const UNIQUE_VIOLATION: &str = "23505";

/// Whether so many rows are better copied.
pub(super) fn is_worth_it(table: &TargetTable, n_rows: usize) -> bool {
    n_rows >= MIN_ROWS && table.takes_copy
}

/// The tables whose rows were there already.
#[derive(Debug, Default)]
pub(super) struct Copying(Mutex<HashMap<TargetName, Doubt>>);

/// How much is to be expected of a table.
#[derive(Debug, Default)]
struct Doubt {
    n_failed: u32,
    /// For so many batches it is left alone.
    n_left: u32,
}

impl Copying {
    /// Copies a statement's rows; `false` where it has to run as it is, of which nothing is done then.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub(super) async fn copy(&self, transaction: &mut PgConnection, statement: &Statement) -> Result<bool, Failure> {
        let Some(sql) = statement.copy.as_ref().filter(|_| self.expects(&statement.table)) else { return Ok(false) };
        sqlx::raw_sql("savepoint copied").execute(&mut *transaction).await?;
        let error = match send(transaction, sql, &statement.params).await {
            Ok(()) => {
                sqlx::raw_sql("release savepoint copied").execute(&mut *transaction).await?;
                self.doubts().remove(&statement.table);
                return Ok(true);
            }
            Err(error) => error,
        };
        if error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() != Some(UNIQUE_VIOLATION) {
            return Err(error.into());
        }
        sqlx::raw_sql("rollback to savepoint copied; release savepoint copied").execute(&mut *transaction).await?;
        self.doubt(&statement.table);
        Ok(false)
    }

    fn expects(&self, table: &TargetName) -> bool {
        match self.doubts().get_mut(table) {
            Some(doubt) if doubt.n_left > 0 => {
                doubt.n_left -= 1;
                false
            }
            _ => true,
        }
    }

    fn doubt(&self, table: &TargetName) {
        let mut doubts = self.doubts();
        let doubt = doubts.entry(table.clone()).or_default();
        doubt.n_failed = (doubt.n_failed + 1).min(MAX_DOUBT);
        doubt.n_left = 1 << doubt.n_failed;
        tracing::debug!(%table, batches = doubt.n_left, "rows that come are there already: they are not copied for a while");
    }

    fn doubts(&self) -> MutexGuard<'_, HashMap<TargetName, Doubt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send(connection: &mut PgConnection, sql: &str, columns: &[TextColumn]) -> Result<(), sqlx::Error> {
    let mut copy = connection.copy_in_raw(sql).await?;
    let mut chunk = Vec::with_capacity(CHUNK + CHUNK / 4);
    let mut rows = Rows::of(columns);
    while rows.write_next(&mut chunk) {
        if chunk.len() >= CHUNK {
            copy.send(&*chunk).await?;
            chunk.clear();
        }
    }
    if !chunk.is_empty() {
        copy.send(&*chunk).await?;
    }
    copy.finish().await.map(drop)
}

/// Columns of parameters as rows of `COPY`'s text: <https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2>
struct Rows<I>(Vec<I>);

impl Rows<()> {
    fn of(columns: &[TextColumn]) -> Rows<impl Iterator<Item = Option<&[u8]>>> {
        Rows(columns.iter().map(TextColumn::elements).collect())
    }
}

impl<'c, I: Iterator<Item = Option<&'c [u8]>>> Rows<I> {
    /// Appends a row; `false` where there is none left.
    fn write_next(&mut self, text: &mut Vec<u8>) -> bool {
        for (at, column) in self.0.iter_mut().enumerate() {
            let Some(element) = column.next() else { return false };
            if at > 0 {
                text.push(b'\t');
            }
            match element {
                None => text.extend_from_slice(b"\\N"),
                Some(element) => escape(element, text),
            }
        }
        text.push(b'\n');
        !self.0.is_empty()
    }
}

/// Four bytes stand for something else in `COPY`'s text. They are seldom, and looked for all at once.
fn escape(mut element: &[u8], text: &mut Vec<u8>) {
    let is_special = |byte: &u8| matches!(byte, b'\\' | b'\t' | b'\n' | b'\r');
    if element.iter().fold(false, |found, byte| found | is_special(byte)) {
        while let Some(at) = element.iter().position(is_special) {
            text.extend_from_slice(&element[..at]);
            text.push(b'\\');
            text.push(match element[at] {
                b'\t' => b't',
                b'\n' => b'n',
                b'\r' => b'r',
                byte => byte,
            });
            element = &element[at + 1..];
        }
    }
    text.extend_from_slice(element);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_as_copy_reads_them() {
        let mut columns = [TextColumn::default(), TextColumn::default()];
        for (first, second) in [(Some("1"), Some("a\tb\\")), (Some(""), None), (None, Some("\n\r\\.\\N é"))] {
            for (column, value) in columns.iter_mut().zip([first, second]) {
                match value {
                    None => column.push_null(),
                    Some(value) => {
                        column.push_element(
                            &[&u32::try_from(value.len()).unwrap().to_be_bytes(), value.as_bytes()].concat(),
                        );
                    }
                }
            }
        }
        let (mut rows, mut text) = (Rows::of(&columns), Vec::new());
        while rows.write_next(&mut text) {}
        assert_eq!(String::from_utf8(text).unwrap(), "1\ta\\tb\\\\\n\t\\N\n\\N\t\\n\\r\\\\.\\\\N é\n");
    }

    #[test]
    fn a_table_whose_rows_are_there_is_left_alone() {
        let (copying, table) = (Copying::default(), TargetName { schema: None, table: "t".into() });
        let mut n_left = || {
            copying.doubt(&table);
            std::iter::repeat_with(|| copying.expects(&table)).take_while(|expects| !expects).count()
        };
        assert_eq!(std::iter::repeat_with(&mut n_left).take(3).collect::<Vec<_>>(), [2, 4, 8]);
        assert_eq!(std::iter::repeat_with(n_left).take(20).last(), Some(256));
    }
}
