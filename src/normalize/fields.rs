//! The members of the object, found under any spelling of their names.

use std::borrow::Cow;
use std::fmt;

use connector_kit::RawFormat;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::body::{Reason, Unreadable};
use super::value::Value;

/// Unknown members kept at most; the rest is only counted.
pub(super) const EXTRA_MAX: usize = 32;

/// A member that becomes a field of the lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    FirstName,
    LastName,
    Email,
    Phone,
    Country,
    Company,
    Title,
    LeadSource,
    ActionCode,
    OfferTitle,
    Description,
    CreatedTime,
}

const MEMBERS: usize = Member::CreatedTime as usize + 1;

/// The customer's fields (contract partner-center 10.3).
const CUSTOMER: [(&str, Member); 7] = [
    ("FirstName", Member::FirstName),
    ("LastName", Member::LastName),
    ("Email", Member::Email),
    ("Phone", Member::Phone),
    ("Country", Member::Country),
    ("Company", Member::Company),
    ("Title", Member::Title),
];

/// The members of a posted lead (contract partner-center 11.1).
const POSTED: [(&str, Member); 4] = [
    ("LeadSource", Member::LeadSource),
    ("ActionCode", Member::ActionCode),
    ("OfferTitle", Member::OfferTitle),
    ("Description", Member::Description),
];

/// The members of a row (contract partner-center 11.2).
const ROW: [(&str, Member); 5] = [
    ("LeadSource", Member::LeadSource),
    ("ActionCode", Member::ActionCode),
    ("OfferDisplayName", Member::OfferTitle),
    ("Description", Member::Description),
    ("CreatedTime", Member::CreatedTime),
];

/// The table's own members.
const ROW_KEYS: [&str; 3] = ["PartitionKey", "RowKey", "Timestamp"];

/// What was found, as written.
#[derive(Default)]
pub(super) struct Fields<'a> {
    found: [Option<Cow<'a, str>>; MEMBERS],
    /// Unknown members and known ones of an unexpected shape, in their order, as text.
    pub(super) extra: Vec<(String, String)>,
    /// How many of those there were.
    pub(super) unknown: u32,
}

impl<'a> Fields<'a> {
    /// Reads the members of one object.
    pub(super) fn read(object: &'a str, format: RawFormat) -> Result<Self, Unreadable> {
        let mut fields = Self::default();
        for_each_member(object, |key, raw| fields.take(format, key, raw)).map_err(|_| Reason::NotJson)?;
        Ok(fields)
    }

    /// The text of a member; none when absent or blank.
    pub(super) fn get(&self, member: Member) -> Option<&str> {
        self.found[member as usize].as_deref()
    }

    fn take(&mut self, format: RawFormat, key: &str, raw: &'a RawValue) {
        let value = Value::of(raw);
        let (details, table): (&str, &[(&str, Member)]) = match format {
            RawFormat::MarketplaceJson | RawFormat::Referral => ("UserDetails", &POSTED),
            RawFormat::MarketplaceRow => ("CustomerInfo", &ROW),
        };
        if key.eq_ignore_ascii_case(details) {
            return self.take_customer(details, value);
        }
        if format == RawFormat::MarketplaceRow && is_protocol(key) {
            return;
        }
        self.take_known(table, "", key, value);
    }

    /// The customer comes as an object, or as the JSON text of one.
    fn take_customer(&mut self, name: &str, value: Value<'a>) {
        let read = match &value {
            Value::Null => return,
            Value::Object(json) => self.take_customer_members(name, json),
            Value::Text(text) if text.trim().is_empty() => return,
            Value::Text(text) => self.take_customer_text(name, text),
            Value::Array(_) => false,
        };
        if !read {
            self.keep(name, value);
        }
    }

    /// All of the text, or nothing of it.
    fn take_customer_text(&mut self, name: &str, text: &str) -> bool {
        let mut inner = Fields::default();
        let read = inner.take_customer_members(name, text);
        if read {
            self.absorb(inner);
        }
        read
    }

    fn take_customer_members(&mut self, name: &str, json: &'a str) -> bool {
        for_each_member(json, |key, raw| {
            self.take_known(&CUSTOMER, name, key, Value::of(raw));
        })
        .is_ok()
    }

    fn take_known(&mut self, table: &[(&str, Member)], path: &str, key: &str, value: Value<'a>) {
        let known = table.iter().find(|(name, _)| key.eq_ignore_ascii_case(name));
        match (known, value) {
            (Some(_), Value::Null) => {}
            (Some((_, member)), Value::Text(text)) => self.set(*member, text),
            (_, value) if path.is_empty() => self.keep(key, value),
            (_, value) => self.keep(&format!("{path}.{key}"), value),
        }
    }

    /// Later members win, unless they say nothing.
    fn set(&mut self, member: Member, text: Cow<'a, str>) {
        if !text.trim().is_empty() {
            self.found[member as usize] = Some(text);
        }
    }

    fn keep(&mut self, name: &str, value: Value<'_>) {
        self.unknown = self.unknown.saturating_add(1);
        let text = match value {
            Value::Null => return,
            Value::Text(text) => text,
            Value::Object(json) | Value::Array(json) => Cow::Borrowed(json),
        };
        if self.extra.len() < EXTRA_MAX && !text.trim().is_empty() {
            self.extra.push((name.to_owned(), text.into_owned()));
        }
    }

    /// Takes over what was read from a text that does not live as long.
    fn absorb(&mut self, inner: Fields<'_>) {
        for (mine, theirs) in self.found.iter_mut().zip(inner.found) {
            if let Some(text) = theirs {
                *mine = Some(Cow::Owned(text.into_owned()));
            }
        }
        self.unknown = self.unknown.saturating_add(inner.unknown);
        let room = EXTRA_MAX.saturating_sub(self.extra.len());
        self.extra.extend(inner.extra.into_iter().take(room));
    }
}

/// Keys and annotations of the table service itself.
fn is_protocol(key: &str) -> bool {
    ROW_KEYS.iter().any(|name| key.eq_ignore_ascii_case(name))
        || key.starts_with("odata.")
        || key.contains("@odata.")
}

/// Calls `each` for every member of the object in `json`.
fn for_each_member<'a>(json: &'a str, each: impl FnMut(&str, &'a RawValue)) -> serde_json::Result<()> {
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.deserialize_map(Members(each))?;
    reader.end()
}

struct Members<F>(F);

impl<'de, F: FnMut(&str, &'de RawValue)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = members.next_key()? {
            (self.0)(&key, members.next_value()?);
        }
        Ok(())
    }
}

/// A member's name, borrowed where it holds no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
