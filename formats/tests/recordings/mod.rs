//! Records of `fixtures/`, and what they decode to.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rowkind_formats::{Decoder, Event, Format, Record, RecordedRecord, Told, changelog};
use serde_json::value::RawValue;

/// A file or folder of `fixtures/`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(path)
}

/// The `.jsonl` files directly in a folder of `fixtures/`, by name.
///
/// # Panics
///
/// When there are none.
pub(crate) fn jsonl_files(folder: &str) -> Vec<PathBuf> {
    let folder = fixture(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    assert!(!files.is_empty(), "{} holds no records", folder.display());
    files
}

/// The records of a `.jsonl` file.
pub(crate) fn records(file: &Path) -> Vec<RecordedRecord> {
    let text = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| RecordedRecord::parse(line).unwrap()).collect()
}

/// What a record decodes to: its changelog rows, each ended by a newline. What the rows do not show is a comment:
/// columns that were not sent, what is not about rows, and errors.
pub(crate) fn outcome(decoder: &mut Decoder, record: &Record<'_>) -> String {
    let event = match decoder.decode(record) {
        Ok(event) => event,
        Err(error) => return format!("# error: {error}\n"),
    };
    let comment = match &event {
        Event::Change(change) => {
            let not_sent = change.rows.iter().flat_map(|row| &row.not_sent);
            not_sent.fold(String::new(), |comment, name| comment + "# not sent: " + name + "\n")
        }
        Event::Aside(aside) => format!("# {aside:?}\n"),
        Event::Tombstone { table: Some(_), key: Some(_) } | Event::Truncate { .. } => String::new(),
        Event::Tombstone { table, key } => {
            let of = |known| if known { "known" } else { "unknown" };
            format!("# tombstone: table {}, key {}\n", of(table.is_some()), of(key.is_some()))
        }
    };
    changelog::text(&event) + &comment
}

/// The decoder of a format. Canal's recordings are of servers in UTC.
pub(crate) fn decoder(format: Format) -> Decoder {
    Decoder::new(format, &Told { time_zone: "UTC".parse().ok(), ..Told::default() })
}

/// The decoder of a format that knows the Avro schemas in the folder's `registry.json`, where it has one.
pub(crate) fn decoder_of(format: Format, folder: &str) -> Decoder {
    let mut decoder = decoder(format);
    if let Ok(registry) = fs::read_to_string(fixture(folder).join("registry.json")) {
        let schemas: BTreeMap<u32, Box<RawValue>> = serde_json::from_str(&registry).unwrap();
        for (id, schema) in schemas {
            decoder.learn_schema(id, schema.get(), &[]).unwrap();
        }
    }
    decoder
}

/// The outcomes of records in their order.
pub(crate) fn outcomes(mut decoder: Decoder, records: &[RecordedRecord]) -> String {
    records.iter().map(|record| outcome(&mut decoder, &record.as_record())).collect()
}
