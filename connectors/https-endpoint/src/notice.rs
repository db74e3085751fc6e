//! An event that is no lead: one request of its own, in the shape the receiver reads leads in.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::ConnectorError;
use connector_kit::ids::AccountName;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::api::Endpoint;
use crate::config::PayloadFormat;
use crate::render::{Call, event_source, header_text};

/// What is told. Microsoft's formats have no word for it: there, it is an event of the standard one.
pub(crate) struct Notice<'a> {
    /// The same for every attempt to tell it.
    pub(crate) id: String,
    /// Its type, without the prefix of cloud events.
    pub(crate) event: String,
    pub(crate) account: &'a AccountName,
    /// The same for every attempt, too.
    pub(crate) at: DateTime<Utc>,
    pub(crate) subject: String,
    pub(crate) data: Value,
}

impl Notice<'_> {
    /// Tells it, once.
    pub(crate) async fn send(self, endpoint: &Endpoint, type_prefix: &str) -> Result<(), ConnectorError> {
        let call = self.call(endpoint.format, type_prefix);
        let taken = endpoint.post(&call).await;
        taken.map(drop).map_err(|refusal| refusal.error)
    }

    /// The same bytes with every attempt, but for what the moment signs.
    fn call(self, format: PayloadFormat, type_prefix: &str) -> Call {
        let mut headers = HeaderMap::with_capacity(8);
        let mut content_type = "application/json";
        let attributes = self.attributes(type_prefix);
        let body = match format {
            PayloadFormat::CloudeventsStructured => {
                content_type = "application/cloudevents+json; charset=utf-8";
                let mut body: Value = attributes
                    .map(|(name, value)| (name.to_owned(), Value::String(value)))
                    .into_iter()
                    .collect();
                body["datacontenttype"] = "application/json".into();
                body["data"] = self.data;
                body
            }
            PayloadFormat::CloudeventsBinary => {
                for (name, value) in attributes {
                    let name = HeaderName::try_from(format!("ce-{name}"));
                    let value = HeaderValue::try_from(header_text(&value));
                    if let (Ok(name), Ok(value)) = (name, value) {
                        headers.insert(name, value);
                    }
                }
                self.data
            }
            _ => json!({ "type": self.event, "timestamp": written(self.at), "data": self.data }),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Call {
            id: self.id,
            body: Bytes::from(body.to_string()),
            headers,
        }
    }

    /// What a cloud event says of itself, wherever that stands.
    fn attributes(&self, type_prefix: &str) -> [(&'static str, String); 6] {
        [
            ("specversion", "1.0".to_owned()),
            ("id", self.id.clone()),
            ("source", event_source(self.account)),
            ("type", format!("{type_prefix}.{}", self.event)),
            ("time", written(self.at)),
            ("subject", self.subject.clone()),
        ]
    }
}

pub(crate) fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}
