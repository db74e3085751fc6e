//! The floor: what is written here survives.
//!
//! One trait in three parts, leads, referrals and alarms: a few dozen verbs, each in one transaction, with `now`
//! from outside. Nothing above knows which database answers.

mod alarms;
mod around;
#[cfg(test)]
mod conformance;
pub mod faulty;
mod referrals;
pub mod sqlite;
pub mod words;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{Checkpoint, DestinationName, LeadId, SourceName};

pub use alarms::AlarmStore;
pub use around::Around;
pub use referrals::ReferralStore;
pub use words::*;

/// Keeps leads, in the order of their way: inbox, leads, deliveries, outcome of each attempt.
#[async_trait]
pub trait Store: ReferralStore + AlarmStore {
    // --- a lead comes in -------------------------------------------------------------------

    /// Keeps the arrivals, and with them the checkpoint of the poll they came from.
    ///
    /// When this returns `Ok`, the bytes are on disk. An arrival whose reference is already known
    /// is [`Custody::Known`].
    async fn accept(
        &self,
        arrivals: Vec<Arrival>,
        checkpoint: Option<(SourceName, Checkpoint)>,
    ) -> Result<Vec<Custody>, StoreError>;

    /// Keeps bytes nobody could read, oldest dropped first when the bound is reached.
    async fn quarantine(&self, items: Vec<Unreadable>) -> Result<(), StoreError>;

    /// Where the source's last poll left off.
    async fn checkpoint(&self, source: &SourceName) -> Result<Option<Checkpoint>, StoreError>;

    // --- it is understood ------------------------------------------------------------------

    /// The oldest arrivals nobody has understood yet.
    async fn unsettled(&self, limit: usize) -> Result<Vec<Unsettled>, StoreError>;

    /// Notes that work on these arrivals begins, so that one that kills the process is found out.
    async fn mark_started(&self, ids: Vec<InboxId>) -> Result<(), StoreError>;

    /// The leads behind these identities, in the same order.
    async fn known(&self, identities: Vec<Identity>) -> Result<Vec<Option<KnownLead>>, StoreError>;

    /// What is remembered of persons who were forgotten, in the same order: whether one of them is
    /// behind this identity, and whether this touch was one of theirs.
    async fn forgotten(&self, asked: Vec<(Identity, TouchKey)>) -> Result<Vec<Remembered>, StoreError>;

    /// Writes what was understood, all or nothing. [`Settled::Stale`] when a lead changed since it
    /// was read: read again, decide again.
    async fn settle(&self, settlement: Settlement, now: DateTime<Utc>) -> Result<Settled, StoreError>;

    // --- it is delivered -------------------------------------------------------------------

    /// Hands out deliveries that are due, hot ones first, each to one holder alone.
    async fn lease(
        &self,
        destination: &DestinationName,
        ask: LeaseAsk,
        now: DateTime<Utc>,
    ) -> Result<Leased, StoreError>;

    /// Which of these leads must not be contacted, or were forgotten, as of now: the gate at the moment
    /// of writing.
    async fn barred(&self, leads: Vec<LeadKey>) -> Result<Vec<(LeadKey, Barred)>, StoreError>;

    /// Writes what became of leased deliveries and of their destination, and what the call cost.
    async fn finish(
        &self,
        destination: &DestinationName,
        ending: Ending,
        now: DateTime<Utc>,
    ) -> Result<Vec<FinishOutcome>, StoreError>;

    // --- what becomes of it there ------------------------------------------------------------

    /// Where the last look at this CRM left off.
    async fn watched_until(&self, source: &SourceName) -> Result<Option<Checkpoint>, StoreError>;

    /// Keeps what a look at a CRM showed, together with where it left off. Seen twice is kept once; a
    /// record as we made it, open, without an owner and a value, not at all.
    async fn observe(&self, sighting: Sighting, now: DateTime<Utc>) -> Result<Vec<Noted>, StoreError>;

    // --- calls are counted -----------------------------------------------------------------

    /// Writes what calls cost that delivered nothing.
    async fn spend(&self, connector: &DestinationName, spent: Spent) -> Result<(), StoreError>;

    /// What a connector's calls came to.
    async fn ledger(&self, connector: &DestinationName) -> Result<Ledger, StoreError>;

    // --- the operator looks and acts -------------------------------------------------------

    /// Totals, cheap at any size.
    async fn totals(&self) -> Result<Totals, StoreError>;

    /// Every destination the store knows, with its gate and queue.
    async fn destinations(&self, now: DateTime<Utc>) -> Result<Vec<DestinationStatus>, StoreError>;

    /// What the store takes of its disk, and what is left there.
    async fn footprint(&self) -> Result<Footprint, StoreError>;

    /// Leads, newest first.
    async fn leads(&self, filter: LeadFilter) -> Result<Vec<LeadRow>, StoreError>;

    /// Everything known of one lead.
    async fn lead(&self, id: LeadId) -> Result<Option<LeadStory>, StoreError>;

    /// What holds for leads in the CRMs, or all that was ever said of one.
    async fn outcomes(&self, filter: OutcomeFilter) -> Result<Vec<OutcomeRow>, StoreError>;

    /// Dead letters, newest first.
    async fn dead_letters(&self, filter: DeadLetterFilter) -> Result<Vec<DeadLetter>, StoreError>;

    /// Gives dead letters another life ([`DeadLetterAct::Requeue`]) or ends them for good.
    async fn settle_dead_letters(
        &self,
        which: DeadLetterFilter,
        act: DeadLetterAct,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError>;

    // --- the ledger is compared with what others hold ----------------------------------------

    /// How leads stand with one destination, oldest first, a page at a time.
    async fn survey(&self, ask: SurveyAsk) -> Result<Vec<Surveyed>, StoreError>;

    /// Orders what the destination confirmed to be delivered again, behind all that is live, and leads
    /// it was never meant to get for the first time; the caller vouches that they have a route there.
    /// What is on its way, ended badly, was withheld or is closed stays as it is, and so does a lead
    /// that goes nowhere by rule.
    async fn order_again(
        &self,
        destination: &DestinationName,
        leads: Vec<LeadKey>,
        now: DateTime<Utc>,
    ) -> Result<OrderedAgain, StoreError>;

    /// Which of these references of the source are kept, in the same order.
    async fn known_references(
        &self,
        source: &SourceName,
        references: Vec<String>,
    ) -> Result<Vec<bool>, StoreError>;

    /// How many arrivals of the source happened since then.
    async fn arrived_since(&self, source: &SourceName, since: DateTime<Utc>) -> Result<u64, StoreError>;

    // --- and what is kept goes again, or a destination may be called -------------------------

    /// Forgets a person: all that is kept of them is overwritten, what waits for them is withdrawn, and
    /// what they did is known again only by keyed hashes.
    ///
    /// With `dry_run` in the order nothing changes. What is in the log of the database is overwritten a
    /// little later; see [`Traces::is_swept`].
    async fn forget(&self, order: ForgetOrder, now: DateTime<Utc>) -> Result<Traces, StoreError>;

    /// Clears a portion of old data away, in one small transaction. What is still to be done with stays.
    async fn prune(&self, portion: Portion) -> Result<Pruned, StoreError>;

    /// Opens a held or parked destination again. False when the store never heard of it.
    async fn release(&self, destination: &DestinationName, now: DateTime<Utc>) -> Result<bool, StoreError>;
}
