//! The least that a role has to be allowed: `docs/security.md` says it, and these are its statements.

use serde_json::json;

use crate::harness::{Database, Pipeline, Record, created, deleted, file_of, updated};

const DOCUMENT: &str = include_str!("../../docs/security.md");

/// The statements between two marks of the document, for `role`.
fn statements(mark: &str, role: &str) -> String {
    let (_, behind) = DOCUMENT.split_once(&format!("<!-- {mark} -->")).unwrap_or_else(|| panic!("no {mark}"));
    let (_, behind) = behind.split_once("```sql").unwrap();
    behind.split_once("```").unwrap().0.replace("rowkind_app", role)
}

fn records() -> Vec<Record> {
    let row = |id: i64, v: &str| json!({"id": id, "v": v});
    vec![
        created("t", row(1, "a")),
        created("t", row(2, "a")),
        updated("t", row(1, "a"), row(1, "b")),
        deleted("t", row(2, "a")),
        created("t", json!({"id": 3, "v": "a\u{0}"})),
    ]
}

/// A role of this test's own, since roles are the server's.
fn with_role(role: &str) -> (Database, Pipeline, tempfile::NamedTempFile) {
    let database = Database::new();
    database.execute(&format!(
        "create schema shop; create table shop.t (id int primary key, v text); create role {role} login"
    ));
    let file = file_of("shop.shop.t", 0, &records());
    let pipeline = Pipeline::into_target(&database.url().replace("postgres@", &format!("{role}@")))
        .set("source.file", file.path().to_str().unwrap())
        .set("sink.table", "shop.{table}")
        .set("rejects.policy", "table");
    (database, pipeline, file)
}

#[test]
fn a_role_that_can_only_write_rows_into_given_tables() {
    let (database, pipeline, _file) = with_role("rowkind_least");
    pipeline.run().with_code(1).says("permission denied for database");
    database.execute(&statements("tables of rowkind", "rowkind_least"));
    pipeline.run().with_code(1).says("permission denied for schema rowkind");
    database.execute(&statements("least rights", "rowkind_least"));
    pipeline.run().with_code(0).says("rejects=1");
    assert_eq!(database.rows("select * from shop.t"), "(1,b)");
    assert_eq!(database.rows("select \"offset\" from rowkind.rejects"), "(4)");
    pipeline.rejects(&["delete", "--all", "--yes"]).with_code(0);
    assert_eq!(database.rows("select * from rowkind.rejects"), "");
    // that one record would be put aside is all that is found
    let found = pipeline.run_command(&["check"]).output;
    assert_eq!(found.matches('✗').count(), 1, "{found}");
    assert!(found.contains("offset 4: `after.v`"), "{found}");
}

#[test]
fn what_tables_that_are_made_need_on_top() {
    let (database, pipeline, _file) = with_role("rowkind_more");
    database.execute(&statements("tables of rowkind", "rowkind_more"));
    database.execute(&statements("least rights", "rowkind_more"));
    let field = |name: &str| json!({"type": "int32", "optional": true, "field": name});
    let image = |name: &str| json!({"type": "struct", "optional": true, "field": name, "fields": [field("id")]});
    let event = json!({
        "schema": {"type": "struct", "fields": [image("before"), image("after")]},
        "payload": {"op": "c", "before": null, "after": {"id": 1}, "source": {"db": "d", "schema": "shop", "table": "made"}},
    });
    let key = json!({"schema": {"type": "struct", "fields": [field("id")]}, "payload": {"id": 1}});
    let file = file_of("shop.shop.made", 0, &[Record::raw(&event.to_string()).keyed(key)]);
    let pipeline = pipeline.set("source.file", file.path().to_str().unwrap());
    pipeline.run().with_code(1).says("permission denied for schema shop");
    database.execute(&statements("to make tables", "rowkind_more"));
    pipeline.run().with_code(0).says("create table");
    assert_eq!(database.rows("select * from shop.made"), "(1)");
}
