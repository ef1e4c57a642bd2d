//! A datum: read, passed over, or printed as JSON, by its writer's schema.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Framed;
use super::float::{push_float, special};
use super::schema::{Field, Schema, Type, TypeId};
use crate::error::{Error, ErrorKind};
use crate::json;

/// Records inside of each other: a schema may hold itself, and bytes could go on for ever.
const MAX_DEPTH: usize = 64;

/// What stands before a datum: a zero byte and the schema's id.
const FRAME_BYTES: usize = 5;

/// A part of a record: the bytes of one datum, and the type that it is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Datum<'a, 's> {
    pub(super) schema: &'s Schema,
    pub(super) ty: TypeId,
    pub(super) cursor: Cursor<'a>,
}

/// Bytes that are still to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    /// Length of the whole record.
    n_bytes: usize,
    schema_id: u32,
}

impl<'a, 's> Datum<'a, 's> {
    /// All of a record's key or payload.
    pub(crate) fn of(framed: Framed<'a>, schema: &'s Schema) -> Self {
        let Framed { id, bytes } = framed;
        let cursor = Cursor { rest: bytes, n_bytes: bytes.len() + FRAME_BYTES, schema_id: id };
        Self { schema, ty: schema.root(), cursor }
    }

    /// The same behind the unions around it; `None` for null.
    pub(crate) fn present(mut self) -> Result<Option<Self>, Error> {
        for _ in 0..MAX_DEPTH {
            match self.schema.get(self.ty) {
                Some(Type::Union(branches)) => self.ty = self.cursor.branch(branches)?,
                Some(Type::Null) => return Ok(None),
                _ => return Ok(Some(self)),
            }
        }
        Err(too_deep())
    }

    /// The fields of a record, each told by its name. Nothing for what is no record.
    ///
    /// # Errors
    ///
    /// When the bytes are not of the schema, or `each` fails.
    pub(crate) fn each_field(self, mut each: impl FnMut(&'s str, Self) -> Result<(), Error>) -> Result<(), Error> {
        let Some(Self { schema, ty, mut cursor }) = self.present()? else { return Ok(()) };
        let fields: &'s [Field] = match schema.get(ty) {
            Some(Type::Record(fields)) => fields,
            _ => &[],
        };
        for field in fields {
            each(&field.name, Self { schema, ty: field.ty, cursor })?;
            cursor.skip(schema, field.ty, 0)?;
        }
        Ok(())
    }

    /// A text, or the name of a symbol; `None` for everything else.
    pub(crate) fn text(self) -> Result<Option<Cow<'a, str>>, Error> {
        let Some(mut datum) = self.present()? else { return Ok(None) };
        Ok(match datum.schema.get(datum.ty) {
            Some(Type::String) => Some(Cow::Borrowed(datum.cursor.text()?)),
            Some(Type::Enum(symbols)) => Some(Cow::Owned(datum.cursor.symbol(symbols)?.to_owned())),
            _ => None,
        })
    }

    /// A text or a number; `None` for everything else.
    pub(crate) fn scalar(self) -> Result<Option<Cow<'a, str>>, Error> {
        let Some(mut datum) = self.present()? else { return Ok(None) };
        match datum.schema.get(datum.ty) {
            Some(Type::Int | Type::Long) => Ok(Some(Cow::Owned(datum.cursor.long()?.to_string()))),
            _ => datum.text(),
        }
    }

    /// As Connect's JSON converter would have written it.
    pub(crate) fn json(mut self) -> Result<String, Error> {
        let mut out = String::new();
        self.cursor.push_json(self.schema, self.ty, &mut out, 0)?;
        Ok(out)
    }
}

impl<'a> Cursor<'a> {
    fn broken(&self) -> Error {
        let at = self.n_bytes.saturating_sub(self.rest.len());
        Error::new("", ErrorKind::BrokenAvro { id: self.schema_id, at })
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or_else(|| self.broken())?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.broken())?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A variable-length zig-zag integer.
    pub(super) fn long(&mut self) -> Result<i64, Error> {
        let mut bits = 0_u64;
        let mut rest = self.rest;
        for shift in (0..70).step_by(7) {
            let Some((byte, behind)) = rest.split_first() else { break };
            rest = behind;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            bits |= part << shift;
            if byte & 0x80 == 0 {
                self.rest = rest;
                return Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
        }
        Err(self.broken())
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let mut next = *self;
        let n = usize::try_from(next.long()?).map_err(|_| self.broken())?;
        let bytes = next.take(n).map_err(|_| self.broken())?;
        *self = next;
        Ok(bytes)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Error> {
        let mut next = *self;
        let text = std::str::from_utf8(next.bytes()?).map_err(|_| self.broken())?;
        *self = next;
        Ok(text)
    }

    pub(super) fn boolean(&mut self) -> Result<bool, Error> {
        match self.rest.split_first() {
            Some((bit @ (0 | 1), rest)) => {
                self.rest = rest;
                Ok(*bit == 1)
            }
            _ => Err(self.broken()),
        }
    }

    pub(super) fn float(&mut self) -> Result<f32, Error> {
        self.array().map(f32::from_le_bytes)
    }

    pub(super) fn double(&mut self) -> Result<f64, Error> {
        self.array().map(f64::from_le_bytes)
    }

    /// The branch of a union that was written.
    pub(super) fn branch(&mut self, branches: &[TypeId]) -> Result<TypeId, Error> {
        self.chosen(branches).copied()
    }

    fn symbol<'s>(&mut self, symbols: &'s [String]) -> Result<&'s str, Error> {
        self.chosen(symbols).map(String::as_str)
    }

    fn chosen<'s, T>(&mut self, all: &'s [T]) -> Result<&'s T, Error> {
        let mut next = *self;
        let at = usize::try_from(next.long()?).ok();
        let chosen = at.and_then(|at| all.get(at)).ok_or_else(|| self.broken())?;
        *self = next;
        Ok(chosen)
    }

    /// How many items the next block of an array or map has; 0 at its end.
    fn block(&mut self) -> Result<usize, Error> {
        let mut next = *self;
        let mut n = next.long()?;
        if n < 0 {
            // its size in bytes follows, for those who pass over it
            n = n.checked_neg().ok_or_else(|| self.broken())?;
            next.long()?;
        }
        // an item has a byte at least: what says more is no datum, and would be read for ever
        let n = usize::try_from(n).ok().filter(|n| *n <= next.rest.len()).ok_or_else(|| self.broken())?;
        *self = next;
        Ok(n)
    }

    /// Passes over a datum.
    pub(super) fn skip(&mut self, schema: &Schema, ty: TypeId, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        match schema.get(ty) {
            None | Some(Type::Null) => {}
            Some(Type::Boolean) => drop(self.boolean()?),
            Some(Type::Int | Type::Long | Type::Enum(_)) => drop(self.long()?),
            Some(Type::Float) => drop(self.take(4)?),
            Some(Type::Double) => drop(self.take(8)?),
            Some(Type::Bytes | Type::String) => drop(self.bytes()?),
            Some(Type::Fixed(n)) => drop(self.take(*n)?),
            Some(Type::Union(branches)) => {
                let branch = self.branch(branches)?;
                self.skip(schema, branch, depth + 1)?;
            }
            Some(Type::Record(fields)) => {
                for field in fields {
                    self.skip(schema, field.ty, depth + 1)?;
                }
            }
            Some(Type::Array(items) | Type::Entries(items)) => {
                self.each_item(|cursor| cursor.skip(schema, *items, depth + 1))?;
            }
            Some(Type::Map(values)) => self.each_item(|cursor| {
                cursor.text()?;
                cursor.skip(schema, *values, depth + 1)
            })?,
        }
        Ok(())
    }

    fn each_item(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        loop {
            let n = self.block()?;
            if n == 0 {
                return Ok(());
            }
            for _ in 0..n {
                let n_left = self.rest.len();
                each(self)?;
                // what takes no bytes could be there any number of times
                if self.rest.len() == n_left {
                    return Err(self.broken());
                }
            }
        }
    }

    /// Appends the JSON that Connect's converter would have written.
    pub(super) fn push_json(
        &mut self,
        schema: &Schema,
        ty: TypeId,
        out: &mut String,
        depth: usize,
    ) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        match schema.get(ty) {
            None | Some(Type::Null) => out.push_str("null"),
            Some(Type::Boolean) => out.push_str(if self.boolean()? { "true" } else { "false" }),
            Some(Type::Int | Type::Long) => out.push_str(&self.long()?.to_string()),
            Some(Type::Float) => {
                let number = self.float()?;
                push_float(out, number, special(f64::from(number)));
            }
            Some(Type::Double) => {
                let number = self.double()?;
                push_float(out, number, special(number));
            }
            Some(Type::Bytes) => push_base64(out, self.bytes()?),
            Some(Type::Fixed(n)) => push_base64(out, self.take(*n)?),
            Some(Type::String) => json::push_string(out, self.text()?),
            Some(Type::Enum(symbols)) => json::push_string(out, self.symbol(symbols)?),
            Some(Type::Union(branches)) => {
                let branch = self.branch(branches)?;
                self.push_json(schema, branch, out, depth + 1)?;
            }
            Some(Type::Record(fields)) => {
                for (at, field) in fields.iter().enumerate() {
                    out.push(if at == 0 { '{' } else { ',' });
                    json::push_string(out, &field.name);
                    out.push(':');
                    self.push_json(schema, field.ty, out, depth + 1)?;
                }
                out.push_str(if fields.is_empty() { "{}" } else { "}" });
            }
            Some(Type::Array(items)) => self.push_items(schema, *items, out, depth)?,
            Some(Type::Map(values)) => {
                let mut separator = '{';
                self.each_item(|cursor| {
                    out.push(std::mem::replace(&mut separator, ','));
                    json::push_string(out, cursor.text()?);
                    out.push(':');
                    cursor.push_json(schema, *values, out, depth + 1)
                })?;
                out.push_str(if separator == '{' { "{}" } else { "}" });
            }
            Some(Type::Entries(entries)) => self.push_entries(schema, *entries, out, depth)?,
        }
        Ok(())
    }

    fn push_items(&mut self, schema: &Schema, items: TypeId, out: &mut String, depth: usize) -> Result<(), Error> {
        let mut separator = '[';
        self.each_item(|cursor| {
            out.push(std::mem::replace(&mut separator, ','));
            cursor.push_json(schema, items, out, depth + 1)
        })?;
        out.push_str(if separator == '[' { "[]" } else { "]" });
        Ok(())
    }

    /// The JSON converter writes an object where all keys are strings that can be none in Avro (optional ones), and an
    /// array of pairs otherwise.
    fn push_entries(&mut self, schema: &Schema, entry: TypeId, out: &mut String, depth: usize) -> Result<(), Error> {
        let Some(Type::Record(fields)) = schema.get(entry) else {
            return self.push_items(schema, entry, out, depth);
        };
        let is_text = fields.first().is_some_and(|key| is_text(schema, key.ty));
        let (open, between, close) = if is_text { ("{", ":", "}") } else { ("[", ",", "]") };
        let mut is_first = true;
        out.push_str(open);
        self.each_item(|cursor| {
            if !std::mem::take(&mut is_first) {
                out.push(',');
            }
            if !is_text {
                out.push('[');
            }
            for (at, field) in fields.iter().enumerate() {
                if at > 0 {
                    out.push_str(between);
                }
                cursor.push_json(schema, field.ty, out, depth + 1)?;
            }
            if !is_text {
                out.push(']');
            }
            Ok(())
        })?;
        out.push_str(close);
        Ok(())
    }
}

/// Whether every value of a type is a string.
fn is_text(schema: &Schema, ty: TypeId) -> bool {
    matches!(schema.get(ty), Some(Type::String))
}

fn push_base64(out: &mut String, bytes: &[u8]) {
    out.push('"');
    STANDARD.encode_string(bytes, out);
    out.push('"');
}

fn too_deep() -> Error {
    Error::new("", ErrorKind::TooDeep { limit: MAX_DEPTH })
}

/// A part of a record that is kept beyond its decoding, to be looked into when that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Part<'a> {
    schema: Arc<Schema>,
    ty: TypeId,
    cursor: Cursor<'a>,
}

/// Two parts are equal when they are the same bytes of the same schema.
impl PartialEq for Part<'_> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.schema, &other.schema) && self.ty == other.ty && self.cursor == other.cursor
    }
}

impl Eq for Part<'_> {}

impl<'a> Part<'a> {
    /// `schema` is the one that the datum was read by.
    pub(crate) fn new(datum: Datum<'a, '_>, schema: &Arc<Schema>) -> Self {
        Self { schema: Arc::clone(schema), ty: datum.ty, cursor: datum.cursor }
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Result<String, Error> {
        self.datum().json()
    }

    /// The text of a number or string in a record; `None` for null, for anything else, and where it is not.
    pub(crate) fn scalar(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut found = None;
        let walked = self.datum().each_field(|field, datum| {
            if field == name {
                found = datum.scalar()?;
            }
            Ok(())
        });
        walked.ok().and(found)
    }

    fn datum(&self) -> Datum<'a, '_> {
        Datum { schema: &self.schema, ty: self.ty, cursor: self.cursor }
    }
}
