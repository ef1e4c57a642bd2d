//! Every semantic type of Debezium: with its schema into a table that is made for it, with and without the extensions
//! that have its type, and without a schema into a column of the source's own type.

mod binlog;
mod others;
mod postgres;

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::docs;
use crate::pipeline;
use crate::server::{Database, quoted};

/// A value of a type, and what it must come to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// The type at the source.
    at_source: &'static str,
    /// The connector's setting that makes the event's type.
    mode: &'static str,
    /// What `datatype.propagate.source.type` adds: name, length, scale.
    propagated: Option<(&'static str, Option<i32>, Option<i32>)>,
    /// Connect's schema, as JSON.
    schema: &'static str,
    /// The value, as JSON.
    sent: &'static str,
    /// The type of the column that is made for it.
    made: &'static str,
    value: &'static str,
    /// Where the extension is not installed: type and value.
    bare: Option<(&'static str, &'static str)>,
    /// Without a schema: the column's type, settings of `[source]`, the value. `@` in a setting is the column.
    own: Result<(&'static str, &'static str, &'static str), &'static str>,
}

/// A case whose type is known by its name alone.
const fn named(at_source: &'static str, schema: &'static str, sent: &'static str) -> Case {
    Case {
        at_source,
        mode: "",
        propagated: None,
        schema,
        sent,
        made: "",
        value: "",
        bare: None,
        own: Err("the same as above"),
    }
}

impl Case {
    const fn mode(mut self, mode: &'static str) -> Self {
        self.mode = mode;
        self
    }

    const fn propagated(mut self, name: &'static str, length: Option<i32>, scale: Option<i32>) -> Self {
        self.propagated = Some((name, length, scale));
        self
    }

    const fn made(mut self, ty: &'static str, value: &'static str) -> Self {
        self.made = ty;
        self.value = value;
        self
    }

    const fn bare(mut self, ty: &'static str, value: &'static str) -> Self {
        self.bare = Some((ty, value));
        self
    }

    const fn own(mut self, ty: &'static str) -> Self {
        self.own = Ok((ty, "", self.value));
        self
    }

    const fn own_with(mut self, ty: &'static str, settings: &'static str) -> Self {
        self.own = Ok((ty, settings, self.value));
        self
    }

    const fn own_as(mut self, ty: &'static str, value: &'static str) -> Self {
        self.own = Ok((ty, "", value));
        self
    }

    const fn own_all(mut self, ty: &'static str, settings: &'static str, value: &'static str) -> Self {
        self.own = Ok((ty, settings, value));
        self
    }
}

#[test]
fn postgres() {
    play("Postgres", "postgresql", postgres::CASES);
}

#[test]
fn mysql() {
    play("MySQL and MariaDB", "mysql", binlog::CASES);
}

#[test]
fn sql_server() {
    play("SQL Server", "sqlserver", others::SQL_SERVER);
}

#[test]
fn oracle() {
    play("Oracle", "oracle", others::ORACLE);
}

#[test]
fn db2() {
    play("Db2", "db2", others::DB2);
}

/// Stand-ins for `PostGIS` and pgvector, which are not on every machine: types that take any text and print it again.
const STAND_INS: [&str; 5] = ["geometry", "geography", "vector", "halfvec", "sparsevec"];

fn with_extensions() -> Database {
    let database = Database::new();
    database.execute(
        "create extension hstore; create extension ltree; create extension citext; create extension isn;
         create type mood as enum ('sad', 'ok', 'very happy')",
    );
    for name in STAND_INS {
        database.execute(&format!(
            "create type {name};
             create function {name}_in(cstring) returns {name} as 'textin' language internal immutable strict;
             create function {name}_out({name}) returns cstring as 'textout' language internal immutable strict;
             create type {name} (input = {name}_in, output = {name}_out, like = text)"
        ));
    }
    database
}

fn column(at: usize) -> String {
    format!("c{at}")
}

fn play(source: &str, connector: &str, cases: &[Case]) {
    let mut wrong = String::new();
    let extended = made(with_extensions(), connector, cases);
    let bare = made(Database::new(), connector, cases);
    for (at, case) in cases.iter().enumerate() {
        let seen = seen(&extended, at);
        if seen != (case.made.to_owned(), case.value.to_owned()) {
            let _ = writeln!(wrong, "{} {}: made {seen:?}", case.at_source, case.mode);
        }
        let (ty, value) = case.bare.unwrap_or((case.made, case.value));
        let seen = self::seen(&bare, at);
        if seen != (ty.to_owned(), value.to_owned()) {
            let _ = writeln!(wrong, "{} {}: made without extensions {seen:?}", case.at_source, case.mode);
        }
    }
    for (settings, group) in &by_settings(cases) {
        let database = own(group, settings);
        for (at, case) in group {
            let Ok((_, _, value)) = case.own else { continue };
            let seen = seen(&database, *at);
            if seen.1 != value {
                let _ = writeln!(wrong, "{} {}: without a schema {seen:?}", case.at_source, case.mode);
            }
        }
    }
    assert!(wrong.is_empty(), "{source}:\n{wrong}");
    docs::check(&format!("semantic {source}"), &table(cases));
}

/// A table of one row that rowkind makes.
fn made(database: Database, connector: &str, cases: &[Case]) -> Database {
    let mut fields = vec![json!({"type": "int32", "field": "id"})];
    for (at, case) in cases.iter().enumerate() {
        let mut node: Value = serde_json::from_str(case.schema).unwrap_or_else(|error| panic!("{case:?}: {error}"));
        node["field"] = column(at).into();
        if let Some((name, length, scale)) = case.propagated {
            let parameters = &mut node["parameters"];
            parameters["__debezium.source.column.type"] = name.into();
            for (key, number) in [("length", length), ("scale", scale)] {
                if let Some(number) = number {
                    parameters[format!("__debezium.source.column.{key}")] = number.to_string().into();
                }
            }
        }
        fields.push(node);
    }
    let schema = json!({"type": "struct", "fields": [
        {"type": "struct", "field": "after", "fields": fields},
        {"type": "struct", "field": "source", "name": format!("io.debezium.connector.{connector}.Source")},
    ]});
    let key = r#"{"schema":{"type":"struct","fields":[{"type":"int32","field":"id"}]},"payload":{"id":1}}"#;
    let all: Vec<(usize, &Case)> = cases.iter().enumerate().collect();
    let payload = format!("{{\"schema\":{schema},\"payload\":{}}}", envelope(&all));
    // for bytea columns whose type is propagated
    pipeline::run(&database, &record(key, &payload), "binary_mode = \"base64\"", "").well();
    database
}

/// A table of the source's own types, and events without a schema.
fn own(group: &[(usize, &Case)], settings: &str) -> Database {
    let database = with_extensions();
    let columns: Vec<String> =
        group.iter().filter_map(|(at, case)| Some(format!("{} {}", column(*at), case.own.ok()?.0))).collect();
    database.execute(&format!("create schema s; create table s.t (id int primary key, {})", columns.join(", ")));
    pipeline::run(&database, &record(r#"{"id":1}"#, &envelope(group)), settings, "").well();
    database
}

fn by_settings(cases: &[Case]) -> BTreeMap<String, Vec<(usize, &Case)>> {
    let mut groups: BTreeMap<String, Vec<(usize, &Case)>> = BTreeMap::new();
    for (at, case) in cases.iter().enumerate() {
        if let Ok((_, settings, _)) = case.own {
            groups.entry(settings.replace('@', &format!("s.t.{}", column(at)))).or_default().push((at, case));
        }
    }
    groups
}

/// The values as they were typed: no number is printed anew.
fn envelope(cases: &[(usize, &Case)]) -> String {
    let mut after = String::from("\"id\":1");
    for (at, case) in cases {
        let _ = write!(after, ",{}:{}", json!(column(*at)), case.sent);
    }
    format!("{{\"op\":\"c\",\"source\":{{\"schema\":\"s\",\"table\":\"t\"}},\"after\":{{{after}}}}}")
}

fn record(key: &str, payload: &str) -> String {
    json!({"topic": "p.s.t", "partition": 0, "offset": 0, "key": key, "payload": payload}).to_string() + "\n"
}

/// The type and value of the one row.
fn seen(database: &Database, at: usize) -> (String, String) {
    let name = column(at);
    let columns = database.columns("s.t");
    let (_, ty) = columns.iter().find(|(known, _)| *known == name).unwrap();
    let value = database.rows(&format!("select {}::text from s.t", quoted(&name)));
    (ty.clone(), value[0][0].clone().unwrap_or_else(|| "NULL".to_owned()))
}

fn table(cases: &[Case]) -> String {
    let mut out = String::from(
        "| type at the source | the event's type | sent as | column made for it | its value | without a schema: column, setting |\n\
         |---|---|---|---|---|---|\n",
    );
    for case in cases {
        let remark = if case.mode.is_empty() { String::new() } else { format!("<br>{}", case.mode) };
        let made = match case.bare {
            Some((ty, value)) if value == case.value => {
                format!("`{}`, `{ty}` where there is none | {}", case.made, docs::cell(value))
            }
            Some((ty, value)) => format!(
                "`{}`, `{ty}` where there is none | {}, {}",
                case.made,
                docs::cell(case.value),
                docs::cell(value)
            ),
            None => format!("`{}` | {}", case.made, docs::cell(case.value)),
        };
        let own = match case.own {
            Ok((ty, settings, value)) => {
                let settings = match settings {
                    "" => String::new(),
                    settings => format!(", `{}`", settings.replace('@', "…").replace('\n', "`, `")),
                };
                let value = if value == case.value { String::new() } else { format!(": {}", docs::cell(value)) };
                format!("`{ty}`{settings}{value}")
            }
            Err(reason) => reason.to_owned(),
        };
        let _ = writeln!(
            out,
            "| `{}`{remark} | {} | {} | {made} | {own} |",
            case.at_source.replace('|', "\\|"),
            event_type(case),
            docs::cell(case.sent)
        );
    }
    out
}

/// As `string`, `Decimal`, `array of Date`, with the propagated type behind it.
fn event_type(case: &Case) -> String {
    let node: Value = serde_json::from_str(case.schema).unwrap();
    let short = |node: &Value| -> String {
        let name = node["name"].as_str().and_then(|name| name.rsplit('.').next());
        name.or(node["type"].as_str()).unwrap_or_default().to_owned()
    };
    let is_array = node["items"].is_object() && node["name"].is_null();
    let mut text =
        if is_array { format!("array of `{}`", short(&node["items"])) } else { format!("`{}`", short(&node)) };
    if let Some((name, length, scale)) = case.propagated {
        let numbers: Vec<String> = [length, scale].into_iter().flatten().map(|number| number.to_string()).collect();
        let numbers = if numbers.is_empty() { String::new() } else { format!("({})", numbers.join(",")) };
        let _ = write!(text, " of {name}{numbers}");
    }
    text
}
