//! A job's statements: tables, settings, and what is inserted into what.

use std::collections::BTreeMap;

use sqlparser::ast::{Query as Select, SetExpr, TableFactor, TableWithJoins};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};

use super::SqlError;
use super::options::Options;
use crate::query::{Declared, ELSEWHERE, Flink, is_word, parser};

/// What a job says.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// By name.
    pub(super) tables: BTreeMap<String, Table>,
    /// `SET`: key, value, line.
    pub(super) settings: Vec<(String, String, u64)>,
    pub(super) inserts: Vec<Insert>,
}

/// A table of the job.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Declared>,
    /// Columns of the primary key.
    pub(super) key: Vec<String>,
    pub(super) options: Options,
}

/// `INSERT INTO … SELECT … FROM … WHERE …`
#[derive(Debug)]
pub(super) struct Insert {
    pub(super) line: u64,
    pub(super) into: String,
    /// Columns that are written to; empty for all in their order.
    pub(super) columns: Vec<String>,
    /// What is selected, item by item.
    pub(super) items: Vec<sqlparser::ast::SelectItem>,
    pub(super) from: String,
    pub(super) filter: Option<String>,
}

impl Script {
    /// Reads a job.
    pub(super) fn read(text: &str) -> Result<Self, SqlError> {
        refuse_hints(text)?;
        let mut parser = parser(text)?;
        let mut script = Self::default();
        let mut is_in_set = false;
        loop {
            while parser.consume_token(&Token::SemiColon) {}
            let token = parser.peek_token();
            let line = token.span.start.line;
            if token.token == Token::EOF {
                return if is_in_set {
                    Err(SqlError::at(line, "expected END; of the statement set"))
                } else {
                    Ok(script)
                };
            }
            if is_in_set && parser.parse_keyword(Keyword::END) {
                is_in_set = false;
            } else if parser.parse_keyword(Keyword::CREATE) {
                let table = create(&mut parser, line)?;
                if script.tables.contains_key(&table.name) {
                    return Err(SqlError::at(line, format!("table `{}` is created twice", table.name)));
                }
                script.tables.insert(table.name.clone(), table);
            } else if parser.parse_keyword(Keyword::INSERT) {
                script.inserts.push(insert(&mut parser, line)?);
            } else if parser.parse_keyword(Keyword::SET) {
                script.settings.push(set(&mut parser, line)?);
            } else if parser.parse_keyword(Keyword::EXECUTE) {
                if is_word(&mut parser, "STATEMENT") {
                    parser.expect_keyword(Keyword::SET)?;
                    parser.expect_keyword(Keyword::BEGIN)?;
                    is_in_set = true;
                }
                // EXECUTE INSERT … is an INSERT
                continue;
            } else if parser.parse_keyword(Keyword::BEGIN) {
                if !is_word(&mut parser, "STATEMENT") {
                    return Err(SqlError::at(line, "expected BEGIN STATEMENT SET"));
                }
                parser.expect_keyword(Keyword::SET)?;
                is_in_set = true;
                continue;
            } else {
                let what = parser.next_token();
                let text = match what.token.to_string().to_ascii_uppercase().as_str() {
                    "SELECT" | "WITH" => {
                        "a query without an INSERT INTO: give it a table with 'connector' = 'print'".to_owned()
                    }
                    "DROP" | "ALTER" | "USE" | "ADD" | "REMOVE" | "RESET" | "SHOW" | "DESCRIBE" | "LOAD" => {
                        format!("{} means nothing here: a job is CREATE TABLE, SET and INSERT INTO", what.token)
                    }
                    _ => format!("expected CREATE TABLE, SET or INSERT INTO, found {}", what.token),
                };
                return Err(SqlError::at(line, text));
            }
            let end = parser.peek_token();
            if !parser.consume_token(&Token::SemiColon) && end.token != Token::EOF {
                let text =
                    format!("column {}: expected `;` behind the statement, found {}", end.span.start.column, end.token);
                return Err(SqlError::at(end.span.start.line, text));
            }
        }
    }
}

/// `/*+ OPTIONS(…) */` is a comment to everybody but Flink, and would be passed over.
fn refuse_hints(text: &str) -> Result<(), SqlError> {
    let tokens = Tokenizer::new(&Flink, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| SqlError::at(error.location.line, error.message))?;
    let is_hint = |token: &&TokenWithSpan| matches!(&token.token, Token::Whitespace(Whitespace::MultiLineComment(text)) if text.starts_with('+'));
    match tokens.iter().find(is_hint) {
        Some(hint) => {
            Err(SqlError::at(hint.span.start.line, "a hint, /*+ … */: write its options into the CREATE TABLE"))
        }
        None => Ok(()),
    }
}

fn create(parser: &mut Parser<'_>, line: u64) -> Result<Table, SqlError> {
    let _ = parser.parse_keyword(Keyword::TEMPORARY);
    if !parser.parse_keyword(Keyword::TABLE) {
        let what = parser.next_token().token;
        return Err(SqlError::at(
            line,
            format!("CREATE {what} means nothing here: a job has tables, and what is computed stands in the SELECT"),
        ));
    }
    let _ = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
    let name = name(parser)?;
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    if !parser.consume_token(&Token::LParen) {
        return Err(SqlError::at(line, format!("table `{name}`: expected its columns")));
    }
    loop {
        let line = parser.peek_token().span.start.line;
        if parser.parse_keyword(Keyword::CONSTRAINT) {
            parser.parse_identifier()?;
        }
        if parser.parse_keyword(Keyword::PRIMARY) {
            parser.expect_keyword(Keyword::KEY)?;
            parser.expect_token(&Token::LParen)?;
            key = parser.parse_comma_separated(|parser| Ok(parser.parse_identifier()?.value))?;
            parser.expect_token(&Token::RParen)?;
            not_enforced(parser);
        } else if is_word(parser, "WATERMARK") {
            skip_watermark(parser)?;
        } else {
            let column =
                Declared::parse(parser).map_err(|error| SqlError::at(line, format!("table `{name}`: {error}")))?;
            if parser.parse_keyword(Keyword::PRIMARY) {
                parser.expect_keyword(Keyword::KEY)?;
                not_enforced(parser);
                key = vec![column.name.clone()];
            }
            columns.push(column);
        }
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    let end = parser.next_token();
    if end.token != Token::RParen {
        let place = end.span.start;
        let text = format!(
            "column {}: table `{name}`: expected `,` or `)` behind a column, found {}",
            place.column, end.token
        );
        return Err(SqlError::at(place.line, text));
    }
    if let Some(unknown) = key.iter().find(|column| !columns.iter().any(|known| known.name == **column)) {
        return Err(SqlError::at(
            line,
            format!("table `{name}`: PRIMARY KEY names `{unknown}`, which is no column of it"),
        ));
    }
    if parser.parse_keyword(Keyword::COMMENT) {
        parser.parse_literal_string()?;
    }
    if !parser.parse_keyword(Keyword::WITH) {
        let what = parser.next_token().token;
        return Err(SqlError::at(line, format!("table `{name}`: expected WITH (…) behind its columns, found {what}")));
    }
    let options = Options::read(parser, &name)?;
    Ok(Table { name, columns, key, options })
}

fn not_enforced(parser: &mut Parser<'_>) {
    if parser.parse_keyword(Keyword::NOT) {
        let _ = parser.parse_keyword(Keyword::ENFORCED);
    }
}

/// `WATERMARK FOR ts AS ts - INTERVAL '5' SECOND`: there is no event time here, and rows do not wait for one another.
fn skip_watermark(parser: &mut Parser<'_>) -> Result<(), SqlError> {
    parser.expect_keyword(Keyword::FOR)?;
    parser.parse_identifier()?;
    parser.expect_keyword(Keyword::AS)?;
    parser.parse_expr()?;
    Ok(())
}

/// The last part of a name.
fn name(parser: &mut Parser<'_>) -> Result<String, SqlError> {
    let name = parser.parse_object_name(false)?;
    let part = name.0.last().and_then(|part| part.as_ident());
    part.map(|ident| ident.value.clone()).ok_or_else(|| SqlError::new("expected a table's name"))
}

fn set(parser: &mut Parser<'_>, line: u64) -> Result<(String, String, u64), SqlError> {
    let mut key = String::new();
    loop {
        let token = parser.next_token();
        match token.token {
            Token::Eq => break,
            Token::SingleQuotedString(text) => key.push_str(&text),
            Token::EOF | Token::SemiColon => return Err(SqlError::at(line, "expected SET 'key' = 'value'")),
            other => key.push_str(&other.to_string()),
        }
    }
    // older jobs have no quotes: SET execution.checkpointing.interval = 10s
    let mut value = String::new();
    loop {
        match parser.peek_token().token {
            Token::EOF | Token::SemiColon => return Ok((key, value, line)),
            Token::SingleQuotedString(text) => value.push_str(&text),
            other => value.push_str(&other.to_string()),
        }
        parser.next_token();
    }
}

fn insert(parser: &mut Parser<'_>, line: u64) -> Result<Insert, SqlError> {
    if !parser.parse_keyword(Keyword::INTO) {
        return Err(SqlError::at(line, "expected INSERT INTO: there is nothing to OVERWRITE in a stream"));
    }
    let into = name(parser)?;
    let mut columns = Vec::new();
    if parser.consume_token(&Token::LParen) {
        columns = parser.parse_comma_separated(|parser| Ok(parser.parse_identifier()?.value))?;
        parser.expect_token(&Token::RParen)?;
    }
    let refused = |what: &str| SqlError::at(line, format!("INSERT INTO `{into}`: {what}: {ELSEWHERE}"));
    let query = parser.parse_query()?;
    let Select { with: None, body, order_by: None, limit_clause: None, fetch: None, .. } = *query else {
        return Err(refused("WITH, ORDER BY and LIMIT"));
    };
    let SetExpr::Select(select) = *body else {
        return Err(match *body {
            SetExpr::Values(_) => {
                SqlError::at(line, format!("INSERT INTO `{into}`: VALUES: rows come from a topic here"))
            }
            _ => refused("UNION and the like"),
        });
    };
    let is_grouped = !matches!(&select.group_by, sqlparser::ast::GroupByExpr::Expressions(by, _) if by.is_empty());
    let others = [
        ("DISTINCT", select.distinct.is_some()),
        ("GROUP BY", is_grouped),
        ("HAVING", select.having.is_some()),
        ("a window", !select.named_window.is_empty() || select.qualify.is_some()),
    ];
    if let Some((what, _)) = others.iter().find(|(_, is_there)| *is_there) {
        return Err(refused(what));
    }
    let [TableWithJoins { relation: TableFactor::Table { name: from, args: None, version: None, .. }, joins }] =
        select.from.as_slice()
    else {
        return Err(refused(if select.from.is_empty() {
            "a SELECT without FROM"
        } else {
            "a join, a subquery or a table function"
        }));
    };
    if !joins.is_empty() {
        return Err(refused("a join"));
    }
    let from = from.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone());
    let from = from.ok_or_else(|| refused("a table function"))?;
    let filter = select.selection.as_ref().map(ToString::to_string);
    Ok(Insert { line, into, columns, items: select.projection.clone(), from, filter })
}
