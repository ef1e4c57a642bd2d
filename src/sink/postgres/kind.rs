//! What a target column holds, as far as it decides how a value is read.

/// The kind of a column's type; domains are their base type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `boolean`
    Bool,
    /// `smallint`, `integer`, `bigint`, `oid`
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// `real`, `double precision`
    Float,
    /// `numeric` and `money`
    Numeric {
        /// All digits and those behind the point, where the column limits them.
        digits: Option<Digits>,
    },
    /// `bytea`
    Bytea,
    /// `date`
    Date,
    /// `time`
    Time {
        /// Digits of the fraction, 6 where the column does not limit them.
        precision: i32,
    },
    /// `timestamp` and `timestamptz`: a bare number is a wall clock in UTC for both.
    Timestamp {
        /// Digits of the fraction, 6 where the column does not limit them.
        precision: i32,
        /// `timestamptz`
        zoned: bool,
    },
    /// `timetz`
    Timetz {
        /// Digits of the fraction, 6 where the column does not limit them.
        precision: i32,
    },
    /// `interval`
    Interval,
    /// `bit`
    Bit {
        /// Number of bits.
        length: usize,
    },
    /// `bit varying`
    Varbit,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// `hstore`
    Hstore,
    /// `point`, `box`, `lseg`, `path`, `polygon`, `circle`, `line`
    Shape,
    /// `PostGIS`'s `geometry` and `geography`
    Geometry,
    /// pgvector's `vector` and `halfvec`
    Vector,
    /// pgvector's `sparsevec`
    SparseVector,
    /// An array of another kind.
    Array(Box<Kind>),
    /// `character varying(n)`
    Varchar {
        /// Number of characters.
        length: usize,
    },
    /// Everything whose text is the same at both ends: text, uuid, inet, xml, ranges, enums …
    Text,
}

/// The limits of a `numeric(precision,scale)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    /// All digits.
    pub precision: i32,
    /// Those behind the point; negative for zeros before it.
    pub scale: i32,
}

impl Kind {
    /// The kind of a base type by its name in `pg_type`. `typmod` is `pg_attribute.atttypmod`; −1 where there is none.
    pub fn of(ty: &str, typmod: i32) -> Self {
        let precision = if typmod < 0 { 6 } else { typmod };
        let length = |n: i32| usize::try_from(n).ok();
        match ty {
            "bool" => Self::Bool,
            "int2" => Self::Integer { min: i16::MIN.into(), max: i16::MAX.into() },
            "int4" => Self::Integer { min: i32::MIN.into(), max: i32::MAX.into() },
            "int8" => Self::Integer { min: i64::MIN, max: i64::MAX },
            "oid" => Self::Integer { min: 0, max: u32::MAX.into() },
            "float4" | "float8" => Self::Float,
            // ((precision << 16) | (scale & 0x7ff)) + VARHDRSZ; the scale is signed since Postgres 15
            "numeric" => Self::Numeric {
                digits: (typmod >= 4).then(|| Digits {
                    precision: ((typmod - 4) >> 16) & 0xffff,
                    scale: (((typmod - 4) & 0x7ff) ^ 0x400) - 0x400,
                }),
            },
            // 64 bits of cents
            "money" => Self::Numeric { digits: Some(Digits { precision: 19, scale: 2 }) },
            "bytea" => Self::Bytea,
            "date" => Self::Date,
            "time" => Self::Time { precision },
            "timestamp" => Self::Timestamp { precision, zoned: false },
            "timestamptz" => Self::Timestamp { precision, zoned: true },
            "timetz" => Self::Timetz { precision },
            "interval" => Self::Interval,
            "bit" => Self::Bit { length: length(typmod).unwrap_or(1) },
            "varbit" => Self::Varbit,
            "json" => Self::Json,
            "jsonb" => Self::Jsonb,
            "hstore" => Self::Hstore,
            "point" | "box" | "lseg" | "path" | "polygon" | "circle" | "line" => Self::Shape,
            "geometry" | "geography" => Self::Geometry,
            "vector" | "halfvec" => Self::Vector,
            "sparsevec" => Self::SparseVector,
            "varchar" => length(typmod - 4).map_or(Self::Text, |length| Self::Varchar { length }),
            _ => Self::Text,
        }
    }

    /// What is expected for a column of this kind, in words for an error.
    pub(super) fn expected(&self) -> &'static str {
        match self {
            Self::Bool => "a boolean",
            Self::Integer { .. } => "an integer",
            Self::Float | Self::Numeric { .. } => "a number",
            Self::Bytea => "binary as text",
            Self::Date => "days since 1970 or an ISO 8601 date",
            Self::Time { .. } => "a time of day",
            Self::Timestamp { .. } => "a timestamp",
            Self::Timetz { .. } => "an ISO 8601 time with its zone",
            Self::Interval => "an interval",
            Self::Bit { .. } | Self::Varbit => "bits",
            Self::Json | Self::Jsonb => "JSON",
            Self::Hstore => "a map of strings",
            Self::Shape => "a shape of the column's type",
            Self::Geometry => "a geometry",
            Self::Vector => "an array of numbers",
            Self::SparseVector => "a sparse vector",
            Self::Array(_) => "an array",
            Self::Varchar { .. } | Self::Text => "text",
        }
    }
}
