//! How near rowkind comes to what Postgres can take, from Kafka's protocol to the last commit, in ratios of one run.
//!
//! `cargo bench --bench end_to_end -- --brokers HOST:PORT [w1] [w2] [w3] [--events N]`
//!
//! It needs a real Kafka (librdkafka's mock keeps 5 MB of a partition), in which it makes a topic of its own for each load; a
//! Postgres is started for it. The limit is what Postgres takes of the same
//! load with nothing else to do: `COPY` of the rows for w1, which only inserts; for the others rowkind's own statements,
//! planned beforehand. Each run's table is compared with the truth.

mod load;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rowkind::config::{Config, Sink};
use rowkind::demo::postgres::TempPostgres;
use rowkind::records::{Beside, Claimed, Records, TopicPartition};
use rowkind::rejects::Rejects;
use rowkind::sieve::Sieve;
use rowkind::sink::postgres::PostgresSink;
use rowkind::sink::postgres::plan::Planner;
use rowkind::{cli, decode};
use sqlx::{Connection, PgConnection};

use load::Load;

const BROKER_TIMEOUT: Duration = Duration::from_mins(1);

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let after =
        |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    let brokers = after("--brokers").expect("--brokers HOST:PORT names a Kafka");
    let n_events = after("--events").map_or(200_000, |n| n.parse().expect("--events takes a number"));
    let mut loads: Vec<Load> = arguments.iter().filter_map(|name| load::named(name, n_events)).collect();
    if loads.is_empty() {
        loads = ["w1", "w2", "w3"].iter().filter_map(|name| load::named(name, n_events)).collect();
    }
    let server = TempPostgres::start().expect("a Postgres server is installed");
    println!("load  limit events/s  rowkind events/s  ratio  rowkind CPU s/M events  peak MB");
    for load in loads {
        let url = server.url("postgres");
        let limit = if load.name == "w1" { copied(&load, &url).await } else { applied(&load, &url).await };
        let topic = written(&load, brokers).await;
        let run = ran(&load, &url, (brokers, &topic)).await;
        println!(
            "{:<4}  {limit:>14.0}  {:>16.0}  {:>5.2}  {:>22.2}  {:>7}",
            load.name,
            run.events_per_s,
            run.events_per_s / limit,
            run.cpu_s * 1e6 / as_f64(load.n_events),
            run.peak_mb,
        );
    }
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("Postgres answers")
}

async fn execute(connection: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.expect("the statement runs");
}

async fn copy(connection: &mut PgConnection, sql: &str, load: &Load) {
    let text: String = load.truth.values().map(String::as_str).collect();
    let mut copy = connection.copy_in_raw(sql).await.expect("COPY begins");
    copy.send(text.as_bytes()).await.expect("rows are sent");
    copy.finish().await.expect("COPY ends");
}

/// Events a second that `COPY` loads.
async fn copied(load: &Load, url: &str) -> f64 {
    let mut connection = connect(url).await;
    execute(&mut connection, load::TABLE).await;
    let began = Instant::now();
    copy(&mut connection, "copy orders from stdin", load).await;
    as_f64(load.n_events) / began.elapsed().as_secs_f64()
}

fn config(url: &str) -> Config {
    let flags = flags(url, "nowhere:1", "t");
    let matches = cli::command().get_matches_from(std::iter::once("rowkind".to_owned()).chain(flags));
    let (_, matches) = matches.subcommand().expect("it is `run`");
    Config::read(matches).expect("the settings can be used")
}

fn flags(url: &str, brokers: &str, topic: &str) -> Vec<String> {
    let flags = [
        ("name", topic),
        ("source-brokers", brokers),
        ("source-topics", topic),
        ("source-time-precision", "adaptive"),
        ("source-decimal-mode", "string"),
        ("source-stop", "latest-offset"),
        ("sink-url", url),
        ("sink-table", "{table}"),
    ];
    std::iter::once("run".to_owned()).chain(flags.map(|(name, value)| format!("--{name}={value}"))).collect()
}

/// Events a second that Postgres applies of batches that were decoded and planned before.
async fn applied(load: &Load, url: &str) -> f64 {
    let mut connection = connect(url).await;
    execute(&mut connection, load::TABLE).await;
    execute(&mut connection, "drop schema if exists rowkind cascade").await;
    let config = config(url);
    let Sink::Postgres(postgres) = &config.sink else { panic!("the sink is Postgres") };
    let sieve = Sieve::new(&config, Arc::new(decode::Shared::new(None)), None);
    let mut planner = Planner::new(&config, postgres.evolve, sieve, Arc::new(Rejects::new(&config.rejects)));
    let mut sink = PostgresSink::new(&config.name, postgres, &config.rejects);
    let partition = TopicPartition { topic: "t".into(), partition: 0 };
    let claims = sink.claim(&[(partition.clone(), 0)]).await.expect("the partition is claimed");
    let epoch = claims.first().expect("there is one").epoch;
    let batches = batches(load, &config, (&partition, epoch));
    let (first, rest) = batches.split_first().expect("there is a batch");
    // the first one looks the table up
    sink.apply(first, 0..first.len(), &mut planner).await.expect("the first batch is applied");
    let catalog = sink.catalog();
    let plan = |records: &Records| planner.plan(records, 0..records.len(), &catalog, None).expect("it is planned");
    let plans: Vec<_> = rest.iter().map(plan).collect();
    let n_records: usize = rest.iter().map(Records::len).sum();
    let began = Instant::now();
    for (records, plan) in rest.iter().zip(plans) {
        sink.apply_plan(records, plan).await.expect("a batch is applied");
    }
    let share = as_f64(load.n_events) / as_f64(load.records.len());
    as_f64(n_records) * share / began.elapsed().as_secs_f64()
}

fn batches(load: &Load, config: &Config, (partition, epoch): (&TopicPartition, i64)) -> Vec<Records> {
    let mut batches = vec![Records::default()];
    for (offset, (key, payload)) in (0..).zip(&load.records) {
        let open = batches.last_mut().expect("there is one");
        let claimed = Claimed { partition, n_partitions: 1, epoch, next_offset: offset };
        let parts = (Some(key.as_bytes()), payload.as_deref().map(str::as_bytes));
        open.push(claimed, offset, parts, Beside::default());
        if open.len() >= config.batch.max_rows || open.n_bytes() >= config.batch.max_bytes {
            batches.push(Records::default());
        }
    }
    batches.retain(|batch| !batch.is_empty());
    batches
}

/// What a run of the binary came to.
struct Run {
    events_per_s: f64,
    cpu_s: f64,
    peak_mb: u64,
}

async fn ran(load: &Load, url: &str, (brokers, topic): (&str, &str)) -> Run {
    let mut connection = connect(url).await;
    execute(&mut connection, load::TABLE).await;
    execute(&mut connection, "drop schema if exists rowkind cascade").await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_rowkind"))
        .args(flags(url, brokers, topic))
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    while !any_row(&mut connection).await {
        assert!(child.try_wait().expect("it can be waited for").is_none(), "rowkind ended without a row");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let began = Instant::now();
    let mut seen = (0.0, 0);
    let status = loop {
        seen = used(&child).unwrap_or(seen);
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let took = began.elapsed();
    assert!(status.success(), "rowkind failed");
    assert_truth(&mut connection, load).await;
    Run { events_per_s: as_f64(load.n_events) / took.as_secs_f64(), cpu_s: seen.0, peak_mb: seen.1 }
}

async fn any_row(connection: &mut PgConnection) -> bool {
    sqlx::query_scalar("select exists(select from orders)").fetch_one(connection).await.expect("Postgres answers")
}

async fn assert_truth(connection: &mut PgConnection, load: &Load) {
    copy(connection, "copy rowkind_bench_truth from stdin", load).await;
    let sql = "select count(*) from (select o::text from orders o except select t::text from rowkind_bench_truth t) d";
    let n_wrong: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.expect("Postgres answers");
    let n_rows: i64 =
        sqlx::query_scalar("select count(*) from orders").fetch_one(connection).await.expect("it answers");
    assert_eq!((n_wrong, usize::try_from(n_rows)), (0, Ok(load.truth.len())), "the table equals the truth");
}

/// A topic that has the load.
async fn written(load: &Load, brokers: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_millis();
    let topic = format!("rowkind-bench-{}-{now}", load.name);
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().expect("the client is made");
    let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(1));
    let made = admin.create_topics([&new], &AdminOptions::new()).await.expect("the broker answers");
    assert!(made.iter().all(Result::is_ok), "the topic is made: {made:?}");
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("message.timeout.ms", "60000")
        .set("queue.buffering.max.messages", "10000000")
        .set("queue.buffering.max.kbytes", "2000000")
        .create()
        .expect("the producer is made");
    for (key, payload) in &load.records {
        let mut record = BaseRecord::to(&topic).partition(0).key(key);
        record.payload = payload.as_ref();
        producer.send(record).map_err(|(error, _)| error).expect("there is room");
    }
    producer.flush(BROKER_TIMEOUT).expect("the records are written");
    topic
}

/// Seconds of CPU so far, and the most memory; `None` when it has ended.
fn used(child: &Child) -> Option<(f64, u64)> {
    let folder = format!("/proc/{}", child.id());
    let stat = fs::read_to_string(format!("{folder}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let status = fs::read_to_string(format!("{folder}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let peak_kb: u64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    // a hundred ticks a second, on every Linux
    Some((as_f64(usize::try_from(ticks).ok()?) / 100.0, peak_kb / 1_024))
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are small")]
fn as_f64(n: usize) -> f64 {
    n as f64
}
