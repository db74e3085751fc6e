//! A backup: one file, consistent, taken while others write; and what is read back from it.
//!
//! It is a database of its own: the store as of one moment, and the small files that belong to it.

use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::codes;
use super::file::{self, Purpose, directory_of};
use super::schema;
use super::tally::{self, Counter};

/// Pages copied between two words about how far it is.
const PORTION: i32 = 4096;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFacts {
    /// The moment it shows.
    pub made_at: DateTime<Utc>,
    /// The leadsync that made it.
    pub version: String,
    /// The schema of the store in it.
    pub schema: usize,
    /// Arrivals kept in it.
    pub accepted: u64,
    /// Leads in it.
    pub leads: u64,
    /// Small files in it.
    pub files: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A backup cannot be made, or is none.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file exists.
    #[error("{0} exists; a backup is never written over another file")]
    Exists(PathBuf),
    /// The file is no backup of ours, or a later leadsync made it.
    #[error("{path} cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The file is damaged.
    #[error("{path} is damaged ({finding}): use another backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check found first.
        finding: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {doing} {path}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The database refused.
    #[error("the copy failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// An error about a file.
pub(super) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Io { doing, path, source }
}

/// Copies the store of `database`, and the files below `state_dir` that belong to it, into `to`.
///
/// Works beside a running daemon and stops nobody: it reads one state of the store. All that was kept
/// when it began is in it. `progress` hears how many pages are done, of how many.
pub fn backup(
    database: &Path,
    state_dir: &Path,
    to: &Path,
    now: DateTime<Utc>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<BackupFacts, BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let directory = directory_of(to);
    let copy = tempfile::Builder::new()
        .prefix(".leadsync-backup-")
        .tempfile_in(directory)
        .map_err(io_error("write", to))?;
    copy_store(database, copy.path(), progress)?;
    let kept = Connection::open(copy.path())?;
    kept.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
    add_files(&kept, database, state_dir, now)?;
    let facts = facts(&kept, copy.path())?;
    drop(kept);
    copy.as_file().sync_all().map_err(io_error("write", to))?;
    match copy.persist_noclobber(to) {
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(BackupError::Exists(to.to_owned()));
        }
        done => done.map_err(|error| io_error("write", to)(error.error))?,
    };
    sync_directory(directory)?;
    Ok(facts)
}

fn copy_store(database: &Path, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), BackupError> {
    let source = file::open(database, Purpose::Read)?;
    // One read transaction around all of it: what is written meanwhile is not seen, and copying does
    // not begin anew because of it.
    source.execute_batch("BEGIN")?;
    let _: i64 = source.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let mut copy = Connection::open(to)?;
    let backup = Backup::new(&source, &mut copy)?;
    loop {
        let step = backup.step(PORTION)?;
        let state = backup.progress();
        let pages = |number: i32| u64::try_from(number).unwrap_or(0);
        progress(pages(state.pagecount - state.remaining), pages(state.pagecount));
        match step {
            StepResult::Done => break,
            StepResult::More => {}
            _ => return Err(rusqlite::Error::InvalidQuery.into()),
        }
    }
    drop(backup);
    source.execute_batch("COMMIT")?;
    Ok(())
}

fn add_files(
    kept: &Connection,
    database: &Path,
    state_dir: &Path,
    now: DateTime<Utc>,
) -> Result<(), BackupError> {
    kept.execute_batch(
        "CREATE TABLE backup_facts (made_at INTEGER NOT NULL, version TEXT NOT NULL) STRICT;
         CREATE TABLE backup_files (path TEXT PRIMARY KEY, mode INTEGER NOT NULL, body BLOB NOT NULL) STRICT;",
    )?;
    kept.execute(
        "INSERT INTO backup_facts (made_at, version) VALUES (?1, ?2)",
        params![codes::millis(now), env!("CARGO_PKG_VERSION")],
    )?;
    let list = super::forget::path_beside(database);
    let mut files = Vec::new();
    if list.exists() {
        files.push((LIST.to_owned(), list));
    }
    gather(&state_dir.join(CONNECTORS), CONNECTORS, &mut files).map_err(io_error("read", state_dir))?;
    for (name, path) in files {
        let body = match std::fs::read(&path) {
            // A connector replaces its files while we look.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            read => read.map_err(io_error("read", &path))?,
        };
        kept.execute(
            "INSERT INTO backup_files (path, mode, body) VALUES (?1, 384, ?2)",
            params![name, body],
        )?;
    }
    Ok(())
}

/// The name of the list of who was forgotten, in a backup.
pub(super) const LIST: &str = "forgotten";
/// The directory where connectors keep files of their own.
pub(super) const CONNECTORS: &str = "connectors";

fn gather(directory: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            gather(&entry.path(), &name, files)?;
        } else if kind.is_file() {
            files.push((name, entry.path()));
        }
    }
    Ok(())
}

/// Whether the file is a whole backup, and what is in it. Nothing is changed, not even beside it.
pub fn examine(path: &Path) -> Result<BackupFacts, BackupError> {
    File::open(path).map_err(io_error("read", path))?;
    let unusable = |error: rusqlite::Error| judge(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let uri = url::Url::from_file_path(std::path::absolute(path).map_err(io_error("read", path))?);
    let uri = uri.map_err(|()| unusable_because(path, "its path is not absolute"))?;
    let connection = Connection::open_with_flags(format!("{uri}?immutable=1"), flags).map_err(unusable)?;
    check(&connection, path)?;
    facts(&connection, path)
}

/// Looks at every page and row.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), BackupError> {
    let found = schema::version(connection).map_err(|error| match &error {
        schema::SchemaError::Sqlite(error) => judge(path, error),
        error => unusable_because(path, &error.to_string()),
    })?;
    if found == 0 || found > schema::newest() {
        let reason = format!(
            "its schema is {found}, and this leadsync knows 1 to {}",
            schema::newest()
        );
        return Err(unusable_because(path, &reason));
    }
    let finding: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| judge(path, &error))?;
    if finding != "ok" {
        return Err(BackupError::Damaged {
            path: path.to_owned(),
            finding,
        });
    }
    Ok(())
}

fn judge(path: &Path, error: &rusqlite::Error) -> BackupError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => unusable_because(path, "it is not a backup of leadsync"),
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => BackupError::Damaged {
            path: path.to_owned(),
            finding: error.to_string(),
        },
        _ => unusable_because(path, &error.to_string()),
    }
}

fn unusable_because(path: &Path, reason: &str) -> BackupError {
    BackupError::Unusable {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

/// What the backup says of itself; it must have been made by [`backup`].
pub(super) fn facts(connection: &Connection, path: &Path) -> Result<BackupFacts, BackupError> {
    let made: Option<(i64, String)> = connection
        .query_row("SELECT made_at, version FROM backup_facts", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .map_err(|_| {
            unusable_because(
                path,
                "it is a store, but no backup: make one with `leadsync backup`",
            )
        })?;
    let (made_at, version) =
        made.ok_or_else(|| unusable_because(path, "it does not say when it was made"))?;
    let files: i64 = connection.query_row("SELECT count(*) FROM backup_files", [], |row| row.get(0))?;
    let total = |counter: Counter| tally::read(connection, 0, counter as i64).unwrap_or(0);
    Ok(BackupFacts {
        made_at: codes::moment(made_at),
        version,
        schema: schema::version(connection).unwrap_or(0),
        accepted: total(Counter::Accepted),
        leads: total(Counter::Leads),
        files: u64::try_from(files).unwrap_or(0),
        bytes: std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
    })
}

/// The small files in a backup: name and content. Names that lead elsewhere are left out.
pub(super) fn files(connection: &Connection) -> Result<Vec<(PathBuf, Vec<u8>)>, BackupError> {
    let mut statement = connection.prepare("SELECT path, body FROM backup_files ORDER BY path")?;
    let rows = statement.query_map([], |row| {
        Ok((PathBuf::from(row.get::<_, String>(0)?), row.get(1)?))
    })?;
    let mut files: Vec<(PathBuf, Vec<u8>)> = rows.collect::<Result<_, _>>()?;
    files.retain(|(path, _)| path.components().all(|part| matches!(part, Component::Normal(_))));
    Ok(files)
}

/// What was made or renamed in the directory survives.
pub(super) fn sync_directory(directory: &Path) -> Result<(), BackupError> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(io_error("write", directory))
}

/// Writes a small file below `place` that only the owner of `place` reads.
pub(super) fn write_private(path: &Path, body: &[u8], place: &Path) -> Result<(), BackupError> {
    let directory = directory_of(path);
    let failed = |source| io_error("write", path)(source);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    io::Write::write_all(&mut file, body).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    let made = path.ancestors().take_while(|above| *above != place);
    for above in made.filter(|above| above.starts_with(place)) {
        file::hand_over(above, place).map_err(failed)?;
    }
    sync_directory(directory)
}
