//! The numbers of the floor: what the store takes of its disk, and how fast it writes.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::{Metrics, StoreMeter};
use crate::runtime::Ticks;
use crate::store::Footprint;

/// All numbers of the floor.
pub(super) struct FloorNumbers {
    pub(super) meter: StoreMeter,
    database: Gauge,
    log: Gauge,
    free: Gauge,
    disk: Gauge,
    floor: Gauge,
    answered: Gauge,
    last_run_died: Gauge,
}

impl FloorNumbers {
    pub(super) fn new(ticks: Ticks) -> Self {
        Self {
            meter: StoreMeter {
                ticks,
                commit: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
                group: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
                errors: Counter::default(),
            },
            database: Gauge::default(),
            log: Gauge::default(),
            free: Gauge::default(),
            disk: Gauge::default(),
            floor: Gauge::default(),
            answered: Gauge::default(),
            last_run_died: Gauge::default(),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let StoreMeter {
            commit,
            group,
            errors,
            ..
        } = &self.meter;
        let help = "From the first write of a group to the end of its fsync";
        registry.register_with_unit("store_commit", help, Unit::Seconds, commit.clone());
        registry.register("store_group_calls", "Calls in one commit", group.clone());
        registry.register("store_commit_errors", "Commits that failed", errors.clone());
        let sizes = [
            ("store_database", "Size of the database file", &self.database),
            (
                "store_log",
                "Size of the log of what is not in the database file yet (WAL)",
                &self.log,
            ),
            (
                "store_disk_free",
                "What may still be written on the disk of the store",
                &self.free,
            ),
            ("store_disk_size", "Size of the disk of the store", &self.disk),
            (
                "store_disk_floor",
                "Nothing is accepted while less than this is free",
                &self.floor,
            ),
        ];
        for (name, help, gauge) in sizes {
            registry.register_with_unit(name, help, Unit::Bytes, gauge.clone());
        }
        registry.register(
            "store_answered",
            "Whether the store answered in time when these numbers were asked for: 1 yes, 0 no, and what is its own is of last time",
            self.answered.clone(),
        );
        registry.register(
            "last_run_died",
            "Whether the run before this one ended without being told to: 1 yes, 0 no",
            self.last_run_died.clone(),
        );
    }

    pub(super) fn show(&self, footprint: &Footprint) {
        let bytes = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
        self.database.set(bytes(footprint.database));
        self.log.set(bytes(footprint.log));
        self.free.set(bytes(footprint.free));
        self.disk.set(bytes(footprint.disk));
        self.floor.set(bytes(footprint.floor));
    }

    pub(super) fn answered(&self, did: bool) {
        self.answered.set(did.into());
    }
}

impl Metrics {
    /// The handles of the store's writer.
    pub fn store(&self) -> StoreMeter {
        self.floor.meter.clone()
    }

    /// The run before this one ended without being told to.
    pub fn last_run_died(&self) {
        self.floor.last_run_died.set(1);
    }
}
