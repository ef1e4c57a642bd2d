//! What was typed: flags over environment over file, each value with where it came from.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::ConfigError;
use super::routes::TypedRoute;
use super::settings::{Kind, SETTINGS, Setting};
use crate::near;

/// A value as it was typed, and where.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub(crate) values: Vec<String>,
    /// `--sink-url`, `ROWKIND_SINK_URL` or `sink.url in rowkind.toml`.
    pub(crate) origin: String,
}

/// What was typed.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// By key. What is not there has its default.
    pub(crate) values: BTreeMap<&'static str, Typed>,
    /// In the order of the file, each with where it was typed.
    pub(crate) routes: Vec<(TypedRoute, String)>,
}

/// Reads all three, the stronger over the weaker.
///
/// # Errors
///
/// When the file cannot be read, is no TOML, or has a key that is no setting, or a value of another kind.
pub(crate) fn read(
    file: Option<&Path>,
    environment: impl Fn(&str) -> Option<String>,
    flags: &ArgMatches,
) -> Result<Layers, ConfigError> {
    let mut layers = Layers::default();
    if let Some(path) = file {
        read_file(path, &mut layers)?;
    }
    read_over(layers, environment, flags)
}

/// The same with text in place of a file, which came from somewhere.
///
/// # Errors
///
/// As for [`read`].
pub(crate) fn read_text(
    (text, origin): (&str, &str),
    environment: impl Fn(&str) -> Option<String>,
    flags: &ArgMatches,
) -> Result<Layers, ConfigError> {
    let mut layers = Layers::default();
    read_toml(text, origin, &mut layers)?;
    read_over(layers, environment, flags)
}

fn read_over(
    mut layers: Layers,
    environment: impl Fn(&str) -> Option<String>,
    flags: &ArgMatches,
) -> Result<Layers, ConfigError> {
    read_settings(SETTINGS.iter(), environment, flags, &mut layers)?;
    if flags.get_flag("no-dedup") {
        let typed = Typed { values: vec!["false".to_owned()], origin: "--no-dedup".to_owned() };
        layers.values.insert("dedup.enabled", typed);
    }
    Ok(layers)
}

/// Reads some settings, without a file.
///
/// # Errors
///
/// As for [`read`].
pub(crate) fn read_some(
    settings: impl Iterator<Item = &'static Setting>,
    environment: impl Fn(&str) -> Option<String>,
    flags: &ArgMatches,
) -> Result<Layers, ConfigError> {
    let mut layers = Layers::default();
    read_settings(settings, environment, flags, &mut layers)?;
    Ok(layers)
}

fn read_settings(
    settings: impl Iterator<Item = &'static Setting>,
    environment: impl Fn(&str) -> Option<String>,
    flags: &ArgMatches,
    layers: &mut Layers,
) -> Result<(), ConfigError> {
    for setting in settings {
        if let Some(typed) = from_environment(setting, &environment)? {
            layers.values.insert(setting.key, typed);
        }
        if let Some(typed) = from_flags(setting, flags) {
            layers.values.insert(setting.key, typed);
        }
    }
    Ok(())
}

/// Refuses a variable that is nearly one of a setting. Others that begin like those may be anybody's.
///
/// # Errors
///
/// When there is one.
pub(crate) fn check_variables(names: impl Iterator<Item = String>) -> Result<(), ConfigError> {
    let known: Vec<String> =
        SETTINGS.iter().map(Setting::variable).flat_map(|name| [format!("{name}_FILE"), name]).collect();
    let is_slip = |name: &str, known: &str| {
        let n_slips = if known.len() < "ROWKIND_".len() + 6 { 1 } else { 2 };
        strsim::osa_distance(name, known) <= n_slips
    };
    for name in names.filter(|name| name.starts_with("ROWKIND_") && !known.contains(name)) {
        if let Some(meant) = known.iter().find(|known| is_slip(&name, known)) {
            return Err(ConfigError::new(format!("`{name}` is not a setting; did you mean `{meant}`?")));
        }
    }
    Ok(())
}

fn from_environment(
    setting: &Setting,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Option<Typed>, ConfigError> {
    let name = setting.variable();
    if let Some(text) = environment(&name) {
        return Ok(Some(Typed { values: split(setting.kind, &text), origin: name }));
    }
    let name = format!("{name}_FILE");
    let Some(path) = environment(&name) else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&path)
        .map_err(|error| ConfigError::new(format!("{name}: cannot read `{path}`: {error}")))?;
    Ok(Some(Typed { values: split(setting.kind, text.trim_end_matches(['\r', '\n'])), origin: name }))
}

fn from_flags(setting: &Setting, flags: &ArgMatches) -> Option<Typed> {
    let flag = setting.flag();
    if flags.value_source(&flag) != Some(ValueSource::CommandLine) {
        return None;
    }
    let values = flags.get_many::<String>(&flag)?.flat_map(|text| split(setting.kind, text)).collect();
    Some(Typed { values, origin: format!("--{flag}") })
}

fn split(kind: Kind, text: &str) -> Vec<String> {
    match kind {
        Kind::List => text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        // a comma that no `key=` follows is one of the value: passwords have them
        Kind::Pairs => text.split(',').fold(Vec::new(), |mut pairs: Vec<String>, part| {
            match pairs.last_mut() {
                Some(last) if !part.contains('=') => last.extend([",", part]),
                _ => pairs.push(part.trim().to_owned()),
            }
            pairs
        }),
        _ => vec![text.to_owned()],
    }
}

fn read_file(path: &Path, layers: &mut Layers) -> Result<(), ConfigError> {
    let name = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::new(format!("cannot read `{name}`: {error}")))?;
    read_toml(&text, &name.to_string(), layers)
}

fn read_toml(text: &str, name: &str, layers: &mut Layers) -> Result<(), ConfigError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // the message alone: the excerpt that toml prints may show a secret
        let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or("").lines().count().max(1));
        ConfigError::new(format!("`{name}`, line {line}: {}", error.message()))
    })?;
    read_table(&table, "", name, layers)
}

fn read_table(table: &toml::Table, prefix: &str, file: &str, layers: &mut Layers) -> Result<(), ConfigError> {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match (SETTINGS.iter().find(|setting| setting.key == key), value) {
            (Some(setting), value) => {
                let origin = format!("`{key}` in {file}");
                let values = file_values(setting.kind, value).ok_or_else(|| {
                    ConfigError::new(format!(
                        "{origin}: expected {}, found {}",
                        expected(setting.kind),
                        value.type_str()
                    ))
                })?;
                layers.values.insert(setting.key, Typed { values, origin });
            }
            (None, toml::Value::Table(inner)) if is_section(&key) => {
                read_table(inner, &format!("{key}."), file, layers)?;
            }
            (None, toml::Value::Array(routes)) if key == "route" => read_routes(routes, file, layers)?,
            (None, _) => return Err(unknown(&key, file)),
        }
    }
    Ok(())
}

fn read_routes(routes: &[toml::Value], file: &str, layers: &mut Layers) -> Result<(), ConfigError> {
    for (at, value) in routes.iter().enumerate() {
        let origin = format!("[[route]] {} in {file}", at + 1);
        let route = value
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| ConfigError::new(format!("{origin}: {}", error.message())))?;
        layers.routes.push((route, origin));
    }
    Ok(())
}

fn is_section(key: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.key.split_once('.').is_some_and(|(section, _)| section == key))
}

fn unknown(key: &str, file: &str) -> ConfigError {
    let sections = SETTINGS.iter().filter_map(|setting| Some(setting.key.split_once('.')?.0));
    let known = SETTINGS.iter().map(|setting| setting.key).chain(sections).chain(["route"]);
    let hint = near::hint(key, known);
    ConfigError::new(format!("`{key}` in {file} is not a setting{hint}"))
}

fn file_values(kind: Kind, value: &toml::Value) -> Option<Vec<String>> {
    match (kind, value) {
        (Kind::List, toml::Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        (Kind::Pairs, toml::Value::Table(pairs)) => {
            pairs.iter().map(|(key, value)| scalar(value).map(|value| format!("{key}={value}"))).collect()
        }
        (Kind::Pairs, _) | (_, toml::Value::Array(_) | toml::Value::Table(_)) => None,
        (Kind::Bool, value) => value.as_bool().map(|value| vec![value.to_string()]),
        (Kind::Count, value) => value.as_integer().map(|value| vec![value.to_string()]),
        (Kind::Moment, toml::Value::Datetime(moment)) => Some(vec![moment.to_string()]),
        (Kind::Bytes | Kind::Duration | Kind::Moment, value) => scalar(value).map(|text| vec![text]),
        (_, value) => value.as_str().map(|text| vec![text.to_owned()]),
    }
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

/// What a setting of this kind looks like, for an error.
pub(crate) fn expected(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Secret => "a string".to_owned(),
        Kind::Template => "a name with {database}, {schema}, {table} or {topic} in it".to_owned(),
        Kind::List => "an array of strings".to_owned(),
        Kind::Pairs => "a table of strings".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Count => "a whole number of 1 or more".to_owned(),
        Kind::Bytes => "a size such as \"4MB\"".to_owned(),
        Kind::Duration => "a time such as \"100ms\"".to_owned(),
        Kind::Moment => {
            "milliseconds since 1970, or a moment with its zone such as \"2026-11-21T13:26:07Z\"".to_owned()
        }
        Kind::Choice(words) => format!("one of {}", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_between_pairs_and_in_them() {
        assert_eq!(split(Kind::Pairs, "a=1, b=2"), ["a=1", "b=2"]);
        assert_eq!(split(Kind::Pairs, "sasl.password=x,y,sasl.username=me"), ["sasl.password=x,y", "sasl.username=me"]);
        assert_eq!(split(Kind::List, "a, b,"), ["a", "b"]);
    }
}
