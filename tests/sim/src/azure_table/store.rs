//! Tables, and rows in the order of their keys.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::answer::Refusal;
use super::limits;

/// A row and when it was last written.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) columns: Map<String, Value>,
    pub(super) at: DateTime<Utc>,
}

pub(super) type Rows = BTreeMap<(String, String), Row>;

#[derive(Clone, Default)]
pub(super) struct Store {
    tables: BTreeMap<String, Rows>,
    busy: HashMap<String, DateTime<Utc>>,
    ticks: i64,
    pub(super) refused: HashMap<String, (u16, &'static str)>,
}

/// `PATCH`, `MERGE`, or `POST` that means it.
pub(super) fn is_merge(method: &Method, headers: &HeaderMap) -> bool {
    let tunnelled = headers.get("x-http-method").is_some_and(|verb| verb == "MERGE");
    matches!(method.as_str(), "PATCH" | "MERGE") || (method == Method::POST && tunnelled)
}

impl Store {
    pub(super) fn create(&mut self, table: &str) -> bool {
        let new = !self.tables.contains_key(table);
        self.tables.entry(table.to_owned()).or_default();
        new
    }

    pub(super) fn delete(&mut self, table: &str, until: DateTime<Utc>) {
        self.tables.remove(table);
        self.busy.insert(table.to_owned(), until);
    }

    pub(super) fn is_busy(&self, table: &str, now: DateTime<Utc>) -> bool {
        self.busy.get(table).is_some_and(|until| now < *until)
    }

    pub(super) fn table(&self, table: &str) -> Result<&Rows, Refusal> {
        self.tables.get(table).ok_or(Refusal::new(404, "TableNotFound"))
    }

    pub(super) fn put(
        &mut self,
        table: &str,
        partition: &str,
        row: &str,
        columns: Map<String, Value>,
        at: DateTime<Utc>,
    ) {
        let rows = self.tables.entry(table.to_owned()).or_default();
        rows.insert((partition.to_owned(), row.to_owned()), Row { columns, at });
    }

    pub(super) fn remove(&mut self, table: &str, partition: &str, row: &str) {
        if let Some(rows) = self.tables.get_mut(table) {
            rows.remove(&(partition.to_owned(), row.to_owned()));
        }
    }

    pub(super) fn rows(&self, table: &str) -> Vec<(String, String, Map<String, Value>)> {
        let rows = self.tables.get(table).into_iter().flatten();
        rows.map(|((partition, row), held)| (partition.clone(), row.clone(), held.columns.clone()))
            .collect()
    }

    /// Deletes a row; `If-Match` has to be there (contract azure-table 0).
    pub(super) fn delete_row(&mut self, address: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        let (table, partition, row) = address_of(address).ok_or(Refusal::new(400, "InvalidInput"))?;
        let condition = headers.get("if-match").and_then(|value| value.to_str().ok());
        let condition = condition.ok_or(Refusal::new(400, "MissingRequiredHeader"))?;
        let rows = self
            .tables
            .get_mut(&table)
            .ok_or(Refusal::new(404, "TableNotFound"))?;
        let key = (partition, row);
        let held = rows.get(&key).ok_or(Refusal::new(404, "ResourceNotFound"))?;
        if condition != "*" && condition != etag(held.at) {
            return Err(Refusal::new(412, "UpdateConditionNotSatisfied"));
        }
        rows.remove(&key);
        Ok(())
    }

    /// Inserts or, without the right to insert (`If-Match`), only updates. A null is passed over.
    pub(super) fn merge(
        &mut self,
        address: &str,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (table, partition, row) = address_of(address).ok_or(Refusal::new(400, "InvalidInput"))?;
        limits::key(&partition)?;
        limits::key(&row)?;
        let columns: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| Refusal::new(400, "InvalidInput"))?;
        limits::columns(&columns)?;
        if let Some((status, code)) = self.refused.get(&row) {
            return Err(Refusal::new(*status, code));
        }
        self.ticks += 1;
        let at = now + TimeDelta::nanoseconds(self.ticks * 100);
        let rows = self
            .tables
            .get_mut(&table)
            .ok_or(Refusal::new(404, "TableNotFound"))?;
        let key = (partition, row);
        if headers.contains_key("if-match") && !rows.contains_key(&key) {
            return Err(Refusal::new(404, "ResourceNotFound"));
        }
        let held = rows.entry(key).or_insert_with(|| Row {
            columns: Map::new(),
            at,
        });
        held.at = at;
        for (name, value) in columns.into_iter().filter(|(_, value)| !value.is_null()) {
            if !name.contains('@') {
                held.columns.remove(&format!("{name}@odata.type"));
            }
            held.columns.insert(name, value);
        }
        Ok(())
    }
}

/// A moment to 100 ns, as the service counts.
pub(super) fn ticks(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Nanos, true).replace("00Z", "Z")
}

/// What changes with every write of a row.
pub(super) fn etag(at: DateTime<Utc>) -> String {
    format!("W/\"datetime'{}'\"", ticks(at).replace(':', "%3A"))
}

/// Table, partition key and row key of `T(PartitionKey='..',RowKey='..')`, percent-encoded.
pub(super) fn address_of(address: &str) -> Option<(String, String, String)> {
    let text = percent_decode_str(address).decode_utf8().ok()?;
    let (table, rest) = text.split_once("(PartitionKey='")?;
    let (partition, rest) = literal(rest)?;
    let (row, rest) = literal(rest.strip_prefix(",RowKey='")?)?;
    (rest == ")").then(|| (table.to_owned(), partition, row))
}

/// Up to the closing apostrophe; doubled ones stand for themselves.
fn literal(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != '\'' {
            value.push(letter);
        } else if letters.next_if(|(_, next)| *next == '\'').is_some() {
            value.push('\'');
        } else {
            return Some((value, &text[at + 1..]));
        }
    }
    None
}
