//! The source's own tables, and what they held in the end.

use std::fs;
use std::path::{Path, PathBuf};

use super::ColumnTypes;
use super::sources::{Source, Table, Variant};
use crate::server::{Database, quoted};

/// The records of these tables in a file of many; of Canal's statements too, which are of none.
pub(super) fn records_of<'t>(file: &str, tables: impl Iterator<Item = &'t Table>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(file);
    let all = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let of_table = |table: &Table| format!(r#"\"table\":\"{}\""#, table.short().replace("Order_Items", "Order Items"));
    let mut marks: Vec<String> = tables.map(of_table).collect();
    marks.push(r#"\"table\":\"\""#.to_owned());
    let is_wanted = |line: &&str| marks.iter().any(|mark| line.contains(mark.as_str()));
    all.split_inclusive('\n').filter(is_wanted).collect()
}

impl Source {
    fn fixture(&self, path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/debezium-json").join(self.folder).join(path)
    }

    /// The schema of most of its tables.
    pub(crate) fn schema(&self) -> &'static str {
        if self.is_postgres { "public" } else { "cdc_a" }
    }

    pub(crate) fn records(&self, variant: &Variant, table: &Table) -> String {
        let path = self.fixture(&format!("{}/{}{}.jsonl", variant.folder, variant.prefix, table.topic));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The source's own tables, without the foreign keys, which ask for an order over topics that Kafka does not keep.
    /// `t_ddl` has all the columns that it ever had.
    pub(crate) fn declare(&self, database: &Database) {
        if !self.is_postgres {
            database.execute(include_str!("../mysql.sql"));
            return;
        }
        let schema = fs::read_to_string(self.fixture("schema.sql")).unwrap();
        let without_types: Vec<&str> = schema
            .lines()
            .filter(|line| !line.starts_with("create extension") && !line.starts_with("create type"))
            .collect();
        database.execute(&without_types.join("\n"));
        database.execute(
            "alter table orders drop constraint orders_customer_id_fkey;
             alter table order_items drop constraint order_items_order_id_fkey;
             alter table t_nopk add primary key (a);
             alter table t_ddl add column aa text, add column c timestamptz, add column d bigint",
        );
    }

    /// What the source held in the end, in its own types.
    pub(crate) fn truth(&self) -> Database {
        let database = Database::new();
        database.execute(self.types);
        self.declare(&database);
        for table in self.tables {
            let csv = fs::read_to_string(self.fixture(&format!("truth/{}.csv", table.topic))).unwrap();
            let names: Vec<String> = header(&csv).iter().map(|name| quoted(name)).collect();
            let name = table.sql_name();
            database.execute(&format!("create table staged ({})", names.join(" text, ") + " text"));
            database.copy("staged", &csv);
            match table.topic {
                "cdc_a.t_geo" => drop(database.execute(GEOMETRIES)),
                "cdc_a.t_num" => drop(database.execute(BITS)),
                _ => {}
            }
            let columns = database.columns(name);
            let ty = |column: &str| columns.iter().find(|(name, _)| quoted(name) == *column).unwrap().1.clone();
            let is_generated = |name: &String| table.short() == "t_gen" && (name == "\"twice\"" || name == "\"virt\"");
            let names: Vec<String> = names.into_iter().filter(|name| !is_generated(name)).collect();
            let casts: Vec<String> = names.iter().map(|name| format!("{name}::{}", ty(name))).collect();
            database.execute(&format!(
                "insert into {name} ({}) overriding system value select {} from staged; drop table staged",
                names.join(", "),
                casts.join(", ")
            ));
            if table.short() == "t_gen" {
                // so that a difference can be stated
                let drop = |column: &str| format!("alter column {column} drop expression");
                let columns: Vec<String> = ["twice", "virt"]
                    .into_iter()
                    .filter(|name| columns.iter().any(|(column, _)| column == name))
                    .map(drop)
                    .collect();
                database.execute(&format!("alter table {name} {}", columns.join(", ")));
            }
            if table.short() == "t_ddl" {
                database.execute(&format!("alter table {name} drop column a, drop column b"));
            }
        }
        database
    }

    /// What the source calls the types of its columns.
    pub(crate) fn column_types(&self, truth: &Database) -> ColumnTypes {
        let mut types = ColumnTypes::new();
        for table in self.tables {
            if self.is_postgres {
                for (column, ty) in truth.columns(table.sql_name()) {
                    types.insert((table.topic.to_owned(), column), ty);
                }
            }
        }
        if !self.is_postgres {
            let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/debezium-json/mysql/schema.sql");
            declared(&fs::read_to_string(schema).unwrap(), &mut types);
        }
        types
    }
}

/// `MySQL`'s dump has them as text; the events as well-known binary.
const GEOMETRIES: &str = r"update staged set
    p = replace(p, 'srid=0;POINT(1.5 -2.5)', '\x0101000000000000000000f83f00000000000004c0'),
    g = replace(g, 'srid=0;LINESTRING(0 0,1 1,2 3)', '\x01020000000300000000000000000000000000000000000000000000000000f03f000000000000f03f00000000000000400000000000000840')";

/// `MySQL`'s dump leaves out the zeros in front.
const BITS: &str = "update staged set bit8 = lpad(bit8, 8, '0'), bit64 = lpad(bit64, 64, '0')";

/// The names in the first line of a CSV file; none of them holds a comma.
fn header(csv: &str) -> Vec<String> {
    let line = csv.lines().next().unwrap();
    let name = |cell: &str| {
        let inner = cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell);
        inner.replace("\"\"", "\"")
    };
    line.split(',').map(name).collect()
}

/// Columns and types of `create table` statements.
fn declared(schema: &str, types: &mut ColumnTypes) {
    for statement in schema.split(";\n").filter_map(|text| text.split_once("create table ")) {
        let Some((name, columns)) = statement.1.split_once(" (") else { continue };
        let columns = columns.trim_end().trim_end_matches([';', ')']);
        let (mut depth, mut start) = (0, 0);
        let mut parts = Vec::new();
        for (at, c) in columns.char_indices() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                ',' if depth == 0 => {
                    parts.push(&columns[start..at]);
                    start = at + 1;
                }
                _ => {}
            }
        }
        parts.push(&columns[start..]);
        for part in parts {
            let Some((column, ty)) = part.trim().split_once(' ') else { continue };
            let end = [" primary key", " not null", " default", " unique", " null", " generated", " auto_increment"]
                .iter()
                .filter_map(|word| ty.find(word))
                .min();
            let ty = &ty[..end.unwrap_or(ty.len())];
            // the bracket that closed the table
            let ty = if ty.matches('(').count() > ty.matches(')').count() { format!("{ty})") } else { ty.to_owned() };
            types.insert((format!("cdc_a.{name}"), column.to_owned()), ty);
        }
    }
}
