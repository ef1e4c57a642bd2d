//! One Postgres for all tests, a database for each.

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::runtime::Runtime;

use crate::shared::SHARED;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime can be made"));

/// The cells of a row as Postgres prints them.
pub(crate) type Cells = Vec<Option<String>>;

/// An empty database in UTC.
pub(crate) struct Database {
    pub(crate) url: String,
    connection: Mutex<PgConnection>,
}

impl Database {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("types_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let admin = Self::connect(SHARED.server().url("postgres"));
        admin.execute(&format!("create database {name} template template0 encoding 'UTF8' locale 'C'"));
        Self::connect(SHARED.server().url(&name))
    }

    fn connect(url: String) -> Self {
        let options = PgConnectOptions::from_str(&url).unwrap();
        let options = options.options([("timezone", "UTC"), ("client_min_messages", "warning")]);
        let connection = RUNTIME.block_on(PgConnection::connect_with(&options)).unwrap();
        Self { url, connection: Mutex::new(connection) }
    }

    /// Runs statements; the number of rows that the last of them changed.
    pub(crate) fn execute(&self, sql: &str) -> u64 {
        let mut connection = self.connection.lock().unwrap();
        let run = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *connection);
        RUNTIME.block_on(run).unwrap_or_else(|error| panic!("{error}\n{sql}")).rows_affected()
    }

    /// The rows of a query whose columns are all text.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Cells> {
        let mut connection = self.connection.lock().unwrap();
        let fetch = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut *connection);
        let rows = RUNTIME.block_on(fetch).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        let cells = |row: &PgRow| (0..row.len()).map(|at| row.try_get(at).unwrap()).collect();
        rows.iter().map(cells).collect()
    }

    /// What a parameter of text comes to in an expression over `$1`, or Postgres's refusal.
    pub(crate) fn cast(&self, expression: &str, text: &str) -> Result<Option<String>, String> {
        let mut connection = self.connection.lock().unwrap();
        let sql = format!("select {expression}");
        let fetch = sqlx::query_scalar(AssertSqlSafe(sql)).bind(text.to_owned()).fetch_one(&mut *connection);
        RUNTIME.block_on(fetch).map_err(|error| error.to_string())
    }

    /// Loads CSV with its header.
    pub(crate) fn copy(&self, table: &str, csv: &str) {
        let mut connection = self.connection.lock().unwrap();
        let sql = format!("copy {table} from stdin (format csv, header, null '\\N')");
        let copied = RUNTIME.block_on(async {
            let mut copy = connection.copy_in_raw(&sql).await?;
            copy.send(csv.as_bytes()).await?;
            copy.finish().await
        });
        copied.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// A table's columns and their types, in their order.
    pub(crate) fn columns(&self, table: &str) -> Vec<(String, String)> {
        let sql = format!(
            "select attname::text, format_type(atttypid, atttypmod) from pg_attribute \
              where attrelid = '{}'::regclass and attnum > 0 and not attisdropped order by attnum",
            table.replace('\'', "''")
        );
        let rows = self.rows(&sql);
        rows.into_iter().map(|row| (row[0].clone().unwrap(), row[1].clone().unwrap())).collect()
    }
}

/// A name in SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
