//! What the headers of a record say that is written.

use rdkafka::message::{Header, OwnedHeaders};
use rowkind_formats::Record;

use crate::source::add_headers;

/// Where the rows of a record come from.
pub(super) fn of_row(origin: &Record<'_>) -> OwnedHeaders {
    let (partition, offset) = (origin.partition.to_string(), origin.offset.to_string());
    OwnedHeaders::new_with_capacity(3)
        .insert(Header { key: "rowkind.topic", value: Some(origin.topic) })
        .insert(Header { key: "rowkind.partition", value: Some(&partition) })
        .insert(Header { key: "rowkind.offset", value: Some(&offset) })
}

/// A reject's own, and those of Kafka Connect's dead letter queues (KIP-298), which tools read.
pub(crate) fn of_reject(pipeline: &str, origin: &Record<'_>, reason: &str, own: &str) -> OwnedHeaders {
    let (partition, offset) = (origin.partition.to_string(), origin.offset.to_string());
    let said = [
        ("__connect.errors.topic", origin.topic),
        ("__connect.errors.partition", &partition),
        ("__connect.errors.offset", &offset),
        ("__connect.errors.connector.name", pipeline),
        ("__connect.errors.exception.message", reason),
    ];
    said.iter().fold(add_headers(own, OwnedHeaders::new()), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(*value) })
    })
}
