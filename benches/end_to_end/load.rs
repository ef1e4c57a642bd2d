//! What the benchmark applies: Debezium's events of a table of orders, and the rows that it must end with.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A stream of events.
pub(crate) struct Load {
    pub(crate) name: &'static str,
    /// Keys and payloads; those of tombstones are `None`.
    pub(crate) records: Vec<(String, Option<String>)>,
    pub(crate) n_events: usize,
    /// As `COPY` reads them.
    pub(crate) truth: BTreeMap<i64, String>,
}

pub(crate) const TABLE: &str = "
    drop table if exists orders;
    create table orders (
      id bigint primary key, customer_id bigint not null, status text not null, amount numeric(12,2) not null, note text,
      created_at timestamp(6) not null, updated_at timestamptz not null, payload json);
    create table if not exists rowkind_bench_truth (like orders);
    truncate rowkind_bench_truth";

/// How many of a hundred events come, change and go, of how many rows at most.
struct Mix {
    inserts: u64,
    updates: u64,
    max_rows: usize,
}

/// The loads that are known: inserts alone; half of them inserts; few rows that change all the time.
pub(crate) fn named(name: &str, n_events: usize) -> Option<Load> {
    let (name, mix) = match name {
        "w1" => ("w1", Mix { inserts: 100, updates: 0, max_rows: usize::MAX }),
        "w2" => ("w2", Mix { inserts: 50, updates: 40, max_rows: usize::MAX }),
        "w3" => ("w3", Mix { inserts: 3, updates: 95, max_rows: 10_000 }),
        _ => return None,
    };
    Some(Load::new(name, &mix, n_events))
}

const STATUSES: [&str; 5] = ["new", "paid", "packed", "sent", "returned"];
const WORDS: [&str; 8] = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"];

impl Load {
    fn new(name: &'static str, mix: &Mix, n_events: usize) -> Self {
        let mut dice = Dice(42);
        let (mut live, mut rows): (Vec<i64>, BTreeMap<i64, Row>) = (Vec::new(), BTreeMap::new());
        let mut records = Vec::with_capacity(n_events + n_events / 8);
        let mut next_id = 1;
        for at in 0..n_events {
            let roll = dice.below(100);
            let comes = live.is_empty() || (roll < mix.inserts && live.len() < mix.max_rows);
            if comes {
                let row = Row::new(next_id, at, &mut dice);
                records.push(event("c", None, Some(&row), at));
                live.push(next_id);
                rows.insert(next_id, row);
                next_id += 1;
                continue;
            }
            // the newer a row is, the more often it changes
            let age = dice.below(live.len() as u64) * dice.below(1_000) / 1_000;
            let place = live.len() - 1 - usize::try_from(age).unwrap_or(0);
            let id = live[place];
            if roll < mix.inserts + mix.updates || live.len() < 2 {
                let before = rows[&id].clone();
                let after = Row { status: STATUSES[at % STATUSES.len()], updated: at, ..before.clone() };
                records.push(event("u", Some(&before), Some(&after), at));
                rows.insert(id, after);
            } else {
                live.swap_remove(place);
                let row = rows.remove(&id).expect("it lives");
                records.push(event("d", Some(&row), None, at));
                records.push((format!("{{\"id\":{id}}}"), None));
            }
        }
        let truth = rows.into_iter().map(|(id, row)| (id, row.line())).collect();
        Self { name, records, n_events, truth }
    }
}

/// Pseudo-random numbers, the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % n.max(1)
    }
}

#[derive(Clone)]
struct Row {
    id: i64,
    customer: u64,
    status: &'static str,
    cents: u64,
    note: String,
    created: usize,
    updated: usize,
}

/// 2026-01-01.
const EPOCH_S: usize = 1_767_225_600;

impl Row {
    fn new(id: i64, at: usize, dice: &mut Dice) -> Self {
        let n_words = usize::try_from(dice.below(12)).unwrap_or(0);
        let note = (0..n_words).map(|n| WORDS[(n + at) % WORDS.len()]).collect::<Vec<_>>().join(" ");
        let (customer, cents) = (dice.below(100_000), dice.below(10_000_000));
        Self { id, customer, status: STATUSES[0], cents, note, created: at, updated: at }
    }

    fn amount(&self) -> String {
        format!("{}.{:02}", self.cents / 100, self.cents % 100)
    }

    fn payload(&self) -> String {
        format!(r#"{{"customer": {}, "channel": "web", "tags": ["a", "b"], "n": {}}}"#, self.customer, self.id)
    }

    fn json(&self) -> String {
        let Self { id, customer, status, note, created, updated, .. } = self;
        let payload = self.payload().replace('"', "\\\"");
        format!(
            r#"{{"id":{id},"customer_id":{customer},"status":"{status}","amount":"{}","note":"{note}","created_at":{},"updated_at":"{}","payload":"{payload}"}}"#,
            self.amount(),
            (EPOCH_S + created) * 1_000_000,
            moment(*updated),
        )
    }

    fn line(&self) -> String {
        let Self { id, customer, status, note, created, updated, .. } = self;
        let (amount, created, updated) = (self.amount(), moment(*created), moment(*updated));
        format!("{id}\t{customer}\t{status}\t{amount}\t{note}\t{created}\t{updated}\t{}\n", self.payload())
    }
}

fn moment(second: usize) -> String {
    // 30 days suffice
    let (day, second) = (second / 86_400, second % 86_400);
    format!("2026-01-{:02}T{:02}:{:02}:{:02}Z", 1 + day % 31, second / 3_600, second / 60 % 60, second % 60)
}

fn event(op: &str, before: Option<&Row>, after: Option<&Row>, at: usize) -> (String, Option<String>) {
    let image = |row: Option<&Row>| row.map_or("null".to_owned(), Row::json);
    let ms = (EPOCH_S + at) * 1_000;
    let id = before.or(after).map_or(0, |row| row.id);
    let mut payload = format!(r#"{{"before":{},"after":{},"source":{{"#, image(before), image(after));
    let _ = write!(
        payload,
        r#""version":"3.3.0.Final","connector":"postgresql","name":"shop","ts_ms":{ms},"snapshot":"false","db":"shop","sequence":"[\"{0}\",\"{0}\"]","ts_us":{ms}000,"ts_ns":{ms}000000,"schema":"public","table":"orders","txId":{1},"lsn":{0},"xmin":null}},"transaction":null,"op":"{op}","ts_ms":{ms},"ts_us":{ms}000,"ts_ns":{ms}000000}}"#,
        100_000_000 + at * 100,
        1_000 + at,
    );
    (format!("{{\"id\":{id}}}"), Some(payload))
}
