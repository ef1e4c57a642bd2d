//! The bridge as a process: this build's binary with `run`.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;

use super::{Broker, Database, PATIENCE, unique, wait_for};

/// `rowkind run` with its settings, to be started any number of times.
#[derive(Clone)]
pub(crate) struct Pipeline {
    name: String,
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
}

impl Pipeline {
    /// A pipeline from topics. Its group notices a killed member as soon as brokers allow.
    pub(crate) fn from_topics(broker: &Broker, topics: &[&str], database: &Database) -> Self {
        let pipeline = Self::from_broker(broker, database);
        topics.iter().fold(pipeline, |pipeline, topic| pipeline.set("source.topics", topic))
    }

    /// A pipeline from a broker, without its topics.
    pub(crate) fn from_broker(broker: &Broker, database: &Database) -> Self {
        Self::into(database).reading(broker)
    }

    /// A pipeline from a file of recorded records.
    pub(crate) fn from_file(file: &Path, database: &Database) -> Self {
        Self::into(database).set("source.file", file.to_str().unwrap())
    }

    /// A pipeline from a broker to another sink than Postgres, without its topics.
    pub(crate) fn changelog_from_broker(broker: &Broker, sink: &str) -> Self {
        Self::named().set("sink.type", sink).reading(broker)
    }

    /// A pipeline from a file to another sink than Postgres.
    pub(crate) fn changelog_from_file(file: &Path, sink: &str) -> Self {
        Self::named().set("sink.type", sink).set("source.file", file.to_str().unwrap())
    }

    fn into(database: &Database) -> Self {
        Self::into_target(database.url())
    }

    /// A pipeline into Postgres, without its source.
    pub(crate) fn into_target(url: &str) -> Self {
        Self::named().with_variable("ROWKIND_SINK_URL", url)
    }

    fn named() -> Self {
        let name = unique("pipeline");
        Self { settings: vec![("name".to_owned(), name.clone())], environment: Vec::new(), name }
    }

    fn reading(self, broker: &Broker) -> Self {
        self.set("source.brokers", broker.address())
            .set("source.properties", "session.timeout.ms=6000")
            .set("source.properties", "heartbeat.interval.ms=500")
    }

    /// Its name, which is its group's.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// With one more setting, by its key in the file. The last counts, except of lists.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        let is_list = matches!(key, "source.topics" | "source.properties" | "sink.properties");
        self.settings.retain(|(known, _)| is_list || known != key);
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// With one more environment variable.
    pub(crate) fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it; it runs until it is stopped.
    pub(crate) fn start(&self) -> Bridge {
        self.start_command(&["run"])
    }

    /// Starts another command on it.
    pub(crate) fn start_command(&self, words: &[&str]) -> Bridge {
        let mut arguments: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        for (key, value) in &self.settings {
            arguments.push(format!("--{}={value}", key.replace(['.', '_'], "-")));
        }
        Bridge::start(&arguments, &self.environment)
    }

    /// Runs `rowkind rejects` with these words behind it.
    pub(crate) fn rejects(&self, words: &[&str]) -> Ended {
        self.run_command(&[&["rejects"], words].concat())
    }

    /// Runs another command on it, up to its end.
    pub(crate) fn run_command(&self, words: &[&str]) -> Ended {
        self.start_command(words).wait()
    }

    /// Runs it up to the end of its input.
    pub(crate) fn run(&self) -> Ended {
        self.clone().set("source.stop", "latest-offset").start().wait()
    }
}

/// A running `rowkind`. It is killed when it is dropped.
pub(crate) struct Bridge {
    child: Child,
    log: NamedTempFile,
    output: NamedTempFile,
}

/// How a bridge ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when it was killed.
    pub(crate) code: Option<i32>,
    /// What it wrote to standard error.
    pub(crate) log: String,
    /// What it wrote to standard output.
    pub(crate) output: String,
}

impl Bridge {
    pub(crate) fn start(arguments: &[impl AsRef<std::ffi::OsStr>], environment: &[(String, String)]) -> Self {
        let file = || NamedTempFile::new().unwrap();
        let (log, output) = (file(), file());
        let writer = |file: &NamedTempFile| Stdio::from(file.reopen().unwrap());
        let child = Command::new(env!("CARGO_BIN_EXE_rowkind"))
            .args(arguments)
            .env_remove("RUST_LOG")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(writer(&output))
            .stderr(writer(&log))
            .spawn()
            .unwrap();
        Self { child, log, output }
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// What it has written to standard output so far.
    pub(crate) fn output(&self) -> String {
        std::fs::read_to_string(self.output.path()).unwrap()
    }

    /// Waits until it has logged `text`.
    pub(crate) fn wait_for_log(&self, text: &str) {
        wait_for(&format!("`{text}` in the log"), || {
            let log = self.log();
            if log.contains(text) { Ok(()) } else { Err(log) }
        });
    }

    /// How much memory it has.
    pub(crate) fn resident_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How many files and sockets it has open.
    pub(crate) fn n_descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if began.elapsed() > PATIENCE => panic!("no end in {PATIENCE:?}:\n{}", self.log()),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        self.ended(status)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Stops it in its tracks: when this returns none of its threads runs, until `Signal::CONT`.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
        let tasks = format!("/proc/{}/task", self.child.id());
        wait_for("stop of all its threads", || {
            let threads = fs::read_dir(&tasks).unwrap().map(|task| task.unwrap().path().join("stat"));
            // the state stands behind the name, which is in parentheses; a thread that has ended has none
            let running = threads.filter_map(|stat| fs::read_to_string(stat).ok()).find(|stat| !stat.contains(") T "));
            running.map_or(Ok(()), Err)
        });
    }

    /// Stops it as an orchestrator does, and waits for its end.
    pub(crate) fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Kills it without a warning.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        self.ended(status)
    }

    fn ended(&self, status: ExitStatus) -> Ended {
        Ended { code: status.code(), log: self.log(), output: self.output() }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("what the bridge logged in the end:\n{}", last_lines(&self.log()));
        }
    }
}

/// As much of a log as one reads.
fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

impl Ended {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.log);
        self
    }

    /// Asserts that the log has a text in it.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.log.contains(text), "no `{text}` in\n{}", self.log);
        self
    }
}
