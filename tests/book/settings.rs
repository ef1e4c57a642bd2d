//! `docs/settings.md` is the table of the settings in the code: `UPDATE_DOCS=1 cargo test --test book settings` writes it.

use std::fmt::Write as _;

use rowkind::config::settings::{Kind, SETTINGS, Setting};

use crate::{root, text};

const PAGE: &str = "docs/settings.md";

/// What the sections are about. Those of `[[route]]` are no settings: they are a list.
const SECTIONS: [(&str, &str); 8] = [
    ("", "Of the pipeline"),
    ("source", "What is read: [Reading Kafka](kafka.md), [types](types.md)"),
    ("registry", "Where the schemas of records in Avro are"),
    ("sink", "Where rows go: into Postgres, or [as changelogs](changelogs.md) to Kafka or standard output"),
    ("dedup", "[Events that come twice](repeats.md)"),
    ("batch", "When a batch closes: [performance](performance.md)"),
    ("rejects", "[Records that cannot be applied](rejects.md)"),
    ("metrics", "[Watching it](metrics.md)"),
];

/// Where more is said, by what a key begins with; the first one counts.
const MORE: [(&str, &str); 15] = [
    ("source.start", "kafka.md#where-reading-starts"),
    ("source.stop", "kafka.md#where-it-ends"),
    ("source.instance", "kafka.md#groups"),
    ("source.s", "kafka.md#tls-and-logins"),
    ("source.columns", "types.md"),
    ("source.time_precision", "types.md"),
    ("source.decimal_mode", "types.md"),
    ("source.binary_mode", "types.md"),
    ("sink.table", "howto-several-tables.md"),
    ("sink.evolve", "howto-schema-changes.md"),
    ("sink.create", "howto-schema-changes.md"),
    ("sink.apply", "transactions.md"),
    ("sink.changelog", "changelogs.md#complete-changelogs"),
    ("sink.state_dir", "changelogs.md#complete-changelogs"),
    ("sink.delivery_guarantee", "changelogs.md#into-kafka"),
];

#[test]
fn the_page_is_the_table_of_the_code() {
    let generated = generated();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(root().join(PAGE), &generated).unwrap();
    }
    for (line, (generated, written)) in (1..).zip(generated.lines().zip(text(PAGE).lines())) {
        assert_eq!(
            generated, written,
            "{PAGE}, line {line}: UPDATE_DOCS=1 cargo test --test book settings writes it anew"
        );
    }
    assert_eq!(
        generated.len(),
        text(PAGE).len(),
        "{PAGE}: UPDATE_DOCS=1 cargo test --test book settings writes it anew"
    );
}

fn generated() -> String {
    let mut page = text("tests/book/settings_head.md");
    for (section, about) in SECTIONS {
        let of_section = SETTINGS.iter().filter(|setting| self::section(setting) == section);
        match section {
            "" => write!(page, "\n## name\n\n{about}.\n\n").unwrap(),
            _ => write!(page, "\n## {section}\n\n{about}.\n\n").unwrap(),
        }
        page.push_str("| setting | |\n|---|---|\n");
        for setting in of_section {
            writeln!(page, "{}", row(setting)).unwrap();
        }
    }
    assert!(
        SETTINGS.iter().all(|setting| SECTIONS.iter().any(|(name, _)| section(setting) == *name)),
        "a section is missing"
    );
    page
}

fn section(setting: &Setting) -> &str {
    setting.key.split_once('.').map_or("", |(section, _)| section)
}

fn row(setting: &Setting) -> String {
    let key = setting.key;
    let more = MORE.iter().find(|(begin, _)| key.starts_with(begin));
    let more = more.map(|(_, page)| format!(" ([more]({page}))")).unwrap_or_default();
    format!(
        "| <a id=\"{key}\"></a>`{key}` | {}{more}<br><small>{}<br>`--{}` `{}`</small> |",
        escaped(setting.help),
        takes(setting),
        setting.flag(),
        setting.variable(),
    )
}

/// What can be written, in words, and what counts where nothing is.
fn takes(setting: &Setting) -> String {
    let takes = match setting.kind {
        Kind::Text => "a text",
        Kind::Template => "a text with `{table}` and the like",
        Kind::Secret => "a text, never shown",
        Kind::List => "a list",
        Kind::Pairs => "a table of `key = \"value\"`",
        Kind::Bool => "`true` or `false`",
        Kind::Count => "a number",
        Kind::Bytes => "a size, as `4MB`",
        Kind::Duration => "a time, as `100ms`",
        Kind::Moment => "a moment",
        Kind::Choice(words) => return choice(words, setting.default),
    };
    setting.default.map_or_else(|| takes.to_owned(), |default| format!("{takes}; default: `{default}`"))
}

fn choice(words: &[&str], default: Option<&str>) -> String {
    let word = |word: &&str| format!("`{word}`{}", if default == Some(word) { " (default)" } else { "" });
    words.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// As text of a cell: what looks like Markdown there is none.
fn escaped(help: &str) -> String {
    help.replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace('^', "\\^")
        .replace('*', "\\*")
        .replace('_', "\\_")
        .replace('<', "&lt;")
}
