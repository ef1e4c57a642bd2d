//! What is stated nowhere, and what Postgres cannot hold: a reject that names the column, and the setting where one helps.

use std::fmt::Write;

use serde_json::json;

use crate::docs;
use crate::pipeline::{self, Ended};
use crate::server::Database;

/// A value for a column, and what it comes to.
struct Refused {
    what: &'static str,
    /// The column's type.
    ty: &'static str,
    sent: &'static str,
    /// Of `[source]`.
    settings: &'static str,
    /// What the error says of the column.
    says: &'static str,
    /// What helps: `[source]`, `[sink]`, the value then; or what else does.
    remedy: Result<(&'static str, &'static str, &'static str), &'static str>,
}

const CASES: &[Refused] = &[
    Refused {
        what: "a bare number for a timestamp",
        ty: "timestamp",
        sent: "1709210096789012",
        settings: "",
        says: "the unit of a number for a time is stated nowhere: set `source.time_precision`",
        remedy: Ok(("time_precision = \"microseconds\"", "", "2024-02-29 12:34:56.789012")),
    },
    Refused {
        what: "the same, where one column is unlike the others",
        ty: "timestamptz",
        sent: "1709210096789",
        settings: "",
        says: "the unit of a number for a time is stated nowhere: set `source.time_precision`",
        remedy: Ok(("columns = { \"s.t.c\" = \"timestamp-millis\" }", "", "2024-02-29 12:34:56.789+00")),
    },
    Refused {
        what: "a bare number for an interval",
        ty: "interval",
        sent: "1500",
        settings: "time_precision = \"connect\"",
        says: "the unit of a number for an interval is stated nowhere: set `source.columns`",
        remedy: Ok(("time_precision = \"connect\"\ncolumns = { \"s.t.c\" = \"time-millis\" }", "", "00:00:01.5")),
    },
    Refused {
        what: "a string that is digits and base64, for a number",
        ty: "numeric(10,2)",
        sent: r#""1234""#,
        settings: "",
        says: "whether a string for a number is text or base64 is stated nowhere: set `source.decimal_mode`",
        remedy: Ok(("decimal_mode = \"string\"", "", "1234.00")),
    },
    Refused {
        what: "base64 for a numeric without a scale",
        ty: "numeric",
        sent: r#""J0I=""#,
        settings: "",
        says: "the scale of base64 for a numeric column without one is stated nowhere: set `source.columns`",
        remedy: Ok(("columns = { \"s.t.c\" = \"decimal(2)\" }", "", "100.50")),
    },
    Refused {
        what: "a string that is hex and base64, for binary",
        ty: "bytea",
        sent: r#""00ff10de""#,
        settings: "",
        says: "whether a string for binary is base64 or hex is stated nowhere: set `source.binary_mode`",
        remedy: Ok(("binary_mode = \"hex\"", "", "\\x00ff10de")),
    },
    Refused {
        what: "bits for a bit varying",
        ty: "bit varying(8)",
        sent: r#""BQ==""#,
        settings: "",
        says: "the number of bits of a bit varying, whose zeros in front Debezium does not send, is stated nowhere: set `source.columns`",
        remedy: Ok(("columns = { \"s.t.c\" = \"bits(3)\" }", "", "101")),
    },
    Refused {
        what: "a zero byte in text",
        ty: "text",
        sent: r#""a\u0000b""#,
        settings: "",
        says: "expected text without a zero byte, which Postgres cannot hold",
        remedy: Ok(("", "nul = \"strip\"", "ab")),
    },
    Refused {
        what: "a zero byte in an array",
        ty: "text[]",
        sent: r#"["a\u0000b"]"#,
        settings: "",
        says: "expected text without a zero byte, which Postgres cannot hold",
        remedy: Ok(("", "nul = \"strip\"", "{ab}")),
    },
    Refused {
        what: "`\\u0000` in jsonb (json keeps it)",
        ty: "jsonb",
        sent: r#""{\"a\": \"x\\u0000y\"}""#,
        settings: "",
        says: "expected JSON without \\u0000, which jsonb cannot hold",
        remedy: Ok(("", "nul = \"strip\"", r#"{"a": "xy"}"#)),
    },
    Refused {
        what: "year 294277",
        ty: "timestamp",
        sent: r#""+294277-01-01T00:00:00Z""#,
        settings: "",
        says: "expected a date in the range of Postgres, found one out of range",
        remedy: Err("a column of type text; no date of Postgres goes that far"),
    },
    Refused {
        what: "a number that is too large",
        ty: "numeric(4,2)",
        sent: "100.00",
        settings: "",
        says: "expected a number in the range of the column, found one out of range",
        remedy: Err("a wider column (`sink.evolve = \"widen\"` where the event has its schema)"),
    },
    Refused {
        what: "an integer that is too large",
        ty: "smallint",
        sent: "32768",
        settings: "",
        says: "expected an integer in the range of the column, found one out of range",
        remedy: Err("a wider column (`sink.evolve = \"widen\"` where the event has its schema)"),
    },
    Refused {
        what: "a text that is too long",
        ty: "varchar(3)",
        sent: r#""abcd""#,
        settings: "",
        says: "expected at most as many characters as the column has, found more",
        remedy: Err("a wider column (`sink.evolve = \"widen\"` where the event has its schema)"),
    },
    Refused {
        what: "decimals that the column has not (Postgres alone would round)",
        ty: "numeric(4,1)",
        sent: "1.25",
        settings: "",
        says: "expected at most as many digits behind the point as the column has",
        remedy: Ok(("", "excess_digits = \"round\"", "1.3")),
    },
    Refused {
        what: "a fraction of a second finer than the column's",
        ty: "timestamp",
        sent: "1709210096789012345",
        settings: "time_precision = \"nanoseconds\"",
        says: "expected at most as many digits behind the point as the column has",
        remedy: Ok(("time_precision = \"nanoseconds\"", "excess_digits = \"round\"", "2024-02-29 12:34:56.789012")),
    },
    Refused {
        what: "a TIME of MySQL beyond a day",
        ty: "time",
        sent: "-3020399000000",
        settings: "time_precision = \"adaptive_time_microseconds\"",
        says: "expected a time of day (a column of type interval holds all), found less",
        remedy: Err("a column of type interval"),
    },
    Refused {
        what: "`0000-00-00` in parts",
        ty: "date",
        sent: r#"{"year":0,"month":0,"day":0}"#,
        settings: "",
        says: "expected the parts of a date that exists",
        remedy: Err(
            "nothing: no date of Postgres is that; with another `time.precision.mode` the connector sends NULL or the epoch",
        ),
    },
    Refused {
        what: "more bits than the column has",
        ty: "bit(8)",
        sent: r#""/wE=""#,
        settings: "",
        says: "expected at most as many bits as the column has, found more",
        remedy: Err("a wider column"),
    },
];

fn run(case: &Refused, source: &str, sink: &str) -> (Database, Ended) {
    let database = Database::new();
    database.execute(&format!("create schema s; create table s.t (id int primary key, c {})", case.ty));
    let payload = format!(r#"{{"op":"c","source":{{"schema":"s","table":"t"}},"after":{{"id":1,"c":{}}}}}"#, case.sent);
    let ended = pipeline::run(&database, &record(0, &payload), source, &format!("[sink]\n{sink}\n"));
    (database, ended)
}

fn record(offset: i64, payload: &str) -> String {
    json!({"topic": "p.s.t", "partition": 0, "offset": offset, "key": "{\"id\":1}", "payload": payload}).to_string()
        + "\n"
}

#[test]
fn by_the_columns_name() {
    let mut table = String::from("| value | for | said | what helps | then |\n|---|---|---|---|---|\n");
    for case in CASES {
        let (_, ended) = run(case, case.settings, "");
        assert_eq!(ended.code, Some(3), "{}: {}", case.what, ended.log);
        // of an array's item the path says which
        let said = ["`after.c`: ", "`after.c.0`: "].map(|path| format!("{path}{}", case.says));
        assert!(said.iter().any(|said| ended.log.contains(said)), "{}: {}", case.what, ended.log);
        assert!(!ended.log.contains("1709210096789"), "a value is never said");
        let (helps, then) = match case.remedy {
            Err(else_) => (else_.to_owned(), "–".to_owned()),
            Ok((source, sink, value)) => {
                let (database, ended) = run(case, source, sink);
                ended.well();
                let found = database.rows("select c::text from s.t");
                assert_eq!(found, [[Some(value.to_owned())]], "{}", case.what);
                let new = |settings: &str, section: &str| match settings.lines().last() {
                    Some(line) if settings != case.settings => format!("`{section}.{}`", line.replace("s.t.c", "…")),
                    _ => String::new(),
                };
                (new(source, "source") + &new(sink, "sink"), docs::cell(value))
            }
        };
        let _ = writeln!(table, "| {} | `{}` | {} | {helps} | {then} |", case.what, case.ty, case.says);
    }
    docs::check("refused", &table);
}

/// The placeholder is the connector's: a custom one replaces the default in every form.
#[test]
fn a_placeholder_of_ones_own() {
    let database = Database::new();
    database.execute(
        "create schema s; create table s.t (id int primary key, a text, b bytea, c int[], d uuid[], e text[])",
    );
    let row = |op: &str, columns: &str| {
        format!(r#"{{"op":"{op}","source":{{"schema":"s","table":"t"}},"after":{{"id":1,{columns}}}}}"#)
    };
    let full = row("c", r#""a":"kept","b":"AP8=","c":[1],"d":["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],"e":["x"]"#);
    // of "none", with its bytes in base64, as numbers and as a name-based UUID
    let unsent = row(
        "u",
        r#""a":"none","b":"bm9uZQ==","c":[110,111,110,101],"d":["334c4a4c-42fd-3b79-9a73-1f6053e44a9d"],"e":["none"]"#,
    );
    let records =
        record(0, &full) + &record(1, &unsent.replace("334c4a4c-42fd-3b79-9a73-1f6053e44a9d", &name_based("none")));
    pipeline::run(&database, &records, "unavailable_placeholder = \"none\"\nbinary_mode = \"base64\"", "").well();
    let found = database.rows("select concat_ws(' ', a, b, c, d, e) from s.t");
    assert_eq!(found, [[Some(r"kept \x00ff {1} {a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11} {x}".to_owned())]]);
}

/// What Canal and Maxwell do not say: the column, the message, what is refused, and the settings that help.
#[test]
fn what_canal_and_maxwell_do_not_say() {
    let canal = |ty: &str, value: &str| {
        json!({"type": "INSERT", "database": "s", "table": "t", "pkNames": ["id"], "mysqlType": {"id": "int", "c": ty},
               "data": [{"id": "1", "c": value}]})
    };
    let maxwell = |value: serde_json::Value| json!({"type": "insert", "database": "s", "table": "t", "primary_key_columns": ["id"], "data": {"id": 1, "c": value}});
    let zone = "the time zone of a TIMESTAMP is stated nowhere: set `source.timezone`";
    let timestamp = canal("timestamp", "2024-02-29 12:34:56.5");
    let zero = "expected a date that the calendar has (`sink.zero_date = \"null\"` writes NULL in place of it), found one of zeros";
    let null = "[sink]\nzero_date = \"null\"";
    let set = "whether an array for text is a SET or JSON is stated nowhere: set `source.columns`";
    let string =
        "whether a string for JSON is the text of JSON or a JSON string is stated nowhere: set `source.columns`";
    let column = |ty: &str| format!("columns = {{ \"s.t.c\" = \"{ty}\" }}");
    let point = Some("\\x0101000000000000000000f03f0000000000000040");
    let unit = "the unit of a number for a time is stated nowhere: set `source.time_precision`";
    let then = Some("2024-02-29 12:34:56.7");
    for (ty, format, message, says, source, sink, then) in [
        (
            "timestamptz",
            "canal-json",
            timestamp.clone(),
            zone,
            "timezone = \"+02:00\"".to_owned(),
            "",
            Some("2024-02-29 10:34:56.5+00"),
        ),
        ("timestamp", "canal-json", timestamp, "", String::new(), "", Some("2024-02-29 12:34:56.5")),
        ("date", "canal-json", canal("date", "0000-00-00"), zero, String::new(), null, None),
        ("timestamp", "canal-json", canal("datetime", "2024-00-10 00:00:00"), zero, String::new(), null, None),
        ("timestamptz", "maxwell-json", maxwell("0000-00-00 00:00:00".into()), zero, String::new(), null, None),
        (
            "timestamptz",
            "maxwell-json",
            maxwell("2024-02-29 12:34:56".into()),
            "",
            String::new(),
            "",
            Some("2024-02-29 12:34:56+00"),
        ),
        ("text", "maxwell-json", maxwell(json!(["a", "c d"])), set, column("set"), "", Some("a,c d")),
        ("text", "maxwell-json", maxwell(json!(["a"])), set, column("json"), "", Some("[\"a\"]")),
        ("text[]", "maxwell-json", maxwell(json!(["a", "c d"])), "", String::new(), "", Some("{a,\"c d\"}")),
        ("jsonb", "maxwell-json", maxwell("{\"a\":1}".into()), string, column("text"), "", Some("{\"a\": 1}")),
        ("jsonb", "maxwell-json", maxwell("7".into()), string, column("json"), "", Some("\"7\"")),
        ("jsonb", "maxwell-json", maxwell("x y".into()), "", String::new(), "", Some("\"x y\"")),
        ("bit(8)", "maxwell-json", maxwell(5.into()), "", String::new(), "", Some("00000101")),
        ("bytea", "maxwell-json", maxwell("abcd".into()), "", String::new(), "", Some("\\x69b71d")),
        ("bytea", "maxwell-json", maxwell("POINT (1 2)".into()), "", String::new(), "", point),
        ("timestamp", "canal-json", canal("bigint", "1709210096700"), unit, column("timestamp-millis"), "", then),
        ("inet", "canal-json", canal("inet6", "::1"), "columns of type `inet6`", column("text"), "", Some("::1/128")),
    ] {
        let format = format!("format = \"{format}\"");
        let records = record(0, &message.to_string());
        let run = |database: &Database, source: &str, sink: &str| {
            database.execute(&format!("create schema s; create table s.t (id int primary key, c {ty})"));
            pipeline::run(database, &records, &format!("{format}\n{source}"), sink)
        };
        if !says.is_empty() {
            let ended = run(&Database::new(), "", "");
            assert_eq!(ended.code, Some(3), "{ty} of {message}: {}", ended.log);
            assert!(ended.log.contains(says), "{ty} of {message}: {}", ended.log);
        }
        let database = Database::new();
        run(&database, &source, sink).well();
        assert_eq!(database.rows("select c::text from s.t"), [[then.map(str::to_owned)]], "{ty} of {message}");
    }
}

/// By Postgres's own md5, as Java's `UUID.nameUUIDFromBytes` makes it.
fn name_based(text: &str) -> String {
    let database = Database::new();
    let sql = format!(
        "select (overlay(overlay(md5('{text}') placing '3' from 13) placing \
         to_hex((('x' || substr(md5('{text}'), 17, 1))::bit(4) & b'0011' | b'1000')::int) from 17))::uuid::text"
    );
    database.rows(&sql)[0][0].clone().unwrap()
}

#[test]
fn settings_that_say_nothing() {
    let database = Database::new();
    for (settings, says) in [
        ("columns = { \"s.t.c\" = \"timestamp\" }", "for `s.t.c` a type such as timestamp-millis"),
        ("columns = { \"c\" = \"date\" }", "expected columns as schema.table.column"),
        ("timezone = \"Europe/Berlin\"", "expected UTC or a fixed distance from it, as +02:00"),
        ("unavailable_placeholder = \"hex:0\"", "expected a text, or hex digits behind `hex:`"),
    ] {
        let ended = pipeline::run(&database, "", settings, "");
        assert_eq!(ended.code, Some(2), "{}", ended.log);
        assert!(ended.log.contains(says), "{}", ended.log);
    }
}

/// The key's own schema does not say that a column is unsigned; that of the row does, and of the tombstone's table.
#[test]
fn keys_are_read_by_the_types_of_their_rows() {
    let database = Database::new();
    let column = r#"{"type":"int64","field":"id","parameters":{"__debezium.source.column.type":"BIGINT UNSIGNED","__debezium.source.column.name":"Näme"}}"#;
    let schema = format!(
        r#"{{"type":"struct","fields":[{{"type":"struct","field":"after","fields":[{column}]}},{{"type":"struct","field":"source","name":"io.debezium.connector.mysql.Source"}}]}}"#
    );
    let key = |id: i64| {
        format!(
            r#"{{"schema":{{"type":"struct","fields":[{{"type":"int64","field":"id"}}]}},"payload":{{"id":{id}}}}}"#
        )
    };
    let change = |offset: i64, id: i64, op: &str| {
        let image = if op == "d" { "before" } else { "after" };
        let payload = format!(
            r#"{{"schema":{schema},"payload":{{"op":"{op}","source":{{"db":"s","table":"t"}},"{image}":{{"id":{id}}}}}}}"#
        );
        json!({"topic": "p.s.t", "partition": 0, "offset": offset, "key": key(id), "payload": payload}).to_string()
            + "\n"
    };
    let tombstone =
        json!({"topic": "p.s.t", "partition": 0, "offset": 9, "key": key(-3), "payload": null}).to_string() + "\n";
    let records = change(0, -1, "c")
        + &change(1, -2, "c")
        + &change(2, -3, "c")
        + &change(3, 4, "c")
        + &change(4, -2, "d")
        + &tombstone;
    pipeline::run(&database, &records, "", "").well();
    let found = database.rows("select \"Näme\"::text from s.t order by 1");
    assert_eq!(found, [[Some("18446744073709551615".to_owned())], [Some("4".to_owned())]]);
}
