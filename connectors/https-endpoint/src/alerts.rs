//! Somebody hears that a clock runs out: one event, signed and authenticated like any other.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::{Alert, AlertSink, ConfigError, ConnectorError, ConnectorSettings};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::api::Endpoint;
use crate::config::{PayloadFormat, Settings};
use crate::render::{Call, event_source, header_text};

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

    /// The same bytes with every attempt, but for what the moment signs.
    fn call(&self, alert: &Alert) -> Call {
        let event = format!("clock.{}", alert.state);
        let data = data(alert);
        let mut headers = HeaderMap::with_capacity(8);
        let mut content_type = "application/json";
        let body = match self.endpoint.format {
            PayloadFormat::CloudeventsStructured => {
                content_type = "application/cloudevents+json; charset=utf-8";
                let mut body: Value = self
                    .attributes(alert, &event)
                    .map(|(name, value)| (name.to_owned(), Value::String(value)))
                    .into_iter()
                    .collect();
                body["datacontenttype"] = "application/json".into();
                body["data"] = data;
                body
            }
            PayloadFormat::CloudeventsBinary => {
                for (name, value) in self.attributes(alert, &event) {
                    let name = HeaderName::try_from(format!("ce-{name}"));
                    let value = HeaderValue::try_from(header_text(&value));
                    if let (Ok(name), Ok(value)) = (name, value) {
                        headers.insert(name, value);
                    }
                }
                data
            }
            _ => json!({ "type": event, "timestamp": written(alert.since), "data": data }),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Call {
            id: alert.id.clone(),
            body: Bytes::from(body.to_string()),
            headers,
        }
    }

    /// What a cloud event says of itself, wherever that stands.
    fn attributes(&self, alert: &Alert, event: &str) -> [(&'static str, String); 6] {
        [
            ("specversion", "1.0".to_owned()),
            ("id", alert.id.clone()),
            ("source", event_source(&alert.account)),
            ("type", format!("{}.{event}", self.type_prefix)),
            ("time", written(alert.since)),
            ("subject", format!("lead/{}", alert.lead)),
        ]
    }
}

#[async_trait]
impl AlertSink for Alerts {
    async fn alert(&self, alert: &Alert) -> Result<(), ConnectorError> {
        let taken = self.endpoint.post(&self.call(alert)).await;
        taken.map(drop).map_err(|refusal| refusal.error)
    }
}

/// What is told of a clock, in the words the events of leads use too. What there is not is left out.
fn data(alert: &Alert) -> Value {
    let mut data = json!({
        "clock": alert.clock, "state": alert.state, "dueAt": written(alert.due_at),
        "account": alert.account, "leadId": alert.lead, "hint": alert.hint,
    });
    if let Some(referral) = &alert.referral {
        data["referralId"] = referral.as_str().into();
    }
    data
}

fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}
