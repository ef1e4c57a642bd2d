//! Records are applied on trial: whatever a pipeline would make of them is made, and taken back.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::Connection;

use super::execute::execute;
use super::plan::Planner;
use super::{Failure, PostgresSink, deferred, offsets, resolved};
use crate::progress::RowCounts;
use crate::records::{Records, TopicPartition};

/// How a trial went.
#[derive(Debug, Default)]
pub struct Trial {
    /// What would be done to tables, as statements.
    pub altered: Vec<String>,
    /// Rows that would be written.
    pub rows: RowCounts,
    /// The first record that cannot be applied, and why.
    pub stopped: Option<(i32, i64, String)>,
}

/// Nobody is kept waiting by a trial.
const LIMITS: &str = "set local lock_timeout = '5s'; set local statement_timeout = '60s'";

impl PostgresSink {
    /// The stored next offsets of the pipeline, and whether the role may store them. Makes nothing.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn look_at_offsets(&mut self) -> Result<(HashMap<TopicPartition, i64>, bool), Failure> {
        let pipeline = self.ledger.pipeline.clone();
        let connection = self.connected().await?;
        let exists = offsets::is_there(connection).await?;
        let rights = if exists {
            "select has_table_privilege('rowkind.offsets', 'select') and has_table_privilege('rowkind.offsets', 'insert')
                and has_table_privilege('rowkind.offsets', 'update')"
        } else {
            "select has_database_privilege(current_database(), 'create')"
        };
        let may: bool = sqlx::query_scalar(rights).fetch_one(&mut *connection).await?;
        let stored = if exists && may { offsets::all(connection, &pipeline).await? } else { HashMap::new() };
        Ok((stored, may))
    }

    /// Applies records in a transaction that is rolled back. It waits for no lock longer than five seconds.
    ///
    /// # Errors
    ///
    /// When Postgres refuses them or does not answer.
    pub async fn try_out(&mut self, records: &Records, planner: &mut Planner) -> Result<Trial, Failure> {
        let refused = match self.try_compacted(records, planner).await {
            Err(refused @ Failure::Data { .. }) => refused,
            outcome => return outcome,
        };
        let mut retreat = self.retreat(records, 0..records.len(), planner);
        let mut transaction = self.connected().await?.begin().await?;
        sqlx::raw_sql(LIMITS).execute(&mut *transaction).await?;
        let outcome = retreat.write(&mut transaction).await;
        transaction.rollback().await?;
        let mut trial = Trial { altered: retreat.altered, rows: retreat.done.rows(), stopped: None };
        match outcome {
            Ok(()) => Ok(trial),
            Err(Failure::Record(index, reason))
                if reason.sqlstate.as_ref().is_some_and(|code| !code.starts_with("23")) =>
            {
                let reason = self.of_column(records, index, planner, reason).await;
                let record = records.get(index);
                trial.stopped = Some((record.partition, record.offset, reason.text));
                Ok(trial)
            }
            // a constraint that does not hold may be one that holds behind other records
            Err(_) => Err(refused),
        }
    }

    async fn try_compacted(&mut self, records: &Records, planner: &mut Planner) -> Result<Trial, Failure> {
        let making = self.making();
        let mut catalog = Arc::clone(&self.catalog);
        let mut trial = Trial::default();
        let mut transaction = self.connected().await?.begin().await?;
        sqlx::raw_sql(LIMITS).execute(&mut *transaction).await?;
        let plan = |catalog: &_| planner.plan(records, 0..records.len(), catalog, None);
        let plan = resolved(&mut transaction, &mut catalog, &making, &mut trial.altered, plan).await?;
        if deferred::are_in(&catalog) {
            deferred::defer(&mut transaction).await?;
        }
        execute(&mut transaction, &plan.statements).await?;
        transaction.rollback().await?;
        trial.rows = plan.rows();
        trial.stopped =
            plan.stopped.map(|reject| (reject.partition.partition, reject.offset, reject.reason.text.clone()));
        Ok(trial)
    }
}
