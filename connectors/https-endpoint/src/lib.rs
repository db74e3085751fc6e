#![doc = include_str!("../README.md")]

mod api;
mod auth;
mod config;
mod destination;
mod error;
mod mapping;
mod probe;
mod render;
mod sign;

use std::sync::Arc;

use connector_kit::{ConfigError, Connector, ConnectorContext, ConnectorSettings};

pub use probe::{TestAnswer, send_test};

/// Makes the connector from what the operator wrote.
pub fn build(settings: &ConnectorSettings, context: &ConnectorContext) -> Result<Connector, ConfigError> {
    let endpoint = Arc::new(api::Endpoint::new(settings, context)?);
    Ok(Connector {
        destination: Some(Arc::new(destination::HttpsEndpoint::new(
            Arc::clone(&endpoint),
            settings,
            context,
        )?)),
        probe: Some(endpoint),
        ..Connector::default()
    })
}
