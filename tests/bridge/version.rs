//! What `rowkind --version` says, and where the build has it from.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::Bridge;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

#[test]
fn of_this_binary() {
    let printed = |flag| Bridge::start(&[flag], &[]).wait().with_code(0).output;
    let plain = format!("rowkind {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(printed("-V"), format!("{plain}\n"));
    let long = printed("--version");
    let built_from = long.trim_end().strip_prefix(&plain).unwrap_or_else(|| panic!("{long}"));
    if let Some(built_from) = built_from.strip_prefix(" (") {
        assert!(built_from.ends_with(')') && built_from.split([' ', ')']).next().unwrap().len() == 9, "{long}");
    } else {
        assert_eq!(built_from, "");
    }
    // The package's own repository knows its commit.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if here.join(".git").exists() && option_env!("ROWKIND_COMMIT").is_none() && git(here, &["--version"]).is_some() {
        let head = git(here, &["log", "-1", "--abbrev=9", "--format=%h %cs"]).unwrap();
        assert_eq!(long.trim_end(), format!("{plain} ({head})"));
    }
}

/// What the build script asks, in folders that know a commit and in one that does not.
#[test]
fn where_the_build_has_its_commit_from() {
    let folder = tempfile::tempdir().unwrap();
    let (script, source) = (folder.path().join("build-script"), folder.path().join("main.rs"));
    let commit = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/commit.rs");
    fs::write(&source, format!("#[path = {commit:?}]\nmod commit;\nfn main() {{ commit::tell() }}\n")).unwrap();
    let compiled = Command::new("rustc").arg("--edition=2024").arg("-o").arg(&script).arg(source).status();
    assert!(compiled.unwrap().success());
    let built_from = |folder: &Path, stated: Option<&str>| {
        let mut command = Command::new(&script);
        command.current_dir(folder).env_remove("ROWKIND_COMMIT").envs(stated.map(|stated| ("ROWKIND_COMMIT", stated)));
        let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let line = said.lines().find_map(|line| line.strip_prefix("cargo::rustc-env=ROWKIND_BUILT_FROM="));
        (line.unwrap_or_else(|| panic!("{said}")).to_owned(), said)
    };

    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert_eq!(built_from(&empty, None).0, "");
    for (stated, expected) in [
        ("", ""),
        ("unknown", ""),
        (COMMIT, "012345678"),
        ("0123456 2026-11-29\n", "0123456 2026-11-29"),
        (&format!("{COMMIT} 2026-11-29"), "012345678 2026-11-29"),
    ] {
        assert_eq!(built_from(&empty, Some(stated)).0, expected, "{stated:?}");
    }

    let packaged = folder.path().join("packaged");
    fs::create_dir(&packaged).unwrap();
    let json = format!("{{\n  \"git\": {{\n    \"sha1\": \"{COMMIT}\"\n  }},\n  \"path_in_vcs\": \"\"\n}}");
    fs::write(packaged.join(".cargo_vcs_info.json"), json).unwrap();
    assert_eq!(built_from(&packaged, None).0, "012345678");
    assert_eq!(built_from(&packaged, Some("fedcba987 2026-11-30")).0, "fedcba987 2026-11-30");

    let clone = folder.path().join("clone");
    fs::create_dir(&clone).unwrap();
    if git(&clone, &["init", "--quiet", "--initial-branch=main"]).is_none() {
        return;
    }
    let commit = ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "--allow-empty", "--message=t"];
    git(&clone, &commit).unwrap();
    git(&clone, &["worktree", "add", "--quiet", "../worktree"]).unwrap();
    for folder in [&clone, &folder.path().join("worktree")] {
        let head = git(folder, &["log", "-1", "--abbrev=9", "--format=%h %cs"]).unwrap();
        let (found, said) = built_from(folder, None);
        assert_eq!(found, head);
        let watched: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("cargo::rerun-if-changed=")).collect();
        for ending in ["HEAD", "logs/HEAD", "refs/heads/"] {
            assert!(watched.iter().any(|path| path.contains(ending)), "{ending}: {said}");
        }
        assert!(watched.iter().all(|path| folder.join(path).exists()), "{said}");
    }
    // A folder in a repository is not that repository.
    let vendored = clone.join("vendored");
    fs::create_dir(&vendored).unwrap();
    assert_eq!(built_from(&vendored, None).0, "");
}

/// What git prints; `None` where it fails, or is not there.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").current_dir(folder).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}
