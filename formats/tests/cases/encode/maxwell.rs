//! Maxwell's messages and values.

use rowkind_formats::{Encoding, Format};

use super::{check, with_schema};

#[test]
fn messages_of_a_row() {
    check(
        Format::MaxwellJson,
        r#"
        {"database":"shop","table":"t","pk.Id":1} => {"database":"shop","table":"t","type":"bootstrap-insert","ts":1763700000,"xid":7,"position":"bin.1:154","data":{"Id":1,"b":5,"j":{"a": 1},"s":["x"],"u":18446744073709551615}}
        {"database":"shop","table":"t","_uuid":"x"} => {"database":"shop","table":"t","type":"update","gtid":"0-1-7","data":{"v":"b","w":null},"old":{"v":null}}
        "#,
        Encoding::MaxwellJson,
        r#"
        {"database":"shop","table":"t","pk.id":1} => {"database":"shop","table":"t","type":"insert","ts":1763700000,"xid":7,"position":"bin.1:154","primary_key_columns":["Id"],"data":{"Id":1,"b":5,"j":{"a": 1},"s":["x"],"u":18446744073709551615}}
        null => {"database":"shop","table":"t","type":"update","gtid":"0-1-7","data":{"v":"b","w":null},"old":{"v":null}}
        "#,
    );
}

#[test]
fn messages_of_debeziums_rows() {
    check(
        Format::DebeziumJson,
        r#"
        {"id":1} => {"op":"u","source":{"db":"shop","table":"t","ts_ms":1763700000999,"file":"bin.2","pos":4,"gtid":"a:1"},"after":{"id":1}}
        {"id":1} => {"op":"d","source":{"db":"shop","table":"t"},"before":{"id":1}}
        null => {"op":"t","source":{"table":"t"}}
        "#,
        Encoding::MaxwellJson,
        r#"
        {"database":"shop","table":"t","pk.id":1} => {"database":"shop","table":"t","type":"update","ts":1763700000,"position":"bin.2:4","gtid":"a:1","primary_key_columns":["id"],"data":{"id":1}}
        {"database":"shop","table":"t","pk.id":1} => {"database":"shop","table":"t","type":"delete","primary_key_columns":["id"],"data":{"id":1}}
        # error: `type`: expected rows (Maxwell has no word for a truncate), found a truncate
        "#,
    );
}

#[test]
fn values() {
    let columns = r#"{"type":"int32","field":"id"},{"type":"string","name":"io.debezium.data.Json","field":"j"},{"type":"string","name":"io.debezium.data.EnumSet","field":"s"},{"type":"string","name":"io.debezium.time.ZonedTimestamp","field":"t"},{"type":"struct","name":"io.debezium.data.geometry.Geometry","field":"g"}"#;
    let row = |json: &str, srid: &str| {
        let images = format!(
            r#""after":{{"id":1,"j":{json},"s":"a,b","t":"2024-02-29T12:00:00Z","g":{{"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAATA","srid":{srid}}}}}"#
        );
        with_schema(columns, "c", &images)
    };
    let check = |record: &str, expected: &str| check(Format::DebeziumJson, record, Encoding::MaxwellJson, expected);
    check(
        &row(r#""{\"a\": [1.50]}""#, "null"),
        r#"{"database":"public","table":"t","pk.id":1} => {"database":"public","table":"t","type":"insert","primary_key_columns":["id"],"data":{"id":1,"j":{"a": [1.50]},"s":["a","b"],"t":"2024-02-29 12:00:00","g":"POINT (1.5 -2.5)"}}"#,
    );
    check(
        &row(r#"" null ""#, "null"),
        "# error: `data.j`: expected JSON that is not null, since Maxwell cannot tell that from NULL, found the JSON null",
    );
    check(&row(r#""{""#, "null"), "# error: `data.j`: expected JSON, found a text that is none");
    check(
        &row(r#""1""#, "4326"),
        "# error: `data.g`: expected a geometry of two dimensions without SRID, found one with an SRID",
    );
}
