//! The demo plays to its end, finds every table equal, and leaves nothing behind.

use crate::harness::{Bridge, Database};

#[test]
fn on_a_server_of_its_own() {
    let folder = tempfile::Builder::new().prefix("demo-").tempdir_in("/tmp").unwrap();
    // Postgres runs as another user when this is root
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let environment = [("TMPDIR".to_owned(), folder.path().display().to_string())];
    let ended = Bridge::start(&["demo", "--fast"], &environment).wait().with_code(0);
    assert_plays(&ended.output);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?} is left behind");
}

#[test]
fn on_a_server_that_runs_already() {
    let database = Database::new();
    let databases = "select count(*) from pg_database where datname like 'rowkind_demo%'";
    let ended = Bridge::start(&["demo", "--fast", "--url", database.url()], &[]).wait().with_code(0);
    assert_plays(&ended.output);
    assert_eq!(database.rows(databases), "(0)", "its database is dropped");
    assert_eq!(database.rows("select count(*) from pg_namespace where nspname = 'rowkind'"), "(0)");
}

fn assert_plays(output: &str) {
    for (table, n_rows) in [("customers", 34), ("products", 17), ("orders", 51), ("order_items", 99)] {
        let line = format!("  {table:<12} {n_rows:>4} rows  equal");
        assert!(output.contains(&line), "no `{line}` in\n{}", end(output));
    }
    for said in ["kill -9: the bridge is gone", "records come once more", "All 4 tables equal their source"] {
        assert!(output.contains(said), "no `{said}` in\n{}", end(output));
    }
}

/// The last lines.
fn end(output: &str) -> String {
    let lines: Vec<&str> = output.lines().rev().take(20).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
