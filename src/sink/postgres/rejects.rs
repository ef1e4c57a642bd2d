//! `rowkind.rejects`: records that were put aside, one row each.
//!
//! A row is written in the transaction that moves its partition's offset past it, and taken away in the one that applies
//! it after all. What stands there is open. Where keys are blocked, a row says what later records are told by that have to
//! be set aside behind it.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Postgres, Transaction};

use super::Failure;
use crate::config;
use crate::records::{Records, TopicPartition};
use crate::rejects::Reject;
use crate::rejects::blocked::Keys;

/// Whose offsets a sink moves, and what it keeps of rejects.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) pipeline: String,
    keeps: bool,
    blocks: bool,
    /// The topic that what is kept is written to.
    forward_to: Option<String>,
}

const TABLE: &str = r#"
begin;
select pg_advisory_xact_lock(hashtextextended('rowkind.rejects', 0));
create table if not exists rowkind.rejects (
  pipeline text not null,
  topic text not null,
  partition integer not null,
  "offset" bigint not null,
  timestamp timestamptz,
  key bytea,
  payload bytea,
  headers json,
  reason text not null,
  sqlstate text,
  behind bigint,
  keys json,
  rejected_at timestamptz not null default now(),
  n_retries integer not null default 0,
  forward_to text,
  forwarded_at timestamptz,
  primary key (pipeline, topic, partition, "offset")
);
create index if not exists rejects_to_forward on rowkind.rejects (pipeline, topic, partition, "offset")
 where forward_to is not null and forwarded_at is null;
comment on table rowkind.rejects is 'records that could not be applied, as they were read: see rowkind rejects';
comment on column rowkind.rejects.behind is 'offset of the reject of its key behind which the record is set aside';
comment on column rowkind.rejects.keys is 'what later records are told by that are set aside behind it; null where none is';
comment on column rowkind.rejects.forward_to is 'topic that the record is to be written to';
commit"#;

/// Where the same record stands there already it was read again. Another one at its place is of a topic that was made anew.
const KEEP: &str = r#"
insert into rowkind.rejects as r (pipeline, topic, partition, "offset", timestamp, key, payload, headers, reason, sqlstate, behind, keys, forward_to)
select $1, topic, partition, "offset", to_timestamp(ms / 1000.0), key, payload, headers::json, reason, sqlstate, behind, keys::json, $13
  from unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::text[])
       as t(topic, partition, "offset", ms, key, payload, headers, reason, sqlstate, behind, keys)
on conflict (pipeline, topic, partition, "offset") do update
   set reason = excluded.reason, sqlstate = excluded.sqlstate, behind = excluded.behind, keys = excluded.keys, rejected_at = now()
 where r.key is not distinct from excluded.key and r.payload is not distinct from excluded.payload"#;

/// Of places behind which records are set aside those where nothing is open.
const CLOSED: &str = r#"
select distinct topic, partition from unnest($2::text[], $3::integer[], $4::bigint[]) as t(topic, partition, "offset")
 where not exists (select from rowkind.rejects r where r.pipeline = $1 and r.topic = t.topic and r.partition = t.partition and r."offset" = t."offset")"#;

/// Far enough for every clock; Postgres refuses what is further than it can hold.
const YEAR_10000_MS: i64 = 253_402_300_800_000;

impl Ledger {
    pub(super) fn new(pipeline: &str, config: &config::Rejects) -> Self {
        Self {
            pipeline: pipeline.to_owned(),
            keeps: config.policy.keeps(),
            blocks: config.block_key,
            forward_to: config.topic.clone(),
        }
    }

    /// Makes the table where it is needed and missing. Of a partition whose keys are not blocked any more, nothing that is
    /// open blocks one when that is asked for again: later records may have been applied by then.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub(super) async fn open(
        &self,
        connection: &mut PgConnection,
        partitions: &[(TopicPartition, i64)],
    ) -> Result<(), sqlx::Error> {
        let is_there = is_there(connection).await?;
        if self.keeps && !is_there {
            sqlx::raw_sql(TABLE).execute(connection).await?;
        } else if !self.blocks && is_there {
            for (TopicPartition { topic, partition }, _) in partitions {
                let sql = "update rowkind.rejects set keys = null
                            where pipeline = $1 and topic = $2 and partition = $3 and keys is not null";
                let query = sqlx::query(sql).bind(&self.pipeline).bind(&**topic).bind(*partition);
                query.execute(&mut *connection).await?;
            }
        }
        Ok(())
    }

    /// What is open of a partition and blocks keys, in the order of the offsets.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub(super) async fn open_keys(
        &self,
        connection: &mut PgConnection,
        TopicPartition { topic, partition }: &TopicPartition,
    ) -> Result<Vec<(Keys, i64)>, sqlx::Error> {
        let sql = r#"select keys::text, "offset" from rowkind.rejects
                      where pipeline = $1 and topic = $2 and partition = $3 and keys is not null order by "offset""#;
        let query = sqlx::query_as(sql).bind(&self.pipeline).bind(&**topic).bind(*partition);
        let open: Vec<(String, i64)> = query.fetch_all(connection).await?;
        Ok(open.into_iter().map(|(keys, offset)| (serde_json::from_str(&keys).unwrap_or_default(), offset)).collect())
    }

    /// Keeps records that are passed over, where the policy says so.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer; when a record is set aside behind one that is not open any more.
    pub(super) async fn keep(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        records: &Records,
        passed: &BTreeMap<usize, Reject>,
    ) -> Result<(), Failure> {
        if !self.keeps || passed.is_empty() {
            return Ok(());
        }
        self.insert(transaction, records, passed).await?;
        let behind: Vec<_> = passed.values().filter_map(|reject| Some((reject, reject.reason.behind?))).collect();
        if behind.is_empty() {
            return Ok(());
        }
        let closed: Vec<(String, i32)> = sqlx::query_as(CLOSED)
            .bind(&self.pipeline)
            .bind(behind.iter().map(|(reject, _)| &*reject.partition.topic).collect::<Vec<_>>())
            .bind(behind.iter().map(|(reject, _)| reject.partition.partition).collect::<Vec<_>>())
            .bind(behind.iter().map(|(_, offset)| *offset).collect::<Vec<_>>())
            .fetch_all(&mut **transaction)
            .await?;
        let closed: Vec<_> =
            closed.into_iter().map(|(topic, partition)| TopicPartition { topic: topic.into(), partition }).collect();
        if closed.is_empty() { Ok(()) } else { Err(Failure::Unblocked(closed)) }
    }

    async fn insert(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        records: &Records,
        passed: &BTreeMap<usize, Reject>,
    ) -> Result<(), Failure> {
        let rejects: Vec<_> = passed.values().collect();
        let of_records: Vec<_> = passed.keys().map(|index| (records.get(*index), records.beside(*index))).collect();
        let timestamp = |ms: Option<i64>| ms.filter(|ms| (0..YEAR_10000_MS).contains(ms));
        let keys = |keys: &Keys| serde_json::Value::from(keys.as_slice()).to_string();
        let inserted = sqlx::query(KEEP)
            .bind(&self.pipeline)
            .bind(of_records.iter().map(|(record, _)| record.topic).collect::<Vec<_>>())
            .bind(of_records.iter().map(|(record, _)| record.partition).collect::<Vec<_>>())
            .bind(of_records.iter().map(|(record, _)| record.offset).collect::<Vec<_>>())
            .bind(of_records.iter().map(|(_, beside)| timestamp(beside.timestamp_ms)).collect::<Vec<_>>())
            .bind(of_records.iter().map(|(record, _)| record.key).collect::<Vec<_>>())
            .bind(of_records.iter().map(|(record, _)| record.payload).collect::<Vec<_>>())
            .bind(of_records.iter().map(|(_, beside)| some(beside.headers)).collect::<Vec<_>>())
            .bind(rejects.iter().map(|reject| printable(&reject.reason.text)).collect::<Vec<_>>())
            .bind(rejects.iter().map(|reject| reject.reason.sqlstate.as_deref()).collect::<Vec<_>>())
            .bind(rejects.iter().map(|reject| reject.reason.behind).collect::<Vec<_>>())
            .bind(rejects.iter().map(|reject| reject.keys.as_ref().map(keys)).collect::<Vec<_>>())
            .bind(&self.forward_to)
            .execute(&mut **transaction)
            .await;
        let n_kept = match inserted.map_err(Failure::from) {
            Ok(done) => done.rows_affected(),
            // it is not the batch's data that was refused
            Err(Failure::Data { text, .. } | Failure::Stale(text)) => {
                return Err(Failure::Fatal(format!("cannot keep rejects in rowkind.rejects: {text}")));
            }
            Err(failure) => return Err(failure),
        };
        match rejects.first() {
            Some(first) if n_kept < rejects.len() as u64 => Err(Failure::Fatal(format!(
                "{}, offset {} or behind it: rowkind.rejects has another record of that place, from a topic of the same name that is gone: apply it (rowkind rejects retry) or delete it first",
                first.partition, first.offset
            ))),
            _ => Ok(()),
        }
    }
}

pub(super) async fn is_there(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select to_regclass('rowkind.rejects') is not null").fetch_one(connection).await
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// A path in a reason may have a zero byte, from a name in JSON, which Postgres cannot hold.
pub(super) fn printable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}
