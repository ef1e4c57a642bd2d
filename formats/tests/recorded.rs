//! Records that capture tools wrote, and the changelog that each file of them must give.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod recordings;

use std::fs;

use recordings::{decoder, decoder_of, fixture, jsonl_files, outcome, outcomes, records};
use rowkind_formats::{ColumnType, Decoder, Format, Stated, Told};

/// Every file of records in the folder gives the changelog that stands beside it, whether its format is stated or found
/// out.
///
/// With `UPDATE_FIXTURES=1` the changelogs are written instead.
fn check(folder: &str) {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    for file in jsonl_files(folder) {
        let found = outcomes(decoder_of(format_of(folder), folder), &records(&file));
        let golden = file.with_extension("changelog");
        if update {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_else(|error| panic!("{}: {error}", golden.display()));
        for (at, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
            assert_eq!(found, expected, "{}:{}", golden.display(), at + 1);
        }
        assert_eq!(found.lines().count(), expected.lines().count(), "lines of {}", golden.display());
        assert_eq!(outcomes(decoder_of(Format::Auto, folder), &records(&file)), found, "{} by auto", file.display());
    }
}

/// The format that a folder of `fixtures/` is named after.
fn format_of(folder: &str) -> Format {
    let word = folder.split('/').next().unwrap_or_default();
    Format::WORDS.iter().find(|(known, _)| *known == word).map_or_else(Format::default, |(_, format)| *format)
}

#[test]
fn postgres_json() {
    check("debezium-json/postgres/json");
}

#[test]
fn postgres_json_schema() {
    check("debezium-json/postgres/json-schema");
}

#[test]
fn postgres_json_string() {
    check("debezium-json/postgres/json-string");
}

#[test]
fn mysql_json() {
    check("debezium-json/mysql/json");
}

#[test]
fn mysql_json_schema() {
    check("debezium-json/mysql/json-schema");
}

#[test]
fn postgres_json_connect() {
    check("debezium-json/postgres/json-connect");
}

#[test]
fn mysql_json_string() {
    check("debezium-json/mysql/json-string");
}

#[test]
fn mysql_json_connect() {
    check("debezium-json/mysql/json-connect");
}

#[test]
fn mariadb_json() {
    check("debezium-json/mariadb/json");
}

#[test]
fn mariadb_json_schema() {
    check("debezium-json/mariadb/json-schema");
}

#[test]
fn mariadb_json_string() {
    check("debezium-json/mariadb/json-string");
}

#[test]
fn mariadb_json_connect() {
    check("debezium-json/mariadb/json-connect");
}

#[test]
fn avro() {
    check("debezium-avro/postgres");
    check("debezium-avro/mysql");
    check("debezium-avro/mariadb");
    check("flattened-avro/postgres");
}

#[test]
fn postgres_flattened_rewrite() {
    check("flattened-json/postgres/rewrite");
}

#[test]
fn postgres_flattened_tombstone() {
    check("flattened-json/postgres/tombstone");
}

#[test]
fn mysql_flattened_rewrite() {
    check("flattened-json/mysql/rewrite");
}

#[test]
fn shop() {
    check("shop");
}

#[test]
fn shop_plain() {
    check("shop/plain");
}

#[test]
fn canal_of_mysql() {
    check("canal-json/mysql");
    check("canal-json/mysql/by-table");
}

#[test]
fn canal_of_mariadb() {
    check("canal-json/mariadb");
    check("canal-json/mariadb/by-table");
}

#[test]
fn maxwell_of_mysql() {
    check("maxwell-json/mysql");
    check("maxwell-json/mysql/by-table");
}

#[test]
fn maxwell_of_mariadb() {
    check("maxwell-json/mariadb");
    check("maxwell-json/mariadb/by-table");
}

/// Canal sends a geometry as the server stores it, Maxwell as text.
#[test]
fn geometries_of_maxwell_are_those_of_canal() {
    for (source, canal, maxwell) in
        [("mysql", "a_canal_mysql", "a_maxwell_mysql_one"), ("mariadb", "a_canal_maria", "a_maxwell_maria_one")]
    {
        let rows = |mut decoder: Decoder, file: &str| {
            let records = records(&fixture(file));
            let lines = records.iter().map(|record| outcome(&mut decoder, &record.as_record())).collect::<String>();
            lines.lines().filter(|line| line.contains("cdc_a.t_geo ")).map(str::to_owned).collect::<Vec<_>>()
        };
        let geometry: ColumnType = "geometry".parse().unwrap();
        let stated = ["p", "g"].iter().flat_map(|name| Stated::at_path(&format!("cdc_a.t_geo.{name}"), &geometry));
        let told = Told { columns: stated.collect(), ..Told::default() };
        let of_maxwell = Decoder::new(Format::MaxwellJson, &told);
        let of_maxwell = rows(of_maxwell, &format!("maxwell-json/{source}/{maxwell}.jsonl"));
        let of_canal = rows(decoder(Format::CanalJson), &format!("canal-json/{source}/{canal}.jsonl"));
        assert!(of_canal.iter().any(|row| row.contains("\\\\x0102000000")), "{of_canal:?}");
        assert_eq!(of_maxwell, of_canal);
    }
}
