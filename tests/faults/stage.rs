//! Everything that takes part: the source's brokers and registry, the bridge, and the target; with a link between each two.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::disk::Disk;
use crate::fault::Fault;
use crate::harness::{Bridge, Broker, Database, Link, OwnKafka, PATIENCE, Pipeline, Place, Registry, Server, unknown};
use crate::load::{self, Load, N_PARTITIONS, Pace, Written};
use crate::report::Report;

/// The target's tables, and one that notes what is done to them.
const TABLES: &str = "
    create type mood as enum ('ok');
    create table parents (id int primary key);
    insert into parents values (1);
    create table t (id int primary key, seq int not null check (seq > 0), v varchar(200), m mood, parent int references parents deferrable initially deferred);
    create table a (id bigint primary key, seq bigint not null, v text);
    create table applied (at bigserial primary key, name text, op text, id bigint, seq bigint);
    create function note() returns trigger language plpgsql as $$ begin
      if tg_op = 'DELETE' then insert into applied (name, op, id, seq) values (tg_table_name, tg_op, old.id, old.seq);
      else insert into applied (name, op, id, seq) values (tg_table_name, 'CHANGE', new.id, new.seq); end if;
      return null; end $$;
    create trigger note after insert or update or delete on t for each row execute function note();
    create trigger note after insert or update or delete on a for each row execute function note()";

/// Postgres's own, and another one.
pub(crate) const PORTS: [u16; 2] = [5432, 5433];

pub(crate) struct Stage {
    pub(crate) load: Load,
    pub(crate) kafka: Option<OwnKafka>,
    pub(crate) broker: Broker,
    pub(crate) to_kafka: Option<Link>,
    pub(crate) registry_is_ill: Arc<AtomicBool>,
    pub(crate) to_registry: Link,
    pub(crate) server: Server,
    /// Which of the ports it listens at.
    pub(crate) port: usize,
    pub(crate) to_server: Link,
    /// For the test itself; no fault is of this link.
    pub(crate) own_way: Link,
    pub(crate) database: Database,
    pub(crate) disk: Option<Disk>,
    pub(crate) pipeline: Pipeline,
    /// It is started again whenever it has ended.
    pub(crate) bridge: Option<Bridge>,
    _registry: Registry,
}

impl Stage {
    pub(crate) fn start(seed: u64, pace: Pace) -> Self {
        let kafka = OwnKafka::start();
        let (broker, to_kafka) = match &kafka {
            Some(kafka) => {
                let [behind, told] = kafka.behind();
                (Broker::at(&kafka.open()), Some(Link::at(told, Place::Port(behind))))
            }
            None => (Broker::mock(), None),
        };
        let topics = [broker.topic("shop.shop.t", N_PARTITIONS), broker.topic("shop.shop.a", 1)];

        let registry_is_ill = Arc::<AtomicBool>::default();
        let is_ill = Arc::clone(&registry_is_ill);
        let registry = Registry::start(move |_, request| {
            if is_ill.load(Ordering::Relaxed) {
                return (500, json!({"error_code": 50001, "message": "error in the backend data store"}));
            }
            let id = request.path.strip_prefix("/schemas/ids/").and_then(|id| id.parse().ok());
            id.and_then(load::schema).map_or_else(unknown, |schema| (200, json!({ "schema": schema.to_string() })))
        });
        let to_registry = Link::to(Place::Port(registry.url().rsplit(':').next().unwrap().parse().unwrap()));

        let server = Server::start();
        let at = || Place::Socket(server.socket(PORTS[0]));
        let (to_server, own_way) = (Link::to(at()), Link::to(at()));
        let name = Database::of(&server).rows("select current_database()").trim_matches(['(', ')']).to_owned();
        let url = |link: &Link| format!("postgres://postgres@127.0.0.1:{}/{name}", link.port());
        let database = Database::at(&url(&own_way));
        let disk = Disk::mount(&server.host().join("data"));
        database.execute(TABLES);
        if let Some(disk) = &disk {
            database.execute(&format!("create tablespace small location '{}'", disk.path().display()));
            database.execute("alter table applied set tablespace small");
        }
        let pipeline = Pipeline::into_target(&url(&to_server))
            .set("source.brokers", &to_kafka.as_ref().map_or(broker.address().to_owned(), address))
            .set("source.properties", "session.timeout.ms=6000")
            .set("source.properties", "heartbeat.interval.ms=500")
            .set("source.topics", &topics[0])
            .set("source.topics", &topics[1])
            .set("source.format", "auto")
            .set("registry.url", &format!("http://{}", address(&to_registry)))
            .set("rejects.policy", "table")
            .set("sink.lanes", "2")
            .set("sink.table", "{table}")
            .set("batch.max_rows", "200");
        let load = Load::start(&broker, topics, seed, pace);
        let bridge = Some(pipeline.start());
        Self {
            load,
            kafka,
            broker,
            to_kafka,
            registry_is_ill,
            to_registry,
            server,
            port: 0,
            to_server,
            own_way,
            database,
            disk,
            pipeline,
            bridge,
            _registry: registry,
        }
    }

    /// Whether there is what it takes for a fault.
    pub(crate) fn can_have(&self, fault: Fault) -> bool {
        match fault {
            Fault::LinkToKafkaCut | Fault::LinkToKafkaSlow | Fault::LinkToKafkaHeld => self.to_kafka.is_some(),
            Fault::DiskFull => self.disk.is_some(),
            _ => true,
        }
    }

    pub(crate) fn bridge(&mut self) -> &mut Bridge {
        self.bridge.as_mut().expect("it is started again whenever it has ended")
    }

    /// Ends the bridge in this way, and starts it again.
    pub(crate) fn restart(&mut self, end: impl FnOnce(Bridge)) {
        end(self.bridge.take().expect("it is started again whenever it has ended"));
        self.bridge = Some(self.pipeline.start());
    }

    /// Waits until all that is written by now has been applied; how long that took.
    pub(crate) fn recover(&mut self, from: Fault) -> Duration {
        let (began, n_records) = (Instant::now(), self.load.written().n_records());
        self.wait_for(&format!("recovery from {from:?}"), n_records);
        let recovery = began.elapsed();
        thread::sleep(Duration::from_millis(300));
        recovery
    }

    pub(crate) fn wait_for(&mut self, what: &str, n_records: i64) {
        let began = Instant::now();
        loop {
            let applied = self.database.try_rows("select coalesce(sum(next_offset), 0) from rowkind.offsets");
            let n_applied = applied.as_ref().ok().and_then(|row| row.trim_matches(['(', ')']).parse::<i64>().ok());
            if n_applied.is_some_and(|n| n >= n_records) {
                return;
            }
            let bridge = self.bridge();
            if !bridge.is_running() {
                let ended = self.bridge.take().unwrap().wait();
                panic!("{what}: it ended by itself with {:?}:\n{}", ended.code, ended.log);
            }
            assert!(began.elapsed() < PATIENCE, "no {what}: {applied:?} of {n_records} records are applied");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the load, and holds the target against the source.
    pub(crate) fn finish(mut self, report: &mut Report) {
        let written = self.load.end();
        self.wait_for("end", written.n_records());
        self.bridge.take().unwrap().stop().with_code(0);
        let Written { ends, poisoned, rows, n_repeated } = &written;
        let database = &self.database;

        for (table, rows) in ["t", "a"].iter().zip(rows) {
            let expected: Vec<String> =
                rows.iter().map(|(id, seq)| format!("({id},{seq},\"{}\")", load::text(*seq))).collect();
            assert_eq!(
                database.rows(&format!("select id, seq, v from {table} order by id")),
                expected.join("\n"),
                "{table}"
            );
        }
        let twice = "select name, op, id, seq, count(*) from applied group by 1, 2, 3, 4 having count(*) > 1";
        assert_eq!(database.rows(twice), "", "applied twice");
        let back = "select * from (select name, id, seq, lag(seq) over (partition by name, id order by at) as previous from applied where op = 'CHANGE') x where previous > seq";
        assert_eq!(database.rows(back), "", "went back in time");
        let places: Vec<String> =
            poisoned.iter().map(|(topic, partition, offset)| format!("({topic},{partition},{offset})")).collect();
        let kept = "select topic, partition, \"offset\" from rowkind.rejects order by topic collate \"C\", partition, \"offset\"";
        assert_eq!(database.rows(kept), places.join("\n"), "rejects");
        let next: Vec<String> =
            ends.iter().map(|((topic, partition), end)| format!("({topic},{partition},{end})")).collect();
        let stored =
            "select topic, partition, next_offset from rowkind.offsets order by topic collate \"C\", partition";
        assert_eq!(database.rows(stored), next.join("\n"), "offsets");
        report.said.push(format!(
            "{} records, {n_repeated} of them again, {} of them in the rejects; {} changes applied, each once; {} rows as at the source",
            written.n_records(),
            poisoned.len(),
            database.number("select count(*) from applied"),
            rows.iter().map(std::collections::BTreeMap::len).sum::<usize>(),
        ));
    }

    /// Where the server is to be found now.
    pub(crate) fn place(&self) -> Place {
        Place::Socket(self.server.socket(PORTS[self.port]))
    }
}

fn address(link: &Link) -> String {
    format!("127.0.0.1:{}", link.port())
}
