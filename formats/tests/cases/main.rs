//! Records as text, and the changelog that they must give.
//!
//! A record is written `key => payload`, both as JSON text; `null` is a null key or a tombstone. The records of a case
//! are the lines of one text: one topic `t`, one partition, offsets from 0, one decoder.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arrays;
mod asides;
mod avro;
mod bad;
mod canal;
mod cloud_events;
mod encode;
mod flattened;
mod limits;
mod maxwell;
mod membership;
mod mongodb;
mod names;
mod not_sent;
mod ogg;
mod ops;
mod secrets;
mod stamps;
mod stated;
mod tombstones;
mod types;
mod wrapped;

#[path = "../recordings/mod.rs"]
mod recordings;

use rowkind_formats::{Decoder, Record};

/// Decodes the records and compares their outcomes, line by line.
#[track_caller]
fn check(records: &str, expected: &str) {
    check_by(&mut Decoder::default(), records, expected);
}

/// The same by a decoder of the case's own.
#[track_caller]
fn check_by(decoder: &mut Decoder, records: &str, expected: &str) {
    let mut found = String::new();
    for (offset, line) in (0..).zip(records.trim().lines()) {
        let (key, payload) = line.trim().split_once(" => ").expect("a record is `key => payload`");
        let (key, payload) = (bytes(key), bytes(payload));
        found += &recordings::outcome(decoder, &Record { topic: "t", partition: 0, offset, key, payload });
    }
    let trimmed: Vec<_> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(found.trim_end(), trimmed.join("\n"), "of {records}");
}

fn bytes(text: &str) -> Option<&[u8]> {
    (text != "null").then_some(text.as_bytes())
}

/// The same for a payload that is not text.
#[track_caller]
fn check_bytes(payload: &[u8], expected: &str) {
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload) };
    let found = recordings::outcome(&mut Decoder::default(), &record);
    assert_eq!(found.trim_end(), expected);
}

/// What the value of a column comes to whose Connect schema is `ty`: the value in the changelog, or the comment.
fn value_of(ty: &str, value: &str) -> String {
    let found = decode_typed(ty, value);
    match found.trim_end().strip_prefix("+I t {\"x\":").and_then(|rest| rest.strip_suffix('}')) {
        Some(value) => value.to_owned(),
        None => found.trim_end().to_owned(),
    }
}

/// Inserts a row of one column `x`, with the schema that says its type is `ty`.
fn decode_typed(ty: &str, value: &str) -> String {
    let ty = ty.strip_suffix('}').expect("a schema is an object");
    let payload = format!(
        r#"{{"schema":{{"type":"struct","fields":[
            {{"type":"struct","optional":true,"field":"before","fields":[{ty},"optional":true,"field":"x"}}]}},
            {{"type":"struct","optional":true,"field":"after","fields":[{ty},"optional":true,"field":"x"}}]}},
            {{"type":"string","field":"op"}}]}},
          "payload":{{"before":null,"after":{{"x":{value}}},"op":"c"}}}}"#
    );
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
    recordings::outcome(&mut Decoder::default(), &record)
}

/// Every value of a type comes to what stands beside it.
#[track_caller]
fn check_values(ty: &str, values: &[(&str, &str)]) {
    for (value, expected) in values {
        assert_eq!(value_of(ty, value), *expected, "{value} as {ty}");
    }
}
