//! Entity group transactions: many operations in one request, all or none (contract azure-table 8).

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::connection::Service;
use crate::entity::Entity;
use crate::error::Refusal;

/// Operations in one transaction.
pub(crate) const OPERATIONS: usize = 100;
/// What a transaction weighs at most, a little kept in hand.
const STORAGE_BYTES: usize = 4 * 1024 * 1024 - 64 * 1024;
const COSMOS_BYTES: usize = 2 * 1024 * 1024 - 64 * 1024;
/// Room for the boundaries around all parts.
const FRAME_BYTES: usize = 512;

/// How large a transaction may be.
pub(crate) fn byte_limit(service: Service) -> usize {
    match service {
        Service::Storage => STORAGE_BYTES,
        Service::Cosmos => COSMOS_BYTES,
    }
}

/// One operation: insert the row, or merge into it. No `If-Match`, or it would not insert.
pub(crate) fn part(base: &str, table: &str, entity: &Entity, service: Service) -> String {
    let (method, tunnel) = match service {
        Service::Storage => ("PATCH", ""),
        Service::Cosmos => ("POST", "X-HTTP-Method: MERGE\r\n"),
    };
    format!(
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
         {method} {base}/{} HTTP/1.1\r\n{tunnel}Content-Type: application/json\r\n\
         Accept: application/json;odata=nometadata\r\nDataServiceVersion: 3.0\r\n\r\n{}\r\n",
        entity.address(table),
        entity.body()
    )
}

/// The whole body; `id` makes the boundaries unlike anything inside.
pub(crate) fn body(parts: &[String], id: &str) -> String {
    let changeset = format!("changeset_{id}");
    let mut body = format!("--batch_{id}\r\nContent-Type: multipart/mixed; boundary={changeset}\r\n\r\n");
    for part in parts {
        for text in ["--", &changeset, "\r\n", part] {
            body.push_str(text);
        }
    }
    body + &format!("--{changeset}--\r\n--batch_{id}--\r\n")
}

/// What the outer request calls its content.
pub(crate) fn content_type(id: &str) -> String {
    format!("multipart/mixed; boundary=batch_{id}")
}

/// Cuts parts into transactions: at most a hundred, and not too heavy.
pub(crate) fn transactions(parts: &[String], limit: usize) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut weight) = (0, FRAME_BYTES);
    for (at, part) in parts.iter().enumerate() {
        let added = part.len() + FRAME_BYTES / 4;
        if at > start && (at - start == OPERATIONS || weight + added > limit) {
            ranges.push(start..at);
            (start, weight) = (at, FRAME_BYTES);
        }
        weight += added;
    }
    if start < parts.len() {
        ranges.push(start..parts.len());
    }
    ranges
}

/// What the answer to a transaction says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All of them were written.
    Done,
    /// None of them was written.
    Refused(Refusal),
    /// It cannot be told; writing again is harmless.
    Unclear(String),
}

/// Looks inside a 202, which says nothing by itself.
pub(crate) fn verdict(content_type: Option<&str>, body: &[u8], sent: usize, now: DateTime<Utc>) -> Verdict {
    let text = String::from_utf8_lossy(body);
    let Some(boundary) = content_type.and_then(boundary) else {
        return Verdict::Unclear("the answer to the batch is not multipart".to_owned());
    };
    let mut answers = Vec::new();
    if !collect(&text, boundary, &mut answers, 0) {
        return Verdict::Unclear("the answer to the batch is cut off".to_owned());
    }
    if let Some(no) = answers.iter().find(|answer| !answer.status.is_success()) {
        return Verdict::Refused(Refusal::read(no.status, &no.headers, no.body.as_bytes(), now));
    }
    if answers.len() != sent {
        return Verdict::Unclear(format!("{} answers to {sent} operations", answers.len()));
    }
    Verdict::Done
}

struct Answer<'a> {
    status: StatusCode,
    headers: HeaderMap,
    body: &'a str,
}

/// Gathers the answers between the boundaries; false when the last boundary or a status is missing.
fn collect<'a>(text: &'a str, boundary: &str, answers: &mut Vec<Answer<'a>>, depth: u8) -> bool {
    let Some(parts) = split(text, boundary) else {
        return false;
    };
    parts.into_iter().all(|part| {
        let (headers, content) = head(part);
        let kind = headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if kind.starts_with("multipart/") {
            return depth == 0
                && self::boundary(kind).is_some_and(|inner| collect(content, inner, answers, 1));
        }
        answer(content).map(|answer| answers.push(answer)).is_some()
    })
}

/// The parts between `--boundary` lines; none when the closing one is missing.
fn split<'a>(text: &'a str, boundary: &str) -> Option<Vec<&'a str>> {
    let (open, close) = (format!("--{boundary}"), format!("--{boundary}--"));
    let (mut parts, mut start, mut at) = (Vec::new(), None, 0);
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        let (closes, opens) = (bare == close, bare == open);
        if closes || opens {
            parts.extend(start.map(|start| &text[start..at]));
            start = Some(at + line.len());
        }
        if closes {
            return Some(parts);
        }
        at += line.len();
    }
    None
}

/// An embedded answer: status line, headers, body. Lines before the status line are passed over.
fn answer(content: &str) -> Option<Answer<'_>> {
    let at = content.find("HTTP/1.1 ")?;
    let (line, rest) = content[at..].split_once('\n')?;
    let status = line.split_whitespace().nth(1)?.parse().ok()?;
    let (headers, body) = head(rest);
    Some(Answer {
        status,
        headers,
        body: body.trim(),
    })
}

/// Headers up to the empty line, and what follows it.
fn head(text: &str) -> (HeaderMap, &str) {
    let mut headers = HeaderMap::new();
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n') {
        rest = after;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value.trim()),
        ) {
            headers.insert(name, value);
        }
    }
    (headers, rest)
}

/// The boundary a content type names, with or without quotes.
fn boundary(content_type: &str) -> Option<&str> {
    let mut parameters = content_type.split(';').map(str::trim);
    let is_multipart = parameters.next()?.eq_ignore_ascii_case("multipart/mixed");
    let (_, value) = parameters
        .filter_map(|p| p.split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    Some(value.trim_matches('"')).filter(|value| is_multipart && !value.is_empty())
}

#[cfg(test)]
#[path = "batch/tests.rs"]
mod tests;
