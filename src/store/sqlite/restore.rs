//! A backup takes the place of the store; nobody who was forgotten since comes back with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::backup::{self, BackupError, BackupFacts, CONNECTORS, LIST, io_error};
use super::file::{self, DaemonLock, directory_of};
use super::forget::{self, Hash, Key};
use super::open::OpenError;
use super::{Options, SqliteStore, StoreError, codes};
use crate::store::{ForgetOrder, Identity, Seeker, Store, Traces};

/// The store cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A daemon works on the store, or the restored one cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The backup cannot be used, or a file not written.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The restored store does not answer.
    #[error("the restored store does not answer")]
    Store(#[from] StoreError),
}

/// A store that was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What was in the backup.
    pub facts: BackupFacts,
    /// Where the store is that stood here before; none when there was none.
    pub replaced: Option<PathBuf>,
    /// Files of connectors that were put back; newer ones stayed.
    pub files: u64,
    /// What was erased again, for everybody who was forgotten since the backup.
    pub forgotten: Traces,
}

/// Whether somebody known under this identity is on a list.
pub type IsListed = Arc<dyn Fn(Identity) -> bool + Send + Sync>;

/// Makes a seeker of those on a list.
pub type SeekerOf<'a> = &'a dyn Fn(IsListed) -> Arc<dyn Seeker>;

/// Puts the backup `from` in the place of `database`.
///
/// The daemon must be down. What stood there is kept beside it. Should the process die on the way, the
/// store is not opened by anybody until this is done again.
pub async fn restore(
    database: &Path,
    state_dir: &Path,
    from: &Path,
    seeker_of: SeekerOf<'_>,
    now: DateTime<Utc>,
) -> Result<Restored, RestoreError> {
    let directory = directory_of(database);
    std::fs::create_dir_all(directory).map_err(io_error("write", directory))?;
    let _lock = DaemonLock::take(database).map_err(OpenError::from)?;
    remove_left_over(directory).map_err(io_error("write", directory))?;
    let mut new = tempfile::Builder::new()
        .prefix(COPY)
        .tempfile_in(directory)
        .map_err(io_error("write", directory))?;
    // What is copied is the content: the backup may be read by more people than the store, or by fewer.
    File::open(from)
        .and_then(|mut backup| io::copy(&mut backup, new.as_file_mut()))
        .map_err(io_error("read", from))?;
    let (facts, files) = unpack(new.path(), from)?;
    new.as_file().sync_all().map_err(io_error("write", new.path()))?;
    let lists = Lists::read(database, &files)?;
    let mark = mark_beside(database);
    File::create(&mark)
        .and_then(|file| file.sync_all())
        .map_err(io_error("write", &mark))?;
    let replaced = set_aside(database, lists.is_replaced(), now)?;
    new.persist(database)
        .map_err(|error| io_error("write", database)(error.error))?;
    file::hand_over(database, directory).map_err(io_error("write", database))?;
    let restored_files = put_back(&files, state_dir)?;
    let since = forgotten_since(database, lists)?;
    backup::sync_directory(directory)?;
    // The mark goes last: before that, people who were forgotten may stand in the store again.
    let forgotten = forget_again(database, since, seeker_of).await?;
    std::fs::remove_file(&mark).map_err(io_error("remove", &mark))?;
    Ok(Restored {
        facts,
        replaced,
        files: restored_files,
        forgotten,
    })
}

/// How the name of a copy begins while it is being put back.
const COPY: &str = ".leadsync-restore-";

/// Copies that a restore left when it was cut off; nobody else makes any while we hold the lock.
fn remove_left_over(directory: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(COPY) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Stands beside the database while it is being put back.
pub(super) fn mark_beside(database: &Path) -> PathBuf {
    database.with_extension("restoring")
}

/// Small files: name and content.
type Files = Vec<(PathBuf, Vec<u8>)>;

/// Checks the copy and takes out of it what does not belong into a store.
fn unpack(copy: &Path, from: &Path) -> Result<(BackupFacts, Files), BackupError> {
    let connection = Connection::open(copy)?;
    backup::check(&connection, from)?;
    let facts = backup::facts(&connection, from)?;
    let files = backup::files(&connection)?;
    connection
        .execute_batch("PRAGMA secure_delete = on; DROP TABLE backup_files; DROP TABLE backup_facts;")?;
    Ok((facts, files))
}

/// Keeps what stood here, log and all; the list of who was forgotten when another one takes its place.
fn set_aside(
    database: &Path,
    list_is_replaced: bool,
    now: DateTime<Utc>,
) -> Result<Option<PathBuf>, BackupError> {
    if !database.exists() && !list_is_replaced {
        return Ok(None);
    }
    let name = format!("replaced-{}", now.format("%Y%m%dT%H%M%S%3fZ"));
    let place = directory_of(database).join(name);
    let failed = |source| io_error("write", &place)(source);
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&place).map_err(failed)?;
    file::hand_over(&place, directory_of(database)).map_err(failed)?;
    // The log first: a database without its log is older, a log without its database is nothing.
    let beside = |ending: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let list = list_is_replaced.then(|| forget::path_beside(database));
    for from in ["-wal", "-shm", ""].map(beside).into_iter().chain(list) {
        let Some(name) = from.file_name() else { continue };
        match std::fs::rename(&from, place.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            moved => moved.map_err(failed)?,
        }
    }
    backup::sync_directory(&place)?;
    Ok(Some(place))
}

/// Files of connectors that are missing. What is there is newer.
fn put_back(files: &Files, state_dir: &Path) -> Result<u64, BackupError> {
    let mut count = 0;
    for (name, body) in files.iter().filter(|(name, _)| name.starts_with(CONNECTORS)) {
        let path = state_dir.join(name);
        if !path.exists() {
            backup::write_private(&path, body, state_dir)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Hashes the backup does not know, by the moment they were forgotten.
struct Since {
    key: Key,
    hashes: BTreeMap<i64, Vec<Hash>>,
}

/// What a list says.
type List = (Key, Vec<(Hash, i64)>);

/// The list of who was forgotten that lies here, and the one in the backup with its bytes.
struct Lists {
    here: Option<List>,
    kept: Option<(List, Vec<u8>)>,
}

impl Lists {
    fn read(database: &Path, files: &Files) -> Result<Self, BackupError> {
        let path = forget::path_beside(database);
        let here = path.exists().then(|| forget::read_list(&path)).transpose();
        let kept = files.iter().find(|(name, _)| name == Path::new(LIST));
        let kept = kept.map(|(_, body)| -> io::Result<_> { Ok((forget::parse_list(body)?, body.clone())) });
        Ok(Self {
            here: here.map_err(io_error("read", &path))?,
            kept: kept.transpose().map_err(io_error("read", Path::new(LIST)))?,
        })
    }

    /// Whether the one here is of another store, and says nothing about the people in this one.
    fn is_replaced(&self) -> bool {
        let keys = self.here.as_ref().zip(self.kept.as_ref());
        keys.is_some_and(|((here, _), ((kept, _), _))| here != kept)
    }

    /// One list of both, which lies beside the database from now on.
    fn join(self, database: &Path) -> Result<Option<List>, BackupError> {
        let path = forget::path_beside(database);
        let is_replaced = self.is_replaced();
        match (self.here, self.kept) {
            (None, None) => Ok(None),
            (Some(here), None) => Ok(Some(here)),
            (Some((key, mut entries)), Some(((_, kept), _))) if !is_replaced => {
                let known: BTreeSet<(Hash, i64)> = entries.iter().copied().collect();
                let list = forget::List::beside(database);
                for (hash, at) in kept.into_iter().filter(|entry| !known.contains(entry)) {
                    list.add(&[hash], at).map_err(io_error("write", &path))?;
                    entries.push((hash, at));
                }
                Ok(Some((key, entries)))
            }
            (_, Some((kept, body))) => {
                backup::write_private(&path, &body, directory_of(database))?;
                Ok(Some(kept))
            }
        }
    }
}

/// What the lists know and the restored store does not.
fn forgotten_since(database: &Path, lists: Lists) -> Result<Option<Since>, BackupError> {
    let Some((key, entries)) = lists.join(database)? else {
        return Ok(None);
    };
    let connection = Connection::open(database)?;
    let known = known_hashes(&connection);
    let mut hashes: BTreeMap<i64, Vec<Hash>> = BTreeMap::new();
    for (hash, at) in entries {
        if known.get(&hash).is_none_or(|known| *known < at) {
            hashes.entry(at).or_default().push(hash);
        }
    }
    Ok(Some(Since { key, hashes }))
}

/// What the restored store remembers; nothing when it is older than forgetting itself.
fn known_hashes(connection: &Connection) -> BTreeMap<Hash, i64> {
    let read = || -> Result<BTreeMap<Hash, i64>, rusqlite::Error> {
        let mut statement = connection.prepare("SELECT hash, at FROM forgotten")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    read().unwrap_or_default()
}

/// Forgets again, one time after the other, as of the moment it was done before.
async fn forget_again(
    database: &Path,
    since: Option<Since>,
    seeker_of: SeekerOf<'_>,
) -> Result<Traces, RestoreError> {
    let store = SqliteStore::open_restored(&Options::at(database))?;
    let mut all = Traces {
        is_swept: true,
        ..Traces::default()
    };
    let Some(Since { key, hashes }) = since else {
        return Ok(all);
    };
    for (at, hashes) in hashes {
        let listed: BTreeSet<Hash> = hashes.iter().copied().collect();
        let is_listed = move |identity: Identity| listed.contains(&key.person(identity));
        let is_listed: IsListed = Arc::new(is_listed);
        let leads = store.leads_known_as(Arc::clone(&is_listed)).await?;
        let order = ForgetOrder {
            seeker: Some(seeker_of(is_listed)),
            leads,
            account: None,
            new_key: [0; 32],
            dry_run: false,
        };
        let found = store.forget(order, codes::moment(at)).await?;
        store.remember_hashes(hashes, at).await?;
        all.leads.extend(found.leads);
        all.arrivals += found.arrivals;
        all.refused += found.refused;
        all.mentions += found.mentions;
        all.waiting += found.waiting;
        all.is_swept &= found.is_swept;
    }
    Ok(all)
}

/// Adds hashes that were forgotten before.
pub(super) fn remember(connection: &Connection, hashes: &[Hash], at: i64) -> Result<(), rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO forgotten (hash, at) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at = max(at, excluded.at)",
    )?;
    for hash in hashes {
        statement.execute(params![&hash[..], at])?;
    }
    Ok(())
}
