//! Who works: crew after crew, each post taken over once those before have finished what they hold.
//!
//! A post is a duty at a connector. A slow system delays its own post alone: all others are taken over
//! at once. Nobody works at a post while somebody of an earlier crew still finishes there, so two
//! settle workers never meet, and one destination is never called under two configs at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connector_kit::clock::Clock;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::runtime::{Bell, Pulse, Ticks, Worker, run};

/// A duty, and the connector it is done for; empty for what concerns none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Post {
    duty: &'static str,
    connector: String,
}

/// A worker for a post, and what wakes it.
pub(super) struct Hired {
    post: Post,
    worker: Box<dyn Worker>,
    bell: Bell,
}

impl Hired {
    pub(super) fn new(
        duty: &'static str,
        connector: &str,
        worker: impl Worker + 'static,
        bell: &Bell,
    ) -> Self {
        let connector = connector.to_owned();
        Self {
            post: Post { duty, connector },
            worker: Box::new(worker),
            bell: bell.clone(),
        }
    }
}

/// Everybody who works, or still finishes.
pub(super) struct Roster {
    back: Handle,
    clock: Arc<dyn Clock>,
    ticks: Ticks,
    stop: CancellationToken,
    everybody: TaskTracker,
    shift: Mutex<Shift>,
}

#[derive(Default)]
struct Shift {
    /// Ends the crew at work.
    stop: CancellationToken,
    /// Who is at each post, and those before them.
    posts: BTreeMap<Post, TaskTracker>,
    hands: Vec<Hand>,
}

/// One worker of some crew.
struct Hand {
    name: String,
    pulse: Pulse,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Hand {
    /// It was told to end, and has.
    fn is_gone(&self) -> bool {
        self.stop.is_cancelled() && self.task.is_finished()
    }
}

/// Those who were relieved.
pub(super) struct Relieved(Vec<TaskTracker>);

impl Relieved {
    /// Waits until the last of them has finished.
    pub(super) async fn gone(self) {
        for post in self.0 {
            post.wait().await;
        }
    }
}

impl Roster {
    /// Nobody works yet. Once `stop` is cancelled, nobody begins any more.
    pub(super) fn new(back: Handle, clock: Arc<dyn Clock>, ticks: Ticks, stop: CancellationToken) -> Self {
        Self {
            back,
            clock,
            ticks,
            stop,
            everybody: TaskTracker::new(),
            shift: Mutex::default(),
        }
    }

    /// Has `crew` take over from the one at work, post by post.
    pub(super) fn relieve(&self, crew: Vec<Hired>) -> Relieved {
        let mut shift = self.shift();
        shift.stop.cancel();
        shift.stop = self.stop.child_token();
        shift.hands.retain(|hand| !hand.is_gone());
        let before = std::mem::take(&mut shift.posts);
        for hired in crew {
            let finishing = before.get(&hired.post).cloned();
            let post = shift.posts.entry(hired.post.clone()).or_default().clone();
            let hand = self.begin(hired, &post, finishing, shift.stop.clone());
            shift.hands.push(hand);
        }
        for post in shift.posts.values() {
            post.close();
        }
        let relieved = Relieved(before.values().cloned().collect());
        // A connector that is taken out and put back meets those who still finish there.
        for (post, finishing) in before.into_iter().filter(|(_, post)| !post.is_empty()) {
            shift.posts.entry(post).or_insert(finishing);
        }
        relieved
    }

    fn begin(
        &self,
        hired: Hired,
        post: &TaskTracker,
        finishing: Option<TaskTracker>,
        stop: CancellationToken,
    ) -> Hand {
        let Hired { worker, bell, .. } = hired;
        let pulse = Pulse::of(&*worker, self.ticks.clone());
        let name = worker.name().to_owned();
        let work = run(worker, bell, Arc::clone(&self.clock), pulse.clone(), stop.clone());
        let turn = async move {
            // Also when this crew is relieved meanwhile: the next waits for those here.
            if let Some(finishing) = finishing {
                finishing.wait().await;
            }
            work.await;
        };
        let turn = self.everybody.track_future(post.track_future(turn));
        let task = self.back.spawn(turn);
        Hand {
            name,
            pulse,
            stop,
            task,
        }
    }

    /// Waits until everybody has finished; those of crews still to come, too.
    pub(super) async fn end(&self) {
        self.everybody.close();
        self.everybody.wait().await;
    }

    /// The names of all who work or still finish.
    pub(super) fn names(&self) -> Vec<String> {
        let shift = self.shift();
        let here = shift.hands.iter().filter(|hand| !hand.is_gone());
        here.map(|hand| hand.name.clone()).collect()
    }

    /// Somebody who does not move: of the crew at work, or of those who still finish.
    pub(super) fn stuck(&self) -> Option<String> {
        let shift = self.shift();
        let mut here = shift.hands.iter().filter(|hand| !hand.is_gone());
        here.find(|hand| hand.pulse.is_late())
            .map(|hand| hand.name.clone())
    }

    fn shift(&self) -> MutexGuard<'_, Shift> {
        self.shift.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
