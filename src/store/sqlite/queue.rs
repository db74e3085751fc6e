//! Two lines before the writing desk: custody first, everything else in measured portions.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::order::Order;

/// Which line an order stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A sender waits for its 200.
    Custody,
    /// Understanding, delivery, the operator.
    Work,
}

/// How much goes into one transaction.
const CUSTODY_PER_GROUP: usize = 512;
/// Leads worked on in one transaction while senders wait: they must not wait long.
const WORK_WEIGHT_BUSY: usize = 96;
/// The same while nobody waits.
const WORK_WEIGHT_IDLE: usize = 1024;

#[derive(Default)]
struct Lines {
    custody: VecDeque<Box<dyn Order>>,
    work: VecDeque<(usize, Box<dyn Order>)>,
    closed: bool,
}

/// What one transaction is made of.
pub(super) enum Group {
    /// Write these.
    Orders(Vec<Box<dyn Order>>),
    /// Nothing came for a while.
    Quiet,
    /// Nothing will come any more.
    Closed,
}

/// The queue before the writer.
pub(super) struct Queue {
    lines: Mutex<Lines>,
    arrived: Condvar,
    custody_limit: usize,
}

impl Queue {
    /// At most `custody_limit` senders wait; the next is told to come again.
    pub(super) fn new(custody_limit: usize) -> Self {
        Self {
            lines: Mutex::new(Lines::default()),
            arrived: Condvar::new(),
            custody_limit,
        }
    }

    /// Adds an order, or gives it back when the line is full or closed.
    pub(super) fn push(
        &self,
        line: Line,
        weight: usize,
        order: Box<dyn Order>,
    ) -> Result<(), Box<dyn Order>> {
        let mut lines = self.lock();
        if lines.closed || (line == Line::Custody && lines.custody.len() >= self.custody_limit) {
            return Err(order);
        }
        let was_empty = lines.custody.is_empty() && lines.work.is_empty();
        match line {
            Line::Custody => lines.custody.push_back(order),
            Line::Work => lines.work.push_back((weight, order)),
        }
        drop(lines);
        if was_empty {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Waits for work and takes one group of it.
    pub(super) fn take(&self, patience: Duration) -> Group {
        let mut lines = self.lock();
        if lines.custody.is_empty() && lines.work.is_empty() && !lines.closed {
            lines = self
                .arrived
                .wait_timeout(lines, patience)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(guard, _)| guard);
        }
        let orders = lines.group();
        match (orders.is_empty(), lines.closed) {
            (false, _) => Group::Orders(orders),
            (true, true) => Group::Closed,
            (true, false) => Group::Quiet,
        }
    }

    /// Lets the writer finish what waits, and nothing more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn group(&mut self) -> Vec<Box<dyn Order>> {
        let senders = self.custody.len().min(CUSTODY_PER_GROUP);
        let mut room = if senders > 0 {
            WORK_WEIGHT_BUSY
        } else {
            WORK_WEIGHT_IDLE
        };
        let mut orders: Vec<Box<dyn Order>> = self.custody.drain(..senders).collect();
        // One order always goes, however heavy; the rest as long as there is room.
        while let Some((weight, order)) = self.work.pop_front() {
            orders.push(order);
            room = room.saturating_sub(weight);
            match self.work.front() {
                Some((next, _)) if *next <= room => {}
                _ => break,
            }
        }
        orders
    }
}
