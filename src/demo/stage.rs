//! The demo's screen: lines that scroll, and below them, on a terminal, one line that says how it stands.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::terminal::{self, Look};

/// Standard output.
#[derive(Debug)]
pub(super) struct Stage {
    is_terminal: bool,
    has_colour: bool,
    status: String,
    status_at: Option<Instant>,
}

/// Where lines scroll away with the standing line among them, it comes this often.
const STATUS_EVERY: Duration = Duration::from_secs(2);

impl Stage {
    /// The process's standard output.
    pub(super) fn new() -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self { is_terminal, has_colour: terminal::has_colour(), status: String::new(), status_at: None }
    }

    /// Prints a line, cut at the width of the terminal.
    pub(super) fn line(&mut self, look: Look, text: &str) {
        let text = look.paint(&self.cut(text), self.has_colour);
        if self.is_terminal {
            print(&format!("\r\x1b[2K{text}\n{}", self.status));
        } else {
            print(&format!("{text}\n"));
        }
    }

    /// Begins an act: an empty line and a headline.
    pub(super) fn headline(&mut self, look: Look, text: &str) {
        self.line(Look::Plain, "");
        self.line(look, text);
    }

    /// Says how it stands.
    pub(super) fn status(&mut self, text: &str) {
        if self.is_terminal {
            self.status = Look::Bold.paint(&self.cut(text), self.has_colour);
            print(&format!("\r\x1b[2K{}", self.status));
        } else if text != self.status && self.status_at.is_none_or(|at| at.elapsed() >= STATUS_EVERY) {
            text.clone_into(&mut self.status);
            self.status_at = Some(Instant::now());
            print(&format!("{text}\n"));
        }
    }

    /// Takes the standing line away.
    pub(super) fn end_status(&mut self) {
        self.status.clear();
        if self.is_terminal {
            print("\r\x1b[2K");
        }
    }

    fn cut(&self, text: &str) -> String {
        let width = rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col));
        if !self.is_terminal || width == 0 || text.chars().count() < width {
            return text.to_owned();
        }
        let mut cut: String = text.chars().take(width.saturating_sub(2)).collect();
        cut.push('…');
        cut
    }
}

/// A reader that went away is no failure of the demo.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
