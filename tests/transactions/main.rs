//! The ledger: which records can be applied together, so that no transaction is seen in part.
//!
//! A record is written `partition:what`, a partition is a topic with `/1` and the like behind it:
//!
//! | | |
//! |---|---|
//! | `T:b1` | on the transaction topic: transaction 1 begins |
//! | `T:e1(a=2,b=1)` | it ends, with two events of table `a` and one of `b` |
//! | `a:1#2` | the second event that transaction 1 has of table `a`; `a:1#2t` is a truncate, `all:1#2@a` of table `a` in another topic |
//! | `a:1#1*7` | the event that is the seventh of the transaction at the source, under the number 1 |
//! | `all:1` `all:1!` | a row, the last row of transaction 1 |
//! | `a:-` `a:?` `a:x` | a record of no transaction; one that cannot be read; one that nothing may go past |
//! | `~` | from here on all partitions are quiet |
//!
//! `| text` behind the records of a line is what is applied after them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod properties;

use std::collections::{HashMap, VecDeque};

use rowkind::records::TopicPartition;
use rowkind::transactions::{FREE, Ledger, Reads};
use rowkind_formats::membership::Collection;
use rowkind_formats::{Membership, Table};

/// A ledger and the records that wait in it, as they were written.
struct Bench {
    ledger: Ledger,
    numbers: HashMap<String, usize>,
    waiting: Vec<VecDeque<(usize, String)>>,
    n_arrived: usize,
    is_quiet: bool,
}

impl Bench {
    /// All topics, separated by spaces. Every table is read whose topic is among them.
    fn new(topics: &str) -> Self {
        let mut bench = Self {
            ledger: Ledger::new(Reads::default()),
            numbers: HashMap::new(),
            waiting: Vec::new(),
            n_arrived: 0,
            is_quiet: false,
        };
        for partition in topics.split_whitespace() {
            let number = bench.ledger.assign(&named(partition));
            bench.numbers.insert(partition.to_owned(), number);
            bench.waiting.push(VecDeque::new());
        }
        bench
    }

    fn push(&mut self, record: &str) {
        if record == "~" {
            self.is_quiet = true;
            return;
        }
        let (partition, what) = record.split_once(':').unwrap();
        let number = self.numbers[partition];
        if what == "x" {
            assert_ne!(self.ledger.push_barrier(number), FREE);
        } else if what == "?" {
            assert_eq!(self.ledger.push_unreadable(number), FREE);
        } else {
            let topic = partition.split('/').next().unwrap();
            self.ledger.push(number, &membership(topic, what), 1);
        }
        self.waiting[number].push_back((self.n_arrived, record.to_owned()));
        self.n_arrived += 1;
    }

    /// What can be applied now, in the order of arrival.
    fn take(&mut self) -> Vec<String> {
        let is_quiet = self.is_quiet;
        let cut = self.ledger.cut(|_| is_quiet);
        self.ledger.take(&cut);
        let mut taken: Vec<_> =
            cut.n_records.iter().zip(&mut self.waiting).flat_map(|(n, waiting)| waiting.drain(..*n)).collect();
        taken.sort_unstable();
        taken.into_iter().map(|(_, record)| record).collect()
    }

    /// Starts anew behind what was taken, which is all that is known; what waits comes again.
    fn restart(&mut self, taken: &[String]) -> Vec<(usize, String)> {
        self.ledger = Ledger::new(Reads::default());
        let mut partitions: Vec<_> = self.numbers.iter().collect();
        partitions.sort_unstable_by_key(|(_, number)| **number);
        for (partition, _) in partitions {
            self.ledger.assign(&named(partition));
        }
        for record in taken {
            let (partition, what) = record.split_once(':').unwrap();
            let topic = partition.split('/').next().unwrap();
            self.ledger.learn(self.numbers[partition], &membership(topic, what));
        }
        let mut waiting: Vec<_> = self.waiting.iter_mut().flat_map(std::mem::take).collect();
        waiting.sort_unstable();
        waiting
    }

    fn n_waiting(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }
}

fn named(partition: &str) -> TopicPartition {
    let (topic, number) = partition.split_once('/').unwrap_or((partition, "0"));
    TopicPartition { topic: topic_of(topic).into(), partition: number.parse().unwrap() }
}

fn topic_of(name: &str) -> String {
    match name {
        "T" => "shop.transaction".to_owned(),
        "all" => "shop_all".to_owned(),
        table => format!("shop.public.{table}"),
    }
}

fn membership<'a>(topic: &'a str, what: &'a str) -> Membership<'a> {
    if what == "-" {
        return Membership::None;
    }
    if topic == "T" {
        let Some(end) = what.strip_prefix('e') else {
            return Membership::Begin(what.strip_prefix('b').unwrap().into());
        };
        let (id, counts) = end.strip_suffix(')').unwrap().split_once('(').unwrap();
        let counts = counts.split(',').filter(|count| !count.is_empty()).map(|count| count.split_once('=').unwrap());
        let collections = counts
            .map(|(table, n)| Collection { name: format!("public.{table}").into(), n_events: n.parse().unwrap() })
            .collect();
        return Membership::End { transaction: id.into(), collections };
    }
    let Some((id, order)) = what.split_once('#') else {
        let is_last = what.ends_with('!');
        return Membership::Row { transaction: what.trim_end_matches('!').into(), is_last };
    };
    let order = order.split('*').next().unwrap();
    let (order, table) = order.split_once('@').unwrap_or((order, topic));
    let table = Table { database: Some("shop".into()), schema: Some("public".into()), name: table.into() };
    let is_truncate = order.ends_with('t');
    let order = order.trim_end_matches('t').parse().unwrap();
    Membership::Event { transaction: id.into(), table, order, total_order: 0, is_truncate }
}

/// Checks line by line what is applied.
#[track_caller]
fn check(topics: &str, lines: &str) {
    let mut bench = Bench::new(topics);
    for line in lines.trim().lines() {
        let (records, expected) = line.trim().split_once('|').unwrap();
        records.split_whitespace().for_each(|record| bench.push(record));
        assert_eq!(bench.take().join(" "), expected.trim(), "after `{}`", records.trim());
    }
}
