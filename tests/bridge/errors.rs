//! What fails for a passing reason is tried again, by SQLSTATE; and `docs/errors.md` says what the code's tables say.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use rowkind::rejects::forward;
use rowkind::sink::postgres::failure::{Remedy, SQLSTATES};
use rowkind::source::failure::{self as source, PollError};
use serde_json::json;

use crate::harness::{Database, Pipeline, Record, created, file_of, updated};

fn row(id: i64, v: &str) -> Record {
    updated("t", json!({"id": id, "v": "old"}), json!({"id": id, "v": v}))
}

fn with_rows() -> Database {
    let database = Database::new();
    database.execute("create table t (id int primary key, v text); insert into t values (1, 'old'), (2, 'old')");
    database
}

const ROWS: &str = "select id, v from t order by id";

/// Waits until the bridge waits for a lock.
fn wait_for_blocked(database: &Database) {
    database.wait_for_rows(
        "select count(*) > 0 from pg_stat_activity where datname = current_database()
            and application_name like 'rowkind %' and wait_event_type = 'Lock'",
        "(t)",
    );
}

/// Every code of the table that is to be tried again, and a class's code for each class, raised by the database twice.
#[test]
fn what_passes_is_tried_again() {
    for (code, remedy, _) in SQLSTATES {
        let code = format!("{code:0<5}");
        let database = with_rows();
        database.execute(&format!(
            "create sequence attempts;
             create function fail() returns trigger language plpgsql as $$ begin
               if nextval('attempts') <= 2 then raise exception 'made up' using errcode = '{code}'; end if;
               return new; end $$;
             create trigger fail before insert or update on t for each row execute function fail()"
        ));
        let file = file_of("shop.public.t", 0, &[created("t", json!({"id": 3, "v": "new"}))]);
        let ended = Pipeline::from_file(file.path(), &database).run();
        let expected = match remedy {
            Remedy::Retry => (Some(0), "trying again"),
            // looked up again once
            Remedy::LookAgain | Remedy::Stop => (Some(1), "made up"),
            Remedy::Reject => (Some(3), "stopped at topic"),
        };
        assert_eq!(ended.code, expected.0, "{code}: {}", ended.log);
        assert!(ended.log.contains(expected.1), "{code}: {}", ended.log);
        let n_rows = if *remedy == Remedy::Retry { 3 } else { 2 };
        assert_eq!(database.number("select count(*) from t"), n_rows, "{code}");
    }
}

/// A session holds the second row and then wants the first, which the bridge holds by then.
#[test]
fn a_deadlock_is_tried_again() {
    let database = with_rows();
    let holder = with_session(&database);
    holder.execute("set deadlock_timeout = '1min'; begin; update t set v = 'theirs' where id = 2");
    let file = file_of("shop.public.t", 0, &[row(1, "new"), row(2, "new")]);
    let bridge = Pipeline::from_file(file.path(), &database).set("source.stop", "latest-offset").start();
    wait_for_blocked(&database);
    holder.execute("update t set v = 'theirs' where id = 1");
    holder.execute("commit");
    bridge.wait().with_code(0).says("SQLSTATE 40P01").says("trying again");
    assert_eq!(database.rows(ROWS), "(1,new)\n(2,new)");
}

#[test]
fn a_serialization_failure_is_tried_again() {
    let database = with_rows();
    set(&database, "default_transaction_isolation", "repeatable read");
    let holder = with_session(&database);
    holder.execute("begin; update t set v = 'theirs' where id = 1");
    let file = file_of("shop.public.t", 0, &[row(1, "new"), row(2, "new")]);
    let bridge = Pipeline::from_file(file.path(), &database).set("source.stop", "latest-offset").start();
    wait_for_blocked(&database);
    holder.execute("commit");
    bridge.wait().with_code(0).says("SQLSTATE 40001").says("trying again");
    assert_eq!(database.rows(ROWS), "(1,new)\n(2,new)");
}

#[test]
fn timeouts_are_tried_again() {
    for (setting, code) in [("statement_timeout", "57014"), ("lock_timeout", "55P03")] {
        let database = with_rows();
        set(&database, setting, "200ms");
        let lock = database.lock("t");
        let file = file_of("shop.public.t", 0, &[row(1, "new")]);
        let bridge = Pipeline::from_file(file.path(), &database).set("source.stop", "latest-offset").start();
        bridge.wait_for_log(&format!("SQLSTATE {code}"));
        thread::sleep(Duration::from_millis(500));
        drop(lock);
        bridge.wait().with_code(0).says("trying again");
        assert_eq!(database.rows(ROWS), "(1,new)\n(2,old)");
    }
}

/// This process is stopped inside a transaction, for longer than Postgres waits.
#[test]
fn a_pause_inside_a_transaction_is_tried_again() {
    let database = with_rows();
    // the holder's own session was there before
    let lock = database.lock("t");
    set(&database, "idle_in_transaction_session_timeout", "300ms");
    let file = file_of("shop.public.t", 0, &[row(1, "new")]);
    let bridge = Pipeline::from_file(file.path(), &database).set("source.stop", "latest-offset").start();
    wait_for_blocked(&database);
    bridge.freeze();
    drop(lock);
    database.wait_for_rows(
        "select count(*) from pg_stat_activity where application_name like 'rowkind %' and state <> 'idle'
            and datname = current_database()",
        "(0)",
    );
    bridge.signal(Signal::CONT);
    // by a socket it is a broken pipe, by TCP 25P03
    bridge.wait().with_code(0).says("trying again");
    assert_eq!(database.rows(ROWS), "(1,new)\n(2,old)");
}

/// A session of its own on the same database.
fn with_session(database: &Database) -> Database {
    Database::at(database.url())
}

/// For sessions that begin from now on.
fn set(database: &Database, setting: &str, value: &str) {
    database.execute(&format!(
        "do $$ begin execute format('alter database %I set {setting} = %L', current_database(), '{value}'); end $$"
    ));
}

/// One part at a time: all are in one file.
static DOCUMENT: Mutex<()> = Mutex::new(());

/// Checks that a part of the document is the code's table; with `UPDATE_DOCS=1` it is written instead.
fn check(part: &str, table: &str) {
    let _one_at_a_time = DOCUMENT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (begin, end) =
        (format!("<!-- {part}: written by tests/bridge/errors.rs -->\n"), format!("<!-- end of {part} -->"));
    let (before, rest) = document.split_once(&begin).unwrap();
    let (written, after) = rest.split_once(&end).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        assert_eq!(table, written, "docs/errors.md, {part}; UPDATE_DOCS=1 writes it anew");
    }
}

fn table(head: [&str; 3], rows: impl Iterator<Item = [String; 3]>) -> String {
    let mut out = format!("| {} |\n|---|---|---|\n", head.join(" | "));
    for row in rows {
        writeln!(out, "| {} |", row.join(" | ")).unwrap();
    }
    out
}

#[test]
fn the_document_has_the_tables_of_the_code() {
    let word = |remedy| match remedy {
        Remedy::Retry => "tried again",
        Remedy::LookAgain => "tables are looked up again, once",
        Remedy::Reject => "reject",
        Remedy::Stop => "stops",
    };
    let rows = SQLSTATES.iter().map(|(code, remedy, what)| {
        let code = if code.len() == 2 { format!("`{code}`…") } else { format!("`{code}`") };
        [code, word(*remedy).to_owned(), (*what).to_owned()]
    });
    check("SQLSTATE", &table(["SQLSTATE", "", "what it is"], rows));
    let word = |asks| match asks {
        PollError::Passing => "librdkafka goes on",
        PollError::OutOfRange => "stops, and names the gap",
        PollError::Fatal => "stops",
    };
    let name = |code: rdkafka::error::RDKafkaErrorCode| format!("`{code:?}`");
    let rows = source::CODES.iter().map(|(code, asks, what)| [name(*code), word(*asks).to_owned(), (*what).to_owned()]);
    check("reading", &table(["code", "", "what it is, what to do"], rows));
    let rows = forward::CODES.iter().map(|(code, what)| [name(*code), "stops".to_owned(), (*what).to_owned()]);
    check("writing", &table(["code", "", "what to do"], rows));
}
