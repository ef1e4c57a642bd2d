//! Arrays come to the literal that Postgres prints.

use crate::{check, check_values};

/// The schema of an array of `items`.
fn array_of(items: &str) -> String {
    format!(r#"{{"type":"array","items":{items}}}"#)
}

#[test]
fn items_are_quoted_as_postgres_quotes_them() {
    check_values(
        &array_of(r#"{"type":"string"}"#),
        &[
            ("[]", r#""{}""#),
            ("null", "null"),
            (r#"["a","b c","q\"q",null,"","null","NULL"]"#, r#""{a,\"b c\",\"q\\\"q\",NULL,\"\",\"null\",\"NULL\"}""#),
            (r#"["{}","a,b","back\\slash","tab\t","é"]"#, r#""{\"{}\",\"a,b\",\"back\\\\slash\",\"tab\t\",é}""#),
        ],
    );
}

#[test]
fn items_are_of_their_type() {
    for (items, value, expected) in [
        (r#"{"type":"int32"}"#, "[9,null,-7]", r#""{9,NULL,-7}""#),
        (r#"{"type":"boolean"}"#, "[true,false]", r#""{t,f}""#),
        (r#"{"type":"double"}"#, r#"[1.5,"NaN"]"#, r#""{1.5,NaN}""#),
        (r#"{"type":"bytes"}"#, r#"["AP8="]"#, r#""{\"\\\\x00ff\"}""#),
        (r#"{"type":"int32","name":"io.debezium.time.Date"}"#, "[19782,0]", r#""{2024-02-29,1970-01-01}""#),
        (
            r#"{"type":"string","name":"io.debezium.time.ZonedTimestamp"}"#,
            r#"["2024-02-29T12:00:00Z"]"#,
            r#""{\"2024-02-29 12:00:00+00\"}""#,
        ),
        (
            r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}}"#,
            r#"["bg==","/x8="]"#,
            r#""{1.10,-2.25}""#,
        ),
        (&array_of(r#"{"type":"string"}"#), r#"[["a","b c"],[null,""]]"#, r#""{{a,\"b c\"},{NULL,\"\"}}""#),
    ] {
        check_values(&array_of(items), &[(value, expected)]);
    }
}

#[test]
fn an_error_names_the_item() {
    check_values(
        &array_of(r#"{"type":"int32"}"#),
        &[
            (r#"[1,"2"]"#, "# error: `after.x.1`: expected an integer, found a string"),
            (r#""{1,2}""#, "# error: `after.x`: expected an array, found a string"),
        ],
    );
}

#[test]
fn without_a_schema_they_stay_json() {
    check(
        r#"{"id":1} => {"after":{"id":1,"a":[1, null],"b":{"x": [ ]}},"op":"c"}"#,
        r#"+I t {"id":1,"a":[1, null],"b":{"x": [ ]}}"#,
    );
}
