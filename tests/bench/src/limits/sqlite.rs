//! SQLite inserts by rows per transaction: what a commit costs, and what sharing one saves.

use std::path::Path;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::lead::Shapes;
use crate::measurement::Figures;
use crate::numbers::length;
use crate::serve::writer::{insert, open};

/// Inserts leads with a unique random key for `span`, `batch` of them in each transaction.
pub(crate) fn measure(
    synchronous: &str,
    batch: usize,
    dir: &Path,
    span: Duration,
) -> anyhow::Result<Figures> {
    let mut store = open(&dir.join("limits.db"), synchronous)?;
    let shapes = Shapes::new();
    let mut number = 0;
    let mut rows = 0;
    let begun = Instant::now();
    while begun.elapsed() < span {
        let leads: Vec<([u8; 16], Vec<u8>)> = (0..batch).map(|_| lead(&shapes, &mut number)).collect();
        insert(
            &mut store,
            leads.iter().map(|(key, body)| (*key, body.as_slice())),
        )?;
        rows += batch;
    }
    let mut figures = Figures::default();
    figures.set("rows_per_s", length(rows) / begun.elapsed().as_secs_f64());
    Ok(figures)
}

fn lead(shapes: &Shapes, number: &mut u64) -> ([u8; 16], Vec<u8>) {
    let mut body = Vec::new();
    shapes.write(*number, &mut body);
    *number += 1;
    let mut key = [0; 16];
    key.copy_from_slice(&Sha256::digest(&body)[..16]);
    (key, body)
}
