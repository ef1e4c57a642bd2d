//! Records that are put aside: whole, with their offset, no more of them than may be, and later ones of their keys behind
//! them.

use rdkafka::message::{Headers as _, Message as _};
use serde_json::{Value, json};

use crate::harness::{Broker, Pipeline, Record, deleted, file_of, truncated, updated};
use crate::rejects::{item, with_items};

const ITEMS: &str = "select id, v from items order by id";

#[test]
fn a_reject_is_kept_whole() {
    let (broker, database) = (Broker::start(), with_items());
    let topic = broker.topic("shop.public.items", 1);
    let mut bad = Record::raw("{\"op\":\"c\",\"after\":{\"\\u0000").keyed(json!({"id": 1}));
    bad.headers = vec![("trace", b"abc"), ("raw", b"\xFF\x00")];
    let binary = Record { payload: Some(vec![0, 0xFF, 7]), ..Record::default() };
    broker.write(&topic, 0, &[item(0, "ok"), bad, item(2, "too long"), binary, item(4, "ok")]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("rejects.policy", "table");
    let ended = pipeline.run().with_code(0).says(&format!("put aside topic {topic}, partition 0, offset 1: `payload`"));
    assert!(ended.log.contains("rejects=3"), "{}", ended.log);
    assert_eq!(database.rows(ITEMS), "(0,ok)\n(4,ok)");
    assert_eq!(
        database.rows(
            "select \"offset\", sqlstate, convert_from(key, 'UTF8') as key, md5(payload) = md5(case \"offset\"
                    when 1 then '\\x7b226f70223a2263222c226166746572223a7b225c7530303030'::bytea when 3 then '\\x00ff07' else payload end) as same,
                    headers, behind, now() - timestamp < interval '1 hour' as stamped
               from rowkind.rejects order by 1"
        ),
        "(1,,\"{\"\"id\"\":1}\",t,\"[\"\"trace\"\",\"\"abc\"\",\"\"raw\"\",{\"\"base64\"\":\"\"/wA=\"\"}]\",,t)\n\
         (2,23514,\"{\"\"id\"\":2}\",t,,,t)\n\
         (3,,,t,,,t)"
    );
    let first = format!("{topic}:0:1");
    let shown = pipeline.rejects(&["show", &first]).with_code(0);
    assert!(shown.output.contains("headers      [\"trace\",\"abc\""), "{}", shown.output);
    assert!(shown.output.contains("payload      {\"op\":\"c\",\"after\":{\"\\u0000\n"), "{}", shown.output);
    let shown = pipeline.rejects(&["show", &format!("{topic}:0:3")]).with_code(0);
    assert!(shown.output.contains("payload      base64 AP8H\n"), "{}", shown.output);
    let shown = pipeline.rejects(&["show", &first, "--output=json"]).with_code(0);
    let shown: Value = serde_json::from_str(&shown.output).unwrap();
    assert_eq!(shown["key"], "{\"id\":1}");
    assert_eq!(shown["headers"][0], "trace");
}

/// A file has them as `kcat -J` prints them.
#[test]
fn headers_of_a_file_are_kept() {
    let database = with_items();
    let mut bad = Record::raw("no JSON").keyed(json!({"id": 1}));
    bad.headers = vec![("trace", b"abc"), ("raw", b"\xFF\x00")];
    let file = file_of("shop.public.items", 0, &[item(0, "ok"), bad, Record::raw("no JSON")]);
    let pipeline = Pipeline::from_file(file.path(), &database).set("rejects.policy", "table");
    pipeline.run().with_code(0).says("rejects=2");
    assert_eq!(
        database.rows("select \"offset\", headers::text as headers from rowkind.rejects order by 1"),
        "(1,\"[\"\"trace\"\",\"\"abc\"\",\"\"raw\"\",{\"\"base64\"\":\"\"/wA=\"\"}]\")\n(2,)"
    );
    let odd = std::fs::read_to_string(file.path()).unwrap().replace("\"trace\",", "");
    std::fs::write(file.path(), odd).unwrap();
    pipeline.set("name", "odd").run().with_code(1).says("line 2: `headers`: expected names and values in turn");
}

/// A name in JSON may have a zero byte; Postgres has no text with one.
#[test]
fn a_reason_with_a_zero_byte() {
    let database = with_items();
    let nested = "[".repeat(2_000) + &"]".repeat(2_000);
    let odd = Record::raw(&format!(
        r#"{{"op":"c","source":{{"schema":"public","table":"items"}},"after":{{"id":1,"a\u0000b":{nested}}}}}"#
    ));
    let file = file_of("shop.public.items", 0, &[odd, item(2, "ok")]);
    Pipeline::from_file(file.path(), &database).set("rejects.policy", "table").run().with_code(0);
    assert_eq!(database.rows(ITEMS), "(2,ok)");
    let reason = "(\"`after.a\u{FFFD}b`: expected at most 1000 levels, found more\")";
    assert_eq!(database.rows("select reason from rowkind.rejects"), reason);
}

/// A reject is in the table once, however often its batch is tried, and moves with the offset.
#[test]
fn what_is_read_again_is_not_kept_twice() {
    let database = with_items();
    let file = file_of("shop.public.items", 0, &[item(0, "ok"), item(1, "too long"), item(2, "ok")]);
    let pipeline = Pipeline::from_file(file.path(), &database).set("rejects.policy", "table");
    pipeline.run().with_code(0);
    database.execute("delete from rowkind.offsets");
    pipeline.run().with_code(0).says("rejects=1");
    assert_eq!(database.rows("select \"offset\" from rowkind.rejects"), "(1)");

    // another record at the place of one that is open is not written over it
    database.execute("delete from rowkind.offsets");
    let other = file_of("shop.public.items", 0, &[item(0, "ok"), item(7, "too long")]);
    let other = pipeline.set("source.file", other.path().to_str().unwrap());
    other.run().with_code(1).says("rowkind.rejects has another record of that place");
    assert_eq!(database.rows("select convert_from(key, 'UTF8') from rowkind.rejects"), "(\"{\"\"id\"\":1}\")");
}

#[test]
fn more_than_may_be_in_a_minute_stop_the_pipeline() {
    for (policy, max_rows) in [("skip", 1_000), ("table", 1_000), ("skip", 3), ("table", 1)] {
        let database = with_items();
        let records: Vec<Record> = (0..100)
            .map(|id| match id % 4 {
                1 => item(id, "too long"),
                3 => Record::raw("no JSON").keyed(json!({"id": id})),
                _ => item(id, "ok"),
            })
            .collect();
        let file = file_of("shop.public.items", 0, &records);
        let pipeline = Pipeline::from_file(file.path(), &database)
            .set("rejects.policy", policy)
            .set("batch.max_rows", &max_rows.to_string())
            .set("rejects.max_per_minute", "10");
        // 1, 3, 5 … 19 are ten
        let stopped = pipeline.run().with_code(3);
        let place = "stopped at topic shop.public.items, partition 0, offset 21: Postgres: new row for relation";
        assert!(stopped.log.contains(place), "{policy}, {max_rows}: {}", stopped.log);
        let stopped = stopped
            .says("10 records were rejected within a minute before it, as many as `rejects.max_per_minute` allows");
        assert!(stopped.log.contains("rejects=10"), "{}", stopped.log);
        assert_eq!(database.rows("select count(*), max(id) from items"), "(11,20)");
        assert_eq!(database.number("select next_offset from rowkind.offsets"), 21);
        pipeline.set("rejects.max_per_minute", "1000").run().with_code(0).says("rejects=40");
        assert_eq!(database.rows("select count(*), max(id) from items"), "(50,98)");
    }
}

fn row(id: i64, v: &str) -> Value {
    json!({"id": id, "v": v})
}

/// Everything of a key behind its reject waits, also of a record that cannot be decoded; then all of it is applied in order.
#[test]
fn later_records_of_a_key_are_set_aside_behind_its_reject() {
    // in a batch with the next of its key, what is too long would not have been looked at
    for max_rows in ["1", "2"] {
        let database = with_items();
        let records = [
            item(1, "a"),
            item(2, "too long"),
            updated("items", row(1, "a"), row(1, "b")),
            updated("items", row(2, "too long"), row(2, "b")),
            Record::raw("no JSON").keyed(json!({"id": 3})),
            item(3, "c"),
            deleted("items", row(2, "b")),
            item(2, "again"),
            item(4, "d"),
        ];
        let file = file_of("shop.public.items", 0, &records[..6]);
        let pipeline = Pipeline::from_file(file.path(), &database)
            .set("rejects.policy", "table")
            .set("rejects.block_key", "true")
            .set("batch.max_rows", max_rows);
        pipeline.run().with_code(0).says("rejects=4");
        assert_eq!(database.rows(ITEMS), "(1,b)");
        // a restart knows of them
        let all = file_of("shop.public.items", 0, &records);
        let pipeline = pipeline.set("source.file", all.path().to_str().unwrap());
        pipeline.run().with_code(0).says("offset 7: behind a reject of its key at offset 6");
        assert_eq!(database.rows(ITEMS), "(1,b)\n(4,d)", "batches of {max_rows}");
        let aside = "select \"offset\", behind from rowkind.rejects order by 1";
        assert_eq!(database.rows(aside), "(1,)\n(3,1)\n(4,)\n(5,4)\n(6,3)\n(7,6)", "batches of {max_rows}");

        // what cannot be applied holds the rest of its key back
        let left = pipeline.rejects(&["retry"]).with_code(3);
        assert!(
            left.output.contains("shop.public.items:0:3  left: the reject at offset 1 is of its key"),
            "{}",
            left.output
        );
        assert_eq!(database.number("select count(*) from rowkind.rejects"), 6);
        database.execute("alter table items drop constraint items_v_check");
        let left = pipeline.rejects(&["retry"]).with_code(3);
        assert!(left.output.contains("shop.public.items:0:7  applied"), "{}", left.output);
        assert!(left.output.contains("applied 4, 2 left"), "{}", left.output);
        assert_eq!(database.rows(ITEMS), "(1,b)\n(2,again)\n(4,d)");
        let deleted = pipeline.rejects(&["delete", "shop.public.items:0:4", "--yes"]).with_code(0);
        assert!(deleted.output.contains("deleted 1"), "{}", deleted.output);
        pipeline.rejects(&["retry"]).with_code(0);
        assert_eq!(database.rows(ITEMS), "(1,b)\n(2,again)\n(3,c)\n(4,d)");
    }
}

/// Records without a key go by the target's, which the records do not know: the table waits.
#[test]
fn without_a_key_the_table_waits() {
    let database = with_items();
    let without = |record: Record| Record { key: None, ..record };
    let records = [item(1, "a"), item(2, "too long"), item(1, "b"), item(2, "c")].map(without);
    let file = file_of("shop.public.items", 0, &records);
    let pipeline = Pipeline::from_file(file.path(), &database)
        .set("rejects.policy", "table")
        .set("rejects.block_key", "true")
        .set("batch.max_rows", "1");
    pipeline.run().with_code(0).says("rejects=3");
    assert_eq!(database.rows(ITEMS), "(1,a)");
    database.execute("alter table items drop constraint items_v_check");
    pipeline.rejects(&["retry"]).with_code(0);
    assert_eq!(database.rows(ITEMS), "(1,b)\n(2,c)");
}

/// The pipeline goes on while its rejects are applied, and then applies what comes of their keys.
#[test]
fn a_key_is_free_again_for_the_running_pipeline() {
    let (broker, database) = (Broker::start(), with_items());
    let topic = broker.topic("shop.public.items", 1);
    broker.write(&topic, 0, &[item(1, "too long"), item(1, "b")]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("rejects.policy", "table")
        .set("batch.max_rows", "1")
        .set("rejects.block_key", "true");
    let bridge = pipeline.start();
    database.wait_for_rows("select count(*) from rowkind.rejects", "(2)");
    database.execute("alter table items drop constraint items_v_check");
    pipeline.rejects(&["retry"]).with_code(0);
    assert_eq!(database.rows(ITEMS), "(1,b)");
    broker.write(&topic, 0, &[item(1, "c"), item(2, "d")]);
    database.wait_for_rows(ITEMS, "(1,c)\n(2,d)");
    assert_eq!(database.number("select count(*) from rowkind.rejects"), 0);
    bridge.stop().with_code(0);
}

#[test]
fn where_no_key_can_be_told_the_pipeline_stops() {
    let database = with_items();
    let file = file_of("shop.public.items", 0, &[item(1, "a"), Record::raw("no JSON")]);
    let pipeline =
        Pipeline::from_file(file.path(), &database).set("rejects.policy", "table").set("rejects.block_key", "true");
    pipeline.run().with_code(3).says("offset 1: `payload`").says("its key is not known");

    let file = file_of("shop.public.items", 0, &[item(1, "a"), item(2, "too long"), truncated("items"), item(3, "c")]);
    let pipeline = Pipeline::from_file(file.path(), &database)
        .set("rejects.policy", "table")
        .set("batch.max_rows", "2")
        .set("rejects.block_key", "true");
    pipeline.run().with_code(3).says("offset 2: a truncate behind rejects of its partition");
    pipeline.rejects(&["delete", "--all", "--yes"]).with_code(0);
    pipeline.run().with_code(0);
    assert_eq!(database.rows(ITEMS), "(3,c)");
}

/// Without blocked keys nobody knows whether a newer state of the row is in the target.
#[test]
fn an_old_value_is_not_brought_back_unless_it_is_forced() {
    let database = with_items();
    let file = file_of("shop.public.items", 0, &[item(1, "too long"), item(1, "new")]);
    let pipeline =
        Pipeline::from_file(file.path(), &database).set("rejects.policy", "table").set("batch.max_rows", "1");
    pipeline.run().with_code(0);
    database.execute("alter table items drop constraint items_v_check");
    let left = pipeline.rejects(&["retry"]).with_code(1);
    assert!(left.output.contains("left: later records of its key may have been applied since"), "{}", left.output);
    assert_eq!(database.rows(ITEMS), "(1,new)");
    pipeline.rejects(&["retry", "--force"]).with_code(0);
    assert_eq!(database.rows(ITEMS), "(1,\"too long\")");
    assert_eq!(database.number("select count(*) from rowkind.rejects"), 0);

    // what was set aside under block_key does not stay in order when that is switched off
    let file = file_of("shop.public.items", 2, &[Record::raw("no JSON").keyed(json!({"id": 9}))]);
    let pipeline = pipeline.set("source.file", file.path().to_str().unwrap());
    pipeline.clone().set("rejects.block_key", "true").run().with_code(0);
    assert_eq!(database.number("select count(*) from rowkind.rejects where keys is not null"), 1);
    pipeline.run().with_code(0);
    assert_eq!(database.number("select count(*) from rowkind.rejects where keys is not null"), 0);
}

#[test]
fn rejects_are_listed_and_deleted() {
    let database = with_items();
    let file = file_of("shop.public.items", 0, &[item(1, "too long"), item(2, "too long"), item(3, "ok")]);
    let pipeline = Pipeline::from_file(file.path(), &database).set("rejects.policy", "table");
    let listed = pipeline.rejects(&["list"]).with_code(0);
    assert_eq!(listed.output, "", "there is no table yet");
    pipeline.run().with_code(0);
    let listed = pipeline.rejects(&["list"]).with_code(0);
    let lines: Vec<&str> = listed.output.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("shop.public.items:0:0  2"), "{}", lines[0]);
    assert!(lines[0].ends_with("(SQLSTATE 23514, table items, constraint items_v_check)"), "{}", lines[0]);
    let listed =
        pipeline.rejects(&["list", "--limit=1", "--output=json"]).with_code(0).says("1 more: --limit 2 lists all");
    let first: Value = serde_json::from_str(&listed.output).unwrap();
    assert_eq!((&first["offset"], &first["sqlstate"]), (&json!(0), &json!("23514")));
    assert_eq!(pipeline.rejects(&["list", "--topic=other"]).with_code(0).output, "");

    pipeline.rejects(&["show", "shop.public.items:0:2"]).with_code(1).says("is no open reject of this pipeline");
    pipeline.rejects(&["show", "items"]).with_code(2).says("expected topic:partition:offset");
    let unknown = ["retry", "shop.public.items:0:0", "shop.public.items:0:7"];
    pipeline
        .rejects(&unknown)
        .with_code(1)
        .says("1 of the 2 places are open rejects of this pipeline: nothing was applied");
    pipeline.rejects(&["delete"]).with_code(2).says("say which");
    let kept = pipeline.rejects(&["delete", "--all"]).with_code(1).says("nothing was deleted: --yes deletes these 2");
    assert_eq!(kept.output.lines().count(), 2);
    pipeline.rejects(&["delete", "shop.public.items:0:1", "--yes"]).with_code(0);
    assert_eq!(database.rows("select \"offset\" from rowkind.rejects"), "(0)");
}

#[test]
fn settings_that_go_together() {
    let database = with_items();
    let file = file_of("shop.public.items", 0, &[]);
    let pipeline = Pipeline::from_file(file.path(), &database);
    let refused = |key: &str, value: &str, said: &str| {
        pipeline.clone().set(key, value).run().with_code(2).says(said);
    };
    refused("rejects.block_key", "true", "set `rejects.policy` to table or topic");
    refused("rejects.policy", "topic", "`rejects.topic` is missing");
    let of_topics = |rejects: &str| {
        let topics = Pipeline::from_broker(&Broker::mock(), &database).set("source.topics", "shop.items");
        let topics = topics.set("source.topic_pattern", "^shop\\.").set("rejects.policy", "topic");
        topics.set("rejects.topic", rejects).run().with_code(2).says("a topic that the pipeline does not read itself");
    };
    let odd =
        Pipeline::from_topics(&Broker::mock(), &["t"], &database).set("source.properties", "fetch.min.bytes=s3cret");
    let odd = odd.set("rejects.policy", "topic").set("rejects.topic", "bad").run().with_code(2);
    assert!(odd.log.contains("`source.properties`, fetch.min.bytes: ") && !odd.log.contains("s3cret"), "{}", odd.log);
    of_topics("shop.items");
    of_topics("shop.rejects");
    let to_topic = pipeline.clone().set("rejects.topic", "bad").set("rejects.policy", "topic");
    to_topic.run().with_code(2).says("a file has none");
}

/// The topic has each reject once, as it was, with the headers that tools read.
#[test]
fn rejects_are_written_to_a_topic() {
    let (broker, database) = (Broker::start(), with_items());
    let (topic, dead) = (broker.topic("shop.public.items", 1), broker.topic("bad", 1));
    let mut bad = Record::raw("no JSON").keyed(json!({"id": 1}));
    bad.headers = vec![("trace", b"abc")];
    broker.write(&topic, 0, &[item(0, "ok"), bad, item(2, "too long"), item(3, "ok")]);
    let pipeline =
        Pipeline::from_topics(&broker, &[&topic], &database).set("rejects.policy", "topic").set("rejects.topic", &dead);
    pipeline.run().with_code(0).says("rejects=2");
    let found = broker.read(&dead);
    let payloads: Vec<_> = found.iter().map(|message| message.payload().unwrap().to_vec()).collect();
    assert_eq!(payloads, [b"no JSON".to_vec(), item(2, "too long").payload.unwrap()]);
    assert_eq!(found[0].key().unwrap(), br#"{"id":1}"#);
    let headers: Vec<(String, String)> = found[0]
        .headers()
        .unwrap()
        .iter()
        .map(|header| (header.key.to_owned(), String::from_utf8(header.value.unwrap().to_vec()).unwrap()))
        .collect();
    let header = |key: &str| headers.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
    assert_eq!(header("trace"), Some("abc"));
    assert_eq!(header("__connect.errors.topic"), Some(&*topic));
    assert_eq!(header("__connect.errors.partition"), Some("0"));
    assert_eq!(header("__connect.errors.offset"), Some("1"));
    assert_eq!(header("__connect.errors.connector.name"), Some(pipeline.name()));
    assert!(header("__connect.errors.exception.message").unwrap().starts_with("`payload`: expected JSON"));
    assert_eq!(database.number("select count(*) from rowkind.rejects where forwarded_at is not null"), 2);

    broker.write(&topic, 0, &[item(4, "too long")]);
    pipeline.run().with_code(0).says("rejects=1");
    assert_eq!(broker.read(&dead).len(), 3);
    if !broker.is_mock() {
        // the mock does not keep the offsets of a transaction
        assert_eq!(broker.committed(&format!("{}.rejects", pipeline.name()), &topic, 0), Some(5));
    }
}
