//! How far a canary is, told while it goes, and where it hangs when it does not arrive.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{DestinationName, LeadId};
use serde_json::{Value, json};

use super::plan::Plan;
use crate::cli::send_test::{self, Posted};
use crate::cli::{Exit, screen};
use crate::store::{CanaryLead, CanaryStory, DeliveryStory, DestinationGate, DestinationStatus};

/// The way of one canary as it is seen.
pub(super) struct Journey {
    pub(super) begun: DateTime<Utc>,
    url: String,
    posted: Option<(u16, i64)>,
    lead: Option<LeadId>,
    understood_ms: Option<i64>,
    stops: BTreeMap<DestinationName, Stop>,
    /// Why it is not understood.
    stuck: Option<String>,
    /// What could not be taken away.
    pub(super) left: Option<String>,
    is_told: bool,
    json: bool,
}

/// How it stands at one destination.
#[derive(Default)]
struct Stop {
    state: String,
    record: Option<String>,
    delivered_ms: Option<i64>,
    failure: Option<(String, String)>,
    /// Where it hangs, and what to do.
    reason: Option<String>,
    taken_away: Option<String>,
}

impl Journey {
    /// Nothing has happened yet.
    pub(super) fn begin(plan: &Plan, begun: DateTime<Utc>, json: bool) -> Self {
        let stop = |name: &DestinationName| (name.clone(), Stop::default());
        Self {
            begun,
            url: send_test::masked(&plan.url),
            posted: None,
            lead: None,
            understood_ms: None,
            stops: plan.destinations.iter().map(stop).collect(),
            stuck: None,
            left: None,
            is_told: !json,
            json,
        }
    }

    /// The way of another one, of which nobody wants to hear.
    pub(super) fn silent(plan: &Plan) -> Self {
        Self {
            is_told: false,
            json: false,
            ..Self::begin(plan, DateTime::UNIX_EPOCH, true)
        }
    }

    fn say(&self, after_ms: i64, what: &str, text: &str) {
        if self.is_told {
            let seconds = TimeDelta::milliseconds(after_ms).as_seconds_f64();
            let line = format!("+{seconds:.3}s  {what:<11} {}", screen::clean(text));
            screen::line(line.trim_end());
        }
    }

    fn after(&self, at: DateTime<Utc>) -> i64 {
        (at - self.begun).num_milliseconds().max(0)
    }

    /// The door answered.
    pub(super) fn posted(&mut self, posted: &Posted) {
        self.posted = Some((posted.status.as_u16(), posted.took_ms));
        self.say(
            posted.took_ms,
            "accepted",
            &format!("{}  {}", self.url, posted.status),
        );
    }

    /// It did not.
    pub(super) fn not_posted(&mut self) {
        self.stuck = Some("it was not taken in".to_owned());
    }

    /// Tells what is new.
    pub(super) fn see(&mut self, story: &CanaryStory) {
        let Some(lead) = &story.lead else { return };
        if self.lead.is_none() {
            let after = self.after(lead.settled_at);
            (self.lead, self.understood_ms) = (Some(lead.lead.id), Some(after));
            self.say(after, "understood", &format!("lead {}", lead.lead.id));
        }
        for delivery in &lead.deliveries {
            self.see_delivery(delivery);
        }
    }

    fn see_delivery(&mut self, delivery: &DeliveryStory) {
        let arrived = matches!(delivery.state.as_str(), "delivered" | "closed");
        let after = delivery.at.filter(|_| arrived).map(|at| self.after(at));
        let Some(stop) = self.stops.get_mut(&delivery.destination) else {
            return;
        };
        let is_news = after.is_some() && stop.delivered_ms.is_none();
        stop.state.clone_from(&delivery.state);
        stop.record = delivery.record.as_ref().map(|record| record.0.clone());
        stop.delivered_ms = after;
        let failure = delivery.failures.last();
        stop.failure = failure.map(|(_, failure)| (failure.what.clone(), failure.hint.clone()));
        if let (true, Some(after)) = (is_news, after) {
            let record = delivery.record.as_ref().map_or("", |record| record.0.as_str());
            self.say(after, "delivered", &format!("{}  {record}", delivery.destination));
        }
    }

    /// It has arrived everywhere, or will not.
    pub(super) fn is_over(&self) -> bool {
        let ended = |stop: &Stop| {
            stop.delivered_ms.is_some() || matches!(stop.state.as_str(), "dead" | "withheld" | "discarded")
        };
        self.lead.is_some() && self.stops.values().all(ended)
    }

    /// Says where it hangs: `waiting` arrivals are not understood yet.
    pub(super) fn judge(&mut self, destinations: &[DestinationStatus], waiting: u64) {
        if self.lead.is_none() {
            self.stuck.get_or_insert_with(|| match waiting {
                0 => "it was taken, but not here: the address leads to another daemon, or its mark was lost on the way".to_owned(),
                waiting => format!("it is not understood yet: {waiting} arrivals wait; is the daemon running? (leadsync status)"),
            });
            return;
        }
        for (name, stop) in &mut self.stops {
            let status = destinations.iter().find(|status| status.name == *name);
            if stop.delivered_ms.is_none() {
                stop.reason = Some(hanging(name, stop, status));
            }
        }
    }

    /// What became of it where it had arrived.
    pub(super) fn taken_away(&mut self, name: &DestinationName, what: &str) {
        if self.is_told {
            screen::line(format_args!(
                "          {:<11} {name}: {}",
                "taken away",
                screen::clean(what)
            ));
        }
        if let Some(stop) = self.stops.get_mut(name) {
            stop.taken_away = Some(what.to_owned());
        }
    }

    /// Tells programs.
    pub(super) fn tell(&self) {
        if self.json {
            screen::json(&self.as_json());
        }
    }

    /// An error when it has not arrived everywhere.
    pub(super) fn verdict(&self) -> Result<(), Exit> {
        let late = self.stops.iter().filter_map(|(name, stop)| {
            let reason = stop.reason.as_ref()?;
            Some(format!("{name}: {}", screen::clean_whole(reason)))
        });
        let mut reasons: Vec<String> = self.stuck.iter().cloned().chain(late).collect();
        if !reasons.is_empty() {
            reasons.insert(0, "the canary did not arrive in time".to_owned());
        }
        reasons.extend(self.left.clone());
        if reasons.is_empty() {
            return Ok(());
        }
        Err(Exit::unfinished(reasons.join("\n")))
    }

    fn as_json(&self) -> Value {
        let stop = |(name, stop): (&DestinationName, &Stop)| {
            json!({
                "name": name, "state": stop.state, "delivered_ms": stop.delivered_ms, "record": stop.record,
                "reason": stop.reason, "taken_away": stop.taken_away,
            })
        };
        json!({
            "url": self.url, "status": self.posted.map(|(status, _)| status),
            "answered_ms": self.posted.map(|(_, took)| took), "lead": self.lead, "understood_ms": self.understood_ms,
            "stuck": self.stuck, "destinations": self.stops.iter().map(stop).collect::<Vec<_>>(),
            "left": self.left, "arrived": self.lead.is_some() && self.stops.values().all(|stop| stop.delivered_ms.is_some()),
        })
    }
}

/// Where it hangs on its way to one destination, and what to do.
fn hanging(name: &DestinationName, stop: &Stop, status: Option<&DestinationStatus>) -> String {
    let failed = stop
        .failure
        .as_ref()
        .map(|(what, hint)| format!("{what} -> {hint}"));
    let gate = status.map(|status| &status.gate);
    match (stop.state.as_str(), gate) {
        ("due" | "leased", Some(DestinationGate::Parked { reason, hint })) => {
            format!("parked: {reason} -> {hint}, then: leadsync release {name}")
        }
        ("due" | "leased", Some(DestinationGate::Held { until, reason, .. })) => {
            let until = until.format("%H:%M:%S UTC");
            format!("held until {until}: {reason} -> nothing to do, it is tried again by itself")
        }
        ("waiting", _) => format!("it failed and is tried again: {}", failed.unwrap_or_default()),
        ("dead", _) => format!("dead letter: {}", failed.unwrap_or_default()),
        ("leased", _) => "it is being written -> give it more time with --wait".to_owned(),
        ("due", _) => {
            let due = status.map_or(1, |status| status.due);
            format!(
                "due, {due} in all: nobody took it -> is the destination in the config the daemon runs with, and are there calls left? (leadsync status)"
            )
        }
        ("", _) => "it never got on its way -> is the daemon as new as this command?".to_owned(),
        (state, _) => format!("{state}, by the hand of an operator"),
    }
}

/// The canary as its destinations know it.
pub(super) fn held(lead: &CanaryLead, name: &DestinationName) -> Option<connector_kit::Canary> {
    let delivery = lead.deliveries.iter().find(|one| one.destination == *name);
    let record = delivery.and_then(|delivery| delivery.record.clone());
    connector_kit::Canary::of(&lead.lead, lead.revision, record)
}
