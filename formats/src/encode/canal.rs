//! Canal's flat messages in JSON.
//!
//! The message is described at <https://github.com/alibaba/canal/wiki/Canal-Kafka-RocketMQ-QuickStart>.

use std::borrow::Cow;

use super::changes::{Op, changed, key_names, ops, tombstone_row};
use super::connect::kind;
use super::image::place_of;
use super::json::{push_int, push_list, push_name, try_push_list};
use super::mysql::{Declared, Form, sql_type, text};
use super::output::Output;
use super::source::Source;
use super::tables::Tables;
use crate::error::{Error, ErrorKind};
use crate::json::push_string;
use crate::row::{Change, Column, Event, Key, Row, RowSchema, Table, Value};

/// Encodes messages.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    tables: Tables<Option<Vec<Declared>>>,
    payload: String,
}

/// What a message does to its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Insert,
    /// Whether the rows before it are known.
    Update {
        has_old: bool,
    },
    Delete,
}

/// A row and what it was.
type Pair<'e, 'a> = (&'e Row<'a>, Option<&'e Row<'a>>);

/// What is said about all messages of a change.
#[derive(Clone, Copy)]
struct About<'e> {
    table: &'e Table<'e>,
    key: Option<&'e Key<'e>>,
    source: &'e Source<'e>,
    /// `None` where no types are known.
    columns: Option<(&'e RowSchema, &'e [Declared])>,
}

impl Encoder {
    pub(super) fn encode(&mut self, event: &Event<'_>, output: &mut Output) -> Result<(), Error> {
        let Self { tables, payload } = self;
        match event {
            Event::Change(change) => {
                let source = Source::of(Some(&change.origin), &change.table);
                let columns = change.schema.as_ref().map(|schema| {
                    let known = tables.with(&change.table, schema);
                    let declared = known.made.get_or_insert_with(|| declared(schema));
                    (&**schema, &**declared)
                });
                let about = About { table: &change.table, key: change.key.as_ref(), source: &source, columns };
                encode_change(change, about, payload, output)
            }
            Event::Tombstone { table, key: Some(key) } => {
                let (table, row) = tombstone_row(table.as_ref(), key)?;
                let source = Source::of(None, table);
                let of_key = key.schema.as_ref().map(|schema| declared(schema));
                let known = tables.get(table);
                let columns = match (known, &key.schema) {
                    (Some(known), _) => {
                        let declared = known.made.get_or_insert_with(|| declared(&known.schema));
                        Some((&*known.schema, &**declared))
                    }
                    (None, Some(schema)) => of_key.as_deref().map(|declared| (&**schema, declared)),
                    (None, None) => None,
                };
                let about = About { table, key: Some(key), source: &source, columns };
                about.message(payload, Kind::Delete, &[(&row, None)])?;
                output.push(None, Some(payload));
                Ok(())
            }
            Event::Truncate(table) => {
                let source = Source::of(None, table);
                let about = About { table, key: None, source: &source, columns: None };
                about.truncate(payload);
                output.push(None, Some(payload));
                Ok(())
            }
            Event::Tombstone { key: None, .. } | Event::Aside(_) => Ok(()),
        }
    }
}

fn declared(schema: &RowSchema) -> Vec<Declared> {
    schema.fields.iter().map(Declared::of).collect()
}

/// Neighbours that the same happened to go into one message.
fn encode_change(
    change: &Change<'_>,
    about: About<'_>,
    payload: &mut String,
    output: &mut Output,
) -> Result<(), Error> {
    let mut open: Option<Kind> = None;
    let mut rows: Vec<Pair<'_, '_>> = Vec::new();
    for op in ops(change) {
        let (kind, row, old) = match op {
            Op::Insert(row) => (Kind::Insert, row, None),
            Op::Update { before, after } => (Kind::Update { has_old: before.is_some() }, after, before),
            Op::KeyChange { before, after } => (Kind::Update { has_old: true }, after, Some(before)),
            Op::Delete(row) => (Kind::Delete, row, None),
        };
        if let Some(of_rows) = open.filter(|of_rows| *of_rows != kind) {
            about.message(payload, of_rows, &rows)?;
            output.push(None, Some(payload));
            rows.clear();
        }
        open = Some(kind);
        rows.push((row, old));
    }
    if let Some(kind) = open {
        about.message(payload, kind, &rows)?;
        output.push(None, Some(payload));
    }
    Ok(())
}

impl About<'_> {
    /// Writes a message. Its fields stand in the order of their names, as Canal has them.
    fn message(self, out: &mut String, kind: Kind, rows: &[Pair<'_, '_>]) -> Result<(), Error> {
        out.clear();
        out.push_str("{\"data\":");
        let in_row = |part: &'static str, at: usize| move |error: Error| error.under(&at.to_string()).under(part);
        try_push_list(out, ('[', ']'), rows.iter().enumerate(), |out, (at, (row, _))| {
            self.push_image(out, &row.columns, rows).map_err(in_row("data", at))
        })?;
        self.push_place(out);
        out.push_str(",\"isDdl\":false,\"mysqlType\":");
        self.push_types(out, rows, push_string);
        out.push_str(",\"old\":");
        if kind == (Kind::Update { has_old: true }) {
            try_push_list(out, ('[', ']'), rows.iter().enumerate(), |out, (at, (row, old))| {
                let columns = old.map_or(Ok(Vec::new()), |old| changed(old, row)).map_err(in_row("old", at))?;
                self.push_image(out, columns, rows).map_err(in_row("old", at))
            })?;
        } else {
            out.push_str("null");
        }
        out.push_str(",\"pkNames\":");
        match key_names(self.key, rows.iter().map(|(row, _)| *row))? {
            names if names.is_empty() => out.push_str("null"),
            names => push_list(out, ('[', ']'), names, push_string),
        }
        out.push_str(",\"sql\":\"\",\"sqlType\":");
        self.push_types(out, rows, |out, word| push_int(out, sql_type(word)));
        self.push_end(
            out,
            match kind {
                Kind::Insert => "INSERT",
                Kind::Update { .. } => "UPDATE",
                Kind::Delete => "DELETE",
            },
        );
        Ok(())
    }

    fn truncate(self, out: &mut String) {
        out.clear();
        out.push_str("{\"data\":null");
        self.push_place(out);
        out.push_str(",\"isDdl\":true,\"mysqlType\":null,\"old\":null,\"pkNames\":null,\"sql\":");
        let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
        let namespace = self.table.namespace().map_or(String::new(), |name| quoted(name) + ".");
        push_string(out, &format!("TRUNCATE TABLE {namespace}{}", quoted(&self.table.name)));
        out.push_str(",\"sqlType\":null");
        self.push_end(out, "TRUNCATE");
    }

    /// The fields from `database` to `id`. Nobody counts the batches that `id` is the number of.
    fn push_place(self, out: &mut String) {
        out.push_str(",\"database\":");
        push_string(out, self.table.namespace().unwrap_or_default());
        out.push_str(",\"es\":");
        self.push_clock(out);
        out.push_str(",\"gtid\":");
        push_string(out, self.source.text("gtid").unwrap_or_default());
        out.push_str(",\"id\":0");
    }

    /// The fields behind `sqlType`.
    fn push_end(self, out: &mut String, ty: &str) {
        out.push_str(",\"table\":");
        push_string(out, &self.table.name);
        out.push_str(",\"ts\":");
        self.push_clock(out);
        out.push_str(",\"type\":");
        push_string(out, ty);
        out.push('}');
    }

    fn push_clock(self, out: &mut String) {
        match self.source.integer("ts_ms") {
            Some(ms) => push_int(out, ms),
            None => out.push_str("null"),
        }
    }

    /// What `push` makes of the word of each column.
    fn push_types(self, out: &mut String, rows: &[Pair<'_, '_>], push: impl Fn(&mut String, &str)) {
        let Some((schema, declared)) = self.columns else { return out.push_str("null") };
        push_list(out, ('{', '}'), schema.fields.iter().zip(declared), |out, (field, declared)| {
            push_name(out, &field.name);
            push(out, declared.word_for(form_of(declared, &field.name, rows)));
        });
    }

    fn push_image<'r, 'a: 'r>(
        self,
        out: &mut String,
        columns: impl IntoIterator<Item = &'r Column<'a>>,
        rows: &[Pair<'_, '_>],
    ) -> Result<(), Error> {
        let mut next = 0;
        try_push_list(out, ('{', '}'), columns, |out, Column { name, value }| {
            push_name(out, name);
            let declared = match self.columns {
                Some((schema, declared)) => declared.get(place_of(schema, name, &mut next)?),
                None => None,
            };
            let text = match declared {
                Some(declared) => text(value, form_of(declared, name, rows)),
                None => untyped(value),
            };
            match text.map_err(|error| error.under(name))? {
                Some(text) => push_string(out, &text),
                None => out.push_str("null"),
            }
            Ok(())
        })
    }
}

/// The form of a column in a message of these rows: that of a shape is told by its values.
fn form_of(declared: &Declared, name: &str, rows: &[Pair<'_, '_>]) -> Form {
    let is_own =
        |row: &Row<'_>| matches!(row.get(name), Some(Value::Geometry(geometry)) if geometry.native().is_some());
    match declared.form {
        Form::AnyShape if rows.iter().any(|(row, old)| is_own(row) || old.is_some_and(is_own)) => Form::Text,
        Form::AnyShape => Form::Geometry,
        form => form,
    }
}

/// The text of a value whose type no one states.
fn untyped<'v>(value: &'v Value<'_>) -> Result<Option<Cow<'v, str>>, Error> {
    Ok(Some(Cow::Borrowed(match value {
        Value::Null => return Ok(None),
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Number(text)
        | Value::Text(text)
        | Value::Untyped(text)
        | Value::Embedded(text)
        | Value::WallClock(text)
        | Value::Json(text) => text,
        Value::Bits(digits) => digits,
        Value::Bytes(_) | Value::Geometry(_) => {
            let expected = "text, since the event does not state its types";
            return Err(Error::new("", ErrorKind::Unexpected { expected, found: kind(value) }));
        }
    })))
}
