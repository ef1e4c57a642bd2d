//! Messages that `ExtractNewRecordState` passes as they are, and envelopes that it should not have passed.
//!
//! A message is known by all its fields and no others, since a table may have columns of these names.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::debezium::envelope::wrapped;
use crate::error::Error;
use crate::json::{self, Fields, Json};
use crate::row::Aside;

/// What a payload is that is no row.
///
/// # Errors
///
/// When it is the envelope of a row.
pub(crate) fn of(fields: &[(Cow<'_, str>, &RawValue)], key: Option<&[u8]>) -> Result<Option<Aside>, Error> {
    let value = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, raw)| Json::of(raw));
    let only = |names: &[&str]| fields.iter().all(|(name, _)| names.iter().any(|only| name == only));
    let has = |names: &[&str]| names.iter().all(|name| value(name).is_some());
    let is_object_or_null = |name| matches!(value(name), None | Some(Json::Object(_) | Json::Null));

    let is_envelope = matches!(value("source"), Some(Json::Object(_)))
        && matches!(value("op"), Some(Json::String(_)))
        && is_object_or_null("before")
        && is_object_or_null("after");
    if is_envelope {
        return match value("op") {
            Some(Json::String("\"m\"")) => Ok(Some(Aside::Message)),
            Some(_) if has(&["before"]) || has(&["after"]) => {
                let expected = "a flattened row (an envelope is of the format debezium-json)";
                Err(Json::Object("").unexpected(expected).under("payload"))
            }
            _ => Ok(None),
        };
    }
    let is_transaction = has(&["status", "id", "event_count", "data_collections"])
        && only(&["status", "id", "event_count", "data_collections", "ts_ms"])
        && matches!(value("status"), Some(Json::String("\"BEGIN\"" | "\"END\"")));
    let is_schema_change = has(&["source", "databaseName", "ddl"])
        && only(&["source", "ts_ms", "databaseName", "schemaName", "ddl", "tableChanges"])
        && matches!(value("source"), Some(Json::Object(_)));
    let is_notification = has(&["id", "type", "aggregate_type", "additional_data"])
        && only(&["id", "type", "aggregate_type", "additional_data", "timestamp"])
        && is_object_or_null("additional_data");
    Ok(if is_transaction {
        Some(Aside::Transaction)
    } else if is_schema_change {
        Some(Aside::SchemaChange)
    } else if is_notification {
        Some(Aside::Notification)
    } else if has(&["ts_ms"]) && only(&["ts_ms"]) && key.is_some_and(is_of_heartbeat) {
        Some(Aside::Heartbeat)
    } else {
        None
    })
}

/// `{"serverName":…}`, bare or wrapped.
fn is_of_heartbeat(key: &[u8]) -> bool {
    let is = |fields: &[(Cow<'_, str>, &RawValue)]| matches!(fields, [(name, _)] if name == "serverName");
    let Ok(Fields(fields)) = json::parse(key) else {
        return false;
    };
    match wrapped(&fields) {
        Some((_, payload)) => {
            json::parse::<Fields<'_>>(payload.get().as_bytes()).is_ok_and(|Fields(fields)| is(&fields))
        }
        None => is(&fields),
    }
}
