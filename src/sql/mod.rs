//! Jobs that were written for Flink SQL: `CREATE TABLE`s, `SET`s and `INSERT INTO`s become pipelines.
//!
//! Comes in: a file of SQL. Goes out: for each INSERT the `rowkind.toml` that does the same, which is printed or run. What a job says
//! and cannot be had is an error that names it with its line; nothing is passed over.

mod document;
mod formats;
mod jdbc;
mod job;
mod kafka;
mod options;
#[cfg(test)]
mod properties;
mod script;

use std::fmt::Write as _;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use sqlparser::parser::ParserError;
use tokio::task::JoinSet;

use crate::bridge::{self, RunError};
use crate::config::{Config, ConfigError};
use crate::query::Unusable;
use crate::shutdown::Shutdown;
use job::Pipeline;
use script::Script;

/// A job cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SqlError {
    line: Option<u64>,
    text: String,
}

impl SqlError {
    fn new(text: impl Into<String>) -> Self {
        Self { line: None, text: text.into() }
    }

    fn at(line: u64, text: impl Into<String>) -> Self {
        Self { line: Some(line), text: text.into() }
    }

    fn in_file(self, file: &str) -> ConfigError {
        match self.line {
            Some(line) => ConfigError::new(format!("{file}, line {line}: {}", self.text)),
            None => ConfigError::new(format!("{file}: {}", self.text)),
        }
    }
}

impl From<ParserError> for SqlError {
    /// The parser says the place in words: `… at Line: 3, Column: 5`.
    fn from(error: ParserError) -> Self {
        let text = Unusable::from(error).0;
        let place = text.rsplit_once(" at Line: ").and_then(|(text, place)| {
            let (line, column) = place.split_once(", Column: ")?;
            Some((text.to_owned(), line.parse().ok()?, column.to_owned()))
        });
        match place {
            Some((text, line, column)) => Self::at(line, format!("column {column}: {text}")),
            None => Self::new(text),
        }
    }
}

/// What is done with a job.
#[derive(Debug)]
pub struct Options {
    name: String,
    text: String,
    what: What,
    flags: ArgMatches,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Run,
    Explain,
    ToToml,
}

impl Options {
    /// Reads the file that the flags name.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn read(flags: &ArgMatches) -> Result<Self, ConfigError> {
        let path = flags.get_one::<PathBuf>("file").expect("clap asks for it");
        let name = path.display().to_string();
        let text = if path == Path::new("-") {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map(|_| text)
        } else {
            std::fs::read_to_string(path)
        };
        let text = text.map_err(|error| ConfigError::new(format!("cannot read `{name}`: {error}")))?;
        let what = match (flags.get_flag("explain"), flags.get_flag("to-toml")) {
            (true, _) => What::Explain,
            (_, true) => What::ToToml,
            _ => What::Run,
        };
        Ok(Self { name, text, what, flags: flags.clone() })
    }

    fn pipelines(&self) -> Result<Vec<Pipeline>, ConfigError> {
        let pipelines = Script::read(&self.text).and_then(|script| job::pipelines(&script));
        pipelines.map_err(|error| error.in_file(&self.name))
    }

    fn config(&self, pipeline: &Pipeline) -> Result<Config, ConfigError> {
        let origin = format!("{} (INSERT INTO `{}`)", self.name, pipeline.into);
        Config::read_text(&pipeline.document.to_string(), &origin, &self.flags)
    }
}

/// Runs a job until its inputs end or it is told to stop, or prints what it understood.
///
/// # Errors
///
/// When it is none, or a pipeline of it stops.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let pipelines = options.pipelines()?;
    let configs = pipelines.iter().map(|pipeline| options.config(pipeline)).collect::<Result<Vec<_>, _>>()?;
    if let [first, second, ..] = configs.as_slice() {
        let shared = if first.name == second.name {
            Some("--name and ROWKIND_NAME")
        } else {
            first.metrics.as_ref().map(|_| "`metrics.listen`")
        };
        if let Some(shared) = shared {
            let text = format!(
                "{shared}: a job of {} pipelines has to have one of each: run them by --to-toml",
                configs.len()
            );
            return Err(ConfigError::new(text).into());
        }
    }
    let text = match options.what {
        What::Run => return Ok(run_all(configs)?),
        What::Explain => pipelines.iter().map(explained).collect::<Vec<_>>().join("\n"),
        What::ToToml => to_toml(&pipelines, &options.name),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn to_toml(pipelines: &[Pipeline], file: &str) -> String {
    let one = |pipeline: &Pipeline| {
        let Pipeline { document, from, into } = pipeline;
        format!("# {file}: `{from}` into `{into}`\n{document}")
    };
    let texts: Vec<String> = pipelines.iter().map(one).collect();
    // each is a file of its own
    texts.join("\n# ---- another pipeline, another file ----\n\n")
}

fn explained(pipeline: &Pipeline) -> String {
    let Pipeline { document, from, into } = pipeline;
    let mut text = format!("`{from}` into `{into}`\n\n");
    for line in document.without_secrets().to_string().trim().lines() {
        let _ = writeln!(text, "  {line}");
    }
    if !document.notes.is_empty() {
        text.push('\n');
        for note in &document.notes {
            let _ = writeln!(text, "  - {note}");
        }
    }
    text
}

/// Runs pipelines side by side. The first that fails stops the others.
#[tokio::main]
async fn run_all(configs: Vec<Config>) -> Result<(), RunError> {
    let shutdown = Shutdown::default();
    shutdown.on_signals().map_err(|error| RunError::Fatal(format!("cannot listen to signals: {error}")))?;
    let mut running = JoinSet::new();
    for config in configs {
        running.spawn(bridge::run(config, shutdown.clone()));
    }
    let mut outcome = Ok(());
    while let Some(ended) = running.join_next().await {
        let ended = ended.unwrap_or_else(|_| Err(RunError::Fatal("a pipeline panicked".to_owned())));
        if ended.is_err() {
            shutdown.request();
        }
        outcome = outcome.and(ended);
    }
    outcome
}
