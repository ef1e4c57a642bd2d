//! `rowkind replay`: a range again, compared with the target, into it, or elsewhere.

mod elsewhere;
mod extra;

use serde_json::{Value, json};

use crate::harness::{Broker, Database, Ended, Pipeline, Record, created, deleted, truncated, updated};

fn row(id: i64, status: &str, amount: &str) -> Value {
    let amount: Value = serde_json::from_str(amount).unwrap();
    json!({"id": id, "status": status, "amount": amount, "note": null})
}

const ORDERS: &str =
    "create table orders (id int primary key, status text, amount numeric(8,2), note text, mine text default 'kept')";

/// A table of four orders; one was deleted.
fn orders(broker: &Broker, database: &Database) -> (String, Pipeline) {
    database.execute(ORDERS);
    let topic = broker.topic("shop.public.orders", 1);
    let mut records: Vec<Record> = (1..=5).map(|id| created("orders", row(id, "open", "12.50"))).collect();
    records.push(updated("orders", row(2, "open", "12.50"), row(2, "paid", "12.50")));
    records.push(deleted("orders", row(3, "open", "12.50")));
    records.push(updated("orders", row(2, "paid", "12.50"), row(2, "sent", "13.00")));
    broker.write(&topic, 0, &records);
    let pipeline = Pipeline::from_topics(broker, &[&topic], database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    (topic, pipeline)
}

fn replay(pipeline: &Pipeline, words: &[&str]) -> Ended {
    pipeline.run_command(&[&["replay"], words].concat())
}

/// All that the database holds, but for what is temporary.
fn checksum(database: &Database) -> String {
    database.rows("select md5(string_agg(o::text, '|' order by id)), max(xmin::text) from orders o")
        + &database.rows("select md5(string_agg(o::text, '|')) from rowkind.offsets o")
        + &database.rows("select count(*) from pg_class")
}

#[test]
fn a_tampered_target_is_found_row_by_row_and_mended() {
    let (broker, database) = (Broker::start(), Database::new());
    let (topic, pipeline) = orders(&broker, &database);
    let equal = replay(&pipeline, &["--topic", &topic, "--dry-run"]).with_code(0);
    assert_eq!(equal.output, "orders: 4 rows compared: equal\n");

    database.execute(
        "update orders set status = 'hacked \"x\"', mine = 'own' where id = 2; delete from orders where id = 4;
         insert into orders values (3, 'back', 1, null), (9, 'extra', 2.5, null)",
    );
    let before = checksum(&database);
    let found = replay(&pipeline, &["--topic", &topic, "--dry-run"]).with_code(4);
    let expected = "~ orders id=2 status: \"hacked \\\"x\\\"\" → \"sent\"\n\
                    - orders id=3 status: \"back\", amount: 1.00, note: NULL, mine: \"kept\"\n\
                    + orders id=4 status: \"open\", amount: 12.50, note: NULL\n\
                    ? orders id=9 status: \"extra\", amount: 2.50, note: NULL, mine: \"kept\"  (nothing that was read is about it)\n\
                    orders: 4 rows compared: 1 missing, 1 changed, 1 should be gone, 1 extra\n";
    assert_eq!(found.output, expected);
    assert!(found.log.contains("the target differs, in as many rows: 4"), "{}", found.log);
    assert_eq!(checksum(&database), before, "a dry run changes nothing");

    let json = replay(&pipeline, &["--topic", &topic, "--dry-run", "--output", "json"]).with_code(4).output;
    let first = r#"{"table":"orders","difference":"changed","key":{"id":2},"target":{"status":"hacked \"x\""},"source":{"status":"sent"}}"#;
    assert_eq!(json.lines().next(), Some(first));
    assert!(json.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{json}");

    // what nobody has said anything about is not deleted unasked
    let mended = replay(&pipeline, &["--topic", &topic]).with_code(4).says("--delete-extra deletes them");
    assert_eq!(mended.output, "orders: 1 inserted, 1 updated, 1 deleted, 1 extra left\n");
    let mended = replay(&pipeline, &["--topic", &topic, "--delete-extra"]).with_code(0);
    assert_eq!(mended.output, "orders: 0 inserted, 0 updated, 1 deleted\n");
    replay(&pipeline, &["--topic", &topic, "--dry-run"]).with_code(0);
    let rows = "(1,open,12.50,,kept)\n(2,sent,13.00,,own)\n(4,open,12.50,,kept)\n(5,open,12.50,,kept)";
    assert_eq!(database.rows("select * from orders order by id"), rows, "a column of the target's own is left alone");
}

/// The range brings the rows; what they are is what the pipeline has applied since.
#[test]
fn an_old_range_brings_no_old_value_back() {
    let (broker, database) = (Broker::start(), Database::new());
    let (topic, pipeline) = orders(&broker, &database);
    let before = checksum(&database);
    for range in [["--from", "0", "--to", "3"], ["--from", "5", "--to", "7"], ["--from", "beginning", "--to", "1"]] {
        let done = replay(&pipeline, &[&["--topic", &topic], &range[..]].concat()).with_code(0);
        assert!(done.output.starts_with("orders: 0 inserted, 0 updated, 0 deleted"), "{}", done.output);
    }
    assert_eq!(checksum(&database), before);
    // only what the range is about is mended
    database.execute("update orders set status = 'wrong'");
    replay(&pipeline, &["--topic", &topic, "--from", "5", "--to", "6"]).with_code(0);
    assert_eq!(database.rows("select id from orders where status <> 'wrong'"), "(2)");
    assert_eq!(database.rows("select status, amount from orders where id = 2"), "(sent,13.00)");
    replay(&pipeline, &["--topic", &topic, "--key", "id=5"]).with_code(0);
    assert_eq!(database.rows("select id from orders where status <> 'wrong' order by id"), "(2)\n(5)");
    if broker.is_mock() {
        // it knows no offsets by their time
        return;
    }
    replay(&pipeline, &["--topic", &topic, "--from", "last 1h", "--table", "public.orders"]).with_code(0);
    assert_eq!(database.number("select count(*) from orders where status <> 'wrong'"), 4);
    let past = ["--topic", &topic, "--from", "2020-01-01T00:00:00Z", "--to", "2020-01-02T00:00:00Z"];
    assert_eq!(replay(&pipeline, &past).with_code(0).output, "0 records, and no row of a table among them\n");
}

#[test]
fn what_cannot_be_replayed_says_why() {
    let (broker, database) = (Broker::start(), Database::new());
    let (topic, pipeline) = orders(&broker, &database);
    let says = |words: &[&str], code: i32, text: &str| drop(replay(&pipeline, words).with_code(code).says(text));
    says(&["--topic", "none.of.these"], 1, "topic none.of.these is not there");
    says(&["--topic", &topic, "--partition", "7"], 1, "partition 7 of");
    says(&["--topic", &topic, "--from", "yesterday"], 2, "--from: expected an offset, a moment");
    says(&["--topic", &topic, "--from", "5", "--to", "4"], 2, "would end at offset 4, before it begins at 5");
    says(&["--topic", &topic, "--from", "1795000500000"], 1, "and the topic ends at");
    says(&["--topic", &topic, "--dump", "Cargo.toml"], 1, "cannot make `Cargo.toml`");
    says(&["--topic", &topic, "--key", "17"], 2, "--key: expected NAME=VALUE");
    says(&["--topic", &topic, "--dry-run", "--into", "x"], 2, "cannot be used with");
    says(&["--topic", &topic, "--into", "public"], 1, "schema public is not empty");
    says(&["--topic", &topic, "--into", "other", "--resume"], 1, "no replay into schema other was interrupted");
    let other = broker.topic("shop.public.other", 1);
    broker.write(&other, 0, &[created("other", row(1, "a", "1"))]);
    says(&["--topic", &other], 1, "has applied nothing of");
    let unread = pipeline.clone().set("sink.url", "postgres://nobody@127.0.0.1:1/none");
    replay(&unread, &["--topic", &topic]).with_code(1);

    database.execute("create table t (v int)");
    let keyless = broker.topic("shop.public.t", 1);
    broker.write(&keyless, 0, &[Record::raw(r#"{"op":"c","before":null,"after":{"v":1},"source":{"table":"t"}}"#)]);
    let pipeline = Pipeline::from_topics(&broker, &[&keyless], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    for words in [&["--topic", &keyless, "--dry-run"][..], &["--topic", &keyless]] {
        assert!(replay(&pipeline, words).with_code(0).output.starts_with("t: left out: its rows go by no key"));
    }
    assert_eq!(database.rows("select * from t"), "(1)");
}

/// A record that cannot be applied: it stops the replay, or is passed over as the pipeline does it.
#[test]
fn a_bad_record_in_the_range() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute(ORDERS);
    let topic = broker.topic("shop.public.orders", 1);
    let bad = created("orders", row(2, "open", "\"no number\""));
    broker.write(&topic, 0, &[created("orders", row(1, "open", "1")), bad, created("orders", row(3, "open", "1"))]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    let skipping = pipeline.clone().set("rejects.policy", "skip");
    skipping.run().with_code(0);
    database.execute("delete from orders");
    replay(&pipeline, &["--topic", &topic]).with_code(3).says("partition 0, offset 1");
    assert_eq!(database.rows("select id from orders"), "", "all or nothing");
    let done = replay(&skipping, &["--topic", &topic]).with_code(0).says("1 record could not be applied");
    assert_eq!(done.output, "orders: 2 inserted, 0 updated, 0 deleted\n");
}

/// Columns that were not sent come from the target; what neither has is said.
#[test]
fn columns_that_were_not_sent() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key, v int, body text)");
    let topic = broker.topic("shop.public.t", 1);
    let full = |id: i64, v: i64| json!({"id": id, "v": v, "body": format!("body {id}")});
    let part = |id: i64, v: i64| json!({"id": id, "v": v, "body": "__debezium_unavailable_value"});
    let mut records: Vec<Record> = (1..=3).map(|id| created("t", full(id, 0))).collect();
    records.extend((1..=3).map(|id| updated("t", full(id, 0), part(id, 1))));
    broker.write(&topic, 0, &records);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    database.execute("update t set v = 7 where id = 1; delete from t where id = 2");
    let found = replay(&pipeline, &["--topic", &topic, "--from", "3", "--dry-run"]).with_code(4);
    assert!(found.output.contains("~ t id=1 v: 7 → 1\n"), "{}", found.output);
    assert!(found.output.contains("! t id=2  it is missing, and what was read does not say all"), "{}", found.output);
    assert_eq!(found.output.lines().count(), 3);
    let partly = replay(&pipeline, &["--topic", &topic, "--from", "3"]).with_code(4).says("begin it earlier");
    assert_eq!(partly.output, "t: 0 inserted, 1 updated, 0 deleted, 1 missing and not known whole\n");
    replay(&pipeline, &["--topic", &topic]).with_code(0);
    assert_eq!(database.rows("select * from t order by id"), "(1,1,\"body 1\")\n(2,1,\"body 2\")\n(3,1,\"body 3\")");
}

/// A unique value that somebody gave to another row.
#[test]
fn a_value_that_another_row_has() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key, v text unique)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[created("t", json!({"id": 1, "v": "a"})), created("t", json!({"id": 2, "v": "b"}))]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    database.execute("delete from t where id = 1; insert into t values (9, 'a')");
    replay(&pipeline, &[]).with_code(1).says("a row of the target has the value of another one");
    assert_eq!(database.rows("select * from t order by id"), "(2,b)\n(9,a)", "nothing was changed");
    replay(&pipeline, &["--delete-extra"]).with_code(0);
    assert_eq!(database.rows("select * from t order by id"), "(1,a)\n(2,b)");
}

/// What is behind a truncate is all there is.
#[test]
fn a_truncate_in_the_range() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key, v int)");
    let topic = broker.topic("shop.public.t", 1);
    let row = |id: i64| json!({"id": id, "v": 1});
    broker.write(&topic, 0, &[created("t", row(1)), created("t", row(2)), truncated("t"), created("t", row(2))]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    let before_it = replay(&pipeline, &["--topic", &topic, "--to", "2", "--dry-run"]).with_code(0);
    assert_eq!(before_it.output, "t: 1 row compared: equal\n");
    database.execute("insert into t values (1, 1), (5, 1)");
    let alone = replay(&pipeline, &["--topic", &topic, "--from", "2", "--to", "3", "--dry-run"]).with_code(4);
    assert_eq!(alone.output, "- t id=1 v: 1\n- t id=5 v: 1\nt: 1 row compared: 2 should be gone\n");
    let found = replay(&pipeline, &["--topic", &topic, "--from", "1", "--dry-run"]).with_code(4);
    assert_eq!(found.output, "- t id=1 v: 1\n- t id=5 v: 1\nt: 1 row compared: 2 should be gone\n");
    replay(&pipeline, &["--topic", &topic, "--from", "1"]).with_code(0);
    assert_eq!(database.rows("select * from t"), "(2,1)");
}

/// Parents and children go in their order; rows of a soft delete stay marked.
#[test]
fn tables_that_refer_to_each_other() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute(
        "create table parent (id int primary key, v int);
         create table child (id int primary key, parent int references parent)",
    );
    let topic = broker.topic("shop.all", 1);
    let parent = |id: i64| json!({"id": id, "v": id});
    let child = |id: i64| json!({"id": id, "parent": id});
    let records = [
        created("parent", parent(1)),
        created("child", child(1)),
        created("parent", parent(2)),
        created("child", child(2)),
        deleted("child", child(2)),
        deleted("parent", parent(2)),
    ];
    broker.write(&topic, 0, &records);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    database.execute("truncate parent, child; insert into parent values (2, 2); insert into child values (2, 2)");
    replay(&pipeline, &["--topic", &topic]).with_code(0);
    assert_eq!(database.rows("select * from parent"), "(1,1)");
    assert_eq!(database.rows("select * from child"), "(1,1)");
}

/// Which rows are replayed is chosen by a value that they had; what they become is what they are.
#[test]
fn a_key_chooses_rows_and_not_values() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key, v text)");
    let topic = broker.topic("shop.public.t", 1);
    let row = |id: i64, v: &str| json!({"id": id, "v": v});
    let records = [
        created("t", row(1, "a")),
        created("t", row(2, "a")),
        created("t", row(3, "b")),
        truncated("t"),
        created("t", row(1, "a")),
        created("t", row(2, "a")),
        created("t", row(3, "b")),
        updated("t", row(1, "a"), row(1, "c")),
        deleted("t", row(2, "a")),
    ];
    broker.write(&topic, 0, &records);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    for range in [&["--to", "6"][..], &["--to", "8"], &[]] {
        for key in ["v=a", "v=none", "id=2"] {
            replay(&pipeline, &[&["--key", key, "--dry-run"], range].concat()).with_code(0);
            replay(&pipeline, &[&["--key", key], range].concat()).with_code(0);
            assert_eq!(database.rows("select * from t order by id"), "(1,c)\n(3,b)", "{key} {range:?}");
        }
    }
    database.execute("update t set v = 'x'; insert into t values (2, 'back')");
    replay(&pipeline, &["--key", "v=a", "--from", "4", "--to", "5"]).with_code(0);
    assert_eq!(database.rows("select * from t order by id"), "(1,c)\n(2,back)\n(3,x)", "only the first was read about");
    replay(&pipeline, &["--key", "v=a"]).with_code(0);
    assert_eq!(database.rows("select * from t order by id"), "(1,c)\n(3,x)");
}

/// Columns that the target fills in, and tables that are partitioned.
#[test]
fn columns_of_the_targets_own() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute(
        "create table t (id int primary key, v text, n int generated always as identity, m bigserial, w text default 'd' not null)
           partition by hash (id);
         create table t0 partition of t for values with (modulus 2, remainder 0);
         create table t1 partition of t for values with (modulus 2, remainder 1)",
    );
    let topic = broker.topic("shop.public.t", 1);
    let records: Vec<Record> = (1..=4).map(|id| created("t", json!({"id": id, "v": "a"}))).collect();
    broker.write(&topic, 0, &records);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("sink.table", "{table}");
    pipeline.run().with_code(0);
    database.execute("update t set v = 'x', w = 'own' where id = 1; delete from t where id = 2");
    let sequence = "select last_value from t_m_seq";
    let before = database.number(sequence);
    let found = replay(&pipeline, &["--dry-run"]).with_code(4).output;
    assert!(found.starts_with("~ t id=1 v: \"x\" → \"a\"\n+ t id=2 v: \"a\"\n"), "{found}");
    assert_eq!(database.number(sequence), before, "a dry run draws no numbers");
    let done = replay(&pipeline, &[]).with_code(0).output;
    assert_eq!(done, "t: 1 inserted, 1 updated, 0 deleted\n");
    assert_eq!(
        database.rows("select id, v, w, n is null or m is null from t order by id limit 2"),
        "(1,a,own,f)\n(2,a,d,f)"
    );
    // a column that records have
    database.execute("alter table t drop column v");
    replay(&pipeline, &["--dry-run"]).with_code(1).says("table \"t\" has no column \"v\"");
}
