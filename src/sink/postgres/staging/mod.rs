//! A replay on its way into tables that are alive: its rows are staged in temporary tables of one session, each as the row
//! of the target would be; then they are compared with the target, or brought into it.
//!
//! Which rows were touched stands in a table of keys beside. What a record does not send, a staged row has from the
//! target: it is copied when its key is touched first. So a replay can begin anywhere in a topic, and need not
//! fit into memory.

mod compare;
mod sql;
mod table;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sqlx::PgConnection;

use super::catalog::{self, Catalog, TargetTable};
use super::ddl::{self, Making, Place};
use super::execute::run;
use super::plan::{Plan, Planner};
use super::text::TextColumn;
use super::writes::{Act, Statement};
use super::{Failure, PostgresSink, offsets};
use crate::progress::RowCounts;
use crate::records::{Records, TopicPartition};
use crate::rejects::Reject;
use crate::route::TargetName;
use table::Staged;

pub use compare::{Cell, Compared, Difference, Kind, Merged};

/// What records are to a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// They are of its range: the rows that they touch are replayed.
    Range,
    /// They are behind it: they say what has become of those rows.
    Behind,
}

/// A session with staged rows.
#[derive(Debug)]
pub struct Staging {
    connection: PgConnection,
    pipeline: String,
    /// What may be done to the target's tables; nothing in a dry run.
    making: Option<Making>,
    staged_making: Making,
    /// The target's names with the staged tables.
    catalog: Arc<Catalog>,
    tables: BTreeMap<TargetName, Staged>,
    is_in_transaction: bool,
}

/// What was staged of a run of records.
#[derive(Debug, Default)]
pub struct Taken {
    /// Changelog rows, without repeats.
    pub rows: RowCounts,
    /// Records that were passed over.
    pub passed: Vec<Reject>,
}

/// Why records were not staged.
#[derive(Debug)]
pub enum Untaken {
    /// Postgres, the registry, or the shape of a table.
    Failed(Failure),
    /// A record cannot be applied.
    Rejected(Reject),
}

impl From<Failure> for Untaken {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<sqlx::Error> for Untaken {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl PostgresSink {
    /// Opens a session for a replay. In a dry run nothing is done to the target's tables.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn stage(mut self, is_dry_run: bool) -> Result<Staging, Failure> {
        self.connected().await?;
        Ok(Staging {
            connection: self.connection.expect("it was connected above"),
            pipeline: self.ledger.pipeline.clone(),
            staged_making: Making { place: Place::Staged, ..self.making.clone() },
            making: (!is_dry_run).then_some(self.making),
            catalog: Arc::default(),
            tables: BTreeMap::new(),
            is_in_transaction: false,
        })
    }
}

impl Staging {
    /// The pipeline's next offsets.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn next_offsets(&mut self) -> Result<HashMap<TopicPartition, i64>, Failure> {
        if !offsets::is_there(&mut self.connection).await? {
            return Ok(HashMap::new());
        }
        Ok(offsets::all(&mut self.connection, &self.pipeline).await?)
    }

    /// The tables that the range is about and whose rows go by no key.
    pub fn keyless(&self) -> Vec<TargetName> {
        let keyless = self.tables.values().filter(|table| table.is_keyless && table.is_touched);
        keyless.map(|table| table.title().clone()).collect()
    }

    /// Whether the range is about a row of any table.
    pub fn is_touched(&self) -> bool {
        self.tables.values().any(|table| table.is_touched)
    }

    /// Stages records, as many as can be applied: the first that cannot ends it, unless it is passed over.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer, or a record cannot be applied.
    pub async fn take(&mut self, records: &Records, planner: &mut Planner, reach: Reach) -> Result<Taken, Untaken> {
        let mut taken = self.take_all(records, planner, reach).await;
        match &mut taken {
            Ok(taken) => taken.passed.iter_mut().for_each(|reject| self.tell(&mut reject.reason.text)),
            Err(Untaken::Rejected(reject)) => self.tell(&mut reject.reason.text),
            Err(Untaken::Failed(Failure::Stale(text) | Failure::Fatal(text) | Failure::Data { text, .. })) => {
                self.tell(text);
            }
            Err(Untaken::Failed(_)) => {}
        }
        taken
    }

    /// Tells of the target's tables where a text tells of those that stand for them.
    fn tell(&self, text: &mut String) {
        for table in self.tables.values() {
            *text = text.replace(&table.name.to_string(), &table.title().to_string());
        }
    }

    async fn take_all(&mut self, records: &Records, planner: &mut Planner, reach: Reach) -> Result<Taken, Untaken> {
        let mut taken = Taken::default();
        let mut start = 0;
        while start < records.len() {
            let plan = self.plan(records, start..records.len(), planner).await?;
            start = plan.range.end;
            match self.apply(&plan, reach).await {
                Ok(()) => taken.note(plan, planner)?,
                Err(Failure::Data { .. }) => {
                    for index in plan.range {
                        self.take_one((records, index), planner, reach, &mut taken).await?;
                    }
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(taken)
    }

    async fn take_one(
        &mut self,
        (records, index): (&Records, usize),
        planner: &mut Planner,
        reach: Reach,
        taken: &mut Taken,
    ) -> Result<(), Untaken> {
        let plan = self.plan(records, index..index + 1, planner).await?;
        match self.apply(&plan, reach).await.map_err(|failure| failure.of_record(index)) {
            Ok(()) => taken.note(plan, planner),
            Err(Failure::Record(_, reason)) => {
                let judged = planner.judge_one((records, index), reason);
                taken.note(judged, planner)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Plans records for the staged tables. In the target, tables are made and altered as the pipeline would do it.
    async fn plan(
        &mut self,
        records: &Records,
        range: std::ops::Range<usize>,
        planner: &mut Planner,
    ) -> Result<Plan, Failure> {
        loop {
            let plan = planner.plan(records, range.clone(), &self.catalog, None)?;
            if plan.missing.is_empty() {
                return Ok(plan);
            }
            if let Some(making) = self.making.clone() {
                self.begin().await?;
                let mut made = Catalog::default();
                let done = ddl::resolve(&mut self.connection, &mut made, &plan.missing, &making).await;
                let ended = self.end(done.is_ok()).await;
                done?.iter().for_each(|statement| tracing::info!("{statement}"));
                ended?;
            }
            let catalog = Arc::make_mut(&mut self.catalog);
            ddl::resolve(&mut self.connection, catalog, &plan.missing, &self.staged_making).await?;
            for name in plan.missing.keys() {
                if let Some(Some(staged)) = self.catalog.get(name) {
                    let live = catalog::load(&mut self.connection, name).await?;
                    let table = self.tables.entry(staged.name.clone()).or_insert_with(|| Staged::new(&staged.name));
                    (table.live, table.columns) = (live, staged.columns.clone());
                }
            }
        }
    }

    /// Runs a plan's statements: all of them, or none.
    async fn apply(&mut self, plan: &Plan, reach: Reach) -> Result<(), Failure> {
        for statement in &plan.statements {
            self.prepare(statement, reach).await?;
        }
        self.begin().await?;
        let applied = self.run_all(&plan.statements, reach).await;
        let ended = self.end(applied.is_ok()).await;
        let emptied: Vec<TargetName> = applied?;
        ended?;
        for table in emptied {
            self.tables.get_mut(&table).expect("its statement has run").is_emptied = true;
        }
        Ok(())
    }

    /// Makes the table of keys of a statement's table.
    async fn prepare(&mut self, statement: &Statement, reach: Reach) -> Result<(), Failure> {
        let table = self.tables.get_mut(&statement.table).expect("it was planned for a staged table");
        let mut key: Vec<String> = statement.key.iter().map(|at| statement.columns[*at].0.clone()).collect();
        if statement.act == Act::Truncate {
            key = match (table.key.is_empty(), &table.live) {
                (true, Some(live)) => live.primary_key().to_vec(),
                _ => table.key.clone(),
            };
        }
        match statement.act {
            Act::Truncate if table.live.is_none() => return Ok(()),
            Act::Delete | Act::Change | Act::Truncate if !key.is_empty() => {}
            _ => {
                (table.is_keyless, table.is_touched) = (true, table.is_touched || reach == Reach::Range);
                return Ok(());
            }
        }
        if table.key.is_empty() {
            let mut sorted = key;
            sorted.sort();
            table.key = sorted;
            let sql = sql::create_keys(&table.name, &table.keys, &table.key);
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut self.connection).await?;
        } else if key.len() != table.key.len() || key.iter().any(|name| !table.key.contains(name)) {
            return Err(Failure::Fatal(format!(
                "rows of table {} go by several keys: a replay into it is not possible",
                table.title()
            )));
        }
        table.is_touched |= reach == Reach::Range;
        if statement.act == Act::Change {
            table.sent.extend(statement.columns.iter().map(|(name, _)| name.clone()));
        }
        Ok(())
    }

    async fn run_all(&mut self, statements: &[Statement], reach: Reach) -> Result<Vec<TargetName>, Failure> {
        let mut emptied = Vec::new();
        for statement in statements {
            let table = self.tables.get(&statement.table).expect("it was prepared");
            if table.is_keyless {
                continue;
            }
            let connection = &mut self.connection;
            let params = statement.params.iter();
            if statement.act == Act::Truncate {
                run(connection, &statement.sql, params).await?;
                if !table.key.is_empty() {
                    run(connection, &sql::all_gone(table).into(), &[]).await?;
                }
                if reach == Reach::Range {
                    emptied.push(table.name.clone());
                }
                continue;
            }
            let key: Vec<(&str, &str)> = statement.key.iter().map(|at| named(&statement.columns[*at])).collect();
            let keys: Vec<&TextColumn> = statement.key.iter().map(|at| &statement.params[*at]).collect();
            let lacks = |live: &&TargetTable| statement.act == Act::Change && !is_whole(statement, live);
            if let Some(live) = table.live.as_ref().filter(lacks) {
                run(connection, &sql::seed(table, live, &key).into(), keys.iter().copied()).await?;
            }
            run(connection, &statement.sql, params).await?;
            let gone = statement.act == Act::Delete;
            // of a table that the range empties all rows are replayed
            let noted = match reach {
                Reach::Behind if !table.is_emptied => sql::retouch(table, &key, gone),
                Reach::Range | Reach::Behind => sql::touch(table, &key, gone),
            };
            run(connection, &noted.into(), keys).await?;
        }
        Ok(emptied)
    }

    /// Begins what is done as a whole.
    async fn begin(&mut self) -> Result<(), Failure> {
        let sql = if self.is_in_transaction { "savepoint part" } else { "begin" };
        sqlx::raw_sql(sql).execute(&mut self.connection).await?;
        Ok(())
    }

    async fn end(&mut self, is_good: bool) -> Result<(), Failure> {
        let sql = match (self.is_in_transaction, is_good) {
            (true, true) => "release savepoint part",
            (true, false) => "rollback to savepoint part; release savepoint part",
            (false, true) => "commit",
            (false, false) => "rollback",
        };
        sqlx::raw_sql(sql).execute(&mut self.connection).await?;
        Ok(())
    }

    /// Holds the offsets of these partitions, and says where they stand: nothing of them is applied by the pipeline until
    /// the rows are merged, or the session ends.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer, or the pipeline does not let go of them for a minute.
    pub async fn hold(&mut self, partitions: &[TopicPartition]) -> Result<HashMap<TopicPartition, i64>, Failure> {
        sqlx::raw_sql("begin; set local lock_timeout = '60s'").execute(&mut self.connection).await?;
        self.is_in_transaction = true;
        Ok(offsets::hold(&mut self.connection, &self.pipeline, partitions).await?)
    }

    /// From now on sees the target, and the pipeline's offsets, as they are at this moment; says where they stand. Nobody
    /// waits for that.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn see(&mut self) -> Result<HashMap<TopicPartition, i64>, Failure> {
        sqlx::raw_sql("begin isolation level repeatable read").execute(&mut self.connection).await?;
        self.is_in_transaction = true;
        self.next_offsets().await
    }
}

fn named((name, cast): &(String, String)) -> (&str, &str) {
    (name, cast)
}

/// Whether a statement's rows have all columns of the target.
fn is_whole(statement: &Statement, live: &TargetTable) -> bool {
    let mut needed = live.columns.iter().filter(|column| !column.is_generated);
    needed.all(|column| statement.columns.iter().any(|(name, _)| *name == column.name))
}

impl Taken {
    fn note(&mut self, plan: Plan, planner: &Planner) -> Result<(), Untaken> {
        self.rows += plan.rows();
        self.passed.extend(plan.passed.into_values());
        planner.commit_seen(&plan.seen);
        plan.stopped.map_or(Ok(()), |reject| Err(Untaken::Rejected(reject)))
    }
}
