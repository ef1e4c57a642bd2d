//! Settings that say how values are read, and what is done with those that Postgres cannot hold.

use std::path::PathBuf;

use rowkind_formats::{Before, BytesText, DocumentForm, Placeholder, Stated, Told, UtcOffset};

use super::{ConfigError, Reader, parse_bytes};
use crate::registry::{Identity, Location, Login, Settings};
use crate::sink::postgres::modes::{DecimalMode, ExcessDigits, Modes, NulPolicy, TimePrecision, ZeroDate};

pub(super) fn modes(read: &Reader<'_>) -> Result<Modes, ConfigError> {
    use TimePrecision as T;
    Ok(Modes {
        time_precision: read.optional_choice(
            "source.time_precision",
            &[
                ("adaptive", T::Adaptive),
                ("adaptive_time_microseconds", T::AdaptiveTimeMicroseconds),
                ("connect", T::Connect),
                ("isostring", T::Isostring),
                ("microseconds", T::Microseconds),
                ("nanoseconds", T::Nanoseconds),
            ],
        )?,
        decimal: read.optional_choice(
            "source.decimal_mode",
            &[("precise", DecimalMode::Precise), ("string", DecimalMode::String), ("double", DecimalMode::Double)],
        )?,
        binary: read.optional_choice(
            "source.binary_mode",
            &[
                ("bytes", BytesText::Base64),
                ("base64", BytesText::Base64),
                ("base64-url-safe", BytesText::Base64UrlSafe),
                ("hex", BytesText::Hex),
            ],
        )?,
        nul: read.choice("sink.nul", &[("reject", NulPolicy::Reject), ("strip", NulPolicy::Strip)])?,
        excess_digits: read
            .choice("sink.excess_digits", &[("reject", ExcessDigits::Reject), ("round", ExcessDigits::Round)])?,
        zero_date: read.choice("sink.zero_date", &[("reject", ZeroDate::Reject), ("null", ZeroDate::Null)])?,
    })
}

/// What the records do not say.
pub(super) fn told(read: &Reader<'_>) -> Result<Told, ConfigError> {
    Ok(Told {
        placeholder: placeholder(read)?,
        columns: columns(read)?,
        time_zone: time_zone(read)?,
        documents: documents(read)?,
        max_record_bytes: read.parsed("source.max_record_bytes", parse_bytes)?,
        before: Before::Whole,
    })
}

fn placeholder(read: &Reader<'_>) -> Result<Placeholder, ConfigError> {
    let key = "source.unavailable_placeholder";
    Placeholder::parse(read.need(key)?).ok_or_else(|| read.invalid(key, "a text, or hex digits behind `hex:`"))
}

/// The zone of the source's TIMESTAMP values.
fn time_zone(read: &Reader<'_>) -> Result<Option<UtcOffset>, ConfigError> {
    let key = "source.timezone";
    let parse = |text: &str| {
        text.parse()
            .map_err(|_| read.invalid(key, "UTC or a fixed distance from it, as +02:00; no zone with summer time"))
    };
    read.text(key).map(parse).transpose()
}

/// Where schemas are, and as whom they are asked for.
pub(super) fn registry(read: &Reader<'_>) -> Result<Option<Settings>, ConfigError> {
    let urls = read.list("registry.url");
    let expected = "http://host:8081, https://…, or file:PATH alone";
    let location = match urls.as_slice() {
        [] => return Ok(None),
        [url] if url.starts_with("file:") => Location::File(url.trim_start_matches("file:").into()),
        urls if urls.iter().all(|url| url.starts_with("http://") || url.starts_with("https://")) => {
            Location::Urls(urls.to_vec())
        }
        _ => return Err(read.invalid("registry.url", expected)),
    };
    if let Location::Urls(urls) = &location
        && urls.iter().any(|url| url.split('/').nth(2).is_some_and(|host| host.contains('@')))
    {
        let expected = "a URL without a login: set `registry.username` and `registry.password`";
        return Err(read.invalid("registry.url", expected));
    }
    let (user, password) = (read.text("registry.username"), read.text("registry.password"));
    let login = match (user, read.text("registry.token")) {
        (None, None) => Login::Nobody,
        (Some(user), None) => Login::Basic { user: user.to_owned(), password: password.map(str::to_owned) },
        (None, Some(token)) => Login::Bearer(token.to_owned()),
        (Some(_), Some(_)) => return Err(read.invalid("registry.token", "no `registry.username` beside it")),
    };
    let path = |key| read.text(key).map(PathBuf::from);
    let identity = match (path("registry.certificate_location"), path("registry.key_location")) {
        (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            return Err(read.invalid("registry.certificate_location", "`registry.key_location` beside it"));
        }
        (None, Some(_)) => {
            return Err(read.invalid("registry.key_location", "`registry.certificate_location` beside it"));
        }
    };
    Ok(Some(Settings { location, login, ca: path("registry.ca_location"), identity }))
}

/// What documents become.
fn documents(read: &Reader<'_>) -> Result<DocumentForm, ConfigError> {
    read.choice("source.document", &[("column", DocumentForm::Column), ("fields", DocumentForm::Fields)])
}

/// The types that are stated for single columns.
fn columns(read: &Reader<'_>) -> Result<Vec<Stated>, ConfigError> {
    let mut all = Vec::new();
    for pair in read.list("source.columns") {
        let invalid = |what: &str| read.invalid("source.columns", what);
        let (path, ty) =
            pair.rsplit_once('=').ok_or_else(|| invalid("a column and its type, as schema.table.column=date"))?;
        let ty = ty.trim().parse().map_err(|error| invalid(&format!("for `{path}` {}", expected(error))))?;
        let ways = Stated::at_path(path.trim(), &ty);
        if ways.is_empty() {
            return Err(invalid("columns as schema.table.column"));
        }
        all.extend(ways);
    }
    Ok(all)
}

fn expected(error: rowkind_formats::UnknownType) -> String {
    error.to_string().trim_start_matches("expected ").to_owned()
}
