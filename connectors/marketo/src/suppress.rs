//! Leads that must not be contacted: whoever is there is marked, nobody is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{ConnectorError, ErrorKind, Gate, LeadDelivery};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::api::{Api, Fields, Order};
use crate::desk::Desk;
use crate::error::Refusal;
use crate::lead::{Records, address, known_id};
use crate::writer::{Piece, Writer};

/// Their clock and ours may differ by so much.
const SLACK: TimeDelta = TimeDelta::minutes(5);

/// Marks people.
pub(crate) struct Suppressor {
    pub(crate) api: Arc<Api>,
    pub(crate) records: Arc<Records>,
    pub(crate) writer: Arc<Writer>,
    /// The fields that forbid contact, as the operator wishes.
    pub(crate) wished: Vec<String>,
    /// Whether our own records lose what they say of the person.
    pub(crate) blank: bool,
    /// Those of the wished fields that the instance has.
    pub(crate) marks: OnceCell<Vec<String>>,
}

/// A delivery and its place.
type Placed<'a> = (usize, &'a LeadDelivery);

/// Somebody who is to be marked.
struct Found {
    at: usize,
    id: u64,
    /// Made for this lead, not there before it.
    ours: bool,
}

impl Suppressor {
    /// Marks everybody these leads stand for. Nobody there is as good as marked.
    pub(crate) async fn suppress(&self, desk: &mut Desk, forbidden: &[Placed<'_>]) {
        if forbidden.is_empty() {
            return;
        }
        match self.pieces(forbidden).await {
            Ok(pieces) => self.writer.write(desk, pieces).await,
            Err(refusal) => desk.all_failed(forbidden.iter().map(|(at, _)| *at), &refusal.error),
        }
        for (at, _) in forbidden {
            desk.done(*at, None);
        }
    }

    async fn pieces(&self, forbidden: &[Placed<'_>]) -> Result<Vec<Piece>, Refusal> {
        let marks = self.marks.get_or_try_init(|| self.present_marks()).await?;
        let deliveries: BTreeMap<usize, &LeadDelivery> = forbidden.iter().copied().collect();
        let found = self.find(forbidden).await?;
        let pieces = found.into_iter().map(|found| {
            let delivery = deliveries[&found.at];
            let mut fields = if found.ours {
                self.rest_of(delivery)
            } else {
                Fields::new()
            };
            fields.extend(marks.iter().map(|name| (name.clone(), true.into())));
            fields.insert("id".to_owned(), found.id.into());
            Piece {
                at: found.at,
                attempt: delivery.attempt,
                order: Order::ById,
                fields,
                otherwise: None,
                anew: Fields::new(),
            }
        });
        Ok(pieces.collect())
    }

    /// Our own record as it would be marked, in an instance that has every field the operator names.
    pub(crate) fn marked(&self, delivery: &LeadDelivery) -> Fields {
        let mut fields = self.rest_of(delivery);
        fields.extend(self.wished.iter().map(|name| (name.clone(), true.into())));
        fields
    }

    /// What our own record keeps: nothing made from the person, unless the operator wants it kept.
    fn rest_of(&self, delivery: &LeadDelivery) -> Fields {
        let closed = LeadDelivery {
            gate: Gate::DoNotContact,
            ..delivery.clone()
        };
        // A mapping that fails must not keep the mark from being written.
        let mut fields = self.records.fields(&closed).unwrap_or_default();
        if self.blank {
            let personal = self.records.personal(&delivery.lead);
            fields.extend(personal.map(|name| (name.to_owned(), Value::Null)));
        }
        fields
    }

    /// Which fields to set; and whether our own records can be found at all.
    async fn present_marks(&self) -> Result<Vec<String>, Refusal> {
        let schema = self.api.describe().await?;
        let is_there = |name: &&String| schema.field(name).is_some_and(|field| field.updateable);
        let marks: Vec<String> = self.wished.iter().filter(is_there).cloned().collect();
        let wrong = |text: String, hint: &str| ConnectorError::new(ErrorKind::Misconfigured, text).hint(hint);
        if marks.is_empty() {
            return Err(wrong(
                "mark a lead as do-not-contact: the instance has none of the fields in do_not_contact"
                    .to_owned(),
                "name a field that exists in do_not_contact, then release",
            )
            .into());
        }
        if let Some(key) = self
            .records
            .lead_key
            .as_ref()
            .filter(|key| !schema.searchable.contains(key))
        {
            return Err(wrong(
                format!("find leads that must not be contacted: they cannot be looked up by {key}"),
                "`leadsync provision` makes the field; where it exists, ask Marketo support to make it searchable, then release",
            )
            .into());
        }
        Ok(marks)
    }

    /// By the id Marketo named before, by ours, and by the address, in this order.
    async fn find(&self, forbidden: &[Placed<'_>]) -> Result<Vec<Found>, Refusal> {
        let mut all = Vec::new();
        let mut left: Vec<Placed<'_>> = forbidden.to_vec();
        let by_id = |delivery: &LeadDelivery| known_id(delivery).map(|id| id.to_string());
        self.look(&mut left, &mut all, "id", true, by_id).await?;
        if let Some(field) = &self.records.lead_key {
            let by_lead = |delivery: &LeadDelivery| Some(delivery.lead.id.to_string());
            self.look(&mut left, &mut all, field, true, by_lead).await?;
        }
        self.look(&mut left, &mut all, "email", false, address).await?;
        Ok(all)
    }

    /// Looks these up by one field; whoever is found is left no more.
    async fn look(
        &self,
        left: &mut Vec<Placed<'_>>,
        all: &mut Vec<Found>,
        field: &str,
        by_our_key: bool,
        value: impl Fn(&LeadDelivery) -> Option<String>,
    ) -> Result<(), Refusal> {
        let wanted: BTreeMap<String, Placed<'_>> = left
            .iter()
            .filter_map(|placed| Some((value(placed.1)?, *placed)))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let values: Vec<String> = wanted.keys().cloned().collect();
        for person in self.api.find(field, &values, &["id", field, "createdAt"]).await? {
            let told = match &person[field] {
                Value::String(text) => text.to_lowercase(),
                other => other.to_string(),
            };
            if let (Some((at, delivery)), Some(id)) = (wanted.get(&told), person["id"].as_u64()) {
                let ours = by_our_key && !is_older(&person, delivery.lead.first_at);
                all.push(Found { at: *at, id, ours });
                left.retain(|(place, _)| place != at);
            }
        }
        Ok(())
    }
}

/// Whether somebody knew this person before the lead came.
fn is_older(person: &Fields, first_at: DateTime<Utc>) -> bool {
    let created = person.get("createdAt").and_then(Value::as_str);
    let created = created.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    created.is_some_and(|created| created < first_at - SLACK)
}
