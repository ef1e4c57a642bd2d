//! `/`: how a pipeline does, for people. Made whole by the server; the browser asks again every few seconds, and needs nothing else.

use std::fmt::Write as _;

use super::Told;
use super::history::{History, Look};
use crate::version;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: light-dark(#1c1917, #e7e5e4); --dim: light-dark(#78716c, #a8a29e); --line: light-dark(#e7e5e4, #44403c); --mark: #c2410c; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: light-dark(#fff, #1c1917); margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
.dim { color: var(--dim); } .bad { color: #b91c1c; font-weight: 600; }
.figures { display: flex; flex-wrap: wrap; gap: 2.5rem; margin: 1.5rem 0; } .figures b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 500; color: var(--dim); }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: middle; } .n { text-align: right; font-variant-numeric: tabular-nums; }
svg { display: block; } polyline { fill: none; stroke: var(--mark); stroke-width: 1.5; } code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
";

/// The page of now.
pub(super) fn html(told: &Told, history: &History) -> String {
    let (progress, looks) = (&told.progress, history.looks());
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><meta http-equiv=refresh content=5>\
         <title>{0} — rowkind</title><style>{STYLE}</style><h1>{0}</h1><div class=dim>rowkind {1}, up {2}</div>",
        escaped(&told.pipeline),
        version::VERSION,
        duration(progress.uptime().as_secs()),
    );
    let state = match progress.readiness() {
        Ok(()) => "<p>ready".to_owned(),
        Err(unready) => format!("<p class=bad>{}", escaped(&unready.to_string())),
    };
    page.push_str(&state);
    figures(&mut page, told, &looks);
    tables(&mut page, told, &looks);
    partitions(&mut page, told, &looks);
    page.push_str("<h2>Last rejects</h2>");
    let rejects = progress.last_rejects();
    if rejects.is_empty() {
        page.push_str("<p class=dim>none since the start");
    }
    for reject in rejects {
        let _ = write!(page, "<div><code>{}</code></div>", escaped(&reject));
    }
    page.push_str("<h2>Settings</h2><table>");
    for (key, value) in &told.settings {
        let _ = write!(page, "<tr><td><code>{}</code><td><code>{}</code>", escaped(key), escaped(value));
    }
    page.push_str("</table><p class=dim><a href=/metrics>/metrics</a> <a href=/readyz>/readyz</a> <a href=/healthz>/healthz</a></html>\n");
    page
}

fn figures(page: &mut String, told: &Told, looks: &[Look]) {
    let rates = History::rates(looks, |look| look.n_records);
    let _ = write!(
        page,
        "<div class=figures><div><b>{}</b>records/s {}</div><div><b>{}</b>records behind</div>",
        grouped(rates.last().copied().unwrap_or(0)),
        plot(&rates),
        grouped(u64::try_from(told.progress.lag()).unwrap_or(0)),
    );
    for (name, _, value) in told.progress.counters() {
        let _ = write!(page, "<div><b>{}</b>{name}</div>", grouped(value));
    }
    for (value, words) in
        [(told.progress.n_open_rejects(), "rejects open"), (told.progress.n_known(), "rows remembered")]
    {
        if let Some(value) = value {
            let _ = write!(page, "<div><b>{}</b>{words}</div>", grouped(value));
        }
    }
    page.push_str("</div>");
}

fn partitions(page: &mut String, told: &Told, looks: &[Look]) {
    page.push_str("<h2>Partitions</h2><table><tr><th>topic<th class=n>partition<th class=n>next offset<th class=n>end<th class=n>lag<th class=n>lag time<th>last five minutes");
    for at in told.progress.standings() {
        let lags: Vec<u64> = looks
            .iter()
            .map(|look| look.lags.get(&at.partition).map_or(0, |lag| u64::try_from(*lag).unwrap_or(0)))
            .collect();
        let _ = write!(
            page,
            "<tr><td>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td>{}",
            escaped(&at.partition.topic),
            at.partition.partition,
            at.next_offset,
            at.end,
            at.lag,
            at.lag_seconds.map_or("-".to_owned(), |seconds| format!("{seconds:.1} s")),
            plot(&lags),
        );
    }
    page.push_str("</table>");
}

fn tables(page: &mut String, told: &Told, looks: &[Look]) {
    page.push_str("<h2>Tables</h2><table><tr><th>table<th class=n>+I<th class=n>-U<th class=n>+U<th class=n>-D<th class=n>rows/s<th>last five minutes");
    for (table, rows) in told.progress.tables() {
        let rates = History::rates(looks, |look| look.tables.get(&table).copied().unwrap_or(0));
        let _ = write!(page, "<tr><td>{}", escaped(&table));
        for (_, n) in rows.by_kind() {
            let _ = write!(page, "<td class=n>{}", grouped(n));
        }
        let _ = write!(page, "<td class=n>{}<td>{}", grouped(rates.last().copied().unwrap_or(0)), plot(&rates));
    }
    page.push_str("</table>");
}

/// A line over time, from nothing to its highest value.
fn plot(values: &[u64]) -> String {
    const WIDTH: usize = 150;
    const HEIGHT: u64 = 24;
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let left = WIDTH.saturating_sub(values.len());
    let mut points = String::new();
    for (at, value) in values.iter().enumerate() {
        let _ = write!(points, "{},{} ", left + at, HEIGHT - value.saturating_mul(HEIGHT - 2) / most - 1);
    }
    format!(
        "<svg width={WIDTH} height={HEIGHT} role=img aria-label=\"at most {most}\"><polyline points=\"{points}\"/></svg>"
    )
}

/// Digits in groups of three.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

fn duration(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// Text that is nothing but text in a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_times_and_text() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!([5, 65, 3_700, 90_000].map(duration), ["5 s", "1 min", "1 h 1 min", "1 d 1 h"]);
        assert_eq!(escaped("<a href=\"&\">"), "&lt;a href=&quot;&amp;&quot;&gt;");
        assert!(plot(&[0, 10]).contains("148,23 149,1"), "{}", plot(&[0, 10]));
    }
}
