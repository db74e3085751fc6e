//! Raw flushes: how fast the disk takes an append and says it is safe.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::lead::BODY_BYTES;
use crate::measurement::Figures;
use crate::numbers::{length, micros, percentile};

/// Preallocated room; writing starts over at its end.
const ROOM: usize = 64 << 20;

/// How bytes reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Append, then `fdatasync`.
    AppendFdatasync,
    /// Append, then `fsync`.
    AppendFsync,
    /// Write inside a file whose blocks are already there, then `fdatasync`.
    Preallocated,
}

/// All of them, in the order of the table.
pub(crate) const WAYS: [Way; 3] = [Way::AppendFdatasync, Way::AppendFsync, Way::Preallocated];

impl Way {
    /// Its name in tables and JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AppendFdatasync => "append + fdatasync",
            Self::AppendFsync => "append + fsync",
            Self::Preallocated => "preallocated + fdatasync",
        }
    }
}

/// Writes batches of leads for `span`, each batch flushed.
pub(crate) fn measure(way: Way, batch: usize, dir: &Path, span: Duration) -> anyhow::Result<Figures> {
    let mut flushes = flush_times(way, batch, dir, span)?;
    let seconds: f64 = flushes.iter().map(Duration::as_secs_f64).sum();
    flushes.sort_unstable();
    let mut figures = Figures::default();
    figures.set("rows_per_s", length(flushes.len() * batch) / seconds);
    for (name, share) in [("p50_ms", 0.5), ("p99_ms", 0.99)] {
        figures.set_if(
            name,
            percentile(&flushes, share).map(|took| took.as_secs_f64() * 1000.0),
        );
    }
    Ok(figures)
}

/// The median of one raw flush of one lead, in ms: what a lone client's answer is held against.
pub(crate) fn raw_flush_p50_ms(dir: &Path, span: Duration) -> anyhow::Result<f64> {
    let mut flushes = flush_times(Way::AppendFdatasync, 1, dir, span)?;
    flushes.sort_unstable();
    Ok(percentile(&flushes, 0.5).map_or(f64::NAN, |took| f64::from(micros(took)) / 1000.0))
}

fn flush_times(way: Way, batch: usize, dir: &Path, span: Duration) -> anyhow::Result<Vec<Duration>> {
    let mut file = create(way, &dir.join("flushes"))?;
    let bytes = vec![b'x'; BODY_BYTES * batch];
    let mut written = 0;
    let mut flushes = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < span {
        let start = Instant::now();
        if way == Way::Preallocated && written + bytes.len() > ROOM {
            std::io::Seek::rewind(&mut file)?;
            written = 0;
        }
        file.write_all(&bytes)?;
        written += bytes.len();
        match way {
            Way::AppendFsync => file.sync_all()?,
            Way::AppendFdatasync | Way::Preallocated => file.sync_data()?,
        }
        flushes.push(start.elapsed());
    }
    Ok(flushes)
}

fn create(way: Way, path: &Path) -> anyhow::Result<File> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(path)?;
    if way == Way::Preallocated {
        // Written, not only reserved: a reserved block still costs a change of metadata.
        for _ in 0..ROOM >> 20 {
            file.write_all(&vec![0; 1 << 20])?;
        }
        std::io::Seek::rewind(&mut file)?;
    }
    file.sync_all()?;
    Ok(file)
}
