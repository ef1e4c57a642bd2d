//! One Postgres for all tests of a process.

use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::LazyLock;

use rowkind::demo::postgres::TempPostgres;

/// The server that the tests share.
pub(crate) static SHARED: LazyLock<Shared> = LazyLock::new(Shared::start);

pub(crate) struct Shared {
    server: TempPostgres,
    /// Held open for as long as this process lives.
    _lifeline: ChildStdin,
}

impl Shared {
    /// Statics are never dropped: a shell waits for the end of this process, whatever it is, and tidies up then.
    #[expect(clippy::zombie_processes, reason = "it ends after this process")]
    fn start() -> Self {
        let server = start();
        let tidy = r#"cat; pid="$0/data/postmaster.pid"; kill -QUIT "$(head -n 1 "$pid")"
                      while [ -e "$pid" ]; do sleep 0.02; done; rm -rf "$0""#;
        let mut shell = Command::new("sh")
            .args(["-c", tidy])
            .arg(server.host())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // a Ctrl-C is for the tests
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        let lifeline = shell.stdin.take().expect("its standard input is a pipe");
        Self { server, _lifeline: lifeline }
    }

    pub(crate) fn server(&self) -> &TempPostgres {
        &self.server
    }
}

pub(crate) fn start() -> TempPostgres {
    TempPostgres::start().unwrap_or_else(|error| panic!("these tests need a Postgres: {error}"))
}
