//! The rows, their versions and the indexes of keys; every change can be taken back.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

/// One row.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// Its place in the order of creation.
    pub(super) serial: u64,
    /// The version of the environment it was last changed with.
    pub(super) version: u64,
    /// When it was created, in Unix seconds.
    pub(super) created: i64,
    /// When it was last changed.
    pub(super) modified: i64,
    /// Its columns that have a value, lookups aside.
    pub(super) values: Map<String, Value>,
    /// Its lookups.
    pub(super) links: BTreeMap<String, Link>,
}

/// Where a lookup leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) table: &'static str,
    pub(super) id: String,
}

/// All rows of an environment.
#[derive(Default)]
pub(super) struct Store {
    tables: HashMap<&'static str, Rows>,
    version: u64,
    serial: u64,
    journal: Vec<Undo>,
}

#[derive(Default)]
struct Rows {
    by_id: HashMap<String, Row>,
    by_serial: BTreeMap<u64, String>,
    by_version: BTreeMap<u64, String>,
    deleted: BTreeMap<u64, String>,
    indexes: Vec<Index>,
}

/// Finds rows by the values of an alternate key.
struct Index {
    key: String,
    columns: Vec<String>,
    found: HashMap<String, String>,
}

struct Undo {
    table: &'static str,
    id: String,
    before: Option<Row>,
    deletion: Option<u64>,
}

/// A row that came into being.
pub(super) struct Born {
    pub(super) table: &'static str,
    pub(super) id: String,
}

impl Store {
    /// The version of the last change.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Passes a version without a change.
    pub(super) fn skip_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// The number of the next row to be created.
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(super) fn row(&self, table: &str, id: &str) -> Option<&Row> {
        self.tables.get(table)?.by_id.get(id)
    }

    /// Ids and rows in order of creation.
    pub(super) fn rows(&self, table: &str) -> impl Iterator<Item = (&str, &Row)> {
        let rows = self.tables.get(table);
        rows.into_iter().flat_map(|rows| {
            let row = |id: &String| rows.by_id.get_key_value(id.as_str());
            rows.by_serial
                .values()
                .filter_map(row)
                .map(|(id, row)| (id.as_str(), row))
        })
    }

    /// Ids of rows changed after this version, oldest change first.
    pub(super) fn changed_after(&self, table: &str, version: u64) -> Vec<String> {
        let rows = self.tables.get(table);
        let changed = rows.map(|rows| rows.by_version.range(version + 1..).map(|(_, id)| id.clone()));
        changed.into_iter().flatten().collect()
    }

    /// Ids of rows deleted after this version and still gone.
    pub(super) fn deleted_after(&self, table: &str, version: u64) -> Vec<String> {
        let Some(rows) = self.tables.get(table) else {
            return Vec::new();
        };
        let deleted = rows.deleted.range(version + 1..).map(|(_, id)| id);
        deleted
            .filter(|id| !rows.by_id.contains_key(*id))
            .cloned()
            .collect()
    }

    /// The row with these values of a key, folded by [`fold`].
    pub(super) fn find(&self, table: &str, key: &str, folded: &str) -> Option<&str> {
        let rows = self.tables.get(table)?;
        let index = rows.indexes.iter().find(|index| index.key == key)?;
        index.found.get(folded).map(String::as_str)
    }

    /// Writes a row under a new version.
    pub(super) fn put(&mut self, table: &'static str, id: &str, mut row: Row) {
        self.version += 1;
        row.version = self.version;
        let rows = self.tables.entry(table).or_default();
        let before = rows.take(id);
        rows.set(id, row);
        self.journal.push(Undo {
            table,
            id: id.to_owned(),
            before,
            deletion: None,
        });
    }

    /// Takes a row away; says whether it was there.
    pub(super) fn remove(&mut self, table: &'static str, id: &str) -> bool {
        let rows = self.tables.entry(table).or_default();
        let Some(before) = rows.take(id) else {
            return false;
        };
        self.version += 1;
        rows.deleted.insert(self.version, id.to_owned());
        self.journal.push(Undo {
            table,
            id: id.to_owned(),
            before: Some(before),
            deletion: Some(self.version),
        });
        true
    }

    /// A point to come back to.
    pub(super) fn mark(&self) -> usize {
        self.journal.len()
    }

    /// Takes back whatever happened since the mark.
    pub(super) fn back_to(&mut self, mark: usize) {
        while self.journal.len() > mark {
            let Some(undo) = self.journal.pop() else { return };
            let rows = self.tables.entry(undo.table).or_default();
            rows.take(&undo.id);
            if let Some(version) = undo.deletion {
                rows.deleted.remove(&version);
            }
            if let Some(before) = undo.before {
                rows.set(&undo.id, before);
            }
        }
    }

    /// What has happened is final; the rows it brought into being.
    pub(super) fn settle(&mut self) -> Vec<Born> {
        let final_now = std::mem::take(&mut self.journal).into_iter();
        let born = final_now.filter(|undo| undo.before.is_none());
        born.map(|undo| Born {
            table: undo.table,
            id: undo.id,
        })
        .collect()
    }

    /// Builds the index of a key; false when two rows have the same values.
    pub(super) fn index(&mut self, table: &'static str, key: &str, columns: &[String]) -> bool {
        let rows = self.tables.entry(table).or_default();
        let mut found = HashMap::new();
        for (id, row) in &rows.by_id {
            let Some(folded) = row.folded(columns) else {
                continue;
            };
            if found.insert(folded, id.clone()).is_some() {
                return false;
            }
        }
        rows.indexes.push(Index {
            key: key.to_owned(),
            columns: columns.to_vec(),
            found,
        });
        true
    }

    /// Forgets the index of a key.
    pub(super) fn drop_index(&mut self, table: &str, key: &str) {
        if let Some(rows) = self.tables.get_mut(table) {
            rows.indexes.retain(|index| index.key != key);
        }
    }

    /// The other row that stands where this one wants to be, as the name of the key.
    pub(super) fn clash(&self, table: &str, id: &str, row: &Row) -> Option<&str> {
        let rows = self.tables.get(table)?;
        let clashing = rows.indexes.iter().find(|index| {
            let holder = row
                .folded(&index.columns)
                .and_then(|folded| index.found.get(&folded));
            holder.is_some_and(|holder| holder != id)
        });
        clashing.map(|index| index.key.as_str())
    }

    /// The values of all keys of a row.
    pub(super) fn keys_of(&self, table: &str, id: &str) -> Vec<String> {
        let rows = self.tables.get(table);
        let row = rows.and_then(|rows| rows.by_id.get(id));
        let indexes = rows.into_iter().flat_map(|rows| &rows.indexes);
        indexes.filter_map(|index| row?.folded(&index.columns)).collect()
    }
}

impl Rows {
    fn take(&mut self, id: &str) -> Option<Row> {
        let row = self.by_id.remove(id)?;
        self.by_serial.remove(&row.serial);
        self.by_version.remove(&row.version);
        for index in &mut self.indexes {
            if let Some(folded) = row.folded(&index.columns) {
                index.found.remove(&folded);
            }
        }
        Some(row)
    }

    fn set(&mut self, id: &str, row: Row) {
        self.by_serial.insert(row.serial, id.to_owned());
        self.by_version.insert(row.version, id.to_owned());
        for index in &mut self.indexes {
            if let Some(folded) = row.folded(&index.columns) {
                index.found.insert(folded, id.to_owned());
            }
        }
        self.by_id.insert(id.to_owned(), row);
    }
}

impl Row {
    /// The values of these columns as a key compares them; none when one is null.
    fn folded(&self, columns: &[String]) -> Option<String> {
        let value = |column: &String| match self.links.get(column) {
            Some(link) => Some(link.id.clone()),
            None => self.values.get(column).map(fold),
        };
        let values: Option<Vec<String>> = columns.iter().map(value).collect();
        Some(join(&values?))
    }
}

/// How keys and filters compare: text without case and trailing spaces.
pub(super) fn fold(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim_end_matches(' ').to_lowercase(),
        other => other.to_string(),
    }
}

/// Several folded values as one.
pub(super) fn join(values: &[String]) -> String {
    values.join("\u{1f}")
}
