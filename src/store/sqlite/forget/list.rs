//! The list of who was forgotten: keyed hashes in a file beside the database, so that a backup that is
//! older than a forgetting brings nobody back.
//!
//! The first line holds the key, made once; each further line a moment and a hash. The database holds
//! the hashes too, and never the key: it alone answers no question about anybody.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::super::file::{directory_of, hand_over};
use crate::store::{Identity, TouchKey};

const TITLE: &str = "leadsync-forgotten-1";

/// A hash as it is kept.
pub(in crate::store::sqlite) type Hash = [u8; 16];

/// The key of the hashes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::store::sqlite) struct Key([u8; 32]);

impl Key {
    /// What a person is remembered by.
    pub(in crate::store::sqlite) fn person(&self, Identity(identity): Identity) -> Hash {
        self.hash(&[b"person", &identity])
    }

    /// What it is remembered by that a person must not be contacted.
    pub(in crate::store::sqlite) fn barred(&self, Identity(identity): Identity) -> Hash {
        self.hash(&[b"do not contact", &identity])
    }

    /// What something they did is remembered by.
    pub(in crate::store::sqlite) fn touch(
        &self,
        Identity(identity): Identity,
        TouchKey(touch): TouchKey,
    ) -> Hash {
        self.hash(&[b"touch", &identity, &touch])
    }

    fn hash(&self, parts: &[&[u8]]) -> Hash {
        let mut short = [0; 16];
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return short;
        };
        for part in parts {
            mac.update(part);
        }
        short.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        short
    }
}

/// The file.
#[derive(Clone, Default)]
pub(in crate::store::sqlite) struct List(Option<Arc<Place>>);

struct Place {
    path: PathBuf,
    key: OnceLock<Key>,
}

impl List {
    /// The list that belongs to this database. Nothing is made before somebody is forgotten.
    pub(in crate::store::sqlite) fn beside(database: &Path) -> Self {
        Self(Some(Arc::new(Place {
            path: path_beside(database),
            key: OnceLock::new(),
        })))
    }

    /// A list that keeps nothing.
    pub(super) fn nowhere() -> Self {
        Self::default()
    }

    /// The key; none before anybody was forgotten, or when the file is gone.
    pub(in crate::store::sqlite) fn key(&self) -> Option<Key> {
        let place = self.0.as_ref()?;
        if let Some(key) = place.key.get() {
            return Some(*key);
        }
        let key = read(&place.path).ok()?.0;
        Some(*place.key.get_or_init(|| key))
    }

    /// Makes the file, unless there is one. Two who do it at once agree on one key.
    pub(super) fn begin(&self, new_key: [u8; 32]) -> io::Result<()> {
        let Some(place) = &self.0 else { return Ok(()) };
        if place.path.exists() {
            return read(&place.path).map(drop);
        }
        let directory = directory_of(&place.path);
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        writeln!(file, "{TITLE} {}", hex(&new_key))?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(&place.path) {
            Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
            Err(_) => Ok(()),
            Ok(_) => {
                hand_over(&place.path, directory)?;
                File::open(directory)?.sync_all()
            }
        }
    }

    /// Adds to the file; on disk when this returns.
    ///
    /// What is added begins with a line of its own: a line that a crash has cut must not swallow it.
    pub(in crate::store::sqlite) fn add(&self, hashes: &[Hash], at: i64) -> io::Result<()> {
        let Some(place) = &self.0 else { return Ok(()) };
        let lines: Vec<String> = hashes
            .iter()
            .map(|hash| format!("\n{at} {}", hex(hash)))
            .collect();
        let mut file = File::options().append(true).open(&place.path)?;
        file.write_all((lines.concat() + "\n").as_bytes())?;
        file.sync_all()
    }
}

/// Where the list of this database is.
pub(in crate::store::sqlite) fn path_beside(database: &Path) -> PathBuf {
    database.with_extension("forgotten")
}

/// What a list says: its key, and when which hash was forgotten.
pub(in crate::store::sqlite) fn read(path: &Path) -> io::Result<(Key, Vec<(Hash, i64)>)> {
    parse(&std::fs::read(path)?)
}

/// The same of its bytes.
pub(in crate::store::sqlite) fn parse(bytes: &[u8]) -> io::Result<(Key, Vec<(Hash, i64)>)> {
    let damaged = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "the list of who was forgotten is damaged",
        )
    };
    let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
    let mut lines = text.lines();
    let key = lines
        .next()
        .and_then(|first| first.strip_prefix(TITLE))
        .and_then(|rest| unhex(rest.trim()))
        .ok_or_else(damaged)?;
    let entry = |line: &str| {
        let (at, hash) = line.split_once(' ')?;
        Some((unhex(hash)?, at.parse().ok()?))
    };
    // A last line without its end was cut by a crash, before anybody was told that it is kept.
    Ok((Key(key), lines.filter_map(entry).collect()))
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_made_once_and_remembers_who_was_added() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("leadsync.db");
        let (list, other) = (List::beside(&database), List::beside(&database));
        assert!(list.key().is_none(), "nobody was forgotten yet");
        list.begin([7; 32]).unwrap();
        other.begin([8; 32]).unwrap();
        let key = other.key().unwrap();
        let ada = key.person(Identity([1; 16]));
        assert_eq!(list.key().unwrap().person(Identity([1; 16])), ada);
        assert_ne!(key.person(Identity([2; 16])), ada);
        assert_ne!(key.touch(Identity([1; 16]), TouchKey([0; 16])), ada);
        list.add(&[ada], 5).unwrap();
        list.add(&[ada], 9).unwrap();
        let path = path_beside(&database);
        assert_eq!(read(&path).unwrap().1, [(ada, 5), (ada, 9)]);
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"12 ab")
            .unwrap();
        assert_eq!(read(&path).unwrap().1.len(), 2, "a cut line counts for nothing");
        let next = key.person(Identity([2; 16]));
        list.add(&[next], 13).unwrap();
        let entries = [(ada, 5), (ada, 9), (next, 13)];
        assert_eq!(read(&path).unwrap().1, entries, "and takes nobody along");
    }

    #[test]
    fn nobody_else_may_read_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("leadsync.db");
        List::beside(&database).begin([7; 32]).unwrap();
        let mode = path_beside(&database).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
