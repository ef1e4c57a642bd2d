//! What stands in `rowkind.rejects`, read and deleted for the command `rowkind rejects`.

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::rejects::is_there;
use super::{Failure, PostgresSink};
use crate::records::TopicPartition;
use crate::rejects::kept::{Kept, Place};

/// Which rejects of a pipeline are meant; all of them, but for what is said.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    /// Only of this topic.
    pub topic: Option<String>,
    /// Only these; all when empty.
    pub places: Vec<Place>,
}

/// Of the pipeline `$1`.
const CHOSEN: &str = r#"
 where r.pipeline = $1 and ($2::text is null or r.topic = $2)
   and (cardinality($3::text[]) = 0 or (r.topic, r.partition, r."offset") in (select * from unnest($3::text[], $4::integer[], $5::bigint[])))"#;

const TO_FORWARD: &str = "forward_to is not null and forwarded_at is null";

const COLUMNS: &str = r#"r.topic, r.partition, r."offset", (extract(epoch from r.timestamp) * 1000)::bigint as ms, r.headers::text as headers, r.reason, r.sqlstate,
 r.behind, r.keys::text as keys, r.n_retries, r.forward_to,
 to_char(r.rejected_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as rejected_at,
 to_char(r.forwarded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as forwarded_at"#;

impl PostgresSink {
    /// Up to `limit` of the rejects, in the order of their places, and how many there are in all. Their keys and payloads
    /// are left out.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn list_rejects(&mut self, chosen: &Chosen, limit: i64) -> Result<(Vec<Kept>, i64), Failure> {
        let pipeline = self.ledger.pipeline.clone();
        let connection = self.connected().await?;
        if !is_there(connection).await? {
            return Ok((Vec::new(), 0));
        }
        let sql = format!(
            r#"select {COLUMNS}, null::bytea as key, null::bytea as payload, count(*) over () as n_all
                 from rowkind.rejects r {CHOSEN} order by r.topic, r.partition, r."offset" limit $6"#
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(pipeline).bind(&chosen.topic);
        let (topics, partitions, offsets) = columns(&chosen.places);
        let rows = query.bind(topics).bind(partitions).bind(offsets).bind(limit).fetch_all(connection).await?;
        let n_all = rows.first().map_or(Ok(0), |row| row.try_get("n_all"))?;
        Ok((rows.iter().map(kept).collect::<Result<_, _>>()?, n_all))
    }

    /// One reject whole; `None` when there is none at the place.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn reject_at(&mut self, place: &Place) -> Result<Option<Kept>, Failure> {
        let pipeline = self.ledger.pipeline.clone();
        let connection = self.connected().await?;
        if !is_there(connection).await? {
            return Ok(None);
        }
        let found = load(connection, &pipeline, &place.partition, ("true", place.offset, place.offset), 1).await?;
        Ok(found.into_iter().next())
    }

    /// Deletes rejects; how many there were.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn delete_rejects(&mut self, chosen: &Chosen) -> Result<u64, Failure> {
        let pipeline = self.ledger.pipeline.clone();
        let connection = self.connected().await?;
        let sql = format!("delete from rowkind.rejects r {CHOSEN}");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(pipeline).bind(&chosen.topic);
        let (topics, partitions, offsets) = columns(&chosen.places);
        let done = query.bind(topics).bind(partitions).bind(offsets).execute(connection).await?;
        Ok(done.rows_affected())
    }

    /// Rejects of a partition that are still to be forwarded; `None` when the partition is not this instance's any more.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn to_forward(&mut self, partition: &TopicPartition, epoch: i64) -> Result<Option<Vec<Kept>>, Failure> {
        let result = self.load_to_forward(partition, epoch).await;
        self.after(result)
    }

    async fn load_to_forward(&mut self, at: &TopicPartition, epoch: i64) -> Result<Option<Vec<Kept>>, Failure> {
        let pipeline = self.ledger.pipeline.clone();
        let connection = self.connected().await?;
        let waiting = load(connection, &pipeline, at, (TO_FORWARD, 0, i64::MAX), 500).await?;
        // asked behind it: the partition was this instance's when they were read
        let owned = "select exists(select from rowkind.offsets where pipeline = $1 and topic = $2 and partition = $3 and epoch = $4)";
        let owned = sqlx::query_scalar(owned).bind(&pipeline).bind(&*at.topic).bind(at.partition).bind(epoch);
        let is_owned: bool = owned.fetch_one(connection).await?;
        Ok(is_owned.then_some(waiting))
    }

    /// Rejects of a partition below `next_offset` have been forwarded.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn note_forwarded(&mut self, at: &TopicPartition, next_offset: i64) -> Result<(), Failure> {
        let pipeline = self.ledger.pipeline.clone();
        let sql = format!(
            r#"update rowkind.rejects set forwarded_at = now()
                where pipeline = $1 and topic = $2 and partition = $3 and "offset" < $4 and {TO_FORWARD}"#
        );
        let query =
            sqlx::query(AssertSqlSafe(sql)).bind(pipeline).bind(&*at.topic).bind(at.partition).bind(next_offset);
        let result = async { Ok(query.execute(self.connected().await?).await?) }.await;
        self.after(result).map(drop)
    }

    /// The partitions that have one of the rejects.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn partitions_with_rejects(&mut self, chosen: &Chosen) -> Result<Vec<TopicPartition>, Failure> {
        let pipeline = self.ledger.pipeline.clone();
        let connection = self.connected().await?;
        if !is_there(connection).await? {
            return Ok(Vec::new());
        }
        let sql = format!("select distinct r.topic, r.partition from rowkind.rejects r {CHOSEN} order by 1, 2");
        let query = sqlx::query_as::<_, (String, i32)>(AssertSqlSafe(sql)).bind(pipeline).bind(&chosen.topic);
        let (topics, partitions, offsets) = columns(&chosen.places);
        let found = query.bind(topics).bind(partitions).bind(offsets).fetch_all(connection).await?;
        Ok(found.into_iter().map(|(topic, partition)| TopicPartition { topic: topic.into(), partition }).collect())
    }
}

/// Bytes of keys and payloads in memory at once, but for a single reject that has more.
const MAX_BYTES: i64 = 16 << 20;

/// Up to `limit` rejects of a partition for which `filter` holds, from one offset to another, whole and in their order; fewer
/// where they are large.
pub(super) async fn load(
    connection: &mut PgConnection,
    pipeline: &str,
    TopicPartition { topic, partition }: &TopicPartition,
    (filter, first, last): (&str, i64, i64),
    limit: i64,
) -> Result<Vec<Kept>, sqlx::Error> {
    let sql = format!(
        r#"select {COLUMNS}, r.key, r.payload
             from (select *, sum(octet_length(coalesce(payload, ''))) over (order by "offset" rows unbounded preceding exclude current row) as n_bytes
                     from (select * from rowkind.rejects
                            where pipeline = $1 and topic = $2 and partition = $3 and "offset" between $4 and $5 and {filter}
                            order by "offset" limit $6) as next) as r
            where coalesce(r.n_bytes, 0) < {MAX_BYTES} order by r."offset""#
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(pipeline).bind(&**topic).bind(*partition);
    let rows = query.bind(first).bind(last).bind(limit).fetch_all(connection).await?;
    rows.iter().map(kept).collect()
}

fn columns(places: &[Place]) -> (Vec<&str>, Vec<i32>, Vec<i64>) {
    (
        places.iter().map(|place| &*place.partition.topic).collect(),
        places.iter().map(|place| place.partition.partition).collect(),
        places.iter().map(|place| place.offset).collect(),
    )
}

fn kept(row: &PgRow) -> Result<Kept, sqlx::Error> {
    let topic: String = row.try_get("topic")?;
    let partition = TopicPartition { topic: topic.into(), partition: row.try_get("partition")? };
    let keys: Option<String> = row.try_get("keys")?;
    let forward_to: Option<String> = row.try_get("forward_to")?;
    let forwarded_at: Option<String> = row.try_get("forwarded_at")?;
    Ok(Kept {
        place: Place { partition, offset: row.try_get("offset")? },
        timestamp_ms: row.try_get("ms")?,
        key: row.try_get("key")?,
        payload: row.try_get("payload")?,
        headers: row.try_get::<Option<String>, _>("headers")?.unwrap_or_default(),
        reason: row.try_get("reason")?,
        sqlstate: row.try_get("sqlstate")?,
        behind: row.try_get("behind")?,
        keys: keys.map(|keys| serde_json::from_str(&keys).unwrap_or_default()),
        rejected_at: row.try_get("rejected_at")?,
        n_retries: row.try_get("n_retries")?,
        forwarded: forward_to.map(|topic| (topic, forwarded_at)),
    })
}
