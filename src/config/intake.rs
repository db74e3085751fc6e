//! How much the receiver takes, and from whom.

use std::time::Duration;

use serde::Deserialize;

use connector_kit::http::Network;

use super::values::{Rate, count, duration, rate_or_off, size};

/// The receiver's limits. What exceeds one is refused before it costs anything.
#[derive(Clone, Debug, PartialEq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Intake {
    /// Largest body; more is answered 413.
    #[serde(deserialize_with = "size")]
    #[schemars(with = "connector_kit::schema::Size")]
    pub max_body: u64,
    /// Most members in one body.
    #[serde(deserialize_with = "count")]
    #[schemars(range(min = 1))]
    pub max_keys: usize,
    /// A client must have sent its headers by then.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub header_timeout: Duration,
    /// A client must have sent its body by then.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub body_timeout: Duration,
    /// No connection lives longer.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub connection_time: Duration,
    /// Open connections in all.
    #[serde(deserialize_with = "count")]
    #[schemars(range(min = 1))]
    pub max_connections: usize,
    /// Open connections of one address.
    #[serde(deserialize_with = "count")]
    #[schemars(range(min = 1))]
    pub max_connections_per_address: usize,
    /// Requests of one address; `"off"` behind a proxy that limits by itself.
    #[serde(deserialize_with = "rate_or_off")]
    #[schemars(with = "super::values::RateOrOff")]
    pub rate_per_address: Option<Rate>,
    /// A sender gets 503 when its lead is not on disk by then; the write goes on.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub answer_deadline: Duration,
    /// Leads that may wait for the disk; more are answered 503.
    #[serde(deserialize_with = "count")]
    #[schemars(range(min = 1))]
    pub queue: usize,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            max_body: 64 << 10,
            max_keys: 256,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(10),
            connection_time: Duration::from_mins(1),
            max_connections: 512,
            max_connections_per_address: 64,
            rate_per_address: Some(Rate::of(200, 400)),
            answer_deadline: Duration::from_secs(10),
            queue: 4096,
            trusted_proxies: Vec::new(),
        }
    }
}
