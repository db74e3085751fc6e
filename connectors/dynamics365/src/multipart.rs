//! `$batch`: many requests in one, each with an answer of its own (contract dynamics365 10.1). Pure.

use bytes::Bytes;
use connector_kit::http::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::operation::Operation;

/// The whole body; `id` makes the boundary unlike anything inside.
pub(crate) fn write(operations: &[Operation], base: &str, id: &str) -> String {
    let mut body = String::with_capacity(operations.iter().map(|one| one.weight() + 256).sum());
    for operation in operations {
        for text in [
            "--batch_",
            id,
            "\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n",
        ] {
            body.push_str(text);
        }
        for text in [
            operation.method.as_str(),
            " ",
            base,
            "/",
            &operation.path,
            " HTTP/1.1\r\n",
        ] {
            body.push_str(text);
        }
        for (name, value) in &operation.headers {
            for text in [name.as_str(), ": ", value.to_str().unwrap_or_default(), "\r\n"] {
                body.push_str(text);
            }
        }
        if operation.body.is_some() {
            body.push_str("Content-Type: application/json\r\n");
        }
        body.push_str("\r\n");
        body.push_str(operation.body.as_deref().unwrap_or_default());
        body.push_str("\r\n");
    }
    body + "--batch_" + id + "--\r\n"
}

/// What the outer request calls its content.
pub(crate) fn content_type(id: &str) -> String {
    format!("multipart/mixed; boundary=\"batch_{id}\"")
}

/// The answers, in the order of the requests; none when this is no multipart at all. Where the end is
/// missing, those that are whole are given. Change sets are read as their parts.
pub(crate) fn read(answer: &Response) -> Option<Vec<Response>> {
    let kind = answer.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let text = String::from_utf8_lossy(answer.body());
    let mut answers = Vec::new();
    collect(&text, boundary(kind)?, &mut answers, 0);
    Some(answers)
}

fn collect(text: &str, boundary: &str, answers: &mut Vec<Response>, depth: u8) {
    for part in split(text, boundary) {
        let (headers, content) = head(part);
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        match kind.and_then(self::boundary).filter(|_| depth == 0) {
            Some(inner) => collect(content, inner, answers, 1),
            None => answers.extend(embedded(content)),
        }
    }
}

/// The parts between `--boundary` lines; what follows the last of them unclosed is not whole.
fn split<'a>(text: &'a str, boundary: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut at) = (Vec::new(), None, 0);
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        let mark = bare
            .strip_prefix("--")
            .and_then(|rest| rest.strip_prefix(boundary));
        if matches!(mark, Some("" | "--")) {
            parts.extend(start.map(|start| &text[start..at]));
            start = Some(at + line.len());
        }
        if mark == Some("--") {
            break;
        }
        at += line.len();
    }
    parts
}

/// An embedded answer: status line, headers, body. Lines before the status line are passed over.
fn embedded(content: &str) -> Option<Response> {
    let at = content.find("HTTP/1.1 ")?;
    let (line, rest) = content[at..].split_once('\n')?;
    let status: StatusCode = line.split_whitespace().nth(1)?.parse().ok()?;
    let (headers, body) = head(rest);
    let mut answer = Response::new(Bytes::copy_from_slice(body.trim().as_bytes()));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Some(answer)
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
            HeaderName::from_bytes(name.trim().as_bytes()),
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
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    Some(value.trim_matches('"')).filter(|value| is_multipart && !value.is_empty())
}

#[cfg(test)]
#[path = "multipart/tests.rs"]
mod tests;
