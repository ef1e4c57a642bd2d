//! Laws, and what connectors do, one case each.

use rowkind_formats::Membership;

use crate::{Bench, check, membership};

#[test]
fn a_transaction_is_applied_when_all_of_it_is_here() {
    check(
        "T a b",
        "a:1#1              |
         T:b1 b:1#1         |
         a:1#2              |
         T:e1(a=2,b=1)      | a:1#1 T:b1 b:1#1 a:1#2 T:e1(a=2,b=1)
         T:b2 T:e2(b=1)     |
         a:-                | a:-
         b:2#1              | T:b2 T:e2(b=1) b:2#1",
    );
}

#[test]
fn what_is_of_no_transaction_goes_with_what_surrounds_it() {
    check(
        "T a b",
        "a:- a:- b:-        | a:- a:- b:-
         a:1#1 a:- b:- T:b1 | b:-
         T:e1(a=1)          | a:1#1 a:- T:b1 T:e1(a=1)",
    );
}

/// The target stands at a commit of the source, whatever else is here already.
#[test]
fn later_transactions_wait() {
    check(
        "T a b",
        "T:b1 T:e1(a=1) T:b2 T:e2(b=1) b:2#1 |
         a:1#1                               | T:b1 T:e1(a=1) T:b2 T:e2(b=1) b:2#1 a:1#1",
    );
}

#[test]
fn tables_that_are_not_read_are_not_waited_for() {
    check("T a", "T:b1 a:1#1 T:e1(a=1,other=7) | T:b1 a:1#1 T:e1(a=1,other=7)");
    // in a topic that does not go by tables, any table may be
    check(
        "T all",
        "T:b1 T:e1(a=1,b=1)  |
         all:1#1@a           |
         all:1#1@b           | T:b1 T:e1(a=1,b=1) all:1#1@a all:1#1@b",
    );
}

#[test]
fn an_empty_transaction_is_one() {
    check("T a", "T:b1 T:e1() | T:b1 T:e1()");
}

#[test]
fn events_of_a_table_in_several_partitions() {
    check(
        "T a a/1 b",
        "T:b1 a:1#2 T:e1(a=3)     |
         a/1:1#1                  |
         a/1:1#3                  | T:b1 a:1#2 T:e1(a=3) a/1:1#1 a/1:1#3",
    );
}

/// Postgres: the connector goes on with its numbers, and says no second begin.
#[test]
fn a_repeat_that_goes_on_with_its_numbers() {
    check(
        "T a b",
        "T:b1 a:1#1 a:1#2           |
         a:1#2 a:1#3 T:e1(a=3,b=1)  |
         b:1#1                      | T:b1 a:1#1 a:1#2 a:1#2 a:1#3 T:e1(a=3,b=1) b:1#1
         a:1#2 a:1#3 T:e1(a=3,b=1)  | a:1#2 a:1#3 T:e1(a=3,b=1)",
    );
}

/// `MySQL`: the connector begins anew and counts only what it writes from there. What it says then may be less than what is
/// still to come, so that all partitions have to have gone on.
#[test]
fn a_repeat_that_begins_anew() {
    check(
        "T a b",
        "T:b1 a:1#1                 |
         T:b1 a:1#1 T:e1(a=1)       |
         b:1#1                      |
         T:b2 T:e2(a=1) a:2#1       |
         T:b3 T:e3(b=1) b:3#1       | T:b1 a:1#1 T:b1 a:1#1 T:e1(a=1) b:1#1 T:b2 T:e2(a=1) a:2#1 T:b3 T:e3(b=1) b:3#1",
    );
    check(
        "T a b",
        "T:b1 a:1#1 T:b1 a:1#1 T:e1(a=1) |
         ~                               | T:b1 a:1#1 T:b1 a:1#1 T:e1(a=1)",
    );
}

#[test]
fn a_stretch_of_whole_transactions_that_comes_again() {
    check(
        "T a b",
        "T:b1 a:1#1 T:e1(a=1) T:b2 b:2#1 T:e2(b=1)      | T:b1 a:1#1 T:e1(a=1) T:b2 b:2#1 T:e2(b=1)
         T:b1 a:1#1 T:e1(a=1) T:b2                      | T:b1 a:1#1 T:e1(a=1) T:b2
         T:e2(b=1) b:2#1                                | T:e2(b=1) b:2#1",
    );
}

/// The one that was broken off is not over when the connector goes back to one before it.
#[test]
fn a_transaction_that_was_broken_off_while_older_ones_come_again() {
    check(
        "T a b",
        "T:b1 a:1#1 T:e1(a=1)           | T:b1 a:1#1 T:e1(a=1)
         T:b2 a:2#1                     |
         T:b1 a:1#1 T:e1(a=1)           |
         T:b2 a:2#1 b:2#1 T:e2(a=1,b=1) |
         ~                              | T:b2 a:2#1 T:b1 a:1#1 T:e1(a=1) T:b2 a:2#1 b:2#1 T:e2(a=1,b=1)",
    );
}

/// `MariaDB` says no end of DDL, and a truncate is DDL.
#[test]
fn a_truncate_that_has_no_end() {
    check(
        "T a",
        "T:b1 a:1#1t    |
         T:b2           | T:b1 a:1#1t
         T:e2()         | T:b2 T:e2()",
    );
    // rows that have none are another thing
    check("T a", "T:b1 a:1#1 T:b2 T:e2() |");
}

#[test]
fn events_that_were_lost() {
    // retention, or a transform: the partition has gone on
    check(
        "T a b",
        "T:b1 T:e1(a=2,b=1) a:1#2 b:1#1    |
         T:b2 T:e2(a=1) a:2#1              | T:b1 T:e1(a=2,b=1) a:1#2 b:1#1 T:b2 T:e2(a=1) a:2#1",
    );
    // a record that cannot be read may be the one
    check("T a", "T:b1 a:? T:e1(a=1) | a:?\n ~ | T:b1 T:e1(a=1)");
    // quiet alone is no reason
    check("T a", "T:b1 a:1#1 T:e1(a=2) ~ |");
}

#[test]
fn what_nothing_may_go_past() {
    check(
        "T a b",
        "T:b1 a:1#1 a:x a:2#1 b:-  | b:-
         T:e1(a=1,b=1) b:1#1       | T:b1 a:1#1 T:e1(a=1,b=1) b:1#1
         T:b2 T:e2(a=1) ~          |",
    );
    // what is behind it does not say that the rest of a transaction was lost
    check("T a", "T:b1 a:1#1 a:x T:e1(a=2) T:b2 a:2#1 T:e2(a=1) ~ |");
    check("T a", "T:b1 a:1#1 T:b1 a:x T:e1(a=1) T:b2 a:2#1 T:e2(a=1) ~ |");
}

#[test]
fn rows_that_say_which_is_the_last() {
    check(
        "all",
        "all:1 all:1         |
         all:1! all:- all:2  | all:1 all:1 all:1! all:-
         all:2! all:3!       | all:2 all:2! all:3!
         all:4 all:3!        |
         all:4 all:4!        | all:4 all:3! all:4 all:4!",
    );
}

#[test]
fn what_was_applied_by_an_earlier_run() {
    let mut bench = Bench::new("T a b");
    for (number, topic, what) in [(0, "T", "e1(a=5)"), (1, "a", "1#5")] {
        let membership: Membership<'_> = membership(topic, what);
        bench.ledger.learn(number, &membership);
    }
    // the end of it comes again
    for record in ["a:1#4", "a:1#5", "T:e1(a=5)"] {
        bench.push(record);
    }
    assert_eq!(bench.take().len(), 3);
}

#[test]
fn who_is_waited_for() {
    let mut bench = Bench::new("T a b");
    assert_eq!(bench.ledger.waiting(), None);
    for record in ["T:b1", "a:1#1", "a:2#1", "T:e1(a=3,b=1)", "T:b2"] {
        bench.push(record);
    }
    assert_eq!(bench.take(), Vec::<String>::new());
    let waiting = bench.ledger.waiting().unwrap();
    assert_eq!((&*waiting.id, waiting.missing.as_str()), ("1", "2 of 3 events of public.a, 1 of 1 events of public.b"));
    assert_eq!(waiting.partitions.into_iter().collect::<Vec<_>>(), [1, 2]);
    bench.push("b:1#1");
    assert_eq!(bench.ledger.waiting().unwrap().missing, "2 of 3 events of public.a");
}
