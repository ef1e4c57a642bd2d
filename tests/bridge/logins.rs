//! TLS and logins, to a real Kafka that asks for them: one that the test starts, with certificates of its own.

use std::thread;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::harness::{Broker, Database, GUEST, LOGIN, OwnKafka, Pipeline, Record, created, wait_for};

/// A token that Kafka takes where nobody has told it whom to trust.
fn token(good_for: Duration) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let claims = json!({"sub": "app", "iat": now.as_secs(), "exp": (now + good_for).as_secs()});
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(json!({"alg": "none"})), part(claims))
}

/// Without `ROWKIND_TEST_KAFKA_HOME` there is no such Kafka, and nothing is tested here: `.ci/run` sets it.
#[test]
fn to_a_guarded_kafka_where_rowkind_test_kafka_home_names_one() {
    let Some(kafka) = OwnKafka::start() else { return };
    let (broker, database) = (Broker::at(&kafka.open()), Database::new());
    database.execute("create table t (id int primary key)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[created("t", json!({"id": 1}))]);
    let token = token(Duration::from_mins(5));
    std::fs::write(kafka.path("token"), &token).unwrap();

    let to = |address: &str, protocol: &str| {
        Pipeline::from_topics(&broker, &[&topic], &database)
            .set("source.brokers", address)
            .set("source.security_protocol", protocol)
            .set("source.ssl_ca_location", &kafka.path("server.crt"))
            .with_variable("RUST_LOG", "debug")
    };
    let sasl = |mechanism: &str| to(&kafka.sasl(), "SASL_SSL").set("source.sasl_mechanism", mechanism);
    let with_password = |mechanism: &str| {
        sasl(mechanism).set("source.sasl_username", LOGIN.0).with_variable("ROWKIND_SOURCE_SASL_PASSWORD", LOGIN.1)
    };
    let certified = to(&kafka.tls(), "SSL")
        .set("source.ssl_certificate_location", &kafka.path("client.crt"))
        .set("source.ssl_key_location", &kafka.path("client.key"));
    let bearer = sasl("OAUTHBEARER").set("source.sasl_oauthbearer_token_location", &kafka.path("token"));
    for pipeline in [with_password("PLAIN"), with_password("SCRAM-SHA-512"), bearer, certified] {
        database.execute("truncate t");
        let ended = pipeline.run().with_code(0).says("done records=1");
        assert!(!ended.log.contains(LOGIN.1) && !ended.log.contains(&token), "{}", ended.log);
        assert_eq!(database.rows("select id from t"), "(1)");
        let found = pipeline.run_command(&["check"]).with_code(0);
        assert!(found.output.contains("1 partition, 0 records to read"), "{}", found.output);
        let seen = pipeline.run_command(&["status", "--output=json"]).with_code(0);
        assert!(seen.output.contains(r#""end_offset":1,"lag":0"#), "{}{}", seen.output, seen.log);
        assert!(!seen.log.contains(LOGIN.1) && !seen.log.contains(&token), "{}", seen.log);
    }

    let wrong = with_password("SCRAM-SHA-512").with_variable("ROWKIND_SOURCE_SASL_PASSWORD", "hunter3").start();
    wrong.wait_for_log("Authentication failed");
    let stranger = to(&kafka.tls(), "SSL").start();
    stranger.wait_for_log("SSL");
    let nobody = sasl("OAUTHBEARER").start();
    nobody.wait_for_log("OAUTHBEARER needs `source.sasl_oauthbearer_token_location`");
    for bridge in [wrong, stranger, nobody] {
        let ended = bridge.kill();
        assert!(!ended.log.contains("hunter"), "{}", ended.log);
    }

    // one who may do nothing is told which rights are missing, before the start
    let guest = Pipeline::changelog_from_broker(&broker, "kafka")
        .set("source.topics", &topic)
        .set("sink.brokers", &kafka.sasl())
        .set("sink.topic", &topic.replace("public", "{table}"))
        .set("sink.properties", "security.protocol=SASL_SSL")
        .set("sink.properties", "sasl.mechanism=PLAIN")
        .set("sink.properties", &format!("sasl.username={}", GUEST.0))
        .set("sink.properties", &format!("sasl.password={}", GUEST.1))
        .set("sink.properties", &format!("ssl.ca.location={}", kafka.path("server.crt")));
    let found = guest.run_command(&["check"]).with_code(1);
    for expected in [
        "✗ transactions cannot be begun: Kafka: ",
        "allow WRITE and DESCRIBE on the transactional ids",
        "✗ target topic shop.t.t: Kafka: ",
        "WRITE and DESCRIBE on the topic",
    ] {
        assert!(found.output.contains(expected), "no `{expected}` in\n{}", found.output);
    }
    assert!(!found.output.contains(GUEST.1) && !found.log.contains(GUEST.1), "{}", found.log);
}

/// By a token of a file, everything that rowkind does with Kafka; and the file is read again before a token has expired.
#[test]
fn by_a_token_where_rowkind_test_kafka_home_names_a_kafka() {
    let Some(kafka) = OwnKafka::start() else { return };
    let (broker, database) = (Broker::at(&kafka.open()), Database::new());
    database.execute("create table t (id int primary key)");
    let (topic, dead, out) = (broker.topic("shop.public.t", 2), broker.topic("dead", 1), broker.topic("out", 1));
    broker.write(&topic, 0, &[created("t", json!({"id": 1})), Record::raw("no JSON")]);
    let renew = |good_for| std::fs::write(kafka.path("token"), token(good_for)).unwrap();
    renew(Duration::from_secs(10));
    let expired = SystemTime::now() + Duration::from_secs(11);

    let by_token = |pipeline: Pipeline| {
        pipeline
            .set("source.brokers", &kafka.sasl())
            .set("source.security_protocol", "SASL_SSL")
            .set("source.ssl_ca_location", &kafka.path("server.crt"))
            .set("source.sasl_mechanism", "OAUTHBEARER")
            .set("source.sasl_oauthbearer_token_location", &kafka.path("token"))
            .set("rejects.policy", "topic")
            .set("rejects.topic", &dead)
    };
    let into_postgres = by_token(Pipeline::from_topics(&broker, &[&topic], &database));
    let running = into_postgres.start();
    let wait_for_rejects = |n: usize| {
        wait_for("rejects in their topic", || {
            let n_found = broker.read(&dead).len();
            if n_found == n { Ok(()) } else { Err(n_found.to_string()) }
        });
    };
    database.wait_for_rows("select id from t", "(1)");
    wait_for_rejects(1);
    renew(Duration::from_mins(5));
    thread::sleep(expired.duration_since(SystemTime::now()).unwrap_or_default());
    broker.write(&topic, 1, &[created("t", json!({"id": 2})), Record::raw("no JSON")]);
    database.wait_for_rows("select id from t order by id", "(1)\n(2)");
    wait_for_rejects(2);
    running.stop().with_code(0);

    let found = into_postgres.set("rejects.policy", "skip").run_command(&["check"]);
    assert!(found.output.contains("2 partitions, 0 records to read"), "{}\n{}", found.output, found.log);
    let good = broker.topic("good", 1);
    broker.write(&good, 0, &[created("t", json!({"id": 3}))]);
    let into_kafka =
        by_token(Pipeline::changelog_from_broker(&broker, "kafka")).set("source.topics", &good).set("sink.topic", &out);
    let found = into_kafka.run_command(&["check"]);
    for expected in ["✓ transactions can be begun", "✓ target topic out: 1 partitions"] {
        assert!(found.output.contains(expected), "no `{expected}` in\n{}\n{}", found.output, found.log);
    }
    into_kafka.run().with_code(0);
    assert_eq!(broker.read(&out).len(), 1);
    let missing = into_kafka.set("sink.topic", "missing").set("name", "other");
    let found = missing.run_command(&["check"]).with_code(1);
    assert!(found.output.contains("with OAUTHBEARER rowkind cannot create it"), "{}", found.output);
    missing.run().with_code(1).says("with OAUTHBEARER rowkind cannot create it");
}
