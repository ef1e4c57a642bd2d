//! A standby of a server, and what is lost when it takes the server's place.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::harness::{Database, Place, wait_for};
use crate::load::Pace;
use crate::one_at_a_time;
use crate::report::Report;
use crate::stage::{PORTS, Stage};

const N_APPLIED: &str = "select sum(next_offset)::bigint from rowkind.offsets";

/// A server that follows another one, until it is promoted or dropped.
struct Standby {
    folder: TempDir,
    /// Of the database that is looked at.
    name: String,
    binaries: PathBuf,
    owner: (u32, u32),
}

impl Standby {
    /// It follows the server whose folder this is.
    fn of(host: &Path, name: &str) -> Self {
        let data = host.join("data");
        let pid = fs::read_to_string(data.join("postmaster.pid")).unwrap().lines().next().unwrap().to_owned();
        let binaries = fs::read_link(format!("/proc/{pid}/exe")).unwrap().parent().unwrap().to_owned();
        let owner = fs::metadata(&data).unwrap();
        let folder = tempfile::Builder::new().prefix("standby-").tempdir_in("/tmp").unwrap();
        let standby = Self { folder, name: name.to_owned(), binaries, owner: (owner.uid(), owner.gid()) };
        chown(standby.host(), Some(owner.uid()), Some(owner.gid())).unwrap();
        let server = format!("host={} port={} user=postgres", host.display(), PORTS[0]);
        let path = standby.data();
        standby.run(
            "pg_basebackup",
            &["--checkpoint=fast", "--write-recovery-conf", "--dbname", &server, "--pgdata", &path],
        );
        let (options, log) =
            (format!("-k '{}'", standby.host().display()), format!("{}/log", standby.host().display()));
        standby
            .run("pg_ctl", &["start", "--silent", "--wait", "--log", &log, "--options", &options, "--pgdata", &path]);
        standby
    }

    fn host(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> String {
        self.host().join("data").to_str().unwrap().to_owned()
    }

    fn place(&self) -> Place {
        Place::Socket(self.host().join(format!(".s.PGSQL.{}", PORTS[0])))
    }

    /// What is committed from now on does not come here.
    fn fall_behind(&self) {
        let database = self.database();
        wait_for("standby that follows", || {
            match database.try_rows("select status from pg_stat_wal_receiver").as_deref() {
                Ok("(streaming)") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
        database.execute("alter system set primary_conninfo = ''");
        database.execute("select pg_reload_conf()");
        wait_for("standby that does not follow", || {
            match database.try_rows("select status from pg_stat_wal_receiver") {
                Ok(rows) if rows.is_empty() => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }

    fn database(&self) -> Database {
        Database::at(&format!("postgres://postgres@localhost/{}?host={}", self.name, self.host().display()))
    }

    fn crash(&self) {
        self.run("pg_ctl", &["stop", "--silent", "--wait", "--mode=immediate", "--pgdata", &self.data()]);
    }

    fn promote(&self) {
        self.run("pg_ctl", &["promote", "--silent", "--wait", "--pgdata", &self.data()]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let printed = self.host().join(format!("{program}.err"));
        let mut command = Command::new(self.binaries.join(program));
        command.args(arguments).current_dir(self.host()).uid(self.owner.0).gid(self.owner.1);
        // a server would hold a pipe open
        let file = fs::File::create(&printed).unwrap();
        let status = command.stdout(file.try_clone().unwrap()).stderr(file).status().unwrap();
        assert!(status.success(), "{program}: {}", fs::read_to_string(printed).unwrap());
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        if self.host().join("data/postmaster.pid").exists() {
            self.crash();
        }
    }
}

/// The place of a server that is gone is this one's from now on.
fn promote(stage: &Stage, standby: &Standby) {
    standby.promote();
    stage.to_server.lead_to(standby.place());
    stage.own_way.lead_to(standby.place());
}

/// What was committed, and told as committed, is gone with the server. The bridge begins again at what the standby has, and knows nothing
/// of the rows that it remembered: while changes come, and where no more come.
#[test]
fn what_a_promoted_standby_lacks_is_applied_again() {
    let _alone = one_at_a_time();
    let mut stage = Stage::start(3, Pace::CALM);
    stage.database.execute("alter table applied set tablespace pg_default");
    if stage.disk.is_some() {
        stage.database.execute("drop tablespace small");
    }
    let name = stage.database.rows("select current_database()").trim_matches(['(', ')']).to_owned();
    stage.wait_for("first changes", 200);
    let first = Standby::of(stage.server.host(), &name);
    first.fall_behind();
    let n_there = first.database().number(N_APPLIED);
    stage.wait_for("changes that the standby lacks", n_there + 500);
    stage.server.crash();
    promote(&stage, &first);
    let n_written = stage.load.written().n_records();
    stage.wait_for("recovery from a promotion", n_written);

    let second = Standby::of(first.host(), &name);
    second.fall_behind();
    let n_there = second.database().number(N_APPLIED);
    stage.wait_for("changes that the standby lacks", n_there + 200);
    let n_written = stage.load.end().n_records();
    stage.wait_for("all changes", n_written);
    assert!(second.database().number(N_APPLIED) < n_written, "it lacks nothing");
    first.crash();
    promote(&stage, &second);
    stage.wait_for("recovery from a promotion while nothing comes", n_written);
    let log = stage.bridge().log();
    assert_eq!(log.matches("beginning again there").count(), 2, "{log}");
    stage.finish(&mut Report::default());
}
