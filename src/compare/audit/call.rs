//! Calls made to count: at the connector's pace, within its budget, and written down like all others.

use std::sync::Arc;

use chrono::TimeDelta;
use connector_kit::clock::Clock;
use connector_kit::{ConnectorError, ErrorKind};

use super::Stop;
use crate::deliver::Purse;
use crate::store::Store;

/// An operator waits no longer than this for one call.
const PATIENCE: TimeDelta = TimeDelta::minutes(2);
/// How often a call that was throttled is made again.
const AGAIN: u32 = 3;

/// Makes calls to one connector.
pub struct Caller<'a> {
    /// The floor.
    pub store: &'a dyn Store,
    /// What the connector may spend.
    pub purse: Arc<Purse>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Caller<'_> {
    /// Makes one call when it may be made; one that is asked to wait a moment waits and is made again.
    pub(super) async fn call<T>(&self, ask: impl AsyncFn() -> Result<T, ConnectorError>) -> Result<T, Stop> {
        let mut tries = 0;
        loop {
            self.wait_for_leave().await?;
            let asked = ask().await;
            self.purse.looked(self.store, self.clock.now()).await?;
            let error = match asked {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = error.wait().filter(|_| error.kind() == ErrorKind::Throttled);
            let wait = wait.filter(|wait| TimeDelta::from_std(*wait).is_ok_and(|wait| wait <= PATIENCE));
            match wait {
                Some(wait) if tries < AGAIN => self.clock.rest(wait).await,
                _ => return Err(error.into()),
            }
            tries += 1;
        }
    }

    async fn wait_for_leave(&self) -> Result<(), Stop> {
        loop {
            let now = self.clock.now();
            let until = match self.purse.draw_to_look(self.store, now).await? {
                Ok(token) => {
                    token.spend();
                    return Ok(());
                }
                Err(until) => until,
            };
            if until - now > PATIENCE {
                let text = format!(
                    "count: its calls are kept for leads until {}",
                    until.format("%Y-%m-%d %H:%M UTC")
                );
                return Err(ConnectorError::new(ErrorKind::Throttled, text)
                    .hint("come again then, or raise its budget")
                    .into());
            }
            let wait = (until - now).to_std().unwrap_or_default();
            self.clock
                .rest(wait.max(std::time::Duration::from_millis(1)))
                .await;
        }
    }
}
