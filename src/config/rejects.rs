//! Settings of what happens to records that cannot be applied.

use super::{ChangelogSink, ConfigError, Reader, Sink, is_subscribed};

/// What happens to records that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejects {
    /// What happens to one.
    pub policy: RejectPolicy,
    /// Where [`RejectPolicy::Topic`] writes them.
    pub topic: Option<String>,
    /// How many may be passed over in a minute; the pipeline stops at the next.
    pub max_per_minute: usize,
    /// Whether later records of a reject's key are set aside behind it.
    pub block_key: bool,
}

impl Rejects {
    /// The same for records that the pipeline reads too: what it puts aside is passed over here.
    #[must_use]
    pub fn passing_over(&self) -> Self {
        let policy = match self.policy {
            RejectPolicy::Stop => RejectPolicy::Stop,
            RejectPolicy::Skip | RejectPolicy::Table | RejectPolicy::Topic => RejectPolicy::Skip,
        };
        Self { policy, topic: None, block_key: false, ..*self }
    }
}

/// What happens to a record that cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectPolicy {
    /// Everything before it is applied, then the pipeline stops with exit code 3.
    Stop,
    /// It is counted, logged and passed over.
    Skip,
    /// The same, and it is kept in `rowkind.rejects`, in the transaction that moves the offset past it.
    Table,
    /// The same, and it is written to a topic from there.
    Topic,
}

pub(super) fn read(read: &Reader<'_>, sink: &Sink) -> Result<Rejects, ConfigError> {
    use RejectPolicy as P;
    let policy = read
        .choice("rejects.policy", &[("stop", P::Stop), ("skip", P::Skip), ("table", P::Table), ("topic", P::Topic)])?;
    let block_key = read.choice("rejects.block_key", &[("true", true), ("false", false)])?;
    if block_key && !policy.keeps() {
        let message =
            "`rejects.block_key` sets records aside to be applied later: set `rejects.policy` to table or topic";
        return Err(ConfigError::new(message.to_owned()));
    }
    let of_postgres = policy == P::Table || block_key;
    let (is_postgres, is_stdout) = match sink {
        Sink::Postgres(_) => (true, false),
        Sink::Changelog(changelog) => (false, !matches!(changelog.sink, ChangelogSink::Kafka(_))),
    };
    if (of_postgres && !is_postgres) || (policy == P::Topic && is_stdout) {
        return Err(read.invalid(
            if block_key { "rejects.block_key" } else { "rejects.policy" },
            "another `sink.type`: table and block_key are for postgres, topic for postgres and kafka",
        ));
    }
    let topic = if policy == P::Topic { Some(read.need("rejects.topic")?.to_owned()) } else { None };
    if topic.is_some() && read.text("source.brokers").is_none() {
        let message =
            "`rejects.policy` = \"topic\" writes to the brokers of the source, and a file has none: set it to table";
        return Err(ConfigError::new(message.to_owned()));
    }
    Ok(Rejects { policy, topic, max_per_minute: read.number("rejects.max_per_minute")?, block_key })
}

/// The same, beside a subscription: a topic of rejects that is read again would never come to an end.
pub(super) fn read_beside(reader: &Reader<'_>, sink: &Sink, subscription: &[String]) -> Result<Rejects, ConfigError> {
    let rejects = read(reader, sink)?;
    let is_read = |topic: &String| subscription.iter().any(|wanted| is_subscribed(wanted, topic));
    if rejects.topic.as_ref().is_some_and(is_read) {
        return Err(reader.invalid("rejects.topic", "a topic that the pipeline does not read itself"));
    }
    Ok(rejects)
}
