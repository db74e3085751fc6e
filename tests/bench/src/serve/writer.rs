//! One thread owns the only writing connection; how many leads share a commit is its one choice.

use std::path::Path;
use std::sync::mpsc;

use anyhow::Context as _;
use bytes::Bytes;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

/// The most leads in one commit.
const MOST: usize = 512;

/// How many of the waiting leads go into one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drain {
    /// Each gets its own.
    One,
    /// All that queued up during the last flush, up to 512. No timer: the flush is the window.
    Queued,
}

/// A lead on its way to the disk; the answer says whether it got there.
struct Entry {
    key: [u8; 16],
    body: Bytes,
    done: oneshot::Sender<bool>,
}

/// A handle to the writing thread.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::Sender<Entry>);

impl Writer {
    /// Opens the store in `dir` and starts the thread.
    pub(crate) fn start(dir: &Path, drain: Drain) -> anyhow::Result<Self> {
        let store = open(&dir.join("bench.db"), "FULL")?;
        let (sender, queue) = mpsc::channel();
        std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || write(store, &queue, drain))?;
        Ok(Self(sender))
    }

    /// True once the lead is on the disk.
    pub(crate) async fn keep(&self, key: [u8; 16], body: Bytes) -> bool {
        let (done, kept) = oneshot::channel();
        self.0.send(Entry { key, body, done }).is_ok() && kept.await.unwrap_or(false)
    }
}

/// A store with the table all of the bench's writers use: WAL, 64 MiB of cache.
pub(crate) fn open(path: &Path, synchronous: &str) -> anyhow::Result<Connection> {
    let store = Connection::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    store.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    store.pragma_update(None, "synchronous", synchronous)?;
    store.pragma_update(None, "cache_size", -65_536)?;
    store.busy_timeout(std::time::Duration::from_secs(10))?;
    store.execute_batch(
        "CREATE TABLE IF NOT EXISTS inbox (
           id INTEGER PRIMARY KEY,
           key BLOB NOT NULL UNIQUE,
           body BLOB NOT NULL
         )",
    )?;
    Ok(store)
}

/// Writes the rows in one transaction.
pub(crate) fn insert<'a>(
    store: &mut Connection,
    rows: impl Iterator<Item = ([u8; 16], &'a [u8])>,
) -> rusqlite::Result<()> {
    let transaction = store.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    {
        let mut statement = transaction
            .prepare_cached("INSERT INTO inbox (key, body) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING")?;
        for (key, body) in rows {
            statement.execute(params![key, body])?;
        }
    }
    transaction.commit()
}

fn write(mut store: Connection, queue: &mpsc::Receiver<Entry>, drain: Drain) {
    let most = match drain {
        Drain::One => 1,
        Drain::Queued => MOST,
    };
    let mut batch = Vec::with_capacity(most);
    while let Ok(first) = queue.recv() {
        batch.push(first);
        batch.extend(queue.try_iter().take(most - 1));
        let kept = insert(&mut store, batch.iter().map(|entry| (entry.key, &entry.body[..]))).is_ok();
        for entry in batch.drain(..) {
            // A caller that hung up no longer wants to know.
            entry.done.send(kept).ok();
        }
    }
}
