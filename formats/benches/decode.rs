//! Decoding, in records per second of one core, beside a plain parse of the same bytes into `serde_json::Value`.
//!
//! `cargo bench -p rowkind-formats`

use std::fmt;
use std::fs;
use std::path::Path;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use rowkind_formats::{Decoder, Format, Placeholder, RecordedRecord};
use serde_json::Value;

/// Records of one format.
#[derive(Clone, Copy)]
struct Recording {
    format: Format,
    /// Under `fixtures`: a file, or a folder of them.
    path: &'static str,
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)
    }
}

const RECORDINGS: [Recording; 4] = [
    // with schema
    Recording { format: Format::DebeziumJson, path: "shop/shop.jsonl" },
    Recording { format: Format::DebeziumJson, path: "shop/plain" },
    Recording { format: Format::MaxwellJson, path: "maxwell-json/mysql/a_maxwell_mysql_one.jsonl" },
    Recording { format: Format::CanalJson, path: "canal-json/mysql/a_canal_mysql.jsonl" },
];

fn main() {
    divan::main();
}

impl Recording {
    fn records(self) -> Vec<RecordedRecord> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(self.path);
        let files = match fs::read_dir(&path) {
            Ok(folder) => folder.map(|entry| entry.expect("the fixtures can be read").path()).collect(),
            Err(_) => vec![path],
        };
        let mut records = Vec::new();
        for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "jsonl")) {
            let text = fs::read_to_string(file).expect("the fixtures can be read");
            let parsed = text.lines().map(|line| RecordedRecord::parse(line.as_bytes()));
            records.extend(parsed.map(|record| record.expect("the fixtures are records")));
        }
        records
    }
}

/// Runs `each` over all records, again and again.
fn over(bencher: Bencher<'_, '_>, records: &[RecordedRecord], mut each: impl FnMut(&RecordedRecord)) {
    let parts = records.iter().flat_map(|record| [&record.key, &record.payload]).flatten();
    let n_bytes: usize = parts.map(Vec::len).sum();
    let bencher = bencher.counter(ItemsCount::new(records.len())).counter(BytesCount::new(n_bytes));
    bencher.bench_local(|| records.iter().for_each(&mut each));
}

#[divan::bench(args = RECORDINGS)]
fn decode(bencher: Bencher<'_, '_>, recording: Recording) {
    let mut decoder = Decoder::new(recording.format, Placeholder::default(), Vec::new());
    over(bencher, &recording.records(), |record| {
        black_box(decoder.decode(&record.as_record()).expect("the fixtures can be decoded"));
    });
}

#[divan::bench(args = RECORDINGS)]
fn plain_parse(bencher: Bencher<'_, '_>, recording: Recording) {
    over(bencher, &recording.records(), |record| {
        for part in [&record.key, &record.payload].into_iter().flatten() {
            black_box(serde_json::from_slice::<Value>(part).expect("the fixtures are JSON"));
        }
    });
}
