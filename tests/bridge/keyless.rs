//! Tables without a primary key: a row goes by all its columns, there may be equal ones, and a delete is of one of them.

use std::io::Write as _;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::harness::{
    Database, Ended, Pipeline, Record, Truth, created, deleted, file_of, fixture, truncated, updated,
};

const TABLE: &str = "create table t (a int, b text)";

fn row(a: i64, b: &str) -> Value {
    json!({"a": a, "b": b})
}

/// The records without their keys.
fn keyless(records: &[Record]) -> Vec<Record> {
    records.iter().map(|record| Record { key: None, ..record.clone() }).collect()
}

fn apply(database: &Database, route: &str, records: &[Record], max_rows: usize) -> Ended {
    let mut configuration = NamedTempFile::new().unwrap();
    write!(configuration, "[[route]]\n{route}").unwrap();
    let file = file_of("shop.public.t", 0, records);
    Pipeline::from_file(file.path(), database)
        .set("config", configuration.path().to_str().unwrap())
        .set("batch.max_rows", &max_rows.to_string())
        .run()
}

/// Asserts what a table holds after the records, however they are cut into batches.
#[track_caller]
fn check(route: &str, ddl: &str, records: &[Record], columns: &str, expected: &str) {
    for max_rows in [1, 2, 3, 1_000] {
        let database = Database::new();
        database.execute(ddl);
        let ended = apply(&database, route, &keyless(records), max_rows).with_code(0);
        assert_eq!(database.rows(&format!("select {columns} from t order by 1, 2")), expected, "batches of {max_rows}");
        assert!(ended.log.contains(" retreats=0 "), "{}", ended.log);
    }
}

#[test]
fn one_of_equal_rows_goes() {
    check(
        "",
        TABLE,
        &[
            created("t", row(1, "x")),
            created("t", row(1, "x")),
            created("t", row(1, "x")),
            created("t", row(2, "y")),
            created("t", json!({"a": null, "b": "z"})),
            created("t", json!({"a": null, "b": "z"})),
            created("t", json!({"a": null, "b": null})),
            deleted("t", row(1, "x")),
            updated("t", row(1, "x"), row(1, "changed")),
            deleted("t", json!({"a": null, "b": "z"})),
            deleted("t", json!({"a": null, "b": null})),
            updated("t", row(2, "y"), row(2, "y")),
            created("t", row(3, "comes and goes")),
            deleted("t", row(3, "comes and goes")),
        ],
        "*",
        "(1,changed)\n(1,x)\n(2,y)\n(,z)",
    );
}

/// Several of those that were there go in one statement.
#[test]
fn of_rows_that_were_there_as_many_go_as_were_deleted() {
    let before = format!(
        "{TABLE}; insert into t select 1, 'x' from generate_series(1, 5); insert into t select 2, null from generate_series(1, 5)"
    );
    let null = || json!({"a": 2, "b": null});
    let gone = [deleted("t", row(1, "x")), deleted("t", null()), deleted("t", row(1, "x")), deleted("t", row(1, "x"))];
    check("", &before, &gone, "distinct a, b, count(*) over (partition by a)", "(1,x,2)\n(2,,4)");
}

#[test]
fn every_recorded_topic_of_a_table_without_a_key_ends_with_the_truth() {
    let postgres = ("debezium-json/postgres/truth/public.t_nopk.csv", "public.t_nopk");
    let mysql = ("debezium-json/mysql/truth/cdc_a.t_nopk.csv", "cdc_a.t_nopk");
    for (path, format, (csv, table)) in [
        ("debezium-json/postgres/json-schema/a_pg_json_schema.public.t_nopk", "debezium-json", postgres),
        ("debezium-json/postgres/json/a_pg_json.public.t_nopk", "debezium-json", postgres),
        ("debezium-json/mysql/json-schema/a_mysql_json_schema.cdc_a.t_nopk", "debezium-json", mysql),
        ("debezium-json/mariadb/json-string/a_maria_json_string.cdc_a.t_nopk", "debezium-json", mysql),
        ("canal-json/mysql/by-table/cdc_a_t_nopk", "canal-json", mysql),
        ("maxwell-json/mysql/by-table/a_maxwell_mysql_rich.cdc_a.t_nopk", "maxwell-json", mysql),
    ] {
        for max_rows in ["1", "1000"] {
            let database = Database::new();
            database.execute("create schema cdc_a");
            // without a schema in their records they cannot be made
            if !path.contains("json-schema") && format != "canal-json" {
                database.execute(&format!("create table {table} (a int, b text)"));
            }
            Pipeline::from_file(&fixture(&format!("{path}.jsonl")), &database)
                .set("source.format", format)
                .set("batch.max_rows", max_rows)
                .run()
                .with_code(0);
            Truth { table, csv, converted: &[], untold: &[] }.assert_in(&database);
        }
    }
}

/// Each type is found again, those without an equality among them; what the source does not send is left alone.
#[test]
fn rows_of_every_kind_of_type() {
    let of = |n: i64| {
        json!({"a": n, "num": "1.50", "fl": 0.1, "js": {"k": [1, "é"]}, "jb": {"k": 1}, "pt": "(1,2)", "bx": "(2,2),(1,1)", "x": "<a/>",
            "at": "2024-02-29T12:34:56.789012Z", "ids": [1, 2, null], "by": "AP8Q3g==", "mood": "ok", "ch": "ab", "vc": "äö",
            "u": "b68a35a7-17ad-35b3-af2a-ae46edb4545a", "r": "[1,5)", "i": "1 day", "m": "$1.50"})
    };
    let mut equal_area = of(1);
    equal_area["bx"] = json!("(3,3),(2,2)");
    let records = [
        created("t", of(1)),
        created("t", of(1)),
        created("t", equal_area),
        created("t", of(2)),
        deleted("t", of(1)),
        updated("t", of(2), of(3)),
        deleted("t", of(1)),
    ];
    for max_rows in [1, 3, 1_000] {
        let database = Database::new();
        database.execute(
            "create type mood as enum ('ok'); create domain name as varchar(5);
             create table t (n serial, a int, num numeric(6,2), fl float8, js json, jb jsonb, pt point, bx box, x xml, at timestamptz(6),
               ids int[], by bytea, mood mood, ch char(5), vc name, u uuid, r int4range, i interval, m text,
               twice int generated always as (2 * a) stored, told timestamptz default now())",
        );
        apply(&database, "", &keyless(&records), max_rows).with_code(0);
        assert_eq!(
            database.rows("select a, bx, twice from t order by a"),
            "(1,\"(3,3),(2,2)\",2)\n(3,\"(2,2),(1,1)\",6)"
        );
    }
}

/// The same number is written in two ways, and a column is in the snapshot alone: in one batch they are two rows, which the
/// rows one by one show to be the same.
#[test]
fn equal_rows_of_other_texts() {
    let database = Database::new();
    database.execute("create table t (a numeric, b text)");
    let records = [
        created("t", json!({"a": 1.50, "b": "x"})),
        created("t", json!({"a": 2, "b": null})),
        deleted("t", json!({"a": 1.5000, "b": "x"})),
        deleted("t", json!({"a": 2})),
        created("t", json!({"a": 3, "b": "stays"})),
    ];
    let records: Vec<Record> = keyless(&records)
        .into_iter()
        .map(|record| {
            let payload = String::from_utf8(record.payload.unwrap()).unwrap();
            Record::raw(&payload.replacen("\"before\":{\"a\":1.5,", "\"before\":{\"a\":1.5000,", 1))
        })
        .collect();
    apply(&database, "", &records, 1_000).with_code(0).says(" retreats=1 ");
    assert_eq!(database.rows("select * from t"), "(3,stays)");
}

/// A key of the target that is none of the source's.
#[test]
fn a_route_that_says_so() {
    let records = [
        created("t", row(1, "x")),
        created("t", row(1, "x")),
        updated("t", row(1, "x"), row(2, "y")),
        deleted("t", row(2, "y")),
        truncated("t"),
        created("t", row(3, "z")),
        created("t", row(3, "z")),
        deleted("t", row(3, "z")),
    ];
    check("key = 'row'", "create table t (a int, b text, n serial primary key)", &records, "a, b", "(3,z)");
    let database = Database::new();
    database.execute("create table t (a int, b text, n serial primary key)");
    apply(&database, "", &keyless(&records), 10).with_code(3).says("`key.n`");
}

#[test]
fn beside_metadata_columns_and_ignored_deletes() {
    let records = [
        created("t", row(1, "x")),
        created("t", row(1, "x")),
        updated("t", row(1, "x"), row(2, "y")),
        deleted("t", row(1, "x")),
    ];
    check(
        "metadata = { op = 'op', at = 'offset' }",
        "create table t (a int, b text, op text, at bigint)",
        &records,
        "*",
        "(2,y,u,2)",
    );
    check("delete = 'ignore'", TABLE, &records, "*", "(1,x)\n(2,y)");
}

#[test]
fn what_does_not_say_which_row_is_refused() {
    let lone = |record: Record| {
        let database = Database::new();
        database.execute(TABLE);
        let ended = apply(&database, "", &keyless(&[created("t", row(1, "x")), record]), 1_000).with_code(3);
        assert_eq!(database.rows("select * from t"), "(1,x)");
        ended
    };
    let remedy = "a row without a key is known by all its columns alone: set REPLICA IDENTITY FULL on the source table, or give \
                  the topic a [[route]] with `key` or `append`";
    lone(updated("t", Value::Null, row(1, "y")))
        .says("offset 1: an update without what the row was before, and ")
        .says(remedy);
    lone(updated("t", json!({"a": 1}), row(1, "y"))).says("an update that says only in part what the row was before");
    lone(deleted("t", json!({}))).says("a row of which nothing was sent");
    lone(deleted("t", json!({"a": 1, "b": "__debezium_unavailable_value"}))).says("a row that was sent in part");
    lone(deleted("t", row(7, "never there")))
        .says("offset 1: a row that is gone at the source is not in the target, where rows without a key go by all their columns: ")
        .says(" retreats=1 ");
    let database = Database::new();
    database.execute(TABLE);
    apply(&database, "delete = 'soft'", &keyless(&[deleted("t", row(1, "x"))]), 1).with_code(3).says("a soft delete");
}

/// Columns that an after image lacks are as they were before: they did not change.
#[test]
fn an_update_that_sends_what_changed() {
    check(
        "",
        TABLE,
        &[
            created("t", row(1, "large")),
            created("t", row(2, "large")),
            updated("t", row(1, "large"), json!({"a": 3, "b": "__debezium_unavailable_value"})),
            updated("t", row(2, "large"), json!({"a": 4})),
        ],
        "*",
        "(3,large)\n(4,large)",
    );
}

/// A batch that was applied twice, or not at all, would be seen: nothing tells equal rows from each other.
#[test]
fn kills() {
    let mut counts = [0_i64; 20];
    let mut records = Vec::new();
    for n in 0..6_000_usize {
        let (a, other) = (n * 7 % 20, (n * 11 + 3) % 20);
        let row = |a: usize| row(i64::try_from(a).unwrap(), "x");
        if n % 3 == 2 && counts[other] > 0 {
            counts[other] -= 1;
            records.push(deleted("t", row(other)));
        } else if n % 5 == 4 && counts[other] > 0 {
            counts[other] -= 1;
            counts[a] += 1;
            records.push(updated("t", row(other), row(a)));
        } else {
            counts[a] += 1;
            records.push(created("t", row(a)));
        }
    }
    let database = Database::new();
    database.execute(TABLE);
    let file = file_of("shop.public.t", 0, &keyless(&records));
    let pipeline = Pipeline::from_file(file.path(), &database).set("batch.max_rows", "20");
    for n_kills in 1..=6 {
        let bridge = pipeline.start();
        let part = records.len() * n_kills / 8;
        database.wait_for_rows(&format!("select next_offset >= {part} from rowkind.offsets"), "(t)");
        bridge.kill();
    }
    pipeline.run().with_code(0).says(" rejects=0");
    let expected = (0..).zip(counts).filter(|(_, count)| *count > 0).map(|(a, count)| format!("({a},{count})"));
    let expected: Vec<String> = expected.collect();
    assert_eq!(database.rows("select a, count(*) from t group by a order by a"), expected.join("\n"));
}
