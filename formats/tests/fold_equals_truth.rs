//! Folding the changelog of a recorded topic gives the rows that its source table held at the end.
//!
//! Records with a schema are folded here: without one a time is a bare integer and a decimal is base64, and what they
//! mean is for the bridge's `time_precision` and the target's column types to say; its tests do the same with them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod recordings;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use recordings::{decoder_of, fixture, records};
use rowkind_formats::{ColumnType, Decoder, Event, Format, RecordedRecord, Row, RowKind, Value, literal};

#[test]
fn fold_equals_truth_postgres() {
    // the columns of t_ddl are renamed, dropped and filled with defaults, none of which is an event
    check((Format::DebeziumJson, ""), "debezium-json/postgres/truth", &["public.t_ddl"], |table| {
        records(&fixture(&format!("debezium-json/postgres/json-schema/a_pg_json_schema.{table}.jsonl")))
    });
}

#[test]
fn fold_equals_truth_mysql() {
    // what `MySQL` dumps in a form of its own the bridge's tests/types compares
    let in_its_own_form = ["cdc_a.t_ddl", "cdc_a.t_gen", "cdc_a.t_geo", "cdc_a.t_num", "cdc_a.t_text", "cdc_a.t_time"];
    check((Format::DebeziumJson, ""), "debezium-json/mysql/truth", &in_its_own_form, |table| {
        records(&fixture(&format!("debezium-json/mysql/json-schema/a_mysql_json_schema.{table}.jsonl")))
    });
}

#[test]
fn fold_equals_truth_avro() {
    let folder = "debezium-avro/postgres";
    // names are adjusted; the signals are those of another connector
    let except = ["public.t_ddl", "Mixed_Case.Order_Items", "public.debezium_signal"];
    check((Format::DebeziumAvro, folder), "debezium-json/postgres/truth", &except, |table| {
        records(&fixture(&format!("{folder}/a_pg_avro.{table}.jsonl")))
    });
    let folder = "flattened-avro/postgres";
    // what differs above and in JSON; and what another run of the same statements did otherwise
    let except = [
        &except[..],
        &["public.zz_end", "public.t_full", "public.t_nopk", "public.t_trunc", "public.t_toast", "public.customers"],
    ]
    .concat();
    check((Format::FlattenedAvro, folder), "debezium-json/postgres/truth", &except, |table| {
        records(&fixture(&format!("{folder}/a_pg_flat_avro.{table}.jsonl")))
    });
}

#[test]
fn fold_equals_truth_flattened() {
    // without keys a deleted row is not told; truncates are not sent; DDL as above
    let except = ["public.t_nopk", "public.t_trunc", "public.t_ddl"];
    check((Format::FlattenedJson, ""), "debezium-json/postgres/truth", &except, |table| {
        records(&fixture(&format!("flattened-json/postgres/tombstone/a_pg_flat_tombstone.{table}.jsonl")))
    });
}

#[test]
fn fold_equals_truth_shop() {
    let all = records(&fixture("shop/shop.jsonl"));
    check((Format::DebeziumJson, ""), "shop/truth", &[], |table| {
        let of_table = all.iter().filter(|record| record.topic == format!("shop.{table}"));
        of_table.cloned().collect()
    });
}

#[test]
fn fold_equals_truth_canal() {
    for (source, file) in [("mysql", "a_canal_mysql"), ("mariadb", "a_canal_maria")] {
        let all = records(&fixture(&format!("canal-json/{source}/{file}.jsonl")));
        // what is dumped in a form of its own, and latin1 in t_text, the bridge's tests/types compares
        let except = ["cdc_a.t_ddl", "cdc_a.t_geo", "cdc_a.t_num", "cdc_a.t_text"];
        check((Format::CanalJson, ""), &format!("debezium-json/{source}/truth"), &except, |table| {
            let table = table.trim_start_matches("cdc_a.").replace("Order_Items", "Order Items");
            let of_table = format!("\"table\":\"{table}\"");
            let is_of_table = |record: &&RecordedRecord| {
                record.payload.as_deref().is_some_and(|text| String::from_utf8_lossy(text).contains(&of_table))
            };
            all.iter().filter(is_of_table).cloned().collect()
        });
    }
}

/// As Maxwell's own DDL messages define the tables: what the rows alone do not tell.
const DEFINED: [(&str, &str); 8] = [
    ("customers", "id int, name varchar, email varchar, credit decimal, vip tinyint, created timestamp"),
    ("orders", "id bigint unsigned, customer_id int, placed datetime, total decimal, note text"),
    ("order_items", "order_id bigint unsigned, line smallint, sku char, qty int, price decimal"),
    ("t_cpk", "a int, b varchar, v text"),
    ("t_full", "id int, v varchar, w int"),
    ("t_gen", "id int, a int, s varchar, twice int, virt int"),
    ("t_nopk", "a int, b varchar"),
    ("Order_Items", "Id int, Näme varchar, select varchar, a.b int, quo\"te varchar, UPPER tinyint"),
];

#[test]
fn fold_equals_truth_maxwell() {
    let all = records(&fixture("maxwell-json/mysql/a_maxwell_mysql_one.jsonl"));
    // truncates are not sent; what is dumped in a form of its own, and what Maxwell wraps or cuts, the bridge's tests/types
    // compares
    let except =
        ["cdc_a.t_bin", "cdc_a.t_trunc", "cdc_a.t_ddl", "cdc_a.t_geo", "cdc_a.t_num", "cdc_a.t_text", "cdc_a.t_time"];
    check((Format::MaxwellJson, ""), "debezium-json/mysql/truth", &except, |table| {
        let table = table.trim_start_matches("cdc_a.");
        let (_, columns) = DEFINED.iter().find(|(defined, _)| *defined == table).unwrap();
        let name = table.replace("Order_Items", "Order Items");
        let of_table = format!("\"table\":\"{name}\"");
        let is_of_table = |record: &&RecordedRecord| {
            record.payload.as_deref().is_some_and(|text| String::from_utf8_lossy(text).contains(&of_table))
        };
        [defined(&name, columns)].into_iter().chain(all.iter().filter(is_of_table).cloned()).collect()
    });
}

/// The message of a table's creation.
fn defined(table: &str, columns: &str) -> RecordedRecord {
    let column = |column: &str| {
        let (ty, is_unsigned) = column.strip_suffix(" unsigned").map_or((column, false), |column| (column, true));
        let (name, ty) = ty.rsplit_once(' ').unwrap();
        serde_json::json!({ "type": ty, "name": name, "signed": !is_unsigned })
    };
    let columns: Vec<_> = columns.split(", ").map(column).collect();
    let def = serde_json::json!({ "database": "cdc_a", "table": table, "columns": columns });
    let message = serde_json::json!({ "type": "table-create", "database": "cdc_a", "table": table, "def": def });
    let payload = Some(message.to_string().into_bytes());
    RecordedRecord { topic: "ddl".to_owned(), payload, ..RecordedRecord::default() }
}

/// Folds the records of each table that has a truth, and compares row by row.
fn check(
    (format, registry): (Format, &str),
    truth: &str,
    except: &[&str],
    records_of: impl Fn(&str) -> Vec<RecordedRecord>,
) {
    let mut n_tables = 0;
    for entry in fs::read_dir(fixture(truth)).unwrap() {
        let path = entry.unwrap().path();
        let table = path.file_stem().unwrap().to_str().unwrap();
        if except.contains(&table) {
            continue;
        }
        let mut csv = csv(&path).into_iter();
        let columns: Vec<String> = csv.next().unwrap().into_iter().map(Option::unwrap).collect();
        let folded = Fold::of(format, decoder_of(format, registry), &records_of(table));
        let mut found = folded.table(&columns);
        let mut expected: Vec<Vec<String>> = csv.map(|row| folded.truth(table, &columns, row)).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{table} {columns:?}");
        n_tables += 1;
    }
    assert!(n_tables > 0, "{truth} holds no tables");
}

const NULL: &str = "NULL";
const NEVER_SENT: &str = "never sent";

/// A table as its changelog makes it.
#[derive(Default)]
struct Fold {
    /// By the text of the key's values, or of the whole row where there is no key: the columns' texts.
    rows: BTreeMap<Vec<String>, BTreeMap<String, String>>,
    types: BTreeMap<String, ColumnType>,
    is_of_debezium: bool,
}

impl Fold {
    fn of(format: Format, mut decoder: Decoder, records: &[RecordedRecord]) -> Self {
        let is_of_debezium = !matches!(format, Format::CanalJson | Format::MaxwellJson);
        let mut fold = Self { is_of_debezium, ..Self::default() };
        for record in records {
            fold.apply(decoder.decode(&record.as_record()).unwrap());
        }
        fold
    }

    fn apply(&mut self, event: Event<'_>) {
        match event {
            Event::Change(change) => {
                if let Some(schema) = change.schema {
                    self.types.extend(schema.fields.iter().map(|field| (field.name.clone(), field.ty.clone())));
                }
                let names = change.key.map(|key| key.columns.into_iter().map(|column| column.name).collect::<Vec<_>>());
                for row in &change.rows {
                    let key = match &names {
                        Some(names) => names.iter().map(|name| text(row.get(name).unwrap())).collect(),
                        None => row.columns.iter().map(|column| text(&column.value)).collect(),
                    };
                    self.apply_row(key, row, names.is_some());
                }
            }
            Event::Tombstone { key, .. } => {
                let columns = key.expect("a lone tombstone has its key").columns;
                self.rows.remove(&columns.iter().map(|column| text(&column.value)).collect::<Vec<_>>());
            }
            Event::Truncate { .. } => self.rows.clear(),
            Event::Aside(_) => {}
        }
    }

    fn apply_row(&mut self, key: Vec<String>, row: &Row<'_>, has_key: bool) {
        match row.kind {
            RowKind::Insert | RowKind::UpdateAfter => {
                let columns = row.columns.iter().map(|column| (column.name.to_string(), text(&column.value)));
                self.rows.entry(key).or_default().extend(columns);
            }
            // what was not sent with the +U stays
            RowKind::UpdateBefore if has_key => {}
            RowKind::UpdateBefore | RowKind::Delete => drop(self.rows.remove(&key)),
        }
    }

    fn table(&self, columns: &[String]) -> Vec<Vec<String>> {
        let cell = |row: &BTreeMap<String, String>, name: &String| match row.get(name) {
            Some(text) => self.normal(name, text),
            None => NEVER_SENT.to_owned(),
        };
        self.rows.values().map(|row| columns.iter().map(|name| cell(row, name)).collect()).collect()
    }

    /// A row of the truth, as far as the events can tell it.
    fn truth(&self, table: &str, columns: &[String], row: Vec<Option<String>>) -> Vec<String> {
        let id = row.first().cloned().flatten().unwrap_or_default();
        let cell = |(name, cell): (&String, Option<String>)| {
            let text = cell.as_deref().unwrap_or(NULL);
            let differs = if self.is_of_debezium { arrives_as(table, &id, name, text) } else { None };
            let text = match differs {
                Some(arrives) => arrives,
                // MySQL's dump has all digits of a fraction, and a TIMESTAMP without its zone
                None if cell.is_some() && table.starts_with("cdc_a.") => match self.types.get(name) {
                    Some(ColumnType::Timestamp(_) | ColumnType::IsoTimestamp | ColumnType::IsoTime) => {
                        return trim_fraction(text).to_owned();
                    }
                    Some(ColumnType::ZonedTimestamp) => return format!("{}+00", trim_fraction(text)),
                    _ => text,
                },
                None => text,
            };
            self.normal(name, text)
        };
        columns.iter().zip(row).map(cell).collect()
    }

    /// The value behind a text, where the events print the same value otherwise than Postgres's dump.
    fn normal(&self, name: &str, text: &str) -> String {
        match self.types.get(name) {
            _ if text == NULL => text.to_owned(),
            // 1.0 and 1, 1.17549435E-38 and 1.1754944e-38
            Some(ColumnType::Float32) => text.parse::<f32>().unwrap().to_string(),
            Some(ColumnType::Float64) => text.parse::<f64>().unwrap().to_string(),
            Some(ColumnType::Boolean) if matches!(text, "t" | "1") => "true".to_owned(),
            Some(ColumnType::Boolean) if matches!(text, "f" | "0") => "false".to_owned(),
            // money: $92,233.75
            Some(ColumnType::Decimal { .. }) => text.replace(['$', ','], ""),
            Some(ColumnType::Text) if name == "mon" => text.replace(['$', ','], ""),
            Some(ColumnType::Point) => text.replace(".0", ""),
            // to the event hstore is JSON; the target's column says that it is hstore
            Some(ColumnType::Json) if name == "hs" && text.starts_with('{') => literal::hstore_literal(text).unwrap(),
            _ => text.to_owned(),
        }
    }
}

/// What stands in the events for a value of the truth that they do not tell.
fn arrives_as(table: &str, id: &str, column: &str, truth: &str) -> Option<&'static str> {
    Some(match (table, id, column, truth) {
        // interval.handling.mode=numeric, the default: microseconds, a month as 30.4375 days
        ("public.t_time", _, "iv", "1 year 2 mons 3 days 04:05:06.789") => "10303:05:06.789",
        ("public.t_time", _, "iv", "-1 years -2 mons +3 days -04:05:06.7") => "-10159:05:06.7",
        // timetz is sent in UTC
        ("public.t_time", _, "ttz", "12:34:56.789012+02") => "10:34:56.789012+00",
        ("public.t_time", _, "ttz", "00:00:00-12") => "12:00:00+00",
        ("public.t_time", _, "ttz", "23:59:59.999999+14") => "09:59:59.999999+00",
        // bit varying(20) looks like bit(20), and zeros in front are not sent
        ("public.t_misc", _, "vb", "101") => "00000000000000000101",
        ("public.t_misc", _, "vb", "") => "00000000000000000000",
        // the converter's replace.null.with.default
        ("public.t_gen", "2", "s", NULL) => "dflt",
        ("public.customers" | "cdc_a.customers", "4", "credit", NULL) => "0.00",
        // generated columns are in snapshots alone: 1 was updated later, 3 is not in it
        ("public.t_gen", "1", "twice", _) => "2",
        // the key of t_toast changed from 3 to 33, and what was not sent with it is known of 3 alone
        ("public.t_gen", "3", "twice", _) | ("public.t_toast", "33", "big" | "bigj", _) => NEVER_SENT,
        _ => return None,
    })
}

fn text(value: &Value<'_>) -> String {
    match value {
        Value::Null => NULL.to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(text)
        | Value::Text(text)
        | Value::Untyped(text)
        | Value::Embedded(text)
        | Value::WallClock(text)
        | Value::Json(text) => text.to_string(),
        Value::Bits(digits) => digits.clone(),
        Value::Bytes(bytes) => literal::bytea_text(bytes),
        Value::Geometry(geometry) => geometry.native().unwrap().to_owned(),
    }
}

fn trim_fraction(timestamp: &str) -> &str {
    if timestamp.contains('.') { timestamp.trim_end_matches('0').trim_end_matches('.') } else { timestamp }
}

/// The rows of a CSV file, the header's first; a bare `\N` is NULL.
fn csv(path: &Path) -> Vec<Vec<Option<String>>> {
    let file = fs::read_to_string(path).unwrap();
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut in_quotes, mut was_quoted) = (false, false);
    let mut chars = file.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if in_quotes && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => (in_quotes, was_quoted) = (!in_quotes, true),
            ',' | '\n' if !in_quotes => {
                let text = std::mem::take(&mut cell);
                row.push((was_quoted || text != "\\N").then_some(text));
                was_quoted = false;
                if c == '\n' {
                    rows.push(std::mem::take(&mut row));
                }
            }
            c => cell.push(c),
        }
    }
    assert!(row.is_empty() && cell.is_empty(), "{} ends in a newline", path.display());
    rows
}
