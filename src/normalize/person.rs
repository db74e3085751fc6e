//! Who it is: each field in normal form, with the text as written beside it.

use chrono::{DateTime, Utc};
use connector_kit::lead::{Person, Said};

use super::fields::{Fields, Member};
use super::{country, email, phone, text};

/// Reads the customer's fields. What has no normal form stays as written and is marked.
pub(super) fn from_fields(fields: &Fields<'_>, at: DateTime<Utc>) -> Person {
    let line = |member| fields.get(member).map(text::line).filter(|line| !line.is_empty());
    let plain = |member| line(member).map(|text| as_written(&text, true, at));
    let country_text = line(Member::Country);
    let code = country_text.as_deref().and_then(country::alpha2);
    let normal = |text: &str, value: Option<String>| match value {
        Some(value) => normalized(value, text, at),
        None => as_written(text, false, at),
    };
    Person {
        first_name: plain(Member::FirstName),
        last_name: plain(Member::LastName),
        email: line(Member::Email).map(|text| normal(&text, email::normalize(&text))),
        phone: line(Member::Phone).map(|text| normal(&text, phone::e164(&text, code))),
        country: country_text.map(|text| normal(&text, code.map(str::to_owned))),
        company: plain(Member::Company),
        title: plain(Member::Title),
    }
}

fn normalized(value: String, text: &str, at: DateTime<Utc>) -> Said {
    let raw = (value != text).then(|| text.to_owned());
    Said {
        value,
        raw,
        normal: true,
        at,
    }
}

fn as_written(text: &str, normal: bool, at: DateTime<Utc>) -> Said {
    Said {
        value: text.to_owned(),
        raw: None,
        normal,
        at,
    }
}
