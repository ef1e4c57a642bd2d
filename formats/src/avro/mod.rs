//! Records in Avro, as Kafka Connect's Avro converters write them.
//!
//! Comes in: bytes that begin with a zero byte and the four bytes of a schema's id (Confluent's wire format), and the
//! schema of that id, which somebody else looks up in a registry. Goes out: the same columns and values that the JSON
//! converters' records give. A datum is read by the schema it was written with; nothing is resolved against another.
//!
//! The encoding is that of <https://avro.apache.org/docs/1.12.0/specification/#binary-encoding>, the wire format that of
//! <https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format>, the
//! attributes `connect.*` those of Confluent's `AvroData` and of Apicurio's, which is made after it.

mod datum;
mod float;
mod schema;
mod value;

use std::collections::HashMap;
use std::iter;
use std::sync::Arc;

use crate::connect::{self, Parsed};
use crate::error::{Error, ErrorKind};
use crate::row::RowSchema;

pub(crate) use datum::{Datum, Part};
pub(crate) use schema::Schema;
pub(crate) use value::columns;

/// A datum behind its schema's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Framed<'a> {
    pub(crate) id: u32,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Framed<'a> {
    /// `None` for bytes that do not begin as the wire format does. No JSON text begins with a zero byte.
    pub(crate) fn of(bytes: &'a [u8]) -> Option<Self> {
        let (id, bytes) = bytes.strip_prefix(&[0])?.split_first_chunk::<4>()?;
        Some(Self { id: u32::from_be_bytes(*id), bytes })
    }
}

/// A schema that records were written with, and what it makes of them.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) schema: Arc<Schema>,
    /// The columns of a key, or of a row without an envelope; `None` where it is no record.
    pub(crate) columns: Option<Parsed>,
    /// The columns of an envelope's images; `None` where it is no envelope.
    pub(crate) image: Option<Arc<RowSchema>>,
}

/// The schemas that are known so far, by their ids. It never learns that there is none.
#[derive(Debug, Default)]
pub(crate) struct Writers {
    by_id: HashMap<u32, Arc<Writer>, foldhash::fast::RandomState>,
    /// By their texts: a schema may have many ids, one for each name under which it was registered.
    by_text: HashMap<Vec<String>, Arc<Writer>>,
}

impl Writers {
    /// # Errors
    ///
    /// [`ErrorKind::UnknownSchema`] when it was not learnt yet.
    pub(crate) fn get(&self, id: u32) -> Result<Arc<Writer>, Error> {
        self.by_id.get(&id).cloned().ok_or_else(|| Error::new("", ErrorKind::UnknownSchema { id }))
    }

    /// Learns a schema by its text, with those that it names and does not hold.
    ///
    /// # Errors
    ///
    /// When it is no Avro schema.
    pub(crate) fn learn(&mut self, id: u32, text: &str, references: &[String]) -> Result<(), Error> {
        let texts: Vec<String> = iter::once(text.to_owned()).chain(references.iter().cloned()).collect();
        if let Some(known) = self.by_text.get(&texts) {
            self.by_id.insert(id, Arc::clone(known));
            return Ok(());
        }
        let schema = Schema::parse(text, references)?;
        let node = schema.connect();
        let image = connect::columns_of_image(node.clone()).ok().map(Arc::new);
        let name = node.name.as_deref().map(Arc::from);
        let columns = connect::columns_of(node.clone()).ok().map(|row| Parsed { row: Arc::new(row), name });
        let writer = Arc::new(Writer { schema: Arc::new(schema), columns, image });
        self.by_text.insert(texts, Arc::clone(&writer));
        self.by_id.insert(id, writer);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_schema_under_two_ids_is_kept_once() {
        let text = r#"{"type": "record", "name": "Key", "fields": [{"name": "id", "type": "long"}]}"#;
        let mut writers = Writers::default();
        for (id, text) in [(1, text), (2, text), (3, r#""string""#)] {
            writers.learn(id, text, &[]).expect("it is a schema");
        }
        let get = |id| writers.get(id).expect("it was learnt");
        assert!(Arc::ptr_eq(&get(1), &get(2)) && !Arc::ptr_eq(&get(1), &get(3)));
    }
}
