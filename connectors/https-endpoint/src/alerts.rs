//! Somebody hears that a clock runs out or a source is silent: one event, signed and authenticated
//! like any other.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::{
    Alert, AlertSink, ClockAlert, ConfigError, ConnectorError, ConnectorSettings, SilenceAlert,
};
use serde_json::{Value, json};

use crate::api::Endpoint;
use crate::config::Settings;
use crate::notice::{Notice, written};

/// The role. Microsoft's formats have no word for a clock: there, an alert is an event of the standard one.
pub(crate) struct Alerts {
    endpoint: Arc<Endpoint>,
    type_prefix: String,
}

impl Alerts {
    pub(crate) fn new(endpoint: Arc<Endpoint>, written: &ConnectorSettings) -> Result<Self, ConfigError> {
        let settings: Settings = written.parse()?;
        Ok(Self {
            endpoint,
            type_prefix: settings.event_type_prefix,
        })
    }
}

#[async_trait]
impl AlertSink for Alerts {
    async fn alert(&self, alert: &Alert) -> Result<(), ConnectorError> {
        let notice = Notice {
            id: alert.id().to_owned(),
            event: alert.event(),
            account: alert.account(),
            at: alert.at(),
            subject: alert.subject(),
            data: data(alert),
        };
        notice.send(&self.endpoint, &self.type_prefix).await
    }
}

/// What is told, in the words the events of leads use too. What there is not is left out.
fn data(alert: &Alert) -> Value {
    match alert {
        Alert::Clock(clock) => of_clock(clock),
        Alert::Silence(silence) => of_silence(silence),
    }
}

fn of_clock(alert: &ClockAlert) -> Value {
    let mut data = json!({
        "clock": alert.clock, "state": alert.state, "dueAt": written(alert.due_at),
        "account": alert.account, "leadId": alert.lead, "hint": alert.hint,
    });
    if let Some(referral) = &alert.referral {
        data["referralId"] = referral.as_str().into();
    }
    data
}

fn of_silence(alert: &SilenceAlert) -> Value {
    json!({
        "source": alert.source, "silentSince": written(alert.since), "account": alert.account,
        "hint": alert.hint,
    })
}
