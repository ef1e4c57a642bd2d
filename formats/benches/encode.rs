//! Encoding, in events per second of one core, of the shop's changes as they were decoded.
//!
//! `cargo bench -p rowkind-formats --bench encode`

use std::fmt;
use std::fs;
use std::path::Path;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use rowkind_formats::{Decoder, Encoder, Encoding, Envelopes, Event, RecordedRecord, Records};

/// An encoding by its name.
#[derive(Clone, Copy)]
struct Named(&'static str, Encoding);

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

const ENVELOPES: Envelopes = Envelopes { updates: rowkind_formats::Updates::Update, tombstones: true };

const ENCODINGS: [Named; 6] = [
    Named("debezium", Encoding::DebeziumJson { schema: false, envelopes: ENVELOPES }),
    Named("debezium with schema", Encoding::DebeziumJson { schema: true, envelopes: ENVELOPES }),
    Named("upserts", Encoding::UpsertJson { schema: false }),
    Named("upserts with schema", Encoding::UpsertJson { schema: true }),
    Named("canal", Encoding::CanalJson),
    Named("maxwell", Encoding::MaxwellJson),
];

fn main() {
    divan::main();
}

#[divan::bench(args = ENCODINGS)]
fn encode(bencher: Bencher<'_, '_>, Named(_, encoding): Named) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/shop/shop.jsonl");
    let text = fs::read_to_string(path).expect("the fixtures can be read");
    let records: Vec<_> = text.lines().map(|line| RecordedRecord::parse(line.as_bytes())).collect();
    let records: Vec<_> = records.into_iter().map(|record| record.expect("the fixtures are records")).collect();
    let mut decoder = Decoder::default();
    let events = records.iter().map(|record| decoder.decode(&record.as_record()));
    let events: Vec<_> = events.map(|event| event.expect("the fixtures can be decoded")).collect();
    let events: Vec<_> = events.iter().filter(|event| matches!(event, Event::Change(_))).collect();
    let mut encoder = Encoder::new(encoding);
    let n_bytes: usize = events
        .iter()
        .flat_map(|event| encoder.encode(event).expect("the shop can be encoded").map(n_bytes).collect::<Vec<_>>())
        .sum();
    let bencher = bencher.counter(ItemsCount::new(events.len())).counter(BytesCount::new(n_bytes));
    bencher.bench_local(|| {
        for event in &events {
            let records: Records<'_> = encoder.encode(event).expect("the shop can be encoded");
            black_box(records.count());
        }
    });
}

fn n_bytes(record: rowkind_formats::Encoded<'_>) -> usize {
    record.key.map_or(0, <[u8]>::len) + record.payload.map_or(0, <[u8]>::len)
}
