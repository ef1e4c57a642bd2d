//! The acts of the demo, and what is told of them.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use rowkind_formats::{Decoder, RecordedRecord, changelog};

use super::Server;
use super::broker::Broker;
use super::shop::TABLES;
use super::sidecar::Sidecar;
use super::stage::Stage;
use super::target::Target;
use crate::terminal::Look;

/// Everything that takes part.
pub(super) struct Show {
    stage: Stage,
    broker: Broker,
    target: Target,
    /// The URL of the target, for the bridge.
    url: String,
    /// `None` while it is dead.
    bridge: Option<Sidecar>,
    decoder: Decoder,
    n_published: i64,
    looked_at: Instant,
}

/// How often the target is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long the bridge may take to apply what is left.
const PATIENCE: Duration = Duration::from_mins(1);

impl Show {
    /// Says what there is, and starts the bridge.
    pub(super) async fn open(server: &Server) -> anyhow::Result<Self> {
        let broker = Broker::start(&TABLES.each_ref().map(|table| table.topic))?;
        let url = server.url();
        let mut target = Target::connect(&url).await?;
        let version = target.version().await?;
        let mut show = Self {
            stage: Stage::new(),
            broker,
            target,
            url,
            bridge: None,
            decoder: Decoder::default(),
            n_published: 0,
            looked_at: Instant::now(),
        };
        let arguments = show.arguments();
        let stage = &mut show.stage;
        stage.line(Look::Bold, "rowkind demo: a recorded shop, from Debezium's events to Postgres tables");
        stage.line(Look::Plain, "");
        stage.line(
            Look::Plain,
            "  source    567 records of 4 tables, as Debezium 3.7 wrote them: a snapshot, then 245 transactions",
        );
        stage.line(
            Look::Plain,
            &format!("  Kafka     librdkafka's mock cluster in this process, {}", show.broker.address()),
        );
        match &server.own {
            Some(own) => {
                stage.line(
                    Look::Plain,
                    &format!("  Postgres  {version}, of this demo's own; look at it while it runs:"),
                );
                stage.line(
                    Look::Dim,
                    &format!("            psql -h {} -U postgres {}", own.host().display(), server.database),
                );
            }
            None => {
                stage.line(Look::Plain, &format!("  Postgres  {version}, yours, in the database {}", server.database));
            }
        }
        stage.line(Look::Plain, "  bridge    a process of its own:");
        stage.line(Look::Dim, &format!("            ROWKIND_SINK_URL=… rowkind {}", arguments.join(" ")));
        show.stage
            .headline(Look::Bold, "The shop goes about its day. Its changelog, as the records are written to Kafka:");
        show.bridge = Some(Sidecar::start(&arguments, &show.url)?);
        Ok(show)
    }

    /// The command line of the bridge. The group forgets a killed member soon, so that nobody has to wait.
    fn arguments(&self) -> Vec<String> {
        let topics = TABLES.map(|table| table.topic).join(",");
        let broker = self.broker.address();
        let quick = "session.timeout.ms=4000,heartbeat.interval.ms=500";
        ["run", "--name", "demo", "--source-brokers", &broker, "--source-topics", &topics, "--source-properties", quick]
            .map(str::to_owned)
            .to_vec()
    }

    /// Writes a record to Kafka, and prints its rows.
    pub(super) async fn publish(&mut self, record: &RecordedRecord) -> anyhow::Result<()> {
        self.broker.publish(record).await?;
        self.n_published += 1;
        let event = self.decoder.decode(&record.as_record())?;
        for line in changelog::text(&event).lines() {
            self.stage.line(Look::of_changelog(line), line);
        }
        self.look().await
    }

    /// Lets time pass, with an eye on the bridge and on the target.
    pub(super) async fn watch(&mut self, time: Duration) -> anyhow::Result<()> {
        let until = tokio::time::Instant::now() + time;
        loop {
            let next = until.min(tokio::time::Instant::now() + LOOK_EVERY);
            match &mut self.bridge {
                None => tokio::time::sleep_until(next).await,
                Some(bridge) => tokio::select! {
                    line = bridge.log_line() => match line {
                        Some(line) => self.stage.line(Look::Cyan, &format!("bridge │ {line}")),
                        None => bail!("the bridge has ended by itself: {}", bridge.ended().await?),
                    },
                    () = tokio::time::sleep_until(next) => {}
                },
            }
            self.look().await?;
            if tokio::time::Instant::now() >= until {
                return Ok(());
            }
        }
    }

    /// Says how the target stands, unless it was looked at just now.
    async fn look(&mut self) -> anyhow::Result<()> {
        if self.looked_at.elapsed() < LOOK_EVERY {
            return Ok(());
        }
        let (counts, n_applied) = (self.target.counts().await?, self.target.n_applied().await?);
        let count = |(table, count): (&super::shop::ShopTable, Option<i64>)| match count {
            Some(count) => format!("{} {count}", table.name),
            None => format!("{} –", table.name),
        };
        let tables: Vec<String> = TABLES.iter().zip(counts).map(count).collect();
        let n_published = self.n_published;
        let bridge = if self.bridge.is_some() { "" } else { " · the bridge is dead" };
        self.stage
            .status(&format!("Postgres ▏{} ▏{n_applied} of {n_published} records applied{bridge}", tables.join(" · ")));
        self.looked_at = Instant::now();
        Ok(())
    }

    /// Kills the bridge.
    pub(super) async fn kill_bridge(&mut self) -> anyhow::Result<()> {
        // it takes a moment to join its group, and one that has done nothing yet is no loss
        self.wait_until_applied(1).await?;
        if let Some(bridge) = self.bridge.take() {
            bridge.kill().await?;
        }
        self.stage.headline(Look::Red, "✗ kill -9: the bridge is gone, without a word. The shop does not wait for it:");
        Ok(())
    }

    /// Starts the bridge again.
    pub(super) fn restart_bridge(&mut self) -> anyhow::Result<()> {
        self.stage.headline(Look::Bold, "▶ The bridge starts again, at the offsets that were committed with its rows:");
        self.bridge = Some(Sidecar::start(&self.arguments(), &self.url)?);
        Ok(())
    }

    /// Writes records once more, as Debezium does when it crashed before it noted how far it had come.
    pub(super) async fn repeat(&mut self, records: &[RecordedRecord]) -> anyhow::Result<()> {
        let n = records.len();
        self.stage.headline(
            Look::Bold,
            &format!("↻ Debezium crashes and begins again where it last noted its place: the last {n} records come once more:"),
        );
        for record in records {
            self.publish(record).await?;
        }
        self.stage.headline(Look::Bold, "▶ And on:");
        Ok(())
    }

    async fn wait_until_applied(&mut self, n_records: i64) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.target.n_applied().await? < n_records {
            ensure!(began.elapsed() < PATIENCE, "the bridge has not applied {n_records} records in {PATIENCE:?}");
            self.watch(LOOK_EVERY).await?;
        }
        Ok(())
    }

    /// Waits until everything is applied, stops the bridge, and compares.
    pub(super) async fn close(mut self) -> anyhow::Result<()> {
        self.wait_until_applied(self.n_published).await?;
        self.stage.end_status();
        self.stage
            .headline(Look::Bold, "■ SIGTERM: the bridge commits what it has, leaves the consumer group and ends:");
        if let Some(bridge) = self.bridge.take() {
            bridge.stop(|line| self.stage.line(Look::Cyan, &format!("bridge │ {line}"))).await?;
        }
        self.stage.headline(Look::Bold, "The target beside what the source held in the end:");
        let mut n_wrong = 0;
        for table in &TABLES {
            let compared = self.target.compare(table).await?;
            let (look, verdict) = match compared.n_different {
                0 => (Look::Green, "equal".to_owned()),
                n => (Look::Red, format!("{n} rows differ")),
            };
            n_wrong += compared.n_different;
            self.stage.line(look, &format!("  {:<12} {:>4} rows  {verdict}", table.name, compared.n_rows));
        }
        ensure!(n_wrong == 0, "the target does not equal the source");
        let n = self.n_published;
        self.stage.headline(
            Look::Bold,
            &format!("All 4 tables equal their source, after {n} records, a kill -9 and a stretch that came twice."),
        );
        self.stage.line(
            Look::Plain,
            "Your own: rowkind run --name shop --source-brokers … --source-topics … --sink-url postgres://…",
        );
        Ok(())
    }
}
