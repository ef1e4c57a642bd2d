//! The recorded records of `fixtures/`, and what they decode to.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::fs;
use std::path::{Path, PathBuf};

use rowkind_formats::{Decoder, Event, RecordedRecord, changelog};

/// A file of `fixtures/`.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(path)
}

/// The `.jsonl` files directly in a folder of `fixtures/`, by name.
///
/// # Panics
///
/// When there are none.
pub fn jsonl_files(folder: &str) -> Vec<PathBuf> {
    let folder = fixture(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    assert!(!files.is_empty(), "{} holds no records", folder.display());
    files
}

/// The records of a `.jsonl` file.
pub fn records(file: &Path) -> Vec<RecordedRecord> {
    let text = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| RecordedRecord::parse(line).unwrap())
        .collect()
}

/// The changelog of records, one decoder for all. A record that is not about rows is a comment with its kind, one that
/// cannot be decoded a comment with the error.
pub fn changelog_of(records: &[RecordedRecord]) -> String {
    let mut decoder = Decoder::default();
    let mut out = String::new();
    for record in records {
        out += &match decoder.decode(&record.as_record()) {
            Ok(Event::Aside(aside)) => format!("# {aside:?}\n"),
            Ok(event) => match changelog::text(&event) {
                text if text.is_empty() => "# tombstone of nothing\n".to_owned(),
                text => text,
            },
            Err(error) => format!("# cannot be decoded: {error}\n"),
        };
    }
    out
}
