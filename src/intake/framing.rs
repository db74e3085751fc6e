//! Notices a request that says its length twice, by `Content-Length` and by `Transfer-Encoding`.
//!
//! The HTTP library obeys the latter, drops the former and closes the connection, which is allowed;
//! but two parties who read such a request differently are how requests are smuggled past a proxy.
//! So the head is looked at once more as it passes by, and the request is refused.
//!
//! A head that comes in one piece with the request before it is not looked at: sent in chunks, it is refused as
//! well. What is left is a head whose first bytes come in such a piece and whose rest comes later: of it only the
//! rest is looked at.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const HEAD_AHEAD: u8 = 1;
const LENGTH: u8 = 2;
const ENCODING: u8 = 4;
const SPOKEN: u8 = 8;

/// The longest name worth knowing.
const NAME: usize = "transfer-encoding".len();

/// What was seen of the current head; shared by the stream and the service behind it.
#[derive(Clone)]
pub(crate) struct Seen(Arc<AtomicU8>);

impl Seen {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU8::new(HEAD_AHEAD)))
    }

    /// The head told the length in both ways.
    pub(crate) fn both(&self) -> bool {
        self.0.load(Ordering::Relaxed) & (LENGTH | ENCODING) == LENGTH | ENCODING
    }

    /// Not a byte of the current head was looked at.
    pub(crate) fn unread(&self) -> bool {
        self.0.load(Ordering::Relaxed) & HEAD_AHEAD != 0
    }

    /// What comes next on this connection is another head.
    pub(crate) fn next_head(&self) {
        self.0.store(HEAD_AHEAD | SPOKEN, Ordering::Relaxed);
    }

    /// A first byte has come.
    pub(crate) fn spoken(&self) -> bool {
        self.0.load(Ordering::Relaxed) & SPOKEN != 0
    }

    fn begins(&self) -> bool {
        self.0.fetch_and(!HEAD_AHEAD, Ordering::Relaxed) & HEAD_AHEAD != 0
    }

    fn note(&self, flag: u8) {
        self.0.fetch_or(flag, Ordering::Relaxed);
    }
}

/// A stream whose heads are looked at while they are read.
pub(crate) struct Watched<S> {
    stream: S,
    seen: Seen,
    reader: HeadReader,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, seen: Seen) -> Self {
        Self {
            stream,
            seen,
            reader: HeadReader::default(),
        }
    }
}

/// Reads names of header lines, however the bytes are cut.
#[derive(Default)]
struct HeadReader {
    name: [u8; NAME],
    length: usize,
    /// The line's name is over, or too long to matter.
    named: bool,
    /// Lines seen; the first is the request line.
    lines: usize,
    ended: bool,
}

impl HeadReader {
    fn read(&mut self, mut bytes: &[u8], seen: &Seen) {
        if seen.begins() {
            *self = Self::default();
            seen.note(SPOKEN);
        }
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.ended {
                return;
            }
            bytes = rest;
            match byte {
                b'\n' => self.end_line(),
                b'\r' => {}
                b':' if !self.named => self.end_name(seen),
                _ if !self.named => self.extend(byte),
                _ => {
                    let to_end = bytes.iter().position(|byte| *byte == b'\n');
                    bytes = &bytes[to_end.unwrap_or(bytes.len())..];
                }
            }
        }
    }

    fn extend(&mut self, byte: u8) {
        if self.length < NAME {
            self.name[self.length] = byte.to_ascii_lowercase();
        }
        self.length += 1;
        self.named = self.length > NAME;
    }

    fn end_name(&mut self, seen: &Seen) {
        self.named = true;
        match self.name.get(..self.length) {
            Some(b"content-length") => seen.note(LENGTH),
            Some(b"transfer-encoding") => seen.note(ENCODING),
            _ => {}
        }
    }

    fn end_line(&mut self) {
        let empty = self.length == 0 && !self.named;
        self.ended = empty && self.lines > 0;
        if !empty {
            self.lines += 1;
        }
        self.length = 0;
        self.named = false;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let Self { reader, seen, .. } = &mut *self;
        reader.read(&buf.filled()[before..], seen);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(pieces: &[&[u8]]) -> bool {
        let seen = Seen::new();
        let mut reader = HeadReader::default();
        for piece in pieces {
            reader.read(piece, &seen);
        }
        seen.both()
    }

    #[test]
    fn a_length_told_twice_is_noticed_however_the_bytes_are_cut() {
        let head = b"POST / HTTP/1.1\r\nContent-Length: 3\r\nHost: x\r\nTRANSFER-ENCODING: chunked\r\n\r\n";
        assert!(both(&[head]));
        for cut in 0..head.len() {
            assert!(both(&[&head[..cut], &head[cut..]]), "cut at {cut}");
        }
        assert!(both(&[
            b"POST / HTTP/1.1\nTransfer-Encoding:chunked\ncontent-length:3\n\n"
        ]));
    }

    #[test]
    fn what_only_looks_alike_is_not() {
        let lines: [&[u8]; 4] = [
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nContent-Length: 3\r\n",
            b"POST /content-length: HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST / HTTP/1.1\r\nX: Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST / HTTP/1.1\r\nX-Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        ];
        for line in lines {
            assert!(!both(&[line]), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn the_next_head_is_looked_at_afresh() {
        let seen = Seen::new();
        let mut reader = HeadReader::default();
        reader.read(
            b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nTransfer-Encoding: x\r\n",
            &seen,
        );
        assert!(!seen.both());
        seen.next_head();
        reader.read(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", &seen);
        assert!(!seen.both());
        reader.read(b"Content-Length: 9\r\n\r\n", &seen);
        assert!(seen.both());
    }
}
