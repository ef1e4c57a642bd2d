//! Says to `src/version.rs` which commit this is, where that is known: `ROWKIND_BUILT_FROM` is `f0c284951 2026-11-29`, or empty.
//!
//! Three places know it: whoever builds without the repository says it in `ROWKIND_COMMIT`, as the Dockerfile does; cargo
//! writes it into a package; git tells it in a clone.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// As many digits of a commit as cargo and rustc show of theirs.
const DIGITS: usize = 9;

const PACKAGED: &str = ".cargo_vcs_info.json";

pub(crate) fn tell() {
    println!("cargo::rerun-if-env-changed=ROWKIND_COMMIT");
    let built_from = stated().or_else(packaged).or_else(checked_out).unwrap_or_default();
    println!("cargo::rustc-env=ROWKIND_BUILT_FROM={built_from}");
}

/// A commit, and its date behind it if that is said too.
fn stated() -> Option<String> {
    let stated = env::var("ROWKIND_COMMIT").ok()?;
    let mut words = stated.split_whitespace();
    let commit = short(words.next()?)?;
    Some(words.next().map_or(commit.clone(), |date| format!("{commit} {date}")))
}

/// The commit that `cargo package` packed. It keeps no date.
fn packaged() -> Option<String> {
    let json = fs::read_to_string(PACKAGED).ok()?;
    println!("cargo::rerun-if-changed={PACKAGED}");
    let (_, behind) = json.split_once("\"sha1\"")?;
    short(behind.split('"').nth(1)?)
}

/// The commit that is checked out here. A repository around this one, as of somebody who vendors it, is not asked.
fn checked_out() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let log = git(&["log", "-1", "--format=%H %cs"])?;
    // HEAD names a branch, its log grows with every commit, and the branch is a file of its own or a line among others.
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    let places = ["HEAD", "logs/HEAD", "packed-refs", "reftable/tables.list"];
    for place in places.into_iter().chain(branch.as_deref()) {
        // One that is not there would have everything built again every time.
        if let Some(path) = git(&["rev-parse", "--git-path", place]).filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let (commit, date) = log.split_once(' ')?;
    Some(format!("{} {date}", short(commit)?))
}

/// What git prints, if it is there and takes this for a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn short(commit: &str) -> Option<String> {
    let is_commit = commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| commit.chars().take(DIGITS).collect())
}
