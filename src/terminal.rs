//! Standard output: what is written there, and colours.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Writes to standard output; `false` when nobody reads it any more, as behind `| head`.
pub(crate) fn print(text: &str) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Plain,
    Bold,
    Dim,
    Green,
    Yellow,
    Red,
    Cyan,
}

/// Whether standard output takes colours: a terminal does, unless <https://no-color.org> is asked for.
pub(crate) fn has_colour() -> bool {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !no_colour
}

impl Look {
    /// The look of a line of the changelog.
    pub(crate) fn of_changelog(line: &str) -> Self {
        match line.get(..2) {
            Some("+I") => Self::Green,
            Some("-U") => Self::Dim,
            Some("+U") => Self::Yellow,
            _ => Self::Red,
        }
    }

    /// The text in this look.
    pub(crate) fn paint(self, text: &str, has_colour: bool) -> String {
        let code = match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Red => "1;31",
            Self::Cyan => "36",
            Self::Plain => return text.to_owned(),
        };
        if has_colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// `1 row`, `2 rows`.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(n: N, what: &str) -> String {
    if n == N::from(1) { format!("1 {what}") } else { format!("{n} {what}s") }
}
