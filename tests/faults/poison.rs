//! Records that cannot be applied, of twenty kinds.

use serde_json::{Value, json};

use crate::harness::{Record, created};

pub(crate) const N_KINDS: usize = 20;

/// A poisoned record of one of the kinds, for a row that no other record is about.
pub(crate) fn record(kind: usize, id: i64) -> Record {
    let key = json!({ "id": id });
    let raw = |payload: &str| Record::raw(payload).keyed(key.clone());
    let row = |column: &str, value: Value| {
        let mut row = json!({"id": id, "seq": 1, "v": "ok", "m": "ok", "parent": 1});
        row[column] = value;
        created("t", row).keyed(key.clone())
    };
    match kind {
        0 => raw(r#"{"op":"c","after":{"#),
        1 => raw(""),
        2 => Record { payload: Some(vec![b'{', 0xFF, 0xFE, b'}']), ..Record::default() }.keyed(key),
        3 => raw("42"),
        4 => raw(r#"[{"op":"c"}]"#),
        5 => raw(&format!("{}1{}", "[".repeat(3_000), "]".repeat(3_000))),
        6 => raw(r#"{"op":"x","before":null,"after":{"id":1}}"#),
        7 => raw(r#"{"op":"c","before":null,"after":null}"#),
        8 => raw(r#"{"op":"c","before":null,"after":[1,2]}"#),
        9 => Record { payload: Some(vec![0, 0, 0, 0, 9, 1]), ..Record::default() }.keyed(key),
        10 => row("v", json!("a\u{0}b")),
        11 => row("seq", json!("many")),
        12 => row("seq", json!(1_i64 << 40)),
        13 => row("seq", json!(true)),
        14 => row("seq", json!({"n": 1})),
        15 => row("seq", json!(null)),
        16 => row("v", json!("x".repeat(1_000))),
        17 => row("m", json!("no such mood")),
        18 => row("parent", json!(404)),
        19 => row("seq", json!(-1)),
        _ => unreachable!("there are {N_KINDS} kinds"),
    }
}
