//! Asks a running daemon at its admin interface.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::config::Admin;

/// More than any answer holds.
const MOST: u64 = 4 << 20;

/// What it said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Posts to `path` and reads the answer; waits at most `patience` between two bytes of it.
pub(super) fn post(admin: &Admin, path: &str, patience: Duration) -> io::Result<Answer> {
    ask(admin, &format!("POST {path}"), patience)
}

/// Reads what stands at `path`; waits at most `patience` between two bytes of it.
pub(super) fn get(admin: &Admin, path: &str, patience: Duration) -> io::Result<Answer> {
    ask(admin, &format!("GET {path}"), patience)
}

/// Asks (`GET /healthz`) and reads the answer; waits at most `patience` between two bytes of it.
pub(super) fn ask(admin: &Admin, what: &str, patience: Duration) -> io::Result<Answer> {
    match admin {
        Admin::Unix(socket) => {
            let stream = UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(patience))?;
            exchange(stream, what)
        }
        Admin::Tcp(address) => {
            let stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(patience))?;
            exchange(stream, what)
        }
    }
}

fn exchange(mut stream: impl Read + Write, what: &str) -> io::Result<Answer> {
    let request =
        format!("{what} HTTP/1.1\r\nHost: leadsync\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.take(MOST).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let broken = || io::Error::from(ErrorKind::InvalidData);
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head.get(9..12).and_then(|digits| digits.parse().ok());
    Ok(Answer {
        status: status.ok_or_else(broken)?,
        body: body.to_owned(),
    })
}
