//! Constraints that can wait: they are checked at the end of a batch, where no order of its rows matters.

use sqlx::PgConnection;

use super::Failure;
use super::catalog::Catalog;

/// Whether a table has a constraint that can wait.
pub(super) fn are_in(catalog: &Catalog) -> bool {
    catalog.values().flatten().any(|table| table.has_deferrable)
}

/// Lets the constraints that can wait do so until the commit.
pub(super) async fn defer(transaction: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("set constraints all deferred").execute(&mut *transaction).await?;
    Ok(())
}

/// Checks what waits, at the end of a transaction: a commit that fails has ended it, and whoever then rolls it back is warned.
///
/// # Errors
///
/// What does not hold.
pub(super) async fn check_last(transaction: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("set constraints all immediate").execute(&mut *transaction).await?;
    Ok(())
}

/// Checks now what waits. What does not hold waits on.
///
/// # Errors
///
/// What does not hold.
pub(super) async fn check(transaction: &mut PgConnection) -> Result<(), Failure> {
    let checked = sqlx::raw_sql(
        "savepoint checked;
         set constraints all immediate;
         release savepoint checked;
         set constraints all deferred",
    )
    .execute(&mut *transaction)
    .await;
    let Err(error) = checked else { return Ok(()) };
    let failure = Failure::from(error);
    if let Failure::Data { .. } = failure {
        sqlx::raw_sql("rollback to savepoint checked; release savepoint checked").execute(&mut *transaction).await?;
    }
    Err(failure)
}
