//! The worker between the inbox and the leads.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::dice::Dice;
use connector_kit::{CanaryMark, DestinationName, Lead, LeadId};
use tracing::error;

use super::canaries::{self, Announced};
use super::caution::{Approach, approach};
use super::journal;
use crate::dedupe::{self, plan};
use crate::normalize::{Understanding, Unreadable};
use crate::runtime::{Bells, Next, Worker};
use crate::store::{
    Arrival, Identity, InboxId, KnownLead, Settled, Settlement, Store, StoreError, Understood, Unsettled,
};

/// How many arrivals are understood and written together. Small enough that a sender whose lead
/// waits for the same writer does not notice.
const BATCH: usize = 96;

/// Reads one arrival: [`crate::normalize::understand`] in the daemon.
pub type Reader = Arc<dyn Fn(&Arrival) -> Result<Understanding, Unreadable> + Send + Sync>;
/// An arrival and what reading it gave, or why it cannot be read.
type Read = (InboxId, Result<Understanding, String>);

/// Leads that are known, and canaries that were announced.
type Known<'a> = (&'a BTreeMap<Identity, KnownLead>, &'a Announced);

/// Chooses where a lead goes.
pub type Router = Arc<dyn Fn(&Lead) -> Vec<DestinationName> + Send + Sync>;

/// Hears what was understood; metrics and the demo listen.
pub trait Watcher: Send + Sync {
    /// A batch was written.
    fn settled(&self, settlement: &Settlement);
}

/// Nobody listens.
pub struct Unwatched;

impl Watcher for Unwatched {
    fn settled(&self, _: &Settlement) {}
}

/// What the worker works with.
pub struct SettleParts {
    /// The floor.
    pub store: Arc<dyn Store>,
    /// Reads arrivals.
    pub reader: Reader,
    /// Chooses destinations.
    pub router: Router,
    /// What the operator decided about duplicates.
    pub rules: dedupe::Rules,
    /// Gives ids.
    pub dice: Dice,
    /// Wakes the deliveries.
    pub bells: Bells,
    /// Hears what was understood.
    pub watcher: Arc<dyn Watcher>,
}

/// Understands arrivals, oldest first.
pub struct SettleWorker {
    parts: SettleParts,
    suspicious_up_to: Option<InboxId>,
}

impl SettleWorker {
    /// `suspicious_up_to`: the newest arrival that waited when the process died uncleanly.
    pub fn new(parts: SettleParts, suspicious_up_to: Option<InboxId>) -> Self {
        Self {
            parts,
            suspicious_up_to,
        }
    }

    async fn settle(&self, waiting: &[Unsettled], now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut read: Vec<Read> = waiting.iter().map(|one| self.read(one)).collect();
        let understood = read
            .iter_mut()
            .filter_map(|(_, understood)| understood.as_mut().ok());
        let announced = canaries::heed(&*self.parts.store, understood, now).await?;
        let known = self.known(&read).await?;
        let settlement = self.plan(&read, (&known, &announced), now);
        // The planned batch is given away; whoever listens hears of a copy of what matters.
        let told = settlement.clone();
        match self.parts.store.settle(settlement, now).await? {
            // Somebody else changed a lead in between: the next step reads again.
            Settled::Stale => {}
            Settled::Done => self.tell(&told),
        }
        Ok(())
    }

    /// A lead that makes our own code fail must stop neither the daemon nor its neighbours.
    fn read(&self, one: &Unsettled) -> Read {
        let understood = match catch_unwind(AssertUnwindSafe(|| (self.parts.reader)(&one.arrival))) {
            Ok(understood) => understood.map_err(|unreadable| unreadable.to_string()),
            Err(_) => Err("understanding it failed inside leadsync: please report it".to_owned()),
        };
        (one.id, understood)
    }

    async fn known(&self, read: &[Read]) -> Result<BTreeMap<Identity, KnownLead>, StoreError> {
        let mut identities: Vec<Identity> = read
            .iter()
            .filter_map(|(_, understood)| understood.as_ref().ok())
            .flat_map(|understanding| understanding.identity_keys.iter().copied())
            .collect();
        identities.sort_unstable();
        identities.dedup();
        if identities.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found = self.parts.store.known(identities.clone()).await?;
        Ok(identities
            .into_iter()
            .zip(found)
            .filter_map(|(who, lead)| Some((who, lead?)))
            .collect())
    }

    fn plan(&self, read: &[Read], known: Known<'_>, now: DateTime<Utc>) -> Settlement {
        let joined = catch_unwind(AssertUnwindSafe(|| self.plan_batch(read, known, now)));
        joined.unwrap_or_else(|_| {
            error!(
                event = "batch_failed",
                arrivals = read.len(),
                "joining a batch failed; looking for the arrival at fault"
            );
            self.plan_first(read, known, now)
        })
    }

    /// One arrival alone: written when it can be planned, quarantined when it is the one at fault.
    fn plan_first(&self, read: &[Read], known: Known<'_>, now: DateTime<Utc>) -> Settlement {
        let Some(first) = read.get(..1) else {
            return Settlement::default();
        };
        catch_unwind(AssertUnwindSafe(|| self.plan_batch(first, known, now))).unwrap_or_else(|_| {
            let reason = "joining it failed inside leadsync: please report it".to_owned();
            let arrivals = first
                .iter()
                .map(|(id, _)| (*id, Understood::Quarantined(reason.clone())));
            Settlement {
                leads: Vec::new(),
                arrivals: arrivals.collect(),
            }
        })
    }

    fn plan_batch(&self, batch: &[Read], (known, announced): Known<'_>, now: DateTime<Utc>) -> Settlement {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        let mut new_id = || {
            let mut random = [0_u8; 10];
            self.parts.dice.fill(&mut random);
            LeadId::new(millis, &random)
        };
        plan(batch, known, &self.parts.rules, &mut new_id, &|lead| {
            let canary = CanaryMark::of(lead).and_then(|mark| announced.get(&mark));
            canary.map_or_else(|| (self.parts.router)(lead), Clone::clone)
        })
    }

    fn tell(&self, settlement: &Settlement) {
        if settlement
            .leads
            .iter()
            .any(|change| !change.routes.is_empty() || change.before.is_some())
        {
            self.parts.bells.ring_deliver();
        }
        if settlement.leads.iter().any(|change| !change.referrals.is_empty()) {
            self.parts.bells.ring_report();
        }
        self.parts.watcher.settled(settlement);
        journal::tell(settlement);
    }
}

#[async_trait]
impl Worker for SettleWorker {
    fn name(&self) -> &'static str {
        "settle"
    }

    async fn step(&mut self, now: DateTime<Utc>) -> Result<Next, StoreError> {
        let waiting = self.parts.store.unsettled(BATCH).await?;
        if waiting.is_empty() {
            self.suspicious_up_to = None;
            return Ok(Next::Idle);
        }
        match approach(waiting, self.suspicious_up_to) {
            Approach::Freely(waiting) => self.settle(&waiting, now).await?,
            Approach::MarkedFirst(waiting) => {
                self.parts
                    .store
                    .mark_started(waiting.iter().map(|one| one.id).collect())
                    .await?;
                self.settle(&waiting, now).await?;
            }
            Approach::Quarantine(one) => {
                let reason = "work on it ended the process more than once".to_owned();
                let arrivals = vec![(one.id, Understood::Quarantined(reason))];
                let settlement = Settlement {
                    leads: Vec::new(),
                    arrivals,
                };
                self.parts.store.settle(settlement.clone(), now).await?;
                self.tell(&settlement);
            }
        }
        Ok(Next::Again)
    }
}
