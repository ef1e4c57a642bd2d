//! Random rows of random types.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::sample::select;
use rowkind_formats::{Decoder, Event, Record};
use serde_json::json;

use crate::{ENCODINGS, Road};

/// A column: its Connect schema but for the closing brace, and its JSON before and after a change.
#[derive(Debug, Clone)]
struct RandomColumn {
    ty: String,
    before: String,
    after: String,
}

/// Values of a type, or null.
fn column(ty: &str, value: impl Strategy<Value = String> + 'static) -> BoxedStrategy<RandomColumn> {
    let ty = ty.to_owned();
    let value = prop_oneof![1 => Just("null".to_owned()), 6 => value].boxed();
    (value.clone(), value).prop_map(move |(before, after)| RandomColumn { ty: ty.clone(), before, after }).boxed()
}

/// The same of a type with a semantic name.
fn named(ty: &str, name: &str, value: impl Strategy<Value = String> + 'static) -> BoxedStrategy<RandomColumn> {
    column(&format!(r#"{{"type":"{ty}","name":"{name}""#), value)
}

fn shown<T: ToString + std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = String> {
    value.prop_map(|value| value.to_string())
}

fn quoted<T: ToString + std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = String> {
    value.prop_map(|value| json!(value.to_string()).to_string())
}

fn base64(bytes: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = String> {
    quoted(bytes.prop_map(|bytes| STANDARD.encode(bytes)))
}

fn bytes(n: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), n)
}

fn array(item: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let item = prop_oneof![1 => Just("null".to_owned()), 5 => item];
    prop::collection::vec(item, 0..4).prop_map(|items| format!("[{}]", items.join(",")))
}

fn float() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<f64>().prop_filter("it is a number", |value| value.is_finite()).prop_map(|value| format!("{value:?}")),
        any::<f32>().prop_filter("it is a number", |value| value.is_finite()).prop_map(|value| format!("{value:?}")),
        select(vec![r#""NaN""#, r#""-Infinity""#]).prop_map(str::to_owned),
    ]
}

fn integer(text: &'static str) -> BoxedStrategy<RandomColumn> {
    match text {
        "int16" => column(r#"{"type":"int16""#, shown(any::<i16>())),
        "int32" => column(r#"{"type":"int32""#, shown(any::<i32>())),
        _ => column(r#"{"type":"int64""#, shown(any::<i64>())),
    }
}

fn number() -> impl Strategy<Value = RandomColumn> {
    let decimal = |scale: i32, precision: &str| {
        let parameters = format!(r#""parameters":{{"scale":"{scale}"{precision}}}"#);
        let ty = format!(r#"{{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal",{parameters}"#);
        column(&ty, base64(bytes(1..24)))
    };
    prop_oneof![
        column(r#"{"type":"boolean""#, shown(any::<bool>())),
        integer("int16"),
        integer("int32"),
        integer("int64"),
        column(
            r#"{"type":"int64","parameters":{"__debezium.source.column.type":"BIGINT UNSIGNED"}"#,
            shown(any::<i64>())
        ),
        column(r#"{"type":"float""#, float()),
        column(r#"{"type":"double""#, float()),
        decimal(0, ""),
        decimal(2, r#","connect.decimal.precision":"10""#),
        decimal(40, ""),
        decimal(-3, ""),
        named(
            "struct",
            "io.debezium.data.VariableScaleDecimal",
            (-3_i32..40, base64(bytes(1..24)))
                .prop_map(|(scale, value)| format!(r#"{{"scale":{scale},"value":{value}}}"#))
        ),
    ]
}

fn text() -> impl Strategy<Value = RandomColumn> {
    let any_json = prop_oneof![
        (any::<String>(), any::<i64>()).prop_map(|(text, number)| json!({ "a": [text, number, null] }).to_string()),
        select(vec!["1", "true", r#""é""#, " [1, 2.50] ", r#"{"a":1,"a":2}"#, "null"]).prop_map(str::to_owned),
    ];
    let bits = |length: usize| {
        let ty = format!(r#"{{"type":"bytes","name":"io.debezium.data.Bits","parameters":{{"length":"{length}"}}"#);
        let n_spare = (8 - length % 8) % 8;
        let fitting = bytes(length.div_ceil(8)).prop_map(move |mut bytes| {
            if let Some(last) = bytes.last_mut() {
                *last >>= n_spare;
            }
            bytes
        });
        column(&ty, base64(fitting))
    };
    let unbounded = r#"{"type":"bytes","name":"io.debezium.data.Bits","parameters":{"length":"2147483647"}"#;
    prop_oneof![
        column(r#"{"type":"string""#, quoted(any::<String>())),
        column(r#"{"type":"string","parameters":{"__debezium.source.column.name":"Näme"}"#, quoted(any::<String>())),
        named("string", "io.debezium.data.Json", quoted(any_json)),
        named("string", "io.debezium.data.Uuid", quoted(any::<u128>())),
        named("string", "io.debezium.data.Enum", quoted(any::<String>())),
        named("string", "io.debezium.data.EnumSet", quoted("[a-c]?(,[a-zé ]{0,3}){0,3}")),
        column(r#"{"type":"bytes""#, base64(bytes(0..40))),
        bits(1),
        bits(8),
        bits(20),
        bits(64),
        bits(70),
        column(unbounded, base64(bytes(0..12))),
        column(
            r#"{"type":"map","keys":{"type":"string"},"values":{"type":"string"}"#,
            prop::collection::btree_map("[a-zé ]{0,5}", prop::option::of("[ -~é]{0,5}"), 0..4)
                .prop_map(|map| json!(map).to_string())
        ),
    ]
}

/// `YYYY-MM-DD` with years of any length, and BC as they are in ISO 8601.
fn iso_day() -> impl Strategy<Value = String> {
    let year = prop_oneof![4 => 1_i32..=9_999, 1 => -4_000_i32..=0, 1 => 10_000_i32..290_000];
    (year, 1..=12, 1..=28).prop_map(|(year, month, day)| {
        let sign = if year < 0 { "-" } else { "" };
        format!("{sign}{:04}-{month:02}-{day:02}", year.unsigned_abs())
    })
}

fn clock(n_digits: usize) -> impl Strategy<Value = String> {
    (0..24, 0..60, 0..60, prop::collection::vec(0..10, 0..=n_digits)).prop_map(|(hour, minute, second, digits)| {
        let point = if digits.is_empty() { "" } else { "." };
        let digits: String = digits.iter().map(ToString::to_string).collect();
        format!("{hour:02}:{minute:02}:{second:02}{point}{digits}")
    })
}

fn numeric_time() -> impl Strategy<Value = RandomColumn> {
    let ticks = |name: &str, values: BoxedStrategy<i64>| named("int64", name, shown(values));
    let any_ticks = || prop_oneof![any::<i64>(), -100_000_000_000_000_i64..2_000_000_000_000_000].boxed();
    prop_oneof![
        named(
            "int32",
            "io.debezium.time.Date",
            shown(prop_oneof![any::<i32>(), -800_000..800_000, Just(2_146_033_979)])
        ),
        ticks("io.debezium.time.Time", (-86_400_000_i64..=86_400_000).boxed()),
        ticks("io.debezium.time.MicroTime", (-5_000_000_000_000_i64..5_000_000_000_000).boxed()),
        ticks("io.debezium.time.NanoTime", (0_i64..=86_400_000_000_000).boxed()),
        ticks("io.debezium.time.Timestamp", any_ticks()),
        ticks("io.debezium.time.MicroTimestamp", any_ticks()),
        ticks("io.debezium.time.MicroTimestamp", select(vec![i64::MAX, -9_223_372_036_832_400_000]).boxed()),
        ticks("io.debezium.time.NanoTimestamp", any_ticks()),
        ticks("io.debezium.time.MicroDuration", any_ticks()),
        ticks("io.debezium.time.NanoDuration", any_ticks()),
    ]
}

fn text_time() -> impl Strategy<Value = RandomColumn> {
    let zone = || {
        prop_oneof![Just("Z".to_owned()), (0..15, 0..60).prop_map(|(hour, minute)| format!("-{hour:02}:{minute:02}"))]
    };
    let moment = || (iso_day(), clock(9)).prop_map(|(day, clock)| format!("{day}T{clock}"));
    let infinite = || select(vec!["infinity".to_owned(), "-infinity".to_owned()]);
    let sign = || select(vec!["", "-"]);
    let interval =
        (sign(), 0..400, 0..12, sign(), 0..40, sign(), clock(6)).prop_map(|(s, years, months, d, days, c, clock)| {
            let (hours, rest) = clock.split_once(':').unwrap();
            let (minutes, seconds) = rest.split_once(':').unwrap();
            format!("P{s}{years}Y{s}{months}M{d}{days}DT{c}{hours}H{c}{minutes}M{c}{seconds}S")
        });
    prop_oneof![
        named("string", "io.debezium.time.IsoDate", quoted(iso_day().prop_map(|day| day + "Z"))),
        named("string", "io.debezium.time.IsoTime", quoted(clock(6).prop_map(|clock| clock + "Z"))),
        named(
            "string",
            "io.debezium.time.IsoTimestamp",
            quoted(prop_oneof![6 => moment().prop_map(|moment| moment + "Z"), 1 => infinite()])
        ),
        named(
            "string",
            "io.debezium.time.ZonedTime",
            quoted((clock(6), zone()).prop_map(|(clock, zone)| clock + &zone))
        ),
        named(
            "string",
            "io.debezium.time.ZonedTimestamp",
            quoted(prop_oneof![6 => (moment(), zone()).prop_map(|(moment, zone)| moment + &zone), 1 => infinite()])
        ),
        named("string", "io.debezium.time.Interval", quoted(interval)),
    ]
}

fn structured_time() -> impl Strategy<Value = RandomColumn> {
    let parts = || {
        (1..3_000, 1..=12, 1..=28, 0..24, 0..60, 0..1_000_000_000, -40_000..40_000).prop_map(
            |(year, month, day, hour, minute, nanos, offset)| {
                // a type reads its own parts of them
                json!({
                    "year": year, "month": month, "day": day, "hour": hour, "minute": minute, "second": minute,
                    "nanos": nanos, "offsetSeconds": offset / 60 * 60,
                })
                .to_string()
            },
        )
    };
    let infinite = || Just(r#"{"specialValue":"NEGATIVE_INFINITY"}"#.to_owned());
    let of = |name: &str| named("struct", &format!("io.debezium.time.Structured{name}"), parts());
    let of_days = |name: &str| {
        let values = prop_oneof![1 => infinite(), 6 => parts()];
        named("struct", &format!("io.debezium.time.Structured{name}"), values)
    };
    let duration = (-400..400_i32, -40..40_i32, -300_000..300_000_i64, 0..1_000_000_i64).prop_map(
        |(months, days, seconds, micros)| {
            let nanos = if seconds < 0 { -micros * 1_000 } else { micros * 1_000 };
            json!({ "months": months, "days": days, "seconds": seconds, "nanos": nanos }).to_string()
        },
    );
    prop_oneof![
        of("Time"),
        of("ZonedTime"),
        of_days("Date"),
        of_days("Timestamp"),
        of_days("ZonedTimestamp"),
        named("struct", "io.debezium.time.StructuredDuration", duration),
    ]
}

fn shape() -> impl Strategy<Value = RandomColumn> {
    let number = || (-1_000_000..1_000_000_i32).prop_map(|number| f64::from(number) / 64.0);
    let points = |n: std::ops::RangeInclusive<usize>| prop::collection::vec((number(), number()), n);
    let line = |points: &[(f64, f64)]| {
        let mut wkb = vec![1, 2, 0, 0, 0];
        wkb.extend(u32::try_from(points.len()).unwrap().to_le_bytes());
        for (x, y) in points {
            wkb.extend(x.to_le_bytes());
            wkb.extend(y.to_le_bytes());
        }
        STANDARD.encode(wkb)
    };
    let srid = select(vec!["null", "0", "4326"]);
    let shape = (points(2..=4), srid.clone())
        .prop_map(move |(points, srid)| format!(r#"{{"wkb":"{}","srid":{srid}}}"#, line(&points)));
    let path = (points(2..=4), any::<bool>()).prop_map(move |(points, closed)| {
        format!(r#"{{"wkb":"{}","extensions":{{"type":"path","closed":"{closed}"}}}}"#, line(&points))
    });
    let lseg = points(2..=2)
        .prop_map(move |points| format!(r#"{{"wkb":"{}","extensions":{{"type":"lseg"}}}}"#, line(&points)));
    let point = (number(), number(), prop::option::of(srid)).prop_map(|(x, y, srid)| {
        let wkb = [vec![1, 1, 0, 0, 0], x.to_le_bytes().to_vec(), y.to_le_bytes().to_vec()].concat();
        match srid {
            Some(srid) => format!(r#"{{"x":{x},"y":{y},"wkb":"{}","srid":{srid}}}"#, STANDARD.encode(wkb)),
            None => format!(r#"{{"x":{x},"y":{y}}}"#),
        }
    });
    let circle =
        (number(), number(), float()).prop_map(|(x, y, r)| format!(r#"{{"center":{{"x":{x},"y":{y}}},"radius":{r}}}"#));
    let straight = (float(), number(), float()).prop_map(|(a, b, c)| format!(r#"{{"a":{a},"b":{b},"c":{c}}}"#));
    let of = |name: &str, values: BoxedStrategy<String>| {
        named("struct", &format!("io.debezium.data.geometry.{name}"), values)
    };
    prop_oneof![
        of("Geometry", shape.clone().boxed()),
        of("Geometry", path.boxed()),
        of("Geometry", lseg.boxed()),
        of("Geography", shape.boxed()),
        of("Point", point.boxed()),
        of("Circle", circle.boxed()),
        of("Line", straight.boxed()),
    ]
}

fn list() -> impl Strategy<Value = RandomColumn> {
    let of = |item: &str, values: BoxedStrategy<String>| {
        column(&format!(r#"{{"type":"array","items":{item}"#), array(values))
    };
    let item = |ty: &str, name: &str| format!(r#"{{"type":"{ty}","name":"{name}"}}"#);
    let decimal = r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}}"#;
    let texts = r#"{"type":"array","items":{"type":"string"}}"#;
    let elements = prop::collection::btree_map(0_i16..50, -9..9_i32, 0..4);
    let sparse = (any::<u8>(), elements).prop_map(|(dimensions, elements)| {
        let elements: Vec<_> = elements.iter().map(|(index, number)| format!("[{index},{number}.5]")).collect();
        format!(r#"{{"dimensions":{dimensions},"vector":[{}]}}"#, elements.join(","))
    });
    let vector = prop::collection::vec(float(), 0..4).prop_map(|items| format!("[{}]", items.join(",")));
    prop_oneof![
        of(r#"{"type":"boolean"}"#, shown(any::<bool>()).boxed()),
        of(r#"{"type":"int32"}"#, shown(any::<i32>()).boxed()),
        of(r#"{"type":"double"}"#, float().boxed()),
        of(r#"{"type":"string"}"#, quoted(any::<String>()).boxed()),
        of(r#"{"type":"string"}"#, quoted("[{}, \"\\\\nullNULL]{0,6}").boxed()),
        of(r#"{"type":"bytes"}"#, base64(bytes(0..6)).boxed()),
        of(decimal, base64(bytes(1..6)).boxed()),
        of(&item("int32", "io.debezium.time.Date"), shown(any::<i32>()).boxed()),
        of(&item("int64", "io.debezium.time.MicroTimestamp"), shown(any::<i64>()).boxed()),
        of(&item("string", "io.debezium.data.Json"), quoted(Just(r#"{"a": [1,"}"]}"#)).boxed()),
        of(texts, array(quoted(any::<String>())).boxed()),
        named("array", "io.debezium.data.DoubleVector", vector),
        named("struct", "io.debezium.data.SparseDoubleVector", sparse),
    ]
}

/// What happens to the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Create,
    Read,
    Update,
    UpdateOfKey,
    UpdateWithoutBefore,
    UpdateNotSent,
    Delete,
}

/// The record of a change in Debezium's JSON with its schema.
fn record(columns: &[RandomColumn], change: Change, connector: Option<&str>) -> String {
    let field = |name: &str, ty: &str| format!(r#"{ty},"optional":true,"field":"{name}"}}"#);
    let mut fields = field("id", r#"{"type":"int32""#);
    let id_before = if change == Change::UpdateOfKey { 6 } else { 7 };
    let (mut before, mut after) = (format!(r#""id":{id_before}"#), r#""id":7"#.to_owned());
    for (at, column) in columns.iter().enumerate() {
        let _ = write!(fields, ",{}", field(&format!("c{at}"), &column.ty.replace("Näme", &format!("Näme {at}"))));
        let _ = write!(before, r#","c{at}":{}"#, column.before);
        let _ = write!(after, r#","c{at}":{}"#, column.after);
    }
    // the last, so that the row before it has its columns in this order too
    let _ = write!(fields, ",{}", field("big", r#"{"type":"string""#));
    let big = if change == Change::UpdateNotSent { "__debezium_unavailable_value" } else { "big" };
    let _ = write!(before, r#","big":"big""#);
    let _ = write!(after, r#","big":"{big}""#);
    let (op, before, after) = match change {
        Change::Create => ("c", None, Some(after)),
        Change::Read => ("r", None, Some(after)),
        Change::Update | Change::UpdateOfKey | Change::UpdateNotSent => ("u", Some(before), Some(after)),
        Change::UpdateWithoutBefore => ("u", None, Some(after)),
        Change::Delete => ("d", Some(before), None),
    };
    let image = |image: Option<String>| image.map_or("null".to_owned(), |columns| format!("{{{columns}}}"));
    let source = connector.map_or(String::new(), |name| {
        format!(r#",{{"type":"struct","fields":[],"name":"io.debezium.connector.{name}.Source","field":"source"}}"#)
    });
    format!(
        r#"{{"schema":{{"type":"struct","fields":[{{"type":"struct","field":"after","fields":[{fields}]}}{source}]}},
            "payload":{{"op":"{op}","source":{{"name":"x","db":"shop","schema":"public","table":"t","lsn":7,"ts_ms":1763700000123}},
                        "before":{},"after":{}}}}}"#,
        image(before),
        image(after)
    )
}

fn any_change() -> impl Strategy<Value = Change> {
    use Change as C;
    select(vec![C::Create, C::Read, C::Update, C::UpdateOfKey, C::UpdateWithoutBefore, C::UpdateNotSent, C::Delete])
}

fn any_column() -> impl Strategy<Value = RandomColumn> {
    prop_oneof![number(), text(), numeric_time(), text_time(), structured_time(), shape(), list()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_row_comes_back(
        columns in prop::collection::vec(any_column(), 1..4),
        change in any_change(),
        connector in select(vec![None, Some("postgresql"), Some("mysql"), Some("sqlserver")]),
        has_key in any::<bool>(),
    ) {
        let payload = record(&columns, change, connector);
        let key = if change == Change::UpdateOfKey || has_key { Some(&br#"{"id":7}"#[..]) } else { None };
        let record = Record { topic: "t", partition: 0, offset: 0, key, payload: Some(payload.as_bytes()) };
        let event = Decoder::default().decode(&record);
        let Ok(event @ Event::Change(_)) = event else { panic!("{event:?} of {payload}") };
        for encoding in ENCODINGS {
            Road::new(encoding).check(&event);
        }
    }
}
