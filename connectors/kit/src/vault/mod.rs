//! Secrets of ours at rest: small records, sealed, one file each.
//!
//! A connector that is given a secret by somebody else in the course of its work (a refresh token)
//! keeps it here. Reading takes no lock, for a record is replaced in one step; whoever changes one
//! holds it first, so that the daemon and a command beside it never lose each other's change.

// 1. What may go wrong.
mod error;

// 2. How a record is sealed, and where it lies.
mod place;
mod seal;

#[cfg(test)]
mod tests;

use std::fs::{File, TryLockError};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, MutexGuard};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::context::ConnectorContext;
use crate::dice::Dice;
use crate::error::ConfigError;
use crate::secret::Secret;

pub use error::{VaultError, VaultFault};
use place::Place;
use seal::{Seal, Unsealed};

/// A shorter secret could be guessed by whoever gets hold of a file.
const LEAST_SECRET_BYTES: usize = 32;
/// A record held by another process is asked for again after this long, then after twice as long, ...
const FIRST_KNOCK: Duration = Duration::from_millis(2);
/// ... but at least this often ...
const LONGEST_KNOCK: Duration = Duration::from_millis(200);
/// ... until the other should long have had its answer from a token endpoint.
const PATIENCE: Duration = Duration::from_secs(90);

/// The name of a record, and of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordName(&'static str);

impl RecordName {
    /// Small letters and dashes.
    ///
    /// # Panics
    ///
    /// When it holds anything else; in a constant the compiler says so.
    pub const fn new(name: &'static str) -> Self {
        let letters = name.as_bytes();
        assert!(!letters.is_empty(), "a record has a name");
        let mut at = 0;
        while at < letters.len() {
            assert!(
                letters[at].is_ascii_lowercase() || letters[at] == b'-',
                "a record's name is made of small letters and dashes"
            );
            at += 1;
        }
        Self(name)
    }

    /// The name.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// The sealed records of one connector. Clones are the same vault.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    owner: String,
    place: Place,
    seal: Seal,
    clock: Arc<dyn Clock>,
    dice: Dice,
    /// Who in this process is next; the file lock is for other processes.
    turn: Mutex<()>,
}

impl Vault {
    /// The vault of the connector that is built. Touches no disk.
    ///
    /// Records are sealed for the connector's name: under another name they cannot be opened.
    pub fn of(context: &ConnectorContext, secret: &Secret) -> Result<Self, ConfigError> {
        let wrong = |message: String| ConfigError::new("settings", message);
        let Some(dir) = &context.state_dir else {
            return Err(wrong(
                "there is no directory where this connector may keep files".into(),
            ));
        };
        let length = secret.expose().len();
        if length < LEAST_SECRET_BYTES {
            return Err(wrong(format!(
                "the secret that seals what is kept has {length} characters; at least {LEAST_SECRET_BYTES} are needed \
                 (openssl rand -base64 32)"
            )));
        }
        let seal = Seal::of(secret, &context.name)
            .map_err(|_| wrong("no key can be made of the secret that seals what is kept".into()))?;
        Ok(Self(Arc::new(Inner {
            owner: context.name.clone(),
            place: Place::new(dir.clone()),
            seal,
            clock: Arc::clone(&context.clock),
            dice: context.dice.clone(),
            turn: Mutex::default(),
        })))
    }

    /// The connector's name.
    pub fn owner(&self) -> &str {
        &self.0.owner
    }

    /// The record as it is now; none when there is none.
    pub fn read<T: DeserializeOwned>(&self, name: RecordName) -> Result<Option<T>, VaultError> {
        let inner = &self.0;
        let sealed = inner
            .place
            .read(name.0)
            .map_err(|cause| self.failed(VaultFault::Unreadable, name, Some(cause)))?;
        let Some(mut sealed) = sealed else {
            return Ok(None);
        };
        let opened = inner.seal.open(name.0, &mut sealed);
        let plain = Zeroizing::new(opened.map_err(|why| match why {
            Unsealed::OtherKey => self.failed(VaultFault::WrongKey, name, None),
            Unsealed::Damaged => self.failed(VaultFault::Damaged, name, None),
        })?);
        // Its complaint would quote what it read.
        let read =
            serde_json::from_slice(&plain).map_err(|_| self.failed(VaultFault::Damaged, name, None))?;
        Ok(Some(read))
    }

    /// Waits until nobody else holds the record, here or in another process.
    pub async fn hold(&self, name: RecordName) -> Result<Held<'_>, VaultError> {
        let turn = self.0.turn.lock().await;
        let lock = self
            .0
            .place
            .lock_file(name.0)
            .map_err(|cause| self.failed(VaultFault::Unwritable, name, Some(cause)))?;
        let (mut pause, mut waited) = (FIRST_KNOCK, Duration::ZERO);
        while waited < PATIENCE {
            match lock.try_lock() {
                Ok(()) => {
                    return Ok(Held {
                        vault: self,
                        name,
                        _lock: lock,
                        _turn: turn,
                    });
                }
                Err(TryLockError::WouldBlock) => self.0.clock.rest(pause).await,
                Err(TryLockError::Error(cause)) => {
                    return Err(self.failed(VaultFault::Unwritable, name, Some(cause)));
                }
            }
            waited += pause;
            pause = (pause * 2).min(LONGEST_KNOCK);
        }
        Err(self.failed(VaultFault::Busy, name, None))
    }

    fn failed(&self, fault: VaultFault, name: RecordName, cause: Option<std::io::Error>) -> VaultError {
        VaultError::new(fault, &self.0.owner, &self.0.place.record(name.0), cause)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Vault").field(&self.0.owner).finish()
    }
}

/// A record nobody else changes as long as this lives.
#[must_use = "the record is free again when this is dropped"]
pub struct Held<'a> {
    vault: &'a Vault,
    name: RecordName,
    _lock: File,
    _turn: MutexGuard<'a, ()>,
}

impl Held<'_> {
    /// The record as it is now; none when there is none.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, VaultError> {
        self.vault.read(self.name)
    }

    /// Makes sure that a record could be written now; changes none.
    pub fn rehearse(&self) -> Result<(), VaultError> {
        let tried = self.vault.0.place.rehearse(self.name.0);
        tried.map_err(|cause| self.vault.failed(VaultFault::Unwritable, self.name, Some(cause)))
    }

    /// Replaces the record. When this comes back well, the new one is on disk; otherwise the former still is.
    ///
    /// A few hundred bytes, written at once and not on another thread: so nothing can come between
    /// an answer and the disk, also when nobody waits for us any more.
    pub fn write(&self, record: &impl Serialize) -> Result<(), VaultError> {
        let Inner {
            place, seal, dice, ..
        } = &*self.vault.0;
        // Room for all of it, so that no piece is left behind where a smaller buffer was.
        let mut plain = Zeroizing::new(Vec::with_capacity(place::MOST_BYTES));
        let wrong = |cause| self.vault.failed(VaultFault::Unwritable, self.name, Some(cause));
        serde_json::to_writer(&mut *plain, record)
            .map_err(|_| wrong(std::io::Error::other("the record cannot be written as JSON")))?;
        let sealed = seal
            .seal(self.name.0, &mut plain, dice)
            .map_err(|_| wrong(std::io::Error::other("the record cannot be sealed")))?;
        place.write(self.name.0, &sealed).map_err(wrong)
    }
}
