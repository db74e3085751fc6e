//! Opening the store: the right file, the right schema, and nobody else at it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::check::{self, FileSystem, refused};
use super::desk::Desk;
use super::file::{self, DaemonLock, LockError, Purpose};
use super::forget::List;
use super::queue::Queue;
use super::reader::{Readers, Shelf};
use super::restore;
use super::schema::{self, SchemaError};
use super::space::{Space, SpaceFloor};
use super::writer::{House, Writer};
use super::{Executor, SqliteStore};
use crate::store::StoreError;

/// Hears how each commit went; metrics listen.
pub trait CommitWatcher: fmt::Debug + Send + Sync {
    /// Its own time, which only moves forward.
    fn now(&self) -> Duration;

    /// A group of so many calls is on disk.
    fn committed(&self, took: Duration, calls: usize);

    /// The disk or the file failed a group.
    fn failed(&self);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

impl CommitWatcher for Unwatched {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn committed(&self, _: Duration, _: usize) {}

    fn failed(&self) {}
}

/// How the store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The database file; its directory must exist.
    pub path: PathBuf,
    /// Free space that must stay.
    pub floor: SpaceFloor,
    /// Bytes of unreadable bodies kept.
    pub quarantine_limit: u64,
    /// Senders that may wait for a commit at once.
    pub custody_queue: usize,
    /// Told of each commit.
    pub watcher: Arc<dyn CommitWatcher>,
    /// Asks where the file lies; none when a file system of another machine is wanted all the same.
    pub file_system: Option<FileSystem>,
}

impl Options {
    /// The usual settings for this file.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            floor: SpaceFloor::default(),
            quarantine_limit: 64 * 1024 * 1024,
            custody_queue: 4096,
            watcher: Arc::new(Unwatched),
            file_system: Some(check::file_system),
        }
    }
}

/// The store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another daemon works on it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The file is not one of ours, or too new.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The file is damaged.
    #[error(
        "{path} is damaged ({finding}): restore a backup with `leadsync restore FILE`; the damaged store is kept beside it"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check found first.
        finding: String,
    },
    /// It lies on another machine.
    #[error(
        "{path} lies on {kind}, a file system of another machine, where locks and shared memory do not hold: use a local disk, or set store.allow_network_filesystem = true"
    )]
    Network {
        /// The directory.
        path: PathBuf,
        /// The file system.
        kind: &'static str,
    },
    /// A restore was begun and did not come to its end.
    #[error("{0} was being restored when that was cut off: run `leadsync restore` again")]
    HalfRestored(PathBuf),
    /// A daemon worked with this store before, and it is not there.
    #[error(
        "the store {path} is gone: put it back, restore a backup with `leadsync restore FILE`, or remove {applied} to begin anew"
    )]
    Gone {
        /// Where it was.
        path: PathBuf,
        /// What tells that it was.
        applied: PathBuf,
    },
    /// The database refused.
    #[error("cannot open {path}: {reason}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl SqliteStore {
    /// Opens the store as the one daemon that works on it, with threads of its own.
    ///
    /// Leases of a daemon that died are given back: the lock proves that it is gone.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let lock = DaemonLock::take(&options.path)?;
        let desk = prepare(options)?;
        check::ensure_whole(&desk.connection, &options.path)?;
        give_back_leases(&desk, &options.path)?;
        Self::with_threads(options, desk, Some(lock))
    }

    /// Fails when a daemon works on the store now; a daemon about to start asks before it does anything.
    pub fn ensure_free(path: &Path) -> Result<(), OpenError> {
        Ok(DaemonLock::look(path)?)
    }

    /// Opens the store beside a daemon, for a command that looks or acts once.
    pub fn open_beside(options: &Options) -> Result<Self, OpenError> {
        let desk = prepare(options)?;
        Self::with_threads(options, desk, None)
    }

    /// Opens a store that is being restored, and that nobody else opens before that is done.
    pub(super) fn open_restored(options: &Options) -> Result<Self, OpenError> {
        let desk = prepare_file(options)?;
        Self::with_threads(options, desk, None)
    }

    /// Opens the store so that each call is done by the caller, at once.
    pub fn open_inline(options: &Options) -> Result<Self, OpenError> {
        let lock = DaemonLock::take(&options.path)?;
        let desk = prepare(options)?;
        give_back_leases(&desk, &options.path)?;
        let shelf = Shelf::open(&options.path).map_err(|error| failed(&options.path, &error))?;
        Ok(Self {
            executor: Executor::Inline(Box::new(Mutex::new((desk, shelf)))),
            space: Arc::new(Space::new(options.path.clone(), options.floor)),
            quarantine_limit: options.quarantine_limit,
            list: List::beside(&options.path),
            _lock: Some(lock),
        })
    }

    fn with_threads(options: &Options, desk: Desk, lock: Option<DaemonLock>) -> Result<Self, OpenError> {
        let path = &options.path;
        let queue = Arc::new(Queue::new(options.custody_queue));
        let space = Arc::new(Space::new(path.clone(), options.floor));
        let readers = Readers::start(path, 2).map_err(|error| failed(path, &error))?;
        let house = House {
            queue: Arc::clone(&queue),
            space: Arc::clone(&space),
            watcher: Arc::clone(&options.watcher),
        };
        let writer =
            Writer::start(path.clone(), desk, house, lock.is_some()).map_err(|error| OpenError::Sqlite {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            executor: Executor::Threads {
                readers,
                queue,
                _writer: writer,
            },
            space,
            quarantine_limit: options.quarantine_limit,
            list: List::beside(&options.path),
            _lock: lock,
        })
    }
}

fn failed(path: &Path, error: &StoreError) -> OpenError {
    OpenError::Sqlite {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

fn prepare(options: &Options) -> Result<Desk, OpenError> {
    if restore::mark_beside(&options.path).exists() {
        return Err(OpenError::HalfRestored(options.path.clone()));
    }
    prepare_file(options)
}

fn prepare_file(options: &Options) -> Result<Desk, OpenError> {
    let path = options.path.as_path();
    if let Some(file_system) = options.file_system {
        check::ensure_local(path, file_system)?;
    }
    file::make_private(path).map_err(|error| OpenError::Sqlite {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    let mut connection = file::open(path, Purpose::Write).map_err(|error| refused(path, &error))?;
    schema::migrate(&mut connection)?;
    drop(connection);
    Desk::open(path.to_owned()).map_err(|error| failed(path, &error))
}

/// What a dead daemon held may have been written or not: it is due again, and a delivery is marked
/// uncertain. A report needs no mark: whoever makes it looks at the referral first.
fn give_back_leases(desk: &Desk, path: &Path) -> Result<(), OpenError> {
    let sql = "BEGIN IMMEDIATE;
      INSERT INTO counters (scope, counter, value)
        SELECT destination, 100, count(*) FROM deliveries WHERE state IN (1, 2) AND state = 1 GROUP BY destination
        ON CONFLICT (scope, counter) DO UPDATE SET value = value + excluded.value;
      INSERT INTO counters (scope, counter, value)
        SELECT destination, 101, -count(*) FROM deliveries WHERE state IN (1, 2) AND state = 1 GROUP BY destination
        ON CONFLICT (scope, counter) DO UPDATE SET value = value + excluded.value;
      UPDATE deliveries SET state = 0, uncertain = 1 WHERE state IN (1, 2) AND state = 1;
      INSERT INTO counters (scope, counter, value)
        SELECT sink, 400, count(*) FROM reports WHERE state IN (1, 2) AND state = 1 GROUP BY sink
        ON CONFLICT (scope, counter) DO UPDATE SET value = value + excluded.value;
      INSERT INTO counters (scope, counter, value)
        SELECT sink, 401, -count(*) FROM reports WHERE state IN (1, 2) AND state = 1 GROUP BY sink
        ON CONFLICT (scope, counter) DO UPDATE SET value = value + excluded.value;
      UPDATE reports SET state = 0 WHERE state IN (1, 2) AND state = 1;
      COMMIT;";
    desk.connection
        .execute_batch(sql)
        .map_err(|error| refused(path, &error))
}
