//! Formats of tables in Kafka, with their options.

use super::SqlError;
use super::document::{Document, Toml};
use super::options::Options;

/// Those of change events, by Flink's names.
const OF_CHANGES: [&str; 5] = ["debezium-json", "debezium-avro-confluent", "canal-json", "maxwell-json", "ogg-json"];

/// The format of a table, and what its options begin with.
fn format(options: &mut Options) -> Result<(String, String), SqlError> {
    let (key, name) = match options.take("format") {
        Some(name) => ("format", name),
        None => ("value.format", options.take("value.format").ok_or_else(|| options.missing("format"))?),
    };
    let prefix = if key == "format" { format!("{name}.") } else { format!("value.{name}.") };
    // a change event's key is told by its format
    let key_format = options.choice("key.format", &["json", "raw", "avro-confluent", "debezium-json"])?;
    if let Some(key_format) = key_format {
        options.take_all(&format!("key.{key_format}."));
        options.take("key.fields");
        if options.take("key.fields-prefix").is_some_and(|prefix| !prefix.is_empty()) {
            return Err(options.invalid("key.fields-prefix", "no prefix"));
        }
    }
    options.choice("value.fields-include", &["ALL", "EXCEPT_KEY"])?;
    Ok((name, prefix))
}

/// The format that a source is read in.
pub(super) fn source(options: &mut Options, document: &mut Document) -> Result<(), SqlError> {
    let (name, prefix) = format(options)?;
    let ours = match name.as_str() {
        "debezium-json" | "canal-json" | "maxwell-json" | "ogg-json" => name.as_str(),
        "debezium-avro-confluent" => "debezium-avro",
        other => {
            let expected = format!("one of {}", OF_CHANGES.join(", "));
            let hint = crate::near::hint(other, OF_CHANGES);
            return Err(options.invalid(
                "format",
                &format!("{expected}{hint}; rows without an envelope are read with 'connector' = 'upsert-kafka'"),
            ));
        }
    };
    document.set("source.format", ours);
    if ours == "debezium-avro" {
        return registry(options, &prefix, document);
    }
    options.flag(&format!("{prefix}schema-include"))?;
    ignored_errors(options, &prefix, document)?;
    options.choice(&format!("{prefix}timestamp-format.standard"), &["SQL", "ISO-8601"])?;
    of_writing(options, &prefix)?;
    if ours == "canal-json" {
        let part = |pattern: Option<String>| {
            pattern.map_or("[^.]*".to_owned(), |pattern| {
                let inner = pattern.trim_start_matches('^').trim_end_matches('$');
                format!("(?:{inner})")
            })
        };
        let (database, table) =
            (options.take(&format!("{prefix}database.include")), options.take(&format!("{prefix}table.include")));
        if database.is_some() || table.is_some() {
            document.set("source.table_pattern", format!("^{}\\.{}$", part(database), part(table)));
        }
    }
    Ok(())
}

/// The rows of a compacted topic.
pub(super) fn upsert_source(options: &mut Options, document: &mut Document) -> Result<(), SqlError> {
    let (name, prefix) = format(options)?;
    match name.as_str() {
        "json" => {
            document.set("source.format", "flattened-json");
            options.flag(&format!("{prefix}fail-on-missing-field"))?;
            ignored_errors(options, &prefix, document)?;
            options.choice(&format!("{prefix}timestamp-format.standard"), &["SQL", "ISO-8601"])?;
            of_writing(options, &prefix)
        }
        "avro-confluent" => {
            document.set("source.format", "flattened-avro");
            registry(options, &prefix, document)
        }
        _ => Err(options.invalid("value.format", "json or avro-confluent")),
    }
}

/// The format that a sink is written in.
pub(super) fn sink(options: &mut Options, document: &mut Document) -> Result<(), SqlError> {
    let (name, prefix) = format(options)?;
    match name.as_str() {
        "debezium-json" | "debezium-avro-confluent" => {
            document.set("sink.format", if name == "debezium-json" { "debezium-json" } else { "debezium-avro" });
            document.set("sink.updates", "delete-create");
            document.set("sink.tombstones", Toml::Flag(false));
        }
        "canal-json" | "maxwell-json" => document.set("sink.format", name.as_str()),
        _ => {
            let expected = "one of debezium-json, debezium-avro-confluent, canal-json, maxwell-json; rows without an envelope are written with 'connector' = 'upsert-kafka'";
            return Err(options.invalid("format", expected));
        }
    }
    if name == "debezium-avro-confluent" {
        return registry(options, &prefix, document);
    }
    options.flag(&format!("{prefix}schema-include"))?;
    options.choice(&format!("{prefix}timestamp-format.standard"), &["SQL", "ISO-8601"])?;
    options.flag(&format!("{prefix}ignore-parse-errors"))?;
    of_writing(options, &prefix)
}

/// Rows by their key, and a null for one that is gone.
pub(super) fn upsert_sink(options: &mut Options, document: &mut Document) -> Result<(), SqlError> {
    let (name, prefix) = format(options)?;
    if name != "json" {
        return Err(options.invalid("value.format", "json"));
    }
    document.set("sink.format", "flattened-json");
    options.choice(&format!("{prefix}timestamp-format.standard"), &["SQL", "ISO-8601"])?;
    options.flag(&format!("{prefix}fail-on-missing-field"))?;
    options.flag(&format!("{prefix}ignore-parse-errors"))?;
    of_writing(options, &prefix)
}

fn ignored_errors(options: &mut Options, prefix: &str, document: &mut Document) -> Result<(), SqlError> {
    if options.flag(&format!("{prefix}ignore-parse-errors"))? == Some(true) {
        document.set("rejects.policy", "skip");
        document.note("a record that cannot be read is passed over as a whole, with a warning that names it; no field becomes NULL");
    }
    Ok(())
}

/// What is said of maps with a null for a key, and of numbers and nulls that are written.
fn of_writing(options: &mut Options, prefix: &str) -> Result<(), SqlError> {
    options.choice(&format!("{prefix}map-null-key.mode"), &["FAIL", "DROP", "LITERAL"])?;
    options.take(&format!("{prefix}map-null-key.literal"));
    options.flag(&format!("{prefix}encode.decimal-as-plain-number"))?;
    if options.flag(&format!("{prefix}encode.ignore-null-fields"))? == Some(true) {
        return Err(options.invalid(
            &format!("{prefix}encode.ignore-null-fields"),
            "false: a field that is not there is one that was not sent",
        ));
    }
    Ok(())
}

fn registry(options: &mut Options, prefix: &str, document: &mut Document) -> Result<(), SqlError> {
    let url = match options.take(&format!("{prefix}schema-registry.url")) {
        Some(url) => url,
        None => options.need(&format!("{prefix}url"))?,
    };
    // a job may name the same registry for its source and its sink
    if document.text("registry.url").is_some_and(|known| known != url) {
        return Err(options.invalid(&format!("{prefix}url"), "the registry of the source: there is one for both"));
    }
    let is_new = document.text("registry.url").is_none();
    let mut set = |key: &str, value: Option<String>| {
        if is_new {
            document.set_if(key, value);
        }
    };
    set("registry.url", Some(url));
    let sources = format!("{prefix}basic-auth.credentials-source");
    options.choice(&sources, &["USER_INFO", "SASL_INHERIT", "URL"])?;
    if let Some(info) = options.take(&format!("{prefix}basic-auth.user-info")) {
        let (user, password) = info.split_once(':').unwrap_or((&info, ""));
        set("registry.username", Some(user.to_owned()));
        set("registry.password", Some(password.to_owned()));
    }
    options.choice(&format!("{prefix}bearer-auth.credentials-source"), &["STATIC_TOKEN"])?;
    set("registry.token", options.take(&format!("{prefix}bearer-auth.token")));
    for key in ["ssl.truststore.location", "ssl.keystore.location"] {
        let option = format!("{prefix}{key}");
        if let Some(path) = options.take(&option) {
            options.check_pem(&option, &path)?;
            if key == "ssl.truststore.location" {
                set("registry.ca_location", Some(path));
            } else {
                set("registry.certificate_location", Some(path.clone()));
                set("registry.key_location", Some(path));
            }
        }
    }
    let subject = format!("{prefix}subject");
    if options.take(&subject).is_some() {
        document.note("schemas are registered under <topic>-key and <topic>-value");
    }
    Ok(())
}
