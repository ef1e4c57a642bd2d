//! Foreign keys between tables whose topics come in no order: what `docs/foreign-keys.md` says of them.

use serde_json::{Value, json};

use crate::harness::{Broker, Database, Pipeline, Record, Server, created, deleted, updated};

const FAMILY: &str = "create table parent (id int primary key, v text unique);
     create table child (id int primary key, parent int not null references parent, check (id <> 99))";
const CHILDREN: &str = "select * from child order by id";

fn parent(id: i64) -> Value {
    json!({"id": id, "v": id.to_string()})
}

fn child(id: i64, parent: i64) -> Value {
    json!({"id": id, "parent": parent})
}

/// Two topics, the children's written and applied before anything of the parents' is.
fn children_first(broker: &Broker) -> [String; 2] {
    let topics = ["shop.public.child", "shop.public.parent"].map(|name| broker.topic(name, 1));
    let children: Vec<Record> = (0..200).map(|id| created("child", child(id + 100, id % 10))).collect();
    broker.write(&topics[0], 0, &children);
    topics
}

fn parents() -> Vec<Record> {
    (0..10).map(|id| created("parent", parent(id))).collect()
}

fn with_options(database: &Database, options: &str) -> String {
    format!("{}&{options}", database.url())
}

#[test]
fn a_child_whose_parent_is_still_to_come_stops_and_goes_on() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute(FAMILY);
    let [children, parents_topic] = children_first(&broker);
    let pipeline = Pipeline::from_topics(&broker, &[&children, &parents_topic], &database);
    pipeline
        .run()
        .with_code(3)
        .says(&format!(
            "rowkind: stopped at topic {children}, partition 0, offset 0: Postgres: insert or update on table"
        ))
        .says(
            "rows of several topics or partitions come in no order; with `options[session_replication_role]=replica`",
        );
    assert_eq!(database.number("select count(*) from child"), 0);

    broker.write(&parents_topic, 0, &parents());
    let parents_alone = Pipeline::from_topics(&broker, &[&parents_topic], &database).set("name", pipeline.name());
    parents_alone.run().with_code(0);
    pipeline.run().with_code(0);
    assert_eq!(database.rows("select count(*), min(id), max(id) from child"), "(200,100,299)");
}

/// As Postgres's own replication applies rows: foreign keys and triggers are the source's, all else holds.
#[test]
fn without_foreign_keys_no_order_matters() {
    for options in ["options[session_replication_role]=replica", "options=-c%20session_replication_role%3Dreplica"] {
        let (broker, database) = (Broker::start(), Database::new());
        database.execute(FAMILY);
        let [children, parents_topic] = children_first(&broker);
        let pipeline = Pipeline::from_topics(&broker, &[&children, &parents_topic], &database)
            .with_variable("ROWKIND_SINK_URL", &with_options(&database, options));
        let bridge = pipeline.start();
        database.wait_for_rows("select count(*) from child", "(200)");
        broker.write(&parents_topic, 0, &parents());
        // the parent goes before its children do
        broker.write(&parents_topic, 0, &[deleted("parent", parent(9))]);
        database.wait_for_rows("select count(*) from parent", "(9)");
        let gone: Vec<Record> =
            (0..200).filter(|id| id % 10 == 9).map(|id| deleted("child", child(id + 100, 9))).collect();
        broker.write(&children, 0, &gone);
        database.wait_for_rows("select count(*) from child", "(180)");
        let ended = bridge.stop().with_code(0);
        assert!(ended.log.contains(" retreats=0 "), "{}", ended.log);

        broker.write(&children, 0, &[created("child", child(99, 1))]);
        pipeline.run().with_code(3).says("violates check constraint");
        // what the constraint does not see holds all the same
        database
            .execute("alter table child drop constraint child_parent_fkey, add foreign key (parent) references parent");
    }
}

#[test]
fn a_role_that_is_no_superuser() {
    let server = Server::start();
    let database = Database::of(&server);
    database.execute(&format!(
        "{FAMILY}; create role app login; grant select, insert, update, delete on parent, child to app;
         do $$ begin execute format('grant create on database %I to app', current_database()); end $$"
    ));
    let (broker, url) = (Broker::start(), with_options(&database, "options[session_replication_role]=replica"));
    let [children, _] = children_first(&broker);
    let pipeline = Pipeline::from_topics(&broker, &[&children], &database)
        .with_variable("ROWKIND_SINK_URL", &url.replace("postgres@", "app@"));
    pipeline.run().with_code(1).says("permission denied to set parameter \"session_replication_role\"");
    if database.number("select current_setting('server_version_num')::int / 10000") >= 15 {
        database.execute("grant set on parameter session_replication_role to app");
        pipeline.run().with_code(0);
        assert_eq!(database.number("select count(*) from child"), 200);
    }
}

/// The topic of the children is behind: one of them still has the parent that goes.
#[test]
fn the_side_of_the_parent() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute(&format!("{FAMILY}; insert into parent values (1, 'a'); insert into child values (1, 1)"));
    let topic = broker.topic("shop.public.parent", 1);
    broker.write(&topic, 0, &[updated("parent", Value::Null, parent(1)), deleted("parent", parent(1))]);
    Pipeline::from_topics(&broker, &[&topic], &database)
        .run()
        .with_code(3)
        .says("offset 1: Postgres: update or delete on table")
        .says("`options[session_replication_role]=replica`");
    assert_eq!(database.rows(CHILDREN), "(1,1)");
    assert_eq!(database.rows("select * from parent"), "(1,1)");
}
