//! Expressions over the columns of a row, and what they are of one row. NULL is neither true nor false, as in SQL.

use super::datum::{Datum, NoValue};
use super::functions::Function;
use super::types::SqlType;

/// An expression with the type of its value.
#[derive(Debug, Clone)]
pub(super) struct Expr {
    pub(super) ty: SqlType,
    pub(super) node: Node,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    /// A column that is read, by its place among them.
    Column(usize),
    Literal(Datum),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    /// Both sides are of one type.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// Both sides are of the type of the whole.
    Arithmetic(Operation, Box<Expr>, Box<Expr>),
    IsNull(Box<Expr>),
    /// Whether it is this truth value, and not NULL.
    Is(Box<Expr>, bool),
    /// With `%` and `_`, and what stands before one that means itself.
    Like(Box<Expr>, Box<Expr>, Option<char>),
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
    Cast(Box<Expr>),
    /// NULL in place of an error.
    TryCast(Box<Expr>),
    Call(Function, Vec<Expr>),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Why an expression has no value for a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Missing {
    /// This column, by its place, was not sent.
    Column(usize),
    /// It is none of its type.
    Value(NoValue),
}

impl From<NoValue> for Missing {
    fn from(error: NoValue) -> Self {
        Self::Value(error)
    }
}

/// What an expression reads its columns from.
pub(super) trait Columns {
    /// The value of a column.
    ///
    /// # Errors
    ///
    /// When it was not sent, or is none of the column's type.
    fn get(&self, at: usize) -> Result<Datum, Missing>;
}

impl Expr {
    /// The column, where it is nothing but one.
    pub(super) fn column(&self) -> Option<usize> {
        match self.node {
            Node::Column(at) => Some(at),
            _ => None,
        }
    }

    /// Its value for a row.
    pub(super) fn value(&self, row: &dyn Columns) -> Result<Datum, Missing> {
        Ok(match &self.node {
            Node::Column(at) => row.get(*at)?,
            Node::Literal(datum) => datum.clone(),
            Node::Not(inner) => truth(inner.truth(row)?.map(|value| !value)),
            Node::Negative(inner) => negative(inner.value(row)?, &self.ty)?,
            Node::And(left, right) => truth(match left.truth(row)? {
                Some(false) => Some(false),
                left => match (left, right.truth(row)?) {
                    (_, Some(false)) => Some(false),
                    (Some(true), right) => right,
                    _ => None,
                },
            }),
            Node::Or(left, right) => truth(match left.truth(row)? {
                Some(true) => Some(true),
                left => match (left, right.truth(row)?) {
                    (_, Some(true)) => Some(true),
                    (Some(false), right) => right,
                    _ => None,
                },
            }),
            Node::Compare(how, left, right) => truth(how.of(&left.value(row)?, &right.value(row)?)),
            Node::Arithmetic(what, left, right) => what.of(left.value(row)?, right.value(row)?, &self.ty)?,
            Node::IsNull(inner) => Datum::Bool(inner.value(row)? == Datum::Null),
            Node::Is(inner, wanted) => Datum::Bool(inner.truth(row)? == Some(*wanted)),
            Node::Like(text, pattern, escape) => match (text.value(row)?, pattern.value(row)?) {
                (Datum::Text(text), Datum::Text(pattern)) => Datum::Bool(is_like(&text, &pattern, *escape)),
                _ => Datum::Null,
            },
            Node::Case(branches, otherwise) => {
                for (condition, result) in branches {
                    if condition.truth(row)? == Some(true) {
                        return result.value(row);
                    }
                }
                otherwise.as_ref().map_or(Ok(Datum::Null), |result| result.value(row))?
            }
            Node::Cast(inner) => inner.value(row)?.cast(&inner.ty, &self.ty)?,
            Node::TryCast(inner) => inner.value(row)?.cast(&inner.ty, &self.ty).unwrap_or(Datum::Null),
            Node::Call(function, arguments) => function.of(arguments, &self.ty, row)?,
        })
    }

    pub(super) fn truth(&self, row: &dyn Columns) -> Result<Option<bool>, Missing> {
        Ok(self.value(row)?.truth())
    }
}

fn truth(value: Option<bool>) -> Datum {
    value.map_or(Datum::Null, Datum::Bool)
}

fn negative(datum: Datum, ty: &SqlType) -> Result<Datum, NoValue> {
    Ok(match datum {
        Datum::Int(number) => integer(number.checked_neg(), ty)?,
        Datum::Decimal(decimal) => Datum::Decimal(-decimal),
        Datum::Double(number) => Datum::Double(-number),
        datum => datum,
    })
}

/// A whole number of a type.
pub(super) fn integer(number: Option<i64>, ty: &SqlType) -> Result<Datum, NoValue> {
    let bits = if let SqlType::Integer { bits } = ty { *bits } else { 64 };
    number.and_then(|number| super::datum::in_range(number, bits)).ok_or_else(overflow)
}

fn overflow() -> NoValue {
    NoValue("a number that is too large for its type".to_owned())
}

impl Comparison {
    fn of(self, left: &Datum, right: &Datum) -> Option<bool> {
        let order = left.order(right)?;
        Some(match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        })
    }
}

impl Operation {
    fn of(self, left: Datum, right: Datum, ty: &SqlType) -> Result<Datum, NoValue> {
        let by_zero = || NoValue("a division by zero".to_owned());
        Ok(match (left, right) {
            (Datum::Int(a), Datum::Int(b)) => {
                let result = match self {
                    Self::Add => a.checked_add(b),
                    Self::Subtract => a.checked_sub(b),
                    Self::Multiply => a.checked_mul(b),
                    Self::Divide | Self::Remainder if b == 0 => return Err(by_zero()),
                    Self::Divide => a.checked_div(b),
                    Self::Remainder => a.checked_rem(b),
                };
                integer(result, ty)?
            }
            (Datum::Double(a), Datum::Double(b)) => {
                let result = match self {
                    Self::Add => a + b,
                    Self::Subtract => a - b,
                    Self::Multiply => a * b,
                    Self::Divide => a / b,
                    Self::Remainder => a % b,
                };
                Datum::Double(result).cast(&SqlType::Double, ty)?
            }
            (Datum::Decimal(a), Datum::Decimal(b)) => {
                let result = match self {
                    Self::Add => a + b,
                    Self::Subtract => a - b,
                    Self::Multiply => a * b,
                    Self::Divide | Self::Remainder if b.sign() == bigdecimal::num_bigint::Sign::NoSign => {
                        return Err(by_zero());
                    }
                    Self::Divide => a / b,
                    Self::Remainder => a % b,
                };
                let (precision, scale) = ty.decimal().expect("decimals give a decimal");
                super::datum::fitted(&result, precision, scale).ok_or_else(overflow)?
            }
            _ => Datum::Null,
        })
    }
}

/// `LIKE`, by characters.
fn is_like(text: &str, pattern: &str, escape: Option<char>) -> bool {
    enum Part {
        Any,
        One,
        Char(char),
    }
    let mut parts = Vec::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        parts.push(match c {
            c if Some(c) == escape => Part::Char(rest.next().unwrap_or(c)),
            '%' => Part::Any,
            '_' => Part::One,
            c => Part::Char(c),
        });
    }
    let text: Vec<char> = text.chars().collect();
    // where to go on when what stands behind the last `%` does not match
    let (mut at, mut part, mut again) = (0, 0, None);
    loop {
        let is_match = match (parts.get(part), text.get(at)) {
            (None, None) => return true,
            (Some(Part::Any), _) => {
                again = Some((at, part + 1));
                part += 1;
                continue;
            }
            (Some(Part::One), Some(_)) => true,
            (Some(Part::Char(expected)), Some(c)) => expected == c,
            _ => false,
        };
        if is_match {
            (at, part) = (at + 1, part + 1);
        } else {
            match again {
                Some((from, behind)) if from < text.len() => {
                    again = Some((from + 1, behind));
                    (at, part) = (from + 1, behind);
                }
                _ => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn like() {
        for (text, pattern, expected) in [
            ("draft", "draft", true),
            ("draft", "dr%", true),
            ("draft", "%aft", true),
            ("draft", "d_a_t", true),
            ("draft", "d%f%", true),
            ("draft", "%", true),
            ("", "%", true),
            ("", "_", false),
            ("draft", "dra", false),
            ("aaab", "%ab", true),
            ("50%", "50!%", true),
            ("505", "50!%", false),
            ("grün", "gr_n", true),
        ] {
            assert_eq!(is_like(text, pattern, Some('!')), expected, "{text} LIKE {pattern}");
        }
    }
}
