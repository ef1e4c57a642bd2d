//! Apache Flink's own fixtures give the rows that Flink's tests expect of them.
//!
//! `ROWKIND_UPSTREAM_DATA` names a folder that holds `apache/flink/flink-formats/flink-json/src/test/resources` as it is
//! in <https://github.com/apache/flink> (release 1.19); without it the tests skip. The files are not a part of this
//! repository.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod recordings;

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use recordings::{decoder, outcome};
use rowkind_formats::{Event, Format, Record, Value};

/// What `DebeziumJsonSerDeSchemaTest` and `OggJsonSerDeSchemaTest` expect, for a table `(id INT, name STRING, description STRING, weight FLOAT)`.
const PRODUCTS: &str = "\
+I(101,scooter,Small 2-wheel scooter,3.14)
+I(102,car battery,12V car battery,8.1)
+I(103,12-pack drill bits,12-pack of drill bits with sizes ranging from #40 to #3,0.8)
+I(104,hammer,12oz carpenter's hammer,0.75)
+I(105,hammer,14oz carpenter's hammer,0.875)
+I(106,hammer,16oz carpenter's hammer,1.0)
+I(107,rocks,box of assorted rocks,5.3)
+I(108,jacket,water resistent black wind breaker,0.1)
+I(109,spare tire,24 inch spare tire,22.2)
-U(106,hammer,16oz carpenter's hammer,1.0)
+U(106,hammer,18oz carpenter hammer,1.0)
-U(107,rocks,box of assorted rocks,5.3)
+U(107,rocks,box of assorted rocks,5.1)
+I(110,jacket,water resistent white wind breaker,0.2)
+I(111,scooter,Big 2-wheel scooter ,5.18)
-U(110,jacket,water resistent white wind breaker,0.2)
+U(110,jacket,new water resistent white wind breaker,0.5)
-U(111,scooter,Big 2-wheel scooter ,5.18)
+U(111,scooter,Big 2-wheel scooter ,5.17)
-D(111,scooter,Big 2-wheel scooter ,5.17)
";

#[test]
fn debezium_of_mysql() {
    check("debezium-data-schema-exclude.txt", PRODUCTS);
    check("debezium-data-schema-include.txt", PRODUCTS);
}

#[test]
fn debezium_of_postgres() {
    check("debezium-postgres-data-schema-exclude.txt", PRODUCTS);
    check("debezium-postgres-data-schema-include.txt", PRODUCTS);
}

/// Flink refuses an update without `before`; here it is its `+U` alone. The delete has neither row nor key.
#[test]
fn debezium_of_postgres_without_before() {
    let without_before: String =
        PRODUCTS.split_inclusive('\n').filter(|row| row.starts_with("+I") || row.starts_with("+U")).collect();
    let refused = "# error: `before`: expected the deleted row, since there is no key, found nothing\n";
    check("debezium-postgres-data-replica-identity.txt", &format!("{without_before}{refused}"));
}

/// What `CanalJsonSerDeSchemaTest` and `MaxwellJsonSerDerTest` expect beyond [`PRODUCTS`].
const MORE_PRODUCTS: &str = "\
-U(101,scooter,Small 2-wheel scooter,3.14)
+U(101,scooter,Small 2-wheel scooter,5.17)
-U(102,car battery,12V car battery,8.1)
+U(102,car battery,12V car battery,5.17)
-D(102,car battery,12V car battery,5.17)
-D(103,12-pack drill bits,12-pack of drill bits with sizes ranging from #40 to #3,0.8)
";

/// In Canal's file the hammer has no description at first: `old` says that it was NULL (FLINK-19446).
#[test]
fn canal() {
    let hammer = "(106,hammer,16oz carpenter's hammer,1.0)";
    let products = PRODUCTS.replace(hammer, "(106,hammer,null,1.0)");
    let (before_ddl, after_ddl) = MORE_PRODUCTS.split_at(MORE_PRODUCTS.find("-D").unwrap());
    check_format(Format::CanalJson, "canal-data.txt", &format!("{products}{before_ddl}# SchemaChange\n{after_ddl}"));
}

#[test]
fn maxwell() {
    check_format(Format::MaxwellJson, "maxwell-data.txt", &format!("{PRODUCTS}{MORE_PRODUCTS}"));
}

#[test]
fn ogg() {
    check_format(Format::OggJson, "ogg-data.txt", PRODUCTS);
}

/// What the table is called in the files.
const TABLES: [&str; 4] = ["product", "products", "products2", "TBL_TEST"];

fn check(file: &str, expected: &str) {
    check_format(Format::DebeziumJson, file, expected);
}

/// Decodes the messages of a file, each a line, and compares their rows as Flink prints them.
fn check_format(format: Format, file: &str, expected: &str) {
    let Some(folder) = env::var_os("ROWKIND_UPSTREAM_DATA") else {
        eprintln!("skipped: ROWKIND_UPSTREAM_DATA names no folder with {file}");
        return;
    };
    let path = Path::new(&folder).join("apache/flink/flink-formats/flink-json/src/test/resources").join(file);
    let messages = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut decoder = decoder(format);
    let mut found = String::new();
    for (offset, message) in (0..).zip(messages.lines()) {
        let record = Record { topic: "products", partition: 0, offset, key: None, payload: Some(message.as_bytes()) };
        match decoder.decode(&record) {
            Ok(Event::Change(change)) => {
                assert!(TABLES.contains(&&*change.table.name), "{}", change.table.name);
                for row in &change.rows {
                    let values: Vec<_> = row.columns.iter().map(|column| print(&column.name, &column.value)).collect();
                    writeln!(found, "{}({})", row.kind, values.join(",")).unwrap();
                }
            }
            _ => found += &outcome(&mut decoder, &record),
        }
    }
    assert_eq!(found, expected, "{file}");
}

/// As Flink prints it: `weight` is a double at the source and a FLOAT in the tests' table.
fn print(name: &str, value: &Value<'_>) -> String {
    match value {
        Value::Number(text) if name == "weight" => format!("{:?}", text.parse::<f32>().unwrap()),
        Value::Number(text) | Value::Text(text) | Value::Untyped(text) | Value::Embedded(text) => text.to_string(),
        Value::Null => "null".to_owned(),
        other => panic!("`{name}` is {other:?}"),
    }
}
