//! Points and other shapes as Debezium's structs.

use std::borrow::Cow;

use super::value::{ConnectValue, bytes, fields, malformed};
use crate::connect::ColumnType;
use crate::error::Error;
use crate::geometry::{Geometry, OwnType};
use crate::json;
use crate::literal;
use crate::wkb;

/// A shape of a column of the type.
pub(super) fn of_geometry<'v>(geometry: &'v Geometry, ty: &ColumnType) -> Result<ConnectValue<'v>, Error> {
    let value = match ty {
        ColumnType::Point => point(geometry.native(), geometry.ewkb()),
        ColumnType::Circle => geometry.native().and_then(circle),
        ColumnType::Line => geometry.native().and_then(line),
        // that of another type would come back as bare WKB
        _ if geometry.native().is_some() && geometry.own_type().is_none() => None,
        _ => geometry.ewkb().and_then(|ewkb| shape(ewkb, geometry.own_type())),
    };
    value.ok_or_else(|| malformed(ty, "geometry"))
}

/// The same where nobody says of which type it is.
pub(super) fn of_any(geometry: &Geometry) -> Result<ConnectValue<'_>, Error> {
    let ty = match (geometry.native(), geometry.own_type()) {
        (Some(native), None) if native.starts_with('<') => ColumnType::Circle,
        (Some(native), None) if native.starts_with('{') => ColumnType::Line,
        (Some(_), None) => ColumnType::Point,
        _ => ColumnType::Geometry,
    };
    of_geometry(geometry, &ty)
}

/// An item of an array: what Postgres prints of its own types, or the hex digits of EWKB.
pub(super) fn of_text<'v>(text: &'v str, ty: &ColumnType) -> Result<ConnectValue<'v>, Error> {
    let value = match ty {
        ColumnType::Point => point(Some(text), None),
        ColumnType::Circle => circle(text),
        ColumnType::Line => line(text),
        _ => literal::unhex(text).and_then(|ewkb| shape(&ewkb, None)),
    };
    value.ok_or_else(|| malformed(ty, "text"))
}

fn point<'v>(native: Option<&'v str>, ewkb: Option<&[u8]>) -> Option<ConnectValue<'v>> {
    let parts = ewkb.map(wkb::without_srid);
    let wkb_and_srid = match parts {
        Some(parts) => Some(parts?),
        None => None,
    };
    let (x, y) = match (native, &wkb_and_srid) {
        (Some(native), _) => native
            .strip_prefix('(')?
            .strip_suffix(')')?
            .split_once(',')
            .and_then(|(x, y)| Some((number(x)?, number(y)?)))?,
        (None, Some((wkb, _))) => wkb::point(wkb).map(|(x, y)| (of_f64(x), of_f64(y)))?,
        (None, None) => return None,
    };
    let (wkb, srid) = match wkb_and_srid {
        Some((wkb, srid)) => (bytes(wkb), srid),
        None => (ConnectValue::Null, None),
    };
    Some(fields([("x", x), ("y", y), ("wkb", wkb), ("srid", integer(srid)?)]))
}

fn shape(ewkb: &[u8], own_type: Option<OwnType>) -> Option<ConnectValue<'static>> {
    let (wkb, srid) = wkb::without_srid(ewkb)?;
    let parts = [("wkb", bytes(wkb)), ("srid", integer(srid)?)];
    let (ty, closed) = match own_type {
        None => return Some(fields(parts)),
        Some(OwnType::Lseg) => ("lseg", None),
        Some(OwnType::Box) => ("box", None),
        Some(OwnType::Polygon) => ("polygon", None),
        Some(OwnType::Path { closed }) => ("path", Some(if closed { "true" } else { "false" })),
    };
    let entries = [("type", Some(ty)), ("closed", closed)];
    let string =
        |(name, text): (&'static str, Option<&'static str>)| Some((name.into(), ConnectValue::String(text?.into())));
    let extensions = ConnectValue::Map(entries.into_iter().filter_map(string).collect());
    let [wkb, srid] = parts;
    Some(fields([wkb, srid, ("extensions", extensions)]))
}

/// `<(x,y),radius>`
fn circle(text: &str) -> Option<ConnectValue<'_>> {
    let (center, radius) = text.strip_prefix("<(")?.strip_suffix('>')?.split_once("),")?;
    let (x, y) = center.split_once(',')?;
    let center = fields([("x", number(x)?), ("y", number(y)?)]);
    Some(fields([("center", center), ("radius", number(radius)?)]))
}

/// `{a,b,c}`
fn line(text: &str) -> Option<ConnectValue<'_>> {
    let mut parts = text.strip_prefix('{')?.strip_suffix('}')?.split(',').map(number);
    let (a, b, c) = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then(|| fields([("a", a), ("b", b), ("c", c)]))
}

fn number(text: &str) -> Option<ConnectValue<'_>> {
    let is_one = json::is_number(text) || matches!(text, "NaN" | "Infinity" | "-Infinity");
    is_one.then_some(ConnectValue::Float(Cow::Borrowed(text)))
}

fn of_f64(value: f64) -> ConnectValue<'static> {
    ConnectValue::Float(match value {
        value if value.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        value => format!("{value:?}").into(),
    })
}

/// `int32`, in which an SRID always fits.
fn integer(srid: Option<u32>) -> Option<ConnectValue<'static>> {
    match srid {
        None => Some(ConnectValue::Null),
        Some(srid) => i32::try_from(srid).ok().map(|srid| ConnectValue::Int(srid.into())),
    }
}
