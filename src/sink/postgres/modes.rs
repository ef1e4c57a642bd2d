//! What records without a schema do not say, and what is done with values that Postgres cannot hold: settings.

use rowkind_formats::BytesText;

/// How values are read and written where neither the event nor the target decides it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Modes {
    /// The connector's `time.precision.mode`.
    pub time_precision: Option<TimePrecision>,
    /// The connector's `decimal.handling.mode`.
    pub decimal: Option<DecimalMode>,
    /// The connector's `binary.handling.mode`; `bytes` is base64 in JSON.
    pub binary: Option<BytesText>,
    /// What happens to a zero byte in text.
    pub nul: NulPolicy,
    /// What happens to digits behind those that the target column has.
    pub excess_digits: ExcessDigits,
    /// What happens to a date of zeros.
    pub zero_date: ZeroDate,
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

/// What happens to U+0000, which no text of Postgres can hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NulPolicy {
    /// The record is a reject.
    #[default]
    Reject,
    /// It is left out of the value.
    Strip,
}

/// What happens to a value with more digits behind the point than the target column has. Postgres itself would round it
/// without a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExcessDigits {
    /// The record is a reject.
    #[default]
    Reject,
    /// Postgres rounds.
    Round,
}

/// What happens to `MySQL`'s `0000-00-00`, and to dates whose month or day is zero: Postgres has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ZeroDate {
    /// The record is a reject.
    #[default]
    Reject,
    /// NULL is written.
    Null,
}
