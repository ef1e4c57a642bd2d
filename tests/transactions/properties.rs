//! Random transactions over random partitions, written by a connector that crashes, read in any order: no cut holds a part of
//! one, and nothing is left in the end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use crate::Bench;

const PARTITIONS: [&str; 5] = ["T", "a", "a/1", "b", "c"];

/// How a connector goes on behind a crash.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Resumes {
    /// With its numbers, and no second begin.
    WithNumbers,
    /// With a second begin, and from the transaction's first event.
    Whole,
    /// With a second begin, from where it was, and counts only what comes.
    Anew,
}

/// A transaction: the partition of each of its events, 1 to 4.
type Events = Vec<usize>;

/// A crash before the event of this number of the log, back by so many events.
#[derive(Debug, Clone, Copy)]
struct Crash {
    at: usize,
    back: usize,
    resumes: Resumes,
}

fn table(partition: usize) -> &'static str {
    PARTITIONS[partition].split('/').next().unwrap()
}

/// The records of one try, from the event `from` of the transactions on, to before the event `to`; event counts are
/// over all transactions, and each has an end beside its events.
fn write(log: &mut Vec<String>, transactions: &[Events], from: usize, to: usize, resumes: Option<Resumes>) {
    let mut at = 0;
    for (number, events) in transactions.iter().enumerate() {
        let id = number + 1;
        let (start, end) = (at, at + events.len() + 1);
        at = end;
        if end <= from || start >= to {
            continue;
        }
        let is_resumed = start < from;
        let skips = match (is_resumed, resumes) {
            (true, Some(Resumes::Whole)) => 0,
            _ => from.saturating_sub(start),
        };
        if !is_resumed || resumes != Some(Resumes::WithNumbers) {
            log.push(format!("T:b{id}"));
        }
        let counts_all = !(is_resumed && resumes == Some(Resumes::Anew));
        let mut counts = BTreeMap::<&str, usize>::new();
        for (index, partition) in events.iter().enumerate() {
            if index < skips && !counts_all {
                continue;
            }
            let count = counts.entry(table(*partition)).or_default();
            *count += 1;
            if index >= skips && start + index < to {
                log.push(format!("{}:{id}#{count}*{index}", PARTITIONS[*partition]));
            }
        }
        if end <= to {
            let counts: Vec<_> = counts.iter().map(|(table, count)| format!("{table}={count}")).collect();
            log.push(format!("T:e{id}({})", counts.join(",")));
        }
    }
}

/// All that the connector writes.
fn log(transactions: &[Events], crashes: &[Crash]) -> Vec<String> {
    let n_events: usize = transactions.iter().map(|events| events.len() + 1).sum();
    let (mut log, mut from, mut resumes) = (Vec::new(), 0, None);
    for crash in crashes {
        let at = from + crash.at % (n_events - from).max(1);
        write(&mut log, transactions, from, at, resumes);
        // never behind what was written
        from = at.saturating_sub(crash.back);
        resumes = Some(crash.resumes);
    }
    write(&mut log, transactions, from, n_events, resumes);
    log
}

fn transactions() -> impl Strategy<Value = Vec<Events>> {
    prop::collection::vec(prop::collection::vec(1_usize..PARTITIONS.len(), 0..6), 1..12)
}

fn crashes() -> impl Strategy<Value = Vec<Crash>> {
    let resumes = prop_oneof![Just(Resumes::WithNumbers), Just(Resumes::Whole), Just(Resumes::Anew)];
    let crash = (0_usize..40, 0_usize..12, resumes).prop_map(|(at, back, resumes)| Crash { at, back, resumes });
    prop::collection::vec(crash, 0..4)
}

/// Reads the log partition by partition as `choices` say, and looks for a cut after each record. Behind so many records
/// rowkind starts anew where it was, and knows what it applied.
fn read(log: &[String], choices: &[usize], restart: usize) -> Result<(), TestCaseError> {
    let mut bench = Bench::new(&PARTITIONS.join(" "));
    let mut queues: BTreeMap<String, VecDeque<String>> = BTreeMap::new();
    let mut expected: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for record in log {
        queues.entry(partition_of(record)).or_default().push_back(record.clone());
        if let Some((id, event)) = event(record) {
            expected.entry(id).or_default().insert(event);
        }
    }
    let mut applied: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    let mut choices = choices.iter().cycle();
    let mut n_read = 0;
    let mut all_taken = Vec::new();
    while !queues.is_empty() {
        n_read += 1;
        if n_read == restart {
            for (_, record) in bench.restart(&all_taken).into_iter().rev() {
                queues.entry(partition_of(&record)).or_default().push_front(record);
            }
        }
        let at = choices.next().unwrap() % queues.len();
        let partition = queues.keys().nth(at).unwrap().clone();
        let queue = queues.get_mut(&partition).unwrap();
        bench.push(&queue.pop_front().unwrap());
        if queue.is_empty() {
            queues.remove(&partition);
        }
        let taken = bench.take();
        note(&taken, &mut applied);
        all_taken.extend(taken);
        for (id, events) in &applied {
            prop_assert!(*events == expected[id], "transaction {} is torn: {:?} of {:?}", id, events, log);
        }
    }
    bench.push("~");
    note(&bench.take(), &mut applied);
    prop_assert_eq!(bench.n_waiting(), 0, "left in the end: {:?} of {:?}", bench.ledger.waiting(), log);
    prop_assert_eq!(applied, expected);
    Ok(())
}

fn partition_of(record: &str) -> String {
    record.split_once(':').unwrap().0.to_owned()
}

fn note(taken: &[String], applied: &mut BTreeMap<u64, BTreeSet<u64>>) {
    for (id, event) in taken.iter().filter_map(|record| event(record)) {
        applied.entry(id).or_default().insert(event);
    }
}

/// A transaction's event: which one it is at the source, whatever number it came under.
fn event(record: &str) -> Option<(u64, u64)> {
    let (_, what) = record.split_once(':')?;
    let (id, order) = what.split_once('#')?;
    Some((id.parse().ok()?, order.split_once('*')?.1.parse().ok()?))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2_000), ..ProptestConfig::default() })]

    #[test]
    fn no_cut_holds_a_part(
        transactions in transactions(),
        choices in prop::collection::vec(0_usize..100, 1..60),
        restart in 0_usize..40,
    ) {
        read(&log(&transactions, &[]), &choices, restart)?;
    }

    #[test]
    fn nor_when_the_connector_crashes(
        transactions in transactions(),
        crashes in crashes(),
        choices in prop::collection::vec(0_usize..100, 1..60),
        restart in 0_usize..60,
    ) {
        read(&log(&transactions, &crashes), &choices, restart)?;
    }
}
