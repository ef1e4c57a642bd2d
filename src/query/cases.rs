//! Queries over single events, and the changelog that is left.

use rowkind_formats::{Decoder, Event, Record, changelog};

use super::{Declared, Place, Query};
use crate::sink::postgres::modes::{Modes, TimePrecision};

const DECLARED: &[&str] = &[
    "id BIGINT NOT NULL",
    "n INT",
    "amount DECIMAL(12, 2)",
    "rate DOUBLE",
    "name STRING",
    "ok BOOLEAN",
    "day DATE",
    "at TIMESTAMP(3)",
    "moment TIMESTAMP_LTZ(3)",
    "tags ARRAY<STRING>",
    "tab STRING METADATA FROM 'value.source.table' VIRTUAL",
    "p INT METADATA FROM 'partition' VIRTUAL",
    "origin TIMESTAMP_LTZ(3) METADATA FROM 'value.source.timestamp' VIRTUAL",
];

const ROW: &str = r#"{"id":1,"n":7,"amount":"12.345","rate":0.5,"name":" Öl ","ok":true,"day":20778,"at":1795253167123,
    "moment":"2026-11-21T13:26:07.5Z","tags":["a","b"]}"#;

fn query(select: &[&str], filter: Option<&str>) -> Result<Query, String> {
    let declared = DECLARED.iter().map(|text| Declared::read(text).expect("it is declared")).collect();
    let select: Vec<String> = select.iter().map(|item| (*item).to_owned()).collect();
    let modes = Modes { time_precision: Some(TimePrecision::Adaptive), ..Modes::default() };
    Query::new(declared, Some(&select), filter, modes).map_err(|error| error.to_string())
}

/// What is left of an event, and the error that there is instead.
fn apply(query: &Query, payload: &str) -> String {
    let record = Record {
        topic: "shop.t",
        partition: 3,
        offset: 9,
        key: Some(br#"{"id":1}"#),
        payload: Some(payload.as_bytes()),
    };
    let Ok(Event::Change(mut change)) = Decoder::default().decode(&record) else {
        panic!("it is no change: {payload}")
    };
    match query.apply(&mut change, Place { record: &record, timestamp_ms: Some(5) }) {
        Ok(()) => changelog::text(&Event::Change(change)).trim_end().replace("t {", "{"),
        Err(error) => format!("error: {error}"),
    }
}

fn insert() -> String {
    format!(r#"{{"op":"c","source":{{"table":"t","ts_ms":1795253167123}},"before":null,"after":{ROW}}}"#)
}

/// An expression, and its value in the changelog; `error` where there is none.
const EXPRESSIONS: &[(&str, &str)] = &[
    ("id", "1"),
    ("t.id", "1"),
    ("`id`", "1"),
    ("name", r#"" Öl ""#),
    // half up, as Flink does it
    ("amount", "12.35"),
    ("CAST(amount AS DECIMAL(10, 1))", "12.4"),
    ("CAST(amount AS INT)", "12"),
    ("CAST(amount AS STRING)", r#""12.35""#),
    ("CAST(n AS DOUBLE)", "7.0"),
    // as Flink was seen to do it
    ("CAST(1e7 AS STRING)", r#""1.0E7""#),
    ("CAST(123456789012.345e0 AS STRING)", r#""1.23456789012345E11""#),
    ("CAST(0.0001e0 AS STRING)", r#""1.0E-4""#),
    ("CAST(0.001e0 AS STRING)", r#""0.001""#),
    ("CAST(1e0 / 0e0 AS STRING)", r#""Infinity""#),
    ("CAST(CAST('-0.1' AS FLOAT) AS DOUBLE)", "-0.10000000149011612"),
    ("CAST('-0.1' AS FLOAT) = -0.1", "false"),
    ("CAST('-0.1' AS FLOAT) * CAST('-0.1' AS FLOAT)", "0.010000001"),
    ("CAST(' -7.5 ' AS INT)", "-7"),
    ("TRY_CAST('1e999999999' AS BIGINT)", "null"),
    ("CAST('yes' AS BOOLEAN)", "true"),
    ("CAST('2024-01-05 10:00:00' AS DATE)", r#""2024-01-05""#),
    ("CAST('2024-01-05 10:00:00.123456' AS TIMESTAMP(3))", r#""2024-01-05 10:00:00.123""#),
    ("CAST('Hello' AS VARCHAR(3))", r#""Hel""#),
    ("CAST('He' AS CHAR(4)) || '|'", r#""He  |""#),
    ("DATE_FORMAT('none', 'yyyy')", "null"),
    ("NULLIF(n, 0.0)", "7"),
    ("SUBSTRING('abc', 2, -1)", "null"),
    ("LPAD('abc', -9223372036854775807, 'x')", "null"),
    ("ROUND(amount, 5)", "12.35"),
    ("ROUND(amount, -1)", "10"),
    ("ROUND(amount, n - 6)", "12.4"),
    ("ROUND(amount, 2147483647)", "12.35"),
    ("ROUND(CAST(-1.005 AS DOUBLE), 2)", "-1.01"),
    ("ROUND(17, -1)", "20"),
    ("ABS(CAST(-128 AS TINYINT))", "error"),
    ("-CAST(-2147483648 AS INT)", "error"),
    ("2147483647 + 1", "error"),
    ("TO_TIMESTAMP_LTZ(1, 0)", r#""1970-01-01 00:00:01.000+00""#),
    ("CAST('12' AS BIGINT) + 1", "13"),
    ("TRY_CAST(name AS INT)", "null"),
    ("CAST(NULL AS INT)", "null"),
    ("amount * 2", "24.70"),
    ("amount + n", "19.35"),
    ("amount / n", "1.7642857142857"),
    ("n / 2", "3"),
    ("n % 4", "3"),
    ("MOD(n, 4)", "3"),
    ("-n", "-7"),
    ("n * 1.5", "10.5"),
    ("rate * 3", "1.5"),
    ("UPPER(name)", r#"" ÖL ""#),
    ("LOWER(TRIM(name))", r#""öl""#),
    ("TRIM(LEADING ' ' FROM name)", r#""Öl ""#),
    ("TRIM(BOTH 'a' FROM 'aba')", r#""b""#),
    ("SUBSTRING(name FROM 2 FOR 1)", r#""Ö""#),
    ("SUBSTRING('abcdef', -3, 2)", r#""de""#),
    ("SUBSTR('abcdef', 4)", r#""def""#),
    ("CHAR_LENGTH(name)", "4"),
    ("CONCAT('a', name, CAST(n AS STRING))", r#""a Öl 7""#),
    ("CONCAT_WS('-', 'a', CAST(NULL AS STRING), 'b')", r#""a-b""#),
    ("'it''s ' || n", r#""it's 7""#),
    ("REPLACE(name, ' ', '')", r#""Öl""#),
    ("LPAD('7', 3, '0')", r#""007""#),
    ("LEFT('abc', 2) || RIGHT('abc', 1)", r#""abc""#),
    ("POSITION('l' IN name)", "3"),
    ("COALESCE(NULLIF(n, 7), 0)", "0"),
    ("IFNULL(CAST(NULL AS INT), n)", "7"),
    ("IF(n > 5, 'much', 'little')", r#""much""#),
    ("CASE WHEN n > 5 THEN 'a' WHEN n > 1 THEN 'b' ELSE 'c' END", r#""a""#),
    ("CASE name WHEN ' Öl ' THEN 1 ELSE 2.5 END", "1.0"),
    ("CASE WHEN n > 100 THEN 1 END", "null"),
    ("ABS(-n)", "7"),
    ("ROUND(amount, 1)", "12.4"),
    ("CEIL(amount)", "13"),
    ("FLOOR(-amount)", "-13"),
    ("day", r#""2026-11-21""#),
    ("at", r#""2026-11-21 09:26:07.123""#),
    ("moment", r#""2026-11-21 13:26:07.5+00""#),
    ("TRY_CAST('1e999999999' AS DECIMAL(12, 2))", "null"),
    ("TRY_CAST('-1e-999999999' AS DECIMAL(12, 2))", "0.00"),
    ("CAST('9.995' AS DECIMAL(3, 2))", "error"),
    ("CAST('0.005' AS DECIMAL(3, 2))", "0.01"),
    ("CAST(0 AS DECIMAL(3, 3))", "0.000"),
    ("DATE_FORMAT(at, 'dd.MM.yyyy HH:mm')", r#""21.11.2026 09:26""#),
    ("CAST(at AS DATE)", r#""2026-11-21""#),
    ("CAST(at AS TIMESTAMP(0))", r#""2026-11-21 09:26:07""#),
    ("TO_DATE('2026-11-01')", r#""2026-11-01""#),
    ("TO_TIMESTAMP('2026-11-01 10:11:12')", r#""2026-11-01 10:11:12.000""#),
    ("TO_TIMESTAMP('01/11/2026', 'dd/MM/yyyy')", r#""2026-11-01 00:00:00.000""#),
    ("TO_TIMESTAMP_LTZ(1795253167123, 3)", r#""2026-11-21 09:26:07.123+00""#),
    ("FROM_UNIXTIME(0)", r#""1970-01-01 00:00:00""#),
    ("UNIX_TIMESTAMP('1970-01-02 00:00:00')", "86400"),
    ("EXTRACT(YEAR FROM day)", "2026"),
    ("YEAR(day) * 100 + MONTH(day)", "202611"),
    ("EXTRACT(QUARTER FROM at)", "4"),
    ("DATE '2026-11-21' = day", "true"),
    ("day >= '2026-11-20'", "true"),
    ("ok AND n > 5", "true"),
    ("NOT ok OR n IS NULL", "false"),
    ("n BETWEEN 7 AND 9", "true"),
    ("n NOT IN (1, 2)", "true"),
    ("name LIKE '%l_'", "true"),
    ("n IS DISTINCT FROM NULL", "true"),
    ("CAST(NULL AS INT) > 3", "null"),
    ("(CAST(NULL AS INT) > 3) IS TRUE", "false"),
    ("tags", r#"["a","b"]"#),
    ("tab", r#""t""#),
    ("p", "3"),
    ("origin", r#""2026-11-21 09:26:07.123+00""#),
];

#[test]
fn expressions() {
    for (item, expected) in EXPRESSIONS {
        let query = query(&[&format!("{item} AS x")], None).unwrap_or_else(|error| panic!("{item}: {error}"));
        let found = apply(&query, &insert());
        if *expected == "error" {
            assert!(found.starts_with("error: "), "{item}: {found}");
        } else {
            assert_eq!(found, format!("+I {{\"x\":{expected}}}"), "{item}");
        }
    }
}

#[test]
fn dates_that_are_not_computed_with() {
    let query = query(&["day", "at", "moment"], None).unwrap();
    let sent = insert().replace("20778", "9000000").replace("\"2026-11-21T13:26:07.5Z\"", "\"infinity\"");
    assert_eq!(apply(&query, &sent), r#"+I {"day":"26611-03-02","at":"2026-11-21 09:26:07.123","moment":"infinity"}"#);
}

#[test]
fn what_cannot_be_said() {
    for (item, expected) in [
        ("nam", "there is no column `nam`; did you mean `name`?"),
        ("tags.name", "`tags.name`: what stands in a column cannot be reached into"),
        ("COUNT(*)", "an aggregate, COUNT: rows are taken one by one here"),
        ("SUM(n) OVER (PARTITION BY id)", "a window function, SUM"),
        ("NOW()", "NOW has another value each time"),
        ("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP has another value each time"),
        ("SOUNDEX(name)", "SOUNDEX is no function that is known here"),
        ("UPPER(name, name)", "UPPER takes 1 arguments, found 2"),
        ("name + 1", "arithmetic of STRING and INT: CAST them to numbers"),
        ("name = n", "a comparison of STRING and INT: CAST one of them"),
        ("CAST(day AS INT)", "CAST of DATE as INT"),
        ("CAST(n AS SERIAL)", "expected: a type of Flink SQL, found: SERIAL"),
        ("CASE WHEN ok THEN 1 ELSE 'a' END", "CASE of INT and STRING: CAST one of them"),
        ("NOT n", "expected a condition, found INT"),
        ("YEAR(name)", "a part of a date is of dates and times, and not of STRING"),
        ("DATE '2024-02-30'", "expected a DATE"),
        ("TO_TIMESTAMP_LTZ('2024-01-01')", "TO_TIMESTAMP_LTZ is of a number"),
        ("DATE_FORMAT(at, 'YYYY')", "a date pattern has the letter Y"),
        ("(SELECT 1)", "a subquery: rows are taken one by one here"),
        ("tags = tags", "ARRAY<STRING > cannot be compared"),
    ] {
        let error = query(&[&format!("{item} AS x")], None).err().unwrap_or_else(|| panic!("{item} is taken"));
        let error = error.replace("Expected: ", "expected: ");
        assert!(error.contains(expected), "{item}: {error}");
    }
    assert!(query(&["id", "n AS id"], None).unwrap_err().contains("two columns are called `id`"));
    assert!(query(&["id"], Some("n + 1")).unwrap_err().contains("WHERE: expected a condition, found INT"));
    for (text, expected) in [
        ("x AS n + 1", "column `x` is computed"),
        ("x INT METADATA FROM 'value.source.timestmp'", "did you mean `value.source.timestamp`?"),
        ("x DECIMAL(39, 1)", "DECIMAL(p, s)"),
        ("x", "a type"),
    ] {
        let error = Declared::read(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_row_that_leaves_the_condition_is_deleted() {
    let query = query(&["id", "n"], Some("n > 5")).unwrap();
    let event = |op: &str, before: &str, after: &str| {
        format!(r#"{{"op":"{op}","source":{{"table":"t"}},"before":{before},"after":{after}}}"#)
    };
    let (low, high) = (r#"{"id":1,"n":1}"#, r#"{"id":1,"n":9}"#);
    for (op, before, after, expected) in [
        ("c", "null", high, r#"+I {"id":1,"n":9}"#),
        ("c", "null", low, ""),
        ("c", "null", r#"{"id":1,"n":null}"#, ""),
        ("u", high, r#"{"id":1,"n":8}"#, "-U {\"id\":1,\"n\":9}\n+U {\"id\":1,\"n\":8}"),
        ("u", high, low, r#"-D {"id":1,"n":9}"#),
        ("u", low, high, r#"+I {"id":1,"n":9}"#),
        ("u", low, r#"{"id":1,"n":2}"#, ""),
        // what it was is not known: it may be in the target
        ("u", "null", low, r#"-D {"id":1,"n":1}"#),
        ("u", "null", high, r#"+U {"id":1,"n":9}"#),
        ("d", high, "null", r#"-D {"id":1,"n":9}"#),
        ("d", low, "null", ""),
        ("d", r#"{"id":1}"#, "null", r#"-D {"id":1}"#),
        // what was not sent has not changed
        ("u", high, r#"{"id":1}"#, "-U {\"id\":1,\"n\":9}\n+U {\"id\":1,\"n\":9}"),
        (
            "c",
            "null",
            r#"{"id":1}"#,
            "error: WHERE: column `n` was not sent; set REPLICA IDENTITY FULL on the source table",
        ),
    ] {
        assert_eq!(apply(&query, &event(op, before, after)), expected, "{op} {before} {after}");
    }
}

#[test]
fn a_value_that_is_none_of_its_type() {
    let query = query(&["id", "n", "n / (n - 7) AS x"], None).unwrap();
    let bad = insert().replace("\"n\":7", "\"n\":\"many\"");
    assert_eq!(apply(&query, &bad), "error: column `n`: `n`: expected an INT, found something else");
    assert_eq!(apply(&query, &insert()), "error: column `x`: a division by zero");
    let bad = insert().replace("\"n\":7", "\"n\":3000000000");
    assert!(apply(&query, &bad).starts_with("error: column `n`"), "{}", apply(&query, &bad));
}

#[test]
fn what_was_not_sent_is_not_null() {
    let query = query(&["id", "UPPER(name) AS big", "n"], None).unwrap();
    let payload = r#"{"op":"u","source":{"table":"t"},"before":null,"after":{"id":1,"n":3}}"#;
    assert_eq!(apply(&query, payload), r#"+U {"id":1,"n":3}"#);
}
