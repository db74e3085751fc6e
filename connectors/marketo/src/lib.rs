#![doc = include_str!("../README.md")]

use std::sync::Arc;

use chrono::TimeDelta;
use connector_kit::http::TargetPolicy;
use connector_kit::token::TokenSource;
use connector_kit::{
    Census, ConfigError, Connector, ConnectorContext, ConnectorSettings, Doctor, DoctorProbe, Role,
};
use tokio::sync::OnceCell;

// 1. What the operator wrote.
mod config;
mod status;

// 2. Marketo's words.
mod api;
mod central;
mod error;
mod pace;
mod token;
mod wire;

// 3. From a lead to a record.
mod desk;
mod lead;
mod suppress;
mod turns;
mod withdraw;
mod writer;

// 4. The roles.
mod census;
mod destination;
mod doctor;
mod outcomes;
mod provision;

/// Builds the connector in the roles its file asks for.
pub fn build(written: &ConnectorSettings, context: &ConnectorContext) -> Result<Connector, ConfigError> {
    let settings: config::Settings = written.parse()?;
    settings.check()?;
    let records = Arc::new(lead::Records::new(written, &settings)?);
    let api = Arc::new(instance(&settings, context)?);
    let status_field = written
        .roles
        .contains(&Role::OutcomeSource)
        .then(|| settings.status_field.clone());
    let doctor: Arc<dyn Doctor> = Arc::new(doctor::MarketoDoctor {
        api: Arc::clone(&api),
        records: Arc::clone(&records),
        marks: settings.do_not_contact.clone(),
        lookup_field: settings.lookup_field.clone(),
        status_field: status_field.clone(),
    });
    let mut connector = Connector {
        probe: Some(Arc::new(DoctorProbe(Arc::clone(&doctor)))),
        doctor: Some(doctor),
        provisioner: Some(Arc::new(provision::MarketoProvisioner {
            api: Arc::clone(&api),
            records: Arc::clone(&records),
            shipped: written.mapping.is_empty(),
            status_field,
        })),
        ..Connector::default()
    };
    for role in &written.roles {
        let (api, records) = (Arc::clone(&api), Arc::clone(&records));
        match role {
            Role::Destination => {
                connector.withdraw = Some(Arc::new(withdraw::LeadWithdrawal {
                    api: Arc::clone(&api),
                    records: Arc::clone(&records),
                }));
                connector.census = census(&api, &records);
                connector.destination = Some(Arc::new(destination(api, records, &settings)));
            }
            Role::OutcomeSource => {
                connector.outcome_source = Some(Arc::new(outcomes(api, &records, &settings)?));
            }
            Role::Source | Role::OutcomeSink | Role::Alerts => {
                let text = "leads do not come from Marketo: give destination, outcome-source or both";
                return Err(ConfigError::new("roles", text));
            }
        }
    }
    Ok(connector)
}

/// What counts people, where a field holds our id.
fn census(api: &Arc<api::Api>, records: &lead::Records) -> Option<Arc<dyn Census>> {
    Some(Arc::new(census::PeopleCensus {
        api: Arc::clone(api),
        lead_key: records.lead_key.clone()?,
        revision: records.revision.clone(),
    }))
}

/// The instance, and the way to it.
fn instance(settings: &config::Settings, context: &ConnectorContext) -> Result<api::Api, ConfigError> {
    let base = settings.base()?;
    let transport_settings = settings.transport();
    TargetPolicy::new(&transport_settings)?
        .check_url(&base)
        .map_err(|refusal| ConfigError::new("settings.base_url", refusal.to_string()))?;
    let transport = context.transports.transport(&transport_settings)?;
    let mut identity = base.clone();
    identity.set_path("/identity/oauth/token");
    let grant = token::IdentityGrant::new(
        identity,
        config::read(&context.secrets, &settings.client_id, "client_id")?,
        config::read(&context.secrets, &settings.client_secret, "client_secret")?,
    );
    let clock = Arc::clone(&context.clock);
    Ok(api::Api {
        wire: wire::Wire {
            tokens: TokenSource::with_grant(Box::new(grant), Arc::clone(&transport), Arc::clone(&clock)),
            base,
            transport,
            clock,
            dice: context.dice.clone(),
            calls: context.calls.clone(),
            pace: pace::Pace::new(settings.allowance(), context.calls.clone()),
        },
        partition: settings.partition.clone(),
    })
}

fn destination(
    api: Arc<api::Api>,
    records: Arc<lead::Records>,
    settings: &config::Settings,
) -> destination::MarketoDestination {
    let writer = Arc::new(writer::Writer {
        api: Arc::clone(&api),
        company_fields: settings.company_fields.clone(),
    });
    destination::MarketoDestination {
        suppressor: suppress::Suppressor {
            api,
            records: Arc::clone(&records),
            writer: Arc::clone(&writer),
            wished: settings.do_not_contact.clone(),
            blank: settings.blank_when_forbidden,
            marks: OnceCell::new(),
        },
        records,
        writer,
        turns: turns::Turns::default(),
    }
}

fn outcomes(
    api: Arc<api::Api>,
    records: &lead::Records,
    settings: &config::Settings,
) -> Result<outcomes::MarketoOutcomes, ConfigError> {
    let lead_key = records.lead_key.clone().ok_or_else(|| {
        ConfigError::new(
            "mapping",
            "outcomes are matched by our id: keep msLeadId = { from = \"id\" }",
        )
    })?;
    let span = |time| TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX / 2);
    Ok(outcomes::MarketoOutcomes {
        api,
        lead_key,
        statuses: status::Statuses::new(&settings.status_field, &settings.status),
        look_back: span(settings.look_back),
        deleted_every: span(settings.deleted_every),
    })
}

/// What may be written in `[settings]`, for editors.
pub fn settings_schema(
    generator: &mut connector_kit::schema::SchemaGenerator,
) -> connector_kit::schema::Schema {
    generator.subschema_for::<config::Settings>()
}
