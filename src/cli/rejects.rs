//! `rowkind rejects` and what is done with them.

use clap::{Arg, ArgAction, Command, value_parser};

use super::of_pipeline::{of_pipeline, output};
use crate::rejects::kept::Place;

pub(super) fn command() -> Command {
    let places = || {
        Arg::new("places")
            .value_name("PLACE")
            .num_args(0..)
            .value_parser(value_parser!(Place))
            .help("A reject, as topic:partition:offset; all when none is named")
    };
    let topic = || Arg::new("topic").long("topic").value_name("TOPIC").help("Only rejects of this topic");
    let set = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let output = || output("How it is printed; json is one object a line");
    let limit = Arg::new("limit")
        .long("limit")
        .value_name("N")
        .value_parser(value_parser!(u32).range(1..))
        .default_value("100")
        .help("How many at most");
    let list = Command::new("list")
        .about("List what is open: where it stands, when it was put aside, and why")
        .args([topic(), limit, output()])
        .after_help("Example:\n  rowkind rejects list -c rowkind.toml --topic shop.public.orders");
    let show = Command::new("show")
        .about("Show one whole: why it was put aside, its key, headers and payload")
        .after_help(
            "With --output json it is a recorded record, as `rowkind inspect` reads it.\n\n\
             Example:\n  rowkind rejects show -c rowkind.toml shop.public.orders:0:2",
        )
        .arg(places().num_args(1).required(true).help("The reject, as topic:partition:offset"))
        .arg(output());
    let retry = Command::new("retry")
        .about("Apply them after all, in order; what is applied is open no more, what cannot be stays with its new reason")
        .after_help(
            "A reject is applied when nothing newer of its key can have been: with `rejects.block_key` later records of its key were set aside \
             behind it. Without, only --force applies it.\n\nExit codes: 0 all were applied, 1 some were left, 3 some cannot be applied.\n\n\
             Example:\n  rowkind rejects retry -c rowkind.toml",
        )
        .args([places(), topic(), set("force", "Apply also those that may bring old values back")]);
    let delete = Command::new("delete")
        .about("Delete those that are not wanted")
        .args([
            places().help("A reject, as topic:partition:offset"),
            topic(),
            set("all", "All of them"),
            set("yes", "Delete; without it they are only listed"),
        ])
        .after_help(
            "Exit codes: 0 deleted, 1 none were: there are none, or --yes is missing.\n\n\
         Example:\n  rowkind rejects delete -c rowkind.toml shop.public.orders:0:2 --yes",
        );
    Command::new("rejects")
        .about(
            "Look at records that were put aside (rejects.policy table or topic), apply them after all, or delete them",
        )
        .after_help(
            "The pipeline's settings are read as `rowkind run` reads them: -c FILE, the environment, flags.\n\n\
             Example:\n  rowkind rejects list -c rowkind.toml",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([list, show, retry, delete].map(|command| of_pipeline(command, true)))
}
