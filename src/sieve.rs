//! What is applied of a record: its event, without the rows of tables that nobody wants, truncates by policy, repeats.
//!
//! Comes in: raw records, in the order of their offsets. Goes out: what is left of each one's event. It keeps what the
//! decoder learns from record to record; what it learns of rows belongs to the plan until that is committed.

use std::sync::Arc;

use regex::Regex;
use rowkind_formats::{Change, Event, Record, Table};

use crate::config::{Config, TruncatePolicy};
use crate::decode::{self, Decoder, Undecoded};
use crate::dedup::{Dedup, Judge, Seen};
use crate::records::Records;
use crate::route::Routes;
use crate::wanted::Wanted;

/// Decodes records and takes out of their events what is not applied.
#[derive(Debug)]
pub struct Sieve {
    decoder: Decoder,
    /// Of which source tables rows are applied; of all when `None`.
    tables: Option<Regex>,
    /// Which of them are asked for.
    wanted: Wanted,
    truncate: TruncatePolicy,
    /// `None` when every event is applied.
    dedup: Option<Arc<Dedup>>,
}

impl Sieve {
    /// The sieve of one lane.
    pub fn new(config: &Config, decoding: Arc<decode::Shared>, dedup: Option<Arc<Dedup>>) -> Self {
        Self {
            decoder: Decoder::new(config.format, &config.told, decoding),
            tables: config.tables.clone(),
            wanted: config.wanted.clone(),
            truncate: config.truncate,
            dedup,
        }
    }

    /// What is known of rows; `None` when every event is applied.
    pub fn dedup(&self) -> Option<Arc<Dedup>> {
        self.dedup.clone()
    }

    /// What a truncate does.
    pub fn truncate(&self) -> TruncatePolicy {
        self.truncate
    }

    /// The event of a record, all of it.
    ///
    /// # Errors
    ///
    /// When the record cannot be read.
    pub fn decode<'a>(&mut self, record: &Record<'a>) -> Result<Event<'a>, Undecoded> {
        self.decoder.decode(record)
    }

    /// Takes out of the event of the record at `index` what is not applied; `false` when nothing is left of it.
    ///
    /// # Errors
    ///
    /// When it is a truncate that the policy refuses.
    pub fn keeps(
        &self,
        (records, index): (&Records, usize),
        event: &mut Event<'_>,
        routes: &mut Routes,
        judge: Option<&mut Judge<'_>>,
    ) -> Result<bool, Undecoded> {
        if event.table().is_some_and(|table| !self.wants(table)) || !(self.wanted.is_all() || self.wanted.keeps(event))
        {
            return Ok(false);
        }
        if matches!(event, Event::Truncate { .. }) && !self.truncates(records.n_partitions(index))? {
            return Ok(false);
        }
        let record = &records.get(index);
        Ok(match (judge, event) {
            (None, _) => true,
            (Some(judge), Event::Change(change)) => is_new(judge, record, change, routes),
            (Some(judge), event) => judge.keep(record, event),
        })
    }

    /// What is left of the event of the record at `index`; `None` when that is nothing.
    ///
    /// # Errors
    ///
    /// When the record cannot be read, or is a truncate that the policy refuses.
    pub fn event<'a>(
        &mut self,
        (records, index): (&'a Records, usize),
        routes: &mut Routes,
        judge: Option<&mut Judge<'_>>,
    ) -> Result<Option<Event<'a>>, Undecoded> {
        let mut event = self.decode(&records.get(index))?;
        Ok(self.keeps((records, index), &mut event, routes, judge)?.then_some(event))
    }

    /// Learns from records that were applied by an earlier run, so that their repeats are known.
    ///
    /// # Errors
    ///
    /// When they cannot be read for want of a schema.
    pub fn learn(&mut self, records: &Records, routes: &mut Routes) -> Result<(), Undecoded> {
        let Some(dedup) = self.dedup() else { return Ok(()) };
        let mut judge = dedup.judge(None);
        for index in 0..records.len() {
            match self.event((records, index), routes, Some(&mut judge)) {
                // what is rejected was passed over then
                Ok(_) | Err(Undecoded::Bad(_)) => {}
                Err(undecoded) => return Err(undecoded),
            }
        }
        dedup.learn(&judge.into_seen());
        Ok(())
    }

    /// A judge for one plan, behind what is `in_flight`.
    pub fn judge<'d>(dedup: Option<&'d Arc<Dedup>>, in_flight: Option<&'d Seen>) -> Option<Judge<'d>> {
        dedup.map(|dedup| dedup.judge(in_flight))
    }

    fn wants(&self, table: &Table<'_>) -> bool {
        self.tables.as_ref().is_none_or(|pattern| match table.namespace() {
            Some(namespace) => pattern.is_match(&format!("{namespace}.{}", table.name)),
            None => pattern.is_match(&table.name),
        })
    }

    /// Whether a truncate is to be applied. Between the rows of its own partition it has its place; between those of others
    /// it has none.
    fn truncates(&self, n_partitions: usize) -> Result<bool, Undecoded> {
        match self.truncate {
            TruncatePolicy::Ignore => Ok(false),
            TruncatePolicy::Stop => Err(Undecoded::Bad("a truncate, and `sink.truncate` is \"stop\"".to_owned())),
            TruncatePolicy::Apply if n_partitions > 1 => Err(Undecoded::Bad(format!(
                "a truncate in a topic of {n_partitions} partitions: which rows of the others come behind it is not known; give the topic one partition, or set `sink.truncate` to \"ignore\" and empty the table by hand"
            ))),
            TruncatePolicy::Apply => Ok(true),
        }
    }
}

/// Leaves the rows of a change that are no repeats; `false` when there are none. Rows go by the key that they have at
/// the source, whatever the target's is: of another one the positions say nothing.
fn is_new(judge: &mut Judge<'_>, record: &Record<'_>, change: &mut Change<'_>, routes: &mut Routes) -> bool {
    let chosen = if change.key.is_none() { routes.of(record.topic).source_key() } else { None };
    judge.keep_rows(record, change, chosen.as_deref())
}
