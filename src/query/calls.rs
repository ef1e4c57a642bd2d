//! Functions by their names, with the types of their arguments.

use sqlparser::ast::{DateTimeField, Function as Call, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::Unusable;
use super::compile::{Names, arithmetic, call, cast, common, condition, expr, extract, same, unit};
use super::dates;
use super::datum::Datum;
use super::expr::{Expr, Node, Operation};
use super::functions::{Function, Side};
use super::types::SqlType;

/// A function whose arguments are of types that are its own.
struct Simple {
    name: &'static str,
    function: Function,
    /// How many arguments, at least and at most.
    takes: (usize, usize),
    /// Their types, the last of which is that of all behind it.
    types: &'static [SqlType],
    gives: SqlType,
}

const MANY: usize = 1_000;

const fn simple(
    name: &'static str,
    function: Function,
    takes: (usize, usize),
    types: &'static [SqlType],
    gives: SqlType,
) -> Simple {
    Simple { name, function, takes, types, gives }
}

const TEXT: &[SqlType] = &[SqlType::String];
const TEXT_AND_NUMBERS: &[SqlType] = &[SqlType::String, SqlType::BIGINT];

static SIMPLE: [Simple; 20] = [
    simple("UPPER", Function::Upper, (1, 1), TEXT, SqlType::String),
    simple("LOWER", Function::Lower, (1, 1), TEXT, SqlType::String),
    simple("REVERSE", Function::Reverse, (1, 1), TEXT, SqlType::String),
    simple("LTRIM", Function::Trim(Side::Leading), (1, 1), TEXT, SqlType::String),
    simple("RTRIM", Function::Trim(Side::Trailing), (1, 1), TEXT, SqlType::String),
    simple("CHAR_LENGTH", Function::CharLength, (1, 1), TEXT, SqlType::INT),
    simple("CHARACTER_LENGTH", Function::CharLength, (1, 1), TEXT, SqlType::INT),
    simple("SUBSTR", Function::Substring, (2, 3), TEXT_AND_NUMBERS, SqlType::String),
    simple("SUBSTRING", Function::Substring, (2, 3), TEXT_AND_NUMBERS, SqlType::String),
    simple("LEFT", Function::Left, (2, 2), TEXT_AND_NUMBERS, SqlType::String),
    simple("RIGHT", Function::Right, (2, 2), TEXT_AND_NUMBERS, SqlType::String),
    simple("LPAD", Function::Lpad, (3, 3), &[SqlType::String, SqlType::BIGINT, SqlType::String], SqlType::String),
    simple("RPAD", Function::Rpad, (3, 3), &[SqlType::String, SqlType::BIGINT, SqlType::String], SqlType::String),
    simple("REPLACE", Function::Replace, (3, 3), TEXT, SqlType::String),
    simple("CONCAT", Function::Concat, (1, MANY), TEXT, SqlType::String),
    simple("CONCAT_WS", Function::ConcatWs, (1, MANY), TEXT, SqlType::String),
    simple("TO_TIMESTAMP", Function::ToTimestamp, (1, 2), TEXT, SqlType::Timestamp(3)),
    simple("TO_DATE", Function::ToDate, (1, 2), TEXT, SqlType::Date),
    simple("FROM_UNIXTIME", Function::FromUnixtime, (1, 2), &[SqlType::BIGINT, SqlType::String], SqlType::String),
    simple("UNIX_TIMESTAMP", Function::UnixTimestamp, (1, 2), TEXT, SqlType::BIGINT),
];

/// Those whose second argument is a pattern of dates.
const WITH_PATTERN: [&str; 5] = ["DATE_FORMAT", "TO_TIMESTAMP", "TO_DATE", "FROM_UNIXTIME", "UNIX_TIMESTAMP"];

/// A function by its name.
pub(super) fn named(function: &Call, names: &dyn Names) -> Result<Expr, Unusable> {
    let name = function.name.to_string().to_ascii_uppercase();
    if function.over.is_some() {
        return Err(Unusable(format!("a window function, {name}: {}", super::ELSEWHERE)));
    }
    if let Some(refused) = refused(&name) {
        return Err(refused);
    }
    let list: &[FunctionArg] = match &function.args {
        FunctionArguments::List(list) if list.duplicate_treatment.is_none() && list.clauses.is_empty() => &list.args,
        FunctionArguments::None => &[],
        _ => return Err(Unusable(format!("`{function}` is no expression that is known here"))),
    };
    let argument = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(ast)) => expr(ast, names),
        other => Err(Unusable(format!("`{other}` is no argument of {name}"))),
    };
    let arguments = list.iter().map(argument).collect::<Result<Vec<_>, _>>()?;
    if WITH_PATTERN.contains(&name.as_str()) {
        check_pattern(arguments.get(1))?;
    }
    match SIMPLE.iter().find(|simple| simple.name == name) {
        Some(Simple { function, takes, types, gives, .. }) => {
            expect(&name, &arguments, *takes)?;
            Ok(call(*function, typed(arguments, types), gives.clone()))
        }
        None => of_any_type(&name, arguments),
    }
}

/// Functions of which no row can say what they are, by their names.
fn refused(name: &str) -> Option<Unusable> {
    let why = match name {
        "COUNT" | "SUM" | "AVG" | "MIN" | "MAX" | "LISTAGG" | "COLLECT" | "FIRST_VALUE" | "LAST_VALUE" => {
            format!("an aggregate, {name}: {}", super::ELSEWHERE)
        }
        "NOW"
        | "CURRENT_TIMESTAMP"
        | "LOCALTIMESTAMP"
        | "CURRENT_DATE"
        | "PROCTIME"
        | "CURRENT_ROW_TIMESTAMP"
        | "UUID"
        | "RAND" => format!(
            "{name} has another value each time, and a row has to be the same when its record is read again: give the target's column a default"
        ),
        _ => return None,
    };
    Some(Unusable(why))
}

/// Functions whose value is of a type that their arguments decide.
fn of_any_type(name: &str, mut arguments: Vec<Expr>) -> Result<Expr, Unusable> {
    let takes = match name {
        "COALESCE" => (1, MANY),
        "IFNULL" | "NULLIF" | "MOD" | "DATE_FORMAT" => (2, 2),
        "IF" => (3, 3),
        "ROUND" | "TO_TIMESTAMP_LTZ" => (1, 2),
        "ABS" | "YEAR" | "QUARTER" | "MONTH" | "WEEK" | "DAYOFMONTH" | "DAYOFYEAR" | "DAYOFWEEK" | "HOUR"
        | "MINUTE" | "SECOND" => (1, 1),
        _ => return Err(Unusable(format!("{name} is no function that is known here"))),
    };
    expect(name, &arguments, takes)?;
    let mut last = || arguments.pop().expect("their number was looked at");
    Ok(match name {
        "COALESCE" | "IFNULL" => {
            let ty = common(arguments.iter(), name)?;
            call(Function::Coalesce, typed(arguments, std::slice::from_ref(&ty)), ty)
        }
        "NULLIF" => {
            let (second, first) = (last(), last());
            let (ty, own) = (first.ty.clone(), first.clone());
            let (first, second) = same(first, second, name)?;
            call(Function::NullIf, vec![own, first, second], ty)
        }
        "IF" => {
            let (otherwise, then, when) = (last(), last(), last());
            let ty = common([&then, &otherwise].into_iter(), name)?;
            let node = Node::Case(vec![(condition(when)?, cast(then, &ty))], Some(Box::new(cast(otherwise, &ty))));
            Expr { ty, node }
        }
        "MOD" => {
            let (right, left) = (last(), last());
            arithmetic(Operation::Remainder, left, right)?
        }
        "DATE_FORMAT" => call(Function::DateFormat, arguments, SqlType::String),
        "TO_TIMESTAMP_LTZ" => {
            let is_unit =
                matches!(arguments.get(1).map(|digits| &digits.node), None | Some(Node::Literal(Datum::Int(0 | 3))));
            if !is_unit || !arguments[0].ty.is_number() {
                return Err(Unusable(format!("{name} is of a number, and 0 (seconds) or 3 (milliseconds)")));
            }
            call(Function::ToTimestampLtz, typed(arguments, &[SqlType::BIGINT]), SqlType::TimestampLtz(3))
        }
        "ABS" | "ROUND" => rounding(name, arguments)?,
        _ => extract(unit(&DateTimeField::Custom(name.into()))?, last())?,
    })
}

fn rounding(name: &str, arguments: Vec<Expr>) -> Result<Expr, Unusable> {
    let ty = arguments[0].ty.clone();
    if !ty.is_number() {
        return Err(Unusable(format!("{name} is of numbers, and not of {ty}")));
    }
    let digits = match arguments.get(1).map(|digits| &digits.node) {
        None => Some(0),
        Some(Node::Literal(Datum::Int(digits))) => Some(u32::try_from(*digits).unwrap_or(0)),
        // which is known for each row alone
        Some(_) => None,
    };
    let rounded = match (&ty, digits) {
        (SqlType::Decimal { precision, scale }, Some(digits)) if name == "ROUND" => {
            let (precision, scale) = (*precision, *scale);
            let kept = digits.min(scale);
            SqlType::Decimal { precision: (precision - scale + kept + 1).min(38), scale: kept }
        }
        _ => ty.clone(),
    };
    let function = if name == "ABS" { Function::Abs } else { Function::Round };
    Ok(call(function, typed(arguments, &[ty, SqlType::BIGINT]), rounded))
}

fn expect(name: &str, arguments: &[Expr], (least, most): (usize, usize)) -> Result<(), Unusable> {
    let n = arguments.len();
    if (least..=most).contains(&n) {
        return Ok(());
    }
    let words = if least == most { least.to_string() } else { format!("{least} to {most}") };
    Err(Unusable(format!("{name} takes {words} arguments, found {n}")))
}

/// Arguments as these types, the last of which is that of all behind it.
fn typed(arguments: Vec<Expr>, types: &[SqlType]) -> Vec<Expr> {
    let of = |(at, argument): (usize, Expr)| cast(argument, types.get(at).or(types.last()).expect("there is one"));
    arguments.into_iter().enumerate().map(of).collect()
}

/// A pattern that is written down is looked at before a row comes.
fn check_pattern(argument: Option<&Expr>) -> Result<(), Unusable> {
    match argument.map(|argument| &argument.node) {
        Some(Node::Literal(Datum::Text(pattern))) => Ok(dates::check(pattern)?),
        _ => Ok(()),
    }
}
