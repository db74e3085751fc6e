//! Lines on their way out: a bounded queue and one thread that writes, so that nobody waits for a
//! reader who does not read. What does not fit is dropped and counted.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// How many lines may wait: some megabytes, and more than a busy second.
const MAY_WAIT: usize = 8192;
/// How long the end of the process waits for the last lines to be taken.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks whether a full queue has room for the word that it is the end.
const BREATH: Duration = Duration::from_millis(10);

enum Order {
    Line(Vec<u8>),
    /// Everything before this was written.
    Flush(Sender<()>),
}

/// The way out.
pub(super) struct Sink {
    lines: Lines,
}

/// Hands lines over; never waits.
#[derive(Clone)]
pub(super) struct Lines {
    queue: SyncSender<Order>,
    dropped: Arc<AtomicU64>,
}

impl Sink {
    /// Opens the way to whoever takes the lines, one write for each.
    pub(super) fn open(to: impl Write + Send + 'static) -> Self {
        Self::of(MAY_WAIT, to)
    }

    fn of(may_wait: usize, to: impl Write + Send + 'static) -> Self {
        let (queue, orders) = sync_channel(may_wait);
        let dropped = Arc::default();
        let lines = Lines {
            queue,
            dropped: Arc::clone(&dropped),
        };
        // Without the thread every line is counted as dropped, and the leads go their way.
        let _ = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_out(&orders, to, &dropped));
        Self { lines }
    }

    pub(super) fn lines(&self) -> Lines {
        self.lines.clone()
    }

    /// How many lines nobody took so far.
    pub(super) fn dropped(&self) -> u64 {
        self.lines.dropped.load(Ordering::Relaxed)
    }

    /// Waits a little until what was handed over is written.
    pub(super) fn close(&self) {
        let (done, written) = channel();
        let mut order = Order::Flush(done);
        for _ in 0..PATIENCE.as_millis() / BREATH.as_millis() {
            match self.lines.queue.try_send(order) {
                Ok(()) => {
                    let _ = written.recv_timeout(PATIENCE);
                    return;
                }
                Err(TrySendError::Full(refused)) => order = refused,
                Err(TrySendError::Disconnected(_)) => return,
            }
            std::thread::sleep(BREATH);
        }
    }
}

fn write_out(orders: &Receiver<Order>, mut to: impl Write, dropped: &AtomicU64) {
    for order in orders {
        match order {
            Order::Line(line) => {
                if to.write_all(&line).is_err() {
                    dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            // Nobody waits any more: no matter.
            Order::Flush(done) => drop(done.send(())),
        }
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Order::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Standard error, past the lock that everybody who complains there has to take.
pub(super) fn standard_error() -> Box<dyn Write + Send> {
    match io::stderr().as_fd().try_clone_to_owned() {
        Ok(descriptor) => Box::new(File::from(descriptor)),
        Err(_) => Box::new(io::stderr()),
    }
}

#[cfg(test)]
mod tests;
