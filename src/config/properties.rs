//! Whatever a configuration file has in it: it is read, or it is an error that tells nothing that is secret.

use std::fmt::Write as _;
use std::io::Write as _;

use proptest::prelude::*;

use super::settings::{Kind, SETTINGS, Setting};
use super::{Config, ConfigError};
use crate::cli;

/// What is put where a secret belongs, in words that nothing else has.
const SECRET: &str = "hunter2secret";

/// Words of all kinds of settings, and what is none.
fn value() -> impl Strategy<Value = String> {
    let words = [
        "",
        "0",
        "1",
        "-1",
        "true",
        "4MB",
        "99999999999GB",
        "100ms",
        "1e9s",
        "earliest-offset",
        "timestamp",
        "specific-offsets",
        "partition:0,offset:1",
        "partition:x",
        "2026-11-21T13:26:07Z",
        "9999999999999999999",
        "a=b",
        "=",
        "a,b,,c",
        "[",
        "(?<",
        ".*",
        "{table}",
        "{tabel}",
        "{",
        "a.b.c",
        "postgres",
        "kafka",
        "stdout",
        "auto",
        "debezium-avro",
        "table",
        "stop",
        "host:port",
        "postgres://u:hunter2secret@h:1/d?sslmode=x",
        "postgres://h/d",
        "http://u:hunter2secret@h",
        "/nowhere/at/all",
        "off",
        "all",
        "\u{0}",
        "é",
    ];
    prop_oneof![4 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

/// Text as TOML has it, which escapes as JSON does.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A value as TOML, of the setting's kind or of another.
fn toml(setting: &Setting, text: &str, shape: u8) -> String {
    let quoted = quoted(&if setting.kind == Kind::Secret { format!("{SECRET}{text}") } else { text.to_owned() });
    match shape {
        0 => format!("[{quoted}, {quoted}]"),
        1 => format!("{{ a = {quoted} }}"),
        2 => "17".to_owned(),
        3 => "true".to_owned(),
        _ => quoted,
    }
}

fn file() -> impl Strategy<Value = String> {
    let lines = prop::collection::vec((0..SETTINGS.len(), value(), 0..12_u8), 1..12);
    let more = prop_oneof![
        6 => Just(String::new()),
        1 => any::<String>(),
        1 => value().prop_map(|text| format!("[[route]]\ntopics = [{}]\n", quoted(&text))),
    ];
    (lines, more).prop_map(|(lines, more)| {
        let mut text = String::new();
        for (at, value, shape) in lines {
            let setting = &SETTINGS[at];
            writeln!(text, "{} = {}", setting.key, toml(setting, &value, shape)).expect("a string takes text");
        }
        text + &more
    })
}

/// A file that can be used, of which bytes are replaced, taken out and put in.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let edit = (
        any::<prop::sample::Index>(),
        0..3_u8,
        prop_oneof![any::<u8>(), prop::sample::select(b"\"'[]{}=.\n\\#,".to_vec())],
    );
    prop::collection::vec(edit, 1..8).prop_map(|edits| {
        let mut bytes = VALID.as_bytes().to_vec();
        for (at, what, byte) in edits {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    })
}

const VALID: &str = r#"name = "shop"

[source]
brokers = "localhost:9092"
topic_pattern = '^shop\.public\..*$'
sasl_password = "hunter2secret"
start = "timestamp"
start_timestamp = 2026-11-21T13:26:07Z
properties = { "session.timeout.ms" = 6000, "client.id" = "é" }

[sink]
url = "postgres://app:hunter2secret@localhost:5432/target?sslmode=prefer"
table = "{schema}.{table}"

[[route]]
topics = ["shop.public.orders"]
table = "orders"
rename = { id = "order_id" }
"#;

fn read(file: &[u8]) -> Result<Config, ConfigError> {
    let mut path = tempfile::NamedTempFile::new().expect("there is room for a file");
    path.write_all(file).expect("it can be written");
    let name = path.path().to_str().expect("a name in ASCII");
    let flags = cli::command().try_get_matches_from(["rowkind", "run", "-c", name]).expect("flags that are there");
    Config::read(flags.subcommand().expect("a command").1)
}

/// What is wrong with how a file was taken.
fn check(file: &[u8]) -> Result<(), TestCaseError> {
    if let Err(error) = read(file) {
        let said = error.to_string();
        prop_assert!(!said.is_empty());
        prop_assert!(!said.contains(SECRET), "{said}");
    }
    Ok(())
}

#[test]
fn the_file_that_bytes_are_changed_of_is_one() {
    read(VALID.as_bytes()).expect("a file that can be used");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_file_is_read_or_refused_in_words(text in file()) {
        check(text.as_bytes())?;
    }

    #[test]
    fn any_bytes_are_read_or_refused_in_words(file in bytes()) {
        check(&file)?;
    }
}
