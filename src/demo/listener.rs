//! Hears what the daemon does, and takes the time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use connector_kit::lead::Intent;
use connector_kit::{DestinationName, ErrorKind, Lead, LeadId, Outcome, SourceName};
use tokio::sync::mpsc::UnboundedSender;

use crate::app::Ears;
use crate::deliver::{AttemptFate, Attempted};
use crate::store::{LeadChange, Settlement, Suppression, Understood};

/// One step of a lead's way, and when it was done.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub step: Step,
}

/// One step of a lead's way.
#[derive(Clone, Debug)]
pub enum Step {
    /// It is on disk, and its sender heard 200.
    Accepted {
        /// Its number in the inbox.
        arrival: i64,
        /// The source it came through.
        source: String,
    },
    /// Nobody can read it; the bytes are in quarantine.
    Refused {
        /// What its sender heard.
        status: u16,
    },
    /// It was understood, and is a new lead, a touch of one, or a repeat.
    Understood {
        /// Which of the three.
        what: Understood,
        /// Who it is about.
        who: Who,
    },
    /// It goes nowhere.
    Suppressed {
        /// By which rule.
        why: Suppression,
        /// Who it is about.
        who: Who,
    },
    /// A destination was called.
    Called {
        /// Which.
        destination: DestinationName,
        /// What became of the delivery.
        fate: AttemptFate,
        /// Who has to change, when it failed.
        error: Option<ErrorKind>,
        /// Who it is about.
        who: Who,
    },
    /// A CRM said something new of a lead.
    Outcome {
        /// Which.
        source: SourceName,
        /// What it said.
        outcome: Box<Outcome>,
        /// Who it is about.
        who: Who,
    },
}

/// A lead in a few words.
#[derive(Clone, Debug, Default)]
pub struct Who {
    /// Its id.
    pub lead: Option<LeadId>,
    /// Name and company.
    pub name: String,
    /// How far the customer went.
    pub intent: Intent,
}

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
        let who = Who::of(&change.lead);
        self.book()
            .people
            .insert(change.lead.id, (who.clone(), change.lead.first_at));
        let step = Step::Understood {
            what: what.clone(),
            who: who.clone(),
        };
        self.tell_of(now, step);
        if let (Some(why), Understood::New(_) | Understood::Merged(_)) = (change.suppression, what) {
            self.tell_of(now, Step::Suppressed { why, who });
        }
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
                Understood::Quarantined(_) => None,
            };
            let Some(change) = change else { continue };
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
}

impl Who {
    fn of(lead: &Lead) -> Self {
        let person = &lead.person;
        let said = [&person.first_name, &person.last_name, &person.company];
        let [first, last, company] = said.map(|said| said.as_ref().map_or("", |said| said.value.as_str()));
        let name = match (first, last) {
            (one, other) if one == other => one.to_owned(),
            _ => format!("{first} {last}").trim().to_owned(),
        };
        let offer = lead.latest().map_or("", |touch| touch.offer_title.as_str());
        let shown = match (name.as_str(), company) {
            ("", "") => format!("nobody named ({offer})"),
            (one, "") | ("", one) => one.to_owned(),
            (one, other) if one == other => name,
            _ => format!("{name}, {company}"),
        };
        Self {
            lead: Some(lead.id),
            name: shown,
            intent: lead.intent,
        }
    }
}
