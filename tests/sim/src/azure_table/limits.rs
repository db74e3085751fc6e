//! What the service refuses, emulators or not (contract azure-table 4, 5).

use chrono::{DateTime, Datelike};
use http::request::Parts;
use serde_json::{Map, Value};

use super::answer::Refusal;

/// A JSON type must be asked for, and sent.
pub(super) fn headers(parts: &Parts, has_body: bool) -> Result<(), Refusal> {
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    if !header("accept").starts_with("application/json;odata=") {
        return Err(Refusal::new(415, "AtomFormatNotSupported"));
    }
    let kind = header("content-type");
    if has_body && kind != "application/json" && !kind.starts_with("multipart/mixed; boundary=") {
        return Err(Refusal::new(415, "AtomFormatNotSupported"));
    }
    if !header("x-ms-version").starts_with("20") {
        return Err(Refusal::new(400, "InvalidHeaderValue"));
    }
    Ok(())
}

/// `^[A-Za-z][A-Za-z0-9]{2,62}$`
pub(super) fn table(name: &str) -> Result<(), Refusal> {
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric())
        && name.starts_with(|c: char| c.is_ascii_alphabetic());
    if letters && (3..=63).contains(&name.len()) {
        Ok(())
    } else {
        Err(Refusal::new(400, "InvalidResourceName"))
    }
}

/// A partition or row key.
pub(super) fn key(key: &str) -> Result<(), Refusal> {
    let bad = |c: char| "/\\#?".contains(c) || u32::from(c) < 0x20 || (0x7f..=0x9f).contains(&u32::from(c));
    if key.contains(bad) {
        return Err(Refusal::new(400, "OutOfRangeInput"));
    }
    if key.encode_utf16().count() > 512 {
        Err(Refusal::new(400, "PropertyValueTooLarge"))
    } else {
        Ok(())
    }
}

/// The columns of a row that is written.
pub(super) fn columns(columns: &Map<String, Value>) -> Result<(), Refusal> {
    let mut size = 0;
    let mut count = 0;
    for (name, value) in columns.iter().filter(|(name, _)| !name.contains('@')) {
        count += 1;
        size += 8 + 2 * name.encode_utf16().count() + value.to_string().len();
        property_name(name)?;
        let edm = columns
            .get(&format!("{name}@odata.type"))
            .map(|edm| edm.as_str().unwrap_or("?"));
        property_value(value, edm)?;
    }
    for name in columns
        .keys()
        .filter_map(|name| name.split_once('@').map(|(name, _)| name))
    {
        if !columns.contains_key(name) {
            return Err(Refusal::new(400, "InvalidInput"));
        }
    }
    match (count, size) {
        (253.., _) => Err(Refusal::new(400, "TooManyProperties")),
        (_, 1_048_577..) => Err(Refusal::new(400, "EntityTooLarge")),
        _ => Ok(()),
    }
}

fn property_name(name: &str) -> Result<(), Refusal> {
    if name.chars().count() > 255 {
        return Err(Refusal::new(400, "PropertyNameTooLong"));
    }
    let mut letters = name.chars();
    let good = letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || c == '_');
    if good {
        Ok(())
    } else {
        Err(Refusal::new(400, "PropertyNameInvalid"))
    }
}

fn property_value(value: &Value, edm: Option<&str>) -> Result<(), Refusal> {
    let good = match (edm, value) {
        (None | Some("Edm.String"), Value::String(text)) => {
            if text.encode_utf16().count() > 32_768 {
                return Err(Refusal::new(400, "PropertyValueTooLarge"));
            }
            true
        }
        (None | Some("Edm.Boolean"), Value::Bool(_))
        | (None, Value::Null)
        | (Some("Edm.Double"), Value::Number(_)) => true,
        (None | Some("Edm.Int32"), Value::Number(number)) if number.is_i64() => {
            number.as_i64().is_some_and(|whole| i32::try_from(whole).is_ok())
        }
        (None, Value::Number(number)) => number.is_f64(),
        (Some("Edm.Int64"), Value::String(text)) => text.parse::<i64>().is_ok(),
        (Some("Edm.DateTime"), Value::String(text)) => match DateTime::parse_from_rfc3339(text) {
            Ok(at) if (1601..=9999).contains(&at.year()) => text.ends_with('Z'),
            Ok(_) => return Err(Refusal::new(400, "OutOfRangeInput")),
            Err(_) => false,
        },
        _ => false,
    };
    if good {
        Ok(())
    } else {
        Err(Refusal::new(400, "InvalidInput"))
    }
}
