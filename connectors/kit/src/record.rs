//! A lead as JSON with names of our own, for systems that bring no names of theirs.
//!
//! The member names are a promise to receivers (README of `https-endpoint`): members may be added,
//! none is renamed. What is not known is left out; nothing is ever null.

use chrono::{DateTime, Utc};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::delivery::{Gate, LeadDelivery};
use crate::lead::{Said, Touch};
use crate::referral::Referral;

/// The record of one delivery. Borrowed, so that a batch is written without a copy of anything.
///
/// Behind a closed gate it says who must not be contacted, and nothing a contact could be made from.
#[derive(Clone, Copy, Debug)]
pub struct LeadRecord<'a>(pub &'a LeadDelivery);

impl Serialize for LeadRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let delivery = self.0;
        let lead = delivery.lead.as_ref();
        map.serialize_entry("leadId", &lead.id)?;
        map.serialize_entry("revision", &delivery.revision)?;
        map.serialize_entry("account", &lead.account)?;
        if delivery.gate == Gate::DoNotContact || lead.dnc {
            map.serialize_entry("doNotContact", &true)?;
            text(&mut map, "offer", lead.latest().map_or("", |touch| &touch.offer))?;
            return map.end();
        }
        map.serialize_entry("intent", lead.intent.as_str())?;
        map.serialize_entry("hot", &lead.is_hot())?;
        let person = &lead.person;
        said(&mut map, "firstName", person.first_name.as_ref())?;
        said(&mut map, "lastName", person.last_name.as_ref())?;
        said(&mut map, "email", person.email.as_ref())?;
        said(&mut map, "phone", person.phone.as_ref())?;
        said(&mut map, "country", person.country.as_ref())?;
        said(&mut map, "company", person.company.as_ref())?;
        said(&mut map, "title", person.title.as_ref())?;
        map.serialize_entry("firstTouchAt", &lead.first_at)?;
        map.serialize_entry("lastTouchAt", &lead.last_at)?;
        map.serialize_entry("touches", &Touches(&lead.touches))?;
        if let Some(referral) = lead.referral() {
            map.serialize_entry("referral", &OneReferral(referral))?;
        }
        map.end()
    }
}

fn said<M: SerializeMap>(map: &mut M, name: &'static str, value: Option<&Said>) -> Result<(), M::Error> {
    text(map, name, value.map_or("", |said| &said.value))
}

fn text<M: SerializeMap>(map: &mut M, name: &'static str, value: &str) -> Result<(), M::Error> {
    if value.is_empty() {
        return Ok(());
    }
    map.serialize_entry(name, value)
}

struct Touches<'a>(&'a [Touch]);

impl Serialize for Touches<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(OneTouch))
    }
}

/// Members no published schema knows stay at home (`extra`): only a mapping sends them.
struct OneTouch<'a>(&'a Touch);

impl Serialize for OneTouch<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let touch = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry::<_, DateTime<Utc>>("at", &touch.at)?;
        text(&mut map, "source", touch.source.as_str())?;
        text(&mut map, "storefront", &touch.storefront)?;
        text(&mut map, "action", &touch.action)?;
        text(&mut map, "offer", &touch.offer)?;
        text(&mut map, "offerTitle", &touch.offer_title)?;
        text(&mut map, "publisher", &touch.publisher)?;
        text(&mut map, "description", &touch.description)?;
        map.end()
    }
}

/// The referral made last, without anything people wrote: a mapping can send that, too.
struct OneReferral<'a>(&'a Referral);

impl Serialize for OneReferral<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let referral = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &referral.id)?;
        map.serialize_entry("state", &referral.state)?;
        map.serialize_entry("kind", referral.kind.as_str())?;
        if let Some(value) = &referral.deal.value {
            map.serialize_entry("value", value)?;
        }
        text(
            &mut map,
            "currency",
            referral.deal.currency.as_deref().unwrap_or_default(),
        )?;
        if let Some(day) = referral.deal.closes_on() {
            map.serialize_entry("closesOn", &day)?;
        }
        if let Some(at) = &referral.expires_at {
            map.serialize_entry("expiresAt", at)?;
        }
        map.serialize_entry("createdAt", &referral.created_at)?;
        map.serialize_entry("wantsContact", &referral.wants_contact)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::conformance::leads::{delivery, forbidden, referred};

    #[test]
    fn a_referral_is_told_without_what_people_wrote_and_not_at_all_behind_the_gate() {
        let plain = serde_json::to_value(LeadRecord(&delivery(1))).unwrap();
        assert!(plain.get("referral").is_none());
        let told = serde_json::to_value(LeadRecord(&referred(1))).unwrap();
        assert_eq!(
            told["referral"],
            json!({
                "id": "00000001-0000-4000-8000-000000000001", "state": "New/Pending", "kind": "customer-inquiry",
                "value": "20000.50", "currency": "EUR", "closesOn": "2026-12-31",
                "expiresAt": "2026-12-04T00:00:00Z", "createdAt": "2026-11-20T12:00:00Z", "wantsContact": true,
            })
        );
        let closed = serde_json::to_value(LeadRecord(&forbidden(&referred(1), 2))).unwrap();
        let members: Vec<&String> = closed.as_object().unwrap().keys().collect();
        assert_eq!(
            members,
            ["account", "doNotContact", "leadId", "offer", "revision"]
        );
    }
}
