//! What the fuzz targets do with their input: split it into records, decode them, print what they say.
//!
//! An input is keys and payloads in turn, between [`SEPARATOR`]s; an empty one is null. Its records go through one decoder,
//! so that what a record leaves behind meets the next. Whatever the bytes, nothing panics.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rowkind_formats::{Decoder, Error, ErrorKind, Event, Format, Record, RecordedRecord, Told, changelog};
use serde_json::value::RawValue;

/// Stands between the parts of an input. Not UTF-8, so that no JSON holds it.
pub const SEPARATOR: &[u8] = b"\xff\xff";

/// The records' topic; a flattened row's table is named after it.
pub const TOPIC: &str = "shop.public.orders";

/// The registries of the recordings in Avro: their folders, and their schemas by id.
const REGISTRIES: [(&str, &str); 4] = [
    ("debezium-avro/postgres", include_str!("../../../fixtures/debezium-avro/postgres/registry.json")),
    ("debezium-avro/mysql", include_str!("../../../fixtures/debezium-avro/mysql/registry.json")),
    ("debezium-avro/mariadb", include_str!("../../../fixtures/debezium-avro/mariadb/registry.json")),
    ("flattened-avro/postgres", include_str!("../../../fixtures/flattened-avro/postgres/registry.json")),
];

/// All their schemas, by the ids that [`renumbered`] gives.
pub static SCHEMAS: LazyLock<BTreeMap<u32, String>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    for (folder, text) in REGISTRIES {
        let schemas: BTreeMap<u32, &RawValue> = serde_json::from_str(text).expect("a registry is schemas by their ids");
        all.extend(schemas.into_iter().map(|(id, raw)| (renumbered(folder, id), raw.get().to_owned())));
    }
    all
});

/// The id of a schema among those of all registries.
pub fn renumbered(folder: &str, id: u32) -> u32 {
    let at = REGISTRIES.iter().position(|(name, _)| *name == folder).expect("the folder has a registry");
    id * 4 + u32::try_from(at).expect("there are four")
}

/// Decodes an input's records.
pub fn decode(format: Format, input: &[u8]) {
    let mut parts = split(input).map(|part| Some(part).filter(|part| !part.is_empty()));
    let mut decoder = decoder(format);
    let mut offset = 0;
    while let Some(key) = parts.next() {
        let payload = parts.next().flatten();
        print(&mut decoder, &Record { topic: TOPIC, partition: 0, offset, key, payload });
        offset += 1;
    }
}

/// The same for an input whose first part is the Avro schema of all the others.
pub fn learn_and_decode(input: &[u8]) {
    let mut parts = split(input);
    let Some(Ok(schema)) = parts.next().map(std::str::from_utf8) else { return };
    let mut decoders = [Format::DebeziumAvro, Format::FlattenedAvro].map(decoder);
    if decoders.iter_mut().any(|decoder| decoder.learn_schema(0, schema, &[]).is_err()) {
        return;
    }
    for (offset, datum) in (0..).zip(parts) {
        let framed = [&[0; 5], datum].concat();
        for decoder in &mut decoders {
            for key in [None, Some(&*framed)] {
                print(decoder, &Record { topic: TOPIC, partition: 0, offset, key, payload: Some(&framed) });
            }
        }
    }
}

/// Decodes lines of recorded records.
pub fn parse_and_decode(input: &[u8]) {
    let mut decoder = decoder(Format::Auto);
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(recorded) = RecordedRecord::parse(line) {
            print(&mut decoder, &recorded.as_record());
        }
    }
}

fn split(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(input);
    std::iter::from_fn(move || {
        let input = rest?;
        let at = input.windows(SEPARATOR.len()).position(|bytes| bytes == SEPARATOR);
        rest = at.map(|at| &input[at + SEPARATOR.len()..]);
        Some(&input[..at.unwrap_or(input.len())])
    })
}

fn decoder(format: Format) -> Decoder {
    Decoder::new(format, &Told { time_zone: "UTC".parse().ok(), ..Told::default() })
}

fn print(decoder: &mut Decoder, record: &Record<'_>) {
    match decode_learning(decoder, record) {
        Ok(event) => drop((changelog::text(&event), changelog::json(&event, record, Some(0)))),
        Err(error) => drop(error.to_string()),
    }
}

/// Decodes as the bridge does: a schema is learnt when a record names it.
fn decode_learning<'a>(decoder: &mut Decoder, record: &Record<'a>) -> Result<Event<'a>, Error> {
    loop {
        match decoder.decode(record) {
            Err(error) => match error.kind() {
                ErrorKind::UnknownSchema { id } if SCHEMAS.contains_key(id) => {
                    decoder.learn_schema(*id, &SCHEMAS[id], &[]).expect("the recordings' schemas are good");
                }
                _ => return Err(error),
            },
            decoded => return decoded,
        }
    }
}
