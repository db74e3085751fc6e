//! A query whose names are looked up and whose values have the type of their field.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Comparison, Condition, Literal, Path, Query, malformed, parse};
use crate::salesforce::answer::Refusal;
use crate::salesforce::id;
use crate::salesforce::org::Org;
use crate::salesforce::save::no_column;
use crate::salesforce::schema::Object;
use crate::salesforce::value;

/// A query that can be asked.
#[derive(Clone, Debug)]
pub(in super::super) struct Plan {
    pub(in super::super) object: String,
    /// Nothing for `count()`.
    pub(in super::super) fields: Vec<Column>,
    pub(super) test: Option<Test>,
    pub(super) order: Vec<(Column, bool, bool)>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

/// A field, and how to get to the record it is of.
#[derive(Clone, Debug)]
pub(in super::super) struct Column {
    /// Relationships on the way, each with the field that holds the id.
    pub(super) hops: Vec<(String, String)>,
    pub(super) name: String,
    kind: String,
    folds_case: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Compare(Column, Comparison, Key),
    In(Column, bool, Vec<Key>),
}

/// A value that can be compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Key {
    Null,
    Boolean(bool),
    Number(f64),
    Text(String),
}

impl Key {
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Boolean(one), Self::Boolean(two)) => Some(one.cmp(two)),
            (Self::Number(one), Self::Number(two)) => one.partial_cmp(two),
            (Self::Text(one), Self::Text(two)) => Some(one.cmp(two)),
            _ => None,
        }
    }
}

impl Column {
    pub(super) fn key(&self, value: &Value) -> Key {
        match value {
            Value::Bool(value) => Key::Boolean(*value),
            Value::Number(value) => value.as_f64().map_or(Key::Null, Key::Number),
            Value::String(text) if self.folds_case => Key::Text(text.to_lowercase()),
            Value::String(text) => Key::Text(text.clone()),
            _ => Key::Null,
        }
    }

    /// A literal as a value of this field, or why it is none.
    fn literal(&self, literal: &Literal) -> Result<Key, Refusal> {
        let key = match (self.kind.as_str(), literal) {
            (_, Literal::Null) => Some(Key::Null),
            ("boolean", Literal::Boolean(value)) => Some(Key::Boolean(*value)),
            ("int" | "double" | "currency" | "percent", Literal::Number(value)) => Some(Key::Number(*value)),
            ("date", Literal::Date(date)) => Some(Key::Text(date.clone())),
            ("datetime", Literal::Time(second)) => Some(Key::Text(value::stamp(*second))),
            ("id" | "reference", Literal::Text(text)) => {
                let id = id::read(text).ok_or_else(|| {
                    Refusal::new(
                        "INVALID_QUERY_FILTER_OPERATOR",
                        format!("invalid ID field: {text}"),
                    )
                })?;
                Some(Key::Text(id))
            }
            ("boolean" | "int" | "double" | "currency" | "percent" | "date" | "datetime", _) => None,
            (_, Literal::Text(text)) if self.folds_case => Some(Key::Text(text.to_lowercase())),
            (_, Literal::Text(text)) => Some(Key::Text(text.clone())),
            _ => None,
        };
        let (name, kind) = (&self.name, &self.kind);
        key.ok_or_else(|| {
            let quotes =
                matches!(literal, Literal::Text(_)).then_some(" and should not be enclosed in quotes");
            let quotes = quotes.unwrap_or_default();
            Refusal::new(
                "INVALID_FIELD",
                format!("value of filter criterion for field '{name}' must be of type {kind}{quotes}"),
            )
        })
    }
}

impl Plan {
    pub(in super::super) fn make(org: &Org, soql: &str, tooling: bool) -> Result<Self, Refusal> {
        let query = parse::parse(soql)?;
        let unsupported = || {
            let name = &query.object;
            let message = format!(
                "sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to \
                 append the '__c' after the entity name."
            );
            Refusal::new("INVALID_TYPE", message)
        };
        let object = org.schema.object(&query.object).ok_or_else(unsupported)?;
        let object = Some(object)
            .filter(|object| org.is_queryable(object, tooling))
            .ok_or_else(unsupported)?;
        let column = |path: &Path| column(org, object, path);
        let condition = query
            .condition
            .as_ref()
            .map(|condition| test(&column, condition))
            .transpose()?;
        let order = query
            .order
            .iter()
            .map(|order| Ok((column(&order.path)?, order.descending, order.nulls_last)));
        Ok(Self {
            object: object.name.clone(),
            fields: unrepeated(&query)?.iter().map(column).collect::<Result<_, _>>()?,
            test: condition,
            order: order.collect::<Result<_, Refusal>>()?,
            limit: query.limit,
            offset: query.offset,
        })
    }
}

fn unrepeated(query: &Query) -> Result<&[Path], Refusal> {
    for (place, path) in query.fields.iter().enumerate() {
        if query.fields[..place].contains(path) {
            return Err(malformed(format!("duplicate field selected: {}", path.join("."))));
        }
    }
    Ok(&query.fields)
}

fn test(column: &dyn Fn(&Path) -> Result<Column, Refusal>, condition: &Condition) -> Result<Test, Refusal> {
    let filterable = |path: &Path| {
        let column = column(path)?;
        if column.kind == "long" {
            let message = format!("field '{}' can not be filtered in a query call", column.name);
            return Err(Refusal::new("INVALID_FIELD", message));
        }
        Ok(column)
    };
    let each = |parts: &[Condition]| {
        parts
            .iter()
            .map(|part| test(column, part))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(match condition {
        Condition::All(parts) => Test::All(each(parts)?),
        Condition::Any(parts) => Test::Any(each(parts)?),
        Condition::Not(part) => Test::Not(Box::new(test(column, part)?)),
        Condition::Compare(path, comparison, literal) => {
            let mut column = filterable(path)?;
            column.folds_case |= *comparison == Comparison::Like;
            let key = column.literal(literal)?;
            Test::Compare(column, *comparison, key)
        }
        Condition::In(path, negated, literals) => {
            let column = filterable(path)?;
            let keys = literals.iter().map(|literal| column.literal(literal));
            let keys = keys.collect::<Result<_, _>>()?;
            Test::In(column, *negated, keys)
        }
    })
}

/// The field a path leads to, as the user sees it.
fn column(org: &Org, object: &Object, path: &Path) -> Result<Column, Refusal> {
    let mut hops = Vec::new();
    let mut at = object;
    let Some((last, relationships)) = path.split_last() else {
        return Err(malformed("unexpected token: ."));
    };
    for name in relationships {
        let unknown = || {
            let message = format!("Didn't understand relationship '{name}' in field path.");
            Refusal::new("INVALID_FIELD", message)
        };
        let field = at
            .relationship(name)
            .filter(|field| field.is_readable(org.now()))
            .ok_or_else(unknown)?;
        hops.push((field.relationship.clone().unwrap_or_default(), field.name.clone()));
        let target = field.targets.first().map_or("", String::as_str);
        at = org.schema.object(target).ok_or_else(unknown)?;
    }
    let field = at.field(last).filter(|field| field.is_readable(org.now()));
    let field = field.ok_or_else(|| no_column(last, &at.name))?;
    let is_long = field.kind == "textarea" && field.length > 255 || field.kind == "complexvalue";
    let is_text = !matches!(field.kind.as_str(), "id" | "reference" | "date" | "datetime");
    Ok(Column {
        hops,
        name: field.name.clone(),
        kind: if is_long {
            "long".to_owned()
        } else {
            field.kind.clone()
        },
        folds_case: is_text && !field.case_sensitive,
    })
}
