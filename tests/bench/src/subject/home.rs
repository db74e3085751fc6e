//! Where a subject keeps its files: a directory on a real disk that vanishes afterwards.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::numbers::figure;

/// `f_type` of a file system in memory, where a flush costs nothing.
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// A fresh directory for one subject.
pub(crate) struct Home(TempDir);

impl Home {
    /// Makes one under `parent`, or under the system's directory for temporary files.
    pub(crate) fn new(parent: Option<&Path>) -> anyhow::Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        let kind = rustix::fs::statfs(&parent)
            .with_context(|| format!("cannot look at {}", parent.display()))?
            .f_type;
        ensure!(
            u64::try_from(kind) != Ok(TMPFS_MAGIC),
            "{} is in memory and flushes nothing: name a directory on a disk with --dir",
            parent.display()
        );
        Ok(Self(
            tempfile::Builder::new()
                .prefix("leadsync-bench-")
                .tempdir_in(parent)?,
        ))
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A path inside it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// What the files under `dir` take on the disk, in MB (10^6 bytes).
pub(crate) fn bytes_on_disk(dir: &Path) -> f64 {
    use std::os::unix::fs::MetadataExt as _;
    let mut blocks = 0;
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        let Ok(entries) = std::fs::read_dir(next) else {
            continue;
        };
        for entry in entries.flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => open.push(entry.path()),
                Ok(meta) => blocks += meta.blocks(),
                Err(_) => {}
            }
        }
    }
    figure(blocks * 512) / 1e6
}
