//! What a page takes for granted, each at an address of its own in place of the documented one: a broker, databases, Kafka Connect,
//! a schema registry, a free port.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, PoisonError};

use regex::{Captures, Regex};
use serde_json::{Value, json};

use crate::harness::{Broker, Database, Record, Registry, recorded, recording};

/// How a line ends that says what a mock cluster cannot do.
const NO_GROUPS: &str = "(Local: Required feature not supported by broker)";

/// Held by the page that is played on a real broker, where a topic of one name is one topic.
static BROKER: Mutex<()> = Mutex::new(());

pub(crate) struct Neighbours {
    broker: Broker,
    _alone: Option<MutexGuard<'static, ()>>,
    connect: Registry,
    registry: Registry,
    metrics: String,
    database_url: Regex,
    jdbc_url: Regex,
    /// A member of a group, or their number, as `rowkind status` has it.
    member: Regex,
    /// By the names that they have in the page.
    databases: BTreeMap<String, Database>,
    /// The address of each by TCP, which is what Java's URLs are of.
    by_port: BTreeMap<String, String>,
}

impl Neighbours {
    pub(crate) fn start() -> Self {
        let answer = recorded("debezium-avro/postgres");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let alone = BROKER.lock().unwrap_or_else(PoisonError::into_inner);
        let broker = Broker::start_unprefixed();
        Self {
            _alone: (!broker.is_mock()).then_some(alone),
            broker,
            connect: Registry::start(|_, request| match serde_json::from_str::<Value>(&request.body) {
                Ok(_) => (200, json!({})),
                Err(_) if request.body.is_empty() => (200, json!({})),
                Err(error) => (400, json!({"error_code": 400, "message": error.to_string()})),
            }),
            registry: Registry::start(move |_, request| answer(request)),
            metrics: format!("127.0.0.1:{port}"),
            database_url: Regex::new(r#"postgres://[^@/\s"']*@localhost(?::5432)?/(\w+)"#).unwrap(),
            jdbc_url: Regex::new(r"(jdbc:postgresql:)//localhost(?::5432)?/(\w+)").unwrap(),
            member: Regex::new(r"rowkind@\S+|\d+ members?").unwrap(),
            databases: BTreeMap::new(),
            by_port: BTreeMap::new(),
        }
    }

    /// What `rowkind` is told besides: a mock cluster notices a member that has left after the session's time alone.
    pub(crate) fn environment(&self) -> &'static [(&'static str, &'static str)] {
        let sooner = &[("ROWKIND_SOURCE_PROPERTIES", "session.timeout.ms=6000,heartbeat.interval.ms=500")];
        if self.broker.is_mock() { sooner } else { &[] }
    }

    /// A topic of one partition, as a broker makes it at the first record.
    pub(crate) fn make_topic(&self, name: &str) {
        self.broker.topic(name, 1);
    }

    /// Writes the recorded records of a file of `fixtures/` to topics of their names.
    pub(crate) fn record(&self, path: &str) {
        let mut topics: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        for record in recording(path) {
            topics.entry(record.topic.clone()).or_default().push(record.into());
        }
        for (topic, records) in &topics {
            self.make_topic(topic);
            self.broker.write(topic, 0, records);
        }
    }

    /// A text of the page with the addresses that there are.
    pub(crate) fn here(&mut self, text: &str) -> String {
        for captures in self.database_url.captures_iter(text) {
            self.databases.entry(captures[1].to_owned()).or_insert_with(Database::new);
        }
        for captures in self.jdbc_url.captures_iter(text) {
            let database = self.databases.entry(captures[2].to_owned()).or_insert_with(Database::new);
            self.by_port.entry(captures[2].to_owned()).or_insert_with(|| {
                let (port, name) = database.by_port();
                format!("//127.0.0.1:{port}/{name}")
            });
        }
        // the server of the tests takes one user, who needs no password
        let text = &text.replace("'username' = 'app'", "'username' = 'postgres'");
        let text = &self
            .jdbc_url
            .replace_all(text, |captures: &Captures<'_>| format!("{}{}", &captures[1], self.by_port[&captures[2]]));
        let text = self.database_url.replace_all(text, |captures: &Captures<'_>| {
            let (base, host) = socket(&self.databases[&captures[1]]);
            base.replace("@localhost/", &format!("@{}/", host.replace('/', "%2F")))
        });
        self.addresses().iter().fold(text.into_owned(), |text, (documented, here)| text.replace(documented, here))
    }

    /// What was printed, with the addresses of the page.
    pub(crate) fn documented(&self, printed: &str) -> String {
        let mut text = printed.to_owned();
        for (name, database) in &self.databases {
            let (base, host) = socket(database);
            text = text.replace(&host.replace('/', "%2F"), "localhost").replace(&host, "localhost");
            let own = base.rsplit('/').next().unwrap_or_default();
            text = text.replace(own, name);
        }
        let text = self.addresses().iter().fold(text, |text, (documented, here)| text.replace(here, documented));
        let lines = text.lines().filter(|line| !self.broker.is_mock() || !line.ends_with(NO_GROUPS));
        lines.flat_map(|line| [line, "\n"]).collect()
    }

    /// What the page shows, as it can be seen here: a mock cluster tells nobody of its groups.
    pub(crate) fn shown(&self, shown: &str) -> String {
        if self.broker.is_mock() { self.member.replace_all(shown, "-").into_owned() } else { shown.to_owned() }
    }

    /// What Kafka Connect was sent and could not read.
    pub(crate) fn misread(&self) -> Vec<String> {
        let bodies = self.connect.requests().into_iter().map(|request| request.body);
        bodies.filter(|body| !body.is_empty() && serde_json::from_str::<Value>(body).is_err()).collect()
    }

    fn addresses(&self) -> [(&'static str, String); 5] {
        let local = |url: &str| url.trim_start_matches("http://").to_owned();
        [
            ("localhost:9092", self.broker.address().to_owned()),
            ("localhost:8083", local(self.connect.url())),
            ("localhost:8081", local(self.registry.url())),
            ("127.0.0.1:9464", self.metrics.clone()),
            ("localhost:9464", self.metrics.clone()),
        ]
    }
}

/// A database's URL without its parameters, and the folder of the server's socket.
fn socket(database: &Database) -> (String, String) {
    let (base, host) = database.url().split_once("?host=").expect("tests reach Postgres by its socket");
    (base.to_owned(), host.to_owned())
}
