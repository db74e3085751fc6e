//! One value on its way from a lead to a field.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use unicode_segmentation::UnicodeSegmentation;

/// No value of a record is longer, whatever functions or expressions made of it.
pub const RESULT_CAP_BYTES: usize = 4 * crate::lead::FIELD_CAP_BYTES;

/// A value, typed as far as the lead knows its type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item<'a> {
    /// The lead does not say.
    Empty,
    /// Never the empty text.
    Text(Cow<'a, str>),
    Whole(i64),
    Fraction(f64),
    Flag(bool),
    Moment(DateTime<Utc>),
    Day(NaiveDate),
}

impl<'a> Item<'a> {
    /// The empty text is no text.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if text.is_empty() {
            Self::Empty
        } else {
            Self::Text(text)
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// How the value reads; none when there is none.
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Empty => None,
            Self::Text(text) => Some(text),
            Self::Whole(number) => Some(number.to_string().into()),
            Self::Fraction(number) => Some(number.to_string().into()),
            Self::Flag(flag) => Some(if flag { "true" } else { "false" }.into()),
            Self::Moment(at) => Some(iso(at).into()),
            Self::Day(day) => Some(day.to_string().into()),
        }
    }
}

/// The one way a moment is written where nobody asked for another.
pub(super) fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The longest beginning of at most so many characters and bytes, cut between graphemes.
pub(super) fn cut(text: &str, characters: usize, bytes: usize) -> &str {
    let (mut end, mut counted) = (0, 0);
    for (start, grapheme) in text.grapheme_indices(true) {
        counted += grapheme.chars().count();
        if counted > characters || start + grapheme.len() > bytes {
            break;
        }
        end = start + grapheme.len();
    }
    &text[..end]
}
