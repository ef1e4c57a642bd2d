//! The row kinds of every op.

use crate::check;

#[test]
fn create_and_read_are_inserts() {
    check(
        r#"
        {"id":1} => {"before":null,"after":{"id":1,"v":"a"},"source":{"db":"shop","schema":"public","table":"t"},"op":"c"}
        {"id":2} => {"before":null,"after":{"id":2,"v":null},"source":{"db":"shop","schema":"public","table":"t"},"op":"r"}
        "#,
        r#"
        +I public.t {"id":1,"v":"a"}
        +I public.t {"id":2,"v":null}
        "#,
    );
}

#[test]
fn update_is_a_pair() {
    check(
        r#"{"id":1} => {"before":{"id":1,"v":"a"},"after":{"id":1,"v":"b"},"source":{"schema":"public","table":"t"},"op":"u"}"#,
        r#"
        -U public.t {"id":1,"v":"a"}
        +U public.t {"id":1,"v":"b"}
        "#,
    );
}

#[test]
fn update_without_a_change_is_a_pair_too() {
    check(
        r#"{"id":1} => {"before":{"id":1,"v":"a"},"after":{"id":1,"v":"a"},"op":"u"}"#,
        r#"
        -U t {"id":1,"v":"a"}
        +U t {"id":1,"v":"a"}
        "#,
    );
}

#[test]
fn update_without_before_is_update_after_alone() {
    check(r#"{"id":1} => {"before":null,"after":{"id":1,"v":"b"},"op":"u"}"#, r#"+U t {"id":1,"v":"b"}"#);
    check(r#"{"id":1} => {"after":{"id":1,"v":"b"},"op":"u"}"#, r#"+U t {"id":1,"v":"b"}"#);
}

#[test]
fn update_of_the_key_is_delete_and_insert() {
    check(
        r#"{"id":2} => {"before":{"id":1,"v":"a"},"after":{"id":2,"v":"a"},"op":"u"}"#,
        r#"
        -D t {"id":1,"v":"a"}
        +I t {"id":2,"v":"a"}
        "#,
    );
}

#[test]
fn update_of_a_part_of_the_key_is_delete_and_insert() {
    check(
        r#"{"b":"x","a":2} => {"before":{"a":1,"b":"x"},"after":{"a":2,"b":"x"},"op":"u"}"#,
        r#"
        -D t {"a":1,"b":"x"}
        +I t {"a":2,"b":"x"}
        "#,
    );
}

#[test]
fn update_without_a_key_stays_an_update() {
    check(
        r#"null => {"before":{"id":1},"after":{"id":2},"op":"u"}"#,
        r#"
        -U t {"id":1}
        +U t {"id":2}
        "#,
    );
}

#[test]
fn before_of_only_the_key_is_printed_as_it_was_sent() {
    check(
        r#"{"id":1} => {"before":{"id":1},"after":{"id":1,"v":"b"},"op":"u"}"#,
        r#"
        -U t {"id":1}
        +U t {"id":1,"v":"b"}
        "#,
    );
}

#[test]
fn delete_is_of_before() {
    check(r#"{"id":1} => {"before":{"id":1,"v":"a"},"after":null,"op":"d"}"#, r#"-D t {"id":1,"v":"a"}"#);
}

#[test]
fn delete_without_before_is_of_the_key() {
    check(r#"{"b":"x","a":1} => {"before":null,"after":null,"op":"d"}"#, r#"-D t {"b":"x","a":1}"#);
    check(r#"{"b":"x","a":1} => {"op":"d"}"#, r#"-D t {"b":"x","a":1}"#);
}

#[test]
fn delete_without_before_is_of_the_key_in_its_type() {
    let key = r#"{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"d","name":"io.debezium.time.Date"}],"optional":false},"payload":{"d":19782}}"#;
    check(&format!(r#"{key} => {{"before":null,"op":"d"}}"#), r#"-D t {"d":"2024-02-29"}"#);
}

#[test]
fn delete_without_before_or_key_is_refused() {
    let expected = "# error: `before`: expected the deleted row, since there is no key, found nothing";
    check(r#"null => {"before":null,"after":null,"op":"d"}"#, expected);
    check(r#"{"schema":null,"payload":null} => {"op":"d"}"#, expected);
}

#[test]
fn truncate_is_of_a_table() {
    check(r#"null => {"before":null,"after":null,"source":{"schema":"public","table":"t"},"op":"t"}"#, "-T public.t");
}

#[test]
fn message_is_not_about_rows() {
    check(
        r#"{"prefix":"app"} => {"op":"m","source":{"schema":"","table":""},"message":{"prefix":"app","content":"aGk="}}"#,
        "# Message",
    );
}

#[test]
fn the_image_of_the_other_side_is_not_looked_at() {
    check(r#"{"id":1} => {"before":{"id":0},"after":{"id":1},"op":"c"}"#, r#"+I t {"id":1}"#);
    check(r#"{"id":1} => {"before":{"id":1},"after":{"id":2},"op":"d"}"#, r#"-D t {"id":1}"#);
}
