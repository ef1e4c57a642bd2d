//! `[[route]]`: other tables, other columns, other keys, other deletes.

use std::io::Write;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::harness::{Database, Ended, Pipeline, Record, created, deleted, file_of, tombstone, truncated, updated};

const TOPIC: &str = "shop.public.t";

fn configuration(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Applies records under a route, in batches of `max_rows`.
fn apply(database: &Database, route: &str, records: &[Record], max_rows: usize) -> Ended {
    let (file, route) = (file_of(TOPIC, 0, records), configuration(&format!("[[route]]\n{route}")));
    Pipeline::from_file(file.path(), database)
        .set("config", route.path().to_str().unwrap())
        .set("batch.max_rows", &max_rows.to_string())
        .run()
}

/// Asserts what `table` holds after the records, however they are cut into batches.
#[track_caller]
fn check(route: &str, ddl: &str, records: &[Record], table: &str, expected: &str) {
    for max_rows in [1, 2, 1_000] {
        let database = Database::new();
        database.execute(ddl);
        apply(&database, route, records, max_rows).with_code(0);
        assert_eq!(database.rows(&format!("select * from {table} order by 1, 2")), expected, "batches of {max_rows}");
        assert_eq!(database.number("select next_offset from rowkind.offsets"), i64::try_from(records.len()).unwrap());
    }
}

fn row(id: i64, a: &str) -> Value {
    json!({"id": id, "a": a, "b": "-"})
}

#[test]
fn another_table_with_fewer_columns_under_other_names() {
    check(
        "topics = ['shop.public.t']\ntable = 'sales.orders'\nexclude = ['b']\nrename = { id = 'no', a = 'amount' }",
        "create schema sales; create table sales.orders (no int primary key, amount text)",
        &[
            created("t", row(1, "x")),
            created("t", row(2, "x")),
            updated("t", row(1, "x"), row(1, "y")),
            deleted("t", row(2, "x")),
        ],
        "sales.orders",
        "(1,y)",
    );
}

#[test]
fn only_some_columns_and_the_key() {
    check(
        "topic_pattern = '\\.t$'\ninclude = ['a']",
        "create table t (id int primary key, a text)",
        &[created("t", row(1, "x")).keyed(json!({"id": 1})), tombstone(json!({"id": 2}))],
        "t",
        "(1,x)",
    );
}

#[test]
fn the_first_route_for_a_topic_counts() {
    check(
        "topics = ['shop.public.other']\ntable = 'wrong'\n[[route]]\ntable = 'first'\n[[route]]\ntable = 'second'",
        "create table first (id int primary key, a text, b text)",
        &[created("t", row(1, "x"))],
        "first",
        "(1,x,-)",
    );
}

/// A table without a primary key at the source: its records have no key, and the row says what it goes by.
#[test]
fn a_key_of_columns_and_a_change_of_it() {
    let unkeyed = |record: Record| record.keyed(Value::Null);
    check(
        "key = ['a']",
        "create table t (id int, a text primary key, b text)",
        &[
            unkeyed(created("t", row(1, "x"))),
            unkeyed(created("t", row(2, "y"))),
            unkeyed(updated("t", row(1, "x"), row(1, "z"))),
            unkeyed(deleted("t", row(2, "y"))),
        ],
        "t",
        "(1,z,-)",
    );
}

#[test]
fn rows_are_appended() {
    let records = [
        created("t", row(1, "x")),
        updated("t", row(1, "x"), row(1, "y")),
        deleted("t", row(1, "y")),
        created("t", row(1, "y")),
    ];
    check(
        "append = true\nmetadata = { op = 'op', at = 'offset' }",
        "create table t (at bigint, op text, id int, a text, b text)",
        &records,
        "t",
        "(0,c,1,x,-)\n(1,u,1,y,-)\n(2,d,1,y,-)\n(3,c,1,y,-)",
    );
    check(
        "append = true\ndelete = 'ignore'",
        "create table t (id int, a text, b text)",
        &records,
        "t",
        "(1,x,-)\n(1,y,-)\n(1,y,-)",
    );
    let database = Database::new();
    database.execute("create table t (id int, a text, b text)");
    apply(&database, "append = true", &records, 10).with_code(3).says("offset 2: a delete, and the route appends");
    assert_eq!(database.rows("select * from t"), "(1,x,-)\n(1,y,-)");
}

#[test]
fn a_soft_delete_marks_the_row() {
    let records = [
        created("t", row(1, "x")),
        created("t", row(2, "x")),
        created("t", row(3, "x")),
        created("t", row(4, "x")),
        deleted("t", row(1, "x")),
        deleted("t", json!({"id": 2, "a": null, "b": null})),
        tombstone(json!({"id": 3})),
        deleted("t", row(4, "x")),
        created("t", row(4, "again")),
        // of a row that the target never had
        deleted("t", row(5, "x")),
    ];
    check(
        "delete = 'soft'\ndeleted_column = 'gone'",
        "create table t (id int primary key, a text not null, b text not null, gone boolean not null)",
        &records,
        "t",
        "(1,x,-,t)\n(2,x,-,t)\n(3,x,-,t)\n(4,again,-,f)",
    );
    for max_rows in [1, 1_000] {
        let database = Database::new();
        database.execute("create table t (id int primary key, a text, b text, __deleted timestamptz)");
        apply(&database, "delete = 'soft'", &records, max_rows).with_code(0);
        assert_eq!(
            database.rows("select id, a, __deleted is null, __deleted > '2001-01-01' from t order by 1"),
            "(1,x,f,t)\n(2,x,f,t)\n(3,x,f,t)\n(4,again,t,)"
        );
    }
}

#[test]
fn a_delete_is_ignored() {
    check(
        "delete = 'ignore'",
        "create table t (id int primary key, a text, b text)",
        &[created("t", row(1, "x")), created("t", row(2, "x")), deleted("t", row(1, "x")), tombstone(json!({"id": 2}))],
        "t",
        "(1,x,-)\n(2,x,-)",
    );
}

#[test]
fn a_truncate_comes_between_appended_rows() {
    check(
        "append = true",
        "create table t (id int, a text, b text)",
        &[created("t", row(1, "x")), truncated("t"), created("t", row(2, "x"))],
        "t",
        "(2,x,-)",
    );
}

/// `ToLogicalTopicRouter` sends several tables into one topic, and tells them apart in the key alone.
#[test]
fn a_key_field_that_no_row_has() {
    let of = |source: &str, id: i64| json!({"__dbz__sourceIdentifier": source, "id": id});
    let records = [
        created("t", row(1, "x")).keyed(of("a", 1)),
        created("t", row(1, "y")).keyed(of("b", 1)),
        deleted("t", row(1, "y")).keyed(of("b", 1)),
        updated("t", row(1, "x"), row(1, "z")).keyed(of("a", 1)),
    ];
    check(
        "rename = { __dbz__sourceIdentifier = 'shard' }",
        "create table t (shard text, id int, a text, b text, primary key (id, shard))",
        &records,
        "t",
        "(a,1,z,-)",
    );
    check(
        "exclude = ['__dbz__sourceIdentifier']",
        "create table t (id int primary key, a text, b text)",
        &records[..2],
        "t",
        "(1,y,-)",
    );
}

#[test]
fn what_cannot_be_used_is_named() {
    let database = Database::new();
    for (route, expected) in [
        ("topic = 'x'", "[[route]] 1 in"),
        ("topic_pattern = '('", "`topic_pattern` is no regular expression"),
        ("topics = ['x']\ntopic_pattern = 'x'", "exclude each other"),
        ("delete = 'maybe'", "expected one of hard, soft, ignore"),
        ("metadata = { x = 'lsn' }", "metadata column `x`: expected one of op, changed_at, position"),
        ("key = ['id']\nappend = true", "`key` and `append` exclude each other"),
        ("append = true\ndelete = 'soft'", "needs a key"),
        ("key = 'row'\ndelete = 'soft'", "needs a key"),
        ("key = 'id'", "`key`: expected the names of columns, or \"row\""),
        ("key = 1", "expected the names of columns, or \"row\""),
        ("table = '{tabel}'", "`table`: expected a name"),
    ] {
        apply(&database, route, &[created("t", row(1, "x"))], 10).with_code(2).says(expected);
    }
}

#[test]
fn rows_of_other_tables_only_move_the_offset() {
    let database = Database::new();
    database.execute("create table t (id int primary key, v text); create table u (like t including all)");
    database.execute("insert into u values (9, 'there')");
    let row = |id: i64| json!({"id": id, "v": "a"});
    let records =
        [created("t", row(1)), created("u", row(2)), deleted("u", row(2)), truncated("u"), created("t", row(3))];
    let file = file_of(TOPIC, 0, &records);
    let pipeline = Pipeline::from_file(file.path(), &database);
    pipeline.clone().set("source.table_pattern", r"^public\.t$").run().with_code(0).says("records=5 rows=2");
    assert_eq!(database.rows("select * from t order by id"), "(1,a)\n(3,a)");
    assert_eq!(database.rows("select * from u"), "(9,there)");
    let ended = pipeline.set("source.table_pattern", "(").run();
    ended.with_code(2).says("--source-table-pattern: expected a regular expression");
}
