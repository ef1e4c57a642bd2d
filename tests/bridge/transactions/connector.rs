//! A connector with transaction metadata, as far as tests need one.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::harness::{Random, Record, tombstone};

pub(super) const ORDERS: &str = "shop.public.orders";
pub(super) const ITEMS: &str = "shop.public.items";
pub(super) const TRANSACTIONS: &str = "shop.transaction";

/// A connector that writes transactions over two tables: an order's total, and its items.
#[derive(Default)]
pub(super) struct Connector {
    pub(super) lsn: i64,
    /// Each with its topic, in the order in which they are written.
    pub(super) log: Vec<(&'static str, Record)>,
}

/// A transaction that is being written.
pub(super) struct Open {
    id: i64,
    pub(super) counts: [(&'static str, i64); 2],
}

impl Connector {
    pub(super) fn begin(&mut self, id: i64) -> Open {
        let message = json!({"status": "BEGIN", "id": format!("{id}:{}", self.lsn), "event_count": null,
            "data_collections": null});
        self.message(&message, id);
        Open { id, counts: [("public.orders", 0), ("public.items", 0)] }
    }

    pub(super) fn end(&mut self, open: &Open) {
        let counts = open.counts.iter().filter(|(_, n)| *n > 0);
        let counts: Vec<_> = counts.map(|(name, n)| json!({"data_collection": name, "event_count": n})).collect();
        let n_events: i64 = open.counts.iter().map(|(_, n)| n).sum();
        let message = json!({"status": "END", "id": format!("{}:{}", open.id, self.lsn),
            "event_count": n_events, "data_collections": counts});
        self.message(&message, open.id);
    }

    fn message(&mut self, message: &Value, id: i64) {
        self.log.push((TRANSACTIONS, Record::raw(&message.to_string()).keyed(json!({"id": id.to_string()}))));
    }

    /// A row of the transaction comes or changes.
    pub(super) fn write(&mut self, open: &mut Open, topic: &'static str, op: &str, row: &Value) {
        self.lsn += 8;
        let name = topic.strip_prefix("shop.").unwrap();
        let (_, order) = open.counts.iter_mut().find(|(known, _)| *known == name).unwrap();
        *order += 1;
        let order = *order;
        let total_order: i64 = open.counts.iter().map(|(_, n)| n).sum();
        let transaction = json!({"id": format!("{}:{}", open.id, self.lsn),
            "total_order": total_order, "data_collection_order": order});
        let (before, after) = if op == "d" { (row, &Value::Null) } else { (&Value::Null, row) };
        let event = json!({"op": op, "before": before, "after": after, "transaction": transaction,
            "source": {"connector": "postgresql", "db": "shop", "schema": "public", "lsn": self.lsn,
                "ts_ms": 1_763_700_000_000 + self.lsn, "table": name.strip_prefix("public.").unwrap()}});
        let key = json!({"id": row["id"]});
        self.log.push((topic, Record::raw(&event.to_string()).keyed(key.clone())));
        if op == "d" {
            self.log.push((topic, tombstone(key)));
        }
    }

    /// An order with its items, in one transaction.
    pub(super) fn order(&mut self, id: i64, amounts: &[i64]) {
        let mut open = self.begin(id);
        for (item, amount) in (id * 100..).zip(amounts) {
            self.write(&mut open, ITEMS, "c", &json!({"id": item, "order_id": id, "amount": amount}));
        }
        self.write(&mut open, ORDERS, "c", &json!({"id": id, "total": amounts.iter().sum::<i64>()}));
        self.end(&open);
    }

    /// Orders that come, change and go.
    pub(super) fn business(seed: u64, n_transactions: i64) -> Self {
        let (mut random, mut connector) = (Random(seed), Self::default());
        let mut orders: Vec<(i64, Vec<i64>)> = Vec::new();
        for id in 1..=n_transactions {
            let amount = i64::try_from(random.below(1_000)).unwrap();
            if orders.len() < 5 || random.below(2) == 0 {
                let amounts: Vec<i64> = (0..=random.below(4)).map(|n| amount + i64::try_from(n).unwrap()).collect();
                connector.order(id, &amounts);
                orders.push((id, amounts));
                continue;
            }
            let at = random.below(orders.len());
            let mut open = connector.begin(id);
            if random.below(4) == 0 {
                let (order, amounts) = orders.remove(at);
                for (item, amount) in (order * 100..).zip(amounts) {
                    connector.write(&mut open, ITEMS, "d", &json!({"id": item, "order_id": order, "amount": amount}));
                }
                connector.write(&mut open, ORDERS, "d", &json!({"id": order, "total": 0}));
            } else {
                let (order, amounts) = &mut orders[at];
                amounts[0] = amount;
                connector.write(
                    &mut open,
                    ITEMS,
                    "u",
                    &json!({"id": *order * 100, "order_id": *order, "amount": amount}),
                );
                let total = amounts.iter().sum::<i64>();
                connector.write(&mut open, ORDERS, "u", &json!({"id": *order, "total": total}));
            }
            connector.end(&open);
        }
        connector
    }

    /// What a topic has.
    pub(super) fn of(&self, topic: &str) -> Vec<Record> {
        self.log.iter().filter(|(of, _)| *of == topic).map(|(_, record)| record.clone()).collect()
    }

    /// All of it as a file, in the order in which it was written.
    pub(super) fn file(&self) -> NamedTempFile {
        let mut offsets = HashMap::<&str, i64>::new();
        let mut lines = String::new();
        let text = |part: &Option<Vec<u8>>| part.as_ref().map(|bytes| String::from_utf8(bytes.clone()).unwrap());
        for (topic, record) in &self.log {
            let offset = offsets.entry(topic).or_default();
            let line = json!({"topic": topic, "partition": 0, "offset": *offset, "headers": record.headers_json(),
                "key": text(&record.key), "payload": text(&record.payload)});
            writeln!(lines, "{line}").unwrap();
            *offset += 1;
        }
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        file
    }
}
