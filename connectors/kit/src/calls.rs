//! How many calls a connector made, and how many the other side says are left.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};

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

/// Written by a connector with each request, read by the daemon. Clones are the same book, and it outlives the
/// connector: one that is built anew under another config goes on in it.
///
/// Every request that the other side counts is noted, retries and look-ups too; token requests
/// are not.
#[derive(Clone, Debug, Default)]
pub struct CallBook(Arc<Mutex<Page>>);

#[derive(Debug, Default)]
struct Page {
    made: u64,
    quota: Option<Quota>,
    today: Today,
}

/// What a connector that keeps to so many calls a day has to remember of the day.
#[derive(Debug, Default)]
struct Today {
    day: Option<NaiveDate>,
    made: u64,
    reserve: Option<u64>,
}

impl Page {
    fn on(&mut self, day: NaiveDate) -> &mut Today {
        if self.today.day != Some(day) {
            self.today = Today {
                day: Some(day),
                ..Today::default()
            };
        }
        &mut self.today
    }
}

impl CallBook {
    fn page(&self) -> MutexGuard<'_, Page> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more request goes out.
    pub fn note(&self) {
        let mut page = self.page();
        page.made = page.made.saturating_add(1);
    }

    /// The other side told what is left.
    pub fn tell(&self, quota: Quota) {
        self.page().quota = Some(quota);
    }

    /// Requests since the book was begun.
    pub fn made(&self) -> u64 {
        self.page().made
    }

    /// What the other side said last.
    pub fn quota(&self) -> Option<Quota> {
        self.page().quota
    }

    /// A call is about to go out on this day, of the days the other side counts by.
    pub fn note_on(&self, day: NaiveDate) {
        let mut page = self.page();
        let today = page.on(day);
        today.made = today.made.saturating_add(1);
    }

    /// A call of this day cost nothing.
    pub fn give_back_on(&self, day: NaiveDate) {
        let mut page = self.page();
        let today = page.on(day);
        today.made = today.made.saturating_sub(1);
    }

    /// The calls of this day.
    pub fn made_on(&self, day: NaiveDate) -> u64 {
        self.page().on(day).made
    }

    /// What stays with others on this day: what was said first.
    pub fn reserve_on(&self, day: NaiveDate, said: u64) -> u64 {
        *self.page().on(day).reserve.get_or_insert(said)
    }
}
