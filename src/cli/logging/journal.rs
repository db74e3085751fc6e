//! The journal's own protocol: one datagram of `NAME=value` lines for each event.
//!
//! <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>; the names of fields are those of `systemd.journal-fields(7)`.

use std::fmt::{self, Write};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;

use rustix::fs::fstat;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::catalogue;
use super::words::{EachField, Harmless};

const SOCKET: &str = "/run/systemd/journal/socket";
/// `daemon` in syslog's list, for those who sort by it.
const FACILITY: u8 = 3;

/// Whether somebody listens; an empty datagram is thrown away there.
pub(super) fn is_there() -> bool {
    let knock = UnixDatagram::unbound().and_then(|socket| socket.send_to(&[], SOCKET));
    knock.is_ok()
}

/// Whether standard error leads into the journal: systemd then names the stream.
///
/// The name alone is not enough: it is passed on to children that write elsewhere.
pub(super) fn is_our_standard_error() -> bool {
    let Some(stream) = std::env::var_os("JOURNAL_STREAM") else {
        return false;
    };
    fstat(io::stderr().as_fd())
        .is_ok_and(|ours| stream.to_str() == Some(&format!("{}:{}", ours.st_dev, ours.st_ino)))
}

/// Where entries are sent to. No connection: journald may be started anew at any time.
pub(super) struct Socket(Option<UnixDatagram>);

impl Socket {
    pub(super) fn open() -> Self {
        Self(UnixDatagram::unbound().ok())
    }
}

impl io::Write for Socket {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let socket = self.0.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        socket.send_to(entry, SOCKET)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event as an entry.
pub(super) struct Entry;

impl<S, N> FormatEvent<S, N> for Entry
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let about = event.metadata();
        let priority = priority(*about.level());
        write!(
            to,
            "PRIORITY={priority}\nSYSLOG_FACILITY={FACILITY}\nSYSLOG_IDENTIFIER=leadsync\nTARGET={}\n",
            about.target()
        )?;
        if let (Some(file), Some(line)) = (about.file(), about.line()) {
            write!(to, "CODE_FILE={file}\nCODE_LINE={line}\n")?;
        }
        if let Some(id) = catalogue::named_by(event).map(|entry| entry.id) {
            writeln!(to, "MESSAGE_ID={id}")?;
        }
        let mut written = Ok(());
        event.record(&mut EachField(|name: &'static str, value: fmt::Arguments<'_>| {
            written = written.and_then(|()| put(&mut to, name, value));
        }));
        written
    }
}

/// `lead.id` becomes `LEAD_ID`. A value is one line: what would end it is written as `\u{a}`.
fn put(to: &mut Writer<'_>, name: &str, value: fmt::Arguments<'_>) -> fmt::Result {
    for c in name.chars() {
        to.write_char(if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        })?;
    }
    to.write_char('=')?;
    Harmless::new(&mut *to).write_fmt(value)?;
    to.write_char('\n')
}

/// As `syslog(3)` counts them.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}
