//! The bridge as a process of its own, so that it can be killed: this very binary with `run`.

use std::process::{ExitStatus, Stdio};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

/// A running `rowkind run`. It is killed when it is dropped.
pub(super) struct Sidecar {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Sidecar {
    /// Starts `rowkind` with `arguments`. The URL of the target goes by the environment: a command line can be read by
    /// everybody.
    pub(super) fn start(arguments: &[String], url: &str) -> anyhow::Result<Self> {
        let binary = std::env::current_exe().context("cannot find rowkind's own binary")?;
        let mut child = Command::new(binary)
            .args(arguments)
            .env("ROWKIND_SINK_URL", url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // a Ctrl-C is the demo's, which stops the bridge itself
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start `rowkind run`")?;
        let stderr = child.stderr.take().context("`rowkind run` has no standard error")?;
        Ok(Self { child, log: BufReader::new(stderr).lines() })
    }

    /// The next line of its log; `None` when it has ended.
    pub(super) async fn log_line(&mut self) -> Option<String> {
        self.log.next_line().await.ok().flatten()
    }

    /// Kills it as `kill -9` does.
    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot kill the bridge")
    }

    /// Asks it to stop with SIGTERM, hands its last log lines to `show`, and waits for it to end well.
    pub(super) async fn stop(mut self, mut show: impl FnMut(&str)) -> anyhow::Result<()> {
        if let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
            kill_process(pid, Signal::TERM).context("cannot stop the bridge")?;
        }
        while let Some(line) = self.log_line().await {
            show(&line);
        }
        let status = self.ended().await?;
        ensure!(status.success(), "the bridge ended with {status} after SIGTERM");
        Ok(())
    }

    /// Waits for its end.
    pub(super) async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        self.child.wait().await.context("cannot wait for the bridge")
    }
}
