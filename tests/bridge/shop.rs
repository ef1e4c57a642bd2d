//! A small shop, recorded while it did business: its four tables end equal to their source, however they were recorded.

use crate::harness::{Broker, Database, Pipeline, Record, Truth, fixture, recording};

const TABLES: [&str; 4] = ["customers", "products", "orders", "order_items"];

fn assert_equals_source(database: &Database) {
    for name in TABLES {
        let (table, csv) = (format!("public.{name}"), format!("shop/truth/public.{name}.csv"));
        Truth { table: &table, csv: &csv, converted: &[], untold: &[] }.assert_in(database);
    }
}

#[test]
fn with_schema_into_an_empty_database() {
    let (broker, database) = (Broker::start(), Database::new());
    let recorded = recording("shop/shop.jsonl");
    let topics = TABLES.map(|name| {
        let name = format!("shop.public.{name}");
        let records: Vec<Record> =
            recorded.iter().filter(|record| record.topic == name).cloned().map(Record::from).collect();
        let topic = broker.topic(&name, 1);
        broker.write(&topic, 0, &records);
        topic
    });
    Pipeline::from_topics(&broker, &topics.each_ref().map(String::as_str), &database).run().with_code(0);
    assert_equals_source(&database);
}

#[test]
fn without_schema_into_tables_of_the_source() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute(&std::fs::read_to_string(fixture("shop/source/1_schema.sql")).unwrap());
    // they would ask for an order over topics, which Kafka does not keep
    database.execute(
        "alter table orders drop constraint orders_customer_id_fkey;
         alter table order_items drop constraint order_items_order_id_fkey;
         alter table order_items drop constraint order_items_sku_fkey",
    );
    let topics = TABLES.map(|name| {
        let topic = broker.topic(&format!("shop_plain.public.{name}"), 1);
        let records = recording(&format!("shop/plain/shop_plain.public.{name}.jsonl"));
        broker.write(&topic, 0, &records.into_iter().map(Record::from).collect::<Vec<_>>());
        topic
    });
    Pipeline::from_topics(&broker, &topics.each_ref().map(String::as_str), &database)
        .set("source.time_precision", "adaptive")
        .set("batch.max_rows", "20")
        .run()
        .with_code(0);
    assert_equals_source(&database);
}

#[test]
fn from_a_file_and_a_second_time() {
    let database = Database::new();
    let pipeline = Pipeline::from_file(&fixture("shop/shop.jsonl"), &database);
    pipeline.run().with_code(0).says("done records=567");
    assert_equals_source(&database);
    let versions = "select xmin, ctid from public.orders order by 2";
    let before = database.rows(versions);
    pipeline.run().with_code(0).says("done records=0");
    assert_equals_source(&database);
    assert_eq!(database.rows(versions), before, "the second run touches no row");
}
