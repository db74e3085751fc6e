//! An arrival's way into a lead, for those who follow it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use connector_kit::{LeadId, SourceName};

use super::Watcher;
use crate::store::{Arrival, InboxId, Settlement, Understood, Unsettled};

/// An arrival became part of a lead.
#[derive(Clone, Debug)]
pub struct Passage {
    /// The lead.
    pub lead: LeadId,
    /// `new`, `merged` or `repeat`.
    pub became: &'static str,
    /// Where it came from.
    pub source: SourceName,
    /// When its bytes were taken.
    pub received_at: DateTime<Utc>,
    /// When the step began that understood it.
    pub begun: DateTime<Utc>,
}

/// Tells of each arrival of a batch that became part of a lead.
pub(super) fn tell(
    watcher: &dyn Watcher,
    waiting: &[Unsettled],
    settlement: &Settlement,
    begun: DateTime<Utc>,
) {
    let arrivals: BTreeMap<InboxId, &Arrival> = waiting.iter().map(|one| (one.id, &one.arrival)).collect();
    for (id, understood) in &settlement.arrivals {
        let (lead, became) = match understood {
            Understood::New(lead) => (*lead, "new"),
            Understood::Merged(lead) => (*lead, "merged"),
            Understood::Repeat(lead) => (*lead, "repeat"),
            Understood::Quarantined(_) | Understood::Forgotten => continue,
        };
        if let Some(arrival) = arrivals.get(id) {
            watcher.passed(&Passage {
                lead,
                became,
                source: arrival.source.clone(),
                received_at: arrival.received_at,
                begun,
            });
        }
    }
}
