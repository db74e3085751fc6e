//! How many calls a connector made, and how many the other side says are left.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

/// What is left of the calls a system grants, as it last said itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Calls granted per period.
    pub granted: u64,
    /// Calls left of them.
    pub left: u64,
    /// When it said so.
    pub told_at: DateTime<Utc>,
}

/// Written by a connector with each request, read by the daemon. Clones are the same book.
///
/// Every request that the other side counts is noted, retries and look-ups too; token requests
/// are not.
#[derive(Clone, Debug, Default)]
pub struct CallBook(Arc<Mutex<Page>>);

#[derive(Debug, Default)]
struct Page {
    made: u64,
    quota: Option<Quota>,
}

impl CallBook {
    /// One more request goes out.
    pub fn note(&self) {
        let mut page = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        page.made = page.made.saturating_add(1);
    }

    /// The other side told what is left.
    pub fn tell(&self, quota: Quota) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).quota = Some(quota);
    }

    /// Requests since the connector was built.
    pub fn made(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).made
    }

    /// What the other side said last.
    pub fn quota(&self) -> Option<Quota> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).quota
    }
}
