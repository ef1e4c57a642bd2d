//! What the connector for Postgres sends.

use super::{Case, named};

const STRING: &str = r#"{"type":"string"}"#;
const BYTES: &str = r#"{"type":"bytes"}"#;
const JSON: &str = r#"{"type":"string","name":"io.debezium.data.Json"}"#;
const DATE: &str = r#"{"type":"int32","name":"io.debezium.time.Date"}"#;
const MICRO_TIMESTAMP: &str = r#"{"type":"int64","name":"io.debezium.time.MicroTimestamp"}"#;
const ZONED_TIMESTAMP: &str = r#"{"type":"string","name":"io.debezium.time.ZonedTimestamp"}"#;
const STRUCTURED_DATE: &str = r#"{"type":"struct","name":"io.debezium.time.StructuredDate"}"#;
const STRUCTURED_TIMESTAMP: &str = r#"{"type":"struct","name":"io.debezium.time.StructuredTimestamp"}"#;
const GEOMETRY: &str = r#"{"type":"struct","name":"io.debezium.data.geometry.Geometry"}"#;
const MAP: &str = r#"{"type":"map","keys":{"type":"string"},"values":{"type":"string"}}"#;

const ADAPTIVE: &str = "time_precision = \"adaptive\"";
const NANOSECONDS: &str = "time_precision = \"nanoseconds\"";
const STRING_DECIMALS: &str = "decimal_mode = \"string\"";
const STRUCTURED: &str = "time.precision.mode=structured";
const HSTORE_TEXT: &str = r#""a"=>"1", "b"=>NULL"#;

pub(super) const CASES: &[Case] = &[
    named("boolean", r#"{"type":"boolean"}"#, "true").made("boolean", "true").own("boolean"),
    named("smallint", r#"{"type":"int16"}"#, "-32768").made("smallint", "-32768").own("smallint"),
    named("integer", r#"{"type":"int32"}"#, "2147483647").made("integer", "2147483647").own("integer"),
    named("bigint", r#"{"type":"int64"}"#, "9223372036854775807").made("bigint", "9223372036854775807").own("bigint"),
    named("bigserial", r#"{"type":"int64"}"#, "1").propagated("BIGSERIAL", None, None).made("bigint", "1").own("bigint"),
    named("oid", r#"{"type":"int64"}"#, "4294967295").propagated("OID", None, None).made("oid", "4294967295").own("oid"),
    named("real", r#"{"type":"float"}"#, "1.17549435E-38").made("real", "1.1754944e-38").own("real"),
    named("double precision", r#"{"type":"double"}"#, r#""-Infinity""#).made("double precision", "-Infinity").own("double precision"),
    named("numeric(10,2)", r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2","connect.decimal.precision":"10"}}"#, r#""J0I=""#)
        .made("numeric(10,2)", "100.50")
        .own("numeric(10,2)"),
    named("numeric(10,2)", STRING, r#""100.50""#)
        .mode("decimal.handling.mode=string")
        .propagated("NUMERIC", Some(10), Some(2))
        .made("numeric(10,2)", "100.50")
        .own_with("numeric(10,2)", STRING_DECIMALS),
    named("numeric(10,2)", r#"{"type":"double"}"#, "100.5")
        .mode("decimal.handling.mode=double")
        .propagated("NUMERIC", Some(10), Some(2))
        .made("numeric(10,2)", "100.50")
        .own("numeric(10,2)"),
    named("numeric(6,-2)", r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"-2"}}"#, r#""Dw==""#)
        .made("numeric", "1500")
        .own("numeric(6,-2)"),
    named("numeric", r#"{"type":"struct","name":"io.debezium.data.VariableScaleDecimal"}"#, r#"{"scale":1,"value":"Dw=="}"#)
        .made("numeric", "1.5")
        .own("numeric"),
    named("numeric", STRING, r#""NAN""#)
        .mode("decimal.handling.mode=string")
        .propagated("NUMERIC", Some(131_089), Some(0))
        .made("numeric", "NaN")
        .own_with("numeric", STRING_DECIMALS),
    named("numeric", STRING, r#""NEGATIVE_INFINITY""#)
        .mode("decimal.handling.mode=string")
        .propagated("NUMERIC", Some(131_089), Some(0))
        .made("numeric", "-Infinity")
        .own_with("numeric", STRING_DECIMALS),
    named("money", r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}}"#, r#""J0I=""#)
        .propagated("MONEY", Some(19), Some(2))
        .made("numeric", "100.50")
        .own_as("money", "$100.50"),
    named("text", STRING, r#""a\tb\\ \"é😀\" ""#).made("text", "a\tb\\ \"é😀\" ").own("text"),
    named("varchar(120)", STRING, r#""abc""#).propagated("VARCHAR", Some(120), None).made("character varying(120)", "abc").own("varchar(120)"),
    named("char(5)", STRING, r#""ab   ""#).propagated("BPCHAR", Some(5), None).made("character(5)", "ab").own("char(5)"),
    named("citext", STRING, r#""Ab""#).propagated("CITEXT", None, None).made("citext", "Ab").bare("text", "Ab").own("citext"),
    named("isbn", STRING, r#""1-55860-622-X""#).propagated("ISBN", None, None).made("isbn", "1-55860-622-X").bare("text", "1-55860-622-X").own("isbn"),
    named("bytea", BYTES, r#""AP8Q3g==""#).made("bytea", "\\x00ff10de").own("bytea"),
    named("bytea", STRING, r#""AP8Q3g==""#)
        .mode("binary.handling.mode=base64")
        .propagated("BYTEA", None, None)
        .made("bytea", "\\x00ff10de")
        .own_with("bytea", "binary_mode = \"base64\""),
    named("bytea", STRING, r#""_w==""#)
        .mode("binary.handling.mode=base64-url-safe, type not propagated")
        .made("text", "_w==")
        .own_all("bytea", "binary_mode = \"base64-url-safe\"", "\\xff"),
    named("bytea", STRING, r#""00ff10de""#)
        .mode("binary.handling.mode=hex, type not propagated")
        .made("text", "00ff10de")
        .own_all("bytea", "binary_mode = \"hex\"", "\\x00ff10de"),
    named("uuid", r#"{"type":"string","name":"io.debezium.data.Uuid"}"#, r#""a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11""#)
        .made("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
        .own("uuid"),
    named("json", JSON, r#""{\"a\": 1,  \"a\": \"\\u0000\"}""#).made("json", r#"{"a": 1,  "a": "\u0000"}"#).own("json"),
    named("jsonb", JSON, r#""{\"a\": [1, 2.50]}""#).propagated("JSONB", None, None).made("jsonb", r#"{"a": [1, 2.50]}"#).own("jsonb"),
    named("xml", r#"{"type":"string","name":"io.debezium.data.Xml"}"#, r#""<a>1</a>""#).made("xml", "<a>1</a>").own("xml"),
    named("hstore", JSON, r#""{\"a\":\"1\",\"b\":null}""#)
        .propagated("HSTORE", None, None)
        .made("hstore", HSTORE_TEXT)
        .bare("json", r#"{"a":"1","b":null}"#)
        .own("hstore"),
    named("hstore", MAP, r#"{"a":"1","b":null}"#)
        .mode("hstore.handling.mode=map")
        .made("hstore", HSTORE_TEXT)
        .bare("json", r#"{"a":"1","b":null}"#)
        .own("hstore"),
    named("ltree", r#"{"type":"string","name":"io.debezium.data.Ltree"}"#, r#""a.b""#).made("ltree", "a.b").bare("text", "a.b").own("ltree"),
    named("tsvector", r#"{"type":"string","name":"io.debezium.data.TsVector"}"#, r#""'a' 'fat':2A""#).made("tsvector", "'a' 'fat':2A").own("tsvector"),
    named("mood (an enum)", r#"{"type":"string","name":"io.debezium.data.Enum"}"#, r#""very happy""#)
        .propagated("MOOD", None, None)
        .made("mood", "very happy")
        .bare("text", "very happy")
        .own("mood"),
    named("inet", STRING, r#""192.168.1.5/24""#).propagated("INET", None, None).made("inet", "192.168.1.5/24").own("inet"),
    named("cidr", STRING, r#""2001:db8::/32""#).propagated("CIDR", None, None).made("cidr", "2001:db8::/32").own("cidr"),
    named("macaddr", STRING, r#""08:00:2b:01:02:03""#).propagated("MACADDR", None, None).made("macaddr", "08:00:2b:01:02:03").own("macaddr"),
    named("int4range", STRING, r#""[1,5)""#).propagated("INT4RANGE", None, None).made("int4range", "[1,5)").own("int4range"),
    named("tstzrange", STRING, r#""(,\"2024-02-01 00:00:00+00\"]""#)
        .propagated("TSTZRANGE", None, None)
        .made("tstzrange", "(,\"2024-02-01 00:00:00+00\"]")
        .own("tstzrange"),
    named("bit(1)", r#"{"type":"boolean"}"#, "true").made("boolean", "true").own_as("bit(1)", "1"),
    named("bit(8)", r#"{"type":"bytes","name":"io.debezium.data.Bits","parameters":{"length":"8"}}"#, r#""qg==""#)
        .propagated("BIT", Some(8), None)
        .made("bit(8)", "10101010")
        .own("bit(8)"),
    named("bit varying(8)", r#"{"type":"bytes","name":"io.debezium.data.Bits","parameters":{"length":"8"}}"#, r#""BQ==""#)
        .mode("the zeros in front are not sent")
        .made("bit(8)", "00000101")
        .own_with("bit varying(8)", "columns = { \"@\" = \"bits(8)\" }"),
    named("date", DATE, "19782").made("date", "2024-02-29").own("date"),
    named("date", DATE, "2146033979").made("date", "infinity").own("date"),
    named("date", DATE, "-2147472691").made("date", "-infinity").own("date"),
    named("date", DATE, "-735160").made("date", "0044-03-15 BC").own("date"),
    named("date", r#"{"type":"string","name":"io.debezium.time.IsoDate"}"#, r#""-0043-03-15Z""#)
        .mode("time.precision.mode=isostring")
        .made("date", "0044-03-15 BC")
        .own("date"),
    named("date", STRUCTURED_DATE, r#"{"year":-43,"month":3,"day":15,"specialValue":null}"#).mode(STRUCTURED).made("date", "0044-03-15 BC").own("date"),
    named("date", STRUCTURED_DATE, r#"{"year":null,"month":null,"day":null,"specialValue":"POSITIVE_INFINITY"}"#)
        .mode(STRUCTURED)
        .made("date", "infinity")
        .own("date"),
    named("time(3)", r#"{"type":"int32","name":"io.debezium.time.Time"}"#, "86400000").made("time(3) without time zone", "24:00:00").own_with("time(3)", ADAPTIVE),
    named("time", r#"{"type":"int64","name":"io.debezium.time.MicroTime"}"#, "45296789012")
        .made("time without time zone", "12:34:56.789012")
        .own_with("time", ADAPTIVE),
    named("time", r#"{"type":"int64","name":"io.debezium.time.NanoTime"}"#, "45296789012000")
        .mode("time.precision.mode=nanoseconds")
        .made("time without time zone", "12:34:56.789012")
        .own_with("time", NANOSECONDS),
    named("time", r#"{"type":"int32","name":"org.apache.kafka.connect.data.Time"}"#, "45296789")
        .mode("time.precision.mode=connect")
        .made("time(3) without time zone", "12:34:56.789")
        .own_with("time", "time_precision = \"connect\""),
    named("time", r#"{"type":"string","name":"io.debezium.time.IsoTime"}"#, r#""12:34:56.789012Z""#)
        .mode("time.precision.mode=isostring")
        .made("time without time zone", "12:34:56.789012")
        .own("time"),
    named("time", r#"{"type":"struct","name":"io.debezium.time.StructuredTime"}"#, r#"{"hour":24,"minute":0,"second":0,"nanos":0,"precision":6}"#)
        .mode(STRUCTURED)
        .made("time without time zone", "24:00:00")
        .own("time"),
    named("timetz", r#"{"type":"string","name":"io.debezium.time.ZonedTime"}"#, r#""10:34:56.789012Z""#)
        .made("time with time zone", "10:34:56.789012+00")
        .own("timetz"),
    named("timetz", r#"{"type":"struct","name":"io.debezium.time.StructuredZonedTime"}"#, r#"{"hour":12,"minute":34,"second":56,"nanos":789012000,"offsetSeconds":-9000}"#)
        .mode(STRUCTURED)
        .made("time with time zone", "12:34:56.789012-02:30")
        .own("timetz"),
    named("timestamp(3)", r#"{"type":"int64","name":"io.debezium.time.Timestamp"}"#, "1709210096789")
        .made("timestamp(3) without time zone", "2024-02-29 12:34:56.789")
        .own_with("timestamp(3)", ADAPTIVE),
    named("timestamp", MICRO_TIMESTAMP, "1709210096789012").made("timestamp without time zone", "2024-02-29 12:34:56.789012").own_with("timestamp", ADAPTIVE),
    named("timestamp", MICRO_TIMESTAMP, "9223372036825200000").made("timestamp without time zone", "infinity").own_with("timestamp", ADAPTIVE),
    named("timestamp", MICRO_TIMESTAMP, "-9223372036832400000").made("timestamp without time zone", "-infinity").own_with("timestamp", ADAPTIVE),
    named("timestamp", MICRO_TIMESTAMP, "-63517824000000000").made("timestamp without time zone", "0044-03-15 00:00:00 BC").own_with("timestamp", ADAPTIVE),
    named("timestamp", r#"{"type":"int64","name":"io.debezium.time.NanoTimestamp"}"#, "1709210096789012000")
        .mode("time.precision.mode=nanoseconds")
        .made("timestamp without time zone", "2024-02-29 12:34:56.789012")
        .own_with("timestamp", NANOSECONDS),
    named("timestamp", r#"{"type":"string","name":"io.debezium.time.IsoTimestamp"}"#, r#""2024-02-29T12:34:56.789012Z""#)
        .mode("time.precision.mode=isostring")
        .made("timestamp without time zone", "2024-02-29 12:34:56.789012")
        .own("timestamp"),
    named("timestamp", STRUCTURED_TIMESTAMP, r#"{"year":2024,"month":2,"day":29,"hour":12,"minute":34,"second":56,"nanos":789012000}"#)
        .mode(STRUCTURED)
        .made("timestamp without time zone", "2024-02-29 12:34:56.789012")
        .own("timestamp"),
    named("timestamp", STRUCTURED_TIMESTAMP, r#"{"specialValue":"NEGATIVE_INFINITY"}"#).mode(STRUCTURED).made("timestamp without time zone", "-infinity").own("timestamp"),
    named("timestamptz", ZONED_TIMESTAMP, r#""2024-02-29T12:34:56.789012Z""#).made("timestamp with time zone", "2024-02-29 12:34:56.789012+00").own("timestamptz"),
    named("timestamptz", ZONED_TIMESTAMP, r#""infinity""#).made("timestamp with time zone", "infinity").own("timestamptz"),
    named("timestamptz", ZONED_TIMESTAMP, r#""-0043-03-15T00:00:00Z""#).made("timestamp with time zone", "0044-03-15 00:00:00+00 BC").own("timestamptz"),
    named("timestamptz", r#"{"type":"struct","name":"io.debezium.time.StructuredZonedTimestamp"}"#, r#"{"year":2024,"month":2,"day":29,"hour":14,"minute":34,"second":56,"nanos":0,"offsetSeconds":7200,"zoneId":null}"#)
        .mode(STRUCTURED)
        .made("timestamp with time zone", "2024-02-29 12:34:56+00")
        .own("timestamptz"),
    named("interval", r#"{"type":"string","name":"io.debezium.time.Interval"}"#, r#""P-1Y-2M3DT-4H-5M-6.7S""#)
        .mode("interval.handling.mode=string")
        .made("interval", "-1 years -2 mons +3 days -04:05:06.7")
        .own("interval"),
    named("interval", r#"{"type":"int64","name":"io.debezium.time.MicroDuration"}"#, "37091106789000")
        .mode("interval.handling.mode=numeric: months are 30.4375 days")
        .made("interval", "10303:05:06.789")
        .own_with("interval", ADAPTIVE),
    named("interval", r#"{"type":"struct","name":"io.debezium.time.StructuredDuration"}"#, r#"{"years":1,"months":2,"days":-3,"hours":4,"minutes":5,"seconds":6,"nanos":789012000}"#)
        .mode(STRUCTURED)
        .made("interval", "1 year 2 mons -3 days +04:05:06.789012")
        .own("interval"),
    named("point", r#"{"type":"struct","name":"io.debezium.data.geometry.Point"}"#, r#"{"x":1.5,"y":-2.5,"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAATA","srid":null}"#)
        .made("point", "(1.5,-2.5)")
        .own("point"),
    named("lseg", GEOMETRY, r#"{"wkb":"AQIAAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8=","srid":null,"extensions":{"type":"lseg"}}"#)
        .propagated("LSEG", None, None)
        .made("lseg", "[(0,0),(1,1)]")
        .own("lseg"),
    named("box", GEOMETRY, r#"{"wkb":"AQMAAAABAAAABQAAAAAAAAAAAAhAAAAAAAAAEEAAAAAAAAAIQAAAAAAAAABAAAAAAAAA8D8AAAAAAAAAQAAAAAAAAPA/AAAAAAAAEEAAAAAAAAAIQAAAAAAAABBA","srid":null,"extensions":{"type":"box"}}"#)
        .propagated("BOX", None, None)
        .made("box", "(3,4),(1,2)")
        .own("box"),
    named("path", GEOMETRY, r#"{"wkb":"AQIAAAADAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8AAAAAAAAAQAAAAAAAAAAA","srid":null,"extensions":{"type":"path","closed":"true"}}"#)
        .propagated("PATH", None, None)
        .made("path", "((0,0),(1,1),(2,0))")
        .own("path"),
    named("path", GEOMETRY, r#"{"wkb":"AQIAAAADAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8AAAAAAAAAQAAAAAAAAAAA","srid":null,"extensions":{"type":"path","closed":"false"}}"#)
        .propagated("PATH", None, None)
        .made("path", "[(0,0),(1,1),(2,0)]")
        .own("path"),
    named("polygon", GEOMETRY, r#"{"wkb":"AQMAAAABAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADwPwAAAAAAAPA/AAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","srid":null,"extensions":{"type":"polygon"}}"#)
        .propagated("POLYGON", None, None)
        .made("polygon", "((0,0),(1,1),(2,0))")
        .own("polygon"),
    named("circle", r#"{"type":"struct","name":"io.debezium.data.geometry.Circle"}"#, r#"{"center":{"x":1.5,"y":-2.5},"radius":3.0}"#).made("circle", "<(1.5,-2.5),3>").own("circle"),
    named("line", r#"{"type":"struct","name":"io.debezium.data.geometry.Line"}"#, r#"{"a":1.0,"b":-1.0,"c":0.5}"#).made("line", "{1,-1,0.5}").own("line"),
    named("geometry (PostGIS)", GEOMETRY, r#"{"wkb":"AQEAACDmEAAAAAAAAAAA+D8AAAAAAAAEwA==","srid":4326}"#)
        .made("geometry", "0101000020e6100000000000000000f83f00000000000004c0")
        .bare("bytea", "\\x0101000020e6100000000000000000f83f00000000000004c0")
        .own("geometry"),
    named("geography (PostGIS)", r#"{"type":"struct","name":"io.debezium.data.geometry.Geography"}"#, r#"{"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAATA","srid":4326}"#)
        .made("geography", "0101000020e6100000000000000000f83f00000000000004c0")
        .bare("bytea", "\\x0101000020e6100000000000000000f83f00000000000004c0")
        .own("geography"),
    named("vector (pgvector)", r#"{"type":"array","name":"io.debezium.data.DoubleVector","items":{"type":"double"}}"#, "[1.0,-0.5,1.0E-5]")
        .made("vector", "[1.0,-0.5,1.0E-5]")
        .bare("double precision[]", "{1,-0.5,1e-05}")
        .own("vector"),
    named("halfvec (pgvector)", r#"{"type":"array","name":"io.debezium.data.FloatVector","items":{"type":"float"}}"#, "[1.0,-0.5]")
        .propagated("HALFVEC", None, None)
        .made("halfvec", "[1.0,-0.5]")
        .bare("real[]", "{1,-0.5}")
        .own("halfvec"),
    named("sparsevec (pgvector)", r#"{"type":"struct","name":"io.debezium.data.SparseDoubleVector"}"#, r#"{"dimensions":5,"vector":[[1,1.5],[3,2.0]]}"#)
        .made("sparsevec", "{1:1.5,3:2.0}/5")
        .bare("text", "{1:1.5,3:2.0}/5")
        .own("sparsevec"),
    named("integer[]", r#"{"type":"array","items":{"type":"int32"}}"#, "[1,null,-3]").made("integer[]", "{1,NULL,-3}").own("integer[]"),
    named("text[]", r#"{"type":"array","items":{"type":"string"}}"#, r#"["a","b c","q\"q","{}",null,"","NULL"]"#)
        .made("text[]", r#"{a,"b c","q\"q","{}",NULL,"","NULL"}"#)
        .own("text[]"),
    named("boolean[]", r#"{"type":"array","items":{"type":"boolean"}}"#, "[true,false,null]").made("boolean[]", "{t,f,NULL}").own("boolean[]"),
    named("bytea[]", r#"{"type":"array","items":{"type":"bytes"}}"#, r#"["AP8="]"#).made("bytea[]", r#"{"\\x00ff"}"#).own("bytea[]"),
    named("numeric(10,2)[]", r#"{"type":"array","items":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2","connect.decimal.precision":"10"}}}"#, r#"["J0I=",null]"#)
        .made("numeric(10,2)[]", "{100.50,NULL}")
        .own("numeric(10,2)[]"),
    named("uuid[]", r#"{"type":"array","items":{"type":"string","name":"io.debezium.data.Uuid"}}"#, r#"["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]"#)
        .made("uuid[]", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}")
        .own("uuid[]"),
    named("date[]", r#"{"type":"array","items":{"type":"int32","name":"io.debezium.time.Date"}}"#, "[19782,2146033979]").made("date[]", "{2024-02-29,infinity}").own("date[]"),
    named("timestamptz[]", r#"{"type":"array","items":{"type":"string","name":"io.debezium.time.ZonedTimestamp"}}"#, r#"["2024-02-29T12:00:00Z"]"#)
        .made("timestamp with time zone[]", "{\"2024-02-29 12:00:00+00\"}")
        .own("timestamptz[]"),
    named("jsonb[]", r#"{"type":"array","items":{"type":"string","name":"io.debezium.data.Json"}}"#, r#"["{\"a\": 1}"]"#)
        .propagated("_JSONB", None, None)
        .made("jsonb[]", r#"{"{\"a\": 1}"}"#)
        .own("jsonb[]"),
    named("inet[]", r#"{"type":"array","items":{"type":"string"}}"#, r#"["::1"]"#).propagated("_INET", None, None).made("inet[]", "{::1}").own("inet[]"),
    named("mood[] (an enum)", r#"{"type":"array","items":{"type":"string","name":"io.debezium.data.Enum"}}"#, r#"["sad","very happy"]"#)
        .propagated("_MOOD", None, None)
        .made("mood[]", r#"{sad,"very happy"}"#)
        .bare("text[]", r#"{sad,"very happy"}"#)
        .own("mood[]"),
];
