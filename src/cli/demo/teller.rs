//! Tells the steps of each lead's way, one line each, for people or as JSON.

mod referrals;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use connector_kit::lead::Intent;
use connector_kit::{DestinationName, ErrorKind, Outcome, SourceName, Stage};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::super::screen;
use super::look::{Colour, Look};
use crate::deliver::AttemptFate;
use crate::demo::{Heard, Step};
use crate::store::Understood;

/// Tells what is heard.
pub(super) struct Teller {
    look: Look,
    begun: DateTime<Utc>,
    heard: UnboundedReceiver<Heard>,
    resting: BTreeSet<DestinationName>,
}

/// A step in words.
struct Line {
    word: &'static str,
    colour: Colour,
    text: String,
    details: Value,
}

/// A system by its name, so that what follows stands below each other.
fn whom(system: &str) -> String {
    format!("{system:<14}")
}

fn line(word: &'static str, colour: Colour, text: String, details: Value) -> Line {
    Line {
        word,
        colour,
        text,
        details,
    }
}

impl Teller {
    /// Counts time from `begun`.
    pub(super) fn new(look: Look, begun: DateTime<Utc>, heard: UnboundedReceiver<Heard>) -> Self {
        Self {
            look,
            begun,
            heard,
            resting: BTreeSet::new(),
        }
    }

    /// Tells every step as it comes; does not end while somebody may speak.
    pub(super) async fn tell(&mut self) {
        while let Some(heard) = self.heard.recv().await {
            self.say(&heard);
        }
    }

    /// Tells what was heard already.
    pub(super) fn tell_the_rest(&mut self) {
        while let Ok(heard) = self.heard.try_recv() {
            self.say(&heard);
        }
    }

    fn say(&mut self, heard: &Heard) {
        if self.look.summary_only {
            return;
        }
        let after = (heard.at - self.begun).num_milliseconds().max(0);
        for line in self.lines(&heard.step) {
            if self.look.json {
                let mut object = json!({ "after_ms": after, "step": line.word });
                if let (Some(object), Value::Object(details)) = (object.as_object_mut(), line.details) {
                    object.extend(details);
                }
                screen::line(object);
            } else {
                let (whole, rest) = (after / 1000, after % 1000);
                let word = self.look.paint(line.colour, &format!("{:<11}", line.word));
                let text = screen::clean(&line.text);
                screen::line(format_args!("+{whole}.{rest:03}s  {word}  {text}"));
            }
        }
    }

    /// One line, and another where a destination ends its rest.
    fn lines(&mut self, step: &Step) -> Vec<Line> {
        match step {
            Step::Accepted { arrival, source } => {
                let details = json!({ "arrival": arrival, "source": source });
                let text = format!("{}  #{arrival}", whom(source));
                vec![line("accepted", Colour::Dim, text, details)]
            }
            Step::Refused { status } => {
                let text = format!("{status}: nobody can read this body; it is kept in quarantine");
                vec![line("refused", Colour::Yellow, text, json!({ "status": status }))]
            }
            Step::Understood { what, who } => {
                let (word, text) = understood(what);
                let text = format!("{text}{}{}", who.name, intent(who.intent));
                vec![line(word, Colour::Plain, text, json!({ "lead": who.lead }))]
            }
            Step::Suppressed { why, who } => {
                let text = format!("{}: {} goes nowhere", why.as_str(), who.name);
                let details = json!({ "lead": who.lead, "why": why.as_str() });
                vec![line("suppressed", Colour::Yellow, text, details)]
            }
            Step::Called {
                destination,
                fate,
                error,
                who,
            } => {
                let error = error.map(ErrorKind::as_str);
                let details = json!({ "destination": destination, "lead": who.lead, "error": error });
                self.called(destination, *fate, &who.name, details)
            }
            Step::Outcome { source, outcome, who } => vec![told(source, outcome, &who.name)],
            Step::Referred {
                referral,
                source,
                who,
            } => vec![referrals::came(source, referral, who)],
            Step::Unreported {
                referral,
                sink,
                why,
                who,
            } => vec![referrals::unreported(sink, referral, why, who)],
            Step::Stands {
                referral,
                source,
                state,
                says,
                who,
            } => vec![referrals::stands((source, referral), state, says.as_deref(), who)],
        }
    }

    fn called(
        &mut self,
        destination: &DestinationName,
        fate: AttemptFate,
        name: &str,
        details: Value,
    ) -> Vec<Line> {
        let at = whom(destination.as_str());
        let why = details["error"].as_str().unwrap_or_default().to_owned();
        match fate {
            AttemptFate::Delivered | AttemptFate::Closed => {
                let delivered = line("delivered", Colour::Green, format!("{at}  {name}"), details);
                let recovered = self.resting.remove(destination).then(|| {
                    let details = json!({ "destination": destination });
                    line(
                        "recovered",
                        Colour::Green,
                        format!("{at}  its rest is over"),
                        details,
                    )
                });
                recovered.into_iter().chain([delivered]).collect()
            }
            AttemptFate::Dead => vec![line(
                "dead letter",
                Colour::Red,
                format!("{at}  {name}: {why}"),
                details,
            )],
            AttemptFate::Withheld | AttemptFate::Forgotten { .. } => {
                vec![line("withheld", Colour::Yellow, format!("{at}  {name}"), details)]
            }
            AttemptFate::Retried => {
                let text = format!("{at}  {name}: {why}, tried again later");
                vec![line("retry", Colour::Yellow, text, details)]
            }
            AttemptFate::Returned => {
                self.resting.insert(destination.clone());
                let text = format!("{at}  {why}: it rests for a moment, its leads wait");
                vec![line("held", Colour::Yellow, text, details)]
            }
            AttemptFate::LeaseLost => Vec::new(),
        }
    }
}

/// What a CRM said of a lead.
fn told(source: &SourceName, outcome: &Outcome, name: &str) -> Line {
    let colour = match outcome.stage {
        Stage::Won => Colour::Green,
        Stage::Lost | Stage::Declined => Colour::Yellow,
        _ => Colour::Plain,
    };
    let worth = outcome.value.as_ref().map_or_else(String::new, |value| {
        let currency = value.currency.as_deref().unwrap_or_default();
        format!(", {} {currency}", value.amount)
    });
    let text = format!("{}  {name}: {}{worth}", whom(source.as_str()), outcome.state);
    let details = json!({
        "source": source, "lead": outcome.lead, "state": outcome.state, "value": outcome.value,
    });
    line(outcome.stage.as_str(), colour, text, details)
}

fn understood(what: &Understood) -> (&'static str, &'static str) {
    match what {
        Understood::New(_) => ("understood", "new lead: "),
        Understood::Merged(_) => ("merged", "a new touch of "),
        Understood::Repeat(_) => ("repeat", "the same touch again of "),
        Understood::Quarantined(_) => ("quarantined", ""),
        Understood::Forgotten => ("forgotten", ""),
    }
}

fn intent(intent: Intent) -> &'static str {
    match intent {
        Intent::Unknown => "",
        Intent::ContactMe => ", wants to be called",
        Intent::Trial => ", is trying it",
        Intent::Acquired => ", acquired it",
    }
}
