//! What a reader of committed records finds that the bridge wrote to topics.

use std::collections::BTreeMap;

use rdkafka::message::{Headers, Message, OwnedMessage};

use super::{Broker, wait_for};

/// A record as it was read.
#[derive(Debug)]
pub(crate) struct ReadRecord {
    pub(crate) partition: i32,
    pub(crate) key: Option<String>,
    pub(crate) payload: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
}

impl From<&OwnedMessage> for ReadRecord {
    fn from(message: &OwnedMessage) -> Self {
        let text = |part: Option<&[u8]>| part.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        Self {
            partition: message.partition(),
            key: text(message.key()),
            payload: text(message.payload()),
            headers: headers.map(|header| (header.key.to_owned(), text(header.value).unwrap_or_default())).collect(),
        }
    }
}

/// The records of a topic.
pub(crate) fn read_records(broker: &Broker, topic: &str) -> Vec<ReadRecord> {
    broker.read(topic).iter().map(ReadRecord::from).collect()
}

/// The records of a topic once there are at least `n_rows`. Readers of what is committed wait behind the transaction of an instance that was
/// killed, until the broker aborts it.
pub(crate) fn read_all(broker: &Broker, topic: &str, n_rows: usize) -> Vec<ReadRecord> {
    wait_for(&format!("{n_rows} rows in {topic}"), || {
        let records = read_records(broker, topic);
        let n_found = records.iter().filter(|record| record.payload.is_some()).count();
        if n_found >= n_rows { Ok(records) } else { Err(n_found.to_string()) }
    })
}

/// Where each record of a topic comes from, in the order of its partitions: each place once, and in order for each key.
#[track_caller]
pub(crate) fn assert_each_once(records: &[ReadRecord], n_partitions: i32, n_records: i64) {
    let mut places: BTreeMap<(i32, i64), usize> = BTreeMap::new();
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    for record in records.iter().filter(|record| record.payload.is_some()) {
        let number = |name: &str| -> i64 {
            let header = record.headers.iter().find(|(key, _)| key == name);
            header.map(|(_, value)| value.parse().unwrap()).unwrap()
        };
        let (partition, offset) = (i32::try_from(number("rowkind.partition")).unwrap(), number("rowkind.offset"));
        *places.entry((partition, offset)).or_default() += 1;
        let before = last.insert(record.key.as_deref().unwrap(), offset);
        assert!(before.is_none_or(|before| before < offset), "{:?}: {offset} behind {before:?}", record.key);
    }
    let twice: Vec<_> = places.iter().filter(|(_, n)| **n > 1).collect();
    assert!(twice.is_empty(), "written twice: {twice:?}");
    for partition in 0..n_partitions {
        let missing: Vec<i64> = (0..n_records).filter(|offset| !places.contains_key(&(partition, *offset))).collect();
        assert!(missing.is_empty(), "partition {partition}: missing {missing:?}");
    }
}
