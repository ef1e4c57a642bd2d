//! Rejects are applied after all: in the order of their offsets, each for itself, in one transaction with their removal.
//!
//! The transaction holds the row of the partition's offset: nothing of the partition is applied or put aside meanwhile.
//! What would bring an old value back is left: a reject behind whose back later records of its key may have been
//! applied, and one whose key has an earlier reject that is still open.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sqlx::{Connection, Postgres, Transaction};

use super::catalog::Catalog;
use super::ddl::Making;
use super::execute::execute;
use super::plan::Planner;
use super::{Failure, PostgresSink, deferred, kept, resolved};
use crate::dedup::Seen;
use crate::records::{Beside, Claimed, Records, TopicPartition};
use crate::rejects::Reason;
use crate::rejects::kept::Kept;

/// What became of a reject that was tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// It is applied, and gone.
    Applied,
    /// It cannot be applied, for this reason.
    Rejected(Reason),
    /// The reject at this offset is of its key too, and comes first.
    Behind(i64),
    /// Later records of its key may have been applied since.
    Unordered,
}

/// What one transaction did.
#[derive(Debug)]
pub struct Page {
    /// What became of each, in the order of the offsets.
    pub retried: Vec<(i64, Retried)>,
    /// Where to go on; `None` at the end.
    pub next: Option<i64>,
    /// What was seen of the rows that are applied.
    pub seen: Seen,
}

/// Which rejects of a partition are tried.
#[derive(Debug, Clone, Copy)]
pub struct Try<'t> {
    /// The partition.
    pub partition: &'t TopicPartition,
    /// Those of these offsets alone; all when empty.
    pub offsets: &'t BTreeSet<i64>,
    /// Also those that may bring old values back.
    pub force: bool,
}

/// Rejects in one transaction.
const PAGE: i64 = 200;

impl PostgresSink {
    /// Tries rejects from offset `from` on.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer, or a table cannot hold the records. Nothing is applied then.
    pub async fn retry(&mut self, wanted: Try<'_>, from: i64, planner: &mut Planner) -> Result<Page, Failure> {
        let result = self.try_page(wanted, from, planner).await;
        self.after(result)
    }

    async fn try_page(&mut self, wanted: Try<'_>, from: i64, planner: &mut Planner) -> Result<Page, Failure> {
        let (ledger, catalog, making) = (Arc::clone(&self.ledger), self.catalog(), self.making());
        let mut transaction = self.connected().await?.begin().await?;
        let TopicPartition { topic, partition } = wanted.partition;
        let lock = "select from rowkind.offsets where pipeline = $1 and topic = $2 and partition = $3 for update";
        let lock = sqlx::query(lock).bind(&ledger.pipeline).bind(&**topic).bind(*partition);
        lock.execute(&mut *transaction).await?;
        let n_partitions = "select count(*) from rowkind.offsets where pipeline = $1 and topic = $2";
        let n_partitions = sqlx::query_scalar(n_partitions).bind(&ledger.pipeline).bind(&**topic);
        let n_partitions: i64 = n_partitions.fetch_one(&mut *transaction).await?;
        let order = Order::new(&ledger.open_keys(&mut transaction, wanted.partition).await?);
        let page =
            kept::load(&mut transaction, &ledger.pipeline, wanted.partition, ("true", from, i64::MAX), PAGE).await?;
        let next = page.last().map(|last| last.place.offset + 1);

        let n_partitions = usize::try_from(n_partitions).unwrap_or(1);
        let records = records_of(&page, wanted.partition, n_partitions);
        let mut run =
            Run { records: &records, planner, catalog, making, altered: Vec::new(), order, seen: Seen::default() };
        let mut retried = Vec::new();
        for (index, kept) in page.iter().enumerate() {
            let offset = kept.place.offset;
            if wanted.offsets.is_empty() || wanted.offsets.contains(&offset) {
                let became = run.try_one(&mut transaction, index, kept, wanted.force).await?;
                note(&mut transaction, &ledger.pipeline, kept, &became).await?;
                retried.push((offset, became));
            }
        }
        let Run { altered, catalog, seen, .. } = run;
        transaction.commit().await?;
        self.altered(altered, catalog);
        Ok(Page { retried, next, seen })
    }
}

fn records_of(page: &[Kept], partition: &TopicPartition, n_partitions: usize) -> Records {
    let mut records = Records::default();
    for kept in page {
        let claimed = Claimed { partition, n_partitions, epoch: 0, next_offset: kept.place.offset };
        let beside = Beside { timestamp_ms: kept.timestamp_ms, headers: &kept.headers };
        records.push(claimed, kept.place.offset, (kept.key.as_deref(), kept.payload.as_deref()), beside);
    }
    records
}

/// The open rejects of a partition by what they are told by.
struct Order(HashMap<String, BTreeSet<i64>>);

impl Order {
    fn new(open: &[(Vec<String>, i64)]) -> Self {
        let mut order: HashMap<String, BTreeSet<i64>> = HashMap::new();
        for (keys, offset) in open {
            for key in keys {
                order.entry(key.clone()).or_default().insert(*offset);
            }
        }
        Self(order)
    }

    /// The first that comes before the one at `offset`.
    fn before(&self, keys: &[String], offset: i64) -> Option<i64> {
        let of_keys = keys.iter().filter_map(|key| self.0.get(key)?.first().copied());
        of_keys.min().filter(|first| *first < offset)
    }

    fn remove(&mut self, keys: &[String], offset: i64) {
        for key in keys {
            if let Some(open) = self.0.get_mut(key) {
                open.remove(&offset);
            }
        }
    }
}

struct Run<'r> {
    records: &'r Records,
    planner: &'r mut Planner,
    catalog: Arc<Catalog>,
    making: Making,
    altered: Vec<String>,
    order: Order,
    seen: Seen,
}

impl Run<'_> {
    async fn try_one(
        &mut self,
        transaction: &mut Transaction<'_, Postgres>,
        index: usize,
        kept: &Kept,
        force: bool,
    ) -> Result<Retried, Failure> {
        match &kept.keys {
            Some(keys) => {
                if let Some(first) = self.order.before(keys, kept.place.offset) {
                    return Ok(Retried::Behind(first));
                }
            }
            None if !force => return Ok(Retried::Unordered),
            None => {}
        }
        let (catalog, n_altered) = (Arc::clone(&self.catalog), self.altered.len());
        sqlx::raw_sql("savepoint tried").execute(&mut **transaction).await?;
        let became = match self.apply(transaction, index).await.map_err(|failure| failure.of_record(index)) {
            Ok(became) => became,
            Err(Failure::Record(_, reason)) => Retried::Rejected(reason),
            Err(failure) => return Err(failure),
        };
        if became == Retried::Applied {
            self.order.remove(kept.keys.as_deref().unwrap_or_default(), kept.place.offset);
        } else {
            sqlx::raw_sql("rollback to savepoint tried").execute(&mut **transaction).await?;
            self.catalog = catalog;
            self.altered.truncate(n_altered);
        }
        sqlx::raw_sql("release savepoint tried").execute(&mut **transaction).await?;
        Ok(became)
    }

    async fn apply(&mut self, transaction: &mut Transaction<'_, Postgres>, index: usize) -> Result<Retried, Failure> {
        let Self { records, planner, catalog, altered, seen, .. } = self;
        let plan = |catalog: &_| planner.plan_row_by_row(records, index, catalog, seen);
        let plan = resolved(transaction, catalog, &self.making, altered, plan).await?;
        if let Some(reject) = plan.stopped {
            return Ok(Retried::Rejected(*reject.reason));
        }
        let defers = deferred::are_in(&self.catalog);
        if defers {
            deferred::defer(transaction).await?;
        }
        execute(transaction, &plan.statements).await?;
        if defers {
            deferred::check(transaction).await?;
        }
        self.seen.extend(Arc::into_inner(plan.seen).unwrap_or_default());
        Ok(Retried::Applied)
    }
}

/// Takes away what is applied, and says of the rest why it is not.
async fn note(
    transaction: &mut Transaction<'_, Postgres>,
    pipeline: &str,
    kept: &Kept,
    became: &Retried,
) -> Result<(), Failure> {
    let sql = match became {
        Retried::Applied => {
            r#"delete from rowkind.rejects where pipeline = $1 and topic = $2 and partition = $3 and "offset" = $4"#
        }
        Retried::Rejected(_) => {
            r#"update rowkind.rejects set reason = $5, sqlstate = $6, behind = null, n_retries = n_retries + 1
                where pipeline = $1 and topic = $2 and partition = $3 and "offset" = $4"#
        }
        Retried::Behind(_) | Retried::Unordered => return Ok(()),
    };
    let TopicPartition { topic, partition } = &kept.place.partition;
    let mut query = sqlx::query(sql).bind(pipeline).bind(&**topic).bind(*partition).bind(kept.place.offset);
    if let Retried::Rejected(reason) = became {
        query = query.bind(super::rejects::printable(&reason.text)).bind(reason.sqlstate.clone());
    }
    query.execute(&mut **transaction).await?;
    Ok(())
}
