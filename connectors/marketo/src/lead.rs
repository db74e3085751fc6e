//! A lead becomes the fields of a record. Pure.

use std::collections::{BTreeMap, BTreeSet};

use connector_kit::mapping::{FieldRule, Mapping, Write, field_of};
use connector_kit::{
    ConfigError, ConnectorError, ConnectorSettings, ErrorKind, EventKind, Gate, Lead, LeadDelivery,
};
use serde::Deserialize;
use serde_json::Value;
use url::Host;

use crate::api::{Fields, Order};
use crate::config::{Settings, WithoutEmail};

/// The mapping used when the operator writes none, in the very file an operator may copy.
const SHIPPED: &str = include_str!("../../../config/connectors.d/marketo.toml");
/// What a text field takes, in characters.
const TEXT: usize = 255;
/// What a text area takes, in bytes.
const TEXT_AREA: usize = 30_000;
/// The field of the address.
pub(crate) const EMAIL: &str = "email";

#[derive(Deserialize)]
struct Shipped {
    mapping: BTreeMap<String, FieldRule>,
}

/// Turns leads into records.
#[derive(Debug)]
pub(crate) struct Records {
    mapping: Mapping,
    text_areas: BTreeSet<String>,
    /// The field that holds our id, where the mapping writes one.
    pub(crate) lead_key: Option<String>,
    /// The field that holds the revision, where the mapping writes one.
    pub(crate) revision: Option<String>,
    lookup: String,
    without_email: WithoutEmail,
}

/// A lead on its way.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// How it is found.
    pub(crate) order: Order,
    /// How else, when Marketo no longer knows the id it gave.
    pub(crate) otherwise: Option<Order>,
    pub(crate) fields: Fields,
    /// What it gets besides, if it has to be made anew.
    pub(crate) anew: Fields,
}

impl Records {
    /// The operator's mapping, or the shipped one.
    pub(crate) fn new(written: &ConnectorSettings, settings: &Settings) -> Result<Self, ConfigError> {
        let shipped: Shipped = toml::from_str(SHIPPED)
            .map_err(|error| ConfigError::new("", format!("the shipped mapping is broken: {error}")))?;
        let rules = if written.mapping.is_empty() {
            &shipped.mapping
        } else {
            &written.mapping
        };
        let holds_our_id = |rule: &FieldRule| rule.from.as_deref() == Some("id") && rule.pipe.is_empty();
        let lead_key = rules
            .iter()
            .find(|(_, rule)| holds_our_id(rule))
            .map(|(name, _)| name.clone());
        let lookup = settings.lookup_field.clone();
        if lookup != EMAIL && lead_key.as_ref() != Some(&lookup) {
            return Err(ConfigError::new(
                "settings.lookup_field",
                format!("look leads up by email, or map our id to the field: {lookup} = {{ from = \"id\" }}"),
            ));
        }
        if settings.without_email == WithoutEmail::ByLeadId && lead_key.is_none() {
            return Err(ConfigError::new(
                "settings.without_email",
                "a field has to hold our id: msLeadId = { from = \"id\" } in [mapping]",
            ));
        }
        Ok(Self {
            mapping: Mapping::parse(rules, &written.tables)?,
            text_areas: settings.text_areas.clone(),
            lead_key,
            revision: field_of(rules, "revision").map(str::to_owned),
            lookup,
            without_email: settings.without_email,
        })
    }

    /// The fields a record may get.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &str> {
        self.mapping.targets()
    }

    /// What a record must lose that may not be contacted.
    pub(crate) fn personal<'a>(&'a self, lead: &Lead) -> impl Iterator<Item = &'a str> {
        self.mapping.personal(lead)
    }

    /// The record of a lead that may be contacted. What is empty is left out: it would be blanked.
    pub(crate) fn of(&self, delivery: &LeadDelivery) -> Result<Record, ConnectorError> {
        let mut fields = self.fields(delivery)?;
        if let Some(Value::String(text)) = fields.get(EMAIL) {
            let address = ascii_address(text).ok_or_else(not_ascii)?;
            fields.insert(EMAIL.to_owned(), address.into());
        }
        let by_field = self.by_field(&fields);
        let Some(id) = known_id(delivery) else {
            return Ok(Record {
                order: by_field?,
                otherwise: None,
                fields,
                anew: Fields::new(),
            });
        };
        let anew = self.only_when_new(delivery, &fields)?;
        fields.insert("id".to_owned(), id.into());
        Ok(Record {
            order: Order::ById,
            otherwise: by_field.ok(),
            fields,
            anew,
        })
    }

    /// What only a new record gets, where the operator wants one that is gone made again.
    fn only_when_new(&self, delivery: &LeadDelivery, fields: &Fields) -> Result<Fields, ConnectorError> {
        if delivery.again.is_none() {
            return Ok(Fields::new());
        }
        let mut anew = self.fields(&delivery.as_new())?;
        anew.retain(|name, _| !fields.contains_key(name));
        Ok(anew)
    }

    /// By what a record is found when Marketo's id is not known, or no longer holds.
    fn by_field(&self, fields: &Fields) -> Result<Order, ConnectorError> {
        let by_lead_id = self.without_email == WithoutEmail::ByLeadId;
        let keys = [Some(&self.lookup), self.lead_key.as_ref().filter(|_| by_lead_id)];
        let mut held = keys.into_iter().flatten().filter(|key| fields.contains_key(*key));
        held.next().map(|key| Order::ByField(key.clone())).ok_or_else(|| {
            ConnectorError::new(
                ErrorKind::Rejected,
                format!("look the lead up: it has no {}", self.lookup),
            )
            .hint(
                "Marketo finds people by their address and this lead has none: set without_email = \"by-lead-id\", then requeue, or discard",
            )
        })
    }

    /// What the mapping says, cut to what Marketo takes.
    pub(crate) fn fields(&self, delivery: &LeadDelivery) -> Result<Fields, ConnectorError> {
        let mut fields = Fields::new();
        for field in self.mapping.record(delivery)? {
            // There is no writing into empty fields only: such a field comes with the first revision.
            if field.write == Write::IfEmpty && delivery.kind != EventKind::Created {
                continue;
            }
            let value = match field.value {
                Value::String(text) if self.text_areas.contains(&field.target) => {
                    text[..text.floor_char_boundary(TEXT_AREA)].into()
                }
                Value::String(text) => text.chars().take(TEXT).collect::<String>().into(),
                value => value,
            };
            fields.insert(field.target, value);
        }
        Ok(fields)
    }
}

/// Whether nobody may be contacted: the stricter of lead and gate counts.
pub(crate) fn is_forbidden(delivery: &LeadDelivery) -> bool {
    delivery.lead.dnc || delivery.gate == Gate::DoNotContact
}

/// Marketo's id of the record, as it named it before.
pub(crate) fn known_id(delivery: &LeadDelivery) -> Option<u64> {
    delivery.record.as_ref()?.0.parse().ok()
}

/// The address of the person, where it can be written.
pub(crate) fn address(delivery: &LeadDelivery) -> Option<String> {
    let said = delivery.lead.person.email.as_ref()?;
    ascii_address(&said.value).map(|address| address.to_ascii_lowercase())
}

/// What two deliveries have in common that must not be written at the same time: the address in
/// lower case, or the lead.
pub(crate) fn key(delivery: &LeadDelivery, fields: Option<&Fields>) -> String {
    let written = fields.and_then(|fields| fields.get(EMAIL)?.as_str().map(str::to_ascii_lowercase));
    written
        .or_else(|| address(delivery))
        .unwrap_or_else(|| delivery.lead.id.to_string())
}

/// The address with its domain in punycode; none when there is no writing it in ASCII.
pub(crate) fn ascii_address(text: &str) -> Option<String> {
    let (user, domain) = text.trim().rsplit_once('@')?;
    let plain = !user.is_empty()
        && user
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'@' | b','));
    match Host::parse(domain) {
        Ok(Host::Domain(domain)) if plain => Some(format!("{user}@{domain}")),
        _ => None,
    }
}

fn not_ascii() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Rejected,
        "write the address of the lead: it is not one Marketo takes",
    )
    .hint("Marketo takes addresses in ASCII only: correct the address, then requeue, or discard")
}

#[cfg(test)]
#[path = "lead/tests.rs"]
mod tests;
