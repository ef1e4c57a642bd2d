//! The flags of a command that is about a pipeline: its settings, from their table.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

use crate::config::settings::{Kind, SETTINGS, Setting};
use crate::inspect::Output;

/// What `rowkind run -h` shows; `--help` shows all.
const COMMON: [&str; 13] = [
    "name",
    "source.brokers",
    "source.topics",
    "source.topic_pattern",
    "source.file",
    "source.format",
    "source.start",
    "source.stop",
    "registry.url",
    "sink.type",
    "sink.url",
    "sink.table",
    "rejects.policy",
];

/// A command on a pipeline, with its settings. They are shown with `run` alone.
pub(super) fn of_pipeline(command: Command, hides_settings: bool) -> Command {
    let file = Arg::new("config")
        .short('c')
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The configuration file (TOML)");
    with_settings(command.arg(file), hides_settings)
}

/// The same without a configuration file.
pub(super) fn with_settings(command: Command, hides_settings: bool) -> Command {
    command
        .args(
            SETTINGS
                .iter()
                .map(|setting| flag(setting).hide(hides_settings).hide_short_help(!COMMON.contains(&setting.key))),
        )
        .arg(
            Arg::new("no-dedup")
                .long("no-dedup")
                .hide(hides_settings)
                .hide_short_help(true)
                .action(ArgAction::SetTrue)
                .conflicts_with("dedup-enabled")
                .help("Apply every event, repeated ones too: the same as --dedup-enabled=false"),
        )
}

/// A setting as a flag.
pub(super) fn flag(setting: &'static Setting) -> Arg {
    let name = setting.flag();
    let mut takes = String::new();
    if let Kind::Choice(words) = setting.kind
        && words.len() > 1
    {
        takes.push_str(" [");
        takes.push_str(&words.join(", "));
        takes.push(']');
    }
    if let Some(default) = setting.default {
        takes.push_str(" [default: ");
        takes.push_str(default);
        takes.push(']');
    }
    // -h has the first of what there is to say
    let (first, all) = (setting.help.split("; ").flat_map(|part| part.split(": ")).next().unwrap_or(""), setting.help);
    let arg = Arg::new(name.clone()).long(name).help(format!("{first}{takes}")).long_help(format!("{all}{takes}"));
    match setting.kind {
        Kind::List | Kind::Pairs => arg.action(ArgAction::Append).value_name(value_name(setting.kind)),
        Kind::Bool => arg.num_args(0..=1).default_missing_value("true").value_name("BOOL"),
        kind => arg.value_name(value_name(kind)),
    }
}

fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Template | Kind::Bool => "TEXT",
        Kind::Secret => "SECRET",
        Kind::List => "NAME,…",
        Kind::Pairs => "KEY=VALUE",
        Kind::Count => "N",
        Kind::Bytes => "SIZE",
        Kind::Duration => "TIME",
        Kind::Moment => "MOMENT",
        Kind::Choice(_) => "WORD",
    }
}

/// How a command prints what it finds.
pub(super) fn output(help: &'static str) -> Arg {
    Arg::new("output")
        .long("output")
        .value_name("OUTPUT")
        .value_parser(value_parser!(Output))
        .default_value("text")
        .help(help)
}
