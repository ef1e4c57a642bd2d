//! What was found, a line each: what holds, and what does not with what to do about it.

use serde_json::json;

use crate::terminal::{self, Look};

/// The findings, printed as they come.
pub(super) struct Report {
    is_json: bool,
    has_colour: bool,
    n_bad: usize,
}

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Doubtful,
    Bad,
}

impl Report {
    pub(super) fn new(is_json: bool) -> Self {
        Self { is_json, has_colour: terminal::has_colour(), n_bad: 0 }
    }

    /// It holds.
    pub(super) fn good(&mut self, what: &str) {
        self.say(Verdict::Good, what, "");
    }

    /// It works, and may not do what is wanted.
    pub(super) fn doubtful(&self, what: &str, remedy: &str) {
        self.say(Verdict::Doubtful, what, remedy);
    }

    /// A start would fail.
    pub(super) fn bad(&mut self, what: &str, remedy: &str) {
        self.n_bad += 1;
        self.say(Verdict::Bad, what, remedy);
    }

    /// How many things would fail.
    pub(super) fn n_bad(&self) -> usize {
        self.n_bad
    }

    fn say(&self, verdict: Verdict, what: &str, remedy: &str) {
        if self.is_json {
            let word = match verdict {
                Verdict::Good => "good",
                Verdict::Doubtful => "doubtful",
                Verdict::Bad => "bad",
            };
            println!("{}", json!({"verdict": word, "what": what, "remedy": remedy}));
            return;
        }
        let (sign, look) = match verdict {
            Verdict::Good => ("✓", Look::Green),
            Verdict::Doubtful => ("!", Look::Yellow),
            Verdict::Bad => ("✗", Look::Red),
        };
        println!("{} {what}", look.paint(sign, self.has_colour));
        for line in remedy.lines() {
            println!("    {line}");
        }
    }
}
