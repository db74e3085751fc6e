//! The book of every lead of a run: when its 2xx came, when the sink saw it, how often.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::lead::is_poison;
use crate::numbers::micros;

const PAGE: usize = 1 << 16;
const PAGES: usize = 1 << 10;

/// One lead. Times are microseconds since the book was opened, plus one; 0 is "not yet".
#[derive(Default)]
struct Line {
    accepted: AtomicU32,
    seen: AtomicU32,
    times: AtomicU8,
    records: AtomicU8,
}

/// Shared by loader and sink; pages appear as numbers are taken.
pub(crate) struct Book {
    opened: Instant,
    pages: Vec<OnceLock<Box<[Line]>>>,
    next: AtomicU64,
    accepted: AtomicU64,
    poisoned: AtomicU64,
    delivered: AtomicU64,
    last_seen: AtomicU32,
}

/// The book closed: what became of everything accepted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Answered 2xx and not in the system; where that keeps no records: never seen there.
    pub(crate) lost: u64,
    /// In the system more than once; where that keeps no records: seen more than once.
    pub(crate) doubled: u64,
    /// Seen although the sender got no 2xx; allowed, for the sender sends it again.
    pub(crate) unconfirmed: u64,
    /// Microseconds from the 2xx to the sink, sorted.
    pub(crate) lags: Vec<u32>,
}

impl Book {
    /// Opens an empty book; its clock starts now.
    pub(crate) fn open() -> Self {
        Self {
            opened: Instant::now(),
            pages: (0..PAGES).map(|_| OnceLock::new()).collect(),
            next: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            poisoned: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            last_seen: AtomicU32::new(0),
        }
    }

    /// A number no other lead of this run has.
    pub(crate) fn take(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The lead was answered with 2xx.
    pub(crate) fn accept(&self, n: u64) {
        let Some(line) = self.line(n) else { return };
        line.accepted.store(self.now(), Ordering::Relaxed);
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.poisoned
            .fetch_add(u64::from(is_poison(n)), Ordering::Relaxed);
    }

    /// The sink holds the lead.
    pub(crate) fn see(&self, n: u64) {
        let Some(line) = self.line(n) else { return };
        if line.times.fetch_add(1, Ordering::Relaxed) == 0 {
            let now = self.now();
            line.seen.store(now, Ordering::Relaxed);
            self.last_seen.store(now, Ordering::Relaxed);
            self.delivered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Leads answered with 2xx.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Those of them that a CRM may be told to refuse.
    pub(crate) fn poisoned(&self) -> u64 {
        self.poisoned.load(Ordering::Relaxed)
    }

    /// Different leads the sink holds.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Accepted and not yet delivered.
    pub(crate) fn depth(&self) -> u64 {
        self.accepted().saturating_sub(self.delivered())
    }

    /// Seconds since the book was opened.
    pub(crate) fn seconds(&self) -> f64 {
        self.opened.elapsed().as_secs_f64()
    }

    /// Seconds since the book was opened when the newest lead reached the sink.
    pub(crate) fn last_seen_s(&self) -> f64 {
        f64::from(self.last_seen.load(Ordering::Relaxed)) / 1e6
    }

    /// When the newest lead reached the sink.
    pub(crate) fn last_seen_at(&self) -> Instant {
        self.opened + Duration::from_micros(self.last_seen.load(Ordering::Relaxed).into())
    }

    /// Microseconds from the lead's 2xx to the sink, when it is there.
    pub(crate) fn lag_us(&self, n: u64) -> Option<u32> {
        let line = self.line(n)?;
        let seen = line.seen.load(Ordering::Relaxed);
        (seen > 0).then(|| seen.saturating_sub(line.accepted.load(Ordering::Relaxed)))
    }

    /// Adds everything up. Call it when loader and sink are quiet. `records` are the numbers of the
    /// leads in the records of a system that keeps any: then these tell what is lost and doubled.
    pub(crate) fn balance(&self, records: Option<&[u64]>) -> Balance {
        for number in records.unwrap_or_default() {
            if let Some(line) = self.line(*number) {
                line.records.fetch_add(1, Ordering::Relaxed);
            }
        }
        let mut balance = Balance::default();
        for line in self
            .pages
            .iter()
            .filter_map(OnceLock::get)
            .flat_map(|page| page.iter())
        {
            let accepted = line.accepted.load(Ordering::Relaxed);
            let seen = line.seen.load(Ordering::Relaxed);
            let times = match records {
                Some(_) => line.records.swap(0, Ordering::Relaxed),
                None => line.times.load(Ordering::Relaxed),
            };
            balance.doubled += u64::from(times > 1);
            match (accepted, times) {
                (0, 0) => {}
                (0, _) => balance.unconfirmed += 1,
                (_, 0) => balance.lost += 1,
                _ => balance.lags.push(seen.saturating_sub(accepted)),
            }
        }
        balance.lags.sort_unstable();
        balance
    }

    fn now(&self) -> u32 {
        micros(self.opened.elapsed()).saturating_add(1)
    }

    fn line(&self, n: u64) -> Option<&Line> {
        let n = usize::try_from(n).ok()?;
        let page = self
            .pages
            .get(n / PAGE)?
            .get_or_init(|| (0..PAGE).map(|_| Line::default()).collect());
        page.get(n % PAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_balance_tells_lost_doubled_and_unconfirmed_leads_apart() {
        let book = Book::open();
        let numbers: Vec<u64> = (0..4).map(|_| book.take()).collect();
        assert_eq!(numbers, [0, 1, 2, 3]);
        for n in [0, 1, 2] {
            book.accept(n);
        }
        for n in [0, 1, 1, 3] {
            book.see(n);
        }
        let balance = book.balance(None);
        assert_eq!((balance.lost, balance.doubled, balance.unconfirmed), (1, 1, 1));
        assert_eq!(balance.lags.len(), 2);
        assert_eq!((book.accepted(), book.delivered(), book.depth()), (3, 3, 0));
    }

    #[test]
    fn where_records_are_kept_they_tell_what_is_lost_and_doubled() {
        let book = Book::open();
        for n in [0, 1, 2] {
            book.take();
            book.accept(n);
        }
        // Seen twice and held once: an upsert may come again.
        for n in [0, 0, 1] {
            book.see(n);
        }
        for _ in 0..2 {
            let balance = book.balance(Some(&[0, 2, 2]));
            assert_eq!((balance.lost, balance.doubled, balance.unconfirmed), (1, 1, 0));
        }
    }

    #[test]
    fn a_number_beyond_the_book_is_ignored() {
        let book = Book::open();
        book.accept(u64::MAX);
        assert_eq!(book.accepted(), 0);
    }
}
