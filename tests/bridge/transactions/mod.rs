//! `sink.apply = "transactions"`: whoever looks at the target sees a source transaction whole or not at all.

mod connector;
mod refused;

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use tempfile::NamedTempFile;

use crate::harness::{Broker, Database, Pipeline, Record, fixture, recorded_topics};
use connector::{Connector, ITEMS, ORDERS, Open, TRANSACTIONS};

fn with_tables() -> Database {
    let database = Database::new();
    database.execute(
        "create table orders (id int primary key, total int not null);
         create table items (id int primary key, order_id int not null, amount int not null)",
    );
    database
}

/// Orders whose total is not the sum of their items.
const TORN: &str = "select * from (select o.id, total, coalesce(sum(amount), 0) as amount from orders o
    full join items i on i.order_id = o.id group by 1, 2) x where total is distinct from amount";

/// A topic of each name, on a broker.
fn topics(broker: &Broker, n_partitions: i32) -> [String; 3] {
    [broker.topic(TRANSACTIONS, 1), broker.topic(ORDERS, n_partitions), broker.topic(ITEMS, 1)]
}

fn transactions(pipeline: &Pipeline) -> Pipeline {
    pipeline.clone().set("sink.apply", "transactions").set("sink.table", "{table}")
}

/// Looks at the target again and again while `work` is done; how often.
fn watched(database: &Database, work: impl FnOnce()) -> usize {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let other = database.again();
            let mut n_looks = 0;
            while !is_done.load(Ordering::Relaxed) {
                let torn = other.rows(TORN);
                assert_eq!(torn, "", "seen in part");
                n_looks += 1;
            }
            n_looks
        });
        work();
        is_done.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    })
}

/// What has not come is what a batch does not wait for.
#[test]
fn half_a_transaction() {
    let (broker, whole, torn) = (Broker::start(), with_tables(), with_tables());
    let [transaction_topic, orders, items] = topics(&broker, 1);
    let mut connector = Connector::default();
    connector.order(1, &[3, 4]);
    broker.write(&orders, 0, &connector.of(ORDERS));
    broker.write(&transaction_topic, 0, &connector.of(TRANSACTIONS));

    let batches = Pipeline::from_topics(&broker, &[&transaction_topic, &orders, &items], &torn);
    batches.set("sink.table", "{table}").run().with_code(0);
    assert_eq!(torn.rows(TORN), "(1,7,0)", "the proof that there is something to see");

    let pipeline = transactions(&Pipeline::from_topics(&broker, &[&transaction_topic, &orders, &items], &whole));
    pipeline.run().with_code(0).says("transaction 1 waits for 2 of 2 events of public.items");
    assert_eq!(whole.rows("select * from orders"), "");
    assert_eq!(whole.number("select coalesce(sum(next_offset), 0) from rowkind.offsets"), 0);

    let bridge = pipeline.start();
    broker.write(&items, 0, &connector.of(ITEMS));
    whole.wait_for_rows("select id, total, (select sum(amount) from items) from orders", "(1,7,7)");
    bridge.stop().with_code(0);
}

/// The source's order over all topics: foreign keys hold, even where a batch goes row by row.
#[test]
fn foreign_keys_between_topics() {
    let database = Database::new();
    database.execute(
        "create table orders (id int primary key, total int unique);
         create table items (id int primary key, order_id int references orders, amount int)",
    );
    let with_item = |connector: &mut Connector, open: &mut Open, id: i64| {
        connector.write(open, ORDERS, "c", &json!({"id": id, "total": id}));
        connector.write(open, ITEMS, "c", &json!({"id": id, "order_id": id, "amount": id}));
    };
    let mut connector = Connector::default();
    let mut open = connector.begin(1);
    (1..=20).for_each(|id| with_item(&mut connector, &mut open, id));
    connector.end(&open);
    let first = connector.file();
    let pipeline = transactions(&Pipeline::from_file(first.path(), &database));
    pipeline.run().with_code(0);

    let mut open = connector.begin(2);
    with_item(&mut connector, &mut open, 21);
    // unique values that change places make the batch go row by row
    for (id, total) in [(1, json!(null)), (2, json!(1)), (1, json!(2))] {
        connector.write(&mut open, ORDERS, "u", &json!({"id": id, "total": total}));
    }
    connector.end(&open);
    // the children are read before their parents
    connector.log.sort_by_key(|(topic, _)| [ITEMS, TRANSACTIONS, ORDERS].iter().position(|known| known == topic));
    let both = connector.file();
    pipeline.set("source.file", both.path().to_str().unwrap()).run().with_code(0).says("retreats=1 ");
    assert_eq!(database.rows("select id, total from orders where id < 4 order by 1"), "(1,2)\n(2,1)\n(3,3)");
    assert_eq!(database.number("select count(*) from items"), 21);
}

/// Killed again and again, with somebody looking all the time.
#[test]
fn nobody_sees_a_part_whatever_happens() {
    let (broker, database, connector) = (Broker::start(), with_tables(), Connector::business(7, 3_000));
    let [transaction_topic, orders, items] = topics(&broker, 1);
    for (topic, of) in [(&orders, ORDERS), (&transaction_topic, TRANSACTIONS), (&items, ITEMS)] {
        broker.write(topic, 0, &connector.of(of));
    }
    let pipeline = transactions(&Pipeline::from_topics(&broker, &[&transaction_topic, &orders, &items], &database))
        .set("batch.max_rows", "50")
        .set("batch.max_bytes", "20KB");
    let n_records = connector.log.len();
    let n_looks = watched(&database, || {
        for n_kills in 1..=4 {
            let group = format!("{}-{n_kills}", pipeline.name());
            let bridge = pipeline.clone().set("source.group", &group).start();
            let part = n_records * n_kills / 6;
            database.wait_for_rows(&format!("select sum(next_offset) >= {part} from rowkind.offsets"), "(t)");
            bridge.kill();
        }
        pipeline.run().with_code(0);
    });
    assert!(n_looks > 20, "{n_looks}");
    assert_eq!(usize::try_from(database.number("select sum(next_offset) from rowkind.offsets")), Ok(n_records));
    assert!(database.number("select count(*) from orders") > 100);
}

#[test]
fn from_a_file() {
    let (database, connector) = (with_tables(), Connector::business(8, 2_000));
    let file = connector.file();
    let pipeline = transactions(&Pipeline::from_file(file.path(), &database)).set("batch.max_rows", "50");
    let n_looks = watched(&database, || drop(pipeline.run().with_code(0)));
    assert!(n_looks > 0);
    let n_records = i64::try_from(connector.log.len()).unwrap();
    assert_eq!(database.number("select sum(next_offset) from rowkind.offsets"), n_records);
    pipeline.run().with_code(0).says("done records=0");
}

/// The orders' table in several partitions: an end counts over all of them.
#[test]
fn a_table_in_several_partitions() {
    let (broker, database, connector) = (Broker::start(), with_tables(), Connector::business(9, 500));
    let [transaction_topic, orders, items] = topics(&broker, 3);
    broker.write(&transaction_topic, 0, &connector.of(TRANSACTIONS));
    broker.write(&items, 0, &connector.of(ITEMS));
    let of_key = |record: &Record| record.key.as_ref().unwrap().iter().map(|byte| i32::from(*byte)).sum::<i32>() % 3;
    for partition in 0..3 {
        let records: Vec<Record> =
            connector.of(ORDERS).into_iter().filter(|record| of_key(record) == partition).collect();
        broker.write(&orders, partition, &records);
    }
    let pipeline = transactions(&Pipeline::from_topics(&broker, &[&transaction_topic, &orders, &items], &database));
    watched(&database, || drop(pipeline.run().with_code(0)));
    let n_records = i64::try_from(connector.log.len()).unwrap();
    assert_eq!(database.number("select sum(next_offset) from rowkind.offsets"), n_records);
}

/// The connector crashes in the middle of a transaction, and writes it again from its second event on.
#[test]
fn a_transaction_that_comes_again() {
    for begins_anew in [false, true] {
        let (broker, database) = (Broker::start(), with_tables());
        let [transaction_topic, orders, items] = topics(&broker, 1);
        let mut connector = Connector::default();
        connector.order(1, &[1, 2]);
        let mut open = connector.begin(2);
        let item = |id: i64| json!({"id": id, "order_id": 2, "amount": 5});
        connector.write(&mut open, ITEMS, "c", &item(200));
        let before = connector.lsn;
        connector.write(&mut open, ITEMS, "c", &item(201));
        // crash
        connector.lsn = before;
        open.counts[1].1 = 1;
        if begins_anew {
            open = connector.begin(2);
        }
        connector.write(&mut open, ITEMS, "c", &item(201));
        connector.write(&mut open, ITEMS, "c", &item(202));
        connector.write(&mut open, ORDERS, "c", &json!({"id": 2, "total": 15}));
        connector.end(&open);
        connector.order(3, &[8]);
        let pipeline = transactions(&Pipeline::from_topics(&broker, &[&transaction_topic, &orders, &items], &database));
        broker.write(&transaction_topic, 0, &connector.of(TRANSACTIONS));
        broker.write(&items, 0, &connector.of(ITEMS));
        let bridge = pipeline.clone().start();
        watched(&database, || {
            let of_orders = connector.of(ORDERS);
            for record in of_orders {
                thread::sleep(Duration::from_millis(300));
                broker.write(&orders, 0, &[record]);
            }
            database.wait_for_rows("select id, total from orders order by 1", "(1,3)\n(2,15)\n(3,8)");
        });
        bridge.stop().with_code(0).says("duplicates=1 ");
    }
}

/// One partition has far more than may wait before the others are read at all.
#[test]
fn a_partition_that_is_far_ahead() {
    let (broker, database) = (Broker::start(), with_tables());
    let [transaction_topic, orders, items] = topics(&broker, 1);
    let mut connector = Connector::default();
    for id in 1..=1_400 {
        connector.order(id, &[1, 2, 3]);
    }
    let n_bytes: usize = connector.of(ITEMS).iter().map(|record| record.payload.as_ref().unwrap().len()).sum();
    assert!(n_bytes > 1 << 20, "{n_bytes}");
    broker.write(&items, 0, &connector.of(ITEMS));
    let pipeline = transactions(&Pipeline::from_topics(&broker, &[&transaction_topic, &orders, &items], &database))
        .set("batch.max_transaction_bytes", "256KB")
        .set("batch.max_bytes", "10KB");
    let bridge = pipeline.clone().with_variable("RUST_LOG", "info,rowkind::source=debug").start();
    bridge.wait_for_log("held back");
    // librdkafka's statistics take what was fetched for read, and it was thrown away
    thread::sleep(Duration::from_secs(7));
    assert_eq!(database.number("select count(*) from orders"), 0);
    watched(&database, || {
        broker.write(&orders, 0, &connector.of(ORDERS));
        broker.write(&transaction_topic, 0, &connector.of(TRANSACTIONS));
        database.wait_for_rows("select count(*) from items", "(4200)");
    });
    bridge.stop().with_code(0);
}

/// The second one waits, and takes over.
#[test]
fn two_instances() {
    let (broker, database) = (Broker::start(), with_tables());
    let [transaction_topic, orders, items] = topics(&broker, 1);
    let pipeline = transactions(&Pipeline::from_topics(&broker, &[&transaction_topic, &orders, &items], &database));
    let mut connector = Connector::default();
    let first = pipeline.start();
    first.wait_for_log("assigned");
    let second = pipeline.start();
    second.wait_for_log("another instance of this pipeline is at work");
    first.kill();
    connector.order(1, &[1]);
    for (topic, of) in [(&orders, ORDERS), (&transaction_topic, TRANSACTIONS), (&items, ITEMS)] {
        broker.write(topic, 0, &connector.of(of));
    }
    database.wait_for_rows("select count(*) from orders", "(1)");
    second.stop().with_code(0);
}

/// Maxwell's last row of a transaction says so.
#[test]
fn maxwell_in_one_partition() {
    let row = |table: &str, id: i64, xid: i64, is_last: bool| {
        let mut message = json!({"database": "shop", "table": table, "type": "insert", "ts": 1_763_700_000 + xid, "xid": xid,
            "data": if table == "orders" { json!({"id": id, "total": 1}) } else { json!({"id": id, "order_id": id, "amount": 1}) }});
        let which = if is_last { "commit" } else { "xoffset" };
        message[which] = if is_last { json!(true) } else { json!(0) };
        Record::raw(&message.to_string()).keyed(json!({"database": "shop", "table": table, "pk.id": id}))
    };
    let (broker, database) = (Broker::start(), with_tables());
    let topic = broker.topic("maxwell", 1);
    let pipeline = transactions(&Pipeline::from_topics(&broker, &[&topic], &database))
        .set("source.format", "maxwell-json")
        .set("batch.max_rows", "1");
    broker.write(&topic, 0, &[row("orders", 1, 5, false), row("items", 1, 5, true), row("orders", 2, 6, false)]);
    watched(&database, || {
        pipeline.run().with_code(0).says("transaction 6 waits for its end");
        assert_eq!(database.rows("select id from orders"), "(1)");
        broker.write(&topic, 0, &[row("items", 2, 6, true)]);
        pipeline.run().with_code(0);
    });
    assert_eq!(database.rows("select id from orders order by 1"), "(1)\n(2)");

    let other = broker.topic("maxwell_2", 2);
    broker.write(&other, 0, &[row("orders", 3, 7, false)]);
    let pipeline = transactions(&Pipeline::from_topics(&broker, &[&other], &database));
    pipeline
        .set("source.format", "maxwell-json")
        .run()
        .with_code(1)
        .says("all have to be in one partition of one topic");
}

/// All topics of a real connector behind one another in one file: whatever is waited for, it comes.
#[test]
fn a_recording_as_one_file() {
    for (folder, format) in
        [("debezium-json/postgres/json", "debezium-json"), ("debezium-avro/postgres", "debezium-avro")]
    {
        let mut file = NamedTempFile::new().unwrap();
        let mut n_records = 0;
        for name in recorded_topics(folder) {
            // their rows ask for what is not there, or for types that nobody states
            if ["t_toast", "t_toast_full", "t_ddl", "t_misc"].iter().any(|table| name.ends_with(table)) {
                continue;
            }
            let text = std::fs::read_to_string(fixture(&format!("{folder}/{name}.jsonl"))).unwrap();
            n_records += i64::try_from(text.lines().count()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }
        let database = Database::new();
        if format == "debezium-json" {
            database.execute(&std::fs::read_to_string(fixture("debezium-json/postgres/schema.sql")).unwrap());
            database.execute(
                "alter table orders drop constraint orders_customer_id_fkey;
                 alter table order_items drop constraint order_items_order_id_fkey",
            );
        }
        let mut pipeline = Pipeline::from_file(file.path(), &database)
            .set("sink.apply", "transactions")
            .set("source.format", format)
            .set("source.time_precision", "adaptive");
        if format == "debezium-avro" {
            let schemas = fixture(&format!("{folder}/registry.json"));
            pipeline = pipeline.set("registry.url", &format!("file:{}", schemas.display()));
        }
        let ended = pipeline.run().with_code(0);
        let n_applied = database.number("select sum(next_offset) from rowkind.offsets");
        assert_eq!(n_applied, n_records, "{folder}: {}", ended.log);
    }
}
