//! The command line. The flags of a pipeline are made from the table of settings.

mod of_pipeline;
pub mod pages;
mod rejects;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use rowkind_formats::Format;

use crate::config::settings;
use crate::inspect::Output;
use crate::log::LogFormat;
use crate::near::nearest;
use crate::version;
use of_pipeline::{of_pipeline, output, with_settings};

/// The whole command line.
pub fn command() -> Command {
    Command::new("rowkind")
        .version(version::VERSION)
        .long_version(version::long())
        .about("Change events of Debezium, Canal or Maxwell from Kafka into Postgres tables, exactly once")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(120)
        .after_help(
            "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 stopped at a record that cannot be applied, 4 (replay) the target \
             differs.\n\nExample:\n  rowkind check -c rowkind.toml && rowkind run -c rowkind.toml",
        )
        .arg(
            Arg::new("log-format")
                .long("log-format")
                .value_name("FORMAT")
                .global(true)
                .value_parser(value_parser!(LogFormat))
                .default_value("text")
                .help("How log lines look; RUST_LOG chooses which there are"),
        )
        .subcommand(run())
        .subcommand(replay())
        .subcommand(check())
        .subcommand(status())
        .subcommand(ready())
        .subcommand(rejects::command())
        .subcommand(inspect())
        .subcommand(sql())
        .subcommand(demo())
        .subcommand(pages::completions_command())
        .subcommand(pages::man_command())
}

/// What was typed, or the end of the process with what is wrong with it.
pub fn matches() -> ArgMatches {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    command().try_get_matches_from(&arguments).unwrap_or_else(|mut error| {
        if let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand)
            && let Some(meant) = meant(typed, &arguments)
        {
            error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![meant]));
        }
        error.exit()
    })
}

/// The command that was meant, which clap does not find for short words.
fn meant(typed: &str, arguments: &[OsString]) -> Option<String> {
    let root = command();
    let words = arguments.iter().filter_map(|argument| argument.to_str());
    let within = words.fold(&root, |within, word| within.find_subcommand(word).unwrap_or(within));
    nearest(typed, within.get_subcommands().map(Command::get_name)).map(str::to_owned)
}

fn run() -> Command {
    let example = "Example:\n  rowkind run --name shop --source-brokers localhost:9092 --source-topics shop.public.orders \\\n    \
                   --sink-url postgres://app@localhost/shop";
    let run = Command::new("run")
        .about("Run a pipeline until SIGTERM or SIGINT (drains, commits, exits 0)")
        .after_help(format!("These are the settings most used; --help has them all. -c FILE reads them from a file.\n\n{example}"))
        .after_long_help(format!(
            "Every setting is a flag, an environment variable (--sink-url is ROWKIND_SINK_URL, or ROWKIND_SINK_URL_FILE for a file that \
             holds it) and a key of the file (sink.url); flags win over environment over file.\n\n\
             Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 stopped at a record that cannot be applied.\n\n{example}",
        ));
    of_pipeline(run, false)
}

fn replay() -> Command {
    let flag = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let set = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let path = |name: &'static str, help: &'static str| flag(name, "FILE", help).value_parser(value_parser!(PathBuf));
    let examples = "Examples:\n  rowkind replay -c rowkind.toml --topic shop.public.orders --dry-run\n  \
                    rowkind replay -c rowkind.toml --topic shop.public.orders --from \"last 2h\" --key id=17\n  \
                    rowkind replay -c rowkind.toml --topic shop.public.orders --into rebuilt";
    let replay = Command::new("replay")
        .about("Apply a range of offsets or of time again: into the target, which it can compare, or elsewhere")
        .after_help(examples)
        .after_long_help(format!(
            "Without --into and the like the range is replayed into the pipeline's own tables, also while it runs: for the rows that occur \
             in the range it reads on to the pipeline's stored offset, so that no old value comes back, and writes what differs.\n\n\
             Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 stopped at a record that cannot be applied, 4 the target differs.\n\n\
             {examples}"
        ))
        .args([
            flag("topic", "TOPIC", "A topic, or a pattern that begins with ^ [default: all of the pipeline]").action(ArgAction::Append),
            flag("partition", "N", "One partition of it").value_parser(value_parser!(i32).range(0..)),
            flag("from", "PLACE", "Its begin: an offset, \"2h ago\", a moment (2026-11-21T13:26:07Z)")
                .allow_hyphen_values(true),
            flag("to", "PLACE", "Its end, the first record that is not in it, written like --from")
                .allow_hyphen_values(true),
            flag("table", "TABLE", "Only rows of this source table, as the changelog names it").action(ArgAction::Append),
            flag("key", "COLUMN=VALUE", "Only rows with this value in this column of the source").action(ArgAction::Append),
        ])
        .args([
            set("dry-run", "Change nothing: print how the target differs, row by row"),
            set("delete-extra", "Delete rows of the target, too, that a whole topic does not have"),
            flag("into", "SCHEMA", "Into tables of this schema, made like the target's"),
            set("resume", "Go on with a replay into a schema that was interrupted").requires("into"),
            flag("into-topic", "TOPIC", "To this topic, as {schema}.{table}.again; --sink-format says as what"),
            path("into-file", "The changelog, into a file"),
            set("print", "The changelog, to standard output"),
            path("dump", "The records as they are, into a file of the lines of kcat -J"),
            output("How rows are printed; json is one object a line"),
        ])
        .group(
            ArgGroup::new("destination")
                .args(["dry-run", "delete-extra", "into", "into-topic", "into-file", "print", "dump"])
                .multiple(false),
        );
    of_pipeline(replay, true)
}

fn check() -> Command {
    let check = Command::new("check")
        .about("Say what would fail before the start: brokers, topics, records, registry, target, rights")
        .after_help(
            "It reads the last records of each topic and applies them to the target in a transaction that is rolled back; it takes the\n\
             settings of `rowkind run`. Exit codes: 0 nothing would fail, 1 something would, 2 usage or configuration.\n\n\
             Example:\n  rowkind check -c rowkind.toml",
        )
        .arg(output("How findings are printed; json is one object a line"));
    of_pipeline(check, true)
}

fn status() -> Command {
    let example = "Examples:\n  rowkind status -c rowkind.toml\n  rowkind status -c rowkind.toml --watch 5s\n  \
                   rowkind status -c rowkind.toml --output json | jq 'select(.lag > 1000)'";
    let status = Command::new("status")
        .about("Say how far a pipeline has come: stored offsets, lag, owners and open rejects of each partition")
        .after_help(example)
        .after_long_help(format!(
            "It takes the settings of `rowkind run`, changes nothing and joins no group; of Postgres it needs no right but to read \
             rowkind.offsets. What is not known is `-`, or null in json, where times are milliseconds (`_ms`).\n\n\
             STORED is the next offset to read, END the end of the log, LAG TIME the age of the first record that is not applied, \
             OWNER the member of the consumer group that has the partition.\n\n\
             Exit codes: 0 seen (SIGINT ends --watch with it too), 1 Postgres or the brokers do not answer, 2 usage or configuration.\n\n{example}",
        ))
        .arg(output("How partitions are printed; json is one object a line"))
        .arg(
            Arg::new("watch")
                .long("watch")
                .value_name("INTERVAL")
                .num_args(0..=1)
                .default_missing_value("2s")
                .help("Look again and again, this long after each look [2s]"),
        );
    of_pipeline(status, true)
}

fn ready() -> Command {
    let ready = Command::new("ready")
        .about("Ask the pipeline that runs here whether it is at work, as a container's health check does")
        .after_help(
            "It takes the settings of `rowkind run`, and asks /readyz of `metrics.listen`. Exit codes: 0 ready, 1 not ready (and why) or no answer,\n\
             2 usage or configuration.\n\n\
             Example:\n  rowkind ready -c rowkind.toml",
        );
    of_pipeline(ready, true)
}

fn sql() -> Command {
    let examples = "Examples:\n  rowkind sql job.sql\n  rowkind sql --explain job.sql\n  rowkind sql --to-toml job.sql > rowkind.toml";
    let set = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let sql = Command::new("sql")
        .about("Run a job that was written for Flink SQL: CREATE TABLE, SET, INSERT INTO … SELECT")
        .after_help(examples)
        .after_long_help(format!(
            "Each INSERT is a pipeline. Options of tables have Flink's names and defaults; one that cannot be honoured is an error that names \
             it. What is said by flags and variables holds for all pipelines of the job.\n\n\
             Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 stopped at a record that cannot be applied.\n\n{examples}"
        ))
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The job; - for standard input"),
        )
        .arg(set("explain", "Print the pipelines that were understood, and run nothing").conflicts_with("to-toml"))
        .arg(set("to-toml", "Print the rowkind.toml that does the same, and run nothing"));
    with_settings(sql, true)
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
        .arg(
            flag(
                "changelog",
                "WORD",
                "What is printed: what events say, or all that changed, by the last row of each key",
            )
            .value_parser(["sent", "all"])
            .default_value("sent"),
        )
        .arg(flag("brokers", "HOST:PORT", "Read a topic of these brokers, from its oldest record to its end"))
        .arg(flag("topic", "TOPIC", "The topic"))
        .arg(flag("property", "KEY=VALUE", "Any librdkafka property").action(ArgAction::Append))
        .args(settings::decoding().map(|setting| of_pipeline::flag(setting).hide_short_help(true)))
        .arg(
            Arg::new("file").value_name("FILE").value_parser(value_parser!(PathBuf)).help(
                "Recorded records, one JSON object a line as `kcat -J` prints them; - or nothing is standard input",
            ),
        )
}

fn demo() -> Command {
    Command::new("demo")
        .about("Show the whole road on this machine: a Kafka in the process, a Postgres of its own, a recorded shop")
        .after_help(
            "Exit codes: 0 the target equals its source, 1 it does not, or something is missing here.\n\n\
             Example:\n  rowkind demo --fast",
        )
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
