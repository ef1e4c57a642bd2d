//! Events become records of a format again, or lines: what a changelog sink writes.
//!
//! Comes in: a run of raw records. Goes out: [`Reencoded`]: the [`Messages`] that say what is left of it, all of a record
//! or none. It writes nothing, and what it learns of rows counts once the messages have been written; so the same run can
//! be encoded again.

mod messages;

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use rowkind_formats::{Clock, Encoder, Error, ErrorKind, Event, Key, Record, RowKind, RowSchema, changelog};

use crate::config::{Changelog, ChangelogSink, Config, Source, Written, is_subscribed};
use crate::decode::{self, Undecoded};
use crate::dedup::{Judge, Seen};
use crate::normalize::{Known, Pending, State, StateError};
use crate::progress::RowCounts;
use crate::query::{NoValue, Place};
use crate::records::Records;
use crate::rejects::{Reject, Rejects, Verdict};
use crate::route::{Route, Routes, TopicTemplate};
use crate::sieve::Sieve;
pub use messages::{Message, Messages};

/// What is to be written for a run of records.
#[derive(Debug, Default)]
pub struct Reencoded {
    /// The records that it says: all that were asked for, or those before one at which the pipeline stops.
    pub range: Range<usize>,
    /// What is written.
    pub messages: Messages,
    /// Changelog rows by source table, without repeats.
    pub tables: BTreeMap<String, RowCounts>,
    /// When the source made the first change, where the first record says it.
    pub changed_at: Option<Clock>,
    /// What is known of the rows when it has been written.
    pub seen: Seen,
    /// What is known of the last row of each key then.
    pub pending: Pending,
    /// Records that are passed over.
    pub passed: Vec<Reject>,
    /// The record behind `range` at which the pipeline stops.
    pub stopped: Option<Reject>,
}

/// Encodes the events of a lane.
pub struct Reencoder {
    sieve: Sieve,
    routes: Routes,
    rejects: Arc<Rejects>,
    /// Where rejects go that are written to a topic.
    reject_topic: Option<String>,
    form: Form,
    /// Where events go; `None` where topics are as they were.
    topics: Option<TopicTemplate>,
    /// Topics that are read on the cluster that is written to.
    own_input: Vec<String>,
    /// Topics that are none of those.
    others: HashSet<String>,
    decoding: Arc<decode::Shared>,
    state: Option<Arc<State>>,
}

/// As what events are written.
enum Form {
    Text,
    Json,
    Records(Box<Encoder>),
}

impl From<NoValue> for Undecoded {
    fn from(error: NoValue) -> Self {
        Self::Bad(error.to_string())
    }
}

impl From<StateError> for Undecoded {
    fn from(error: StateError) -> Self {
        Self::Fatal(error.to_string())
    }
}

impl Reencoder {
    /// An encoder for one lane.
    pub fn new(
        config: &Config,
        changelog: &Changelog,
        (sieve, decoding): (Sieve, Arc<decode::Shared>),
        (state, rejects): (Option<Arc<State>>, Arc<Rejects>),
    ) -> Self {
        let form = match changelog.written {
            Written::Text => Form::Text,
            Written::Json => Form::Json,
            Written::Records(encoding) => Form::Records(Box::new(Encoder::new(encoding))),
        };
        let (topics, own_input) = match &changelog.sink {
            ChangelogSink::Kafka(kafka) => (Some(kafka.topic.clone()), own_input(&config.source, &kafka.brokers)),
            ChangelogSink::Stdout | ChangelogSink::Blackhole => (None, Vec::new()),
        };
        let (routes, reject_topic) = (config.routes.clone(), config.rejects.topic.clone());
        Self { sieve, routes, rejects, reject_topic, form, topics, own_input, others: HashSet::new(), decoding, state }
    }

    /// Encodes a batch. `refused` are records of it that could not be written, and why.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or written, for want of a schema.
    pub fn encode(&mut self, records: &Records, refused: &BTreeMap<usize, String>) -> Result<Reencoded, Undecoded> {
        let (dedup, state) = (self.sieve.dedup(), self.state.clone());
        let mut judge = Sieve::judge(dedup.as_ref(), None);
        let mut known = state.as_deref().map(Known::new);
        let mut done = Reencoded { range: 0..records.len(), ..Reencoded::default() };
        for index in done.range.clone() {
            let encoded = match refused.get(&index) {
                Some(reason) => Err(Undecoded::Bad(reason.clone())),
                None => self.encode_one((records, index), judge.as_mut(), known.as_mut(), &mut done),
            };
            match encoded {
                Ok(()) => {}
                Err(Undecoded::Bad(reason)) => {
                    if !self.passes((records, index), reason, &mut done) {
                        break;
                    }
                }
                Err(undecoded) => return Err(undecoded),
            }
        }
        done.seen = judge.map(Judge::into_seen).unwrap_or_default();
        done.pending = known.map(Known::into_pending).unwrap_or_default();
        Ok(done)
    }

    /// Learns from records that were written by an earlier run: what is known of their rows and, of those that the state
    /// does not know yet, what they are now.
    ///
    /// # Errors
    ///
    /// When they cannot be read for want of a schema.
    pub fn learn(&mut self, records: &Records, is_known: impl Fn(&Record<'_>) -> bool) -> Result<Pending, Undecoded> {
        let (dedup, state) = (self.sieve.dedup(), self.state.clone());
        let dedup = dedup.as_ref();
        let mut judge = Sieve::judge(dedup, None);
        let mut known = state.as_deref().map(Known::new);
        for index in 0..records.len() {
            let record = records.get(index);
            let event = match self.sieve.event((records, index), &mut self.routes, judge.as_mut()) {
                Ok(Some(event)) => event,
                // what is rejected was passed over then
                Ok(None) | Err(Undecoded::Bad(_)) => continue,
                Err(undecoded) => return Err(undecoded),
            };
            if let Some(known) = known.as_mut().filter(|_| !is_known(&record)) {
                let place = Place { record: &record, timestamp_ms: records.beside(index).timestamp_ms };
                // what is rejected was passed over then
                if let Ok(event) = reshaped(event, self.routes.of(record.topic), place) {
                    known.complete(record.topic, event)?;
                }
            }
        }
        if let (Some(dedup), Some(judge)) = (dedup, judge) {
            dedup.learn(&judge.into_seen());
        }
        Ok(known.map(Known::into_pending).unwrap_or_default())
    }

    /// Whether the records behind one that cannot be written are written all the same.
    fn passes(&self, (records, index): (&Records, usize), reason: String, done: &mut Reencoded) -> bool {
        let record = records.get(index);
        match self.rejects.judge(Reject::new(&record, reason), done.passed.len()) {
            Verdict::Pass(reject) => {
                if let Some(topic) = &self.reject_topic {
                    let reason = reject.reason.text.clone();
                    done.messages.push_reject(topic, (record.key, record.payload), index, reason);
                }
                done.passed.push(reject);
                true
            }
            Verdict::Stop(reject) => {
                (done.range.end, done.stopped) = (index, Some(reject));
                false
            }
        }
    }

    fn encode_one(
        &mut self,
        (records, index): (&Records, usize),
        judge: Option<&mut Judge<'_>>,
        mut known: Option<&mut Known<'_>>,
        done: &mut Reencoded,
    ) -> Result<(), Undecoded> {
        let Some(event) = self.sieve.event((records, index), &mut self.routes, judge)? else { return Ok(()) };
        if matches!(event, Event::Aside(_)) {
            return Ok(());
        }
        if let Event::Change(change) = &event
            && index == done.range.start
        {
            done.changed_at = change.origin.stamp().clock;
        }
        let record = records.get(index);
        let route = self.routes.of(record.topic);
        let timestamp_ms = records.beside(index).timestamp_ms;
        let event = reshaped(event, route, Place { record: &record, timestamp_ms })?;
        if matches!(&event, Event::Change(change) if change.rows.is_empty()) {
            return Ok(());
        }
        let Some(topic) = topic_of(&event, record.topic, route, self.topics.as_ref())? else { return Ok(()) };
        if !self.others.contains(&topic) {
            if let Some(own) = self.own_input.iter().find(|own| is_subscribed(own, &topic)) {
                return Err(Undecoded::Fatal(format!(
                    "`sink.topic` leads to topic {topic}, which this pipeline reads ({own}): it would read what it wrote"
                )));
            }
            self.others.insert(topic.clone());
        }
        let event = match known.as_deref_mut() {
            None => Some(event),
            Some(known) => known.complete(record.topic, event)?,
        };
        let Some(event) = event else { return Ok(()) };
        let place = (&record, index, timestamp_ms);
        let pushed = self.push(&event, place, &topic, &mut done.messages);
        match (&pushed, known) {
            (Ok(()), _) => count(&event, done),
            (Err(_), Some(known)) => known.take_back(),
            (Err(_), None) => {}
        }
        pushed
    }

    fn push(
        &mut self,
        event: &Event<'_>,
        (record, index, timestamp_ms): (&Record<'_>, usize, Option<i64>),
        topic: &str,
        messages: &mut Messages,
    ) -> Result<(), Undecoded> {
        let encoder = match &mut self.form {
            Form::Text => {
                messages.push(topic, None, Some(changelog::text(event).as_bytes()), index);
                return Ok(());
            }
            Form::Json => {
                messages.push(topic, None, Some(changelog::json(event, record, timestamp_ms).as_bytes()), index);
                return Ok(());
            }
            Form::Records(encoder) => encoder,
        };
        loop {
            match encoder.encode(event) {
                Ok(written) => {
                    written.for_each(|record| messages.push(topic, record.key, record.payload, index));
                    return Ok(());
                }
                Err(error) => register(&error, encoder, topic, &self.decoding)?,
            }
        }
    }
}

/// Registers the schema for want of which an event was not encoded. Any other error is the record's.
fn register(error: &Error, encoder: &mut Encoder, topic: &str, decoding: &decode::Shared) -> Result<(), Undecoded> {
    let ErrorKind::UnregisteredSchema { schema } = error.kind() else {
        return Err(Undecoded::Bad(format!("cannot be written: {error}")));
    };
    let part = if error.path() == "key" { "key" } else { "value" };
    let id = decoding.register(&format!("{topic}-{part}"), schema)?;
    encoder.register(schema, id);
    Ok(())
}

/// The event with the columns that its route chooses, and a schema that says the same.
fn reshaped<'a>(event: Event<'a>, route: &Route, place: Place<'_, 'a>) -> Result<Event<'a>, NoValue> {
    Ok(match event {
        Event::Change(mut change) => {
            route.reshape(&mut change, place)?;
            if change.schema.is_some() && !route.columns.is_all() {
                change.schema = route.shape(&change).map(|shape| Arc::new(RowSchema { fields: shape.fields }));
            }
            Event::Change(change)
        }
        Event::Tombstone { table, key: Some(key) } => {
            let key: Option<Key<'a>> = route.reshape_key(key);
            Event::Tombstone { table, key }
        }
        event => event,
    })
}

/// Where an event goes; `None` for a tombstone whose table is not known where the topic goes by it: it stands for a
/// delete that was read long ago.
fn topic_of(
    event: &Event<'_>,
    topic: &str,
    route: &Route,
    template: Option<&TopicTemplate>,
) -> Result<Option<String>, Undecoded> {
    let Some(template) = route.topic.as_ref().or(template) else { return Ok(Some(topic.to_owned())) };
    let name = match (template.target(event.table(), topic), event) {
        (Ok(name), _) => name,
        (Err(_), Event::Tombstone { table: None, .. }) => return Ok(None),
        (Err(unnamed), _) => return Err(Undecoded::Bad(format!("`sink.topic`: {unnamed}"))),
    };
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.len() > 249 || !name.chars().all(is_legal) || matches!(name.as_str(), "." | "..") {
        return Err(Undecoded::Bad(format!(
            "`sink.topic` gives the name {name:?}, and Kafka takes up to 249 of a-z, A-Z, 0-9, '.', '_' and '-': give the topic a [[route]] with `topic`"
        )));
    }
    Ok(Some(name))
}

/// The topics that are read, where they are on the cluster that is written to.
fn own_input(source: &Source, brokers: &str) -> Vec<String> {
    match source {
        Source::Kafka(kafka) if kafka.brokers == brokers => kafka.subscription.clone(),
        _ => Vec::new(),
    }
}

fn count(event: &Event<'_>, done: &mut Reencoded) {
    let mut rows = RowCounts::default();
    match event {
        Event::Change(change) => change.rows.iter().for_each(|row| rows.add(row.kind)),
        Event::Tombstone { .. } => rows.add(RowKind::Delete),
        Event::Truncate { .. } | Event::Aside(_) => return,
    }
    let table = event.table().map(changelog::table_name).unwrap_or_default();
    *done.tables.entry(table).or_default() += rows;
}
