//! What a worker takes next: a batch from the front of the line, or a great many from its end.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::Bulk;

use super::worker::DeliveryWorker;
use crate::store::{DestinationGate, Lane, Lease, LeaseAsk, Leased, StoreError};

/// How long a bulk belongs to its worker at least: the other side may take its time.
pub(super) const BULK_LEASE: Duration = Duration::from_mins(30);
/// Deliveries taken or written back in one transaction: senders wait for its end.
pub(super) const PORTION: usize = 500;

/// What a worker has in hand.
pub(super) struct Taken {
    /// Whether the destination may be called at all.
    pub(super) gate: DestinationGate,
    /// What to deliver.
    pub(super) leases: Vec<Lease>,
    /// Until when it is this worker's.
    pub(super) until: DateTime<Utc>,
    /// When something becomes due, when nothing is now.
    pub(super) next_at: Option<DateTime<Utc>>,
}

impl DeliveryWorker {
    /// Takes a bulk where this worker may and enough waits, otherwise a batch.
    pub(super) async fn take(&self, lowest: Lane, now: DateTime<Utc>) -> Result<Taken, StoreError> {
        if let Some(bulk) = self.room.destination.bulk().filter(|_| self.bulky) {
            let taken = self.take_bulk(bulk, lowest, now).await?;
            if !taken.leases.is_empty() {
                return Ok(taken);
            }
        }
        let max = self.room.destination.batch_limit().max(1);
        let until = now + span(self.room.lease);
        let ask = LeaseAsk {
            min: if self.first { 1 } else { max },
            max,
            until,
            lowest,
            bulk: false,
        };
        let leased = self.store.lease(&self.room.name, ask, now).await?;
        Ok(Taken::of(leased, until))
    }

    async fn take_bulk(&self, bulk: Bulk, lowest: Lane, now: DateTime<Utc>) -> Result<Taken, StoreError> {
        let until = now + span(self.room.lease.max(BULK_LEASE));
        let mut ask = LeaseAsk {
            min: bulk.from.max(1),
            max: bulk.most.min(PORTION),
            until,
            lowest,
            bulk: true,
        };
        let leased = self.store.lease(&self.room.name, ask, now).await?;
        let mut taken = Taken::of(leased, until);
        ask.min = 1;
        while !taken.leases.is_empty() && taken.leases.len() < bulk.most {
            ask.max = (bulk.most - taken.leases.len()).min(PORTION);
            match self.store.lease(&self.room.name, ask, now).await {
                Ok(more) if !more.leases.is_empty() => taken.leases.extend(more.leases),
                // Nothing more, or the store has trouble: what is in hand goes.
                _ => break,
            }
        }
        Ok(taken)
    }
}

impl Taken {
    fn of(leased: Leased, until: DateTime<Utc>) -> Self {
        Self {
            gate: leased.gate,
            leases: leased.leases,
            until,
            next_at: leased.next_at,
        }
    }
}

fn span(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX / 2)
}
