//! The schema: parsed once, then found again by its text.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;

use super::types::ColumnType;
use crate::error::{Error, ErrorKind};
use crate::json;
use crate::limits::{check_columns, check_levels_to};
use crate::row::{Connector, Field, RowSchema, SourceColumn};

/// Debezium writes this as the length of a `bit varying` without a limit.
pub(crate) const UNBOUNDED: usize = 2_147_483_647;

/// A type of Connect's.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Node {
    #[serde(rename = "type")]
    pub(crate) ty: String,
    pub(crate) name: Option<String>,
    pub(crate) parameters: Option<BTreeMap<String, String>>,
    pub(crate) field: Option<String>,
    pub(crate) fields: Option<Vec<Node>>,
    pub(crate) items: Option<Box<Node>>,
}

impl Node {
    /// A type that its name says all of.
    pub(crate) fn of(ty: &str) -> Self {
        Self { ty: ty.to_owned(), ..Self::default() }
    }

    fn parameter<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.parameters.as_ref()?.get(name)?.parse().ok()
    }

    fn into_row_schema(self, connector: Option<Connector>) -> RowSchema {
        let fields = self.fields.unwrap_or_default();
        RowSchema { fields: fields.into_iter().map(|node| node.into_field(connector)).collect() }
    }

    fn into_field(self, connector: Option<Connector>) -> Field {
        let source = SourceColumn {
            connector,
            ty: self.parameter("__debezium.source.column.type"),
            length: self.parameter("__debezium.source.column.length"),
            scale: self.parameter("__debezium.source.column.scale"),
        };
        let ty = match column_type(&self, connector) {
            ColumnType::Int64 if source.is_unsigned_64() => ColumnType::UnsignedInt64,
            ColumnType::VaryingBits { length: Some(n) } if source.is("BIT") => ColumnType::Bits { length: Some(n) },
            ty => ty,
        };
        let name: Option<String> = self.parameter("__debezium.source.column.name");
        let sent_as = self.field.unwrap_or_default();
        match name.filter(|name| *name != sent_as) {
            Some(name) => Field { name, sent_as: Some(sent_as), ty, source },
            None => Field { name: sent_as, sent_as: None, ty, source },
        }
    }
}

impl SourceColumn {
    fn is_unsigned_64(&self) -> bool {
        let ty = self.ty.as_deref().unwrap_or_default();
        ["BIGINT UNSIGNED", "INT8 UNSIGNED"].iter().any(|unsigned| ty.starts_with(unsigned))
    }
}

fn column_type(node: &Node, connector: Option<Connector>) -> ColumnType {
    use ColumnType as T;
    let primitive = || match node.ty.as_str() {
        "boolean" => T::Boolean,
        "int8" | "int16" => T::Int16,
        "int32" => T::Int32,
        "int64" => T::Int64,
        "float" | "float32" => T::Float32,
        "double" | "float64" => T::Float64,
        "string" => T::Text,
        "bytes" => T::Bytes,
        "array" => match &node.items {
            Some(items) => T::Array(Box::new(column_type(items, connector))),
            None => T::Unsupported("array".to_owned()),
        },
        "map" => T::Map,
        other => T::Unsupported(other.to_owned()),
    };
    let Some(name) = node.name.as_deref() else {
        return primitive();
    };
    match name {
        "org.apache.kafka.connect.data.Decimal" => match node.parameter("scale") {
            Some(scale) => T::Decimal { precision: node.parameter("connect.decimal.precision"), scale },
            None => T::Unsupported(format!("{name} without a scale")),
        },
        "io.debezium.data.Bits" => {
            let length = node.parameter("length").filter(|n| *n != UNBOUNDED);
            // Postgres alone has a bit varying
            match connector {
                Some(Connector::Postgres) | None => T::VaryingBits { length },
                Some(Connector::MySql | Connector::Other) => T::Bits { length },
            }
        }
        // A name that is not of Connect's or Debezium's is one that a user's transform gave: the primitive stands.
        _ if !name.starts_with("io.debezium.") && !name.starts_with("org.apache.kafka.connect.data.") => primitive(),
        _ => T::of_name(name).unwrap_or_else(|| T::Unsupported(name.to_owned())),
    }
}

/// The connector by the name of the `source` block's schema: `io.debezium.connector.mysql.Source`.
fn connector(name: &str) -> Option<Connector> {
    let connector = name.strip_prefix("io.debezium.connector.")?.strip_suffix(".Source")?;
    Some(match connector {
        "postgresql" => Connector::Postgres,
        "mysql" | "mariadb" => Connector::MySql,
        _ => Connector::Other,
    })
}

/// A parsed schema.
#[derive(Debug, Clone)]
pub(crate) struct Parsed {
    pub(crate) row: Arc<RowSchema>,
    /// The struct's own name, which Debezium makes of the table's: `prefix.schema.table.Value`.
    pub(crate) name: Option<Arc<str>>,
}

/// Schemas of envelopes, rows and keys.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    by_text: HashMap<Arc<str>, Parsed, foldhash::fast::RandomState>,
    /// The last envelope's of each topic, with its text.
    last: HashMap<String, (Arc<str>, Arc<RowSchema>), foldhash::fast::RandomState>,
}

/// A topic has a handful of schemas in its life; a cache that outgrows this is being filled with noise.
const MAX_SCHEMAS: usize = 4_096;

/// Types inside of each other are two levels each; `serde_json` itself reads no more than these.
const MAX_LEVELS: usize = 127;

impl Schemas {
    /// The schema in `text`, made a row schema by `shape`, and the text as it is kept. Parsed only when it was not seen before.
    ///
    /// # Errors
    ///
    /// When the text is not a Connect schema, or a larger one than any table's.
    fn get(
        &mut self,
        text: &str,
        shape: impl FnOnce(Node) -> Result<RowSchema, Error>,
    ) -> Result<(Arc<str>, Parsed), Error> {
        if let Some((text, parsed)) = self.by_text.get_key_value(text) {
            return Ok((Arc::clone(text), parsed.clone()));
        }
        check_levels_to(text, MAX_LEVELS).map_err(|error| error.under("schema"))?;
        let mut node = json::parse::<Node>(text.as_bytes()).map_err(|error| {
            let kind = ErrorKind::Malformed { expected: "a Connect schema", found: "value" };
            if matches!(error.kind(), ErrorKind::BrokenJson { .. }) { error } else { Error::new("", kind) }
                .under("schema")
        })?;
        let name = node.name.take().map(Arc::from);
        let row = shape(node)?;
        check_columns(row.fields.len()).map_err(|error| error.under("schema"))?;
        let parsed = Parsed { row: Arc::new(row), name };
        if self.by_text.len() >= MAX_SCHEMAS {
            self.by_text.clear();
        }
        let text: Arc<str> = text.into();
        self.by_text.insert(Arc::clone(&text), parsed.clone());
        Ok((text, parsed))
    }

    /// The row schema of an envelope's schema: that of `after`, or of `before` where there is no `after`. The two differ
    /// only in theory, so one stands for both.
    pub(crate) fn of_envelope(&mut self, text: &str, topic: &str) -> Result<Arc<RowSchema>, Error> {
        if let Some((_, row)) = self.last.get(topic).filter(|(last, _)| **last == *text) {
            return Ok(Arc::clone(row));
        }
        let (text, Parsed { row, .. }) = self.get(text, columns_of_image)?;
        let last = (text, Arc::clone(&row));
        match self.last.get_mut(topic) {
            Some(known) => *known = last,
            None => drop(self.last.insert(topic.to_owned(), last)),
        }
        Ok(row)
    }

    /// The text of the schema that the last envelope of a topic had.
    pub(crate) fn last_of(&self, topic: &str) -> Option<&str> {
        self.last.get(topic).map(|(text, _)| &**text)
    }

    /// The schema of a key.
    pub(crate) fn of_key(&mut self, text: &str) -> Result<Parsed, Error> {
        self.get(text, columns_of).map(|(_, parsed)| parsed)
    }

    /// The schema of a row without an envelope; `retain` leaves the fields that are columns.
    pub(crate) fn of_row(&mut self, text: &str, retain: impl FnOnce(&mut RowSchema)) -> Result<Parsed, Error> {
        let shape = |node| {
            let mut schema = columns_of(node)?;
            retain(&mut schema);
            Ok(schema)
        };
        self.get(text, shape).map(|(_, parsed)| parsed)
    }
}

/// The columns of an envelope's images.
pub(crate) fn columns_of_image(envelope: Node) -> Result<RowSchema, Error> {
    let (mut before, mut after, mut source) = (None, None, None);
    for field in envelope.fields.unwrap_or_default() {
        match field.field.as_deref() {
            Some("after") => after = Some(field),
            Some("before") => before = Some(field),
            Some("source") => source = field.name.as_deref().and_then(connector),
            _ => {}
        }
    }
    after.or(before).map(|image| image.into_row_schema(source)).ok_or_else(|| {
        Error::new("schema", ErrorKind::Missing { expected: "the fields `before` and `after` of an envelope" })
    })
}

/// The columns of a row, or of a key.
pub(crate) fn columns_of(node: Node) -> Result<RowSchema, Error> {
    match node.ty.as_str() {
        "struct" => Ok(node.into_row_schema(None)),
        _ => Err(Error::new(
            "schema",
            ErrorKind::Unexpected { expected: "a struct of columns", found: "a primitive type" },
        )),
    }
}

/// The column that is sent as `name`, which nearly always stands at `at`.
pub(crate) fn field_of<'s>(schema: &'s RowSchema, name: &str, at: usize) -> Option<&'s Field> {
    schema.fields.get(field_at(schema, name, at)?)
}

/// The place of that column.
pub(crate) fn field_at(schema: &RowSchema, name: &str, at: usize) -> Option<usize> {
    let is_it = |field: &Field| field.sent_as.as_deref().unwrap_or(&field.name) == name;
    if schema.fields.get(at).is_some_and(is_it) { Some(at) } else { schema.fields.iter().position(is_it) }
}
