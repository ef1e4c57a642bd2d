//! What is inserted into what, as pipelines.

use sqlparser::ast::SelectItem;

use super::SqlError;
use super::document::{Document, Toml};
use super::script::{Insert, Script, Table};
use super::{jdbc, kafka};
use crate::query::{Declared, Query, SqlType, quoted};
use crate::sink::postgres::modes::Modes;

/// A pipeline of a job.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) document: Document,
    /// The table that it reads, and the one that it writes.
    pub(super) from: String,
    pub(super) into: String,
}

/// Settings of a session that hold for all of its pipelines.
#[derive(Debug, Default)]
struct Session {
    name: Option<String>,
    dedup: Option<bool>,
    lanes: Option<u64>,
    notes: Vec<String>,
}

/// The pipelines of a job.
pub(super) fn pipelines(script: &Script) -> Result<Vec<Pipeline>, SqlError> {
    let session = session(script)?;
    if script.inserts.is_empty() {
        return Err(SqlError::new("there is no INSERT INTO: nothing would be done"));
    }
    let mut pipelines: Vec<Pipeline> = Vec::new();
    for insert in &script.inserts {
        if pipelines.iter().any(|known| known.into == insert.into) {
            let text = format!(
                "two INSERTs write to `{}`, whose name is in their pipelines': create the table a second time under another name",
                insert.into
            );
            return Err(SqlError::at(insert.line, text));
        }
        pipelines.push(pipeline(script, insert, &session)?);
    }
    Ok(pipelines)
}

fn session(script: &Script) -> Result<Session, SqlError> {
    let mut session = Session::default();
    for (key, value, line) in &script.settings {
        let invalid = |expected: &str| SqlError::at(*line, format!("SET '{key}': expected {expected}"));
        match key.as_str() {
            "table.exec.source.cdc-events-duplicate" => match value.as_str() {
                "true" => session.dedup = Some(true),
                "false" => session.dedup = Some(false),
                _ => return Err(invalid("'true' or 'false'")),
            },
            "parallelism.default" | "table.exec.resource.default-parallelism" => {
                session.lanes = Some(value.parse().ok().filter(|n| *n > 0).ok_or_else(|| invalid("a number"))?);
            }
            "pipeline.name" => session.name = Some(value.clone()),
            "execution.runtime-mode" if value == "streaming" => {}
            "execution.runtime-mode" => {
                return Err(invalid("'streaming'; a source with 'scan.bounded.mode' ends by itself"));
            }
            "table.local-time-zone" if matches!(value.as_str(), "UTC" | "GMT" | "Etc/UTC" | "+00:00") => {}
            "table.local-time-zone" => return Err(invalid("'UTC': text of a moment is in UTC here")),
            "table.exec.sink.not-null-enforcer" if value.eq_ignore_ascii_case("error") => {}
            "table.exec.sink.not-null-enforcer" => {
                return Err(invalid("'ERROR'; --rejects-policy says what becomes of a record that Postgres refuses"));
            }
            "table.exec.sink.upsert-materialize" | "table.dml-sync" => {
                session.notes.push(format!("'{key}' means nothing here: the rows of a key keep their order"));
            }
            _ if key.starts_with("execution.checkpointing.")
                || key.starts_with("state.")
                || key.starts_with("restart-strategy") =>
            {
                session.notes.push(format!("'{key}': rows and next offsets are committed together, batch by batch; there are no checkpoints and no state"));
            }
            _ if key.starts_with("sql-client.")
                || key.starts_with("table.exec.mini-batch.")
                || key.starts_with("table.exec.state.") =>
            {
                session.notes.push(format!("'{key}' means nothing here"));
            }
            _ => {
                let known = [
                    "table.exec.source.cdc-events-duplicate",
                    "parallelism.default",
                    "pipeline.name",
                    "execution.runtime-mode",
                    "table.local-time-zone",
                ];
                let hint = crate::near::hint(key, known);
                return Err(SqlError::at(*line, format!("SET '{key}': it is none that is known here{hint}")));
            }
        }
    }
    Ok(session)
}

fn table<'s>(script: &'s Script, name: &str, line: u64) -> Result<&'s Table, SqlError> {
    let hint = || crate::near::hint(name, script.tables.keys().map(String::as_str));
    script.tables.get(name).ok_or_else(|| SqlError::at(line, format!("there is no table `{name}`{}", hint())))
}

/// How many INSERTs read in a group: its members share the partitions, and each INSERT needs all of them.
fn n_readers(script: &Script, group: &str) -> usize {
    let of = |insert: &&Insert| {
        let source = script.tables.get(&insert.from);
        source.and_then(|table| table.options.get("properties.group.id")) == Some(group)
    };
    script.inserts.iter().filter(of).count()
}

fn pipeline(script: &Script, insert: &Insert, session: &Session) -> Result<Pipeline, SqlError> {
    let (from, into) = (table(script, &insert.from, insert.line)?, table(script, &insert.into, insert.line)?);
    let mut document = Document::default();
    let mut source_options = from.options.clone();
    let mut sink_options = into.options.clone();
    let mut parts = Document::default();
    let connector = source_options.need("connector")?;
    let group = match connector.as_str() {
        "kafka" | "kafka-0.11" | "kafka-0.10" | "universal" => kafka::source(&mut source_options, false, &mut parts)?,
        "upsert-kafka" => kafka::source(&mut source_options, true, &mut parts)?,
        _ => return Err(source_options.invalid("connector", "'kafka' or 'upsert-kafka', where it is read from")),
    };
    source_options.finish()?;
    let base = session.name.as_deref().or(group.as_deref()).unwrap_or("sql");
    document.set("name", format!("{base}.{}", into.name));
    let goes_by_group = parts.text("source.start") == Some("group-offsets");
    match &group {
        // Flink's sources share nothing, whatever their group is called; those of one group here would
        Some(group) if !goes_by_group => parts.set("source.group", format!("{group}.{}", into.name)),
        Some(group) if n_readers(script, group) == 1 => parts.set("source.group", group.as_str()),
        Some(group) => {
            let text = format!(
                "table `{}`: 'scan.startup.mode' is 'group-offsets' (the default), and several INSERTs read in the group {group}: say where they start",
                from.name
            );
            return Err(SqlError::at(insert.line, text));
        }
        None => {}
    }

    let connector = sink_options.need("connector")?;
    let is_jdbc = connector == "jdbc";
    match connector.as_str() {
        "jdbc" => jdbc::sink(&mut sink_options, &mut parts)?,
        "kafka" | "upsert-kafka" => kafka::sink(&mut sink_options, connector == "upsert-kafka", &mut parts)?,
        "print" => {
            parts.set("sink.type", "stdout");
            for key in ["print-identifier", "standard-error"] {
                if sink_options.take(key).is_some_and(|text| !text.is_empty() && text != "false") {
                    return Err(sink_options.invalid(key, "nothing: rows are printed to standard output"));
                }
            }
            let _ = sink_options.take("sink.parallelism");
        }
        "blackhole" => parts.set("sink.type", "blackhole"),
        _ => {
            return Err(sink_options.invalid(
                "connector",
                "'jdbc', 'kafka', 'upsert-kafka', 'print' or 'blackhole', where it is written to",
            ));
        }
    }
    sink_options.finish()?;
    if (is_jdbc || connector == "upsert-kafka") && into.key.is_empty() {
        return Err(SqlError::at(
            insert.line,
            format!("table `{}`: updates and deletes need its PRIMARY KEY (…) NOT ENFORCED", into.name),
        ));
    }

    let items = items(insert, from, into, is_jdbc)?;
    parts.route("declare", Toml::List(from.columns.iter().map(ToString::to_string).collect()));
    parts.route("select", Toml::List(items));
    if let Some(filter) = &insert.filter {
        parts.route("where", filter.as_str());
    }
    let name_of = |name: &String| if is_jdbc { jdbc::folded(name) } else { name.clone() };
    if !into.key.is_empty() && connector != "print" && connector != "blackhole" {
        parts.route("key", Toml::List(into.key.iter().map(name_of).collect()));
    }
    if let Some(lanes) = session.lanes.filter(|_| is_jdbc && !parts.has("sink.lanes")) {
        parts.set("sink.lanes", Toml::Number(lanes));
    }
    // it is on by default
    if session.dedup == Some(false) {
        parts.set("dedup.enabled", Toml::Flag(false));
    }
    session.notes.iter().for_each(|note| parts.note(note.as_str()));
    document.extend(parts);
    Ok(Pipeline { document, from: from.name.clone(), into: into.name.clone() })
}

/// What is selected, each with the name and the type of the column that it is written to.
fn items(insert: &Insert, from: &Table, into: &Table, is_jdbc: bool) -> Result<Vec<String>, SqlError> {
    let at = |text: String| SqlError::at(insert.line, format!("INSERT INTO `{}`: {text}", into.name));
    let mut texts = Vec::new();
    for item in &insert.items {
        match item {
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                texts.extend(from.columns.iter().map(|column| quoted(&column.name)));
            }
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => texts.push(expr.to_string()),
            SelectItem::ExprWithAliases { .. } => return Err(at("one name is given by AS".to_owned())),
        }
    }
    let written: Vec<&Declared> = if insert.columns.is_empty() {
        into.columns.iter().filter(|column| !column.is_virtual).collect()
    } else {
        let column = |name: &String| {
            into.columns
                .iter()
                .find(|column| column.name == *name)
                .ok_or_else(|| at(format!("there is no column `{name}`")))
        };
        insert.columns.iter().map(column).collect::<Result<_, _>>()?
    };
    if written.len() != texts.len() {
        return Err(at(format!("{} columns are selected, and {} are written", texts.len(), written.len())));
    }
    if let Some(missing) = into.key.iter().find(|name| !written.iter().any(|column| column.name == **name)) {
        return Err(at(format!("`{missing}` is of the primary key, and is not written")));
    }
    // what their types are, under names of our own
    let named: Vec<String> = texts.iter().enumerate().map(|(n, text)| format!("{text} AS `{n}`")).collect();
    let query = Query::new(from.columns.clone(), Some(&named), insert.filter.as_deref(), Modes::default());
    let query = query.map_err(|error| at(error.to_string()))?;
    let mut items = Vec::new();
    for ((text, (_, found)), column) in texts.iter().zip(query.columns()).zip(written) {
        let name = if is_jdbc { jdbc::folded(&column.name) } else { column.name.clone() };
        let item = if found.is_stored_as(&column.ty) {
            format!("{text} AS {}", quoted(&name))
        } else if found.casts_to(&column.ty) && (*found != SqlType::String) {
            format!("CAST({text} AS {}) AS {}", column.ty, quoted(&name))
        } else {
            return Err(at(format!(
                "column `{}` is {}, and what is selected for it is {found}: CAST it",
                column.name, column.ty
            )));
        };
        items.push(item);
    }
    Ok(items)
}

impl SqlType {
    /// Whether values of it can be written to a column of another type as they are.
    fn is_stored_as(&self, column: &Self) -> bool {
        self == column || matches!((self, column), (Self::Json(_), Self::Json(_)))
    }
}
