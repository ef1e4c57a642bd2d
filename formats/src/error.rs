//! What can be wrong with a record, and where in it.
//!
//! An error names the place by a path (`after.amount`, `key.id`, `source.table`) and says what was expected and what
//! kind of thing was found. It never holds the value itself, which may be a secret.

use std::fmt;

/// A record that could not be decoded.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    path: String,
    kind: ErrorKind,
}

/// What was wrong at the error's path.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Not JSON, or cut off.
    #[error("expected JSON, found broken JSON at byte {at}")]
    BrokenJson {
        /// 0-based distance from the start of the text at `path`.
        at: usize,
    },
    /// Not Avro of its writer's schema, or cut off.
    #[error("expected Avro of the schema {id}, found other bytes at byte {at}")]
    BrokenAvro {
        /// The writer's schema.
        id: u32,
        /// 0-based distance from the first byte of the key or payload.
        at: usize,
    },
    /// The record names a writer's schema that the decoder was not given yet.
    #[error("the schema {id} is not known")]
    UnknownSchema {
        /// Its id in the registry.
        id: u32,
    },
    /// A key and payload of too many bytes.
    #[error("expected at most {limit} bytes, found more")]
    TooLarge {
        /// The most bytes that the two may have together.
        limit: usize,
    },
    /// A row of too many columns.
    #[error("expected at most {limit} columns, found more")]
    TooManyColumns {
        /// The most columns there may be.
        limit: usize,
    },
    /// A registry has to give this Avro schema an id before records of it are written.
    #[error("the schema of these records is not registered yet")]
    UnregisteredSchema {
        /// The schema's text.
        schema: Box<str>,
    },
    /// Objects and arrays, or types, inside of each other.
    #[error("expected at most {limit} levels, found more")]
    TooDeep {
        /// The most levels there may be.
        limit: usize,
    },
    /// Well-formed JSON of another kind than expected.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// The kind of thing that was expected there.
        expected: &'static str,
        /// The kind of thing that stood there.
        found: &'static str,
    },
    /// A value of the right type, for which a target column has no room. The decoders know no columns: this is for the
    /// steps behind them.
    #[error("expected {expected}, found {found}")]
    NoRoom {
        /// What the column holds.
        expected: &'static str,
        /// What the value is beside that.
        found: &'static str,
    },
    /// The right kind of JSON, but its content does not have the form of its type.
    #[error("expected {expected}, found a {found} that is none")]
    Malformed {
        /// The form that was expected.
        expected: &'static str,
        /// The kind of JSON value it stood in.
        found: &'static str,
    },
    /// A field that must be there is not.
    #[error("expected {expected}, found nothing")]
    Missing {
        /// What was expected.
        expected: &'static str,
    },
    /// What nobody states and must not be guessed.
    #[error("{what} is stated nowhere: set `{setting}`")]
    Unstated {
        /// What would have to be known.
        what: &'static str,
        /// The setting that would state it.
        setting: &'static str,
    },
    /// An `op` that no Debezium connector is known to write.
    #[error("expected one of the ops c, r, u, d, t, m, found another")]
    UnknownOp,
    /// A column whose semantic type has no decoder.
    #[error("columns of type `{0}` cannot be decoded")]
    UnsupportedType(String),
}

impl Error {
    /// An error at a path of the record; for steps behind the decoder that read the same record.
    pub fn new(path: impl Into<String>, kind: ErrorKind) -> Self {
        Self(Box::new(Inner { path: path.into(), kind }))
    }

    /// Where in the record, as dotted field names: `payload`, `op`, `source.table`, `after.amount`, `key.id`.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What was wrong there.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The same error one level further out: `amount` becomes `after.amount`.
    #[must_use]
    pub fn under(mut self, parent: &str) -> Self {
        self.0.path = if self.0.path.is_empty() { parent.to_owned() } else { format!("{parent}.{}", self.0.path) };
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.0.path, self.0.kind)
    }
}

impl std::error::Error for Error {}
