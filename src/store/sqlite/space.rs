//! Whether the disk has room for another promise, and whether the store still exists.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::file;
use crate::store::{Footprint, StoreError};

/// Free space below which custody is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceFloor {
    /// Bytes that must stay free.
    pub bytes: u64,
    /// Share of the disk that must stay free, in percent; the smaller of both rules counts.
    pub percent: u8,
}

impl Default for SpaceFloor {
    fn default() -> Self {
        Self {
            bytes: 256 * 1024 * 1024,
            percent: 5,
        }
    }
}

impl SpaceFloor {
    /// Bytes that must stay free on a disk of this size.
    pub(super) fn of(self, disk: u64) -> u64 {
        self.bytes.min(disk / 100 * u64::from(self.percent))
    }
}

/// What the writer saw last.
pub(super) struct Space {
    path: PathBuf,
    floor: SpaceFloor,
    low: AtomicBool,
    lost: watch::Sender<Option<String>>,
}

impl Space {
    /// Watches the disk the path lies on.
    pub(super) fn new(path: PathBuf, floor: SpaceFloor) -> Self {
        let space = Self {
            path,
            floor,
            low: AtomicBool::new(false),
            lost: watch::Sender::new(None),
        };
        space.look();
        space
    }

    /// The database file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at the disk.
    pub(super) fn look(&self) {
        if let Ok((free, size)) = file::space(&self.path) {
            self.low.store(free < self.floor.of(size), Ordering::Release);
        }
    }

    /// Looks at the files and the disk; what cannot be seen counts as nothing.
    pub(super) fn footprint(&self) -> Footprint {
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let (free, disk) = file::space(&self.path).unwrap_or_default();
        Footprint {
            database: length(&self.path),
            log: length(&file::log_of(&self.path)),
            free,
            disk,
            floor: self.floor.of(disk),
        }
    }

    /// Notes that the store cannot be used any more.
    pub(super) fn lose(&self, why: &str) {
        self.lost.send_replace(Some(why.to_owned()));
    }

    /// Whether custody may be taken.
    pub(super) fn admit(&self) -> Result<(), StoreError> {
        if self.low.load(Ordering::Acquire) {
            Err(StoreError::Full)
        } else {
            Ok(())
        }
    }

    /// Why the store is lost, once it is.
    pub(super) fn lost(&self) -> Option<String> {
        self.lost.borrow().clone()
    }

    /// Ends when the store is lost, and says why.
    pub(super) async fn until_lost(&self) -> String {
        let mut lost = self.lost.subscribe();
        let why = lost.wait_for(Option::is_some).await;
        // The sender lives as long as this; what is lost stays lost.
        why.ok().and_then(|why| why.clone()).unwrap_or_default()
    }
}
