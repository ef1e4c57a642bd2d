//! Beside a pipeline that runs, and beside other topics: no row goes back, and none is taken for one too many.

use std::fs;
use std::ops::Range;

use serde_json::json;

use super::replay;
use crate::harness::{Broker, Database, Pipeline, Record, created, updated};

/// What the pipeline brings while a whole topic is replayed is in the topic, too.
#[test]
fn beside_a_running_pipeline_no_new_row_is_extra() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute(
        "create table t (id int primary key);
         create table gone (id int);
         create function note() returns trigger language plpgsql as $$ begin insert into gone values (old.id); return old; end $$;
         create trigger note before delete on t for each row execute function note()",
    );
    let topic = broker.topic("shop.public.t", 2);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("sink.table", "{table}")
        .set("batch.max_rows", "20")
        .set("batch.linger", "1ms");
    let write = |ids: Range<i64>| {
        for partition in 0..2 {
            let ids = ids.clone().filter(|id| id % 2 == i64::from(partition));
            broker.write(&topic, partition, &ids.map(|id| created("t", json!({"id": id}))).collect::<Vec<_>>());
        }
    };
    write(0..100);
    let running = pipeline.start();
    database.wait_for_rows("select count(*) from t", "(100)");
    for run in 1..=10 {
        write(run * 1_000..run * 1_000 + 900);
        let words = if run % 2 == 0 { &["--delete-extra"][..] } else { &["--dry-run"] };
        replay(&pipeline, words).with_code(0);
    }
    database.wait_for_rows("select count(*) from t", "(9100)");
    assert_eq!(database.rows("select * from gone"), "");
    running.stop().with_code(0);
}

/// Another topic may bring rows of the table too: by its name, or by its route.
#[test]
fn no_row_is_extra_that_another_topic_may_have_brought() {
    for (name, route) in [("eu.public.t", ""), ("legacy.stuff", "[[route]]\ntopic_pattern = 'stuff'\ntable = \"t\"\n")]
    {
        let (broker, database) = (Broker::start(), Database::new());
        database.execute("create table t (id int primary key)");
        let (topic, other) = (broker.topic("shop.public.t", 1), broker.topic(name, 1));
        broker.write(&topic, 0, &[created("t", json!({"id": 1}))]);
        broker.write(&other, 0, &[created("t", json!({"id": 2}))]);
        let config = tempfile::NamedTempFile::new().unwrap();
        fs::write(config.path(), route).unwrap();
        let pipeline = Pipeline::from_topics(&broker, &[&topic, &other], &database)
            .set("sink.table", "{table}")
            .set("config", config.path().to_str().unwrap());
        pipeline.run().with_code(0);
        replay(&pipeline, &["--topic", &topic, "--delete-extra"]).with_code(0);
        assert_eq!(database.rows("select id from t order by id"), "(1)\n(2)");
        database.execute("insert into t values (3)");
        replay(&pipeline, &["--dry-run"]).with_code(4);
    }
}

/// A record that was passed over may be of any row.
#[test]
fn no_row_is_extra_beside_a_record_that_cannot_be_applied() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key, v text)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[created("t", json!({"id": 1, "v": "a"})), created("t", json!({"id": 2, "v": "b"}))]);
    let pipeline =
        Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}").set("rejects.policy", "skip");
    pipeline.run().with_code(0);
    // the table's type has changed since
    database.execute("alter table t alter v type int using case v when 'a' then 1 else 2 end");
    let done = replay(&pipeline, &["--delete-extra"]).with_code(0).says("2 records could not be applied");
    assert_eq!(done.output, "t: 0 inserted, 0 updated, 0 deleted\n");
    assert_eq!(database.rows("select * from t order by id"), "(1,1)\n(2,2)");
}

/// The pipeline applies newer changes of the same rows at full speed meanwhile.
#[test]
fn beside_a_running_pipeline_no_row_goes_back() {
    const N_ROWS: i64 = 20;
    const N_SEQS: i64 = 30;
    let (broker, database) = (Broker::start(), Database::new());
    database.execute(
        "create table t (id int primary key, seq int);
         create table back (id int, before int, after int);
         create function note() returns trigger language plpgsql as $$ begin
           if new.seq < old.seq then insert into back values (old.id, old.seq, new.seq); end if; return new; end $$;
         create trigger note before update on t for each row execute function note()",
    );
    let topic = broker.topic("shop.public.t", 2);
    let row = |id: i64, seq: i64| json!({"id": id, "seq": seq});
    let write = |seqs: Range<i64>| {
        for partition in 0..2 {
            let ids = (0..N_ROWS).filter(|id| id % 2 == i64::from(partition));
            let records: Vec<Record> = seqs
                .clone()
                .flat_map(|seq| {
                    ids.clone().map(move |id| match seq {
                        0 => created("t", row(id, 0)),
                        _ => updated("t", row(id, seq - 1), row(id, seq)),
                    })
                })
                .collect();
            broker.write(&topic, partition, &records);
        }
    };
    write(0..N_SEQS);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("sink.table", "{table}")
        .set("batch.max_rows", "20")
        .set("batch.linger", "1ms");
    let running = pipeline.start();
    database.wait_for_rows("select count(*) from t", &format!("({N_ROWS})"));
    for run in 1..=20 {
        write(run * N_SEQS..(run + 1) * N_SEQS);
        replay(&pipeline, &["--topic", &topic, "--to", "200"]).with_code(0);
    }
    let last = 21 * N_SEQS - 1;
    database.wait_for_rows("select count(*), min(seq), max(seq) from t", &format!("({N_ROWS},{last},{last})"));
    assert_eq!(database.rows("select * from back"), "", "no row goes back");
    running.stop().with_code(0);
    replay(&pipeline, &["--topic", &topic, "--dry-run"]).with_code(0);
}
