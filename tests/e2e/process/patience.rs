//! Waiting for a state, with a deadline.

use std::time::{Duration, Instant};

/// Far longer than anything takes; only a hanging program reaches it.
pub(crate) const GENEROUS: Duration = Duration::from_secs(30);

/// Looks until there is something to see; gives up, and fails, after [`GENEROUS`].
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < GENEROUS, "never came: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Looks until nothing is left; gives up, and fails, when nothing became less for [`GENEROUS`].
#[track_caller]
pub(crate) fn until_none_left(what: &str, mut left: impl FnMut() -> u64) {
    let mut fewest = u64::MAX;
    while fewest > 0 {
        fewest = eventually(what, || Some(left()).filter(|left| *left < fewest));
    }
}
