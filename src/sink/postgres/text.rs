//! A value as the text that Postgres reads for a column of its type.
//!
//! Comes in: a decoded [`Value`] and the target column's [`Kind`] from the catalog. Goes out: text in a [`TextColumn`],
//! cast by Postgres itself. Where the event does not say what a value is and the column can be read in two ways, a
//! setting has to ([`Modes`]); without it the value is refused. Nothing is guessed, and no value stands in an error.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rowkind_formats::literal::{
    array_literal, bits_text, bytea_text, hex_text, hstore_literal, sparse_vector, variable_scale_decimal,
};
use rowkind_formats::{BytesText, Error, ErrorKind, Geometry, Structured, TimeUnit, Value};
use rowkind_formats::{bytes_of, check_levels, date, decimal_text, interval, structured_text, time, timestamp};
use rowkind_formats::{local_date, local_time, local_timestamp, zoned_time, zoned_timestamp};

use super::fits::{fitted, is_number, is_zero_date};
use super::kind::{Digits, Kind};
use super::modes::{DecimalMode, Modes, TimePrecision, ZeroDate};
use super::mysql::{bits_of_number, embedded_text, wall_clock_text};

/// A column of parameters: the elements of a one-dimensional `text[]` as they go over the wire.
#[derive(Debug, Default)]
pub struct TextColumn {
    /// Number of elements.
    pub n: i32,
    /// Each element's length as a big-endian `i32` and its bytes; −1 and none for NULL.
    pub bytes: Vec<u8>,
}

impl TextColumn {
    /// Number of elements.
    pub fn n_elements(&self) -> usize {
        usize::try_from(self.n).unwrap_or(0)
    }

    /// The elements in their order; `None` for NULL.
    pub fn elements(&self) -> impl Iterator<Item = Option<&[u8]>> {
        let mut rest = &*self.bytes;
        std::iter::from_fn(move || {
            let (length, behind) = rest.split_first_chunk::<4>()?;
            let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
                rest = behind;
                return Some(None);
            };
            let (element, behind) = behind.split_at_checked(length)?;
            rest = behind;
            Some(Some(element))
        })
    }

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
    /// When the value is none of the kind, could be read in two ways, or does not fit into the column. The parameters are
    /// then as before.
    pub fn push_value(&mut self, value: &Value<'_>, kind: &Kind, modes: Modes) -> Result<(), Error> {
        let Some(text) = text(value, kind, modes)? else {
            self.push_null();
            return Ok(());
        };
        let text: &str = text.as_ref();
        let length = i32::try_from(text.len()).map_err(|_| refused("at most 2 GB", "more"))?;
        self.n += 1;
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

pub(crate) type Text<'v> = std::borrow::Cow<'v, str>;

/// The text of a value for a column of `kind`; `None` for NULL.
///
/// # Errors
///
/// When the value is none of the kind, could be read in two ways, or does not fit into the column.
pub fn text<'v>(value: &'v Value<'_>, kind: &Kind, modes: Modes) -> Result<Option<Text<'v>>, Error> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => bool_text(*value, kind)?.into(),
        Value::Number(text) => number_text(text, kind, modes)?,
        Value::Text(text) => typed_text(text, kind, modes)?,
        Value::Untyped(text) => untyped_text(text, kind, modes)?,
        Value::Embedded(text) => embedded_text(text, kind, modes)?,
        Value::WallClock(text) => wall_clock_text(text, kind)?,
        Value::Bits(digits) => varying_bits(digits, kind)?,
        Value::Bytes(bytes) => match kind {
            Kind::Bytea => bytea_text(bytes).into(),
            other => return Err(refused(other.expected(), "binary")),
        },
        Value::Geometry(geometry) => geometry_text(geometry, kind)?.into(),
        Value::Json(text) => json_text(text, kind, modes)?,
    };
    if modes.zero_date == ZeroDate::Null && is_zero_date(&text, kind) {
        return Ok(None);
    }
    fitted(text, kind, modes).map(Some)
}

fn bool_text(value: bool, kind: &Kind) -> Result<&'static str, Error> {
    match kind {
        Kind::Bool | Kind::Text | Kind::Json | Kind::Jsonb => Ok(if value { "true" } else { "false" }),
        Kind::Bit { .. } => Ok(if value { "1" } else { "0" }),
        Kind::Varbit => Err(unstated_bits()),
        other => Err(refused(other.expected(), "a boolean")),
    }
}

fn number_text<'v>(text: &'v str, kind: &Kind, modes: Modes) -> Result<Text<'v>, Error> {
    let ticks = || text.parse::<i64>().map_err(|_| refused(kind.expected(), "a number that is no integer of 64 bits"));
    Ok(match kind {
        Kind::Bool
        | Kind::Integer { .. }
        | Kind::Float
        | Kind::Numeric { .. }
        | Kind::Text
        | Kind::Varchar { .. }
        | Kind::Json
        | Kind::Jsonb => text.into(),
        Kind::Date => match i32::try_from(ticks()?) {
            Ok(days) => date(i64::from(days)).into(),
            Err(_) => return Err(refused("days since 1970", "a number that is too large")),
        },
        Kind::Time { precision } => time(ticks()?, unit(modes, *precision, true)?).into(),
        Kind::Timestamp { precision, .. } => timestamp(ticks()?, unit(modes, *precision, false)?).into(),
        Kind::Interval => time(ticks()?, interval_unit(modes)?).into(),
        // Maxwell's
        Kind::Bit { length } => bits_of_number(text, *length)?.into(),
        other => return Err(refused(other.expected(), "a number")),
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

/// Postgres's connector sends an interval in microseconds whatever its mode; `MySQL`'s sends a TIME by its mode. Where
/// the two differ the column has to be stated.
fn interval_unit(modes: Modes) -> Result<TimeUnit, Error> {
    use TimePrecision as T;
    match modes.time_precision {
        Some(T::Adaptive | T::AdaptiveTimeMicroseconds | T::Microseconds | T::Isostring) => Ok(TimeUnit::Micros),
        Some(T::Connect | T::Nanoseconds) => Err(unstated("the unit of a number for an interval", "source.columns")),
        None => Err(unstated("the unit of a number for an interval", "source.time_precision")),
    }
}

/// Text of a type that is known. It is what Postgres prints, but for what a schema calls text alone.
pub(super) fn typed_text<'v>(text: &'v str, kind: &Kind, modes: Modes) -> Result<Text<'v>, Error> {
    match kind {
        Kind::Numeric { .. } => Ok(special_decimal(text).unwrap_or(text).into()),
        _ => either_text(text, kind, modes),
    }
}

/// A string of an event without a schema.
fn untyped_text<'v>(text: &'v str, kind: &Kind, modes: Modes) -> Result<Text<'v>, Error> {
    match kind {
        Kind::Numeric { digits } => numeric_text(text, *digits, modes),
        Kind::Bit { length } => {
            let bytes = STANDARD.decode(text).map_err(|_| refused("base64 of bits", "a string that is none"))?;
            let bits = bits_text(&bytes, Some(*length));
            bits.map(Text::Owned).ok_or_else(|| refused("at most as many bits as the column has", "more"))
        }
        Kind::Varbit => Err(unstated_bits()),
        // MySQL's TIME with time.precision.mode=isostring is a time of day
        Kind::Interval => Ok(interval(text).or_else(|| local_time(text)).map_or(text.into(), Text::Owned)),
        _ => either_text(text, kind, modes),
    }
}

fn either_text<'v>(text: &'v str, kind: &Kind, modes: Modes) -> Result<Text<'v>, Error> {
    let or_as_it_is = |printed: Option<String>| printed.map_or(Text::Borrowed(text), Text::Owned);
    Ok(match kind {
        Kind::Bytea => binary_text(text, modes)?.into(),
        Kind::Date => or_as_it_is(local_date(text)),
        Kind::Time { .. } => or_as_it_is(local_time(text)),
        Kind::Timestamp { zoned: false, .. } => or_as_it_is(local_timestamp(text)),
        Kind::Timestamp { zoned: true, .. } => or_as_it_is(zoned_timestamp(text)),
        Kind::Timetz { .. } => or_as_it_is(zoned_time(text)),
        Kind::Json | Kind::Jsonb => {
            check_levels(text)?;
            text.into()
        }
        Kind::Hstore if text.starts_with('{') => hstore_literal(text)?.into(),
        _ => text.into(),
    })
}

/// Bits of a column that may be a `bit varying`. Into a `bit(n)` they go as they are.
fn varying_bits<'v>(digits: &'v str, kind: &Kind) -> Result<Text<'v>, Error> {
    match kind {
        Kind::Bit { length } => match digits.len().checked_sub(*length) {
            Some(0) => Ok(digits.into()),
            None => Ok(("0".repeat(length - digits.len()) + digits).into()),
            Some(n_more) => match digits.split_at(n_more) {
                (zeros, bits) if !zeros.contains('1') => Ok(bits.into()),
                _ => Err(refused("at most as many bits as the column has", "more")),
            },
        },
        Kind::Varbit => Err(unstated_bits()),
        other => Err(refused(other.expected(), "bits")),
    }
}

/// Debezium's names for what is no number, in mode `string`.
const SPECIAL_DECIMALS: [(&str, &str); 3] =
    [("NAN", "NaN"), ("POSITIVE_INFINITY", "Infinity"), ("NEGATIVE_INFINITY", "-Infinity")];

fn special_decimal(text: &str) -> Option<&'static str> {
    SPECIAL_DECIMALS.iter().find(|(name, _)| *name == text).map(|(_, special)| *special)
}

/// A string for a numeric column is a number's text or, in mode `precise`, base64. Nearly every string can be only one
/// of the two; for one such as `1234` the mode has to be stated.
fn numeric_text(text: &str, digits: Option<Digits>, modes: Modes) -> Result<Text<'_>, Error> {
    if let Some(special) = special_decimal(text) {
        return Ok(special.into());
    }
    let plain = is_number(text);
    let base64 = || STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty());
    match (modes.decimal, plain) {
        (Some(DecimalMode::String | DecimalMode::Double), true) => Ok(text.into()),
        (None, true) if base64().is_none() => Ok(text.into()),
        (None, true) => Err(unstated("whether a string for a number is text or base64", "source.decimal_mode")),
        (None | Some(DecimalMode::Precise), _) => match (base64(), digits) {
            (Some(bytes), Some(Digits { scale, .. })) => decimal_text(&bytes, scale).map(Text::Owned),
            (Some(_), None) => Err(unstated("the scale of base64 for a numeric column without one", "source.columns")),
            (None, _) => Err(refused("a number or the base64 of one", "a string that is neither")),
        },
        // bigint.unsigned.handling.mode=precise is base64 in every mode
        (Some(_), false) => match (base64(), digits) {
            (Some(bytes), Some(Digits { scale: 0, .. })) => decimal_text(&bytes, 0).map(Text::Owned),
            _ => Err(refused("a number's text, as `source.decimal_mode` says", "another string")),
        },
    }
}

fn binary_text(text: &str, modes: Modes) -> Result<String, Error> {
    if let Some(form) = modes.binary {
        return bytes_of(text, form).map(|bytes| bytea_text(&bytes));
    }
    let [standard, url_safe, hex] =
        [BytesText::Base64, BytesText::Base64UrlSafe, BytesText::Hex].map(|form| bytes_of(text, form).ok());
    match (standard.or(url_safe), hex) {
        (Some(base64), Some(hex)) if base64 != hex => {
            Err(unstated("whether a string for binary is base64 or hex", "source.binary_mode"))
        }
        (Some(bytes), _) | (None, Some(bytes)) => Ok(bytea_text(&bytes)),
        (None, None) => Err(refused("base64 or hex", "a string that is none")),
    }
}

fn geometry_text(geometry: &Geometry, kind: &Kind) -> Result<String, Error> {
    let text = match kind {
        Kind::Shape => geometry.native().map(str::to_owned),
        Kind::Geometry => geometry.ewkb().map(hex_text),
        Kind::Bytea => geometry.ewkb().map(bytea_text),
        Kind::Text => geometry.native().map(str::to_owned).or_else(|| geometry.ewkb().map(hex_text)),
        _ => None,
    };
    text.ok_or_else(|| refused(kind.expected(), "a geometry of another type"))
}

/// An object or array.
fn json_text<'v>(json: &'v str, kind: &Kind, modes: Modes) -> Result<Text<'v>, Error> {
    let structured = |ty| structured_text(json, ty).map(Text::Owned);
    match kind {
        Kind::Json | Kind::Jsonb | Kind::Vector => Ok(json.into()),
        Kind::Numeric { .. } => variable_scale_decimal(json).map(Text::Owned),
        Kind::Hstore => hstore_literal(json).map(Text::Owned),
        Kind::Shape | Kind::Geometry | Kind::Bytea => geometry_text(&Geometry::parse(json)?, kind).map(Text::Owned),
        Kind::SparseVector => sparse_vector(json).map(Text::Owned),
        Kind::Date => structured(Structured::Date),
        Kind::Time { .. } => structured(Structured::Time),
        Kind::Timestamp { zoned: false, .. } => structured(Structured::Timestamp),
        Kind::Timestamp { zoned: true, .. } => structured(Structured::ZonedTimestamp),
        Kind::Timetz { .. } => structured(Structured::ZonedTime),
        Kind::Interval => structured(Structured::Duration),
        Kind::Array(item) => {
            let item_text = |value: &Value<'_>| text(value, item, modes).map(|text| text.map(Text::into_owned));
            array_literal(json, item_text).map(Text::Owned)
        }
        Kind::Text | Kind::Varchar { .. } if json.starts_with('[') => {
            Err(unstated("whether an array for text is a SET or JSON", "source.columns"))
        }
        other => Err(refused(other.expected(), "an object or an array")),
    }
}

pub(super) fn refused(expected: &'static str, found: &'static str) -> Error {
    Error::new("", ErrorKind::Unexpected { expected, found })
}

pub(super) fn unstated(what: &'static str, setting: &'static str) -> Error {
    Error::new("", ErrorKind::Unstated { what, setting })
}

fn unstated_bits() -> Error {
    unstated("the number of bits of a bit varying, whose zeros in front Debezium does not send,", "source.columns")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &Value<'_>, kind: &Kind, modes: Modes) -> String {
        match text(value, kind, modes) {
            Ok(Some(text)) => text.into_owned(),
            Ok(None) => "NULL".to_owned(),
            Err(error) => error.kind().to_string(),
        }
    }

    const NUMERIC_2: Kind = Kind::Numeric { digits: Some(Digits { precision: 12, scale: 2 }) };

    #[test]
    fn a_decimal_that_can_be_read_one_way_needs_no_setting() {
        let none = Modes::default();
        assert_eq!(shown(&Value::Untyped("AYbS".into()), &NUMERIC_2, none), "1000.50");
        assert_eq!(shown(&Value::Untyped("1000.50".into()), &NUMERIC_2, none), "1000.50");
        assert_eq!(shown(&Value::Untyped("-7".into()), &NUMERIC_2, none), "-7");
        assert_eq!(shown(&Value::Untyped("NAN".into()), &NUMERIC_2, none), "NaN");
        assert!(shown(&Value::Untyped("1234".into()), &NUMERIC_2, none).contains("source.decimal_mode"));
        let string = Modes { decimal: Some(DecimalMode::String), ..none };
        assert_eq!(shown(&Value::Untyped("1234".into()), &NUMERIC_2, string), "1234");
        let precise = Modes { decimal: Some(DecimalMode::Precise), ..none };
        assert_eq!(shown(&Value::Untyped("1234".into()), &NUMERIC_2, precise), "-26588.24");
    }

    #[test]
    fn the_unit_of_a_time_is_never_guessed() {
        let ticks = || Value::Number("1709287200123".into());
        let timestamp = |precision| Kind::Timestamp { precision, zoned: false };
        assert!(shown(&ticks(), &timestamp(3), Modes::default()).contains("source.time_precision"));
        let adaptive = Modes { time_precision: Some(TimePrecision::Adaptive), ..Modes::default() };
        assert_eq!(shown(&ticks(), &timestamp(3), adaptive), "2024-03-01 10:00:00.123");
        assert_eq!(shown(&ticks(), &timestamp(6), adaptive), "1970-01-20 18:48:07.200123");
        assert_eq!(shown(&Value::Number("19782".into()), &Kind::Date, Modes::default()), "2024-02-29");
    }

    #[test]
    fn binary_that_could_be_base64_or_hex_needs_the_setting() {
        let none = Modes::default();
        assert_eq!(shown(&Value::Untyped("AP8Q3g==".into()), &Kind::Bytea, none), "\\x00ff10de");
        assert_eq!(
            shown(&Value::Untyped("abc".into()), &Kind::Bytea, none),
            "expected base64 or hex, found a string that is none"
        );
        assert!(shown(&Value::Untyped("00ff10de".into()), &Kind::Bytea, none).contains("source.binary_mode"));
        let hex = Modes { binary: Some(BytesText::Hex), ..none };
        assert_eq!(shown(&Value::Untyped("00ff10de".into()), &Kind::Bytea, hex), "\\x00ff10de");
    }

    #[test]
    fn json_becomes_what_the_column_is() {
        let none = Modes::default();
        let array = Kind::Array(Box::new(Kind::Text));
        assert_eq!(shown(&Value::Json(r#"["a","b c",null,""]"#.into()), &array, none), r#"{a,"b c",NULL,""}"#);
        assert_eq!(shown(&Value::Json("[19782]".into()), &Kind::Array(Box::new(Kind::Date)), none), "{2024-02-29}");
        assert_eq!(
            shown(&Value::Json(r#"{"scale":1,"value":"Dw=="}"#.into()), &Kind::Numeric { digits: None }, none),
            "1.5"
        );
        assert_eq!(
            shown(&Value::Untyped(r#"{"a":"1","b":null}"#.into()), &Kind::Hstore, none),
            r#""a"=>"1", "b"=>NULL"#
        );
        assert_eq!(shown(&Value::Json(r#"{"a":1}"#.into()), &Kind::Json, none), r#"{"a":1}"#);
    }

    #[test]
    fn a_zero_byte_is_refused_and_leaves_the_column_as_it_was() {
        let mut column = TextColumn::default();
        let error = column.push_value(&Value::Untyped("a\0b".into()), &Kind::Text, Modes::default());
        let error = error.expect_err("Postgres has no room for it anywhere");
        assert!(error.to_string().contains("zero byte") && !matches!(error.kind(), ErrorKind::NoRoom { .. }));
        assert_eq!((column.n, column.bytes.len()), (0, 0));
    }

    proptest::proptest! {
        #[test]
        fn no_value_makes_it_panic(
            text in proptest::prop_oneof!["\\PC*", "[-+]?[0-9.eE+-]{0,30}", "[0-9]{1,12}-[0-9:. TZ-]{0,20}( BC)?", "[\\[{].{0,30}"],
            ty in proptest::sample::select(vec!["bool", "int2", "oid", "float8", "numeric", "money", "bytea", "date", "time",
                "timestamp", "timestamptz", "timetz", "interval", "bit", "varbit", "json", "jsonb", "hstore", "box", "geometry",
                "vector", "sparsevec", "varchar", "text"]),
            typmod in proptest::sample::select(vec![-1, 4, 7, 0x000a_0006]),
        ) {
            let kind = Kind::of(ty, typmod);
            for kind in [kind.clone(), Kind::Array(Box::new(kind))] {
                for value in [Value::Text(text.as_str().into()), Value::Untyped(text.as_str().into()),
                              Value::Number(text.as_str().into()), Value::Json(text.as_str().into()), Value::Bits(text.chars().filter(|c| matches!(c, '0' | '1')).collect())] {
                    drop(super::text(&value, &kind, Modes::default()));
                }
            }
        }
    }
}
