//! How a lead becomes the columns of a lead record. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat};
use connector_kit::mapping::{FieldRule, Mapping, Overflow, ValueKind};
use connector_kit::{ConfigError, ConnectorError, ConnectorSettings, ErrorKind, Gate, LeadDelivery};
use serde::Deserialize;
use serde_json::{Map, Value};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::catalog::LENGTHS;
use crate::choices::Choices;
use crate::config::{DoNotContact, Settings, is_logical_name};

/// The mapping used when the operator writes none, in the very file an operator may copy.
const SHIPPED: &str = include_str!("../../../config/connectors.d/dynamics365.toml");
/// A lookup is written through its navigation property.
pub(crate) const BIND: &str = "@odata.bind";

#[derive(Deserialize)]
struct Shipped {
    mapping: BTreeMap<String, FieldRule>,
}

/// The prefix of the columns of our own in the shipped mapping.
const SHIPPED_PREFIX: &str = "lsync_";

/// The operator's rules; or the shipped ones, with the operator's prefix.
pub(crate) fn rules(
    settings: &ConnectorSettings,
    own: &Settings,
) -> Result<BTreeMap<String, FieldRule>, ConfigError> {
    if !settings.mapping.is_empty() {
        return Ok(settings.mapping.clone());
    }
    let shipped: Shipped = toml::from_str(SHIPPED)
        .map_err(|error| ConfigError::new("", format!("the shipped mapping is broken: {error}")))?;
    let renamed = shipped
        .mapping
        .into_iter()
        .map(|(name, rule)| match name.strip_prefix(SHIPPED_PREFIX) {
            Some(rest) => (format!("{}_{rest}", own.prefix()), rule),
            None => (name, rule),
        });
    Ok(renamed.collect())
}

/// Turns leads into columns.
#[derive(Debug)]
pub(crate) struct Columns {
    mapping: Mapping,
    limits: BTreeMap<String, Limit>,
    moments: BTreeSet<String>,
    /// Columns that get a number which the lead tells as text, digit by digit.
    decimals: BTreeSet<String>,
    choices: Choices,
    do_not_contact: DoNotContact,
}

/// How long a text may be, and what becomes of a longer one.
#[derive(Clone, Copy, Debug)]
struct Limit {
    units: usize,
    overflow: Overflow,
}

impl Columns {
    /// Checks the names and compiles the rules.
    pub(crate) fn new(
        rules: &BTreeMap<String, FieldRule>,
        settings: &ConnectorSettings,
        own: &Settings,
    ) -> Result<Self, ConfigError> {
        for name in rules.keys() {
            if let Some(fault) = name_fault(name, rules, own) {
                return Err(ConfigError::new(format!("mapping.{name}"), fault));
            }
        }
        if let Some(name) = own
            .do_not_contact
            .columns
            .iter()
            .find(|name| !is_logical_name(name))
        {
            let fault = format!("{name:?} is not the logical name of a column");
            return Err(ConfigError::new("settings.do_not_contact.columns", fault));
        }
        let limits = rules
            .iter()
            .filter_map(|(name, rule)| Some((name.clone(), limit(name, rule, own)?)));
        let limits: BTreeMap<String, Limit> = limits.collect();
        let of_kind = |kind: ValueKind| {
            let wanted = rules.iter().filter(move |(_, rule)| rule.value_kind() == kind);
            wanted.map(|(name, _)| name.clone())
        };
        // A number of a limited length is meant as text.
        let decimals = of_kind(ValueKind::Decimal).filter(|name| !limits.contains_key(name));
        Ok(Self {
            mapping: Mapping::parse(rules, &settings.tables)?,
            moments: of_kind(ValueKind::Moment).collect(),
            decimals: decimals.collect(),
            limits,
            choices: Choices::new(&own.choices),
            do_not_contact: own.do_not_contact.clone(),
        })
    }

    /// Columns nothing is written to before a lead comes with a referral.
    pub(crate) fn for_referrals(&self) -> BTreeSet<String> {
        self.mapping.of_referrals().map(str::to_owned).collect()
    }

    /// Columns that hold the value of a deal: money, where they are not of our own.
    pub(crate) fn decimals(&self) -> &BTreeSet<String> {
        &self.decimals
    }

    /// The columns to write, never the key's. What the lead does not say is left out, so that a write
    /// never empties what somebody filled in; what a person must not be reached by is emptied.
    pub(crate) fn of(&self, delivery: &LeadDelivery) -> Result<Map<String, Value>, ConnectorError> {
        if !is_forbidden(delivery) {
            return self.mapped(delivery);
        }
        // The lead may say what the gate does not: the stricter of the two counts.
        let closed = LeadDelivery {
            gate: Gate::DoNotContact,
            ..delivery.clone()
        };
        // A mapping that fails must not keep the mark from being written.
        let mut columns = self.mapped(&closed).unwrap_or_default();
        if self.do_not_contact.blank {
            let personal = self.mapping.personal(&delivery.lead);
            columns.extend(personal.map(|name| (name.to_owned(), Value::Null)));
        }
        let marks = self.do_not_contact.columns.iter();
        columns.extend(marks.map(|name| (name.clone(), Value::Bool(true))));
        Ok(columns)
    }

    fn mapped(&self, delivery: &LeadDelivery) -> Result<Map<String, Value>, ConnectorError> {
        let mut columns = Map::new();
        for field in self.mapping.record(delivery)? {
            let value = self
                .written(&field.target, field.value)
                .map_err(|why| rejected(&field.target, &why))?;
            if let Some(value) = value {
                columns.insert(field.target, value);
            }
        }
        Ok(columns)
    }

    /// The value as the column takes it; none when nothing is left of it.
    fn written(&self, name: &str, value: Value) -> Result<Option<Value>, String> {
        if self.choices.has(name) {
            return self.choices.value(name, &value).map(|number| Some(number.into()));
        }
        let Value::String(text) = value else {
            return Ok(Some(value));
        };
        if self.moments.contains(name) {
            return Ok(Some(to_the_second(&text).into()));
        }
        if self.decimals.contains(name) {
            let number: Option<serde_json::Number> = text.parse().ok();
            return Ok(number.map(Value::Number));
        }
        let Some(limit) = self.limits.get(name) else {
            return Ok(Some(text.into()));
        };
        let kept = cut(&text, limit.units);
        if kept.len() < text.len() && limit.overflow == Overflow::Error {
            return Err(format!("the value is longer than {} UTF-16 units", limit.units));
        }
        Ok(Some(kept).filter(|kept| !kept.is_empty()).map(Value::from))
    }
}

/// Whether the person must not be contacted.
pub(crate) fn is_forbidden(delivery: &LeadDelivery) -> bool {
    delivery.lead.dnc || delivery.gate == Gate::DoNotContact
}

/// The rule's own limit within the column's; a rule that names none is cut, not refused.
fn limit(name: &str, rule: &FieldRule, own: &Settings) -> Option<Limit> {
    let shipped = || {
        LENGTHS
            .iter()
            .find(|(column, _)| *column == name)
            .map(|(_, units)| *units)
    };
    let column = own.lengths.get(name).copied().or_else(shipped);
    let (units, overflow) = match (rule.max_length, column) {
        (Some(wanted), Some(most)) => (wanted.min(most), rule.on_overflow),
        (Some(wanted), None) => (wanted, rule.on_overflow),
        (None, most) => (most?, Overflow::Truncate),
    };
    Some(Limit { units, overflow })
}

fn name_fault(name: &str, rules: &BTreeMap<String, FieldRule>, own: &Settings) -> Option<String> {
    let property = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if name == own.key_column {
        return Some("this is the key column; the connector writes it".to_owned());
    }
    if name == "statecode" && !rules.contains_key("statuscode") {
        return Some("write the matching statuscode beside it".to_owned());
    }
    match name.strip_suffix(BIND) {
        Some(lookup) if property(lookup) => None,
        None if is_logical_name(name) => None,
        _ => Some(
            "write the logical name of a column (lower case), or <NavigationProperty>@odata.bind".to_owned(),
        ),
    }
}

fn rejected(column: &str, why: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Rejected, format!("map field {column}: {why}"))
        .hint("correct the mapping or settings.choices, then requeue")
}

/// The longest beginning of so many UTF-16 units, which is what Dataverse counts, cut between graphemes.
fn cut(text: &str, units: usize) -> &str {
    // No text has more units than bytes, so most need no counting.
    if text.len() <= units {
        return text;
    }
    let (mut end, mut counted) = (0, 0);
    for (start, grapheme) in text.grapheme_indices(true) {
        counted += grapheme.encode_utf16().count();
        if counted > units {
            break;
        }
        end = start + grapheme.len();
    }
    &text[..end]
}

/// Dataverse writes moments to the second.
fn to_the_second(text: &str) -> String {
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) => at.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "columns/tests.rs"]
mod tests;
