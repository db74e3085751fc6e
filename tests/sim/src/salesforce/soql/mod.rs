//! The part of SOQL a connector speaks: fields, one object, conditions, order, limit (contract salesforce 9, 14).

mod find;
mod parse;
mod plan;
mod words;

use super::answer::Refusal;

pub(super) use find::Found;
pub(super) use plan::Plan;

/// A name with the relationships that lead to it: `ConvertedOpportunity.IsWon`.
type Path = Vec<String>;

/// A query as written.
#[derive(Debug)]
struct Query {
    /// Nothing for `count()`.
    fields: Vec<Path>,
    object: String,
    condition: Option<Condition>,
    order: Vec<Order>,
    limit: Option<usize>,
    offset: usize,
}

#[derive(Debug)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Path, Comparison, Literal),
    In(Path, bool, Vec<Literal>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    Like,
}

#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Null,
    Boolean(bool),
    Number(f64),
    Text(String),
    Date(String),
    /// In Unix seconds.
    Time(i64),
}

#[derive(Debug)]
struct Order {
    path: Path,
    descending: bool,
    nulls_last: bool,
}

fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::new("MALFORMED_QUERY", message)
}
