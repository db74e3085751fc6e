//! Canaries: only those that were announced are let through, each once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use connector_kit::{CanaryMark, DestinationName, SourceName};

use crate::normalize::Understanding;
use crate::store::{Store, StoreError};

/// Where each announced canary of a batch goes.
pub(super) type Announced = BTreeMap<CanaryMark, Vec<DestinationName>>;

/// Finds the announced ones. The others, and whatever carries the mark of one once more, are test leads
/// like any other from then on.
pub(super) async fn heed<'a>(
    store: &dyn Store,
    batch: impl Iterator<Item = &'a mut Understanding>,
    now: DateTime<Utc>,
) -> Result<Announced, StoreError> {
    let mut marked: Vec<&mut Understanding> = batch.filter(|one| one.canary.is_some()).collect();
    if marked.is_empty() {
        return Ok(Announced::new());
    }
    let marks: Vec<(CanaryMark, SourceName)> = marked
        .iter()
        .filter_map(|one| Some((one.canary?, one.touch.source.clone())))
        .collect();
    let expected = store.expected(marks, now).await?;
    let mut announced = Announced::new();
    for (one, destinations) in marked.iter_mut().zip(expected) {
        let Some(mark) = one.canary.take() else { continue };
        if let Some(destinations) = destinations.filter(|_| !announced.contains_key(&mark)) {
            announced.insert(mark, destinations);
            one.canary = Some(mark);
        }
    }
    Ok(announced)
}
