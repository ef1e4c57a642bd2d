//! What is more than a record may hold is refused by name: bytes, levels, columns.

use crate::{bytes, check, check_by, recordings, value_of};
use rowkind_formats::{ColumnType, Decoder, Format, MAX_LEVELS, Record, Stated, Told};

/// Deep enough to overflow a stack, here or in Postgres.
const BOMB: usize = 100_000;

fn arrays(n_levels: usize) -> String {
    "[".repeat(n_levels) + &"]".repeat(n_levels)
}

fn objects(n_levels: usize) -> String {
    "{\"a\":".repeat(n_levels) + "1" + &"}".repeat(n_levels)
}

/// The JSON string of a text.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn outcome(format: Format, key: &str, payload: &str) -> String {
    let record = Record { topic: "t", partition: 0, offset: 0, key: bytes(key), payload: bytes(payload) };
    recordings::outcome(&mut Decoder::new(format, &Told::default()), &record).trim_end().to_owned()
}

#[test]
fn a_record_of_too_many_bytes() {
    let of_at_most =
        |max_record_bytes| Decoder::new(Format::DebeziumJson, &Told { max_record_bytes, ..Told::default() });
    let record = r#"{"id":1} => {"after":{"id":1},"op":"c"}"#;
    let n_bytes = record.len() - " => ".len();
    check_by(&mut of_at_most(n_bytes), record, r#"+I t {"id":1}"#);
    let too_many = format!("`payload`: expected at most {} bytes, found more", n_bytes - 1);
    check_by(&mut of_at_most(n_bytes - 1), record, &format!("# error: {too_many}"));
    check_by(
        &mut of_at_most(20),
        r#"{"id":"a long key, of no row"} => null"#,
        "# error: `key`: expected at most 20 bytes, found more",
    );
}

#[test]
fn a_record_of_50_mb_where_nothing_is_told() {
    let payload = format!(r#"{{"after":{{"id":1,"v":"{}"}},"op":"c"}}"#, "x".repeat(50 << 20));
    let too_large = "# error: `payload`: expected at most 33554432 bytes, found more";
    for (_, format) in Format::WORDS {
        let found = outcome(format, "null", &payload);
        assert_eq!(found, too_large, "{}", format.word());
    }
}

#[test]
fn levels_of_a_column_without_a_schema() {
    let insert = |value: &str| format!(r#"null => {{"after":{{"id":1,"v":{value}}},"op":"c"}}"#);
    for nested in [arrays, objects] {
        let most = nested(MAX_LEVELS);
        check(&insert(&most), &format!(r#"+I t {{"id":1,"v":{most}}}"#));
        for n_levels in [MAX_LEVELS + 1, BOMB] {
            check(&insert(&nested(n_levels)), "# error: `after.v`: expected at most 1000 levels, found more");
        }
    }
    // many side by side are not deep, and those in a string are none
    let wide = format!("[{}[]]", "{\"a\":[]},".repeat(BOMB));
    check(&insert(&wide), &format!(r#"+I t {{"id":1,"v":{wide}}}"#));
    let text = quoted(&("\\\"".to_owned() + &"[".repeat(BOMB)));
    check(&insert(&format!("[{text}]")), &format!(r#"+I t {{"id":1,"v":[{text}]}}"#));
}

#[test]
fn levels_of_a_column_with_a_schema() {
    let too_deep = "# error: `after.x`: expected at most 1000 levels, found more";
    let json = r#"{"type":"string","name":"io.debezium.data.Json"}"#;
    assert_eq!(value_of(json, &quoted(&arrays(BOMB))), too_deep);
    assert_eq!(value_of(json, &quoted(&arrays(MAX_LEVELS))), quoted(&arrays(MAX_LEVELS)));
    assert_eq!(value_of(r#"{"type":"map"}"#, &objects(BOMB)), too_deep);
    // in a text they are characters
    let text = quoted(&"[".repeat(BOMB));
    assert_eq!(value_of(r#"{"type":"string"}"#, &text), text);
}

#[test]
fn levels_of_a_key_and_of_a_flattened_row() {
    let bomb = arrays(BOMB);
    check(
        &format!(r#"{{"id":{bomb}}} => {{"after":{{"id":1}},"op":"c"}}"#),
        "# error: `key.id`: expected at most 1000 levels, found more",
    );
    check(&format!("{bomb} => null"), "# error: `key`: expected an object of the key's columns, found an array");
    check(&format!("null => {bomb}"), "# error: `payload`: expected an object, found an array");
    assert_eq!(
        outcome(Format::FlattenedJson, "null", &format!(r#"{{"id":1,"v":{bomb}}}"#)),
        "# error: `payload.v`: expected at most 1000 levels, found more"
    );
}

#[test]
fn levels_of_what_is_not_read() {
    let bomb = objects(BOMB);
    check(&format!(r#"null => {{"x":{bomb},"after":{{"id":1}},"op":"c"}}"#), r#"+I t {"id":1}"#);
    check(
        &format!(r#"null => {{"source":{{"table":"t","x":{bomb}}},"after":{{"id":1}},"op":"c"}}"#),
        r#"+I t {"id":1}"#,
    );
}

#[test]
fn levels_of_a_schema() {
    let item = r#"{"type":"array","items":"#;
    let ty = item.repeat(BOMB) + r#"{"type":"int32"}"# + &"}".repeat(BOMB);
    assert_eq!(value_of(&ty, "[]"), "# error: `schema`: expected at most 127 levels, found more");
}

#[test]
fn levels_of_a_row_of_canal_or_maxwell() {
    let bomb = arrays(BOMB);
    let canal = |ty: &str, value: &str| {
        format!(
            r#"{{"database":"d","table":"t","type":"INSERT","isDdl":false,{ty}"pkNames":["id"],"data":[{{"id":"1","v":{value}}}]}}"#
        )
    };
    let typed = canal(r#""mysqlType":{"id":"int","v":"json"},"#, &quoted(&bomb));
    let too_deep = "# error: `data.0.v`: expected at most 1000 levels, found more";
    assert_eq!(outcome(Format::CanalJson, "null", &typed), too_deep);
    assert_eq!(outcome(Format::CanalJson, "null", &canal("", &bomb)), too_deep);
    let maxwell = format!(r#"{{"database":"d","table":"t","type":"insert","ts":1,"data":{{"id":1,"v":{bomb}}}}}"#);
    let too_deep = "# error: `data.v`: expected at most 1000 levels, found more";
    assert_eq!(outcome(Format::MaxwellJson, "null", &maxwell), too_deep);
    let columns = Stated::at_path("d.t.v", &ColumnType::Json);
    check_by(
        &mut Decoder::new(Format::MaxwellJson, &Told { columns, ..Told::default() }),
        &format!("null => {maxwell}"),
        too_deep,
    );
}

#[test]
fn columns_of_a_row() {
    let row = (0..100_000).map(|n| format!("\"c{n}\":{n}")).collect::<Vec<_>>().join(",");
    let too_many = |path: &str| format!("# error: `{path}`: expected at most 10000 columns, found more");
    let debezium = format!(r#"{{"after":{{{row}}},"op":"c"}}"#);
    assert_eq!(outcome(Format::DebeziumJson, "null", &debezium), too_many("after"));
    let key = format!("{{{row}}}");
    assert_eq!(outcome(Format::DebeziumJson, &key, r#"{"after":{"id":1},"op":"c"}"#), too_many("key"));
    assert_eq!(outcome(Format::FlattenedJson, "null", &key), too_many("payload"));
    let canal =
        format!(r#"{{"database":"d","table":"t","type":"INSERT","isDdl":false,"pkNames":["c0"],"data":[{{{row}}}]}}"#);
    assert_eq!(outcome(Format::CanalJson, "null", &canal), too_many("data.0"));
    let maxwell = format!(r#"{{"database":"d","table":"t","type":"insert","ts":1,"data":{{{row}}}}}"#);
    assert_eq!(outcome(Format::MaxwellJson, "null", &maxwell), too_many("data"));
}

#[test]
fn columns_of_a_schema() {
    let fields = (0..100_000).map(|n| format!(r#"{{"type":"int32","field":"c{n}"}}"#)).collect::<Vec<_>>().join(",");
    let image = format!(r#"{{"type":"struct","field":"after","fields":[{fields}]}}"#);
    let payload = format!(
        r#"null => {{"schema":{{"type":"struct","fields":[{image}]}},"payload":{{"after":{{"c0":1}},"op":"c"}}}}"#
    );
    check(&payload, "# error: `schema`: expected at most 10000 columns, found more");
}
