//! Every link of README.md and `docs/` leads to a file that is there, and to a heading of it; and the book has every page.

use std::path::Path;

use regex::Regex;

use crate::{pages, root, text};

#[test]
fn every_link_leads_somewhere() {
    let link = Regex::new(r#"\]\(([^)\s]+)\)|(?:src|href)="([^"]+)""#).unwrap();
    let mut n_links = 0;
    for page in pages() {
        for found in link.captures_iter(&prose(&text(&page))) {
            let to = found.get(1).or(found.get(2)).unwrap().as_str();
            if to.contains("://") {
                continue;
            }
            check(&page, to).unwrap_or_else(|wrong| panic!("{page}: ({to}) {wrong}"));
            n_links += 1;
        }
    }
    assert!(n_links > 50, "{n_links}");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    for to in ["no.md", "kafka.md#no", "#no", "../README.md"] {
        assert!(check("docs/settings.md", to).is_err(), "{to}");
    }
    assert_eq!(check("docs/settings.md", "kafka.md#tls-and-logins"), Ok(()));
}

fn check(page: &str, to: &str) -> Result<(), String> {
    let (file, anchor) = to.split_once('#').map_or((to, None), |(file, anchor)| (file, Some(anchor)));
    let folder = Path::new(page).parent().unwrap();
    let target = if file.is_empty() { page.to_owned() } else { folder.join(file).to_str().unwrap().to_owned() };
    if page.starts_with("docs/") && target.contains("..") {
        return Err("is not in the book".to_owned());
    }
    if !root().join(&target).is_file() {
        return Err("is not there".to_owned());
    }
    match anchor {
        Some(anchor) if !anchors(&text(&target)).iter().any(|known| known == anchor) => Err("is no heading".to_owned()),
        _ => Ok(()),
    }
}

/// What can be linked to in a page: its headings as GitHub and mdBook name them, and what names itself.
fn anchors(markdown: &str) -> Vec<String> {
    let own = Regex::new(r#"<a id="([^"]+)">"#).unwrap();
    let headings = prose(markdown);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let anchor =
        |heading: &str| heading.trim_matches(['#', ' ']).to_lowercase().chars().filter(kept).collect::<String>();
    let headings = headings.map(|heading| anchor(heading).replace(' ', "-"));
    headings.chain(own.captures_iter(markdown).map(|found| found[1].to_owned())).collect()
}

/// A page without its blocks of code.
fn prose(markdown: &str) -> String {
    let mut is_code = false;
    let lines = markdown.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_book_has_every_page() {
    let summary = text("docs/SUMMARY.md");
    for page in pages() {
        let Some(name) = page.strip_prefix("docs/").filter(|name| *name != "SUMMARY.md") else { continue };
        assert_eq!(summary.matches(&format!("]({name})")).count(), 1, "{page} in docs/SUMMARY.md");
    }
}
