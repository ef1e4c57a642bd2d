//! What can be known of a changelog's sink before the start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rowkind_formats::Encoding;
use tokio::runtime::Handle;

use super::Check;
use crate::config::{self, Changelog, ChangelogSink, KafkaSink, RejectPolicy, Written};
use crate::decode::{self, Undecoded};
use crate::records::Records;
use crate::reencode::Reencoder;
use crate::registry::{Registry, RegistryError};
use crate::rejects::Rejects;
use crate::sieve::Sieve;
use crate::sink::kafka::Probe;
use crate::terminal::counted;

/// The sink of a changelog as far as it answers.
pub(super) struct Target<'c> {
    changelog: &'c Changelog,
    /// `None` where nothing is asked: standard output, or brokers that do not answer.
    probe: Option<Probe>,
    /// The topics that were looked at.
    topics: BTreeSet<String>,
}

impl Target<'_> {
    /// Whether records are to be encoded for it as a trial.
    fn encodes(&self) -> bool {
        matches!(self.changelog.written, Written::Records(_))
    }
}

impl Check<'_> {
    /// What of the sink can be looked at without records.
    pub(super) fn changelog<'c>(&mut self, changelog: &'c Changelog) -> Target<'c> {
        if let Some(folder) = &changelog.state_dir {
            self.state_dir(folder);
        }
        if let Written::Records(Encoding::DebeziumAvro { .. }) = changelog.written {
            self.registry();
        }
        let probe = match &changelog.sink {
            ChangelogSink::Kafka(kafka) => self.brokers_of_sink(kafka),
            ChangelogSink::Stdout | ChangelogSink::Blackhole => None,
        };
        let mut target = Target { changelog, probe, topics: BTreeSet::new() };
        if let Some(topic) = &self.config.rejects.topic {
            self.target_topic(topic, &mut target);
        }
        target
    }

    /// A file in it that has no name is no change.
    fn state_dir(&mut self, folder: &Path) {
        // a missing one is made, in the first folder above it that is there
        let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
        let name = folder.display();
        match tempfile::tempfile_in(there) {
            Ok(_) => self.report.good(&format!("sink.state_dir: `{name}` can be written to")),
            Err(error) => {
                self.report.bad(
                    &format!("sink.state_dir: `{name}`: {error}"),
                    "the last row of each key is kept there: give it to the account that runs rowkind",
                );
            }
        }
    }

    fn registry(&mut self) {
        let Some(settings) = &self.config.registry else { return };
        let asked = Registry::new(settings, Handle::current())
            .map_err(|error| RegistryError::Fatal(error.to_string()))
            .and_then(|registry| registry.reach());
        match asked {
            Ok(()) => self.report.good("registry: it answers"),
            Err(error) => self.report.bad(&error.to_string(), "see `[registry]`: `url`, and its login"),
        }
    }

    fn brokers_of_sink(&mut self, kafka: &KafkaSink) -> Option<Probe> {
        let brokers = &kafka.brokers;
        let probe = match Probe::connect(kafka) {
            Ok(probe) => probe,
            Err(failure) => {
                self.report.bad(
                    &format!("brokers of the sink, {brokers}: {failure}"),
                    "see `sink.brokers` and `sink.properties`; without `sink.brokers` the source's connection is used",
                );
                return None;
            }
        };
        self.report.good(&format!("brokers of the sink, {brokers}, answer"));
        let name = &self.config.name;
        match probe.try_transactions(name) {
            Ok(()) => self.report.good("transactions can be begun"),
            Err(failure) => self.report.bad(
                &format!("transactions cannot be begun: {failure}"),
                &format!("allow WRITE and DESCRIBE on the transactional ids `rowkind.{name}.*`"),
            ),
        }
        self.sink_cluster = probe.cluster_id();
        Some(probe)
    }

    /// One transaction holds what is written and the source's offsets: it is of one cluster.
    pub(super) fn clusters(&mut self, source: Option<String>, changelog: &Changelog) {
        let ChangelogSink::Kafka(kafka) = &changelog.sink else { return };
        let (Some(source), Some(sink)) = (source, self.sink_cluster.clone()) else { return };
        if kafka.is_exactly_once && source != sink {
            self.report.bad(
                "`source.brokers` and `sink.brokers` are two clusters, and a transaction is of one",
                "set `sink.delivery_guarantee` to \"at-least-once\", or write to the source's cluster",
            );
        }
    }

    /// Whether records can be written as the sink has them, and where to. No schema is registered for that.
    pub(super) fn encode(&mut self, topic: &str, (records, which): (&Records, &str), target: &mut Target<'_>) {
        if !target.encodes() {
            return;
        }
        let decoding = Arc::new(decode::Shared::of_trial());
        let sieve = Sieve::new(self.config, Arc::clone(&self.decoding), None);
        // each record is judged, and none is written
        let judging = config::Rejects { policy: RejectPolicy::Stop, topic: None, ..self.config.rejects.clone() };
        let judge = Arc::new(Rejects::new(&judging));
        let mut reencoder = Reencoder::new(self.config, target.changelog, (sieve, decoding), (None, judge));
        let done = match reencoder.encode(records, &BTreeMap::new()) {
            Ok(done) => done,
            Err(Undecoded::Bad(text) | Undecoded::Away(text) | Undecoded::Fatal(text)) => {
                self.report.bad(&format!("topic {topic}: {text}"), "");
                return;
            }
        };
        match &done.stopped {
            None => self
                .report
                .good(&format!("topic {topic}: its {which} {} can be written", counted(records.len(), "record"))),
            Some(reject) => {
                let remedy = "the pipeline stops there, unless `rejects.policy` says otherwise";
                self.report.bad(&reject.to_string(), remedy);
            }
        }
        for written in done.messages.topics() {
            self.target_topic(&written.name, target);
        }
    }

    fn target_topic(&mut self, topic: &str, target: &mut Target<'_>) {
        let Some(probe) = &target.probe else { return };
        if !target.topics.insert(topic.to_owned()) {
            return;
        }
        match (probe.n_partitions(topic), probe.not_created()) {
            (Ok(Some(n)), _) => self.report.good(&format!("target topic {topic}: {n} partitions")),
            (Ok(None), None) => {
                self.report.good(&format!("target topic {topic}: it is not there, and is made with the first rows"));
            }
            (Ok(None), Some(why)) => self.report.bad(&format!("target topic {topic}: it is not there"), why),
            (Err(failure), _) => self.report.bad(
                &format!("target topic {topic}: {failure}"),
                "see the rights of the login: WRITE and DESCRIBE on the topic, and CREATE where it is missing",
            ),
        }
    }
}
