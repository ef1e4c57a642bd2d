//! Recorded topics end with their tables equal to their source's; many topics in one pipeline, those that bring no rows
//! among them. `tests/types` has every table in every encoding; here they come by Kafka.

use crate::harness::{Broker, Database, Pipeline, Record, Truth, fixture, recorded_topics, recording};

/// A recording of all topics of one connector.
struct Recording<'a> {
    folder: &'a str,
    /// What the topics' names begin with.
    prefix: &'a str,
    truth: &'a str,
    /// Topics of other tables are left out.
    tables: &'a [Table<'a>],
}

/// A table that is compared.
struct Table<'a> {
    /// Its topic, behind the prefix. The truth's file has this name too.
    topic: &'a str,
    /// As SQL names it.
    name: &'a str,
    converted: &'a [(&'a str, &'a str, &'a str)],
    untold: &'a [&'a str],
}

const fn table(topic: &str) -> Table<'_> {
    Table { topic, name: topic, converted: &[], untold: &[] }
}

/// The connector's `replace.null.with.default` makes 0 of it.
const CUSTOMERS: Table<'_> =
    Table { untold: &["update truth set credit = 0 where id = 4"], ..table("public.customers") };
/// Times with a zone are sent in UTC; intervals as microseconds, a month as 30.4375 days.
const T_TIME: Table<'_> = Table {
    untold: &[
        "update truth set ttz = ttz at time zone 'UTC'",
        // Postgres counts 365.25 days a year, and 30 a month
        "update truth set iv = make_interval(secs => extract(epoch from iv) + 0.4375 * 86400 * extract(month from iv))",
    ],
    ..table("public.t_time")
};
const MIXED_CASE: Table<'_> = Table { name: r#""Mixed Case"."Order Items""#, ..table("Mixed_Case.Order_Items") };

#[test]
fn postgres_with_schema_into_an_empty_database() {
    let recording = Recording {
        folder: "debezium-json/postgres/json-schema",
        prefix: "a_pg_json_schema.",
        truth: "debezium-json/postgres/truth",
        tables: &[
            CUSTOMERS,
            table("public.orders"),
            table("public.order_items"),
            // money is sent as a decimal
            Table { converted: &[("mon", "money", "mon::numeric")], ..table("public.t_num") },
            // hstore is sent as JSON, without spaces
            Table {
                converted: &[(
                    "hs",
                    "hstore",
                    r#"replace(replace(hstore_to_json(hs)::text, ''": '', ''":''), '', "'', '',"'')::json"#,
                )],
                ..table("public.t_text")
            },
            T_TIME,
            table("public.t_toast_full"),
            table("public.t_cpk"),
            table("public.t_full"),
            table("public.t_nopk"),
            table("public.t_trunc"),
            // a generated column is sent in snapshots alone
            Table {
                untold: &[
                    "update truth set twice = 2 where id = 1",
                    "update truth set twice = null where id = 3",
                    "update truth set s = 'dflt' where id = 2",
                ],
                ..table("public.t_gen")
            },
            MIXED_CASE,
            table("public.debezium_signal"),
            table("public.zz_end"),
        ],
    };
    let database = Database::new();
    // for the truth's hstore alone
    database.execute("create extension hstore");
    recording.play(&database, &[]);
    recording.assert_nothing_else_in(&database);
}

#[test]
fn postgres_without_schema_into_tables_of_the_source() {
    let recording = Recording {
        folder: "debezium-json/postgres/json",
        prefix: "a_pg_json.",
        truth: "debezium-json/postgres/truth",
        tables: &[
            CUSTOMERS,
            table("public.orders"),
            table("public.order_items"),
            table("public.t_num"),
            table("public.t_text"),
            T_TIME,
            table("public.t_cpk"),
            table("public.t_full"),
            table("public.t_nopk"),
            table("public.t_trunc"),
            Table { untold: &["update truth set s = 'dflt' where id = 2"], ..table("public.t_gen") },
            MIXED_CASE,
            table("public.debezium_signal"),
            table("public.zz_end"),
        ],
    };
    recording.play(&with_source_tables(), &[("source.time_precision", "adaptive")]);
    let whole = [("source.time_precision", "adaptive"), ("sink.apply", "transactions")];
    recording.play(&with_source_tables(), &whole);
}

#[test]
fn postgres_with_everything_as_strings() {
    let recording = Recording {
        folder: "debezium-json/postgres/json-string",
        prefix: "a_pg_json_string.",
        truth: "debezium-json/postgres/truth",
        tables: &[
            table("public.customers"),
            table("public.orders"),
            table("public.order_items"),
            table("public.t_num"),
            table("public.t_text"),
            Table { untold: &["update truth set ttz = ttz at time zone 'UTC'"], ..table("public.t_time") },
            table("public.t_cpk"),
            table("public.t_full"),
            table("public.t_nopk"),
            table("public.t_trunc"),
            table("public.t_gen"),
            MIXED_CASE,
            table("public.debezium_signal"),
            table("public.zz_end"),
        ],
    };
    recording.play(
        &with_source_tables(),
        &[("source.time_precision", "isostring"), ("source.decimal_mode", "string"), ("source.binary_mode", "base64")],
    );
}

/// Rows without envelopes, in their mode `tombstone`: a delete is the null payload alone. Truncates are not sent.
#[test]
fn postgres_flattened_with_schema_into_an_empty_database() {
    let recording = Recording {
        folder: "flattened-json/postgres/tombstone",
        prefix: "a_pg_flat_tombstone.",
        truth: "debezium-json/postgres/truth",
        tables: &[
            // decimal.handling.mode=string: the columns are text
            Table {
                converted: &[("credit", "numeric(10,2)", "credit::text")],
                untold: &["update truth set credit = '0.00' where id = 4"],
                ..table("public.customers")
            },
            table("public.orders"),
            table("public.order_items"),
            T_TIME,
            table("public.t_toast_full"),
            table("public.t_cpk"),
            table("public.t_full"),
            // the name of its table, as of the topic
            Table { name: r#""Mixed_Case"."Order_Items""#, ..table("Mixed_Case.Order_Items") },
            table("public.debezium_signal"),
            table("public.zz_end"),
        ],
    };
    let database = Database::new();
    recording.play(&database, &[("source.format", "flattened-json")]);
    recording.assert_nothing_else_in(&database);
}

/// Rows without envelopes, in their mode `rewrite`: a delete is a row with `__deleted`, and `__table` is its table's
/// name. Only its schema's name is the topic's.
#[test]
fn postgres_flattened_without_schema_into_tables_of_the_source() {
    let recording = Recording {
        folder: "flattened-json/postgres/rewrite",
        prefix: "a_pg_flat_rewrite.",
        truth: "debezium-json/postgres/truth",
        tables: &[
            CUSTOMERS,
            table("public.orders"),
            table("public.order_items"),
            table("public.t_num"),
            table("public.t_text"),
            T_TIME,
            table("public.t_toast_full"),
            table("public.t_cpk"),
            table("public.t_full"),
            Table { untold: &["update truth set s = 'dflt' where id = 2"], ..table("public.t_gen") },
            Table { name: r#""Mixed_Case"."Order Items""#, ..table("Mixed_Case.Order_Items") },
            table("public.debezium_signal"),
            table("public.zz_end"),
        ],
    };
    let database = with_source_tables();
    database.execute(r#"alter schema "Mixed Case" rename to "Mixed_Case""#);
    recording.play(&database, &[("source.format", "flattened-json"), ("source.time_precision", "adaptive")]);
}

#[test]
fn flattened_rows_of_a_file() {
    let (empty, with_table) = (Database::new(), with_source_tables());
    for (variant, name, database) in
        [("tombstone", "a_pg_flat_tombstone", empty), ("rewrite", "a_pg_flat_rewrite", with_table)]
    {
        let file = fixture(&format!("flattened-json/postgres/{variant}/{name}.public.t_cpk.jsonl"));
        Pipeline::from_file(&file, &database).set("source.format", "flattened-json").run().with_code(0);
        let csv = "debezium-json/postgres/truth/public.t_cpk.csv";
        Truth { table: "public.t_cpk", csv, converted: &[], untold: &[] }.assert_in(&database);
    }
}

#[test]
fn flattened_rows_of_a_file_with_their_metadata() {
    let database = Database::new();
    database.execute("create table t_cpk (a int, b text, v text, __op text, at text, tx text, primary key (a, b))");
    let file = fixture("flattened-json/postgres/rewrite/a_pg_flat_rewrite.public.t_cpk.jsonl");
    Pipeline::from_file(&file, &database)
        .set("source.format", "flattened-json")
        .set("sink.metadata", "__op=op,at=position,tx=transaction")
        .run()
        .with_code(0);
    let rows = database.rows("select a, b, v, __op, at, tx from t_cpk order by a, b");
    assert!(rows.contains("(2,z,\"moved and changed\",u,0/5FE40E0,3898)"), "{rows}");
}

/// The connector's `replace.null.with.default`, again.
const MYSQL_TABLES: &[Table<'_>] = &[
    Table { untold: &["update truth set credit = 0 where id = 4"], ..table("cdc_a.customers") },
    table("cdc_a.orders"),
    table("cdc_a.order_items"),
    table("cdc_a.t_cpk"),
];

#[test]
fn mysql_with_schema_into_an_empty_database() {
    let recording = Recording {
        folder: "debezium-json/mysql/json-schema",
        prefix: "a_mysql_json_schema.",
        truth: "debezium-json/mysql/truth",
        tables: MYSQL_TABLES,
    };
    let database = Database::new();
    recording.play(&database, &[]);
    recording.assert_nothing_else_in(&database);
}

#[test]
fn mysql_without_schema_into_tables_of_postgres() {
    let recording = Recording {
        folder: "debezium-json/mysql/json",
        prefix: "a_mysql_json.",
        truth: "debezium-json/mysql/truth",
        tables: &[
            Table { untold: &["update truth set credit = 0 where id = 4"], ..table("cdc_a.customers") },
            table("cdc_a.orders"),
            table("cdc_a.order_items"),
            table("cdc_a.t_cpk"),
            table("cdc_a.t_full"),
        ],
    };
    let database = Database::new();
    database.execute(
        "create schema cdc_a;
         create table cdc_a.customers (id int primary key, name varchar(60) not null, email varchar(100) unique,
           credit decimal(10,2), vip smallint not null, created timestamp(6) not null);
         create table cdc_a.orders (id numeric(20) primary key, customer_id int not null, placed timestamp(3), total decimal(12,2), note text);
         create table cdc_a.order_items (order_id numeric(20), line smallint, sku varchar(8), qty int, price decimal(10,4), primary key (order_id, line));
         create table cdc_a.t_cpk (a int, b varchar(20), v text, primary key (b, a));
         create table cdc_a.t_full (id int primary key, v varchar(100), w int)",
    );
    recording.play(&database, &[("source.time_precision", "adaptive_time_microseconds")]);
}

/// The source's own tables, empty. Their foreign keys would ask for an order over topics, which Kafka does not keep.
fn with_source_tables() -> Database {
    let database = Database::new();
    database.execute(&std::fs::read_to_string(fixture("debezium-json/postgres/schema.sql")).unwrap());
    database.execute(
        "alter table orders drop constraint orders_customer_id_fkey;
         alter table order_items drop constraint order_items_order_id_fkey",
    );
    database
}

impl Recording<'_> {
    /// Plays it into a target and compares every table.
    fn play(&self, database: &Database, settings: &[(&str, &str)]) {
        let broker = Broker::start();
        let mut topics = Vec::new();
        let mut n_records = 0;
        for name in recorded_topics(self.folder) {
            let table = name.strip_prefix(self.prefix).unwrap_or_default();
            // the names of the other topics have no schema in them
            if table.contains('.') && self.tables.iter().all(|known| known.topic != table) {
                continue;
            }
            let records: Vec<Record> = records(self.folder, &name);
            let topic = broker.topic(&name, 1);
            broker.write(&topic, 0, &records);
            n_records += records.len();
            topics.push(topic);
        }
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let pipeline = Pipeline::from_topics(&broker, &topics, database);
        let pipeline = settings.iter().fold(pipeline, |pipeline, (key, value)| pipeline.set(key, value));

        pipeline.run().with_code(0);

        // what was applied is what a replay would apply
        let compared = pipeline.run_command(&["replay", "--dry-run"]).with_code(0).output;
        for table in self.tables {
            let name = table.name.replace('"', "");
            assert!(compared.contains(&format!("{name}: ")), "{name} was not compared:\n{compared}");
        }
        self.compare(database);
        let n_read = database.number("select sum(next_offset) from rowkind.offsets");
        assert_eq!(usize::try_from(n_read), Ok(n_records), "every record moves its offset, row or none");
    }

    /// Heartbeats, transactions, messages and schema changes are no tables.
    fn assert_nothing_else_in(&self, database: &Database) {
        let n_tables = database.number(
            "select count(*) from pg_tables where tablename <> 'truth'
                and schemaname not in ('rowkind', 'pg_catalog', 'information_schema')",
        );
        assert_eq!(usize::try_from(n_tables), Ok(self.tables.len()));
    }

    fn compare(&self, database: &Database) {
        for table in self.tables {
            let csv = format!("{}/{}.csv", self.truth, table.topic);
            Truth { table: table.name, csv: &csv, converted: table.converted, untold: table.untold }
                .assert_in(database);
        }
    }
}

fn records(folder: &str, name: &str) -> Vec<Record> {
    recording(&format!("{folder}/{name}.jsonl")).into_iter().map(Record::from).collect()
}

/// Large columns that did not change were not sent. One record asks for more, as [`NOT_REACHED`] says.
#[test]
fn postgres_with_columns_that_were_not_sent() {
    for max_rows in ["1", "1000"] {
        let database = Database::new();
        let file = fixture("debezium-json/postgres/json-schema/a_pg_json_schema.public.t_toast.jsonl");
        Pipeline::from_file(&file, &database)
            .set("batch.max_rows", max_rows)
            .set("rejects.policy", "skip")
            .run()
            .with_code(0)
            .says("rejects=1");
        let csv = "debezium-json/postgres/truth/public.t_toast.csv";
        let untold = &["delete from truth where id = 33"];
        Truth { table: "public.t_toast", csv, converted: &[], untold }.assert_in(&database);
    }
}

/// Recorded topics that do not end with the truth yet: why, and what is said of it.
const NOT_REACHED: &[(&str, &str, i32, &str)] = &[(
    "the key changes from 3 to 33, and what was not sent with it is known of the deleted row alone",
    "public.t_toast",
    3,
    "partition 0, offset 8: a row is not in the target",
)];

#[test]
fn not_reached_yet() {
    for (why, topic, code, message) in NOT_REACHED {
        let file = fixture(&format!("debezium-json/postgres/json-schema/a_pg_json_schema.{topic}.jsonl"));
        let ended = Pipeline::from_file(&file, &Database::new()).run();
        assert_eq!(ended.code, Some(*code), "{topic}, {why}: {}", ended.log);
        assert!(ended.log.contains(message), "{topic}, {why}: {}", ended.log);
    }
}
