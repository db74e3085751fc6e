//! Hears what the daemon does, and takes the time.

mod referrals;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use connector_kit::{DestinationName, LeadId, Outcome, ReferralId, SourceName};
use tokio::sync::mpsc::UnboundedSender;

use crate::app::Ears;
use crate::deliver::Attempted;
use crate::store::{LeadChange, ReportStep, Settlement, Understood};
use crate::syncback::{End, Reported};

pub use step::{Heard, Step, Who};

/// The demo's ears.
pub struct Listener {
    clock: Arc<dyn Clock>,
    steps: UnboundedSender<Heard>,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    people: BTreeMap<LeadId, (Who, DateTime<Utc>)>,
    delivered: BTreeMap<(DestinationName, LeadId), DateTime<Utc>>,
    /// Whom referrals are about.
    referred: BTreeMap<ReferralId, Who>,
    /// What was told of referrals.
    told: BTreeSet<(ReferralId, String)>,
}

impl Listener {
    /// Tells everything it hears to `steps`.
    pub fn new(clock: Arc<dyn Clock>, steps: UnboundedSender<Heard>) -> Self {
        Self {
            clock,
            steps,
            book: Mutex::default(),
        }
    }

    /// Something happened just now.
    pub fn tell(&self, step: Step) {
        self.tell_of(self.clock.now(), step);
    }

    /// From receipt to the first confirmed delivery, once per lead and destination, shortest first.
    pub fn delivery_times(&self) -> Vec<TimeDelta> {
        let book = self.book();
        let times = book.delivered.iter().filter_map(|((_, lead), at)| {
            let (_, since) = book.people.get(lead)?;
            Some(*at - *since)
        });
        let mut times: Vec<_> = times.collect();
        times.sort_unstable();
        times
    }

    fn tell_of(&self, at: DateTime<Utc>, step: Step) {
        // Nobody listens any more: the demo is ending.
        let _ = self.steps.send(Heard { at, step });
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn understood(&self, what: &Understood, change: &LeadChange, now: DateTime<Utc>) {
        let who = self.meet(change);
        let step = Step::Understood {
            what: what.clone(),
            who: who.clone(),
        };
        self.tell_of(now, step);
        if let (Some(why), Understood::New(_) | Understood::Merged(_)) = (change.suppression, what) {
            self.tell_of(now, Step::Suppressed { why, who });
        }
    }

    /// Remembers whom a lead is about.
    fn meet(&self, change: &LeadChange) -> Who {
        let who = Who::of(&change.lead);
        let known = (who.clone(), change.lead.first_at);
        self.book().people.insert(change.lead.id, known);
        who
    }

    /// Notes the first delivery of each lead. It may be heard before that the lead was understood.
    fn delivered(&self, destination: &DestinationName, attempt: &Attempted, now: DateTime<Utc>) -> Who {
        let Some(lead) = attempt.lead else {
            return Who::default();
        };
        let mut book = self.book();
        if attempt.fate.is_confirmed() {
            book.delivered.entry((destination.clone(), lead)).or_insert(now);
        }
        let known = book.people.get(&lead).map(|(who, _)| who.clone());
        known.unwrap_or(Who {
            lead: Some(lead),
            ..Who::default()
        })
    }
}

impl Ears for Listener {
    fn settled(&self, settlement: &Settlement) {
        let now = self.clock.now();
        for (arrival, what) in &settlement.arrivals {
            let change = match what {
                Understood::New(id) | Understood::Merged(id) | Understood::Repeat(id) => {
                    settlement.leads.iter().find(|change| change.lead.id == *id)
                }
                Understood::Quarantined(_) | Understood::Forgotten => None,
            };
            let Some(change) = change else { continue };
            if !change.referrals.is_empty() {
                self.referral_understood(what, change, now);
                continue;
            }
            let touch = change.lead.latest();
            let accepted = Step::Accepted {
                arrival: arrival.0,
                source: touch.map(|touch| touch.source.to_string()).unwrap_or_default(),
            };
            self.tell_of(change.lead.last_at, accepted);
            self.understood(what, change, now);
        }
    }

    fn called(&self, destination: &DestinationName, _took: TimeDelta, attempted: &[Attempted]) {
        let now = self.clock.now();
        for attempt in attempted {
            let who = self.delivered(destination, attempt, now);
            let step = Step::Called {
                destination: destination.clone(),
                fate: attempt.fate,
                error: attempt.error,
                who,
            };
            self.tell_of(now, step);
        }
    }

    fn observed(&self, source: &SourceName, news: &[Outcome]) {
        for outcome in news {
            let known = outcome
                .lead
                .and_then(|lead| self.book().people.get(&lead).map(|(who, _)| who.clone()));
            self.tell(Step::Outcome {
                source: source.clone(),
                outcome: Box::new(outcome.clone()),
                who: known.unwrap_or_default(),
            });
        }
    }

    fn stepped(&self, sink: &SourceName, referral: &ReferralId, step: &ReportStep) {
        if step.result == "done" {
            self.written(sink, referral, step.state.as_ref(), self.clock.now());
        }
    }

    fn reported(&self, sink: &SourceName, referral: &ReferralId, ended: &Reported) {
        if let End::Refused(why) = &ended.end {
            self.unreported(sink, referral, why, self.clock.now());
        }
    }
}

#[cfg(test)]
mod tests;
