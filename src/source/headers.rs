//! Headers of Kafka records as text, and back.
//!
//! A JSON array, name and value in turn, as `kcat -J` prints them. A value that is no UTF-8 text is `{"base64": "…"}`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rdkafka::message::{Header, Headers, OwnedHeaders};
use serde_json::{Value, json};

/// The text; empty where there are no headers.
pub(super) fn text(headers: &impl Headers) -> String {
    if headers.count() == 0 {
        return String::new();
    }
    // rdkafka panics at a name that is no UTF-8 (<https://docs.rs/rdkafka/0.39.0/src/rdkafka/message.rs.html>); the record itself is sound
    catch_unwind(AssertUnwindSafe(|| array(headers))).unwrap_or_default()
}

fn array(headers: &impl Headers) -> String {
    let value = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => json!({"base64": BASE64_STANDARD.encode(bytes)}),
    };
    let pair = |header: Header<'_, &[u8]>| [Value::from(header.key), header.value.map_or(Value::Null, value)];
    Value::Array(headers.iter().flat_map(pair).collect()).to_string()
}

/// Adds the headers of a text to others; what is none is left out.
pub(crate) fn add(text: &str, to: OwnedHeaders) -> OwnedHeaders {
    let Ok(all) = serde_json::from_str::<Vec<Value>>(text) else { return to };
    let pairs = all.chunks_exact(2).filter_map(|pair| Some((pair.first()?.as_str()?, pair.get(1)?)));
    pairs.fold(to, |headers, (key, value)| {
        let bytes = match value {
            Value::String(text) => Some(text.clone().into_bytes()),
            Value::Object(coded) => coded.get("base64").and_then(Value::as_str).and_then(decoded),
            _ => None,
        };
        headers.insert(Header { key, value: bytes.as_deref() })
    })
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_as_they_were() {
        let values: [(&str, Option<&[u8]>); 4] =
            [("a", Some(b"text\0")), ("a", Some(b"")), ("", None), ("b", Some(&[0xFF, 0]))];
        let headers = values
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: *value }));
        let text = text(&headers);
        assert_eq!(text, r#"["a","text\u0000","a","","",null,"b",{"base64":"/wA="}]"#);
        let back = add(&text, OwnedHeaders::new());
        let back: Vec<_> = back.iter().map(|header| (header.key, header.value)).collect();
        assert_eq!(back, values);
    }
}
