//! A plan asked of the records.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::Comparison;
use super::plan::{Column, Key, Plan, Test};
use crate::salesforce::org::Org;
use crate::salesforce::store::{Row, is_deleted};

/// The ids a query found, in order.
pub(in super::super) type Found = Vec<String>;

impl Plan {
    pub(in super::super) fn find(&self, org: &Org, deleted_too: bool) -> Found {
        let by_index = self
            .test
            .as_ref()
            .filter(|_| !deleted_too)
            .and_then(|test| self.candidates(org, test));
        let mut rows: Vec<&Row> = match by_index {
            Some(ids) => ids
                .iter()
                .filter_map(|id| org.store.get(&self.object, id))
                .collect(),
            None => org.store.rows(&self.object).map(|(_, row)| row).collect(),
        };
        rows.retain(|row| {
            (deleted_too || !is_deleted(row)) && self.test.as_ref().is_none_or(|test| test.holds(org, row))
        });
        rows.sort_by(|one, two| self.order(org, one, two));
        let limit = self.limit.unwrap_or(usize::MAX);
        let ids = rows.into_iter().skip(self.offset).take(limit);
        ids.filter_map(|row| row.get("Id")?.as_str().map(str::to_owned))
            .collect()
    }

    /// The selected fields of a record, nested as their paths are.
    pub(in super::super) fn tell(&self, org: &Org, base: &str, id: &str) -> Value {
        let empty = Row::new();
        let row = org.store.get(&self.object, id).unwrap_or(&empty);
        let mut told = labelled(&self.object, base, id);
        for column in &self.fields {
            let value = column.value(org, row).cloned().unwrap_or(Value::Null);
            place(org, base, row, &column.hops, &column.name, value, &mut told);
        }
        Value::Object(told)
    }

    fn order(&self, org: &Org, one: &Row, two: &Row) -> Ordering {
        for (column, descending, nulls_last) in &self.order {
            let (one, two) = (column.key_of(org, one), column.key_of(org, two));
            let nulls = (one == Key::Null, two == Key::Null);
            let order = match nulls {
                (true, true) => Ordering::Equal,
                (true, false) | (false, true) => {
                    let order = if nulls.0 {
                        Ordering::Less
                    } else {
                        Ordering::Greater
                    };
                    if *nulls_last { order.reverse() } else { order }
                }
                (false, false) => {
                    let order = one.order(&two).unwrap_or(Ordering::Equal);
                    if *descending { order.reverse() } else { order }
                }
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }

    /// The records an index names for a condition that every result has to meet.
    fn candidates(&self, org: &Org, test: &Test) -> Option<Vec<String>> {
        let (column, keys) = match test {
            Test::All(parts) => return parts.iter().find_map(|part| self.candidates(org, part)),
            Test::Compare(column, Comparison::Equal, key) => (column, std::slice::from_ref(key)),
            Test::In(column, false, keys) => (column, keys.as_slice()),
            _ => return None,
        };
        if !column.hops.is_empty() {
            return None;
        }
        let mut found = Vec::new();
        for key in keys {
            let Key::Text(value) = key else { return None };
            if column.name == "Id" {
                found.push(value.clone());
            } else {
                found.extend(org.store.holders(&self.object, &column.name, value)?);
            }
        }
        found.sort();
        found.dedup();
        Some(found)
    }
}

impl Test {
    fn holds(&self, org: &Org, row: &Row) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(org, row)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(org, row)),
            Self::Not(part) => !part.holds(org, row),
            Self::In(column, negated, keys) => keys.contains(&column.key_of(org, row)) != *negated,
            Self::Compare(column, comparison, key) => compare(&column.key_of(org, row), *comparison, key),
        }
    }
}

impl Column {
    fn value<'a>(&self, org: &'a Org, row: &'a Row) -> Option<&'a Value> {
        let mut at = row;
        for (_, field) in &self.hops {
            (_, at) = org.parent(at, field)?;
        }
        at.get(&self.name)
    }

    fn key_of(&self, org: &Org, row: &Row) -> Key {
        self.value(org, row).map_or(Key::Null, |value| self.key(value))
    }
}

impl Org {
    /// The record a reference leads to, and of which object it is.
    fn parent<'a>(&'a self, row: &Row, field: &str) -> Option<(&'a str, &'a Row)> {
        let id = row.get(field)?.as_str()?;
        let object = self.schema.with_prefix(id.get(..3)?)?;
        Some((&object.name, self.store.get(&object.name, id)?))
    }
}

fn compare(found: &Key, comparison: Comparison, wanted: &Key) -> bool {
    let order = found.order(wanted);
    match comparison {
        Comparison::Equal => found == wanted,
        Comparison::Unequal => found != wanted,
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::AtMost => order.is_some_and(Ordering::is_le),
        Comparison::More => order == Some(Ordering::Greater),
        Comparison::AtLeast => order.is_some_and(Ordering::is_ge),
        Comparison::Like => match (found, wanted) {
            (Key::Text(text), Key::Text(pattern)) => like(text, pattern),
            _ => false,
        },
    }
}

/// `%` is any text, `_` any letter.
fn like(text: &str, pattern: &str) -> bool {
    let Some(first) = pattern.chars().next() else {
        return text.is_empty();
    };
    let rest = &pattern[first.len_utf8()..];
    let mut letters = text.chars();
    match first {
        '%' => like(text, rest) || letters.next().is_some_and(|_| like(letters.as_str(), pattern)),
        '_' => letters.next().is_some_and(|_| like(letters.as_str(), rest)),
        _ => letters.next() == Some(first) && like(letters.as_str(), rest),
    }
}

fn labelled(object: &str, base: &str, id: &str) -> Map<String, Value> {
    let attributes = json!({ "type": object, "url": format!("{base}/sobjects/{object}/{id}") });
    Map::from_iter([("attributes".to_owned(), attributes)])
}

/// Puts a value where its path says; a parent that is not there is null.
fn place(
    org: &Org,
    base: &str,
    row: &Row,
    hops: &[(String, String)],
    name: &str,
    value: Value,
    told: &mut Map<String, Value>,
) {
    let Some(((relationship, field), rest)) = hops.split_first() else {
        told.insert(name.to_owned(), value);
        return;
    };
    let Some((object, parent)) = org.parent(row, field) else {
        told.insert(relationship.clone(), Value::Null);
        return;
    };
    let id = parent.get("Id").and_then(Value::as_str).unwrap_or_default();
    let inner = told
        .entry(relationship.clone())
        .or_insert_with(|| Value::Object(labelled(object, base, id)));
    if let Value::Object(inner) = inner {
        place(org, base, parent, rest, name, value, inner);
    }
}
