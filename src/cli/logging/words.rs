//! What an event says, read field by field; foreign text is made harmless on the way.

use std::fmt::{self, Write};

use connector_kit::http::redact::is_tricky;
use tracing::field::{Field, Visit};

/// No value is longer than this, so that a line stays one datagram and one line.
const LONGEST_VALUE: usize = 8 * 1024;

/// Takes a name and a value, one after the other.
pub(super) struct EachField<F>(pub(super) F);

impl<F: FnMut(&'static str, fmt::Arguments<'_>)> Visit for EachField<F> {
    fn record_str(&mut self, field: &Field, value: &str) {
        (self.0)(field.name(), format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        (self.0)(field.name(), format_args!("{value:?}"));
    }
}

/// Writes on, but no character that moves a cursor, ends a line, turns text around, or hides.
pub(super) struct Harmless<W> {
    to: W,
    left: usize,
}

impl<W: Write> Harmless<W> {
    pub(super) fn new(to: W) -> Self {
        Self {
            to,
            left: LONGEST_VALUE,
        }
    }
}

impl<W: Write> Write for Harmless<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.left == 0 {
                return Ok(());
            }
            self.left -= 1;
            if is_tricky(c) {
                write!(self.to, "{}", c.escape_unicode())?;
            } else {
                self.to.write_char(c)?;
            }
        }
        Ok(())
    }
}
