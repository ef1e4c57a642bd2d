//! Postgres as the sink: rows and next offsets in one transaction.
//!
//! Comes in: [`Records`] and a [`Plan`] for them. Goes out: an applied batch, or a [`Failure`] and then nothing is
//! applied. The rooms in the order a batch takes:
//!
//! - [`plan`]: raw records become statements (pure), by way of `aside`, `rows`, `removals`, `tables`, `foreign_keys`, `writes`,
//!   [`text`] and [`sql`]
//! - [`kind`], [`modes`], `mysql`, `fits`: how a value is read for its column, and whether it has room there
//! - [`catalog`]: what the target tables are
//! - [`offsets`], `claims`: whose partition it is, and how far it has come
//! - `copy`: rows that are not in the target yet
//! - `execute`: statements, with columns of text as their parameters
//! - [`types`]: what a new column's type is
//! - [`evolve`]: how a target table follows the columns of its source
//! - `deferred`: constraints that wait for the end of the batch
//! - `retreat`: a batch that did not go through, row by row
//! - `staging`: rows of a replay, before it is known what becomes of them
//! - `trial`: records that are applied and taken back
//! - `standing`: how far a pipeline has come, to be looked at
//! - `rejects`, `kept`, `retry`: records that were put aside, in `rowkind.rejects`; written, read, applied after all
//! - [`failure`]: what an error asks for

mod aside;
pub mod catalog;
mod claims;
mod copy;
mod ddl;
mod deferred;
pub mod evolve;
mod execute;
pub mod failure;
mod fits;
mod foreign_keys;
mod kept;
pub mod kind;
pub mod modes;
mod mysql;
pub mod offsets;
pub mod plan;
mod rejects;
mod removals;
mod retreat;
mod retry;
mod rows;
mod socket;
pub mod sql;
mod staging;
mod standing;
mod tables;
pub mod text;
mod trial;
pub mod types;
mod writes;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, Postgres};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Transaction};

use crate::config;
use crate::records::{Advance, Records, TopicPartition};
use crate::rejects::{Reason, Reject};
use catalog::Catalog;
use copy::Copying;
use ddl::{Making, Place};
use execute::{bind, execute_one};
pub use failure::Failure;
pub use kept::Chosen;
use plan::{Plan, Planner, Unplanned};
use rejects::Ledger;
pub use retry::{Page, Retried, Try};
pub use staging::{Cell, Compared, Difference, Kind as DifferenceKind, Merged, Reach, Staging, Untaken};
pub use standing::{Standing, StoredOffset};
pub use trial::Trial;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to the target, made when it is needed.
#[derive(Debug)]
pub struct PostgresSink {
    options: PgConnectOptions,
    making: Making,
    sync_sequences: bool,
    ledger: Arc<Ledger>,
    connection: Option<PgConnection>,
    catalog: Arc<Catalog>,
    copying: Arc<Copying>,
}

/// What one transaction did.
#[derive(Debug)]
pub struct Applied {
    /// The records that are applied, with the rejects among and behind them.
    pub plan: Plan,
    /// How far each partition has come.
    pub advances: Vec<Advance>,
    /// From the begin of the transaction to its commit.
    pub took: Duration,
}

impl PostgresSink {
    /// A sink of a pipeline that is not connected yet.
    pub fn new(pipeline: &str, config: &config::Postgres, rejects: &config::Rejects) -> Self {
        let options = config.connect.clone().application_name(&format!("rowkind {pipeline}"));
        // a slow statement is no news by itself, and its text is long
        let options = options.disable_statement_logging();
        let config::Postgres { create, evolve, sync_sequences, ref into, .. } = *config;
        Self {
            options,
            ledger: Arc::new(Ledger::new(pipeline, rejects)),
            making: Making { create, evolve, place: into.clone().map_or(Place::Target, Place::Schema) },
            sync_sequences,
            connection: None,
            catalog: Arc::default(),
            copying: Arc::default(),
        }
    }

    /// The target tables known so far.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog)
    }

    /// Forgets the target's tables, so that they are looked up again.
    pub fn forget_catalog(&mut self) {
        self.catalog = Arc::default();
    }

    /// Applies a plan that was made for `records` with the current catalog and misses no table.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer, or this instance has lost a partition. Nothing is applied then.
    pub async fn apply_plan(&mut self, records: &Records, plan: Plan) -> Result<Applied, Failure> {
        let result = self.write_plan(records, plan).await;
        self.after(result)
    }

    /// Applies the records in `range`, or as many of them as one plan holds, in one transaction with their offsets.
    /// Tables that are missing are made in the same transaction.
    ///
    /// # Errors
    ///
    /// As for [`apply_plan`](Self::apply_plan).
    pub async fn apply(
        &mut self,
        records: &Records,
        range: Range<usize>,
        planner: &mut Planner,
    ) -> Result<Applied, Failure> {
        let result = self.plan_and_write(records, range, planner).await;
        self.after(result)
    }

    async fn write_plan(&mut self, records: &Records, plan: Plan) -> Result<Applied, Failure> {
        let (ledger, copying) = (Arc::clone(&self.ledger), Arc::clone(&self.copying));
        let defers = deferred::are_in(&self.catalog);
        let connection = self.connected().await?;
        let began = Instant::now();
        commit((connection.begin().await?, began), &ledger, (records, plan), (&copying, defers)).await
    }

    async fn plan_and_write(
        &mut self,
        records: &Records,
        range: Range<usize>,
        planner: &mut Planner,
    ) -> Result<Applied, Failure> {
        let (ledger, copying, making) = (Arc::clone(&self.ledger), Arc::clone(&self.copying), self.making());
        let mut catalog = Arc::clone(&self.catalog);
        let mut altered = Vec::new();
        let connection = self.connected().await?;
        let began = Instant::now();
        let mut transaction = connection.begin().await?;
        let plan = |catalog: &_| planner.plan(records, range.clone(), catalog, None);
        let plan = resolved(&mut transaction, &mut catalog, &making, &mut altered, plan).await?;
        let defers = deferred::are_in(&catalog);
        let applied = commit((transaction, began), &ledger, (records, plan), (&copying, defers)).await?;
        self.altered(altered, catalog);
        Ok(applied)
    }

    /// What may be done about tables that are missing or lack columns.
    fn making(&self) -> Making {
        self.making.clone()
    }

    /// Keeps what a transaction has made of the catalog, and tells of it.
    fn altered(&mut self, statements: Vec<String>, catalog: Arc<Catalog>) {
        for statement in statements {
            tracing::info!("{statement}");
        }
        self.catalog = catalog;
    }

    /// A connection on which something failed for a passing reason is not used again.
    fn after<T>(&mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(Failure::Retry(_)) = result {
            self.connection = None;
        }
        result
    }

    /// Moves past a record without applying it.
    ///
    /// # Errors
    ///
    /// As for [`apply`](Self::apply).
    pub async fn pass(&mut self, records: &Records, index: usize, reject: Reject) -> Result<Applied, Failure> {
        let passed = [(index, reject)].into();
        self.apply_plan(records, Plan { range: index..index + 1, passed, ..Plan::default() }).await
    }

    /// Whether nothing is in a schema, or there is none of that name.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn is_fresh(&mut self, schema: &str) -> Result<bool, Failure> {
        let sql = "select not exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1)";
        let connection = self.connected().await?;
        Ok(sqlx::query_scalar(sql).bind(schema).fetch_one(connection).await?)
    }

    /// Why a record was refused, with the column before it whose text Postgres does not read as the column's type, if there is one.
    pub async fn of_column(
        &mut self,
        records: &Records,
        index: usize,
        planner: &mut Planner,
        mut reason: Reason,
    ) -> Reason {
        if let Some(column) = self.unreadable_column(records, index, planner).await {
            reason.text.insert_str(0, &format!("column `{column}`: "));
        }
        reason
    }

    /// `None` when it is something else that Postgres refused, such as a constraint.
    async fn unreadable_column(&mut self, records: &Records, index: usize, planner: &mut Planner) -> Option<String> {
        let (mut catalog, making) = (Arc::clone(&self.catalog), self.making());
        // what is looked up and made for it is not kept
        let mut transaction = self.connected().await.ok()?.begin().await.ok()?;
        let plan = |catalog: &_| planner.plan(records, index..index + 1, catalog, None);
        let plan = resolved(&mut transaction, &mut catalog, &making, &mut Vec::new(), plan).await.ok()?;
        for statement in &plan.statements {
            for ((name, cast), params) in statement.columns.iter().zip(&statement.params) {
                let sql = AssertSqlSafe(format!("select c::{cast} from unnest($1::text[]) as c"));
                let query = bind(sqlx::query(sql), params).ok()?;
                if let Err(sqlx::Error::Database(_)) = query.execute(&mut *transaction).await {
                    return Some(name.clone());
                }
            }
        }
        None
    }

    /// Moves the sequences of all tables that were written to on, where that is asked for.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn sync_sequences(&mut self) -> Result<(), Failure> {
        if self.sync_sequences {
            let catalog = self.catalog();
            for name in catalog.keys() {
                ddl::sync_sequences(self.connected().await?, name).await?;
            }
        }
        Ok(())
    }

    async fn connected(&mut self) -> Result<&mut PgConnection, Failure> {
        if self.connection.is_none() {
            let connecting = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&self.options));
            let connection = connecting.await.map_err(|_| Failure::Retry("no answer in 10 s".to_owned()))??;
            socket::set_options();
            self.connection = Some(connection);
        }
        Ok(self.connection.as_mut().expect("it was connected above"))
    }
}

/// Plans, with tables looked up, made and altered until none is missing. What was done to them goes behind `altered`.
async fn resolved(
    transaction: &mut PgConnection,
    catalog: &mut Arc<Catalog>,
    making: &Making,
    altered: &mut Vec<String>,
    mut plan: impl FnMut(&Catalog) -> Result<Plan, Unplanned>,
) -> Result<Plan, Failure> {
    loop {
        let planned = plan(catalog)?;
        if planned.missing.is_empty() {
            return Ok(planned);
        }
        altered.extend(ddl::resolve(transaction, Arc::make_mut(catalog), &planned.missing, making).await?);
    }
}

/// Writes a plan, its rejects and its offsets, and commits.
async fn commit(
    (mut transaction, began): (Transaction<'_, Postgres>, Instant),
    ledger: &Ledger,
    (records, plan): (&Records, Plan),
    (copying, defers): (&Copying, bool),
) -> Result<Applied, Failure> {
    let advances = records.advances(&plan.range);
    if advance(&mut transaction, &ledger.pipeline, &advances).await? {
        if defers {
            deferred::defer(&mut transaction).await?;
        }
        for statement in &plan.statements {
            if !copying.copy(&mut transaction, statement).await? {
                execute_one(&mut transaction, statement).await?;
            }
        }
        ledger.keep(&mut transaction, records, &plan.passed).await?;
        if defers {
            deferred::check_last(&mut transaction).await?;
        }
        transaction.commit().await?;
    }
    Ok(Applied { plan, advances, took: began.elapsed() })
}

/// Moves the offsets on. `false` when the batch was committed before and only its answer was lost.
async fn advance(
    transaction: &mut Transaction<'_, Postgres>,
    pipeline: &str,
    advances: &[Advance],
) -> Result<bool, Failure> {
    let unmoved = offsets::advance(transaction, pipeline, advances).await?;
    if unmoved.is_empty() {
        return Ok(true);
    }
    let partitions: Vec<&TopicPartition> = unmoved.iter().map(|advance| &advance.partition).collect();
    let stand = offsets::stand(transaction, pipeline, &partitions).await?;
    let mut lost = Vec::new();
    for (advance, stands) in unmoved.iter().zip(stand) {
        // nobody else can have moved it there
        if stands != Some((advance.to, advance.epoch)) {
            offsets::check_taken(advance, advance.from, stands)?;
            lost.push((*advance).clone());
        }
    }
    if lost.is_empty() && unmoved.len() == advances.len() { Ok(false) } else { Err(Failure::Lost(lost)) }
}
