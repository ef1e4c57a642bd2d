//! Where and when the source made a change: position, clock, and whether a snapshot read the row.
//!
//! A case is what an event says of its source; a stamp is written as its position, its clock, and `snapshot`.

use rowkind_formats::{Change, Clock, Event, Format, Position, Record, Stamp, changelog};

use crate::recordings::decoder;

/// The stamp of what a payload says.
fn stamp(format: Format, payload: &str) -> Stamp {
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
    match decoder(format).decode(&record).unwrap() {
        Event::Change(Change { origin, .. }) | Event::Truncate { origin, .. } => origin.stamp(),
        other => panic!("no event with a source: {other:?}"),
    }
}

fn text(stamp: Stamp) -> String {
    let clock = stamp.clock.map_or_else(|| "-".to_owned(), |clock| clock.micros().to_string());
    format!("{:?} {clock}{}", stamp.position, if stamp.is_snapshot { " snapshot" } else { "" })
}

/// Debezium's envelope with these fields in its `source`.
fn envelope(op: &str, source: &str) -> String {
    format!(r#"{{"op":"{op}","ts_ms":1,"source":{{"table":"t",{source}}},"after":{{"id":1}}}}"#)
}

fn of_debezium(op: &str, source: &str) -> Stamp {
    stamp(Format::DebeziumJson, &envelope(op, source))
}

#[track_caller]
fn check(source: &str, expected: &str) {
    assert_eq!(text(of_debezium("c", source)), expected, "{source}");
}

#[test]
fn positions_by_connector() {
    let pg = r#""connector":"postgresql","ts_ms":1763700000123,"sequence":"[\"9\",\"23803720\"]","txId":7"#;
    check(&format!(r#"{pg},"lsn":23803720,"xmin":null"#), "Lsn(23803720) 1763700000123000");
    check(
        r#""file":"mysql-bin.000003","pos":154,"row":2,"server_id":1,"ts_ms":5000"#,
        "Binlog { file: 3, pos: 154, row: 2, gtid: 0 } 5000000",
    );
    check(
        r#""gtid":"3e11fa47-71ca-11e1-9e33-c80aa9429562:23","file":"b.1000000","pos":4,"row":99999"#,
        "Binlog { file: 1000000, pos: 4, row: 65535, gtid: 23 } -",
    );
    check(
        r#""change_lsn":"00000027:00000758:0003","commit_lsn":"00000027:00000758:0005","event_serial_no":2"#,
        "Commit { commit: [0, 0, 0, 39, 0, 0, 7, 88, 0, 5], change: [0, 0, 0, 39, 0, 0, 7, 88, 0, 3], serial: 2 } -",
    );
    check(r#""scn":"2122185","commit_scn":"2122186","txSeq":3"#, "Scn { commit: 2122186, scn: 2122185, seq: 3 } -");
    check(r#""ts_ms":1763700000000,"ord":31"#, "Oplog { seconds: 1763700000, ord: 31 } 1763700000000000");
}

#[test]
fn what_has_no_known_order_is_no_position() {
    for source in [
        r#""lsn":null"#,
        r#""lsn":"1:4::0:0""#,
        r#""file":"CommitLog-6-1640.log","pos":7"#,
        r#""file":"binlog.000004""#,
        r#""commit_lsn":"00000027:00000758:0005","change_lsn":null"#,
        r#""commit_lsn":"LSN(7,8a209c)","change_lsn":"LSN(7,8a209c)""#,
        r#""scn":"5","commit_scn":"5:1,6:2""#,
        r#""vgtid":"[{\"keyspace\":\"k\",\"shard\":\"0\",\"gtid\":\"MySQL56/a:1-5\"}]""#,
    ] {
        check(source, "Unknown -");
    }
    let without_source = r#"{"op":"c","after":{"id":1},"ts_ms":5}"#;
    assert_eq!(text(stamp(Format::DebeziumJson, without_source)), "Unknown -");
}

#[test]
fn the_finest_clock_of_the_source() {
    check(r#""ts_ms":5001,"ts_us":5001002,"ts_ns":5001002003"#, "Unknown 5001002");
    check(r#""ts_ms":5001"#, "Unknown 5001000");
    check(r#""ts_ns":5001002003"#, "Unknown 5001002");
    check(r#""ts_ms":null"#, "Unknown -");
    check(r#""ts_ms":0"#, "Unknown -");
}

#[test]
fn snapshot_reads() {
    let is_snapshot = |op, snapshot: &str| of_debezium(op, &format!(r#""snapshot":{snapshot},"lsn":5"#)).is_snapshot;
    for read in [r#""true""#, "true", r#""first""#, r#""last_in_data_collection""#, r#""incremental""#] {
        assert!(is_snapshot("c", read), "{read}");
    }
    for streamed in [r#""false""#, "false", "null"] {
        assert!(!is_snapshot("c", streamed), "{streamed}");
        assert!(is_snapshot("r", streamed), "{streamed}");
    }
}

#[test]
fn a_lineage_is_of_one_connector_database_and_server() {
    let lineage = |source: &str| of_debezium("c", source).lineage;
    let mysql = |server: &str| {
        lineage(&format!(r#""name":"shop","db":"inventory","file":"{server}.000003","pos":154,"row":0,"server_id":1"#))
    };
    assert_eq!(mysql("binlog"), mysql("binlog"));
    assert_ne!(mysql("binlog"), mysql("mysql-bin"));
    for (a, b) in [
        (r#""name":"a","lsn":5"#, r#""name":"b","lsn":5"#),
        (r#""db":"a","lsn":5"#, r#""db":"b","lsn":5"#),
        (r#""file":"b.3","pos":4,"server_id":1"#, r#""file":"b.3","pos":4,"server_id":2"#),
        (r#""file":"b.3","pos":4,"gtid":"a:7""#, r#""file":"b.3","pos":4,"gtid":"b:7""#),
        (r#""file":"b.3","pos":4,"gtid":"0-1-7""#, r#""file":"b.3","pos":4,"gtid":"0-2-7""#),
    ] {
        assert_ne!(lineage(a), lineage(b), "{a} {b}");
    }
    // where a server takes over, the transactions of the other keep their GTIDs and not their places
    let gtid = |file| lineage(&format!(r#""file":"{file}","pos":4,"gtid":"a:7","server_id":1"#));
    assert_eq!(gtid("mysql-bin.000050"), gtid("binlog.000002"));
}

#[test]
fn maxwell() {
    let row = |fields: &str| {
        let payload = format!(r#"{{"database":"shop","table":"t","type":"update","ts":5,"data":{{"id":1}},{fields}}}"#);
        stamp(Format::MaxwellJson, &payload)
    };
    let position = r#""position":"binlog.000004:152360""#;
    for (fields, expected) in [
        (format!(r#"{position},"xid":7,"xoffset":1"#), "Binlog { file: 4, pos: 152360, row: 1, gtid: 0 } 5000000"),
        (
            format!(r#"{position},"gtid":"0-3306-99","xid":7,"commit":true"#),
            "Binlog { file: 4, pos: 152360, row: 65535, gtid: 99 } 5000000",
        ),
        (r#""gtid":"a:7","xid":7,"xoffset":2"#.to_owned(), "Gtid { last: 7, row: 2 } 5000000"),
        (r#""xid":7"#.to_owned(), "Unknown 5000000"),
        (r#""xoffset":7"#.to_owned(), "Unknown 5000000"),
    ] {
        assert_eq!(text(row(&fields)), expected, "{fields}");
    }
    assert_ne!(
        row(&format!(r#"{position},"server_id":1"#)).lineage,
        row(&format!(r#"{position},"server_id":2"#)).lineage
    );
    let name = |fields: &str| match row(fields).position {
        Position::Named(name) => name,
        other => panic!("of {fields}: {other:?}"),
    };
    let row_of_transaction = name(r#""xid":7,"xoffset":0"#);
    assert_eq!(row_of_transaction, name(r#""xid":7,"xoffset":0"#));
    for another in [r#""xid":7,"xoffset":1"#, r#""xid":8,"xoffset":0"#, r#""xid":7,"commit":true"#] {
        assert_ne!(row_of_transaction, name(another), "{another}");
    }
    let bootstrap = r#"{"database":"shop","table":"t","type":"bootstrap-insert","ts":5,"data":{"id":1}}"#;
    assert_eq!(text(stamp(Format::MaxwellJson, bootstrap)), "Unknown 5000000 snapshot");
}

#[test]
fn canal() {
    let row = |ty: &str, gtid: &str| {
        let payload = format!(
            r#"{{"database":"shop","table":"t","type":"{ty}","es":5000,"gtid":"{gtid}","data":[{{"id":"1"}}]}}"#
        );
        text(stamp(Format::CanalJson, &payload))
    };
    assert_eq!(row("INSERT", ""), "Unknown 5000000");
    assert_eq!(row("INSERT", "a:1-100,b:1-7"), "Gtid { last: 107, row: 0 } 5000000");
    assert_eq!(row("TRUNCATE", "a:1-101,b:1-7"), "Gtid { last: 108, row: 0 } 5000000");
}

#[test]
fn added_fields_and_attributes() {
    let flattened = |added: &str| text(stamp(Format::FlattenedJson, &format!(r#"{{"id":1,"__op":"u",{added}}}"#)));
    assert_eq!(flattened(r#""__source_lsn":23803720,"__source_ts_ms":5001,"__ts_ms":9"#), "Lsn(23803720) 5001000");
    assert_eq!(flattened(r#""__lsn":23803720,"__ts_ms":9"#), "Lsn(23803720) -");
    assert_eq!(
        flattened(r#""__source_file":"b.4","__source_pos":152360,"__source_row":1,"__snapshot":"last""#),
        "Binlog { file: 4, pos: 152360, row: 1, gtid: 0 } - snapshot"
    );
    let event = r#"{"specversion":"1.0","iodebeziumop":"c","iodebeziumtable":"t","iodebeziumlsn":"23803720",
        "iodebeziumtsms":"5001","iodebeziumsnapshot":"false","data":{"after":{"id":1}}}"#;
    assert_eq!(text(stamp(Format::DebeziumJson, event)), "Lsn(23803720) 5001000");
}

#[test]
fn a_truncate_has_one_too() {
    let stamp = of_debezium("t", r#""lsn":5,"ts_ms":7"#);
    assert_eq!((stamp.position, stamp.clock), (Position::Lsn(5), Clock::from_micros(7_000)));

    let payload = envelope("t", r#""lsn":5,"ts_ms":7"#);
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
    let event = decoder(Format::DebeziumJson).decode(&record).unwrap();
    let line = r#"{"kind":"-T","table":"t","op":"t","changed_at":"1970-01-01 00:00:00.007+00","position":"0/5","topic":"t","partition":0,"offset":0}"#;
    assert_eq!(changelog::json(&event, &record, None).trim_end(), line);
}
