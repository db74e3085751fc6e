//! What a test sees: what came, what it did, and what was odd about it.

use std::collections::{BTreeMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};
use http::HeaderMap;
use serde_json::Value;

use super::PartnerCenter;
use super::answer::Cause;
use super::lifecycle::Stage;

/// So many requests are remembered.
const REMEMBERED: usize = 20_000;

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A page of referrals.
    List,
    /// One referral.
    Get,
    /// One referral, at the address events name.
    GetByEvent,
    /// A new referral.
    Create,
    /// Changes of a referral.
    Patch,
    /// A whole referral in place of another.
    Replace,
    /// The registration as it is.
    Registration,
    /// A first registration.
    Register,
    /// A registration in place of another.
    Reregister,
    /// The names of events.
    Events,
    /// A test event.
    Validate,
    /// What became of a test event.
    Validation,
    /// Nothing that is served.
    Other,
}

impl Kind {
    pub(super) fn writes(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Patch | Self::Replace | Self::Register | Self::Reregister | Self::Validate
        )
    }
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What it wanted.
    pub kind: Kind,
    /// The method.
    pub method: String,
    /// The raw path.
    pub path: String,
    /// The raw query.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The status it was answered with.
    pub status: u16,
}

/// One attempt to change a referral, or to create one, that reached the service.
#[derive(Clone, Debug)]
pub struct Write {
    /// When it came.
    pub at: DateTime<Utc>,
    /// The referral; empty for a new one that was refused.
    pub referral: String,
    /// [`Kind::Create`], [`Kind::Patch`] or [`Kind::Replace`].
    pub kind: Kind,
    /// The operations, or the whole referral.
    pub body: Value,
    /// The `If-Match` it came with.
    pub if_match: Option<String>,
    /// How the referral stood.
    pub before: Option<Stage>,
    /// How it stood afterwards.
    pub after: Option<Stage>,
    /// The status it was answered with.
    pub status: u16,
    /// Why it was refused.
    pub refused: Option<Cause>,
}

impl Write {
    /// Whether it was done.
    pub fn applied(&self) -> bool {
        self.refused.is_none()
    }

    /// The value an operation gives to this path.
    pub fn sets(&self, path: &str) -> Option<&Value> {
        let operations = self.body.as_array()?;
        let operation = operations
            .iter()
            .rev()
            .find(|operation| operation["path"] == path)?;
        operation.get("value")
    }

    /// Whether it says that the referral is accepted.
    pub fn accepts(&self) -> bool {
        self.sets("/status").is_some_and(|status| status == "Active")
    }
}

/// What happened so far.
#[derive(Default)]
pub(super) struct Log {
    counts: BTreeMap<Kind, u64>,
    requests: VecDeque<Recorded>,
    pub(super) writes: Vec<Write>,
    complaints: Vec<String>,
    ids: HashSet<String>,
}

impl Log {
    pub(super) fn keep(&mut self, request: Recorded) {
        *self.counts.entry(request.kind).or_default() += 1;
        if self.requests.len() == REMEMBERED {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    pub(super) fn complain(&mut self, kind: Kind, what: &str) {
        self.complaints.push(format!("{kind:?}: {what}"));
    }

    /// Whether an id that is new for each call was seen before.
    pub(super) fn saw(&mut self, id: &str) -> bool {
        !self.ids.insert(id.to_ascii_lowercase())
    }
}

impl PartnerCenter {
    /// Requests as they came, oldest first; the last 20,000 of them.
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().log.requests.iter().cloned().collect()
    }

    /// How many requests of a kind came.
    pub fn count(&self, kind: Kind) -> u64 {
        self.lock().log.counts.get(&kind).copied().unwrap_or_default()
    }

    /// How many requests came, by kind.
    pub fn counts(&self) -> BTreeMap<Kind, u64> {
        self.lock().log.counts.clone()
    }

    /// What was wrong with requests though they were answered, in the order of arrival. Empty for a good client.
    pub fn complaints(&self) -> Vec<String> {
        self.lock().log.complaints.clone()
    }

    /// Every attempt to write, in the order of arrival.
    pub fn writes(&self) -> Vec<Write> {
        self.lock().log.writes.clone()
    }

    /// Every attempt to write this referral.
    pub fn writes_of(&self, id: &str) -> Vec<Write> {
        let service = self.lock();
        let writes = service.log.writes.iter().filter(|write| write.referral == id);
        writes.cloned().collect()
    }

    /// What no client may do: changes the table of states forbids, writes to closed referrals, second acceptances.
    /// A write that was refused because the referral had changed meanwhile does no harm.
    pub fn violations(&self) -> Vec<String> {
        let service = self.lock();
        let mut accepted = HashSet::new();
        let mut found = Vec::new();
        for write in &service.log.writes {
            let stage = write.before.as_ref().map(ToString::to_string).unwrap_or_default();
            let fault = match write.refused {
                Some(Cause::Illegal) => "an illegal change of state",
                Some(Cause::Terminal) => "a write to a closed referral",
                None if write.accepts() && !accepted.insert(&write.referral) => "a second acceptance",
                _ => continue,
            };
            found.push(format!("{}: {fault}, at {stage}: {}", write.referral, write.body));
        }
        found
    }

    /// Forgets requests, writes and complaints so far.
    pub fn forget(&self) {
        self.lock().log = Log::default();
    }
}
