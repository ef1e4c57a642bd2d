//! Debezium's `io.debezium.data.geometry.*`: what Postgres itself prints for it, and what `PostGIS` reads.
//!
//! Comes in: the JSON object of a Point, Geometry, Geography, Circle or Line, which tell themselves apart by their fields; or
//! a geometry as `MySQL` stores or prints it.
//! Goes out: a [`Geometry`], which the target column asks for the form that it takes.

use std::borrow::Cow;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::connect::{self, ColumnType};
use crate::error::{Error, ErrorKind};
use crate::json;
use crate::row::Value;
use crate::wkt;

/// A shape in up to two forms; at least one is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geometry {
    native: Option<String>,
    ewkb: Option<Vec<u8>>,
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
        let native = match (&wire, wire.extensions.as_ref().and_then(|extensions| extensions.ty.as_deref())) {
            (Wire { x: Some(x), y: Some(y), .. }, _) => Some(format!("({},{})", number(x)?, number(y)?)),
            (Wire { center: Some(center), radius: Some(radius), .. }, _) => {
                Some(format!("<({},{}),{}>", number(center.x)?, number(center.y)?, number(radius)?))
            }
            (Wire { a: Some(a), b: Some(b), c: Some(c), .. }, _) => {
                Some(format!("{{{},{},{}}}", number(a)?, number(b)?, number(c)?))
            }
            (Wire { extensions: Some(extensions), .. }, Some(ty)) => {
                let ewkb = ewkb.as_deref().ok_or_else(missing)?;
                Some(native(ewkb, ty, extensions.closed.as_deref()).ok_or_else(broken_wkb)?)
            }
            _ => None,
        };
        if native.is_none() && ewkb.is_none() { Err(missing()) } else { Ok(Self { native, ewkb }) }
    }

    /// Reads Well-Known Text in two dimensions, `POINT (1 2)`, which Maxwell writes; `None` when it is none.
    pub fn of_wkt(text: &str) -> Option<Self> {
        Some(Self { native: None, ewkb: Some(wkt::ewkb(text)?) })
    }

    /// As `MySQL` stores it: the SRID in 4 bytes, little-endian, and WKB. `None` when it is not.
    pub(crate) fn of_mysql(bytes: &[u8]) -> Option<Self> {
        let (srid, wkb) = bytes.split_first_chunk::<4>()?;
        Some(Self { native: None, ewkb: Some(with_srid(wkb.to_vec(), Some(u32::from_le_bytes(*srid)))?) })
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
    match connect::typed(raw, &ColumnType::Float64)? {
        Value::Number(text) | Value::Text(text) => Ok(text.into_owned()),
        _ => Err(Error::new("", ErrorKind::Missing { expected: "the numbers of a geometry" })),
    }
}

/// In the type word of EWKB: an SRID follows it.
const HAS_SRID: u32 = 0x2000_0000;

fn ewkb(base64: &str, srid: Option<u32>) -> Option<Vec<u8>> {
    with_srid(STANDARD.decode(base64).ok()?, srid)
}

/// The WKB with its SRID put in, unless it holds one already or the SRID is 0, which is none.
fn with_srid(wkb: Vec<u8>, srid: Option<u32>) -> Option<Vec<u8>> {
    let mut reader = Reader::new(&wkb)?;
    let ty = reader.u32()?;
    match srid {
        Some(srid) if srid != 0 && ty & HAS_SRID == 0 => {
            let word = |value: u32| if reader.is_little { value.to_le_bytes() } else { value.to_be_bytes() };
            let mut out = Vec::with_capacity(wkb.len() + 4);
            out.extend_from_slice(wkb.get(..1)?);
            out.extend_from_slice(&word(ty | HAS_SRID));
            out.extend_from_slice(&word(srid));
            out.extend_from_slice(reader.rest);
            Some(out)
        }
        _ => Some(wkb),
    }
}

/// The literal of Postgres's own type, by the line string or polygon that Debezium makes of it.
fn native(wkb: &[u8], ty: &str, closed: Option<&str>) -> Option<String> {
    let points = Reader::new(wkb)?.points()?;
    let listed = |points: &[(f64, f64)]| {
        let mut out = String::new();
        for (i, (x, y)) in points.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(out, "{comma}({x},{y})");
        }
        out
    };
    match (ty, points.as_slice()) {
        ("lseg", [_, _]) => Some(format!("[{}]", listed(&points))),
        // the ring goes from one corner round to it again; the other corner is half way
        ("box", [corner, _, opposite, _, _]) => Some(listed(&[*corner, *opposite])),
        ("path", [_, ..]) if closed == Some("true") => Some(format!("({})", listed(&points))),
        ("path", [_, ..]) if closed == Some("false") => Some(format!("[{}]", listed(&points))),
        // the ring ends where it began, the polygon does not
        ("polygon", [first, .., last]) if first == last => {
            Some(format!("({})", listed(points.split_last().map(|(_, points)| points)?)))
        }
        ("polygon", [_]) => Some(format!("({})", listed(&points))),
        _ => None,
    }
}

/// Reads WKB.
#[derive(Debug, Clone, Copy)]
struct Reader<'a> {
    is_little: bool,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(wkb: &'a [u8]) -> Option<Self> {
        let (order, rest) = wkb.split_first()?;
        (*order <= 1).then_some(Self { is_little: *order == 1, rest })
    }

    fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(if self.is_little { u32::from_le_bytes(*bytes) } else { u32::from_be_bytes(*bytes) })
    }

    fn f64(&mut self) -> Option<f64> {
        let (bytes, rest) = self.rest.split_first_chunk::<8>()?;
        self.rest = rest;
        Some(if self.is_little { f64::from_le_bytes(*bytes) } else { f64::from_be_bytes(*bytes) })
    }

    /// The points of a line string, or of the one ring of a polygon.
    fn points(mut self) -> Option<Vec<(f64, f64)>> {
        match self.u32()? {
            2 => {}
            3 if self.u32()? == 1 => {}
            _ => return None,
        }
        let n_points = usize::try_from(self.u32()?).ok()?;
        // 16 bytes a point: more cannot be there
        if n_points > self.rest.len() / 16 {
            return None;
        }
        (0..n_points).map(|_| Some((self.f64()?, self.f64()?))).collect()
    }
}
