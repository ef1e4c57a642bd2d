//! Every setting once: its key, what it is, its default. Flags, environment variables, the configuration file and
//! `--help` are made from this table, and so is `docs/settings.md` (by `tests/book`).

/// What can be written for a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A name with `{table}` and the like in it.
    Template,
    /// Text that is never shown.
    Secret,
    /// Several texts: a TOML array, a repeated flag, or commas between them.
    List,
    /// `key=value` pairs: a TOML table, a repeated flag.
    Pairs,
    /// `true` or `false`; the flag alone means `true`.
    Bool,
    /// A number of things.
    Count,
    /// A size, as `4MB` or `65536`.
    Bytes,
    /// A time, as `100ms` or `5s`.
    Duration,
    /// A moment: milliseconds since 1970, or as RFC 3339 writes it.
    Moment,
    /// One of a few words.
    Choice(&'static [&'static str]),
}

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// `section.name` in the file; `--section-name` and `ROWKIND_SECTION_NAME` elsewhere.
    pub key: &'static str,
    /// What can be written for it.
    pub kind: Kind,
    /// What counts where nothing is written; `None` where it is nothing, or said in the help.
    pub default: Option<&'static str>,
    /// What it is, from the short to the long: `-h` ends at the first `; ` or `: `.
    pub help: &'static str,
}

impl Setting {
    /// The flag's name, without the dashes before it.
    pub fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }

    /// The environment variable's name. The same with `_FILE` behind it names a file that holds the value.
    pub fn variable(&self) -> String {
        format!("ROWKIND_{}", self.key.replace('.', "_").to_uppercase())
    }
}

const fn setting(key: &'static str, kind: Kind, default: Option<&'static str>, help: &'static str) -> Setting {
    Setting { key, kind, default, help }
}

/// In the order of `--help`.
pub const SETTINGS: &[Setting] = &[
    setting("name", Kind::Text, None, "Name of the pipeline: its offsets and its consumer group go by it"),
    setting("source.brokers", Kind::Text, None, "Kafka bootstrap servers, as host:port,host:port"),
    setting("source.topics", Kind::List, None, "Topics to read"),
    setting(
        "source.topic_pattern",
        Kind::Text,
        None,
        "Regular expression of topics to read, as '^shop\\.public\\.'; new topics are found while running",
    ),
    setting(
        "source.file",
        Kind::Text,
        None,
        "Read recorded records (JSON lines, as kcat -J prints them) from this file instead of Kafka",
    ),
    setting(
        "source.format",
        Kind::Choice(&[
            "auto",
            "debezium-json",
            "debezium-avro",
            "flattened-json",
            "flattened-avro",
            "canal-json",
            "maxwell-json",
            "ogg-json",
        ]),
        Some("debezium-json"),
        "What the records are; auto finds it out for each topic; JSON with or without its schema is told record by record",
    ),
    setting(
        "source.table_pattern",
        Kind::Text,
        None,
        "Regular expression of source tables, as '^shop\\.orders$'; rows of others only move the offset",
    ),
    setting("source.group", Kind::Text, None, "Consumer group [default: the pipeline's name]"),
    setting(
        "source.instance",
        Kind::Text,
        None,
        "This instance's lasting name in its group (static membership): a restart within the session timeout moves no partition",
    ),
    setting(
        "source.start",
        Kind::Choice(&["earliest-offset", "latest-offset", "group-offsets", "timestamp", "specific-offsets"]),
        Some("earliest-offset"),
        "Where the partitions start that are there at the pipeline's first start; what comes later is read from its oldest record",
    ),
    setting(
        "source.start_fallback",
        Kind::Choice(&["stop", "earliest-offset", "latest-offset"]),
        None,
        "Where start = group-offsets begins a partition for which the group has committed nothing [default: stop, with an error]",
    ),
    setting(
        "source.start_timestamp",
        Kind::Moment,
        None,
        "For start = timestamp: the first records are of this moment or later; milliseconds since 1970, or as 2026-11-21T13:26:07Z",
    ),
    setting(
        "source.start_offsets",
        Kind::Text,
        None,
        "For start = specific-offsets: partition:0,offset:42;partition:1,offset:300, with topic:NAME, before each where not just one topic is read",
    ),
    setting(
        "source.stop",
        Kind::Choice(&["never", "latest-offset", "group-offsets", "timestamp", "specific-offsets"]),
        Some("never"),
        "When to stop: latest-offset is the end of each partition as of its start; then exit 0",
    ),
    setting(
        "source.stop_timestamp",
        Kind::Moment,
        None,
        "For stop = timestamp: the first record of this moment or later is not read",
    ),
    setting(
        "source.stop_offsets",
        Kind::Text,
        None,
        "For stop = specific-offsets: the first offsets that are not read, written as those of start_offsets",
    ),
    setting(
        "source.security_protocol",
        Kind::Choice(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]),
        None,
        "How the brokers are spoken to [default: PLAINTEXT]",
    ),
    setting(
        "source.sasl_mechanism",
        Kind::Choice(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]),
        None,
        "How to log in to the brokers",
    ),
    setting("source.sasl_username", Kind::Text, None, "User of PLAIN and SCRAM"),
    setting("source.sasl_password", Kind::Secret, None, "Password of PLAIN and SCRAM"),
    setting(
        "source.sasl_oauthbearer_token_location",
        Kind::Text,
        None,
        "File that holds the token of OAUTHBEARER; it is read again before the token expires",
    ),
    setting(
        "source.ssl_ca_location",
        Kind::Text,
        None,
        "File of certificates (PEM) to trust for the brokers instead of the system's",
    ),
    setting(
        "source.ssl_certificate_location",
        Kind::Text,
        None,
        "File of this client's certificate (PEM), for brokers that ask for one",
    ),
    setting("source.ssl_key_location", Kind::Text, None, "File of the certificate's private key (PEM)"),
    setting("source.ssl_key_password", Kind::Secret, None, "Password of the private key"),
    setting("source.properties", Kind::Pairs, None, "Any librdkafka property, as security.protocol=SASL_SSL"),
    setting(
        "source.time_precision",
        Kind::Choice(&[
            "adaptive",
            "adaptive_time_microseconds",
            "connect",
            "isostring",
            "microseconds",
            "nanoseconds",
        ]),
        None,
        "The connector's time.precision.mode, for records without a schema",
    ),
    setting(
        "source.decimal_mode",
        Kind::Choice(&["precise", "string", "double"]),
        None,
        "The connector's decimal.handling.mode, for records without a schema",
    ),
    setting(
        "source.binary_mode",
        Kind::Choice(&["bytes", "base64", "base64-url-safe", "hex"]),
        None,
        "The connector's binary.handling.mode, for columns without a schema",
    ),
    setting(
        "source.columns",
        Kind::Pairs,
        None,
        "What the values of single columns are, as public.orders.placed=timestamp-millis; goes before their schema",
    ),
    setting(
        "source.timezone",
        Kind::Text,
        None,
        "Time zone of the TIMESTAMP values that Canal sends, as UTC or +02:00; without it they go into columns without a zone alone",
    ),
    setting(
        "source.document",
        Kind::Choice(&["column", "fields"]),
        Some("column"),
        "What a document of MongoDB becomes: its _id and a column for all of it, or a column for each of its fields",
    ),
    setting(
        "source.unavailable_placeholder",
        Kind::Text,
        Some("__debezium_unavailable_value"),
        "The connector's unavailable.value.placeholder",
    ),
    setting(
        "source.max_record_bytes",
        Kind::Bytes,
        Some("32MB"),
        "A record whose key and payload are larger than this cannot be applied",
    ),
    setting(
        "registry.url",
        Kind::List,
        None,
        "Schema registry of records in Avro, as http://host:8081; or file:PATH, a JSON object of schemas by their ids",
    ),
    setting("registry.username", Kind::Text, None, "User of the registry (HTTP basic authentication)"),
    setting("registry.password", Kind::Secret, None, "Password of the registry"),
    setting("registry.token", Kind::Secret, None, "Bearer token of the registry"),
    setting(
        "registry.ca_location",
        Kind::Text,
        None,
        "File of certificates (PEM) to trust for the registry beside the system's",
    ),
    setting(
        "registry.certificate_location",
        Kind::Text,
        None,
        "File of this client's certificate (PEM), for a registry that asks for one",
    ),
    setting("registry.key_location", Kind::Text, None, "File of the certificate's private key (PEM, PKCS#8)"),
    setting(
        "sink.type",
        Kind::Choice(&["postgres", "kafka", "stdout", "blackhole"]),
        Some("postgres"),
        "Where rows go: into tables, on to topics, to standard output, or nowhere",
    ),
    setting("sink.url", Kind::Secret, None, "Postgres, as postgres://user:password@host/database?sslmode=verify-full"),
    setting(
        "sink.table",
        Kind::Template,
        Some("{schema}.{table}"),
        "Target table; {database}, {schema}, {table} and {topic} are the record's",
    ),
    setting(
        "sink.create",
        Kind::Bool,
        Some("true"),
        "Create missing tables from records that carry their schema; missing topics",
    ),
    setting(
        "sink.evolve",
        Kind::Choice(&["off", "add", "widen"]),
        Some("add"),
        "How tables follow records that carry their schema: add new columns; widen lets types grow too",
    ),
    setting(
        "sink.delete",
        Kind::Choice(&["hard", "soft", "ignore"]),
        Some("hard"),
        "What a delete of the source does: soft keeps the row and marks it",
    ),
    setting(
        "sink.deleted_column",
        Kind::Text,
        Some("__deleted"),
        "The column that soft deletes mark: a boolean, or a timestamp that takes the time of the delete",
    ),
    setting(
        "sink.metadata",
        Kind::Pairs,
        None,
        "Columns that say where a row comes from, as __op=op; also changed_at, position, transaction, source, topic, partition, offset",
    ),
    setting(
        "sink.truncate",
        Kind::Choice(&["apply", "ignore", "stop"]),
        Some("apply"),
        "What a truncate of the source table does; apply refuses one in a topic of several partitions, whose place between the rows is not known",
    ),
    setting(
        "sink.nul",
        Kind::Choice(&["reject", "strip"]),
        Some("reject"),
        "What a zero byte in text does, which Postgres cannot hold: reject the record, or be left out",
    ),
    setting(
        "sink.excess_digits",
        Kind::Choice(&["reject", "round"]),
        Some("reject"),
        "What a value with more decimals than the target column has does: reject the record, or be rounded",
    ),
    setting(
        "sink.zero_date",
        Kind::Choice(&["reject", "null"]),
        Some("reject"),
        "What MySQL's 0000-00-00 does, which Postgres does not have: reject the record, or be NULL",
    ),
    setting(
        "sink.sync_sequences",
        Kind::Bool,
        Some("false"),
        "At the end, move the sequences of serial and identity columns on to the greatest values",
    ),
    setting(
        "sink.apply",
        Kind::Choice(&["batches", "transactions"]),
        Some("batches"),
        "Whether the target may show a part of a source transaction, or none: transactions needs provide.transaction.metadata and the transaction topic",
    ),
    setting("sink.brokers", Kind::Text, None, "Kafka bootstrap servers to write to [default: source.brokers]"),
    setting(
        "sink.topic",
        Kind::Template,
        None,
        "Topic that rows are written to, as out.{schema}.{table}; also {database} and {topic}",
    ),
    setting("sink.properties", Kind::Pairs, None, "Any librdkafka property of the producer, as compression.type=zstd"),
    setting(
        "sink.delivery_guarantee",
        Kind::Choice(&["exactly-once", "at-least-once"]),
        Some("exactly-once"),
        "Whether Kafka's transactions hold the source's offsets too, which needs one cluster for both",
    ),
    setting(
        "sink.format",
        Kind::Choice(&[
            "text",
            "json",
            "debezium-json",
            "debezium-avro",
            "flattened-json",
            "canal-json",
            "maxwell-json",
        ]),
        None,
        "As what rows are written [default: debezium-json into Kafka, text to standard output, where json says more]",
    ),
    setting("sink.schema_include", Kind::Bool, Some("false"), "Write each JSON record with its Connect schema"),
    setting(
        "sink.updates",
        Kind::Choice(&["update", "delete-create"]),
        Some("update"),
        "What an update is in Debezium's envelopes: one with op u, or two with d and c, as Flink writes it",
    ),
    setting("sink.tombstones", Kind::Bool, Some("true"), "Write a tombstone behind the delete of a row (Debezium)"),
    setting(
        "sink.changelog",
        Kind::Choice(&["sent", "all"]),
        Some("sent"),
        "What the changelog says: what events say, or all that changed, by the last row of each key",
    ),
    setting("sink.state_dir", Kind::Text, None, "Folder for the last row of each key, for `sink.changelog` = \"all\""),
    setting(
        "sink.lanes",
        Kind::Count,
        Some("2"),
        "Connections to Postgres, or producers; partitions are spread over them",
    ),
    setting(
        "dedup.enabled",
        Kind::Bool,
        Some("true"),
        "Drop events that the capture tool wrote again after a restart, by primary key and source position",
    ),
    setting(
        "dedup.max_keys",
        Kind::Count,
        Some("900000"),
        "How many rows' last events are remembered, at 93 to 186 bytes each",
    ),
    setting(
        "dedup.tail",
        Kind::Count,
        Some("100000"),
        "How many records of each partition before its stored offset are read again at the start, to remember them",
    ),
    setting("batch.max_rows", Kind::Count, Some("10000"), "A batch closes at this many records"),
    setting(
        "batch.max_bytes",
        Kind::Bytes,
        Some("3MB"),
        "A batch closes at this size; lanes that have partitions share it",
    ),
    setting(
        "batch.max_transaction_bytes",
        Kind::Bytes,
        Some("256MB"),
        "With sink.apply=transactions, the largest source transaction; one with more stops the pipeline",
    ),
    setting("batch.linger", Kind::Duration, Some("100ms"), "A batch closes this long after its first record"),
    setting(
        "rejects.policy",
        Kind::Choice(&["stop", "skip", "table", "topic"]),
        Some("stop"),
        "What a record that cannot be applied does: stop (exit code 3), or be passed over with a warning; table keeps it in rowkind.rejects, topic writes it to a topic too",
    ),
    setting("rejects.topic", Kind::Text, None, "The topic of the policy topic, on the source's brokers"),
    setting(
        "rejects.max_per_minute",
        Kind::Count,
        Some("1000"),
        "Stop (exit code 3) at a record that cannot be applied when as many were passed over within a minute",
    ),
    setting(
        "rejects.block_key",
        Kind::Bool,
        Some("false"),
        "With table or topic: set later records of a rejected record's key aside behind it, so that the order per key holds",
    ),
    setting(
        "metrics.listen",
        Kind::Text,
        None,
        "Address of /metrics (Prometheus), /healthz, /readyz and a page for people at /, as 127.0.0.1:9464",
    ),
];

/// The settings that a decoder alone has.
pub(crate) fn decoding() -> impl Iterator<Item = &'static Setting> {
    let of_source = [
        "source.columns",
        "source.document",
        "source.timezone",
        "source.unavailable_placeholder",
        "source.max_record_bytes",
    ];
    SETTINGS.iter().filter(move |setting| setting.key.starts_with("registry.") || of_source.contains(&setting.key))
}
