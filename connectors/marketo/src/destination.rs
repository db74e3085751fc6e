//! Leads go out: map, choose who stands for whom, take turns, write.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::{ConnectorError, Destination, LeadDelivery, Rendered};

use crate::api::PER_CALL;
use crate::desk::{Desk, Fate, stand_ins};
use crate::lead::{Record, Records, is_forbidden, key};
use crate::suppress::Suppressor;
use crate::turns::Turns;
use crate::writer::{Piece, Writer};

/// The role.
pub(crate) struct MarketoDestination {
    pub(crate) records: Arc<Records>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) suppressor: Suppressor,
    pub(crate) turns: Turns,
}

#[async_trait]
impl Destination for MarketoDestination {
    fn batch_limit(&self) -> usize {
        PER_CALL
    }

    async fn upsert(&self, deliveries: &[LeadDelivery]) -> Vec<Fate> {
        if deliveries.is_empty() {
            return Vec::new();
        }
        let mut desk = Desk::default();
        let drafts = self.drafts(deliveries, &mut desk);
        let keys: Vec<String> = deliveries
            .iter()
            .zip(&drafts)
            .enumerate()
            .map(|(at, (delivery, draft))| match draft {
                // Stands for nobody but itself.
                None if desk.knows(at) => format!("refused {at}"),
                draft => key(delivery, draft.as_ref().map(|record| &record.fields)),
            })
            .collect();
        let stands_for = stand_ins(deliveries, &keys);
        let _turn = self.turns.take(keys.into_iter().collect()).await;
        self.write(deliveries, drafts, &stands_for, &mut desk).await;
        stands_for.iter().map(|at| desk.fate(*at)).collect()
    }

    fn preview(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Rendered, ConnectorError>> {
        deliveries
            .iter()
            .map(|delivery| self.rendered(delivery))
            .collect()
    }
}

impl MarketoDestination {
    /// The records of those that may be contacted; what cannot be mapped is refused at once.
    fn drafts(&self, deliveries: &[LeadDelivery], desk: &mut Desk) -> Vec<Option<Record>> {
        let draft = |(at, delivery)| {
            if is_forbidden(delivery) {
                return None;
            }
            let record = self.records.of(delivery);
            record.map_err(|error| desk.failed(at, error)).ok()
        };
        deliveries.iter().enumerate().map(draft).collect()
    }

    /// One record, led by what it is found by.
    fn rendered(&self, delivery: &LeadDelivery) -> Result<Rendered, ConnectorError> {
        let mut record = Rendered::default();
        let fields = if is_forbidden(delivery) {
            record.looked_up("id", "whoever is there with this id or address; nobody is made");
            self.suppressor.marked(delivery)
        } else {
            let written = self.records.of(delivery)?;
            record.fixed("lookupField", written.order.field());
            written.fields
        };
        for (name, value) in fields {
            record.fixed(name, value);
        }
        Ok(record)
    }

    async fn write(
        &self,
        deliveries: &[LeadDelivery],
        drafts: Vec<Option<Record>>,
        stands_for: &[usize],
        desk: &mut Desk,
    ) {
        let (mut open, mut forbidden) = (Vec::new(), Vec::new());
        for (at, draft) in drafts.into_iter().enumerate() {
            match draft {
                _ if stands_for[at] != at => {}
                Some(record) => open.push(piece(at, &deliveries[at], record)),
                None if desk.knows(at) => {}
                None => forbidden.push((at, &deliveries[at])),
            }
        }
        // What forbids contact is the more urgent.
        self.suppressor.suppress(desk, &forbidden).await;
        self.writer.write(desk, open).await;
        self.writer.api.look_at_quota_when_due().await;
    }
}

fn piece(at: usize, delivery: &LeadDelivery, record: Record) -> Piece {
    Piece {
        at,
        attempt: delivery.attempt,
        order: record.order,
        fields: record.fields,
        otherwise: record.otherwise,
        anew: record.anew,
    }
}
