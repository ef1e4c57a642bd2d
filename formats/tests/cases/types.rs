//! What a value of each semantic type comes to, and what is not a value of it.

use crate::check_values;

#[test]
fn integers() {
    let all = [("0", "0"), ("-32768", "-32768"), ("null", "null")];
    for ty in ["int8", "int16", "int32", "int64"] {
        check_values(&format!(r#"{{"type":"{ty}"}}"#), &all);
    }
    check_values(
        r#"{"type":"int64"}"#,
        &[
            ("9223372036854775807", "9223372036854775807"),
            ("9223372036854775808", "# error: `after.x`: expected an integer of 64 bits, found a number that is none"),
            ("1.0", "# error: `after.x`: expected an integer of 64 bits, found a number that is none"),
            (r#""1""#, "# error: `after.x`: expected an integer, found a string"),
        ],
    );
    check_values(r#"{"type":"int32","name":"io.debezium.time.Year"}"#, &[("2024", "2024")]);
}

#[test]
fn booleans() {
    check_values(
        r#"{"type":"boolean"}"#,
        &[
            ("true", "true"),
            ("false", "false"),
            ("null", "null"),
            ("1", "# error: `after.x`: expected a boolean, found a number"),
        ],
    );
}

#[test]
fn floats_keep_their_digits() {
    check_values(
        r#"{"type":"double"}"#,
        &[
            ("0.1", "0.1"),
            ("1.7976931348623157E308", "1.7976931348623157E308"),
            (r#""NaN""#, r#""NaN""#),
            (r#""-Infinity""#, r#""-Infinity""#),
            (r#""1.5""#, "# error: `after.x`: expected a floating-point number, found a string that is none"),
        ],
    );
    check_values(r#"{"type":"float"}"#, &[("1.17549435E-38", "1.17549435E-38")]);
}

#[test]
fn decimals_keep_every_digit() {
    let decimal = |scale| {
        format!(
            r#"{{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{{"scale":"{scale}"}}}}"#
        )
    };
    check_values(
        &decimal("4"),
        &[
            (r#""EtaH""#, "123.4567"),
            (r#""/w==""#, "-0.0001"),
            (r#""AA==""#, "0.0000"),
            // decimal.format=NUMERIC
            ("123.4567", "123.4567"),
            (r#""!""#, "# error: `after.x`: expected base64, found a string that is none"),
            ("true", "# error: `after.x`: expected a decimal, found a boolean"),
        ],
    );
    // bigint.unsigned.handling.mode=precise
    check_values(&decimal("0"), &[(r#""AP//////////""#, "18446744073709551615")]);
    check_values(&decimal("-2"), &[(r#""Dw==""#, "1500")]);
    check_values(
        r#"{"type":"struct","name":"io.debezium.data.VariableScaleDecimal"}"#,
        &[
            (r#"{"scale":1,"value":"Dw=="}"#, "1.5"),
            (
                r#"{"value":"Dw=="}"#,
                "# error: `after.x`: expected an object with the fields `scale` and `value` of a decimal, found nothing",
            ),
        ],
    );
}

#[test]
fn strings_stay_as_they_are() {
    for name in ["", "Json", "Xml", "Uuid", "Enum", "EnumSet", "Ltree", "TsVector", "Tsvector"] {
        let name = if name.is_empty() { String::new() } else { format!(r#","name":"io.debezium.data.{name}""#) };
        check_values(
            &format!(r#"{{"type":"string"{name}}}"#),
            &[
                (r#""""#, r#""""#),
                (r#"" {\"a\": 1,  \"a\": 2.50} ""#, r#"" {\"a\": 1,  \"a\": 2.50} ""#),
                (r#""\u00e9\ud83d\ude00\n\u0001/\/""#, r#""é😀\n\u0001//""#),
                (r#""null""#, r#""null""#),
                ("5", "# error: `after.x`: expected a string, found a number"),
                (r#""\ud800""#, "# error: `after.x`: expected JSON, found broken JSON at byte 7"),
            ],
        );
    }
}

#[test]
fn bytes_are_hex() {
    check_values(
        r#"{"type":"bytes"}"#,
        &[
            (r#""AP8Q3g==""#, r#""\\x00ff10de""#),
            (r#""""#, r#""\\x""#),
            (r#""00ff""#, r#""\\xd347df""#),
            (r#""AP8Q3g""#, "# error: `after.x`: expected base64, found a string that is none"),
        ],
    );
}

#[test]
fn dates() {
    for name in ["io.debezium.time.Date", "org.apache.kafka.connect.data.Date"] {
        check_values(
            &format!(r#"{{"type":"int32","name":"{name}"}}"#),
            &[
                ("19782", r#""2024-02-29""#),
                ("-1", r#""1969-12-31""#),
                ("-735160", r#""0044-03-15 BC""#),
                ("2146033979", r#""infinity""#),
                ("2147483648", "# error: `after.x`: expected days since 1970, found a number that is none"),
            ],
        );
    }
    check_values(
        r#"{"type":"string","name":"io.debezium.time.IsoDate"}"#,
        &[
            (r#""2024-02-29Z""#, r#""2024-02-29""#),
            (r#""-0043-03-15Z""#, r#""0044-03-15 BC""#),
            (r#""+5877611-06-21Z""#, r#""infinity""#),
            (r#""2023-02-29Z""#, "# error: `after.x`: expected an ISO 8601 date, found a string that is none"),
        ],
    );
}

#[test]
fn times() {
    for (name, ticks) in [
        ("io.debezium.time.Time", "45296789"),
        ("org.apache.kafka.connect.data.Time", "45296789"),
        ("io.debezium.time.MicroTime", "45296789000"),
        ("io.debezium.time.NanoTime", "45296789000000"),
    ] {
        check_values(&format!(r#"{{"type":"int64","name":"{name}"}}"#), &[(ticks, r#""12:34:56.789""#)]);
    }
    check_values(
        r#"{"type":"int64","name":"io.debezium.time.MicroTime"}"#,
        &[("86400000000", r#""24:00:00""#), ("-3020399000000", r#""-838:59:59""#)],
    );
    check_values(
        r#"{"type":"string","name":"io.debezium.time.IsoTime"}"#,
        &[(r#""12:34:56.7890Z""#, r#""12:34:56.789""#), (r#""12:34Z""#, r#""12:34:00""#)],
    );
    check_values(
        r#"{"type":"string","name":"io.debezium.time.ZonedTime"}"#,
        &[
            (r#""10:34:56.7Z""#, r#""10:34:56.7+00""#),
            (
                r#""10:34:56""#,
                "# error: `after.x`: expected an ISO 8601 time with its zone, found a string that is none",
            ),
        ],
    );
}

#[test]
fn timestamps() {
    for (name, ticks) in [
        ("io.debezium.time.Timestamp", "1709210096789"),
        ("org.apache.kafka.connect.data.Timestamp", "1709210096789"),
        ("io.debezium.time.MicroTimestamp", "1709210096789000"),
        ("io.debezium.time.NanoTimestamp", "1709210096789000000"),
    ] {
        check_values(
            &format!(r#"{{"type":"int64","name":"{name}"}}"#),
            &[
                (ticks, r#""2024-02-29 12:34:56.789""#),
                ("9223372036854775807", r#""infinity""#),
                ("-9223372036854775808", r#""-infinity""#),
            ],
        );
    }
    check_values(
        r#"{"type":"string","name":"io.debezium.time.IsoTimestamp"}"#,
        &[
            (r#""2024-02-29T12:34:56.789Z""#, r#""2024-02-29 12:34:56.789""#),
            (r#""+292278994-08-16T23:00:00Z""#, r#""infinity""#),
        ],
    );
    check_values(
        r#"{"type":"string","name":"io.debezium.time.ZonedTimestamp"}"#,
        &[
            (r#""2024-02-29T12:34:56.789000Z""#, r#""2024-02-29 12:34:56.789+00""#),
            (r#""2024-02-29T14:34:56+02:00""#, r#""2024-02-29 12:34:56+00""#),
            (r#""infinity""#, r#""infinity""#),
            ("0", "# error: `after.x`: expected a string, found a number"),
        ],
    );
}

#[test]
fn intervals() {
    check_values(
        r#"{"type":"string","name":"io.debezium.time.Interval"}"#,
        &[
            (r#""P-1Y-2M3DT-4H-5M-6.7S""#, r#""-1 years -2 mons +3 days -04:05:06.7""#),
            (r#""1 day""#, "# error: `after.x`: expected an ISO 8601 duration, found a string that is none"),
        ],
    );
    check_values(
        r#"{"type":"int64","name":"io.debezium.time.MicroDuration"}"#,
        &[("37090806789000", r#""10303:00:06.789""#)],
    );
}

#[test]
fn bits_are_little_endian() {
    let bits =
        |length| format!(r#"{{"type":"bytes","name":"io.debezium.data.Bits","parameters":{{"length":"{length}"}}}}"#);
    check_values(&bits("8"), &[(r#""qg==""#, r#""10101010""#), (r#""""#, r#""00000000""#)]);
    check_values(&bits("10"), &[(r#""AQI=""#, r#""1000000001""#)]);
    // bit varying without a limit
    check_values(&bits("2147483647"), &[(r#""BQ==""#, r#""00000101""#)]);
}

#[test]
fn points() {
    check_values(
        r#"{"type":"struct","name":"io.debezium.data.geometry.Point"}"#,
        &[
            (r#"{"x":1.5,"y":-2.5,"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAATA","srid":null}"#, r#""(1.5,-2.5)""#),
            (
                r#"{"x":1.5}"#,
                "# error: `after.x`: expected an object with the fields of a point, geometry, circle or line, found nothing",
            ),
        ],
    );
}

#[test]
fn names_that_a_transform_gave_leave_the_primitive() {
    check_values(r#"{"type":"int32","name":"com.example.Cents"}"#, &[("5", "5")]);
}

#[test]
fn what_has_no_decoder_is_refused_unless_null() {
    check_values(
        r#"{"type":"struct","name":"io.debezium.data.Unheard"}"#,
        &[
            (r#"{"a":1}"#, "# error: `after.x`: columns of type `io.debezium.data.Unheard` cannot be decoded"),
            ("null", "null"),
        ],
    );
    check_values(
        r#"{"type":"struct"}"#,
        &[(r#"{"a":"1"}"#, "# error: `after.x`: columns of type `struct` cannot be decoded")],
    );
    check_values(
        r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal"}"#,
        &[(
            r#""AA==""#,
            "# error: `after.x`: columns of type `org.apache.kafka.connect.data.Decimal without a scale` cannot be decoded",
        )],
    );
}

#[test]
fn structured_times() {
    let ty = |name| format!(r#"{{"type":"struct","name":"io.debezium.time.Structured{name}"}}"#);
    check_values(
        &ty("Date"),
        &[
            (r#"{"year":2024,"month":2,"day":29,"specialValue":null}"#, r#""2024-02-29""#),
            (r#"{"year":-43,"month":3,"day":15}"#, r#""0044-03-15 BC""#),
            (r#"{"specialValue":"POSITIVE_INFINITY"}"#, r#""infinity""#),
            (
                r#"{"year":0,"month":0,"day":0}"#,
                "# error: `after.x`: expected the parts of a date that exists, found a object that is none",
            ),
        ],
    );
    check_values(
        &ty("Timestamp"),
        &[(
            r#"{"year":2024,"month":2,"day":29,"hour":12,"minute":34,"second":56,"nanos":789012345,"precision":9}"#,
            r#""2024-02-29 12:34:56.789012345""#,
        )],
    );
    check_values(&ty("Time"), &[(r#"{"hour":24,"minute":0,"second":0,"nanos":0}"#, r#""24:00:00""#)]);
    check_values(
        &ty("ZonedTime"),
        &[(r#"{"hour":12,"minute":34,"second":56,"nanos":0,"offsetSeconds":-43200}"#, r#""12:34:56-12""#)],
    );
    check_values(
        &ty("ZonedTimestamp"),
        &[(
            r#"{"year":2024,"month":1,"day":1,"hour":0,"minute":0,"second":0,"nanos":0,"offsetSeconds":3600,"zoneId":"Europe/Paris"}"#,
            r#""2023-12-31 23:00:00+00""#,
        )],
    );
    check_values(
        &ty("Duration"),
        &[
            (r#"{"hours":-838,"minutes":-59,"seconds":-59,"nanos":-1000}"#, r#""-838:59:59.000001""#),
            (r#"{"years":1,"months":-14,"days":3}"#, r#""-2 mons +3 days""#),
            (
                r#"{"nanos":1}"#,
                "# error: `after.x`: expected the parts of a duration of whole microseconds, found a object that is none",
            ),
        ],
    );
}

#[test]
fn durations_are_ticks_also_as_floating_point_numbers() {
    check_values(
        r#"{"type":"double","name":"io.debezium.time.MicroDuration"}"#,
        &[
            ("-9.3784E10", r#""-26:03:04""#),
            ("0.0", r#""00:00:00""#),
            ("1.5", "# error: `after.x`: expected a whole number of 64 bits, found a number that is none"),
        ],
    );
    check_values(
        r#"{"type":"int64","name":"io.debezium.time.NanoDuration"}"#,
        &[("1500000001", r#""00:00:01.500000001""#)],
    );
}

#[test]
fn shapes() {
    check_values(
        r#"{"type":"struct","name":"io.debezium.data.geometry.Geometry"}"#,
        &[
            // the SRID goes into the well-known binary, in the order of its bytes
            (
                r#"{"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAATA","srid":4326}"#,
                r#""\\x0101000020e6100000000000000000f83f00000000000004c0""#,
            ),
            (
                r#"{"wkb":"AAAAAAE/+AAAAAAAAMAEAAAAAAAA","srid":4326}"#,
                r#""\\x0020000001000010e63ff8000000000000c004000000000000""#,
            ),
            (
                r#"{"wkb":"AQIAAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8=","extensions":{"type":"lseg"}}"#,
                r#""[(0,0),(1,1)]""#,
            ),
            (
                r#"{"wkb":"AQIAAAACAAAA","extensions":{"type":"lseg"}}"#,
                "# error: `after.x`: expected well-known binary of the geometry's type, found a string that is none",
            ),
        ],
    );
    check_values(
        r#"{"type":"struct","name":"io.debezium.data.geometry.Circle"}"#,
        &[(r#"{"center":{"x":1,"y":-2.5},"radius":3.0}"#, r#""<(1,-2.5),3.0>""#)],
    );
    check_values(
        r#"{"type":"struct","name":"io.debezium.data.geometry.Line"}"#,
        &[(r#"{"a":1.0,"b":-1.0,"c":0.5}"#, r#""{1.0,-1.0,0.5}""#)],
    );
}

#[test]
fn vectors_and_maps_stay_json() {
    check_values(r#"{"type":"array","name":"io.debezium.data.DoubleVector"}"#, &[("[1.0,-0.5]", "[1.0,-0.5]")]);
    check_values(
        r#"{"type":"struct","name":"io.debezium.data.SparseDoubleVector"}"#,
        &[(r#"{"dimensions":5,"vector":[[1,1.5],[3,2.0]]}"#, r#""{1:1.5,3:2.0}/5""#)],
    );
    check_values(
        r#"{"type":"map","keys":{"type":"string"},"values":{"type":"string"}}"#,
        &[(r#"{"a":"1","b":null}"#, r#"{"a":"1","b":null}"#)],
    );
}

#[test]
fn an_unsigned_bigint_is_known_by_its_source() {
    check_values(
        r#"{"type":"int64","parameters":{"__debezium.source.column.type":"BIGINT UNSIGNED ZEROFILL"}}"#,
        &[("-1", "18446744073709551615"), ("9223372036854775807", "9223372036854775807")],
    );
    check_values(r#"{"type":"int64","parameters":{"__debezium.source.column.type":"BIGINT"}}"#, &[("-1", "-1")]);
}
