//! Everything the operator reads passes here: foreign text is made harmless first.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use connector_kit::http::redact::Clean;

/// Prints a line; a closed pipe is nobody's fault.
pub(super) fn line(text: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints JSON, indented when a person reads it.
pub(super) fn json(value: &serde_json::Value) {
    if answers_are_read_by_a_person() {
        line(format_args!("{value:#}"));
    } else {
        line(value);
    }
}

/// A colour on a terminal; none where no person reads, or somebody asked for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// As it should be.
    Green,
    /// Somebody should look.
    Yellow,
    /// Somebody has to act.
    Red,
}

impl Colour {
    /// The text in this colour.
    pub(super) fn over(self, text: &str) -> String {
        let code = match self {
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Red => "31",
        };
        if text.is_empty() || !answers_are_read_by_a_person() || std::env::var_os("NO_COLOR").is_some() {
            return text.to_owned();
        }
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Prints a complaint.
pub(super) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Foreign text for a terminal: no control, bidi or zero-width characters.
pub(super) fn clean(text: &str) -> String {
    Clean(text).to_string()
}

/// The same for sentences of any length.
pub(super) fn clean_whole(text: &str) -> String {
    const PIECE: usize = 200;
    let letters: Vec<char> = text.chars().collect();
    let pieces = letters
        .chunks(PIECE)
        .map(|piece| clean(&String::from_iter(piece)));
    pieces.collect()
}

/// A line on a terminal that is written over by the next one; elsewhere each new text is a line.
pub(super) struct Progress {
    terminal: bool,
    last: String,
}

/// How much of a line is surely there.
const TERMINAL: usize = 78;

impl Progress {
    /// Says nothing yet.
    pub(super) fn new() -> Self {
        Self {
            terminal: errors_are_read_by_a_person(),
            last: String::new(),
        }
    }

    /// What is done this moment, on a terminal only.
    pub(super) fn doing(&mut self, text: &str) {
        if self.terminal {
            self.say(text, "");
        }
    }

    /// What is waited for; `passing` is told on a terminal only, for it changes all the time.
    pub(super) fn say(&mut self, text: &str, passing: &str) {
        let text = clean_whole(text);
        if self.terminal {
            // A line that wraps could not be written over.
            let room = TERMINAL.saturating_sub(passing.chars().count());
            let shown = match text.char_indices().nth(room) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text.clone(),
            };
            let _ = write!(std::io::stderr().lock(), "\r\u{1b}[K{shown}{passing}");
        } else if self.last != text {
            complain(&text);
        }
        self.last = text;
    }

    /// Makes room for lines that stay.
    pub(super) fn clear(&mut self) {
        if self.terminal && !self.last.is_empty() {
            let _ = write!(std::io::stderr().lock(), "\r\u{1b}[K");
        }
        self.last.clear();
    }
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// Standard output is a terminal.
pub(super) fn answers_are_read_by_a_person() -> bool {
    std::io::stdout().is_terminal()
}

/// Standard error is a terminal.
pub(super) fn errors_are_read_by_a_person() -> bool {
    std::io::stderr().is_terminal()
}
