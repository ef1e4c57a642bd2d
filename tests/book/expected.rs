//! What a command prints against what the page shows: `…` stands for anything in a line, a line of `…` for any lines; moments and
//! times are those of the run, and so is the room they take.

use regex::Regex;

/// Whether a text is as the page shows it.
pub(crate) fn is_as_shown(printed: &str, shown: &str) -> bool {
    let mut pattern = "^".to_owned();
    for line in still(shown).lines() {
        if line == "…" {
            pattern.push_str(r"(?:.*\n)*?");
        } else {
            pattern.push_str(&line.split('…').map(regex::escape).collect::<Vec<_>>().join(".*"));
            pattern.push_str(r"\n");
        }
    }
    pattern.push('$');
    Regex::new(&pattern).unwrap().is_match(&still(printed))
}

/// A text whose moments, times and runs of blanks are all the same.
fn still(text: &str) -> String {
    let moment = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z").unwrap();
    let time = Regex::new(r"\b\d+(\.\d+)?(ms|s|m|h|d)\b").unwrap();
    let blanks = Regex::new(" {2,}|\t").unwrap();
    let mut still = String::new();
    // a slow machine says more often how far it is
    for line in text.trim_end().lines().filter(|line| !line.contains("INFO progress records_per_s=")) {
        let line = moment.replace_all(line.trim_end(), "(a moment)");
        let line = time.replace_all(&line, "(a time)");
        still.push_str(&blanks.replace_all(&line, " "));
        still.push('\n');
    }
    still
}

#[test]
fn what_is_shown_is_what_is_printed() {
    for (shown, printed) in [
        ("", "\n"),
        ("a … c\n", "a b c\n"),
        ("a\n…\nz\n", "a\nb\nc\nz\n"),
        ("a\n…\nz\n", "a\nz\n"),
        ("2026-11-21T13:26:07.262809Z  INFO done\n", "2027-01-02T03:04:05.6Z  INFO done\n"),
        ("a  11s ago  b\n", "a   4.2s ago  b\n"),
    ] {
        assert!(is_as_shown(printed, shown), "{shown:?} {printed:?}");
    }
    for (shown, printed) in
        [("", "a\n"), ("a\n", ""), ("a\n", "a\nb\n"), ("a … c\n", "a b\n"), ("(1 row)\n", "(2 rows)\n")]
    {
        assert!(!is_as_shown(printed, shown), "{shown:?} {printed:?}");
    }
}
