//! The terminal of a reader: one bash for all commands of a page, in a folder of its own, with this build's `rowkind` in its PATH.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use tempfile::TempDir;

use crate::harness::PATIENCE;

pub(crate) struct Terminal {
    bash: Child,
    input: ChildStdin,
    folder: TempDir,
    n_commands: usize,
    /// The exit code of the last command, which the next one may ask for.
    last: i32,
}

/// What has been typed, and runs until there is a code.
pub(crate) struct Running {
    script: PathBuf,
}

impl Terminal {
    /// A terminal with these variables in its environment, beside its own.
    pub(crate) fn open(environment: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for part in ["work", "steps", "home"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        let own = Path::new(env!("CARGO_BIN_EXE_rowkind")).parent().unwrap().display();
        let path = format!("{own}:{}", std::env::var("PATH").unwrap_or_default());
        let mut bash = Command::new("bash")
            .args(["--noprofile", "--norc"])
            .current_dir(folder.path().join("work"))
            .env("PATH", path)
            .env("HOME", folder.path().join("home"))
            .envs([("PAGER", "cat"), ("PSQLRC", "/dev/null"), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC")])
            .envs(environment.iter().copied())
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("there is a bash");
        let input = bash.stdin.take().unwrap();
        Self { bash, input, folder, n_commands: 0, last: 0 }
    }

    /// Writes a file where the commands run.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join("work").join(name), text).unwrap();
    }

    /// Reads a file from there.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join("work").join(name)).unwrap()
    }

    /// Types commands.
    pub(crate) fn begin(&mut self, commands: &str) -> Running {
        self.n_commands += 1;
        let script = self.folder.path().join("steps").join(self.n_commands.to_string());
        fs::write(&script, commands).unwrap();
        let (path, last) = (script.display(), self.last);
        // the file of the code is there when it is whole
        writeln!(
            self.input,
            "(exit {last}); . {path} > {path}.output 2>&1 < /dev/null; echo $? > {path}.part; mv {path}.part {path}.code"
        )
        .unwrap();
        Running { script }
    }

    /// Types commands, and waits for their end: the exit code, and what they printed.
    pub(crate) fn run(&mut self, commands: &str) -> (i32, String) {
        let running = self.begin(commands);
        self.end(&running)
    }

    /// Waits for the end of what was typed. When the shell itself ended with it, the code is not 0.
    pub(crate) fn end(&mut self, running: &Running) -> (i32, String) {
        let began = Instant::now();
        loop {
            if let Some(code) = running.code() {
                self.last = code;
                return (code, running.output());
            }
            if self.bash.try_wait().unwrap().is_some() {
                return (running.code().unwrap_or(-1), running.output());
            }
            assert!(began.elapsed() < PATIENCE, "no end in {PATIENCE:?}:\n{}", running.output());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Running {
    /// What was printed so far, in its order.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(self.script.with_extension("output")).unwrap_or_default()
    }

    fn code(&self) -> Option<i32> {
        fs::read_to_string(self.script.with_extension("code")).ok()?.trim().parse().ok()
    }
}

/// Sends Ctrl-C's signal to a process whose id stands in a file.
pub(crate) fn interrupt(pid: &str) {
    let pid = pid.trim().parse().ok().and_then(Pid::from_raw).expect("the number of a process");
    kill_process(pid, Signal::INT).unwrap();
}

impl Drop for Terminal {
    /// What still runs is ended as a terminal that closes does, and then without a question.
    fn drop(&mut self) {
        let Some(group) = i32::try_from(self.bash.id()).ok().and_then(Pid::from_raw) else { return };
        let _ = kill_process_group(group, Signal::TERM);
        let began = Instant::now();
        loop {
            let _ = self.bash.try_wait();
            if test_kill_process_group(group).is_err() || began.elapsed() > Duration::from_secs(10) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.bash.wait();
    }
}
