//! Records that cannot be applied, of every kind and at every place of a batch: the target has all the others, and what
//! is put aside is just these.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use crate::harness::{Database, Pipeline, Random, Record, created, file_of};

/// Why a record cannot be applied.
#[derive(Clone, Copy, Debug)]
enum Poison {
    /// It cannot be decoded.
    Broken,
    /// A value of it is none that its column can hold.
    NoValue,
    /// It can be decoded, and Postgres does not read its text.
    Unreadable,
    /// A row violates a constraint at once.
    Refused,
    /// A row violates a constraint that is checked when its transaction commits.
    RefusedAtCommit,
}

const ALL: [Poison; 5] =
    [Poison::Broken, Poison::NoValue, Poison::Unreadable, Poison::Refused, Poison::RefusedAtCommit];

const N_RECORDS: usize = 40;

impl Poison {
    fn record(self, id: usize) -> Record {
        match self {
            Self::Broken => Record::raw(r#"{"op":"c","after":{"#).keyed(json!({"id": id})),
            Self::NoValue => created("t", json!({"id": id, "v": "a\u{0}"})),
            Self::Unreadable => created("t", json!({"id": id, "v": "ok", "m": "sad"})),
            Self::Refused => created("t", json!({"id": id, "v": "too long"})),
            Self::RefusedAtCommit => created("t", json!({"id": id, "v": "ok", "parent": 2})),
        }
    }

    fn sqlstate(self) -> &'static str {
        match self {
            Self::Broken | Self::NoValue => "",
            Self::Unreadable => "22P02",
            Self::Refused => "23514",
            Self::RefusedAtCommit => "23503",
        }
    }
}

fn with_table() -> Database {
    let database = Database::new();
    database.execute(
        "create type mood as enum ('ok');
         create table parents (id int primary key);
         insert into parents values (1);
         create table t (id int primary key, v text check (length(v) <= 5), n int, m mood,
                         parent int references parents deferrable initially deferred)",
    );
    database
}

/// Asserts what comes of records among which are these, by their offsets, under each policy.
#[track_caller]
fn check(poisoned: &BTreeMap<usize, Poison>, max_rows: usize) {
    let records: Vec<Record> = (0..N_RECORDS)
        .map(|id| match poisoned.get(&id) {
            Some(poison) => poison.record(id),
            None => created("t", json!({"id": id, "v": "ok", "n": 7, "m": "ok", "parent": 1})),
        })
        .collect();
    let file = file_of("shop.public.t", 0, &records);
    let ids = |until: usize| {
        let sound = (0..until).filter(|id| !poisoned.contains_key(id)).map(|id| format!("({id})"));
        sound.collect::<Vec<_>>().join("\n")
    };
    let of_ids = "select id from t order by id";
    for policy in ["stop", "skip", "table"] {
        let database = with_table();
        let pipeline = Pipeline::from_file(file.path(), &database)
            .set("rejects.policy", policy)
            .set("batch.max_rows", &max_rows.to_string());
        let ended = pipeline.run();
        let said = format!("{policy}, {max_rows} rows a batch, {poisoned:?}: {}", ended.log);
        if policy == "stop" {
            let first = *poisoned.keys().next().unwrap();
            assert_eq!(ended.code, Some(3), "{said}");
            assert_eq!(database.rows(of_ids), ids(first), "{said}");
            assert_eq!(database.number("select next_offset from rowkind.offsets"), i64::try_from(first).unwrap());
            continue;
        }
        assert_eq!(ended.code, Some(0), "{said}");
        assert_eq!(database.rows(of_ids), ids(N_RECORDS), "{said}");
        assert!(ended.log.contains(&format!(" rejects={}", poisoned.len())), "{said}");
        assert_eq!(database.number("select next_offset from rowkind.offsets"), i64::try_from(N_RECORDS).unwrap());
        if policy == "table" {
            let rejects = "select \"offset\", coalesce(sqlstate, '') as s, encode(payload, 'hex') as p from rowkind.rejects order by 1";
            let expected: Vec<String> = poisoned
                .iter()
                .map(|(id, poison)| {
                    let payload = hex(records[*id].payload.as_deref().unwrap());
                    let sqlstate = Some(poison.sqlstate()).filter(|code| !code.is_empty()).unwrap_or("\"\"");
                    format!("({id},{sqlstate},{payload})")
                })
                .collect();
            assert_eq!(database.rows(rejects), expected.join("\n"), "{said}");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn one_of_every_kind_at_every_place() {
    for poison in ALL {
        for at in [0, N_RECORDS / 2, N_RECORDS - 1] {
            check(&BTreeMap::from([(at, poison)]), 1_000);
        }
    }
}

#[test]
fn several_of_all_kinds() {
    let mut random = Random(7);
    for max_rows in [1, 3, 7, 20, 1_000, 1_000] {
        let n_poisoned = 2 + random.below(N_RECORDS / 2);
        let poisoned = (0..n_poisoned).map(|_| (random.below(N_RECORDS), ALL[random.below(ALL.len())]));
        check(&poisoned.collect(), max_rows);
    }
}

#[test]
fn nothing_but_poison() {
    check(&(0..N_RECORDS).map(|id| (id, ALL[id % ALL.len()])).collect(), 1_000);
}
