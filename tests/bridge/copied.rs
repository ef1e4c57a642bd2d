//! Rows that come are copied where they are not in the target yet, and are all there in every other case too.

use serde_json::json;

use crate::harness::{Database, Pipeline, Record, created, file_of, updated};

/// Notes the statements that insert into `t`.
const NOTED: &str = "create table noted (at serial, statement text);
     create function note() returns trigger language plpgsql as $$ begin
       insert into noted (statement) values (split_part(current_query(), ' ', 1)); return null; end $$;
     create trigger note after insert on t for each statement execute function note()";
const STATEMENTS: &str = "select string_agg(statement, ' ' order by at) from noted";
const N_ROWS: i64 = 300;

/// What stands for something else in `COPY`'s text, and what does not.
const VALUES: [&str; 8] = ["a\tb", "\\N", "\\.", "\r\n", "", "é \\\\ \"", "\\t", "plain"];

fn value(id: i64) -> &'static str {
    VALUES[usize::try_from(id).unwrap() % VALUES.len()]
}

fn rows() -> Vec<Record> {
    let row = |id| json!({"id": id, "v": value(id), "w": if id % 2 == 0 { None } else { Some(id) }});
    (0..N_ROWS).map(|id| created("t", row(id))).collect()
}

fn assert_all_there(database: &Database) {
    assert_eq!(database.number("select count(*) from t"), N_ROWS);
    for (at, value) in VALUES.iter().enumerate() {
        let sql =
            format!("select bool_and(v = $v${value}$v$ and (w is null) = (id % 2 = 0)) from t where id % 8 = {at}");
        assert_eq!(database.rows(&sql), "(t)", "{value:?}");
    }
}

fn database(table: &str) -> Database {
    let database = Database::new();
    database.execute(table);
    database.execute(NOTED);
    database
}

#[test]
fn rows_that_are_not_there() {
    let database = database("create table t (id int primary key, v text not null, w int)");
    let file = file_of("shop.public.t", 0, &rows());
    Pipeline::from_file(file.path(), &database).run().with_code(0).says("retreats=0");
    assert_all_there(&database);
    assert_eq!(database.rows(STATEMENTS), "(copy)");
}

/// The copy is taken back, and the batch goes on as if it had not been tried.
#[test]
fn one_row_is_there() {
    let database = database("create table t (id int primary key, v text not null, w int)");
    database.execute(
        "alter table t disable trigger note; insert into t values (7, 'old', null); alter table t enable trigger note",
    );
    let file = file_of("shop.public.t", 0, &rows());
    Pipeline::from_file(file.path(), &database).run().with_code(0).says("retreats=0");
    assert_all_there(&database);
    assert_eq!(database.rows(STATEMENTS), "(insert)");
}

/// Money reads numbers by the database's locale, and row-level security lets nobody copy who is not above it.
#[test]
fn tables_that_take_no_copy() {
    for table in [
        "create table t (id int primary key, v text not null, w money)",
        "create table t (id int primary key, v text not null, w int); alter table t enable row level security",
    ] {
        let database = database(table);
        let file = file_of("shop.public.t", 0, &rows());
        Pipeline::from_file(file.path(), &database).run().with_code(0).says("retreats=0");
        assert_all_there(&database);
        assert_eq!(database.rows(STATEMENTS), "(insert)", "{table}");
    }
}

/// Only what the source says has come is copied; identity and generated columns are what they are in an insert.
#[test]
fn beside_rows_that_change() {
    let database = database(
        "create table t (id int generated always as identity primary key, v text not null, w int, n int generated always as (id * 2) stored)",
    );
    let mut records = rows();
    let row = |id: i64, w| json!({"id": id, "v": value(id), "w": w});
    records.push(updated("t", row(1_000, 3), row(1_000, 5)));
    let file = file_of("shop.public.t", 0, &records);
    Pipeline::from_file(file.path(), &database).run().with_code(0).says("retreats=0");
    assert_eq!(database.rows("select id, w, n from t where id >= 299 order by id"), "(299,299,598)\n(1000,5,2000)");
    assert_eq!(database.rows(STATEMENTS), "(\"copy insert\")");
}

/// A value that Postgres refuses is found as in any other batch.
#[test]
fn one_row_is_refused() {
    let database = database("create table t (id int primary key, v text not null, w int check (w <> 51))");
    let file = file_of("shop.public.t", 0, &rows());
    Pipeline::from_file(file.path(), &database)
        .run()
        .with_code(3)
        .says("rowkind: stopped at topic shop.public.t, partition 0, offset 51: Postgres: new row for relation");
    assert_eq!(database.number("select count(*) from t"), 51);
}
