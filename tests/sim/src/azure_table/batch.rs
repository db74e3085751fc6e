//! Entity group transactions: all or none, and a 202 either way (contract azure-table 8).

use std::collections::HashSet;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::answer::{Refusal, Reply};
use super::store::{Store, address_of, is_merge};

const BYTES: usize = 4 * 1024 * 1024;
const OPERATIONS: usize = 100;

struct Operation<'a> {
    method: Method,
    address: &'a str,
    headers: HeaderMap,
    body: &'a str,
}

pub(super) fn run(
    store: &mut Store,
    parts: &Parts,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<Reply, Refusal> {
    if body.len() > BYTES {
        return Err(Refusal::new(413, "RequestBodyTooLarge"));
    }
    let text = std::str::from_utf8(body).map_err(|_| Refusal::new(400, "InvalidInput"))?;
    let kind = parts
        .headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let operations = read(kind, text).ok_or(Refusal::new(400, "InvalidInput"))?;
    // Written to a copy: a failure leaves nothing behind.
    let mut copy = store.clone();
    Ok(match apply(&mut copy, &operations, now) {
        Ok(()) => {
            *store = copy;
            let done = "HTTP/1.1 204 No Content\r\nDataServiceVersion: 3.0;\r\nETag: W/\"sim\"\r\n\r\n\r\n";
            answer(&vec![done.to_owned(); operations.len()])
        }
        Err(refusal) => answer(&[format!(
            "HTTP/1.1 {}\r\nContent-Type: application/json;odata=minimalmetadata;charset=utf-8\r\n\r\n{}\r\n",
            refusal.status(),
            refusal.json()
        )]),
    })
}

fn apply(store: &mut Store, operations: &[Operation<'_>], now: DateTime<Utc>) -> Result<(), Refusal> {
    if operations.is_empty() || operations.len() > OPERATIONS {
        return Err(Refusal::new(400, "InvalidInput").at(OPERATIONS - 1));
    }
    let mut partition = None;
    let mut seen = HashSet::new();
    for (index, operation) in operations.iter().enumerate() {
        let (table, own, row) =
            address_of(operation.address).ok_or(Refusal::new(400, "InvalidInput").at(index))?;
        if partition.get_or_insert_with(|| (table, own.clone())).1 != own {
            return Err(Refusal::new(400, "CommandsInBatchActOnDifferentPartitions").at(index));
        }
        if !seen.insert(row) {
            return Err(Refusal::new(400, "InvalidDuplicateRow").at(index));
        }
        if !is_merge(&operation.method, &operation.headers) {
            return Err(Refusal::new(400, "InvalidInput").at(index));
        }
        store
            .merge(
                operation.address,
                &operation.headers,
                operation.body.as_bytes(),
                now,
            )
            .map_err(|refusal| refusal.at(index))?;
    }
    Ok(())
}

fn answer(parts: &[String]) -> Reply {
    let mut body =
        "--batchresponse_sim\r\nContent-Type: multipart/mixed; boundary=changesetresponse_sim\r\n\r\n"
            .to_owned();
    for part in parts {
        let head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary";
        let _ = write!(body, "--changesetresponse_sim\r\n{head}\r\n\r\n{part}");
    }
    body.push_str("--changesetresponse_sim--\r\n--batchresponse_sim--\r\n");
    let kind = "multipart/mixed; boundary=batchresponse_sim".to_owned();
    Reply {
        status: StatusCode::ACCEPTED,
        headers: vec![("content-type", kind)],
        body: Some(body),
    }
}

/// Reads exactly the layout the contract shows; CRLF throughout, absolute addresses.
fn read<'a>(kind: &str, text: &'a str) -> Option<Vec<Operation<'a>>> {
    let outer = kind.strip_prefix("multipart/mixed; boundary=")?;
    let inside = text
        .strip_prefix(&format!("--{outer}\r\n"))?
        .strip_suffix(&format!("--{outer}--\r\n"))?;
    let (head, changeset) = inside.split_once("\r\n\r\n")?;
    let inner = head.strip_prefix("Content-Type: multipart/mixed; boundary=")?;
    let open = format!("--{inner}\r\n");
    let parts = changeset
        .strip_suffix(&format!("--{inner}--\r\n"))?
        .strip_prefix(&open)?;
    parts.split(&open).map(operation).collect()
}

fn operation(part: &str) -> Option<Operation<'_>> {
    let content =
        part.strip_prefix("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n")?;
    let (head, body) = content.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let method = words.next()?.parse().ok()?;
    let url = words.next()?.split_once("://")?.1;
    let (_, address) = url.split_once('/')?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        headers.insert(
            HeaderName::from_bytes(name.as_bytes()).ok()?,
            HeaderValue::from_str(value).ok()?,
        );
    }
    Some(Operation {
        method,
        address,
        headers,
        body: body.strip_suffix("\r\n")?,
    })
}
