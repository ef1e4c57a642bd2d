//! The configuration: a file, the environment, flags; and what is said when it cannot be used.

use std::io::Write as _;

use serde_json::json;
use tempfile::NamedTempFile;

use crate::harness::{Bridge, Database, Ended, created, file_of};

fn toml(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Runs with a file and these flags.
fn run(text: &str, flags: &[&str]) -> Ended {
    let file = toml(text);
    let mut arguments = vec!["run", "-c", file.path().to_str().unwrap()];
    arguments.extend(flags);
    Bridge::start(&arguments, &[]).wait()
}

/// Asserts what is said of a configuration, after what is said of its file.
#[track_caller]
fn refused(text: &str, flags: &[&str], message: &str) {
    let ended = run(text, flags).with_code(2).says(message);
    assert_eq!(ended.log.lines().count(), 1, "one line says it: {}", ended.log);
    assert!(ended.log.starts_with("rowkind: "), "{}", ended.log);
}

const SOUND: &str = r#"
    name = "p"
    [source]
    brokers = "localhost:1"
    topics = ["t"]
"#;

#[test]
fn what_cannot_be_used_is_named() {
    let url = "--sink-url=postgres://localhost/x";
    refused(SOUND, &[], "`sink.url` is missing: set it in the file, or with --sink-url or ROWKIND_SINK_URL");
    refused("", &[url], "`name` is missing: set it in the file, or with --name or ROWKIND_NAME");
    refused(
        r#"name = "p""#,
        &[url],
        "nothing to read from: set `source.brokers` and `source.topics`, or `source.file`",
    );
    refused(&SOUND.replace("topics", "topic"), &[url], "is not a setting; did you mean `source.topics`?");
    refused(&SOUND.replace("[source]", "[sorce]"), &[url], "is not a setting; did you mean `source`?");
    refused(&SOUND.replace("[\"t\"]", "1"), &[url], "expected an array of strings, found integer");
    refused(&SOUND.replace("topics = [\"t\"]", ""), &[url], "no topics: set `source.topics` or `source.topic_pattern`");
    refused(SOUND, &[url, "--source-file=x"], "`source.file` and `source.brokers` exclude each other: set one");
    refused(SOUND, &[url, "--source-start=now"], "--source-start: expected one of earliest-offset, latest-offset");
    refused(SOUND, &[url, "--batch-max-rows=0"], "--batch-max-rows: expected a whole number of 1 or more");
    refused(SOUND, &[url, "--batch-linger=soon"], r#"--batch-linger: expected a time such as "100ms""#);
    refused(
        SOUND,
        &[url, "--sink-table={tabel}"],
        "--sink-table: expected a name with {database}, {schema}, {table} or {topic} in it",
    );
    refused(SOUND, &[url, "--source-properties=x"], "--source-properties: expected key=value");
    refused(SOUND, &["--sink-url=mysql://localhost/x"], "--sink-url: expected postgres://user:password@host/database");
    refused("name = ", &[url], "line 1: ");
    refused(&format!("{SOUND}\n[batch]\nmax_rows = \"many\""), &[url], "`batch.max_rows` in ");
}

#[test]
fn starts_and_stops_that_cannot_be_used_are_named() {
    let refused = |flags: &[&str], message: &str| {
        refused(SOUND, &[&["--sink-url=postgres://localhost/x"], flags].concat(), message);
    };
    refused(&["--source-start=timestamp"], "`source.start` = \"timestamp\" needs `source.start_timestamp`");
    refused(
        &["--source-start=timestamp", "--source-start-timestamp=2026-11-21T13:26:07"],
        "--source-start-timestamp: expected milliseconds since 1970, or a moment with its zone",
    );
    refused(
        &["--source-start-timestamp=1"],
        "`source.start_timestamp` does not belong to `source.start` = \"earliest-offset\": leave it out",
    );
    refused(
        &["--source-stop=latest-offset", "--source-stop-offsets=partition:0,offset:1"],
        "`source.stop_offsets` does not belong to `source.stop` = \"latest-offset\": leave it out",
    );
    refused(
        &["--source-stop=specific-offsets", "--source-stop-offsets=0:1"],
        "--source-stop-offsets: expected partition:0,offset:42;partition:1,offset:300",
    );
    refused(
        &["--source-topics=t,u", "--source-start=specific-offsets", "--source-start-offsets=partition:0,offset:1"],
        "with topic:NAME, before each where not just one topic is read",
    );
    refused(
        &["--source-properties=auto.offset.reset=latest"],
        "auto.offset.reset of `source.properties` belongs to `source.start` = \"group-offsets\"",
    );
    refused(
        &[
            "--source-start=group-offsets",
            "--source-properties=auto.offset.reset=latest",
            "--source-start-fallback=stop",
        ],
        "`source.start_fallback` and auto.offset.reset of `source.properties` exclude each other",
    );
    refused(
        &["--source-sasl-username=me", "--source-properties=sasl.username=me"],
        "`source.sasl_username` and sasl.username of `source.properties` exclude each other: set one",
    );
    let file = SOUND.replace("brokers = \"localhost:1\"", "file = \"x\"");
    let url = "--sink-url=postgres://localhost/x";
    self::refused(&file, &[url, "--source-start=latest-offset"], "is for Kafka, and not for `source.file`");
}

#[test]
fn what_librdkafka_does_not_take_is_named() {
    let url = "--sink-url=postgres://localhost/x";
    let said = "`source.properties`, no.such: No such configuration property";
    run(SOUND, &[url, "--source-properties=no.such=1"]).with_code(2).says(said);
    let said = "`source.properties`, fetch.min.bytes: ";
    let ended = run(SOUND, &[url, "--source-properties=fetch.min.bytes=s3cret"]).with_code(2).says(said);
    assert!(!ended.log.contains("s3cret"), "it may be a secret: {}", ended.log);
}

#[test]
fn what_was_meant_is_named() {
    let url = "--sink-url=postgres://localhost/x";
    for (typed, meant) in [
        (vec!["rnu"], "'run'"),
        (vec!["statsu"], "'status'"),
        (vec!["rejects", "lsit"], "'list'"),
        (vec!["run", "--sink-ulr=x"], "'--sink-url'"),
        (vec!["check", "--source-broker=x"], "'--source-brokers'"),
        (vec!["status", "--wacth"], "'--watch'"),
        (vec!["status", "--output", "jsno"], "'json'"),
        (vec!["completions", "fihs"], "'fish'"),
        (vec!["inspect", "--format", "debezium_json"], "'debezium-json'"),
    ] {
        let ended = Bridge::start(&typed, &[]).wait().with_code(2);
        assert!(ended.log.contains(&format!("exists: {meant}")), "{typed:?}: {}", ended.log);
    }
    refused(SOUND, &[url, "--source-format=debezium_json"], "ogg-json; did you mean `debezium-json`?");
    refused(SOUND, &[url, "--source-start=latest"], "specific-offsets; did you mean `latest-offset`?");
    refused(SOUND, &[url, "--sink-create=ture"], "--sink-create: expected true or false; did you mean `true`?");
    refused(
        SOUND,
        &[url, "--sink-delete=sotf"],
        "--sink-delete: expected one of hard, soft, ignore; did you mean `soft`?",
    );
    let file = format!("{SOUND}\n[sink]\ntype = \"postgress\"");
    refused(&file, &[url], "expected one of postgres, kafka, stdout, blackhole; did you mean `postgres`?");
    let file = format!("{SOUND}\n[[route]]\ndelete = \"sfot\"");
    refused(&file, &[url], "expected one of hard, soft, ignore; did you mean `soft`?");
    // nothing is like it
    let ended = run(SOUND, &[url, "--source-format=xml"]).with_code(2);
    assert!(!ended.log.contains("did you mean"), "{}", ended.log);
}

/// Variables that only begin like those of settings may be anybody's: Kubernetes makes some for a service of that name.
#[test]
fn a_variable_that_is_nearly_one_of_a_setting() {
    let file = toml(SOUND);
    let run = |name: &str| {
        let environment = [(name.to_owned(), "postgres://me:s3cret@localhost/x".to_owned())];
        Bridge::start(&["run", "-c", file.path().to_str().unwrap()], &environment).wait().with_code(2)
    };
    let ended = run("ROWKIND_SNIK_URL").says("`ROWKIND_SNIK_URL` is not a setting; did you mean `ROWKIND_SINK_URL`?");
    assert!(!ended.log.contains("s3cret"), "{}", ended.log);
    run("ROWKIND_SINK_URL_FLIE").says("did you mean `ROWKIND_SINK_URL_FILE`?");
    for name in ["ROWKIND_PORT", "ROWKIND_SERVICE_HOST", "ROWKIND_PORT_9464_TCP_ADDR", "ROWKIND_N_EVENTS"] {
        run(name).says("`sink.url` is missing");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    Bridge::start(&["run", "-c", "/nowhere/rowkind.toml"], &[])
        .wait()
        .with_code(2)
        .says("cannot read `/nowhere/rowkind.toml`: No such file or directory");
}

/// Everything from a file; then the environment over it, and a flag over both.
#[test]
fn flags_win_over_environment_over_file() {
    let database = Database::new();
    database.execute("create table a (id int primary key); create table b (like a including all); create table c (like a including all)");
    let records = file_of("shop.public.x", 0, &[created("x", json!({"id": 1}))]);
    let config = toml(&format!(
        "name = \"file\"\n[source]\nfile = '{}'\nstop = \"latest-offset\"\n[sink]\nurl = '{}'\ntable = \"public.a\"\n\
         [batch]\nmax_rows = 10\nmax_bytes = \"1MB\"\nlinger = \"5ms\"",
        records.path().display(),
        database.url()
    ));
    let config = config.path().to_str().unwrap();
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Bridge::start(&["run", "-c", config], &[]).wait().with_code(0);
    let environment = [variable("ROWKIND_NAME", "environment"), variable("ROWKIND_SINK_TABLE", "public.b")];
    Bridge::start(&["run", "-c", config], &environment).wait().with_code(0);
    Bridge::start(&["run", "-c", config, "--name=flag", "--sink-table", "public.c"], &environment).wait().with_code(0);
    assert_eq!(
        database.rows("select 'a', id from a union all select 'b', id from b union all select 'c', id from c"),
        "(a,1)\n(b,1)\n(c,1)"
    );
    assert_eq!(database.rows("select pipeline from rowkind.offsets order by 1"), "(environment)\n(file)\n(flag)");
}

#[test]
fn a_secret_can_come_from_a_file() {
    let database = Database::new();
    database.execute("create table t (id int primary key)");
    let records = file_of("shop.public.t", 0, &[created("t", json!({"id": 1}))]);
    let secret = toml(&format!("{}\n", database.url()));
    let environment = [("ROWKIND_SINK_URL_FILE".to_owned(), secret.path().display().to_string())];
    let file = format!("--source-file={}", records.path().display());
    Bridge::start(&["run", "--name=p", &file, "--source-stop=latest-offset"], &environment).wait().with_code(0);
    assert_eq!(database.rows("select id from t"), "(1)");
}
