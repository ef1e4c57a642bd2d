//! A value as the text that Postgres reads for a column of its type.
//!
//! Comes in: a decoded [`Value`] and the target column's [`Kind`] from the catalog. Goes out: text in a [`TextColumn`],
//! cast by Postgres itself. Where the event does not say what a value is and the column can be read in two ways, a
//! setting has to ([`Modes`]); without it the value is refused. Nothing is guessed, and no value stands in an error.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use rowkind_formats::literal::{
    array_literal, bits_text, bytea_text, hstore_literal, point_text, variable_scale_decimal,
};
use rowkind_formats::{Error, ErrorKind, TimeUnit, Value, date, decimal_text, time, timestamp};
use rowkind_formats::{local_date, local_time, local_timestamp, zoned_time, zoned_timestamp};

/// What the connector was told and records without a schema do not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Modes {
    /// `time.precision.mode`.
    pub time_precision: Option<TimePrecision>,
    /// `decimal.handling.mode`.
    pub decimal: Option<DecimalMode>,
    /// `binary.handling.mode`.
    pub binary: Option<BinaryMode>,
}

/// Debezium's `time.precision.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimePrecision {
    /// Milliseconds or microseconds by the column's precision.
    Adaptive,
    /// The same, but times of day always in microseconds.
    AdaptiveTimeMicroseconds,
    /// Milliseconds.
    Connect,
    /// ISO 8601 text.
    Isostring,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

/// Debezium's `decimal.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalMode {
    /// The unscaled value in base64.
    Precise,
    /// Text.
    String,
    /// A JSON number.
    Double,
}

/// Debezium's `binary.handling.mode`; `bytes` is base64 in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryMode {
    /// With `+` and `/`.
    Base64,
    /// With `-` and `_`.
    Base64UrlSafe,
    /// Two digits a byte.
    Hex,
}

/// What a target column holds, as far as it decides how a value is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `boolean`
    Bool,
    /// `smallint`, `integer`, `bigint`, `real`, `double precision`, `oid`
    Number,
    /// `numeric` and `money`
    Numeric {
        /// Digits behind the point, where the column limits them.
        scale: Option<i32>,
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
    Timetz,
    /// `interval`
    Interval,
    /// `bit` and `bit varying`
    Bit {
        /// Number of bits; `None` for a varying number.
        length: Option<usize>,
    },
    /// `json` and `jsonb`
    Json,
    /// `hstore`
    Hstore,
    /// `point`
    Point,
    /// An array of another kind.
    Array(Box<Kind>),
    /// Everything whose text is the same at both ends: text, uuid, inet, xml, ranges, enums …
    Text,
}

/// A column of parameters: the elements of a one-dimensional `text[]` as they go over the wire.
#[derive(Debug, Default)]
pub struct TextColumn {
    /// Number of elements.
    pub n: i32,
    /// Each element's length as a big-endian `i32` and its bytes; −1 and none for NULL.
    pub bytes: Vec<u8>,
}

impl TextColumn {
    /// Appends NULL.
    pub fn push_null(&mut self) {
        self.n += 1;
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
    }

    /// Appends an element that is in wire form already.
    pub fn push_element(&mut self, element: &[u8]) {
        self.n += 1;
        self.bytes.extend_from_slice(element);
    }

    /// Appends a value for a column of `kind`.
    ///
    /// # Errors
    ///
    /// When the value is none of the kind, could be read in two ways, or holds a zero byte. The column is then as before.
    pub fn push_value(&mut self, value: &Value<'_>, kind: &Kind, modes: Modes) -> Result<(), Error> {
        let Some(text) = text(value, kind, modes)? else {
            self.push_null();
            return Ok(());
        };
        let text: &str = text.as_ref();
        if text.as_bytes().contains(&0) {
            return Err(refused("text without a zero byte, which Postgres cannot hold", "a zero byte"));
        }
        let length = i32::try_from(text.len()).map_err(|_| refused("at most 2 GB", "more"))?;
        self.n += 1;
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

type Text<'v> = std::borrow::Cow<'v, str>;

/// The text of a value for a column of `kind`; `None` for NULL.
fn text<'v>(value: &'v Value<'_>, kind: &Kind, modes: Modes) -> Result<Option<Text<'v>>, Error> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => bool_text(*value, kind)?.into(),
        Value::Number(text) => number_text(text, kind, modes)?,
        Value::Text(text) => string_text(text, kind, modes)?,
        Value::Bytes(bytes) => match kind {
            Kind::Bytea => bytea_text(bytes).into(),
            Kind::Bit { length } => bits_text(bytes, *length).into(),
            other => return Err(refused(other.expected(), "binary")),
        },
        Value::Json(text) => json_text(text, kind, modes)?,
    }))
}

fn bool_text(value: bool, kind: &Kind) -> Result<&'static str, Error> {
    match kind {
        Kind::Bool | Kind::Text | Kind::Json => Ok(if value { "true" } else { "false" }),
        Kind::Bit { .. } => Ok(if value { "1" } else { "0" }),
        other => Err(refused(other.expected(), "a boolean")),
    }
}

fn number_text<'v>(text: &'v str, kind: &Kind, modes: Modes) -> Result<Text<'v>, Error> {
    let ticks = || text.parse::<i64>().map_err(|_| refused(kind.expected(), "a number that is no integer of 64 bits"));
    Ok(match kind {
        Kind::Bool | Kind::Number | Kind::Numeric { .. } | Kind::Text | Kind::Json => text.into(),
        Kind::Date => match i32::try_from(ticks()?) {
            Ok(days) => date(i64::from(days)).into(),
            Err(_) => return Err(refused("days since 1970", "a number that is too large")),
        },
        Kind::Time { precision } => time(ticks()?, unit(modes, *precision, true)?).into(),
        Kind::Timestamp { precision, .. } => timestamp(ticks()?, unit(modes, *precision, false)?).into(),
        Kind::Interval => format!("{} microseconds", ticks()?).into(),
        Kind::Bytea | Kind::Timetz | Kind::Bit { .. } | Kind::Hstore | Kind::Point | Kind::Array(_) => {
            return Err(refused(kind.expected(), "a number"));
        }
    })
}

/// What a tick is, by what the connector was told.
fn unit(modes: Modes, precision: i32, of_day: bool) -> Result<TimeUnit, Error> {
    use TimePrecision as T;
    match modes.time_precision {
        Some(T::Adaptive) if precision <= 3 => Ok(TimeUnit::Millis),
        Some(T::AdaptiveTimeMicroseconds) if precision <= 3 && !of_day => Ok(TimeUnit::Millis),
        Some(T::Adaptive | T::AdaptiveTimeMicroseconds | T::Microseconds) => Ok(TimeUnit::Micros),
        Some(T::Connect) => Ok(TimeUnit::Millis),
        Some(T::Nanoseconds) => Ok(TimeUnit::Nanos),
        Some(T::Isostring) => Err(refused("ISO 8601 text, as `source.time_precision` says", "a number")),
        None => Err(unstated("the unit of a number for a time", "source.time_precision")),
    }
}

fn string_text<'v>(text: &'v str, kind: &Kind, modes: Modes) -> Result<Text<'v>, Error> {
    let or_as_it_is = |printed: Option<String>| printed.map_or(Text::Borrowed(text), Text::Owned);
    Ok(match kind {
        Kind::Numeric { scale } => return numeric_text(text, *scale, modes),
        Kind::Bytea => return binary_text(text, modes).map(Text::Owned),
        Kind::Date => or_as_it_is(local_date(text)),
        Kind::Time { .. } => or_as_it_is(local_time(text)),
        Kind::Timestamp { zoned: false, .. } => or_as_it_is(local_timestamp(text)),
        Kind::Timestamp { zoned: true, .. } => or_as_it_is(zoned_timestamp(text)),
        Kind::Timetz => or_as_it_is(zoned_time(text)),
        Kind::Bit { length } if !text.bytes().all(|byte| matches!(byte, b'0' | b'1')) || text.is_empty() => {
            let bytes = STANDARD.decode(text).map_err(|_| refused("base64 of bits", "a string that is none"))?;
            bits_text(&bytes, *length).into()
        }
        Kind::Hstore if text.starts_with('{') => hstore_literal(text)?.into(),
        Kind::Bool
        | Kind::Number
        | Kind::Bit { .. }
        | Kind::Interval
        | Kind::Json
        | Kind::Hstore
        | Kind::Point
        | Kind::Array(_)
        | Kind::Text => text.into(),
    })
}

/// Debezium's names for what is no number, in mode `string`.
const SPECIAL_DECIMALS: [(&str, &str); 3] =
    [("NAN", "NaN"), ("POSITIVE_INFINITY", "Infinity"), ("NEGATIVE_INFINITY", "-Infinity")];

/// A string for a numeric column is a number's text or, in mode `precise`, base64. Nearly every string can be only one
/// of the two; for one such as `1234` the mode has to be stated.
fn numeric_text(text: &str, scale: Option<i32>, modes: Modes) -> Result<Text<'_>, Error> {
    if let Some((_, special)) = SPECIAL_DECIMALS.iter().find(|(name, _)| *name == text) {
        return Ok((*special).into());
    }
    let plain = is_number(text);
    let base64 = || STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty());
    match (modes.decimal, plain) {
        (Some(DecimalMode::String | DecimalMode::Double), true) => Ok(text.into()),
        (None, true) if base64().is_none() => Ok(text.into()),
        (None, true) => Err(unstated("whether a string for a number is text or base64", "source.decimal_mode")),
        (None | Some(DecimalMode::Precise), _) => match (base64(), scale) {
            (Some(bytes), Some(scale)) => Ok(decimal_text(&bytes, scale).into()),
            (Some(_), None) => {
                Err(refused("a column numeric(p,s), whose scale the base64 needs", "one without a scale"))
            }
            (None, _) => Err(refused("a number or the base64 of one", "a string that is neither")),
        },
        (Some(_), false) => Err(refused("a number's text, as `source.decimal_mode` says", "another string")),
    }
}

/// Whether Postgres reads the text as a number.
fn is_number(text: &str) -> bool {
    if matches!(text, "NaN" | "Infinity" | "-Infinity") {
        return true;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole) && digits(decimals) && whole.len() + decimals.len() > 0 && !exponent.is_empty() && digits(exponent)
}

fn binary_text(text: &str, modes: Modes) -> Result<String, Error> {
    let hex = || unhex(text);
    let standard = || STANDARD.decode(text).ok();
    let url_safe = || URL_SAFE.decode(text).ok();
    let bytes = match modes.binary {
        Some(BinaryMode::Hex) => hex(),
        Some(BinaryMode::Base64) => standard(),
        Some(BinaryMode::Base64UrlSafe) => url_safe(),
        None => match (standard().or_else(url_safe), hex()) {
            (Some(base64), Some(hex)) if base64 != hex => {
                return Err(unstated("whether a string for binary is base64 or hex", "source.binary_mode"));
            }
            (base64, hex) => base64.or(hex),
        },
    };
    bytes.map(|bytes| bytea_text(&bytes)).ok_or_else(|| refused("base64 or hex", "a string that is none"))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

/// An object or array of an event without a schema.
fn json_text<'v>(json: &'v str, kind: &Kind, modes: Modes) -> Result<Text<'v>, Error> {
    Ok(match kind {
        Kind::Json => json.into(),
        Kind::Numeric { .. } => variable_scale_decimal(json)?.into(),
        Kind::Hstore => hstore_literal(json)?.into(),
        Kind::Point => point_text(json)?.into(),
        Kind::Array(item) => {
            array_literal(json, |value| text(value, item, modes).map(|text| text.map(Text::into_owned)))?.into()
        }
        other => return Err(refused(other.expected(), "an object or an array")),
    })
}

impl Kind {
    /// What is expected for a column of this kind, in words for an error.
    fn expected(&self) -> &'static str {
        match self {
            Self::Bool => "a boolean",
            Self::Number | Self::Numeric { .. } => "a number",
            Self::Bytea => "binary as text",
            Self::Date => "days since 1970 or an ISO 8601 date",
            Self::Time { .. } => "a time of day",
            Self::Timestamp { .. } => "a timestamp",
            Self::Timetz => "an ISO 8601 time with its zone",
            Self::Interval => "an interval",
            Self::Bit { .. } => "bits",
            Self::Json => "JSON",
            Self::Hstore => "a map of strings",
            Self::Point => "a point",
            Self::Array(_) => "an array",
            Self::Text => "text",
        }
    }
}

fn refused(expected: &'static str, found: &'static str) -> Error {
    Error::new("", ErrorKind::Unexpected { expected, found })
}

fn unstated(what: &'static str, setting: &'static str) -> Error {
    Error::new("", ErrorKind::Unstated { what, setting })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::needless_pass_by_value, reason = "the cases read better without borrows")]
    fn shown(value: Value<'_>, kind: &Kind, modes: Modes) -> String {
        match text(&value, kind, modes) {
            Ok(Some(text)) => text.into_owned(),
            Ok(None) => "NULL".to_owned(),
            Err(error) => error.kind().to_string(),
        }
    }

    const NUMERIC_2: Kind = Kind::Numeric { scale: Some(2) };

    #[test]
    fn a_decimal_that_can_be_read_one_way_needs_no_setting() {
        let none = Modes::default();
        assert_eq!(shown(Value::Text("AYbS".into()), &NUMERIC_2, none), "1000.50");
        assert_eq!(shown(Value::Text("1000.50".into()), &NUMERIC_2, none), "1000.50");
        assert_eq!(shown(Value::Text("-7".into()), &NUMERIC_2, none), "-7");
        assert_eq!(shown(Value::Text("NAN".into()), &NUMERIC_2, none), "NaN");
        assert!(shown(Value::Text("1234".into()), &NUMERIC_2, none).contains("source.decimal_mode"));
        let string = Modes { decimal: Some(DecimalMode::String), ..none };
        assert_eq!(shown(Value::Text("1234".into()), &NUMERIC_2, string), "1234");
        let precise = Modes { decimal: Some(DecimalMode::Precise), ..none };
        assert_eq!(shown(Value::Text("1234".into()), &NUMERIC_2, precise), "-26588.24");
    }

    #[test]
    fn the_unit_of_a_time_is_never_guessed() {
        let ticks = || Value::Number("1709287200123".into());
        let timestamp = |precision| Kind::Timestamp { precision, zoned: false };
        assert!(shown(ticks(), &timestamp(3), Modes::default()).contains("source.time_precision"));
        let adaptive = Modes { time_precision: Some(TimePrecision::Adaptive), ..Modes::default() };
        assert_eq!(shown(ticks(), &timestamp(3), adaptive), "2024-03-01 10:00:00.123");
        assert_eq!(shown(ticks(), &timestamp(6), adaptive), "1970-01-20 18:48:07.200123");
        assert_eq!(shown(Value::Number("19782".into()), &Kind::Date, Modes::default()), "2024-02-29");
    }

    #[test]
    fn binary_that_could_be_base64_or_hex_needs_the_setting() {
        let none = Modes::default();
        assert_eq!(shown(Value::Text("AP8Q3g==".into()), &Kind::Bytea, none), "\\x00ff10de");
        assert_eq!(
            shown(Value::Text("abc".into()), &Kind::Bytea, none),
            "expected base64 or hex, found a string that is none"
        );
        assert!(shown(Value::Text("00ff10de".into()), &Kind::Bytea, none).contains("source.binary_mode"));
        let hex = Modes { binary: Some(BinaryMode::Hex), ..none };
        assert_eq!(shown(Value::Text("00ff10de".into()), &Kind::Bytea, hex), "\\x00ff10de");
    }

    #[test]
    fn json_becomes_what_the_column_is() {
        let none = Modes::default();
        let array = Kind::Array(Box::new(Kind::Text));
        assert_eq!(shown(Value::Json(r#"["a","b c",null,""]"#.into()), &array, none), r#"{a,"b c",NULL,""}"#);
        assert_eq!(shown(Value::Json("[19782]".into()), &Kind::Array(Box::new(Kind::Date)), none), "{2024-02-29}");
        assert_eq!(
            shown(Value::Json(r#"{"scale":1,"value":"Dw=="}"#.into()), &Kind::Numeric { scale: None }, none),
            "1.5"
        );
        assert_eq!(shown(Value::Text(r#"{"a":"1","b":null}"#.into()), &Kind::Hstore, none), r#""a"=>"1", "b"=>NULL"#);
        assert_eq!(shown(Value::Json(r#"{"a":1}"#.into()), &Kind::Json, none), r#"{"a":1}"#);
    }

    #[test]
    fn a_zero_byte_is_refused_and_leaves_the_column_as_it_was() {
        let mut column = TextColumn::default();
        let error = column.push_value(&Value::Text("a\0b".into()), &Kind::Text, Modes::default());
        assert!(error.is_err_and(|error| error.to_string().contains("zero byte")));
        assert_eq!((column.n, column.bytes.len()), (0, 0));
    }
}
