//! Batches that Postgres does not take compacted are applied row by row, in one transaction; what fails then is one record.

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::harness::{Broker, Database, Ended, Pipeline, Record, created, deleted, file_of, updated};

const PLACE: &str = "topic shop.public.all, partition 0, offset";

/// A pipeline of records of any tables, in one partition.
fn pipeline(database: &Database, records: &[Record]) -> (Pipeline, NamedTempFile) {
    let file = file_of("shop.public.all", 0, records);
    (Pipeline::from_file(file.path(), database), file)
}

/// Asserts what `query` gives after the records, one by one and in one batch. `n_retreats` is that batch's.
#[track_caller]
fn check(ddl: &str, records: &[Record], n_retreats: usize, query: &str, expected: &str) {
    for max_rows in [1, 1_000] {
        let database = Database::new();
        database.execute(ddl);
        let (pipeline, _file) = pipeline(&database, records);
        let ended = pipeline.set("batch.max_rows", &max_rows.to_string()).run().with_code(0);
        assert_eq!(database.rows(query), expected, "batches of {max_rows}");
        if max_rows > 1 {
            assert_retreats(&ended, n_retreats);
            assert!(ended.log.contains(" batches=1 "), "it is one transaction: {}", ended.log);
        }
    }
}

#[track_caller]
fn assert_retreats(ended: &Ended, n_retreats: usize) {
    assert!(ended.log.contains(&format!(" retreats={n_retreats} ")), "{}", ended.log);
    assert_eq!(ended.log.matches("applying a batch again, row by row: ").count(), n_retreats, "{}", ended.log);
}

fn row(id: i64, v: &str) -> Value {
    json!({"id": id, "v": v})
}

const UNIQUE: &str = "create table t (id int primary key, v text unique); insert into t values (1, 'a'), (2, 'b')";

fn swap() -> [Record; 3] {
    [
        updated("t", row(1, "a"), row(1, "between")),
        updated("t", row(2, "b"), row(2, "a")),
        updated("t", row(1, "between"), row(1, "b")),
    ]
}

#[test]
fn unique_values_that_move_between_rows() {
    let all = "select * from t order by id";
    check(UNIQUE, &swap(), 1, all, "(1,b)\n(2,a)");
    let under_another_key = [deleted("t", row(1, "a")), created("t", row(3, "a"))];
    check(UNIQUE, &under_another_key, 0, all, "(2,b)\n(3,a)");
    let handed_over = [updated("t", row(2, "b"), row(2, "c")), updated("t", row(1, "a"), row(1, "b"))];
    check(UNIQUE, &handed_over, 1, all, "(1,b)\n(2,c)");
    let and_back = [
        deleted("t", row(1, "a")),
        created("t", row(3, "a")),
        deleted("t", row(3, "a")),
        created("t", row(1, "a")),
        updated("t", row(2, "b"), row(2, "c")),
    ];
    check(UNIQUE, &and_back, 0, all, "(1,a)\n(2,c)");
}

#[test]
fn ranges_that_exclude_each_other() {
    let row = |id: i64, during: &str| json!({"id": id, "during": during});
    check(
        "create table t (id int primary key, during int4range, exclude using gist (during with &&));
         insert into t values (1, '[0,10)'), (2, '[10,20)')",
        &[updated("t", Value::Null, row(2, "[15,20)")), updated("t", Value::Null, row(1, "[0,15)"))],
        1,
        "select * from t order by id",
        "(1,\"[0,15)\")\n(2,\"[15,20)\")",
    );
}

/// Canal's messages have many rows; they are applied one by one too.
#[test]
fn unique_values_that_move_between_rows_of_one_record() {
    let database = Database::new();
    database.execute(&format!("create schema shop; set search_path to shop; {UNIQUE}"));
    let message = json!({"type": "UPDATE", "database": "shop", "table": "t", "isDdl": false, "pkNames": ["id"],
        "mysqlType": {"id": "int", "v": "text"},
        "data": [{"id": "1", "v": "between"}, {"id": "2", "v": "a"}, {"id": "1", "v": "b"}],
        "old": [{"v": "a"}, {"v": "b"}, {"v": "between"}]});
    let (pipeline, _file) = pipeline(&database, &[Record::raw(&message.to_string())]);
    let ended = pipeline.set("source.format", "canal-json").run().with_code(0);
    assert_eq!(database.rows("select * from shop.t order by id"), "(1,b)\n(2,a)");
    assert_retreats(&ended, 1);
}

/// What one row of the batch did not send, an earlier one brought.
#[test]
fn columns_that_were_not_sent_stay() {
    let row = |id: i64, v: &str, w: &str| json!({"id": id, "v": v, "w": w});
    let unavailable = "__debezium_unavailable_value";
    check(
        "create table t (id int primary key, v text unique, w text)",
        &[
            created("t", row(1, "a", "large")),
            created("t", row(2, "b", "also large")),
            updated("t", Value::Null, row(1, "between", unavailable)),
            updated("t", Value::Null, row(2, "a", unavailable)),
            updated("t", Value::Null, row(1, "b", unavailable)),
        ],
        0,
        "select * from t order by id",
        "(1,b,large)\n(2,a,\"also large\")",
    );
    check(
        "create table t (id int primary key, v text unique, w text); insert into t values (1, 'a', 'x'), (2, 'b', 'y')",
        &[
            updated("t", Value::Null, row(1, "between", "large")),
            updated("t", Value::Null, row(2, "a", unavailable)),
            updated("t", Value::Null, row(1, "b", unavailable)),
        ],
        1,
        "select * from t order by id",
        "(1,b,large)\n(2,a,y)",
    );
}

/// A bad record in the middle of a batch that has to be applied row by row.
#[test]
fn the_bad_record_of_a_retreat_is_named() {
    for (constraint, bad, message) in [
        ("check (v <> 'bad')", json!("bad"), "violates check constraint"),
        ("not null", Value::Null, "null value in column \"v\""),
    ] {
        let with_table = || {
            let database = Database::new();
            database.execute(&format!(
                "create table t (id int primary key, v text unique {constraint}); insert into t values (1, 'a'), (2, 'b')"
            ));
            database
        };
        let mut records = swap().to_vec();
        records.insert(0, created("t", row(3, "before")));
        records.insert(3, created("t", json!({"id": 4, "v": bad})));
        records.push(created("t", row(5, "behind")));
        let all = "select * from t order by id";

        let database = with_table();
        let (stops, _file) = pipeline(&database, &records);
        let ended = stops.run().with_code(3).says(&format!("rowkind: stopped at {PLACE} 3: Postgres: ")).says(message);
        assert_retreats(&ended, 1);
        assert_eq!(database.rows(all), "(1,between)\n(2,a)\n(3,before)");
        assert_eq!(database.number("select next_offset from rowkind.offsets"), 3);

        let skips = stops.set("rejects.policy", "skip");
        skips.run().with_code(0).says(&format!("skipped {PLACE} 3: Postgres: ")).says("rejects=1");
        assert_eq!(database.rows(all), "(1,b)\n(2,a)\n(3,before)\n(5,behind)");

        let database = with_table();
        let (skips, _file) = pipeline(&database, &records);
        let ended = skips.set("rejects.policy", "skip").run().with_code(0).says(" records=6 ").says("rejects=1");
        assert_eq!(ended.log.matches(&format!("skipped {PLACE} 3: ")).count(), 1, "{}", ended.log);
        assert_eq!(database.rows(all), "(1,b)\n(2,a)\n(3,before)\n(5,behind)");
    }
}

/// The line says which constraint and how much is applied again, and no value.
#[test]
fn the_line_of_a_retreat() {
    let database = Database::new();
    database.execute(UNIQUE);
    let (pipeline, _file) = pipeline(&database, &swap());
    let ended = pipeline.run().with_code(0).says(
        "applying a batch again, row by row: Postgres: duplicate key value violates unique constraint \"t_v_key\" \
         (SQLSTATE 23505, table t, constraint t_v_key) records=3",
    );
    assert!(!ended.log.contains("between"), "{}", ended.log);
}

/// One topic has the rows of all tables, in the source's order.
mod tables_in_one_topic {
    use super::*;

    /// By their names the children come first.
    const FAMILY: &str = "create table parent (id int primary key);
         create table child (id int primary key, parent int references parent);
         create table a_grandchild (id int primary key, child int references child)";
    const ALL: &str = "select (select array_agg(id order by id) from parent), (select array_agg((id, parent) order by id) from child),
                              (select array_agg((id, child) order by id) from a_grandchild)";

    fn child(id: i64, parent: i64) -> Value {
        json!({"id": id, "parent": parent})
    }

    fn grandchild(id: i64, child: i64) -> Value {
        json!({"id": id, "child": child})
    }

    fn parent(id: i64) -> Value {
        json!({"id": id})
    }

    #[test]
    fn parents_come_first_and_children_go_first() {
        let came = [
            created("parent", parent(1)),
            created("child", child(1, 1)),
            created("a_grandchild", grandchild(1, 1)),
            created("parent", parent(2)),
            created("child", child(2, 2)),
        ];
        check(FAMILY, &came, 0, ALL, r#"("{1,2}","{""(1,1)"",""(2,2)""}","{""(1,1)""}")"#);
        let before = format!(
            "{FAMILY}; insert into parent values (1), (2); insert into child values (1, 1), (2, 2); \
             insert into a_grandchild values (1, 1)"
        );
        let went = [
            deleted("a_grandchild", grandchild(1, 1)),
            deleted("child", child(1, 1)),
            deleted("parent", parent(1)),
            created("child", child(3, 2)),
        ];
        check(&before, &went, 0, ALL, r#"({2},"{""(2,2)"",""(3,2)""}",)"#);
    }

    #[test]
    fn a_child_leaves_its_parent_before_that_goes() {
        let before = format!("{FAMILY}; insert into parent values (1), (2); insert into child values (1, 1)");
        let left = [updated("child", child(1, 1), child(1, 2)), deleted("parent", parent(1))];
        check(&before, &left, 1, ALL, r#"({2},"{""(1,2)""}",)"#);
    }

    /// A delete that cascades at the source is logged before the deletes that follow from it.
    #[test]
    fn a_child_goes_behind_its_parent() {
        let gone = [deleted("parent", parent(1)), deleted("child", child(1, 1)), deleted("child", child(2, 1))];
        let family = FAMILY.replace("references parent", "references parent on delete cascade");
        for (ddl, max_rows) in [(FAMILY, "1000"), (&*family, "1"), (&*family, "1000")] {
            let database = Database::new();
            database.execute(&format!("{ddl}; insert into parent values (1); insert into child values (1, 1), (2, 1)"));
            let (pipeline, _file) = pipeline(&database, &gone);
            let ended = pipeline.set("batch.max_rows", max_rows).run().with_code(0);
            assert_retreats(&ended, 0);
            assert_eq!(database.rows(ALL), "(,,)");
        }
    }

    #[test]
    fn tables_that_refer_to_each_other() {
        let row = |id: i64, other: Option<i64>| json!({"id": id, "other": other});
        check(
            "create table a (id int primary key, other int); create table b (id int primary key, other int references a);
             alter table a add foreign key (other) references b",
            &[
                created("a", row(1, None)),
                created("b", row(1, Some(1))),
                updated("a", row(1, None), row(1, Some(1))),
                created("b", row(2, None)),
                created("a", row(2, Some(2))),
            ],
            1,
            "select * from a union all select * from b order by 1, 2",
            "(1,1)\n(1,1)\n(2,2)\n(2,)",
        );
    }

    /// Postgres truncates no table that another one refers to.
    #[test]
    fn truncates_of_tables_that_refer_to_each_other() {
        use crate::harness::truncated;
        let before = format!("{FAMILY}; insert into parent values (1), (2); insert into child values (1, 1)");
        let records =
            [truncated("child"), truncated("parent"), created("parent", parent(3)), created("child", child(3, 3))];
        check(&before, &records, 0, ALL, r#"({3},"{""(3,3)""}",)"#);
    }
}

/// Constraints that can wait are checked at the end of a batch, however they are declared to begin with.
mod constraints_that_wait {
    use super::*;

    fn family(mode: &str) -> String {
        format!(
            "create table parent (id int primary key);
             create table child (id int primary key, parent int references parent deferrable {mode}, check (id <> 99));
             insert into parent values (1)"
        )
    }

    fn child(id: i64, parent: i64) -> Record {
        created("child", json!({"id": id, "parent": parent}))
    }

    fn parent(id: i64) -> Record {
        created("parent", json!({"id": id}))
    }

    const CHILDREN: &str = "select * from child order by id";

    #[test]
    fn no_order_matters() {
        for mode in ["initially deferred", "initially immediate"] {
            let database = Database::new();
            database.execute(&family(mode));
            database.execute("create table t (id int primary key, v text unique deferrable); insert into t values (1, 'a'), (2, 'b')");
            let mut records = vec![child(1, 2), deleted("parent", json!({"id": 1})), parent(2)];
            records.extend(swap());
            let (pipeline, _file) = pipeline(&database, &records);
            assert_retreats(&pipeline.run().with_code(0), 0);
            assert_eq!(database.rows(CHILDREN), "(1,2)");
            assert_eq!(database.rows("select * from t order by id"), "(1,b)\n(2,a)");
        }
    }

    /// The batch is applied row by row for the sake of another constraint; the order of those that wait is no matter still.
    #[test]
    fn they_wait_in_a_retreat_too() {
        for mode in ["initially deferred", "initially immediate"] {
            let database = Database::new();
            database.execute(&family(mode));
            database.execute(UNIQUE);
            let mut records = vec![child(1, 2), child(2, 3), parent(3)];
            records.extend(swap());
            records.push(parent(2));
            let (pipeline, _file) = pipeline(&database, &records);
            assert_retreats(&pipeline.run().with_code(0), 1);
            assert_eq!(database.rows(CHILDREN), "(1,2)\n(2,3)");
        }
    }

    /// At the end it is known that the parent of one does not come: the record behind the last at which all was well.
    #[test]
    fn the_record_that_does_not_hold_is_named() {
        let database = Database::new();
        database.execute(&family("initially deferred"));
        let records =
            [child(1, 2), child(2, 1), parent(2), child(3, 1), child(4, 5), child(5, 1), parent(6), child(6, 6)];
        let (stops, _file) = pipeline(&database, &records);
        let ended = stops
            .run()
            .with_code(3)
            .says(&format!("rowkind: stopped at {PLACE} 4: Postgres: insert or update on table"));
        assert_retreats(&ended, 1);
        assert_eq!(database.rows(CHILDREN), "(1,2)\n(2,1)\n(3,1)");
        stops.set("rejects.policy", "skip").run().with_code(0).says(&format!("skipped {PLACE} 4: ")).says("rejects=1");
        assert_eq!(database.rows(CHILDREN), "(1,2)\n(2,1)\n(3,1)\n(5,1)\n(6,6)");
    }

    /// A constraint that came when the bridge knew its table already.
    #[test]
    fn one_that_came_later() {
        let (broker, database) = (Broker::start(), Database::new());
        database
            .execute("create table parent (id int primary key); create table child (id int primary key, parent int)");
        let topic = broker.topic("shop.public.all", 1);
        broker.write(&topic, 0, &[parent(1), child(1, 1)]);
        let bridge = Pipeline::from_topics(&broker, &[&topic], &database).set("rejects.policy", "skip").start();
        database.wait_for_rows(CHILDREN, "(1,1)");
        database.execute("alter table child add foreign key (parent) references parent deferrable initially deferred");
        broker.write(&topic, 0, &[child(2, 2), child(3, 2), parent(2), child(4, 7), child(5, 2)]);
        database.wait_for_rows(CHILDREN, "(1,1)\n(2,2)\n(3,2)\n(5,2)");
        bridge.stop().with_code(0).says("partition 0, offset 5: ").says("rejects=1");
    }
}
