//! The laws, one by one.

use rowkind::dedup::Dedup;
use rowkind_formats::Format;

use crate::{Log, Marks, changelog, check, decoder};

#[test]
fn a_stretch_that_is_written_again_is_a_repeat() {
    check(
        "
        . +I 1 a lsn=10 ts_ms=5
        . +U 1 b lsn=20 ts_ms=6
        . +I 2 a lsn=25 ts_ms=6
        . -D 1 b lsn=30 ts_ms=7
        x +U 1 b lsn=20 ts_ms=6
        x +I 2 a lsn=25 ts_ms=6
        x -D 1 b lsn=30 ts_ms=7
        . +I 1 c lsn=40 ts_ms=8
        x +I 1 a lsn=10 ts_ms=5
        x +U 1 b lsn=20 ts_ms=6
        x +I 2 a lsn=25 ts_ms=6
        x -D 1 b lsn=30 ts_ms=7
        x +I 1 c lsn=40 ts_ms=8
        . +U 2 d lsn=50 ts_ms=9
        ",
    );
}

#[test]
fn older_is_a_repeat_only_where_the_clock_is_not_later() {
    check(
        "
        . +U 1 a lsn=20 ts_us=5000001
        x +U 1 b lsn=10 ts_us=5000001
        x +U 1 c lsn=10 ts_us=4000001
        ! +U 1 d lsn=10 ts_us=5000002
        ",
    );
    // a clock that shows whole seconds, before and after one that shows more
    check(
        "
        . +U 1 a lsn=20 ts_ms=5000
        x +U 1 b lsn=10 ts_ms=5900
        ! +U 1 c lsn=10 ts_ms=6000
        ",
    );
    check(
        "
        . +U 1 a lsn=20 ts_ms=5900
        x +U 1 b lsn=10 ts_ms=5000
        ! +U 1 c lsn=10 ts_ms=6000
        ",
    );
    // without clocks it may be another log
    check(
        "
        . +U 1 a lsn=20
        . +U 1 b lsn=10
        x +U 1 b lsn=10
        . +U 1 c lsn=9 ts_ms=5
        . +U 1 d lsn=8
        ",
    );
}

#[test]
fn the_same_place_is_a_repeat_only_where_it_says_the_same() {
    check(
        "
        . +U 1 a lsn=20 ts_ms=5
        x +U 1 a lsn=20 ts_ms=5
        . +U 1 b lsn=20 ts_ms=5
        x +U 1 b lsn=20 ts_ms=5
        . -D 1 b lsn=20 ts_ms=5
        . +I 1 b lsn=20 ts_ms=5
        ",
    );
}

#[test]
fn what_cannot_be_compared_is_applied() {
    // another connector, another database, another kind of position
    for other in ["lsn=10 name=other", "lsn=10 db=other", "file=binlog.000001 pos=10", "commit_lsn=1 change_lsn=1"] {
        check(&format!(
            "
            . +U 1 a lsn=20 ts_ms=5 name=shop
            . +U 1 b {other} ts_ms=5
            "
        ));
    }
}

/// With a later clock it is another log: told where there are positions that go another way, and not where there are none.
#[test]
fn another_source_is_another_log() {
    check(
        "
        . +U 1 a lsn=20 ts_ms=5001 name=one
        ! +U 1 b lsn=90 ts_ms=6001 name=other
        . +U 1 c lsn=20 ts_ms=7001 name=one
        ",
    );
    check(
        "
        . +U 1 a ts_ms=5001 name=one
        . +U 1 b ts_ms=6001 name=other
        ",
    );
}

#[test]
fn snapshot_reads_are_never_compared_and_never_known() {
    // a transaction that began before the snapshot and committed after it
    check(
        "
        . r 1 a  lsn=50 ts_ms=9 snapshot=true
        . +U 1 b lsn=40 ts_ms=9
        ",
    );
    // one that was streamed is known on, and the snapshot's read of its row is not compared with it
    check(
        "
        . +U 1 b lsn=40 ts_ms=9
        . r 1 b  lsn=30 ts_ms=8 snapshot=true
        . r 1 b  lsn=40 ts_ms=9 snapshot=incremental
        x +U 1 b lsn=40 ts_ms=9
        x +U 1 a lsn=35 ts_ms=9
        . +I 1 c lsn=60 ts_ms=9 snapshot=last
        . +U 1 d lsn=50 ts_ms=9
        ",
    );
}

#[test]
fn keys_are_not_compared_with_each_other() {
    // concurrent transactions: the second to commit changed its rows first
    check(
        "
        . +U 1 a lsn=20 ts_ms=5
        . +U 2 a lsn=10 ts_ms=6
        . +U 3 a lsn=30 ts_ms=6
        ",
    );
    // COPY: one record of the log for many rows
    check(
        "
        . +I 1 a lsn=10 ts_ms=5
        . +I 2 a lsn=10 ts_ms=5
        . +I 3 a lsn=10 ts_ms=5
        x +I 2 a lsn=10 ts_ms=5
        ",
    );
    // a change of key: both events have its position
    check(
        "
        . +I 1 a lsn=10 ts_ms=5
        . -D 1 a lsn=20 ts_ms=6
        . +I 2 a lsn=20 ts_ms=6
        x -D 1 a lsn=20 ts_ms=6
        x +I 2 a lsn=20 ts_ms=6
        ",
    );
}

#[test]
fn a_lower_position_with_a_later_clock_is_another_log() {
    // RESET MASTER
    check(
        "
        . +I 1 a file=binlog.000009 pos=900 ts_ms=5000
        . +I 2 a file=binlog.000009 pos=950 ts_ms=6000
        ! +U 1 b file=binlog.000001 pos=154 ts_ms=9000
        . +U 2 b file=binlog.000001 pos=254 ts_ms=9000
        . +U 1 c file=binlog.000001 pos=354 ts_ms=10000
        x +U 1 b file=binlog.000001 pos=154 ts_ms=9000
        x +U 2 b file=binlog.000001 pos=254 ts_ms=9000
        x +U 1 c file=binlog.000001 pos=354 ts_ms=10000
        ! +U 1 d file=binlog.000001 pos=154 ts_ms=20000
        . +U 2 d file=binlog.000001 pos=160 ts_ms=20000
        ",
    );
    // and the same statement at the same place
    check(
        "
        . +I 1 a file=binlog.000001 pos=154 ts_ms=5000
        . +I 1 a file=binlog.000001 pos=154 ts_ms=9000
        x +I 1 a file=binlog.000001 pos=154 ts_ms=9000
        ",
    );
    // a database that was restored from its backup
    check(
        "
        . +I 1 a lsn=9000 ts_ms=5001
        ! +U 1 b lsn=5000 ts_ms=9001
        x +U 1 b lsn=5000 ts_ms=9001
        . +U 1 c lsn=5001 ts_ms=9002
        ",
    );
    // a deferred constraint: the delete that came first to be committed was the later one to be written
    check(
        "
        . -D 1 a lsn=20 ts_us=5000001
        ! +I 1 b lsn=10 ts_us=5000002
        ",
    );
}

#[test]
fn another_log_is_told_with_its_place() {
    let (mut marks, mut log) = (Marks::new(Format::DebeziumJson), Log::default());
    marks.judge(&log.record("+I 1 a lsn=9 ts_ms=5001 partition=3"));
    let (mark, told) = marks.judge(&log.record("+U 1 b lsn=8 ts_ms=6001 partition=3 offset=77"));
    assert_eq!(mark, '!');
    let said = told.iter().map(ToString::to_string).collect::<String>();
    assert!(
        said.starts_with("topic shop.public.t, partition 3, offset 77: the log of the source of public.t"),
        "{said}"
    );
    assert_eq!(marks.dedup.counts().n_new_lineages, 1);
}

#[test]
fn a_deleted_row_stays_known() {
    check(
        "
        . +I 1 a lsn=10 ts_ms=5
        . -D 1 a lsn=20 ts_ms=6
        x +I 1 a lsn=10 ts_ms=5
        x -D 1 a lsn=20 ts_ms=6
        ",
    );
}

#[test]
fn memory_is_bounded_and_what_it_forgot_is_applied() {
    let (dedup, mut decoder, mut log) = (Dedup::new(320), decoder(Format::DebeziumJson), Log::default());
    let mut is_kept = |event: &str| {
        let record = log.record(event);
        let record = record.as_record();
        dedup.keep(&record, &mut decoder.decode(&record).unwrap())
    };
    for key in 0..10_000 {
        assert!(is_kept(&format!("+I {key} a lsn=10 ts_ms=5")));
        assert!(dedup.n_known() <= 320);
    }
    assert!(dedup.n_known() >= 160, "{}", dedup.n_known());
    assert!(is_kept("+I 0 a lsn=10 ts_ms=5"), "it was forgotten");
    for key in 9_960..10_000 {
        assert!(!is_kept(&format!("+I {key} a lsn=10 ts_ms=5")), "{key} was among the last");
    }
}

/// Also of a row that was not written for a while, which is kept elsewhere.
#[test]
fn behind_a_tombstone_no_row_is_known() {
    let (dedup, mut decoder, mut log) = (Dedup::new(320), decoder(Format::DebeziumJson), Log::default());
    let mut is_kept = |event: &str| {
        let record = log.record(event);
        let record = record.as_record();
        dedup.keep(&record, &mut decoder.decode(&record).unwrap())
    };
    for event in ["+I", "~", "+I"] {
        for key in 0..200 {
            let rest = if event == "~" { "" } else { " a lsn=10 ts_ms=5" };
            assert!(is_kept(&format!("{event} {key}{rest}")), "{event} {key}");
        }
    }
}

#[test]
fn partitions_share_what_is_known() {
    // Maxwell and Canal: the key change comes in the partition of the new key
    check(
        "
        . +I 1 a lsn=10 ts_ms=5 partition=0
        . -D 1 a lsn=20 ts_ms=6 partition=1
        . +I 2 a lsn=20 ts_ms=6 partition=1
        x +I 1 a lsn=10 ts_ms=5 partition=0
        ",
    );
}

#[test]
fn the_tail_of_the_log_is_learned_without_being_counted() {
    let (dedup, mut decoder, mut log) = (Dedup::new(1_000), decoder(Format::DebeziumJson), Log::default());
    let tail = ["+I 1 a lsn=10 ts_ms=5", "+U 1 b lsn=20 ts_ms=6", "+I 1 a lsn=10 ts_ms=5"];
    let mut judge = dedup.judge(None);
    for event in tail {
        let record = log.record(event);
        let record = record.as_record();
        judge.keep(&record, &mut decoder.decode(&record).unwrap());
    }
    dedup.learn(&judge.into_seen());
    assert_eq!(dedup.counts().n_duplicates, 0);
    let record = log.record("+U 1 b lsn=20 ts_ms=6");
    assert!(!dedup.keep(&record.as_record(), &mut decoder.decode(&record.as_record()).unwrap()));
    assert_eq!(dedup.counts().n_duplicates, 1);
}

#[test]
fn an_update_goes_with_its_before_image_and_a_key_change_row_by_row() {
    let (dedup, mut decoder, mut log) = (Dedup::new(1_000), decoder(Format::DebeziumJson), Log::default());
    let mut left = |key: i64, before: &str, after: &str, lsn: i64| {
        let payload = format!(
            r#"{{"op":"u","source":{{"schema":"public","table":"t","lsn":{lsn},"ts_ms":5}},"before":{before},"after":{after}}}"#
        );
        let record = log.put(0, None, Some(format!(r#"{{"id":{key}}}"#)), Some(payload));
        let record = record.as_record();
        let mut event = decoder.decode(&record).unwrap();
        dedup.keep(&record, &mut event);
        changelog(&event)
    };
    let (one, two, three) = (r#"{"id":1,"v":"a"}"#, r#"{"id":1,"v":"b"}"#, r#"{"id":2,"v":"b"}"#);
    let update = format!("-U public.t {one}\n+U public.t {two}\n");
    assert_eq!(left(1, one, two, 20), update);
    assert_eq!(left(1, one, two, 20), "");
    assert_eq!(left(2, two, three, 30), format!("-D public.t {two}\n+I public.t {three}\n"));
    assert_eq!(left(2, two, three, 30), "");
    // of the new key something newer is known, of the old one nothing
    let four = r#"{"id":3,"v":"b"}"#;
    assert_eq!(left(2, four, three, 25), format!("-D public.t {four}\n"));
    assert_eq!(dedup.counts().n_duplicates, 4);
}

#[test]
fn rows_without_a_key_are_left() {
    let (mut marks, mut log) = (Marks::new(Format::DebeziumJson), Log::default());
    for _ in 0..2 {
        let payload = r#"{"op":"c","source":{"table":"t","lsn":5,"ts_ms":5},"after":{"v":"a"}}"#;
        assert_eq!(marks.mark(&log.put(0, None, None, Some(payload.to_owned()))), '.');
    }
}
