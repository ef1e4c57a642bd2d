//! Expressions from SQL: names become columns, operators and functions find the type that both sides are of.

use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, CeilFloorKind, CharacterLength, DataType, DateTimeField, Expr as Ast, Ident,
    InTarget, TrimWhereField, UnaryOperator, Value as Literal,
};
use sqlparser::tokenizer::Token;

use super::Unusable;
use super::calls;
use super::datum::Datum;
use super::expr::{Comparison, Expr, Node, Operation};
use super::functions::{Function, Side, Unit};
use super::types::SqlType;

/// What names mean.
pub(super) trait Names {
    /// The place and type of a column; `None` where there is none of that name.
    fn column(&self, name: &str) -> Option<(usize, SqlType)>;
    /// What is told of a name that means nothing.
    fn unknown(&self, name: &str) -> Unusable;
}

/// An expression from its syntax.
pub(super) fn expr(ast: &Ast, names: &dyn Names) -> Result<Expr, Unusable> {
    let of = |ast: &Ast| expr(ast, names);
    Ok(match ast {
        Ast::Identifier(name) => column(&name.value, names)?,
        Ast::CompoundIdentifier(parts) => qualified(ast, parts, names)?,
        Ast::Nested(inner) | Ast::UnaryOp { op: UnaryOperator::Plus, expr: inner } => of(inner)?,
        Ast::Value(literal) => self::literal(&literal.value)?,
        Ast::TypedString(typed) => {
            let ty = self::ty(&typed.data_type.to_string())?;
            let Node::Literal(datum) = string(&typed.value.value)?.node else { unreachable!("it is one") };
            // a date that is none is seen before a row comes
            let node = Node::Literal(datum.cast(&SqlType::String, &ty)?);
            Expr { ty, node }
        }
        Ast::UnaryOp { op: UnaryOperator::Not, expr: inner } => boolean(Node::Not(Box::new(condition(of(inner)?)?))),
        Ast::UnaryOp { op: UnaryOperator::Minus, expr: inner } => {
            let inner = of(inner)?;
            if !inner.ty.is_number() {
                return Err(Unusable(format!("- is of numbers, and not of {}", inner.ty)));
            }
            Expr { ty: inner.ty.clone(), node: Node::Negative(Box::new(inner)) }
        }
        Ast::BinaryOp { left, op, right } => binary(of(left)?, op, of(right)?)?,
        Ast::IsNull(inner) => boolean(Node::IsNull(Box::new(of(inner)?))),
        Ast::IsNotNull(inner) => not(boolean(Node::IsNull(Box::new(of(inner)?)))),
        Ast::IsTrue(inner) => boolean(Node::Is(Box::new(condition(of(inner)?)?), true)),
        Ast::IsFalse(inner) => boolean(Node::Is(Box::new(condition(of(inner)?)?), false)),
        Ast::IsNotTrue(inner) => not(boolean(Node::Is(Box::new(condition(of(inner)?)?), true))),
        Ast::IsNotFalse(inner) => not(boolean(Node::Is(Box::new(condition(of(inner)?)?), false))),
        Ast::IsDistinctFrom(left, right) => not(is_same(of(left)?, of(right)?)?),
        Ast::IsNotDistinctFrom(left, right) => is_same(of(left)?, of(right)?)?,
        Ast::Between { expr: inner, negated, low, high } => {
            let from = compare(Comparison::GreaterOrEqual, of(inner)?, of(low)?)?;
            let to = compare(Comparison::LessOrEqual, of(inner)?, of(high)?)?;
            negated_if(*negated, boolean(Node::And(Box::new(from), Box::new(to))))
        }
        Ast::In { expr: inner, target: InTarget::List(list), negated, .. } => {
            let one_of = list.iter().map(|item| compare(Comparison::Equal, of(inner)?, of(item)?));
            let any = one_of.reduce(|any, one| Ok(boolean(Node::Or(Box::new(any?), Box::new(one?)))));
            negated_if(*negated, any.ok_or_else(|| Unusable("IN with an empty list".to_owned()))??)
        }
        Ast::Like { negated, any: false, expr: inner, pattern, escape_char } => {
            let escape = match escape_char.as_deref().map(of).transpose()?.map(|expr| expr.node) {
                None => None,
                Some(Node::Literal(Datum::Text(text))) if text.chars().count() == 1 => text.chars().next(),
                Some(_) => return Err(Unusable("ESCAPE of LIKE: expected one character".to_owned())),
            };
            let (text, pattern) = (to_string(of(inner)?), to_string(of(pattern)?));
            negated_if(*negated, boolean(Node::Like(Box::new(text), Box::new(pattern), escape)))
        }
        Ast::Case { operand, conditions, else_result, .. } => {
            case((operand.as_deref(), conditions, else_result.as_deref()), names)?
        }
        Ast::Cast { kind, expr: inner, data_type, format: None } => {
            let (inner, ty) = (of(inner)?, self::ty(&data_type.to_string())?);
            if !inner.ty.casts_to(&ty) {
                return Err(Unusable(format!("CAST of {} as {ty}", inner.ty)));
            }
            let inner = if ty == SqlType::String { with_length(cast(inner, &ty), data_type) } else { inner };
            match kind {
                CastKind::TryCast | CastKind::SafeCast => Expr { ty, node: Node::TryCast(Box::new(inner)) },
                CastKind::Cast | CastKind::DoubleColon => cast(inner, &ty),
            }
        }
        Ast::Extract { field, expr: inner, .. } => extract(unit(field)?, of(inner)?)?,
        Ast::Ceil { expr: inner, field } => rounding(Function::Ceil, of(inner)?, field)?,
        Ast::Floor { expr: inner, field } => rounding(Function::Floor, of(inner)?, field)?,
        Ast::Position { expr: what, r#in } => {
            call(Function::Position, vec![to_string(of(what)?), to_string(of(r#in)?)], SqlType::INT)
        }
        Ast::Substring { expr: inner, substring_from, substring_for, .. } => {
            let mut arguments = vec![to_string(of(inner)?)];
            for argument in [substring_from, substring_for].into_iter().flatten() {
                arguments.push(cast(of(argument)?, &SqlType::BIGINT));
            }
            call(Function::Substring, arguments, SqlType::String)
        }
        Ast::Trim { trim_where, trim_what, expr: inner, trim_characters: None } => {
            let side = match trim_where {
                None | Some(TrimWhereField::Both) => Side::Both,
                Some(TrimWhereField::Leading) => Side::Leading,
                Some(TrimWhereField::Trailing) => Side::Trailing,
            };
            let mut arguments = vec![to_string(of(inner)?)];
            arguments.extend(trim_what.as_deref().map(of).transpose()?.map(to_string));
            call(Function::Trim(side), arguments, SqlType::String)
        }
        Ast::Function(function) => calls::named(function, names)?,
        Ast::Subquery(_) | Ast::Exists { .. } | Ast::In { .. } => {
            return Err(Unusable(format!("a subquery: {}", super::ELSEWHERE)));
        }
        other => return Err(Unusable(format!("`{other}` is no expression that is known here"))),
    })
}

/// An expression of truth.
pub(super) fn condition(expr: Expr) -> Result<Expr, Unusable> {
    match expr.ty {
        SqlType::Boolean | SqlType::Null => Ok(expr),
        ty => Err(Unusable(format!("expected a condition, found {ty}"))),
    }
}

/// The same as another type.
pub(super) fn cast(expr: Expr, ty: &SqlType) -> Expr {
    if expr.ty == *ty { expr } else { Expr { ty: ty.clone(), node: Node::Cast(Box::new(expr)) } }
}

/// Reads a type.
pub(super) fn ty(text: &str) -> Result<SqlType, Unusable> {
    let mut parser = super::parser(text)?;
    let ty = SqlType::parse(&mut parser)?;
    parser.expect_token(&Token::EOF)?;
    Ok(ty)
}

fn column(name: &str, names: &dyn Names) -> Result<Expr, Unusable> {
    let (at, ty) = names.column(name).ok_or_else(|| names.unknown(name))?;
    Ok(Expr { ty, node: Node::Column(at) })
}

/// A part of a date or time.
pub(super) fn extract(unit: Unit, inner: Expr) -> Result<Expr, Unusable> {
    match inner.ty {
        SqlType::Date | SqlType::Time(_) | SqlType::Timestamp(_) | SqlType::TimestampLtz(_) => {
            Ok(call(Function::Extract(unit), vec![inner], SqlType::BIGINT))
        }
        ty => Err(Unusable(format!("a part of a date is of dates and times, and not of {ty}"))),
    }
}

/// Text cut to the length of `VARCHAR(n)`, and filled up to that of `CHAR(n)`: where it is cast, and not where it is declared.
fn with_length(text: Expr, data_type: &DataType) -> Expr {
    let (length, is_filled) = match data_type {
        DataType::Varchar(Some(CharacterLength::IntegerLength { length, .. })) => (*length, false),
        DataType::Char(Some(CharacterLength::IntegerLength { length, .. })) => (*length, true),
        _ => return text,
    };
    let literal = |ty: SqlType, datum: Datum| Expr { ty, node: Node::Literal(datum) };
    let n = literal(SqlType::BIGINT, Datum::Int(i64::try_from(length).unwrap_or(i64::MAX)));
    if is_filled {
        let space = literal(SqlType::String, Datum::Text(" ".to_owned()));
        call(Function::Rpad, vec![text, n, space], SqlType::String)
    } else {
        call(Function::Left, vec![text, n], SqlType::String)
    }
}

/// `o.id`: whatever the table is called, there is one.
fn qualified(ast: &Ast, parts: &[Ident], names: &dyn Names) -> Result<Expr, Unusable> {
    match parts {
        [table, name] if names.column(&table.value).is_none() => column(&name.value, names),
        _ => Err(Unusable(format!(
            "`{ast}`: what stands in a column cannot be reached into: a ROW or MAP is passed on as JSON"
        ))),
    }
}

fn literal(literal: &Literal) -> Result<Expr, Unusable> {
    let (ty, datum) = match literal {
        Literal::Null => (SqlType::Null, Datum::Null),
        Literal::Boolean(value) => (SqlType::Boolean, Datum::Bool(*value)),
        Literal::Number(text, _) if text.contains(['e', 'E']) => {
            (SqlType::Double, Datum::read(text, &SqlType::Double)?)
        }
        Literal::Number(text, _) if text.contains('.') => {
            let count = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX);
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let scale = count(fraction);
            let ty = SqlType::Decimal { precision: (count(whole.trim_start_matches('0')) + scale).clamp(1, 38), scale };
            let datum = Datum::read(text, &ty)?;
            (ty, datum)
        }
        Literal::Number(text, _) => match text.parse::<i32>() {
            Ok(number) => (SqlType::INT, Datum::Int(number.into())),
            Err(_) => (SqlType::BIGINT, Datum::read(text, &SqlType::BIGINT)?),
        },
        other => return string(other),
    };
    Ok(Expr { ty, node: Node::Literal(datum) })
}

fn string(literal: &Literal) -> Result<Expr, Unusable> {
    match literal {
        Literal::SingleQuotedString(text) => {
            Ok(Expr { ty: SqlType::String, node: Node::Literal(Datum::Text(text.clone())) })
        }
        other => Err(Unusable(format!("`{other}` is no literal that is known here"))),
    }
}

fn boolean(node: Node) -> Expr {
    Expr { ty: SqlType::Boolean, node }
}

fn not(inner: Expr) -> Expr {
    boolean(Node::Not(Box::new(inner)))
}

fn negated_if(is_negated: bool, inner: Expr) -> Expr {
    if is_negated { not(inner) } else { inner }
}

fn to_string(expr: Expr) -> Expr {
    cast(expr, &SqlType::String)
}

pub(super) fn call(function: Function, arguments: Vec<Expr>, ty: SqlType) -> Expr {
    Expr { ty, node: Node::Call(function, arguments) }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr.node, Node::Literal(_))
}

/// Both as one type. Text that is written down is read as what the other side is.
pub(super) fn same(left: Expr, right: Expr, what: &str) -> Result<(Expr, Expr), Unusable> {
    let ty = match left.ty.common(&right.ty) {
        Some(ty) => ty,
        None if right.ty == SqlType::String && is_literal(&right) => left.ty.clone(),
        None if left.ty == SqlType::String && is_literal(&left) => right.ty.clone(),
        None => return Err(Unusable(format!("{what} of {} and {}: CAST one of them", left.ty, right.ty))),
    };
    Ok((cast(left, &ty), cast(right, &ty)))
}

fn compare(how: Comparison, left: Expr, right: Expr) -> Result<Expr, Unusable> {
    let (left, right) = same(left, right, "a comparison")?;
    if matches!(left.ty, SqlType::Json(_)) {
        return Err(Unusable(format!("{} cannot be compared", left.ty)));
    }
    Ok(boolean(Node::Compare(how, Box::new(left), Box::new(right))))
}

/// Whether both are equal or both are NULL.
fn is_same(left: Expr, right: Expr) -> Result<Expr, Unusable> {
    let (left, right) = same(left, right, "a comparison")?;
    let is_null = |expr: &Expr| Box::new(boolean(Node::IsNull(Box::new(expr.clone()))));
    let both_null = boolean(Node::And(is_null(&left), is_null(&right)));
    let equal = compare(Comparison::Equal, left, right)?;
    let equal = boolean(Node::Is(Box::new(equal), true));
    Ok(boolean(Node::Or(Box::new(both_null), Box::new(equal))))
}

fn binary(left: Expr, op: &BinaryOperator, right: Expr) -> Result<Expr, Unusable> {
    use BinaryOperator as B;
    let how = match op {
        B::Eq => Comparison::Equal,
        B::NotEq => Comparison::NotEqual,
        B::Lt => Comparison::Less,
        B::LtEq => Comparison::LessOrEqual,
        B::Gt => Comparison::Greater,
        B::GtEq => Comparison::GreaterOrEqual,
        B::And => return Ok(boolean(Node::And(Box::new(condition(left)?), Box::new(condition(right)?)))),
        B::Or => return Ok(boolean(Node::Or(Box::new(condition(left)?), Box::new(condition(right)?)))),
        B::StringConcat => return Ok(call(Function::Concat, vec![to_string(left), to_string(right)], SqlType::String)),
        B::Plus => return arithmetic(Operation::Add, left, right),
        B::Minus => return arithmetic(Operation::Subtract, left, right),
        B::Multiply => return arithmetic(Operation::Multiply, left, right),
        B::Divide => return arithmetic(Operation::Divide, left, right),
        B::Modulo => return arithmetic(Operation::Remainder, left, right),
        other => return Err(Unusable(format!("`{other}` is no operator that is known here"))),
    };
    compare(how, left, right)
}

/// Exact numbers stay exact: the types are Flink's.
pub(super) fn arithmetic(what: Operation, left: Expr, right: Expr) -> Result<Expr, Unusable> {
    let is_usable = |ty: &SqlType| ty.is_number() || *ty == SqlType::Null;
    if !is_usable(&left.ty) || !is_usable(&right.ty) {
        return Err(Unusable(format!("arithmetic of {} and {}: CAST them to numbers", left.ty, right.ty)));
    }
    let of_one_type = |ty: SqlType, left: Expr, right: Expr| {
        let node = Node::Arithmetic(what, Box::new(cast(left, &ty)), Box::new(cast(right, &ty)));
        Expr { ty, node }
    };
    let common = left.ty.common(&right.ty).unwrap_or(SqlType::Double);
    if !matches!(common, SqlType::Decimal { .. }) {
        return Ok(of_one_type(common, left, right));
    }
    let ((p1, s1), (p2, s2)) = (left.ty.decimal().unwrap_or((1, 0)), right.ty.decimal().unwrap_or((1, 0)));
    let (precision, scale) = match what {
        Operation::Add | Operation::Subtract => ((p1 - s1).max(p2 - s2) + s1.max(s2) + 1, s1.max(s2)),
        Operation::Multiply => (p1 + p2, s1 + s2),
        Operation::Divide => {
            let scale = (s1 + p2 + 1).max(6);
            (p1 - s1 + s2 + scale, scale)
        }
        Operation::Remainder => ((p1 - s1).min(p2 - s2) + s1.max(s2), s1.max(s2)),
    };
    let ty = if precision <= 38 {
        SqlType::Decimal { precision, scale }
    } else {
        let whole = precision - scale;
        SqlType::Decimal { precision: 38, scale: 38_u32.saturating_sub(whole).max(scale.min(6)) }
    };
    let exact = |expr: Expr, (precision, scale): (u32, u32)| cast(expr, &SqlType::Decimal { precision, scale });
    let (left, right) = (exact(left, (p1, s1)), exact(right, (p2, s2)));
    Ok(Expr { ty, node: Node::Arithmetic(what, Box::new(left), Box::new(right)) })
}

fn case(
    (operand, conditions, otherwise): (Option<&Ast>, &[CaseWhen], Option<&Ast>),
    names: &dyn Names,
) -> Result<Expr, Unusable> {
    let mut branches = Vec::new();
    for CaseWhen { condition: when, result } in conditions {
        let when = match operand {
            Some(operand) => compare(Comparison::Equal, expr(operand, names)?, expr(when, names)?)?,
            None => condition(expr(when, names)?)?,
        };
        branches.push((when, expr(result, names)?));
    }
    let otherwise = otherwise.map(|ast| expr(ast, names)).transpose()?;
    let ty = common(branches.iter().map(|(_, result)| result).chain(&otherwise), "CASE")?;
    let branches = branches.into_iter().map(|(when, result)| (when, cast(result, &ty))).collect();
    let node = Node::Case(branches, otherwise.map(|result| Box::new(cast(result, &ty))));
    Ok(Expr { ty, node })
}

pub(super) fn common<'e>(exprs: impl Iterator<Item = &'e Expr>, what: &str) -> Result<SqlType, Unusable> {
    let mut ty = SqlType::Null;
    for expr in exprs {
        ty =
            ty.common(&expr.ty).ok_or_else(|| Unusable(format!("{what} of {ty} and {}: CAST one of them", expr.ty)))?;
    }
    Ok(ty)
}

fn rounding(function: Function, inner: Expr, field: &CeilFloorKind) -> Result<Expr, Unusable> {
    let is_bare = matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime));
    if !is_bare || !inner.ty.is_number() {
        return Err(Unusable("CEIL and FLOOR are of one number".to_owned()));
    }
    let ty = match inner.ty {
        SqlType::Decimal { precision, scale } => {
            SqlType::Decimal { precision: (precision - scale + 1).min(38), scale: 0 }
        }
        ref ty => ty.clone(),
    };
    Ok(call(function, vec![inner], ty))
}

pub(super) fn unit(field: &DateTimeField) -> Result<Unit, Unusable> {
    Ok(match field.to_string().to_ascii_uppercase().as_str() {
        "YEAR" => Unit::Year,
        "QUARTER" => Unit::Quarter,
        "MONTH" => Unit::Month,
        "WEEK" => Unit::Week,
        "DAY" | "DAYOFMONTH" => Unit::Day,
        "DOY" | "DAYOFYEAR" => Unit::DayOfYear,
        "DOW" | "DAYOFWEEK" => Unit::DayOfWeek,
        "HOUR" => Unit::Hour,
        "MINUTE" => Unit::Minute,
        "SECOND" => Unit::Second,
        other => return Err(Unusable(format!("{other} is no part of a date that is known here"))),
    })
}
