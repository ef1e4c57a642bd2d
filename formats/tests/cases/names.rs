//! Names of tables and columns.

use crate::check;

/// An insert into the table that `source` names.
#[track_caller]
fn check_table(source: &str, expected: &str) {
    check(&format!(r#"null => {{"after":{{"id":1}},{source}"op":"c"}}"#), &format!(r#"+I {expected} {{"id":1}}"#));
}

#[test]
fn the_namespace_is_the_schema_or_else_the_database() {
    check_table(r#""source":{"db":"shop","schema":"public","table":"orders"},"#, "public.orders");
    check_table(r#""source":{"db":"shop","table":"orders"},"#, "shop.orders");
    check_table(r#""source":{"db":"shop","schema":null,"table":"orders"},"#, "shop.orders");
    check_table(r#""source":{"db":"","table":"orders"},"#, "orders");
    check_table(r#""source":{"table":"orders"},"#, "orders");
}

#[test]
fn without_a_source_the_topic_is_the_table() {
    check_table("", "t");
    check_table(r#""source":null,"#, "t");
}

#[test]
fn what_is_not_one_word_is_quoted() {
    check_table(r#""source":{"schema":"Mixed Case","table":"Order Items"},"#, r#""Mixed Case"."Order Items""#);
    check_table(r#""source":{"schema":"a.b","table":"quo\"te"},"#, r#""a.b"."quo""te""#);
    check_table(r#""source":{"schema":"日本","table":"N\u00e4me_1$-x"},"#, "日本.Näme_1$-x");
}

#[test]
fn columns_keep_their_names_and_order() {
    check(
        r#"null => {"after":{"Z":1,"a":2,"N\u00e4me":3,"a.b":4,"quo\"te":5,"select":6,"":7,"before":8,"op":9},"op":"c"}"#,
        r#"+I t {"Z":1,"a":2,"Näme":3,"a.b":4,"quo\"te":5,"select":6,"":7,"before":8,"op":9}"#,
    );
}

#[test]
fn a_source_that_names_no_table_is_refused() {
    let record = |source: &str| format!(r#"null => {{"after":{{"id":1}},"source":{source},"op":"c"}}"#);
    let nothing = "# error: `source.table`: expected the table's name, found nothing";
    check(&record("{}"), nothing);
    check(&record(r#"{"db":"shop","table":""}"#), nothing);
    check(&record(r#"{"db":"shop","table":null}"#), nothing);
    let none = "# error: `source`: expected an object that names db, schema and table, found a string";
    check(&record(r#""shop""#), none);
    check(&record(r#"{"table":1}"#), "# error: `source.table`: expected a string, found a number");
    check(&record(r#"{"schema":{},"table":"t"}"#), "# error: `source.schema`: expected a string, found an object");
}
