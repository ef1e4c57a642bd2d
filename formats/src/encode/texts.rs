//! The texts of schemas that go along with records, made once for each table.

use super::connect::{Schema, Type};
use super::image::NamedValue;
use super::json::push_schema;
use super::source::Source;
use crate::error::{Error, ErrorKind};
use crate::row::{Key, RowSchema, Table, Value};

/// What stands before the payload of a table's records: `{"schema":…,"payload":`. What stands behind it is a brace.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The path that all names of the table's schemas begin with.
    path: Option<String>,
    row: Option<String>,
    envelope: Option<Envelope>,
    key: Option<KeyText>,
}

#[derive(Debug)]
struct Envelope {
    source: Schema,
    text: String,
}

#[derive(Debug)]
struct KeyText {
    /// The names of its columns, and whether each may be null.
    columns: Vec<(String, bool)>,
    text: String,
}

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

impl Texts {
    /// The schema of a row.
    pub(super) fn row(&mut self, of: Of<'_>) -> &str {
        let path = path(&mut self.path, of);
        self.row.get_or_insert_with(|| {
            let schema = Schema { optional: false, ..Schema::of_row(of.types) };
            text(&schema.named(format!("{path}.Value")))
        })
    }

    /// The schema of an envelope with such a `source`.
    pub(super) fn envelope(&mut self, of: Of<'_>, source: &Source<'_>) -> &str {
        let path = path(&mut self.path, of);
        if self.envelope.as_ref().is_some_and(|envelope| !source.is_of(&envelope.source)) {
            self.envelope = None;
        }
        let envelope = self.envelope.get_or_insert_with(|| {
            let connector = of.types.fields.iter().find_map(|field| field.source.connector);
            let source = source.schema(connector);
            let image = Schema::of_row(of.types).named(format!("{path}.Value"));
            Envelope { text: text(&envelope(path, image, source.clone())), source }
        });
        &envelope.text
    }

    /// The schema of a key.
    ///
    /// # Errors
    ///
    /// When a column has no type. The path is its name.
    pub(super) fn key<'e>(
        &mut self,
        of: Of<'_>,
        key: &Key<'_>,
        columns: impl Iterator<Item = NamedValue<'e>> + Clone,
    ) -> Result<&str, Error> {
        let path = path(&mut self.path, of);
        let is_of = |known: &KeyText| {
            let mut columns = columns.clone();
            known.columns.iter().all(|(name, is_nullable)| {
                columns.next().is_some_and(|(column, value)| column == name && *is_nullable == (*value == Value::Null))
            }) && columns.next().is_none()
        };
        if self.key.as_ref().is_some_and(|known| !is_of(known)) {
            self.key = None;
        }
        if self.key.is_none() {
            let mut fields = Vec::new();
            for (name, value) in columns.clone() {
                let typed = [Some(of.types), key.schema.as_deref()].into_iter().flatten();
                let field = typed.flat_map(|schema| &schema.fields).find(|field| field.name == name);
                let missing = || Error::new(name, ErrorKind::Missing { expected: "the column in the event's schema" });
                let (sent_as, schema) = Schema::named_field(field.ok_or_else(missing)?);
                // those of a primary key are never null
                fields.push((sent_as, Schema { optional: *value == Value::Null, ..schema }));
            }
            let schema = Schema::required(Type::Struct(fields)).named(format!("{path}.Key"));
            let columns = columns.map(|(name, value)| (name.to_owned(), *value == Value::Null)).collect();
            self.key = Some(KeyText { columns, text: text(&schema) });
        }
        Ok(self.key.as_ref().map_or("", |key| &key.text))
    }
}

/// `connector.schema.table`, the points in names replaced.
fn path<'p>(path: &'p mut Option<String>, of: Of<'_>) -> &'p str {
    path.get_or_insert_with(|| {
        let (namespace, name) = (of.table.and_then(Table::namespace), of.table.map(|table| &*table.name));
        let parts = [Some(of.connector.unwrap_or(CONNECTOR)), namespace, name];
        parts.into_iter().flatten().map(|part| part.replace('.', "_")).collect::<Vec<_>>().join(".")
    })
}

fn envelope(path: &str, image: Schema, source: Schema) -> Schema {
    let transaction = Schema::optional(Type::Struct(vec![
        ("id".into(), Schema::required(Type::String)),
        ("total_order".into(), Schema::required(Type::Int64)),
        ("data_collection_order".into(), Schema::required(Type::Int64)),
    ]));
    let fields = vec![
        ("before".into(), image.clone()),
        ("after".into(), image),
        ("source".into(), source),
        ("transaction".into(), transaction.named("event.block").versioned(1)),
        ("op".into(), Schema::required(Type::String)),
        ("ts_ms".into(), Schema::optional(Type::Int64)),
    ];
    Schema::required(Type::Struct(fields)).named(format!("{path}.Envelope")).versioned(2)
}

fn text(schema: &Schema) -> String {
    let mut out = String::from("{\"schema\":");
    push_schema(&mut out, schema, None);
    out.push_str(",\"payload\":");
    out
}
