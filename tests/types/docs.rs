//! `docs/types.md`: the parts of it that the tests write.

use std::path::Path;
use std::sync::Mutex;

/// One part at a time: all are in one file.
static FILE: Mutex<()> = Mutex::new(());

/// Checks that a part of the document says what the tests have seen; with `UPDATE_DOCS=1` it is written instead.
pub(crate) fn check(part: &str, seen: &str) {
    let _one_at_a_time = FILE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/types.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {part}: written by tests/types -->\n"), format!("<!-- end of {part} -->"));
    let (before, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("docs/types.md has a part {part}"));
    let (written, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{part} has an end in docs/types.md"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{seen}{end}{after}")).unwrap();
        return;
    }
    for (seen, written) in seen.lines().zip(written.lines()) {
        assert_eq!(seen, written, "docs/types.md, {part}; UPDATE_DOCS=1 writes it anew");
    }
    assert_eq!(seen.lines().count(), written.lines().count(), "lines of docs/types.md, {part}");
}

/// A value as a cell of a table: what would end the cell or the code is written otherwise, and long ones are cut.
pub(crate) fn cell(text: &str) -> String {
    let mut shown: String = text.chars().take(44).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    let shown = shown.replace('|', "\\|").replace('\n', "⏎").replace('`', "'").replace('\t', "⇥");
    if shown.is_empty() { "(empty)".to_owned() } else { format!("`{shown}`") }
}
