//! Logs: for people on a terminal, as JSON lines for machines. They go to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. `RUST_LOG` chooses what is logged; without it that is `level` and above.
pub fn start(format: LogFormat, level: &str) {
    // its SDK tells at length what it does
    let by_default =
        || EnvFilter::new(format!("{level},opentelemetry=warn,opentelemetry_sdk=warn,opentelemetry_otlp=warn"));
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| by_default());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // where nobody reads standard error any more, that is no reason to end
    let builder = builder.log_internal_errors(false);
    match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
    }
}
