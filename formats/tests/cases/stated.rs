//! Types of single columns that are stated beside the events, and names that the connector adjusted.

use rowkind_formats::{Decoder, Format, Placeholder, Record, Stated, Told};

use crate::{check_by, recordings};

fn stating(path: &str, ty: &str) -> Decoder {
    let columns = Stated::at_path(path, &ty.parse().unwrap());
    Decoder::new(Format::DebeziumJson, &Told { columns, ..Told::default() })
}

#[test]
fn a_column_without_a_schema_is_read_as_stated_in_key_and_row() {
    check_by(
        &mut stating("shop.t.id", "unsigned-int64"),
        r#"
        {"id":-1} => {"after":{"id":-1,"n":-1},"source":{"db":"shop","table":"t"},"op":"c"}
        {"id":-1} => {"before":null,"source":{"db":"shop","table":"t"},"op":"d"}
        {"id":-2} => {"after":{"id":-2,"n":-1},"source":{"db":"shop","table":"other"},"op":"c"}
        {"id":-3} => {"after":{"id":-3,"n":-1},"source":{"db":"shop","table":"t"},"op":"c"}
        {"id":-4} => null
        "#,
        r#"
        +I shop.t {"id":18446744073709551615,"n":-1}
        -D shop.t {"id":18446744073709551615}
        +I shop.other {"id":-2,"n":-1}
        +I shop.t {"id":18446744073709551613,"n":-1}
        -D shop.t {"id":18446744073709551612}
        "#,
    );
}

#[test]
fn names_may_hold_points() {
    let records = r#"null => {"after":{"x.y":0},"source":{"schema":"a.b","table":"c"},"op":"c"}"#;
    check_by(&mut stating("a.b.c.x.y", "date"), records, r#"+I "a.b".c {"x.y":"1970-01-01"}"#);
}

#[test]
fn what_is_stated_goes_before_the_schema() {
    let payload = r#"{"schema":{"type":"struct","fields":[{"type":"struct","field":"after","fields":[
        {"type":"string","field":"b"},{"type":"int32","field":"n"}]}]},
        "payload":{"after":{"b":"00ff","n":1},"source":{"schema":"s","table":"t"},"op":"c"}}"#;
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
    let mut decoder = stating("s.t.b", "bytes-hex");
    for _ in 0..2 {
        assert_eq!(recordings::outcome(&mut decoder, &record), "+I s.t {\"b\":\"\\\\x00ff\",\"n\":1}\n");
    }
}

#[test]
fn a_value_that_is_not_of_the_stated_type_is_refused() {
    check_by(
        &mut stating("s.t.d", "date[]"),
        r#"null => {"after":{"d":[0,"x"]},"source":{"schema":"s","table":"t"},"op":"c"}"#,
        "# error: `after.d.1`: expected an integer, found a string",
    );
}

/// `field.name.adjustment.mode=avro`, with the source's names propagated: a key has no parameters, its rows have.
#[test]
fn adjusted_names_are_the_sources_again() {
    let column = r#"{"type":"int32","field":"N_me","parameters":{"__debezium.source.column.name":"Näme"}}"#;
    let payload = format!(
        r#"{{"schema":{{"type":"struct","fields":[{{"type":"struct","field":"after","fields":[{column}]}}]}},
            "payload":{{"after":{{"N_me":1}},"source":{{"schema":"s","table":"t"}},"op":"c"}}}}"#
    );
    let key = br#"{"schema":{"type":"struct","fields":[{"type":"int32","field":"N_me"}]},"payload":{"N_me":1}}"#;
    let mut decoder = Decoder::default();
    let mut record = Record { topic: "t", partition: 0, offset: 0, key: Some(key), payload: Some(payload.as_bytes()) };
    assert_eq!(recordings::outcome(&mut decoder, &record), "+I s.t {\"Näme\":1}\n");
    (record.offset, record.payload) = (5, None);
    assert_eq!(recordings::outcome(&mut decoder, &record), "-D s.t {\"Näme\":1}\n");
}

#[test]
fn a_placeholder_of_ones_own_replaces_the_default() {
    let placeholder = Placeholder::parse("hex:00ff").unwrap();
    let mut decoder = Decoder::new(Format::DebeziumJson, &Told { placeholder, ..Told::default() });
    check_by(
        &mut decoder,
        r#"{"id":1} => {"after":{"a":"AP8=","b":[0,-1],"c":"__debezium_unavailable_value"},"op":"u"}"#,
        "
        +U t {\"c\":\"__debezium_unavailable_value\"}
        # not sent: a
        # not sent: b
        ",
    );
}
