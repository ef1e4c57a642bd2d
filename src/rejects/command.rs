//! `rowkind rejects`: what was put aside, listed, shown, applied after all, deleted.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Error, bail};
use clap::ArgMatches;
use tokio::runtime::Runtime;

use super::Rejects;
use super::kept::{Kept, Place};
use crate::config::{self, Config, ConfigError, RejectPolicy, Sink};
use crate::decode;
use crate::dedup::Dedup;
use crate::inspect::Output;
use crate::records::TopicPartition;
use crate::sieve::Sieve;
use crate::sink::postgres::plan::Planner;
use crate::sink::postgres::{Chosen, Failure, Page, PostgresSink, Retried, Try};
use crate::terminal;

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    config: Config,
    verb: Verb,
}

#[derive(Debug)]
enum Verb {
    List { chosen: Chosen, limit: u32, is_json: bool },
    Show { place: Place, is_json: bool },
    Retry { chosen: Chosen, force: bool },
    Delete { chosen: Chosen, confirmed: bool },
}

/// Rejects that are still open.
#[derive(Debug, thiserror::Error)]
pub enum Left {
    /// Some cannot be applied.
    #[error("{0} of the rejects cannot be applied: they stay, with the reasons above")]
    Rejected(usize),
    /// Some were not tried.
    #[error("{0} of the rejects were left, for the reasons above")]
    Untried(usize),
}

impl Options {
    /// Reads the flags of `rowkind rejects`.
    ///
    /// # Errors
    ///
    /// When the pipeline's settings cannot be used, or it is not said what to delete.
    pub fn read(flags: &ArgMatches) -> Result<Self, ConfigError> {
        let (verb, flags) = flags.subcommand().expect("clap asks for a subcommand");
        let places = || flags.get_many::<Place>("places").unwrap_or_default().cloned().collect();
        let chosen = || Chosen { topic: flags.get_one("topic").cloned(), places: places() };
        let is_json = || flags.get_one("output") == Some(&Output::Json);
        let verb = match verb {
            "list" => {
                let chosen = Chosen { topic: flags.get_one("topic").cloned(), places: Vec::new() };
                Verb::List { chosen, limit: *flags.get_one("limit").unwrap_or(&100), is_json: is_json() }
            }
            "show" => Verb::Show {
                place: flags.get_one::<Place>("places").expect("clap asks for it").clone(),
                is_json: is_json(),
            },
            "retry" => Verb::Retry { chosen: chosen(), force: flags.get_flag("force") },
            _ => {
                let chosen = chosen();
                if chosen.places.is_empty() && chosen.topic.is_none() && !flags.get_flag("all") {
                    return Err(ConfigError::new("say which: topic:partition:offset, --topic or --all".to_owned()));
                }
                Verb::Delete { chosen, confirmed: flags.get_flag("yes") }
            }
        };
        Ok(Self { config: Config::read(flags)?, verb })
    }
}

/// Does it.
///
/// # Errors
///
/// When Postgres refuses or does not answer, or rejects are still open that were to be applied.
pub fn run(options: Options) -> anyhow::Result<()> {
    let Options { config, verb } = options;
    let runtime = Runtime::new().context("cannot start threads")?;
    runtime.block_on(async {
        let mut sink = PostgresSink::new(&config.name, postgres(&config)?, &config.rejects);
        match verb {
            Verb::List { chosen, limit, is_json } => list(&mut sink, &chosen, limit, is_json).await,
            Verb::Show { place, is_json } => show(&mut sink, &place, is_json).await,
            Verb::Retry { chosen, force } => retry(&mut sink, &config, &chosen, force).await,
            Verb::Delete { chosen, confirmed } => delete(&mut sink, &chosen, confirmed).await,
        }
    })
}

/// Where rejects are kept.
fn postgres(config: &Config) -> Result<&config::Postgres, ConfigError> {
    match &config.sink {
        Sink::Postgres(postgres) => Ok(postgres),
        Sink::Changelog(_) => {
            Err(ConfigError::new("rejects are kept where the sink is Postgres, and `sink.type` is another".to_owned()))
        }
    }
}

async fn list(sink: &mut PostgresSink, chosen: &Chosen, limit: u32, is_json: bool) -> anyhow::Result<()> {
    let (kept, n_all) = sink.list_rejects(chosen, limit.into()).await.map_err(Error::msg)?;
    let line = |kept: &Kept| if is_json { format!("{}\n", kept.summary()) } else { kept.line() };
    print(&kept.iter().map(line).collect::<String>())?;
    let n_listed = i64::try_from(kept.len()).unwrap_or(i64::MAX);
    if n_all > n_listed {
        eprintln!("rowkind: {} more: --limit {n_all} lists all", n_all - n_listed);
    }
    Ok(())
}

async fn show(sink: &mut PostgresSink, place: &Place, is_json: bool) -> anyhow::Result<()> {
    let Some(kept) = sink.reject_at(place).await.map_err(Error::msg)? else {
        bail!("{place} is no open reject of this pipeline");
    };
    print(&if is_json { kept.json() } else { kept.text() })
}

async fn delete(sink: &mut PostgresSink, chosen: &Chosen, confirmed: bool) -> anyhow::Result<()> {
    let (kept, n_all) = sink.list_rejects(chosen, 100).await.map_err(Error::msg)?;
    print(&kept.iter().map(Kept::line).collect::<String>())?;
    match (n_all, confirmed) {
        (0, _) => bail!("no open reject of this pipeline is among them: nothing was deleted"),
        (n_all, false) => bail!("nothing was deleted: --yes deletes these {n_all}"),
        (_, true) => {}
    }
    let n_deleted = sink.delete_rejects(chosen).await.map_err(Error::msg)?;
    print(&format!("deleted {n_deleted}\n"))
}

/// How often a transaction is tried that the running pipeline stood in the way of.
const MAX_ATTEMPTS: u32 = 10;

async fn retry(sink: &mut PostgresSink, config: &Config, chosen: &Chosen, force: bool) -> anyhow::Result<()> {
    let (_, n_open) = sink.list_rejects(chosen, 1).await.map_err(Error::msg)?;
    if n_open < i64::try_from(chosen.places.len()).unwrap_or(i64::MAX) {
        bail!("{n_open} of the {} places are open rejects of this pipeline: nothing was applied", chosen.places.len());
    }
    let mut retry = Retry::new(config)?;
    for partition in sink.partitions_with_rejects(chosen).await.map_err(Error::msg)? {
        let of_partition = chosen.places.iter().filter(|place| place.partition == partition);
        let offsets: BTreeSet<i64> = of_partition.map(|place| place.offset).collect();
        let wanted = Try { partition: &partition, offsets: &offsets, force };
        let mut from = offsets.first().copied().unwrap_or(i64::MIN);
        loop {
            let page = retry.page(sink, wanted, from).await?;
            retry.note(&partition, &page)?;
            let Some(next) = page.next else { break };
            from = next;
        }
    }
    retry.end()
}

/// Rejects on their way into the target.
struct Retry {
    planner: Planner,
    dedup: Option<Arc<Dedup>>,
    n_applied: usize,
    n_rejected: usize,
    n_untried: usize,
}

impl Retry {
    /// The records are decoded and written as the pipeline does it. Repeats among them are known; of those that the
    /// pipeline has applied it is not known what they said.
    fn new(config: &Config) -> anyhow::Result<Self> {
        let dedup = config.dedup.map(|dedup| Arc::new(Dedup::new(dedup.max_keys)));
        // each is judged for itself
        let stop = config::Rejects { policy: RejectPolicy::Stop, block_key: false, ..config.rejects.clone() };
        let decoding = Arc::new(decode::Shared::of(config)?);
        let sieve = Sieve::new(config, decoding, dedup.clone());
        let planner = Planner::new(config, postgres(config)?.evolve, sieve, Arc::new(Rejects::new(&stop)));
        Ok(Self { planner, dedup, n_applied: 0, n_rejected: 0, n_untried: 0 })
    }

    async fn page(&mut self, sink: &mut PostgresSink, wanted: Try<'_>, from: i64) -> anyhow::Result<Page> {
        let mut attempt = 1;
        loop {
            match sink.retry(wanted, from, &mut self.planner).await {
                Ok(page) => return Ok(page),
                Err(Failure::Retry(text)) if attempt < MAX_ATTEMPTS => {
                    eprintln!("rowkind: trying again: {text}");
                    tokio::time::sleep(Duration::from_millis(100) * attempt).await;
                    attempt += 1;
                }
                Err(failure) => return Err(Error::msg(failure)),
            }
        }
    }

    fn note(&mut self, partition: &TopicPartition, page: &Page) -> anyhow::Result<()> {
        let mut lines = String::new();
        for (offset, became) in &page.retried {
            let (count, said) = match became {
                Retried::Applied => (&mut self.n_applied, "applied".to_owned()),
                Retried::Rejected(reason) => (&mut self.n_rejected, format!("cannot be applied: {reason}")),
                Retried::Behind(first) => {
                    (&mut self.n_untried, format!("left: the reject at offset {first} is of its key and comes first"))
                }
                Retried::Unordered => {
                    let why = "later records of its key may have been applied since: --force applies it all the same, and may bring old values back";
                    (&mut self.n_untried, format!("left: {why}"))
                }
            };
            *count += 1;
            let place = Place { partition: partition.clone(), offset: *offset };
            let _ = writeln!(lines, "{place}  {said}");
        }
        if let Some(dedup) = &self.dedup {
            dedup.commit(&page.seen);
        }
        print(&lines)
    }

    fn end(&self) -> anyhow::Result<()> {
        print(&format!("applied {}, {} left\n", self.n_applied, self.n_rejected + self.n_untried))?;
        match (self.n_rejected, self.n_untried) {
            (0, 0) => Ok(()),
            (0, n_untried) => Err(Left::Untried(n_untried).into()),
            (n_rejected, _) => Err(Left::Rejected(n_rejected).into()),
        }
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    terminal::print(text).map(drop).context("cannot write")
}
