//! Canal's flat messages.

use rowkind_formats::{ColumnType, Decoder, Event, Format, Record, Stated, Told};

use crate::check_by;

fn canal() -> Decoder {
    Decoder::new(Format::CanalJson, &Told::default())
}

fn canal_in(zone: &str) -> Decoder {
    Decoder::new(Format::CanalJson, &Told { time_zone: Some(zone.parse().unwrap()), ..Told::default() })
}

#[track_caller]
fn check(records: &str, expected: &str) {
    check_by(&mut canal(), records, expected);
}

/// The value of a column whose `mysqlType` is `ty`, or the error.
fn value_by(mut decoder: Decoder, ty: &str, value: &str) -> String {
    let payload = format!(
        r#"{{"type":"INSERT","table":"t","mysqlType":{{"x":{}}},"data":[{{"x":{value}}}]}}"#,
        serde_json::to_string(ty).unwrap()
    );
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
    let found = crate::recordings::outcome(&mut decoder, &record);
    let found = found.trim_end();
    found.strip_prefix("+I t {\"x\":").and_then(|rest| rest.strip_suffix('}')).unwrap_or(found).to_owned()
}

#[track_caller]
fn check_values(ty: &str, values: &[(&str, &str)]) {
    for (value, expected) in values {
        assert_eq!(value_by(canal(), ty, value), *expected, "{value} as {ty}");
    }
}

#[test]
fn many_rows_a_message_in_their_order() {
    check(
        r#"null => {"type":"INSERT","database":"shop","table":"t","pkNames":["id"],"mysqlType":{"id":"int","v":"text"},"data":[{"id":"1","v":"a"},{"id":"2","v":null}],"old":null}"#,
        r#"
        +I shop.t {"id":1,"v":"a"}
        +I shop.t {"id":2,"v":null}
        "#,
    );
    check(
        r#"null => {"type":"DELETE","database":"shop","table":"t","pkNames":["id"],"mysqlType":{"id":"int"},"data":[{"id":"1"},{"id":"2"}]}"#,
        r#"
        -D shop.t {"id":1}
        -D shop.t {"id":2}
        "#,
    );
}

/// Flink takes a column for unchanged when its old value was NULL, and looks for names at any depth (FLINK-19446).
#[test]
fn absent_in_old_is_unchanged_and_null_was_null() {
    check(
        r#"null => {"type":"UPDATE","table":"t","pkNames":["id"],"data":[{"id":"1","v":"a","w":"{\"v\":1}"},{"id":"2","v":"b","w":null}],"old":[{"v":null},{"w":"x"}]}"#,
        r#"
        -U t {"id":"1","v":null,"w":"{\"v\":1}"}
        +U t {"id":"1","v":"a","w":"{\"v\":1}"}
        -U t {"id":"2","v":"b","w":"x"}
        +U t {"id":"2","v":"b","w":null}
        "#,
    );
}

#[test]
fn an_update_without_old_has_no_row_before() {
    check(r#"null => {"type":"UPDATE","table":"t","data":[{"id":"1"}],"old":null}"#, r#"+U t {"id":"1"}"#);
    check(
        r#"null => {"type":"UPDATE","table":"t","data":[{"id":"1"}],"old":[{}]}"#,
        "-U t {\"id\":\"1\"}\n+U t {\"id\":\"1\"}",
    );
}

#[test]
fn a_change_of_the_key_is_a_delete_and_an_insert() {
    check(
        r#"null => {"type":"UPDATE","table":"t","pkNames":["b","a"],"data":[{"a":"1","b":"x"},{"a":"3","b":"y"}],"old":[{"a":"2"},{}]}"#,
        r#"
        -D t {"a":"2","b":"x"}
        +I t {"a":"1","b":"x"}
        -U t {"a":"3","b":"y"}
        +U t {"a":"3","b":"y"}
        "#,
    );
}

#[test]
fn keys_are_those_of_pk_names() {
    let key_of = |names: &str| {
        let payload = format!(r#"{{"type":"INSERT","table":"t","pkNames":{names},"data":[{{"a":"1","b":"2"}}]}}"#);
        let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
        let Ok(Event::Change(change)) = canal().decode(&record) else { panic!("{payload}") };
        let names = |key: rowkind_formats::Key<'_>| key.columns.iter().map(|c| c.name.to_string()).collect::<Vec<_>>();
        change.key.map(names)
    };
    assert_eq!(key_of(r#"["b","a"]"#), Some(vec!["b".to_owned(), "a".to_owned()]));
    assert_eq!(key_of("null"), None);
    assert_eq!(key_of("[]"), None);
    check(
        r#"null => {"type":"INSERT","table":"t","pkNames":["id"],"data":[{"id":"1"},{"v":"1"}]}"#,
        "# error: `data.1.id`: expected the value of the key's column, found nothing",
    );
}

/// `binlog_row_image` MINIMAL: what is absent was not sent.
#[test]
fn minimal_images() {
    check(
        r#"null => {"type":"UPDATE","table":"t","pkNames":["id"],"mysqlType":{"id":"int","v":"int"},"data":[{"id":"1","v":"2"}],"old":[{"v":"1"}]}"#,
        "-U t {\"id\":1,\"v\":1}\n+U t {\"id\":1,\"v\":2}",
    );
}

#[test]
fn what_is_not_about_rows_is_known_by_its_type() {
    let message = |ty: &str, is_ddl: bool| {
        format!(r#"null => {{"type":"{ty}","isDdl":{is_ddl},"database":"shop","table":"t","data":null,"sql":"x"}}"#)
    };
    for (ty, expected) in [
        ("CREATE", "# SchemaChange"),
        ("ALTER", "# SchemaChange"),
        ("ERASE", "# SchemaChange"),
        ("RENAME", "# SchemaChange"),
        ("CINDEX", "# SchemaChange"),
        ("DINDEX", "# SchemaChange"),
        ("QUERY", "# Statement"),
        ("GTID", "# Transaction"),
        ("XACOMMIT", "# Transaction"),
        ("XAROLLBACK", "# Transaction"),
        ("MHEARTBEAT", "# Heartbeat"),
        ("TRUNCATE", "-T shop.t"),
    ] {
        check(&message(ty, true), expected);
        check(&message(ty, false), expected);
    }
    check(&message("VIEW", true), "# SchemaChange");
    check("null => null", "# tombstone: table unknown, key unknown");
}

#[test]
fn what_is_none_of_canals_is_refused() {
    for (payload, error) in [
        ("{]", "`payload`: expected JSON, found broken JSON at byte 1"),
        ("{}", "`type`: expected the type of a message of Canal's (is the format canal-json?), found nothing"),
        (r#"{"type":"INSERT","table":"t"}"#, "`data`: expected the rows of the change, found nothing"),
        (r#"{"type":"INSERT","table":"t","data":{}}"#, "`data`: expected an array of rows, found an object"),
        (r#"{"type":"INSERT","table":"t","data":[1]}"#, "`data.0`: expected an object of columns, found a number"),
        (r#"{"type":"INSERT","data":[]}"#, "`table`: expected the table's name, found nothing"),
        (
            r#"{"type":"XX","table":"t","data":null}"#,
            "`type`: expected a type that Canal writes: INSERT, UPDATE, DELETE, TRUNCATE or that of a DDL statement, found a string that is none",
        ),
        (r#"{"type":1}"#, "`type`: expected a string, found a number"),
        (
            r#"{"type":"UPDATE","table":"t","data":[{},{}],"old":[{}]}"#,
            "`old.1`: expected as many rows as `data` has, found nothing",
        ),
        (
            r#"{"type":"INSERT","table":"t","data":[],"pkNames":"id"}"#,
            "`pkNames`: expected an array of the names of the key's columns, found a value that is none",
        ),
        (
            r#"{"type":"INSERT","table":"t","mysqlType":{"a":"int"},"data":[{"a":"1","b":"1"}]}"#,
            "`data.0.b`: expected the column in `mysqlType`, found nothing",
        ),
        (
            r#"{"type":"UPDATE","table":"t","mysqlType":{"a":"int"},"data":[{"a":"1"}],"old":[{"a":"secret"}]}"#,
            "`old.0.a`: expected an integer, found a string that is none",
        ),
        (
            r#"{"op":"c","after":{}}"#,
            "`type`: expected the type of a message of Canal's (is the format canal-json?), found nothing",
        ),
    ] {
        check(&format!("null => {payload}"), &format!("# error: {error}"));
    }
}

#[test]
fn integers() {
    check_values(
        "bigint(20) unsigned",
        &[("\"18446744073709551615\"", "18446744073709551615"), ("null", "null"), ("7", "7")],
    );
    check_values("bigint", &[("\"-9223372036854775808\"", "-9223372036854775808")]);
    check_values("int(5) unsigned zerofill", &[("\"00042\"", "42"), ("\"00000\"", "0")]);
    check_values("year", &[("\"2155\"", "2155"), ("\"0000\"", "0")]);
    let none = "# error: `data.0.x`: expected an integer, found a string that is none";
    check_values("int", &[("\"\"", none), ("\"1.0\"", none), ("\"+1\"", none), ("\"18446744073709551616\"", none)]);
    check_values("int", &[("true", "# error: `data.0.x`: expected a string, found a boolean")]);
}

/// Canal leaves zeros at the end out; floats are Java's text.
#[test]
fn decimals_and_floats() {
    check_values(
        "decimal(12,2)",
        &[("\"0.0\"", "0.00"), ("\"-99.5\"", "-99.50"), ("\"7\"", "7.00"), ("\"1.25\"", "1.25")],
    );
    check_values("decimal(65,30)", &[("\"0.000000000000000000000000001\"", "0.000000000000000000000000001000")]);
    check_values("decimal", &[("\"42\"", "42")]);
    let none = "# error: `data.0.x`: expected a decimal, found a string that is none";
    check_values(
        "decimal(4,2)",
        &[("\"1,5\"", none), ("\".5\"", none), ("\"1.\"", none), ("\"\"", none), ("\"1e5\"", none)],
    );
    check_values("double", &[("\"1.0E10\"", "1.0E10"), ("\"-1.7976931348623157E308\"", "-1.7976931348623157E308")]);
    let none = "# error: `data.0.x`: expected a floating-point number, found a string that is none";
    check_values("float", &[("\"[1]\"", none), ("\"1 2\"", none), ("\"NaN\"", none)]);
}

#[test]
fn bits() {
    check_values("bit(1)", &[("\"1\"", "true"), ("\"0\"", "false")]);
    check_values("bit(8)", &[("\"170\"", "\"10101010\""), ("\"1\"", "\"00000001\"")]);
    check_values(
        "bit(8)",
        &[("\"256\"", "# error: `data.0.x`: expected bits as an integer, found a string that is none")],
    );
    check_values("bit(64)", &[("\"18446744073709551615\"", &format!("\"{}\"", "1".repeat(64)))]);
}

#[test]
fn enum_by_index_and_set_by_mask() {
    let mood = "enum('sad','it''s ok','com,ma')";
    check_values(mood, &[("\"1\"", "\"sad\""), ("\"2\"", "\"it's ok\""), ("\"3\"", "\"com,ma\""), ("\"0\"", "\"\"")]);
    let none = "# error: `data.0.x`: expected the position of a name of the enum, found a string that is none";
    check_values(mood, &[("\"4\"", none), ("\"-1\"", none), ("\"sad\"", "\"sad\"")]);
    let set = "set('a','b','c d')";
    check_values(set, &[("\"5\"", "\"a,c d\""), ("\"0\"", "\"\""), ("\"7\"", "\"a,b,c d\""), ("\"a,b\"", "\"a,b\"")]);
    check_values(
        set,
        &[("\"8\"", "# error: `data.0.x`: expected the bits of the names of the set, found a string that is none")],
    );
}

/// `BINARY(n)` comes without its zero bytes at the end, which `MySQL` itself put there.
#[test]
fn binary_is_a_byte_a_character() {
    check_values("blob", &[("\"\\u0000ÿ\\u0010Þ\"", "\"\\\\x00ff10de\""), ("\"\"", "\"\\\\x\"")]);
    check_values("binary(4)", &[("\"\\u0001\"", "\"\\\\x01000000\""), ("\"\"", "\"\\\\x00000000\"")]);
    check_values("varbinary(4)", &[("\"\\u0001\"", "\"\\\\x01\"")]);
    check_values(
        "blob",
        &[("\"日\"", "# error: `data.0.x`: expected a byte a character, found a string that is none")],
    );
    check_values(
        "point",
        &[
            ("\"\\u0000\\u0000\\u0000\\u0000\\u0001\\u0001\\u0000\\u0000\\u0000\"", "\"\\\\x0101000000\""),
            ("\"\\u00e6\\u0010\\u0000\\u0000\\u0001\\u0001\\u0000\\u0000\\u0000\"", "\"\\\\x0101000020e6100000\""),
            ("\"x\"", "# error: `data.0.x`: expected a geometry as MySQL stores it, found a string that is none"),
        ],
    );
}

#[test]
fn dates_and_times() {
    check_values("date", &[("\"2024-02-29\"", "\"2024-02-29\""), ("\"0000-00-00\"", "\"0000-00-00\"")]);
    check_values(
        "time(6)",
        &[("\"-838:59:59.000000\"", "\"-838:59:59\""), ("\"-00:00:00.000100\"", "\"-00:00:00.0001\"")],
    );
    check_values("datetime(3)", &[("\"2024-02-29 12:34:56.700\"", "\"2024-02-29 12:34:56.7\"")]);
    check_values("datetime", &[("\"2024-00-01 00:00:00\"", "\"2024-00-01 00:00:00\"")]);
    let none = "# error: `data.0.x`: expected a date and time, found a string that is none";
    check_values(
        "datetime",
        &[("\"2024-02-29\"", none), ("\"2024-02-29T00:00:00\"", none), ("\"2024-02-29 00:00:00.\"", none)],
    );
    let none = "# error: `data.0.x`: expected a time, found a string that is none";
    check_values("time", &[("\"1:00:00\"", none), ("\"12:00\"", none), ("\"12:00:00Z\"", none)]);
}

/// TIMESTAMP is in the server's zone, which the message does not name.
#[test]
fn a_timestamp_is_a_moment_only_in_a_stated_zone() {
    assert_eq!(value_by(canal(), "timestamp", "\"2024-02-29 12:34:56\""), "\"2024-02-29 12:34:56\"");
    assert_eq!(
        value_by(canal_in("UTC"), "timestamp(6)", "\"2024-02-29 12:34:56.500000\""),
        "\"2024-02-29 12:34:56.5+00\""
    );
    assert_eq!(value_by(canal_in("+02:00"), "timestamp", "\"2024-03-01 01:00:00\""), "\"2024-02-29 23:00:00+00\"");
    assert_eq!(value_by(canal_in("+02:00"), "datetime", "\"2024-03-01 01:00:00\""), "\"2024-03-01 01:00:00\"");
    assert_eq!(value_by(canal_in("+02:00"), "timestamp", "\"0000-00-00 00:00:00\""), "\"0000-00-00 00:00:00\"");
    for (decoder, ty) in [(canal(), ColumnType::IsoTimestamp), (canal_in("UTC"), ColumnType::ZonedTimestamp)] {
        let payload = br#"{"type":"INSERT","table":"t","mysqlType":{"x":"timestamp"},"data":[]}"#;
        let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload) };
        let mut decoder = decoder;
        let Ok(Event::Change(change)) = decoder.decode(&record) else { panic!("a change without rows") };
        assert_eq!(change.schema.unwrap().fields.first().unwrap().ty, ty);
    }
}

#[test]
fn a_type_that_is_not_known_is_refused_by_its_name() {
    check_values(
        "vector(3)",
        &[("\"x\"", "# error: `data.0.x`: columns of type `vector(3)` cannot be decoded"), ("null", "null")],
    );
}

/// Canal prints the names themselves, with quotes doubled: a backslash is one.
#[test]
fn names_with_a_backslash() {
    check_values(
        r"enum('a\b','C:\new','it''s\')",
        &[("\"1\"", r#""a\\b""#), ("\"2\"", r#""C:\\new""#), ("\"3\"", r#""it's\\""#)],
    );
    check_values(r"set('a\b','c')", &[("\"3\"", r#""a\\b,c""#)]);
}

/// As Flink's users and other writers of the format send one.
#[test]
fn a_geometry_may_be_text() {
    let point = r#""\\x0101000000000000000000f03f0000000000000040""#;
    check_values("geometry", &[("\"POINT (1 2)\"", point), ("\"Point(1 2)\"", point)]);
    check_values(
        "point",
        &[(
            r#""\u0000\u0000\u0000\u0000\u0001\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000ð?\u0000\u0000\u0000\u0000\u0000\u0000\u0000@""#,
            point,
        )],
    );
    let none = "# error: `data.0.x`: expected a geometry as MySQL stores it, found a string that is none";
    check_values("geometry", &[("\"POINT (1)\"", none)]);
}

#[test]
fn what_is_stated_goes_before_mysql_type() {
    let stating_in = |ty: &str, zone: Option<&str>| {
        let columns = Stated::at_path("d.t.x", &ty.parse().unwrap());
        let time_zone = zone.map(|zone| zone.parse().unwrap());
        Decoder::new(Format::CanalJson, &Told { columns, time_zone, ..Told::default() })
    };
    let stating = |ty: &str| stating_in(ty, None);
    let value = |decoder: Decoder, ty: Option<&str>, value: &str| {
        let types = ty.map_or(String::new(), |ty| format!(r#""mysqlType":{{"x":"{ty}"}},"#));
        let payload = format!(r#"{{"type":"INSERT","database":"d","table":"t",{types}"data":[{{"x":{value}}}]}}"#);
        let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
        let mut decoder = decoder;
        let found = crate::recordings::outcome(&mut decoder, &record);
        let found = found.trim_end();
        found.strip_prefix("+I d.t {\"x\":").and_then(|rest| rest.strip_suffix('}')).unwrap_or(found).to_owned()
    };
    for (stated, declared, sent, expected) in [
        ("timestamp-millis", Some("bigint"), r#""1709210096700""#, r#""2024-02-29 12:34:56.7""#),
        ("boolean", Some("tinyint(1)"), r#""1""#, "true"),
        (
            "boolean",
            Some("tinyint(1)"),
            r#""2""#,
            "# error: `data.0.x`: expected true or false, found a string that is none",
        ),
        ("text", Some("enum('a','b')"), r#""2""#, r#""b""#),
        ("text", Some("blob"), r#""Ã©""#, r#""é""#),
        ("uuid", Some("binary(16)"), r#""ÿ""#, "# error: `data.0.x`: expected text in UTF-8, found other bytes"),
        ("json", Some("text"), r#""{\"a\":1}""#, r#""{\"a\":1}""#),
        ("bytes-base64", Some("text"), r#""AP8=""#, r#""\\x00ff""#),
        ("decimal(3)", Some("decimal(10,2)"), r#""1.5""#, "1.500"),
        ("iso-date", Some("date"), r#""0000-00-00""#, r#""0000-00-00""#),
        ("text", Some("inet6"), r#""::1""#, r#""::1""#),
        ("bytes", Some("vector(1)"), r#""\u0000ÿ""#, r#""\\x00ff""#),
        ("geometry", None, r#""POINT (1 2)""#, r#""\\x0101000000000000000000f03f0000000000000040""#),
        ("bytes", None, r#""\u0000ÿ""#, r#""\\x00ff""#),
        ("int64", None, r#""7""#, "7"),
        ("int64", Some("text"), "null", "null"),
        (
            "zoned-timestamp",
            Some("timestamp"),
            r#""2024-02-29 12:34:56""#,
            "# error: `data.0.x`: the time zone of a TIMESTAMP is stated nowhere: set `source.timezone`",
        ),
        ("iso-timestamp", Some("timestamp"), r#""2024-02-29 12:34:56""#, r#""2024-02-29 12:34:56""#),
    ] {
        assert_eq!(value(stating(stated), declared, sent), expected, "{sent} of {declared:?} as {stated}");
    }
    let in_zone = stating_in("iso-timestamp", Some("+02:00"));
    assert_eq!(value(in_zone, Some("timestamp"), r#""2024-02-29 12:34:56""#), r#""2024-02-29 12:34:56""#);
}

/// Of other columns nothing changes, and a table is made with what is stated.
#[test]
fn a_stated_type_is_in_the_schema() {
    let columns = Stated::at_path("d.t.at", &"timestamp-millis".parse().unwrap());
    let mut decoder = Decoder::new(Format::CanalJson, &Told { columns, ..Told::default() });
    let payload =
        br#"{"type":"UPDATE","database":"d","table":"t","pkNames":["id"],"mysqlType":{"id":"int","at":"bigint"},
        "data":[{"id":"1","at":"1000"}],"old":[{"at":"0"}]}"#;
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload) };
    for _ in 0..2 {
        assert_eq!(
            crate::recordings::outcome(&mut decoder, &record),
            "-U d.t {\"id\":1,\"at\":\"1970-01-01 00:00:00\"}\n+U d.t {\"id\":1,\"at\":\"1970-01-01 00:00:01\"}\n"
        );
    }
    let Ok(Event::Change(change)) = decoder.decode(&record) else { panic!("a change") };
    let schema = change.schema.unwrap();
    let types: Vec<_> = schema.fields.iter().map(|field| field.ty.clone()).collect();
    assert_eq!(types, [ColumnType::Int32, "timestamp-millis".parse().unwrap()]);
}

/// Flink CDC writes JSON's own types and no `mysqlType`.
#[test]
fn without_types_values_are_as_they_are() {
    check(
        r#"null => {"type":"INSERT","database":"d","table":"t","pkNames":["id"],"data":[{"id":101,"w":3.140,"b":true,"s":"x","j":{"a": 1}}]}"#,
        r#"+I d.t {"id":101,"w":3.140,"b":true,"s":"x","j":{"a": 1}}"#,
    );
}

#[test]
fn where_a_change_comes_from() {
    let payload = br#"{"type":"DELETE","table":"t","es":1763700000123,"gtid":"3E11FA47:5","data":[{"id":"1"}]}"#;
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload) };
    let mut decoder = canal();
    let Ok(Event::Change(change)) = decoder.decode(&record) else { panic!("a delete") };
    assert_eq!(change.origin.op.as_deref(), Some("d"));
    assert_eq!(change.origin.changed_at().as_deref(), Some("2025-11-21 04:40:00.123+00"));
    assert_eq!(change.origin.transaction().as_deref(), Some("3E11FA47:5"));
    assert_eq!((change.origin.position(), change.origin.source()), (None, None));
}
