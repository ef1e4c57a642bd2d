//! Jobs that were written for Flink SQL, from a topic into Postgres and on to topics.

mod flink;
mod refused;

use std::io::Write;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::harness::{
    Bridge, Broker, Database, Ended, Record, Registry, created, deleted, read_records, recorded, recording, tombstone,
    updated,
};

/// A job as a file.
fn job(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn start(text: &str, flags: &[&str]) -> (Bridge, NamedTempFile) {
    let file = job(text);
    let mut arguments = vec!["sql", file.path().to_str().unwrap()];
    arguments.extend(flags);
    (Bridge::start(&arguments, &[]), file)
}

/// Runs a job whose source is bounded.
fn run(text: &str, flags: &[&str]) -> Ended {
    let (bridge, _file) = start(text, flags);
    bridge.wait()
}

/// `'connector' = 'jdbc'` and what belongs to it.
fn jdbc(database: &Database, table: &str) -> String {
    let (port, name) = database.by_port();
    format!(
        "'connector' = 'jdbc', 'url' = 'jdbc:postgresql://127.0.0.1:{port}/{name}', 'table-name' = '{table}', 'username' = 'postgres'"
    )
}

/// `'connector' = 'kafka'` and what belongs to it, until the end of what is there.
fn kafka(broker: &Broker, topic: &str, format: &str) -> String {
    format!(
        "'connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{}', 'properties.group.id' = '{}',
         'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'format' = '{format}'",
        broker.address(),
        broker.prefix()
    )
}

/// The job that most people have, word for word but for its addresses and an end.
#[test]
fn the_common_job() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table orders (id bigint primary key, customer varchar, status varchar)");
    let topic = broker.topic("shop.public.orders", 1);
    let row = |id: i64, status: &str| json!({"id": id, "customer": "c", "status": status, "more": 1});
    broker.write(
        &topic,
        0,
        &[
            created("orders", row(1, "open")),
            created("orders", row(2, "open")),
            Record::raw("no JSON").keyed(json!({"id": 9})),
            updated("orders", row(1, "open"), row(1, "paid")),
            deleted("orders", row(2, "open")),
            tombstone(json!({"id": 2})),
        ],
    );
    let (port, name) = database.by_port();
    let text = format!(
        "CREATE TABLE `orders_in` (
  `id` BIGINT,
  `customer` VARCHAR,
  `status` VARCHAR,
  PRIMARY KEY (`id`) NOT ENFORCED
) WITH (
  'connector' = 'kafka',
  'topic' = '{topic}',
  'scan.startup.mode' = 'earliest-offset',           -- or latest-offset, group-offsets, timestamp, specific-offsets
  'properties.bootstrap.servers' = '{}',
  'properties.group.id' = '{topic}.orders',
  'format' = 'debezium-json',
  'debezium-json.schema-include' = 'false',
  'debezium-json.ignore-parse-errors' = 'true'
);
CREATE TABLE `orders_out` (
  `id` BIGINT, `customer` VARCHAR, `status` VARCHAR,
  PRIMARY KEY (`id`) NOT ENFORCED
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:postgresql://localhost:{port}/{name}?currentSchema=public&reWriteBatchedInserts=true',
  'table-name' = 'orders',
  'username' = 'postgres',
  'password' = 'secret',
  'sink.buffer-flush.max-rows' = '1000',
  'sink.buffer-flush.interval' = '2s'
);
SET 'table.exec.source.cdc-events-duplicate' = 'true';
INSERT INTO `orders_out` SELECT * FROM `orders_in`;",
        broker.address()
    );
    let (bridge, _file) = start(&text, &[]);
    database.wait_for_rows("select * from orders", "(1,c,paid)");
    // it goes on, also when it is started again
    broker.write(&topic, 0, &[created("orders", row(3, "open"))]);
    database.wait_for_rows("select id from orders order by id", "(1)\n(3)");
    let ended = bridge.stop().with_code(0).says("skipped topic");
    assert!(!ended.log.contains("secret"), "{}", ended.log);
    broker.write(&topic, 0, &[deleted("orders", row(3, "open"))]);
    let (bridge, _file) = start(&text, &[]);
    database.wait_for_rows("select id from orders", "(1)");
    bridge.stop().with_code(0);
    let names = "select pipeline, next_offset from rowkind.offsets";
    assert_eq!(database.rows(names), format!("({topic}.orders.orders_out,8)"));
}

/// The one with metadata and a filter.
#[test]
fn metadata_and_a_filter() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute(
        "create table audit (id bigint primary key, amount numeric(10, 1), state text, at timestamptz(3), origin text)",
    );
    let topic = broker.topic("bank.public.tx", 1);
    let row = |id: i64, amount: &str, state: &str| json!({"id": id, "amount": amount, "state": state});
    let of_tx = |record: Record| {
        let mut event: Value = serde_json::from_slice(&record.payload.unwrap()).unwrap();
        event["source"]["ts_ms"] = json!(1_795_253_167_123_i64);
        Record { payload: Some(event.to_string().into_bytes()), key: record.key, headers: Vec::new() }
    };
    let records = [
        created("tx", row(1, "12.34", "draft")),
        created("tx", row(2, "5.55", "booked")),
        updated("tx", row(1, "12.34", "draft"), row(1, "12.36", "booked")),
        updated("tx", row(2, "5.55", "booked"), row(2, "5.55", "draft")),
        created("tx", row(3, "1", "booked")),
    ];
    broker.write(&topic, 0, &records.map(of_tx));
    // the mock cluster knows no times
    let mode = if broker.is_mock() {
        "'scan.startup.mode' = 'earliest-offset'"
    } else {
        "'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '1763700000000'"
    };
    let text = format!(
        "CREATE TABLE audit_in (
  origin_ts TIMESTAMP_LTZ(3) METADATA FROM 'value.source.timestamp' VIRTUAL,
  origin_table STRING METADATA FROM 'value.source.table' VIRTUAL,
  part INT METADATA FROM 'partition' VIRTUAL,
  id BIGINT, amount DECIMAL(12, 2), state STRING
) WITH ('connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{}',
        'properties.group.id' = '{topic}.audit', {mode}, 'format' = 'debezium-json');
CREATE TABLE audit_out (id BIGINT, amount DECIMAL(10, 1), state STRING, at TIMESTAMP_LTZ(3), origin STRING, PRIMARY KEY (id) NOT ENFORCED)
WITH ({});
INSERT INTO audit_out SELECT id, CAST(amount AS DECIMAL(10, 1)), UPPER(state), origin_ts, origin_table FROM audit_in WHERE state <> 'draft'",
        broker.address(),
        jdbc(&database, "audit")
    );
    let (bridge, _file) = start(&text, &[]);
    database.wait_for_rows(
        "select * from audit order by id",
        "(1,12.4,BOOKED,\"2026-11-21 09:26:07.123+00\",tx)\n(3,1.0,BOOKED,\"2026-11-21 09:26:07.123+00\",tx)",
    );
    bridge.stop().with_code(0);
}

fn canal(kind: &str, database: &str, table: &str, data: &Value, old: &Value) -> Record {
    let event = json!({"data": [data], "old": old, "type": kind, "database": database, "table": table, "isDdl": false,
        "mysqlType": {"id": "bigint", "name": "varchar(20)"}, "pkNames": ["id"], "es": 1, "ts": 2, "id": 1});
    Record::raw(&event.to_string())
}

#[test]
fn canal_and_maxwell_with_their_own_options() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table people (personid bigint primary key, name text)");
    let (from_canal, from_maxwell) = (broker.topic("canal", 1), broker.topic("maxwell", 1));
    let row = |id: &str, name: &str| json!({"id": id, "name": name});
    broker.write(
        &from_canal,
        0,
        &[
            canal("INSERT", "shop_1", "people", &row("1", "a"), &Value::Null),
            canal("INSERT", "other", "people", &row("2", "b"), &Value::Null),
            canal("UPDATE", "shop_1", "people", &row("1", "c"), &json!([{"name": "a"}])),
        ],
    );
    let maxwell = |kind: &str, id: i64| {
        let event = json!({"database": "shop", "table": "people", "type": kind, "ts": 1, "xid": 1, "data": {"id": id, "name": "m"}});
        Record::raw(&event.to_string()).keyed(json!({"database": "shop", "table": "people", "pk.id": id}))
    };
    broker.write(&from_maxwell, 0, &[maxwell("insert", 11), maxwell("insert", 12), maxwell("delete", 11)]);
    // names that nobody quotes are folded by Postgres, for Flink as for us
    let out = format!(
        "CREATE TABLE People (personId BIGINT, Name STRING, PRIMARY KEY (personId) NOT ENFORCED) WITH ({});",
        jdbc(&database, "PEOPLE")
    );
    for (topic, format, more) in [
        (
            &from_canal,
            "canal-json",
            ", 'canal-json.database.include' = '^shop.*', 'canal-json.table.include' = 'people'",
        ),
        (&from_maxwell, "maxwell-json", ", 'maxwell-json.ignore-parse-errors' = 'false'"),
    ] {
        let source = kafka(&broker, topic, format);
        let text = format!(
            "CREATE TABLE p (id BIGINT, name STRING) WITH ({source}{more}); {out} INSERT INTO People SELECT id, name FROM p"
        );
        run(&text, &["--name", topic]).with_code(0);
    }
    assert_eq!(database.rows("select * from people order by 1"), "(1,c)\n(12,m)");
}

#[test]
fn avro_from_a_registry() {
    const FOLDER: &str = "debezium-avro/postgres";
    const TOPIC: &str = "a_pg_avro.public.t_cpk";
    let (broker, database, answer) = (Broker::start(), Database::new(), recorded(FOLDER));
    let registry = Registry::start(move |_, request| answer(request));
    let topic = broker.topic(TOPIC, 1);
    let records: Vec<Record> = recording(&format!("{FOLDER}/{TOPIC}.jsonl")).into_iter().map(Record::from).collect();
    broker.write(&topic, 0, &records);
    // once as it is, to know what there is
    let whole = Database::new();
    let flags = [
        "--name",
        "whole",
        "--source-brokers",
        broker.address(),
        "--source-topics",
        &topic,
        "--source-stop",
        "latest-offset",
    ];
    let more = [
        "--registry-url",
        registry.url(),
        "--source-format",
        "debezium-avro",
        "--sink-table",
        "t_cpk",
        "--sink-url",
        whole.url(),
    ];
    let arguments: Vec<&str> = ["run"].into_iter().chain(flags).chain(more).collect();
    Bridge::start(&arguments, &[]).wait().with_code(0);
    let columns =
        "select column_name from information_schema.columns where table_name = 't_cpk' order by ordinal_position";
    let names = whole.rows(columns);
    let names: Vec<&str> = names.lines().map(|name| name.trim_matches(['(', ')'])).collect();
    let key =
        "select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
                where i.indrelid = 't_cpk'::regclass order by 1";
    let key = whole.rows(key).replace(['(', ')'], "").replace('\n', ", ");
    let declared: Vec<String> = names.iter().map(|name| format!("`{name}` STRING")).collect();
    let columns = declared.join(", ");
    database.execute(&format!(
        "create table t ({}, primary key ({key}))",
        columns.replace('`', "").replace("STRING", "text")
    ));
    let source = kafka(&broker, &topic, "debezium-avro-confluent");
    let text = format!(
        "CREATE TABLE i ({columns}) WITH ({source}, 'debezium-avro-confluent.url' = '{}');
         CREATE TABLE o ({columns}, PRIMARY KEY ({key}) NOT ENFORCED) WITH ({});
         INSERT INTO o SELECT * FROM i;",
        registry.url(),
        jdbc(&database, "t")
    );
    run(&text, &["--name", "avro"]).with_code(0);
    let all = |database: &Database, table: &str| {
        let texts: Vec<String> = names.iter().map(|name| format!("{name}::text")).collect();
        database.rows(&format!("select {} from {table} order by {key}", texts.join(", ")))
    };
    assert_eq!(all(&database, "t"), all(&whole, "t_cpk"));
    assert!(database.number("select count(*) from t") > 0);
}

#[test]
fn a_statement_set_into_topics_and_out_of_one() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table latest (id bigint primary key, v text)");
    let (topic, upserts, again) =
        (broker.topic("shop.public.t", 1), broker.topic("latest", 1), broker.topic("again", 1));
    let row = |id: i64, v: &str| json!({"id": id, "v": v});
    broker.write(
        &topic,
        0,
        &[
            created("t", row(1, "a")),
            created("t", row(2, "b")),
            updated("t", row(1, "a"), row(1, "c")),
            deleted("t", row(2, "b")),
        ],
    );
    let address = broker.address();
    let upsert = format!(
        "'connector' = 'upsert-kafka', 'topic' = '{upserts}', 'properties.bootstrap.servers' = '{address}', 'key.format' = 'json', 'value.format' = 'json'"
    );
    let text = format!(
        "CREATE TABLE i (id BIGINT, v STRING) WITH ({});
         CREATE TABLE latest (id BIGINT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ({upsert}, 'sink.delivery-guarantee' = 'at-least-once');
         CREATE TABLE again (id BIGINT, v STRING) WITH ('connector' = 'kafka', 'topic' = '{again}', 'properties.bootstrap.servers' = '{address}',
           'format' = 'debezium-json', 'sink.delivery-guarantee' = 'at-least-once');
         EXECUTE STATEMENT SET BEGIN
           INSERT INTO latest SELECT id, UPPER(v) FROM i;
           INSERT INTO again (v, id) SELECT v, id FROM i WHERE id = 1;
         END;",
        kafka(&broker, &topic, "debezium-json")
    );
    run(&text, &[]).with_code(0);
    let texts = |topic: &str| {
        let text = |part: Option<String>| part.unwrap_or_else(|| "null".to_owned());
        let read = read_records(&broker, topic).into_iter();
        read.map(|record| format!("{} {}", text(record.key), text(record.payload))).collect::<Vec<_>>()
    };
    assert_eq!(
        texts(&upserts),
        [
            r#"{"id":1} {"id":1,"v":"A"}"#,
            r#"{"id":2} {"id":2,"v":"B"}"#,
            r#"{"id":1} {"id":1,"v":"C"}"#,
            r#"{"id":2} null"#
        ]
    );
    let ops: Vec<String> = texts(&again)
        .iter()
        .map(|text| {
            let payload: Value = serde_json::from_str(text.split_once(' ').unwrap().1).unwrap();
            format!("{} {} {}", payload["op"].as_str().unwrap(), payload["before"], payload["after"])
        })
        .collect();
    let row = |v: &str| format!(r#"{{"id":1,"v":"{v}"}}"#);
    assert_eq!(
        ops.iter()
            .map(|op| op.replace(r#"{"v":"a","id":1}"#, &row("a")).replace(r#"{"v":"c","id":1}"#, &row("c")))
            .collect::<Vec<_>>(),
        [format!("c null {}", row("a")), format!("d {} null", row("a")), format!("c null {}", row("c"))]
    );
    // and from the compacted topic into a table
    let text = format!(
        "CREATE TABLE i (id BIGINT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ({upsert}, 'scan.bounded.mode' = 'latest-offset');
         CREATE TABLE o (id BIGINT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ({}); INSERT INTO o SELECT * FROM i",
        jdbc(&database, "latest")
    );
    run(&text, &["--name", "out-of-it"]).with_code(0);
    assert_eq!(database.rows("select * from latest"), "(1,C)");
}

/// In Flink a group is a name for what is committed, and nothing else: those of one group here would share its partitions.
#[test]
fn two_inserts_of_one_group_read_all_partitions() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table a (id bigint primary key); create table b (id bigint primary key)");
    let topic = broker.topic("shop.public.t", 4);
    for partition in 0..4 {
        let ids = i64::from(partition) * 10..i64::from(partition) * 10 + 5;
        broker.write(&topic, partition, &ids.map(|id| created("t", json!({"id": id}))).collect::<Vec<_>>());
    }
    let source = kafka(&broker, &topic, "debezium-json").replace("'topic' =", "'topic-pattern' =");
    let out = |table: &str| {
        format!("CREATE TABLE {table} (id BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ({});", jdbc(&database, table))
    };
    let text = format!(
        "CREATE TABLE i (id BIGINT) WITH ({source}); {} {} INSERT INTO a SELECT id FROM i; INSERT INTO b SELECT id FROM i;",
        out("a"),
        out("b")
    );
    run(&text, &[]).with_code(0);
    assert_eq!(database.rows("select (select count(*) from a), (select count(*) from b)"), "(20,20)");
    let by_group = text.replace("'earliest-offset'", "'group-offsets'");
    run(&by_group, &[]).with_code(2).says("several INSERTs read in the group");
}

#[test]
fn printed_or_dropped() {
    let broker = Broker::start();
    let topic = broker.topic("shop.public.t", 1);
    let row = |id: i64, v: &str| json!({"id": id, "v": v});
    broker.write(&topic, 0, &[created("t", row(1, "a")), updated("t", row(1, "a"), row(1, "b"))]);
    let source = kafka(&broker, &topic, "debezium-json");
    let of = |sink: &str| {
        format!(
            "CREATE TABLE i (id BIGINT, v STRING) WITH ({source}); CREATE TABLE {sink}_o (x STRING) WITH ('connector' = '{sink}');
             INSERT INTO {sink}_o SELECT CONCAT(v, '-', CAST(id AS STRING)) FROM i"
        )
    };
    let ended = run(&of("print"), &["--name", "printed"]).with_code(0);
    assert_eq!(
        ended.output.replace(&topic, "shop.public.t"),
        "+I public.t {\"x\":\"a-1\"}\n-U public.t {\"x\":\"a-1\"}\n+U public.t {\"x\":\"b-1\"}\n"
    );
    let ended = run(&of("blackhole"), &["--name", "dropped"]).with_code(0).says("records=2");
    assert_eq!(ended.output, "");
}

/// What it prints instead of running does the same when it is run.
#[test]
fn to_toml_is_the_same_pipeline() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id bigint primary key, v text)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(
        &topic,
        0,
        &[created("t", json!({"id": 1, "v": "a"})), created("t", json!({"id": 2, "v": "it's \"b\""}))],
    );
    let text = format!(
        "CREATE TABLE i (id BIGINT, v STRING) WITH ({}); CREATE TABLE o (id BIGINT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ({}, 'password' = 'pw');
         INSERT INTO o SELECT id, v FROM i WHERE v LIKE '%''%'",
        kafka(&broker, &topic, "debezium-json"),
        jdbc(&database, "t")
    );
    let explained = run(&text, &["--explain"]).with_code(0).output;
    assert!(explained.contains("`i` into `o`") && explained.contains("url = \"(secret)\""), "{explained}");
    assert!(!explained.contains("pw"), "{explained}");
    let toml = job(&run(&text, &["--to-toml"]).with_code(0).output);
    Bridge::start(&["run", "-c", toml.path().to_str().unwrap()], &[]).wait().with_code(0);
    assert_eq!(database.rows("select * from t"), "(2,\"it's \"\"b\"\"\")");
}
