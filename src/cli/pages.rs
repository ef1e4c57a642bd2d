//! What is made from the flags for other programs: completions of a shell, pages of the manual.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::terminal;

pub(super) fn completions_command() -> Command {
    Command::new("completions")
        .about("Print what a shell needs to complete commands and flags")
        .after_help("Examples:\n  rowkind completions bash > /etc/bash_completion.d/rowkind\n  rowkind completions fish > ~/.config/fish/completions/rowkind.fish")
        .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(value_parser!(Shell)).help("The shell"))
}

pub(super) fn man_command() -> Command {
    Command::new("man")
        .about("Write the pages of the manual, one for each command")
        .after_help("Examples:\n  rowkind man | man -l -\n  rowkind man /usr/local/share/man/man1 && man rowkind-run")
        .arg(
            Arg::new("folder")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Where they are written; without it the main page goes to standard output"),
        )
}

/// Prints a shell's script.
///
/// # Errors
///
/// When it cannot be written.
pub fn completions(flags: &ArgMatches) -> anyhow::Result<()> {
    let shell = *flags.get_one::<Shell>("shell").expect("clap asks for it");
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "rowkind", &mut script);
    print(script)
}

/// Writes the manual.
///
/// # Errors
///
/// When it cannot be written.
pub fn man(flags: &ArgMatches) -> anyhow::Result<()> {
    match flags.get_one::<PathBuf>("folder") {
        None => {
            let mut page = Vec::new();
            Man::new(super::command()).render(&mut page).context("cannot make the page")?;
            print(page)
        }
        Some(folder) => write(folder).with_context(|| format!("cannot write to `{}`", folder.display())),
    }
}

fn write(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(super::command().disable_help_subcommand(true), folder)
}

fn print(text: Vec<u8>) -> anyhow::Result<()> {
    let text = String::from_utf8(text).expect("what flags say is text");
    terminal::print(&text).map(drop).context("cannot write")
}
