#![doc = include_str!("../README.md")]

mod alerts;
mod api;
mod auth;
mod config;
mod destination;
mod error;
mod mapping;
mod notice;
mod probe;
mod render;
mod sign;
mod withdraw;

use std::sync::Arc;

use connector_kit::{ConfigError, Connector, ConnectorContext, ConnectorSettings, Role};

pub use probe::{TestAnswer, send_test};

/// Makes the connector from what the operator wrote.
pub fn build(settings: &ConnectorSettings, context: &ConnectorContext) -> Result<Connector, ConfigError> {
    let endpoint = Arc::new(api::Endpoint::new(settings, context)?);
    let mut connector = Connector {
        probe: Some(endpoint.clone()),
        ..Connector::default()
    };
    if settings.roles.contains(&Role::Destination) {
        let destination = destination::HttpsEndpoint::new(Arc::clone(&endpoint), settings, context)?;
        connector.destination = Some(Arc::new(destination));
        connector.withdraw = Some(Arc::new(withdraw::Withdrawal::new(
            Arc::clone(&endpoint),
            settings,
        )?));
    }
    if settings.roles.contains(&Role::Alerts) {
        connector.alerts = Some(Arc::new(alerts::Alerts::new(endpoint, settings)?));
    }
    Ok(connector)
}

/// What may be written in `[settings]`, for editors.
pub fn settings_schema(
    generator: &mut connector_kit::schema::SchemaGenerator,
) -> connector_kit::schema::Schema {
    generator.subschema_for::<config::Settings>()
}
