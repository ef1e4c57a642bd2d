//! Maxwell's messages.

use rowkind_formats::{Decoder, Event, Format, Record, Stated, Told};

use crate::check_by;

fn maxwell() -> Decoder {
    Decoder::new(Format::MaxwellJson, &Told::default())
}

#[track_caller]
fn check(records: &str, expected: &str) {
    check_by(&mut maxwell(), records, expected);
}

#[test]
fn rows_of_every_type() {
    check(
        r#"
        {"database":"d","table":"t","pk.id":1} => {"database":"d","table":"t","type":"insert","ts":1,"xid":5,"commit":true,"data":{"id":1,"v":"a"}}
        {"database":"d","table":"t","pk.id":1} => {"database":"d","table":"t","type":"bootstrap-insert","ts":1,"data":{"id":1,"v":"a"}}
        {"database":"d","table":"t","pk.id":1} => {"database":"d","table":"t","type":"update","ts":1,"data":{"id":1,"v":"b"},"old":{"v":"a"}}
        {"database":"d","table":"t","pk.id":1} => {"database":"d","table":"t","type":"delete","ts":1,"data":{"id":1,"v":"b"}}
        "#,
        r#"
        +I d.t {"id":1,"v":"a"}
        +I d.t {"id":1,"v":"a"}
        -U d.t {"id":1,"v":"a"}
        +U d.t {"id":1,"v":"b"}
        -D d.t {"id":1,"v":"b"}
        "#,
    );
}

#[test]
fn absent_in_old_is_unchanged_and_null_was_null() {
    check(
        r#"null => {"database":"d","table":"t","type":"update","data":{"a":1,"v":"x","j":{"v":2}},"old":{"v":null}}"#,
        "-U d.t {\"a\":1,\"v\":null,\"j\":{\"v\":2}}\n+U d.t {\"a\":1,\"v\":\"x\",\"j\":{\"v\":2}}",
    );
    check(
        r#"null => {"database":"d","table":"t","type":"update","data":{"a":1}}"#,
        "-U d.t {\"a\":1}\n+U d.t {\"a\":1}",
    );
}

/// The Kafka key is that of the new row.
#[test]
fn a_change_of_the_key_is_a_delete_and_an_insert() {
    let rows = "-D d.t {\"Id\":1,\"b\":\"x\"}\n+I d.t {\"Id\":2,\"b\":\"x\"}";
    for key in [r#"{"database":"d","table":"t","pk.b":"x","pk.id":2}"#, r#"["d","t",[{"b":"x"},{"id":2}]]"#] {
        let payload = r#"{"database":"d","table":"t","type":"update","data":{"Id":2,"b":"x"},"old":{"Id":1}}"#;
        check(&format!("{key} => {payload}"), rows);
    }
    let payload = r#"{"database":"d","table":"t","type":"update","primary_key":[2],"primary_key_columns":["Id"],"data":{"Id":2,"b":"x"},"old":{"Id":1}}"#;
    check(&format!("null => {payload}"), rows);
    check(&format!("null => {}", payload.replace("primary_key_columns", "primaryKeyColumns")), rows);
}

/// Names are in lower case in the Kafka key, and `output_naming_strategy` may have taken underscores out of the row's.
#[test]
fn keys() {
    let key_of = |key: Option<&str>, data: &str| {
        let payload = format!(r#"{{"database":"d","table":"t","type":"insert","data":{data}}}"#);
        let (key, payload) = (key.map(str::as_bytes), Some(payload.as_bytes()));
        match maxwell().decode(&Record { topic: "t", partition: 0, offset: 0, key, payload }) {
            Ok(Event::Change(change)) => change
                .key
                .map(|key| key.columns.iter().map(|column| column.name.to_string()).collect::<Vec<_>>().join(",")),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Some(error.to_string()),
        }
    };
    let hash = |columns: &str| format!(r#"{{"database":"d","table":"t",{columns}}}"#);
    assert_eq!(key_of(Some(&hash(r#""pk.b":1,"pk.a":2"#)), r#"{"a":2,"b":1}"#).as_deref(), Some("b,a"));
    assert_eq!(key_of(Some(&hash(r#""pk.id":1"#)), r#"{"ID":1}"#).as_deref(), Some("ID"));
    assert_eq!(key_of(Some(&hash(r#""pk.order_id":1"#)), r#"{"orderId":1}"#).as_deref(), Some("orderId"));
    assert_eq!(key_of(Some(&hash(r#""_uuid":"x""#)), r#"{"a":1}"#), None);
    assert_eq!(key_of(Some(r#"["d","t",[]]"#), r#"{"a":1}"#), None);
    assert_eq!(key_of(None, r#"{"a":1}"#), None);
    let missing = "`data.id`: expected the value of the key's column, found nothing";
    assert_eq!(key_of(Some(&hash(r#""pk.id":1"#)), r#"{"a":1}"#).as_deref(), Some(missing));
    assert_eq!(key_of(Some(&hash(r#""pk.id":1"#)), r#"{"Id":1,"iD":2}"#).as_deref(), Some(missing));
    for key in ["1", r#"{"id":1}"#, r#"["d"]"#, r#"["d","t",1]"#] {
        let error = key_of(Some(key), r#"{"id":1}"#).unwrap();
        assert!(error.starts_with("`key`: expected a key that Maxwell writes"), "{key}: {error}");
    }
}

#[test]
fn what_is_not_about_rows() {
    check(
        r#"
        {"database":"d","table":"t","pk.id":null} => {"database":"d","table":"t","type":"bootstrap-start","ts":1,"data":{}}
        ["d","t",[]] => {"database":"d","table":"t","type":"bootstrap-complete","ts":1,"data":{}}
        "x" => {"type":"table-create","database":"d","table":"t","def":{"columns":[]},"ts":1000,"sql":"create table t"}
        "x" => {"type":"table-alter","database":"d","table":"t","old":{},"def":{},"ts":1000,"sql":"x"}
        "x" => {"type":"table-drop","database":"d","table":"t","ts":1000,"sql":"x"}
        "x" => {"type":"database-create","database":"d","ts":1000,"sql":"x"}
        "x" => {"type":"database-alter","database":"d","ts":1000,"sql":"x"}
        "x" => {"type":"database-drop","database":"d","ts":1000,"sql":"x"}
        null => {"type":"heartbeat"}
        "#,
        "
        # Bootstrap
        # Bootstrap
        # SchemaChange
        # SchemaChange
        # SchemaChange
        # SchemaChange
        # SchemaChange
        # SchemaChange
        # Heartbeat
        ",
    );
}

#[test]
fn what_is_none_of_maxwells_is_refused() {
    let encrypted =
        "`encrypted`: expected a message in the clear (Maxwell's `encrypt` is not supported), found an encrypted one";
    for (payload, error) in [
        ("{", "`payload`: expected JSON, found broken JSON at byte 1"),
        ("{}", "`type`: expected the type of a message of Maxwell's (is the format maxwell-json?), found nothing"),
        (r#"{"encrypted":{"iv":"x","bytes":"y"}}"#, encrypted),
        (r#"{"database":"d","table":"t","type":"insert","encrypted":{"iv":"x","bytes":"y"}}"#, encrypted),
        (r#"{"type":"insert","data":{}}"#, "`table`: expected the table's name, found nothing"),
        (r#"{"table":"t","type":"insert"}"#, "`data`: expected the row of the change, found nothing"),
        (r#"{"table":"t","type":"insert","data":[]}"#, "`data`: expected an object of columns, found an array"),
        (r#"{"table":"t","type":"update","data":{},"old":1}"#, "`old`: expected an object of columns, found a number"),
        (
            r#"{"table":"t","type":"INSERT","data":{}}"#,
            "`type`: expected a type that Maxwell writes: insert, update, delete, bootstrap-… or that of a DDL statement, found a string that is none",
        ),
        (
            r#"{"table":"t","type":"insert","data":{},"primary_key_columns":[1]}"#,
            "`primary_key_columns`: expected an array of the names of the key's columns, found a value that is none",
        ),
    ] {
        check(&format!("null => {payload}"), &format!("# error: {error}"));
    }
}

#[test]
fn values_keep_their_text() {
    check(
        r#"null => {"database":"d","table":"t","type":"insert","data":{"n":18446744073709551615,"d":-0.010,"f":3.4E38,"s":["a","b"],"j":{"a": 1},"e":"\uD83D\uDE00","z":"0000-00-00 00:00:00"}}"#,
        r#"+I d.t {"n":18446744073709551615,"d":-0.010,"f":3.4E38,"s":["a","b"],"j":{"a": 1},"e":"😀","z":"0000-00-00 00:00:00"}"#,
    );
}

#[test]
fn a_set_is_stated() {
    let columns = Stated::at_path("d.t.s", &"set".parse().unwrap());
    let mut decoder = Decoder::new(Format::MaxwellJson, &Told { columns, ..Told::default() });
    check_by(
        &mut decoder,
        r#"
        null => {"database":"d","table":"t","type":"insert","data":{"s":["a","c d"]}}
        null => {"database":"d","table":"t","type":"insert","data":{"s":[]}}
        null => {"database":"d","table":"t","type":"insert","data":{"s":null}}
        null => {"database":"d","table":"t","type":"insert","data":{"s":[1]}}
        "#,
        r#"
        +I d.t {"s":"a,c d"}
        +I d.t {"s":""}
        +I d.t {"s":null}
        # error: `data.s`: expected an array of names, found an array of something else
        "#,
    );
}

#[test]
fn where_a_change_comes_from() {
    let payload = br#"{"database":"d","table":"t","type":"bootstrap-insert","ts":1763700000,"position":"binlog.000004:155","xid":7,"data":{"a":1}}"#;
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload) };
    let mut decoder = maxwell();
    let Ok(Event::Change(change)) = decoder.decode(&record) else { panic!("a change") };
    assert_eq!(change.origin.op.as_deref(), Some("r"));
    assert_eq!(change.origin.changed_at().as_deref(), Some("2025-11-21 04:40:00+00"));
    assert_eq!(change.origin.position().as_deref(), Some("binlog.000004:155"));
    assert_eq!(change.origin.transaction().as_deref(), Some("7"));
}
