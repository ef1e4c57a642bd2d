//! A line of recorded records, which is never longer in memory than a record may be.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use rowkind_formats::RecordedRecord;

use super::SourceError;

/// The records of a file, one a line.
pub(super) struct Recorded<'p> {
    path: &'p Path,
    file: BufReader<File>,
    /// As much of the next line as there is.
    line: Vec<u8>,
    n_lines: u64,
    max_bytes: usize,
}

impl<'p> Recorded<'p> {
    /// Opens a file whose records have at most `max_record_bytes` of key and payload.
    pub(super) fn open(path: &'p Path, max_record_bytes: usize) -> Result<Self, SourceError> {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let max_bytes = RecordedRecord::max_line_bytes(max_record_bytes);
        let file = BufReader::with_capacity(1 << 18, file);
        Ok(Self { path, file, line: Vec::new(), n_lines: 0, max_bytes })
    }

    /// The next record; `None` at the end that the file has at the moment. What stands there without an end of its line
    /// is a record when the file `is_whole`, and waits for its rest otherwise.
    pub(super) fn next(&mut self, is_whole: bool) -> Result<Option<RecordedRecord>, SourceError> {
        loop {
            let is_read = read_line(&mut self.file, &mut self.line, self.max_bytes);
            if !is_read.map_err(|error| unreadable(self.path, &error))? {
                self.n_lines += 1;
                return Err(self.error(&format!("expected at most {} bytes, found more", self.max_bytes)));
            }
            if self.line.last() != Some(&b'\n') && (self.line.is_empty() || !is_whole) {
                return Ok(None);
            }
            self.n_lines += 1;
            let line = std::mem::take(&mut self.line);
            if !line.trim_ascii().is_empty() {
                return RecordedRecord::parse(&line).map(Some).map_err(|error| self.error(&error.to_string()));
            }
        }
    }

    /// An error of the line that was read last.
    pub(super) fn error(&self, what: &str) -> SourceError {
        SourceError::Fatal(format!("`{}`, line {}: {what}", self.path.display(), self.n_lines))
    }
}

fn unreadable(path: &Path, error: &io::Error) -> SourceError {
    SourceError::Fatal(format!("cannot read `{}`: {error}", path.display()))
}

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
