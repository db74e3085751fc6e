//! The writing desk: one connection, and transactions that carry many orders at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::file::{self, FileId, Purpose};
use super::forget::Broom;
use super::names::Names;
use super::order::{Order, refuse};
use super::tally::Tally;
use super::trouble::{Trouble, to_store_error};
use crate::store::StoreError;

/// The connection that writes, and what it needs at hand.
pub(super) struct Desk {
    pub(super) connection: Connection,
    pub(super) names: Names,
    pub(super) tally: Tally,
    pub(super) broom: Broom,
    path: PathBuf,
    id: FileId,
    lost: Option<String>,
    log_pages: Arc<AtomicI32>,
}

impl Desk {
    /// Sits down at the file.
    pub(super) fn open(path: PathBuf) -> Result<Self, StoreError> {
        let log_pages = Arc::new(AtomicI32::new(0));
        let connection = open_writer(&path, &log_pages)?;
        let id = FileId::of(&path).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self {
            connection,
            names: Names::default(),
            tally: Tally::default(),
            broom: Broom::default(),
            path,
            id,
            lost: None,
            log_pages,
        })
    }

    /// Writes the orders in one transaction, makes it durable, and only then answers them. False
    /// when the disk or the file failed them.
    pub(super) fn commit(&mut self, mut orders: Vec<Box<dyn Order>>) -> bool {
        if let Some(why) = &self.lost {
            let error = StoreError::Lost(why.clone());
            for order in orders {
                order.answer(Err(error.clone()));
            }
            return false;
        }
        match self.transact(&mut orders) {
            Ok(()) => self.acknowledge(orders),
            Err((trouble, committing)) => {
                self.undo(&trouble);
                let is_ours = committing || trouble.concerns_the_disk() || trouble.is_fatal();
                if orders.len() > 1 && !is_ours {
                    let mut well = true;
                    for order in orders {
                        well &= self.commit(vec![order]);
                    }
                    return well;
                }
                refuse(orders, &trouble, committing);
                !is_ours
            }
        }
    }

    /// Why the file cannot be used any more, once it cannot.
    pub(super) fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Pages in the log after the last commit.
    pub(super) fn log_pages(&self) -> i32 {
        self.log_pages.load(Ordering::Relaxed)
    }

    /// Empties the log when something erased is still in it, and this is the moment.
    pub(super) fn sweep(&mut self, at_rest: bool) {
        if self.broom.is_wanted(at_rest) {
            self.broom.sweep(&self.connection);
        }
    }

    /// Notices without any order that the file is gone, so that nobody sends leads in vain.
    pub(super) fn look_at_the_file(&mut self) {
        if self.lost.is_none() {
            self.lost = file::still_there(&self.path, self.id).err();
        }
    }

    fn transact(&mut self, orders: &mut [Box<dyn Order>]) -> Result<(), (Trouble, bool)> {
        self.execute("BEGIN IMMEDIATE")
            .map_err(|trouble| (trouble, false))?;
        for order in orders {
            order.run(self).map_err(|trouble| (trouble, false))?;
        }
        let mut tally = std::mem::take(&mut self.tally);
        let written = tally.write(&self.connection);
        self.tally = tally;
        written.map_err(|trouble| (trouble, false))?;
        self.execute("COMMIT").map_err(|trouble| (trouble, true))
    }

    fn execute(&self, sql: &str) -> Result<(), Trouble> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// The last look before a promise is given: an unlinked file would keep nothing.
    fn acknowledge(&mut self, orders: Vec<Box<dyn Order>>) -> bool {
        let fate = file::still_there(&self.path, self.id).map_err(|why| {
            self.lost = Some(why.clone());
            StoreError::Lost(why)
        });
        for order in orders {
            order.answer(fate.clone());
        }
        fate.is_ok()
    }

    fn undo(&mut self, trouble: &Trouble) {
        self.tally.forget();
        self.names.forget();
        if !self.connection.is_autocommit() {
            // A failed rollback leaves the transaction to the next line or to the reopening below.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        if trouble.is_fatal() {
            self.lost = Some(to_store_error(trouble, false).to_string());
        } else if trouble.spoils_the_connection() || !self.connection.is_autocommit() {
            self.reopen();
        }
    }

    /// After a failed flush nothing the old connection believes may be trusted.
    fn reopen(&mut self) {
        match open_writer(&self.path, &self.log_pages) {
            Ok(connection) => self.connection = connection,
            Err(error) => self.lost = Some(format!("cannot be opened again after a failed write: {error}")),
        }
    }
}

fn open_writer(path: &Path, log_pages: &Arc<AtomicI32>) -> Result<Connection, StoreError> {
    let told = |error| to_store_error(&Trouble::Sqlite(error), false);
    let mut connection = file::open(path, Purpose::Write).map_err(told)?;
    let seen = Arc::clone(log_pages);
    let note = move |_: &mut Wal, pages: i32| {
        seen.store(pages, Ordering::Relaxed);
        Ok(())
    };
    connection.wal_hook(Some(note)).map_err(told)?;
    Ok(connection)
}
