//! A replay into tables of another schema, or to topics: a pipeline of its own, with the settings of the one that it is of.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Error, bail};

use super::bar::Bar;
use super::print;
use crate::bridge;
use crate::config::{Config, ConfigError, Sink};
use crate::progress::Progress;
use crate::shutdown::Shutdown;
use crate::sink::postgres::PostgresSink;
use crate::source::{Asked, Range, RangeReader};

/// Replays into tables like the target's, in a schema of their own. Rows and offsets are written together: what was
/// interrupted goes on where it was.
pub(super) async fn into_schema(
    mut config: Config,
    asked: &Asked,
    (schema, resumes): (&str, bool),
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let Sink::Postgres(postgres) = &mut config.sink else {
        return Err(ConfigError::new("--into is for `sink.type` = \"postgres\"".to_owned()).into());
    };
    config.name = format!("{} into {schema}", config.name);
    (postgres.into, postgres.sync_sequences) = (Some(schema.to_owned()), false);
    let mut sink = PostgresSink::new(&config.name, postgres, &config.rejects);
    let (is_fresh, offsets) =
        (sink.is_fresh(schema).await.map_err(Error::msg)?, sink.next_offsets().await.map_err(Error::msg)?);
    if resumes && offsets.is_empty() {
        bail!("no replay into schema {schema} was interrupted: leave --resume out");
    }
    if !resumes && !is_fresh {
        bail!(
            "schema {schema} is not empty: name another, or drop it (DROP SCHEMA … CASCADE); --resume goes on with a replay that was interrupted"
        );
    }
    if is_fresh && !offsets.is_empty() {
        // nothing was made yet, or the schema was dropped since
        sink.forget_offsets().await.map_err(Error::msg)?;
    }
    let progress = run(config, asked, shutdown).await?;
    if shutdown.is_requested() {
        bail!(
            "stopped behind {} records, all of them applied: the same command with --resume goes on",
            progress.n_records()
        );
    }
    sink.forget_offsets().await.map_err(Error::msg)?;
    print(&format!("{} records into schema {schema}: {}\n", progress.n_records(), progress.rows()))
}

/// Replays to topics. Nothing stores how far it has come.
pub(super) async fn into_topic(config: Config, asked: &Asked, topic: &str, shutdown: &Shutdown) -> anyhow::Result<()> {
    let progress = run(config, asked, shutdown).await?;
    if shutdown.is_requested() {
        let next_offsets = progress.next_offsets();
        let places: Vec<String> = next_offsets
            .iter()
            .map(|(partition, next_offset)| {
                format!("--topic {} --partition {} --from {next_offset}", partition.topic, partition.partition)
            })
            .collect();
        bail!("stopped behind {} records; to go on: {}", progress.n_records(), places.join(", then "));
    }
    print(&format!("{} records to {topic}: {}\n", progress.n_records(), progress.rows()))
}

async fn run(mut config: Config, asked: &Asked, shutdown: &Shutdown) -> anyhow::Result<Arc<Progress>> {
    let max_bytes = config.told.max_record_bytes;
    let source = config.source.clone();
    let ranges = tokio::task::block_in_place(|| {
        RangeReader::new(&source, max_bytes, shutdown.clone()).and_then(|reader| reader.find(asked))
    })?;
    let n_offsets = ranges.iter().map(Range::len).sum();
    config.ranges = Some(ranges);
    config.transactions = None;
    config.rejects = config.rejects.passing_over();
    let progress = Arc::new(Progress::default());
    let bar = Bar::new(n_offsets);
    let drawing = tokio::spawn({
        let progress = Arc::clone(&progress);
        async move {
            loop {
                bar.set(progress.n_records(), progress.rows());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    });
    let ended = bridge::run_watched(config, Arc::clone(&progress), shutdown.clone()).await;
    drawing.abort();
    ended?;
    Ok(progress)
}
