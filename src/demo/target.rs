//! What the target holds, looked at from outside the bridge.

use std::str::FromStr;

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::shop::{ShopTable, TABLES};
use crate::route::quoted;

/// A connection to the target's database.
pub(super) struct Target(PgConnection);

/// A table beside the truth.
#[derive(Debug)]
pub(super) struct Comparison {
    /// Rows that the source had in the end.
    pub(super) n_rows: u64,
    /// Rows that only one of the two has.
    pub(super) n_different: i64,
}

impl Target {
    /// Connects, in UTC as the truth was recorded.
    pub(super) async fn connect(url: &str) -> anyhow::Result<Self> {
        let options = PgConnectOptions::from_str(url).map_err(|_| anyhow::anyhow!("--url is no Postgres URL"))?;
        let options = options.application_name("rowkind demo").options([("timezone", "UTC")]);
        Ok(Self(PgConnection::connect_with(&options).await.context("cannot connect to Postgres")?))
    }

    /// Makes an empty database that sorts as the truth does.
    pub(super) async fn create_database(&mut self, name: &str) -> anyhow::Result<()> {
        self.execute(format!("create database {} template template0 encoding 'UTF8' locale 'C'", quoted(name))).await
    }

    /// Drops a database, and whoever is connected to it.
    pub(super) async fn drop_database(&mut self, name: &str) -> anyhow::Result<()> {
        self.execute(format!("drop database if exists {} with (force)", quoted(name))).await
    }

    /// The server's version.
    pub(super) async fn version(&mut self) -> anyhow::Result<String> {
        let version: String = sqlx::query_scalar("show server_version").fetch_one(&mut self.0).await?;
        Ok(version.split_whitespace().next().unwrap_or_default().to_owned())
    }

    /// How many rows each table of the shop has; `None` for one that is not there yet.
    pub(super) async fn counts(&mut self) -> anyhow::Result<[Option<i64>; TABLES.len()]> {
        let mut counts = [None; TABLES.len()];
        for (count, table) in counts.iter_mut().zip(&TABLES) {
            let name = format!("public.{}", table.name);
            let exists: bool =
                sqlx::query_scalar("select to_regclass($1) is not null").bind(&name).fetch_one(&mut self.0).await?;
            if exists {
                let sql = AssertSqlSafe(format!("select count(*) from {name}"));
                *count = Some(sqlx::query_scalar(sql).fetch_one(&mut self.0).await?);
            }
        }
        Ok(counts)
    }

    /// The sum of the stored next offsets: how many records have been applied, as the topics start at 0.
    pub(super) async fn n_applied(&mut self) -> anyhow::Result<i64> {
        let exists: bool =
            sqlx::query_scalar("select to_regclass('rowkind.offsets') is not null").fetch_one(&mut self.0).await?;
        if !exists {
            return Ok(0);
        }
        let sum = "select coalesce(sum(next_offset), 0)::bigint from rowkind.offsets where pipeline = 'demo'";
        Ok(sqlx::query_scalar(sum).fetch_one(&mut self.0).await?)
    }

    /// Compares a table with what its source held in the end: Postgres reads the truth into the same types.
    pub(super) async fn compare(&mut self, table: &ShopTable) -> anyhow::Result<Comparison> {
        let name = table.name;
        self.execute(format!("create temporary table truth_of_{name} (like public.{name})")).await?;
        let mut copy =
            self.0.copy_in_raw(&format!("copy truth_of_{name} from stdin (format csv, header, null '\\N')")).await?;
        copy.send(table.truth.as_bytes()).await?;
        let n_rows = copy.finish().await?;
        // as text, since json has no equality
        let (found, truth) =
            (format!("select t::text from public.{name} t"), format!("select t::text from truth_of_{name} t"));
        let differences = format!(
            "select count(*) from (({found} except all {truth}) union all ({truth} except all {found})) as different"
        );
        let n_different = sqlx::query_scalar(AssertSqlSafe(differences)).fetch_one(&mut self.0).await?;
        Ok(Comparison { n_rows, n_different })
    }

    async fn execute(&mut self, sql: String) -> anyhow::Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.0).await?;
        Ok(())
    }
}
