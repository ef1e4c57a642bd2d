//! Truncates and tombstones: what changes rows that it does not name, or does not say where it stands.

use crate::check;

#[test]
fn a_truncate_is_a_repeat_when_it_is_not_newer_than_the_last() {
    check(
        "
        . T lsn=20 ts_ms=5
        x T lsn=20 ts_ms=5
        x T lsn=10 ts_ms=4
        . T lsn=30 ts_ms=6
        x T lsn=20 ts_ms=5
        ! T lsn=10 ts_ms=9
        x T lsn=10 ts_ms=9
        ",
    );
}

#[test]
fn what_is_older_than_a_truncate_is_a_repeat() {
    check(
        "
        . +I 1 a lsn=10 ts_ms=5
        . T lsn=20 ts_ms=6
        . +I 1 b lsn=30 ts_ms=7
        x +I 1 a lsn=10 ts_ms=5
        x T lsn=20 ts_ms=6
        x +I 1 b lsn=30 ts_ms=7
        ",
    );
    // it overtook a row of another partition
    check(
        "
        . T lsn=20 ts_ms=6 partition=1
        x +I 1 a lsn=10 ts_ms=5
        . +I 1 b lsn=30 ts_ms=7
        ",
    );
    // in its own transaction, before and behind it
    check(
        "
        . +I 1 a lsn=10 ts_ms=6
        . T lsn=20 ts_ms=6
        . +I 1 b lsn=30 ts_ms=6
        x +I 1 a lsn=10 ts_ms=6
        ",
    );
    // a log that begins anew, a clock that is not told, another connector
    check(
        "
        . T lsn=20 ts_ms=6
        . +I 1 a lsn=10 ts_ms=9
        . +I 2 a lsn=10
        . +I 3 a lsn=10 ts_ms=6 name=other
        ",
    );
}

/// Its first time was forgotten. The rows behind it come again, and are gone until they do.
#[test]
fn rows_behind_a_truncate_that_was_not_known_for_a_repeat_are_applied_again() {
    check(
        "
        . +I 1 b lsn=30 ts_ms=7
        . +U 1 c lsn=40 ts_ms=8
        . T lsn=20 ts_ms=6
        . +I 1 b lsn=30 ts_ms=7
        . +U 1 c lsn=40 ts_ms=8
        x +U 1 c lsn=40 ts_ms=8
        ",
    );
}

/// Its clock is later than that of the truncate, and so it may be of another log. Then the truncate may be, too.
#[test]
fn a_truncate_is_applied_again_behind_an_older_row_that_was_applied_in_doubt() {
    check(
        "
        . +I 1 a lsn=10 ts_ms=9
        . T lsn=20 ts_ms=6
        . +I 1 a lsn=10 ts_ms=9
        . T lsn=20 ts_ms=6
        x T lsn=20 ts_ms=6
        ",
    );
}

/// The clock alone does not tell two of them apart, and rows may have come between.
#[test]
fn a_truncate_without_a_position_is_applied_and_voids_what_is_known() {
    check(
        "
        . +I 1 a ts_ms=5
        . T ts_ms=5
        . +I 1 a ts_ms=5
        . T ts_ms=5
        . +I 1 a ts_ms=5
        x +I 1 a ts_ms=5
        ",
    );
}

#[test]
fn a_tombstone_that_stands_alone_is_applied_and_its_row_is_not_known_any_more() {
    check(
        "
        . +U 1 a lsn=10 ts_ms=5
        . ~ 1
        . +I 1 b lsn=30 ts_ms=6
        . +U 1 c lsn=40 ts_ms=7
        x +U 1 a lsn=10 ts_ms=5
        . ~ 1
        . +I 1 b lsn=30 ts_ms=6
        . +U 1 c lsn=40 ts_ms=7
        x +I 1 b lsn=30 ts_ms=6
        ",
    );
    // behind its own delete it is nothing
    check(
        "
        . +I 1 a lsn=10 ts_ms=5
        . -D 1 a lsn=20 ts_ms=6
        . ~ 1
        x +I 1 a lsn=10 ts_ms=5
        x -D 1 a lsn=20 ts_ms=6
        . ~ 1
        x -D 1 a lsn=20 ts_ms=6
        ",
    );
}

/// Records of other partitions come between a delete and its tombstone, which is no less its own for that.
#[test]
fn a_tombstone_behind_its_delete_in_another_partitions_company() {
    check(
        "
        . +I 1 a lsn=10 ts_ms=5
        . -D 1 a lsn=20 ts_ms=5
        . -D 2 x lsn=21 ts_ms=5 partition=1
        . ~ 1
        . +I 1 b lsn=30 ts_ms=6
        x +I 1 a lsn=10 ts_ms=5
        x -D 1 a lsn=20 ts_ms=5
        . -D 3 x lsn=40 ts_ms=7 partition=1
        . ~ 1
        x +I 1 b lsn=30 ts_ms=6
        ",
    );
}
