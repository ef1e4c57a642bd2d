//! The binary: reads the command line, runs one command, turns its end into an exit code.

use std::io::Write as _;
use std::process::ExitCode;

use rowkind::bridge::{self, RunError};
use rowkind::config::{Config, ConfigError};
use rowkind::log::{self, LogFormat};
use rowkind::rejects::command::{self as rejects, Left};
use rowkind::replay::{self, Differs};
use rowkind::shutdown::Shutdown;
use rowkind::source::SourceError;
use rowkind::{check, cli, demo, inspect, ready, sql, status};

fn main() -> ExitCode {
    let matches = cli::matches();
    let format = *matches.get_one::<LogFormat>("log-format").unwrap_or(&LogFormat::Text);
    let result = match matches.subcommand() {
        Some(("run", flags)) => {
            log::start(format, "info");
            Config::read(flags).map_err(anyhow::Error::from).and_then(run)
        }
        Some(("replay", flags)) => {
            log::start(format, "warn");
            replay::Options::read(flags).map_err(anyhow::Error::from).and_then(replay::run)
        }
        Some(("check", flags)) => check::Options::read(flags).map_err(anyhow::Error::from).and_then(check::run),
        Some(("status", flags)) => status::Options::read(flags).map_err(anyhow::Error::from).and_then(status::run),
        Some(("ready", flags)) => ready::Options::read(flags).map_err(anyhow::Error::from).and_then(ready::run),
        Some(("rejects", flags)) => rejects::Options::read(flags).map_err(anyhow::Error::from).and_then(rejects::run),
        Some(("sql", flags)) => {
            log::start(format, "info");
            sql::Options::read(flags).map_err(anyhow::Error::from).and_then(|options| sql::run(&options))
        }
        Some(("inspect", flags)) => inspect::Options::read(flags).map_err(anyhow::Error::from).and_then(inspect::run),
        Some(("demo", flags)) => demo::run(&demo::Options::read(flags)),
        Some(("completions", flags)) => cli::pages::completions(flags),
        Some(("man", flags)) => cli::pages::man(flags),
        _ => unreachable!("clap asks for a subcommand"),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            match format {
                // nobody may read it any more
                LogFormat::Text => drop(writeln!(std::io::stderr(), "rowkind: {error:#}")),
                LogFormat::Json => tracing::error!("{error:#}"),
            }
            ExitCode::from(exit_code(&error))
        }
    }
}

/// 1 failed, 2 usage or configuration, 3 stopped at a reject, 4 the target differs.
fn exit_code(error: &anyhow::Error) -> u8 {
    match (error.downcast_ref::<RunError>(), error.is::<ConfigError>()) {
        (Some(RunError::Rejected(_)), _) => 3,
        _ if matches!(error.downcast_ref(), Some(Left::Rejected(_))) => 3,
        _ if error.is::<Differs>() => 4,
        (Some(RunError::Config(_)), _) | (_, true) => 2,
        _ if matches!(error.downcast_ref(), Some(SourceError::Config(_))) => 2,
        _ => 1,
    }
}

#[tokio::main]
async fn run(config: Config) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    shutdown.on_signals()?;
    Ok(bridge::run(config, shutdown).await?)
}
