//! Data in Avro that no converter writes.

use crate::recordings;
use rowkind_formats::{Decoder, Format, Record, Told};

/// A row of one column `v` of the type in `schema`, by the bytes that stand for it.
fn row(ty: &str, datum: &[u8]) -> String {
    let schema =
        format!(r#"{{"type":"record","name":"Value","namespace":"p.public.t","fields":[{{"name":"v","type":{ty}}}]}}"#);
    let mut decoder = Decoder::new(Format::FlattenedAvro, &Told::default());
    decoder.learn_schema(7, &schema, &[]).unwrap();
    let payload = [&[0, 0, 0, 0, 7], datum].concat();
    let record = Record { topic: "p.public.t", partition: 0, offset: 0, key: None, payload: Some(&payload) };
    recordings::outcome(&mut decoder, &record).trim_end().to_owned()
}

/// Some thousand blocks of as many items, in two bytes each: terabytes of text from a record of 32 MB.
#[test]
fn items_that_take_no_bytes() {
    let array = |items: &str| format!(r#"{{"type":"array","items":{items}}}"#);
    let broken =
        |at: usize| format!("# error: `payload`: expected Avro of the schema 7, found other bytes at byte {at}");
    assert_eq!(row(&array(r#""boolean""#), &[4, 0, 1, 0]), r#"+U public.t {"v":"{f,t}"}"#);
    assert_eq!(row(&array(r#""null""#), &[0]), r#"+U public.t {"v":"{}"}"#);
    assert_eq!(row(&array(r#""null""#), &[2, 0]), broken(6));
    assert_eq!(row(&array(r#"{"type":"record","name":"Empty","fields":[]}"#), &[2, 0]), broken(6));
    let nulls = [&[0x80, 0x80, 1][..], &[6, 0].repeat(8_192), &[0]].concat();
    assert_eq!(row(&array(&array(r#""null""#)), &nulls), broken(9));
}
