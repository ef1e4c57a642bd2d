//! The same envelope in Avro.

use std::borrow::Cow;

use super::envelope::{Envelope, Payload, SchemaOf, no_op};
use super::image::Sent;
use crate::avro::{Datum, Framed, Part, Schema, Writer};
use crate::error::{Error, ErrorKind};
use crate::mongodb::Images;
use crate::origin::Origin;
use crate::row::{Aside, Table};

/// Reads a payload by the schema it was written with. Where an envelope names no table, the topic does.
///
/// # Errors
///
/// When the bytes are not of the schema, or it is that of no message that a connector is known to write.
pub(super) fn payload<'a, 's>(
    framed: Framed<'a>,
    writer: &'s Writer,
    topic: &'a str,
) -> Result<Payload<'a, 's>, Error> {
    if !writer.schema.has(&["op"]) {
        return aside(&writer.schema).map(Payload::Aside).ok_or_else(no_op);
    }
    let [mut op, mut before, mut after, mut source, mut transaction, mut update] = [None; 6];
    Datum::of(framed, &writer.schema).each_field(|name, datum| {
        let part = match name {
            "op" => &mut op,
            "before" => &mut before,
            "after" => &mut after,
            "source" => &mut source,
            "transaction" => &mut transaction,
            "updateDescription" => &mut update,
            _ => return Ok(()),
        };
        *part = datum.present().map_err(|error| error.under(name))?;
        Ok(())
    })?;
    let op = op.map(Datum::text).transpose()?.flatten().ok_or_else(no_op)?;
    if op == "m" {
        return Ok(Payload::Aside(Aside::Message));
    }
    let (table, is_collection) = table(source, topic)?;
    let documents = if is_collection { documents([before, after], update)? } else { None };
    let keep = |part: Option<Datum<'a, 's>>| part.map(|part| Part::new(part, &writer.schema));
    let origin = Origin::of_avro(op.clone(), keep(source), keep(transaction));
    let schema = writer.image.clone().map(SchemaOf::Known);
    let (before, after) = (before.map(Sent::Avro), after.map(Sent::Avro));
    Ok(Payload::Envelope(Envelope { op, table, before, after, schema, documents, origin }))
}

/// A message is known by the fields that its connector always writes, as in JSON.
pub(crate) fn aside(schema: &Schema) -> Option<Aside> {
    if schema.has(&["ts_ms"]) && schema.fields().len() == 1 {
        Some(Aside::Heartbeat)
    } else if schema.has(&["status", "id", "event_count", "data_collections"]) {
        Some(Aside::Transaction)
    } else if schema.has(&["source", "databaseName", "ddl"]) {
        Some(Aside::SchemaChange)
    } else if schema.has(&["id", "type", "aggregate_type", "additional_data"]) {
        Some(Aside::Notification)
    } else {
        None
    }
}

/// The images of a collection's envelope, where they are texts.
fn documents<'a>(
    [before, after]: [Option<Datum<'a, '_>>; 2],
    update: Option<Datum<'a, '_>>,
) -> Result<Option<Images<'a>>, Error> {
    let text = |image: Option<Datum<'a, '_>>| image.map(Datum::text).transpose();
    Ok(match (text(before)?, text(after)?) {
        (Some(None), _) | (_, Some(None)) => None,
        (before, after) => {
            let update = update.map(Datum::json).transpose()?.map(Cow::Owned);
            Some(Images { before: before.flatten(), after: after.flatten(), update })
        }
    })
}

/// The table, and whether it is a collection of `MongoDB`.
fn table<'a>(source: Option<Datum<'a, '_>>, topic: &'a str) -> Result<(Table<'a>, bool), Error> {
    let Some(source) = source else {
        return Ok((Table { database: None, schema: None, name: Cow::Borrowed(topic) }, false));
    };
    let mut table = Table::default();
    let mut collection = None;
    source.each_field(|name, datum| {
        match name {
            "db" => table.database = datum.text()?,
            "schema" => table.schema = datum.text()?,
            "table" => table.name = datum.text()?.unwrap_or_default(),
            "collection" => collection = datum.text()?,
            _ => {}
        }
        Ok(())
    })?;
    let is_collection = collection.is_some();
    if table.name.is_empty() {
        table.name = collection.unwrap_or_default();
    }
    if table.name.is_empty() {
        return Err(Error::new("source.table", ErrorKind::Missing { expected: "the table's name" }));
    }
    Ok((table, is_collection))
}
