//! What was erased leaves the log of the database, too, and the gaps between rows.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::super::file::{self, Purpose};
use super::super::trouble::{Trouble, to_store_error};
use super::super::{SqliteStore, StoreError};
use super::slack;

/// Commits after which the log is emptied although senders wait.
const PATIENCE: u32 = 500;
/// How long the writer waits for readers.
const HURRY: Duration = Duration::from_millis(20);
/// How often it is tried; each try waits as long as a connection waits for others.
const TRIES: usize = 12;

/// Remembers that something was erased whose bytes are still in the log.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct Broom {
    noted: bool,
    commits: u32,
}

impl Broom {
    /// Something is erased in this transaction.
    pub(in crate::store::sqlite) fn note(&mut self) {
        self.noted = true;
    }

    /// Whether the log should be emptied now: at once when nobody waits, else after a while.
    pub(in crate::store::sqlite) fn is_wanted(&mut self, at_rest: bool) -> bool {
        self.commits = self.commits.saturating_add(u32::from(self.noted && !at_rest));
        self.noted && (at_rest || self.commits >= PATIENCE)
    }

    /// Empties the log, unless somebody reads from it; then it stays wanted.
    pub(in crate::store::sqlite) fn sweep(&mut self, connection: &Connection) {
        self.commits = 0;
        // Senders wait behind this: whoever reads now is not waited for, the next try comes soon.
        let hurried = connection.busy_timeout(HURRY);
        self.noted = hurried.is_err() || !truncate(connection).unwrap_or(false);
        let _ = connection.busy_timeout(file::PATIENCE);
    }
}

/// Moves all of the log into the database and cuts it to nothing. False when somebody was in the way.
fn truncate(connection: &Connection) -> Result<bool, Trouble> {
    // Most of it moves without anybody waiting.
    file::checkpoint(connection, "PASSIVE")?;
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(!busy)
}

impl SqliteStore {
    /// Overwrites what erased rows left in the files. False when others kept it from being done.
    pub(super) fn sweep(&self) -> Result<bool, StoreError> {
        let path = self.space.path().to_owned();
        let told = |trouble: Trouble| to_store_error(&trouble, false);
        // Not on the writer's thread: it has leads to keep meanwhile.
        sweep(&path).map_err(told)
    }
}

fn sweep(path: &Path) -> Result<bool, Trouble> {
    let connection = file::open(path, Purpose::Write)?;
    let mut left: Option<BTreeSet<u64>> = None;
    for _ in 0..TRIES {
        if !truncate(&connection)? {
            continue;
        }
        let mut pages = slack::find(&connection, path)?;
        // What was soiled since the first look holds nothing of what was erased before it.
        if let Some(left) = &left {
            pages.retain(|number, _| left.contains(number));
        }
        if pages.is_empty() {
            return Ok(true);
        }
        slack::clear(&connection, &pages)?;
        left = Some(pages.into_keys().collect());
    }
    Ok(false)
}
