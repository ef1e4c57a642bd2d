//! The documentation is held equal to the program: each command of README.md and `docs/` is run, each file of settings is read, each
//! link leads somewhere, and `docs/settings.md` is the table of the settings.
//!
//! A page is typed into a terminal from its first block to its last (`page` says which block is what), next to a broker, a Postgres and
//! a Kafka Connect of the test's own in place of the documented addresses (`neighbours`). Kafka is librdkafka's mock cluster, or the
//! brokers that `ROWKIND_TEST_BROKERS` names, which should have no topics of these names.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and reads better without borrows"
)]

mod expected;
mod fences;
mod links;
mod neighbours;
mod page;
mod play;
mod settings;
mod terminal;

#[allow(dead_code, unused_imports, reason = "it is shared with the tests of the bridge")]
#[path = "../harness/mod.rs"]
mod harness;

use std::path::Path;

use page::What;

/// Commands that cannot be run by a test, by page and what they begin with; and why.
const NORUN: &[(&str, &str, &str)] = &[
    ("README.md", "make demo", "installs packages, builds, and runs all tests"),
    ("README.md", "docker compose up", "needs Docker"),
    ("README.md", "rowkind completions", "writes where a shell looks, which is another place on each machine"),
    ("docs/kubernetes.md", "kubectl create secret", "needs a cluster"),
    ("docs/kubernetes.md", "kubectl debug", "needs a cluster"),
    ("docs/kubernetes.md", "kubectl apply", "needs a cluster"),
    ("docs/kubernetes.md", "kubectl exec", "needs a cluster"),
    ("docs/metrics.md", "{ printf", "needs a cluster"),
    ("docs/deployment.md", "install -D", "needs the package, and systemd at work"),
    ("docs/deployment.md", "docker build", "needs Docker"),
    ("docs/performance.md", "benches/peers/compare.py", "needs Flink, Kafka Connect and their topics"),
];

/// A test for each page that has something to run.
macro_rules! pages {
    ($($test:ident: $page:literal,)*) => {
        const PLAYED: &[&str] = &[$($page),*];
        $(
            #[test]
            fn $test() {
                play::play($page, &page::blocks(&text($page)));
            }
        )*
    };
}

pages! {
    readme: "README.md",
    tour: "docs/tour.md",
    exit_codes: "docs/exit-codes.md",
    debezium: "docs/howto-debezium.md",
    jdbc_sink: "docs/howto-jdbc-sink.md",
    flink: "docs/howto-flink.md",
    sql: "docs/sql.md",
    several_tables: "docs/howto-several-tables.md",
    schema_changes: "docs/howto-schema-changes.md",
    changelogs: "docs/changelogs.md",
    replay: "docs/replay.md",
}

/// Every page of the documentation, README.md first.
fn pages() -> Vec<String> {
    let folder = std::fs::read_dir(root().join("docs")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_page = |name: &String| Path::new(name).extension().is_some_and(|extension| extension == "md");
    let mut pages: Vec<String> = names.filter(is_page).map(|name| format!("docs/{name}")).collect();
    pages.sort();
    pages.insert(0, "README.md".to_owned());
    pages
}

fn text(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_page_with_commands_is_played() {
    for page in pages() {
        let has_commands =
            page::blocks(&text(&page)).iter().any(|block| matches!(block.what, What::Sh(_) | What::Console(_)));
        assert_eq!(
            has_commands,
            PLAYED.contains(&page.as_str()),
            "{page}: `pages!` of tests/book/main.rs names those with commands"
        );
    }
}

#[test]
fn what_is_not_run_has_its_reason() {
    let mut unseen = NORUN.to_vec();
    for page in pages() {
        for block in page::blocks(&text(&page)) {
            let What::NoRun(commands) = block.what else { continue };
            let known = unseen.iter().position(|(of, begin, _)| *of == page && commands.starts_with(begin));
            let known =
                known.unwrap_or_else(|| panic!("{page}, line {}: NORUN does not say why it is not run", block.line));
            unseen.remove(known);
        }
    }
    assert!(unseen.is_empty(), "nothing in the pages is {unseen:?}");
}
