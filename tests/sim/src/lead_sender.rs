//! Microsoft as the sender of marketplace leads over HTTPS (contract partner-center 11.1 and 13).
//!
//! It posts nothing by itself: a test takes what is due, posts it wherever it likes, and tells the answer. Nobody
//! outside knows whether the real sender tries again, so both can be had.

mod samples;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::partner_center::MomentClock;

pub use samples::{documented, in_lower_case, test_lead, with_unknown_members};

/// Who does not answer within so many seconds did not answer.
const PATIENCE: TimeDelta = TimeDelta::seconds(10);

/// The sender of one publisher. Clones are the same sender.
#[derive(Clone)]
pub struct LeadSender {
    clock: MomentClock,
    state: Arc<Mutex<Post>>,
}

struct Post {
    url: String,
    retries: u32,
    pause: TimeDelta,
    serial: u64,
    waiting: VecDeque<Lead>,
    ended: Vec<Ended>,
}

struct Lead {
    id: u64,
    body: Bytes,
    why: Why,
    statuses: Vec<Option<u16>>,
    due: DateTime<Utc>,
    out: Option<(u64, DateTime<Utc>)>,
}

/// Why a lead is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A customer did something.
    Customer,
    /// The offer is published, which fails without an answer of 2xx.
    Publish,
    /// The publisher pressed *Validate*.
    Validate,
}

/// A lead to be posted, once.
#[derive(Clone, Debug)]
pub struct Posting {
    /// To be named in [`LeadSender::answered`].
    pub id: u64,
    /// Which lead; it stays the same for all attempts.
    pub lead: u64,
    /// Counted from 1.
    pub attempt: usize,
    /// Where it goes: the address alone is the secret.
    pub url: String,
    /// JSON.
    pub body: Bytes,
}

/// A lead whose sending is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which one.
    pub lead: u64,
    /// Why it was sent.
    pub why: Why,
    /// Every answer; `None` where none came.
    pub statuses: Vec<Option<u16>>,
    /// Whether the last one was 2xx. Without it a lead is lost, and a publication fails.
    pub taken: bool,
}

impl LeadSender {
    /// A sender to this exact address that tries each lead once.
    pub fn new(url: &str, clock: MomentClock) -> Self {
        let post = Post {
            url: url.to_owned(),
            retries: 0,
            pause: TimeDelta::zero(),
            serial: 0,
            waiting: VecDeque::new(),
            ended: Vec::new(),
        };
        Self {
            clock,
            state: Arc::new(Mutex::new(post)),
        }
    }

    /// Leads that are not taken are tried again so many times, so long after the answer.
    pub fn retry(&self, times: u32, pause: TimeDelta) {
        let mut post = self.lock();
        (post.retries, post.pause) = (times, pause);
    }

    /// A customer's lead, as it stands; its number.
    pub fn send(&self, lead: &Value) -> u64 {
        self.add(lead, Why::Customer)
    }

    /// The offer is published: a test lead.
    pub fn publish(&self) -> u64 {
        self.add(&test_lead((self.clock)()), Why::Publish)
    }

    /// The connection is validated: a test lead.
    pub fn validate(&self) -> u64 {
        self.add(&test_lead((self.clock)()), Why::Validate)
    }

    /// What has to be posted now, oldest first.
    pub fn due(&self) -> Vec<Posting> {
        let now = (self.clock)();
        let mut post = self.lock();
        post.give_up_on_the_silent(now);
        let (url, mut serial) = (post.url.clone(), post.serial);
        let ready = |lead: &&mut Lead| lead.out.is_none() && lead.due <= now;
        let due = post.waiting.iter_mut().filter(ready).map(|lead| {
            serial += 1;
            lead.out = Some((serial, now));
            Posting {
                id: serial,
                lead: lead.id,
                attempt: lead.statuses.len() + 1,
                url: url.clone(),
                body: lead.body.clone(),
            }
        });
        let due = due.collect();
        post.serial = serial;
        due
    }

    /// What the receiver answered; `None` for nothing at all. Whether the posting was still waited for.
    pub fn answered(&self, posting: u64, status: Option<u16>) -> bool {
        let now = (self.clock)();
        self.lock().answered(posting, status, now)
    }

    /// Leads whose sending is over, in that order.
    pub fn ended(&self) -> Vec<Ended> {
        self.lock().ended.clone()
    }

    fn add(&self, lead: &Value, why: Why) -> u64 {
        let now = (self.clock)();
        let mut post = self.lock();
        post.serial += 1;
        let id = post.serial;
        post.waiting.push_back(Lead {
            id,
            body: Bytes::from(lead.to_string()),
            why,
            statuses: Vec::new(),
            due: now,
            out: None,
        });
        id
    }

    fn lock(&self) -> MutexGuard<'_, Post> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Post {
    fn give_up_on_the_silent(&mut self, now: DateTime<Utc>) {
        let silent = |lead: &Lead| {
            let out = lead.out.filter(|(_, left)| now >= *left + PATIENCE);
            out.map(|(posting, _)| posting)
        };
        let silent: Vec<u64> = self.waiting.iter().filter_map(silent).collect();
        for posting in silent {
            self.answered(posting, None, now);
        }
    }

    fn answered(&mut self, posting: u64, status: Option<u16>, now: DateTime<Utc>) -> bool {
        let (retries, pause) = (self.retries as usize, self.pause);
        let out = |lead: &Lead| lead.out.is_some_and(|(out, _)| out == posting);
        let Some(place) = self.waiting.iter().position(out) else {
            return false;
        };
        let Some(lead) = self.waiting.get_mut(place) else {
            return false;
        };
        lead.out = None;
        lead.statuses.push(status);
        let taken = status.is_some_and(|status| (200..300).contains(&status));
        if !taken && lead.statuses.len() <= retries {
            lead.due = now + pause;
            return true;
        }
        let ended = self.waiting.remove(place).map(|lead| Ended {
            lead: lead.id,
            why: lead.why,
            statuses: lead.statuses,
            taken,
        });
        self.ended.extend(ended);
        true
    }
}
