//! One at a time for each key: two upserts of one address at once make two people (contract marketo A0.5).

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The keys somebody is writing.
#[derive(Default)]
pub(crate) struct Turns {
    taken: Mutex<BTreeSet<String>>,
    given_back: Notify,
}

/// Some keys are ours until this is dropped.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    keys: BTreeSet<String>,
}

impl Turns {
    /// Waits until nobody else writes any of these keys, and takes all of them at once: whoever
    /// waits holds none, so nobody waits for ever.
    pub(crate) async fn take(&self, keys: BTreeSet<String>) -> Turn<'_> {
        loop {
            // Listening begins before looking: what is given back in between is not missed.
            let mut given_back = std::pin::pin!(self.given_back.notified());
            given_back.as_mut().enable();
            if self.try_take(&keys) {
                return Turn { turns: self, keys };
            }
            given_back.await;
        }
    }

    fn try_take(&self, keys: &BTreeSet<String>) -> bool {
        let mut taken = self.lock();
        let free = taken.is_disjoint(keys);
        if free {
            taken.extend(keys.iter().cloned());
        }
        free
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.lock().retain(|key| !self.keys.contains(key));
        self.turns.given_back.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_key_is_taken_by_one_at_a_time_and_others_pass() {
        let turns = Turns::default();
        let first = turns.take(keys(&["a", "b"])).await;
        let _other = turns.take(keys(&["c"])).await;
        let mut second = std::pin::pin!(turns.take(keys(&["b", "d"])));
        assert!(look(second.as_mut()).await.is_none(), "b is taken");
        let fourth = turns.take(keys(&["d"])).await;
        drop(first);
        assert!(look(second.as_mut()).await.is_none(), "d is taken");
        drop(fourth);
        assert!(look(second.as_mut()).await.is_some());
    }

    /// Looks once whether it is ready.
    async fn look<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = std::future::ready(()) => None,
        }
    }
}
