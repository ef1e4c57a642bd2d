//! `rowkind inspect`: the changelog of recorded records, or of a topic, printed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::ArgMatches;
use rowkind_formats::{Column, Event, Format, Record, RecordedRecord, Table, Told, Value, changelog};

use tokio::runtime::Runtime;

use crate::config::{Config, ConfigError};
use crate::decode::{Decoder, Shared};
use crate::dedup::Dedup;
use crate::normalize::{Known, State};
use crate::registry::{self, Registry};
use crate::source::{read_line, read_topic};
use crate::terminal::{self, Look};

/// Rows that `--dedup` remembers; the least recently printed are forgotten.
const MAX_KEYS: usize = 1_000_000;

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    input: Input,
    format: Format,
    told: Told,
    registry: Option<registry::Settings>,
    output: Output,
    wanted: Wanted,
    drops_repeats: bool,
    completes: bool,
}

#[derive(Debug)]
enum Input {
    Standard,
    File(PathBuf),
    Topic { brokers: String, topic: String, properties: Vec<(String, String)> },
}

/// How something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Which rows are printed.
#[derive(Debug)]
struct Wanted {
    /// As the changelog prints them; all when empty.
    tables: Vec<String>,
    /// Columns with the texts that they must have, all of them.
    key: Vec<(String, String)>,
}

impl Options {
    /// Reads the flags of `rowkind inspect`.
    ///
    /// # Errors
    ///
    /// When flags exclude each other, or a pair is none.
    pub fn read(flags: &ArgMatches) -> Result<Self, ConfigError> {
        let text = |name: &str| flags.get_one::<String>(name).cloned();
        let pairs = |name: &str| -> Result<Vec<(String, String)>, ConfigError> {
            let all = flags.get_many::<String>(name).unwrap_or_default();
            let pair = |text: &String| match text.split_once('=') {
                Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
                None => Err(ConfigError::new(format!("--{name}: expected NAME=VALUE"))),
            };
            all.map(pair).collect()
        };
        let input = match (text("brokers"), text("topic"), flags.get_one::<PathBuf>("file")) {
            (Some(brokers), Some(topic), None) => Input::Topic { brokers, topic, properties: pairs("property")? },
            (None, None, Some(path)) if path.as_os_str() != "-" => Input::File(path.clone()),
            (None, None, _) => Input::Standard,
            _ => return Err(ConfigError::new("--brokers and --topic go together, and without a file".to_owned())),
        };
        let word = text("format").unwrap_or_default();
        let format = Format::WORDS.iter().find(|(known, _)| *known == word).map(|(_, format)| *format);
        let format = format.ok_or_else(|| ConfigError::new("--format: not a format".to_owned()))?;
        let (told, registry) = Config::read_decoding(flags)?;
        Ok(Self {
            input,
            format,
            told,
            registry,
            drops_repeats: flags.get_flag("dedup"),
            completes: text("changelog").is_some_and(|word| word == "all"),
            output: *flags.get_one("output").unwrap_or(&Output::Text),
            wanted: Wanted {
                tables: flags.get_many::<String>("table").unwrap_or_default().cloned().collect(),
                key: pairs("key")?,
            },
        })
    }
}

/// Prints the changelog.
///
/// # Errors
///
/// When the input cannot be read, or some of its records could not be decoded; those are named on standard error.
pub fn run(options: Options) -> anyhow::Result<()> {
    let Options { input, format, told, registry, output, wanted, drops_repeats, completes } = options;
    let runtime = Runtime::new().context("cannot start threads")?;
    let registry = registry.map(|settings| Registry::new(&settings, runtime.handle().clone())).transpose()?;
    let state = completes.then(State::in_memory).transpose()?;
    let mut printer = Printer {
        dedup: drops_repeats.then(|| Dedup::new(MAX_KEYS)),
        known: state.as_ref().map(Known::new),
        decoder: Decoder::new(format, &told, Arc::new(Shared::new(registry))),
        out: BufWriter::new(io::stdout().lock()),
        has_colour: terminal::has_colour(),
        output,
        wanted: &wanted,
        max_line_bytes: RecordedRecord::max_line_bytes(told.max_record_bytes),
        n_bad: 0,
        gone: None,
    };
    match &input {
        Input::Standard => printer.read("standard input", io::stdin().lock())?,
        Input::File(path) => {
            let file = File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            printer.read(&path.display().to_string(), BufReader::new(file))?;
        }
        Input::Topic { brokers, topic, properties } => {
            read_topic(brokers, topic, properties, |record, timestamp_ms| printer.record(record, timestamp_ms))?;
        }
    }
    printer.end()
}

struct Printer<'o, W: Write> {
    /// `None` when repeats are printed too.
    dedup: Option<Dedup>,
    /// The last row of each key; `None` when events are printed as they are.
    known: Option<Known<'o>>,
    decoder: Decoder,
    out: W,
    has_colour: bool,
    output: Output,
    wanted: &'o Wanted,
    max_line_bytes: usize,
    n_bad: usize,
    /// Why nothing can be written any more.
    gone: Option<io::Error>,
}

impl<W: Write> Printer<'_, W> {
    /// Prints the records of a file.
    fn read(&mut self, name: &str, mut lines: impl BufRead) -> anyhow::Result<()> {
        let (mut line, mut n_lines) = (Vec::new(), 0_usize);
        loop {
            line.clear();
            let fits = read_line(&mut lines, &mut line, self.max_line_bytes);
            let fits = fits.with_context(|| format!("cannot read {name}"))?;
            if line.is_empty() {
                return Ok(());
            }
            n_lines += 1;
            if !fits {
                self.bad(&format!(
                    "{name}, line {n_lines}: expected at most {} bytes, found more",
                    self.max_line_bytes
                ));
                lines.skip_until(b'\n').with_context(|| format!("cannot read {name}"))?;
                continue;
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            match RecordedRecord::parse(&line) {
                Err(error) => self.bad(&format!("{name}, line {n_lines}: {error}")),
                Ok(record) => {
                    if !self.record(&record.as_record(), record.timestamp_ms) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Prints the rows of a record; `false` when nobody reads them any more.
    fn record(&mut self, record: &Record<'_>, timestamp_ms: Option<i64>) -> bool {
        let mut event = match self.decoder.decode(record) {
            Ok(event) => event,
            Err(error) => {
                let Record { topic, partition, offset, .. } = record;
                self.bad(&format!("topic {topic}, partition {partition}, offset {offset}: {error}"));
                return true;
            }
        };
        if self.dedup.as_ref().is_some_and(|dedup| !dedup.keep(record, &mut event)) {
            return true;
        }
        if let Some(known) = &mut self.known {
            match known.complete(record.topic, event) {
                Ok(Some(complete)) => event = complete,
                Ok(None) => return true,
                Err(error) => {
                    self.bad(&error.to_string());
                    return false;
                }
            }
        }
        if !self.wanted.keeps(&mut event) {
            return true;
        }
        let written = match self.output {
            Output::Json => self.out.write_all(changelog::json(&event, record, timestamp_ms).as_bytes()),
            Output::Text => changelog::text(&event)
                .lines()
                .try_for_each(|line| writeln!(self.out, "{}", Look::of_changelog(line).paint(line, self.has_colour))),
        };
        self.gone = written.err();
        self.gone.is_none()
    }

    fn bad(&mut self, what: &str) {
        // in the order of the records, where both go to one terminal
        let _ = self.out.flush();
        eprintln!("rowkind: {what}");
        self.n_bad += 1;
    }

    fn end(mut self) -> anyhow::Result<()> {
        match self.gone.take().map_or_else(|| self.out.flush(), Err) {
            // `| head` has seen enough
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written.context("cannot write")?,
        }
        match self.n_bad {
            0 => Ok(()),
            1 => bail!("1 record could not be decoded"),
            n => bail!("{n} records could not be decoded"),
        }
    }
}

impl Wanted {
    /// Leaves the rows that are wanted; `false` when there are none.
    fn keeps(&self, event: &mut Event<'_>) -> bool {
        match event {
            Event::Change(change) => {
                change.rows.retain(|row| self.has_table(&change.table) && self.has_key(&row.columns));
                !change.rows.is_empty()
            }
            Event::Tombstone { table: Some(table), key: Some(key) } => {
                self.has_table(table) && self.has_key(&key.columns)
            }
            Event::Truncate { table, .. } => self.has_table(table) && self.key.is_empty(),
            Event::Tombstone { .. } | Event::Aside(_) => false,
        }
    }

    fn has_table(&self, table: &Table<'_>) -> bool {
        self.tables.is_empty() || self.tables.contains(&changelog::table_name(table))
    }

    fn has_key(&self, columns: &[Column<'_>]) -> bool {
        let value = |name: &str| columns.iter().find(|column| column.name == name).map(|column| &column.value);
        self.key.iter().all(|(name, wanted)| match value(name) {
            Some(Value::Number(text) | Value::Text(text) | Value::Untyped(text)) => text == wanted,
            Some(Value::Bool(value)) => value.to_string() == *wanted,
            _ => false,
        })
    }
}
