//! Debezium's `io.debezium.data.geometry.*`: what Postgres itself prints for it, and what `PostGIS` reads.
//!
//! Comes in: the JSON object of a Point, Geometry, Geography, Circle or Line, which tell themselves apart by their fields; or
//! a geometry as `MySQL` stores or prints it.
//! Goes out: a [`Geometry`], which the target column asks for the form that it takes.

use std::borrow::Cow;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::connect::{self, ColumnType};
use crate::error::{Error, ErrorKind};
use crate::json;
use crate::row::Value;
use crate::wkb;
use crate::wkt;

/// A shape in up to two forms; at least one is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Geometry {
    native: Option<String>,
    ewkb: Option<Vec<u8>>,
    own_type: Option<OwnType>,
}

/// A type of Postgres's own that Debezium sends as a line string or polygon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OwnType {
    Lseg,
    Box,
    Path { closed: bool },
    Polygon,
}

#[derive(Debug, Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    wkb: Option<Cow<'a, str>>,
    srid: Option<u32>,
    #[serde(borrow)]
    extensions: Option<Extensions<'a>>,
    #[serde(borrow)]
    x: Option<&'a RawValue>,
    #[serde(borrow)]
    y: Option<&'a RawValue>,
    #[serde(borrow)]
    center: Option<Center<'a>>,
    #[serde(borrow)]
    radius: Option<&'a RawValue>,
    #[serde(borrow)]
    a: Option<&'a RawValue>,
    #[serde(borrow)]
    b: Option<&'a RawValue>,
    #[serde(borrow)]
    c: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Center<'a> {
    #[serde(borrow)]
    x: &'a RawValue,
    #[serde(borrow)]
    y: &'a RawValue,
}

/// Which of Postgres's own types a Geometry stands for.
#[derive(Debug, Deserialize)]
struct Extensions<'a> {
    #[serde(rename = "type", borrow)]
    ty: Option<Cow<'a, str>>,
    #[serde(borrow)]
    closed: Option<Cow<'a, str>>,
}

impl Geometry {
    /// Reads one of Debezium's objects.
    ///
    /// # Errors
    ///
    /// When it is none of them, or its WKB is broken.
    pub fn parse(object: &str) -> Result<Self, Error> {
        let expected = "an object with the fields of a point, geometry, circle or line";
        let missing = || Error::new("", ErrorKind::Missing { expected });
        let wire: Wire<'_> = json::parse(object.as_bytes()).map_err(|_| missing())?;
        let ewkb = wire.wkb.as_deref().map(|text| ewkb(text, wire.srid).ok_or_else(broken_wkb)).transpose()?;
        let own_type = wire.extensions.as_ref().and_then(own_type);
        let native = match (&wire, wire.extensions.as_ref().and_then(|extensions| extensions.ty.as_deref())) {
            (Wire { x: Some(x), y: Some(y), .. }, _) => Some(format!("({},{})", number(x)?, number(y)?)),
            (Wire { center: Some(center), radius: Some(radius), .. }, _) => {
                Some(format!("<({},{}),{}>", number(center.x)?, number(center.y)?, number(radius)?))
            }
            (Wire { a: Some(a), b: Some(b), c: Some(c), .. }, _) => {
                Some(format!("{{{},{},{}}}", number(a)?, number(b)?, number(c)?))
            }
            (_, Some(_)) => {
                let ewkb = ewkb.as_deref().ok_or_else(missing)?;
                Some(own_type.and_then(|ty| native(ewkb, ty)).ok_or_else(broken_wkb)?)
            }
            _ => None,
        };
        if native.is_none() && ewkb.is_none() { Err(missing()) } else { Ok(Self { native, ewkb, own_type }) }
    }

    /// Reads Well-Known Text in two dimensions, `POINT (1 2)`, which Maxwell writes; `None` when it is none.
    pub fn of_wkt(text: &str) -> Option<Self> {
        Some(Self { native: None, ewkb: Some(wkt::ewkb(text)?), own_type: None })
    }

    /// As `MySQL` stores it: the SRID in 4 bytes, little-endian, and WKB. `None` when it is not.
    pub(crate) fn of_mysql(bytes: &[u8]) -> Option<Self> {
        let (srid, wkb) = bytes.split_first_chunk::<4>()?;
        let ewkb = wkb::with_srid(wkb.to_vec(), Some(u32::from_le_bytes(*srid)))?;
        Some(Self { native: None, ewkb: Some(ewkb), own_type: None })
    }

    /// The way back: `None` for what has no well-known binary.
    pub(crate) fn to_mysql(&self) -> Option<Vec<u8>> {
        let (wkb, srid) = wkb::without_srid(self.ewkb.as_deref()?)?;
        let mut bytes = srid.unwrap_or(0).to_le_bytes().to_vec();
        bytes.extend(wkb);
        Some(bytes)
    }

    /// Which of Postgres's own types it is, where it was sent as a line string or polygon of one.
    pub(crate) fn own_type(&self) -> Option<OwnType> {
        self.own_type
    }

    /// As Postgres reads its own point, box, lseg, path, polygon, circle or line; `None` for what is not known to be
    /// one.
    pub fn native(&self) -> Option<&str> {
        self.native.as_deref()
    }

    /// Extended Well-Known Binary, with the SRID where there is one; `None` for circles, lines and points that were sent
    /// without. Its hex digits are the text of a `PostGIS` geometry.
    pub fn ewkb(&self) -> Option<&[u8]> {
        self.ewkb.as_deref()
    }
}

fn broken_wkb() -> Error {
    Error::new("", ErrorKind::Malformed { expected: "well-known binary of the geometry's type", found: "string" })
}

fn number(raw: &RawValue) -> Result<String, Error> {
    match connect::typed(raw.get(), &ColumnType::Float64)? {
        Value::Number(text) | Value::Text(text) => Ok(text.into_owned()),
        _ => Err(Error::new("", ErrorKind::Missing { expected: "the numbers of a geometry" })),
    }
}

fn ewkb(base64: &str, srid: Option<u32>) -> Option<Vec<u8>> {
    wkb::with_srid(STANDARD.decode(base64).ok()?, srid)
}

/// The type of Postgres's own that an extension names.
fn own_type(extensions: &Extensions<'_>) -> Option<OwnType> {
    match (extensions.ty.as_deref()?, extensions.closed.as_deref()) {
        ("lseg", _) => Some(OwnType::Lseg),
        ("box", _) => Some(OwnType::Box),
        ("path", Some("true")) => Some(OwnType::Path { closed: true }),
        ("path", Some("false")) => Some(OwnType::Path { closed: false }),
        ("polygon", _) => Some(OwnType::Polygon),
        _ => None,
    }
}

/// The literal of Postgres's own type, by the line string or polygon that Debezium makes of it.
fn native(wkb: &[u8], ty: OwnType) -> Option<String> {
    let points = wkb::points(wkb)?;
    let listed = |points: &[(f64, f64)]| {
        let mut out = String::new();
        for (i, (x, y)) in points.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(out, "{comma}({x},{y})");
        }
        out
    };
    match (ty, points.as_slice()) {
        // the ring goes from one corner round to it again; the other corner is half way
        (OwnType::Box, [corner, _, opposite, _, _]) => Some(listed(&[*corner, *opposite])),
        (OwnType::Lseg, [_, _]) | (OwnType::Path { closed: false }, [_, ..]) => Some(format!("[{}]", listed(&points))),
        (OwnType::Path { closed: true }, [_, ..]) | (OwnType::Polygon, [_]) => Some(format!("({})", listed(&points))),
        // the ring ends where it began, the polygon does not
        (OwnType::Polygon, [first, .., last]) if first == last => {
            Some(format!("({})", listed(points.split_last().map(|(_, points)| points)?)))
        }
        _ => None,
    }
}
