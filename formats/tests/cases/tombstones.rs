//! Null payloads: alone, behind their delete, wrapped, and in topics of which nothing is known.

use crate::check;

#[test]
fn a_lone_tombstone_deletes_by_key() {
    check(
        r#"
        {"id":1} => {"after":{"id":1,"v":"a"},"source":{"schema":"public","table":"t"},"op":"c"}
        {"id":1} => null
        "#,
        r#"
        +I public.t {"id":1,"v":"a"}
        -D public.t {"id":1}
        "#,
    );
}

#[test]
fn one_that_follows_its_delete_does_nothing() {
    check(
        r#"
        {"id":1} => {"before":{"id":1,"v":"a"},"op":"d"}
        {"id":1} => null
        {"id":1} => {"before":null,"op":"d"}
        {"id":1} => null
        null => {"before":{"a":1},"op":"d"}
        null => null
        "#,
        r#"
        -D t {"id":1,"v":"a"}
        # Tombstone
        -D t {"id":1}
        # Tombstone
        -D t {"a":1}
        # Tombstone
        "#,
    );
}

#[test]
fn one_that_follows_the_delete_of_another_key_deletes() {
    check(
        r#"
        {"id":1} => {"before":{"id":1},"op":"d"}
        {"id":2} => null
        "#,
        r#"
        -D t {"id":1}
        -D t {"id":2}
        "#,
    );
}

#[test]
fn one_behind_a_row_that_was_born_again_deletes() {
    check(
        r#"
        {"id":1} => {"before":{"id":1},"op":"d"}
        {"id":1} => {"after":{"id":1},"op":"c"}
        {"id":1} => null
        "#,
        r#"
        -D t {"id":1}
        +I t {"id":1}
        -D t {"id":1}
        "#,
    );
}

#[test]
fn two_of_one_delete() {
    check(
        r#"
        {"id":1} => {"before":{"id":1},"op":"d"}
        {"id":1} => null
        {"id":1} => null
        "#,
        r#"
        -D t {"id":1}
        # Tombstone
        -D t {"id":1}
        "#,
    );
}

#[test]
fn a_key_change_is_delete_tombstone_insert() {
    check(
        r#"
        {"id":1} => {"before":{"id":1,"v":"a"},"op":"d"}
        {"id":1} => null
        {"id":2} => {"after":{"id":2,"v":"a"},"op":"c"}
        "#,
        r#"
        -D t {"id":1,"v":"a"}
        # Tombstone
        +I t {"id":2,"v":"a"}
        "#,
    );
}

#[test]
fn in_a_topic_never_seen_the_table_is_unknown() {
    check(r#"{"id":1} => null"#, "# tombstone: table unknown, key known");
}

#[test]
fn without_a_key_it_says_nothing() {
    check("null => null", "# tombstone: table unknown, key unknown");
    check(
        r#"
        {"id":1} => {"after":{"id":1},"op":"c"}
        null => null
        "#,
        r#"
        +I t {"id":1}
        # tombstone: table known, key unknown
        "#,
    );
}

#[test]
fn a_wrapped_null_is_a_tombstone() {
    check(
        r#"
        {"id":1} => {"after":{"id":1},"op":"c"}
        {"id":1} => {"schema":{"type":"struct","fields":[]},"payload":null}
        {"id":2} => {"schema":null,"payload":null}
        "#,
        r#"
        +I t {"id":1}
        -D t {"id":1}
        -D t {"id":2}
        "#,
    );
}

#[test]
fn the_key_is_read_in_its_type() {
    check(
        r#"
        {"id":1} => {"after":{"id":1},"op":"c"}
        {"schema":{"type":"struct","fields":[{"type":"int32","field":"d","name":"io.debezium.time.Date"}]},"payload":{"d":0}} => null
        "#,
        r#"
        +I t {"id":1}
        -D t {"d":"1970-01-01"}
        "#,
    );
}

#[test]
fn a_bad_key_is_refused() {
    check(r#"{"id":1 => null"#, "# error: `key`: expected JSON, found broken JSON at byte 7");
    check("1 => null", "# error: `key`: expected an object of the key's columns, found a number");
    check("{} => null", "# error: `key`: expected the key's columns, found nothing");
}
