//! Documents of `MongoDB` in Debezium's envelopes.

use rowkind_formats::{ColumnType, Decoder, DocumentForm, Event, Format, Record, Stated, Told};

use crate::check_by;

fn columns() -> Decoder {
    Decoder::default()
}

fn fields() -> Decoder {
    Decoder::new(Format::DebeziumJson, &Told { documents: DocumentForm::Fields, ..Told::default() })
}

/// A record of the collection `shop.orders`. The texts are those of documents, and of the key's `id`.
fn record(op: &str, id: Option<&str>, before: Option<&str>, after: Option<&str>) -> String {
    let text = |text: Option<&str>| serde_json::to_string(&text).unwrap();
    let key = id.map_or("null".to_owned(), |id| format!(r#"{{"id":{}}}"#, text(Some(id))));
    format!(
        r#"{key} => {{"before":{},"after":{},"updateDescription":null,"source":{{"version":"3.7.0.Final","connector":"mongodb","name":"p","ts_ms":1763700000123,"snapshot":"false","db":"shop","collection":"orders","ord":31,"lsid":null,"txnNumber":null}},"op":"{op}","ts_ms":1763700000999}}"#,
        text(before),
        text(after)
    )
}

#[test]
fn a_document_is_a_column_beside_its_id() {
    let open = r#"{"_id": {"$oid": "596e275826f08b2730779e1f"},"state": "open","n": {"$numberLong": "7"}}"#;
    let paid = open.replace("open", "paid");
    let id = Some(r#"{"$oid": "596e275826f08b2730779e1f"}"#);
    let records = [
        record("r", id, None, Some(open)),
        record("c", id, None, Some(open)),
        record("u", id, None, Some(&paid)),
        record("u", id, Some(open), Some(&paid)),
        record("d", id, Some(&paid), None),
        record("d", id, None, None),
    ];
    check_by(
        &mut columns(),
        &records.join("\n"),
        r#"
        +I shop.orders {"_id":"596e275826f08b2730779e1f","document":{"_id": {"$oid": "596e275826f08b2730779e1f"},"state": "open","n": {"$numberLong": "7"}}}
        +I shop.orders {"_id":"596e275826f08b2730779e1f","document":{"_id": {"$oid": "596e275826f08b2730779e1f"},"state": "open","n": {"$numberLong": "7"}}}
        +U shop.orders {"_id":"596e275826f08b2730779e1f","document":{"_id": {"$oid": "596e275826f08b2730779e1f"},"state": "paid","n": {"$numberLong": "7"}}}
        -U shop.orders {"_id":"596e275826f08b2730779e1f","document":{"_id": {"$oid": "596e275826f08b2730779e1f"},"state": "open","n": {"$numberLong": "7"}}}
        +U shop.orders {"_id":"596e275826f08b2730779e1f","document":{"_id": {"$oid": "596e275826f08b2730779e1f"},"state": "paid","n": {"$numberLong": "7"}}}
        -D shop.orders {"_id":"596e275826f08b2730779e1f","document":{"_id": {"$oid": "596e275826f08b2730779e1f"},"state": "paid","n": {"$numberLong": "7"}}}
        -D shop.orders {"_id":"596e275826f08b2730779e1f"}
        "#,
    );
}

#[test]
fn the_fields_of_a_document_are_columns() {
    let open = r#"{"_id": {"$numberLong": "1004"},"state": "open","lines": [{"sku": "a"}]}"#;
    let records = [
        record("c", Some("1004"), None, Some(open)),
        record("u", Some("1004"), Some(open), Some(&open.replace("open", "paid"))),
        record("d", Some("1004"), None, None),
    ];
    check_by(
        &mut fields(),
        &records.join("\n"),
        r#"
        +I shop.orders {"_id":1004,"state":"open","lines":[{"sku": "a"}]}
        -U shop.orders {"_id":1004,"state":"open","lines":[{"sku": "a"}]}
        +U shop.orders {"_id":1004,"state":"paid","lines":[{"sku": "a"}]}
        -D shop.orders {"_id":1004}
        "#,
    );
}

/// The examples of Debezium's documentation, and what strict and relaxed JSON make of one document.
#[test]
fn ids_as_text() {
    for (id, expected) in [
        ("1234", "1234"),
        ("12.34", "12.34"),
        (r#""1234""#, "1234"),
        (r#""{\"$oid\":1}""#, r#"{\"$oid\":1}"#),
        (r#"{"$oid" : "596e275826f08b2730779e1f"}"#, "596e275826f08b2730779e1f"),
        (r#"{"$numberLong" : "9223372036854775807"}"#, "9223372036854775807"),
        (r#"{"$numberDecimal" : "1.50"}"#, "1.50"),
        (r#"{"$binary" : "a2Fma2E=", "$type" : "00"}"#, r#"{\"$binary\" : \"a2Fma2E=\", \"$type\" : \"00\"}"#),
        (r#"{"$date": "2024-02-29T12:34:56Z"}"#, r#"{\"$date\": \"2024-02-29T12:34:56Z\"}"#),
        (
            r#"{"$uuid": "b68a35a7-17ad-35b3-af2a-ae46edb4545a"}"#,
            r#"{\"$uuid\": \"b68a35a7-17ad-35b3-af2a-ae46edb4545a\"}"#,
        ),
        (r#"{"hi" : "kafka", "nums" : [10.0, 100.0]}"#, r#"{\"hi\" : \"kafka\", \"nums\" : [10.0, 100.0]}"#),
        ("true", "true"),
    ] {
        let deleted = format!(r#"-D shop.orders {{"_id":"{expected}"}}"#);
        check_by(&mut columns(), &record("d", Some(id), None, None), &deleted);
        // a document is read for its id where there is no key
        let document = format!(r#"{{"a": 1,"_id": {id}}}"#);
        let inserted = format!(r#"+I shop.orders {{"_id":"{expected}","document":{document}}}"#);
        check_by(&mut columns(), &record("c", None, None, Some(&document)), &inserted);
    }
}

/// The key is relaxed JSON, the document strict: a date is the same one in two spellings.
#[test]
fn the_key_goes_before_the_document() {
    let id = r#"{"$date": "1970-01-01T00:00:01Z"}"#;
    let records =
        [record("c", Some(id), None, Some(r#"{"_id": {"$date": 1000},"a": 1}"#)), record("d", Some(id), None, None)];
    check_by(
        &mut columns(),
        &records.join("\n"),
        r#"
        +I shop.orders {"_id":"{\"$date\": \"1970-01-01T00:00:01Z\"}","document":{"_id": {"$date": 1000},"a": 1}}
        -D shop.orders {"_id":"{\"$date\": \"1970-01-01T00:00:01Z\"}"}
        "#,
    );
    check_by(
        &mut fields(),
        &records.join("\n"),
        r#"
        +I shop.orders {"_id":"1970-01-01 00:00:01+00","a":1}
        -D shop.orders {"_id":"1970-01-01 00:00:01+00"}
        "#,
    );
    // `field.exclude.list` may take it out of the document
    check_by(&mut fields(), &record("c", Some("5"), None, Some(r#"{"a": 1}"#)), r#"+I shop.orders {"_id":5,"a":1}"#);
}

/// Canonical, relaxed and the strict JSON of version 1.
#[test]
fn values_of_extended_json() {
    let value = |value: &str| {
        let document = format!(r#"{{"_id": 1,"x": {value}}}"#);
        let line = record("c", None, None, Some(&document));
        let (_, payload) = line.split_once(" => ").unwrap();
        let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
        let found = crate::recordings::outcome(&mut fields(), &record);
        let found = found.trim_end();
        let value = found.strip_prefix(r#"+I shop.orders {"_id":1,"x":"#).and_then(|rest| rest.strip_suffix('}'));
        value.unwrap_or(found).to_owned()
    };
    for (sent, expected) in [
        ("null", "null"),
        ("true", "true"),
        ("42", "42"),
        ("1.0E10", "1.0E10"),
        (r#""é\n""#, r#""é\n""#),
        (r#"{"$oid": "596e275826f08b2730779e1f"}"#, r#""596e275826f08b2730779e1f""#),
        (r#"{"$numberInt": "-7"}"#, "-7"),
        (r#"{"$numberLong": "-9223372036854775808"}"#, "-9223372036854775808"),
        (r#"{"$numberDouble": "-0.0"}"#, "-0.0"),
        (r#"{"$numberDouble": "Infinity"}"#, r#""Infinity""#),
        (r#"{"$numberDouble": "NaN"}"#, r#""NaN""#),
        (r#"{"$numberDecimal": "0.1000000000000000000000000000000001"}"#, "0.1000000000000000000000000000000001"),
        (r#"{"$numberDecimal": "1E+6144"}"#, "1E+6144"),
        (r#"{"$numberDecimal": "-Infinity"}"#, r#""-Infinity""#),
        (r#"{"$date": "2024-02-29T12:34:56.700Z"}"#, r#""2024-02-29 12:34:56.7+00""#),
        (r#"{"$date": "2024-02-29T12:34:56+02:00"}"#, r#""2024-02-29 10:34:56+00""#),
        (r#"{"$date": {"$numberLong": "-1"}}"#, r#""1969-12-31 23:59:59.999+00""#),
        (r#"{"$date": {"$numberLong": "-62135596800001"}}"#, r#""0001-12-31 23:59:59.999+00 BC""#),
        (r#"{"$date": 1709210096700}"#, r#""2024-02-29 12:34:56.7+00""#),
        (r#"{"$binary": {"base64": "AP8=", "subType": "00"}}"#, r#""\\x00ff""#),
        (r#"{"$binary": "AP8=", "$type": "00"}"#, r#""\\x00ff""#),
        (r#"{"$type": "00", "$binary": "AP8="}"#, r#""\\x00ff""#),
        (r#"{"$uuid": "b68a35a7-17ad-35b3-af2a-ae46edb4545a"}"#, r#""b68a35a7-17ad-35b3-af2a-ae46edb4545a""#),
        (r#"{"a": {"$numberLong": "1"},"b": []}"#, r#"{"a": {"$numberLong": "1"},"b": []}"#),
        (r#"[1, {"$oid": "x"}]"#, r#"[1, {"$oid": "x"}]"#),
        (r#"{"$timestamp": {"t": 1, "i": 2}}"#, r#"{"$timestamp": {"t": 1, "i": 2}}"#),
        (
            r#"{"$regularExpression": {"pattern": "a", "options": ""}}"#,
            r#"{"$regularExpression": {"pattern": "a", "options": ""}}"#,
        ),
        ("{}", "{}"),
    ] {
        assert_eq!(value(sent), expected, "{sent}");
    }
    for (sent, expected) in [
        (r#"{"$numberLong": "7x"}"#, "a number, found a string that is none"),
        (r#"{"$date": "yesterday"}"#, "a date in ISO 8601 or milliseconds since 1970, found a string that is none"),
        (
            r#"{"$date": {"$numberLong": 5}}"#,
            "a date in ISO 8601 or milliseconds since 1970, found a object that is none",
        ),
        (r#"{"$binary": "!", "$type": "00"}"#, "base64, found a string that is none"),
        (r#"{"$binary": {"subType": "00"}}"#, "an object with the base64 of binary, found a object that is none"),
    ] {
        assert_eq!(value(sent), format!("# error: `after.x`: expected {expected}"), "{sent}");
    }
    // strict JSON of a double that is none
    assert_eq!(value("NaN"), "# error: `after`: expected JSON, found broken JSON at byte 15");
}

/// A part of a document is not guessed into a whole one.
#[test]
fn an_update_without_its_document_is_refused() {
    let update = record("u", Some("1"), None, None).replace(
        r#""updateDescription":null"#,
        r#""updateDescription":{"removedFields":null,"updatedFields":"{\"state\": \"paid\"}","truncatedArrays":null}"#,
    );
    let refused = "# error: `after`: expected the document after the change (the connector's `capture.mode` has to be change_streams_update_full or change_streams_update_full_with_pre_image; it is null, too, where the document was gone before it was looked up, which `capture.mode.full.update.type` = post_image prevents), found nothing";
    check_by(&mut columns(), &update, refused);
    check_by(&mut fields(), &update, refused);
    check_by(&mut fields(), &record("u", Some("1"), Some(r#"{"_id": 1}"#), None), refused);
}

#[test]
fn fields_that_are_gone_are_null() {
    let update = |before, after, removed: &str| {
        record("u", Some("1"), before, Some(after)).replace(
            r#""updateDescription":null"#,
            &format!(
                r#""updateDescription":{{"removedFields":{removed},"updatedFields":"{{}}","truncatedArrays":null}}"#
            ),
        )
    };
    let records = [
        update(None, r#"{"_id": 1,"a": 1}"#, r#"["b","a","c.d"]"#),
        update(Some(r#"{"_id": 1,"a": 1,"b": 2}"#), r#"{"_id": 1,"a": 1}"#, r#"["b"]"#),
        record("u", Some("1"), Some(r#"{"_id": 1,"x": 2}"#), Some(r#"{"_id": 1}"#)),
        update(None, r#"{"_id": 1}"#, "null"),
        update(None, r#"{"_id": 1}"#, "[1]"),
    ];
    check_by(
        &mut fields(),
        &records.join("\n"),
        r#"
        +U shop.orders {"_id":1,"a":1,"b":null}
        -U shop.orders {"_id":1,"a":1,"b":2}
        +U shop.orders {"_id":1,"a":1,"b":null}
        -U shop.orders {"_id":1,"x":2}
        +U shop.orders {"_id":1,"x":null}
        +U shop.orders {"_id":1}
        # error: `updateDescription`: expected an object with the names of the removed fields, found a value that is none
        "#,
    );
}

#[test]
fn a_tombstone_is_of_the_id() {
    let id = r#"{"$oid": "596e275826f08b2730779e1f"}"#;
    let tombstone = format!(r#"{{"id":{}}} => null"#, serde_json::to_string(id).unwrap());
    let key_with_schema = format!(
        r#"{{"schema":{{"type":"struct","name":"p.shop.orders.Key","fields":[{{"type":"string","field":"id"}}]}},"payload":{{"id":{}}}}} => null"#,
        serde_json::to_string(id).unwrap()
    );
    let records = [
        record("d", Some(id), None, None),
        tombstone.clone(),
        tombstone,
        key_with_schema,
        r#"{"id":"x"} => null"#.into(),
    ];
    check_by(
        &mut columns(),
        &records.join("\n"),
        r#"
        -D shop.orders {"_id":"596e275826f08b2730779e1f"}
        # Tombstone
        -D shop.orders {"_id":"596e275826f08b2730779e1f"}
        -D shop.orders {"_id":"596e275826f08b2730779e1f"}
        # error: `key.id`: expected JSON, found broken JSON at byte 0
        "#,
    );
}

/// `schemas.enable=true`: a document's schema says that it is JSON, and no more.
#[test]
fn with_a_schema() {
    let key = r#"{"schema":{"type":"struct","name":"p.shop.orders.Key","fields":[{"type":"string","field":"id"}]},"payload":{"id":"1"}}"#;
    let payload = r#"{"schema":{"type":"struct","fields":[{"type":"string","optional":true,"name":"io.debezium.data.Json","field":"before"},{"type":"string","optional":true,"name":"io.debezium.data.Json","field":"after"}]},"payload":{"before":null,"after":"{\"_id\": 1}","source":{"db":"shop","collection":"orders","ord":1},"op":"c"}}"#;
    check_by(&mut columns(), &format!("{key} => {payload}"), r#"+I shop.orders {"_id":"1","document":{"_id": 1}}"#);
}

#[test]
fn a_table_can_be_made_for_documents() {
    let line = record("c", Some("1"), None, Some(r#"{"_id": 1}"#));
    let (key, payload) = line.split_once(" => ").unwrap();
    let (key, payload) = (Some(key.as_bytes()), Some(payload.as_bytes()));
    let record = Record { topic: "t", partition: 0, offset: 0, key, payload };
    let mut decoder = columns();
    let Ok(Event::Change(change)) = decoder.decode(&record) else { panic!("a change") };
    let schema = change.schema.unwrap();
    let types: Vec<_> = schema.fields.iter().map(|field| (field.name.as_str(), &field.ty)).collect();
    assert_eq!(types, [("_id", &ColumnType::Text), ("document", &ColumnType::Json)]);
    assert!(schema.fields.last().unwrap().source.is("JSONB"));
    let key = change.key.unwrap();
    let names: Vec<_> = key.schema.as_ref().unwrap().fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!((names, key.columns.len()), (vec!["_id"], 1));
    let mut decoder = fields();
    let Ok(Event::Change(change)) = decoder.decode(&record) else { panic!("a change") };
    assert_eq!(change.schema, None);
}

#[test]
fn where_a_change_comes_from() {
    let line = record("c", Some("1"), None, Some(r#"{"_id": 1}"#));
    let (_, payload) = line.split_once(" => ").unwrap();
    let record = Record { topic: "t", partition: 0, offset: 0, key: None, payload: Some(payload.as_bytes()) };
    let mut decoder = columns();
    let Ok(Event::Change(change)) = decoder.decode(&record) else { panic!("a change") };
    assert_eq!(change.origin.op.as_deref(), Some("c"));
    assert_eq!(change.origin.position().as_deref(), Some("1763700000123:31"));
    assert_eq!(change.origin.changed_at().as_deref(), Some("2025-11-21 04:40:00.123+00"));
}

#[test]
fn a_stated_type_is_read_from_a_fields_value() {
    let columns = Stated::at_path("shop.orders.at", &"timestamp-millis".parse().unwrap());
    let told = Told { columns, documents: DocumentForm::Fields, ..Told::default() };
    let mut decoder = Decoder::new(Format::DebeziumJson, &told);
    let line = record("c", Some("1"), None, Some(r#"{"_id": 1,"at": {"$numberLong": "1709210096700"}}"#));
    check_by(&mut decoder, &line, r#"+I shop.orders {"_id":1,"at":"2024-02-29 12:34:56.7"}"#);
}

#[test]
fn cloud_events() {
    check_by(
        &mut columns(),
        r#"
        {"id":"1"} => {"specversion":"1.0","iodebeziumop":"c","iodebeziumdb":"shop","iodebeziumcollection":"orders","iodebeziumtsms":"1","iodebeziumord":"2","data":{"before":null,"after":"{\"_id\": 1}"}}
        {"id":"1"} => {"specversion":"1.0","iodebeziumop":"d","iodebeziumdb":"shop","iodebeziumcollection":"orders","data":{"before":null,"after":null}}
        "#,
        r#"
        +I shop.orders {"_id":"1","document":{"_id": 1}}
        -D shop.orders {"_id":"1"}
        "#,
    );
}

#[test]
fn what_is_no_document_is_refused() {
    let source = r#""source":{"db":"shop","collection":"orders"}"#;
    for (record, error) in [
        (record("c", Some("1"), None, None), "`after`: expected the document, found nothing"),
        (record("c", Some("1"), None, Some("[]")), "`after`: expected an object, found an array"),
        (record("c", Some("1"), None, Some("{")), "`after`: expected JSON, found broken JSON at byte 1"),
        (record("x", Some("1"), None, Some("{}")), "`op`: expected one of the ops c, r, u, d, t, m, found another"),
        (
            record("c", None, None, Some("{}")),
            "`after._id`: expected the document's `_id`, since there is no key, found nothing",
        ),
        (
            record("d", None, None, None),
            "`before`: expected the deleted document, since there is no key, found nothing",
        ),
        (
            format!(r#"{{"_id":"1"}} => {{"after":"{{}}","op":"c",{source}}}"#),
            "`key`: expected a document's key, with an `id` of Extended JSON, found nothing",
        ),
        // an image that is an object is a row's
        (
            format!(r#"null => {{"before":"{{}}","after":{{}},"op":"u",{source}}}"#),
            "`before`: expected an object of columns, found a string",
        ),
    ] {
        check_by(&mut columns(), &record, &format!("# error: {error}"));
    }
}
