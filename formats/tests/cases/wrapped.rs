//! `{"schema":…,"payload":…}` around the value, around the key, around one of them.

use crate::check;

/// A schema of `id int32`, `amount Decimal(2)`, `at Timestamp`.
const SCHEMA: &str = r#"{"type":"struct","fields":[{"type":"struct","field":"before","fields":[{"type":"int32","field":"id"},{"type":"bytes","field":"amount","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}},{"type":"int64","field":"at","name":"io.debezium.time.Timestamp"}]},{"type":"struct","field":"after","fields":[{"type":"int32","field":"id"},{"type":"bytes","field":"amount","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}},{"type":"int64","field":"at","name":"io.debezium.time.Timestamp"}]},{"type":"string","field":"op"}]}"#;
const KEY: &str = r#"{"schema":{"type":"struct","fields":[{"type":"int32","field":"id"}]},"payload":{"id":1}}"#;
const ENVELOPE: &str = r#"{"before":null,"after":{"id":1,"amount":"BNI=","at":1709210096789},"op":"c"}"#;

const TYPED: &str = r#"+I t {"id":1,"amount":12.34,"at":"2024-02-29 12:34:56.789"}"#;
const UNTYPED: &str = r#"+I t {"id":1,"amount":"BNI=","at":1709210096789}"#;

#[test]
fn with_a_schema_the_types_are_known() {
    check(&format!(r#"{KEY} => {{"schema":{SCHEMA},"payload":{ENVELOPE}}}"#), TYPED);
}

#[test]
fn key_and_value_need_not_agree() {
    check(&format!(r#"{{"id":1}} => {{"schema":{SCHEMA},"payload":{ENVELOPE}}}"#), TYPED);
    check(&format!("{KEY} => {ENVELOPE}"), UNTYPED);
}

#[test]
fn without_a_schema_values_are_what_the_json_says() {
    check(&format!(r#"{{"id":1}} => {ENVELOPE}"#), UNTYPED);
    check(&format!(r#"{{"id":1}} => {{"schema":null,"payload":{ENVELOPE}}}"#), UNTYPED);
    check(&format!(r#"{{"id":1}} => {{"payload":{ENVELOPE}}}"#), UNTYPED);
}

#[test]
fn the_order_of_schema_and_payload_does_not_matter() {
    check(&format!(r#"{KEY} => {{"payload":{ENVELOPE},"schema":{SCHEMA}}}"#), TYPED);
}

#[test]
fn records_with_and_without_a_schema_mix_in_one_topic() {
    check(
        &format!(
            r#"
            {KEY} => {{"schema":{SCHEMA},"payload":{ENVELOPE}}}
            {{"id":1}} => {ENVELOPE}
            {KEY} => {{"schema":{SCHEMA},"payload":{ENVELOPE}}}
            "#
        ),
        &[TYPED, UNTYPED, TYPED].join("\n"),
    );
}

/// The schema of the record before is known by its text; another one is read, and one that is cut off is none.
#[test]
fn schemas_change_within_a_topic() {
    let scaled = SCHEMA.replace("\"scale\":\"2\"", "\"scale\":\"3\"");
    let cut = SCHEMA.strip_suffix('}').unwrap();
    let thousandths = TYPED.replace("12.34", "1.234");
    check(
        &format!(
            r#"
            {KEY} => {{"schema":{SCHEMA},"payload":{ENVELOPE}}}
            {KEY} => {{"schema": {SCHEMA} ,"payload":{ENVELOPE}}}
            {KEY} => {{"schema":{scaled},"payload":{ENVELOPE}}}
            {KEY} => {{"schema":{SCHEMA},"payload":{ENVELOPE}}}
            {KEY} => {{"schema":{SCHEMA}}},"payload":{ENVELOPE}}}
            {KEY} => {{"schema":{cut},"payload":{ENVELOPE}}}
            {KEY} => {{"schema":{SCHEMA},"payload":{ENVELOPE}}}
            "#
        ),
        &[
            TYPED,
            TYPED,
            &thousandths,
            TYPED,
            &format!("# error: `payload`: expected JSON, found broken JSON at byte {}", SCHEMA.len() + 11),
            &format!(
                "# error: `payload`: expected JSON, found broken JSON at byte {}",
                SCHEMA.len() + 11 + 10 + ENVELOPE.len()
            ),
            TYPED,
        ]
        .join("\n"),
    );
}

#[test]
fn columns_follow_the_payload_and_not_the_schema() {
    check(
        &format!(r#"{KEY} => {{"schema":{SCHEMA},"payload":{{"after":{{"at":0,"id":1}},"op":"c"}}}}"#),
        r#"+I t {"at":"1970-01-01 00:00:00","id":1}"#,
    );
}

#[test]
fn a_schema_of_before_alone_will_do() {
    check(
        r#"{"id":1} => {"schema":{"type":"struct","fields":[{"type":"struct","field":"before","fields":[{"type":"int32","field":"id","name":"io.debezium.time.Date"}]}]},"payload":{"before":{"id":1},"op":"d"}}"#,
        r#"-D t {"id":"1970-01-02"}"#,
    );
}

#[test]
fn null_keys() {
    check(&format!("null => {ENVELOPE}"), UNTYPED);
    check(&format!(r#"{{"schema":null,"payload":null}} => {ENVELOPE}"#), UNTYPED);
    check(&format!(r#"{{"schema":{{"type":"struct","fields":[]}},"payload":null}} => {ENVELOPE}"#), UNTYPED);
}

#[test]
fn a_bare_key_may_have_columns_of_these_names() {
    check(r#"{"schema":"a","payload":1} => {"op":"d"}"#, r#"-D t {"schema":"a","payload":1}"#);
    check(r#"{"payload":1} => {"op":"d"}"#, r#"-D t {"payload":1}"#);
}

#[test]
fn a_key_may_be_wrapped_without_a_schema() {
    check(r#"{"schema":null,"payload":{"id":1}} => {"op":"d"}"#, r#"-D t {"id":1}"#);
}

#[test]
fn a_schema_that_is_none_is_refused() {
    let record = |schema: &str| format!(r#"{{"id":1}} => {{"schema":{schema},"payload":{ENVELOPE}}}"#);
    let none = "# error: `schema`: expected a Connect schema, found a value that is none";
    check(&record("1"), none);
    check(&record(r#""struct""#), none);
    check(&record(r#"{"fields":[]}"#), none);
    check(
        &record(r#"{"type":"struct","fields":[{"type":"string","field":"op"}]}"#),
        "# error: `schema`: expected the fields `before` and `after` of an envelope, found nothing",
    );
    check(
        r#"{"schema":{"type":"int32"},"payload":{"id":1}} => {"op":"d"}"#,
        "# error: `key.schema`: expected a struct of columns, found a primitive type",
    );
}

#[test]
fn a_column_without_a_type_in_the_schema_is_refused() {
    check(
        &format!(r#"{KEY} => {{"schema":{SCHEMA},"payload":{{"after":{{"id":1,"new":2}},"op":"c"}}}}"#),
        "# error: `after.new`: expected the column in the event's schema, found nothing",
    );
    check(
        &format!(r#"{KEY} => {{"schema":{SCHEMA},"payload":{{"before":{{"id":1,"new":2}},"op":"d"}}}}"#),
        "# error: `before.new`: expected the column in the event's schema, found nothing",
    );
    check(
        r#"{"schema":{"type":"struct","fields":[]},"payload":{"id":1}} => {"op":"d"}"#,
        "# error: `key.id`: expected the column in the event's schema, found nothing",
    );
}
