//! Columns as they are declared: `amount DECIMAL(12, 2)`, or `at TIMESTAMP_LTZ(3) METADATA FROM 'value.source.timestamp' VIRTUAL`.

use std::fmt;

use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Word};

use super::Unusable;
use super::types::SqlType;
use crate::route::Metadata;

/// A column of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its name; that of a field of the row, where it is no metadata.
    pub name: String,
    /// What its values are.
    pub ty: SqlType,
    /// What beside the row it is read from.
    pub metadata: Option<Told>,
    /// Whether it is only read: `VIRTUAL`, and computed columns.
    pub is_virtual: bool,
}

/// What a record tells beside its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// What a metadata column of a route holds.
    Of(Metadata),
    /// The source's database.
    Database,
    /// Its schema.
    Schema,
    /// Its table.
    Table,
    /// The record's own time.
    Timestamp,
}

impl Told {
    /// Flink's keys, and the metadata columns of a `[[route]]`.
    const WORDS: [(&'static str, Self); 23] = [
        ("value.source.timestamp", Self::Of(Metadata::ChangedAt)),
        ("value.event-timestamp", Self::Of(Metadata::ChangedAt)),
        ("value.source.database", Self::Database),
        ("value.database", Self::Database),
        ("value.source.schema", Self::Schema),
        ("value.source.table", Self::Table),
        ("value.table", Self::Table),
        ("value.source.properties", Self::Of(Metadata::Source)),
        ("source.timestamp", Self::Of(Metadata::ChangedAt)),
        ("event-timestamp", Self::Of(Metadata::ChangedAt)),
        ("source.database", Self::Database),
        ("source.schema", Self::Schema),
        ("source.table", Self::Table),
        ("changed_at", Self::Of(Metadata::ChangedAt)),
        ("op", Self::Of(Metadata::Op)),
        ("source", Self::Of(Metadata::Source)),
        ("position", Self::Of(Metadata::Position)),
        ("transaction", Self::Of(Metadata::Transaction)),
        ("topic", Self::Of(Metadata::Topic)),
        ("partition", Self::Of(Metadata::Partition)),
        ("offset", Self::Of(Metadata::Offset)),
        ("timestamp", Self::Timestamp),
        ("table", Self::Table),
    ];

    fn of(key: &str) -> Result<Self, Unusable> {
        let known = Self::WORDS.iter().find(|(word, _)| *word == key).map(|(_, told)| *told);
        known.ok_or_else(|| Unusable(format!("METADATA FROM '{key}': no such metadata is known here{}", near(key))))
    }

    /// Its key.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, told)| *told == self).map_or("", |(word, _)| word)
    }
}

fn near(key: &str) -> String {
    crate::near::hint(key, Told::WORDS.iter().map(|(word, _)| *word))
}

impl Declared {
    /// Reads one from text.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn read(text: &str) -> Result<Self, Unusable> {
        let mut parser = super::parser(text)?;
        let declared = Self::parse(&mut parser)?;
        parser.expect_token(&Token::EOF)?;
        Ok(declared)
    }

    /// Reads one.
    ///
    /// # Errors
    ///
    /// When it is none, or is computed.
    pub fn parse(parser: &mut Parser<'_>) -> Result<Self, Unusable> {
        let name = parser.parse_identifier()?.value;
        if parser.parse_keyword(Keyword::AS) {
            return Err(Unusable(format!("column `{name}` is computed: write its expression into the SELECT")));
        }
        let ty = SqlType::parse(parser)?;
        let (mut metadata, mut is_virtual) = (None, false);
        loop {
            if parser.parse_keyword(Keyword::NOT) {
                parser.expect_keyword(Keyword::NULL)?;
            } else if parser.parse_keyword(Keyword::COMMENT) {
                parser.parse_literal_string()?;
            } else if is_word(parser, "METADATA") {
                let key =
                    if parser.parse_keyword(Keyword::FROM) { parser.parse_literal_string()? } else { name.clone() };
                metadata = Some(Told::of(&key)?);
            } else if is_word(parser, "VIRTUAL") {
                is_virtual = true;
            } else if !parser.parse_keyword(Keyword::NULL) {
                return Ok(Self { name, ty, metadata, is_virtual });
            }
        }
    }
}

/// Takes a word that is no keyword of the parser's.
pub(crate) fn is_word(parser: &mut Parser<'_>, word: &str) -> bool {
    let is_it = matches!(parser.peek_token().token, Token::Word(Word { value, quote_style: None, .. }) if value.eq_ignore_ascii_case(word));
    if is_it {
        parser.next_token();
    }
    is_it
}

impl fmt::Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", quoted(&self.name), self.ty)?;
        match self.metadata {
            Some(told) => write!(f, " METADATA FROM '{}' VIRTUAL", told.word()),
            None => Ok(()),
        }
    }
}

/// A name in backticks, where it needs them.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
