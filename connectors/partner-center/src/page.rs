//! Referrals as they come: one, or a page of them, each with exactly its own bytes.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::http::Response;
use connector_kit::referral::read;
use connector_kit::{ConnectorError, ErrorKind, FetchedReferral, RawFormat, RawLead, Referral};
use http::header::ETAG;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    /// In the order of the service.
    pub items: Vec<Item>,
    /// The link to the next one, as it came.
    pub next: Option<String>,
}

/// One item of a page; what cannot be read is kept all the same.
#[derive(Debug)]
pub(crate) struct Item {
    /// The bytes.
    pub raw: RawLead,
    /// What they say.
    pub referral: Option<Referral>,
}

impl Item {
    /// When it was last changed.
    pub(crate) fn changed_at(&self) -> Option<DateTime<Utc>> {
        self.referral.as_ref().map(|referral| referral.updated_at)
    }
}

/// The count beside the items is not the grand total, and of no use (contract partner-center 4.2).
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

/// Reads a page.
pub(crate) fn page(answer: &Response, doing: &str) -> Result<Page, ConnectorError> {
    // The parser's own words would quote what it read.
    let envelope: Envelope<'_> =
        serde_json::from_slice(answer.body()).map_err(|_| not_ours(doing, "the answer is not a list"))?;
    let items = envelope.value.iter().map(|item| self::item(item)).collect();
    Ok(Page {
        items,
        next: envelope.next.filter(|link| !link.is_empty()),
    })
}

fn item(item: &RawValue) -> Item {
    let bytes = Bytes::copy_from_slice(item.get().as_bytes());
    match read::referral(&bytes) {
        Ok(document) => Item {
            raw: raw(&document.referral, bytes),
            referral: Some(document.referral),
        },
        Err(why) => {
            tracing::warn!(event = "referral_unreadable", reason = %why, "a referral cannot be read; its bytes are kept");
            Item {
                raw: unreadable(bytes),
                referral: None,
            }
        }
    }
}

/// Reads one referral.
pub(crate) fn fetched(answer: &Response, doing: &str) -> Result<FetchedReferral, ConnectorError> {
    let bytes = answer.body().clone();
    let document = read::referral(&bytes).map_err(|why| not_ours(doing, why.0))?;
    let mut referral = document.referral;
    if referral.etag.is_empty() {
        let header = answer.headers().get(ETAG).and_then(|etag| etag.to_str().ok());
        header.unwrap_or_default().clone_into(&mut referral.etag);
    }
    Ok(FetchedReferral {
        raw: raw(&referral, bytes),
        referral,
    })
}

/// The same version has the same reference wherever it was seen.
fn raw(referral: &Referral, body: Bytes) -> RawLead {
    let version = match referral.etag.as_str() {
        "" => referral.updated_at.to_rfc3339(),
        etag => etag.to_owned(),
    };
    RawLead {
        format: RawFormat::Referral,
        reference: Some(format!("{} {version}", referral.id)),
        occurred_at: Some(referral.updated_at),
        body,
    }
}

fn unreadable(body: Bytes) -> RawLead {
    RawLead {
        format: RawFormat::Referral,
        reference: Some(format!("unreadable {}", hash(&[&body]))),
        occurred_at: None,
        body,
    }
}

/// The parts as 64 hexadecimal digits, each part for itself.
pub(crate) fn hash(parts: &[&[u8]]) -> String {
    let mut whole = Vec::new();
    for part in parts {
        whole.extend_from_slice(&(part.len() as u64).to_be_bytes());
        whole.extend_from_slice(part);
    }
    hex(digest(&SHA256, &whole).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn not_ours(doing: &str, why: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Broken, format!("{doing}: {why}"))
        .hint("see what stands between this machine and Partner Center: a proxy or a login page")
}

#[cfg(test)]
#[path = "page/tests.rs"]
mod tests;
