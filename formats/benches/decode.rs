//! Decoding, in records per second of one core, beside a plain parse of the same bytes: of JSON into
//! `serde_json::Value`, of Avro into `apache_avro::types::Value`.
//!
//! `cargo bench -p rowkind-formats`

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use apache_avro::reader::datum::GenericDatumReader;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use rowkind_formats::{Decoder, Event, Format, RecordedRecord, Told};
use serde_json::Value;
use serde_json::value::RawValue;

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

const JSON: [Recording; 7] = [
    // with schema
    Recording { format: Format::DebeziumJson, path: "shop/shop.jsonl" },
    Recording { format: Format::DebeziumJson, path: "shop/plain" },
    Recording { format: Format::DebeziumJson, path: "debezium-json/postgres/json-schema" },
    Recording { format: Format::DebeziumJson, path: "debezium-json/postgres/json" },
    Recording { format: Format::FlattenedJson, path: "flattened-json/postgres/rewrite" },
    Recording { format: Format::CanalJson, path: "canal-json/mysql" },
    Recording { format: Format::MaxwellJson, path: "maxwell-json/mysql" },
];

const AVRO: [Recording; 2] = [
    Recording { format: Format::DebeziumAvro, path: "debezium-avro/postgres" },
    Recording { format: Format::FlattenedAvro, path: "flattened-avro/postgres" },
];

fn main() {
    divan::main();
}

impl Recording {
    fn path(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(self.path)
    }

    fn records(self) -> Vec<RecordedRecord> {
        let path = self.path();
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

    fn decoder(self) -> Decoder {
        let mut decoder = Decoder::new(self.format, &Told::default());
        for (id, schema) in self.schemas() {
            decoder.learn_schema(id, schema.get(), &[]).expect("the registry holds schemas");
        }
        decoder
    }

    /// Texts of Avro schemas by their ids; none where there is no registry.
    fn schemas(self) -> BTreeMap<u32, Box<RawValue>> {
        match fs::read_to_string(self.path().join("registry.json")) {
            Ok(registry) => serde_json::from_str(&registry).expect("a registry is schemas by their ids"),
            Err(_) => BTreeMap::new(),
        }
    }
}

/// Runs `each` over all records, again and again.
fn over(bencher: Bencher<'_, '_>, records: &[RecordedRecord], mut each: impl FnMut(&RecordedRecord)) {
    let parts = records.iter().flat_map(|record| [&record.key, &record.payload]).flatten();
    let n_bytes: usize = parts.map(Vec::len).sum();
    let bencher = bencher.counter(ItemsCount::new(records.len())).counter(BytesCount::new(n_bytes));
    bencher.bench_local(|| records.iter().for_each(&mut each));
}

#[divan::bench(args = JSON.into_iter().chain(AVRO))]
fn decode(bencher: Bencher<'_, '_>, recording: Recording) {
    let mut decoder = recording.decoder();
    over(bencher, &recording.records(), |record| {
        black_box(decoder.decode(&record.as_record()).expect("the fixtures can be decoded"));
    });
}

/// What finding repeats adds to a decode: the stamp of each event that was decoded.
#[divan::bench(args = JSON.into_iter().chain(AVRO))]
fn stamp(bencher: Bencher<'_, '_>, recording: Recording) {
    let records = recording.records();
    let mut decoder = recording.decoder();
    let events: Vec<_> = records.iter().filter_map(|record| decoder.decode(&record.as_record()).ok()).collect();
    let origins: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Change(change) => Some(&change.origin),
            _ => None,
        })
        .collect();
    let bencher = bencher.counter(ItemsCount::new(origins.len()));
    bencher.bench_local(|| {
        for origin in &origins {
            black_box(black_box(origin).stamp());
        }
    });
}

#[divan::bench(args = JSON)]
fn plain_parse(bencher: Bencher<'_, '_>, recording: Recording) {
    over(bencher, &recording.records(), |record| {
        for part in [&record.key, &record.payload].into_iter().flatten() {
            // which refuses the keys of some messages, that are no objects, and numbers beyond an f64
            let _ = black_box(serde_json::from_slice::<Value>(part));
        }
    });
}

#[divan::bench(args = AVRO)]
fn plain_avro(bencher: Bencher<'_, '_>, recording: Recording) {
    let parse = |(id, schema): (u32, Box<RawValue>)| {
        (id, apache_avro::Schema::parse_str(schema.get()).expect("the registry holds schemas"))
    };
    let schemas: BTreeMap<u32, apache_avro::Schema> = recording.schemas().into_iter().map(parse).collect();
    let reader = |schema| GenericDatumReader::builder(schema).build().expect("the schemas are whole");
    let readers: BTreeMap<u32, _> = schemas.iter().map(|(id, schema)| (*id, reader(schema))).collect();
    over(bencher, &recording.records(), |record| {
        for part in [&record.key, &record.payload].into_iter().flatten() {
            let (frame, mut datum) = part.split_first_chunk().expect("the fixtures are in the wire format");
            let [_, id @ ..]: [u8; 5] = *frame;
            let reader = readers.get(&u32::from_be_bytes(id)).expect("the registry is whole");
            black_box(reader.read_value(&mut datum).expect("the fixtures are of their schemas"));
        }
    });
}
