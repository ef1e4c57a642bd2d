//! How far a pipeline has come, as its tables say it. Nothing is made, and nothing is written.

use std::collections::HashMap;

use sqlx::{Connection, PgConnection};

use super::rejects::is_there;
use super::{Failure, PostgresSink};
use crate::records::TopicPartition;

/// What is stored of a pipeline.
#[derive(Debug, Default)]
pub struct Standing {
    /// By partition; `None` while there is no `rowkind.offsets`.
    pub offsets: Option<HashMap<TopicPartition, StoredOffset>>,
    /// How many rejects are open, of partitions that have some; `None` where the role may not read them.
    pub rejects: Option<HashMap<TopicPartition, i64>>,
}

/// A stored offset.
#[derive(Debug, Clone, Copy)]
pub struct StoredOffset {
    /// The next one to read.
    pub next_offset: i64,
    /// When it was written, in milliseconds since 1970.
    pub committed_at_ms: i64,
    /// How long ago that is, by the clock that wrote it.
    pub committed_age_ms: i64,
}

impl PostgresSink {
    /// What is stored of the pipeline, at one moment. A role needs no right but to read it. It waits for no lock longer than
    /// five seconds.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn standing(&mut self) -> Result<Standing, Failure> {
        let result = self.read_standing().await;
        self.after(result)
    }

    async fn read_standing(&mut self) -> Result<Standing, Failure> {
        let pipeline = self.ledger.pipeline.clone();
        let connection = self.connected().await?;
        let mut transaction = connection.begin_with("begin isolation level repeatable read read only").await?;
        let limits = "set local lock_timeout = '5s'; set local statement_timeout = '30s'";
        sqlx::raw_sql(limits).execute(&mut *transaction).await?;
        if !super::offsets::is_there(&mut transaction).await? {
            return Ok(Standing { offsets: None, rejects: Some(HashMap::new()) });
        }
        let offsets = Some(offsets(&mut transaction, &pipeline).await?);
        let standing = Standing { offsets, rejects: rejects(&mut transaction, &pipeline).await? };
        transaction.rollback().await?;
        Ok(standing)
    }
}

async fn offsets(
    connection: &mut PgConnection,
    pipeline: &str,
) -> Result<HashMap<TopicPartition, StoredOffset>, sqlx::Error> {
    let sql = "select topic, partition, next_offset, (extract(epoch from updated_at) * 1000)::bigint,
                      (extract(epoch from clock_timestamp() - updated_at) * 1000)::bigint
                 from rowkind.offsets where pipeline = $1";
    let rows: Vec<(String, i32, i64, i64, i64)> = sqlx::query_as(sql).bind(pipeline).fetch_all(connection).await?;
    let stored = |(topic, partition, next_offset, committed_at_ms, age_ms): (String, _, _, _, i64)| {
        let stored = StoredOffset { next_offset, committed_at_ms, committed_age_ms: age_ms.max(0) };
        (TopicPartition { topic: topic.into(), partition }, stored)
    };
    Ok(rows.into_iter().map(stored).collect())
}

async fn rejects(
    connection: &mut PgConnection,
    pipeline: &str,
) -> Result<Option<HashMap<TopicPartition, i64>>, sqlx::Error> {
    if !is_there(connection).await? {
        return Ok(Some(HashMap::new()));
    }
    let may: bool = sqlx::query_scalar("select has_table_privilege('rowkind.rejects', 'select')")
        .fetch_one(&mut *connection)
        .await?;
    if !may {
        return Ok(None);
    }
    let sql = "select topic, partition, count(*) from rowkind.rejects where pipeline = $1 group by 1, 2";
    let rows: Vec<(String, i32, i64)> = sqlx::query_as(sql).bind(pipeline).fetch_all(connection).await?;
    let counted = |(topic, partition, n): (String, _, _)| (TopicPartition { topic: topic.into(), partition }, n);
    Ok(Some(rows.into_iter().map(counted).collect()))
}
