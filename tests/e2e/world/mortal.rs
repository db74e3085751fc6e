//! The store as a process sees it that may die before and after every call.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use connector_kit::clock::{Clock, ManualClock};
use leadsync::runtime::Worker;
use leadsync::store::{Around, Store, StoreError};

use super::death::Death;

/// The call that asks the gate.
const GATE: &str = "barred";

pub(crate) struct Mortal {
    floor: Mutex<Option<Arc<dyn Store>>>,
    death: Death,
    clock: ManualClock,
    sleep: Mutex<Option<TimeDelta>>,
    guest: Mutex<Option<Box<dyn Worker>>>,
}

impl Mortal {
    pub(crate) fn new(floor: Arc<dyn Store>, death: &Death, clock: &ManualClock) -> Self {
        Self {
            floor: Mutex::new(Some(floor)),
            death: death.clone(),
            clock: clock.clone(),
            sleep: Mutex::default(),
            guest: Mutex::default(),
        }
    }

    /// The process is stopped this long once the gate has answered.
    pub(crate) fn sleep_at_the_gate(&self, time: TimeDelta) {
        *self.sleep.lock().unwrap() = Some(time);
    }

    /// Lets go of the floor, so that the next process can step on it.
    pub(crate) fn end(&self) {
        self.floor.lock().unwrap().take();
    }

    /// Somebody else steps once before the gate answers.
    pub(crate) fn let_in_at_the_gate(&self, worker: Box<dyn Worker>) {
        *self.guest.lock().unwrap() = Some(worker);
    }

    async fn gate_is_asked(&self) -> Result<(), StoreError> {
        let guest = self.guest.lock().unwrap().take();
        if let Some(mut guest) = guest {
            guest.step(self.clock.now()).await?;
        }
        Ok(())
    }

    fn gate_has_answered(&self) {
        if let Some(time) = self.sleep.lock().unwrap().take() {
            self.clock.advance(time);
        }
    }
}

#[async_trait]
impl Around for Mortal {
    fn inner(&self) -> Arc<dyn Store> {
        self.floor.lock().unwrap().clone().unwrap()
    }

    async fn before(&self, call: &'static str) -> Result<u64, StoreError> {
        if call == GATE {
            self.gate_is_asked().await?;
        }
        self.death.moment().await;
        Ok(0)
    }

    async fn after(&self, call: &'static str, _: u64) -> Result<(), StoreError> {
        self.death.moment().await;
        if call == GATE {
            self.gate_has_answered();
        }
        Ok(())
    }
}
