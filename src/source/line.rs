//! A line of recorded records, which is never longer in memory than a record may be.

use std::io::{self, BufRead, Read};

/// Appends what is left of a line, with its end. `false` when the line is longer than `max_bytes`: it is cut off there.
///
/// # Errors
///
/// When nothing can be read.
pub(crate) fn read_line(lines: &mut impl BufRead, line: &mut Vec<u8>, max_bytes: usize) -> io::Result<bool> {
    let room = max_bytes.saturating_sub(line.len()).saturating_add(1);
    lines.by_ref().take(u64::try_from(room).unwrap_or(u64::MAX)).read_until(b'\n', line)?;
    Ok(line.len() <= max_bytes || line.last() == Some(&b'\n'))
}

#[cfg(test)]
mod tests {
    use super::read_line;

    #[test]
    fn a_line_is_cut_off_behind_what_it_may_have() {
        let mut lines = &b"four\nfive5\n"[..];
        let mut line = Vec::new();
        assert!(read_line(&mut lines, &mut line, 4).expect("bytes can be read"));
        assert_eq!(line, b"four\n");
        line.clear();
        assert!(!read_line(&mut lines, &mut line, 4).expect("bytes can be read"));
        assert_eq!(line, b"five5");
        // a line that has not ended yet goes on where it was
        line.clear();
        assert!(read_line(&mut &b"fo"[..], &mut line, 4).expect("bytes can be read"));
        assert!(read_line(&mut &b"ur\n"[..], &mut line, 4).expect("bytes can be read"));
        assert_eq!(line, b"four\n");
    }
}
