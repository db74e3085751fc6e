//! One worker of a destination: lease, gate, call, write back.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use connector_kit::dice::Dice;
use connector_kit::{ConnectorError, Destination, DestinationName, ErrorKind, LeadDelivery, LeadId, Receipt};
use futures_util::FutureExt;
use tracing::{debug, info, warn};

use super::attempted::{AttemptFate, Attempted, Observer};
use super::budget::Allowance;
use super::disposition::{Patience, Situation};
use super::outcome::{Scales, Verdict};
use super::parcel::{Cargo, Parcel};
use super::purse::Purse;
use super::taking::{BULK_LEASE, PORTION, Taken};
use crate::runtime::{Bell, LONGEST_TALK, Next, Worker};
use crate::store::{
    DeliveryResult, DestinationGate, Ending, Failure, FinishOutcome, Finished, Lane, Lease, Store, StoreError,
};

/// Calls in a row that met nothing but a broken destination, after which it gets a rest.
const BROKEN_CALLS: u32 = 3;

/// What all workers of one destination share.
pub struct Room {
    /// Its name.
    pub name: DestinationName,
    /// The way to it.
    pub destination: Arc<dyn Destination>,
    /// When it may be called, and what for.
    pub purse: Arc<Purse>,
    /// How patient we are with it.
    pub patience: Patience,
    /// How long a worker may hold a delivery.
    pub lease: Duration,
    /// Wakes its workers, one bell for each.
    pub bells: Vec<Bell>,
    /// Calls in a row that met nothing but a broken destination. Only a shortcut: it is lost with
    /// the process, and then counted anew.
    pub broken_calls: AtomicU32,
    /// Told what became of each call.
    pub observer: Arc<dyn Observer>,
}

/// One of the workers of a destination.
///
/// The first takes whatever is due, so that a lone lead goes at once. The others take only full
/// batches: calls are the scarce good. The second, or the only one, takes a great many at once where
/// the destination has a way for that.
pub struct DeliveryWorker {
    pub(super) room: Arc<Room>,
    pub(super) first: bool,
    pub(super) bulky: bool,
    pub(super) store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    dice: Dice,
    label: String,
}

impl DeliveryWorker {
    /// Worker `number` of the destination, counted from 0.
    pub fn new(
        room: Arc<Room>,
        number: usize,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        dice: Dice,
    ) -> Self {
        let label = format!("deliver {} {number}", room.name);
        Self {
            first: number == 0,
            bulky: number == usize::from(room.bells.len() > 1),
            room,
            store,
            clock,
            dice,
            label,
        }
    }

    /// Asks the gate for each lease, with the lead's standing as of this moment.
    async fn pack(&self, leases: Vec<Lease>) -> Result<Vec<Parcel>, StoreError> {
        let leads = leases.iter().map(|lease| lease.lead).collect();
        let barred = self.store.barred(leads).await?;
        Ok(leases
            .into_iter()
            .map(|lease| Parcel::pack(lease, &barred))
            .collect())
    }

    /// One answer for each delivery that was sent, in their order.
    async fn call(&self, parcels: &mut [Parcel]) -> Vec<Result<Receipt, ConnectorError>> {
        let deliveries: Vec<LeadDelivery> = parcels.iter_mut().filter_map(Parcel::send).collect();
        if deliveries.is_empty() {
            return Vec::new();
        }
        let call = AssertUnwindSafe(self.room.destination.upsert(&deliveries)).catch_unwind();
        let mut answers = call.await.unwrap_or_default();
        // A connector that panicked or lost count: what is not answered is unknown.
        answers.truncate(deliveries.len());
        answers.resize_with(deliveries.len(), || {
            let doing = format!("deliver to {}: the connector gave no answer", self.room.name);
            Err(ConnectorError::new(ErrorKind::Broken, doing))
        });
        answers
    }

    async fn finish(
        &self,
        mut finished: Vec<Finished>,
        gate: Option<DestinationGate>,
        called: bool,
    ) -> Result<Vec<FinishOutcome>, StoreError> {
        let Room { name, purse, .. } = &*self.room;
        let now = self.clock.now();
        let spent = called.then(|| purse.take(now));
        // A bulk is written in portions, so that no sender waits for all of it.
        let mut rest = finished.split_off(finished.len().min(PORTION));
        let ending = Ending {
            results: finished,
            gate: gate.clone(),
            spent,
        };
        let mut outcomes = match self.store.finish(name, ending, now).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                if let Some(spent) = &spent {
                    purse.give_back(spent);
                }
                return Err(error);
            }
        };
        // What is told of it holds: it is written.
        if let Some(gate) = &gate {
            self.announce(gate);
            self.room.observer.gated(name, gate);
        }
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(PORTION));
            let ending = Ending::of(std::mem::replace(&mut rest, later));
            outcomes.extend(self.store.finish(name, ending, now).await?);
        }
        Ok(outcomes)
    }

    fn announce(&self, gate: &DestinationGate) {
        let name = &self.room.name;
        match gate {
            DestinationGate::Open => {
                info!(event = "destination_open", destination = %name, "{name} answers again");
            }
            DestinationGate::Held { until, reason, .. } => {
                warn!(event = "destination_held", destination = %name, until = %until, reason = ?reason, "{name} rests; nothing is lost");
            }
            DestinationGate::Parked { reason, hint } => {
                tracing::error!(event = "destination_parked", destination = %name, reason = ?reason, hint = ?hint, "{name} is parked until it is released");
            }
        }
    }

    /// Turns answers into results, and the call as a whole into the destination's gate.
    fn judge(
        &self,
        parcels: Vec<Parcel>,
        answers: Vec<Result<Receipt, ConnectorError>>,
        was: &DestinationGate,
    ) -> (Vec<Finished>, Option<DestinationGate>) {
        let holds = if let DestinationGate::Held { holds, .. } = was {
            *holds
        } else {
            0
        };
        let now = self.clock.now();
        // One throw for the call: what failed together comes again together, in one call.
        let throw = self.dice.fraction();
        let chance = || throw;
        let scales = Scales {
            patience: &self.room.patience,
            holds,
            now,
            chance: &chance,
        };
        let mut verdict = Verdict::default();
        let mut answers = answers.into_iter();
        let mut finished = Vec::with_capacity(parcels.len());
        for Parcel { lease, cargo, .. } in parcels {
            let result = match (cargo, &mut answers) {
                (Cargo::Sent, answers) => match answers.next() {
                    Some(answer) => scales.weigh(&mut verdict, lease.attempt, answer),
                    None => DeliveryResult::Returned { uncertain: true },
                },
                (Cargo::Unreadable, _) => DeliveryResult::Dead(unreadable()),
                (Cargo::Withheld | Cargo::Delivery(_), _) => DeliveryResult::Suppressed,
            };
            finished.push(Finished { lease, result });
        }
        if !self.deserves_a_rest(&verdict) {
            return (finished, verdict.gate(was));
        }
        let situation = Situation {
            attempts: 0,
            holds,
            chance: chance(),
            now,
        };
        let until = self.room.patience.rest_over(None, situation);
        let reason = format!("{} answers with nothing but errors of its own", self.room.name);
        (
            finished,
            Some(DestinationGate::Held {
                until,
                holds: holds + 1,
                reason,
            }),
        )
    }

    /// True when the destination has earned a rest: it broke on everything, several times in a row.
    fn deserves_a_rest(&self, verdict: &Verdict) -> bool {
        if !verdict.only_broken() {
            self.room.broken_calls.store(0, Ordering::Relaxed);
            return false;
        }
        self.room.broken_calls.fetch_add(1, Ordering::Relaxed) + 1 >= BROKEN_CALLS
    }

    fn report(&self, attempted: &[Attempted], took: TimeDelta) {
        let name = &self.room.name;
        self.room.observer.called(name, took, attempted);
        let duration_ms = took.num_milliseconds();
        let delivered = attempted.iter().filter(|one| one.fate.is_confirmed()).count();
        match attempted {
            [
                Attempted {
                    lead: Some(lead),
                    revision,
                    fate: AttemptFate::Delivered | AttemptFate::Closed,
                    ..
                },
            ] => {
                info!(event = "delivered", lead.id = %lead, revision, destination = %name, duration_ms, "lead delivered to {name}");
            }
            _ if delivered > 0 => {
                info!(event = "delivered", leads = delivered, destination = %name, duration_ms, "{delivered} leads delivered to {name}");
            }
            _ => {}
        }
        for one in attempted.iter().filter(|one| one.fate != AttemptFate::Delivered) {
            self.report_one(*one);
        }
    }

    fn report_one(&self, one: Attempted) {
        let Attempted {
            lead,
            revision,
            fate,
            error,
        } = one;
        let name = &self.room.name;
        let lead = lead.map(|id| id.to_string()).unwrap_or_default();
        let kind = error.map(ErrorKind::as_str);
        match fate {
            AttemptFate::Dead => {
                warn!(event = "dead_letter", lead.id = %lead, revision, kind, destination = %name, "delivery to {name} ended as a dead letter; see: leadsync dead-letters show {lead}");
            }
            AttemptFate::Closed => {
                info!(event = "closed", lead.id = %lead, revision, destination = %name, "the record of the lead in {name} takes no more changes; later revisions are not sent");
            }
            AttemptFate::Forgotten { written: true } => {
                warn!(event = "forgotten_in_flight", lead.id = %lead, destination = %name, "lead was forgotten while {name} was called: a record with its id may stand there; erase it there");
            }
            AttemptFate::Forgotten { written: false } => {
                info!(event = "withdrawn", lead.id = %lead, destination = %name, "lead was forgotten and is not sent to {name}");
            }
            AttemptFate::Withheld => {
                info!(event = "withheld", lead.id = %lead, destination = %name, "lead withheld from {name}: do not contact");
            }
            fate => {
                debug!(lead.id = %lead, revision, destination = %name, fate = fate.as_str(), kind, "delivery attempted");
            }
        }
    }
}

#[async_trait]
impl Worker for DeliveryWorker {
    fn name(&self) -> &str {
        &self.label
    }

    fn longest_step(&self) -> Duration {
        LONGEST_TALK.max(BULK_LEASE)
    }

    async fn step(&mut self, now: DateTime<Utc>) -> Result<Next, StoreError> {
        let token = match self.room.purse.draw() {
            Ok(token) => token,
            Err(at) => return Ok(Next::At(at)),
        };
        let (lowest, changes_at) = match self.room.purse.allowance(&*self.store, now).await? {
            Allowance::All => (Lane::Backfill, None),
            Allowance::LiveOnly { until, .. } => (Lane::Live, Some(until)),
            Allowance::Nothing { until, .. } => return Ok(Next::At(until)),
        };
        let Taken {
            gate,
            leases,
            until,
            next_at,
        } = self.take(lowest, now).await?;
        if leases.is_empty() {
            let next_at = [next_at, changes_at].into_iter().flatten().min();
            return Ok(next_at.map_or(Next::Idle, Next::At));
        }
        let mut parcels = self.pack(leases).await?;
        if self.clock.now() >= until {
            // The process was stopped in between: others may hold these deliveries by now.
            return Ok(Next::Again);
        }
        let calls = parcels
            .iter()
            .any(|parcel| matches!(parcel.cargo, Cargo::Delivery(_)));
        if calls {
            token.spend();
        }
        let leads: Vec<(Option<LeadId>, u32)> = parcels
            .iter()
            .map(|parcel| (parcel.lead, parcel.lease.revision))
            .collect();
        let begun = self.clock.now();
        let answers = self.call(&mut parcels).await;
        let took = self.clock.now() - begun;
        let errors = errors(&parcels, &answers);
        // A refusal after a rest may still be the answer to what came before it.
        if gate == DestinationGate::Open && errors.contains(&Some(ErrorKind::Throttled)) {
            self.room.purse.refused();
        }
        let (finished, gate) = self.judge(parcels, answers, &gate);
        let fates: Vec<AttemptFate> = finished.iter().map(|one| AttemptFate::of(&one.result)).collect();
        let opened = gate == Some(DestinationGate::Open);
        let outcomes = self.finish(finished, gate, calls).await?;
        if opened {
            // One found out that the rest is over; the others would sleep on.
            self.room.bells.iter().for_each(Bell::ring);
        }
        let attempted: Vec<Attempted> = leads
            .into_iter()
            .zip(errors)
            .zip(fates.into_iter().zip(outcomes))
            .map(|(((lead, revision), error), (fate, outcome))| Attempted {
                lead,
                revision,
                error,
                fate: fate.unless_lost(outcome),
            })
            .collect();
        self.report(&attempted, took);
        Ok(Next::Again)
    }
}

/// Who has to change, per parcel; nothing for what was not sent or went well.
fn errors(parcels: &[Parcel], answers: &[Result<Receipt, ConnectorError>]) -> Vec<Option<ErrorKind>> {
    let mut answers = answers.iter();
    let kind = |parcel: &Parcel| match parcel.cargo {
        Cargo::Sent => answers
            .next()
            .and_then(|answer| answer.as_ref().err().map(ConnectorError::kind)),
        _ => None,
    };
    parcels.iter().map(kind).collect()
}

fn unreadable() -> Failure {
    Failure {
        kind: ErrorKind::Rejected,
        what: "read the stored lead".into(),
        hint:
            "the store was written by a newer or damaged leadsync: upgrade, or restore a backup, then requeue"
                .into(),
        answer: None,
    }
}
