//! What the connectors for SQL Server, Oracle and Db2 send, by the same semantic types.

use super::{Case, named};

const STRING: &str = r#"{"type":"string"}"#;
const NANO_TIMESTAMP: &str = r#"{"type":"int64","name":"io.debezium.time.NanoTimestamp"}"#;
const ZONED_TIMESTAMP: &str = r#"{"type":"string","name":"io.debezium.time.ZonedTimestamp"}"#;

pub(super) const SQL_SERVER: &[Case] = &[
    named("bit", r#"{"type":"boolean"}"#, "false").propagated("BIT", Some(1), None).made("boolean", "false").own("boolean"),
    named("tinyint", r#"{"type":"int16"}"#, "255").made("smallint", "255").own("smallint"),
    named("money", r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"4","connect.decimal.precision":"19"}}"#, r#""MDk=""#)
        .propagated("MONEY", Some(19), Some(4))
        .made("numeric(19,4)", "1.2345")
        .own("numeric(19,4)"),
    named("nvarchar(50)", STRING, r#""日本""#).propagated("NVARCHAR", Some(50), None).made("character varying(50)", "日本").own("varchar(50)"),
    named("nvarchar(max)", STRING, r#""x""#).propagated("NVARCHAR", Some(2_147_483_647), None).made("text", "x").own("text"),
    named("uniqueidentifier", STRING, r#""A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11""#)
        .propagated("UNIQUEIDENTIFIER", Some(36), None)
        .made("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
        .own("uuid"),
    named("varbinary(8)", r#"{"type":"bytes"}"#, r#""AP8=""#).made("bytea", "\\x00ff").own("bytea"),
    named("rowversion", r#"{"type":"bytes"}"#, r#""AAAAAAAAB9E=""#).made("bytea", "\\x00000000000007d1").own("bytea"),
    named("xml", r#"{"type":"string","name":"io.debezium.data.Xml"}"#, r#""<a/>""#).made("xml", "<a/>").own("xml"),
    named("date", r#"{"type":"int32","name":"io.debezium.time.Date"}"#, "19782").made("date", "2024-02-29").own("date"),
    named("time(7)", r#"{"type":"int64","name":"io.debezium.time.NanoTime"}"#, "45296789012000")
        .mode("a seventh digit that is not 0 is refused, see below")
        .made("time without time zone", "12:34:56.789012")
        .own_with("time", "columns = { \"@\" = \"time-nanos\" }"),
    named("datetime", r#"{"type":"int64","name":"io.debezium.time.Timestamp"}"#, "1709210096787")
        .made("timestamp(3) without time zone", "2024-02-29 12:34:56.787")
        .own_with("timestamp(3)", "columns = { \"@\" = \"timestamp-millis\" }"),
    named("datetime2(7)", NANO_TIMESTAMP, "1709210096789012000")
        .mode("a seventh digit that is not 0 is refused, see below")
        .made("timestamp without time zone", "2024-02-29 12:34:56.789012")
        .own_with("timestamp", "columns = { \"@\" = \"timestamp-nanos\" }"),
    named("datetimeoffset", ZONED_TIMESTAMP, r#""2024-02-29T14:34:56.5+02:00""#)
        .mode("the moment stays, the offset does not")
        .made("timestamp with time zone", "2024-02-29 12:34:56.5+00")
        .own("timestamptz"),
];

pub(super) const ORACLE: &[Case] = &[
    named("number", r#"{"type":"struct","name":"io.debezium.data.VariableScaleDecimal"}"#, r#"{"scale":-2,"value":"Dw=="}"#).made("numeric", "1500").own("numeric"),
    named("number(5,2)", r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2","connect.decimal.precision":"5"}}"#, r#""J0I=""#)
        .made("numeric(5,2)", "100.50")
        .own("numeric(5,2)"),
    named("number(9)", r#"{"type":"int32"}"#, "999999999").propagated("NUMBER", Some(9), Some(0)).made("integer", "999999999").own("numeric(9)"),
    named("number(12,3)", STRING, r#""1.250""#)
        .mode("decimal.handling.mode=string")
        .propagated("NUMBER", Some(12), Some(3))
        .made("numeric(12,3)", "1.250")
        .own_with("numeric(12,3)", "decimal_mode = \"string\""),
    named("binary_double", r#"{"type":"double"}"#, r#""NaN""#).made("double precision", "NaN").own("double precision"),
    named("varchar2(20)", STRING, r#""x""#).propagated("VARCHAR2", Some(20), None).made("character varying(20)", "x").own("varchar(20)"),
    named("clob", STRING, r#""long""#).propagated("CLOB", Some(0), None).made("text", "long").own("text"),
    named("raw(16)", r#"{"type":"bytes"}"#, r#""AP8=""#).propagated("RAW", Some(16), None).made("bytea", "\\x00ff").own("bytea"),
    named("date", r#"{"type":"int64","name":"io.debezium.time.Timestamp"}"#, "1709210096000")
        .propagated("DATE", None, None)
        .made("timestamp(3) without time zone", "2024-02-29 12:34:56")
        .own_with("timestamp(0)", "columns = { \"@\" = \"timestamp-millis\" }"),
    named("timestamp(6)", r#"{"type":"int64","name":"io.debezium.time.MicroTimestamp"}"#, "1709210096789012")
        .propagated("TIMESTAMP(6)", Some(6), None)
        .made("timestamp without time zone", "2024-02-29 12:34:56.789012")
        .own_with("timestamp", "time_precision = \"adaptive\""),
    named("timestamp(9)", NANO_TIMESTAMP, "1709210096789012000")
        .propagated("TIMESTAMP(9)", Some(9), None)
        .mode("digits 7 to 9 that are not 0 are refused, see below")
        .made("timestamp without time zone", "2024-02-29 12:34:56.789012")
        .own_with("timestamp", "columns = { \"@\" = \"timestamp-nanos\" }"),
    named("timestamp with time zone", ZONED_TIMESTAMP, r#""2024-02-29T12:34:56.789012-08:00""#)
        .made("timestamp with time zone", "2024-02-29 20:34:56.789012+00")
        .own("timestamptz"),
    named("interval day to second", r#"{"type":"double","name":"io.debezium.time.MicroDuration"}"#, "-9.3784E10")
        .mode("interval.handling.mode=numeric")
        .made("interval", "-26:03:04")
        .own_with("interval", "columns = { \"@\" = \"duration-micros\" }"),
    named("interval year to month", r#"{"type":"string","name":"io.debezium.time.Interval"}"#, r#""P1Y2M0DT0H0M0S""#)
        .mode("interval.handling.mode=string")
        .made("interval", "1 year 2 mons")
        .own("interval"),
    named("interval day to second(6)", r#"{"type":"int64","name":"io.debezium.time.NanoDuration"}"#, "1500000000")
        .made("interval", "00:00:01.5")
        .own_with("interval", "columns = { \"@\" = \"duration-nanos\" }"),
    named("xmltype", r#"{"type":"string","name":"io.debezium.data.Xml"}"#, r#""<a/>""#).made("xml", "<a/>").own("xml"),
];

pub(super) const DB2: &[Case] = &[
    named("boolean", r#"{"type":"boolean"}"#, "true").made("boolean", "true").own("boolean"),
    named("decimal(31,5)", r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"5","connect.decimal.precision":"31"}}"#, r#""MDk=""#)
        .made("numeric(31,5)", "0.12345")
        .own("numeric(31,5)"),
    named("decfloat", r#"{"type":"struct","name":"io.debezium.data.VariableScaleDecimal"}"#, r#"{"scale":3,"value":"MDk="}"#).made("numeric", "12.345").own("numeric"),
    named("char(5)", STRING, r#""ab   ""#).propagated("CHAR", Some(5), None).made("character varying(5)", "ab   ").own("varchar(5)"),
    named("time", r#"{"type":"int32","name":"io.debezium.time.Time"}"#, "86400000").made("time(3) without time zone", "24:00:00").own_with("time(0)", "time_precision = \"adaptive\""),
    named("timestamp", r#"{"type":"int64","name":"io.debezium.time.MicroTimestamp"}"#, "1709210096789012")
        .made("timestamp without time zone", "2024-02-29 12:34:56.789012")
        .own_with("timestamp", "time_precision = \"adaptive\""),
    named("blob", r#"{"type":"bytes"}"#, r#""AP8=""#).made("bytea", "\\x00ff").own("bytea"),
    named("xml", r#"{"type":"string","name":"io.debezium.data.Xml"}"#, r#""<a/>""#).made("xml", "<a/>").own("xml"),
];
