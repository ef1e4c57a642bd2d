//! Statements, with columns of text as their parameters.

use std::sync::Arc;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo, Postgres};
use sqlx::{AssertSqlSafe, Encode, PgConnection, Type};

use super::Failure;
use super::text::TextColumn;
use super::writes::Statement;

pub(super) async fn execute(transaction: &mut PgConnection, statements: &[Statement]) -> Result<(), Failure> {
    for statement in statements {
        execute_one(transaction, statement).await?;
    }
    Ok(())
}

pub(super) async fn execute_one(transaction: &mut PgConnection, statement: &Statement) -> Result<(), Failure> {
    let n_found = run(transaction, &statement.sql, &statement.params).await?;
    match statement.unfound {
        Some(unfound) if n_found < statement.n_rows() as u64 => Err(unfound.into()),
        _ => Ok(()),
    }
}

/// Runs a statement; how many rows it found.
pub(super) async fn run<'c>(
    connection: &mut PgConnection,
    sql: &Arc<str>,
    params: impl IntoIterator<Item = &'c TextColumn>,
) -> Result<u64, Failure> {
    let mut query = sqlx::query::<Postgres>(AssertSqlSafe(Arc::clone(sql)));
    for column in params {
        query = bind(query, column)?;
    }
    Ok(query.execute(connection).await?.rows_affected())
}

pub(super) type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

pub(super) fn bind<'q>(query: Query<'q>, column: &TextColumn) -> Result<Query<'q>, Failure> {
    let mut query = query;
    query.try_bind(column).map_err(|error| Failure::Fatal(error.to_string()))?;
    Ok(query)
}

impl Type<Postgres> for TextColumn {
    fn type_info() -> PgTypeInfo {
        <Vec<String> as Type<Postgres>>::type_info()
    }
}

/// `text` in `pg_type`.
const TEXT_OID: u32 = 25;

/// The array's binary form: number of dimensions, whether there are nulls, the items' type, length and lower bound.
/// <https://github.com/postgres/postgres/blob/REL_17_STABLE/src/backend/utils/adt/arrayfuncs.c> (`array_recv`)
impl Encode<'_, Postgres> for TextColumn {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let n_dimensions = i32::from(self.n > 0);
        buffer.extend_from_slice(&n_dimensions.to_be_bytes());
        buffer.extend_from_slice(&1_i32.to_be_bytes());
        buffer.extend_from_slice(&TEXT_OID.to_be_bytes());
        if n_dimensions > 0 {
            buffer.extend_from_slice(&self.n.to_be_bytes());
            buffer.extend_from_slice(&1_i32.to_be_bytes());
            buffer.extend_from_slice(&self.bytes);
        }
        Ok(IsNull::No)
    }

    fn size_hint(&self) -> usize {
        20 + self.bytes.len()
    }
}
