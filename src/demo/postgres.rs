//! A throw-away Postgres: a server of this machine's own binaries, on a Unix socket that only its user can reach.
//!
//! Nothing is left behind when it is dropped.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use tempfile::TempDir;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct TempPostgres {
    binaries: PathBuf,
    version: String,
    /// Holds the data, the log and the socket.
    folder: TempDir,
    account: Option<Account>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum TempPostgresError {
    /// The machine has no server binaries where they are looked for.
    #[error(
        "no Postgres server on this machine (looked for `initdb` in PATH and in /usr/lib/postgresql): \
         install one, on Debian and Ubuntu with `apt-get install postgresql`"
    )]
    NotInstalled,
    /// Postgres refuses to run as root, and there is nobody else to run it as.
    #[error("Postgres does not run as root, and /etc/passwd has neither `postgres` nor `nobody`")]
    NoAccount,
    /// One of its programs failed.
    #[error("`{program}` failed: {output}")]
    Failed {
        /// Its name.
        program: &'static str,
        /// What it printed.
        output: String,
    },
    /// A folder or a program could not be used.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        error: io::Error,
    },
}

/// Whom the server runs as when this process is root's.
#[derive(Debug, Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

/// Nothing here has to survive a crash of the machine, and nobody comes over the network; the rest is Postgres's default.
const SETTINGS: &str = "listen_addresses = ''\nfsync = off\nfull_page_writes = off\nmax_connections = 200\n";

/// A socket's path ends here (`sun_path`), and Postgres adds `/.s.PGSQL.5432`.
const MAX_FOLDER: usize = 107 - 15;

impl TempPostgres {
    /// Makes a data directory and starts a server in it.
    ///
    /// # Errors
    ///
    /// When there are no server binaries, or they do not run.
    pub fn start() -> Result<Self, TempPostgresError> {
        let binaries = binaries().ok_or(TempPostgresError::NotInstalled)?;
        let account = account()?;
        let folder = folder().map_err(|error| io_error("cannot make a folder for Postgres", error))?;
        if let Some(Account { uid, gid }) = account {
            chown(folder.path(), Some(uid), Some(gid))
                .map_err(|error| io_error("cannot give Postgres its folder", error))?;
        }
        let mut server = Self { binaries, version: String::new(), folder, account };
        server.version = server.run("postgres", ["--version"])?;
        let data = server.data();
        let options =
            ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--pgdata"];
        server.run("initdb", options.iter().map(OsStr::new).chain([data.as_os_str()]))?;
        server.set(SETTINGS)?;
        server.resume()?;
        Ok(server)
    }

    /// Adds lines to `postgresql.conf`, for the next start.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn set(&self, lines: &str) -> Result<(), TempPostgresError> {
        let path = self.data().join("postgresql.conf");
        let written =
            fs::OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(lines.as_bytes()));
        written.map_err(|error| io_error("cannot write to postgresql.conf", error))
    }

    /// Starts the server again after [`halt`](Self::halt).
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn resume(&self) -> Result<(), TempPostgresError> {
        let (data, log) = (self.data(), self.folder.path().join("log"));
        let options = format!("-k '{}'", self.folder.path().display());
        let arguments = [
            OsStr::new("start"),
            OsStr::new("--silent"),
            OsStr::new("--wait"),
            OsStr::new("--pgdata"),
            data.as_os_str(),
        ];
        let more = [OsStr::new("--log"), log.as_os_str(), OsStr::new("--options"), OsStr::new(&options)];
        self.run("pg_ctl", arguments.into_iter().chain(more)).map(drop).map_err(|error| match error {
            TempPostgresError::Failed { program, output } => {
                let log = fs::read_to_string(&log).unwrap_or_default();
                TempPostgresError::Failed { program, output: format!("{output}\n{log}") }
            }
            other => other,
        })
    }

    /// Stops the server as a crash would; its data stays.
    ///
    /// # Errors
    ///
    /// When it does not stop.
    pub fn halt(&self) -> Result<(), TempPostgresError> {
        let data = self.data();
        let arguments = ["stop", "--silent", "--wait", "--mode=immediate", "--pgdata"];
        self.run("pg_ctl", arguments.iter().map(OsStr::new).chain([data.as_os_str()])).map(drop)
    }

    /// The URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.path().display())
    }

    /// The folder of the socket, as `psql --host` takes it.
    pub fn host(&self) -> &Path {
        self.folder.path()
    }

    /// As `15.18`.
    pub fn version(&self) -> &str {
        self.version.split_whitespace().nth(2).unwrap_or(&self.version)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs one of Postgres's programs; what it printed to standard output.
    fn run<A: AsRef<OsStr>>(
        &self,
        program: &'static str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String, TempPostgresError> {
        let mut command = Command::new(self.binaries.join(program));
        // a server that inherits a pipe would hold it open: what it prints goes to files
        let printed = |name: &str| self.folder.path().join(format!("{program}.{name}"));
        let file = |name| {
            fs::File::create(printed(name)).map_err(|error| io_error("cannot write to Postgres's folder", error))
        };
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("PGDATA")
            .stdout(file("out")?)
            .stderr(file("err")?);
        if let Some(Account { uid, gid }) = self.account {
            command.uid(uid).gid(gid);
        }
        let status = command.status().map_err(|error| io_error(&format!("cannot run {program}"), error))?;
        let text = |name| fs::read_to_string(printed(name)).unwrap_or_default().trim().to_owned();
        if status.success() {
            Ok(text("out"))
        } else {
            Err(TempPostgresError::Failed {
                program,
                output: format!("{} {}", text("out"), text("err")).trim().to_owned(),
            })
        }
    }
}

impl Drop for TempPostgres {
    fn drop(&mut self) {
        // a server that is halted already, or never came up, has no pid file
        if self.data().join("postmaster.pid").exists()
            && let Err(error) = self.halt()
        {
            eprintln!("a Postgres server in {} is still running: {error}", self.folder.path().display());
        }
    }
}

/// The folder of `initdb`, `pg_ctl` and `postgres`: the first of PATH, else Debian's newest version.
fn binaries() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there =
        |folder: &PathBuf| ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file());
    if let Some(folder) = env::split_paths(&path).find(is_there) {
        return Some(folder);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut versions: Vec<PathBuf> = versions.flatten().map(|entry| entry.path()).collect();
    versions.sort_by_key(|folder| folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    versions.into_iter().rev().map(|folder| folder.join("bin")).find(is_there)
}

fn folder() -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("rowkind-").tempdir()?;
    let is_short = folder.path().as_os_str().len() <= MAX_FOLDER;
    if is_short { Ok(folder) } else { tempfile::Builder::new().prefix("rowkind-").tempdir_in("/tmp") }
}

/// `None` when this process can run the server itself.
fn account() -> Result<Option<Account>, TempPostgresError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd").map_err(|error| io_error("cannot read /etc/passwd", error))?;
    let find = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(str::parse);
        Some(Account { uid: ids.next()?.ok()?, gid: ids.next()?.ok()? })
    };
    find("postgres").or_else(|| find("nobody")).map(Some).ok_or(TempPostgresError::NoAccount)
}

fn io_error(what: &str, error: io::Error) -> TempPostgresError {
    TempPostgresError::Io { what: what.to_owned(), error }
}
