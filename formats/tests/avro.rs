//! Avro as `apache-avro` writes it is read as it was meant, whatever the row.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod recordings;

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Decimal, Schema};
use proptest::prelude::*;
use proptest::sample::select;
use recordings::outcome;
use rowkind_formats::{Decoder, Format, Record, Told};

/// A column: its type's schema, a value of it, and the value as the changelog has it.
#[derive(Debug, Clone)]
struct Column {
    schema: String,
    value: Value,
    text: String,
}

fn column(schema: &str, value: Value, text: impl Into<String>) -> Column {
    Column { schema: schema.to_owned(), value, text: text.into() }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("\"\\\\x".to_owned(), |text, byte| text + &format!("{byte:02x}")) + "\""
}

/// A column that is never null.
fn required() -> impl Strategy<Value = Column> {
    prop_oneof![
        any::<bool>().prop_map(|value| column(r#""boolean""#, Value::Boolean(value), value.to_string())),
        any::<i32>().prop_map(|value| column(r#""int""#, Value::Int(value), value.to_string())),
        any::<i16>().prop_map(|value| column(
            r#"{"type":"int","connect.type":"int16"}"#,
            Value::Int(value.into()),
            value.to_string()
        )),
        any::<i64>().prop_map(|value| column(r#""long""#, Value::Long(value), value.to_string())),
        (-1e6_f64..1e6).prop_map(|value| column(r#""double""#, Value::Double(value), java(value))),
        "\\PC{0,40}".prop_map(|value| column(r#""string""#, Value::String(value.clone()), quoted(&value))),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|value| column(
            r#""bytes""#,
            Value::Bytes(value.clone()),
            hex(&value)
        )),
        (-99_999_i64..99_999).prop_map(|unscaled| column(
            r#"{"type":"bytes","logicalType":"decimal","precision":7,"scale":2}"#,
            Value::Decimal(Decimal::from(unscaled.to_be_bytes())),
            format!("{}{}.{:02}", if unscaled < 0 { "-" } else { "" }, unscaled.abs() / 100, unscaled.abs() % 100)
        )),
        select(vec![(0, "open"), (1, "paid")]).prop_map(|(at, symbol)| column(
            r#"{"type":"enum","name":"NAME","symbols":["open","paid"]}"#,
            Value::Enum(at, symbol.to_owned()),
            quoted(symbol)
        )),
        any::<[u8; 3]>().prop_map(|value| column(
            r#"{"type":"fixed","name":"NAME","size":3}"#,
            Value::Fixed(3, value.to_vec()),
            hex(&value)
        )),
        prop::collection::vec(any::<i32>(), 0..4).prop_map(|items| column(
            r#"{"type":"array","items":"int"}"#,
            Value::Array(items.iter().copied().map(Value::Int).collect()),
            quoted(&format!("{{{}}}", items.iter().map(i32::to_string).collect::<Vec<_>>().join(",")))
        )),
        prop::option::of(any::<i64>()).prop_map(|item| column(
            r#"{"type":"map","values":["long","null"]}"#,
            Value::Map(
                item.iter().map(|item| ("k".to_owned(), Value::Union(0, Box::new(Value::Long(*item))))).collect()
            ),
            item.map_or("{}".to_owned(), |item| format!("{{\"k\":{item}}}"))
        )),
        (0_i32..20_000).prop_map(|days| column(
            r#"{"type":"int","connect.name":"io.debezium.time.Date"}"#,
            Value::Int(days),
            quoted(&rowkind_formats::date(days.into()))
        )),
    ]
}

/// A number with a point, as Java prints it in this range.
fn java(value: f64) -> String {
    if value == 0.0 || value.abs() >= 1e-3 {
        let text = value.to_string();
        return if text.contains('.') { text } else { text + ".0" };
    }
    let text = format!("{value:E}");
    if text.contains('.') { text } else { text.replace('E', ".0E") }
}

/// Null, or one that is there; in a union of either order.
fn any_column() -> impl Strategy<Value = Column> {
    (required(), select(vec!["required", "null first", "null last"]), any::<bool>()).prop_map(
        |(Column { schema, value, text }, order, is_null)| {
            let (schema, null, there) = match order {
                "required" => return Column { schema, value, text },
                "null first" => (format!(r#"["null",{schema}]"#), 0, 1),
                _ => (format!(r#"[{schema},"null"]"#), 1, 0),
            };
            if is_null {
                column(&schema, Value::Union(null, Box::new(Value::Null)), "null")
            } else {
                column(&schema, Value::Union(there, Box::new(value)), text)
            }
        },
    )
}

/// An envelope's schema, its bytes behind the id 1, and the text of its row.
fn envelope(columns: Vec<Column>) -> (String, Vec<u8>, String) {
    let (mut fields, mut values, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for (at, Column { schema, value, text }) in columns.into_iter().enumerate() {
        fields.push(format!(r#"{{"name":"c{at}","type":{}}}"#, schema.replace("NAME", &format!("n{at}"))));
        values.push((format!("c{at}"), value));
        texts.push(format!("\"c{at}\":{text}"));
    }
    let row = format!(r#"{{"type":"record","name":"Value","fields":[{}]}}"#, fields.join(","));
    let schema = format!(
        r#"{{"type":"record","name":"Envelope","namespace":"p.s.t","fields":[{{"name":"before","type":["null",{row}]}},
            {{"name":"after","type":["null","Value"]}},{{"name":"op","type":"string"}}]}}"#
    );
    let datum = Value::Record(vec![
        ("before".to_owned(), Value::Union(0, Box::new(Value::Null))),
        ("after".to_owned(), Value::Union(1, Box::new(Value::Record(values)))),
        ("op".to_owned(), Value::String("c".to_owned())),
    ]);
    let mut bytes = vec![0, 0, 0, 0, 1];
    let parsed = Schema::parse_str(&schema).unwrap();
    bytes.extend(GenericDatumWriter::builder(&parsed).build().unwrap().write_value_to_vec(datum).unwrap());
    (schema, bytes, format!("+I t {{{}}}\n", texts.join(",")))
}

fn decoder(schema: &str) -> Decoder {
    let mut decoder = Decoder::new(Format::DebeziumAvro, &Told::default());
    decoder.learn_schema(1, schema, &[]).unwrap();
    decoder
}

proptest! {
    #[test]
    fn every_row_is_read_as_it_was_written(columns in prop::collection::vec(any_column(), 1..8)) {
        let (schema, bytes, expected) = envelope(columns);
        let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(&bytes) };
        prop_assert_eq!(outcome(&mut decoder(&schema), &record), expected);
    }

    #[test]
    fn what_is_cut_off_is_refused(columns in prop::collection::vec(any_column(), 1..8), at in any::<prop::sample::Index>()) {
        let (schema, bytes, _) = envelope(columns);
        // the id stays
        let end = 5 + at.index(bytes.len() - 5);
        let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: bytes.get(..end) };
        let outcome = outcome(&mut decoder(&schema), &record);
        prop_assert!(outcome.contains("expected Avro of the schema 1, found other bytes at byte"), "{}", outcome);
    }
}
