//! What goes wrong, and how it is made to.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::{Bridge, Database, Random, State};
use crate::stage::{PORTS, Stage};

const TERMINATE: &str =
    "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name like 'rowkind %'";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// SIGKILL.
    Kill,
    /// SIGKILL, and again while it begins.
    KillTwice,
    /// SIGTERM.
    Terminate,
    /// SIGSTOP, and SIGCONT later.
    Freeze,
    /// Another instance comes, and is stopped.
    Rebalance,
    /// Another instance comes, and is killed.
    RebalanceByKill,
    /// Postgres stops as by a crash, and recovers.
    PostgresCrash,
    /// The same, and it listens at another port from then on.
    PostgresMoves,
    /// `pg_terminate_backend`.
    BackendsTerminated,
    DiskFull,
    /// Somebody holds a lock on a target table.
    TableLocked,
    /// The same, while statements may take 50 ms.
    StatementTimeout,
    LinkToPostgresCut,
    LinkToPostgresSlow,
    LinkToPostgresHeld,
    /// SIGKILL of the broker, where it is a real one.
    KafkaAway,
    LinkToKafkaCut,
    LinkToKafkaSlow,
    LinkToKafkaHeld,
    RegistryAway,
    /// It answers with 500.
    RegistryIll,
}

impl Fault {
    pub(crate) const ALL: [Self; 21] = [
        Self::Kill,
        Self::KillTwice,
        Self::Terminate,
        Self::Freeze,
        Self::Rebalance,
        Self::RebalanceByKill,
        Self::PostgresCrash,
        Self::PostgresMoves,
        Self::BackendsTerminated,
        Self::DiskFull,
        Self::TableLocked,
        Self::StatementTimeout,
        Self::LinkToPostgresCut,
        Self::LinkToPostgresSlow,
        Self::LinkToPostgresHeld,
        Self::KafkaAway,
        Self::LinkToKafkaCut,
        Self::LinkToKafkaSlow,
        Self::LinkToKafkaHeld,
        Self::RegistryAway,
        Self::RegistryIll,
    ];

    /// Makes it happen, and ends it.
    pub(crate) fn strike(self, stage: &mut Stage, random: &mut Random) {
        let mut pause = |range: Range<usize>| {
            let milliseconds = range.start + random.below(range.len());
            thread::sleep(Duration::from_millis(u64::try_from(milliseconds).unwrap()));
        };
        match self {
            Self::Kill | Self::KillTwice | Self::Terminate | Self::Freeze => self.strike_bridge(stage, &mut pause),
            Self::Rebalance | Self::RebalanceByKill => {
                let other = stage.pipeline.start();
                pause(500..6_000);
                if self == Self::Rebalance {
                    other.stop().with_code(0);
                } else {
                    assert_eq!(other.kill().code, None);
                }
            }
            Self::PostgresCrash
            | Self::PostgresMoves
            | Self::BackendsTerminated
            | Self::DiskFull
            | Self::TableLocked
            | Self::StatementTimeout => self.strike_postgres(stage, &mut pause),
            Self::KafkaAway => strike_kafka(stage, &mut pause),
            Self::LinkToPostgresCut | Self::LinkToPostgresSlow | Self::LinkToPostgresHeld => {
                stage.to_server.set(self.of_link());
                pause(100..3_000);
                stage.to_server.set(State::Open);
            }
            Self::LinkToKafkaCut | Self::LinkToKafkaSlow | Self::LinkToKafkaHeld => {
                let link = stage.to_kafka.as_ref().expect("a fault that can be had");
                link.set(self.of_link());
                pause(100..8_000);
                link.set(State::Open);
            }
            // what is known is not asked for again, but by a bridge that starts
            Self::RegistryAway => {
                stage.to_registry.set(State::Cut);
                stage.restart(|bridge| drop(bridge.stop().with_code(0)));
                pause(500..3_000);
                stage.to_registry.set(State::Open);
            }
            Self::RegistryIll => {
                stage.registry_is_ill.store(true, Ordering::Relaxed);
                stage.restart(|bridge| drop(bridge.stop().with_code(0)));
                pause(500..3_000);
                stage.registry_is_ill.store(false, Ordering::Relaxed);
            }
        }
    }

    fn strike_bridge(self, stage: &mut Stage, pause: &mut impl FnMut(Range<usize>)) {
        let kill = |bridge: Bridge| assert_eq!(bridge.kill().code, None);
        match self {
            Self::Terminate => stage.restart(|bridge| drop(bridge.stop().with_code(0))),
            Self::Freeze => {
                stage.bridge().freeze();
                // for less and for more than the group waits for its members
                pause(200..9_000);
                stage.bridge().signal(Signal::CONT);
            }
            Self::KillTwice => {
                stage.restart(kill);
                pause(0..400);
                stage.restart(kill);
            }
            _ => stage.restart(kill),
        }
    }

    fn strike_postgres(self, stage: &mut Stage, pause: &mut impl FnMut(Range<usize>)) {
        let of_sessions = |database: &Database, statement_timeout: &str| {
            let name = database.rows("select current_database()");
            let name = name.trim_matches(['(', ')']);
            database.execute(&format!("alter database {name} set statement_timeout = {statement_timeout}"));
            database.rows(TERMINATE);
        };
        match self {
            Self::PostgresMoves => {
                stage.port = (stage.port + 1) % PORTS.len();
                stage.database.execute(&format!("alter system set port = {}", PORTS[stage.port]));
                stage.server.crash();
                stage.server.recover();
                pause(0..1_000);
                stage.to_server.lead_to(stage.place());
                stage.own_way.lead_to(stage.place());
            }
            Self::BackendsTerminated => {
                for _ in 0..5 {
                    stage.database.rows(TERMINATE);
                    pause(0..300);
                }
            }
            Self::DiskFull => {
                let disk = stage.disk.as_ref().expect("a fault that can be had");
                disk.fill();
                pause(500..3_000);
                disk.make_room();
            }
            Self::TableLocked => {
                let lock = stage.database.lock("t");
                pause(200..3_000);
                drop(lock);
            }
            Self::StatementTimeout => {
                let lock = stage.database.lock("a");
                of_sessions(&stage.database, "50");
                pause(500..2_500);
                drop(lock);
                of_sessions(&stage.database, "default");
            }
            _ => {
                stage.server.crash();
                pause(0..3_000);
                stage.server.recover();
            }
        }
    }

    fn of_link(self) -> State {
        match self {
            Self::LinkToPostgresSlow | Self::LinkToKafkaSlow => State::Slow(Duration::from_millis(30)),
            Self::LinkToPostgresHeld | Self::LinkToKafkaHeld => State::Held,
            _ => State::Cut,
        }
    }
}

fn strike_kafka(stage: &mut Stage, pause: &mut impl FnMut(Range<usize>)) {
    if let Some(kafka) = &mut stage.kafka {
        kafka.kill();
        pause(0..3_000);
        kafka.start_again();
    } else {
        // what is on its way to a mock that stops is lost
        let mut writer = stage.load.hold();
        stage.broker.stop();
        pause(100..3_000);
        stage.broker.resume();
        *writer = stage.broker.writer();
    }
}
