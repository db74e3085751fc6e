//! The one thread that writes, and the one that clears the log behind it.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::desk::Desk;
use super::file::{self, Purpose};
use super::open::CommitWatcher;
use super::queue::{Group, Queue};
use super::space::Space;

/// Pages in the log (4 KiB each) from which it is cleared in the background.
const CLEAR_FROM: i32 = 12 * 1024;
/// Pages from which it is cleared when nobody waits.
const REST_FROM: i32 = 256;
/// Pages from which the writer itself clears the rest, so that the log starts over.
const START_OVER_FROM: i32 = 40 * 1024;
/// How long the writer waits for work before it looks after the house.
const PATIENCE: Duration = Duration::from_secs(1);

/// Keeps the writing threads; dropping it lets them finish and joins them.
pub(super) struct Writer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the threads. `sole` when no other process writes to the file.
    pub(super) fn start(path: PathBuf, desk: Desk, house: House, sole: bool) -> std::io::Result<Self> {
        let cleared = Arc::new(AtomicBool::new(false));
        let (call, calls) = sync_channel(1);
        let done = Arc::clone(&cleared);
        let log_thread = spawn("store-log", move || clear_on_call(&path, &calls, &done))?;
        let queue = Arc::clone(&house.queue);
        let log = Log {
            call,
            cleared,
            sole,
            rested_at: Cell::new(0),
        };
        let thread = spawn("store-writer", move || {
            write_all(desk, &house, &log);
            // It ends when the writer's side of the channel is gone.
            drop(log);
            let _ = log_thread.join();
        })?;
        Ok(Self {
            queue,
            thread: Some(thread),
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(work)
}

/// What the writer works with.
pub(super) struct House {
    pub(super) queue: Arc<Queue>,
    pub(super) space: Arc<Space>,
    pub(super) watcher: Arc<dyn CommitWatcher>,
}

/// The writer's line to the clearer.
struct Log {
    call: SyncSender<()>,
    cleared: Arc<AtomicBool>,
    /// Nobody else writes; a command beside the daemon leaves the log to it.
    sole: bool,
    /// Pages in the log when it was last cleared at rest.
    rested_at: Cell<i32>,
}

fn write_all(mut desk: Desk, house: &House, log: &Log) {
    let House {
        queue,
        space,
        watcher,
    } = house;
    loop {
        match queue.take(PATIENCE) {
            Group::Orders(orders) => {
                let (begun, calls) = (watcher.now(), orders.len());
                if desk.commit(orders) {
                    watcher.committed(watcher.now().saturating_sub(begun), calls);
                } else {
                    watcher.failed();
                }
                log.tend(&desk);
                desk.sweep(false);
                space.look();
            }
            Group::Quiet => {
                log.rest(&desk);
                desk.sweep(true);
                desk.look_at_the_file();
                space.look();
            }
            Group::Closed => break,
        }
        if let Some(why) = desk.lost() {
            space.lose(why);
        }
    }
    if log.sole {
        // The next start finds an empty log. A failure here costs only that time.
        let _ = file::checkpoint(&desk.connection, "TRUNCATE");
    }
}

impl Log {
    /// Keeps the log short without making a sender wait for it: most of it is cleared by the other
    /// thread, and only when that has just been done does the writer clear the rest.
    fn tend(&self, desk: &Desk) {
        let pages = desk.log_pages();
        if pages < CLEAR_FROM {
            return;
        }
        if pages >= START_OVER_FROM && self.cleared.swap(false, Ordering::AcqRel) {
            let _ = file::checkpoint(&desk.connection, "PASSIVE");
        } else if let Err(TrySendError::Disconnected(())) = self.call.try_send(()) {
            let _ = file::checkpoint(&desk.connection, "PASSIVE");
        }
    }
}

impl Log {
    /// Nobody is waiting: a good moment to clear what has come together.
    fn rest(&self, desk: &Desk) {
        let pages = desk.log_pages();
        if self.sole && pages >= REST_FROM && self.rested_at.replace(pages) != pages {
            let _ = file::checkpoint(&desk.connection, "PASSIVE");
        }
    }
}

fn clear_on_call(path: &std::path::Path, calls: &Receiver<()>, cleared: &AtomicBool) {
    let Ok(connection) = file::open(path, Purpose::Checkpoint) else {
        return;
    };
    while calls.recv().is_ok() {
        // Busy or failed: the next call tries again, and the log only grows meanwhile.
        if file::checkpoint(&connection, "PASSIVE").is_ok() {
            cleared.store(true, Ordering::Release);
        }
    }
}
