//! Positions by source, as far as they decide what a repeat is.

use rowkind::dedup::Dedup;
use rowkind_formats::Format;

use crate::{Log, changelog, check, check_records, decoder};

#[test]
fn a_binary_log_is_in_the_order_of_its_files_numbers() {
    check(
        "
        . +U 1 a file=binlog.999999  pos=900 ts_ms=5000
        . +U 1 b file=binlog.1000000 pos=4   ts_ms=5000
        x +U 1 a file=binlog.999999  pos=900 ts_ms=5000
        ",
    );
}

/// Every event of it has its position, and counts its rows from 0.
#[test]
fn events_of_a_compressed_transaction_are_told_apart() {
    check(
        "
        . +U 1 a file=binlog.000004 pos=154 row=3 ts_ms=5001
        . +U 1 b file=binlog.000004 pos=154 row=1 ts_ms=5001
        . +U 1 c file=binlog.000004 pos=154 row=1 ts_ms=5001
        x +U 1 c file=binlog.000004 pos=154 row=1 ts_ms=5001
        ",
    );
}

#[test]
fn where_the_server_changes_the_gtid_counts() {
    // the replica's log has the same transactions at other places, with the server that they are of
    check(
        "
        . +U 1 a file=mysql-bin.000050 pos=1000 gtid=aaaa:100 server_id=1 ts_ms=5000
        . +U 2 a file=mysql-bin.000050 pos=2000 gtid=aaaa:101 server_id=1 ts_ms=5000
        . +U 1 b file=binlog.000002    pos=500  gtid=aaaa:102 server_id=1 ts_ms=5000
        x +U 1 a file=binlog.000002    pos=300  gtid=aaaa:100 server_id=1 ts_ms=5000
        . +U 2 a file=binlog.000002    pos=400  gtid=aaaa:101 server_id=1 ts_ms=5000
        x +U 1 b file=binlog.000002    pos=500  gtid=aaaa:102 server_id=1 ts_ms=5000
        ! +U 1 c file=binlog.000002    pos=600  gtid=bbbb:1   server_id=2 ts_ms=9000
        . +U 2 b file=binlog.000002    pos=700  gtid=bbbb:2   server_id=2 ts_ms=9000
        x +U 1 c file=binlog.000002    pos=600  gtid=bbbb:1   server_id=2 ts_ms=9000
        ",
    );
}

/// Its clock is that of the statement's begin: one that waited for a lock has an earlier one than the change before it.
#[test]
fn a_statement_that_began_earlier_and_came_later_is_applied() {
    check(
        "
        . +U 1 a file=binlog.000004 pos=100 ts_ms=5000
        . +U 1 b file=binlog.000004 pos=200 ts_ms=1000
        x +U 1 b file=binlog.000004 pos=200 ts_ms=1000
        ",
    );
}

/// They order their transactions. The numbers of the changes within one are not in the order of the changes.
#[test]
fn sql_server_and_oracle() {
    check(
        "
        . +U 1 a commit_lsn=0000002a:00000e90:0003 change_lsn=0000002a:00000e90:0002 event_serial_no=2 ts_ms=5
        . +U 1 b commit_lsn=0000002a:00000e90:0003 change_lsn=0000002a:00000e90:0001 event_serial_no=2 ts_ms=5
        x +U 1 b commit_lsn=0000002a:00000e90:0003 change_lsn=0000002a:00000e90:0001 event_serial_no=2 ts_ms=5
        . +U 1 c commit_lsn=0000002a:00000f00:0001 change_lsn=0000002a:00000e80:0001 event_serial_no=2 ts_ms=6
        x +U 1 a commit_lsn=0000002a:00000e90:0003 change_lsn=0000002a:00000e90:0002 event_serial_no=2 ts_ms=5
        ",
    );
    check(
        "
        . +U 1 a commit_scn=100 scn=90 txSeq=2 ts_ms=5000
        . +U 1 b commit_scn=100 scn=90 txSeq=1 ts_ms=5000
        x +U 1 b commit_scn=100 scn=90 txSeq=1 ts_ms=5000
        . +U 1 c commit_scn=101 scn=80 txSeq=1 ts_ms=5000
        x +U 1 a commit_scn=100 scn=90 txSeq=2 ts_ms=5000
        ",
    );
}

#[test]
fn without_a_position_the_last_event_is_known_again() {
    check(
        "
        . +U 1 a ts_ms=5000
        x +U 1 a ts_ms=5000
        . +U 1 a ts_ms=6000
        . +U 1 b ts_ms=6000
        . +U 1 a ts_ms=6000
        . r 1 b ts_ms=7000
        . +U 1 a ts_ms=6000
        ",
    );
}

fn maxwell(ty: &str, id: i64, v: &str, rest: &str) -> String {
    format!(
        r#"{{"database":"shop","table":"t","type":"{ty}","ts":5,"primary_key_columns":["id"],"data":{{"id":{id},"v":"{v}"}},{rest}}}"#
    )
}

/// By its defaults it names a transaction and the row in it. The later transaction may have the lower number.
#[test]
fn maxwell_with_its_defaults() {
    let [a, b, c] = [
        maxwell("insert", 1, "a", r#""xid":20,"commit":true"#),
        maxwell("update", 1, "b", r#""xid":10,"xoffset":0"#),
        maxwell("update", 1, "c", r#""xid":10,"commit":true"#),
    ];
    let bootstrap = maxwell("bootstrap-insert", 1, "c", r#""comment":"""#);
    check_records(
        Format::MaxwellJson,
        &[
            ('.', "null", &a),
            ('.', "null", &b),
            ('.', "null", &c),
            ('.', "null", &bootstrap),
            ('x', "null", &a),
            ('x', "null", &b),
            ('x', "null", &c),
            ('.', "null", &bootstrap),
            ('.', "null", &maxwell("update", 1, "b", r#""xid":10,"xoffset":1"#)),
        ],
    );
}

#[test]
fn maxwell_with_positions() {
    let row = |v, place: &str| maxwell("update", 1, v, place);
    let [a, b, c] = [
        row("a", r#""position":"binlog.000004:100","xid":20"#),
        row("b", r#""position":"binlog.000004:200","xid":10"#),
        row("c", r#""position":"binlog.000004:200","xid":10"#),
    ];
    check_records(
        Format::MaxwellJson,
        &[('.', "null", &a), ('.', "null", &b), ('x', "null", &a), ('.', "null", &c), ('x', "null", &c)],
    );
    let [a, b] = [row("a", r#""gtid":"aaaa:7","xid":20"#), row("b", r#""gtid":"aaaa:8","xid":10"#)];
    check_records(Format::MaxwellJson, &[('.', "null", &a), ('.', "null", &b), ('x', "null", &a), ('x', "null", &b)]);
}

fn canal(ty: &str, es: i64, gtid: &str, rows: &[(i64, &str)]) -> String {
    let rows: Vec<_> = rows.iter().map(|(id, v)| format!(r#"{{"id":"{id}","v":"{v}"}}"#)).collect();
    format!(
        r#"{{"database":"shop","table":"t","type":"{ty}","es":{es},"gtid":"{gtid}","pkNames":["id"],"data":[{}]}}"#,
        rows.join(",")
    )
}

#[test]
fn canal_with_gtids() {
    let [a, b, truncate] = [
        canal("INSERT", 5000, "aaaa:1-7", &[(1, "a"), (2, "a")]),
        canal("UPDATE", 5000, "aaaa:1-8", &[(1, "b")]),
        canal("TRUNCATE", 6000, "aaaa:1-9", &[]),
    ];
    let log = [('.', "null", &*a), ('.', "null", &b), ('x', "null", &a), ('x', "null", &b)];
    check_records(Format::CanalJson, &log);
    let log = [('.', "null", &*a), ('.', "null", &truncate), ('x', "null", &b), ('x', "null", &truncate)];
    check_records(Format::CanalJson, &log);
}

/// `es` is the clock at which a statement began, in whole seconds: what is older by it may be new.
#[test]
fn canal_without_gtids() {
    let update = |es, v| canal("UPDATE", es, "", &[(1, v)]);
    let [a, b, earlier] = [update(5000, "a"), update(5000, "b"), update(1000, "c")];
    check_records(
        Format::CanalJson,
        &[
            ('.', "null", &a),
            ('.', "null", &b),
            ('.', "null", &a),
            ('x', "null", &a),
            ('.', "null", &earlier),
            ('x', "null", &earlier),
        ],
    );
}

#[test]
fn rows_of_one_record_are_no_repeats_of_each_other() {
    let many = canal("UPDATE", 5000, "aaaa:1-7", &[(1, "a"), (1, "b"), (1, "b"), (2, "a")]);
    let record = Log::default().put(0, None, None, Some(many));
    let (dedup, mut decoder) = (Dedup::new(1_000), decoder(Format::CanalJson));
    for _ in 0..2 {
        let mut event = decoder.decode(&record.as_record()).unwrap();
        assert!(dedup.keep(&record.as_record(), &mut event));
        assert_eq!(changelog(&event).lines().count(), 4);
    }
}

#[test]
fn flattened_rows() {
    let row = |v: &str, lsn: i64| {
        format!(r#"{{"id":1,"v":"{v}","__op":"u","__table":"t","__source_lsn":{lsn},"__source_ts_ms":5}}"#)
    };
    let key = r#"{"id":1}"#;
    let [a, b] = [row("a", 10), row("b", 20)];
    check_records(Format::FlattenedJson, &[('.', key, &a), ('.', key, &b), ('x', key, &a), ('x', key, &b)]);
    // nothing added: a delete is a tombstone, and all that is known is what the last row said
    let [a, b] = [r#"{"id":1,"v":"a"}"#, r#"{"id":1,"v":"b"}"#];
    check_records(
        Format::FlattenedJson,
        &[('.', key, a), ('.', key, b), ('x', key, b), ('.', key, "null"), ('.', key, b), ('.', key, a), ('.', key, b)],
    );
}
