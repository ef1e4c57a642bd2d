//! Postgres is the oracle: the text of a generated value goes through a real cast and comes back equal.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rowkind_formats::literal::{array_literal, bits_text, bytea_text, hstore_literal};
use rowkind_formats::{TimeUnit, Value, date, decimal_text, interval, time, timestamp, zoned_time, zoned_timestamp};
use serde_json::json;

use crate::server::Database;

/// How many values of each type.
const N_VALUES: usize = 512;

/// Casts generated texts to the type and back. Always the same values: a failure can be looked at again.
fn check(database: &Database, ty: &str, texts: impl Strategy<Value = String>) {
    let mut runner = TestRunner::deterministic();
    let texts: Vec<String> = (0..N_VALUES).map(|_| texts.new_tree(&mut runner).unwrap().current()).collect();
    let array = array_literal(&json!(texts).to_string(), |value| match value {
        Value::Untyped(text) => Ok(Some(text.to_string())),
        _ => Ok(None),
    });
    let sql = format!(
        "string_agg(coalesce(t::{ty}::text, 'NULL'), E'\\x01' order by n) from unnest($1::text[]) with ordinality as v(t, n)"
    );
    let back = database.cast(&sql, &array.unwrap()).unwrap_or_else(|error| panic!("{ty}: {error}")).unwrap();
    let back: Vec<&str> = back.split('\x01').collect();
    assert_eq!(back.len(), texts.len(), "{ty}");
    for (text, back) in texts.iter().zip(back) {
        assert_eq!(text, back, "{ty}");
    }
}

fn ticks(from: i64, to: i64, unit: TimeUnit, print: fn(i64, TimeUnit) -> String) -> impl Strategy<Value = String> {
    // values near the epoch and near the ends, not only those in between
    let near = prop_oneof![from..=to, -1_000_000_000_i64..1_000_000_000, from..=from + 1_000, to - 1_000..=to];
    near.prop_map(move |ticks| print(ticks.clamp(from, to), unit))
}

#[test]
fn dates_and_times() {
    let database = Database::new();
    check(&database, "date", (-2_440_588_i64..=2_145_042_905).prop_map(date));
    check(&database, "time", ticks(0, 86_400_000_000, TimeUnit::Micros, time));
    check(&database, "time(3)", ticks(0, 86_400_000, TimeUnit::Millis, time));
    // MySQL's TIME
    check(&database, "interval", ticks(-3_020_399_999_999, 3_020_399_999_999, TimeUnit::Micros, time));
    check(
        &database,
        "timestamp",
        ticks(-210_866_803_200_000_000, 9_223_372_036_000_000_000, TimeUnit::Micros, timestamp)
            .prop_filter("the driver's stand-in for infinity", |text| !text.ends_with("infinity")),
    );
    check(&database, "timestamp", ticks(-62_135_596_800_000, 253_402_300_799_999, TimeUnit::Millis, timestamp));
    let iso = (0_u16..=9_999, 1_u8..=12, 1_u8..=28, 0_u32..86_400, 0_u32..1_000_000, -15_i32 * 60..=15 * 60);
    let zoned = iso.prop_map(|(year, month, day, second, micros, zone)| {
        let (sign, offset) = (if zone < 0 { '-' } else { '+' }, zone.unsigned_abs());
        let clock = format!("{:02}:{:02}:{:02}.{micros:06}", second / 3_600, second / 60 % 60, second % 60);
        let zone = format!("{sign}{:02}:{:02}", offset / 60, offset % 60);
        (format!("{year:04}-{month:02}-{day:02}T{clock}{zone}"), format!("{clock}{zone}"))
    });
    check(&database, "timestamptz", zoned.clone().prop_map(|(text, _)| zoned_timestamp(&text).unwrap()));
    check(&database, "timetz", zoned.prop_map(|(_, text)| zoned_time(&text).unwrap()));
}

#[test]
fn intervals() {
    let database = Database::new();
    let part = -9_999_i32..=9_999;
    let parts = (part.clone(), part.clone(), part.clone(), part.clone(), part, -59_999_999_i64..=59_999_999);
    let durations = parts.prop_map(|(years, months, days, hours, minutes, micros)| {
        let sign = if micros < 0 { "-" } else { "" };
        let (seconds, micros) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
        format!("P{years}Y{months}M{days}DT{hours}H{minutes}M{sign}{seconds}.{micros:06}S")
    });
    check(&database, "interval", durations.prop_map(|duration| interval(&duration).unwrap()));
}

#[test]
fn numbers() {
    let database = Database::new();
    let unscaled = prop::collection::vec(any::<u8>(), 1..40);
    check(&database, "numeric", (unscaled, 0..60_i32).prop_map(|(bytes, scale)| decimal_text(&bytes, scale).unwrap()));
    check(&database, "bigint", any::<i64>().prop_map(|value| value.to_string()));
    check(&database, "numeric(20,0)", any::<u64>().prop_map(|value| value.to_string()));
    // as Postgres prints money where there is no locale
    check(
        &database,
        "numeric::money::numeric",
        any::<i64>().prop_map(|cents| decimal_text(&cents.to_be_bytes(), 2).unwrap()),
    );
}

/// Java's text of a number is not Postgres's, but it is the same number.
#[test]
fn floats() {
    let database = Database::new();
    let mut runner = TestRunner::deterministic();
    for _ in 0..N_VALUES {
        let value: f64 = prop::num::f64::NORMAL.new_tree(&mut runner).unwrap().current();
        let back = database.cast("$1::float8::text", &format!("{value:E}")).unwrap().unwrap();
        assert_eq!(back.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{value:E}");
        let value: f32 = prop::num::f32::NORMAL.new_tree(&mut runner).unwrap().current();
        let back = database.cast("$1::float4::text", &format!("{value:E}")).unwrap().unwrap();
        assert_eq!(back.parse::<f32>().unwrap().to_bits(), value.to_bits(), "{value:E}");
    }
}

/// Any text that Postgres can hold, without the byte that separates the answers.
fn texts() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace(['\0', '\x01'], " "))
}

#[test]
fn texts_bytes_and_bits() {
    let database = Database::new();
    check(&database, "text", texts());
    check(&database, "json", texts().prop_map(|text| json!({ text.clone(): [text] }).to_string()));
    check(&database, "bytea", prop::collection::vec(any::<u8>(), 0..50).prop_map(|bytes| bytea_text(&bytes)));
    let bytes = prop::collection::vec(any::<u8>(), 0..8);
    check(&database, "bit(64)", bytes.clone().prop_map(|bytes| bits_text(&bytes, Some(64)).unwrap()));
    check(&database, "bit varying(64)", bytes.prop_map(|bytes| bits_text(&bytes, None).unwrap()));
}

#[test]
fn arrays_and_maps() {
    let database = Database::new();
    database.execute("create extension hstore");
    let items = prop::collection::vec(prop::option::of(texts()), 0..6);
    let print = |value: &Value<'_>| match value {
        Value::Null => Ok(None),
        Value::Untyped(text) | Value::Number(text) => Ok(Some(text.to_string())),
        other => panic!("{other:?}"),
    };
    check(&database, "text[]", items.prop_map(move |items| array_literal(&json!(items).to_string(), print).unwrap()));
    let numbers = prop::collection::vec(prop::option::of(any::<i32>()), 0..6);
    check(&database, "int[]", numbers.prop_map(move |items| array_literal(&json!(items).to_string(), print).unwrap()));
    // Postgres orders the pairs of an hstore, so one at a time
    let pair = (texts(), prop::option::of(texts()));
    check(
        &database,
        "hstore",
        pair.prop_map(|(key, value)| hstore_literal(&json!({ key: value }).to_string()).unwrap()),
    );
}
