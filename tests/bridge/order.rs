//! `rejects.block_key`: whatever is rejected, set aside, and applied after all while the pipeline runs, the changes of a key
//! are applied in their order.

use std::thread;

use serde_json::json;

use crate::harness::{Broker, Database, Pipeline, Random, Record, created};

const N_KEYS: usize = 6;

/// Every seventh change is refused while the constraint is there.
const REFUSE: &str = "alter table t add constraint refuse check (seq % 7 <> 0) not valid";
const ACCEPT: &str = "alter table t drop constraint if exists refuse";

#[test]
fn rejects_are_applied_in_order_while_the_pipeline_runs_and_is_killed() {
    thread::scope(|scope| {
        for (seed, max_rows) in [(21, "1"), (22, "5")] {
            scope.spawn(move || run(seed, max_rows));
        }
    });
}

fn run(seed: u64, max_rows: &str) {
    let broker = Broker::start();
    let database = Database::noting_changes_of_t("id int primary key, seq int not null");
    database.execute(REFUSE);
    let topic = broker.topic("shop.public.t", 1);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("rejects.policy", "table")
        .set("rejects.block_key", "true")
        .set("batch.max_rows", max_rows);
    let mut random = Random(seed);
    let mut last = [0; N_KEYS];
    let (mut seq, mut was_any_behind) = (0, false);
    let mut bridge = pipeline.start();
    for round in 0..12 {
        let records: Vec<Record> = (0..20)
            .map(|_| {
                let id = random.below(N_KEYS);
                seq += 1;
                last[id] = seq;
                created("t", json!({"id": id, "seq": seq}))
            })
            .collect();
        broker.write(&topic, 0, &records);
        // most of the time it has come this far, else it is in the middle
        let until = if random.below(4) == 0 { seq - 10 } else { seq };
        database.wait_for_rows(&format!("select next_offset >= {until} from rowkind.offsets"), "(t)");
        was_any_behind |= database.number("select count(*) from rowkind.rejects where behind is not null") > 0;
        if random.below(3) == 0 {
            database.execute(ACCEPT);
            let ended = pipeline.rejects(&["retry"]);
            assert!(matches!(ended.code, Some(0 | 3)), "{}{}", ended.output, ended.log);
            database.execute(REFUSE);
        }
        if round % 4 == 3 {
            bridge.kill();
            bridge = pipeline.clone().set("source.group", &format!("{}-{round}", pipeline.name())).start();
        }
    }
    database.wait_for_rows("select next_offset from rowkind.offsets", &format!("({seq})"));
    assert!(was_any_behind);
    database.execute(ACCEPT);
    pipeline.rejects(&["retry"]).with_code(0);
    bridge.stop().with_code(0);
    assert_eq!(database.number("select count(*) from rowkind.rejects"), 0);
    let rows: Vec<String> = last.iter().enumerate().map(|(id, seq)| format!("({id},{seq})")).collect();
    assert_eq!(database.rows("select * from t order by id"), rows.join("\n"));
    let back = "select * from (select id, seq, lag(seq) over (partition by id order by at) as previous from applied) x where previous >= seq";
    assert_eq!(database.rows(back), "", "went back in time");
}
