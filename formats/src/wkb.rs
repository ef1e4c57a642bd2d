//! Well-known binary of shapes: its SRID put in and taken out, its points, and its text.
//!
//! EWKB is `PostGIS`'s form, with the SRID inside. What is read here has two dimensions; nothing else is looked into.

use std::fmt::Write;

/// In the type word of EWKB: an SRID follows it.
const HAS_SRID: u32 = 0x2000_0000;

/// No collection that anybody stores lies deeper in others.
const MAX_DEPTH: usize = 32;

/// The WKB with its SRID put in, unless it holds one already or the SRID is 0, which is none.
pub(crate) fn with_srid(wkb: Vec<u8>, srid: Option<u32>) -> Option<Vec<u8>> {
    let mut reader = Reader::new(&wkb)?;
    let ty = reader.u32()?;
    match srid {
        Some(srid) if srid != 0 && ty & HAS_SRID == 0 => {
            let mut out = Vec::with_capacity(wkb.len() + 4);
            out.extend_from_slice(wkb.get(..1)?);
            out.extend_from_slice(&reader.word(ty | HAS_SRID));
            out.extend_from_slice(&reader.word(srid));
            out.extend_from_slice(reader.rest);
            Some(out)
        }
        _ => Some(wkb),
    }
}

/// The same in its parts: the WKB without its SRID, and that; `None` for one that is 0 or not there.
pub(crate) fn without_srid(ewkb: &[u8]) -> Option<(Vec<u8>, Option<u32>)> {
    let mut reader = Reader::new(ewkb)?;
    let ty = reader.u32()?;
    let srid = if ty & HAS_SRID == 0 { 0 } else { reader.u32()? };
    if srid == 0 {
        return Some((ewkb.to_vec(), None));
    }
    let mut out = Vec::with_capacity(ewkb.len() - 4);
    out.extend_from_slice(ewkb.get(..1)?);
    out.extend_from_slice(&reader.word(ty & !HAS_SRID));
    out.extend_from_slice(reader.rest);
    Some((out, Some(srid)))
}

/// The points of a line string, or of the one ring of a polygon.
pub(crate) fn points(wkb: &[u8]) -> Option<Vec<(f64, f64)>> {
    let mut reader = Reader::new(wkb)?;
    match reader.u32()? {
        2 => {}
        3 if reader.u32()? == 1 => {}
        _ => return None,
    }
    reader.points()
}

/// The one point of a point.
pub(crate) fn point(wkb: &[u8]) -> Option<(f64, f64)> {
    let mut reader = Reader::new(wkb)?;
    if reader.u32()? == 1 { reader.point() } else { None }
}

/// The text of WKB without an SRID, `LINESTRING (0 0, 1.5 1)`. `None` when it is broken, or has more than two dimensions.
pub(crate) fn wkt(wkb: &[u8]) -> Option<String> {
    let mut out = String::new();
    let rest = push_wkt(&mut out, wkb, MAX_DEPTH)?;
    rest.is_empty().then_some(out)
}

fn push_wkt<'a>(out: &mut String, wkb: &'a [u8], depth: usize) -> Option<&'a [u8]> {
    let mut reader = Reader::new(wkb)?;
    let ty = reader.u32()?;
    let name = match ty {
        1 => "POINT",
        2 => "LINESTRING",
        3 => "POLYGON",
        4 => "MULTIPOINT",
        5 => "MULTILINESTRING",
        6 => "MULTIPOLYGON",
        7 => "GEOMETRYCOLLECTION",
        _ => return None,
    };
    out.push_str(name);
    out.push(' ');
    match ty {
        1 => push_points(out, &[reader.point()?]),
        2 => push_points(out, &reader.points()?),
        3 => push_rings(out, &mut reader)?,
        _ => {
            let n_parts = reader.count(9)?;
            let depth = depth.checked_sub(1)?;
            push_listed(out, n_parts, |out| {
                let mut part = String::new();
                reader.rest = push_wkt(&mut part, reader.rest, depth)?;
                // the parts of all but a collection are without their names
                out.push_str(if ty == 7 { &part } else { part.split_once(' ').map_or("", |(_, part)| part) });
                Some(())
            })?;
        }
    }
    Some(reader.rest)
}

fn push_rings(out: &mut String, reader: &mut Reader<'_>) -> Option<()> {
    let n_rings = reader.count(4)?;
    push_listed(out, n_rings, |out| {
        push_points(out, &reader.points()?);
        Some(())
    })
}

fn push_points(out: &mut String, points: &[(f64, f64)]) {
    // an empty point is one of no numbers
    let points = points.iter().filter(|(x, y)| !(x.is_nan() && y.is_nan())).collect::<Vec<_>>();
    let mut points_left = points.iter();
    let _ = push_listed(out, points.len(), |out| {
        let (x, y) = points_left.next()?;
        write!(out, "{x} {y}").ok()
    });
}

/// `(…, …)`, or `EMPTY`.
fn push_listed(out: &mut String, n: usize, mut push: impl FnMut(&mut String) -> Option<()>) -> Option<()> {
    if n == 0 {
        out.push_str("EMPTY");
        return Some(());
    }
    for at in 0..n {
        out.push_str(if at == 0 { "(" } else { ", " });
        push(out)?;
    }
    out.push(')');
    Some(())
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

    /// A number in the order of these bytes.
    fn word(&self, value: u32) -> [u8; 4] {
        if self.is_little { value.to_le_bytes() } else { value.to_be_bytes() }
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

    /// A number of things of at least so many bytes: more than there are bytes for cannot be there.
    fn count(&mut self, n_bytes: usize) -> Option<usize> {
        let n = usize::try_from(self.u32()?).ok()?;
        (n <= self.rest.len() / n_bytes).then_some(n)
    }

    fn point(&mut self) -> Option<(f64, f64)> {
        Some((self.f64()?, self.f64()?))
    }

    fn points(&mut self) -> Option<Vec<(f64, f64)>> {
        let n_points = self.count(16)?;
        (0..n_points).map(|_| self.point()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::literal::unhex;

    fn bytes(hex: &str) -> Vec<u8> {
        unhex(hex).expect("the test's hex digits are some")
    }

    #[test]
    fn the_srid_goes_in_and_out() {
        for (wkb, srid) in [
            ("0101000000000000000000f83f00000000000004c0", Some(4326)),
            ("00000000013ff8000000000000c004000000000000", Some(1)),
            ("0101000000000000000000f83f00000000000004c0", None),
        ] {
            let ewkb = with_srid(bytes(wkb), srid).expect("the test's WKB is whole");
            assert_eq!(without_srid(&ewkb), Some((bytes(wkb), srid)));
        }
        assert_eq!(without_srid(&[1, 2]), None);
    }

    #[test]
    fn texts() {
        let point = "0101000000000000000000f83f00000000000004c0";
        let line = "01020000000200000000000000000000000000000000000000000000000000f03f000000000000f03f";
        for (wkb, text) in [
            (point.to_owned(), "POINT (1.5 -2.5)"),
            ("0101000000000000000000f87f000000000000f87f".to_owned(), "POINT EMPTY"),
            (line.to_owned(), "LINESTRING (0 0, 1 1)"),
            ("010200000000000000".to_owned(), "LINESTRING EMPTY"),
            (format!("0104000000 01000000 {point}").replace(' ', ""), "MULTIPOINT ((1.5 -2.5))"),
            (
                format!("0107000000 02000000 {point} {line}").replace(' ', ""),
                "GEOMETRYCOLLECTION (POINT (1.5 -2.5), LINESTRING (0 0, 1 1))",
            ),
            ("0103000000 01000000 01000000 0000000000000000 000000000000f03f".replace(' ', ""), "POLYGON ((0 1))"),
        ] {
            assert_eq!(wkt(&bytes(&wkb)).as_deref(), Some(text));
        }
        assert_eq!(wkt(&bytes("01e9030000")), None, "three dimensions");
        assert_eq!(wkt(&bytes("0104000000ffffffff")), None);
        assert_eq!(wkt(&[&bytes(point)[..], &[0]].concat()), None, "something stands behind it");
        let nested = "010700000001000000".repeat(100_000);
        assert_eq!(wkt(&bytes(&nested)), None, "too deep");
    }
}
