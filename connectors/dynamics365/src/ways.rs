//! Which way many leads go at once, and how many (contract dynamics365 10.2 and 10.3).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::ErrorKind;
use serde::Deserialize;
use serde_json::Value;

use crate::api::Dataverse;
use crate::config::{Bulk, Settings};
use crate::error::Failure;
use crate::operation::Operation;

/// A table that knows the action keeps it; one that does not may learn it with an update.
const YES_LASTS: TimeDelta = TimeDelta::hours(24);
const NO_LASTS: TimeDelta = TimeDelta::hours(1);
/// Whether `UpsertMultiple` is there for leads; an empty list says no.
const ASK: &str = "sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid/name%20eq%20@message\
                   %20and%20primaryobjecttypecode%20eq%20@table&@message='UpsertMultiple'&@table='lead'";

/// The way, as far as it is known.
#[derive(Debug)]
pub(crate) struct Ways {
    wanted: Bulk,
    known: Mutex<Option<(bool, DateTime<Utc>)>>,
    /// Leads in one `UpsertMultiple`.
    pub multiple: Portion,
    /// Requests in one `$batch`.
    pub batch: Portion,
}

impl Ways {
    /// As the operator wishes.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            wanted: settings.bulk,
            known: Mutex::default(),
            multiple: Portion::new(settings.bulk_size),
            batch: Portion::new(settings.batch_size),
        }
    }

    /// As many leads as one call may carry.
    pub(crate) fn most(&self) -> usize {
        self.multiple.most
    }

    /// Whether leads may go by `UpsertMultiple`; asked once in a while.
    pub(crate) async fn has_upsert_multiple(&self, dataverse: &Dataverse) -> Result<bool, Failure> {
        match self.wanted {
            Bulk::UpsertMultiple => return Ok(true),
            Bulk::Batch => return Ok(false),
            Bulk::Auto => {}
        }
        let now = dataverse.clock.now();
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((answer, _)) = known.filter(|(_, until)| now < *until) {
            return Ok(answer);
        }
        let answer = ask(dataverse).await?;
        self.learn(answer, now);
        Ok(answer)
    }

    /// The action was not there after all.
    pub(crate) fn is_missing(&self, now: DateTime<Utc>) {
        self.learn(false, now);
    }

    fn learn(&self, answer: bool, now: DateTime<Utc>) {
        let until = now + if answer { YES_LASTS } else { NO_LASTS };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((answer, until));
    }
}

/// Asks; a user who may not look takes the way that always works.
pub(crate) async fn ask(dataverse: &Dataverse) -> Result<bool, Failure> {
    #[derive(Deserialize)]
    struct Filters {
        value: Vec<Value>,
    }
    match dataverse
        .send(&Operation::get(ASK), "ask for UpsertMultiple")
        .await
    {
        Ok(answer) => {
            Ok(serde_json::from_slice::<Filters>(answer.body())
                .is_ok_and(|filters| !filters.value.is_empty()))
        }
        Err(failure) if matches!(failure.kind(), ErrorKind::Rejected | ErrorKind::Misconfigured) => Ok(false),
        Err(Failure::Refused(refusal)) if refusal.status == 403 => {
            tracing::info!(
                event = "batch_way_unknown",
                "the application user may not see whether UpsertMultiple is there; $batch is used"
            );
            Ok(false)
        }
        Err(failure) => Err(failure),
    }
}

/// How many go at once: halved when that was too much, doubled again when it has long gone well.
#[derive(Debug)]
pub(crate) struct Portion {
    most: usize,
    now: AtomicUsize,
    well: AtomicUsize,
}

/// So many full portions in a row earn a larger one.
const PROOF: usize = 16;

impl Portion {
    fn new(most: usize) -> Self {
        Self {
            most,
            now: AtomicUsize::new(most),
            well: AtomicUsize::new(0),
        }
    }

    /// As many as may go now.
    pub(crate) fn size(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    /// So many were too many.
    pub(crate) fn less_than(&self, sent: usize) {
        self.well.store(0, Ordering::Relaxed);
        self.now.store((sent / 2).clamp(1, self.most), Ordering::Relaxed);
    }

    /// So many went well; a small one proves nothing.
    pub(crate) fn went_well(&self, sent: usize) {
        let size = self.size();
        if size < self.most && sent >= size && self.well.fetch_add(1, Ordering::Relaxed) + 1 >= PROOF {
            self.well.store(0, Ordering::Relaxed);
            self.now.store((size * 2).min(self.most), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_that_was_too_large_is_halved_and_grows_back_when_it_has_long_gone_well() {
        let portion = Portion::new(1000);
        portion.went_well(1000);
        assert_eq!(portion.size(), 1000);
        portion.less_than(900);
        assert_eq!(portion.size(), 450);
        for _ in 0..100 {
            portion.went_well(20);
        }
        assert_eq!(portion.size(), 450, "small ones prove nothing");
        for (times, size) in [(15, 450), (1, 900), (15, 900), (1, 1000)] {
            for _ in 0..times {
                portion.went_well(portion.size());
            }
            assert_eq!(portion.size(), size);
        }
        portion.less_than(1);
        assert_eq!(portion.size(), 1);
    }
}
