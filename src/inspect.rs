//! `rowkind inspect`: the changelog of recorded records, or of a topic, printed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::ArgMatches;
use rowkind_formats::{Format, Record, RecordedRecord, Told, changelog};

use tokio::runtime::Runtime;

use crate::config::{Config, ConfigError, Kafka, Source};
use crate::decode::{Decoder, Shared};
use crate::dedup::Dedup;
use crate::normalize::{Known, State};
use crate::records::TopicPartition;
use crate::registry::{self, Registry};
use crate::shutdown::Shutdown;
use crate::source::{Asked, RangeReader, read_line};
use crate::terminal::{self, Look};
use crate::wanted::{Wanted, pairs};

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
    Topic(Kafka),
}

/// How something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Options {
    /// Reads the flags of `rowkind inspect`.
    ///
    /// # Errors
    ///
    /// When flags exclude each other, or a pair is none.
    pub fn read(flags: &ArgMatches) -> Result<Self, ConfigError> {
        let text = |name: &str| flags.get_one::<String>(name).cloned();
        let input = match (text("brokers"), text("topic"), flags.get_one::<PathBuf>("file")) {
            (Some(brokers), Some(topic), None) => Input::Topic(Kafka {
                brokers,
                subscription: vec![topic],
                // it is asked for, and never joined
                group: "rowkind inspect".to_owned(),
                properties: pairs(flags, "property")?,
                token_location: None,
                keeps_headers: false,
            }),
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
            wanted: Wanted::read(flags)?,
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
    let decoder = Decoder::new(format, &told, Arc::new(Shared::new(registry)));
    let out = Box::new(BufWriter::new(io::stdout()));
    let mut printer = Printer::new(decoder, out, output, &wanted).coloured(terminal::has_colour());
    printer.known = state.as_ref().map(Known::new);
    printer.max_line_bytes = RecordedRecord::max_line_bytes(told.max_record_bytes);
    if drops_repeats {
        printer = printer.without_repeats(Dedup::new(MAX_KEYS));
    }
    match &input {
        Input::Standard => printer.read("standard input", io::stdin().lock())?,
        Input::File(path) => {
            let file = File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            printer.read(&path.display().to_string(), BufReader::new(file))?;
        }
        Input::Topic(kafka) => {
            let source = Source::Kafka(kafka.clone());
            let reader = RangeReader::new(&source, told.max_record_bytes, Shutdown::default())?;
            let ranges = reader.find(&Asked { topics: kafka.subscription.clone(), ..Asked::default() })?;
            reader.read_while(&ranges, |(range, offset, (key, payload), beside)| {
                let TopicPartition { topic, partition } = &range.partition;
                let record = Record { topic, partition: *partition, offset, key, payload };
                printer.record(&record, beside.timestamp_ms)
            })?;
        }
    }
    printer.end()
}

/// Prints the changelog of records.
pub(crate) struct Printer<'o> {
    /// `None` when repeats are printed too.
    dedup: Option<Dedup>,
    /// The last row of each key; `None` when events are printed as they are.
    known: Option<Known<'o>>,
    decoder: Decoder,
    out: Box<dyn Write>,
    has_colour: bool,
    output: Output,
    wanted: &'o Wanted,
    max_line_bytes: usize,
    n_bad: usize,
    /// Why nothing can be written any more.
    gone: Option<io::Error>,
}

impl<'o> Printer<'o> {
    /// A printer of what events say.
    pub(crate) fn new(decoder: Decoder, out: Box<dyn Write>, output: Output, wanted: &'o Wanted) -> Self {
        Self {
            dedup: None,
            known: None,
            decoder,
            out,
            has_colour: false,
            output,
            wanted,
            max_line_bytes: usize::MAX,
            n_bad: 0,
            gone: None,
        }
    }

    /// The same in colours.
    pub(crate) fn coloured(self, has_colour: bool) -> Self {
        Self { has_colour, ..self }
    }

    /// The same without events that were printed before.
    pub(crate) fn without_repeats(self, dedup: Dedup) -> Self {
        Self { dedup: Some(dedup), ..self }
    }

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
    pub(crate) fn record(&mut self, record: &Record<'_>, timestamp_ms: Option<i64>) -> bool {
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

    /// Prints what is left; an error when something could not be printed.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
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
