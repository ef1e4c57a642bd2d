//! How far a replay has come: a line on the terminal, and nothing elsewhere.

use std::fmt::Write;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::progress::RowCounts;

/// A bar over offsets.
pub(super) struct Bar(ProgressBar);

/// Draws this often in a second.
const HERTZ: u8 = 10;

impl Bar {
    /// A bar for so many offsets. It is drawn on standard error, if that is a terminal.
    pub(super) fn new(n_offsets: i64) -> Self {
        let length = u64::try_from(n_offsets).unwrap_or(0);
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(HERTZ));
        let style = "{bar:24} {percent:>3} %  {human_pos} of {human_len} records  {rate}  {eta} left  {msg}";
        Self(match ProgressStyle::with_template(style) {
            Ok(style) => bar.with_style(style.with_key("rate", rate)),
            Err(_) => bar,
        })
    }

    /// A bar that is never drawn: what is printed goes to the same terminal.
    pub(super) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// More offsets are to be read.
    pub(super) fn lengthen(&self, n_offsets: i64) {
        self.0.inc_length(u64::try_from(n_offsets).unwrap_or(0));
    }

    /// So many records more were read.
    pub(super) fn add(&self, n_records: usize, rows: RowCounts) {
        self.0.inc(n_records as u64);
        self.0.set_message(rows.to_string());
    }

    /// One record more was read.
    pub(super) fn step(&self) {
        self.0.inc(1);
    }

    /// So many records were read in all.
    pub(super) fn set(&self, n_records: u64, rows: RowCounts) {
        self.0.set_position(n_records);
        self.0.set_message(rows.to_string());
    }

    /// Takes it away.
    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}

/// Whole records a second.
fn rate(state: &ProgressState, out: &mut dyn Write) {
    let a_second = state.pos().saturating_mul(1_000) / u64::try_from(state.elapsed().as_millis()).unwrap_or(1).max(1);
    let _ = write!(out, "{}/s", HumanCount(a_second));
}
