//! The target: one server for all tests, a database for each.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::str::FromStr;
use std::sync::Mutex;

use rowkind::demo::postgres::TempPostgres;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::link::{Link, Place};
use super::shared::{SHARED, start};
use super::{RUNTIME, unique, wait_for};

/// A server of a test's own, to be stopped and started.
pub(crate) struct Server(TempPostgres);

impl Server {
    pub(crate) fn start() -> Self {
        Self(start())
    }

    /// Stops it as a crash would.
    pub(crate) fn crash(&self) {
        self.0.halt().expect("the server can be stopped");
    }

    pub(crate) fn recover(&self) {
        self.0.resume().expect("the server starts again");
    }

    /// Where it listens, if this is its port.
    pub(crate) fn socket(&self, port: u16) -> std::path::PathBuf {
        self.0.host().join(format!(".s.PGSQL.{port}"))
    }

    /// The folder of its socket.
    pub(crate) fn host(&self) -> &std::path::Path {
        self.0.host()
    }

    /// Listens at a port of 127.0.0.1 from now on, for TLS alone, with a certificate and for clients that one of `client` vouches
    /// for. The certificate, the key and the client's as PEM.
    pub(crate) fn guard(&self, port: u16, [certificate, key, client]: [&str; 3], authentication: &str) {
        let data = self.0.host().join("data");
        let owner = std::fs::metadata(&data).unwrap();
        for (name, text) in [("server.crt", certificate), ("server.key", key), ("client.crt", client)] {
            let path = data.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        let settings = format!("listen_addresses = '127.0.0.1'\nport = {port}\nssl = on\nssl_ca_file = 'client.crt'\n");
        self.0.set(&settings).unwrap();
        std::fs::write(data.join("pg_hba.conf"), authentication).unwrap();
        self.crash();
        self.recover();
    }

    /// Replaces `pg_hba.conf`.
    pub(crate) fn set_authentication(&self, lines: &str) {
        let path = self.0.host().join("data/pg_hba.conf");
        std::fs::write(path, lines).unwrap();
        Database::connect(self.0.url("postgres")).execute("select pg_reload_conf()");
    }
}

/// A database of one test.
pub(crate) struct Database {
    url: String,
    /// `None` until it is needed, and after it was lost.
    connection: Mutex<Option<PgConnection>>,
}

impl Database {
    /// An empty database on the shared server.
    pub(crate) fn new() -> Self {
        Self::on(SHARED.server())
    }

    /// An empty database on a server of the test's own.
    pub(crate) fn of(server: &Server) -> Self {
        Self::on(&server.0)
    }

    /// An empty table `t` of these columns, `id` and `seq` among them, and a table `applied` that notes every change of it.
    pub(crate) fn noting_changes_of_t(columns: &str) -> Self {
        let database = Self::new();
        database.execute(&format!(
            "create table t ({columns});
             create table applied (at bigserial primary key, op text, id int, seq int);
             create function note() returns trigger language plpgsql as $$
               begin
                 if tg_op = 'DELETE' then insert into applied (op, id, seq) values (tg_op, old.id, old.seq);
                 else insert into applied (op, id, seq) values ('CHANGE', new.id, new.seq); end if;
                 return null;
               end $$;
             create trigger note after insert or update or delete on t for each row execute function note()",
        ));
        database
    }

    fn on(server: &TempPostgres) -> Self {
        let name = unique("test");
        let sql = format!("create database {name} template template0 encoding 'UTF8' locale 'C'");
        Self::connect(server.url("postgres")).execute(&sql);
        Self::connect(server.url(&name))
    }

    /// Another session on a database.
    pub(crate) fn at(url: &str) -> Self {
        Self::connect(url.to_owned())
    }

    fn connect(url: String) -> Self {
        Self { url, connection: Mutex::default() }
    }

    /// The same by a connection of its own.
    pub(crate) fn again(&self) -> Self {
        Self::connect(self.url.clone())
    }

    /// For the bridge. It has no password.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A port of 127.0.0.1 that leads to its server, and its name, for who knows no sockets.
    pub(crate) fn by_port(&self) -> (u16, &str) {
        let (base, folder) = self.url.split_once("?host=").expect("tests reach Postgres by its socket");
        let link = Link::to(Place::Socket(format!("{folder}/.s.PGSQL.5432").into()));
        (link.port(), base.rsplit('/').next().expect("a URL names its database"))
    }

    /// Runs statements.
    pub(crate) fn execute(&self, sql: &str) {
        let ran = self
            .with(async |connection| sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.map(drop));
        ran.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// The rows of a query as Postgres prints them, one a line: `(1,open)`.
    pub(crate) fn rows(&self, sql: &str) -> String {
        self.try_rows(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"))
    }

    pub(crate) fn try_rows(&self, sql: &str) -> Result<String, String> {
        let sql = format!("select coalesce(string_agg(rows::text, E'\\n'), '') from ({sql}) as rows");
        self.with(async |connection| sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await)
            .map_err(|error| error.to_string())
    }

    /// A query's one number.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        let row = self.rows(sql);
        let number = row.trim_matches(['(', ')']).parse();
        number.unwrap_or_else(|_| panic!("no number: {row}\n{sql}"))
    }

    /// Waits until a query gives these rows; tables may be missing until then, and the server away.
    pub(crate) fn wait_for_rows(&self, sql: &str, expected: &str) {
        wait_for(&format!("`{expected}` from `{sql}`"), || match self.try_rows(sql) {
            Ok(rows) if rows == expected => Ok(()),
            Ok(rows) => Err(rows),
            Err(error) => Err(error),
        });
    }

    /// Loads lines of CSV into a table, as `copy` reads them with this list of columns and `\N` for NULL.
    pub(crate) fn copy(&self, table: &str, columns: &str, csv: &str) {
        let sql = format!("copy {table} ({columns}) from stdin (format csv, null '\\N')");
        let copied = self.with(async |connection| {
            let mut copy = connection.copy_in_raw(&sql).await?;
            copy.send(csv.as_bytes()).await?;
            copy.finish().await
        });
        copied.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// Keeps everybody else from a table, for as long as the lock is held.
    pub(crate) fn lock(&self, table: &str) -> Lock {
        let holder = Self::connect(self.url.clone());
        holder.execute(&format!("begin; lock table {table}"));
        Lock(holder)
    }

    fn with<T>(&self, work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        let mut kept = self.connection.lock().unwrap();
        let result = RUNTIME.block_on(async {
            let connection = match kept.as_mut() {
                Some(connection) => connection,
                None => kept.insert(connect(&self.url).await?),
            };
            work(connection).await
        });
        if let Err(sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) = result {
            *kept = None;
        }
        result
    }
}

/// A table that nobody can use until this is dropped.
pub(crate) struct Lock(Database);

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.execute("rollback");
    }
}

/// In UTC, as the truth was recorded.
async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?.options([("timezone", "UTC"), ("client_min_messages", "warning")]);
    PgConnection::connect_with(&options).await
}
