//! Consumer groups under a load: members that come and go, freeze, or keep their name; brokers that answer with errors.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Bridge, Broker, Database, Pipeline, Record, created, updated};

const N_PARTITIONS: i32 = 4;

/// The columns of a table whose changes are noted.
const COLUMNS: &str = "id int primary key, seq int";

/// Changes of some rows in every partition.
struct Load<'b> {
    broker: &'b Broker,
    topic: &'b str,
    n_rounds: i32,
}

impl<'b> Load<'b> {
    fn new(broker: &'b Broker, topic: &'b str) -> Self {
        Self { broker, topic, n_rounds: 0 }
    }

    /// Five changes more of each of fifty rows in each partition.
    fn write(&mut self) {
        for partition in 0..N_PARTITIONS {
            let mut records: Vec<Record> = Vec::new();
            for seq in self.n_rounds * 5..(self.n_rounds + 1) * 5 {
                for id in (0..50).map(|n| n * N_PARTITIONS + partition) {
                    let row = |seq: i32| json!({"id": id, "seq": seq});
                    records.push(if seq == 0 { created("t", row(0)) } else { updated("t", row(seq - 1), row(seq)) });
                }
            }
            self.broker.write(self.topic, partition, &records);
        }
        self.n_rounds += 1;
    }

    /// Waits until the target equals the source; nothing was applied twice, or went back.
    fn is_applied_once(&self, database: &Database) {
        let last = self.n_rounds * 5 - 1;
        let sql = "select count(*), min(seq), max(seq) from t";
        database.wait_for_rows(sql, &format!("({},{last},{last})", 50 * N_PARTITIONS));
        assert_eq!(
            database.rows("select id, seq from applied group by id, seq having count(*) > 1"),
            "",
            "applied twice"
        );
        let back = "select id from (select id, seq, lag(seq) over (partition by id order by at) as previous from applied) x where previous > seq";
        assert_eq!(database.rows(back), "", "went back");
    }
}

#[test]
fn three_instances_join_and_leave_under_a_load() {
    let (broker, database) = (Broker::start(), Database::noting_changes_of_t(COLUMNS));
    let topic = broker.topic("shop.public.t", N_PARTITIONS);
    let mut load = Load::new(&broker, &topic);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("batch.max_rows", "20");
    let mut running: Vec<Bridge> = Vec::new();
    for round in 0..8 {
        load.write();
        // the third leaves, and the first after it; then they are back
        match round {
            0..3 | 5 | 6 => running.push(pipeline.start()),
            _ => drop(running.remove(if round == 3 { 2 } else { 0 }).stop().with_code(0)),
        }
        load.write();
        sleep(Duration::from_millis(700));
    }
    load.is_applied_once(&database);
    for bridge in running {
        bridge.stop().with_code(0);
    }
}

/// What it had read and not applied is the other's by then.
#[test]
fn an_instance_that_was_frozen_is_fenced() {
    let (broker, database) = (Broker::start(), Database::noting_changes_of_t(COLUMNS));
    let topic = broker.topic("shop.public.t", N_PARTITIONS);
    let mut load = Load::new(&broker, &topic);
    load.write();
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database);
    let mut frozen = pipeline.clone().set("batch.linger", "3s").start();
    load.is_applied_once(&database);
    load.write();
    // it has read them, and waits for more to come
    sleep(Duration::from_secs(1));
    frozen.freeze();
    let other = pipeline.start();
    load.is_applied_once(&database);
    frozen.signal(Signal::CONT);
    load.write();
    load.is_applied_once(&database);
    frozen.wait_for_log("another instance has taken it over; its records are left to that one");
    assert!(frozen.is_running(), "{}", frozen.log());
    frozen.stop().with_code(0);
    other.stop().with_code(0);
}

/// Postgres ends its session, and what it had begun is the other's.
#[test]
fn an_instance_that_was_frozen_in_a_transaction() {
    let (broker, database) = (Broker::start(), Database::noting_changes_of_t(COLUMNS));
    let topic = broker.topic("shop.public.t", N_PARTITIONS);
    let mut load = Load::new(&broker, &topic);
    load.write();
    let url = database.url();
    let and = if url.contains('?') { '&' } else { '?' };
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .with_variable("ROWKIND_SINK_URL", &format!("{url}{and}options[idle_in_transaction_session_timeout]=2s"));
    let frozen = pipeline.start();
    load.is_applied_once(&database);
    let lock = database.lock("t");
    load.write();
    database.wait_for_rows("select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock'", "(t)");
    frozen.freeze();
    drop(lock);
    let other = pipeline.start();
    load.is_applied_once(&database);
    frozen.signal(Signal::CONT);
    load.write();
    load.is_applied_once(&database);
    other.stop().with_code(0);
}

#[test]
fn brokers_that_come_later_are_waited_for() {
    let (broker, database) = (Broker::mock(), Database::noting_changes_of_t(COLUMNS));
    let topic = broker.topic("shop.public.t", N_PARTITIONS);
    let mut load = Load::new(&broker, &topic);
    load.write();
    broker.stop();
    let bridge = Pipeline::from_topics(&broker, &[&topic], &database).start();
    bridge.wait_for_log("brokers are down");
    broker.resume();
    load.is_applied_once(&database);
    bridge.stop().with_code(0);
}

/// The errors of a cluster whose leaders and coordinators move.
#[test]
fn errors_of_brokers_pass() {
    use rdkafka::types::RDKafkaApiKey as Api;
    use rdkafka::types::RDKafkaRespErr as E;
    let (broker, database) = (Broker::mock_of(3), Database::noting_changes_of_t(COLUMNS));
    let topic = broker.topic("shop.public.t", N_PARTITIONS);
    let mut load = Load::new(&broker, &topic);
    load.write();
    let passing = [
        E::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        E::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        E::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ];
    let of_coordinator = [E::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, E::RD_KAFKA_RESP_ERR_NOT_COORDINATOR];
    broker.answer_with(Api::ListOffsets, &passing);
    broker.answer_with(Api::JoinGroup, &of_coordinator);
    let mut bridge = Pipeline::from_topics(&broker, &[&topic], &database).start();
    load.is_applied_once(&database);
    for leader in [2, 3, 1] {
        for partition in 0..N_PARTITIONS {
            broker.move_leader(&topic, partition, leader);
        }
        broker.answer_with(Api::Fetch, &passing);
        broker.answer_with(Api::Heartbeat, &of_coordinator);
        broker.answer_with(Api::OffsetCommit, &of_coordinator);
        load.write();
        load.is_applied_once(&database);
    }
    assert!(bridge.is_running(), "{}", bridge.log());
    bridge.stop().with_code(0);
}

/// Without its stored offset's records, a topic is another one. (The mock keeps its topics.)
#[test]
fn a_topic_that_was_deleted_and_created_again() {
    let (broker, database) = (Broker::start(), Database::noting_changes_of_t(COLUMNS));
    if broker.is_mock() {
        return;
    }
    let topic = broker.topic("shop.public.t", N_PARTITIONS);
    let mut load = Load::new(&broker, &topic);
    load.write();
    let bridge = Pipeline::from_topics(&broker, &[&topic], &database)
        .set("source.properties", "topic.metadata.refresh.interval.ms=500")
        .start();
    load.is_applied_once(&database);
    broker.delete_topic(&topic);
    sleep(Duration::from_secs(1));
    broker.topic("shop.public.t", N_PARTITIONS);
    bridge.wait().with_code(1).says("the stored next offset is 250, but");
}

/// An instance with a lasting name is back before the group misses it. (The mock knows no such members.)
#[test]
fn a_restart_of_a_named_instance_moves_no_partition() {
    let (broker, database) = (Broker::start(), Database::noting_changes_of_t(COLUMNS));
    if broker.is_mock() {
        return;
    }
    let topic = broker.topic("shop.public.t", N_PARTITIONS);
    let mut load = Load::new(&broker, &topic);
    let pipeline =
        Pipeline::from_topics(&broker, &[&topic], &database).set("source.properties", "session.timeout.ms=20000");
    let named = |name: &str| pipeline.clone().set("source.instance", name);
    let first = named("first").start();
    first.wait_for_log("INFO assigned");
    let second = named("second").start();
    second.wait_for_log("INFO assigned partitions=2");
    load.write();
    load.is_applied_once(&database);
    let moves =
        |bridge: &Bridge| bridge.log().matches("INFO assigned").count() + bridge.log().matches("INFO revoked").count();
    let before = moves(&second);
    first.stop().with_code(0);
    load.write();
    let first = named("first").start();
    load.is_applied_once(&database);
    assert_eq!(moves(&second), before, "{}", second.log());

    // of two with one name the later one stays
    let later = named("first").start();
    first
        .wait()
        .with_code(1)
        .says("another instance of the group has the same `source.instance`: give each one of its own");
    load.write();
    load.is_applied_once(&database);
    later.stop().with_code(0);
    second.stop().with_code(0);
}
