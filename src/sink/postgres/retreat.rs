//! The retreat: a batch that could not be applied compacted is applied again in its original order, row by row, in one
//! transaction with its offsets. What fails then is one record.
//!
//! The transaction is a new one: a savepoint to return to would cost every batch a subtransaction.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use sqlx::{Connection, Postgres, Transaction};

use super::catalog::Catalog;
use super::ddl::Making;
use super::execute::execute;
use super::plan::{Plan, Planner};
use super::{Applied, Failure, PostgresSink, advance, deferred, resolved};
use crate::dedup::Seen;
use crate::records::Records;

impl PostgresSink {
    /// Applies the records in `range` row by row.
    ///
    /// # Errors
    ///
    /// As for [`apply`](Self::apply), but for data: then the record is known that cannot be applied behind those before
    /// it. Of a constraint that waited until the end, it is the first record from which on it did not hold again.
    pub async fn apply_row_by_row(
        &mut self,
        records: &Records,
        range: Range<usize>,
        planner: &mut Planner,
    ) -> Result<Applied, Failure> {
        let result = self.write_row_by_row(self.retreat(records, range, planner)).await;
        self.after(result)
    }

    /// The records in `range`, of which nothing is written yet.
    pub(super) fn retreat<'r>(
        &self,
        records: &'r Records,
        range: Range<usize>,
        planner: &'r mut Planner,
    ) -> Retreat<'r> {
        Retreat {
            records,
            planner,
            catalog: self.catalog(),
            making: self.making(),
            altered: Vec::new(),
            done: Plan { range, ..Plan::default() },
            seen: Seen::default(),
            broken: None,
        }
    }

    async fn write_row_by_row(&mut self, mut retreat: Retreat<'_>) -> Result<Applied, Failure> {
        let ledger = Arc::clone(&self.ledger);
        let advances = retreat.records.advances(&retreat.done.range);
        let connection = self.connected().await?;
        let began = Instant::now();
        {
            let mut transaction = connection.begin().await?;
            if advance(&mut transaction, &ledger.pipeline, &advances).await? {
                retreat.write(&mut transaction).await?;
                ledger.keep(&mut transaction, retreat.records, &retreat.done.passed).await?;
                // a constraint that the catalog did not know of
                transaction.commit().await.map_err(|error| match error.into() {
                    Failure::Data { text, .. } => Failure::Stale(text),
                    failure => failure,
                })?;
            }
        }
        let took = began.elapsed();
        self.altered(retreat.altered, retreat.catalog);
        Ok(Applied { plan: Plan { seen: Arc::new(retreat.seen), ..retreat.done }, advances, took })
    }
}

/// A batch on its way, row by row.
pub(super) struct Retreat<'r> {
    records: &'r Records,
    planner: &'r mut Planner,
    catalog: Arc<Catalog>,
    making: Making,
    pub(super) altered: Vec<String>,
    pub(super) done: Plan,
    seen: Seen,
    /// The first record from which on a constraint that waits has not held.
    broken: Option<Failure>,
}

impl Retreat<'_> {
    pub(super) async fn write(&mut self, transaction: &mut Transaction<'_, Postgres>) -> Result<(), Failure> {
        let mut defers = false;
        for index in self.done.range.clone() {
            let Self { records, planner, catalog, altered, .. } = self;
            let before = &self.seen;
            let plan = |catalog: &_| planner.plan_row_by_row(records, index, catalog, before);
            let plan = resolved(&mut *transaction, catalog, &self.making, altered, plan).await;
            let plan = plan.map_err(|failure| failure.of_record(index))?;
            if let Some(reject) = plan.stopped {
                return Err(Failure::Record(index, *reject.reason));
            }
            if let Some(reject) = plan.passed.get(&index).filter(|reject| reject.keys.is_some()) {
                // what comes behind it has to know of it
                return Err(Failure::Record(index, (*reject.reason).clone()));
            }
            if !defers && deferred::are_in(catalog) {
                deferred::defer(transaction).await?;
                defers = true;
            }
            execute(transaction, &plan.statements).await.map_err(|failure| failure.of_record(index))?;
            if defers && !plan.statements.is_empty() {
                self.check(index, transaction).await?;
            }
            self.seen.extend(Arc::into_inner(plan.seen).unwrap_or_default());
            self.done.tables.extend(plan.tables);
            self.done.changed_at = self.done.changed_at.or(plan.changed_at);
            self.done.passed.extend(plan.passed);
        }
        self.broken.take().map_or(Ok(()), Err)
    }

    async fn check(&mut self, index: usize, transaction: &mut Transaction<'_, Postgres>) -> Result<(), Failure> {
        match deferred::check(transaction).await {
            Ok(()) => self.broken = None,
            Err(failure @ Failure::Data { .. }) => drop(self.broken.get_or_insert(failure.of_record(index))),
            Err(failure) => return Err(failure),
        }
        Ok(())
    }
}
