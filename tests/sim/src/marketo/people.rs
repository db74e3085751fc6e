//! The people an instance knows, and all that ever happened to them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use super::activities::{Activity, Kind};

/// One person.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) fields: Map<String, Value>,
    pub(super) partition: String,
    /// Belongs to a real company: its company fields are written there.
    pub(super) has_company: bool,
}

/// All people, and the log of what happened.
#[derive(Default)]
pub(super) struct People {
    pub(super) held: BTreeMap<u64, Person>,
    pub(super) log: Vec<Activity>,
    /// Who has an address, in lower case: it is what people are usually looked up by.
    by_email: BTreeMap<String, BTreeSet<u64>>,
    last: u64,
}

/// Ids begin somewhere.
const BEFORE_THE_FIRST: u64 = 318_580;

impl People {
    /// Those whose field has this value, texts compared without regard to case.
    pub(super) fn matching(&self, field: &str, value: &Value) -> Vec<u64> {
        if let ("email", Value::String(address)) = (field, value) {
            let known = self.by_email.get(&address.to_lowercase());
            return known.into_iter().flatten().copied().collect();
        }
        let same = |held: &Value| match (held, value) {
            (Value::String(left), Value::String(right)) => left.to_lowercase() == right.to_lowercase(),
            (Value::Number(left), Value::String(right)) => left.to_string() == *right,
            (left, right) => left == right,
        };
        let found = self.held.iter();
        found
            .filter(|(_, person)| person.fields.get(field).is_some_and(same))
            .map(|(id, _)| *id)
            .collect()
    }

    pub(super) fn create(&mut self, fields: Map<String, Value>, partition: &str, now: i64) -> u64 {
        self.last = self.last.max(BEFORE_THE_FIRST) + 1;
        let id = self.last;
        let mut person = Person {
            fields: fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
            partition: partition.to_owned(),
            has_company: false,
        };
        person.fields.insert("id".into(), id.into());
        person.fields.insert("createdAt".into(), moment(now).into());
        person.fields.insert("updatedAt".into(), moment(now).into());
        self.index(id, None, person.fields.get("email"));
        self.held.insert(id, person);
        self.remember(Kind::NewLead, id, Vec::new(), now);
        id
    }

    /// Writes fields, nulls as blanks, and remembers what changed. False when there is no such person.
    pub(super) fn update(&mut self, id: u64, fields: Map<String, Value>, now: i64) -> bool {
        let Some(person) = self.held.get_mut(&id) else {
            return false;
        };
        let mut changes = Vec::new();
        for (name, new) in fields.into_iter().filter(|(name, _)| name != "id") {
            let old = person.fields.get(&name).cloned().unwrap_or_default();
            if old == new {
                continue;
            }
            if new.is_null() {
                person.fields.remove(&name);
            } else {
                person.fields.insert(name.clone(), new.clone());
            }
            changes.push((name, new, old));
        }
        if changes.is_empty() {
            return true;
        }
        person.fields.insert("updatedAt".into(), moment(now).into());
        if let Some((_, new, old)) = changes.iter().find(|(name, ..)| name == "email") {
            self.index(id, Some(old), Some(new));
        }
        self.remember(Kind::Change, id, changes, now);
        true
    }

    pub(super) fn remove(&mut self, id: u64, now: i64) -> bool {
        let known = self.held.remove(&id);
        if let Some(person) = &known {
            self.index(id, person.fields.get("email"), None);
            self.remember(Kind::Deleted, id, Vec::new(), now);
        }
        known.is_some()
    }

    /// An address is no longer somebody's, and another one is.
    fn index(&mut self, id: u64, old: Option<&Value>, new: Option<&Value>) {
        let folded = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_lowercase);
        if let Some(ids) = folded(old).and_then(|old| self.by_email.get_mut(&old)) {
            ids.remove(&id);
        }
        if let Some(new) = folded(new) {
            self.by_email.entry(new).or_default().insert(id);
        }
    }

    fn remember(&mut self, kind: Kind, lead: u64, changes: Vec<(String, Value, Value)>, now: i64) {
        self.log.push(Activity {
            kind,
            lead,
            changes,
            at: now,
        });
    }
}

pub(super) fn moment(millis: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(millis)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}
