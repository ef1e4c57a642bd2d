//! A pipeline as the `rowkind.toml` that says the same.

use std::fmt::{self, Write as _};

use crate::config::settings::{Kind, SETTINGS};

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Toml {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<String>),
    Pairs(Vec<(String, String)>),
}

/// The settings of a pipeline with its one route.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    settings: Vec<(String, Toml)>,
    route: Vec<(&'static str, Toml)>,
    /// What a person should know who has read the job.
    pub(super) notes: Vec<String>,
}

impl From<&str> for Toml {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Toml {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Document {
    pub(super) fn set(&mut self, key: &str, value: impl Into<Toml>) {
        self.settings.push((key.to_owned(), value.into()));
    }

    pub(super) fn set_if(&mut self, key: &str, value: Option<String>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// Adds to a table of pairs.
    pub(super) fn pair(&mut self, key: &str, name: &str, value: &str) {
        let pair = (name.to_owned(), value.to_owned());
        match self.settings.iter_mut().find(|(known, _)| known == key) {
            Some((_, Toml::Pairs(pairs))) => pairs.push(pair),
            _ => self.settings.push((key.to_owned(), Toml::Pairs(vec![pair]))),
        }
    }

    pub(super) fn route(&mut self, key: &'static str, value: impl Into<Toml>) {
        self.route.push((key, value.into()));
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Takes over all of another one, behind what there is.
    pub(super) fn extend(&mut self, other: Self) {
        self.settings.extend(other.settings);
        self.route.extend(other.route);
        self.notes.extend(other.notes);
    }

    /// For people to look at.
    pub(super) fn without_secrets(&self) -> Self {
        let mut shown = self.clone();
        for (key, value) in &mut shown.settings {
            let kind = SETTINGS.iter().find(|setting| setting.key == key).map(|setting| setting.kind);
            match (kind, value) {
                (Some(Kind::Secret) | None, value) => *value = Toml::Text("(secret)".to_owned()),
                (Some(_), Toml::Pairs(pairs)) => pairs.iter_mut().for_each(|(_, value)| "…".clone_into(value)),
                _ => {}
            }
        }
        shown
    }

    /// Whether a setting is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.settings.iter().any(|(known, _)| known == key)
    }

    /// The text of a setting.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self.settings.iter().find(|(known, _)| known == key) {
            Some((_, Toml::Text(text))) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let section = |key: &str| key.split_once('.').map(|(section, _)| section.to_owned());
        let mut sections: Vec<Option<String>> = Vec::new();
        for (key, _) in &self.settings {
            if !sections.contains(&section(key)) {
                sections.push(section(key));
            }
        }
        sections.sort_by_key(Option::is_some);
        for name in sections {
            if let Some(name) = &name {
                writeln!(f, "\n[{name}]")?;
            }
            for (key, value) in self.settings.iter().filter(|(key, _)| section(key) == name) {
                let key = key.split_once('.').map_or(key.as_str(), |(_, key)| key);
                writeln!(f, "{key} = {value}")?;
            }
        }
        if !self.route.is_empty() {
            writeln!(f, "\n[[route]]")?;
            self.route.iter().try_for_each(|(key, value)| writeln!(f, "{key} = {value}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Toml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(value) => write!(f, "{value}"),
            Self::List(items) if items.iter().map(String::len).sum::<usize>() > 80 => {
                f.write_str("[\n")?;
                items.iter().try_for_each(|item| writeln!(f, "  {},", quoted(item)))?;
                f.write_char(']')
            }
            Self::List(items) => {
                write!(f, "[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
            }
            Self::Pairs(pairs) => {
                let pair = |(key, value): &(String, String)| format!("{} = {}", quoted(key), quoted(value));
                write!(f, "{{ {} }}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// As TOML quotes text, which escapes as JSON does.
fn quoted(text: &str) -> String {
    if !text.contains(['\'', '\n', '\r', '\t']) && text.contains(['"', '\\']) && !text.contains(char::is_control) {
        format!("'{text}'")
    } else {
        serde_json::Value::from(text).to_string()
    }
}
