//! Changes of two tables, without an end: one in JSON over several partitions, one in Avro over one. Stretches of them come again, as
//! after a restart of Debezium, and some records cannot be applied.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Broker, Random, Record, Writer, tombstone};
use crate::poison;

pub(crate) const N_PARTITIONS: i32 = 3;
/// Of each table.
const N_ROWS: usize = 600;
/// As much of a partition may come again.
const MAX_REPEAT: usize = 300;
const PAUSE: Duration = Duration::from_millis(60);

/// How many changes are written at once to a partition, at most.
#[derive(Clone, Copy)]
pub(crate) struct Pace(pub(crate) usize);

impl Pace {
    /// What is left undone by a fault is made up for in seconds.
    pub(crate) const CALM: Self = Self(12);
    /// More than a thousand changes a second.
    pub(crate) const STEADY: Self = Self(50);
}

/// Every so many records of the Avro topic have another schema, of so many.
const PER_SCHEMA: i64 = 500;
const N_SCHEMAS: i64 = 40;

/// What was written so far.
#[derive(Default, Clone)]
pub(crate) struct Written {
    /// How many records each partition has, by its topic.
    pub(crate) ends: BTreeMap<(String, i32), i64>,
    /// Where those are that cannot be applied.
    pub(crate) poisoned: BTreeSet<(String, i32, i64)>,
    /// What the source's tables hold: `seq` by `id`.
    pub(crate) rows: [BTreeMap<i64, i64>; 2],
    pub(crate) n_repeated: usize,
}

impl Written {
    pub(crate) fn n_records(&self) -> i64 {
        self.ends.values().sum()
    }
}

/// A load that goes on until it is ended.
pub(crate) struct Load {
    is_enough: Arc<AtomicBool>,
    written: Arc<Mutex<Written>>,
    /// Held while something is written.
    writer: Arc<Mutex<Writer>>,
    source: Option<JoinHandle<()>>,
}

impl Load {
    /// Writes to both topics.
    pub(crate) fn start(broker: &Broker, topics: [String; 2], seed: u64, pace: Pace) -> Self {
        let (is_enough, written) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Written>>::default());
        let writer = Arc::new(Mutex::new(broker.writer()));
        let mut source = Source {
            random: Random(seed),
            pace,
            seq: 0,
            topics,
            tails: BTreeMap::new(),
            written: Arc::clone(&written),
        };
        let (told, shared) = (Arc::clone(&is_enough), Arc::clone(&writer));
        let source = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                let writer = shared.lock().unwrap();
                (0..N_PARTITIONS).for_each(|partition| source.write_some(&writer, 0, partition));
                source.write_some(&writer, 1, 0);
                drop(writer);
                thread::sleep(PAUSE);
            }
        });
        Self { is_enough, written, writer, source: Some(source) }
    }

    /// Nothing is written, nor on its way, for as long as this is held.
    pub(crate) fn hold(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap()
    }

    pub(crate) fn written(&self) -> Written {
        self.written.lock().unwrap().clone()
    }

    /// Ends it; all that was written.
    pub(crate) fn end(&mut self) -> Written {
        self.is_enough.store(true, Ordering::Relaxed);
        if let Some(source) = self.source.take() {
            source.join().unwrap();
        }
        self.written()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.is_enough.store(true, Ordering::Relaxed);
    }
}

struct Source {
    random: Random,
    pace: Pace,
    seq: i64,
    topics: [String; 2],
    /// What of each partition may come again.
    tails: BTreeMap<(usize, i32), VecDeque<Record>>,
    written: Arc<Mutex<Written>>,
}

impl Source {
    /// Writes some changes of a table to a partition.
    fn write_some(&mut self, writer: &Writer, table: usize, partition: i32) {
        let mut known = self.written.lock().unwrap().clone();
        let place = (self.topics[table].clone(), partition);
        let mut end = known.ends.get(&place).copied().unwrap_or_default();
        let mut records = Vec::new();
        for _ in 0..=self.random.below(self.pace.0) {
            let changes = self.change(table, partition, end, &mut known.rows[table]);
            end += i64::try_from(changes.len()).unwrap();
            let tail = self.tails.entry((table, partition)).or_default();
            tail.extend(changes.iter().cloned());
            tail.drain(..tail.len().saturating_sub(MAX_REPEAT));
            records.extend(changes);
            if table == 0 && self.random.below(150) == 0 {
                let (kind, id) = (self.random.below(poison::N_KINDS), 1_000_000 + self.seq);
                known.poisoned.insert((place.0.clone(), partition, end));
                records.push(poison::record(kind, id));
                end += 1;
            }
        }
        if self.random.below(40) == 0 {
            let tail = &self.tails[&(table, partition)];
            let stretch = tail.iter().skip(self.random.below(tail.len()));
            // a capture tool begins at a change of its source; the tombstone belongs to the delete before it
            let stretch: Vec<Record> = stretch.skip_while(|record| record.payload.is_none()).cloned().collect();
            end += i64::try_from(stretch.len()).unwrap();
            known.n_repeated += stretch.len();
            records.extend(stretch);
        }
        // the brokers may be away meanwhile
        writer.write(&place.0, partition, &records);
        known.ends.insert(place, end);
        *self.written.lock().unwrap() = known;
    }

    /// A change of a row, with the tombstone behind a delete.
    fn change(&mut self, table: usize, partition: i32, offset: i64, rows: &mut BTreeMap<i64, i64>) -> Vec<Record> {
        self.seq += 1;
        let n_partitions = if table == 0 { N_PARTITIONS } else { 1 };
        let nth = i64::try_from(self.random.below(N_ROWS / usize::try_from(n_partitions).unwrap())).unwrap();
        let (id, seq) = (nth * i64::from(n_partitions) + i64::from(partition), self.seq);
        let event = match rows.remove(&id) {
            Some(before) if self.random.below(5) == 0 => Event { op: "d", id, before: Some(before), after: None, seq },
            before => {
                rows.insert(id, seq);
                Event { op: if before.is_some() { "u" } else { "c" }, id, before, after: Some(seq), seq }
            }
        };
        let key = json!({ "id": id });
        let mut records = vec![if table == 0 { event.json() } else { event.avro(offset / PER_SCHEMA % N_SCHEMAS) }];
        if event.op == "d" && self.random.below(3) > 0 {
            records.push(if table == 0 {
                tombstone(key)
            } else {
                Record { key: Some(avro_key(id)), ..Record::default() }
            });
        }
        records
    }
}

/// A change of the row `id`, from one `seq` to another; and its own number in the source's log.
struct Event {
    op: &'static str,
    id: i64,
    before: Option<i64>,
    after: Option<i64>,
    seq: i64,
}

const MS: i64 = 1_790_000_000_000;

impl Event {
    fn json(&self) -> Record {
        let Self { op, id, seq, .. } = *self;
        let source = json!({"connector": "postgresql", "name": "shop", "db": "shop", "schema": "public", "table": "t",
            "lsn": seq, "ts_ms": MS + seq, "snapshot": "false"});
        let row = |seq: Option<i64>| {
            seq.map_or(Value::Null, |seq| json!({"id": id, "seq": seq, "v": text(seq), "m": "ok", "parent": 1}))
        };
        let event = json!({"op": op, "source": source, "before": row(self.before), "after": row(self.after)});
        Record::raw(&event.to_string()).keyed(json!({ "id": id }))
    }

    /// As Confluent's converter writes it: a zero, the schema's number, the fields in their order.
    fn avro(&self, schema: i64) -> Record {
        let mut bytes = vec![0];
        bytes.extend_from_slice(&u32::try_from(FIRST_SCHEMA + schema).unwrap().to_be_bytes());
        for image in [self.before, self.after] {
            long(i64::from(image.is_some()), &mut bytes);
            if let Some(seq) = image {
                long(self.id, &mut bytes);
                long(seq, &mut bytes);
                string(&text(seq), &mut bytes);
            }
        }
        for part in ["postgresql", "shop", "shop", "public", "a"] {
            string(part, &mut bytes);
        }
        long(self.seq, &mut bytes);
        long(MS + self.seq, &mut bytes);
        string("false", &mut bytes);
        string(self.op, &mut bytes);
        Record { key: Some(avro_key(self.id)), payload: Some(bytes), ..Record::default() }
    }
}

/// What the column `v` holds.
pub(crate) fn text(seq: i64) -> String {
    format!("value {seq} — {}", "é".repeat(usize::try_from(seq % 50).unwrap()))
}

const KEY_SCHEMA: u32 = 1;
const FIRST_SCHEMA: i64 = 100;

/// What a registry has of a schema's number: the key's, or those of the value, which differ by their number alone.
pub(crate) fn schema(id: i64) -> Option<Value> {
    let record = |name: &str, fields: Value| json!({"type": "record", "name": name, "fields": fields});
    let long = |name: &str| json!({"name": name, "type": "long"});
    let string = |name: &str| json!({"name": name, "type": "string"});
    if id == i64::from(KEY_SCHEMA) {
        return Some(record("Key", json!([long("id")])));
    }
    let value = record("Value", json!([long("id"), long("seq"), string("v")]));
    let source = json!([
        string("connector"),
        string("name"),
        string("db"),
        string("schema"),
        string("table"),
        long("lsn"),
        long("ts_ms"),
        string("snapshot")
    ]);
    let fields = json!([
        {"name": "before", "type": ["null", value]},
        {"name": "after", "type": ["null", "Value"]},
        {"name": "source", "type": record("Source", source)},
        string("op")
    ]);
    (id >= FIRST_SCHEMA).then(|| record("Envelope", fields))
}

fn avro_key(id: i64) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend_from_slice(&KEY_SCHEMA.to_be_bytes());
    long(id, &mut bytes);
    bytes
}

fn long(value: i64, bytes: &mut Vec<u8>) {
    let mut rest = u64::from_ne_bytes(((value << 1) ^ (value >> 63)).to_ne_bytes());
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest & 0x7F).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap());
}

fn string(text: &str, bytes: &mut Vec<u8>) {
    long(i64::try_from(text.len()).unwrap(), bytes);
    bytes.extend_from_slice(text.as_bytes());
}
