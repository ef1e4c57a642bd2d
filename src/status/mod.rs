//! `rowkind status`: how far a pipeline has come, partition by partition.
//!
//! Comes in: a pipeline's settings. Goes out: a table, or JSON lines. It asks the target for what is stored and the brokers for
//! what there is to read; nothing is made, written or joined.

mod look;
mod table;

use std::io::{self, IsTerminal};
use std::time::Duration;

use anyhow::Context;
use clap::ArgMatches;
use tokio::runtime::Runtime;

use crate::config::{Config, ConfigError, parse_duration};
use crate::inspect::Output;
use crate::shutdown::Shutdown;
use crate::terminal;
use look::{Look, Seen};

/// How long a look that a signal ends is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    config: Config,
    is_json: bool,
    /// How long to wait before it is looked again; `None` when one look will do.
    interval: Option<Duration>,
}

impl Options {
    /// Reads the flags of `rowkind status`.
    ///
    /// # Errors
    ///
    /// When the pipeline's settings cannot be used, or the interval is none.
    pub fn read(flags: &ArgMatches) -> Result<Self, ConfigError> {
        let interval = |text: &String| {
            let interval = parse_duration(text).filter(|interval| !interval.is_zero());
            interval.ok_or_else(|| ConfigError::new("--watch: expected a time such as \"2s\"".to_owned()))
        };
        let interval = flags.get_one::<String>("watch").map(interval).transpose()?;
        let is_json = flags.get_one("output") == Some(&Output::Json);
        Ok(Self { config: Config::read(flags)?, is_json, interval })
    }
}

/// Looks, and prints what it sees; again and again when that was asked for, until SIGINT or SIGTERM.
///
/// # Errors
///
/// When Postgres or the brokers do not answer; of a watch, when that is so from the start.
pub fn run(options: Options) -> anyhow::Result<()> {
    let Options { config, is_json, interval } = options;
    let runtime = Runtime::new().context("cannot start threads")?;
    let result = runtime.block_on(async {
        let mut look = Look::new(&config)?;
        match interval {
            None => print(&look.look().await?, is_json).map(|(_, complete)| complete)?,
            Some(interval) => watch(&mut look, is_json, interval).await,
        }
    });
    runtime.shutdown_timeout(PATIENCE);
    result
}

async fn watch(look: &mut Look, is_json: bool, interval: Duration) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    shutdown.on_signals()?;
    let redraws = !is_json && io::stdout().is_terminal();
    let mut n_looks = 0_u64;
    loop {
        let seen = tokio::select! {
            seen = look.look() => seen,
            () = shutdown.requested() => return Ok(()),
        };
        let separator = match (redraws, n_looks) {
            (true, _) => "\x1b[H\x1b[2J",
            (false, 0) => "",
            (false, _) if is_json => "",
            (false, _) => "\n",
        };
        terminal::print(separator).context("cannot write")?;
        let complete = match seen {
            Ok(seen) => match print(&seen, is_json)? {
                (false, _) => return Ok(()),
                (true, complete) => complete,
            },
            Err(error) => Err(error),
        };
        match complete {
            Err(error) if n_looks == 0 => return Err(error),
            // it may come back
            Err(error) => eprintln!("rowkind: {error:#}"),
            Ok(()) => {}
        }
        n_looks += 1;
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = shutdown.requested() => return Ok(()),
        }
    }
}

/// Prints what was seen: whether somebody reads it, and what is missing in it.
fn print(seen: &Seen, is_json: bool) -> anyhow::Result<(bool, anyhow::Result<()>)> {
    let text = if is_json { table::json(seen) } else { table::text(seen, terminal::has_colour()) };
    let is_read = terminal::print(&text).context("cannot write")?;
    // a table has it below its rows
    for note in seen.empty.iter().filter(|_| is_json).chain(&seen.notes) {
        eprintln!("rowkind: {note}");
    }
    let complete = seen.missing.as_ref().map_or(Ok(()), |missing| Err(anyhow::Error::msg(missing.clone())));
    Ok((is_read, complete))
}
