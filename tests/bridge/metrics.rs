//! What a running pipeline tells of itself over HTTP.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Broker, Database, Pipeline, Record, Server, created, deleted, updated, wait_for};

/// A port that is free.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Status and body of an answer; an error while nobody listens.
fn get(port: u16, path: &str) -> Result<(u16, String), String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Ok((head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned()))
}

fn get_now(port: u16, path: &str) -> (u16, String) {
    get(port, path).unwrap()
}

/// Whether `/readyz` answers so.
fn tells(port: u16, status: u16, text: &'static str) -> impl Fn() -> Result<(), String> {
    move || match get(port, "/readyz")? {
        (found, body) if found == status && body.contains(text) => Ok(()),
        answer => Err(format!("{answer:?}")),
    }
}

/// The value of a metric that has these labels among its own.
fn value(metrics: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let is_it = |line: &&str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    };
    metrics.lines().find(is_it)?.rsplit(' ').next()?.parse().ok()
}

#[test]
fn of_a_pipeline_at_work() {
    let (broker, database, port) = (Broker::start(), Database::new(), port());
    database.execute("create table t (id int primary key, v text)");
    let topic = broker.topic("shop.public.t", 2);
    let row = |id: i64, v: &str| json!({"id": id, "v": v});
    let records: Vec<Record> = vec![
        created("t", row(1, "a")),
        created("t", row(2, "a")),
        updated("t", row(1, "a"), row(1, "b")),
        deleted("t", row(2, "a")),
        Record::raw("no JSON").keyed(json!({"id": 3})),
    ];
    broker.write(&topic, 0, &records);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("metrics.listen", &format!("0.0.0.0:{port}"))
        .set("rejects.policy", "table");
    pipeline.run_command(&["ready"]).with_code(1).says("does not answer");
    let bridge = pipeline.start();
    wait_for("all to be applied", || {
        let metrics = get(port, "/metrics")?.1;
        match value(&metrics, "rowkind_records_total", &[]) {
            Some(5.0) => Ok(()),
            _ => Err(metrics),
        }
    });
    let (status, metrics) = get_now(port, "/metrics");
    assert_eq!(status, 200);
    let of = |name: &str, labels: &[&str]| {
        value(&metrics, name, labels).unwrap_or_else(|| panic!("no {name} {labels:?} in\n{metrics}"))
    };
    let table = "table=\"public.t\"";
    for (kind, n) in [("insert", 2.0), ("update_before", 1.0), ("update_after", 1.0), ("delete", 1.0)] {
        assert!((of("rowkind_rows_total", &[table, &format!("kind=\"{kind}\"")]) - n).abs() < 0.1, "{kind}\n{metrics}");
    }
    let partition = ["partition=\"0\"", &*format!("topic=\"{topic}\"")];
    for (name, labels, expected) in [
        ("rowkind_rejects_total", &[][..], 1.0),
        ("rowkind_partitions", &[], 2.0),
        ("rowkind_partition_next_offset", &partition, 5.0),
        ("rowkind_partition_lag_records", &partition, 0.0),
        ("rowkind_ready", &[], 1.0),
        ("rowkind_build_info", &["version=\"0.1.0\""], 1.0),
    ] {
        assert!((of(name, labels) - expected).abs() < 0.1, "{name}\n{metrics}");
    }
    assert!(of("rowkind_batch_apply_seconds_count", &[]) >= 1.0 && of("rowkind_batch_apply_seconds_sum", &[]) > 0.0);
    assert!(of("process_resident_memory_bytes", &[]) > 1e6);
    assert!(
        metrics.contains("# TYPE rowkind_rows_total counter") || metrics.contains("# TYPE rowkind_rows counter"),
        "{metrics}"
    );
    assert_eq!(get_now(port, "/healthz"), (200, "alive\n".to_owned()));
    assert_eq!(get_now(port, "/readyz"), (200, "ready\n".to_owned()));

    assert_eq!(pipeline.run_command(&["ready"]).with_code(0).output, "ready\n");
    let (status, page) = get_now(port, "/");
    assert_eq!(status, 200);
    assert!(page.contains("public.t") && page.contains("offset 4") && page.contains("expected JSON"), "{page}");
    assert!(page.contains("metrics.listen") && page.contains("(secret)") && !page.contains(database.url()), "{page}");
    assert_eq!(get_now(port, "/none").0, 404);
    bridge.stop().with_code(0);
}

/// What was put aside is open until somebody has seen to it, whoever put it aside.
#[test]
fn of_rejects_that_are_open() {
    let (broker, database, port) = (Broker::start(), Database::new(), port());
    database.execute("create table t (id int primary key)");
    let topic = broker.topic("shop.public.t", 1);
    let poison = |id: i64| Record::raw("no JSON").keyed(json!({"id": id}));
    broker.write(&topic, 0, &[poison(1), poison(2), created("t", json!({"id": 3}))]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("rejects.policy", "table");
    pipeline.run().with_code(0);
    let bridge = pipeline.clone().set("metrics.listen", &port.to_string()).set("source.stop", "never").start();
    let wait_for_open = |n: f64| {
        wait_for("the rejects to be counted", || {
            let metrics = get(port, "/metrics")?.1;
            match value(&metrics, "rowkind_rejects_open", &[]) {
                Some(open) if (open - n).abs() < 0.1 => Ok(()),
                _ => Err(metrics),
            }
        });
    };
    wait_for_open(2.0);
    assert!(get_now(port, "/").1.contains("<b>2</b>rejects open"));
    pipeline.rejects(&["delete", &format!("{topic}:0:1"), "--yes"]).with_code(0);
    wait_for_open(1.0);
    bridge.stop().with_code(0);
}

/// Nothing was written to the target since the start: it is asked for all the same.
#[test]
fn of_a_pipeline_with_nothing_to_do() {
    let server = Server::start();
    let (broker, database, port) = (Broker::start(), Database::of(&server), port());
    let topic = broker.topic("shop.public.t", 1);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("metrics.listen", &port.to_string());
    server.crash();
    let bridge = pipeline.start();
    wait_for("the group", tells(port, 503, "has not assigned its partitions yet"));
    wait_for("it to be stuck", tells(port, 503, "s: cannot claim partitions: "));
    server.recover();
    wait_for("it to be ready", tells(port, 200, "ready"));
    server.crash();
    wait_for("it to be stuck again", tells(port, 503, "nothing has gone through for 3"));
    server.recover();
    wait_for("it to be ready again", tells(port, 200, "ready"));
    bridge.stop().with_code(0);
}

/// Nothing is there to apply then, which must not look like a source without changes.
#[test]
fn of_a_pipeline_without_brokers() {
    let (broker, database, port) = (Broker::mock(), Database::new(), port());
    database.execute("create table t (id int primary key)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[created("t", json!({"id": 1}))]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("metrics.listen", &port.to_string());
    let bridge = pipeline.start();
    database.wait_for_rows("select * from t", "(1)");
    broker.stop();
    wait_for("it to be told", tells(port, 503, "nothing has gone through for 3"));
    wait_for("the reason", tells(port, 503, "no Kafka broker is reached: "));
    broker.resume();
    wait_for("it to be ready", tells(port, 200, "ready"));
    bridge.stop().with_code(0);
}

/// It is alive, and not ready, and says why.
#[test]
fn of_a_pipeline_that_is_stuck() {
    let server = Server::start();
    let (broker, database, port) = (Broker::start(), Database::of(&server), port());
    database.execute("create table t (id int primary key)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[created("t", json!({"id": 1}))]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database);
    pipeline.run_command(&["ready"]).with_code(2).says("`metrics.listen` is not set");
    let pipeline = pipeline.set("metrics.listen", &port.to_string());
    let bridge = pipeline.start();
    database.wait_for_rows("select * from t", "(1)");
    server.crash();
    broker.write(&topic, 0, &[created("t", json!({"id": 2}))]);
    // what passes in seconds is not worth a word
    thread::sleep(Duration::from_secs(5));
    assert_eq!(get_now(port, "/readyz").0, 200);
    wait_for("it to be stuck", tells(port, 503, "not ready: nothing has gone through for 3"));
    pipeline.run_command(&["ready"]).with_code(1).says("not ready: nothing has gone through for 3");
    assert_eq!(get_now(port, "/healthz").0, 200);
    let metrics = get_now(port, "/metrics").1;
    assert!(value(&metrics, "rowkind_retries_total", &[]) > Some(3.0), "{metrics}");
    assert!(value(&metrics, "rowkind_partition_lag_records", &[]) == Some(1.0), "{metrics}");
    assert!(value(&metrics, "rowkind_partition_lag_seconds", &[]) > Some(1.0), "{metrics}");
    server.recover();
    wait_for("it to be ready", || match get(port, "/readyz")? {
        (200, _) => Ok(()),
        answer => Err(format!("{answer:?}")),
    });
    bridge.stop().with_code(0);
}

/// Postgres is there and does not answer: somebody holds a lock. Nothing is fetched meanwhile, and the lag is told all the same.
#[test]
fn of_a_pipeline_that_waits_for_a_lock() {
    let (broker, database, port) = (Broker::start(), Database::new(), port());
    database.execute("create table t (id int primary key)");
    let topic = broker.topic("shop.public.t", 1);
    let write = |ids: std::ops::Range<i64>| {
        let records: Vec<Record> = ids.map(|id| created("t", json!({"id": id}))).collect();
        broker.write(&topic, 0, &records);
    };
    write(0..1);
    let bridge = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("metrics.listen", &port.to_string())
        .set("batch.max_rows", "1")
        .set("source.properties", "max.poll.interval.ms=12000")
        .set("source.properties", "queued.min.messages=1")
        .start();
    database.wait_for_rows("select * from t", "(0)");
    let lock = database.lock("t");
    write(1..50);
    bridge.wait_for_log("somebody may hold a lock");
    let (status, text) = get_now(port, "/readyz");
    assert!(status == 503 && text.contains("Postgres has not answered to a batch yet"), "{status} {text}");
    let began = value(&get_now(port, "/metrics").1, "process_start_time_seconds", &[]);
    write(50..100);
    wait_for("the lag of all of them", || {
        let metrics = get_now(port, "/metrics").1;
        assert_eq!(value(&metrics, "process_start_time_seconds", &[]), began);
        match value(&metrics, "rowkind_partition_lag_records", &[]) {
            Some(99.0) => Ok(()),
            lag => Err(format!("{lag:?}")),
        }
    });
    drop(lock);
    database.wait_for_rows("select count(*) from t", "(100)");
    wait_for("it to be ready", || match get(port, "/readyz")? {
        (200, _) => Ok(()),
        answer => Err(format!("{answer:?}")),
    });
    bridge.stop().with_code(0);
}

#[test]
fn an_address_that_is_taken() {
    let (taken, database) = (TcpListener::bind("127.0.0.1:0").unwrap(), Database::new());
    let file = crate::harness::file_of("shop.public.t", 0, &[created("t", json!({"id": 1}))]);
    let pipeline = Pipeline::from_file(file.path(), &database);
    let address = taken.local_addr().unwrap().to_string();
    let said = format!("cannot listen on {address}: Address already in use");
    pipeline.clone().set("metrics.listen", &address).run().with_code(1).says(&said);
    pipeline.set("metrics.listen", "nowhere").run().with_code(2).says("--metrics-listen: expected an address");
}
