//! Lead -> the fields of a record. Pure.

use std::collections::{BTreeMap, BTreeSet};

use connector_kit::lead::{Person, Said};
use connector_kit::mapping::{FieldRule, MappedField, Mapping, Overflow, Tables, Write};
use connector_kit::{
    ConfigError, ConnectorError, ConnectorSettings, ErrorKind, EventKind, Gate, LeadDelivery,
};
use serde::Deserialize;
use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

use crate::api::Record;
use crate::config::{MissingFields, Settings};
use crate::describe::{Describe, Field};

/// The mapping used when the operator writes none, in the very file an operator may copy.
const SHIPPED: &str = include_str!("../../../config/connectors.d/salesforce.toml");

/// Stands where a field must not be empty and nobody may be contacted.
const WITHHELD: &str = "Do not contact";

/// Where marketplace leads come from, as Microsoft names it.
const STOREFRONTS: [&str; 4] = ["AzureMarketplace", "AzurePortal", "AppSource", "TestDrive"];

/// What is to become of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It is to be made.
    Create,
    /// It is there.
    Update,
}

/// Turns leads into records.
#[derive(Debug)]
pub(crate) struct Shape {
    mapping: Mapping,
    /// The mapping as written.
    pub rules: BTreeMap<String, FieldRule>,
    /// The field of our key.
    pub key_field: String,
    flags: Vec<String>,
    tables: Tables,
    /// What to do about a field that cannot be written.
    pub missing: MissingFields,
}

#[derive(Deserialize)]
struct Shipped {
    mapping: BTreeMap<String, FieldRule>,
}

impl Shape {
    /// The operator's mapping, or the shipped one.
    pub(crate) fn new(written: &ConnectorSettings, settings: &Settings) -> Result<Self, ConfigError> {
        let rules = if written.mapping.is_empty() {
            toml::from_str::<Shipped>(SHIPPED)
                .map_err(|error| ConfigError::new("", format!("the shipped mapping is broken: {error}")))?
                .mapping
        } else {
            written.mapping.clone()
        };
        for name in rules.keys() {
            let key = format!("mapping.{name}");
            if !crate::config::is_api_name(name) {
                return Err(ConfigError::new(key, "this is not the API name of a field"));
            }
            if name.eq_ignore_ascii_case(&settings.key_field) || name.eq_ignore_ascii_case("id") {
                return Err(ConfigError::new(
                    key,
                    "the key is written by leadsync alone: remove this line",
                ));
            }
            if name.eq_ignore_ascii_case("isconverted") {
                return Err(ConfigError::new(
                    key,
                    "only people convert leads: remove this line",
                ));
            }
        }
        Ok(Self {
            mapping: Mapping::parse(&rules, &written.tables)?,
            rules,
            tables: written.tables.clone(),
            key_field: settings.key_field.clone(),
            flags: settings.do_not_contact_fields.clone(),
            missing: settings.missing_fields,
        })
    }

    /// Fields nothing is written to before a lead comes with a referral.
    pub(crate) fn for_referrals(&self) -> BTreeSet<&str> {
        self.mapping.of_referrals().collect()
    }

    /// The fields that say that nobody may be contacted.
    pub(crate) fn flags(&self) -> &[String] {
        &self.flags
    }

    /// The texts a field is known to get: what `leadsync doctor` compares with picklists.
    pub(crate) fn known_values(&self, field: &str) -> BTreeSet<String> {
        let Some(rule) = self.rules.get(field) else {
            return BTreeSet::new();
        };
        let tables = rule
            .pipe
            .iter()
            .filter_map(|call| call.trim().strip_prefix("map("));
        let tables = tables.filter_map(|call| call.split([',', ')']).next());
        let mapped: Vec<&String> = tables
            .filter_map(|name| self.tables.get(name.trim()))
            .flat_map(BTreeMap::values)
            .collect();
        let mut values: BTreeSet<String> = mapped.iter().map(|value| (*value).clone()).collect();
        values.extend(
            rule.default
                .as_ref()
                .and_then(|value| value.as_str())
                .map(str::to_owned),
        );
        if mapped.is_empty() && rule.from.as_deref() == Some("touch.storefront") {
            values.extend(STOREFRONTS.map(str::to_owned));
        }
        values
    }

    /// Without this field the operator wants no record.
    pub(crate) fn is_required(&self, field: &str) -> bool {
        self.rules.get(field).is_some_and(|rule| rule.required)
    }

    /// Lead as the mapping takes it to be, where nobody can ask: every field it names is there, takes any
    /// value, and what Salesforce insists on is insisted on (contract salesforce 10.2).
    pub(crate) fn assumed(&self) -> Describe {
        let key = [self.key_field.as_str()];
        let named = self.rules.keys().map(String::as_str).chain(key);
        Describe::assumed(
            named.chain(self.flags.iter().map(String::as_str)),
            &[("LastName", 80), ("Company", 255)],
        )
    }

    /// The record of a lead, key included.
    ///
    /// What is empty is left out, so that nothing is blanked that somebody filled in; but when nobody
    /// may be contacted, everything made from the person is.
    pub(crate) fn record(
        &self,
        delivery: &LeadDelivery,
        lead: &Describe,
        purpose: Purpose,
        without: &BTreeSet<String>,
    ) -> Result<Record, ConnectorError> {
        if purpose == Purpose::Create && delivery.kind == EventKind::Updated {
            return self.record(&delivery.as_new(), lead, purpose, without);
        }
        let mut record = if is_closed(delivery) {
            self.withheld(delivery, lead)
        } else {
            let mut record = Record::new();
            for field in self.mapping.record(delivery)? {
                let late = purpose == Purpose::Update && field.write != Write::Always;
                if !late && !without.contains(&field.target) {
                    self.add(&mut record, &field, lead, purpose)?;
                }
            }
            if purpose == Purpose::Create {
                fill_gaps(&mut record, &delivery.lead.person, lead);
            }
            record
        };
        let key = lead
            .field(&self.key_field)
            .filter(|field| field.createable && field.updateable);
        let key = key.ok_or_else(|| self.no_key())?;
        record.insert(key.name.clone(), delivery.lead.id.to_string().into());
        Ok(record)
    }

    /// Nobody to contact: the marks, blanks for everything personal, and what is left of the mapping.
    fn withheld(&self, delivery: &LeadDelivery, lead: &Describe) -> Record {
        let closed = LeadDelivery {
            gate: Gate::DoNotContact,
            ..delivery.clone()
        };
        let mut record = Record::new();
        // A mapping that fails must not keep the marks from being written.
        for field in self.mapping.record(&closed).unwrap_or_default() {
            if field.write == Write::Always {
                let _ = self.add(&mut record, &field, lead, Purpose::Update);
            }
        }
        let personal =
            self.mapping
                .personal(&delivery.lead)
                .chain(["LastName", "FirstName", "Company", "CountryCode"]);
        for field in personal
            .filter_map(|name| lead.field(name))
            .filter(|field| field.updateable)
        {
            let blank = if field.nillable {
                Value::Null
            } else {
                WITHHELD.into()
            };
            if field.nillable || field.is_text() {
                record.insert(field.name.clone(), blank);
            }
        }
        for flag in self
            .flags
            .iter()
            .filter_map(|name| lead.field(name))
            .filter(|field| field.updateable)
        {
            record.insert(flag.name.clone(), Value::Bool(true));
        }
        record
    }

    fn add(
        &self,
        record: &mut Record,
        mapped: &MappedField,
        lead: &Describe,
        purpose: Purpose,
    ) -> Result<(), ConnectorError> {
        let rule = self.rules.get(&mapped.target);
        let required = rule.is_some_and(|rule| rule.required);
        let writable = |field: &&Field| match purpose {
            Purpose::Create => field.createable,
            Purpose::Update => field.updateable,
        };
        // With country picklists on, a code has a field of its own (contract salesforce 10.3).
        let code = lead
            .field("CountryCode")
            .filter(|_| is_country_code(mapped))
            .filter(writable);
        let Some(field) = code.or_else(|| lead.field(&mapped.target).filter(writable)) else {
            let is_fixed =
                purpose == Purpose::Update && lead.field(&mapped.target).is_some_and(|f| f.createable);
            return if is_fixed || (self.missing == MissingFields::LeaveOut && !required) {
                Ok(())
            } else {
                Err(unwritable(&mapped.target, lead))
            };
        };
        let Some(value) = typed(&mapped.value, field) else {
            let text = format!(
                "map field {}: the value is not of its type, {}",
                field.name, field.r#type
            );
            return Err(ConnectorError::new(ErrorKind::Rejected, text)
                .hint("correct the mapping of this field, then requeue"));
        };
        let Value::String(text) = &value else {
            record.insert(field.name.clone(), value);
            return Ok(());
        };
        if !field.takes(text) {
            return off_the_list(field, required);
        }
        if let Some(text) = fitted(text, field, rule)? {
            record.insert(field.name.clone(), text.into());
        }
        Ok(())
    }

    fn no_key(&self) -> ConnectorError {
        let text = format!(
            "write leads: field {} is missing, hidden or read-only",
            self.key_field
        );
        ConnectorError::new(ErrorKind::Misconfigured, text)
            .hint("run leadsync provision, or set key_field to the unique external id on Lead, then release")
    }
}

/// Nobody may be contacted through this delivery.
pub(crate) fn is_closed(delivery: &LeadDelivery) -> bool {
    delivery.gate == Gate::DoNotContact || delivery.lead.dnc
}

fn is_country_code(mapped: &MappedField) -> bool {
    let two_letters = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
    mapped.target.eq_ignore_ascii_case("country") && mapped.value.as_str().is_some_and(two_letters)
}

fn unwritable(name: &str, lead: &Describe) -> ConnectorError {
    let (what, remedy) = match lead.field(name) {
        Some(_) => ("read-only for the integration user", "give it Edit on this field"),
        None => (
            "missing, or hidden from the integration user",
            "run leadsync provision",
        ),
    };
    ConnectorError::new(
        ErrorKind::Misconfigured,
        format!("write leads: field {name} is {what}"),
    )
    .hint(format!(
        "{remedy}, remove it from [mapping], or set missing_fields = \"leave_out\", then release"
    ))
}

/// One value that a list lacks must not hold up a lead; a required one does.
fn off_the_list(field: &Field, required: bool) -> Result<(), ConnectorError> {
    if required {
        let text = format!(
            "map field {}: the value is not in its restricted picklist",
            field.name
        );
        return Err(ConnectorError::new(ErrorKind::Rejected, text)
            .hint("add the value to the picklist, or map it to one that is there, then requeue"));
    }
    tracing::warn!(event = "picklist_value_left_out", field = %field.name, "a value is not in the restricted picklist of its field; the lead goes without it");
    Ok(())
}

/// The text within the length of its field; none when nothing is left.
fn fitted(text: &str, field: &Field, rule: Option<&FieldRule>) -> Result<Option<String>, ConnectorError> {
    let units = text.encode_utf16().count();
    if field.length == 0 || !field.is_text() || units <= field.length {
        return Ok(Some(text.to_owned()));
    }
    if rule.is_none_or(|rule| rule.on_overflow == Overflow::Truncate) {
        return Ok(Some(cut(text, field.length).to_owned()).filter(|kept| !kept.is_empty()));
    }
    let text = format!(
        "map field {}: the value has {units} characters and the field takes {}",
        field.name, field.length
    );
    Err(ConnectorError::new(ErrorKind::Rejected, text)
        .hint("set on_overflow = \"truncate\" for this field, or make it longer, then requeue"))
}

/// The longest beginning of at most so many UTF-16 units, cut between graphemes.
fn cut(text: &str, most: usize) -> &str {
    let (mut end, mut units) = (0, 0);
    for (start, grapheme) in text.grapheme_indices(true) {
        units += grapheme.encode_utf16().count();
        if units > most {
            break;
        }
        end = start + grapheme.len();
    }
    text[..end].trim_end()
}

/// The value as the field's type wants it; none when it cannot be.
fn typed(value: &Value, field: &Field) -> Option<Value> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match field.r#type.as_str() {
        "boolean" => value.as_bool().or_else(|| text.parse().ok()).map(Value::Bool),
        "int" | "long" => text.parse::<i64>().ok().map(Value::from),
        "double" | "currency" | "percent" => text.parse::<serde_json::Number>().ok().map(Value::Number),
        "date" => text.get(..10).map(Value::from),
        // Nobody has said what it is.
        "" => Some(value.clone()),
        _ => Some(text.into()),
    }
}

/// What Salesforce insists on and the lead does not say (contract salesforce 10.2).
fn fill_gaps(record: &mut Record, person: &Person, lead: &Describe) {
    let said = |said: &Option<Said>| said.as_ref().map(|said| said.value.clone());
    let email = said(&person.email).unwrap_or_default();
    let (local, domain) = email.rsplit_once('@').unwrap_or_default();
    let last_word =
        said(&person.first_name).and_then(|name| name.split_whitespace().next_back().map(str::to_owned));
    let gaps = [
        ("LastName", last_word.unwrap_or_else(|| local.to_owned())),
        ("Company", domain.to_owned()),
    ];
    for (name, found) in gaps {
        let needed = lead
            .field(name)
            .filter(|field| !field.nillable && !record.contains_key(&field.name));
        if let Some(field) = needed {
            let text = if found.is_empty() {
                "Unknown"
            } else {
                cut(&found, field.length.max(7))
            };
            record.insert(field.name.clone(), text.into());
        }
    }
}

#[cfg(test)]
mod tests;
