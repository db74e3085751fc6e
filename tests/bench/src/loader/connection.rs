//! One kept-alive HTTP/1.1 connection that knows just enough: post a body, read the status.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::lead::BODY_BYTES;
use crate::subject::Target;

/// Larger answers than this are not for us.
const MOST_BYTES: usize = 64 * 1024;

/// A connection that is opened when needed and again after a fault.
pub(crate) struct Client {
    address: SocketAddr,
    head: Vec<u8>,
    stream: Option<TcpStream>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    /// Prepares everything of the request that stays the same.
    pub(crate) fn new(target: &Target) -> Self {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {BODY_BYTES}\r\n\r\n",
            target.path, target.address
        );
        Self {
            address: target.address,
            head: head.into_bytes(),
            stream: None,
            request: Vec::with_capacity(1024),
            answer: Vec::with_capacity(1024),
        }
    }

    /// The next body comes over a new connection.
    pub(crate) fn hang_up(&mut self) {
        self.stream = None;
    }

    /// Posts one body of [`BODY_BYTES`] and gives the status of the answer.
    pub(crate) async fn post(&mut self, body: &[u8]) -> Result<u16, ErrorKind> {
        self.request.clear();
        self.request.extend_from_slice(&self.head);
        self.request.extend_from_slice(body);
        let mut stream = match self.stream.take() {
            Some(open) => open,
            None => connect(self.address).await?,
        };
        stream
            .write_all(&self.request)
            .await
            .map_err(|error| error.kind())?;
        let head = read_answer(&mut stream, &mut self.answer).await?;
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(head.status)
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, ErrorKind> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.kind())?;
    stream.set_nodelay(true).map_err(|error| error.kind())?;
    Ok(stream)
}

/// What matters of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Bytes of the whole answer; `None` when it is chunked.
    length: Option<usize>,
    closes: bool,
}

async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<Head, ErrorKind> {
    answer.clear();
    let mut known: Option<Head> = None;
    loop {
        if let Some(head) = known.take() {
            if is_whole(&head, answer) {
                return Ok(head);
            }
            known = Some(head);
        } else if let Some(end) = end_of_head(answer) {
            known = Some(parse(&answer[..end]).ok_or(ErrorKind::InvalidData)?);
            continue;
        }
        if answer.len() > MOST_BYTES {
            return Err(ErrorKind::InvalidData);
        }
        if stream.read_buf(answer).await.map_err(|error| error.kind())? == 0 {
            return Err(ErrorKind::UnexpectedEof);
        }
    }
}

fn is_whole(head: &Head, answer: &[u8]) -> bool {
    head.length
        .map_or_else(|| answer.ends_with(b"0\r\n\r\n"), |length| answer.len() >= length)
}

/// Where the body starts, when the head has come.
fn end_of_head(answer: &[u8]) -> Option<usize> {
    answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map(|at| at + 4)
}

fn parse(head: &[u8]) -> Option<Head> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = std::str::from_utf8(lines.next()?.get(9..12)?)
        .ok()?
        .parse()
        .ok()?;
    let mut parsed = Head {
        status,
        length: Some(head.len()),
        closes: false,
    };
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            parsed.length = Some(head.len() + std::str::from_utf8(value).ok()?.parse::<usize>().ok()?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            parsed.length = None;
        } else if name.eq_ignore_ascii_case(b"connection") {
            parsed.closes = value.eq_ignore_ascii_case(b"close");
        }
    }
    Some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_has_come() {
        let text = b"HTTP/1.1 202 Accepted\r\nContent-length: 2\r\n\r\nok";
        let head = parse(&text[..end_of_head(text).unwrap()]).unwrap();
        assert_eq!(
            head,
            Head {
                status: 202,
                length: Some(text.len()),
                closes: false
            }
        );
        assert!(is_whole(&head, text));
        assert!(!is_whole(&head, &text[..text.len() - 1]));
    }

    #[test]
    fn a_chunked_answer_ends_with_the_empty_chunk() {
        let text =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        let head = parse(&text[..end_of_head(text).unwrap()]).unwrap();
        assert_eq!(
            head,
            Head {
                status: 200,
                length: None,
                closes: true
            }
        );
        assert!(is_whole(&head, text));
        assert!(!is_whole(&head, &text[..text.len() - 5]));
    }

    #[test]
    fn an_answer_without_a_body_is_whole_with_its_head() {
        let text = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert!(is_whole(&parse(text).unwrap(), text));
        assert_eq!(parse(b"nonsense\r\n\r\n"), None);
    }
}
