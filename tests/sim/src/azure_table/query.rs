//! `$filter`, `$top` and pages (contract azure-table 7).

use std::ops::Bound::{Included, Unbounded};

use chrono::{DateTime, Utc};
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use super::answer::{Refusal, Reply};
use super::store::{Row, Rows, Store, address_of, etag, ticks};

/// Which rows match.
#[derive(Default)]
enum Filter {
    #[default]
    All,
    Since(DateTime<Utc>),
    /// Of one partition, from key to key.
    Span(String, String, String),
}

impl Filter {
    fn takes(&self, (partition, name): &(String, String), row: &Row) -> bool {
        match self {
            Self::All => true,
            Self::Since(since) => row.at >= *since,
            Self::Span(wanted, from, to) => partition == wanted && name >= from && name <= to,
        }
    }
}

/// What a query wants.
#[derive(Default)]
pub(super) struct Asked {
    filter: Filter,
    top: Option<usize>,
    generation: u32,
    /// The key the page begins with.
    pub(super) from: Option<(String, String)>,
}

impl Asked {
    pub(super) fn read(query: &str) -> Result<Self, Refusal> {
        let mut asked = Self::default();
        let (mut partition, mut row) = (None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(Refusal::new(400, "InvalidInput"))?;
            let value = percent_decode_str(value)
                .decode_utf8()
                .map_err(|_| Refusal::new(400, "InvalidInput"))?;
            match name {
                "$top" => asked.top = Some(top(&value)?),
                "$filter" => asked.filter = filter(&value)?,
                "NextPartitionKey" => partition = Some(key(&value)?),
                "NextRowKey" => row = Some(key(&value)?),
                _ => return Err(Refusal::new(400, "InvalidQueryParameterValue")),
            }
        }
        if let Some((generation, partition)) = partition {
            asked.generation = generation;
            asked.from = Some((partition, row.map(|(_, row)| row).unwrap_or_default()));
        }
        Ok(asked)
    }

    /// The next page: so many rows looked at and matching, or up to the end of a partition.
    pub(super) fn page(&self, rows: &Rows, limit: usize, cut_at_partitions: bool) -> Reply {
        let limit = limit.min(self.top.unwrap_or(1000));
        let start = self.from.clone().map_or(Unbounded, Included);
        let mut found = Vec::new();
        let mut next = None;
        let mut partition = None;
        for (key, row) in rows.range((start, Unbounded)) {
            let other = partition.get_or_insert_with(|| key.0.clone()) != &key.0;
            if found.len() == limit || (other && cut_at_partitions) {
                next = Some(key.clone());
                break;
            }
            if self.filter.takes(key, row) {
                found.push(json(&key.0, &key.1, row));
            }
        }
        reply(&found, next, 1)
    }

    /// No rows, and a continuation to where this page began, under another token.
    pub(super) fn nothing_yet(&self, rows: &Rows) -> Reply {
        let here = self.from.clone().or_else(|| rows.keys().next().cloned());
        reply(&[], here, self.generation + 1)
    }

    /// The very token that came in.
    pub(super) fn repeated(&self) -> Reply {
        reply(&[], self.from.clone(), self.generation)
    }
}

fn reply(rows: &[Value], next: Option<(String, String)>, generation: u32) -> Reply {
    let metadata = "https://contosoleads.table.core.windows.net/$metadata#MarketplaceLeads";
    let body = serde_json::json!({"odata.metadata": metadata, "value": rows}).to_string();
    let mut headers = vec![(
        "content-type",
        "application/json;odata=minimalmetadata".to_owned(),
    )];
    if let Some((partition, row)) = next {
        headers.push((
            "x-ms-continuation-nextpartitionkey",
            token(&partition, generation),
        ));
        if !row.is_empty() {
            headers.push(("x-ms-continuation-nextrowkey", token(&row, generation)));
        }
    }
    Reply {
        status: StatusCode::OK,
        headers,
        body: Some(body),
    }
}

/// `GET T(PartitionKey='..',RowKey='..')`
pub(super) fn one(store: &Store, address: &str) -> Result<Reply, Refusal> {
    let (table, partition, row) = address_of(address).ok_or(Refusal::new(400, "InvalidInput"))?;
    let held = store.table(&table)?.get(&(partition.clone(), row.clone()));
    let held = held.ok_or(Refusal::new(404, "ResourceNotFound"))?;
    let kind = "application/json;odata=minimalmetadata".to_owned();
    Ok(Reply {
        status: StatusCode::OK,
        headers: vec![("content-type", kind)],
        body: Some(json(&partition, &row, held).to_string()),
    })
}

fn json(partition: &str, row: &str, held: &Row) -> Value {
    let at = ticks(held.at);
    let mut object = held.columns.clone();
    object.insert("odata.etag".to_owned(), etag(held.at).into());
    object.insert("PartitionKey".to_owned(), partition.into());
    object.insert("RowKey".to_owned(), row.into());
    object.insert("Timestamp".to_owned(), at.into());
    object.into()
}

/// At most a thousand rows may be asked for.
fn top(text: &str) -> Result<usize, Refusal> {
    text.parse()
        .ok()
        .filter(|top| *top <= 1000)
        .ok_or(Refusal::new(400, "InvalidInput"))
}

/// One of the two filters we know.
fn filter(text: &str) -> Result<Filter, Refusal> {
    match text.strip_prefix("PartitionKey eq ") {
        Some(rest) => span(rest).ok_or(Refusal::new(501, "NotImplemented")),
        None => since(text).map(Filter::Since),
    }
}

/// `'..' and RowKey ge '..' and RowKey le '..'`; an apostrophe inside is doubled.
fn span(rest: &str) -> Option<Filter> {
    let (partition, rest) = rest.split_once(" and RowKey ge ")?;
    let (from, to) = rest.split_once(" and RowKey le ")?;
    Some(Filter::Span(literal(partition)?, literal(from)?, literal(to)?))
}

fn literal(text: &str) -> Option<String> {
    let inside = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let plain = inside.replace("''", "");
    (!plain.contains('\'')).then(|| inside.replace("''", "'"))
}

/// `Timestamp ge datetime'2026-11-20T12:00:00.0000000Z'` and nothing else.
fn since(filter: &str) -> Result<DateTime<Utc>, Refusal> {
    let inside = filter
        .strip_prefix("Timestamp ge datetime'")
        .and_then(|rest| rest.strip_suffix("Z'"));
    let text = inside
        .map(|text| format!("{text}Z"))
        .ok_or(Refusal::new(501, "NotImplemented"))?;
    DateTime::parse_from_rfc3339(&text)
        .map(|at| at.to_utc())
        .map_err(|_| Refusal::new(400, "InvalidInput"))
}

/// Tokens look like the service's: a number, a length, and text that needs encoding in a URL.
fn token(key: &str, generation: u32) -> String {
    let text = utf8_percent_encode(key, NON_ALPHANUMERIC).to_string();
    format!("{generation}!{}!{text}", text.len())
}

fn key(token: &str) -> Result<(u32, String), Refusal> {
    let bad = || Refusal::new(400, "InvalidInput");
    let (generation, rest) = token.split_once('!').ok_or_else(bad)?;
    let (length, text) = rest.split_once('!').ok_or_else(bad)?;
    if length.parse() != Ok(text.len()) {
        return Err(bad());
    }
    let key = percent_decode_str(text).decode_utf8().map_err(|_| bad())?;
    Ok((generation.parse().map_err(|_| bad())?, key.into()))
}
