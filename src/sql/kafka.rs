//! Tables with `'connector' = 'kafka'` or `'upsert-kafka'`, as sources and as sinks:
//! <https://nightlies.apache.org/flink/flink-docs-stable/docs/connectors/table/kafka/>.

use super::SqlError;
use super::document::{Document, Toml};
use super::formats;
use super::options::Options;

const MODES: [&str; 5] = ["earliest-offset", "latest-offset", "group-offsets", "timestamp", "specific-offsets"];

/// What a source says. `group` is the group's name, where it has one.
pub(super) fn source(
    options: &mut Options,
    is_upsert: bool,
    document: &mut Document,
) -> Result<Option<String>, SqlError> {
    let properties = options.take_all("properties.");
    let brokers = properties.iter().find(|(key, _)| key == "bootstrap.servers");
    let Some((_, brokers)) = brokers else {
        return Err(options.missing("properties.bootstrap.servers"));
    };
    document.set("source.brokers", brokers.as_str());
    let topics = options.take("topic");
    match (topics, options.take("topic-pattern")) {
        (Some(topics), None) => {
            let names = topics.split(';').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
            document.set("source.topics", Toml::List(names.collect()));
        }
        // Flink's have to match the whole name; POSIX's expressions, which librdkafka takes, know no (?:…)
        (None, Some(pattern)) => document.set("source.topic_pattern", format!("^({pattern})$")),
        (Some(_), Some(_)) => return Err(options.invalid("topic-pattern", "no 'topic' beside it")),
        (None, None) => return Err(options.missing("topic")),
    }
    let (mut group, mut reset) = (None, None);
    for (key, value) in properties.iter().filter(|(key, _)| key != "bootstrap.servers") {
        match key.as_str() {
            "group.id" => group = Some(value.clone()),
            "auto.offset.reset" => reset = Some(value.as_str()),
            "group.instance.id" => document.set("source.instance", value.as_str()),
            _ => property(options, "source", (key, value), document)?,
        }
    }
    if is_upsert {
        formats::upsert_source(options, document)?;
        document.set("source.start", "earliest-offset");
    } else {
        formats::source(options, document)?;
        start(options, reset, document)?;
    }
    stop(options, document)?;
    if options.millis("scan.topic-partition-discovery.interval")?.is_some() {
        document.note("new partitions and topics are looked for every 30 s (topic.metadata.refresh.interval.ms)");
    }
    if let Some(n) = options.number("scan.parallelism")? {
        document.note(format!("'scan.parallelism' = '{n}': there is one reader; lanes apply in parallel (sink.lanes)"));
    }
    Ok(group)
}

/// `reset` is `auto.offset.reset`, which Flink sets itself but where it goes by the group.
fn start(options: &mut Options, reset: Option<&str>, document: &mut Document) -> Result<(), SqlError> {
    let mode = options.choice("scan.startup.mode", &MODES)?.unwrap_or_else(|| "group-offsets".to_owned());
    document.set("source.start", mode.as_str());
    match (mode.as_str(), reset) {
        ("group-offsets", Some("earliest")) => document.set("source.start_fallback", "earliest-offset"),
        ("group-offsets", Some("latest")) => document.set("source.start_fallback", "latest-offset"),
        ("group-offsets", None | Some("none")) | (_, None) => {}
        ("group-offsets", Some(_)) => {
            return Err(options.invalid("properties.auto.offset.reset", "earliest, latest or none"));
        }
        (mode, Some(_)) => {
            document
                .note(format!("'properties.auto.offset.reset' means nothing beside 'scan.startup.mode' = '{mode}'"));
        }
    }
    match mode.as_str() {
        "timestamp" => document.set("source.start_timestamp", options.need("scan.startup.timestamp-millis")?),
        "specific-offsets" => document.set("source.start_offsets", options.need("scan.startup.specific-offsets")?),
        _ => {}
    }
    document.note(
        "where it starts counts at its first start; then it goes on at the offsets that are stored with its rows",
    );
    Ok(())
}

fn stop(options: &mut Options, document: &mut Document) -> Result<(), SqlError> {
    let modes = ["unbounded", "latest-offset", "group-offsets", "timestamp", "specific-offsets"];
    let Some(mode) = options.choice("scan.bounded.mode", &modes)? else { return Ok(()) };
    document.set("source.stop", if mode == "unbounded" { "never" } else { mode.as_str() });
    match mode.as_str() {
        "timestamp" => document.set("source.stop_timestamp", options.need("scan.bounded.timestamp-millis")?),
        "specific-offsets" => document.set("source.stop_offsets", options.need("scan.bounded.specific-offsets")?),
        _ => {}
    }
    Ok(())
}

/// What a sink says.
pub(super) fn sink(options: &mut Options, is_upsert: bool, document: &mut Document) -> Result<(), SqlError> {
    document.set("sink.type", "kafka");
    // braces would be a template's
    let topic = options.need("topic")?;
    if topic.contains([';', '{', '}']) {
        return Err(options.invalid("topic", "one topic"));
    }
    let properties = options.take_all("properties.");
    if !properties.iter().any(|(key, _)| key == "bootstrap.servers") {
        options.need("properties.bootstrap.servers")?;
    }
    for (key, value) in &properties {
        match key.as_str() {
            "bootstrap.servers" => document.set("sink.brokers", value.as_str()),
            "transaction.timeout.ms" => document.pair("sink.properties", key, value),
            "group.id" => {}
            _ => property(options, "sink", (key, value), document)?,
        }
    }
    document.set("sink.topic", topic);
    if is_upsert {
        formats::upsert_sink(options, document)?;
    } else {
        formats::sink(options, document)?;
    }
    let guarantee = options.choice("sink.delivery-guarantee", &["exactly-once", "at-least-once", "none"])?;
    document.set_if("sink.delivery_guarantee", guarantee.filter(|word| word != "none"));
    if options.take("sink.transactional-id-prefix").is_some() {
        document.note("'sink.transactional-id-prefix': the pipeline's name is in the transactional id");
    }
    if let Some(partitioner) = options.choice("sink.partitioner", &["default", "fixed", "round-robin"])?
        && partitioner != "default"
    {
        return Err(options.invalid(
            "sink.partitioner",
            "'default': a row's changes keep their order only in the partition of its key",
        ));
    }
    if let Some(n) = options.number("sink.parallelism")? {
        document.set("sink.lanes", Toml::Number(n));
    }
    buffer(options, document)
}

/// When a batch closes.
pub(super) fn buffer(options: &mut Options, document: &mut Document) -> Result<(), SqlError> {
    if let Some(rows) = options.number("sink.buffer-flush.max-rows")?.filter(|rows| *rows > 0) {
        document.set("batch.max_rows", Toml::Number(rows));
    }
    if let Some(millis) = options.millis("sink.buffer-flush.interval")?.filter(|millis| *millis > 0) {
        document.set("batch.linger", format!("{millis}ms"));
    }
    Ok(())
}

/// A property of Kafka's Java client as librdkafka has it.
fn property(
    options: &Options,
    side: &str,
    (key, value): (&str, &str),
    document: &mut Document,
) -> Result<(), SqlError> {
    let option = format!("properties.{key}");
    let properties = format!("{side}.properties");
    let is_source = side == "source";
    match key {
        "sasl.jaas.config" => {
            let of = |name: &str| {
                let behind = value.split_once(&format!("{name}=\""))?.1;
                Some(behind.split_once('"')?.0.to_owned())
            };
            let (Some(user), Some(password)) = (of("username"), of("password")) else {
                return Err(options.invalid(&option, "username=\"…\" and password=\"…\" of PLAIN or SCRAM"));
            };
            if is_source {
                document.set("source.sasl_username", user);
                document.set("source.sasl_password", password);
            } else {
                document.pair(&properties, "sasl.username", &user);
                document.pair(&properties, "sasl.password", &password);
            }
        }
        "security.protocol" if is_source => document.set("source.security_protocol", value),
        "sasl.mechanism" if is_source => document.set("source.sasl_mechanism", value),
        "ssl.truststore.location" | "ssl.keystore.location" => {
            options.check_pem(&option, value)?;
            let names: &[&str] = match key {
                "ssl.truststore.location" => &["ssl.ca.location"],
                _ => &["ssl.certificate.location", "ssl.key.location"],
            };
            for name in names {
                document.pair(&properties, name, value);
            }
        }
        "ssl.truststore.type" | "ssl.keystore.type" if value.eq_ignore_ascii_case("PEM") => {}
        "ssl.endpoint.identification.algorithm" => {
            document.pair(&properties, key, if value.is_empty() { "none" } else { value });
        }
        "fetch.max.wait.ms" => document.pair(&properties, "fetch.wait.max.ms", value),
        "receive.buffer.bytes" => document.pair(&properties, "socket.receive.buffer.bytes", value),
        "send.buffer.bytes" => document.pair(&properties, "socket.send.buffer.bytes", value),
        "request.timeout.ms" if is_source => document.pair(&properties, "socket.timeout.ms", value),
        // what the Java client needs, or Flink does itself
        "enable.auto.commit"
        | "auto.commit.interval.ms"
        | "key.deserializer"
        | "value.deserializer"
        | "key.serializer"
        | "value.serializer"
        | "partition.assignment.strategy"
        | "max.poll.records"
        | "default.api.timeout.ms"
        | "partition.discovery.interval.ms"
        | "allow.auto.create.topics"
        | "buffer.memory"
        | "max.block.ms" => {
            document.note(format!("'{option}' is of Kafka's Java client and means nothing here"));
        }
        _ => document.pair(&properties, key, value),
    }
    Ok(())
}
