//! The functions a value passes on its way into a field.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::format::{Item as DateItem, StrftimeItems};
use chrono::{DateTime, NaiveTime, Utc};

use crate::delivery::LeadDelivery;
use crate::nearest::did_you_mean;

use super::Tables;
use super::call::{self, Call};
use super::item::{Item, RESULT_CAP_BYTES, iso};
use super::path::{Path, Slot};

/// A function with its arguments, ready to run.
#[derive(Clone, Debug)]
pub(super) enum Function {
    Trim,
    Lower,
    Upper,
    /// Keeps a phone number only in its international form.
    E164,
    /// Keeps a country only as two letters.
    IsoCountry,
    /// Looks the text up; what is not in the table becomes `other`.
    Map {
        table: BTreeMap<String, String>,
        other: Option<String>,
    },
    /// Keeps so many graphemes.
    Truncate(usize),
    /// Strings the value and these together, leaving out the empty ones.
    Join {
        separator: String,
        paths: Vec<Path>,
    },
    Date(DateForm),
    Plain,
    Default(String),
    ReplaceNewlines(String),
}

/// How a moment is written.
#[derive(Clone, Debug)]
pub(super) enum DateForm {
    Iso,
    /// Seconds since 1970, as a number.
    Unix,
    Strftime(Vec<DateItem<'static>>),
}

/// How each function is called, for the operator.
const SIGNATURES: [(&str, &str); 12] = [
    ("trim", "trim"),
    ("lower", "lower"),
    ("upper", "upper"),
    ("e164", "e164"),
    ("iso_country", "iso_country"),
    ("map", "map(table) or map(table, other)"),
    ("truncate", "truncate(graphemes)"),
    ("join", "join(separator, path, ..)"),
    ("date", "date(iso), date(unix) or date(\"%Y-%m-%d\")"),
    ("plain", "plain"),
    ("default", "default(text)"),
    ("replace_newlines", "replace_newlines or replace_newlines(text)"),
];

impl Function {
    /// Reads one entry of `pipe`; the error says what would be right.
    pub(super) fn parse(text: &str, tables: &Tables) -> Result<Self, String> {
        let Call { name, arguments } = call::parse(text)?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Ok(match (name.as_str(), arguments.as_slice()) {
            ("trim", []) => Self::Trim,
            ("lower", []) => Self::Lower,
            ("upper", []) => Self::Upper,
            ("e164", []) => Self::E164,
            ("iso_country", []) => Self::IsoCountry,
            ("plain", []) => Self::Plain,
            ("map", [table]) => Self::Map {
                table: look_up(table, tables)?,
                other: None,
            },
            ("map", [table, other]) => Self::Map {
                table: look_up(table, tables)?,
                other: Some((*other).to_owned()),
            },
            ("truncate", [count]) => Self::Truncate(positive(count)?),
            ("join", [separator, paths @ ..]) if !paths.is_empty() => Self::Join {
                separator: (*separator).to_owned(),
                paths: paths
                    .iter()
                    .map(|path| Path::parse(path))
                    .collect::<Result<_, _>>()?,
            },
            ("date", [form]) => Self::Date(DateForm::parse(form)?),
            ("default", [text]) => Self::Default((*text).to_owned()),
            ("replace_newlines", []) => Self::ReplaceNewlines(" ".to_owned()),
            ("replace_newlines", [text]) => Self::ReplaceNewlines((*text).to_owned()),
            (name, _) => return Err(misuse(name)),
        })
    }

    /// The paths this function reads on its own account.
    pub(super) fn paths(&self) -> &[Path] {
        match self {
            Self::Join { paths, .. } => paths,
            _ => &[],
        }
    }

    /// Passes the value through; the error never quotes it.
    pub(super) fn apply<'a>(&self, slot: Slot<'a>, delivery: &'a LeadDelivery) -> Result<Slot<'a>, String> {
        let Slot { item, normal } = slot;
        let item = match self {
            Self::Default(text) if item.is_empty() => Item::text(text.clone()),
            Self::Join { separator, paths } => join(item, separator, paths, delivery),
            Self::Date(form) => form.write(item)?,
            _ => item
                .into_text()
                .map_or(Item::Empty, |text| self.apply_to_text(text, normal)),
        };
        Ok(Slot { item, normal })
    }

    fn apply_to_text<'a>(&self, text: Cow<'a, str>, normal: bool) -> Item<'a> {
        Item::text(match self {
            Self::Trim => shorten(text, str::trim),
            Self::Lower => text.to_lowercase().into(),
            Self::Upper => text.to_uppercase().into(),
            Self::E164 if normal && is_e164(&text) => text,
            Self::IsoCountry if normal && is_two_letters(&text) => text.to_ascii_uppercase().into(),
            Self::E164 | Self::IsoCountry => Cow::Borrowed(""),
            Self::Map { table, other } => match table.get(text.as_ref()).or(other.as_ref()) {
                Some(found) => found.clone().into(),
                None => Cow::Borrowed(""),
            },
            Self::Truncate(count) => shorten(text, |text| first_graphemes(text, *count)),
            Self::Plain => plain(text),
            Self::ReplaceNewlines(with) => replace_newlines(&text, with).into(),
            Self::Default(_) | Self::Join { .. } | Self::Date(_) => text,
        })
    }
}

impl DateForm {
    fn parse(form: &str) -> Result<Self, String> {
        match form {
            "iso" => return Ok(Self::Iso),
            "unix" => return Ok(Self::Unix),
            _ => {}
        }
        if !form.contains('%') {
            return Err(format!(
                "`{form}` is no date format; write iso, unix or a pattern like \"%Y-%m-%d\""
            ));
        }
        let items = StrftimeItems::new(form).parse_to_owned();
        let items = items.map_err(|_| format!("`{form}` holds a % code that strftime does not know"))?;
        Ok(Self::Strftime(items))
    }

    fn write<'a>(&self, item: Item<'a>) -> Result<Item<'a>, String> {
        let at = match item {
            Item::Empty => return Ok(Item::Empty),
            Item::Moment(at) => at,
            Item::Day(day) => match self {
                Self::Iso => return Ok(Item::Day(day)),
                _ => day.and_time(NaiveTime::MIN).and_utc(),
            },
            Item::Text(text) => DateTime::parse_from_rfc3339(text.trim())
                .map(|at| at.with_timezone(&Utc))
                .map_err(|_| "the value is not a moment `date` can read (RFC 3339)".to_owned())?,
            _ => return Err("`date` takes moments, not numbers or flags".to_owned()),
        };
        match self {
            Self::Iso => Ok(Item::text(iso(at))),
            Self::Unix => Ok(Item::Whole(at.timestamp())),
            Self::Strftime(items) => {
                let mut text = String::new();
                match write!(text, "{}", at.format_with_items(items.iter())) {
                    Ok(()) => Ok(Item::text(text)),
                    Err(_) => Err("the date format cannot write this moment".to_owned()),
                }
            }
        }
    }
}

/// Guards free text against being read as a formula by a spreadsheet (reliability T9): a leading
/// `=`, `+`, `-`, `@`, tab or line end, also full-width, gets a `'` before it.
///
/// Not for phone numbers: `+1..` is legitimate there.
pub fn plain(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') => {
            format!("'{text}").into()
        }
        _ => text,
    }
}

/// Every run of line ends becomes one `with`; stops soon after the cap, so that a text of nothing
/// but line ends cannot multiply a long `with`.
pub(super) fn replace_newlines(text: &str, with: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for letter in text.chars() {
        let line_end = matches!(
            letter,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        );
        if !line_end {
            out.push(letter);
        } else if !inside {
            out.push_str(with);
        }
        inside = line_end;
        if out.len() > RESULT_CAP_BYTES {
            break;
        }
    }
    out
}

/// The first so many graphemes.
pub(super) fn first_graphemes(text: &str, count: usize) -> &str {
    use unicode_segmentation::UnicodeSegmentation as _;
    match text.grapheme_indices(true).nth(count) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

fn join<'a>(first: Item<'a>, separator: &str, paths: &[Path], delivery: &'a LeadDelivery) -> Item<'a> {
    let mut joined = first.into_text().unwrap_or_default().into_owned();
    for text in paths
        .iter()
        .filter_map(|path| path.read(delivery).item.into_text())
    {
        if !joined.is_empty() {
            joined.push_str(separator);
        }
        joined.push_str(&text);
    }
    Item::text(joined)
}

/// Cuts without copying where the text is borrowed.
fn shorten(text: Cow<'_, str>, how: impl Fn(&str) -> &str) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(how(text)),
        Cow::Owned(text) => Cow::Owned(how(&text).to_owned()),
    }
}

fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

fn is_two_letters(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic())
}

fn look_up(name: &str, tables: &Tables) -> Result<BTreeMap<String, String>, String> {
    tables.get(name).cloned().ok_or_else(|| {
        let guess = did_you_mean(name, tables.keys().map(String::as_str));
        format!("there is no [tables.{name}]{guess}")
    })
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(format!("`{text}` is not a whole number above 0")),
    }
}

fn misuse(name: &str) -> String {
    let known = SIGNATURES.iter().find(|(known, _)| *known == name);
    known.map_or_else(
        || {
            let guess = did_you_mean(name, SIGNATURES.iter().map(|(known, _)| *known));
            format!("there is no function `{name}`{guess}")
        },
        |(_, signature)| format!("write {signature}"),
    )
}
