//! A password is in no line of any output, whatever goes wrong.

use serde_json::json;

use crate::harness::{Bridge, Broker, Database, Ended, Pipeline, Server, created, file_of};

const SECRET: &str = "hunter2";

#[track_caller]
fn tells_nothing(ended: &Ended) {
    assert!(!ended.log.contains(SECRET) && !ended.output.contains(SECRET), "{}", ended.log);
}

#[test]
fn a_host_that_is_not_there() {
    let file = file_of("shop.public.t", 0, &[created("t", json!({"id": 1}))]);
    let bridge = Pipeline::from_file(file.path(), &Database::new())
        .with_variable("ROWKIND_SINK_URL", &format!("postgres://app:{SECRET}@localhost:1/shop"))
        .with_variable("RUST_LOG", "debug")
        .start();
    bridge.wait_for_log("cannot claim partitions, trying again");
    tells_nothing(&bridge.stop().with_code(0));
}

#[test]
fn a_password_that_is_wrong() {
    let server = Server::start();
    let database = Database::of(&server);
    database.execute("create role app login password 'another'");
    server.set_authentication("local all postgres trust\nlocal all all scram-sha-256\n");
    let file = file_of("shop.public.t", 0, &[created("t", json!({"id": 1}))]);
    let url = database.url().replace("postgres@", &format!("app:{SECRET}@"));
    let pipeline = Pipeline::from_file(file.path(), &database)
        .with_variable("ROWKIND_SINK_URL", &url)
        .with_variable("RUST_LOG", "debug");
    tells_nothing(&pipeline.run().with_code(1).says(r#"password authentication failed for user "app""#));
}

#[test]
fn a_url_that_is_none() {
    for url in [
        format!("postgres://app:{SECRET}@localhost:port/shop"),
        format!("postgres://app:{SECRET}@[::/shop"),
        format!("postgres://app:{SECRET}@localhost/shop?sslmode={SECRET}"),
        format!("app:{SECRET}@localhost/shop"),
    ] {
        let arguments = ["run", "--name=p", "--source-file=x", &format!("--sink-url={url}")];
        tells_nothing(&Bridge::start(&arguments, &[]).wait().with_code(2).says("--sink-url: expected postgres://"));
    }
}

#[test]
fn a_configuration_file_that_is_none() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("[sink]\nurl = postgres://app:{SECRET}@localhost/shop\n")).unwrap();
    let ended = Bridge::start(&["run", "-c", file.path().to_str().unwrap()], &[]).wait();
    tells_nothing(&ended.with_code(2).says("line 2"));
}

#[test]
fn a_broker_that_does_not_let_us_in() {
    let (broker, database) = (Broker::start(), Database::new());
    let topic = broker.topic("shop.public.t", 1);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("source.properties", "security.protocol=SASL_PLAINTEXT")
        .set("source.properties", "sasl.mechanism=PLAIN")
        .set("source.properties", "sasl.username=app")
        .set("source.properties", &format!("sasl.password={SECRET}"))
        .with_variable("RUST_LOG", "debug");
    let bridge = pipeline.start();
    bridge.wait_for_log("WARN Kafka: ");
    tells_nothing(&bridge.kill());
}
