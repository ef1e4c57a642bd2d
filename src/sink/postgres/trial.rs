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
        let making = self.making();
        let mut catalog = Arc::clone(&self.catalog);
        let mut trial = Trial::default();
        let mut transaction = self.connected().await?.begin().await?;
        let limits = "set local lock_timeout = '5s'; set local statement_timeout = '60s'";
        sqlx::raw_sql(limits).execute(&mut *transaction).await?;
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
