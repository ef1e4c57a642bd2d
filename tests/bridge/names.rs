//! Names are taken as they are, and every one of them is quoted.

use serde_json::{Value, json};

use crate::harness::{Database, Pipeline, Record, created, deleted, file_of, updated};

/// A table whose every name would be something else without quotes.
const TABLE: &str = r#"
    create schema "Order By";
    create table "Order By"."user" ("select" int primary key, "Group" text, "a.b" text, "it""s" text, "Naïve 😀" text, "c0" text, "$1" text)"#;

fn source(record: Record) -> Record {
    let mut payload: Value = serde_json::from_slice(&record.payload.unwrap()).unwrap();
    payload["source"]["schema"] = json!("Order By");
    Record::raw(&payload.to_string())
}

fn row(id: i64, text: &str) -> Value {
    json!({"select": id, "Group": text, "a.b": text, "it\"s": text, "Naïve 😀": text, "c0": text, "$1": text})
}

fn key(id: i64) -> Value {
    json!({"select": id})
}

#[test]
fn keywords_quotes_points_and_mixed_case() {
    let database = Database::new();
    database.execute(TABLE);
    let records = [
        source(created("user", row(1, "a"))).keyed(key(1)),
        source(created("user", row(2, "a"))).keyed(key(2)),
        source(created("user", row(3, "a"))).keyed(key(3)),
        source(updated("user", row(1, "a"), row(1, "b"))).keyed(key(1)),
        source(updated("user", Value::Null, json!({"select": 2, "Group": "c", "a.b": "__debezium_unavailable_value"})))
            .keyed(key(2)),
        source(deleted("user", row(3, "a"))).keyed(key(3)),
    ];
    let file = file_of("shop.x", 0, &records);
    Pipeline::from_file(file.path(), &database).set("batch.max_rows", "1").run().with_code(0);
    assert_eq!(database.rows(r#"select * from "Order By"."user" order by 1"#), "(1,b,b,b,b,b,b)\n(2,c,a,a,a,a,a)");
}

/// The same names in an event that carries its schema: the table is made.
#[test]
fn tables_are_made_by_their_names() {
    let field = |ty: &str, name: &str| json!({"type": ty, "optional": true, "field": name});
    let mut fields = vec![field("int32", "select")];
    fields.extend(["Group", "a.b", "it\"s", "Naïve 😀", "c0", "$1"].map(|name| field("string", name)));
    let image = |name: &str| json!({"type": "struct", "optional": true, "field": name, "fields": fields});
    let payload = json!({
        "schema": {"type": "struct", "fields": [image("before"), image("after")]},
        "payload": {"op": "c", "before": null, "after": row(1, "a"), "source": {"db": "d", "schema": "Order By", "table": "user"}},
    });
    let key = json!({"schema": {"type": "struct", "fields": [field("int32", "select")]}, "payload": {"select": 1}});
    let file = file_of("Shop.x", 0, &[Record::raw(&payload.to_string()).keyed(key)]);
    let database = Database::new();
    for template in ["{schema}.{table}", "copy of {database}.{table}\"s", "{topic}{table}"] {
        Pipeline::from_file(file.path(), &database)
            .set("sink.table", template)
            .set("source.topics", "Shop.x")
            .run()
            .with_code(0)
            .says("create table");
    }
    for table in [r#""Order By"."user""#, r#""copy of d"."user""s""#, r#""Shop.xuser""#] {
        assert_eq!(database.rows(&format!("select * from {table}")), "(1,a,a,a,a,a,a)");
        let type_of_key = format!("select pg_typeof(\"select\") from {table}");
        assert_eq!(database.rows(&type_of_key), "(integer)");
    }
}

/// Names that would do harm if they stood in a statement as they are, and values like them.
const HOSTILE: [&str; 8] = [
    "\"; drop table victim; --",
    "'; drop table victim; --",
    "$$; drop table victim; $$",
    "\\'; drop table victim; --",
    "{table}",
    "%s%n",
    "a\u{202e}b\n\t",
    // as long as a name can be
    "ééééééééééééééééééééééééééééééé1",
];

#[test]
fn hostile_names_and_values() {
    let database = Database::new();
    database.execute("create table victim (id int primary key); insert into victim values (1)");
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    for name in HOSTILE {
        let name_of_key = &*format!("k{name}").chars().take(31).collect::<String>();
        let field = |ty: &str, name: &str| json!({"type": ty, "optional": true, "field": name});
        let fields = [field("int32", name_of_key), field("string", name)];
        let image = |name: &str| json!({"type": "struct", "optional": true, "field": name, "fields": fields});
        let row = json!({name_of_key: 1, name: name});
        let event = json!({
            "schema": {"type": "struct", "fields": [image("before"), image("after")]},
            "payload": {"op": "c", "before": null, "after": row, "source": {"db": "d", "schema": name, "table": name}},
        });
        let key_schema = json!({"type": "struct", "fields": [field("int32", name_of_key)]});
        let key = json!({"schema": key_schema, "payload": {name_of_key: 1}});
        let mut records = vec![Record::raw(&event.to_string()).keyed(key.clone())];
        let mut gone = event.clone();
        (gone["payload"]["op"], gone["payload"]["before"], gone["payload"]["after"]) = (json!("d"), row, Value::Null);
        records.push(Record::raw(&gone.to_string()).keyed(key.clone()));
        records.push(records[0].clone());
        let file = file_of("hostile", 0, &records);
        Pipeline::from_file(file.path(), &database).set("batch.max_rows", "1").run().with_code(0);
        let table = format!("{}.{}", quoted(name), quoted(name));
        let count = format!("select count(*) from {table} where {} = $v${name}$v$", quoted(name));
        assert_eq!(database.number(&count), 1, "{name}");
    }
    assert_eq!(database.rows("select * from victim"), "(1)");
}

/// Postgres would cut them, and take two tables for one.
#[test]
fn names_that_are_too_long() {
    let database = Database::new();
    let name = "a_table_with_a_name_of_which_the_first_63_bytes_are_not_its_own_";
    database.execute(&format!("create table {name} (id int primary key)"));
    let tables = [format!("{name}1"), format!("{name}2")];
    let records: Vec<Record> = tables.iter().map(|table| created(table, json!({"id": 1}))).collect();
    let file = file_of("shop.x", 0, &records);
    Pipeline::from_file(file.path(), &database)
        .set("sink.table", "{table}")
        .run()
        .with_code(3)
        .says("offset 0: no table of Postgres can have the name")
        .says("more than 63 bytes");
    assert_eq!(database.rows(&format!("select * from {name}")), "");
}

#[test]
fn a_table_that_is_missing_is_named() {
    let file = file_of("shop.public.t", 0, &[created("t", json!({"id": 1}))]);
    Pipeline::from_file(file.path(), &Database::new())
        .run()
        .with_code(1)
        .says(r#"table "public"."t" does not exist, and its records carry no schema to create it from: create the table, or set the connector's `value.converter.schemas.enable=true`"#);
}
