//! What is made from the flags: help that fits a screen, completions of shells, pages of the manual.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::Bridge;

/// Every command, as it is typed.
const COMMANDS: [&str; 16] = [
    "",
    "run",
    "replay",
    "check",
    "status",
    "ready",
    "rejects",
    "rejects list",
    "rejects show",
    "rejects retry",
    "rejects delete",
    "inspect",
    "sql",
    "demo",
    "completions",
    "man",
];

fn printed(words: &[&str]) -> String {
    Bridge::start(words, &[]).wait().with_code(0).output
}

fn help(command: &str, flag: &str) -> String {
    printed(&command.split_whitespace().chain([flag]).collect::<Vec<_>>())
}

#[test]
fn short_help_fits_a_screen_and_has_an_example() {
    for command in COMMANDS {
        let help = help(command, "-h");
        assert!(help.lines().count() <= 40, "{command}: {} lines\n{help}", help.lines().count());
        assert!(help.contains("Example"), "{command}:\n{help}");
        assert!(help.contains(&format!("  rowkind {command}")), "{command}:\n{help}");
    }
}

#[test]
fn long_help_of_run_has_every_setting_and_short_help_those_most_used() {
    let (short, long) = (help("run", "-h"), help("run", "--help"));
    for flag in ["--sink-url", "--source-format", "--rejects-policy"] {
        assert!(short.contains(flag) && long.contains(flag), "{flag}");
    }
    for flag in ["--dedup-tail", "--sink-sync-sequences", "--no-dedup"] {
        assert!(!short.contains(flag) && long.contains(flag), "{flag}");
    }
    for command in ["", "run", "replay", "check", "status", "inspect", "rejects retry", "rejects delete", "demo"] {
        let help = help(command, "--help");
        assert!(help.contains("xit code"), "{command}:\n{help}");
    }
}

#[test]
fn completions_of_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("status") && script.contains("source-brokers"), "{shell}:\n{script}");
    }
    Bridge::start(&["completions", "cmd"], &[]).wait().with_code(2);
}

/// What a shell makes of its script, where there is the shell.
#[test]
fn bash_completes() {
    let script = printed(&["completions", "bash"]);
    let asked = format!(
        "{script}\nCOMP_WORDS=(rowkind stat); COMP_CWORD=1; _rowkind rowkind stat rowkind; echo \"${{COMPREPLY[@]}}\"
         COMP_WORDS=(rowkind status --wat); COMP_CWORD=2; _rowkind rowkind --wat status; echo \"${{COMPREPLY[@]}}\""
    );
    let Ok(ran) = Command::new("bash").args(["-c", &asked]).output() else { return };
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "status\n--watch\n", "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn pages_of_the_manual() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("man/man1");
    printed(&["man", folder.to_str().unwrap()]);
    for command in COMMANDS {
        let name = format!("rowkind {command}").trim().replace(' ', "-");
        let page = folder.join(format!("{name}.1"));
        let roff = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(roff.contains(&format!(".TH {name} 1")), "{roff}");
        renders(&page, &name);
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), COMMANDS.len());
    assert!(printed(&["man"]).contains(".TH rowkind 1"));
    Bridge::start(&["man", "/dev/null/none"], &[]).wait().with_code(1).says("cannot write to `/dev/null/none`");
}

/// Where there is `man`: some images have a text in its place.
fn renders(page: &Path, name: &str) {
    let version = Command::new("man").arg("--version").output();
    if !version.is_ok_and(|version| version.stdout.starts_with(b"man")) {
        return;
    }
    let man = Command::new("man").arg("-l").arg(page).env("MANPAGER", "cat").stdin(Stdio::null()).output();
    let Ok(rendered) = man else { return };
    let text = String::from_utf8_lossy(&rendered.stdout);
    assert!(rendered.status.success() && text.contains(&format!("{name}(1)")), "{name}: {text}");
}
