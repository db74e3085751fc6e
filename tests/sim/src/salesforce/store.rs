//! Rows by object and id, found by their keys, and taken back together when one of them fails.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::id;

/// The fields of a record. An absent field is null.
pub(super) type Row = Map<String, Value>;

#[derive(Default)]
pub(super) struct Store {
    tables: HashMap<String, BTreeMap<String, Row>>,
    minted: HashMap<String, u64>,
    indexes: HashMap<String, Vec<Index>>,
    journal: Vec<Before>,
    open: usize,
}

/// Which live records hold a value.
struct Index {
    field: String,
    folds_case: bool,
    holders: HashMap<String, BTreeSet<String>>,
}

/// A row as it was before a change that may be taken back.
struct Before {
    object: String,
    id: String,
    row: Option<Row>,
}

impl Store {
    /// The next id with this prefix.
    pub(super) fn mint(&mut self, prefix: &str) -> String {
        let n = self.minted.entry(prefix.to_owned()).or_default();
        *n += 1;
        id::mint(prefix, *n)
    }

    pub(super) fn get(&self, object: &str, id: &str) -> Option<&Row> {
        self.tables.get(object)?.get(id)
    }

    /// The record, unless it is deleted.
    pub(super) fn live(&self, object: &str, id: &str) -> Option<&Row> {
        self.get(object, id).filter(|row| !is_deleted(row))
    }

    /// Every record of an object, deleted ones too, in the order they were made.
    pub(super) fn rows(&self, object: &str) -> impl Iterator<Item = (&str, &Row)> {
        let table = self.tables.get(object);
        table.into_iter().flatten().map(|(id, row)| (id.as_str(), row))
    }

    /// Finds records by this field from now on.
    pub(super) fn index(&mut self, object: &str, field: &str, folds_case: bool) {
        let indexes = self.indexes.entry(object.to_owned()).or_default();
        indexes.retain(|index| index.field != field);
        let mut index = Index {
            field: field.to_owned(),
            folds_case,
            holders: HashMap::new(),
        };
        for (id, row) in self.tables.get(object).into_iter().flatten() {
            index.add(id, row);
        }
        indexes.push(index);
    }

    /// The live records whose indexed field holds this value; `None` when the field is not indexed.
    pub(super) fn holders(&self, object: &str, field: &str, value: &str) -> Option<Vec<String>> {
        let index = self
            .indexes
            .get(object)?
            .iter()
            .find(|index| index.field == field)?;
        let holders = index.holders.get(&index.key(value));
        Some(holders.into_iter().flatten().cloned().collect())
    }

    /// The live records any of whose indexed fields holds this value.
    pub(super) fn holders_of_any(&self, object: &str, value: &str) -> Vec<String> {
        let indexes = self.indexes.get(object).into_iter().flatten();
        let found = indexes.filter_map(|index| index.holders.get(&index.key(value)));
        found.flatten().cloned().collect()
    }

    pub(super) fn put(&mut self, object: &str, id: &str, row: Row) {
        let before = self.replace(object, id, Some(row));
        if self.open > 0 {
            self.journal.push(Before {
                object: object.to_owned(),
                id: id.to_owned(),
                row: before,
            });
        }
    }

    /// From here on changes can be taken back.
    pub(super) fn begin(&mut self) -> usize {
        self.open += 1;
        self.journal.len()
    }

    /// Keeps the changes since `mark`, or takes them back.
    pub(super) fn end(&mut self, mark: usize, keep: bool) {
        if !keep {
            for before in self.journal.split_off(mark).into_iter().rev() {
                self.replace(&before.object, &before.id, before.row);
            }
        }
        self.open -= 1;
        if self.open == 0 {
            self.journal.clear();
        }
    }

    fn replace(&mut self, object: &str, id: &str, row: Option<Row>) -> Option<Row> {
        let table = self.tables.entry(object.to_owned()).or_default();
        let before = table.remove(id);
        for index in self.indexes.get_mut(object).into_iter().flatten() {
            if let Some(before) = &before {
                index.remove(id, before);
            }
            if let Some(row) = &row {
                index.add(id, row);
            }
        }
        if let Some(row) = row {
            table.insert(id.to_owned(), row);
        }
        before
    }
}

impl Index {
    fn key(&self, value: &str) -> String {
        if self.folds_case {
            value.to_lowercase()
        } else {
            value.to_owned()
        }
    }

    fn key_of(&self, row: &Row) -> Option<String> {
        match row.get(&self.field)? {
            Value::Null => None,
            Value::String(text) => Some(self.key(text)),
            other => Some(other.to_string()),
        }
    }

    fn add(&mut self, id: &str, row: &Row) {
        if is_deleted(row) {
            return;
        }
        if let Some(key) = self.key_of(row) {
            self.holders.entry(key).or_default().insert(id.to_owned());
        }
    }

    fn remove(&mut self, id: &str, row: &Row) {
        let Some(key) = self.key_of(row) else { return };
        if let Some(holders) = self.holders.get_mut(&key) {
            holders.remove(id);
            if holders.is_empty() {
                self.holders.remove(&key);
            }
        }
    }
}

pub(super) fn is_deleted(row: &Row) -> bool {
    row.get("IsDeleted") == Some(&Value::Bool(true))
}
