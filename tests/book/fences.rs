//! Blocks that are not run: each names its language, TOML is read as settings, and settings in the text are settings.

use std::fs;

use regex::Regex;
use rowkind::config::Config;
use rowkind::config::settings::SETTINGS;
use toml::{Table, Value};

use crate::page::{What, blocks};
use crate::{pages, text};

/// A diagram or what a program has printed is `text`; commands are `sh` or `console`.
const LANGUAGES: [&str; 5] = ["text", "toml", "sql", "json", "yaml"];

#[test]
fn every_block_says_what_it_is() {
    for page in pages() {
        for block in blocks(&text(&page)) {
            if let What::Other { language, .. } = block.what {
                assert!(LANGUAGES.contains(&language.as_str()), "{page}, line {}: `{language}`", block.line);
            }
        }
    }
}

#[test]
fn the_text_names_each_file() {
    for page in pages() {
        let text = text(&page);
        for block in blocks(&text) {
            if let What::File { name, .. } = block.what {
                assert!(
                    text.contains(&format!("`{name}`")),
                    "{page}, line {}: nobody is told that it is `{name}`",
                    block.line
                );
            }
        }
    }
}

#[test]
fn every_file_of_settings_is_read() {
    let mut n_read = 0;
    for page in pages() {
        for block in blocks(&text(&page)) {
            let settings = match block.what {
                What::Other { language, text } if language == "toml" => text,
                What::File { name, text } if name == "rowkind.toml" => text,
                _ => continue,
            };
            read(&settings).unwrap_or_else(|error| panic!("{page}, line {}: {error}\n{settings}", block.line));
            n_read += 1;
        }
    }
    assert!(n_read > 10, "{n_read}");
}

#[test]
fn what_is_no_setting_is_not_read() {
    for wrong in ["[sink]\nurll = 'postgres://x'", "[sink]\nevolve = 'ad'", "[[route]]\ntabel = 'x'", "[sink"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

/// Reads settings as `rowkind run -c` does. What a part of a file leaves out are flags.
fn read(settings: &str) -> Result<(), String> {
    let whole: Table = settings.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let has = |section: &str, name: &str| whole.get(section).is_some_and(|section| section.get(name).is_some());
    let is = |section: &str, name: &str, words: &[&str]| {
        let found = whole.get(section).and_then(|section| section.get(name)).and_then(Value::as_str);
        found.is_none_or(|found| words.contains(&found))
    };
    let mut flags = Vec::new();
    if !whole.contains_key("name") {
        flags.push("--name=page");
    }
    if !has("source", "file") && !has("source", "brokers") {
        flags.push("--source-brokers=localhost:9092");
    }
    if !has("source", "file") && !has("source", "topics") && !has("source", "topic_pattern") {
        flags.push("--source-topics=shop.public.orders");
    }
    if !is("source", "format", &["debezium-json", "flattened-json", "canal-json", "maxwell-json"])
        && !has("registry", "url")
    {
        flags.push("--registry-url=http://localhost:8081");
    }
    if is("sink", "type", &["postgres"]) && !has("sink", "url") {
        flags.push("--sink-url=postgres://localhost/shop");
    }
    if is("sink", "type", &["kafka"]) && has("sink", "type") && !has("sink", "topic") {
        flags.push("--sink-topic=out.{table}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), settings).unwrap();
    let words = ["rowkind", "run", "-c", file.path().to_str().unwrap()].into_iter().chain(flags);
    let matches = rowkind::cli::command().try_get_matches_from(words).map_err(|error| error.to_string())?;
    Config::read(matches.subcommand().unwrap().1).map(drop).map_err(|error| error.to_string())
}

/// Names of others that look like settings.
const OTHERS: [&str; 3] = ["batch.size", "sink.partitioner", "sink.parallelism"];

#[test]
fn settings_in_the_text_are_settings() {
    let sections: Vec<&str> = SETTINGS.iter().filter_map(|setting| Some(setting.key.split_once('.')?.0)).collect();
    let name = Regex::new(r"`([a-z]+)\.([a-z_]+)(?: = [^`]*)?`").unwrap();
    for page in pages() {
        for found in name.captures_iter(&text(&page)) {
            let key = format!("{}.{}", &found[1], &found[2]);
            if sections.contains(&&found[1]) && !OTHERS.contains(&key.as_str()) {
                assert!(SETTINGS.iter().any(|setting| setting.key == key), "{page}: `{key}` is no setting");
            }
        }
    }
}
