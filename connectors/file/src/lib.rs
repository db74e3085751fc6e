#![doc = include_str!("../README.md")]

mod config;
mod destination;
mod error;
mod log;
mod mapping;
mod withdraw;

use std::sync::Arc;

use connector_kit::{ConfigError, Connector, ConnectorContext, ConnectorSettings};

/// Makes the connector from what the operator wrote.
pub fn build(settings: &ConnectorSettings, _: &ConnectorContext) -> Result<Connector, ConfigError> {
    let destination = Arc::new(destination::File::new(settings)?);
    Ok(Connector {
        destination: Some(destination.clone()),
        withdraw: Some(destination.clone()),
        probe: Some(destination),
        ..Connector::default()
    })
}
