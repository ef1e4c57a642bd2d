//! A range as it is: its changelog, or its records, to standard output or into a file.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use rowkind_formats::{Before, Record, RecordedRecord, Told};

use super::bar::Bar;
use crate::config::Config;
use crate::decode::{Decoder, Shared};
use crate::dedup::Dedup;
use crate::inspect::{Output, Printer};
use crate::records::Beside;
use crate::shutdown::Shutdown;
use crate::source::{Asked, Range, RangeReader, SourceError};
use crate::terminal;

/// Prints the changelog of a range: what events say, without repeats.
pub(super) fn changelog(
    config: &Config,
    asked: &Asked,
    path: Option<&Path>,
    is_json: bool,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let decoder = Decoder::new(
        config.format,
        &Told { before: Before::Whole, ..config.told.clone() },
        Arc::new(Shared::of(config)?),
    );
    let output = if is_json { Output::Json } else { Output::Text };
    let has_colour = path.is_none() && terminal::has_colour();
    let mut printer = Printer::new(decoder, writer(path)?, output, &config.wanted).coloured(has_colour);
    if let Some(dedup) = config.dedup {
        printer = printer.without_repeats(Dedup::new(dedup.max_keys));
    }
    let ended = read(config, asked, path, shutdown, |record, beside| printer.record(record, beside.timestamp_ms));
    // what was printed is counted in any case
    printer.end()?;
    ended
}

/// Writes the records of a range as recorded records.
pub(super) fn recorded(config: &Config, asked: &Asked, path: Option<&Path>, shutdown: &Shutdown) -> anyhow::Result<()> {
    let mut out = writer(path)?;
    let mut written = Ok(());
    let ended = read(config, asked, path, shutdown, |record, beside| {
        let recorded = RecordedRecord {
            topic: record.topic.to_owned(),
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: beside.timestamp_ms,
            headers: beside.headers.to_owned(),
            key: record.key.map(<[u8]>::to_vec),
            payload: record.payload.map(<[u8]>::to_vec),
        };
        written = writeln!(out, "{}", recorded.line());
        written.is_ok()
    });
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write").and(ended),
    }
}

fn writer(path: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    Ok(match path {
        None => Box::new(BufWriter::new(io::stdout())),
        Some(path) => {
            let file = File::create_new(path).with_context(|| format!("cannot make `{}`", path.display()))?;
            Box::new(BufWriter::with_capacity(1 << 16, file))
        }
    })
}

/// Hands the records of a range over, as long as somebody takes them.
fn read(
    config: &Config,
    asked: &Asked,
    path: Option<&Path>,
    shutdown: &Shutdown,
    mut each: impl FnMut(&Record<'_>, Beside<'_>) -> bool,
) -> anyhow::Result<()> {
    let (mut n_records, mut last) = (0_u64, None);
    let outcome = tokio::task::block_in_place(|| {
        let reader = RangeReader::new(&config.source, config.told.max_record_bytes, shutdown.clone())?;
        let ranges = reader.find(asked)?;
        // a bar among the lines would be in their way
        let is_free = path.is_some() || !io::stdout().is_terminal();
        let bar = if is_free { Bar::new(ranges.iter().map(Range::len).sum()) } else { Bar::hidden() };
        let outcome = reader.read_while(&ranges, |(range, offset, (key, payload), beside)| {
            let (topic, partition) = (&*range.partition.topic, range.partition.partition);
            bar.step();
            n_records += 1;
            last = Some((range.partition.clone(), offset));
            let record = Record { topic, partition, offset, key, payload };
            each(&record, beside)
        });
        bar.end();
        outcome
    });
    match (outcome, last) {
        (Ok(()), _) => Ok(()),
        (Err(SourceError::Shutdown), Some((partition, offset))) => {
            bail!("stopped behind {n_records} records, the last of them at {partition}, offset {offset}")
        }
        (Err(error), _) => Err(error.into()),
    }
}
