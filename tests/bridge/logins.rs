//! TLS and logins, to a real Kafka that asks for them: one that the test starts, with certificates of its own.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::harness::{Broker, Database, GuardedKafka, LOGIN, Pipeline, created};

/// A token that Kafka takes where nobody has told it whom to trust.
fn token() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let claims = json!({"sub": "app", "iat": now.as_secs(), "exp": (now + Duration::from_mins(5)).as_secs()});
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(json!({"alg": "none"})), part(claims))
}

/// Without `ROWKIND_TEST_KAFKA_HOME` there is no such Kafka, and nothing is tested here: `.ci/run` sets it.
#[test]
fn to_a_guarded_kafka_where_rowkind_test_kafka_home_names_one() {
    let Some(kafka) = GuardedKafka::start() else { return };
    let (broker, database) = (Broker::at(&kafka.open()), Database::new());
    database.execute("create table t (id int primary key)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[created("t", json!({"id": 1}))]);
    let token = token();
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
        assert!(found.output.contains("1 partitions, 0 records to read"), "{}", found.output);
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
}
