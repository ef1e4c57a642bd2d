//! The command line. The flags of a pipeline are made from the table of settings.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};
use rowkind_formats::Format;

use crate::config::settings::{self, Kind, SETTINGS, Setting};
use crate::inspect::Output;
use crate::log::LogFormat;

/// The whole command line.
pub fn command() -> Command {
    Command::new("rowkind")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Change events of Debezium, Canal or Maxwell from Kafka into Postgres tables, exactly once")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(120)
        .arg(
            Arg::new("log-format")
                .long("log-format")
                .global(true)
                .value_parser(value_parser!(LogFormat))
                .default_value("text")
                .help("How log lines look; RUST_LOG chooses which there are"),
        )
        .subcommand(run())
        .subcommand(inspect())
        .subcommand(demo())
}

fn run() -> Command {
    Command::new("run")
        .about("Run a pipeline until SIGTERM or SIGINT (drains, commits, exits 0)")
        .after_help(
            "Every setting is a flag, an environment variable (--sink-url is ROWKIND_SINK_URL, or ROWKIND_SINK_URL_FILE for a file that \
             holds it) and a key of the file (sink.url); flags win over environment over file.\n\n\
             Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 stopped at a record that cannot be applied.\n\n\
             Example:\n  rowkind run --name shop --source-brokers localhost:9092 --source-topics shop.public.orders \\\n    \
             --sink-url postgres://app@localhost/shop",
        )
        .arg(
            Arg::new("config")
                .short('c')
                .long("config")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The configuration file (TOML)"),
        )
        .args(SETTINGS.iter().map(flag))
        .arg(
            Arg::new("no-dedup")
                .long("no-dedup")
                .action(ArgAction::SetTrue)
                .conflicts_with("dedup-enabled")
                .help("Apply every event, repeated ones too: the same as --dedup-enabled=false"),
        )
}

fn flag(setting: &'static Setting) -> Arg {
    let name = setting.flag();
    let mut help = setting.help.to_owned();
    if let Kind::Choice(words) = setting.kind
        && words.len() > 1
    {
        help.push_str(" [");
        help.push_str(&words.join(", "));
        help.push(']');
    }
    if let Some(default) = setting.default {
        help.push_str(" [default: ");
        help.push_str(default);
        help.push(']');
    }
    let arg = Arg::new(name.clone()).long(name).help(help);
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

fn inspect() -> Command {
    let flag = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("inspect")
        .about("Print the changelog of recorded records, or of a topic")
        .after_help(
            "A record that cannot be decoded is a line on standard error with its place; the exit code is 1 then.\n\n\
             Examples:\n  kcat -C -e -J -b localhost:9092 -t shop.public.orders | rowkind inspect\n  \
             rowkind inspect --brokers localhost:9092 --topic shop.public.orders --key id=17",
        )
        .arg(
            flag("format", "FORMAT", "What the records are")
                .value_parser(Format::WORDS.map(|(word, _)| word))
                .default_value("debezium-json"),
        )
        .arg(
            flag("output", "OUTPUT", "How rows are printed; json adds key, position, clocks and the record's place")
                .value_parser(value_parser!(Output))
                .default_value("text"),
        )
        .arg(flag("table", "TABLE", "Only rows of this table, as the changelog names it").action(ArgAction::Append))
        .arg(flag("key", "COLUMN=VALUE", "Only rows with this value in this column").action(ArgAction::Append))
        .arg(
            Arg::new("dedup")
                .long("dedup")
                .action(ArgAction::SetTrue)
                .help("Leave out events that the capture tool wrote again after a restart"),
        )
        .arg(flag("brokers", "HOST:PORT", "Read a topic of these brokers, from its oldest record to its end"))
        .arg(flag("topic", "TOPIC", "The topic"))
        .arg(flag("property", "KEY=VALUE", "Any librdkafka property").action(ArgAction::Append))
        .args(settings::decoding().map(self::flag))
        .arg(
            Arg::new("file").value_name("FILE").value_parser(value_parser!(PathBuf)).help(
                "Recorded records, one JSON object a line as `kcat -J` prints them; - or nothing is standard input",
            ),
        )
}

fn demo() -> Command {
    Command::new("demo")
        .about("Show the whole road on this machine: a Kafka in the process, a Postgres of its own, a recorded shop")
        .arg(
            Arg::new("url").long("url").value_name("URL").help(
                "Use this Postgres, in a database of its own that is dropped at the end, instead of starting one",
            ),
        )
        .arg(
            Arg::new("fast")
                .long("fast")
                .action(ArgAction::SetTrue)
                .help("Play the recorded events as fast as they go"),
        )
}
