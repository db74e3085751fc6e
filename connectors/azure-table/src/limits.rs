//! What the service would refuse, found before it is sent: the emulator accepts most of it
//! (contract azure-table 5, 11, 12).

use chrono::Datelike;
use connector_kit::{ConfigError, ConnectorError, ErrorKind};

use crate::connection::Service;
use crate::entity::{Entity, Property, TEXT_UNITS, units};

/// Properties besides the two keys and the timestamp.
const PROPERTIES: usize = 252;
/// Bytes of a row.
const ROW_BYTES: usize = 1024 * 1024;
/// UTF-16 units of a key; sources disagree, this satisfies all of them.
const KEY_UNITS: usize = 512;
/// Bytes of a row key at Cosmos DB.
const COSMOS_ROW_KEY_BYTES: usize = 255;
/// Characters of a property's name.
const NAME_CHARS: usize = 255;
/// Names the service keeps for itself.
const SYSTEM: [&str; 3] = ["PartitionKey", "RowKey", "Timestamp"];
/// Names Cosmos DB keeps for itself besides.
const COSMOS: [&str; 5] = ["id", "ID", "rid", "etag", "ResourceId"];

/// Refuses a row the service would refuse; the message names the column, never its value.
pub(crate) fn check(entity: &Entity, service: Service) -> Result<(), ConnectorError> {
    match fault(entity, service) {
        None => Ok(()),
        Some(fault) => Err(
            ConnectorError::new(ErrorKind::Rejected, format!("write a row: {fault}"))
                .hint("correct the field mapping, then requeue"),
        ),
    }
}

fn fault(entity: &Entity, service: Service) -> Option<String> {
    let keys = [("PartitionKey", &entity.partition), ("RowKey", &entity.row)];
    if let Some(fault) = keys.into_iter().find_map(|(name, key)| key_fault(name, key)) {
        return Some(fault);
    }
    if service == Service::Cosmos && entity.row.len() > COSMOS_ROW_KEY_BYTES {
        return Some(format!("RowKey is longer than {COSMOS_ROW_KEY_BYTES} bytes"));
    }
    if entity.properties.len() > PROPERTIES {
        return Some(format!(
            "{} columns; a row has at most {PROPERTIES}",
            entity.properties.len()
        ));
    }
    let faults =
        |(name, value): (&String, &Property)| name_fault(name, service).or_else(|| value_fault(name, value));
    if let Some(fault) = entity.properties.iter().find_map(faults) {
        return Some(fault);
    }
    (entity.size() > ROW_BYTES).then(|| "the row is larger than 1 MiB".to_owned())
}

/// What is wrong with a key.
pub(crate) fn key_fault(name: &str, key: &str) -> Option<String> {
    if key.is_empty() {
        return Some(format!("{name} is empty"));
    }
    if units(key) > KEY_UNITS {
        return Some(format!("{name} is longer than {KEY_UNITS} characters"));
    }
    let forbidden = |c: char| matches!(c, '/' | '\\' | '#' | '?') || c.is_control();
    // Legal, but known to break gateways on the way.
    let risky = |c: char| matches!(c, '%' | '+');
    key.contains(|c| forbidden(c) || risky(c))
        .then(|| format!("{name} holds one of / \\ # ? % + or a control character"))
}

/// What is wrong with a property's name.
pub(crate) fn name_fault(name: &str, service: Service) -> Option<String> {
    if SYSTEM.contains(&name) || (service == Service::Cosmos && COSMOS.contains(&name)) {
        return Some(format!("the column name {name} belongs to the service"));
    }
    if name.chars().count() > NAME_CHARS {
        return Some(format!("a column name is longer than {NAME_CHARS} characters"));
    }
    let mut letters = name.chars();
    let first = letters.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    if !first || !letters.all(|c| c.is_alphanumeric() || c == '_') {
        return Some(format!(
            "the column name {name:?} is not a letter followed by letters, digits and _"
        ));
    }
    None
}

fn value_fault(name: &str, value: &Property) -> Option<String> {
    match value {
        Property::Text(text) if units(text) > TEXT_UNITS => {
            Some(format!("{name} is longer than {TEXT_UNITS} characters"))
        }
        Property::Moment(at) if !(1601..=9999).contains(&at.year()) => {
            Some(format!("{name} is not between the years 1601 and 9999"))
        }
        Property::Double(number) if !number.is_finite() => Some(format!("{name} is not a finite number")),
        _ => None,
    }
}

/// Refuses a table name the service would refuse.
pub(crate) fn check_table(key: &str, name: &str, service: Service) -> Result<(), ConfigError> {
    let storage = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
        && (3..=63).contains(&name.len())
        && !name.eq_ignore_ascii_case("tables");
    // Cosmos DB allows more, but a name with a quote would have to be escaped in every address.
    let cosmos = (1..=254).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let (good, rule) = match service {
        Service::Storage => (
            storage,
            "3 to 63 letters and digits, the first a letter, and not \"tables\"",
        ),
        Service::Cosmos => (cosmos, "1 to 254 letters, digits, - and _"),
    };
    if good {
        Ok(())
    } else {
        Err(ConfigError::new(
            key,
            format!("{name:?} is not a table name: use {rule}"),
        ))
    }
}

#[cfg(test)]
#[path = "limits/tests.rs"]
mod tests;
