//! A batch as it comes: CRLF or LF, quoted boundaries or not, with or without a preamble.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::dataverse::answer::Refusal;

/// A URL inside a batch is no longer.
const LONGEST_URL: usize = 65_536;

/// One part of a batch.
pub(super) enum Part {
    Single(Operation),
    ChangeSet(Vec<Operation>),
}

/// One request inside a batch.
#[derive(Clone)]
pub(super) struct Operation {
    pub(super) content_id: Option<String>,
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Part {
    pub(super) fn operations(&self) -> std::slice::Iter<'_, Operation> {
        match self {
            Self::Single(operation) => std::slice::from_ref(operation).iter(),
            Self::ChangeSet(operations) => operations.iter(),
        }
    }
}

pub(super) fn read(kind: &str, body: &[u8]) -> Result<Vec<Part>, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| malformed("it is not UTF-8"))?;
    let boundary = boundary(kind).ok_or_else(|| malformed("the content type names no boundary"))?;
    let parts = pieces(text, &boundary)?.into_iter().map(part);
    let parts: Vec<Part> = parts.collect::<Result<_, _>>()?;
    if parts.is_empty() {
        return Err(malformed("it holds no request"));
    }
    Ok(parts)
}

fn part(text: &str) -> Result<Part, Refusal> {
    let (headers, content) = headers(text)?;
    let kind = value(&headers, "content-type").unwrap_or_default();
    match boundary(kind) {
        None => operation(&headers, content).map(Part::Single),
        Some(boundary) => {
            let inner = pieces(content, &boundary)?.into_iter().map(|text| {
                let (headers, content) = self::headers(text)?;
                operation(&headers, content)
            });
            inner.collect::<Result<_, _>>().map(Part::ChangeSet)
        }
    }
}

fn operation(part: &HeaderMap, content: &str) -> Result<Operation, Refusal> {
    if !value(part, "content-type").is_some_and(|kind| kind.starts_with("application/http")) {
        return Err(malformed("a part is not of the type application/http"));
    }
    if value(part, "content-transfer-encoding") != Some("binary") {
        return Err(malformed("a part is not binary"));
    }
    let content = content.trim_start_matches(['\r', '\n']);
    let (line, rest) = content.split_once('\n').unwrap_or((content, ""));
    let mut words = line.trim_end().split(' ');
    let (method, url, protocol) = (words.next(), words.next(), words.next());
    if protocol != Some("HTTP/1.1") || words.next().is_some() {
        return Err(malformed("a request line is not of HTTP/1.1"));
    }
    let method = method.and_then(|method| method.parse().ok());
    let (headers, body) = headers(rest)?;
    let url = url.unwrap_or_default().to_owned();
    if url.len() > LONGEST_URL {
        return Err(malformed("a URL is too long"));
    }
    Ok(Operation {
        content_id: value(part, "content-id").map(str::to_owned),
        method: method.ok_or_else(|| malformed("a method is unknown"))?,
        url,
        headers,
        body: Bytes::copy_from_slice(body.trim().as_bytes()),
    })
}

/// What stands between the boundaries; the closing one has to be there.
fn pieces<'a>(text: &'a str, boundary: &str) -> Result<Vec<&'a str>, Refusal> {
    let mut pieces = Vec::new();
    let mut from = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let rest = line.trim_end().strip_prefix("--");
        let rest = rest.and_then(|rest| rest.strip_prefix(boundary));
        let (opens, closes) = (rest == Some(""), rest == Some("--"));
        if (opens || closes)
            && let Some(from) = from
        {
            pieces.push(&text[from..at]);
        }
        at += line.len();
        if closes {
            return Ok(pieces);
        }
        if opens {
            from = Some(at);
        }
    }
    Err(malformed("the closing boundary is missing"))
}

/// The headers up to an empty line, and what follows.
fn headers(text: &str) -> Result<(HeaderMap, &str), Refusal> {
    let mut headers = HeaderMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, next) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = next;
        if line.trim().is_empty() {
            break;
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| malformed("a header has no colon"))?;
        let name = HeaderName::from_bytes(name.trim().as_bytes());
        let value = HeaderValue::from_str(value.trim());
        match (name, value) {
            (Ok(name), Ok(value)) => headers.append(name, value),
            _ => return Err(malformed("a header is not readable")),
        };
    }
    Ok((headers, rest))
}

fn boundary(kind: &str) -> Option<String> {
    let (kind, parameters) = kind.split_once(';')?;
    let boundary = parameters.trim().strip_prefix("boundary=")?.trim_matches('"');
    let is_mixed = kind.trim().eq_ignore_ascii_case("multipart/mixed");
    (is_mixed && !boundary.is_empty()).then(|| boundary.to_owned())
}

fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn malformed(why: &str) -> Refusal {
    Refusal::odata(format!("The batch request is malformed: {why}."))
}
