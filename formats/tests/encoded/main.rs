//! What is encoded and decoded again says the same rows, but for what [`said`] lists.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod random;
#[path = "../recordings/mod.rs"]
mod recordings;
mod said;

use std::fmt::Write;
use std::sync::Arc;

use apache_avro::reader::datum::GenericDatumReader;
use recordings::{decoder, jsonl_files, records};
use rowkind_formats::{
    Change, Decoder, Encoded, Encoder, Encoding, Envelopes, ErrorKind, Event, Format, Record, RecordedRecord,
    RowSchema, Stated, Table, Told, Updates, changelog,
};

/// Every encoding, and the format that it is read as.
const ENCODINGS: [(Encoding, Format); 9] = [
    (debezium(false, Updates::Update, true), Format::DebeziumJson),
    (debezium(true, Updates::Update, true), Format::DebeziumJson),
    (debezium(false, Updates::CreateDelete, false), Format::DebeziumJson),
    (debezium(true, Updates::CreateDelete, true), Format::DebeziumJson),
    (
        Encoding::DebeziumAvro { envelopes: Envelopes { updates: Updates::Update, tombstones: true } },
        Format::DebeziumAvro,
    ),
    (Encoding::UpsertJson { schema: false }, Format::FlattenedJson),
    (Encoding::UpsertJson { schema: true }, Format::FlattenedJson),
    (Encoding::CanalJson, Format::CanalJson),
    (Encoding::MaxwellJson, Format::MaxwellJson),
];

const fn debezium(schema: bool, updates: Updates, tombstones: bool) -> Encoding {
    Encoding::DebeziumJson { schema, envelopes: Envelopes { updates, tombstones } }
}

/// An encoding, and the decoder that reads what it writes.
struct Road {
    encoding: Encoding,
    format: Format,
    encoder: Encoder,
    decoder: Decoder,
    /// What the decoder is told of the types that the records do not say.
    told: Option<Arc<RowSchema>>,
    /// Avro schemas, their ids counted from 1.
    schemas: Vec<String>,
    offset: i64,
}

impl Road {
    fn new((encoding, format): (Encoding, Format)) -> Self {
        let (encoder, decoder) = (Encoder::new(encoding), decoder(format));
        Self { encoding, format, encoder, decoder, told: None, schemas: Vec::new(), offset: 0 }
    }

    /// Sends an event there and back, and compares.
    fn check(&mut self, event: &Event<'_>) {
        self.tell(event);
        self.register(event);
        let topic = topic(event);
        let expected = said::by(event, self.encoding);
        let records = match (self.encoder.encode(event), &expected) {
            (Ok(records), Ok(_)) => records,
            (Err(error), Err(columns)) => {
                let column = error.path().rsplit('.').next().unwrap_or_default();
                let is_of = columns.iter().any(|name| name == column || error.path().ends_with(&format!(".{name}")));
                assert!(is_of, "{:?} refuses {error} and not {columns:?}", self.encoding);
                return;
            }
            (Err(error), Ok(text)) => panic!("{:?} refuses {text}: {error}", self.encoding),
            (Ok(_), Err(columns)) => panic!("{:?} takes {columns:?} of {}", self.encoding, changelog::text(event)),
        };
        let (mut found, mut written) = (String::new(), String::new());
        let mut not_sent = Vec::new();
        for record in records {
            if self.format == Format::DebeziumAvro {
                let parts = [record.key, record.payload].into_iter().flatten();
                parts.for_each(|part| assert_is_avro(part, &self.schemas));
            }
            let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or(b"null")).into_owned();
            let _ = writeln!(written, "{} => {}", text(record.key), text(record.payload));
            let Encoded { key, payload } = record;
            let record = Record { topic: &topic, partition: 0, offset: self.offset, key, payload };
            self.offset += 1;
            match self.decoder.decode(&record) {
                Ok(event) => {
                    found += &changelog::text(&event);
                    not_sent.extend(names_not_sent(&event));
                }
                Err(error) => drop(writeln!(found, "# error: {error}")),
            }
        }
        let (found, expected) = match self.format {
            Format::DebeziumAvro => (one_spelling(&found), expected.map(|text| one_spelling(&text))),
            _ => (found, expected),
        };
        assert_eq!(Ok(found), expected, "by {:?} in\n{written}", self.encoding);
        if is_with_schema(self.encoding) && matches!(self.format, Format::DebeziumJson | Format::DebeziumAvro) {
            assert_eq!(not_sent, names_not_sent(event), "by {:?}", self.encoding);
        }
    }

    /// Tells the decoder what types an event has whose records will not say it. Another schema makes another decoder.
    fn tell(&mut self, event: &Event<'_>) {
        let Event::Change(Change { schema: Some(schema), table, .. }) = event else { return };
        if self.told.as_ref().is_some_and(|told| Arc::ptr_eq(told, schema) || told == schema) {
            return;
        }
        let stated = said::stated(schema, self.encoding).map(|(column, ty)| Stated { table: path(table), column, ty });
        let told = Told { columns: stated.collect(), time_zone: "UTC".parse().ok(), ..Told::default() };
        self.decoder = Decoder::new(self.format, &told);
        for (id, schema) in (1..).zip(&self.schemas) {
            self.decoder.learn_schema(id, schema, &[]).unwrap();
        }
        self.told = Some(Arc::clone(schema));
    }

    /// Is the registry of the schemas that the encoder asks for.
    fn register(&mut self, event: &Event<'_>) {
        while let Err(error) = self.encoder.encode(event)
            && let ErrorKind::UnregisteredSchema { schema } = error.kind()
        {
            self.schemas.push(schema.to_string());
            let id = u32::try_from(self.schemas.len()).unwrap();
            self.encoder.register(schema, id);
            self.decoder.learn_schema(id, schema, &[]).unwrap();
        }
    }
}

/// Another reader takes it for a datum of its schema, and nothing is left.
fn assert_is_avro(bytes: &[u8], schemas: &[String]) {
    let ([_, id @ ..], mut datum) = bytes.split_first_chunk::<5>().unwrap();
    let id = usize::try_from(u32::from_be_bytes(*id)).unwrap();
    let schema = apache_avro::Schema::parse_str(schemas.get(id - 1).unwrap()).unwrap();
    GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut datum).unwrap();
    assert!(datum.is_empty());
}

/// Avro keeps a floating-point number and not its digits: `1e-7` comes back as Java spells it, and a `float` with the digits
/// that it needs.
fn one_spelling(changelog: &str) -> String {
    let is_of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+');
    let mut out = String::new();
    for part in changelog.split_inclusive(|c| !is_of_number(c)) {
        let (number, rest) = part.split_at(part.trim_end_matches(|c| !is_of_number(c)).len());
        match number.parse::<f32>() {
            Ok(float) => write!(out, "{float:e}").unwrap(),
            _ => out += number,
        }
        out += rest;
    }
    out
}

pub(crate) fn is_with_schema(encoding: Encoding) -> bool {
    matches!(
        encoding,
        Encoding::DebeziumJson { schema: true, .. }
            | Encoding::DebeziumAvro { .. }
            | Encoding::UpsertJson { schema: true }
    )
}

fn names_not_sent(event: &Event<'_>) -> Vec<String> {
    let Event::Change(change) = event else { return Vec::new() };
    change.rows.iter().flat_map(|row| &row.not_sent).map(ToString::to_string).collect()
}

fn path(table: &Table<'_>) -> String {
    table.namespace().map_or(String::new(), |namespace| format!("{namespace}.")) + &table.name
}

/// A topic of the event's table alone, which ends in its name.
fn topic(event: &Event<'_>) -> String {
    match event {
        Event::Change(Change { table, .. })
        | Event::Truncate { table, .. }
        | Event::Tombstone { table: Some(table), .. } => {
            format!("t.{}", path(table))
        }
        _ => "t".to_owned(),
    }
}

/// Sends all records of a folder there and back, by every encoding.
fn check(format: Format, folder: &str) {
    let mut n_events = 0;
    for file in jsonl_files(folder) {
        let records = records(&file);
        for encoding in ENCODINGS {
            n_events += check_by(encoding, format, &records);
        }
    }
    assert!(n_events > 0, "{folder} holds events");
}

fn check_by(encoding: (Encoding, Format), format: Format, records: &[RecordedRecord]) -> usize {
    let mut decoder = decoder(format);
    let mut roads = std::collections::BTreeMap::new();
    for record in records {
        let event = decoder.decode(&record.as_record()).unwrap();
        roads.entry(topic(&event)).or_insert_with(|| Road::new(encoding)).check(&event);
    }
    records.len()
}

#[test]
fn debezium_of_postgres() {
    for variant in ["json", "json-schema", "json-string", "json-connect"] {
        check(Format::DebeziumJson, &format!("debezium-json/postgres/{variant}"));
    }
}

#[test]
fn debezium_of_mysql() {
    for variant in ["json", "json-schema", "json-string", "json-connect"] {
        check(Format::DebeziumJson, &format!("debezium-json/mysql/{variant}"));
    }
}

#[test]
fn debezium_of_mariadb() {
    for variant in ["json", "json-schema", "json-string", "json-connect"] {
        check(Format::DebeziumJson, &format!("debezium-json/mariadb/{variant}"));
    }
}

#[test]
fn shop() {
    check(Format::DebeziumJson, "shop");
    check(Format::DebeziumJson, "shop/plain");
}

#[test]
fn flattened() {
    for folder in ["postgres/rewrite", "postgres/tombstone", "mysql/rewrite"] {
        check(Format::FlattenedJson, &format!("flattened-json/{folder}"));
    }
}

#[test]
fn canal() {
    for folder in ["mysql", "mysql/by-table", "mariadb", "mariadb/by-table"] {
        check(Format::CanalJson, &format!("canal-json/{folder}"));
    }
}

#[test]
fn maxwell() {
    for folder in ["mysql", "mysql/by-table", "mariadb", "mariadb/by-table"] {
        check(Format::MaxwellJson, &format!("maxwell-json/{folder}"));
    }
}
