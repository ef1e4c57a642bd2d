//! Records that cannot be decoded: the error says where, what was expected there and what kind of thing it found.

use crate::{check, check_bytes};

#[test]
fn what_is_not_json() {
    let broken = |at: usize| format!("# error: `payload`: expected JSON, found broken JSON at byte {at}");
    check_bytes(b"", &broken(0));
    check_bytes(b"before", &broken(0));
    check_bytes(br#"{"op":"c","after":{"id":1"#, &broken(25));
    check_bytes(b"{\n\"op\":\n c}", &broken(9));
    check_bytes(br#"{"op":"d"} {"op":"d"}"#, &broken(11));
    check_bytes(b"{\"op\":\"c\",\"after\":{\"id\":\"\xff\"}}", &broken(25));
    check_bytes(
        b"\x00\x00\x00\x00\x51\x00\x02",
        "# error: `payload`: expected JSON, found what seems to be Avro behind a schema id (formats debezium-avro, flattened-avro)",
    );
}

#[test]
fn what_is_not_an_object() {
    for (payload, found) in [("[]", "an array"), ("1", "a number"), (r#""c""#, "a string"), ("true", "a boolean")] {
        check_bytes(payload.as_bytes(), &format!("# error: `payload`: expected an object, found {found}"));
    }
    check_bytes(br#"{"schema":null,"payload":[]}"#, "# error: `payload`: expected an object, found an array");
    check_bytes(br#"{"op":"c","op":"d"}"#, "# error: `payload`: expected its fields once each, found an object");
}

#[test]
fn ops() {
    let other = "# error: `op`: expected one of the ops c, r, u, d, t, m, found another";
    check(r#"null => {"before":{"id":1},"after":{"id":1},"op":"x"}"#, other);
    check(r#"null => {"before":{"id":1},"after":{"id":1},"op":""}"#, other);
    check(r#"null => {"after":{"id":1},"op":1}"#, "# error: `op`: expected a string, found a number");
}

#[test]
fn images() {
    let missing = "# error: `after`: expected the row after the change, found nothing";
    for op in ["c", "r", "u"] {
        check(&format!(r#"null => {{"before":{{"id":1}},"after":null,"op":"{op}"}}"#), missing);
        check(
            &format!(r#"null => {{"after":[1],"op":"{op}"}}"#),
            "# error: `after`: expected an object of columns, found an array",
        );
    }
    check(r#"null => {"before":"x","op":"d"}"#, "# error: `before`: expected an object of columns, found a string");
}

#[test]
fn a_record_gives_all_its_rows_or_none() {
    check(
        r#"null => {"before":{"id":1,"v":"\ud800"},"after":{"id":1,"v":"a"},"op":"u"}"#,
        "# error: `before.v`: expected JSON, found broken JSON at byte 7",
    );
    check(
        r#"null => {"before":{"id":1,"v":"a"},"after":{"id":1,"v":"\ud800"},"op":"u"}"#,
        "# error: `after.v`: expected JSON, found broken JSON at byte 7",
    );
    check(
        r#"[1] => {"after":{"id":1},"op":"c"}"#,
        "# error: `key`: expected an object of the key's columns, found an array",
    );
}

#[test]
fn a_bad_record_does_not_harm_the_next() {
    check(
        r#"
        {"id":1} => {"after":{"id":1},"op":"c"}
        {"id":1} => {"before":"x","op":"d"}
        {"id":1} => null
        "#,
        r#"
        +I t {"id":1}
        # error: `before`: expected an object of columns, found a string
        -D t {"id":1}
        "#,
    );
}
