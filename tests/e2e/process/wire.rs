//! HTTP/1.1 written by hand: what is on the wire is what the test says.

use std::io::{self, ErrorKind, Read, Write};

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// A connection that stays open for one request after the other.
pub(crate) struct Wire<S>(pub(crate) S);

impl<S: Read + Write> Wire<S> {
    /// Sends a request and reads its answer to the end.
    pub(crate) fn exchange(&mut self, request: &str) -> io::Result<Answer> {
        self.0.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.more(&mut bytes)?;
        };
        let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
        let status = text.get(9..12).and_then(|digits| digits.parse().ok());
        let mut answer = Answer {
            status: status.ok_or(ErrorKind::InvalidData)?,
            head: text,
            body: String::new(),
        };
        let length: usize = answer
            .header("content-length")
            .map_or(0, |digits| digits.parse().unwrap());
        while bytes.len() < head + length {
            self.more(&mut bytes)?;
        }
        answer.body = String::from_utf8_lossy(&bytes[head..]).into_owned();
        Ok(answer)
    }

    /// Bytes of an answer that breaks off are worth a word of their own.
    fn more(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let mut piece = [0; 2048];
        match self.0.read(&mut piece) {
            Ok(0) if bytes.is_empty() => Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if bytes.is_empty() => Err(error),
            Ok(0) | Err(_) => Err(io::Error::other("an answer broke off")),
            Ok(count) => {
                bytes.extend_from_slice(&piece[..count]);
                Ok(())
            }
        }
    }
}

/// A request that brings `body` to `path`.
pub(crate) fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: leads.example\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
