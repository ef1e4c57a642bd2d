//! Everything on one machine, to look at: a Kafka in this process, a Postgres of its own, and `rowkind run` as a
//! process of its own that keeps a recorded shop's tables, through a `kill -9` and a stretch of repeated events.
//!
//! The bridge is the one of [`bridge`](crate::bridge), started as anybody would start it; the demo only plays the
//! records, and looks at the target from outside.

mod broker;
pub mod postgres;
mod shop;
mod show;
mod sidecar;
mod stage;
mod target;

use std::time::Duration;

use anyhow::Context;
use clap::ArgMatches;
use rowkind_formats::RecordedRecord;

use crate::shutdown::Shutdown;
use postgres::TempPostgres;
use show::Show;
use target::Target;

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    /// A server to use; `None` for one of the demo's own.
    url: Option<String>,
    /// Whether the records are played without the pauses between them.
    is_fast: bool,
}

impl Options {
    /// Reads the flags of `rowkind demo`.
    pub fn read(flags: &ArgMatches) -> Self {
        Self { url: flags.get_one("url").cloned(), is_fast: flags.get_flag("fast") }
    }
}

/// Plays the demo.
///
/// # Errors
///
/// When a part of it cannot be started, or the target does not equal the source in the end.
#[tokio::main]
pub async fn run(options: &Options) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    shutdown.on_signals()?;
    let server = Server::start(options.url.as_deref()).await?;
    let played = tokio::select! {
        played = play(&server, options.is_fast) => played,
        () = shutdown.requested() => Err(anyhow::anyhow!("interrupted; nothing is left behind")),
    };
    server.remove().await?;
    played
}

/// The Postgres of the demo.
struct Server {
    /// `None` when it was there before.
    own: Option<TempPostgres>,
    maintenance_url: String,
    database: String,
}

impl Server {
    async fn start(url: Option<&str>) -> anyhow::Result<Self> {
        let own = if url.is_none() {
            Some(TempPostgres::start().context("try `--url` with a Postgres that runs")?)
        } else {
            None
        };
        let maintenance_url = match (&own, url) {
            (Some(own), _) => own.url("postgres"),
            (None, url) => url.unwrap_or_default().to_owned(),
        };
        let database = if own.is_some() { "shop".to_owned() } else { format!("rowkind_demo_{}", std::process::id()) };
        let server = Self { own, maintenance_url, database };
        Target::connect(&server.maintenance_url).await?.create_database(&server.database).await?;
        Ok(server)
    }

    /// The URL of the demo's database.
    fn url(&self) -> String {
        with_database(&self.maintenance_url, &self.database)
    }

    async fn remove(self) -> anyhow::Result<()> {
        match self.own {
            Some(own) => drop(own),
            None => Target::connect(&self.maintenance_url).await?.drop_database(&self.database).await?,
        }
        Ok(())
    }
}

/// How many of the records, in percent, are played before the bridge is killed, is started again, and before the last
/// [`N_REPEATED`] are played once more.
const KILL_AT: usize = 40;
const RESTART_AT: usize = 46;
const REPEAT_AT: usize = 75;
const N_REPEATED: usize = 90;
/// The recording took a minute and a half.
const SPEED: u32 = 4;

async fn play(server: &Server, is_fast: bool) -> anyhow::Result<()> {
    let records = shop::records()?;
    let mut show = Show::open(server).await?;
    let at = |percent| records.len() * percent / 100;
    for (index, record) in records.iter().enumerate() {
        if index == at(KILL_AT) {
            show.kill_bridge().await?;
        }
        if index == at(RESTART_AT) {
            show.restart_bridge()?;
        }
        if index == at(REPEAT_AT) {
            show.repeat(&records[index - N_REPEATED..index]).await?;
        }
        show.publish(record).await?;
        if !is_fast {
            show.watch(gap(record, records.get(index + 1)) / SPEED).await?;
        }
    }
    show.close().await
}

/// The time between two records when they were recorded.
fn gap(record: &RecordedRecord, next: Option<&RecordedRecord>) -> Duration {
    let ms = |record: &RecordedRecord| record.timestamp_ms.unwrap_or_default();
    let gap = next.map_or(0, |next| ms(next) - ms(record));
    Duration::from_millis(u64::try_from(gap).unwrap_or_default())
}

/// A Postgres URL with another database in it.
fn with_database(url: &str, database: &str) -> String {
    let (start, query) = url.split_at(url.find('?').unwrap_or(url.len()));
    let (scheme, rest) = start.split_at(start.find("://").map_or(0, |at| at + 3));
    let host = rest.split('/').next().unwrap_or_default();
    format!("{scheme}{host}/{database}{query}")
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn only_the_database_of_a_url_changes() {
        for (url, expected) in [
            ("postgres://u:p@h:5433/a?sslmode=require", "postgres://u:p@h:5433/demo?sslmode=require"),
            ("postgres://h", "postgres://h/demo"),
            ("postgres://u@h/?host=/tmp/x", "postgres://u@h/demo?host=/tmp/x"),
        ] {
            assert_eq!(with_database(url, "demo"), expected);
        }
    }
}
