//! A line for a person at a terminal: when, how bad, what; and the fields behind it, more quietly.

use std::fmt::{self, Write};
use std::io::IsTerminal;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::words::{EachField, Harmless};

/// `2026-11-27T14:40:02`: nobody reads microseconds at night.
const SHOWN_OF_THE_TIME: usize = 19;

/// The form of a line.
pub(super) struct Text {
    coloured: bool,
}

impl Text {
    /// In colour where a person reads who did not ask for none.
    pub(super) fn for_standard_error() -> Self {
        let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { coloured }
    }

    fn paint(&self, to: &mut Writer<'_>, code: &str) -> fmt::Result {
        if self.coloured {
            write!(to, "\u{1b}[{code}m")?;
        }
        Ok(())
    }
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let level = *event.metadata().level();
        write!(to, "{}Z ", time.get(..SHOWN_OF_THE_TIME).unwrap_or(&time))?;
        self.paint(&mut to, colour(level))?;
        write!(to, "{level:5}")?;
        self.paint(&mut to, "0")?;
        let (mut message, mut fields) = (String::new(), String::new());
        let mut written = Ok(());
        event.record(&mut EachField(|name: &'static str, value: fmt::Arguments<'_>| {
            let put = if name == "message" {
                Harmless::new(&mut message).write_fmt(value)
            } else {
                let named = write!(fields, " {name}=");
                named.and_then(|()| Harmless::new(&mut fields).write_fmt(value))
            };
            written = written.and(put);
        }));
        written?;
        write!(to, " {message}")?;
        self.paint(&mut to, "2")?;
        to.write_str(&fields)?;
        self.paint(&mut to, "0")?;
        writeln!(to)
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "1;31",
        Level::WARN => "33",
        Level::INFO => "32",
        _ => "2",
    }
}
