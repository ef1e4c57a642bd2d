//! The Connect schemas of a table's records: of a row, a key and an envelope.

use super::connect::{Schema, Type};
use super::image::{NamedValue, no_type};
use super::source::Source;
use crate::error::Error;
use crate::row::{Key, RowSchema, Table, Value};

/// What the schemas of a table's records are made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of<'e> {
    /// `None` where nobody says it.
    pub(super) table: Option<&'e Table<'e>>,
    pub(super) types: &'e RowSchema,
    /// The connector's own name, where the event says it.
    pub(super) connector: Option<&'e str>,
}

/// The connector's name in the names of schemas where nobody says it.
const CONNECTOR: &str = "rowkind";

impl Of<'_> {
    /// `connector.schema.table`, which the names of the schemas begin with. The points in its parts are replaced.
    pub(super) fn path(self) -> String {
        let (namespace, name) = (self.table.and_then(Table::namespace), self.table.map(|table| &*table.name));
        let parts = [Some(self.connector.unwrap_or(CONNECTOR)), namespace, name];
        parts.into_iter().flatten().map(|part| part.replace('.', "_")).collect::<Vec<_>>().join(".")
    }

    pub(super) fn row(self, path: &str) -> Schema {
        Schema { optional: false, ..Schema::of_row(self.types) }.named(format!("{path}.Value"))
    }

    /// Of columns that are not null; those that are would not be of a primary key, and may be null then.
    ///
    /// # Errors
    ///
    /// When a column has no type. The path is its name.
    pub(super) fn key<'e>(
        self,
        path: &str,
        key: &Key<'_>,
        columns: impl Iterator<Item = NamedValue<'e>>,
    ) -> Result<Schema, Error> {
        let mut fields = Vec::with_capacity(key.columns.len());
        for (name, value) in columns {
            let typed = [Some(self.types), key.schema.as_deref()].into_iter().flatten();
            let field = typed.flat_map(|schema| &schema.fields).find(|field| field.name == name);
            let (sent_as, schema) = Schema::named_field(field.ok_or_else(|| no_type(name))?);
            fields.push((sent_as, Schema { optional: *value == Value::Null, ..schema }));
        }
        Ok(Schema::required(Type::Struct(fields)).named(format!("{path}.Key")))
    }

    /// Of an envelope with such a `source`.
    pub(super) fn envelope(self, path: &str, source: &Source<'_>) -> Schema {
        let connector = self.types.fields.iter().find_map(|field| field.source.connector);
        let image = Schema::of_row(self.types).named(format!("{path}.Value"));
        let transaction = Schema::optional(Type::Struct(vec![
            ("id".into(), Schema::required(Type::String)),
            ("total_order".into(), Schema::required(Type::Int64)),
            ("data_collection_order".into(), Schema::required(Type::Int64)),
        ]));
        let fields = vec![
            ("before".into(), image.clone()),
            ("after".into(), image),
            ("source".into(), source.schema(connector)),
            ("transaction".into(), transaction.named("event.block").versioned(1)),
            ("op".into(), Schema::required(Type::String)),
            ("ts_ms".into(), Schema::optional(Type::Int64)),
        ];
        Schema::required(Type::Struct(fields)).named(format!("{path}.Envelope")).versioned(2)
    }
}
