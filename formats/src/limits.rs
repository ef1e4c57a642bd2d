//! How much a record may hold. Whatever is more is refused by name: no source's rows have it, and nothing behind the
//! decoders could take it.

use crate::error::{Error, ErrorKind};
use crate::record::Record;

/// Bytes of a key and a payload together, unless it is [told](crate::Told) otherwise: a broker takes 1 MB unless it is set
/// to more.
pub const MAX_RECORD_BYTES: usize = 32 << 20;

/// Objects and arrays inside of each other in one value: what Jackson reads at most, and with it Connect's JSON converter
/// (<https://github.com/FasterXML/jackson-core/wiki/StreamReadConstraints>). Postgres reads some thousands, as far as its
/// stack goes.
pub const MAX_LEVELS: usize = 1_000;

/// Columns of a row: some times as many as the databases that are captured have, or as Postgres holds.
pub(crate) const MAX_COLUMNS: usize = 10_000;

/// # Errors
///
/// When the record is larger than `max_bytes`.
pub(crate) fn check_size(record: &Record<'_>, max_bytes: usize) -> Result<(), Error> {
    let n_bytes = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
    let (key, payload) = (n_bytes(record.key), n_bytes(record.payload));
    if key.saturating_add(payload) <= max_bytes {
        return Ok(());
    }
    let path = if key > payload { "key" } else { "payload" };
    Err(Error::new(path, ErrorKind::TooLarge { limit: max_bytes }))
}

/// # Errors
///
/// When a row has more than [`MAX_COLUMNS`].
pub(crate) fn check_columns(n_columns: usize) -> Result<(), Error> {
    if n_columns > MAX_COLUMNS { Err(Error::new("", ErrorKind::TooManyColumns { limit: MAX_COLUMNS })) } else { Ok(()) }
}

/// Checks the text of JSON, of which nothing else need be well-formed.
///
/// # Errors
///
/// When it has more than [`MAX_LEVELS`].
pub fn check_levels(json: &str) -> Result<(), Error> {
    check_levels_to(json, MAX_LEVELS)
}

/// The same for a limit of its own.
pub(crate) fn check_levels_to(json: &str, limit: usize) -> Result<(), Error> {
    // a level takes a bracket, so that few texts have to be followed into their strings
    let json = json.as_bytes();
    if json.len() <= limit || n_opening(json) <= limit || deepest(json) <= limit {
        return Ok(());
    }
    Err(Error::new("", ErrorKind::TooDeep { limit }))
}

/// Number of `[` and `{`, in strings too. Chunks whose count fits into a byte are counted many bytes at a time.
fn n_opening(json: &[u8]) -> usize {
    let is_opening = |byte: &u8| u8::from(byte | 0x20 == b'{');
    json.chunks(255).map(|chunk| usize::from(chunk.iter().map(is_opening).sum::<u8>())).sum()
}

fn deepest(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
