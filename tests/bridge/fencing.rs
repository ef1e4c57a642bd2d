//! Two instances that both believe to have a partition: the later claim counts.

use serde_json::json;

use crate::harness::{Broker, Database, Pipeline, Record, created};

/// Tables that remember every insert, so that a second one would be seen.
fn with_tables() -> Database {
    let database = Database::new();
    database.execute(
        "create table applied (name text, id int);
         create function note() returns trigger language plpgsql as
           $$ begin insert into applied values (tg_table_name, new.id); return new; end $$;
         create table x (id int primary key);
         create table y (id int primary key);
         create trigger note after insert or update on x for each row execute function note();
         create trigger note after insert or update on y for each row execute function note()",
    );
    database
}

fn rows(table: &str, ids: std::ops::Range<i64>) -> Vec<Record> {
    ids.map(|id| created(table, json!({"id": id}))).collect()
}

#[test]
fn the_later_claim_wins_and_nothing_is_applied_twice() {
    let (broker, database) = (Broker::start(), with_tables());
    let (x, y) = (broker.topic("shop.public.x", 1), broker.topic("shop.public.y", 1));
    let write = |ids: std::ops::Range<i64>| {
        broker.write(&x, 0, &rows("x", ids.clone()));
        broker.write(&y, 0, &rows("y", ids));
    };
    write(0..10);
    // one lane, so that a batch holds records of both
    let both = Pipeline::from_topics(&broker, &[&x, &y], &database).set("sink.lanes", "1").set("batch.linger", "300ms");
    let mut first = both.start();
    database.wait_for_rows("select count(*) from applied", "(20)");

    // the same pipeline in another group, which Kafka does not keep apart
    let second = Pipeline::from_topics(&broker, &[&x], &database)
        .set("name", both.name())
        .set("source.group", &format!("{}-other", both.name()))
        .start();
    database.wait_for_rows("select max(epoch) from rowkind.offsets", "(2)");
    for start in [10, 20, 30] {
        write(start..start + 10);
        database.wait_for_rows(
            "select count(*), count(distinct (name, id)) from applied",
            &format!("({0},{0})", 2 * (start + 10)),
        );
    }
    first.wait_for_log(&format!("topic {x}, partition 0: another instance has taken it over"));
    assert!(first.is_running(), "it goes on with the other partition");

    let first = first.stop().with_code(0);
    let second = second.stop().with_code(0).says("done records=30");
    assert!(!second.log.contains("taken it over"), "{}", second.log);
    // 20 before and y's 30 after
    assert!(first.log.contains("done records=50"), "{}", first.log);
    assert_eq!(
        database.rows("select name, count(*), count(distinct id), max(id) from applied group by 1 order by 1"),
        "(x,40,40,39)\n(y,40,40,39)"
    );
    assert_eq!(database.rows("select next_offset, epoch from rowkind.offsets order by topic"), "(40,2)\n(40,1)");
}

/// The group itself divides the partitions: both instances work, and each record is applied once.
#[test]
fn two_instances_of_a_group_share_the_partitions() {
    let (broker, database) = (Broker::start(), with_tables());
    let topic = broker.topic("shop.public.x", 4);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database);
    let write = |round: i64| {
        for partition in 0..4 {
            let first = (round * 4 + i64::from(partition)) * 10;
            broker.write(&topic, partition, &rows("x", first..first + 10));
        }
    };
    write(0);
    let first = pipeline.start();
    database.wait_for_rows("select count(*) from applied", "(40)");
    let second = pipeline.start();
    second.wait_for_log("assigned partitions=2");
    write(1);
    database.wait_for_rows("select count(*) from applied", "(80)");
    second.stop().with_code(0).says("done records=20");
    write(2);
    database.wait_for_rows("select count(*) from applied", "(120)");
    first.stop().with_code(0).says("done records=100");
    assert_eq!(database.rows("select count(*), count(distinct id) from applied"), "(120,120)");
}
