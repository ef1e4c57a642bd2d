//! `rowkind inspect`: what it prints, and what it says of records that are none.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::harness::{Broker, Record, created, deleted, file_of, fixture, tombstone, updated};

/// Runs it with `input` on standard input.
fn inspect(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowkind"));
    command.arg("inspect").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // a process that needs no input may be gone already
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn row(id: i64, v: &str) -> Value {
    json!({"id": id, "v": v})
}

const CHANGELOG: &str = "\
+I public.t {\"id\":1,\"v\":\"a\"}
-U public.t {\"id\":1,\"v\":\"a\"}
+U public.t {\"id\":1,\"v\":\"b\"}
+I public.u {\"id\":2,\"v\":\"a\"}
-D public.t {\"id\":1,\"v\":\"b\"}
";

fn records() -> [Record; 5] {
    [
        created("t", row(1, "a")),
        updated("t", row(1, "a"), row(1, "b")),
        created("u", row(2, "a")),
        deleted("t", row(1, "b")),
        tombstone(json!({"id": 1})),
    ]
}

#[test]
fn a_file_and_standard_input() {
    let file = file_of("shop.public.t", 0, &records());
    for (path, input) in [(file.path().to_str().unwrap(), Vec::new()), ("-", std::fs::read(file.path()).unwrap())] {
        let found = inspect(&[path], &input);
        assert_eq!((found.status.code(), text(&found.stdout), text(&found.stderr)), (Some(0), CHANGELOG, ""));
    }
    let filters: [(&[&str], &str); 3] = [
        (&["--table", "public.u"], "+I public.u {\"id\":2,\"v\":\"a\"}\n"),
        (&["--key", "id=2", "--key", "v=a"], "+I public.u {\"id\":2,\"v\":\"a\"}\n"),
        (&["--key", "v=b"], "+U public.t {\"id\":1,\"v\":\"b\"}\n-D public.t {\"id\":1,\"v\":\"b\"}\n"),
    ];
    for (filter, expected) in filters {
        let found = inspect(&[filter, &[file.path().to_str().unwrap()]].concat(), b"");
        assert_eq!((found.status.code(), text(&found.stdout)), (Some(0), expected));
    }
}

#[test]
fn json_says_where_a_row_comes_from() {
    let file = fixture("debezium-json/postgres/json-schema/a_pg_json_schema.public.t_cpk.jsonl");
    let found = inspect(&["--output", "json", file.to_str().unwrap()], b"");
    let lines: Vec<Value> = text(&found.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = &lines[0];
    assert_eq!((&first["kind"], &first["table"], &first["op"]), (&json!("+I"), &json!("public.t_cpk"), &json!("r")));
    assert_eq!((&first["topic"], &first["partition"]), (&json!("a_pg_json_schema.public.t_cpk"), &json!(0)));
    assert_eq!(first["key"].as_object().unwrap().len(), 2);
    for field in ["position", "changed_at", "transaction"] {
        assert!(first[field].is_string(), "{field} in {first}");
    }
    assert!(first["offset"].is_i64() && first["timestamp"].is_i64() && first["row"].is_object(), "{first}");
}

#[test]
fn what_is_no_record_is_named_and_the_rest_is_printed() {
    let mut records = records();
    records[2] = Record::raw("{\"op\":");
    let file = file_of("shop.public.t", 0, &records);
    let found = inspect(&[file.path().to_str().unwrap()], b"");
    assert_eq!(found.status.code(), Some(1));
    assert_eq!(text(&found.stdout), CHANGELOG.replace("+I public.u {\"id\":2,\"v\":\"a\"}\n", ""));
    let said = text(&found.stderr);
    assert!(said.contains("topic shop.public.t, partition 0, offset 2: `payload`: expected JSON"), "{said}");
    assert!(said.contains("1 record could not be decoded"), "{said}");

    let found = inspect(&[], b"{\"topic\":\"t\"}\n");
    assert_eq!(found.status.code(), Some(1));
    assert!(text(&found.stderr).contains("standard input, line 1: "), "{}", text(&found.stderr));
}

#[test]
fn a_topic_to_its_end() {
    let broker = Broker::start();
    let topic = broker.topic("shop.public.t", 2);
    broker.write(&topic, 0, &records());
    broker.write(&topic, 1, &[created("t", row(7, "other partition"))]);
    let found = inspect(&["--brokers", broker.address(), "--topic", &topic], b"");
    assert_eq!(found.status.code(), Some(0), "{}", text(&found.stderr));
    let (of_other, of_first): (Vec<&str>, Vec<&str>) = text(&found.stdout).lines().partition(|line| line.contains('7'));
    assert_eq!(of_first.join("\n") + "\n", CHANGELOG);
    assert_eq!(of_other, ["+I public.t {\"id\":7,\"v\":\"other partition\"}"]);

    let found = inspect(&["--brokers", broker.address(), "--topic", "not.there"], b"");
    assert_eq!(found.status.code(), Some(1));
    let found = inspect(&["--brokers", broker.address()], b"");
    assert_eq!(found.status.code(), Some(2));
}
