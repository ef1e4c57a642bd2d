//! Debezium's placeholder for a value that it could not send (an unchanged `TOAST`ed column).
//!
//! It takes another form for each type of column; `UnchangedToastedPlaceholder` of debezium-connector-postgres makes
//! them. All are compared on the JSON text, so that a column without a schema is recognised too.

/// `unavailable.value.placeholder` as text: text, varchar, json, jsonb, xml; bytea in hex mode.
const TEXT: &str = r#""__debezium_unavailable_value""#;
/// Its bytes in base64: bytea.
const BASE64: &str = r#""X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==""#;
/// text[], varchar[], json[] …
const TEXT_ARRAY: &str = r#"["__debezium_unavailable_value"]"#;
/// bytea[]
const BASE64_ARRAY: &str = r#"["X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="]"#;
/// uuid[]: the name-based UUID of the placeholder.
const UUID_ARRAY: &str = r#"["b68a35a7-17ad-35b3-af2a-ae46edb4545a"]"#;
/// int2[], int4[], int8[], date[]: the values of its bytes.
const NUMBER_ARRAY: &str =
    "[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]";
/// hstore as a map.
const MAP: &str = r#"{"__debezium_unavailable_value":"__debezium_unavailable_value"}"#;
/// hstore as JSON text.
const MAP_TEXT: &str = r#""{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}""#;

/// Whether the JSON text of a column is the default placeholder in one of its forms.
///
/// Space between the tokens of an array or object is passed over: tools that print JSON again add some.
pub(crate) fn is_placeholder(raw: &str) -> bool {
    let is = |form: &str| raw.bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(form.bytes());
    match raw.as_bytes().first() {
        Some(b'"') => raw == TEXT || raw == BASE64 || raw == MAP_TEXT,
        Some(b'[') => is(TEXT_ARRAY) || is(NUMBER_ARRAY) || is(UUID_ARRAY) || is(BASE64_ARRAY),
        Some(b'{') => is(MAP),
        _ => false,
    }
}
