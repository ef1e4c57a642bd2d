//! What holds for every input.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod recordings;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use recordings::{decoder, decoder_of, jsonl_files, outcome, records};
use rowkind_formats::{
    Change, Decoder, DocumentForm, Encoder, Encoding, Envelopes, Event, Format, Geometry, Record, RecordedRecord,
    Structured, TimeUnit, Told, Updates, changelog, date, decimal_text, interval, local_date, local_time,
    local_timestamp, structured_text, time, timestamp, zoned_time, zoned_timestamp,
};
use serde_json::json;

/// Records of sources that none was recorded of.
const WRITTEN: &[(Format, &str, &str)] = &[
    (
        Format::OggJson,
        r#"{"ID":1}"#,
        r#"{"table":"C.S.T","op_type":"U","op_ts":"2020-05-13 15:40:06.000000","pos":"0143","primary_keys":["ID"],"before":{"ID":1,"A":"a","A_isMissing":false},"after":{"ID":2,"B":null,"B_isMissing":true}}"#,
    ),
    (Format::OggJson, r#"{"ID":1}"#, r#"{"table":"S.T","op_type":"D","before":{}}"#),
    (
        Format::MaxwellJson,
        "x",
        r#"{"type":"table-create","database":"cdc_a","table":"t","def":{"database":"cdc_a","table":"t","columns":[{"type":"bigint","name":"id","signed":false},{"type":"text","name":"v","charset":"binary"},{"type":"set","name":"s","enum-values":["a"]}],"primary-key":["id"]},"ts":1}"#,
    ),
    (
        Format::DebeziumJson,
        r#"{"id":"{\"$oid\": \"596e275826f08b2730779e1f\"}"}"#,
        r#"{"before":"{\"_id\": {\"$oid\": \"x\"},\"a\": 1,\"b\": {\"$binary\": \"AP8=\", \"$type\": \"00\"}}","after":"{\"a\": {\"$date\": {\"$numberLong\": \"-1\"}}}","updateDescription":{"removedFields":["b"]},"source":{"db":"d","collection":"c","ord":1},"op":"u"}"#,
    ),
];

/// Records of every kind: all ops and types, with and without their schema. Of each of Debezium's topics the first two,
/// which are its snapshot, and the last four, which are its changes.
static RECORDED: LazyLock<Vec<(Format, RecordedRecord)>> = LazyLock::new(|| {
    let written = |(format, key, payload): &(Format, &str, &str)| {
        let (key, payload) = (Some(key.as_bytes().to_vec()), Some(payload.as_bytes().to_vec()));
        let topic = "t".to_owned();
        (*format, RecordedRecord { topic, key, payload, ..RecordedRecord::default() })
    };
    let mut some: Vec<_> = WRITTEN.iter().map(written).collect();
    for (format, folders) in [
        (
            Format::DebeziumJson,
            &[
                "debezium-json/postgres/json",
                "debezium-json/postgres/json-schema",
                "debezium-json/postgres/json-string",
                "debezium-json/postgres/json-connect",
                "debezium-json/mysql/json-schema",
            ][..],
        ),
        (Format::FlattenedJson, &["flattened-json/postgres/rewrite", "flattened-json/postgres/tombstone"]),
        (Format::CanalJson, &["canal-json/mysql"]),
        (Format::MaxwellJson, &["maxwell-json/mysql"]),
        (Format::DebeziumAvro, &[AVRO]),
    ] {
        for file in folders.iter().flat_map(|folder| jsonl_files(folder)) {
            let records = records(&file);
            let (n_records, of_all_tables) = (records.len(), matches!(format, Format::CanalJson | Format::MaxwellJson));
            let is_wanted = |at: usize| of_all_tables || at < 2 || at + 4 >= n_records;
            let wanted = records.into_iter().enumerate().filter(|(at, _)| is_wanted(*at));
            some.extend(wanted.map(|(_, record)| (format, record)));
        }
    }
    some
});

/// A folder with a registry.
const AVRO: &str = "debezium-avro/postgres";

/// Everything that can be read out of a record.
fn read(decoder: &mut Decoder, record: &Record<'_>) {
    let Ok(event) = decoder.decode(record) else { return };
    changelog::text(&event);
    changelog::json(&event, record, None);
    if let Event::Change(Change { origin, .. }) | Event::Truncate { origin, .. } = &event {
        origin.stamp();
    }
}

fn read_by_all(record: &Record<'_>) {
    for (_, format) in Format::WORDS {
        read(&mut decoder(format), record);
        let told = Told { documents: DocumentForm::Fields, ..Told::default() };
        read(&mut Decoder::new(format, &told), record);
    }
}

/// A decoder that knows the schemas of what was recorded in Avro.
fn knowing(format: Format) -> Decoder {
    if format == Format::DebeziumAvro { decoder_of(format, AVRO) } else { decoder(format) }
}

/// Encodes an event in every form.
fn encode_by_all(event: &Event<'_>) {
    let (envelopes, flinks) = (Envelopes::default(), Envelopes { updates: Updates::CreateDelete, tombstones: false });
    for encoding in [
        Encoding::DebeziumJson { schema: false, envelopes: flinks },
        Encoding::DebeziumJson { schema: true, envelopes },
        #[cfg(feature = "avro")]
        Encoding::DebeziumAvro { envelopes },
        Encoding::UpsertJson { schema: true },
        Encoding::CanalJson,
        Encoding::MaxwellJson,
    ] {
        let _ = Encoder::new(encoding).encode(event).map(Iterator::count);
    }
}

/// What one mutation does to bytes, at a place in them.
#[derive(Debug, Clone)]
enum Mutation {
    Replace(Index, Vec<u8>),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Cut(Index),
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let at = |index: &Index| index.index(bytes.len() + 1);
        match self {
            Self::Replace(index, new) => {
                let from = at(index);
                let to = (from + new.len()).min(bytes.len());
                bytes.splice(from..to, new.iter().copied());
            }
            Self::Insert(index, new) => {
                let from = at(index);
                bytes.splice(from..from, new.iter().copied());
            }
            Self::Remove(index, n_bytes) => {
                let from = at(index);
                bytes.drain(from..(from + n_bytes).min(bytes.len()));
            }
            Self::Cut(index) => bytes.truncate(at(index)),
        }
    }
}

/// Bytes that matter to JSON and to the decoder's own parsers, or any.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let tokens = r#"" \ \ud800 { } [ ] , : null true 0 - . e9 99999999999999999999 é T Z P = "op":"d" "scale":"-9" "__deleted":"true" "__op":"d" "data":{ "iodebeziumop":"c" "type":"UPDATE" "0" "old":[{}] bit(9) "op_type":"T" _isMissing \"$date\": \"_id\":"#;
    prop_oneof![
        select(tokens.split(' ').collect::<Vec<_>>()).prop_map(|token| token.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ]
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        (any::<Index>(), bytes()).prop_map(|(at, new)| Mutation::Replace(at, new)),
        (any::<Index>(), bytes()).prop_map(|(at, new)| Mutation::Insert(at, new)),
        (any::<Index>(), 1_usize..40).prop_map(|(at, n_bytes)| Mutation::Remove(at, n_bytes)),
        any::<Index>().prop_map(Mutation::Cut),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(
        key in prop::option::of(prop::collection::vec(any::<u8>(), 0..64)),
        payload in prop::option::of(prop::collection::vec(bytes(), 0..64)),
        offset in any::<i64>(),
    ) {
        let payload = payload.map(|parts| parts.concat());
        let record = Record { topic: "t", partition: 0, offset, key: key.as_deref(), payload: payload.as_deref() };
        read_by_all(&record);
    }

    #[test]
    fn no_mutation_of_a_record_makes_a_decoder_or_encoder_panic(
        (format, record) in any::<Index>().prop_map(|index| index.get(&RECORDED).clone()),
        of_payload in prop::collection::vec(mutation(), 0..4),
        of_key in prop::collection::vec(mutation(), 0..2),
    ) {
        let mutated = |bytes: &Option<Vec<u8>>, mutations: &[Mutation]| {
            let mut bytes = bytes.clone()?;
            for mutation in mutations {
                mutation.apply(&mut bytes);
            }
            Some(bytes)
        };
        let (key, payload) = (mutated(&record.key, &of_key), mutated(&record.payload, &of_payload));
        let record = Record { key: key.as_deref(), payload: payload.as_deref(), ..record.as_record() };
        read(&mut knowing(format), &record);
        let _ = knowing(format).decode(&record).map(|event| encode_by_all(&event));
    }

    #[test]
    fn no_bytes_make_the_reader_of_recorded_records_panic(parts in prop::collection::vec(bytes(), 0..64)) {
        let _ = RecordedRecord::parse(&parts.concat());
    }

    #[test]
    fn a_recorded_record_is_read_back_from_its_line(
        (topic, partition, offset) in ("\\PC{1,9}", any::<i32>(), any::<i64>()),
        timestamp_ms in prop::option::of(0..i64::MAX),
        headers in prop::collection::vec((".{0,5}", prop::option::of(bytes())), 0..4),
        (key, payload) in (prop::option::of(bytes()), prop::option::of(bytes())),
    ) {
        let value = |bytes: Vec<u8>| match String::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(error) => json!({"base64": STANDARD.encode(error.as_bytes())}),
        };
        let headers: Vec<_> = headers.into_iter().flat_map(|(name, bytes)| [json!(name), json!(bytes.map(value))]).collect();
        let headers = if headers.is_empty() { String::new() } else { json!(headers).to_string() };
        let record = RecordedRecord { topic, partition, offset, timestamp_ms, headers, key, payload };
        prop_assert_eq!(RecordedRecord::parse(record.line().as_bytes()).ok(), Some(record));
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in prop_oneof!["\\PC*", "[-+]?[PTZYMDHS0-9.: +-]{0,40}", "[-+]?[0-9]{1,20}-[01][0-9]-[0-3][0-9]T.*",
            "(SRID=[0-9]{1,11};)?(MULTI)?(POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION) ?[(]{0,3}[0-9 ,.e()-]{0,30}[)]{0,3}"]) {
        for parse in [interval, local_date, local_time, local_timestamp, zoned_time, zoned_timestamp] {
            parse(&text);
        }
        Geometry::of_wkt(&text);
    }

    #[test]
    fn no_parts_make_a_structured_time_panic(
        parts in prop::collection::vec((
            select(vec!["year", "month", "day", "hour", "minute", "second", "nanos", "offsetSeconds",
                        "years", "months", "days", "hours", "minutes", "seconds"]),
            prop_oneof![any::<i64>(), -100_i64..3_000],
        ), 0..14),
    ) {
        let object: std::collections::BTreeMap<&str, i64> = parts.into_iter().collect();
        let object = serde_json::to_string(&object).unwrap();
        let dates = [Structured::Date, Structured::Timestamp, Structured::ZonedTimestamp];
        for ty in dates.into_iter().chain([Structured::Time, Structured::ZonedTime, Structured::Duration]) {
            let _ = structured_text(&object, ty);
        }
    }

    #[test]
    fn no_binary_makes_a_geometry_panic(
        order in 0_u8..3, ty in 0_u32..8, n_points in any::<u32>(), points in prop::collection::vec(any::<u8>(), 0..100),
        srid in prop::option::of(any::<u32>()),
        extension in select(vec!["box", "lseg", "path", "polygon", "other"]),
    ) {
        let mut wkb = vec![order];
        wkb.extend(ty.to_le_bytes());
        wkb.extend(n_points.to_le_bytes());
        wkb.extend(points);
        let wkb = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, wkb);
        let srid = srid.map_or("null".to_owned(), |srid| srid.to_string());
        for extensions in ["null".to_owned(), format!(r#"{{"type":"{extension}","closed":"true"}}"#)] {
            let _ = Geometry::parse(&format!(r#"{{"wkb":"{wkb}","srid":{srid},"extensions":{extensions}}}"#));
        }
    }

    #[test]
    fn no_number_of_ticks_makes_a_printer_panic(ticks in any::<i64>()) {
        for unit in [TimeUnit::Millis, TimeUnit::Micros, TimeUnit::Nanos] {
            timestamp(ticks, unit);
            time(ticks, unit);
        }
    }

    #[test]
    fn text_comes_back(text in any::<String>(), name in "\\PC*") {
        let payload = serde_json::json!({ "op": "c", "after": { &name: text } }).to_string();
        let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
        let printed = outcome(&mut Decoder::default(), &record);
        let columns: serde_json::Value = serde_json::from_str(printed.strip_prefix("+I t ").unwrap()).unwrap();
        prop_assert_eq!(columns, serde_json::json!({ name: text }));
    }

    #[test]
    fn a_decimal_prints_its_unscaled_value(unscaled in any::<i128>(), scale in 0_usize..60) {
        let text = decimal_text(&unscaled.to_be_bytes(), i32::try_from(scale).unwrap()).unwrap();
        prop_assert_eq!(text.split_once('.').map_or(0, |(_, decimals)| decimals.len()), scale);
        prop_assert_eq!(text.replace('.', "").parse::<i128>().unwrap(), unscaled);
    }

    #[test]
    fn a_date_is_printed_as_it_was_parsed(days in -700_000_i64..100_000_000) {
        let text = date(days);
        prop_assume!(!text.ends_with(" BC"));
        prop_assert_eq!(local_date(&text), Some(text));
    }

    #[test]
    fn a_timestamp_is_printed_as_it_was_parsed(micros in -60_000_000_000_000_000_i64..9_000_000_000_000_000_000) {
        let text = timestamp(micros, TimeUnit::Micros);
        prop_assert_eq!(local_timestamp(&text), Some(text));
    }

    #[test]
    fn a_time_is_printed_as_it_was_parsed(micros in 0_i64..=86_400_000_000) {
        let text = time(micros, TimeUnit::Micros);
        prop_assert_eq!(local_time(&text), Some(text));
    }
}

#[test]
fn records_without_a_mutation_are_decoded() {
    let mut decoders = Format::WORDS.map(|(_, format)| (format, knowing(format)));
    for (format, record) in RECORDED.iter() {
        let (_, decoder) = decoders.iter_mut().find(|(of, _)| of == format).unwrap();
        let found = outcome(decoder, &record.as_record());
        assert!(!found.contains("# error"), "{found}");
    }
}
