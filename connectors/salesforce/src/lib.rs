#![doc = include_str!("../README.md")]

// 1. What the operator wrote.
mod config;
mod mapping;

// 2. The way there.
mod api;
mod connection;
mod describe;
mod error;
mod login;

// 3. The shapes things travel in.
mod csv;
mod soql;

// 4. The roles.
mod census;
mod destination;
mod doctor;
mod outcomes;
mod provision;

use std::sync::Arc;

use connector_kit::http::TargetPolicy;
use connector_kit::{ConfigError, Connector, ConnectorContext, ConnectorSettings, DoctorProbe, Role};

/// Makes the connector from what the operator wrote.
pub fn build(written: &ConnectorSettings, context: &ConnectorContext) -> Result<Connector, ConfigError> {
    if written.roles.contains(&Role::Source) {
        return Err(ConfigError::new(
            "roles",
            "leads do not come from Salesforce: write destination, outcome-source, or both",
        ));
    }
    let settings: config::Settings = written.parse()?;
    settings.check()?;
    let transport_settings = settings.transport();
    let policy = TargetPolicy::new(&transport_settings)?;
    let transport = context.transports.transport(&transport_settings)?;
    let login = login::Login::new(&settings, &policy, &transport, context)?;
    let connection = connection::Connection::new(login, transport, context, settings.api_version.clone());
    let api = Arc::new(api::Api::new(
        connection,
        Arc::clone(&context.clock),
        context.dice.clone(),
    ));
    let shape = Arc::new(mapping::Shape::new(written, &settings)?);
    let schema = Arc::new(describe::Schema::new(
        Arc::clone(&api),
        "Lead",
        settings.describe_every,
    ));
    let watch = Arc::new(outcomes::Watch::new(&api, &settings));
    let doctor = Arc::new(doctor::Examiner::new(&api, &shape, &watch, &settings, written));
    let plays = |role: Role| written.roles.contains(&role);
    let census = census::Leads {
        api: Arc::clone(&api),
        shape: Arc::clone(&shape),
    };
    Ok(Connector {
        census: plays(Role::Destination).then(|| Arc::new(census) as Arc<dyn connector_kit::Census>),
        destination: plays(Role::Destination).then(|| {
            let leads = destination::Leads::new(&api, &schema, &shape, &settings);
            Arc::new(leads) as Arc<dyn connector_kit::Destination>
        }),
        withdraw: plays(Role::Destination).then(|| {
            let (api, shape) = (Arc::clone(&api), Arc::clone(&shape));
            Arc::new(destination::LeadWithdrawal { api, shape }) as Arc<dyn connector_kit::Withdraw>
        }),
        outcome_source: plays(Role::OutcomeSource)
            .then(|| Arc::clone(&watch) as Arc<dyn connector_kit::OutcomeSource>),
        probe: Some(Arc::new(DoctorProbe(
            Arc::clone(&doctor) as Arc<dyn connector_kit::Doctor>
        ))),
        doctor: Some(doctor),
        provisioner: Some(Arc::new(provision::Provision::new(
            &api, &shape, &settings, written,
        ))),
        ..Connector::default()
    })
}

/// What may be written in `[settings]`, for editors.
pub fn settings_schema(
    generator: &mut connector_kit::schema::SchemaGenerator,
) -> connector_kit::schema::Schema {
    generator.subschema_for::<config::Settings>()
}
