//! A look at the file of a store that changes nothing: who has it, what it is, whether it is whole.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::check::refused;
use super::file::{self, DaemonLock, LockError};
use super::open::OpenError;
use super::{SpaceFloor, SqliteStore, schema};

/// Larger files take too long to read from end to end.
const READ_WHOLE: u64 = 512 << 20;

/// What a look at the file showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// The daemon that works on it now.
    pub holder: Option<String>,
    /// The size of the file.
    pub bytes: u64,
    /// The schema, and the newest this program knows: the next start brings it there.
    pub schema: (usize, usize),
    /// Whether every page was looked at.
    pub read_whole: bool,
}

/// The room on the disk of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes an ordinary process may still write.
    pub free: u64,
    /// Bytes that must stay free for leads to be taken.
    pub floor: u64,
}

impl SqliteStore {
    /// Looks at the file, which must exist. Fails when it is damaged, foreign or too new.
    pub fn glance(path: &Path) -> Result<Glance, OpenError> {
        let holder = match DaemonLock::look(path) {
            Ok(()) => None,
            Err(LockError::Held(holder)) => Some(holder),
            Err(error) => return Err(error.into()),
        };
        let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
        let wrong = |error: rusqlite::Error| refused(path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(wrong)?;
        let version = schema::version(&connection).map_err(|error| match error {
            schema::SchemaError::Sqlite(error) => wrong(error),
            other => other.into(),
        })?;
        if version > schema::newest() {
            let (found, known) = (version, schema::newest());
            return Err(schema::SchemaError::Newer { found, known }.into());
        }
        let read_whole = bytes <= READ_WHOLE;
        if read_whole {
            let check = "PRAGMA quick_check(1)";
            let finding: String = connection.query_row(check, [], |row| row.get(0)).map_err(wrong)?;
            if finding != "ok" {
                let path = path.to_owned();
                return Err(OpenError::Damaged { path, finding });
            }
        }
        Ok(Glance {
            holder,
            bytes,
            schema: (version, schema::newest()),
            read_whole,
        })
    }

    /// The room where a store is, or will be; the directory of `path` must exist.
    pub fn room(path: &Path, floor: SpaceFloor) -> std::io::Result<Room> {
        let (free, size) = file::space(path)?;
        Ok(Room {
            free,
            floor: floor.of(size),
        })
    }
}
