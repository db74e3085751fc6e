//! The worker between the inbox and the leads.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{CanaryMark, DestinationName, Lead};
use tracing::error;

use super::canaries::{self, Announced};
use super::caution::{Approach, approach};
use super::journal;
use super::passage::{self, Passage};
use crate::dedupe::{self, plan};
use crate::normalize::{Understanding, Unreadable};
use crate::runtime::{Bells, LONGEST_STEP, Next, Worker};
use crate::store::{
    Arrival, Identity, InboxId, KnownLead, Settled, Settlement, Store, StoreError, TouchKey, Understood,
    Unsettled,
};

/// The name of who settles.
pub const SETTLING: &str = "settle";

/// How many arrivals are understood and written together. Small enough that a sender whose lead
/// waits for the same writer does not notice.
const BATCH: usize = 96;

/// Reads one arrival: [`crate::normalize::understand`] in the daemon.
pub type Reader = Arc<dyn Fn(&Arrival) -> Result<Understanding, Unreadable> + Send + Sync>;
/// An arrival and what reading it gave, or why it cannot be read.
type Read = (InboxId, Result<Understanding, String>);

/// Leads that are known, and canaries that were announced.
type Known<'a> = (&'a BTreeMap<Identity, KnownLead>, &'a Announced);

/// An arrival and what it became.
type Became = (InboxId, Understood);

/// Chooses where a lead goes.
pub type Router = Arc<dyn Fn(&Lead) -> Vec<DestinationName> + Send + Sync>;

/// Hears what was understood; metrics and the demo listen.
pub trait Watcher: Send + Sync {
    /// A batch was written.
    fn settled(&self, settlement: &Settlement);
    /// An arrival became part of a lead.
    fn passed(&self, _passage: &Passage) {}
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
        let (forgotten, read) = self.without_forgotten(read).await?;
        let known = self.known(&read).await?;
        let mut settlement = self.plan(&read, (&known, &announced));
        settlement.arrivals.extend(forgotten);
        // The planned batch is given away; whoever listens hears of a copy of what matters.
        let told = settlement.clone();
        match self.parts.store.settle(settlement, now).await? {
            // Somebody else changed a lead in between: the next step reads again.
            Settled::Stale => {}
            Settled::Done => {
                self.tell(&told);
                passage::tell(&*self.parts.watcher, waiting, &told, now);
            }
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

    /// Sets apart what tells once more of somebody who was forgotten. Who must not be contacted must not be when
    /// they come back, either.
    async fn without_forgotten(&self, read: Vec<Read>) -> Result<(Vec<Became>, Vec<Read>), StoreError> {
        let understood = |(_, understood): &Read| understood.as_ref().ok().map(asked_of);
        let asked: Vec<Vec<(Identity, TouchKey)>> = read
            .iter()
            .map(|one| understood(one).unwrap_or_default())
            .collect();
        let flat: Vec<(Identity, TouchKey)> = asked.iter().flatten().copied().collect();
        if flat.is_empty() {
            return Ok((Vec::new(), read));
        }
        let mut remembered = self.parts.store.forgotten(flat).await?.into_iter();
        let mut forgotten = Vec::new();
        let mut rest = Vec::with_capacity(read.len());
        for ((id, mut understood), asked) in read.into_iter().zip(asked) {
            let known: Vec<_> = remembered.by_ref().take(asked.len()).collect();
            if let Ok(understanding) = &mut understood {
                if dedupe::is_forgotten(&understanding.touch, &known, self.parts.rules.window) {
                    forgotten.push((id, Understood::Forgotten));
                    continue;
                }
                understanding.touch.dnc |= known.iter().any(|one| one.barred);
            }
            rest.push((id, understood));
        }
        Ok((forgotten, rest))
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

    fn plan(&self, read: &[Read], known: Known<'_>) -> Settlement {
        let joined = catch_unwind(AssertUnwindSafe(|| self.plan_batch(read, known)));
        joined.unwrap_or_else(|_| {
            error!(
                event = "batch_failed",
                arrivals = read.len(),
                "joining a batch failed; looking for the arrival at fault"
            );
            self.plan_first(read, known)
        })
    }

    /// One arrival alone: written when it can be planned, quarantined when it is the one at fault.
    fn plan_first(&self, read: &[Read], known: Known<'_>) -> Settlement {
        let Some(first) = read.get(..1) else {
            return Settlement::default();
        };
        catch_unwind(AssertUnwindSafe(|| self.plan_batch(first, known))).unwrap_or_else(|_| {
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

    fn plan_batch(&self, batch: &[Read], (known, announced): Known<'_>) -> Settlement {
        plan(batch, known, &self.parts.rules, &mut dedupe::lead_id, &|lead| {
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

/// What may be remembered of the one behind an arrival.
fn asked_of(understanding: &Understanding) -> Vec<(Identity, TouchKey)> {
    let touch = dedupe::touch_key(&understanding.touch);
    let identities = understanding.identity_keys.iter();
    identities.map(|identity| (*identity, touch)).collect()
}

#[async_trait]
impl Worker for SettleWorker {
    fn name(&self) -> &'static str {
        SETTLING
    }

    fn longest_step(&self) -> Duration {
        LONGEST_STEP
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
