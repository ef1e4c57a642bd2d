//! One look at a pipeline: what is stored of it, beside what there is to read.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;

use crate::config::{Config, Kafka, Sink, Source, is_subscribed};
use crate::records::TopicPartition;
use crate::sink::postgres::{PostgresSink, Standing, StoredOffset};
use crate::source::{Extent, FirstRecord, Member, Members, Sampler, SourceError};

/// How long the brokers are waited for, with each question.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What there is to see of a pipeline.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) pipeline: String,
    /// When, in milliseconds since 1970.
    pub(super) at_ms: i64,
    /// In the order of topics and partitions.
    pub(super) rows: Vec<Row>,
    /// How many members its group has, where that is known.
    pub(super) n_members: Option<usize>,
    /// Why nothing is stored.
    pub(super) empty: Option<String>,
    /// What is worth a line besides.
    pub(super) notes: Vec<String>,
    /// What could not be seen, and why.
    pub(super) missing: Option<String>,
}

/// A partition. What is not known, or does not apply, is `None`.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) partition: TopicPartition,
    pub(super) stored: Option<i64>,
    pub(super) extent: Option<Extent>,
    /// Records that are not applied yet.
    pub(super) lag: Option<i64>,
    /// How long ago the first of them was written.
    pub(super) lag_ms: Option<i64>,
    pub(super) committed_at_ms: Option<i64>,
    pub(super) committed_age_ms: Option<i64>,
    pub(super) owner: Option<Member>,
    pub(super) n_rejects: Option<i64>,
    pub(super) remark: Option<String>,
}

/// Looks at a pipeline, any number of times.
pub(super) struct Look {
    pipeline: String,
    /// `None` where the group's offsets are what is stored.
    sink: Option<PostgresSink>,
    /// `None` where records are read from a file.
    brokers: Option<Arc<Brokers>>,
}

struct Brokers {
    kafka: Kafka,
    sampler: Sampler,
}

/// What the brokers say.
#[derive(Debug, Default)]
struct Log {
    /// The topics that are subscribed and there, with the number of their partitions.
    topics: HashMap<String, usize>,
    /// Those that are named, and not there.
    missing: Vec<String>,
    extents: HashMap<TopicPartition, Extent>,
    committed: HashMap<TopicPartition, i64>,
    first: HashMap<TopicPartition, FirstRecord>,
    /// `None` where it is not told.
    members: Option<Members>,
    notes: Vec<String>,
}

impl Look {
    /// Asks nothing yet.
    pub(super) fn new(config: &Config) -> Result<Self, SourceError> {
        let sink = match &config.sink {
            Sink::Postgres(postgres) => Some(PostgresSink::new(&config.name, postgres, &config.rejects)),
            Sink::Changelog(_) => None,
        };
        let brokers = match &config.source {
            Source::Kafka(kafka) => {
                Some(Arc::new(Brokers { sampler: Sampler::of_all(kafka, TIMEOUT)?, kafka: kafka.clone() }))
            }
            Source::File { .. } => None,
        };
        Ok(Self { pipeline: config.name.clone(), sink, brokers })
    }

    /// Looks once. Brokers that do not answer are part of what is seen.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub(super) async fn look(&mut self) -> anyhow::Result<Seen> {
        // first what is stored: the end is never before it then
        let standing = match &mut self.sink {
            Some(sink) => Some(sink.standing().await.map_err(anyhow::Error::msg).context("target")?),
            None => None,
        };
        let mut seen = Seen { pipeline: self.pipeline.clone(), at_ms: now_ms(), ..Seen::default() };
        let mut log = None;
        if let Some(brokers) = self.brokers.clone() {
            let address = brokers.kafka.brokers.clone();
            let stored = standing.as_ref().map(stored);
            match tokio::task::spawn_blocking(move || brokers.log(stored.as_ref())).await? {
                Ok(found) => log = Some(found),
                Err(error) => {
                    let what = "end offsets, lag and owners are not known";
                    seen.missing = Some(format!("brokers {address}: {error}: {what}"));
                }
            }
        }
        seen.empty = self.empty(standing.as_ref());
        self.fill(&mut seen, &standing.unwrap_or_default(), log.as_ref());
        Ok(seen)
    }

    fn empty(&self, standing: Option<&Standing>) -> Option<String> {
        let name = &self.pipeline;
        match (standing, &self.brokers) {
            (Some(Standing { offsets: None, .. }), _) => {
                Some("nothing is stored yet: rowkind.offsets is not there, `rowkind run` makes it".to_owned())
            }
            (Some(Standing { offsets: Some(offsets), .. }), _) if offsets.is_empty() => {
                Some(format!("nothing is stored yet of a pipeline {name}"))
            }
            (None, None) => Some("what reads a file and writes no tables stores no offsets".to_owned()),
            _ => None,
        }
    }

    fn fill(&self, seen: &mut Seen, standing: &Standing, log: Option<&Log>) {
        let is_grouped = self.sink.is_none();
        if !is_grouped && standing.rejects.is_none() {
            seen.notes.push("rowkind.rejects: the role may not read it".to_owned());
        }
        let stored = |partition: &TopicPartition| standing.offsets.as_ref()?.get(partition).copied();
        let mut partitions: BTreeSet<TopicPartition> =
            standing.offsets.iter().flat_map(HashMap::keys).cloned().collect();
        partitions.extend(standing.rejects.iter().flat_map(HashMap::keys).cloned());
        if let Some(log) = log {
            partitions.extend(log.partitions());
            seen.notes.extend(log.notes.iter().cloned());
            let named_alone = log.missing.iter().filter(|topic| !partitions.iter().any(|of| *of.topic == ***topic));
            seen.notes.extend(named_alone.map(|topic| format!("topic {topic}: it is not there")));
            seen.n_members = log.members.as_ref().map(|members| members.all.len());
        }
        for partition in partitions {
            let n_rejects = match &standing.rejects {
                Some(rejects) if !is_grouped => Some(rejects.get(&partition).copied().unwrap_or(0)),
                _ => None,
            };
            let stored = stored(&partition);
            seen.rows.push(self.row(partition, stored, log, n_rejects, seen.at_ms));
        }
    }

    fn row(
        &self,
        partition: TopicPartition,
        in_postgres: Option<StoredOffset>,
        log: Option<&Log>,
        n_rejects: Option<i64>,
        now_ms: i64,
    ) -> Row {
        let committed = || log.filter(|_| self.sink.is_none())?.committed.get(&partition).copied();
        let stored = in_postgres.map(|stored| stored.next_offset).or_else(committed);
        let extent = log.and_then(|log| log.extents.get(&partition).copied());
        let lag = extent.and_then(|extent| lag(stored, extent));
        let first = log.and_then(|log| log.first.get(&partition).copied());
        let lag_ms = match (lag, first) {
            (Some(0), _) | (_, Some(FirstRecord::Nothing)) => Some(0),
            (_, Some(FirstRecord::At(Some(moment)))) => Some((now_ms - moment).max(0)),
            _ => None,
        };
        Row {
            stored,
            extent,
            lag,
            lag_ms,
            committed_at_ms: in_postgres.map(|stored| stored.committed_at_ms),
            committed_age_ms: in_postgres.map(|stored| stored.committed_age_ms),
            owner: log.and_then(|log| log.members.as_ref()?.owner(&partition).cloned()),
            n_rejects,
            remark: self.remark(&partition, stored, log, extent),
            partition,
        }
    }

    fn remark(
        &self,
        partition: &TopicPartition,
        stored: Option<i64>,
        log: Option<&Log>,
        extent: Option<Extent>,
    ) -> Option<String> {
        let (log, brokers) = (log?, self.brokers.as_ref()?);
        let is_subscribed = brokers.kafka.subscription.iter().any(|wanted| is_subscribed(wanted, &partition.topic));
        match (log.topics.get(&*partition.topic), extent, stored) {
            (None, ..) if is_subscribed => Some("the topic is gone".to_owned()),
            (None, ..) => Some("not subscribed".to_owned()),
            (Some(_), None, _) => Some("the partition is gone".to_owned()),
            (_, Some(Extent { low, .. }), Some(stored)) if stored < low => {
                Some(format!("a gap: the broker's oldest is {low}"))
            }
            (_, Some(Extent { high, .. }), Some(stored)) if stored > high => Some("a gap: beyond the end".to_owned()),
            _ => None,
        }
    }
}

/// Records from what is stored, or else from the oldest, to the end.
fn lag(stored: Option<i64>, Extent { low, high }: Extent) -> Option<i64> {
    let lag = high - stored.unwrap_or(low).max(low);
    (lag >= 0).then_some(lag)
}

/// The partitions that have something to read, each with where.
fn behind(
    extents: &HashMap<TopicPartition, Extent>,
    stored: &HashMap<TopicPartition, i64>,
) -> Vec<(TopicPartition, i64)> {
    let next = |(partition, extent): (&TopicPartition, &Extent)| {
        let stored = stored.get(partition).copied();
        let next = stored.unwrap_or(extent.low).max(extent.low);
        lag(stored, *extent).filter(|lag| *lag > 0).map(|_| (partition.clone(), next))
    };
    extents.iter().filter_map(next).collect()
}

fn stored(standing: &Standing) -> HashMap<TopicPartition, i64> {
    let offsets = standing.offsets.iter().flatten();
    offsets.map(|(partition, stored)| (partition.clone(), stored.next_offset)).collect()
}

impl Brokers {
    /// What there is to read behind what is `stored`, or else behind what the group has committed.
    fn log(&self, stored: Option<&HashMap<TopicPartition, i64>>) -> Result<Log, SourceError> {
        let mut log = Log::default();
        for (topic, n_partitions) in self.sampler.topics()? {
            if n_partitions == 0 {
                log.missing.push(topic);
            } else {
                log.topics.insert(topic, n_partitions);
            }
        }
        let partitions: Vec<TopicPartition> = log.partitions().collect();
        log.extents = self.sampler.extents(&partitions)?;
        if stored.is_none() {
            log.committed = self.sampler.committed(&partitions)?;
        }
        let behind = behind(&log.extents, stored.unwrap_or(&log.committed));
        match self.sampler.first_records(&behind) {
            Ok(first) => log.first = first,
            Err(error) => log.notes.push(format!("lag in time: {error}")),
        }
        let n_unread = behind.len() - log.first.len();
        if n_unread > 0 {
            log.notes.push(format!("lag in time: {n_unread} partitions were not read in time"));
        }
        match self.sampler.members() {
            Ok(members) => log.members = Some(members),
            Err(error) => log.notes.push(format!("members of group {}: {error}", self.kafka.group)),
        }
        Ok(log)
    }
}

impl Log {
    fn partitions(&self) -> impl Iterator<Item = TopicPartition> {
        let of_topic = |(topic, n_partitions): (&String, &usize)| {
            let topic: Arc<str> = topic.as_str().into();
            (0..).take(*n_partitions).map(move |partition| TopicPartition { topic: topic.clone(), partition })
        };
        self.topics.iter().flat_map(of_topic)
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags() {
        let extent = Extent { low: 2, high: 5 };
        // what is gone cannot be applied any more
        assert_eq!([lag(None, extent), lag(Some(0), extent), lag(Some(2), extent)], [Some(3); 3]);
        assert_eq!([lag(Some(4), extent), lag(Some(5), extent), lag(Some(6), extent)], [Some(1), Some(0), None]);
    }
}
