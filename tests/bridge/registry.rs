//! Records in Avro: recorded topics reach their truth, whatever the registry does meanwhile.

use std::io::Write;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use tempfile::NamedTempFile;

use crate::harness::{
    Broker, Database, Ended, Pipeline, Record, Registry, Truth, fixture, recorded, recording, unknown,
};

const FOLDER: &str = "debezium-avro/postgres";
const TOPIC: &str = "a_pg_avro.public.t_cpk";

/// A recorded topic in a broker, without its registry.
fn pipeline(broker: &Broker, database: &Database) -> Pipeline {
    let topic = broker.topic(TOPIC, 1);
    let records: Vec<Record> = recording(&format!("{FOLDER}/{TOPIC}.jsonl")).into_iter().map(Record::from).collect();
    broker.write(&topic, 0, &records);
    Pipeline::from_topics(broker, &[&topic], database).set("source.format", "debezium-avro")
}

fn assert_truth(database: &Database) {
    let csv = "debezium-json/postgres/truth/public.t_cpk.csv";
    Truth { table: "public.t_cpk", csv, converted: &[], untold: &[] }.assert_in(database);
}

/// Runs the recorded topic against a registry.
fn run(registry: &Registry, settings: &[(&str, &str)]) -> (Database, Ended) {
    let (broker, database) = (Broker::start(), Database::new());
    let pipeline = pipeline(&broker, &database).set("registry.url", registry.url());
    let ended = settings.iter().fold(pipeline, |pipeline, (key, value)| pipeline.set(key, value)).run();
    (database, ended)
}

#[test]
fn a_registry_that_is_away_is_waited_for() {
    let answer = recorded(FOLDER);
    // down, then a gateway that knows nothing yet, then it does not follow the one that writes, then it is there
    let registry = Registry::start(move |n_before, request| match n_before {
        0 => (503, json!("starting")),
        1 => (500, json!({"error_code": 50001, "message": "Error in the backend"})),
        2 => unknown(),
        _ => answer(request),
    });
    let (database, ended) = run(&registry, &[]);
    let ended = ended.with_code(0).says("trying again: schema registry: cannot get schema");
    assert_truth(&database);
    assert_eq!(ended.log.matches("trying again").count(), 2, "{}", ended.log);
    let asked = registry.requests();
    // a key's schema and a row's, each once
    assert_eq!(asked.len(), 3 + 2, "{asked:?}");
}

/// What was put aside for want of its schema is applied when the registry has it.
#[test]
fn rejects_are_applied_when_their_schema_is_there() {
    let (broker, database, mut none) = (Broker::start(), Database::new(), NamedTempFile::new().unwrap());
    none.write_all(b"{}").unwrap();
    let without = format!("file:{}", none.path().display());
    let pipeline = pipeline(&broker, &database).set("registry.url", &without).set("rejects.policy", "table");
    pipeline.run().with_code(0).says("holds no schema").says("rejects=12");
    let left = pipeline.rejects(&["retry", "--force"]).with_code(3);
    assert!(left.output.contains("applied 0, 12 left"), "{}", left.output);
    let registry = {
        let answer = recorded(FOLDER);
        Registry::start(move |_, request| answer(request))
    };
    pipeline.set("registry.url", registry.url()).rejects(&["retry", "--force"]).with_code(0);
    assert_truth(&database);
}

#[test]
fn a_schema_that_is_nowhere_stops_at_its_record() {
    let registry = Registry::start(|_, _| unknown());
    let (_, ended) = run(&registry, &[]);
    ended.with_code(3).says("partition 0, offset 0: schema registry: there is no schema ");
}

#[test]
fn logins() {
    for (settings, header) in [
        (&[("registry.username", "me"), ("registry.password", "s3cret")][..], "Basic bWU6czNjcmV0"),
        (&[("registry.token", "s3cret")][..], "Bearer s3cret"),
    ] {
        let answer = recorded(FOLDER);
        let registry = Registry::start(move |_, request| {
            let is_known = request.authorization == header;
            if is_known { answer(request) } else { (401, json!({"error_code": 401, "message": "Unauthorized"})) }
        });
        let (database, ended) = run(&registry, settings);
        let ended = ended.with_code(0);
        assert_truth(&database);
        assert!(!ended.log.contains("s3cret"), "{}", ended.log);

        let (_, refused) = run(&registry, &[]);
        refused.with_code(1).says("set `registry.username` and `registry.password`, or `registry.token`");
    }
}

/// A certificate that vouches for itself, and its key.
fn certificate(name: &str) -> [String; 2] {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    [cert.pem(), signing_key.serialize_pem()]
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

/// That a registry, which does not take us or whom we do not take, is never asked.
fn assert_unasked(registry: &Registry, settings: &[(&str, &str)]) {
    let n_asked = registry.requests().len();
    let (broker, database) = (Broker::start(), Database::new());
    let pipeline = pipeline(&broker, &database).set("registry.url", registry.url());
    let bridge = settings.iter().fold(pipeline, |pipeline, (key, value)| pipeline.set(key, value)).start();
    bridge.wait_for_log("trying again: schema registry: cannot get schema");
    let ended = bridge.stop().with_code(0);
    // and it says why
    assert!(ended.log.contains("certificate") || ended.log.contains("handshake"), "{}", ended.log);
    assert_eq!(registry.requests().len(), n_asked);
}

#[test]
fn tls() {
    let [certificate, key] = certificate("localhost");
    let (ca, answer) = (file(&certificate), recorded(FOLDER));
    let registry = Registry::start_tls([&certificate, &key], None, move |_, request| answer(request));

    let (database, ended) = run(&registry, &[("registry.ca_location", path(&ca))]);
    ended.with_code(0);
    assert_truth(&database);
    assert_unasked(&registry, &[]);
}

#[test]
fn a_registry_that_asks_for_a_certificate() {
    let ([server, server_key], [client, client_key]) = (certificate("localhost"), certificate("rowkind"));
    let answer = recorded(FOLDER);
    let registry = Registry::start_tls([&server, &server_key], Some(&client), move |_, request| answer(request));
    let (ca, client, client_key) = (file(&server), file(&client), file(&client_key));
    let of_registry = ("registry.ca_location", path(&ca));
    let certificate = ("registry.certificate_location", path(&client));

    let (database, ended) = run(&registry, &[of_registry, certificate, ("registry.key_location", path(&client_key))]);
    ended.with_code(0);
    assert_truth(&database);
    assert_unasked(&registry, &[of_registry]);
    let (_, ended) = run(&registry, &[of_registry, certificate]);
    ended.with_code(2).says("expected `registry.key_location` beside it");
    let (_, ended) = run(&registry, &[of_registry, certificate, ("registry.key_location", path(&ca))]);
    ended.with_code(2).says("registry.certificate_location: ").says("its key in PKCS#8");
}

/// Every schema may refer to others, which the registry has under names of their own.
#[test]
fn references() {
    let row = r#"{"type":"record","name":"Row","namespace":"s","fields":[{"name":"id","type":"int"},{"name":"state","type":"s.State"}]}"#;
    let state = r#"{"type":"enum","name":"State","namespace":"s","symbols":["open","paid"]}"#;
    let envelope = r#"{"type":"record","name":"Envelope","fields":[
        {"name":"before","type":["null","s.Row"]},{"name":"after","type":["s.Row","null"]},{"name":"op","type":"string"}]}"#;
    let to = |name: &str| json!([{"name": name, "subject": name, "version": 3}]);
    let schemas = [
        ("/schemas/ids/7", json!({"schema": envelope, "references": to("s.Row")})),
        ("/subjects/s.Row/versions/3", json!({"schema": row, "references": to("s.State"), "id": 8})),
        ("/subjects/s.State/versions/3", json!({"schema": state, "id": 9})),
    ];
    let registry = Registry::start(move |_, request| {
        let schema = schemas.iter().find(|(path, _)| *path == request.path);
        schema.map_or_else(unknown, |(_, schema)| (200, schema.clone()))
    });
    let (broker, database) = (Broker::start(), Database::new());
    let topic = broker.topic("t", 1);
    // before null; after 7, paid; op c
    let payload = b"\0\0\0\0\x07\0\0\x0e\x02\x02c".to_vec();
    broker.write(
        &topic,
        0,
        &[Record { key: Some(br#"{"id":7}"#.to_vec()), payload: Some(payload), ..Record::default() }],
    );
    Pipeline::from_topics(&broker, &[&topic], &database)
        .set("registry.url", registry.url())
        .set("source.format", "auto")
        .set("sink.table", "orders")
        .run()
        .with_code(0)
        .says("its records are debezium-avro");
    assert_eq!(database.rows("select id, state from orders"), "(7,paid)");
}

#[test]
fn without_a_registry_it_says_what_to_set() {
    let (broker, database) = (Broker::start(), Database::new());
    let pipeline = pipeline(&broker, &database);
    pipeline.run().with_code(1).says("set `registry.url`");
    pipeline
        .set("source.format", "debezium-json")
        .run()
        .with_code(3)
        .says("expected JSON, found what seems to be Avro");
    let file = fixture(&format!("{FOLDER}/{TOPIC}.jsonl"));
    let schemas = format!("file:{}", fixture(&format!("{FOLDER}/registry.json")).display());
    Pipeline::from_file(&file, &database).set("source.format", "auto").set("registry.url", &schemas).run().with_code(0);
    assert_truth(&database);
}
