//! Maxwell's messages.

use rowkind_formats::{Change, ColumnType, Decoder, Event, Format, Record, Stated, Told};

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

/// Who compacts a topic, or deletes in it by key: Maxwell itself writes no null payload.
#[test]
fn a_tombstone_deletes_by_key() {
    check(
        r#"
        {"database":"d","table":"t","pk.id":1} => null
        ["d","t",[{"a":"x"},{"b":2}]] => null
        {"database":"d","table":"t","pk.id":1} => {"database":"d","table":"t","type":"delete","data":{"id":1,"v":"b"}}
        {"database":"d","table":"t","pk.id":1} => null
        {"database":"d","table":"t","pk.id":1} => null
        {"database":"d","table":"t","_uuid":"x"} => null
        ["d","t",[{"_uuid":"x"}]] => null
        c18d671a-5297-4005-8f9d-a74b1b00ce4c => null
        {"id":1} => null
        null => null
        "#,
        r#"
        -D d.t {"id":1}
        -D d.t {"a":"x","b":2}
        -D d.t {"id":1,"v":"b"}
        # Tombstone
        -D d.t {"id":1}
        # tombstone: table known, key unknown
        # tombstone: table known, key unknown
        # tombstone: table unknown, key unknown
        # tombstone: table unknown, key unknown
        # tombstone: table unknown, key unknown
        "#,
    );
}

/// The Kafka key has names in lower case.
#[test]
fn a_tombstone_spells_its_key_as_the_rows_do() {
    check(
        r#"
        {"database":"d","table":"t","pk.order_id":1,"pk.no":2} => {"database":"d","table":"t","type":"insert","data":{"orderId":1,"No":2}}
        {"database":"d","table":"t","pk.order_id":1,"pk.no":2} => null
        {"database":"d","table":"u","pk.no":2} => null
        "#,
        r#"
        +I d.t {"orderId":1,"No":2}
        -D d.t {"orderId":1,"No":2}
        -D d.u {"no":2}
        "#,
    );
}

/// A DDL message with a column of every type, in Maxwell's own words.
const DEFINED: &str = r#""x" => {"type":"table-create","database":"d","table":"t","def":{"database":"d","charset":"utf8mb4","table":"t","columns":[{"type":"bigint","name":"id","signed":false},{"type":"tinyint","name":"ti","signed":true},{"type":"int","name":"iu","signed":false},{"type":"decimal","name":"d"},{"type":"double","name":"f"},{"type":"bit","name":"b"},{"type":"year","name":"y"},{"type":"varchar","name":"v","charset":"utf8mb4"},{"type":"text","name":"vb","charset":"binary"},{"type":"blob","name":"bl","charset":"binary"},{"type":"date","name":"da"},{"type":"time","name":"ti6","column-length":6},{"type":"datetime","name":"dt","column-length":3},{"type":"timestamp","name":"ts"},{"type":"enum","name":"e","enum-values":["a","b"]},{"type":"set","name":"s","enum-values":["a","b"]},{"type":"json","name":"j"},{"type":"geometry","name":"g"},{"type":"point","name":"p"}],"primary-key":["id"]},"ts":1795230973000,"sql":"create table t (…)"}"#;

#[test]
fn rows_behind_their_tables_definition_are_typed() {
    let row = r#"{"database":"d","table":"t","pk.id":18446744073709551615} => {"database":"d","table":"t","type":"insert","data":{"id":18446744073709551615,"ti":-1,"iu":4294967295,"d":-0.010,"f":1.0E10,"b":5,"y":2024,"v":"1234","vb":"AP8=","bl":"AP8=","da":"0000-00-00","ti6":"12:34:56.700000","dt":"2024-02-29 12:34:56.700","ts":"2024-02-29 12:34:56","e":"b","s":["a","b"],"j":{"a": 1},"g":"LINESTRING (0 0, 1 2)","p":"POINT (1 2)"}}"#;
    check(
        &format!("{DEFINED}\n{row}"),
        r#"
        # SchemaChange
        +I d.t {"id":18446744073709551615,"ti":-1,"iu":4294967295,"d":-0.010,"f":1.0E10,"b":5,"y":2024,"v":"1234","vb":"\\x00ff","bl":"\\x00ff","da":"0000-00-00","ti6":"12:34:56.7","dt":"2024-02-29 12:34:56.7","ts":"2024-02-29 12:34:56+00","e":"b","s":"a,b","j":"{\"a\": 1}","g":"\\x01020000000200000000000000000000000000000000000000000000000000f03f0000000000000040","p":"\\x0101000000000000000000f03f0000000000000040"}
        "#,
    );
    let change = last_change(&mut maxwell(), &[DEFINED, row]);
    let schema = change.schema.unwrap();
    let types: Vec<_> = schema.fields.iter().map(|field| (field.name.as_str(), field.ty.clone())).collect();
    let expected = [
        ("id", ColumnType::UnsignedInt64),
        ("ti", ColumnType::Int16),
        ("iu", ColumnType::Int64),
        ("d", ColumnType::VariableScaleDecimal),
        ("f", ColumnType::Float64),
        ("b", ColumnType::UnsignedInt64),
        ("y", ColumnType::Int32),
        ("v", ColumnType::Text),
        ("vb", ColumnType::Bytes),
        ("bl", ColumnType::Bytes),
        ("da", ColumnType::IsoDate),
        ("ti6", ColumnType::IsoTime),
        ("dt", ColumnType::IsoTimestamp),
        ("ts", ColumnType::ZonedTimestamp),
        ("e", ColumnType::Enum),
        ("s", ColumnType::EnumSet),
        ("j", ColumnType::Json),
        ("g", ColumnType::Geometry),
        ("p", ColumnType::Point),
    ];
    assert_eq!(types, expected);
}

#[test]
fn null_and_zero_and_empty_values_of_a_defined_table() {
    check(
        &format!(
            "{DEFINED}\n{}",
            r#"null => {"database":"d","table":"t","type":"update","data":{"id":1,"d":null,"ts":"0000-00-00 00:00:00","s":[],"j":[1],"g":null},"old":{"ts":"2024-02-29 12:34:56","j":"x y"}}"#
        ),
        r#"
        # SchemaChange
        -U d.t {"id":1,"d":null,"ts":"2024-02-29 12:34:56+00","s":"","j":"x y","g":null}
        +U d.t {"id":1,"d":null,"ts":"0000-00-00 00:00:00","s":"","j":"[1]","g":null}
        "#,
    );
}

/// Rows and DDL messages come in topics of their own, and nothing orders the two.
#[test]
fn a_row_that_does_not_fit_the_definition_is_untyped() {
    for data in [
        r#"{"id":1,"v":7}"#,
        r#"{"id":1,"other":"x"}"#,
        r#"{"id":1,"ts":"soon"}"#,
        r#"{"id":-1,"v":"x"}"#,
        r#"{"b":-1}"#,
    ] {
        let row = format!(r#"null => {{"database":"d","table":"t","type":"insert","data":{data}}}"#);
        check(&format!("{DEFINED}\n{row}"), &format!("# SchemaChange\n+I d.t {data}"));
        assert_eq!(last_change(&mut maxwell(), &[DEFINED, &row]).schema, None, "{data}");
    }
    // of an update both images
    let row = r#"null => {"database":"d","table":"t","type":"update","data":{"id":1,"bl":"AP8="},"old":{"bl":7}}"#;
    check(
        &format!("{DEFINED}\n{row}"),
        "# SchemaChange\n-U d.t {\"id\":1,\"bl\":7}\n+U d.t {\"id\":1,\"bl\":\"AP8=\"}",
    );
}

#[test]
fn the_last_definition_counts() {
    let column = |ty: &str| {
        format!(r#"{{"database":"d","table":"t","columns":[{{"type":"{ty}","name":"c","charset":"utf8mb4"}}]}}"#)
    };
    let ddl = |ty: &str, table: &str, def: &str| {
        format!(r#""x" => {{"type":"{ty}","database":"d","table":"{table}","def":{def},"ts":1,"sql":"x"}}"#)
    };
    let row = r#"null => {"database":"d","table":"t","type":"insert","data":{"c":"AP8="}}"#;
    let value = |records: &[&str]| {
        let change = last_change(&mut maxwell(), &[records, &[row]].concat());
        format!("{:?}", change.rows.first().unwrap().get("c").unwrap())
    };
    let (text, blob) = (ddl("table-create", "t", &column("varchar")), ddl("table-alter", "t", &column("blob")));
    let (as_text, as_bytes, untyped) = (r#"Text("AP8=")"#, "Bytes([0, 255])", r#"Embedded("AP8=")"#);
    assert_eq!(value(&[]), untyped);
    assert_eq!(value(&[&text]), as_text);
    assert_eq!(value(&[&text, &blob]), as_bytes);
    assert_eq!(value(&[&ddl("table-alter", "before", &column("blob"))]), as_bytes, "renamed to t");
    assert_eq!(value(&[&blob, &ddl("table-alter", "t", "{}")]), untyped);
    assert_eq!(value(&[&blob, &ddl("table-drop", "t", "null")]), untyped);
    assert_eq!(value(&[&blob, r#""x" => {"type":"database-drop","database":"d","ts":1,"sql":"x"}"#]), untyped);
    assert_eq!(value(&[&blob, r#""x" => {"type":"database-drop","database":"e","ts":1,"sql":"x"}"#]), as_bytes);
    let renamed = column("blob").replace(r#""table":"t""#, r#""table":"after""#);
    assert_eq!(value(&[&blob, &ddl("table-alter", "t", &renamed)]), untyped, "renamed to another");
}

/// Settings win over a definition, in the row and in the schema.
#[test]
fn what_is_stated_goes_before_a_definition() {
    let columns = Stated::at_path("d.t.id", &"timestamp-millis".parse().unwrap());
    let mut decoder = Decoder::new(Format::MaxwellJson, &Told { columns, ..Told::default() });
    let row = r#"null => {"database":"d","table":"t","type":"insert","data":{"id":1000,"bl":"AP8="}}"#;
    let change = last_change(&mut decoder, &[DEFINED, row]);
    let schema = change.schema.as_ref().unwrap();
    assert_eq!(schema.fields.first().unwrap().ty, "timestamp-millis".parse().unwrap());
    check_by(&mut decoder, row, r#"+I d.t {"id":"1970-01-01 00:00:01","bl":"\\x00ff"}"#);
}

/// The key of a null payload is read as the rows of its table are.
#[test]
fn a_tombstone_of_a_defined_table() {
    check(
        &format!(
            "{}\n{}",
            DEFINED.replace("bigint", "varbinary"),
            r#"{"database":"d","table":"t","pk.id":"AP8="} => null"#
        ),
        "# SchemaChange\n-D d.t {\"id\":\"\\\\x00ff\"}",
    );
}

#[test]
fn a_geometry_is_stated() {
    let columns = Stated::at_path("d.t.g", &"geometry".parse().unwrap());
    let mut decoder = Decoder::new(Format::MaxwellJson, &Told { columns, ..Told::default() });
    check_by(
        &mut decoder,
        r#"
        null => {"database":"d","table":"t","type":"insert","data":{"g":"POINT (1 2)"}}
        null => {"database":"d","table":"t","type":"insert","data":{"g":null}}
        null => {"database":"d","table":"t","type":"insert","data":{"g":"here"}}
        "#,
        r#"
        +I d.t {"g":"\\x0101000000000000000000f03f0000000000000040"}
        +I d.t {"g":null}
        # error: `data.g`: expected a geometry in Well-Known Text, found a string that is none
        "#,
    );
}

/// The last record's change.
fn last_change<'a>(decoder: &mut Decoder, records: &[&'a str]) -> Change<'a> {
    let mut last = None;
    for (offset, line) in (0..).zip(records) {
        let (key, payload) = line.split_once(" => ").unwrap();
        let key = (key != "null").then_some(key.as_bytes());
        let record = Record { topic: "t", partition: 0, offset, key, payload: Some(payload.as_bytes()) };
        last = Some(decoder.decode(&record).unwrap());
    }
    let Some(Event::Change(change)) = last else { panic!("a change") };
    change
}
