//! Functions by their names, with the types of their arguments.

use sqlparser::ast::{DateTimeField, Function as Call, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::Unusable;
use super::compile::{Names, arithmetic, call, cast, common, condition, expr, same, unit};
use super::dates;
use super::datum::Datum;
use super::expr::{Expr, Node, Operation};
use super::functions::{Function, Side};
use super::types::SqlType;

/// A function by its name.
pub(super) fn named(function: &Call, names: &dyn Names) -> Result<Expr, Unusable> {
    let name = function.name.to_string().to_ascii_uppercase();
    if function.over.is_some() {
        return Err(Unusable(format!("a window function, {name}: {}", super::ELSEWHERE)));
    }
    let list: &[FunctionArg] = match &function.args {
        FunctionArguments::List(list) if list.duplicate_treatment.is_none() && list.clauses.is_empty() => &list.args,
        FunctionArguments::None => &[],
        _ => return Err(Unusable(format!("`{function}` is no expression that is known here"))),
    };
    let argument = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(ast)) => expr(ast, names),
        other => Err(match name.as_str() {
            "COUNT" => aggregate(&name),
            _ => Unusable(format!("`{other}` is no argument of {name}")),
        }),
    };
    let mut arguments = list.iter().map(argument).collect::<Result<Vec<_>, _>>()?;
    let n = arguments.len();
    let expects = |least: usize, most: usize| {
        let words = if least == most { least.to_string() } else { format!("{least} to {most}") };
        if (least..=most).contains(&n) {
            Ok(())
        } else {
            Err(Unusable(format!("{name} takes {words} arguments, found {n}")))
        }
    };
    let (string, int) = (SqlType::String, SqlType::BIGINT);
    Ok(match name.as_str() {
        "UPPER" | "LOWER" | "REVERSE" | "LTRIM" | "RTRIM" => {
            expects(1, 1)?;
            let function = match name.as_str() {
                "UPPER" => Function::Upper,
                "LOWER" => Function::Lower,
                "REVERSE" => Function::Reverse,
                "LTRIM" => Function::Trim(Side::Leading),
                _ => Function::Trim(Side::Trailing),
            };
            call(function, typed(arguments, &[SqlType::String]), string)
        }
        "CHAR_LENGTH" | "CHARACTER_LENGTH" => {
            expects(1, 1)?;
            call(Function::CharLength, typed(arguments, &[string]), SqlType::INT)
        }
        "SUBSTR" | "SUBSTRING" => {
            expects(2, 3)?;
            call(Function::Substring, typed(arguments, &[string, int]), SqlType::String)
        }
        "LEFT" | "RIGHT" => {
            expects(2, 2)?;
            let function = if name == "LEFT" { Function::Left } else { Function::Right };
            call(function, typed(arguments, &[string, int]), SqlType::String)
        }
        "LPAD" | "RPAD" => {
            expects(3, 3)?;
            let function = if name == "LPAD" { Function::Lpad } else { Function::Rpad };
            call(function, typed(arguments, &[SqlType::String, int, string]), SqlType::String)
        }
        "REPLACE" => {
            expects(3, 3)?;
            call(Function::Replace, typed(arguments, &[SqlType::String]), string)
        }
        "CONCAT" | "CONCAT_WS" => {
            expects(1, 1_000)?;
            let function = if name == "CONCAT" { Function::Concat } else { Function::ConcatWs };
            call(function, typed(arguments, &[SqlType::String]), string)
        }
        "COALESCE" | "IFNULL" => {
            expects(if name == "IFNULL" { 2 } else { 1 }, if name == "IFNULL" { 2 } else { 1_000 })?;
            let ty = common(arguments.iter(), &name)?;
            call(Function::Coalesce, typed(arguments, std::slice::from_ref(&ty)), ty)
        }
        "NULLIF" => {
            expects(2, 2)?;
            let (second, first) = (arguments.pop().expect("there are two"), arguments.pop().expect("there are two"));
            let (first, second) = same(first, second, "NULLIF")?;
            let ty = first.ty.clone();
            call(Function::NullIf, vec![first, second], ty)
        }
        "IF" => {
            expects(3, 3)?;
            let ty = common(arguments[1..].iter(), "IF")?;
            let otherwise = cast(arguments.pop().expect("there are three"), &ty);
            let then = cast(arguments.pop().expect("there are three"), &ty);
            let when = condition(arguments.pop().expect("there are three"))?;
            Expr { ty, node: Node::Case(vec![(when, then)], Some(Box::new(otherwise))) }
        }
        "ABS" | "ROUND" => {
            expects(1, if name == "ABS" { 1 } else { 2 })?;
            let ty = arguments[0].ty.clone();
            if !ty.is_number() {
                return Err(Unusable(format!("{name} is of numbers, and not of {ty}")));
            }
            let digits = match arguments.get(1).map(|digits| &digits.node) {
                Some(Node::Literal(Datum::Int(digits))) => u32::try_from(*digits).unwrap_or(0),
                _ => 0,
            };
            let rounded = match ty {
                SqlType::Decimal { precision, scale } if name == "ROUND" => {
                    let kept = digits.min(scale);
                    SqlType::Decimal { precision: (precision - scale + kept + 1).min(38), scale: kept }
                }
                ref ty => ty.clone(),
            };
            let function = if name == "ABS" { Function::Abs } else { Function::Round };
            call(function, typed(arguments, &[ty, int]), rounded)
        }
        "MOD" => {
            expects(2, 2)?;
            let (right, left) = (arguments.pop().expect("there are two"), arguments.pop().expect("there are two"));
            arithmetic(Operation::Remainder, left, right)?
        }
        "YEAR" | "QUARTER" | "MONTH" | "WEEK" | "DAYOFMONTH" | "DAYOFYEAR" | "DAYOFWEEK" | "HOUR" | "MINUTE"
        | "SECOND" => {
            expects(1, 1)?;
            call(Function::Extract(unit(&DateTimeField::Custom(name.as_str().into()))?), arguments, SqlType::BIGINT)
        }
        "DATE_FORMAT" => {
            expects(2, 2)?;
            check_pattern(arguments.get(1))?;
            call(Function::DateFormat, arguments, string)
        }
        "TO_TIMESTAMP" | "TO_DATE" => {
            expects(1, 2)?;
            check_pattern(arguments.get(1))?;
            let (function, ty) = match name.as_str() {
                "TO_DATE" => (Function::ToDate, SqlType::Date),
                _ => (Function::ToTimestamp, SqlType::Timestamp(3)),
            };
            call(function, typed(arguments, &[string]), ty)
        }
        "TO_TIMESTAMP_LTZ" => {
            expects(1, 2)?;
            let digits = match arguments.get(1).map(|digits| &digits.node) {
                None | Some(Node::Literal(Datum::Int(3))) => 3,
                Some(Node::Literal(Datum::Int(0))) => 0,
                _ => {
                    return Err(Unusable(
                        "TO_TIMESTAMP_LTZ: the second argument is 0 (seconds) or 3 (milliseconds)".to_owned(),
                    ));
                }
            };
            call(Function::ToTimestampLtz, typed(arguments, &[int]), SqlType::TimestampLtz(digits))
        }
        "FROM_UNIXTIME" => {
            expects(1, 2)?;
            check_pattern(arguments.get(1))?;
            call(Function::FromUnixtime, typed(arguments, &[int, SqlType::String]), string)
        }
        "UNIX_TIMESTAMP" => {
            expects(1, 2)?;
            check_pattern(arguments.get(1))?;
            call(Function::UnixTimestamp, typed(arguments, &[string]), int)
        }
        "COUNT" | "SUM" | "AVG" | "MIN" | "MAX" | "LISTAGG" | "COLLECT" | "FIRST_VALUE" | "LAST_VALUE" => {
            return Err(aggregate(&name));
        }
        "NOW"
        | "CURRENT_TIMESTAMP"
        | "LOCALTIMESTAMP"
        | "CURRENT_DATE"
        | "PROCTIME"
        | "CURRENT_ROW_TIMESTAMP"
        | "UUID"
        | "RAND" => {
            return Err(Unusable(format!(
                "{name} has another value each time, and a row has to be the same when its record is read again: give the target's column a default"
            )));
        }
        _ => return Err(Unusable(format!("{name} is no function that is known here"))),
    })
}

/// Arguments as these types, the last of which is that of all behind it.
fn typed(arguments: Vec<Expr>, types: &[SqlType]) -> Vec<Expr> {
    let of = |(at, argument): (usize, Expr)| cast(argument, types.get(at).or(types.last()).expect("there is one"));
    arguments.into_iter().enumerate().map(of).collect()
}

fn aggregate(name: &str) -> Unusable {
    Unusable(format!("an aggregate, {name}: {}", super::ELSEWHERE))
}

/// A pattern that is written down is looked at before a row comes.
fn check_pattern(argument: Option<&Expr>) -> Result<(), Unusable> {
    match argument.map(|argument| &argument.node) {
        Some(Node::Literal(Datum::Text(pattern))) => Ok(dates::check(pattern)?),
        _ => Ok(()),
    }
}
