//! What the senders know: every lead they were told is kept, and everything else they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Instant;

/// A lead its sender was told is kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) email: String,
    /// When the request went out.
    pub(crate) sent_at: Instant,
}

/// The senders' memory.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    kept: Mutex<Vec<Kept>>,
    answers: Mutex<BTreeMap<u16, u64>>,
    refused: Mutex<u64>,
    broke: Mutex<u64>,
    flaws: Mutex<Vec<String>>,
}

impl Ledger {
    pub(crate) fn keep(&self, kept: Kept) {
        self.kept.lock().unwrap().push(kept);
    }

    pub(crate) fn answered(&self, status: u16) {
        *self.answers.lock().unwrap().entry(status).or_default() += 1;
    }

    pub(crate) fn connection_refused(&self) {
        *self.refused.lock().unwrap() += 1;
    }

    pub(crate) fn connection_broke(&self) {
        *self.broke.lock().unwrap() += 1;
    }

    /// Something no sender should see.
    pub(crate) fn complain(&self, flaw: impl Into<String>) {
        self.flaws.lock().unwrap().push(flaw.into());
    }

    /// Every lead that is kept.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        self.kept.lock().unwrap().clone()
    }

    /// How many leads are kept.
    pub(crate) fn count(&self) -> usize {
        self.kept.lock().unwrap().len()
    }

    /// The e-mail addresses of the leads that are kept.
    pub(crate) fn emails(&self) -> BTreeSet<String> {
        self.kept().into_iter().map(|kept| kept.email).collect()
    }

    /// How often each status came.
    pub(crate) fn answers(&self) -> BTreeMap<u16, u64> {
        self.answers.lock().unwrap().clone()
    }

    /// How many connections were refused.
    pub(crate) fn refusals(&self) -> u64 {
        *self.refused.lock().unwrap()
    }

    /// How many connections ended without an answer.
    pub(crate) fn breaks(&self) -> u64 {
        *self.broke.lock().unwrap()
    }

    /// What no sender should have seen.
    pub(crate) fn flaws(&self) -> Vec<String> {
        self.flaws.lock().unwrap().clone()
    }
}
