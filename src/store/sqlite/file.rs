//! The database file: opened one way only, watched while open, and never shared by two daemons.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rustix::fs::FlockOperation;

use super::trouble::Trouble;

/// How long a connection waits for others.
pub(super) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// How a connection is going to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The only one that writes.
    Write,
    /// Reads, and must not write by mistake.
    Read,
    /// Moves finished pages from the log into the database.
    Checkpoint,
}

/// Opens a connection with the settings every connection has.
pub(super) fn open(path: &Path, purpose: Purpose) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    // Plans must not hang on bound values: a statement with `LIMIT ?` was planned anew at every call.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "secure_delete", "on")?;
    connection.pragma_update(None, "trusted_schema", "off")?;
    connection.pragma_update(None, "cell_size_check", "on")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", 256 * 1024 * 1024)?;
    let cache_kib = if purpose == Purpose::Write {
        -16 * 1024
    } else {
        -2 * 1024
    };
    connection.pragma_update(None, "cache_size", cache_kib)?;
    if purpose == Purpose::Read {
        connection.pragma_update(None, "query_only", "on")?;
    }
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if synchronous != 2 {
        return Err(rusqlite::Error::InvalidQuery);
    }
    Ok(connection)
}

/// Makes the file before SQLite does, so that nobody else can read the people in it. The log and
/// the shared memory beside it inherit this.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    // A file that is there is not opened: closing it would take away SQLite's locks, see `to_read`.
    match File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
    {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Database files that were opened beside SQLite.
static OPENED: Mutex<BTreeMap<FileId, Arc<File>>> = Mutex::new(BTreeMap::new());

/// The database file itself, to read its pages; it stays open for as long as the process lives.
///
/// Closing any descriptor of a file takes away all locks the process holds on it, SQLite's among them
/// (sqlite.org/howtocorrupt.html, 2.2): whoever closes the store next believes to be alone, and removes
/// the log that this process still writes.
pub(super) fn to_read(path: &Path) -> io::Result<Arc<File>> {
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(file) = opened.get(&FileId::of(path)?) {
        return Ok(Arc::clone(file));
    }
    let file = Arc::new(File::open(path)?);
    let metadata = file.metadata()?;
    let id = FileId {
        device: metadata.dev(),
        inode: metadata.ino(),
    };
    if let Some(before) = opened.insert(id, Arc::clone(&file)) {
        // The path was turned to a file that is open already: its first descriptor stays open, too.
        std::mem::forget(before);
    }
    Ok(file)
}

/// What root makes belongs to whoever `place` belongs to: the daemon has to use it, and is not root.
pub(super) fn hand_over(path: &Path, place: &Path) -> std::io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let owner = std::fs::metadata(place)?;
    std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()))
}

/// The directory a file lies in.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The file behind the path, as it was when the store opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Looks at the path.
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

/// SQLite's write-ahead log beside the database.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Bytes an ordinary process may still write where the path lies, and the size of that disk.
pub(super) fn space(path: &Path) -> std::io::Result<(u64, u64)> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let stat = rustix::fs::statvfs(directory)?;
    Ok((stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize))
}

/// Another daemon has the store open.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The lock is taken; the text names the holder.
    #[error("the store is in use by {0}")]
    Held(String),
    /// The lock file cannot be used.
    #[error("cannot lock {path}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// Held for as long as the daemon lives; the kernel lets go when it dies.
#[derive(Debug)]
pub(super) struct DaemonLock {
    _file: File,
}

impl DaemonLock {
    /// Takes the lock beside the database, or names who has it.
    pub(super) fn take(database: &Path) -> Result<Self, LockError> {
        let path = database.with_extension("lock");
        let failed = |source: std::io::Error| LockError::Io {
            path: path.clone(),
            source,
        };
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        hand_over(&path, directory_of(database)).map_err(failed)?;
        lock(&mut file, FlockOperation::NonBlockingLockExclusive)?;
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        writeln!(file, "process {}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// Fails when somebody holds the lock now; takes and changes nothing.
    pub(super) fn look(database: &Path) -> Result<(), LockError> {
        match File::open(database.with_extension("lock")) {
            Ok(mut file) => lock(&mut file, FlockOperation::NonBlockingLockShared),
            // Nobody was here yet, or taking the lock will tell what is wrong.
            Err(_) => Ok(()),
        }
    }
}

/// Locks the file, or reads in it who was faster.
fn lock(file: &mut File, how: FlockOperation) -> Result<(), LockError> {
    rustix::fs::flock(&*file, how).map_err(|_| {
        let mut holder = String::new();
        let _ = file.read_to_string(&mut holder);
        match holder.trim() {
            "" => LockError::Held("another daemon".into()),
            named => LockError::Held(named.into()),
        }
    })
}

/// Checks that the path still leads to the file that is open.
pub(super) fn still_there(path: &Path, id: FileId) -> Result<(), String> {
    match FileId::of(path) {
        Ok(now) if now == id => Ok(()),
        Ok(_) => Err(format!(
            "{} was replaced by another file while open",
            path.display()
        )),
        Err(error) => Err(format!("{} is gone: {error}", path.display())),
    }
}

/// Moves everything the log holds into the database that can be moved without waiting.
/// Gives the pages in the log and how many of them are in the database.
pub(super) fn checkpoint(connection: &Connection, mode: &str) -> Result<(i64, i64), Trouble> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let pages = connection.query_row(&sql, [], |row| Ok((row.get(1)?, row.get(2)?)))?;
    Ok(pages)
}
