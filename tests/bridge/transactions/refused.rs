//! What stops a pipeline that applies whole transactions, and what is in the target then.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::connector::{Connector, ITEMS, ORDERS, TRANSACTIONS};
use super::{topics, transactions, with_tables};
use crate::harness::{Broker, Pipeline, Record, created, file_of};

/// Everything before its transaction is there, and nothing of it.
#[test]
fn a_reject_in_the_middle_of_a_transaction() {
    let bad = |connector: &mut Connector, word: Value| {
        connector.order(1, &[1]);
        let mut open = connector.begin(2);
        connector.write(&mut open, ITEMS, "c", &json!({"id": 200, "order_id": 2, "amount": 5}));
        connector.write(&mut open, ITEMS, "c", &json!({"id": 201, "order_id": 2, "amount": word}));
        connector.write(&mut open, ORDERS, "c", &json!({"id": 2, "total": 5}));
        connector.end(&open);
        connector.order(3, &[7]);
    };
    // one that is seen when the batch is planned, and one that Postgres refuses
    for (word, reason) in [(json!("x"), "offset 2: "), (json!(-1), "offset 2: Postgres: ")] {
        let (database, mut connector) = (with_tables(), Connector::default());
        database.execute("alter table items add check (amount > 0)");
        bad(&mut connector, word);
        let file = connector.file();
        let pipeline = transactions(&Pipeline::from_file(file.path(), &database));
        pipeline.run().with_code(3).says(&format!("stopped at topic {ITEMS}, partition 0, {reason}"));
        assert_eq!(database.rows("select id from orders"), "(1)");
        assert_eq!(database.rows("select id from items"), "(100)");
        // that record alone is left out
        pipeline.set("rejects.policy", "skip").run().with_code(0).says("rejects=1");
        assert_eq!(database.rows("select id from orders order by 1"), "(1)\n(2)\n(3)");
        assert_eq!(database.rows("select id from items order by 1"), "(100)\n(200)\n(300)");
        let n_records = i64::try_from(connector.log.len()).unwrap();
        assert_eq!(database.number("select sum(next_offset) from rowkind.offsets"), n_records);
    }
}

/// What is left out is put aside in the transaction of the others, whole.
#[test]
fn rejects_of_transactions_are_kept() {
    let (database, mut connector) = (with_tables(), Connector::default());
    database.execute("alter table items add check (amount > 0)");
    connector.order(1, &[1]);
    let mut open = connector.begin(2);
    for (id, amount) in [(200, json!(5)), (201, json!(-1)), (202, json!("x")), (203, json!(-2))] {
        connector.write(&mut open, ITEMS, "c", &json!({"id": id, "order_id": 2, "amount": amount}));
    }
    connector.write(&mut open, ORDERS, "c", &json!({"id": 2, "total": 5}));
    connector.end(&open);
    connector.order(3, &[7]);
    let at = connector.log.iter().rposition(|(topic, _)| *topic == ITEMS).unwrap();
    connector.log[at].1.headers = vec![("trace", b"abc")];
    connector.log[at].1.payload = Some(b"{\"op\":".to_vec());
    // each is in a transaction with what is applied of its own
    database.execute(
        "create table xids (what text, xid xid8);
         create function note() returns trigger language plpgsql as $$
           begin insert into xids values (tg_table_name, pg_current_xact_id()); return null; end $$;
         create trigger note after insert on orders for each statement execute function note()",
    );
    let file = connector.file();
    let pipeline = transactions(&Pipeline::from_file(file.path(), &database)).set("rejects.policy", "table");
    pipeline.run().with_code(0).says("rejects=4");
    assert_eq!(database.rows("select id from orders order by 1"), "(1)\n(2)\n(3)");
    assert_eq!(database.rows("select id from items order by 1"), "(100)\n(200)");
    assert_eq!(
        database.rows(
            "select \"offset\", sqlstate, key is not null as key, payload is not null as payload, headers::text as headers
               from rowkind.rejects order by 1"
        ),
        "(2,23514,t,t,)\n(3,22P02,t,t,)\n(4,23514,t,t,)\n(5,,t,t,\"[\"\"trace\"\",\"\"abc\"\"]\")"
    );
    let together =
        "select count(*) from rowkind.rejects r join xids on r.xmin::text = (xid::text::numeric % 4294967296)::text";
    assert_eq!(database.number(together), 4);

    // what was wrong is mended at the target
    database.execute("alter table items drop constraint items_amount_check");
    let retried = pipeline.rejects(&["retry", &format!("{ITEMS}:0:2"), &format!("{ITEMS}:0:4"), "--force"]);
    assert_eq!(retried.code, Some(0), "{}", retried.output);
    assert_eq!(database.rows("select id from items order by 1"), "(100)\n(200)\n(201)\n(203)");
    pipeline.set("rejects.block_key", "true").run().with_code(2).says("`sink.apply` = \"transactions\"");
}

/// They go on to a topic, from the transaction of the others.
#[test]
fn rejects_of_transactions_go_to_a_topic() {
    let (broker, database, mut connector) = (Broker::start(), with_tables(), Connector::default());
    database.execute("alter table items add check (amount > 0)");
    let [transaction_topic, orders, items] = topics(&broker, 1);
    let dead = broker.topic("dead", 1);
    connector.order(1, &[1]);
    let mut open = connector.begin(2);
    connector.write(&mut open, ITEMS, "c", &json!({"id": 200, "order_id": 2, "amount": -5}));
    connector.write(&mut open, ORDERS, "c", &json!({"id": 2, "total": 5}));
    connector.end(&open);
    for (topic, name) in [(&transaction_topic, TRANSACTIONS), (&orders, ORDERS), (&items, ITEMS)] {
        broker.write(topic, 0, &connector.of(name));
    }
    let pipeline = transactions(&Pipeline::from_topics(&broker, &[&transaction_topic, &orders, &items], &database))
        .set("rejects.policy", "topic")
        .set("rejects.topic", &dead);
    pipeline.run().with_code(0).says("rejects=1");
    assert_eq!(database.rows("select id from orders order by 1"), "(1)\n(2)");
    assert_eq!(broker.read(&dead).len(), 1);
}

/// Of broken JSON nobody knows whose it is.
#[test]
fn a_record_that_cannot_be_read() {
    let (database, mut connector) = (with_tables(), Connector::default());
    connector.order(1, &[1]);
    connector.order(2, &[2, 3]);
    connector.order(3, &[4]);
    let at = connector.log.iter().rposition(|(topic, record)| {
        *topic == ITEMS && String::from_utf8_lossy(record.payload.as_ref().unwrap()).contains("201")
    });
    connector.log[at.unwrap()].1 = Record::raw("{\"op\":");
    let file = connector.file();
    let pipeline = transactions(&Pipeline::from_file(file.path(), &database));
    pipeline.run().with_code(3).says(&format!("stopped at topic {ITEMS}, partition 0, offset 2: `payload`: "));
    assert_eq!(database.rows("select id from orders"), "(1)");
    pipeline.set("rejects.policy", "skip").run().with_code(0).says("rejects=1");
    assert_eq!(database.rows("select id from orders order by 1"), "(1)\n(2)\n(3)");
}

/// What comes before it is waited for, though it is here already.
#[test]
fn a_record_that_cannot_be_read_while_others_are_on_their_way() {
    let (broker, database, mut connector) = (Broker::start(), with_tables(), Connector::default());
    let [transaction_topic, orders, items] = topics(&broker, 1);
    connector.order(1, &[1]);
    let mut of_items = connector.of(ITEMS);
    of_items.push(Record::raw("{\"op\":"));
    broker.write(&items, 0, &of_items);
    let bridge =
        transactions(&Pipeline::from_topics(&broker, &[&transaction_topic, &orders, &items], &database)).start();
    bridge.wait_for_log("assigned");
    thread::sleep(Duration::from_secs(2));
    broker.write(&transaction_topic, 0, &connector.of(TRANSACTIONS));
    broker.write(&orders, 0, &connector.of(ORDERS));
    bridge.wait().with_code(3).says(&format!("stopped at topic {items}, partition 0, offset 1: `payload`: "));
    assert_eq!(database.rows("select id, total from orders"), "(1,1)");
}

#[test]
fn a_transaction_that_is_too_large() {
    let (broker, database) = (Broker::start(), with_tables());
    let [transaction_topic, orders, items] = topics(&broker, 1);
    let mut connector = Connector::default();
    connector.order(7, &vec![1; 1_000]);
    for (topic, of) in [(&orders, ORDERS), (&transaction_topic, TRANSACTIONS), (&items, ITEMS)] {
        broker.write(topic, 0, &connector.of(of));
    }
    let pipeline = transactions(&Pipeline::from_topics(&broker, &[&transaction_topic, &orders, &items], &database));
    let small = pipeline.clone().set("batch.max_transaction_bytes", "100KB").set("batch.max_rows", "100");
    small.run().with_code(1).says("transaction 7: ").says("raise `batch.max_transaction_bytes`, which is 102400 bytes");
    assert_eq!(database.number("select count(*) from items"), 0);
    // whatever a batch may have
    pipeline.set("batch.max_rows", "100").run().with_code(0).says("done records=1003 rows=1001 batches=1 ");
}

#[test]
fn what_does_not_tell_its_transactions() {
    let (broker, database) = (Broker::start(), with_tables());
    let orders = broker.topic(ORDERS, 1);
    let mut connector = Connector::default();
    connector.order(1, &[]);
    broker.write(&orders, 0, &connector.of(ORDERS));
    let pipeline = transactions(&Pipeline::from_topics(&broker, &[&orders], &database));
    pipeline.run().with_code(1).says("the connector's transaction topic is not read; add it to `source.topics`");
    // and while it runs
    pipeline.start().wait().with_code(1).says("shop.transaction`, if its name was not changed");
    assert_eq!(database.number("select count(*) from orders"), 0);

    let file = file_of(ORDERS, 0, &[created("orders", json!({"id": 1, "total": 2}))]);
    let pipeline = transactions(&Pipeline::from_file(file.path(), &database));
    pipeline.run().with_code(1).says("partition 0: an event that does not say which transaction it belongs to");
    for format in ["canal-json", "ogg-json", "flattened-json", "auto"] {
        pipeline.clone().set("source.format", format).run().with_code(2).says("do not say which transaction");
    }
    pipeline.set("sink.lanes", "4").run().with_code(2).says("--sink-lanes: expected 1 beside `sink.apply`");
}

#[test]
fn a_transaction_topic_of_several_partitions() {
    let (broker, database) = (Broker::start(), with_tables());
    let topic = broker.topic(TRANSACTIONS, 2);
    let mut connector = Connector::default();
    connector.order(1, &[]);
    broker.write(&topic, 1, &connector.of(TRANSACTIONS));
    let pipeline = transactions(&Pipeline::from_topics(&broker, &[&topic], &database));
    pipeline.run().with_code(1).says("the transaction topic has 2 partitions");
}

/// Its end was lost, or is late: somebody has to hear of it.
#[test]
fn a_transaction_that_does_not_end() {
    let (broker, database, mut connector) = (Broker::start(), with_tables(), Connector::default());
    let [transaction_topic, orders, items] = topics(&broker, 1);
    let mut open = connector.begin(5);
    connector.write(&mut open, ORDERS, "c", &json!({"id": 5, "total": 0}));
    broker.write(&transaction_topic, 0, &connector.of(TRANSACTIONS));
    broker.write(&orders, 0, &connector.of(ORDERS));
    let bridge =
        transactions(&Pipeline::from_topics(&broker, &[&transaction_topic, &orders, &items], &database)).start();
    bridge.wait_for_log("transaction 5 waits for its end");
    connector.log.clear();
    connector.end(&open);
    broker.write(&transaction_topic, 0, &connector.of(TRANSACTIONS));
    database.wait_for_rows("select id from orders", "(5)");
    bridge.stop().with_code(0);
}
