//! The same row gives the same changelog text through JSON with a schema as through Avro.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod recordings;

use std::collections::BTreeSet;

use recordings::{decoder_of, fixture, jsonl_files, outcomes, records};
use rowkind_formats::Format;

#[test]
fn postgres() {
    check("postgres", "a_pg");
}

#[test]
fn mysql() {
    check("mysql", "a_mysql");
}

#[test]
fn mariadb() {
    check("mariadb", "a_maria");
}

/// Two connectors read the same changes of a source. The one that wrote JSON took incremental snapshots too, so that it
/// tells rows again; it adjusted no names.
fn check(source: &str, prefix: &str) {
    let folder = format!("debezium-avro/{source}");
    let mut n_rows = 0;
    for file in jsonl_files(&folder) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let table = name.trim_start_matches(&format!("{prefix}_avro."));
        let json = fixture(&format!("debezium-json/{source}/json-schema/{prefix}_json_schema.{table}"));
        if !json.exists() || ["message", "transaction", "debezium_signal"].iter().any(|no_rows| table.contains(no_rows))
        {
            continue;
        }
        let avro = outcomes(decoder_of(Format::DebeziumAvro, &folder), &records(&file));
        let json = outcomes(decoder_of(Format::DebeziumJson, &folder), &records(&json));
        // Java before 19 prints a digit more than this float needs
        let json = with_adjusted_names(&json).replace("1.17549435E-38", "1.1754944E-38");
        let json: BTreeSet<&str> = json.lines().collect();
        for line in avro.lines() {
            assert!(json.contains(line), "{name}: only Avro gives {line}\nJSON gives {json:#?}");
            n_rows += 1;
        }
        let avro: BTreeSet<&str> = avro.lines().collect();
        let is_read_again = |line: &str| line.starts_with("+I") || line.starts_with("# not sent");
        let missing: Vec<_> = json.iter().filter(|line| !avro.contains(*line) && !is_read_again(line)).collect();
        assert!(missing.is_empty(), "{name}: only JSON gives {missing:#?}");
    }
    assert!(n_rows > 250, "{n_rows}");
}

/// Columns as `field.name.adjustment.mode=avro` names them, which the connector does not take back.
fn with_adjusted_names(changelog: &str) -> String {
    let names = [("\"Näme\":", "\"N_me\":"), ("\"a.b\":", "\"a_b\":"), ("\"quo\\\"te\":", "\"quo_te\":")];
    names.iter().fold(changelog.to_owned(), |text, (name, adjusted)| text.replace(name, adjusted))
}
