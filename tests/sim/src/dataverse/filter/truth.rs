//! When a comparison is true: text without case and trailing spaces, null as in SQL.

use std::cmp::Ordering;

use chrono::DateTime;
use serde_json::Value;

use super::{Function, Operator};
use crate::dataverse::store::fold;

pub(super) fn compare(value: &Value, operator: Operator, literal: &Value) -> bool {
    if value.is_null() || literal.is_null() {
        let both = value.is_null() && literal.is_null();
        return match operator {
            Operator::Eq => both,
            Operator::Ne => !both,
            _ => false,
        };
    }
    let Some(order) = order(value, literal) else {
        return operator == Operator::Ne;
    };
    match operator {
        Operator::Eq => order.is_eq(),
        Operator::Ne => order.is_ne(),
        Operator::Gt => order.is_gt(),
        Operator::Ge => order.is_ge(),
        Operator::Lt => order.is_lt(),
        Operator::Le => order.is_le(),
    }
}

pub(super) fn function(function: Function, value: &Value, text: &str) -> bool {
    let Value::String(value) = value else {
        return false;
    };
    let (value, text) = (value.to_lowercase(), text.to_lowercase());
    match function {
        Function::Contains => value.contains(&text),
        Function::StartsWith => value.starts_with(&text),
        Function::EndsWith => value.ends_with(&text),
    }
}

/// Which of two values comes first; none when they cannot be compared.
pub(in crate::dataverse) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::String(one), Value::String(other)) => {
            let moments = DateTime::parse_from_rfc3339(one)
                .ok()
                .zip(DateTime::parse_from_rfc3339(other).ok());
            Some(match moments {
                Some((one, other)) => one.cmp(&other),
                None => fold(left).cmp(&fold(right)),
            })
        }
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Null, _) => Some(Ordering::Less),
        (_, Value::Null) => Some(Ordering::Greater),
        _ => None,
    }
}
