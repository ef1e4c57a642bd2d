//! `GoldenGate`'s messages.

use rowkind_formats::{Decoder, Event, Format, Record, Stated, Told, Value};

use crate::check_by;

fn ogg() -> Decoder {
    Decoder::new(Format::OggJson, &Told::default())
}

#[track_caller]
fn check(records: &str, expected: &str) {
    check_by(&mut ogg(), records, expected);
}

#[test]
fn operations_are_row_kinds() {
    check(
        r#"
        null => {"table":"S.T","op_type":"I","op_ts":"2020-05-13 15:40:06.000000","pos":"0143","primary_keys":["ID"],"tokens":{"R":"AA"},"after":{"ID":1,"V":"a"}}
        null => {"table":"S.T","op_type":"I","primary_keys":["ID"],"before":null,"after":{"ID":2,"V":null}}
        null => {"table":"S.T","op_type":"U","primary_keys":["ID"],"before":{"ID":1,"V":"a"},"after":{"ID":1,"V":"b"}}
        null => {"table":"S.T","op_type":"D","primary_keys":["ID"],"before":{"ID":1,"V":"b"},"after":null}
        null => {"table":"S.T","op_type":"T","before":null,"after":null}
        "#,
        r#"
        +I S.T {"ID":1,"V":"a"}
        +I S.T {"ID":2,"V":null}
        -U S.T {"ID":1,"V":"a"}
        +U S.T {"ID":1,"V":"b"}
        -D S.T {"ID":1,"V":"b"}
        -T S.T
        "#,
    );
}

/// Flink makes a row of NULLs of `before: {}` (FLINK-32712).
#[test]
fn a_before_without_columns_was_not_sent() {
    check(
        r#"
        null => {"table":"ZBZZZ","op_type":"U","before":{},"after":{"ID":1461242,"P":"tc"}}
        null => {"table":"ZBZZZ","op_type":"U","before":null,"after":{"ID":1461242,"P":null}}
        null => {"table":"ZBZZZ","op_type":"U","after":{"ID":1461242,"P":"x"}}
        {"ID":1461242} => {"table":"ZBZZZ","op_type":"D","before":{}}
        "#,
        r#"
        +U ZBZZZ {"ID":1461242,"P":"tc"}
        +U ZBZZZ {"ID":1461242,"P":null}
        +U ZBZZZ {"ID":1461242,"P":"x"}
        -D ZBZZZ {"ID":1461242}
        "#,
    );
}

#[test]
fn a_delete_needs_its_row_or_a_key_that_is_an_object() {
    let payload = r#"{"table":"S.T","op_type":"D","primary_keys":["ID"],"before":null}"#;
    check(&format!(r#"{{"ID":"7","X":1}} => {payload}"#), r#"-D S.T {"ID":"7","X":1}"#);
    check(
        &format!(
            r#"{{"schema":{{"type":"struct","fields":[{{"type":"int64","field":"ID"}}]}},"payload":{{"ID":7}}}} => {payload}"#
        ),
        r#"-D S.T {"ID":7}"#,
    );
    for key in ["null", "7", "S.T_7", "\"7\""] {
        check(
            &format!("{key} => {payload}"),
            "# error: `before`: expected the deleted row, since the Kafka key is no JSON object, found nothing",
        );
    }
    check(
        &format!(r#"{{"X":1}} => {payload}"#),
        "# error: `before.ID`: expected the value of the key's column, found nothing",
    );
}

/// Compressed updates: the key and what changed.
#[test]
fn what_is_not_in_the_trail_stays_as_it_is() {
    check(
        r#"
        null => {"table":"S.T","op_type":"U","primary_keys":["ID"],"before":{"ID":1,"A":"a","B":"b"},"after":{"ID":1,"B":"c"}}
        null => {"table":"S.T","op_type":"U","primary_keys":["ID"],"before":{"ID":1,"A":"a","B":"b"},"after":{"B":"c"}}
        null => {"table":"S.T","op_type":"U","primary_keys":["ID"],"before":{"ID":1},"after":{"ID":1,"B":null}}
        null => {"table":"S.T","op_type":"U","primary_keys":["ID"],"before":{},"after":{"ID":1,"B":"c"}}
        "#,
        r#"
        -U S.T {"ID":1,"A":"a","B":"b"}
        +U S.T {"ID":1,"B":"c"}
        # not sent: A
        -U S.T {"ID":1,"A":"a","B":"b"}
        +U S.T {"ID":1,"B":"c"}
        # not sent: A
        -U S.T {"ID":1}
        +U S.T {"ID":1,"B":null}
        +U S.T {"ID":1,"B":"c"}
        "#,
    );
}

/// The new row has what did not change, too: nothing else would give it to the new key.
#[test]
fn a_change_of_the_key_is_a_delete_and_an_insert() {
    check(
        r#"
        null => {"table":"S.T","op_type":"U","primary_keys":["ID"],"before":{"ID":1,"A":"a","B":"b"},"after":{"ID":2,"B":"c"}}
        {"ID":2} => {"table":"S.T","op_type":"U","before":{"ID":1,"A":"a"},"after":{"ID":2,"A":"a"}}
        "#,
        r#"
        -D S.T {"ID":1,"A":"a","B":"b"}
        +I S.T {"ID":2,"A":"a","B":"c"}
        -D S.T {"ID":1,"A":"a"}
        +I S.T {"ID":2,"A":"a"}
        "#,
    );
}

/// The same message with the fields that other formatters of `GoldenGate` add (`includeIsMissingFields`).
#[test]
fn a_field_says_whether_a_column_is_in_the_trail() {
    check(
        r#"
        null => {"table":"S.T","op_type":"U","primary_keys":["ID"],"before":{"ID":1,"ID_isMissing":false,"A":null,"A_isMissing":true},"after":{"ID":1,"ID_isMissing":false,"A":null,"A_isMissing":false,"B":null,"B_isMissing":true}}
        null => {"table":"S.T","op_type":"I","primary_keys":["ID"],"after":{"A_isMissing":true,"ID":1,"B_isMissing":"x"}}
        "#,
        r#"
        -U S.T {"ID":1}
        +U S.T {"ID":1,"A":null}
        # not sent: A
        # not sent: B
        +I S.T {"A_isMissing":true,"ID":1,"B_isMissing":"x"}
        "#,
    );
}

#[test]
fn tables_of_up_to_three_parts() {
    let table = |name: &str| {
        let payload = format!(r#"{{"table":{name},"op_type":"I","after":{{"A":1}}}}"#);
        let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
        crate::recordings::outcome(&mut ogg(), &record).trim_end().replace(" {\"A\":1}", "")
    };
    assert_eq!(table(r#""OGG.TBL_TEST""#), "+I OGG.TBL_TEST");
    assert_eq!(table(r#""PDB.OGG.TBL_TEST""#), "+I OGG.TBL_TEST");
    assert_eq!(table(r#""T""#), "+I T");
    assert_eq!(table(r#""S.Order \u0022Items\u0022""#), r#"+I S."Order ""Items""""#);
    let malformed =
        "# error: `table`: expected a name such as SCHEMA.TABLE or CATALOG.SCHEMA.TABLE, found a string that is none";
    assert_eq!(table(r#""a.b.c.d""#), malformed);
    for name in ["null", r#""""#, r#""S.""#] {
        assert_eq!(table(name), "# error: `table`: expected the table's name, found nothing", "{name}");
    }
}

#[test]
fn keys_are_those_of_primary_keys_or_of_an_object() {
    let key_of = |key: Option<&str>, names: &str| {
        let payload = format!(r#"{{"table":"S.T","op_type":"I",{names}"after":{{"A":"1","B":2}}}}"#);
        let (key, payload) = (key.map(str::as_bytes), Some(payload.as_bytes()));
        let mut decoder = ogg();
        match decoder.decode(&Record { topic: "t", partition: 0, offset: 0, key, payload }) {
            Ok(Event::Change(change)) => change.key.map(|key| {
                let column = |column: &rowkind_formats::Column<'_>| format!("{}={:?}", column.name, column.value);
                key.columns.iter().map(column).collect::<Vec<_>>().join(",")
            }),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Some(error.to_string()),
        }
    };
    assert_eq!(key_of(None, r#""primary_keys":["B","A"],"#).as_deref(), Some(r#"B=Number("2"),A=Text("1")"#));
    assert_eq!(key_of(Some("1_2"), r#""primary_keys":["A"],"#).as_deref(), Some(r#"A=Text("1")"#));
    assert_eq!(key_of(Some(r#"{"A":"x"}"#), "").as_deref(), Some(r#"A=Text("1")"#));
    assert_eq!(key_of(Some("1_2"), ""), None);
    assert_eq!(key_of(None, r#""primary_keys":[],"#), None);
    let missing = "`after.C`: expected the value of the key's column, found nothing";
    assert_eq!(key_of(None, r#""primary_keys":["C"],"#).as_deref(), Some(missing));
    let names = "`primary_keys`: expected an array of the names of the key's columns, found a value that is none";
    assert_eq!(key_of(None, r#""primary_keys":"A","#).as_deref(), Some(names));
}

/// A null payload, for topics that are compacted.
#[test]
fn a_tombstone_deletes_by_a_key_that_is_an_object() {
    check(
        r#"
        {"ID":"1"} => null
        {"ID":"1"} => {"table":"S.T","op_type":"I","after":{"ID":"1"}}
        {"ID":"1"} => null
        {"ID":"2"} => {"table":"S.T","op_type":"D","before":{"ID":"2"}}
        {"ID":"2"} => null
        7 => null
        "#,
        r#"
        # tombstone: table unknown, key known
        +I S.T {"ID":"1"}
        -D S.T {"ID":"1"}
        -D S.T {"ID":"2"}
        # Tombstone
        # tombstone: table known, key unknown
        "#,
    );
}

#[test]
fn values_keep_their_text() {
    check(
        r#"null => {"table":"S.T","op_type":"I","after":{"n":18446744073709551615,"d":-0.010,"s":"1234","e":"\uD83D\uDE00","b":"AP8Q3g==","t":"1993-11-03 07:51:35.000000000","x":null,"l":true}}"#,
        r#"+I S.T {"n":18446744073709551615,"d":-0.010,"s":"1234","e":"😀","b":"AP8Q3g==","t":"1993-11-03 07:51:35.000000000","x":null,"l":true}"#,
    );
}

/// A number may come as a string, and no string of `GoldenGate`'s is the base64 of one.
#[test]
fn a_string_is_text_and_not_the_base64_of_a_number() {
    let payload = br#"{"table":"S.T","op_type":"I","after":{"N":"1234"}}"#;
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload) };
    let mut decoder = ogg();
    let Ok(Event::Change(change)) = decoder.decode(&record) else { panic!("a change") };
    assert_eq!(change.rows.first().unwrap().get("N"), Some(&Value::Text("1234".into())));
    assert_eq!(change.schema, None);
}

#[test]
fn stated_types() {
    let value = |ty: &str, value: &str| {
        let columns = Stated::at_path("S.T.X", &ty.parse().unwrap());
        let mut decoder = Decoder::new(Format::OggJson, &Told { columns, ..Told::default() });
        let payload = format!(r#"{{"table":"S.T","op_type":"I","after":{{"X":{value}}}}}"#);
        let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
        let found = crate::recordings::outcome(&mut decoder, &record);
        let found = found.trim_end();
        found.strip_prefix("+I S.T {\"X\":").and_then(|rest| rest.strip_suffix('}')).unwrap_or(found).to_owned()
    };
    for (ty, sent, expected) in [
        ("decimal(2)", r#""1234""#, "1234.00"),
        ("decimal(2)", "12.5", "12.50"),
        ("int64", r#""9223372036854775807""#, "9223372036854775807"),
        ("float64", r#""NaN""#, r#""NaN""#),
        ("float64", "1.5E10", "1.5E10"),
        ("boolean", r#""1""#, "true"),
        ("boolean", "0", "false"),
        ("boolean", "true", "true"),
        ("timestamp-millis", "1709210096700", r#""2024-02-29 12:34:56.7""#),
        ("timestamp-millis", r#""1709210096700""#, r#""2024-02-29 12:34:56.7""#),
        ("iso-timestamp", r#""2024-02-29 12:34:56.700000000""#, r#""2024-02-29 12:34:56.7""#),
        (
            "zoned-timestamp",
            r#""2024-02-29 12:34:56 +02:00""#,
            "# error: `after.X`: expected an ISO 8601 timestamp with its zone, found a string that is none",
        ),
        ("zoned-timestamp", r#""2024-02-29 12:34:56+02:00""#, r#""2024-02-29 10:34:56+00""#),
        ("bytes", r#""AP8=""#, r#""\\x00ff""#),
        ("bytes-hex", r#""00FF""#, r#""\\x00ff""#),
        ("date[]", "[19782,null]", r#""{2024-02-29,NULL}""#),
        ("text", "12.50", r#""12.50""#),
        ("bits(3)", r#""101""#, r#""101""#),
        (
            "bits(3)",
            r#""1012""#,
            "# error: `after.X`: expected as many bits as the column has, found a string that is none",
        ),
        ("int32", r#""x""#, "# error: `after.X`: expected an integer, found a string that is none"),
        ("date", "null", "null"),
    ] {
        assert_eq!(value(ty, sent), expected, "{sent} as {ty}");
    }
}

/// The Kafka Connect handler, through Connect's JSON converter.
#[test]
fn wrapped_with_its_schema() {
    let column = r#"{"type":"int32","optional":true,"name":"org.apache.kafka.connect.data.Date","field":"DUE"}"#;
    let fields = format!(
        r#"[{{"type":"int64","field":"ID"}},{{"type":"boolean","field":"ID_isMissing"}},{column},{{"type":"boolean","field":"DUE_isMissing"}}]"#
    );
    let payload = format!(
        r#"{{"schema":{{"type":"struct","fields":[{{"type":"string","field":"table"}},{{"type":"struct","field":"before","fields":{fields}}},{{"type":"struct","field":"after","fields":{fields}}}]}},"payload":{{"table":"S.T","op_type":"I","primary_keys":["ID"],"before":null,"after":{{"ID":1,"ID_isMissing":false,"DUE":19782,"DUE_isMissing":false}}}}}}"#
    );
    check(&format!("null => {payload}"), r#"+I S.T {"ID":1,"DUE":"2024-02-29"}"#);
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
    let mut decoder = ogg();
    let Ok(Event::Change(change)) = decoder.decode(&record) else { panic!("a change") };
    let names: Vec<_> = change.schema.as_ref().unwrap().fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["ID", "DUE"]);
}

#[test]
fn what_is_none_of_goldengates_is_refused() {
    let op = "`op_type`: expected one of the operations I, U, D, T (GoldenGate's `insertOpKey` … `truncateOpKey`), found a string that is none";
    let row = "`after`: expected the row after the change (GoldenGate's `format` has to be json, not json_row), found nothing";
    for (payload, error) in [
        ("{", "`payload`: expected JSON, found broken JSON at byte 1"),
        (
            "{}",
            "`op_type`: expected the `op_type` of a message of GoldenGate's (is the format ogg-json?), found nothing",
        ),
        (r#"{"table":"S.T","op_type":"X"}"#, op),
        (r#"{"table":"S.T","op_type":1}"#, "`op_type`: expected a string, found a number"),
        (r#"{"op_type":"I","after":{}}"#, "`table`: expected the table's name, found nothing"),
        (r#"{"table":"S.T","op_type":"I","ID":1,"V":"a"}"#, row),
        (r#"{"table":"S.T","op_type":"I","after":[]}"#, "`after`: expected an object of columns, found an array"),
        (
            r#"{"table":"S.T","op_type":"U","after":{},"before":1}"#,
            "`before`: expected an object of columns, found a number",
        ),
    ] {
        check(&format!("null => {payload}"), &format!("# error: {error}"));
    }
}

#[test]
fn where_a_change_comes_from() {
    let origin = |op_ts: &str| {
        let payload = format!(
            r#"{{"table":"S.T","op_type":"U","op_ts":{op_ts},"current_ts":"2020-05-13T13:39:35.766000","pos":"00000000000000000143","after":{{"A":1}}}}"#
        );
        let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
        let mut decoder = ogg();
        let Ok(Event::Change(change)) = decoder.decode(&record) else { panic!("a change") };
        assert_eq!(change.origin.op.as_deref(), Some("u"));
        assert_eq!(change.origin.position().as_deref(), Some("00000000000000000143"));
        assert_eq!((change.origin.transaction(), change.origin.source()), (None, None));
        change.origin.changed_at()
    };
    assert_eq!(origin(r#""2020-05-13 15:40:06.123456""#).as_deref(), Some("2020-05-13 15:40:06.123456+00"));
    assert_eq!(origin(r#""2020-05-13T15:40:06.000000""#).as_deref(), Some("2020-05-13 15:40:06+00"));
    assert_eq!(origin("null"), None);
    assert_eq!(origin(r#""yesterday""#), None);
}
