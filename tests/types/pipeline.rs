//! The real pipeline over a file of records.

use std::fmt::Write;
use std::process::Command;

use crate::server::Database;

/// How a pipeline ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) log: String,
}

impl Ended {
    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.log);
        self
    }
}

/// Runs `rowkind run` over records until their end. `settings` is TOML behind `[source]`, which has the file.
pub(crate) fn run(database: &Database, records: &str, source: &str, more: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let (file, config) = (folder.path().join("records.jsonl"), folder.path().join("rowkind.toml"));
    std::fs::write(&file, records).unwrap();
    let mut text = format!(
        "name = \"types\"
[source]
file = \"{}\"
stop = \"latest-offset\"
{source}
",
        file.display()
    );
    let _ = write!(text, "\n{more}\n");
    std::fs::write(&config, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_rowkind"))
        .args(["run", "-c"])
        .arg(&config)
        .env("ROWKIND_SINK_URL", &database.url)
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    Ended { code: output.status.code(), log }
}
