//! Follows events: reads what they tell of, once, and takes custody of it.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use connector_kit::ids::AccountName;
use connector_kit::{ConnectorError, ErrorKind, FetchedReferral, ReferralDesk, ReferralId, SourceName};
use futures_util::FutureExt;
use tracing::{debug, info, warn};

use crate::admin::metrics::FollowMeter;
use crate::deliver::Purse;
use crate::runtime::{Bell, LONGEST_TALK, Next, Rests, Worker};
use crate::store::{Arrival, Follow, Store, StoreError, Waiting};

/// When a referral that is not to be had yet is looked for again. Events come before their referral can
/// be read; after the last look the poll has to find it.
const LOOK_AGAIN: [TimeDelta; 6] = [
    TimeDelta::seconds(2),
    TimeDelta::seconds(5),
    TimeDelta::seconds(15),
    TimeDelta::minutes(1),
    TimeDelta::minutes(5),
    TimeDelta::minutes(15),
];

/// Half of the first rest after the other side failed.
const USUAL_PAUSE: Duration = Duration::from_secs(5);

/// What all who follow the events of one connector share.
pub struct Trail {
    /// The connector's name.
    pub name: SourceName,
    /// The publisher it belongs to.
    pub account: AccountName,
    /// Where referrals are read.
    pub desk: Arc<dyn ReferralDesk>,
    /// When it may be called.
    pub purse: Arc<Purse>,
    /// The floor.
    pub store: Arc<dyn Store>,
    /// Tells the time of custody.
    pub clock: Arc<dyn Clock>,
    /// Wakes whoever understands what was read.
    pub settle: Bell,
    /// Counts.
    pub meter: FollowMeter,
}

/// One of those who follow the events of a connector; each reads one referral at a time, so that a slow
/// answer holds up nobody else's.
pub struct FollowWorker {
    shared: Arc<Shared>,
    label: String,
}

struct Shared {
    trail: Trail,
    /// How many there are.
    crowd: usize,
    /// Referrals somebody reads now. Only saves calls: it is gone with the process.
    in_hand: Mutex<BTreeSet<ReferralId>>,
    resting: Mutex<Resting>,
}

/// How long the other side is left alone after it failed.
struct Resting {
    rests: Rests,
    until: Option<DateTime<Utc>>,
}

/// A referral nobody else reads meanwhile.
struct Claim<'a> {
    shared: &'a Shared,
    referral: ReferralId,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        open(&self.shared.in_hand).remove(&self.referral);
    }
}

impl FollowWorker {
    /// So many who share one trail.
    pub fn crew(trail: Trail, crowd: usize) -> Vec<Self> {
        let name = trail.name.clone();
        let shared = Arc::new(Shared {
            trail,
            crowd: crowd.max(1),
            in_hand: Mutex::default(),
            resting: Mutex::new(Resting {
                rests: Rests::of(USUAL_PAUSE),
                until: None,
            }),
        });
        (0..shared.crowd)
            .map(|number| Self {
                label: format!("follow {name} {number}"),
                shared: Arc::clone(&shared),
            })
            .collect()
    }

    /// Reads one referral and writes what came of it, before anything else can go wrong.
    async fn follow(&self, waiting: Waiting) -> Result<Next, StoreError> {
        let Trail {
            name,
            purse,
            store,
            clock,
            ..
        } = &self.shared.trail;
        let (referral, since) = (waiting.referral.clone(), waiting.received_at);
        let asked = self.read(&referral).await;
        let now = clock.now();
        let judged = self.judge(waiting, asked, now);
        let is_read = matches!(judged, Ok(Follow::Read(..)));
        let (written, next) = match judged {
            Ok(followed) => (store.follow(name, vec![followed]).await, Next::Again),
            Err(rest_until) => (Ok(()), Next::At(rest_until)),
        };
        purse.looked(&**store, now).await?;
        written?;
        if is_read {
            self.tell(&referral, now - since);
        }
        Ok(next)
    }

    fn tell(&self, referral: &ReferralId, after: TimeDelta) {
        let Trail {
            name, settle, meter, ..
        } = &self.shared.trail;
        settle.ring();
        meter.read(after);
        info!(event = "followed", source = %name, referral.id = %referral, after_ms = after.num_milliseconds(), "what {name} told of a referral is in custody");
    }

    async fn read(&self, id: &ReferralId) -> Result<Option<FetchedReferral>, ConnectorError> {
        let read = AssertUnwindSafe(self.shared.trail.desk.read(id)).catch_unwind();
        read.await.unwrap_or_else(|_| {
            Err(ConnectorError::new(
                ErrorKind::Broken,
                "read a referral: the connector failed inside",
            ))
        })
    }

    /// What came of it; or until when nobody is asked, because it was not the referral's fault.
    fn judge(
        &self,
        waiting: Waiting,
        asked: Result<Option<FetchedReferral>, ConnectorError>,
        now: DateTime<Utc>,
    ) -> Result<Follow, DateTime<Utc>> {
        let Trail { name, meter, .. } = &self.shared.trail;
        match asked {
            Ok(found) => {
                self.shared.well(now);
                Ok(match found {
                    Some(fetched) => Follow::Read(waiting.ids, Box::new(self.arrival(fetched, now))),
                    None => self.later(waiting, None, now),
                })
            }
            Err(error) if is_of_this_one(&error) => {
                let hint = error.hint_text().unwrap_or_default();
                warn!(event = "follow_failed", source = %name, referral.id = %waiting.referral, kind = error.kind().as_str(), error = %error, hint, "cannot read a referral {name} told of");
                Ok(self.later(waiting, error.wait(), now))
            }
            Err(error) => {
                meter.failed.inc();
                Err(self.shared.rest(&error, now))
            }
        }
    }

    fn arrival(&self, fetched: FetchedReferral, received_at: DateTime<Utc>) -> Arrival {
        Arrival {
            account: self.shared.trail.account.clone(),
            source: self.shared.trail.name.clone(),
            received_at,
            raw: fetched.raw,
        }
    }

    /// Again after a while, or never.
    fn later(&self, waiting: Waiting, asked: Option<Duration>, now: DateTime<Utc>) -> Follow {
        let Trail { name, meter, .. } = &self.shared.trail;
        let Waiting {
            ids, referral, tries, ..
        } = waiting;
        let tries = usize::try_from(tries).unwrap_or(usize::MAX);
        let Some(wait) = LOOK_AGAIN.get(tries) else {
            meter.given_up.inc();
            warn!(event = "follow_given_up", source = %name, referral.id = %referral, "a referral {name} told of is not to be had; the next poll brings it, if it is ours");
            return Follow::GivenUp(ids);
        };
        let asked = asked.and_then(|wait| TimeDelta::from_std(wait).ok());
        let wait = asked.map_or(*wait, |asked| asked.max(*wait));
        meter.later.inc();
        debug!(source = %name, referral.id = %referral, again_in_s = wait.num_seconds(), "a referral is not to be had yet");
        Follow::Later(ids, now + wait)
    }
}

/// Whether the failure concerns this referral alone, so that the others need not wait.
fn is_of_this_one(error: &ConnectorError) -> bool {
    match error.kind() {
        ErrorKind::Broken | ErrorKind::Conflict | ErrorKind::Rejected => true,
        ErrorKind::Throttled
        | ErrorKind::Unreachable
        | ErrorKind::Unauthorized
        | ErrorKind::Misconfigured => false,
    }
}

impl Shared {
    /// The first that nobody reads now.
    fn claim(&self, waiting: Vec<Waiting>) -> Option<(Waiting, Claim<'_>)> {
        let mut in_hand = open(&self.in_hand);
        let free = waiting
            .into_iter()
            .find(|one| in_hand.insert(one.referral.clone()))?;
        let referral = free.referral.clone();
        Some((
            free,
            Claim {
                shared: self,
                referral,
            },
        ))
    }

    /// The other side answers. What somebody else was told a moment ago still holds.
    fn well(&self, now: DateTime<Utc>) {
        let mut resting = open(&self.resting);
        if resting.until.is_none_or(|until| until <= now) {
            resting.rests.well();
            resting.until = None;
        }
    }

    /// Until when the other side is left alone.
    fn resting(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        open(&self.resting).until.filter(|until| *until > now)
    }

    /// Nobody calls for a while. What waits stays as it is.
    fn rest(&self, error: &ConnectorError, now: DateTime<Utc>) -> DateTime<Utc> {
        let mut resting = open(&self.resting);
        if let Some(until) = resting.until.filter(|until| *until > now) {
            // Somebody else met the same a moment ago.
            let asked = error.wait().and_then(|wait| TimeDelta::from_std(wait).ok());
            let until = asked.map_or(until, |wait| until.max(now + wait));
            resting.until = Some(until);
            return until;
        }
        let rest = resting.rests.after(error);
        let until = now + rest;
        resting.until = Some(until);
        let name = &self.trail.name;
        let hint = error.hint_text().unwrap_or("it is asked again by itself");
        warn!(event = "follow_failed", source = %name, kind = error.kind().as_str(), error = %error, hint, again_in_s = rest.num_seconds(), "cannot read what {name} told of");
        until
    }
}

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Worker for FollowWorker {
    fn name(&self) -> &str {
        &self.label
    }

    fn longest_step(&self) -> Duration {
        LONGEST_TALK
    }

    async fn step(&mut self, now: DateTime<Utc>) -> Result<Next, StoreError> {
        let shared = Arc::clone(&self.shared);
        let trail = &shared.trail;
        if let Some(until) = shared.resting(now) {
            return Ok(Next::At(until));
        }
        let due = trail.store.notices(&trail.name, shared.crowd, now).await?;
        let Some((waiting, _claim)) = shared.claim(due.waiting) else {
            return Ok(due.next_at.map_or(Next::Idle, Next::At));
        };
        match trail.purse.draw_to_follow(&*trail.store, now).await? {
            Ok(token) => token.spend(),
            Err(at) => return Ok(Next::At(at)),
        }
        self.follow(waiting).await
    }
}

#[cfg(test)]
mod tests;
