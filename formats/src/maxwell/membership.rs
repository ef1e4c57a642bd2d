//! Which transaction a message belongs to.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{Message, Of};
use crate::error::Error;
use crate::json::{self, Json};
use crate::membership::Membership;
use crate::record::Record;

/// By `xid`, and by `commit` in the last row of a transaction. Bootstraps have neither.
///
/// # Errors
///
/// When the record is no message of Maxwell's.
pub(crate) fn membership<'a>(record: &Record<'a>) -> Result<Membership<'a>, Error> {
    let Some(payload) = record.payload else { return Ok(Membership::None) };
    let message: Message<'a> = json::parse(payload).map_err(|error| error.under("payload"))?;
    let Of::Row(_) = message.of()? else { return Ok(Membership::None) };
    Ok(match message.xid.and_then(id) {
        Some(transaction) => Membership::Row { transaction, is_last: message.is_last() },
        None => Membership::Untold,
    })
}

fn id(raw: &RawValue) -> Option<Cow<'_, str>> {
    match Json::of(raw) {
        Json::Number(number) => Some(Cow::Borrowed(number)),
        _ => None,
    }
}
