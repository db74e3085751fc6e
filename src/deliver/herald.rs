//! The way to somebody who wants alerts, within what its connector may spend.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{Alert, AlertSink, ConnectorError, DestinationName, ErrorKind};
use futures_util::FutureExt;
use tracing::warn;

use super::Purse;
use crate::store::{Store, StoreError};

/// The way to somebody who wants alerts.
#[derive(Clone)]
pub struct Herald {
    /// The connector's name.
    pub name: DestinationName,
    /// The connector.
    pub sink: Arc<dyn AlertSink>,
    /// When it may be called.
    pub purse: Arc<Purse>,
}

/// What came of telling.
pub(crate) enum Told {
    /// It was taken.
    Yes,
    /// It may not be called before.
    NotBefore(DateTime<Utc>),
    /// It was not taken.
    No(ConnectorError),
}

impl Herald {
    /// Tells one alert, once.
    pub(crate) async fn tell(
        &self,
        store: &dyn Store,
        alert: &Alert,
        now: DateTime<Utc>,
    ) -> Result<Told, StoreError> {
        match self.purse.draw_to_look(store, now).await? {
            Ok(token) => token.spend(),
            Err(at) => return Ok(Told::NotBefore(at)),
        }
        let asked = AssertUnwindSafe(self.sink.alert(alert)).catch_unwind().await;
        self.purse.looked(store, now).await?;
        Ok(match asked {
            Ok(Ok(())) => Told::Yes,
            Ok(Err(error)) => Told::No(error),
            Err(_) => {
                let what = "tell an alert: the connector failed inside";
                Told::No(ConnectorError::new(ErrorKind::Broken, what))
            }
        })
    }

    /// Another alert may be taken although this one was not.
    pub(crate) fn concerns_it_alone(error: &ConnectorError) -> bool {
        matches!(
            error.kind(),
            ErrorKind::Rejected | ErrorKind::Conflict | ErrorKind::Broken
        )
    }

    /// Says that an alert was not taken.
    pub(crate) fn complain(&self, alert: &Alert, error: &ConnectorError, rest: TimeDelta) {
        let name = &self.name;
        let hint = error.hint_text().unwrap_or("it is told again by itself");
        // Nothing of an alert is released or requeued.
        let hint = hint
            .trim_end_matches(", then release")
            .trim_end_matches(", then requeue");
        let (kind, again_in_s) = (error.kind().as_str(), rest.num_seconds());
        match alert {
            Alert::Clock(clock) => {
                warn!(event = "alert_failed", lead.id = %clock.lead, destination = %name, kind, error = %error, hint, again_in_s, "cannot tell {name} of a clock");
            }
            Alert::Silence(silence) => {
                warn!(event = "alert_failed", source = %silence.source, destination = %name, kind, error = %error, hint, again_in_s, "cannot tell {name} of a silent source");
            }
        }
    }
}
