//! Documents of `MongoDB`, as Debezium's connector has them in its envelopes: images that are texts of Extended JSON.
//!
//! Comes in: the images of an envelope whose `source` names a collection, and its key, `{"id":"<Extended JSON>"}`. Goes out:
//! a [`Change`] with a row of the form that a setting chooses ([`DocumentForm`]). The row kinds are those of every envelope:
//!
//! | op | rows |
//! |---|---|
//! | c, r | `+I`(after) |
//! | u | `-U`(before), `+U`(after); `+U` alone without `before` |
//! | d | `-D`(before), or of the key without `before` |
//!
//! An update without `after` (`capture.mode=change_streams`) tells a part of the document, and is refused. The key goes
//! before the `_id` of the document: both are of the same document, and the key alone is in the same spelling in every
//! record, that of a delete included.
//!
//! A field at the top is the value that its Extended JSON stands for, in any of its spellings:
//!
//! | | |
//! |---|---|
//! | null, booleans, numbers, strings | as they are |
//! | `$oid`, `$uuid` | text |
//! | `$numberInt`, `$numberLong`, `$numberDouble`, `$numberDecimal` | a number with all its digits; text for NaN and infinities |
//! | `$date` | text as Postgres prints a `timestamptz` |
//! | `$binary` | binary |
//! | documents, arrays, `$timestamp`, `$regularExpression` … | JSON as it stood there |
//!
//! The envelope is described at <https://debezium.io/documentation/reference/stable/connectors/mongodb.html#mongodb-events>,
//! Extended JSON at <https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/>; what `json.serialization.mode`
//! writes by default is its older version, <https://www.mongodb.com/docs/manual/reference/mongodb-extended-json-v1/>. All
//! are read.

mod extended;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::connect::ColumnType;
use crate::debezium::Stated;
use crate::debezium::memory::Memory;
use crate::error::{Error, ErrorKind};
use crate::json::{self, Fields, Name};
use crate::limits::check_levels;
use crate::origin::Origin;
use crate::rebuilt::row;
use crate::record::Record;
use crate::restated::restated;
use crate::row::{Change, Column, Event, Field, Key, Row, RowKind, RowSchema, SourceColumn, Table, Value};

/// The column of a document's key.
const ID: &str = "_id";

/// The column of a whole document.
const DOCUMENT: &str = "document";

/// What a row of a collection is.
///
/// ```
/// use rowkind_formats::{Decoder, DocumentForm, Format, Record, Told, changelog};
///
/// let record = Record {
///     topic: "p.shop.orders",
///     partition: 0,
///     offset: 0,
///     key: Some(br#"{"id":"{\"$oid\": \"596e275826f08b2730779e1f\"}"}"#),
///     payload: Some(br#"{"op":"c","source":{"db":"shop","collection":"orders"},
///         "after":"{\"_id\": {\"$oid\": \"596e275826f08b2730779e1f\"},\"total\": {\"$numberDecimal\": \"12.50\"}}"}"#),
/// };
/// assert_eq!(
///     changelog::text(&Decoder::default().decode(&record)?),
///     "+I shop.orders {\"_id\":\"596e275826f08b2730779e1f\",\"document\":{\"_id\": \
///      {\"$oid\": \"596e275826f08b2730779e1f\"},\"total\": {\"$numberDecimal\": \"12.50\"}}}\n"
/// );
/// let told = Told { documents: DocumentForm::Fields, ..Told::default() };
/// let mut fields = Decoder::new(Format::DebeziumJson, &told);
/// assert_eq!(
///     changelog::text(&fields.decode(&record)?),
///     "+I shop.orders {\"_id\":\"596e275826f08b2730779e1f\",\"total\":12.50}\n"
/// );
/// # Ok::<(), rowkind_formats::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DocumentForm {
    /// `_id` as text and the whole `document` as JSON, with a schema. Of an `_id` the text is what it stands for: the digits
    /// of an `ObjectId` or number, a string itself, and of anything else its Extended JSON. Two that differ in their type
    /// alone (1 and "1") are one.
    #[default]
    Column,
    /// A column for each field at the top, without a schema. Fields that an update took out are NULL, as far as it says
    /// which: by `updateDescription.removedFields` or by its `before`. A replaced document without `before` does not say.
    Fields,
}

/// The images of an envelope.
#[derive(Debug)]
pub(crate) struct Images<'a> {
    pub(crate) before: Option<Cow<'a, str>>,
    pub(crate) after: Option<Cow<'a, str>>,
    /// `updateDescription`
    pub(crate) update: Option<Cow<'a, str>>,
}

/// Makes rows of documents. It remembers which topics have them, for tombstones, which do not say.
#[derive(Debug)]
pub(crate) struct Documents {
    form: DocumentForm,
    /// Of the rows and keys of [`DocumentForm::Column`].
    schema: Arc<RowSchema>,
    key_schema: Arc<RowSchema>,
    topics: HashSet<String>,
}

impl Default for Documents {
    fn default() -> Self {
        Self::new(DocumentForm::default())
    }
}

#[derive(Deserialize)]
struct UpdateDescription<'a> {
    #[serde(borrow, rename = "removedFields")]
    removed: Option<Vec<Name<'a>>>,
}

impl Documents {
    pub(crate) fn new(form: DocumentForm) -> Self {
        let jsonb = SourceColumn { ty: Some("JSONB".to_owned()), ..SourceColumn::default() };
        let document = Field { source: jsonb, ..Field::new(DOCUMENT, ColumnType::Json) };
        let id = Field::new(ID, ColumnType::Text);
        let schema = |fields| Arc::new(RowSchema { fields });
        Self { form, schema: schema(vec![id.clone(), document]), key_schema: schema(vec![id]), topics: HashSet::new() }
    }

    /// # Errors
    ///
    /// When an image is missing that the op needs, or is no document; and when nothing tells the document's `_id`.
    pub(crate) fn change<'a>(
        &mut self,
        memory: &mut Memory,
        record: &Record<'a>,
        table: Table<'a>,
        images: Images<'a>,
        origin: Origin<'a>,
    ) -> Result<Change<'a>, Error> {
        let key = memory.key(record, Some(&table), None)?.map(|key| self.key(&key)).transpose()?;
        let op = origin.op.as_deref().unwrap_or_default();
        let rows = self.rows(op, images, key.as_ref(), memory.stated.of(&table))?;
        let of_row = |row: &Row<'a>| row.columns.iter().find(|column| column.name == ID).cloned();
        let key = match key {
            Some(key) => Some(key),
            None => rows.last().and_then(of_row).map(|id| self.key_of(id)),
        };
        let schema = (self.form == DocumentForm::Column).then(|| Arc::clone(&self.schema));
        // a key is not read by the schema of its rows
        memory.remember(record.topic, &table, None);
        if op == "d" {
            memory.remember_delete(record);
        }
        if !self.topics.contains(record.topic) {
            self.topics.insert(record.topic.to_owned());
        }
        Ok(Change { table, key, schema, rows, origin })
    }

    /// The event of a null payload, its key that of a document where the topic has documents.
    ///
    /// # Errors
    ///
    /// When the key is none of a document.
    pub(crate) fn tombstone<'a>(&self, topic: &str, event: Event<'a>) -> Result<Event<'a>, Error> {
        match event {
            Event::Tombstone { table, key: Some(key) } if self.topics.contains(topic) => {
                Ok(Event::Tombstone { table, key: Some(self.key(&key)?) })
            }
            event => Ok(event),
        }
    }

    fn rows<'a>(
        &self,
        op: &str,
        images: Images<'a>,
        key: Option<&Key<'a>>,
        stated: &[Stated],
    ) -> Result<Vec<Row<'a>>, Error> {
        let removed = match images.update {
            Some(Cow::Borrowed(update)) => removed_fields(update)?,
            Some(Cow::Owned(update)) => {
                removed_fields(&update)?.into_iter().map(|name| Cow::Owned(name.into_owned())).collect()
            }
            None => Vec::new(),
        };
        let image = |path: &str, text: Option<Cow<'a, str>>| {
            text.map(|text| self.image(text, key, stated)).transpose().map_err(|error| error.under(path))
        };
        let (before, after) = (image("before", images.before)?, image("after", images.after)?);
        let missing = |path: &str, expected| Error::new(path, ErrorKind::Missing { expected });
        match (op, before, after) {
            ("c" | "r", _, Some(after)) => Ok(vec![row(RowKind::Insert, after)]),
            ("c" | "r", _, None) => Err(missing("after", "the document")),
            ("u", before, Some(mut after)) => {
                if self.form == DocumentForm::Fields {
                    push_removed(&mut after, before.as_deref().unwrap_or_default(), removed);
                }
                let before = before.map(|before| row(RowKind::UpdateBefore, before));
                Ok(before.into_iter().chain([row(RowKind::UpdateAfter, after)]).collect())
            }
            ("u", _, None) => Err(missing(
                "after",
                "the document after the change (the connector's `capture.mode` has to be change_streams_update_full or \
                 change_streams_update_full_with_pre_image; it is null, too, where the document was gone before it was \
                 looked up, which `capture.mode.full.update.type` = post_image prevents)",
            )),
            ("d", Some(before), _) => Ok(vec![row(RowKind::Delete, before)]),
            ("d", None, _) => match key {
                Some(key) => Ok(vec![row(RowKind::Delete, key.columns.clone())]),
                None => Err(missing("before", "the deleted document, since there is no key")),
            },
            _ => Err(Error::new("op", ErrorKind::UnknownOp)),
        }
    }

    /// The columns of a document.
    fn image<'a>(
        &self,
        text: Cow<'a, str>,
        key: Option<&Key<'a>>,
        stated: &[Stated],
    ) -> Result<Vec<Column<'a>>, Error> {
        let of_key = key.and_then(|key| key.columns.first()).cloned();
        match self.form {
            DocumentForm::Column => {
                let Fields(fields) = json::parse(text.as_bytes())?;
                let id = match of_key {
                    Some(id) => id,
                    None => self.id(fields.iter().find(|(name, _)| name == ID).map(|(_, raw)| *raw))?,
                };
                check_levels(&text)?;
                let document = Column { name: Cow::Borrowed(DOCUMENT), value: Value::Json(text) };
                Ok(vec![id, document])
            }
            DocumentForm::Fields => {
                let mut columns = match &text {
                    Cow::Borrowed(text) => columns(json::parse(text.as_bytes())?, stated)?,
                    Cow::Owned(text) => {
                        let columns = columns(json::parse(text.as_bytes())?, stated)?;
                        columns.into_iter().map(Column::into_owned).collect()
                    }
                };
                match (of_key, columns.iter_mut().find(|column| column.name == ID)) {
                    (Some(id), Some(column)) => *column = id,
                    (Some(id), None) => columns.insert(0, id),
                    (None, Some(_)) => {}
                    (None, None) => return Err(no_id()),
                }
                Ok(columns)
            }
        }
    }

    /// The key as the rows have it.
    fn key<'a>(&self, key: &Key<'_>) -> Result<Key<'a>, Error> {
        let expected = "a document's key, with an `id` of Extended JSON";
        let none = || Error::new("key", ErrorKind::Missing { expected });
        let text = match key.columns.as_slice() {
            [Column { name, value: Value::Text(text) | Value::Untyped(text) }] if name == "id" => text,
            _ => return Err(none()),
        };
        let at = |error: Error| error.under("key.id");
        let raw: &RawValue = json::parse(text.as_bytes()).map_err(at)?;
        Ok(self.key_of(self.id(Some(raw)).map_err(at)?))
    }

    fn key_of<'a>(&self, id: Column<'a>) -> Key<'a> {
        let schema = (self.form == DocumentForm::Column).then(|| Arc::clone(&self.key_schema));
        Key { columns: vec![id], schema }
    }

    /// The column of an `_id`.
    fn id(&self, raw: Option<&RawValue>) -> Result<Column<'static>, Error> {
        let raw = raw.ok_or_else(no_id)?;
        let value = match self.form {
            DocumentForm::Column => Value::Text(extended::plain_text(raw)?),
            DocumentForm::Fields => extended::value(raw)?,
        };
        Ok(Column { name: Cow::Borrowed(ID), value: value.into_owned() })
    }
}

fn columns<'t>(Fields(fields): Fields<'t>, stated: &[Stated]) -> Result<Vec<Column<'t>>, Error> {
    let column = |(name, raw): (Cow<'t, str>, &'t RawValue)| {
        let value = extended::value(raw).and_then(|value| match stated.iter().find(|stated| stated.column == name) {
            Some(stated) => restated(value, &stated.ty),
            None => Ok(value),
        });
        match value {
            Ok(value) => Ok(Column { name, value }),
            Err(error) => Err(error.under(&name)),
        }
    };
    fields.into_iter().map(column).collect()
}

/// Adds NULL for each field that is gone. A point is in the path of a field further in, whose top field is sent.
fn push_removed<'a>(after: &mut Vec<Column<'a>>, before: &[Column<'a>], removed: Vec<Cow<'a, str>>) {
    let told = removed.into_iter().filter(|path| !path.contains('.'));
    for name in before.iter().map(|column| column.name.clone()).chain(told) {
        if !after.iter().any(|column| column.name == name) {
            after.push(Column { name, value: Value::Null });
        }
    }
}

fn removed_fields(update: &str) -> Result<Vec<Cow<'_, str>>, Error> {
    let expected = "an object with the names of the removed fields";
    let update: UpdateDescription<'_> = serde_json::from_str(update)
        .map_err(|_| Error::new("updateDescription", ErrorKind::Malformed { expected, found: "value" }))?;
    Ok(update.removed.unwrap_or_default().into_iter().map(|Name(name)| name).collect())
}

fn no_id() -> Error {
    Error::new(ID, ErrorKind::Missing { expected: "the document's `_id`, since there is no key" })
}
