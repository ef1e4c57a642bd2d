//! Debezium's unavailable placeholder: the column is absent, and its name is among those that were not sent.

use crate::{check, decode_typed};

const TEXT: &str = r#""__debezium_unavailable_value""#;
const BASE64: &str = r#""X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==""#;
const NUMBERS: &str =
    "[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]";

#[test]
fn in_every_form_with_a_schema() {
    for (ty, value) in [
        (r#"{"type":"string"}"#, TEXT),
        (r#"{"type":"string","name":"io.debezium.data.Json"}"#, TEXT),
        (r#"{"type":"string","name":"io.debezium.data.Xml"}"#, TEXT),
        (r#"{"type":"bytes"}"#, BASE64),
        (r#"{"type":"array","items":{"type":"string"}}"#, r#"["__debezium_unavailable_value"]"#),
        (r#"{"type":"array","items":{"type":"bytes"}}"#, r#"["X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="]"#),
        (r#"{"type":"array","items":{"type":"int16"}}"#, NUMBERS),
        (r#"{"type":"array","items":{"type":"int32"}}"#, NUMBERS),
        (r#"{"type":"array","items":{"type":"int64"}}"#, NUMBERS),
        (r#"{"type":"array","items":{"type":"int32","name":"io.debezium.time.Date"}}"#, NUMBERS),
        (
            r#"{"type":"array","items":{"type":"string","name":"io.debezium.data.Uuid"}}"#,
            r#"["b68a35a7-17ad-35b3-af2a-ae46edb4545a"]"#,
        ),
        (
            r#"{"type":"map","keys":{"type":"string"},"values":{"type":"string"}}"#,
            r#"{"__debezium_unavailable_value":"__debezium_unavailable_value"}"#,
        ),
        (
            r#"{"type":"string","name":"io.debezium.data.Json"}"#,
            r#""{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}""#,
        ),
    ] {
        assert_eq!(decode_typed(ty, value), "+I t {}\n# not sent: x\n", "{value} as {ty}");
    }
}

#[test]
fn in_every_form_without_a_schema() {
    check(
        &format!(
            r#"{{"id":1}} => {{"after":{{"id":1,"tx":{TEXT},"by":{BASE64},"ia":{NUMBERS},"ta":["__debezium_unavailable_value"],"ua":["b68a35a7-17ad-35b3-af2a-ae46edb4545a"],"ba":["X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="],"hm":{{"__debezium_unavailable_value":"__debezium_unavailable_value"}},"hs":"{{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}}","n":2}},"op":"u"}}"#
        ),
        r#"
        +U t {"id":1,"n":2}
        # not sent: tx
        # not sent: by
        # not sent: ia
        # not sent: ta
        # not sent: ua
        # not sent: ba
        # not sent: hm
        # not sent: hs
        "#,
    );
}

#[test]
fn printed_again_with_spaces() {
    let numbers = NUMBERS.replace(',', ", ");
    check(
        &format!(r#"{{"id":1}} => {{"after":{{"ia":{numbers},"ta":[ "__debezium_unavailable_value" ]}},"op":"u"}}"#),
        "
        +U t {}
        # not sent: ia
        # not sent: ta
        ",
    );
}

#[test]
fn in_both_images() {
    check(
        &format!(r#"{{"id":1}} => {{"before":{{"id":1,"tx":{TEXT}}},"after":{{"id":1,"tx":{TEXT}}},"op":"u"}}"#),
        r#"
        -U t {"id":1}
        +U t {"id":1}
        # not sent: tx
        # not sent: tx
        "#,
    );
}

#[test]
fn what_only_contains_it_is_a_value() {
    check(
        r#"{"id":1} => {"after":{"a":"__debezium_unavailable_value ","b":["__debezium_unavailable_value","x"],"c":[95,95],"d":"b68a35a7-17ad-35b3-af2a-ae46edb4545a"},"op":"c"}"#,
        r#"+I t {"a":"__debezium_unavailable_value ","b":["__debezium_unavailable_value","x"],"c":[95,95],"d":"b68a35a7-17ad-35b3-af2a-ae46edb4545a"}"#,
    );
}

#[test]
fn null_is_null() {
    check(r#"{"id":1} => {"after":{"id":1,"tx":null},"op":"u"}"#, r#"+U t {"id":1,"tx":null}"#);
}
