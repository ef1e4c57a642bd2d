//! Changelogs on standard output: what events say, and with a state of rows all that changed.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};

use crate::harness::{
    Bridge, Broker, Pipeline, Record, created, deleted, file_of, fixture, tombstone, truncated, updated,
};

fn shop() -> std::path::PathBuf {
    fixture("shop/shop.jsonl")
}

/// The changelog that a pipeline prints.
fn printed(pipeline: &Pipeline) -> String {
    pipeline.run().with_code(0).output
}

/// The recorded changelog of the shop, without the lines about what is no row.
fn shop_changelog() -> String {
    let text = std::fs::read_to_string(fixture("shop/shop.changelog")).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.to_owned() + "\n").collect()
}

#[test]
fn what_events_say() {
    assert_eq!(printed(&Pipeline::changelog_from_file(&shop(), "stdout")), shop_changelog());
}

/// Records of another format are lines that every command of ours reads.
#[test]
fn records_of_a_format_say_the_same() {
    let pipeline = Pipeline::changelog_from_file(&shop(), "stdout");
    for format in ["debezium-json", "canal-json", "maxwell-json"] {
        let schema = if format == "debezium-json" { "true" } else { "false" };
        let lines = printed(&pipeline.clone().set("sink.format", format).set("sink.schema_include", schema));
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        let again = Pipeline::changelog_from_file(file.path(), "stdout").set("source.format", format);
        let rows = printed(&again.set("source.timezone", "UTC"));
        match format {
            "debezium-json" => assert_eq!(rows, shop_changelog()),
            // which fill in a row before its change, and know fewer types
            _ => assert!(rows.lines().count() >= shop_changelog().lines().count(), "{format}: {rows}"),
        }
    }
}

/// Plays a changelog: each `-U` and `-D` takes away a row that is there, to the letter. What is there in the end.
#[track_caller]
fn played(changelog: &str) -> BTreeSet<&str> {
    let mut rows = BTreeSet::new();
    let mut lines = changelog.lines().peekable();
    while let Some(line) = lines.next() {
        let (kind, row) = line.split_at(3);
        match kind {
            "+I " | "+U " => assert!(rows.insert(row), "it is there already: {line}"),
            "-U " => {
                assert!(rows.remove(row), "it is not there: {line}");
                assert!(lines.peek().is_some_and(|next| next.starts_with("+U ")), "no +U behind {line}");
            }
            "-D " => assert!(rows.remove(row), "it is not there: {line}"),
            "-T " => rows.retain(|known| !known.starts_with(&format!("{row} "))),
            _ => panic!("no row kind: {line}"),
        }
    }
    rows
}

fn complete(file: &Path, state: &TempDir) -> Pipeline {
    Pipeline::changelog_from_file(file, "stdout")
        .set("sink.changelog", "all")
        .set("sink.state_dir", state.path().to_str().unwrap())
}

/// Postgres's default replica identity sends no rows before their change; the shop's deletes have keys alone.
#[test]
fn a_complete_changelog_of_the_shop() {
    let state = TempDir::new().unwrap();
    let changelog = printed(&complete(&shop(), &state));
    let rows = played(&changelog);
    let sent = shop_changelog();
    assert!(!sent.contains("-U public.orders"), "the events do not say what an order was");
    assert!(changelog.contains("-U public.orders"));
    // the last row of each key, as events without a state tell it
    let is_there = |row: &&str| rows.contains(*row);
    let upserts = sent.lines().filter(|line| line.starts_with('+')).map(|line| &line[3..]);
    assert!(upserts.filter(is_there).count() >= rows.len(), "{rows:?}");
    assert!(rows.len() > 50, "{}", rows.len());
}

/// The state survives: what is printed in two runs is what is printed in one.
#[test]
fn a_restart_at_any_place() {
    let lines: Vec<String> = std::fs::read_to_string(shop()).unwrap().lines().map(|line| format!("{line}\n")).collect();
    let whole = printed(&complete(&shop(), &TempDir::new().unwrap()));
    for at in [1, 47, 130, 260, 400, lines.len() - 1] {
        let state = TempDir::new().unwrap();
        let mut first = NamedTempFile::new().unwrap();
        first.write_all(lines[..at].concat().as_bytes()).unwrap();
        let pipeline = complete(first.path(), &state);
        let before = printed(&pipeline);
        let behind = printed(&pipeline.set("source.file", shop().to_str().unwrap()));
        assert!(before + &behind == whole, "a restart behind {at} records");
    }
}

fn row(id: i64, v: &str) -> Value {
    json!({"id": id, "v": v})
}

fn without_before(record: Record) -> Record {
    let mut event: Value = serde_json::from_slice(record.payload.as_deref().unwrap()).unwrap();
    event["before"] = Value::Null;
    Record { payload: Some(event.to_string().into_bytes()), ..record }
}

fn upsert(id: i64, v: &str) -> Record {
    without_before(updated("t", row(id, v), row(id, v)))
}

#[test]
fn what_is_filled_in_and_what_is_left_out() {
    let records = [
        created("t", row(1, "a")),
        upsert(1, "b"),
        upsert(1, "b"),
        upsert(2, "x"),
        created("t", row(1, "c")),
        deleted("t", json!({"id": 7})),
        deleted("t", json!({"id": 1})),
        created("t", row(1, "d")),
        tombstone(json!({"id": 2})),
        truncated("t"),
        upsert(1, "e"),
    ];
    let file = file_of("shop.public.t", 0, &records);
    let expected = "\
+I public.t {\"id\":1,\"v\":\"a\"}
-U public.t {\"id\":1,\"v\":\"a\"}
+U public.t {\"id\":1,\"v\":\"b\"}
+I public.t {\"id\":2,\"v\":\"x\"}
-U public.t {\"id\":1,\"v\":\"b\"}
+U public.t {\"id\":1,\"v\":\"c\"}
-D public.t {\"id\":1,\"v\":\"c\"}
+I public.t {\"id\":1,\"v\":\"d\"}
-D public.t {\"id\":2,\"v\":\"x\"}
-T public.t
+I public.t {\"id\":1,\"v\":\"e\"}
";
    let inspect = ["inspect", "--changelog", "all", file.path().to_str().unwrap()];
    assert_eq!(Bridge::start(&inspect, &[]).wait().with_code(0).output, expected);
    for max_rows in ["1", "3", "1000"] {
        let state = TempDir::new().unwrap();
        let changelog = printed(&complete(file.path(), &state).set("batch.max_rows", max_rows));
        assert_eq!(changelog, expected, "{max_rows} rows a batch");
    }
}

/// Canal and Maxwell leave out what they do not send; Debezium's placeholder stands for it.
#[test]
fn columns_that_were_not_sent() {
    let state = TempDir::new().unwrap();
    let records = [
        created("t", json!({"id": 1, "v": "a", "w": "text"})),
        without_before(updated("t", row(1, "a"), json!({"id": 1, "v": "b", "w": "__debezium_unavailable_value"}))),
        // a column that is not there any more
        upsert(1, "b"),
    ];
    let file = file_of("shop.public.t", 0, &records);
    assert_eq!(
        printed(&complete(file.path(), &state)),
        "+I public.t {\"id\":1,\"v\":\"a\",\"w\":\"text\"}\n\
         -U public.t {\"id\":1,\"v\":\"a\",\"w\":\"text\"}\n\
         +U public.t {\"id\":1,\"v\":\"b\",\"w\":\"text\"}\n\
         -U public.t {\"id\":1,\"v\":\"b\",\"w\":\"text\"}\n\
         +U public.t {\"id\":1,\"v\":\"b\"}\n"
    );
    let message = |ty: &str, data: Value| {
        Record::raw(&json!({"database": "shop", "table": "t", "type": ty, "ts": 1, "primary_key_columns": ["id"], "data": data}).to_string())
    };
    let records =
        [message("insert", json!({"id": 1, "v": "a", "w": 5})), message("update", json!({"id": 1, "v": "b"}))];
    let file = file_of("maxwell", 0, &records);
    let pipeline = complete(file.path(), &TempDir::new().unwrap()).set("source.format", "maxwell-json");
    assert_eq!(
        printed(&pipeline),
        "+I shop.t {\"id\":1,\"v\":\"a\",\"w\":5}\n\
         -U shop.t {\"id\":1,\"v\":\"a\",\"w\":5}\n\
         +U shop.t {\"id\":1,\"v\":\"b\",\"w\":5}\n"
    );
}

/// Nobody else's state is taken for one's own.
#[test]
fn a_state_is_one_pipelines() {
    let state = TempDir::new().unwrap();
    let file = file_of("shop.public.t", 0, &[created("t", row(1, "a"))]);
    let pipeline = complete(file.path(), &state);
    pipeline.run().with_code(0);
    pipeline
        .clone()
        .set("name", "another")
        .run()
        .with_code(1)
        .says("`sink.state_dir`: the state is of another pipeline");
    let running = pipeline.start();
    running.wait_for_log("INFO");
    std::thread::sleep(std::time::Duration::from_millis(300));
    pipeline.run().with_code(1).says("another rowkind has it");
    running.stop().with_code(0);
}

/// From Kafka the group holds the offsets, which are committed behind what was printed.
#[test]
fn topics_are_printed_and_not_again_at_the_next_start() {
    let broker = Broker::start();
    let topic = broker.topic("shop.public.t", 2);
    broker.write(&topic, 0, &[created("t", row(1, "a"))]);
    broker.write(&topic, 1, &[created("t", row(2, "b"))]);
    let pipeline = Pipeline::changelog_from_broker(&broker, "stdout").set("source.topics", &topic);
    let mut first: Vec<String> = printed(&pipeline).lines().map(str::to_owned).collect();
    first.sort();
    assert_eq!(first, [r#"+I public.t {"id":1,"v":"a"}"#, r#"+I public.t {"id":2,"v":"b"}"#]);
    assert_eq!(broker.committed(pipeline.name(), &topic, 0), Some(1));
    broker.write(&topic, 0, &[upsert(1, "c")]);
    assert_eq!(printed(&pipeline), "+U public.t {\"id\":1,\"v\":\"c\"}\n");
}

/// Where the pipeline starts is stored with the group before anything is read.
#[test]
fn a_start_behind_the_newest() {
    let broker = Broker::start();
    let topic = broker.topic("shop.public.t", 2);
    broker.write(&topic, 0, &[created("t", row(1, "a"))]);
    let pipeline = Pipeline::changelog_from_broker(&broker, "stdout")
        .set("source.topics", &topic)
        .set("source.start", "latest-offset");
    assert_eq!(printed(&pipeline), "");
    broker.write(&topic, 0, &[created("t", row(2, "b"))]);
    broker.write(&topic, 1, &[created("t", row(3, "c"))]);
    let mut lines: Vec<String> = printed(&pipeline).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, [r#"+I public.t {"id":2,"v":"b"}"#, r#"+I public.t {"id":3,"v":"c"}"#]);
}

/// `| head` has seen enough: that is no failure.
#[test]
fn a_reader_that_goes_away() {
    let records: Vec<Record> = (0..20_000).map(|id| created("t", row(id, "a"))).collect();
    let file = file_of("shop.public.t", 0, &records);
    let mut child = Command::new(env!("CARGO_BIN_EXE_rowkind"))
        .args(["run", "--name", "head", "--sink-type", "stdout", "--batch-max-rows", "100", "--source-file"])
        .arg(file.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    drop(out);
    assert_eq!(line, "+I public.t {\"id\":0,\"v\":\"a\"}\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_record_that_cannot_be_written() {
    let file = file_of("shop.public.t", 0, &[created("t", row(1, "a")), truncated("t"), created("t", row(2, "b"))]);
    let pipeline = Pipeline::changelog_from_file(file.path(), "stdout").set("sink.format", "flattened-json");
    let stopped = pipeline.run().with_code(3);
    assert_eq!(stopped.output.lines().count(), 1);
    assert!(
        stopped.log.contains("stopped at topic shop.public.t, partition 0, offset 1: cannot be written: `op`"),
        "{}",
        stopped.log
    );
    let skipped = pipeline.clone().set("rejects.policy", "skip").run().with_code(0).says("rejects=1");
    assert_eq!(skipped.output.lines().count(), 2);
    assert_eq!(pipeline.set("sink.truncate", "ignore").run().with_code(0).output.lines().count(), 2);
}
