//! What is recognised and is not about rows, and what only looks like it.

use crate::check;

const NO_OP: &str =
    "# error: `op`: expected a Debezium envelope with its `op` (is the format debezium-json?), found nothing";

#[test]
fn heartbeats() {
    check(r#"{"serverName":"shop"} => {"ts_ms":1763700000000}"#, "# Heartbeat");
    check(
        r#"{"serverName":"shop"} => {"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"ts_ms"}],"optional":false,"name":"io.debezium.connector.common.Heartbeat"},"payload":{"ts_ms":1763700000000}}"#,
        "# Heartbeat",
    );
}

#[test]
fn transaction_markers() {
    check(
        r#"
        {"id":"571:53195829"} => {"status":"BEGIN","id":"571:53195829","event_count":null,"data_collections":null,"ts_ms":1}
        {"id":"571:53195832"} => {"status":"END","id":"571:53195832","event_count":1,"data_collections":[{"data_collection":"public.t","event_count":1}],"ts_ms":1}
        "#,
        "
        # Transaction
        # Transaction
        ",
    );
}

#[test]
fn schema_changes() {
    check(
        r#"
        {"databaseName":"shop"} => {"source":{"db":"shop","table":null},"ts_ms":1,"databaseName":"shop","schemaName":null,"ddl":"create table t (id int)","tableChanges":[]}
        {"databaseName":"shop"} => {"source":{"db":"shop"},"databaseName":"shop","schemaName":"dbo","ddl":null,"tableChanges":[{"type":"CREATE","id":"t","table":null}]}
        "#,
        "
        # SchemaChange
        # SchemaChange
        ",
    );
}

#[test]
fn notifications() {
    check(
        r#"{"id":"6"} => {"id":"6","aggregate_type":"Incremental Snapshot","type":"COMPLETED","additional_data":{"connector_name":"shop"},"timestamp":1}"#,
        "# Notification",
    );
}

#[test]
fn rows_that_lost_their_envelope_are_refused() {
    for row in [
        r#"{"id":1,"status":"open"}"#,
        r#"{"id":1,"status":"END"}"#,
        r#"{"id":1,"ts_ms":1763700000000}"#,
        r#"{"id":1,"ddl":"drop table t"}"#,
        r#"{"id":1,"databaseName":"shop","source":"web"}"#,
        r#"{"id":1,"type":"order","aggregate_type":"order","aggregate_id":"7"}"#,
        r#"{"id":1,"schema":"public"}"#,
        r#"{"id":1,"schema":"public","payload":null}"#,
        r#"{"before":null,"after":{"id":1},"source":{"schema":"public","table":"t"}}"#,
        "{}",
    ] {
        check(&format!(r#"{{"id":1}} => {row}"#), NO_OP);
    }
}
