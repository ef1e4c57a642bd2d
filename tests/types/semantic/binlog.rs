//! What the connectors for `MySQL` and `MariaDB` send.

use super::{Case, named};

const STRING: &str = r#"{"type":"string"}"#;
const ADAPTIVE: &str = "time_precision = \"adaptive_time_microseconds\"";
const MICRO_TIME: &str = r#"{"type":"int64","name":"io.debezium.time.MicroTime"}"#;
const DURATION: &str = r#"{"type":"struct","name":"io.debezium.time.StructuredDuration"}"#;

pub(super) const CASES: &[Case] = &[
    named("tinyint(1)", r#"{"type":"int16"}"#, "-1").propagated("TINYINT", Some(1), None).made("smallint", "-1").own("smallint"),
    named("tinyint unsigned", r#"{"type":"int16"}"#, "255").propagated("TINYINT UNSIGNED", None, None).made("smallint", "255").own("smallint"),
    named("smallint unsigned", r#"{"type":"int32"}"#, "65535").propagated("SMALLINT UNSIGNED", None, None).made("integer", "65535").own("integer"),
    named("mediumint", r#"{"type":"int32"}"#, "-8388608").propagated("MEDIUMINT", None, None).made("integer", "-8388608").own("integer"),
    named("int unsigned", r#"{"type":"int64"}"#, "4294967295").propagated("INT UNSIGNED", None, None).made("bigint", "4294967295").own("bigint"),
    named("bigint", r#"{"type":"int64"}"#, "-1").propagated("BIGINT", None, None).made("bigint", "-1").own("bigint"),
    named("bigint unsigned", r#"{"type":"int64"}"#, "-1")
        .mode("bigint.unsigned.handling.mode=long")
        .propagated("BIGINT UNSIGNED", None, None)
        .made("numeric(20,0)", "18446744073709551615")
        .own_with("numeric(20)", "columns = { \"@\" = \"unsigned-int64\" }"),
    named("bigint unsigned", r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"0","connect.decimal.precision":"20"}}"#, r#""AP//////////""#)
        .mode("bigint.unsigned.handling.mode=precise")
        .made("numeric(20,0)", "18446744073709551615")
        .own("numeric(20)"),
    named("decimal(65,30)", r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"30","connect.decimal.precision":"65"}}"#, r#""AQ==""#)
        .made("numeric(65,30)", "0.000000000000000000000000000001")
        .own("numeric(65,30)"),
    named("decimal(10,2)", STRING, r#""100.50""#)
        .mode("decimal.handling.mode=string")
        .propagated("DECIMAL", Some(10), Some(2))
        .made("numeric(10,2)", "100.50")
        .own_with("numeric(10,2)", "decimal_mode = \"string\""),
    named("float", r#"{"type":"float"}"#, "1.17549E-38").propagated("FLOAT", None, None).made("real", "1.17549e-38").own("real"),
    named("double", r#"{"type":"double"}"#, "1.7976931348623157E308").made("double precision", "1.7976931348623157e+308").own("double precision"),
    named("bit(1)", r#"{"type":"boolean"}"#, "true").made("boolean", "true").own("boolean"),
    named("bit(12)", r#"{"type":"bytes","name":"io.debezium.data.Bits","parameters":{"length":"12"}}"#, r#""BQg=""#).made("bit(12)", "100000000101").own("bit(12)"),
    named("year", r#"{"type":"int32","name":"io.debezium.time.Year"}"#, "2155").made("integer", "2155").own("integer"),
    named("char(8)", STRING, r#""AB""#).propagated("CHAR", Some(8), None).made("character varying(8)", "AB").own("varchar(8)"),
    named("varchar(120)", STRING, r#""abc ""#).propagated("VARCHAR", Some(120), None).made("character varying(120)", "abc ").own("varchar(120)"),
    named("mediumtext", STRING, r#""日本語""#).propagated("MEDIUMTEXT", None, None).made("text", "日本語").own("text"),
    named("enum", r#"{"type":"string","name":"io.debezium.data.Enum","parameters":{"allowed":"sad,ok"}}"#, r#""ok""#).propagated("ENUM", Some(1), None).made("text", "ok").own("text"),
    named("set", r#"{"type":"string","name":"io.debezium.data.EnumSet","parameters":{"allowed":"a,b,c d"}}"#, r#""a,c d""#).propagated("SET", Some(5), None).made("text", "a,c d").own("text"),
    named("json", r#"{"type":"string","name":"io.debezium.data.Json"}"#, r#""{\"a\":1,\"n\":12345678901234567890}""#)
        .propagated("JSON", None, None)
        .made("json", r#"{"a":1,"n":12345678901234567890}"#)
        .own("json"),
    named("binary(4)", r#"{"type":"bytes"}"#, r#""AQAAAA==""#).propagated("BINARY", Some(4), None).made("bytea", "\\x01000000").own("bytea"),
    named("blob", STRING, r#""3q2+7w==""#)
        .mode("binary.handling.mode=base64")
        .propagated("BLOB", None, None)
        .made("bytea", "\\xdeadbeef")
        .own_with("bytea", "binary_mode = \"base64\""),
    named("date", r#"{"type":"int32","name":"io.debezium.time.Date"}"#, "-354285").made("date", "1000-01-01").own("date"),
    named("date 0000-00-00", r#"{"type":"int32","name":"io.debezium.time.Date"}"#, "null").mode("nullable: the connector sends NULL").made("date", "NULL").own("date"),
    named("date 0000-00-00", r#"{"type":"int32","name":"io.debezium.time.Date"}"#, "0").mode("NOT NULL: the connector sends the epoch").made("date", "1970-01-01").own("date"),
    named("time", MICRO_TIME, "-3020399000000").made("interval", "-838:59:59").own_with("interval", ADAPTIVE),
    named("time(6)", MICRO_TIME, "86399999999").made("interval", "23:59:59.999999").own_with("time", ADAPTIVE),
    named("time(3)", r#"{"type":"int32","name":"org.apache.kafka.connect.data.Time"}"#, "45296789")
        .mode("time.precision.mode=connect; out of a day it sends NULL")
        .made("interval", "12:34:56.789")
        .own_with("interval", "columns = { \"@\" = \"time-millis\" }"),
    named("time", r#"{"type":"string","name":"io.debezium.time.IsoTime"}"#, r#""12:34:56Z""#)
        .mode("time.precision.mode=isostring; out of a day it sends NULL")
        .made("interval", "12:34:56")
        .own("interval"),
    named("time(6)", DURATION, r#"{"years":0,"months":0,"days":0,"hours":-838,"minutes":-59,"seconds":-59,"nanos":-1000,"precision":6}"#)
        .mode("time.precision.mode=structured")
        .made("interval", "-838:59:59.000001")
        .own("interval"),
    named("datetime", r#"{"type":"int64","name":"io.debezium.time.Timestamp"}"#, "253402300799000")
        .made("timestamp(3) without time zone", "9999-12-31 23:59:59")
        .own_with("timestamp(0)", ADAPTIVE),
    named("datetime(6)", r#"{"type":"int64","name":"io.debezium.time.MicroTimestamp"}"#, "1709210096789012")
        .made("timestamp without time zone", "2024-02-29 12:34:56.789012")
        .own_with("timestamp", ADAPTIVE),
    named("datetime(6)", r#"{"type":"int64","name":"org.apache.kafka.connect.data.Timestamp"}"#, "1709210096789")
        .mode("time.precision.mode=connect")
        .made("timestamp(3) without time zone", "2024-02-29 12:34:56.789")
        .own_with("timestamp", "time_precision = \"connect\""),
    named("timestamp(6)", r#"{"type":"string","name":"io.debezium.time.ZonedTimestamp"}"#, r#""2038-01-19T03:14:07.999999Z""#)
        .made("timestamp with time zone", "2038-01-19 03:14:07.999999+00")
        .own("timestamptz"),
    named("point", r#"{"type":"struct","name":"io.debezium.data.geometry.Point"}"#, r#"{"x":1.5,"y":-2.5,"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAATA","srid":4326}"#)
        .made("geometry", "0101000020e6100000000000000000f83f00000000000004c0")
        .bare("bytea", "\\x0101000020e6100000000000000000f83f00000000000004c0")
        .own_as("point", "(1.5,-2.5)"),
    named("linestring", r#"{"type":"struct","name":"io.debezium.data.geometry.Geometry"}"#, r#"{"wkb":"AQIAAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8=","srid":null}"#)
        .propagated("LINESTRING", None, None)
        .made("geometry", "01020000000200000000000000000000000000000000000000000000000000f03f000000000000f03f")
        .bare("bytea", "\\x01020000000200000000000000000000000000000000000000000000000000f03f000000000000f03f")
        .own("geometry"),
    named("vector", r#"{"type":"array","name":"io.debezium.data.FloatVector","items":{"type":"float"}}"#, "[1.0,-0.5]")
        .propagated("VECTOR", Some(2), None)
        .made("vector", "[1.0,-0.5]")
        .bare("real[]", "{1,-0.5}")
        .own("vector"),
];
