//! What is selected of the rows of a route, and which rows: `declare`, `select` and `where` of a `[[route]]`, in Flink's SQL.
//!
//! Comes in: a decoded [`Change`]. Goes out: the same change with the columns that are selected, as final values with their schema, and
//! without the rows that the condition leaves out. The changelog stays true: a row that leaves the condition is a delete, one
//! that enters it an insert. Pure.

mod calls;
#[cfg(test)]
mod cases;
mod compile;
mod dates;
mod datum;
mod declared;
mod expr;
mod functions;
mod read;
mod types;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use rowkind_formats::{Change, Column, Field, Key, Record, Row, RowKind, RowSchema};
use sqlparser::ast::SelectItem;
use sqlparser::dialect::Dialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::near;
use crate::sink::postgres::modes::{ExcessDigits, Modes};
use compile::Names;
pub use datum::NoValue;
pub use declared::{Declared, Told};
pub(crate) use declared::{is_word, quoted};
use expr::{Expr, Missing};
use read::Read;
pub use types::SqlType;

/// What cannot be done here, and where it can.
pub(crate) const ELSEWHERE: &str =
    "rows are taken one by one here; select from the target table, or make a view of it there";

/// SQL that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

impl From<ParserError> for Unusable {
    fn from(error: ParserError) -> Self {
        match error {
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => Self(text),
            ParserError::RecursionLimitExceeded => Self("it is nested too deeply".to_owned()),
        }
    }
}

impl From<NoValue> for Unusable {
    fn from(error: NoValue) -> Self {
        Self(error.0)
    }
}

/// Flink's dialect, as far as the tokens go: names in backticks, quotes in text doubled.
#[derive(Debug)]
pub(crate) struct Flink;

impl Dialect for Flink {
    fn is_delimited_identifier_start(&self, c: char) -> bool {
        c == '`'
    }

    fn is_identifier_start(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_' || c == '$'
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_alphanumeric() || c == '_' || c == '$'
    }
}

pub(crate) fn parser(sql: &str) -> Result<Parser<'static>, ParserError> {
    Parser::new(&Flink).try_with_sql(sql)
}

/// What is selected.
#[derive(Debug, Clone)]
pub struct Query {
    declared: Vec<Declared>,
    selected: Vec<Selected>,
    filter: Option<Expr>,
    schema: Arc<RowSchema>,
    modes: Modes,
}

/// A column of the result.
#[derive(Debug, Clone)]
struct Selected {
    name: String,
    expr: Expr,
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p, 'a> {
    /// The record that it stood in.
    pub record: &'p Record<'a>,
    /// The record's own time, in milliseconds since 1970, where it has one.
    pub timestamp_ms: Option<i64>,
}

impl Query {
    /// A query over columns that are declared. Where nothing is selected that is all of them.
    ///
    /// # Errors
    ///
    /// When something is no SQL, means nothing, or cannot be said of single rows.
    pub fn new(
        declared: Vec<Declared>,
        select: Option<&[String]>,
        filter: Option<&str>,
        modes: Modes,
    ) -> Result<Self, Unusable> {
        let names = Scope(&declared);
        let mut selected = Vec::new();
        match select {
            None => all(&declared, &mut selected)?,
            Some(items) => {
                for item in items {
                    let mut parser = parser(item)?;
                    let parsed = parser.parse_select_item()?;
                    parser.expect_token(&Token::EOF)?;
                    select_item(parsed, &declared, &mut selected)?;
                }
            }
        }
        let mut seen = HashSet::new();
        if let Some(twice) = selected.iter().find(|column| !seen.insert(column.name.as_str())) {
            return Err(Unusable(format!("two columns are called `{}`: give one another name by AS", twice.name)));
        }
        let condition = |text: &str| {
            let mut parser = parser(text)?;
            let ast = parser.parse_expr()?;
            parser.expect_token(&Token::EOF)?;
            compile::condition(compile::expr(&ast, &names)?)
        };
        let filter = filter.map(condition).transpose().map_err(|error| Unusable(format!("WHERE: {error}")))?;
        let fields = selected.iter().map(|column| Field::new(column.name.clone(), column.expr.ty.column_type()));
        let schema = Arc::new(RowSchema { fields: fields.collect() });
        // digits beyond the declared ones are cut as Flink does it
        let modes = Modes { excess_digits: ExcessDigits::Round, ..modes };
        Ok(Self { declared, selected, filter, schema, modes })
    }

    /// The result's columns, with their types.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &SqlType)> {
        self.selected.iter().map(|column| (column.name.as_str(), &column.expr.ty))
    }

    /// Which column of the source a column of the result is, where it is nothing but one.
    pub fn source_of(&self, name: &str) -> Option<&str> {
        let column = self.selected.iter().find(|column| column.name == name)?;
        Some(self.declared[column.expr.column()?].name.as_str())
    }

    /// Takes a change's rows through the query. There may be none left.
    ///
    /// # Errors
    ///
    /// When a value is none of its column's type, or the condition needs one that was not sent.
    pub fn apply<'a>(&self, change: &mut Change<'a>, place: Place<'_, 'a>) -> Result<(), NoValue> {
        let rows = std::mem::take(&mut change.rows);
        let mut kept = Vec::with_capacity(rows.len());
        let mut rest = rows.into_iter().peekable();
        while let Some(row) = rest.next() {
            let after = match row.kind {
                RowKind::UpdateBefore => rest.next_if(|next| next.kind == RowKind::UpdateAfter),
                _ => None,
            };
            match after {
                Some(after) => self.update((row, after), change, place, &mut kept)?,
                None => self.single(&row, change, place, &mut kept)?,
            }
        }
        change.key = change.key.take().and_then(|key| self.key(key));
        change.rows = kept;
        change.schema = Some(Arc::clone(&self.schema));
        Ok(())
    }

    /// A key under the names of the result; `None` when a column of it is not selected as it is.
    pub fn key<'a>(&self, key: Key<'a>) -> Option<Key<'a>> {
        let named = |mut column: Column<'a>| {
            let is_it =
                |selected: &&Selected| selected.expr.column().is_some_and(|at| self.declared[at].name == column.name);
            column.name = Cow::Owned(self.selected.iter().find(is_it)?.name.clone());
            Some(column)
        };
        let columns = key.columns.into_iter().map(named).collect::<Option<Vec<_>>>()?;
        Some(Key { columns, schema: None })
    }

    fn single<'a>(
        &self,
        row: &Row<'a>,
        change: &Change<'a>,
        place: Place<'_, 'a>,
        kept: &mut Vec<Row<'a>>,
    ) -> Result<(), NoValue> {
        let read = Read { query: self, row, before: None, change, place };
        let kind = match (row.kind, read.passes()) {
            (kind, Ok(true)) => kind,
            // it may be in the target
            (RowKind::Delete | RowKind::UpdateBefore, Err(Missing::Column(_))) => row.kind,
            (RowKind::UpdateAfter, Ok(false)) => RowKind::Delete,
            (_, Ok(false)) => return Ok(()),
            (_, Err(missing)) => return Err(self.told("WHERE", missing)),
        };
        kept.push(read.selected(kind)?);
        Ok(())
    }

    fn update<'a>(
        &self,
        (before, after): (Row<'a>, Row<'a>),
        change: &Change<'a>,
        place: Place<'_, 'a>,
        kept: &mut Vec<Row<'a>>,
    ) -> Result<(), NoValue> {
        let old = Read { query: self, row: &before, before: None, change, place };
        let new = Read { query: self, row: &after, before: Some(&before), change, place };
        let was = match old.passes() {
            Ok(passes) => Some(passes),
            Err(Missing::Column(_)) => None,
            Err(missing) => return Err(self.told("WHERE", missing)),
        };
        let is = new.passes().map_err(|missing| self.told("WHERE", missing))?;
        match (was, is) {
            (Some(false), false) => {}
            (Some(false), true) => kept.push(new.selected(RowKind::Insert)?),
            (Some(true) | None, false) => kept.push(old.selected(RowKind::Delete)?),
            (Some(true) | None, true) => {
                kept.push(old.selected(RowKind::UpdateBefore)?);
                kept.push(new.selected(RowKind::UpdateAfter)?);
            }
        }
        Ok(())
    }

    /// Why there is no value, in words.
    fn told(&self, what: &str, missing: Missing) -> NoValue {
        match missing {
            Missing::Value(NoValue(text)) => NoValue(format!("{what}: {text}")),
            Missing::Column(at) => NoValue(format!(
                "{what}: column `{}` was not sent; set REPLICA IDENTITY FULL on the source table",
                self.declared[at].name
            )),
        }
    }
}

struct Scope<'d>(&'d [Declared]);

impl Names for Scope<'_> {
    fn column(&self, name: &str) -> Option<(usize, SqlType)> {
        let at = self.0.iter().position(|declared| declared.name == name)?;
        Some((at, self.0[at].ty.clone()))
    }

    fn unknown(&self, name: &str) -> Unusable {
        let names = self.0.iter().map(|declared| declared.name.as_str());
        Unusable(format!("there is no column `{name}`{}", near::hint(name, names)))
    }
}

fn select_item(item: SelectItem, declared: &[Declared], selected: &mut Vec<Selected>) -> Result<(), Unusable> {
    let names = Scope(declared);
    match item {
        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => all(declared, selected)?,
        SelectItem::ExprWithAlias { expr, alias } => {
            selected.push(Selected { name: alias.value, expr: compile::expr(&expr, &names)? });
        }
        SelectItem::UnnamedExpr(ast) => {
            let expr = compile::expr(&ast, &names)?;
            // what Flink calls it, too
            let name = expr.column().map_or_else(|| format!("EXPR${}", selected.len()), |at| declared[at].name.clone());
            selected.push(Selected { name, expr });
        }
        SelectItem::ExprWithAliases { .. } => return Err(Unusable("one name is given by AS".to_owned())),
    }
    Ok(())
}

fn all(declared: &[Declared], selected: &mut Vec<Selected>) -> Result<(), Unusable> {
    let names = Scope(declared);
    for Declared { name, .. } in declared {
        let expr = compile::expr(&sqlparser::ast::Expr::Identifier(name.as_str().into()), &names)?;
        selected.push(Selected { name: name.clone(), expr });
    }
    Ok(())
}
