//! What the events do not tell, though the source held it: by name, with the reason. Each is a change of the truth that
//! must change something, so that none of them outlives its reason.

use std::fmt::Write;

use super::{Into, Source};

/// A difference that an encoding makes unavoidable.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) sources: &'static [&'static str],
    pub(crate) variants: &'static [&'static str],
    /// `None` for both kinds of tables.
    pub(crate) into: Option<Into>,
    /// The columns, as `table.column`.
    pub(crate) columns: &'static [&'static str],
    /// Makes of the truth what the events tell.
    pub(crate) sql: &'static str,
    pub(crate) reason: &'static str,
}

const ALL: &[&str] = &["json", "json-schema", "json-string", "json-connect"];
/// All that were recorded with the converter's `replace.null.with.default`, its default.
const WITH_DEFAULTS: &[&str] = &["json", "json-schema", "json-connect"];
const BINLOG_ALL: &[&str] = &["json", "json-schema", "json-string", "json-connect", "canal-json", "maxwell-json"];
const WITH_SCHEMA: &[&str] = &["json-schema", "json-connect"];
const PG: &[&str] = &["Postgres"];
const BINLOG: &[&str] = &["MySQL", "MariaDB"];

pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        sources: &["Postgres", "MySQL", "MariaDB"],
        variants: WITH_DEFAULTS,
        into: None,
        columns: &["customers.credit"],
        sql: "update @.customers set credit = 0 where id = 4",
        reason: "the converter's `replace.null.with.default` (its default) writes a column's default where it is NULL",
    },
    Difference {
        sources: &["Postgres", "MySQL", "MariaDB"],
        variants: WITH_DEFAULTS,
        into: None,
        columns: &["t_gen.s"],
        sql: "update @.t_gen set s = 'dflt' where id = 2",
        reason: "the same",
    },
    Difference {
        sources: BINLOG,
        variants: ALL,
        into: None,
        columns: &["t_num.y"],
        sql: "update @.t_num set y = 1900 where id = 301",
        reason: "the connector reads a YEAR of 0000 from the binlog as 1900",
    },
    Difference {
        sources: BINLOG,
        variants: ALL,
        into: None,
        columns: &["t_text.e"],
        sql: r"update @.t_text set e = 'com\,ma' where e = 'com,ma'",
        reason: "Debezium 3.5 writes a comma in a name of an ENUM as `\\,` (dbz#2102)",
    },
    Difference {
        sources: BINLOG,
        variants: &["json-string", "json-connect"],
        into: None,
        columns: &["t_time.t0", "t_time.t3", "t_time.t6"],
        sql: "update @.t_time set
                t0 = case when t0 between '0' and '23:59:59.999999' then t0 end,
                t3 = case when t3 between '0' and '23:59:59.999999' then t3 end,
                t6 = case when t6 between '0' and '23:59:59.999999' then t6 end",
        reason: "with `time.precision.mode` isostring and connect a TIME below 0 or over a day arrives as NULL",
    },
    Difference {
        sources: BINLOG,
        variants: &["json-connect"],
        into: None,
        columns: &["t_time.t6", "t_time.dt6"],
        sql: "update @.t_time set t6 = date_trunc('milliseconds', t6), dt6 = date_trunc('milliseconds', dt6)",
        reason: "`time.precision.mode=connect` cuts times and timestamps without a zone to milliseconds",
    },
    Difference {
        sources: BINLOG,
        variants: BINLOG_ALL,
        into: None,
        columns: &["t_ddl.aa", "t_ddl.d"],
        sql: "update @.t_ddl set aa = case when id = 5 then aa end, d = case when id = 3 then null else d end",
        reason: "what DDL does to rows is no event: a renamed column is a new one, a new column's default comes with the next change of a row",
    },
    Difference {
        sources: BINLOG,
        variants: &["json-connect"],
        into: None,
        columns: &["t_trunc.v"],
        sql: "insert into @.t_trunc values (2, 'gone too'), (3, 'before')",
        reason: "`skipped.operations` (its default) leaves truncates out",
    },
    Difference {
        sources: BINLOG,
        variants: &["canal-json"],
        into: None,
        columns: &["t_text.l1"],
        sql: "update @.t_text set l1 = 'na\u{fffd}ve \u{fffd}' where l1 = 'naïve ÿ'",
        reason: "Canal reads text of other character sets than UTF-8 as if it were UTF-8, and writes U+FFFD for what is none",
    },
    Difference {
        sources: BINLOG,
        variants: &["maxwell-json"],
        into: None,
        columns: &["t_trunc.v"],
        sql: "insert into @.t_trunc values (2, 'gone too'), (3, 'before')",
        reason: "Maxwell writes no truncates",
    },
    Difference {
        sources: BINLOG,
        variants: &["maxwell-json"],
        into: None,
        columns: &["t_time.t0", "t_time.t3", "t_time.t6"],
        sql: "update @.t_time set
                t0 = case id % 100 when 2 then '17:04:05' when 4 then '22:59:59' else t0 end,
                t3 = case id % 100 when 2 then '16:04:09.552' when 4 then '04:00:00.5' else t3 end,
                t6 = case id % 100 when 2 then '16:04:19.777215' else t6 end",
        reason: "Maxwell takes a TIME for a time of day, and wraps what is below 0 or over a day: nothing in the message tells",
    },
    Difference {
        sources: BINLOG,
        variants: &["maxwell-json"],
        into: None,
        columns: &["t_bin.b4"],
        sql: r"update @.t_bin set b4 = '\x01' where id % 100 = 2",
        reason: "the binlog has no zero bytes at the end of a BINARY, and Maxwell does not put them there",
    },
    Difference {
        sources: BINLOG,
        variants: &["maxwell-json"],
        into: None,
        columns: &["t_num.y"],
        sql: "update @.t_num set y = 1900 where id = 301",
        reason: "Maxwell reads a YEAR of 0000 as 1900",
    },
    Difference {
        sources: &["MariaDB"],
        variants: &["maxwell-json"],
        into: None,
        columns: &["t_time.t3", "t_time.t6", "t_time.dt3", "t_time.dt6", "t_time.ts6"],
        sql: "update @.t_time set t3 = date_trunc('second', t3), t6 = date_trunc('second', t6), dt3 = date_trunc('second', dt3),
                dt6 = date_trunc('second', dt6), ts6 = date_trunc('second', ts6)",
        reason: "of MariaDB Maxwell sends no fractions of a second",
    },
    Difference {
        sources: &["MariaDB"],
        variants: &["maxwell-json"],
        into: None,
        columns: &["customers.created"],
        sql: "update @.customers set created = date_trunc('second', created)",
        reason: "the same",
    },
    Difference {
        sources: &["MariaDB"],
        variants: &["maxwell-json"],
        into: None,
        columns: &["orders.placed"],
        sql: "update @.orders set placed = date_trunc('second', placed)",
        reason: "the same",
    },
    Difference {
        sources: &["MySQL"],
        variants: &["maxwell-json"],
        into: None,
        columns: &["t_text.j"],
        sql: "update @.t_text set j = null where j = 'null'",
        reason: "Maxwell embeds JSON, and JSON's null looks like NULL",
    },
    Difference {
        sources: PG,
        variants: ALL,
        into: None,
        columns: &["t_time.ttz"],
        sql: "update @.t_time set ttz = ttz at time zone 'UTC'",
        reason: "the connector sends a `timetz` in UTC: the same moment, another zone",
    },
    Difference {
        sources: PG,
        variants: WITH_DEFAULTS,
        into: None,
        columns: &["t_time.iv"],
        // Postgres counts 365.25 days a year, and 30 a month
        sql: "update @.t_time set iv = make_interval(secs => extract(epoch from iv) + 0.4375 * 86400 * extract(month from iv))
               where extract(year from iv) <> 0",
        reason: "`interval.handling.mode=numeric` (its default) sends microseconds, a month as 30.4375 days",
    },
    Difference {
        sources: PG,
        variants: &["json-connect"],
        into: None,
        columns: &["t_time.t6", "t_time.ts6"],
        sql: "update @.t_time set t6 = date_trunc('milliseconds', t6)::time, ts6 = date_trunc('milliseconds', ts6)",
        reason: "`time.precision.mode=connect` cuts times and timestamps without a zone to milliseconds",
    },
    Difference {
        sources: PG,
        variants: ALL,
        into: None,
        columns: &["t_misc.vb"],
        sql: "update @.t_misc set vb = lpad(vb::text, 20, '0')::bit varying",
        reason: "a `bit varying` is sent without the zeros in front and without its length. Into a `bit varying` it is refused \
                 until `source.columns` states a number of bits, here `bits(20)`; a table made for it gets a `bit(20)` \
                 unless the connector propagates the column's type",
    },
    Difference {
        sources: PG,
        variants: &["json-connect"],
        into: Some(Into::Own),
        columns: &["t_num.n0", "t_num.mon"],
        sql: "delete from @.t_num where id in (3, 103)",
        reason: "with `decimal.handling.mode=double` 99999999999999999999 is 100000000000000000000, which is out of the \
                 column's range: the record is a reject",
    },
    Difference {
        sources: PG,
        variants: &["json-connect"],
        into: Some(Into::Made),
        columns: &["t_num.n0", "t_num.mon"],
        sql: "update @.t_num set n0 = null, mon = null where id in (3, 103)",
        reason: "a double holds 15 digits; what it made of these is out of the range of the source's own type",
    },
    Difference {
        sources: PG,
        variants: &["json-connect"],
        into: Some(Into::Own),
        columns: &["t_num.nn"],
        sql: "update @.t_num set nn = '1.0' where nn = 1",
        reason: "a double has a digit behind the point: the same number",
    },
    Difference {
        sources: PG,
        variants: &["json-string"],
        into: None,
        columns: &["t_toast.bigb"],
        sql: "update @.t_toast set bigb = null where id = 1",
        reason: "with `binary.handling.mode=base64` an unchanged `TOAST`ed bytea arrives as NULL instead of the placeholder",
    },
    Difference {
        sources: PG,
        variants: ALL,
        into: None,
        columns: &["t_toast.id"],
        sql: "delete from @.t_toast where id = 33",
        reason: "after a change of the key a `TOAST`ed value that was not sent is known under the old key alone: the record is a reject",
    },
    Difference {
        sources: PG,
        variants: WITH_SCHEMA,
        into: Some(Into::Made),
        columns: &["t_gen.twice"],
        sql: "update @.t_gen set twice = case id when 1 then 2 when 2 then twice end",
        reason: "generated columns are in snapshots alone; a table of the source's own computes them",
    },
    Difference {
        sources: PG,
        variants: ALL,
        into: None,
        columns: &["t_ddl.aa", "t_ddl.d"],
        sql: "update @.t_ddl set aa = case when id = 5 then aa end, d = case when id = 3 then null else d end",
        reason: "what DDL does to rows is no event: a renamed column is a new one, a new column's default comes with the next change of a row",
    },
    Difference {
        sources: PG,
        variants: &["json-connect"],
        into: None,
        columns: &["t_trunc.v"],
        sql: "insert into @.t_trunc values (2, 'gone too'), (3, 'before')",
        reason: "`skipped.operations` (its default) leaves truncates out",
    },
];

/// The list in the document.
pub(crate) fn listed(source: &Source) -> String {
    let mut out = String::new();
    let of_source = DIFFERENCES.iter().filter(|difference| difference.sources.contains(&source.name));
    for (at, difference) in of_source.enumerate() {
        let into = match difference.into {
            None => "",
            Some(Into::Own) => ", into its own type",
            Some(Into::Made) => ", into a table made for it",
        };
        let _ = writeln!(
            out,
            "{}. `{}` ({}{into}): {}",
            at + 1,
            difference.columns.join("`, `"),
            difference.variants.join(", "),
            difference.reason
        );
    }
    out
}
