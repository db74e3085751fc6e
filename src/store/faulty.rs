//! A store that fails on command, so that every promise can be tried at every step.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::{Around, Store, StoreError};

/// How the chosen call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// Nothing was done.
    Before,
    /// It was done, and the caller is told it was not known.
    After,
}

/// Wraps a store and fails its n-th call, once.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    calls: AtomicU64,
    nth: u64,
    failing: Failing,
}

impl FaultyStore {
    /// Fails call number `nth`, counted from 1.
    pub fn failing(inner: Arc<dyn Store>, nth: u64, failing: Failing) -> Self {
        Self {
            inner,
            calls: AtomicU64::new(0),
            nth,
            failing,
        }
    }

    /// Calls made so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Around for FaultyStore {
    fn inner(&self) -> Arc<dyn Store> {
        Arc::clone(&self.inner)
    }

    async fn before(&self, _: &'static str) -> Result<u64, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if number == self.nth && self.failing == Failing::Before {
            return Err(StoreError::Failed("planned failure".into()));
        }
        Ok(number)
    }

    async fn after(&self, _: &'static str, number: u64) -> Result<(), StoreError> {
        if number == self.nth && self.failing == Failing::After {
            return Err(StoreError::Unknown("planned failure after the commit".into()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::referrals::notices::told;
    use crate::store::sqlite::{Options, SqliteStore};
    use crate::store::{Heard, ReferralStore};

    #[tokio::test]
    async fn the_nth_call_fails_whichever_part_of_the_store_it_asks() {
        for (failing, again) in [(Failing::Before, Heard::Kept), (Failing::After, Heard::Known)] {
            let directory = tempfile::tempdir().unwrap();
            let options = Options::at(directory.path().join("leadsync.db"));
            let inner = Arc::new(SqliteStore::open_inline(&options).unwrap());
            let store = FaultyStore::failing(inner, 2, failing);
            store.totals().await.unwrap();
            assert!(store.hear(vec![told(1, "a", 1)]).await.is_err());
            assert_eq!(store.hear(vec![told(1, "a", 1)]).await.unwrap(), [again]);
            assert_eq!(store.calls(), 3);
        }
    }
}
