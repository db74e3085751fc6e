#![doc = include_str!("../README.md")]

mod census;
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
        census: Some(Arc::new(destination.census())),
        probe: Some(destination),
        ..Connector::default()
    })
}

/// What may be written in `[settings]`, for editors.
pub fn settings_schema(
    generator: &mut connector_kit::schema::SchemaGenerator,
) -> connector_kit::schema::Schema {
    generator.subschema_for::<config::Settings>()
}
