//! Who it is: each field in normal form, with the text as written beside it.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use connector_kit::lead::{Person, Said};

use super::fields::{Fields, Member};
use super::{country, email, phone, text};

/// The customer's fields as they came; none where one is absent.
#[derive(Default)]
pub(super) struct Written<'a> {
    pub(super) first_name: Option<&'a str>,
    pub(super) last_name: Option<&'a str>,
    pub(super) email: Option<&'a str>,
    pub(super) phone: Option<&'a str>,
    pub(super) country: Option<&'a str>,
    pub(super) company: Option<&'a str>,
    pub(super) title: Option<&'a str>,
}

impl<'a> Written<'a> {
    pub(super) fn in_fields(fields: &'a Fields<'_>) -> Self {
        Self {
            first_name: fields.get(Member::FirstName),
            last_name: fields.get(Member::LastName),
            email: fields.get(Member::Email),
            phone: fields.get(Member::Phone),
            country: fields.get(Member::Country),
            company: fields.get(Member::Company),
            title: fields.get(Member::Title),
        }
    }
}

/// Reads the customer's fields. What has no normal form stays as written and is marked.
pub(super) fn read(written: &Written<'_>, at: DateTime<Utc>) -> Person {
    let plain = |field| line(field).map(|text| as_written(&text, true, at));
    let country_text = line(written.country);
    let code = country_text.as_deref().and_then(country::alpha2);
    let normal = |text: &str, value: Option<String>| match value {
        Some(value) => normalized(value, text, at),
        None => as_written(text, false, at),
    };
    Person {
        first_name: plain(written.first_name),
        last_name: plain(written.last_name),
        email: line(written.email).map(|text| normal(&text, email::normalize(&text))),
        phone: line(written.phone).map(|text| normal(&text, phone::e164(&text, code))),
        country: country_text.map(|text| normal(&text, code.map(str::to_owned))),
        company: plain(written.company),
        title: plain(written.title),
    }
}

fn line(text: Option<&str>) -> Option<Cow<'_, str>> {
    text.map(text::line).filter(|line| !line.is_empty())
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
