//! The bridge is killed again and again while it works: what the target holds in the end is what it would have been
//! without, and no change was applied twice.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Bridge, Broker, Database, Pipeline, Random, Record, created, deleted, file_of, updated};

/// How long after the last look at the target a kill comes, in milliseconds: at the start of a batch, in the middle of
/// one, while it commits.
const DELAYS_MS: [u64; 10] = [0, 3, 11, 1, 7, 19, 2, 5, 13, 29];

/// A table whose every applied change is noted by the event's `seq`.
fn with_table() -> Database {
    Database::noting_changes_of_t("id int primary key, seq int not null, v text")
}

/// Change events of a table with a few hundred keys, and the rows that they leave.
struct Load {
    records: Vec<Record>,
    rows: Vec<Option<Value>>,
}

impl Load {
    fn new(seed: u64, n_events: usize) -> Self {
        let mut random = Random(seed);
        let mut load = Self { records: Vec::new(), rows: vec![None; 400] };
        let mut seq = 0;
        while load.records.len() < n_events {
            let id = random.below(400);
            let row = || json!({"id": id, "seq": seq, "v": format!("value {seq}")});
            let record = match load.rows[id].take() {
                Some(before) if random.below(4) == 0 => deleted("t", before),
                Some(before) => {
                    load.rows[id] = Some(row());
                    updated("t", before, row())
                }
                None => {
                    load.rows[id] = Some(row());
                    created("t", row())
                }
            };
            load.records.push(record);
            seq += 1;
        }
        load
    }

    fn assert_in(&self, database: &Database) {
        let rows: Vec<String> =
            self.rows.iter().flatten().map(|row| format!("({},{},\"value {1}\")", row["id"], row["seq"])).collect();
        assert_eq!(database.rows("select * from t order by id"), rows.join("\n"));
        let twice = "select op, id, seq, count(*) from applied group by 1, 2, 3 having count(*) > 1";
        assert_eq!(database.rows(twice), "", "applied twice");
        let back = "select * from (select id, seq, lag(seq) over (partition by id order by at) as previous from applied where op = 'CHANGE') x where previous > seq";
        assert_eq!(database.rows(back), "", "went back in time");
        assert!(database.number("select count(*) from applied") > 1_000);
    }
}

/// Starts the bridge and kills it, once for each of the delays: each time when a further part of the records has been
/// applied. Then lets it finish.
fn kill(pipeline: &Pipeline, database: &Database, load: &Load) {
    let n_records = load.records.len();
    for (n_kills, delay_ms) in (0..).zip(DELAYS_MS) {
        let bridge: Bridge = pipeline.clone().set("source.group", &format!("{}-{n_kills}", pipeline.name())).start();
        let part = n_records * (n_kills + 1) / (DELAYS_MS.len() * 2);
        database.wait_for_rows(&format!("select sum(next_offset) >= {part} from rowkind.offsets"), "(t)");
        thread::sleep(Duration::from_millis(delay_ms));
        let killed = bridge.kill();
        assert_eq!(killed.code, None, "it was still at work: {}", killed.log);
    }
    // a commit that was on its way when the bridge died is done all the same
    database.wait_for_rows(
        "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'rowkind %'",
        "(0)",
    );
    let n_applied = usize::try_from(database.number("select sum(next_offset) from rowkind.offsets")).unwrap();
    assert!(n_applied < n_records, "something was left to do after the last kill");
    let rest = n_records - n_applied;
    pipeline.run().with_code(0).says(&format!("done records={rest}"));
    load.assert_in(database);
}

/// Thirty kills: ten of each of three pipelines, side by side, as most of the time goes into joining a group.
#[test]
fn thirty_kills_with_kafka() {
    thread::scope(|scope| {
        for seed in [1, 2, 3] {
            scope.spawn(move || {
                let (broker, database, load) = (Broker::start(), with_table(), Load::new(seed, 20_000));
                let topic = broker.topic("shop.public.t", 1);
                broker.write(&topic, 0, &load.records);
                let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("batch.max_rows", "100");
                kill(&pipeline, &database, &load);
            });
        }
    });
}

#[test]
fn thirty_kills_with_a_file() {
    for seed in [4, 5, 6] {
        let (database, load) = (with_table(), Load::new(seed, 20_000));
        let file = file_of("shop.public.t", 0, &load.records);
        let pipeline = Pipeline::from_file(file.path(), &database).set("batch.max_rows", "100");
        kill(&pipeline, &database, &load);
    }
}
