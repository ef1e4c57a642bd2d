//! The name of the target table, by a template. Names are taken as they are: nothing is lower-cased or cut.

use std::fmt;

use rowkind_formats::Table;

/// The name of a target table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetName {
    /// The schema; `None` leaves it to the connection's `search_path`.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", quoted(schema))?;
        }
        f.write_str(&quoted(&self.table))
    }
}

impl TargetName {
    /// The name without quotes, for people.
    pub fn plain(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.table),
            None => self.table.clone(),
        }
    }
}

/// An identifier in double quotes, those in it doubled.
pub fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// `sink.table`: text with `{database}`, `{schema}`, `{table}` and `{topic}` in it, a point between schema and table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableTemplate {
    schema: Option<Vec<Part>>,
    table: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Database,
    Schema,
    Table,
    Topic,
}

/// `sink.topic`: text with `{database}`, `{schema}`, `{table}` and `{topic}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicTemplate(Vec<Part>);

/// A record has no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unnamed {
    /// A template asks for something that the record does not say.
    #[error("the target's name has {{{0}}} in it, which this record's source does not name")]
    Unknown(&'static str),
    /// Postgres would not take the name, or take it for another one.
    #[error("no table of Postgres can have the name {0}: give it another by `sink.table` or a `[[route]]`")]
    Unusable(String),
}

/// Bytes of a name, of which Postgres would cut what is longer: <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>
const MAX_NAME: usize = 63;

/// A name that Postgres cannot have, in quotes, and why; `None` for all others.
pub fn unusable(name: &str) -> Option<String> {
    let why = match name {
        "" => "which is empty",
        name if name.len() > MAX_NAME => "which has more than 63 bytes, so that it would be cut",
        name if name.contains('\0') => "which has the character U+0000 in it",
        _ => return None,
    };
    Some(format!("{}, {why}", quoted(name).replace('\0', "\\0")))
}

impl TableTemplate {
    /// Reads a template; `None` when a brace is unpaired, a word in braces is unknown, or there is more than one point.
    pub fn parse(text: &str) -> Option<Self> {
        let mut pieces = text.split('.').map(parts).collect::<Option<Vec<_>>>()?;
        let table = pieces.pop()?;
        let schema = pieces.pop();
        pieces.is_empty().then_some(Self { schema, table })
    }

    /// The table's name, where it is the same for all.
    pub fn fixed(&self) -> Option<String> {
        let text = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            _ => None,
        };
        self.table.iter().map(text).collect()
    }

    /// The target of a source table whose records come in `topic`.
    ///
    /// # Errors
    ///
    /// When the template uses a name that the source does not have, or makes one that Postgres cannot have.
    pub fn target(&self, table: &Table<'_>, topic: &str) -> Result<TargetName, Unnamed> {
        let named = |parts: &[Part]| {
            let name = fill(parts, Some(table), topic)?;
            unusable(&name).map_or(Ok(name), |unusable| Err(Unnamed::Unusable(unusable)))
        };
        let schema = self.schema.as_deref().map(named);
        Ok(TargetName { schema: schema.transpose()?, table: named(&self.table)? })
    }
}

impl TopicTemplate {
    /// Reads a template; `None` when a brace is unpaired, or a word in braces is unknown.
    pub fn parse(text: &str) -> Option<Self> {
        parts(text).map(Self)
    }

    /// The topic for a source table, where it is known, whose records come in `topic`.
    ///
    /// # Errors
    ///
    /// When the template uses a name that the source does not have.
    pub fn target(&self, table: Option<&Table<'_>>, topic: &str) -> Result<String, Unnamed> {
        fill(&self.0, table, topic)
    }
}

/// `None` when a brace is unpaired, a word in braces is unknown, or nothing is there.
fn parts(text: &str) -> Option<Vec<Part>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        if let Some(braced) = rest.strip_prefix('{') {
            let (word, after) = braced.split_once('}')?;
            parts.push(match word {
                "database" => Part::Database,
                "schema" => Part::Schema,
                "table" => Part::Table,
                "topic" => Part::Topic,
                _ => return None,
            });
            rest = after;
        } else {
            let (plain, after) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
            if plain.contains('}') {
                return None;
            }
            parts.push(Part::Text(plain.to_owned()));
            rest = after;
        }
    }
    (!parts.is_empty()).then_some(parts)
}

fn fill(parts: &[Part], table: Option<&Table<'_>>, topic: &str) -> Result<String, Unnamed> {
    parts.iter().try_fold(String::new(), |mut name, part| {
        name.push_str(match part {
            Part::Text(text) => text,
            Part::Database => table.and_then(|table| table.database.as_deref()).ok_or(Unnamed::Unknown("database"))?,
            Part::Schema => table.and_then(Table::namespace).ok_or(Unnamed::Unknown("schema"))?,
            Part::Table => table.map(|table| &*table.name).ok_or(Unnamed::Unknown("table"))?,
            Part::Topic => topic,
        });
        Ok(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(template: &str, table: &Table<'_>) -> String {
        let template = TableTemplate::parse(template).expect("the template is valid");
        template.target(table, "shop.t").map_or_else(|error| error.to_string(), |name| name.to_string())
    }

    #[test]
    fn names_are_taken_as_they_are() {
        let table = Table { database: Some("db".into()), schema: Some("Mixed Case".into()), name: "a.\"b".into() };
        assert_eq!(target("{schema}.{table}", &table), r#""Mixed Case"."a.""b""#);
        assert_eq!(target("{database}_copy.{table}_x", &table), r#""db_copy"."a.""b_x""#);
        assert_eq!(target("{topic}", &table), r#""shop.t""#);
    }

    #[test]
    fn a_source_without_schemas_has_its_database() {
        let table = Table { database: Some("inventory".into()), schema: None, name: "t".into() };
        assert_eq!(target("{schema}.{table}", &table), r#""inventory"."t""#);
        let nameless = Table { database: None, schema: None, name: "t".into() };
        assert!(target("{schema}.{table}", &nameless).contains("{schema}"));
    }

    #[test]
    fn names_that_postgres_cannot_have() {
        let named = |name: &str| {
            let table = Table { database: None, schema: Some("s".into()), name: name.to_owned().into() };
            target("{schema}.{table}", &table)
        };
        let long = "é".repeat(31);
        assert_eq!(named(&format!("{long}x")), format!("\"s\".\"{long}x\""));
        assert!(named(&format!("{long}xx")).contains("more than 63 bytes"));
        assert!(named("").contains("name \"\", which is empty"));
        assert!(named("a\0b").contains("name \"a\\0b\", which has the character U+0000"));
    }

    #[test]
    fn a_name_that_is_the_same_for_all() {
        let fixed = |text| TableTemplate::parse(text).expect("it is one").fixed();
        assert_eq!(fixed("{schema}.orders").as_deref(), Some("orders"));
        assert_eq!(fixed("sales.{table}_copy"), None);
    }

    #[test]
    fn broken_templates() {
        for text in ["", "{tabel}", "{table", "table}", "a.b.c", ".a", "a."] {
            assert_eq!(TableTemplate::parse(text), None, "{text}");
        }
    }
}
