//! The stored offsets: `rowkind.offsets`, one row a pipeline and partition.
//!
//! Whoever claims a partition raises its epoch. A batch moves the next offset in its own transaction, and only where
//! both the offset and the epoch are those that it knows; so a batch is applied once, and an instance that lost a
//! partition without noticing applies nothing.

use std::collections::HashMap;

use sqlx::{Connection, PgConnection, Postgres, Transaction};

use super::Failure;
use crate::records::{Advance, Claim, TopicPartition};

/// Whether there is a `rowkind.offsets`; nothing is stored before.
///
/// # Errors
///
/// When Postgres refuses or does not answer.
pub async fn is_there(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select to_regclass('rowkind.offsets') is not null").fetch_one(connection).await
}

/// Makes the schema `rowkind` and its tables where they are missing, so that a role without the right to do so can use
/// those that are there.
///
/// # Errors
///
/// When Postgres refuses or does not answer.
pub async fn create_schema(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if is_there(connection).await? {
        return Ok(());
    }
    // two instances that start at once must not both create it
    sqlx::raw_sql(
        "begin;
         select pg_advisory_xact_lock(hashtextextended('rowkind.offsets', 0));
         create schema if not exists rowkind;
         create table if not exists rowkind.offsets (
           pipeline text not null,
           topic text not null,
           partition integer not null,
           next_offset bigint not null,
           epoch bigint not null,
           updated_at timestamptz not null default now(),
           primary key (pipeline, topic, partition)
         );
         comment on table rowkind.offsets is 'next offset of each partition, written in the transaction of its rows';
         commit",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Claims a pipeline for one session, until it ends. `false` when another one has it.
///
/// # Errors
///
/// When Postgres refuses or does not answer.
pub async fn claim_pipeline(connection: &mut PgConnection, pipeline: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended('rowkind.pipeline ' || $1, 0))")
        .bind(pipeline)
        .fetch_one(connection)
        .await
}

/// The next offsets of a pipeline.
///
/// # Errors
///
/// When Postgres refuses or does not answer.
pub async fn all(connection: &mut PgConnection, pipeline: &str) -> Result<HashMap<TopicPartition, i64>, sqlx::Error> {
    let rows: Vec<(String, i32, i64)> =
        sqlx::query_as("select topic, partition, next_offset from rowkind.offsets where pipeline = $1")
            .bind(pipeline)
            .fetch_all(connection)
            .await?;
    Ok(by_partition(rows))
}

/// The next offsets of some partitions, which stay as they are until the transaction ends.
///
/// # Errors
///
/// When Postgres refuses or does not answer.
pub async fn hold(
    connection: &mut PgConnection,
    pipeline: &str,
    partitions: &[TopicPartition],
) -> Result<HashMap<TopicPartition, i64>, sqlx::Error> {
    let rows: Vec<(String, i32, i64)> = sqlx::query_as(
        "select topic, partition, next_offset from rowkind.offsets o
          where pipeline = $1 and (topic, partition) in (select * from unnest($2::text[], $3::integer[]))
          order by topic, partition for update",
    )
    .bind(pipeline)
    .bind(partitions.iter().map(|partition| partition.topic.to_string()).collect::<Vec<_>>())
    .bind(partitions.iter().map(|partition| partition.partition).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(by_partition(rows))
}

fn by_partition(rows: Vec<(String, i32, i64)>) -> HashMap<TopicPartition, i64> {
    let partition = |topic: String, partition| TopicPartition { topic: topic.into(), partition };
    rows.into_iter().map(|(topic, number, next_offset)| (partition(topic, number), next_offset)).collect()
}

/// Forgets all offsets of a pipeline.
///
/// # Errors
///
/// When Postgres refuses or does not answer.
pub async fn forget(connection: &mut PgConnection, pipeline: &str) -> Result<(), sqlx::Error> {
    sqlx::query("delete from rowkind.offsets where pipeline = $1").bind(pipeline).execute(connection).await?;
    Ok(())
}

/// Stores where the partitions of a pipeline start that has no offsets yet; of two instances that do so, one does.
///
/// # Errors
///
/// When Postgres refuses or does not answer.
pub async fn begin(
    connection: &mut PgConnection,
    pipeline: &str,
    starts: &[(TopicPartition, i64)],
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('rowkind.offsets ' || $1, 0))")
        .bind(pipeline)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "insert into rowkind.offsets (pipeline, topic, partition, next_offset, epoch)
         select $1, s.topic, s.partition, s.start, 0
           from unnest($2::text[], $3::integer[], $4::bigint[]) as s(topic, partition, start)
          where not exists (select from rowkind.offsets where pipeline = $1)",
    )
    .bind(pipeline)
    .bind(starts.iter().map(|(partition, _)| partition.topic.to_string()).collect::<Vec<_>>())
    .bind(starts.iter().map(|(partition, _)| partition.partition).collect::<Vec<_>>())
    .bind(starts.iter().map(|(_, start)| *start).collect::<Vec<_>>())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

/// Claims a partition. One that was never claimed starts at `start`, and that is stored at once.
///
/// # Errors
///
/// When Postgres refuses or does not answer.
pub async fn claim(
    connection: &mut PgConnection,
    pipeline: &str,
    partition: &TopicPartition,
    start: i64,
) -> Result<Claim, sqlx::Error> {
    let (next_offset, epoch): (i64, i64) = sqlx::query_as(
        "insert into rowkind.offsets as o (pipeline, topic, partition, next_offset, epoch) values ($1, $2, $3, $4, 1)
         on conflict (pipeline, topic, partition) do update set epoch = o.epoch + 1, updated_at = now()
         returning next_offset, epoch",
    )
    .bind(pipeline)
    .bind(&*partition.topic)
    .bind(partition.partition)
    .bind(start)
    .fetch_one(connection)
    .await?;
    Ok(Claim { next_offset, epoch, learnt: None })
}

/// Moves partitions on; the ones that this instance has lost come back, and then nothing may be committed.
///
/// # Errors
///
/// When Postgres refuses or does not answer.
pub async fn advance(
    transaction: &mut Transaction<'_, Postgres>,
    pipeline: &str,
    advances: &[Advance],
) -> Result<Vec<Advance>, sqlx::Error> {
    if advances.is_empty() {
        return Ok(Vec::new());
    }
    let column = |of: fn(&Advance) -> i64| advances.iter().map(of).collect::<Vec<i64>>();
    let moved: Vec<(String, i32, i64)> = sqlx::query_as(
        "update rowkind.offsets o set next_offset = a.next, updated_at = now()
           from unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[])
                as a(topic, partition, previous, next, epoch)
          where o.pipeline = $1 and o.topic = a.topic and o.partition = a.partition
            and o.next_offset = a.previous and o.epoch = a.epoch
         returning o.topic, o.partition, o.epoch",
    )
    .bind(pipeline)
    .bind(advances.iter().map(|advance| advance.partition.topic.to_string()).collect::<Vec<_>>())
    .bind(advances.iter().map(|advance| advance.partition.partition).collect::<Vec<_>>())
    .bind(column(|advance| advance.from))
    .bind(column(|advance| advance.to))
    .bind(column(|advance| advance.epoch))
    .fetch_all(&mut **transaction)
    .await?;
    let is_moved = |advance: &&Advance| {
        let Advance { partition: TopicPartition { topic, partition }, epoch, .. } = advance;
        moved.iter().any(|moved| (&*moved.0, moved.1, moved.2) == (&**topic, *partition, *epoch))
    };
    Ok(advances.iter().filter(|advance| !is_moved(advance)).cloned().collect())
}

/// Where partitions stand, with the epoch of whom they belong to; `None` where nothing is stored.
///
/// # Errors
///
/// When Postgres refuses or does not answer.
pub async fn stand(
    connection: &mut PgConnection,
    pipeline: &str,
    partitions: &[&TopicPartition],
) -> Result<Vec<Option<(i64, i64)>>, sqlx::Error> {
    let rows: Vec<(Option<i64>, Option<i64>)> = sqlx::query_as(
        "select o.next_offset, o.epoch
           from unnest($2::text[], $3::integer[]) with ordinality as p(topic, partition, at)
           left join rowkind.offsets o on o.pipeline = $1 and o.topic = p.topic and o.partition = p.partition
          order by p.at",
    )
    .bind(pipeline)
    .bind(partitions.iter().map(|partition| partition.topic.to_string()).collect::<Vec<_>>())
    .bind(partitions.iter().map(|partition| partition.partition).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(next_offset, epoch)| next_offset.zip(epoch)).collect())
}

/// That a partition, which this instance left at `next_offset`, belongs to another one now.
///
/// # Errors
///
/// When the target has gone back behind what was committed in it, or has no offset of the partition any more.
pub(super) fn check_taken(advance: &Advance, next_offset: i64, stands: Option<(i64, i64)>) -> Result<(), Failure> {
    let Advance { partition, epoch, .. } = advance;
    match stands {
        None => Err(Failure::Fatal(format!(
            "{partition}: rowkind.offsets has no row of it any more; it stood at offset {next_offset}. Start again, and it begins where \
             `source.start` says"
        ))),
        Some((stored, claimed)) if (claimed, stored) < (*epoch, next_offset) => Err(Failure::WentBack(format!(
            "{partition}: the target stands at offset {stored}, and up to offset {next_offset} was committed in it: a standby without the last \
             transactions was promoted, or a backup restored"
        ))),
        Some(_) => Ok(()),
    }
}
