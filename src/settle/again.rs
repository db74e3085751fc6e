//! A lead read once more from the bytes it came from, by today's rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use connector_kit::Lead;
use connector_kit::lead::Touch;

use super::{Reader, Router};
use crate::dedupe::{self, plan};
use crate::store::{Arrival, InboxId, KnownLead, LeadChange};

/// What reading a lead again gives.
#[derive(Debug)]
pub enum Again {
    /// The same lead.
    Same,
    /// Another one: the change to write, and what differs.
    Changed(Box<LeadChange>, Vec<Difference>),
    /// It cannot be read again; why.
    Not(&'static str),
}

/// A member of a lead that reads differently, as a path like `person.phone.v`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub path: String,
    /// What it says now; none where it says nothing.
    pub was: Option<String>,
    /// What it would say.
    pub becomes: Option<String>,
}

/// Reads a lead again from all its arrivals. What an operator or another source decided stays: its id, its
/// referrals, and that it must not be contacted.
pub fn again(
    known: &KnownLead,
    arrivals: &[(InboxId, Arrival)],
    reader: &Reader,
    router: &Router,
    rules: &dedupe::Rules,
) -> Again {
    if arrivals.is_empty() {
        return Again::Not("it has no arrivals");
    }
    if arrivals.iter().any(|(_, arrival)| arrival.raw.body.is_empty()) {
        return Again::Not("its bytes are no longer all kept");
    }
    let read: Vec<_> = arrivals
        .iter()
        .map(|(id, arrival)| (*id, reader(arrival).map_err(|unreadable| unreadable.to_string())))
        .collect();
    if read.iter().any(|(_, understood)| understood.is_err()) {
        return Again::Not("one of its arrivals cannot be read any more");
    }
    let id = known.lead.id;
    let settlement = plan(&read, &BTreeMap::new(), rules, &mut |_, _| id, &|lead| {
        router(lead)
    });
    let [change] = settlement.leads.as_slice() else {
        return Again::Not("it reads as several persons by now");
    };
    compare(known, change.clone())
}

fn compare(known: &KnownLead, mut change: LeadChange) -> Again {
    let mut lead = Lead::clone(&change.lead);
    keep_bars(&known.lead, &mut lead);
    let differences = differences(&known.lead, &lead);
    if differences.is_empty() {
        return Again::Same;
    }
    let is_new = |span: &crate::store::TouchSpan| !known.spans.contains(span);
    let stays = |span: &crate::store::TouchSpan| {
        let mut now = change.spans.iter();
        now.any(|other| (other.key, other.first_at) == (span.key, span.first_at))
    };
    let gone = known.spans.iter().filter(|span| !stays(span));
    change.spans_gone = gone.map(|span| (span.key, span.first_at)).collect();
    change.spans.retain(is_new);
    change.before = Some((known.key, known.revision));
    change.revision = known.revision + u32::from(dedupe::changed(&known.lead, &lead));
    // They were written when they were first seen; a lead that goes nowhere stays so.
    change.referrals.clear();
    change.clocks.clear();
    if known.suppression.is_some() {
        change.suppression = known.suppression;
        change.routes.clear();
    }
    change.lead = Arc::new(lead);
    Again::Changed(Box::new(change), differences)
}

/// Contact stays forbidden: bytes do not tell who was forgotten after they had forbidden it.
fn keep_bars(known: &Lead, lead: &mut Lead) {
    lead.dnc |= known.dnc;
    let key = |touch: &Touch| (touch.at, dedupe::touch_key(touch));
    let barred: BTreeSet<_> = known.touches.iter().filter(|touch| touch.dnc).map(key).collect();
    for touch in &mut lead.touches {
        touch.dnc |= barred.contains(&key(touch));
    }
}

fn differences(was: &Lead, becomes: &Lead) -> Vec<Difference> {
    let members = |lead: &Lead| {
        let mut members = BTreeMap::new();
        flatten("", &serde_json::to_value(lead).unwrap_or_default(), &mut members);
        members
    };
    let (was, mut becomes) = (members(was), members(becomes));
    let mut found: Vec<Difference> = Vec::new();
    for (path, value) in was {
        let new = becomes.remove(&path);
        if new.as_ref() != Some(&value) {
            found.push(Difference {
                path,
                was: Some(value),
                becomes: new,
            });
        }
    }
    found.extend(becomes.into_iter().map(|(path, value)| Difference {
        path,
        was: None,
        becomes: Some(value),
    }));
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn flatten(path: &str, value: &serde_json::Value, members: &mut BTreeMap<String, String>) {
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match value {
        serde_json::Value::Object(map) => map
            .iter()
            .for_each(|(name, value)| flatten(&below(name), value, members)),
        serde_json::Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                flatten(&below(&number.to_string()), item, members);
            }
        }
        serde_json::Value::Null => {}
        serde_json::Value::String(text) => drop(members.insert(path.to_owned(), text.clone())),
        other => drop(members.insert(path.to_owned(), other.to_string())),
    }
}
