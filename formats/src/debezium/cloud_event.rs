//! An envelope as a `CloudEvent`: its `before` and `after` in `data`, the rest in attributes.
//!
//! Follows <https://debezium.io/documentation/reference/stable/integrations/cloudevents.html>, JSON with JSON data.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::envelope::wrapped;
use crate::error::{Error, ErrorKind};
use crate::json::{self, Fields, Json};
use crate::origin::Origin;
use crate::row::Table;

/// What the names of Debezium's own attributes begin with. The rest is a field's name in lower case without `_`.
const PREFIX: &str = "iodebezium";

/// The parts of an envelope.
#[derive(Debug)]
pub(super) struct CloudEvent<'a> {
    /// Of `data`, where it has one.
    pub(super) schema: Option<&'a str>,
    pub(super) before: Option<&'a RawValue>,
    pub(super) after: Option<&'a RawValue>,
    pub(super) op: &'a RawValue,
    pub(super) update_description: Option<&'a RawValue>,
    attributes: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> CloudEvent<'a> {
    /// `None` when the fields are of no `CloudEvent` of Debezium's.
    ///
    /// # Errors
    ///
    /// When its data is no JSON object.
    pub(super) fn of(fields: &[(Cow<'a, str>, &'a RawValue)]) -> Result<Option<Self>, Error> {
        let value = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, raw)| *raw);
        let (Some(op), Some(data), Some(_)) = (value("iodebeziumop"), value("data"), value("specversion")) else {
            return Ok(None);
        };
        let (schema, data) = unwrapped(data).map_err(|error| error.under("data"))?;
        let part = |name: &str| {
            let raw = data.iter().find(|(field, _)| field == name).map(|(_, raw)| *raw);
            raw.filter(|raw| !matches!(Json::of(raw), Json::Null))
        };
        let attributes = fields.iter().filter_map(|(name, raw)| Some((bare(name)?, *raw))).collect();
        let (before, after, update_description) = (part("before"), part("after"), part("updateDescription"));
        Ok(Some(Self { schema, before, after, op, update_description, attributes }))
    }

    pub(super) fn table(&self) -> Result<Table<'a>, Error> {
        let missing = || Error::new("iodebeziumtable", ErrorKind::Missing { expected: "the table's name" });
        let name = self.text("table").or_else(|| self.text("collection")).ok_or_else(missing)?;
        Ok(Table { database: self.text("db"), schema: self.text("schema"), name })
    }

    /// Whether it is of `MongoDB`.
    pub(super) fn names_collection(&self) -> bool {
        self.text("collection").is_some()
    }

    /// An attribute; `None` for one that is empty or no string.
    fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        match self.attributes.iter().find(|(attribute, _)| attribute == name).map(|(_, raw)| Json::of(raw))? {
            Json::String(quoted) => json::unescape(quoted).ok().filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    pub(super) fn origin(&self, op: Cow<'a, str>) -> Origin<'a> {
        Origin::of_attributes(op, self.attributes.clone())
    }
}

/// The schema and the fields of `data`.
type Data<'a> = (Option<&'a str>, Vec<(Cow<'a, str>, &'a RawValue)>);

fn unwrapped(data: &RawValue) -> Result<Data<'_>, Error> {
    let object = |raw| match Json::of(raw) {
        Json::Object(text) => json::parse(text.as_bytes()).map(|Fields(fields)| fields),
        other => Err(other.unexpected("an object (`data.serializer.type=json`)")),
    };
    let fields = object(data)?;
    match wrapped(&fields) {
        Some((schema, payload)) => {
            let schema = matches!(Json::of(schema), Json::Object(_)).then(|| schema.get());
            Ok((schema, object(payload)?))
        }
        None => Ok((None, fields)),
    }
}

fn bare<'a>(name: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    Some(match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_prefix(PREFIX)?),
        Cow::Owned(name) => Cow::Owned(name.strip_prefix(PREFIX)?.to_owned()),
    })
}
