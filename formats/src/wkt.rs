//! Well-Known Text to Extended Well-Known Binary, in two dimensions, as `MySQL` has them.
//!
//! Comes in: `POLYGON ((0 0, 1 0, 1 1, 0 0))`, in capitals or not, with or without `SRID=4326;` before it. Goes out: EWKB,
//! little-endian. The texts are those of <https://www.ogc.org/standard/sfa/> and of the JTS library, whose points in a
//! multipoint have brackets of their own.

/// In the type word of EWKB: an SRID follows it.
const HAS_SRID: u32 = 0x2000_0000;

const POINT: u32 = 1;
const LINE_STRING: u32 = 2;
const POLYGON: u32 = 3;
const MULTI_POINT: u32 = 4;
const MULTI_LINE_STRING: u32 = 5;
const MULTI_POLYGON: u32 = 6;

/// The types by their names.
const NAMES: [(&str, u32); 7] = [
    ("POINT", POINT),
    ("LINESTRING", LINE_STRING),
    ("POLYGON", POLYGON),
    ("MULTIPOINT", MULTI_POINT),
    ("MULTILINESTRING", MULTI_LINE_STRING),
    ("MULTIPOLYGON", MULTI_POLYGON),
    ("GEOMETRYCOLLECTION", 7),
];

/// Collections in collections; deeper ones are no geometry of a table.
const MAX_DEPTH: usize = 16;

/// The binary of a text; `None` when it is no geometry.
pub(crate) fn ewkb(text: &str) -> Option<Vec<u8>> {
    let (srid, text) = match text.split_once(';') {
        Some((srid, text)) => {
            let (name, number) = srid.split_once('=')?;
            let srid = number.trim().parse::<u32>().ok().filter(|_| name.trim().eq_ignore_ascii_case("SRID"))?;
            (Some(srid), text)
        }
        None => (None, text),
    };
    let mut reader = Reader { rest: text };
    let mut out = Vec::with_capacity(text.len());
    reader.geometry(&mut out, srid.filter(|srid| *srid != 0), 0)?;
    reader.rest.trim_start().is_empty().then_some(out)
}

/// Reads a text from its start, and writes what it read as binary.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// A geometry with the name of its type.
    fn geometry(&mut self, out: &mut Vec<u8>, srid: Option<u32>, depth: usize) -> Option<()> {
        let name = self.word()?.to_ascii_uppercase();
        let ty = NAMES.iter().find(|(known, _)| *known == name).map(|(_, ty)| *ty)?;
        push_type(out, ty, srid);
        match ty {
            POINT => self.point(out),
            LINE_STRING => self.points(out),
            POLYGON => self.rings(out),
            MULTI_POINT => self.list(out, Self::point_of_many),
            MULTI_LINE_STRING => self.list(out, |reader, out| {
                push_type(out, LINE_STRING, None);
                reader.points(out)
            }),
            MULTI_POLYGON => self.list(out, |reader, out| {
                push_type(out, POLYGON, None);
                reader.rings(out)
            }),
            _ if depth < MAX_DEPTH => self.list(out, |reader, out| reader.geometry(out, None, depth + 1)),
            _ => None,
        }
    }

    fn point(&mut self, out: &mut Vec<u8>) -> Option<()> {
        if self.is_empty() {
            // as PostGIS has it
            out.extend([f64::NAN.to_le_bytes(), f64::NAN.to_le_bytes()].as_flattened());
            return Some(());
        }
        self.take('(')?;
        self.coordinates(out)?;
        self.take(')')
    }

    fn point_of_many(&mut self, out: &mut Vec<u8>) -> Option<()> {
        push_type(out, POINT, None);
        let has_brackets_or_is_empty =
            self.rest.trim_start().starts_with(|c: char| c == '(' || c.is_ascii_alphabetic());
        if has_brackets_or_is_empty { self.point(out) } else { self.coordinates(out) }
    }

    fn points(&mut self, out: &mut Vec<u8>) -> Option<()> {
        self.list(out, Self::coordinates)
    }

    fn rings(&mut self, out: &mut Vec<u8>) -> Option<()> {
        self.list(out, Self::points)
    }

    /// How many there are, and each; none for EMPTY.
    fn list(&mut self, out: &mut Vec<u8>, item: impl Fn(&mut Self, &mut Vec<u8>) -> Option<()>) -> Option<()> {
        if self.is_empty() {
            out.extend(0_u32.to_le_bytes());
            return Some(());
        }
        self.take('(')?;
        let (mut items, mut n_items) = (Vec::new(), 0_u32);
        loop {
            item(self, &mut items)?;
            n_items = n_items.checked_add(1)?;
            if self.take(',').is_none() {
                break;
            }
        }
        self.take(')')?;
        out.extend(n_items.to_le_bytes());
        out.append(&mut items);
        Some(())
    }

    fn coordinates(&mut self, out: &mut Vec<u8>) -> Option<()> {
        for _ in 0..2 {
            out.extend(self.number()?.to_le_bytes());
        }
        Some(())
    }

    fn number(&mut self) -> Option<f64> {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| c.is_ascii_whitespace() || matches!(c, ',' | '(' | ')')).unwrap_or(text.len());
        let (number, rest) = text.split_at_checked(end)?;
        self.rest = rest;
        number.parse().ok().filter(|number: &f64| number.is_finite())
    }

    fn word(&mut self) -> Option<&str> {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// Whether EMPTY stands there, which is then taken.
    fn is_empty(&mut self) -> bool {
        let before = self.rest;
        let is = self.word().is_some_and(|word| word.eq_ignore_ascii_case("EMPTY"));
        if !is {
            self.rest = before;
        }
        is
    }

    fn take(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(c)?;
        Some(())
    }
}

fn push_type(out: &mut Vec<u8>, ty: u32, srid: Option<u32>) {
    out.push(1);
    match srid {
        Some(srid) => {
            out.extend((ty | HAS_SRID).to_le_bytes());
            out.extend(srid.to_le_bytes());
        }
        None => out.extend(ty.to_le_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::literal::hex_text;

    fn hex(text: &str) -> Option<String> {
        ewkb(text).map(|ewkb| hex_text(&ewkb))
    }

    /// What `PostGIS`'s `ST_AsEWKB` gives.
    #[test]
    fn every_type() {
        let (zero, one, two) = ("0000000000000000", "000000000000f03f", "0000000000000040");
        let point = |x, y| format!("0101000000{x}{y}");
        for (text, expected) in [
            ("POINT (1 2)", point(one, two)),
            ("point(1 2)", point(one, two)),
            ("SRID=4326;POINT(1 2)", format!("0101000020e6100000{one}{two}")),
            ("SRID=0;POINT(1 2)", point(one, two)),
            ("LINESTRING (0 0, 1 2)", format!("010200000002000000{zero}{zero}{one}{two}")),
            (
                "POLYGON ((0 0, 1 0, 1 2, 0 0))",
                format!("01030000000100000004000000{zero}{zero}{one}{zero}{one}{two}{zero}{zero}"),
            ),
            ("MULTIPOINT ((1 2), (0 1))", format!("010400000002000000{}{}", point(one, two), point(zero, one))),
            ("MULTIPOINT(1 2,0 1)", format!("010400000002000000{}{}", point(one, two), point(zero, one))),
            ("MULTILINESTRING ((0 0, 1 2))", format!("010500000001000000010200000002000000{zero}{zero}{one}{two}")),
            (
                "MULTIPOLYGON (((0 0, 1 0, 1 2, 0 0)))",
                format!("01060000000100000001030000000100000004000000{zero}{zero}{one}{zero}{one}{two}{zero}{zero}"),
            ),
            (
                "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 2))",
                format!("010700000002000000{}010200000002000000{zero}{zero}{one}{two}", point(one, two)),
            ),
            ("GEOMETRYCOLLECTION EMPTY", "010700000000000000".to_owned()),
            ("POLYGON EMPTY", "010300000000000000".to_owned()),
            ("POINT EMPTY", point("000000000000f87f", "000000000000f87f")),
        ] {
            assert_eq!(hex(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_geometry() {
        for text in [
            "",
            "POINT",
            "POINT (1)",
            "POINT (1 2",
            "POINT (1 2) x",
            "POINT (1 2 3)",
            "POINT Z (1 2 3)",
            "POINT (a b)",
            "POINT (NaN 1)",
            "LINESTRING (0 0,)",
            "LINESTRING ()",
            "CIRCLE (0 0)",
            "SRID=x;POINT (1 2)",
            "4326;POINT (1 2)",
            "GEOMETRYCOLLECTION (1 2)",
        ] {
            assert_eq!(hex(text), None, "{text}");
        }
        let deep = "GEOMETRYCOLLECTION (".repeat(100_000);
        assert_eq!(hex(&deep), None);
    }
}
