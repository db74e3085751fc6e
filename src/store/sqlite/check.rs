//! A look at the file before anything is promised on it: is it whole, and does it lie on this machine?

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::file::directory_of;
use super::open::OpenError;

/// A file up to this size is looked through at each start, rows against indexes, too: half a second.
const WHOLE: u64 = 128 << 20;
/// Of a larger one these tables are: all else hangs on them, and they stay small.
const FIRST: [&str; 6] = [
    "names",
    "counters",
    "destinations",
    "checkpoints",
    "unsettled",
    "forgotten",
];

/// Asks which file system a directory lies on: its number, as `statfs` tells it.
pub type FileSystem = fn(&Path) -> io::Result<u64>;

/// What the kernel says.
pub fn file_system(directory: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statfs(directory)?;
    // Some numbers are given with their sign extended.
    Ok(u64::from_ne_bytes(stat.f_type.to_ne_bytes()) & 0xFFFF_FFFF)
}

/// Refuses a directory that lies on another machine: locks and shared memory, which the store stands on,
/// do not hold there.
pub(super) fn ensure_local(database: &Path, file_system: FileSystem) -> Result<(), OpenError> {
    let directory = directory_of(database);
    // A directory that cannot be looked at is refused by whoever opens the file.
    let kind = file_system(directory).ok().and_then(name_of_network);
    match kind {
        Some(kind) => Err(OpenError::Network {
            path: directory.to_owned(),
            kind,
        }),
        None => Ok(()),
    }
}

/// The name of a file system that is served over a network, or may be (Linux, `statfs(2)`).
fn name_of_network(number: u64) -> Option<&'static str> {
    Some(match number {
        0x6969 => "nfs",
        0xFF53_4D42 => "cifs",
        0xFE53_4D42 => "smb2",
        0x517B => "smb",
        0x6573_5546 => "fuse (sshfs and its like)",
        0x0102_1997 => "9p",
        0x00C3_6400 => "ceph",
        0x5346_414F | 0x6B41_4653 => "afs",
        0x7375_7245 => "coda",
        0x564C => "ncp",
        0x0BD0_0BD0 => "lustre",
        0x0116_1970 => "gfs2",
        0x7461_636F => "ocfs2",
        0x786F_4256 => "vboxsf",
        _ => return None,
    })
}

/// Looks for damage, for a bounded time.
pub(super) fn ensure_whole(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let looked = if size <= WHOLE {
        finding(connection, "PRAGMA integrity_check(1)")
    } else {
        FIRST
            .iter()
            .map(|table| finding(connection, &format!("PRAGMA quick_check({table})")))
            .find(|finding| !matches!(finding, Ok(None)))
            .unwrap_or(Ok(None))
    };
    match looked {
        Ok(None) => Ok(()),
        Ok(Some(finding)) => Err(OpenError::Damaged {
            path: path.to_owned(),
            finding,
        }),
        Err(error) => Err(refused(path, &error)),
    }
}

fn finding(connection: &Connection, sql: &str) -> Result<Option<String>, rusqlite::Error> {
    let first: String = connection.query_row(sql, [], |row| row.get(0))?;
    Ok((first != "ok").then_some(first))
}

/// A damaged file is told apart: only a backup helps.
pub(super) fn refused(path: &Path, error: &rusqlite::Error) -> OpenError {
    let path: PathBuf = path.to_owned();
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            OpenError::Damaged {
                path,
                finding: error.to_string(),
            }
        }
        _ => OpenError::Sqlite {
            path,
            reason: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Options, SqliteStore};
    use super::*;

    /// Every row of every table, or nothing when one cannot be read.
    fn rows(path: &Path) -> Option<Vec<String>> {
        let connection = Connection::open(path).ok()?;
        let read = || -> Result<Vec<String>, rusqlite::Error> {
            let mut tables =
                connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
            let names: Vec<String> = tables
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let mut all = Vec::new();
            for name in names {
                let mut statement = connection.prepare(&format!("SELECT * FROM \"{name}\""))?;
                let columns = statement.column_count();
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let values = (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column));
                    all.push(format!("{name} {:?}", values.collect::<Result<Vec<_>, _>>()?));
                }
            }
            Ok(all)
        };
        read().ok()
    }

    // F18
    #[tokio::test]
    async fn a_flipped_byte_is_refused_or_noticed_or_stays_inside_one_row() {
        use crate::store::conformance;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leadsync.db");
        let store = SqliteStore::open(&Options::at(&path)).unwrap();
        for number in 1..60 {
            conformance::take_in(&store, number).await;
        }
        drop(store);
        let whole = std::fs::read(&path).unwrap();
        let before = rows(&path).unwrap();
        let copy = directory.path().join("copy.db");
        let (mut refused, mut unseen) = (0, 0);
        for number in 0..1000 {
            let mut bytes = whole.clone();
            // A prime number of bytes apart: no position is alike.
            let at = (number * 104_729) % bytes.len();
            bytes[at] ^= 0xFF;
            std::fs::write(&copy, bytes).unwrap();
            let opened = super::super::file::open(&copy, super::super::file::Purpose::Write)
                .map_err(|error| super::refused(&copy, &error))
                .and_then(|connection| ensure_whole(&connection, &copy));
            let read = rows(&copy);
            match (opened, read) {
                (Err(_), _) | (_, None) => refused += 1,
                (Ok(()), Some(after)) => {
                    assert_eq!(after.len(), before.len(), "byte {at}");
                    let differing = before
                        .iter()
                        .zip(&after)
                        .filter(|(one, other)| one != other)
                        .count();
                    assert!(differing <= 1, "byte {at}: {differing} rows");
                    unseen += differing;
                }
            }
        }
        assert!(refused > 50 && unseen < 200, "{refused} refused, {unseen} unseen");
    }

    fn open_on(number: FileSystem, allowed: bool) -> Result<SqliteStore, OpenError> {
        let directory = tempfile::tempdir().unwrap();
        SqliteStore::open(&Options {
            file_system: (!allowed).then_some(number),
            ..Options::at(directory.path().join("leadsync.db"))
        })
    }

    #[test]
    fn a_store_on_another_machine_is_refused_unless_that_is_wanted() {
        let refused = open_on(|_| Ok(0x6969), false);
        assert!(matches!(refused, Err(OpenError::Network { kind: "nfs", .. })));
        assert!(open_on(|_| Ok(0x6969), true).is_ok());
        assert!(open_on(|_| Ok(0xEF53), false).is_ok(), "ext4 is local");
        assert!(open_on(file_system, false).is_ok(), "this machine is local");
    }

    #[test]
    fn every_file_system_that_is_known_has_a_name() {
        for (number, name) in [(0xFF53_4D42, "cifs"), (0x0102_1997, "9p"), (0x00C3_6400, "ceph")] {
            assert_eq!(name_of_network(number), Some(name));
        }
        assert_eq!(name_of_network(0x5846_5342), None, "xfs");
    }
}
