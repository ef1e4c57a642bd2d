//! What a decoder of Debezium's records keeps from record to record, and what it reads with it: keys and tombstones.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::envelope;
use super::image::{ImageOf, Part, Sent, Types, image};
use super::stated::{Stated, StatedTypes};
use crate::avro::{Datum, Framed, Writers};
use crate::connect::Schemas;
use crate::deletes::Deletes;
use crate::error::{Error, ErrorKind};
use crate::json::{self, Fields, Json};
use crate::record::Record;
use crate::row::{Aside, Column, Event, Key, RowSchema, Table};
use crate::unavailable::Placeholder;

/// Schemas by their text, the table that each topic's records belong to, for tombstones, which do not say, and the
/// last deletes, to know their tombstones by. Nothing else of a record outlives its decoding.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) schemas: Schemas,
    pub(crate) writers: Writers,
    pub(crate) stated: StatedTypes,
    pub(crate) placeholder: Placeholder,
    tables: HashMap<String, KnownTable>,
    deletes: Deletes,
}

/// What a topic's records are of, as the last of them said.
#[derive(Debug, Clone)]
pub(crate) struct KnownTable {
    pub(crate) table: Table<'static>,
    pub(crate) schema: Option<Arc<RowSchema>>,
    /// Whether earlier records of the topic were of other tables.
    pub(crate) is_one_of_several: bool,
}

impl Memory {
    pub(crate) fn new(placeholder: Placeholder, columns: Vec<Stated>) -> Self {
        Self { placeholder, stated: StatedTypes::new(columns), ..Self::default() }
    }

    /// What the topic's records so far were of.
    pub(crate) fn table_of(&self, topic: &str) -> Option<&KnownTable> {
        self.tables.get(topic)
    }

    /// A null payload: the row of its key is gone, unless its delete said so already. `schema` is that of the table's
    /// rows.
    ///
    /// # Errors
    ///
    /// When the key is none.
    pub(crate) fn tombstone<'a>(
        &mut self,
        record: &Record<'a>,
        table: Option<Table<'a>>,
        schema: Option<&RowSchema>,
    ) -> Result<Event<'a>, Error> {
        if self.deletes.has_one_of(record) {
            return Ok(Event::Aside(Aside::Tombstone));
        }
        let key = self.key(record, table.as_ref(), schema)?;
        Ok(Event::Tombstone { table, key })
    }

    pub(crate) fn remember(&mut self, topic: &str, table: &Table<'_>, schema: Option<&Arc<RowSchema>>) {
        match self.tables.get_mut(topic) {
            Some(known) if known.table == *table => known.schema = schema.map(Arc::clone),
            known => {
                let is_one_of_several = known.is_some();
                let (table, schema) = (table.clone().into_owned(), schema.map(Arc::clone));
                self.tables.insert(topic.to_owned(), KnownTable { table, schema, is_one_of_several });
            }
        }
    }

    pub(crate) fn remember_delete(&mut self, record: &Record<'_>) {
        self.deletes.remember(record);
    }

    /// The key's columns; `None` for a null key. `row` is the schema of the rows that it is a key of.
    pub(crate) fn key<'a>(
        &mut self,
        record: &Record<'a>,
        table: Option<&Table<'_>>,
        row: Option<&RowSchema>,
    ) -> Result<Option<Key<'a>>, Error> {
        let Some(bytes) = record.key else { return Ok(None) };
        let key = match Framed::of(bytes) {
            Some(framed) => self.avro_key(framed, row),
            None => self.json_key(bytes, table, row),
        };
        key.map_err(|error| error.under("key"))
    }

    fn avro_key<'a>(&self, framed: Framed<'a>, row: Option<&RowSchema>) -> Result<Option<Key<'a>>, Error> {
        let writer = self.writers.get(framed.id)?;
        let Some(datum) = Datum::of(framed, &writer.schema).present()? else { return Ok(None) };
        let schema = writer.columns.as_ref().map(|parsed| Arc::clone(&parsed.row));
        let types = Types { row, key: schema.as_deref(), stated: &[] };
        let columns =
            image(ImageOf { path: "", sent: Sent::Avro(datum), types, only: None }, &self.placeholder, |_| {})?;
        key_of(columns, schema)
    }

    fn json_key<'a>(
        &mut self,
        text: &'a [u8],
        table: Option<&Table<'_>>,
        row: Option<&RowSchema>,
    ) -> Result<Option<Key<'a>>, Error> {
        if let Some(part) = Part::alone(text) {
            let (part, schema) = match part.wrapped() {
                None => (Some(part), None),
                Some((schema, payload)) => {
                    let schema = if schema == "null" { None } else { Some(self.schemas.of_key(schema)?.row) };
                    (Part::alone(payload.as_bytes()), schema)
                }
            };
            if let Some(part) = part {
                return self.key_of_json(part, (table, row), schema);
            }
        }
        let raw: &RawValue = json::parse(text)?;
        let (raw, schema) = match Json::of(raw) {
            Json::Null => return Ok(None),
            Json::Object(object) => {
                let Fields(fields) = json::parse(object.as_bytes())?;
                match envelope::wrapped(&fields) {
                    Some((schema, payload)) => match Json::of(schema) {
                        Json::Null => (payload, None),
                        _ => (payload, Some(self.schemas.of_key(schema.get())?.row)),
                    },
                    None => (raw, None),
                }
            }
            other => return Err(other.unexpected("an object of the key's columns")),
        };
        if let Json::Null = Json::of(raw) {
            return Ok(None);
        }
        self.key_of_json(raw.into(), (table, row), schema)
    }

    fn key_of_json<'a>(
        &self,
        part: Part<'a>,
        (table, row): (Option<&Table<'_>>, Option<&RowSchema>),
        schema: Option<Arc<RowSchema>>,
    ) -> Result<Option<Key<'a>>, Error> {
        let stated = table.map_or(&[][..], |table| self.stated.of(table));
        let types = Types { row, key: schema.as_deref(), stated };
        let of = ImageOf { path: "", sent: Sent::Json(part), types, only: None };
        key_of(image(of, &self.placeholder, |_| {})?, schema)
    }
}

fn key_of(columns: Vec<Column<'_>>, schema: Option<Arc<RowSchema>>) -> Result<Option<Key<'_>>, Error> {
    if columns.is_empty() {
        return Err(Error::new("", ErrorKind::Missing { expected: "the key's columns" }));
    }
    Ok(Some(Key { columns, schema }))
}
