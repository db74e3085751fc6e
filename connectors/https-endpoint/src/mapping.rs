//! Lead -> their record. Pure.

use std::borrow::Cow;

use connector_kit::lead::{Person, Said, Touch};
use connector_kit::mapping::{MappedField, Mapping, Write};
use connector_kit::record::LeadRecord;
use connector_kit::{ConnectorError, EventKind, Gate, LeadDelivery};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// Nobody may be contacted through this delivery.
pub(crate) fn is_closed(delivery: &LeadDelivery) -> bool {
    delivery.gate == Gate::DoNotContact || delivery.lead.dnc
}

/// What the receiver is told has happened.
pub(crate) fn event_type(delivery: &LeadDelivery) -> &'static str {
    if is_closed(delivery) {
        EventKind::Suppressed.as_str()
    } else {
        delivery.kind.as_str()
    }
}

/// One id per revision and gate, the same over all attempts.
///
/// A gate that closes without a new revision makes another event of it: its body is another, and
/// a receiver that drops ids it has seen must not drop this one. Nor must it drop what an operator
/// ordered to be delivered again.
pub(crate) fn event_id(delivery: &LeadDelivery) -> String {
    let mut id = delivery.message_id();
    if let Some(ordered) = delivery.again {
        id = format!("{id}-again-{}", ordered.timestamp());
    }
    if is_closed(delivery) { id + "-dnc" } else { id }
}

/// The `data` of an envelope: our own record, or what the operator's mapping makes of it.
pub(crate) enum Data<'a> {
    /// The documented record.
    Ours(LeadRecord<'a>),
    /// The operator's.
    Mapped(Vec<MappedField>),
}

impl<'a> Data<'a> {
    pub(crate) fn of(delivery: &'a LeadDelivery, mapping: Option<&Mapping>) -> Result<Self, ConnectorError> {
        match mapping {
            Some(mapping) if !is_closed(delivery) => {
                let mut fields = mapping.record(delivery)?;
                // A webhook cannot be asked what it holds, so "if empty" means "when created".
                fields.retain(|field| field.write == Write::Always || delivery.kind == EventKind::Created);
                Ok(Self::Mapped(fields))
            }
            _ => Ok(Self::Ours(LeadRecord(delivery))),
        }
    }
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ours(record) => record.serialize(serializer),
            Self::Mapped(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for field in fields {
                    map.serialize_entry(&field.target, &field.value)?;
                }
                map.end()
            }
        }
    }
}

/// What Microsoft posts: all members, all of them strings (contract https-endpoint 1.1).
pub(crate) struct MicrosoftLead<'a> {
    user_details: UserDetails<'a>,
    lead_source: Cow<'a, str>,
    action_code: &'a str,
    offer_title: &'a str,
    description: &'a str,
    plus: Option<Plus<'a>>,
}

impl Serialize for MicrosoftLead<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("UserDetails", &self.user_details)?;
        map.serialize_entry("LeadSource", &self.lead_source)?;
        map.serialize_entry("ActionCode", self.action_code)?;
        map.serialize_entry("OfferTitle", self.offer_title)?;
        map.serialize_entry("Description", self.description)?;
        if let Some(plus) = &self.plus {
            map.serialize_entry("leadId", &plus.lead_id)?;
            map.serialize_entry("eventId", plus.event_id)?;
            map.serialize_entry("receivedAt", &plus.received_at)?;
            map.serialize_entry("offerId", plus.offer_id)?;
            map.serialize_entry("publisherId", plus.publisher_id)?;
            map.serialize_entry("source", plus.source)?;
        }
        map.end()
    }
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserDetails<'a> {
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    phone: &'a str,
    country: &'a str,
    company: &'a str,
    title: &'a str,
}

/// Members of ours, for receivers that do not mind.
struct Plus<'a> {
    lead_id: connector_kit::LeadId,
    event_id: &'a str,
    received_at: chrono::DateTime<chrono::Utc>,
    offer_id: &'a str,
    publisher_id: &'a str,
    source: &'a str,
}

impl<'a> MicrosoftLead<'a> {
    pub(crate) fn of(delivery: &'a LeadDelivery, event_id: &'a str, plus: bool) -> Self {
        let lead = delivery.lead.as_ref();
        let touch = lead.latest();
        let text = |of: fn(&Touch) -> &String| touch.map_or("", |touch| of(touch).as_str());
        let closed = is_closed(delivery);
        Self {
            user_details: if closed {
                UserDetails::default()
            } else {
                UserDetails::of(&lead.person)
            },
            lead_source: lead_source(touch, closed),
            action_code: if closed { "DNC" } else { code(touch) },
            offer_title: text(|touch| &touch.offer_title),
            description: if closed {
                ""
            } else {
                text(|touch| &touch.description)
            },
            plus: plus.then(|| Plus {
                lead_id: lead.id,
                event_id,
                received_at: lead.last_at,
                offer_id: text(|touch| &touch.offer),
                publisher_id: text(|touch| &touch.publisher),
                source: touch.map_or("", |touch| touch.source.as_str()),
            }),
        }
    }
}

impl<'a> UserDetails<'a> {
    fn of(person: &'a Person) -> Self {
        Self {
            first_name: as_it_came(person.first_name.as_ref()),
            last_name: as_it_came(person.last_name.as_ref()),
            email: as_it_came(person.email.as_ref()),
            phone: as_it_came(person.phone.as_ref()),
            country: as_it_came(person.country.as_ref()),
            company: as_it_came(person.company.as_ref()),
            title: as_it_came(person.title.as_ref()),
        }
    }
}

/// A receiver built for Microsoft's bytes gets Microsoft's spelling.
fn as_it_came(said: Option<&Said>) -> &str {
    said.map_or("", |said| said.raw.as_deref().unwrap_or(&said.value))
}

fn code(touch: Option<&Touch>) -> &str {
    match touch {
        Some(touch) if touch.action_code.is_empty() => &touch.action,
        Some(touch) => &touch.action_code,
        None => "",
    }
}

/// `AzureMarketplace-PLT|publisher.offer`, as it came where it came.
fn lead_source(touch: Option<&Touch>, closed: bool) -> Cow<'_, str> {
    let Some(touch) = touch else {
        return Cow::Borrowed("");
    };
    if !closed && !touch.lead_source.is_empty() {
        return Cow::Borrowed(&touch.lead_source);
    }
    let action = if closed { "DNC" } else { touch.action.as_str() };
    let mut made = touch.storefront.clone();
    for (mark, part) in [('-', action), ('|', touch.offer.as_str())] {
        if !part.is_empty() {
            made.push(mark);
            made.push_str(part);
        }
    }
    Cow::Owned(made)
}
