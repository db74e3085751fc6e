//! Whether the daemon lives, and whether it should be sent leads.
//!
//! A parked destination makes nobody unready: its leads are safe and wait.

use crate::runtime::Ticks;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Why the daemon should not be sent leads now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// The store is being opened.
    Starting,
    /// It was told to stop.
    Stopping,
    /// The disk is full, or below the configured floor.
    StoreFull,
    /// The database file was removed, replaced, or cannot be trusted.
    StoreLost,
    /// The store fails for another reason.
    StoreFailing,
    /// The store's writer gives no sign of life.
    WriterStuck,
    /// This machine's clock is before the day this program was made.
    ClockWrong,
}

impl Trouble {
    /// Every one there is.
    pub const ALL: [Self; 7] = [
        Self::Starting,
        Self::Stopping,
        Self::StoreFull,
        Self::StoreLost,
        Self::StoreFailing,
        Self::WriterStuck,
        Self::ClockWrong,
    ];

    /// What a person does about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Starting => {
                "wait: a large store takes a while to open, and longer after a crash or an upgrade"
            }
            Self::Stopping => {
                "wait for the next start; leads that are sent meanwhile wait at the socket unit, if there is one"
            }
            Self::StoreFull => "free space on the disk of the store; it recovers by itself",
            Self::StoreLost => {
                "the daemon ends with 74: stop it, keep a copy of the state directory, look at the disk, restore a backup"
            }
            Self::StoreFailing => {
                "look at the disk and at the kernel's log, and for another program that writes to the database; it recovers by itself once writing succeeds"
            }
            Self::WriterStuck => {
                "look at the disk: a write does not return; the watchdog restarts the daemon if it lasts"
            }
            Self::ClockWrong => "set this machine's clock right (timedatectl set-ntp true)",
        }
    }

    /// The words of `/readyz` and of log lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::StoreFull => "store full",
            Self::StoreLost => "store lost",
            Self::StoreFailing => "store failing",
            Self::WriterStuck => "writer stuck",
            Self::ClockWrong => "clock wrong",
        }
    }
}

struct Raised {
    detail: String,
    lapses: Option<Duration>,
}

struct Watched {
    name: &'static str,
    last: Arc<AtomicU64>,
    patience: Duration,
}

/// What every room says of its own state.
pub struct Health {
    ticks: Ticks,
    since: Duration,
    configs: AtomicU64,
    troubles: Mutex<BTreeMap<Trouble, Raised>>,
    watched: Mutex<Vec<Watched>>,
    /// What is worth knowing although leads may be sent, by what it is about.
    remarks: Mutex<BTreeMap<String, String>>,
}

/// The beat of one room; when it falls silent, the daemon counts as dead.
#[derive(Clone)]
pub struct Pulse {
    ticks: Ticks,
    last: Arc<AtomicU64>,
}

impl Pulse {
    /// Says that the room still moves.
    pub fn beat(&self) {
        self.last.store(millis(self.ticks.now()), Ordering::Release);
    }
}

impl Health {
    /// Without trouble.
    pub fn new(ticks: Ticks) -> Self {
        Self {
            since: ticks.now(),
            configs: AtomicU64::new(1),
            ticks,
            troubles: Mutex::default(),
            watched: Mutex::default(),
            remarks: Mutex::default(),
        }
    }

    /// Another config is in force.
    pub fn renewed(&self) {
        self.configs.fetch_add(1, Ordering::Relaxed);
    }

    /// Which config is in force, counted from 1, that of the start.
    pub fn config(&self) -> u64 {
        self.configs.load(Ordering::Relaxed)
    }

    /// How long there has been somebody to ask.
    pub fn age(&self) -> Duration {
        self.ticks.now().saturating_sub(self.since)
    }

    /// Notes trouble until it is cleared. True when it is news.
    pub fn raise(&self, trouble: Trouble, detail: impl Into<String>) -> bool {
        self.note(trouble, detail.into(), None)
    }

    /// Notes trouble that ends by itself unless it is seen again. True when it is news.
    ///
    /// For what only the next lead can disprove: nobody sends one to a daemon that is not ready.
    pub fn raise_for(&self, trouble: Trouble, detail: impl Into<String>, span: Duration) -> bool {
        self.note(trouble, detail.into(), Some(self.ticks.now() + span))
    }

    fn note(&self, trouble: Trouble, detail: String, lapses: Option<Duration>) -> bool {
        let now = self.ticks.now();
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let before = troubles.insert(trouble, Raised { detail, lapses });
        before.is_none_or(|raised| raised.lapses.is_some_and(|end| end <= now))
    }

    /// The trouble is over.
    pub fn clear(&self, trouble: Trouble) {
        self.troubles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&trouble);
    }

    /// A lead was just kept, so whatever the store failed for is over.
    pub fn store_works(&self) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if !troubles.is_empty() {
            troubles.remove(&Trouble::StoreFull);
            troubles.remove(&Trouble::StoreFailing);
        }
    }

    /// Every trouble there is now, with its detail; ready when there is none.
    pub fn troubles(&self) -> Vec<(Trouble, String)> {
        let now = self.ticks.now();
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.retain(|_, raised| raised.lapses.is_none_or(|end| end > now));
        troubles
            .iter()
            .map(|(trouble, raised)| (*trouble, raised.detail.clone()))
            .collect()
    }

    /// Says something worth knowing that makes nobody unready, or that it is over.
    pub fn remark(&self, about: &str, text: Option<String>) {
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        match text {
            Some(text) => drop(remarks.insert(about.to_owned(), text)),
            None => drop(remarks.remove(about)),
        }
    }

    /// Remarks others made, about what is no more, are over.
    pub fn keep_remarks(&self, is_kept: impl Fn(&str) -> bool) {
        self.remarks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|about, _| is_kept(about));
    }

    /// Everything worth knowing that makes nobody unready: what it is about, and what.
    pub fn remarks(&self) -> BTreeMap<String, String> {
        self.remarks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Expects a beat at least every `patience` from now on.
    pub fn watch(&self, name: &'static str, patience: Duration) -> Pulse {
        let pulse = Pulse {
            ticks: self.ticks.clone(),
            last: Arc::default(),
        };
        pulse.beat();
        let last = Arc::clone(&pulse.last);
        self.watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Watched { name, last, patience });
        pulse
    }

    /// The rooms that fell silent, and for how long; alive when there is none.
    pub fn silent(&self) -> Vec<(&'static str, Duration)> {
        let now = self.ticks.now();
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched
            .iter()
            .map(|room| (room, now.saturating_sub(room.last())))
            .filter(|(room, silence)| *silence > room.patience)
            .map(|(room, silence)| (room.name, silence))
            .collect()
    }
}

impl Watched {
    fn last(&self) -> Duration {
        Duration::from_millis(self.last.load(Ordering::Acquire))
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_news_once_and_ends_when_cleared() {
        let (ticks, _crank) = Ticks::by_hand();
        let health = Health::new(ticks);
        assert!(health.raise(Trouble::StoreLost, "the file is gone"));
        assert!(!health.raise(Trouble::StoreLost, "the file is gone"));
        assert_eq!(
            health.troubles(),
            [(Trouble::StoreLost, "the file is gone".to_owned())]
        );

        health.clear(Trouble::StoreLost);
        assert_eq!(health.troubles(), []);
    }

    #[test]
    fn trouble_for_a_span_lapses_unless_seen_again() {
        let (ticks, crank) = Ticks::by_hand();
        let health = Health::new(ticks);
        let span = Duration::from_secs(5);
        assert!(health.raise_for(Trouble::StoreFull, "disk full", span));
        crank.advance(Duration::from_secs(4));
        assert!(!health.raise_for(Trouble::StoreFull, "disk full", span));
        crank.advance(Duration::from_secs(4));
        assert_eq!(health.troubles().len(), 1);
        crank.advance(Duration::from_secs(1));
        assert_eq!(health.troubles(), []);
        assert!(health.raise_for(Trouble::StoreFull, "disk full", span));
    }

    #[test]
    fn a_store_that_works_again_ends_its_own_trouble_and_no_other() {
        let (ticks, _crank) = Ticks::by_hand();
        let health = Health::new(ticks);
        let span = Duration::from_secs(5);
        health.raise_for(Trouble::StoreFull, "disk full", span);
        health.raise_for(Trouble::StoreFailing, "refused", span);
        health.raise(Trouble::Stopping, "told to stop");
        health.store_works();
        assert_eq!(
            health.troubles(),
            [(Trouble::Stopping, "told to stop".to_owned())]
        );
    }

    #[test]
    fn a_room_that_stops_beating_is_named() {
        let (ticks, crank) = Ticks::by_hand();
        let health = Health::new(ticks);
        let pulse = health.watch("store writer", Duration::from_secs(10));
        crank.advance(Duration::from_secs(10));
        assert_eq!(health.silent(), []);
        crank.advance(Duration::from_secs(1));
        assert_eq!(health.silent(), [("store writer", Duration::from_secs(11))]);
        pulse.beat();
        assert_eq!(health.silent(), []);
    }
}
