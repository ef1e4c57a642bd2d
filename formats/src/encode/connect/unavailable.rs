//! Debezium's placeholder for a value that was not sent, as a value of its column's type.

use std::borrow::Cow;

use super::value::ConnectValue;
use crate::connect::ColumnType;
use crate::unavailable::{DEFAULT, name_based_uuid};

/// `unavailable.value.placeholder` by its default in the form of the type; `None` where Debezium has none for it.
pub(crate) fn placeholder(ty: &ColumnType) -> Option<ConnectValue<'static>> {
    use ColumnType as T;
    let text = || ConnectValue::String(Cow::Borrowed(DEFAULT));
    let bytes = || ConnectValue::Bytes(Cow::Borrowed(DEFAULT.as_bytes()));
    Some(match ty {
        T::Text | T::Json | T::Xml | T::Enum | T::EnumSet | T::Ltree | T::TsVector => text(),
        T::Bytes | T::BytesAsText(_) => bytes(),
        T::Map => ConnectValue::Map(vec![(Cow::Borrowed(DEFAULT), text())]),
        T::Array(item) => ConnectValue::Array(match &**item {
            T::Text | T::Json | T::Xml | T::Enum | T::Ltree => vec![text()],
            T::Bytes => vec![bytes()],
            T::Uuid => vec![ConnectValue::String(Cow::Owned(name_based_uuid(DEFAULT.as_bytes())))],
            T::Int16 | T::Int32 | T::Int64 | T::Date => {
                DEFAULT.bytes().map(|byte| ConnectValue::Int(byte.cast_signed().into())).collect()
            }
            _ => return None,
        }),
        _ => return None,
    })
}
