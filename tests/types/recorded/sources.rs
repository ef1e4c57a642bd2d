//! What was recorded: sources, variants, tables.

use super::Into;

/// A source and its recordings.
pub(crate) struct Source {
    pub(crate) name: &'static str,
    /// Below `fixtures/<format>`.
    pub(crate) folder: &'static str,
    /// Extensions and types that the source has, in every target.
    pub(crate) types: &'static str,
    pub(crate) tables: &'static [Table],
    /// The topic of the table without a key.
    pub(crate) keyless: &'static str,
    pub(crate) variants: &'static [Variant],
    pub(crate) is_postgres: bool,
}

/// How the connector was set up.
pub(crate) struct Variant {
    /// What `docs/types.md` calls it.
    pub(crate) name: &'static str,
    pub(crate) folder: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) has_schema: bool,
    /// A file of all tables, below `fixtures`, in place of one a table. What is in it beside those tables is left out.
    pub(crate) one_file: Option<&'static str>,
    /// Settings of `[source]` for tables of the source's own types.
    pub(crate) own: &'static str,
    /// The same for tables that rowkind makes.
    pub(crate) made: &'static str,
    /// What the warnings of records that are passed over say, into the source's own tables.
    pub(crate) own_skipped: &'static [&'static str],
    /// The same for tables that rowkind makes.
    pub(crate) made_skipped: &'static [&'static str],
}

/// A table and its topic.
pub(crate) struct Table {
    /// The topic without its prefix; the truth's file is called the same.
    pub(crate) topic: &'static str,
    /// As SQL names it, where it differs.
    name: Option<&'static str>,
    /// Texts of columns of a table that rowkind made, where they are of another type than the source's.
    made_as: &'static [(&'static str, &'static str)],
    /// Whether its columns are in the matrix of types.
    pub(crate) in_matrix: bool,
}

const fn table(topic: &'static str) -> Table {
    Table { topic, name: None, made_as: &[], in_matrix: false }
}

const fn typed(topic: &'static str) -> Table {
    Table { in_matrix: true, ..table(topic) }
}

/// The key of `t_toast` changed from 3 to 33, and what was not sent with it is known of the deleted row alone.
const TOAST: &[&str] = &["a row is not in the target"];

/// As a double 99999999999999999999 is 100000000000000000000.
const OUT_OF_RANGE: &str = "`after.n0`: expected a number in the range of the column";

pub(crate) const POSTGRES: Source = Source {
    name: "Postgres",
    folder: "postgres",
    types: "create extension hstore; create extension ltree; create extension citext;
            create type mood as enum ('sad', 'ok', 'happy', 'très \"content\"')",
    tables: &[
        table("public.customers"),
        table("public.orders"),
        typed("public.order_items"),
        // what a double makes of it is out of the column's range
        Table {
            made_as: &[
                ("n0", "case when n0::text::numeric < 1e20 then n0::text::numeric::text end"),
                ("mon", "case when mon::text::numeric < 92233720368547759 then mon::text::numeric::text end"),
            ],
            ..typed("public.t_num")
        },
        Table {
            // hstore as JSON
            made_as: &[("hs", HSTORE)],
            ..typed("public.t_text")
        },
        typed("public.t_time"),
        // bit(1) is sent as a boolean
        Table { made_as: &[("b1", "b1::int::text")], ..typed("public.t_misc") },
        table("public.t_toast"),
        table("public.t_toast_full"),
        table("public.t_cpk"),
        table("public.t_full"),
        table("public.t_nopk"),
        table("public.t_ddl"),
        table("public.t_trunc"),
        table("public.t_gen"),
        Table { name: Some("\"Mixed Case\".\"Order Items\""), ..table("Mixed_Case.Order_Items") },
    ],
    keyless: "public.t_nopk",
    variants: &[
        Variant {
            name: "json",
            folder: "json",
            prefix: "a_pg_json.",
            has_schema: false,
            one_file: None,
            own: "time_precision = \"adaptive\"\ncolumns = { \"public.t_misc.vb\" = \"bits(20)\" }",
            made: "",
            own_skipped: TOAST,
            made_skipped: TOAST,
        },
        Variant {
            name: "json-schema",
            folder: "json-schema",
            prefix: "a_pg_json_schema.",
            has_schema: true,
            one_file: None,
            own: "columns = { \"public.t_misc.vb\" = \"bits(20)\" }",
            made: "",
            own_skipped: TOAST,
            made_skipped: TOAST,
        },
        Variant {
            name: "json-string",
            folder: "json-string",
            prefix: "a_pg_json_string.",
            has_schema: false,
            one_file: None,
            own: "time_precision = \"isostring\"\ndecimal_mode = \"string\"\nbinary_mode = \"base64\"\n\
                  columns = { \"public.t_misc.vb\" = \"bits(20)\" }",
            made: "",
            own_skipped: TOAST,
            made_skipped: TOAST,
        },
        Variant {
            name: "json-connect",
            folder: "json-connect",
            prefix: "a_pg_json_connect.",
            has_schema: true,
            one_file: None,
            own: "binary_mode = \"hex\"\ncolumns = { \"public.t_misc.vb\" = \"bits(20)\" }",
            made: "columns = { \"public.t_text.by\" = \"bytes-hex\", \"public.t_toast.bigb\" = \"bytes-hex\" }",
            own_skipped: &[OUT_OF_RANGE, OUT_OF_RANGE, "a row is not in the target"],
            made_skipped: TOAST,
        },
    ],
    is_postgres: true,
};

/// An hstore as the JSON object of its pairs.
const HSTORE: &str = "case when hs is null then null when hs::text not like '{%' then hs::text else (select coalesce(hstore(array_agg(key), \
                      array_agg(value)), '') from json_each_text(hs::text::json))::text end";

const MYSQL_TABLES: &[Table] = &[
    table("cdc_a.customers"),
    table("cdc_a.orders"),
    typed("cdc_a.order_items"),
    typed("cdc_a.t_num"),
    typed("cdc_a.t_text"),
    typed("cdc_a.t_bin"),
    typed("cdc_a.t_time"),
    typed("cdc_a.t_geo"),
    table("cdc_a.t_cpk"),
    table("cdc_a.t_full"),
    table("cdc_a.t_nopk"),
    table("cdc_a.t_ddl"),
    table("cdc_a.t_trunc"),
    table("cdc_a.t_gen"),
    Table { name: Some("cdc_a.\"Order Items\""), ..table("cdc_a.Order_Items") },
];

/// `bigint.unsigned.handling.mode=long`: nothing in the events says which columns are unsigned.
const UNSIGNED: &str = "columns = { \"cdc_a.t_num.lu\" = \"unsigned-int64\" }";

macro_rules! mysql {
    ($name:literal, $folder:literal, $prefix:literal, $canal:literal, $maxwell:literal, $json:literal) => {
        Source {
            name: $name,
            folder: $folder,
            types: "",
            tables: MYSQL_TABLES,
            keyless: "cdc_a.t_nopk",
            variants: &[
                Variant {
                    name: "json",
                    folder: "json",
                    prefix: concat!($prefix, "_json."),
                    has_schema: false,
                    one_file: None,
                    own: "time_precision = \"adaptive_time_microseconds\"\n\
                          columns = { \"cdc_a.t_num.lu\" = \"unsigned-int64\" }",
                    made: "",
                    own_skipped: &[],
                    made_skipped: &[],
                },
                Variant {
                    name: "json-schema",
                    folder: "json-schema",
                    prefix: concat!($prefix, "_json_schema."),
                    has_schema: true,
                    one_file: None,
                    own: UNSIGNED,
                    made: UNSIGNED,
                    own_skipped: &[],
                    made_skipped: &[],
                },
                Variant {
                    name: "json-string",
                    folder: "json-string",
                    prefix: concat!($prefix, "_json_string."),
                    has_schema: false,
                    one_file: None,
                    own: "time_precision = \"isostring\"\ndecimal_mode = \"string\"\nbinary_mode = \"base64\"",
                    made: "",
                    own_skipped: &[],
                    made_skipped: &[],
                },
                Variant {
                    name: "json-connect",
                    folder: "json-connect",
                    prefix: concat!($prefix, "_json_connect."),
                    has_schema: true,
                    one_file: None,
                    own: "binary_mode = \"hex\"",
                    made: "columns = { \"cdc_a.t_bin.b4\" = \"bytes-hex\", \"cdc_a.t_bin.vb\" = \"bytes-hex\", \
                           \"cdc_a.t_bin.bl\" = \"bytes-hex\", \"cdc_a.t_bin.tb\" = \"bytes-hex\", \
                           \"cdc_a.t_bin.lb\" = \"bytes-hex\" }",
                    own_skipped: &[],
                    made_skipped: &[],
                },
                Variant {
                    name: "canal-json",
                    folder: "canal-json",
                    prefix: "",
                    has_schema: true,
                    one_file: Some(concat!("canal-json/", $folder, "/", $canal, ".jsonl")),
                    own: "format = \"canal-json\"\ntimezone = \"UTC\"",
                    made: "format = \"canal-json\"\ntimezone = \"UTC\"",
                    own_skipped: &[],
                    made_skipped: &[],
                },
                Variant {
                    name: "maxwell-json",
                    folder: "maxwell-json",
                    prefix: "",
                    has_schema: false,
                    one_file: Some(concat!("maxwell-json/", $folder, "/", $maxwell, ".jsonl")),
                    own: concat!(
                        "format = \"maxwell-json\"\ncolumns = { \"cdc_a.t_text.st\" = \"set\", \"cdc_a.t_text.j\" = \"",
                        $json,
                        "\" }"
                    ),
                    made: "",
                    own_skipped: &[],
                    made_skipped: &[],
                },
            ],
            is_postgres: false,
        }
    };
}

pub(crate) const MYSQL: Source = mysql!("MySQL", "mysql", "a_mysql", "a_canal_mysql", "a_maxwell_mysql_one", "json");
pub(crate) const MARIADB: Source =
    mysql!("MariaDB", "mariadb", "a_maria", "a_canal_maria", "a_maxwell_maria_one", "text");

impl Table {
    /// Without schema or database.
    pub(crate) fn short(&self) -> &str {
        self.topic.split_once('.').map_or(self.topic, |(_, name)| name)
    }

    pub(crate) fn sql_name(&self) -> &'static str {
        self.name.unwrap_or(self.topic)
    }

    pub(crate) fn key_column(&self) -> &'static str {
        if self.short() == "order_items" { "line" } else { "id" }
    }

    pub(crate) fn expression(&self, column: &str, into: Into) -> Option<String> {
        let made_as = self.made_as.iter().find(|(name, _)| *name == column && into == Into::Made)?;
        Some(made_as.1.to_owned())
    }
}
