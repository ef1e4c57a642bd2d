//! What telling repeats costs: time for an event that is decoded already, and memory for a row that is known.
//!
//! `cargo bench -p rowkind --bench dedup`

use std::fs;
use std::hint::black_box;
use std::path::Path;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use rowkind::dedup::Dedup;
use rowkind_formats::{Decoder, Event, Record, RecordedRecord};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn records() -> Vec<RecordedRecord> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shop/shop.jsonl");
    let text = fs::read_to_string(path).expect("the fixtures can be read");
    text.lines().map(|line| RecordedRecord::parse(line.as_bytes()).expect("it is a record")).collect()
}

/// A plan of the events, judged and committed. They are those of the plan before, as when a log is read again.
fn plan(dedup: &Dedup, events: &mut [(Record<'_>, Event<'_>)]) {
    let mut judge = dedup.judge(None);
    for (record, event) in events {
        black_box(judge.keep(record, event));
    }
    dedup.commit(&judge.into_seen());
}

#[divan::bench]
fn new_events(bencher: Bencher<'_, '_>) {
    let (records, mut decoder, dedup) = (records(), Decoder::default(), Dedup::new(1_000_000));
    let events = records
        .iter()
        .map(RecordedRecord::as_record)
        .map(|record| (record, decoder.decode(&record).expect("it is an event")));
    let mut events: Vec<_> = events.collect();
    let bencher = bencher.counter(ItemsCount::new(events.len()));
    bencher.bench_local(|| plan(&dedup, &mut events));
}

/// `max alloc` is what a memory of so many rows takes when it is full.
#[divan::bench(args = [917_504, 1_000_000, 2_000_000], sample_count = 1, sample_size = 1)]
fn full_memory(bencher: Bencher<'_, '_>, max_keys: usize) {
    bencher.bench_local(|| {
        let (mut decoder, dedup) = (Decoder::default(), Dedup::new(max_keys));
        for (offset, id) in (0..).zip(0..max_keys + max_keys / 10) {
            let key = format!(r#"{{"id":{id}}}"#);
            let payload = format!(r#"{{"op":"c","source":{{"table":"t","lsn":1,"ts_ms":1}},"after":{{"id":{id}}}}}"#);
            let (key, payload) = (Some(key.as_bytes()), Some(payload.as_bytes()));
            let record = Record { topic: "t", partition: 0, offset, key, payload };
            dedup.keep(&record, &mut decoder.decode(&record).expect("it is an event"));
        }
        dedup
    });
}
