//! Values of fields: what is taken, and in which form it is kept (contract salesforce 7.3, 10).

use chrono::{DateTime, NaiveDate};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::schema::Field;

/// `2026-01-02T10:15:30.000+0000`: not RFC 3339, and whole seconds.
pub(super) fn stamp(second: i64) -> String {
    let time = DateTime::from_timestamp(second, 0).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

pub(super) fn date(second: i64) -> String {
    let time = DateTime::from_timestamp(second, 0).unwrap_or_default();
    time.format("%Y-%m-%d").to_string()
}

/// The second a text of a client or of this org stands for.
pub(super) fn second(text: &str) -> Option<i64> {
    let forms = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%z"];
    let read = |form| DateTime::parse_from_str(text, form).ok();
    let time = forms.into_iter().find_map(read);
    time.or_else(|| DateTime::parse_from_rfc3339(text).ok())
        .map(|time| time.timestamp())
}

/// A value as it is kept, or why it cannot be; references are looked at elsewhere.
pub(super) fn take(field: &Field, given: &Value) -> Result<Value, Refusal> {
    let wrong = || {
        let message = format!("{}: value not of required type: {given}", field.label);
        Refusal::new("INVALID_TYPE_ON_FIELD_IN_RECORD", message).on(&field.name)
    };
    if given.is_null() {
        return if field.kind == "boolean" {
            Err(wrong())
        } else {
            Ok(Value::Null)
        };
    }
    match field.kind.as_str() {
        "boolean" => given.as_bool().map(Value::from).ok_or_else(wrong),
        "int" => given.as_i64().map(Value::from).ok_or_else(wrong),
        "double" | "currency" | "percent" => given.as_f64().map(Value::from).ok_or_else(wrong),
        "date" => {
            let text = given.as_str().and_then(|text| text.get(..10)).ok_or_else(wrong)?;
            NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| wrong())?;
            Ok(json!(text))
        }
        "datetime" => {
            let second = given.as_str().and_then(second).ok_or_else(wrong)?;
            Ok(json!(stamp(second)))
        }
        _ => text(field, given.as_str().ok_or_else(wrong)?),
    }
}

fn text(field: &Field, given: &str) -> Result<Value, Refusal> {
    if given.is_empty() {
        return Ok(Value::Null);
    }
    if given.chars().count() > field.length {
        let length = field.length;
        let message = format!(
            "{}: data value too large: {given} (max length={length})",
            field.label
        );
        return Err(Refusal::new("STRING_TOO_LONG", message).on(&field.name));
    }
    if field.kind == "email" && !is_email(given) {
        let message = format!("{}: invalid email address: {given}", field.label);
        return Err(Refusal::new("INVALID_EMAIL_ADDRESS", message).on(&field.name));
    }
    if field.restricted && !field.lists(given) {
        let message = format!(
            "{}: bad value for restricted picklist field: {given}",
            field.label
        );
        return Err(Refusal::new("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message).on(&field.name));
    }
    Ok(json!(given))
}

fn is_email(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|it| !it.is_whitespace() && !"<>,;\"".contains(it))
    };
    text.split_once('@').is_some_and(|(name, host)| {
        plain(name)
            && plain(host)
            && !host.contains('@')
            && host.contains('.')
            && host.split('.').all(|part| !part.is_empty())
    })
}

/// A cell of a bulk upload as the JSON a REST call would have sent.
pub(super) fn from_cell(field: &Field, cell: &str) -> Value {
    let typed = match field.kind.as_str() {
        "boolean" => cell.to_ascii_lowercase().parse().ok().map(Value::Bool),
        "int" => cell.parse::<i64>().ok().map(Value::from),
        "double" | "currency" | "percent" => cell.parse::<f64>().ok().map(Value::from),
        _ => None,
    };
    typed.unwrap_or_else(|| json!(cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_has_whole_seconds_and_an_offset_without_a_colon() {
        assert_eq!(stamp(1_767_348_930), "2026-01-02T10:15:30.000+0000");
        assert_eq!(second("2026-01-02T10:15:30.000+0000"), Some(1_767_348_930));
        assert_eq!(second("2026-01-02T10:15:30Z"), Some(1_767_348_930));
        assert_eq!(second("2026-01-02T10:15:30+00:00"), Some(1_767_348_930));
        assert_eq!(second("yesterday"), None);
    }

    #[test]
    fn an_address_needs_a_name_and_a_host_with_a_dot() {
        for good in ["a@b.example", "a+b@c.d.example"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "not-an-email",
            "@b.example",
            "a@b",
            "a b@c.example",
            "a@b@c.example",
            "a@.example",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
