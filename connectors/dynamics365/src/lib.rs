#![doc = include_str!("../README.md")]

// 1. What the operator wrote.
mod config;
mod credentials;

// 2. A lead becomes a record.
mod catalog;
mod choices;
mod columns;
mod currency;

// 3. The way there and back.
mod api;
mod error;
mod multipart;
mod operation;

// 4. Leads go.
mod census;
mod destination;
mod run;
mod ways;
mod withdraw;
mod writing;

// 5. What became of them comes back.
mod feed;
mod outcomes;
mod owner;
mod position;
mod record;
mod relations;
mod stages;

// 6. Is everything ready for it?
mod doctor;
mod metadata;
mod provision;
mod wanted;

use std::sync::{Arc, Mutex};

use connector_kit::mapping::field_of;
use connector_kit::{ConfigError, Connector, ConnectorContext, ConnectorSettings, DoctorProbe, Role};

use api::{Dataverse, Manner};
use census::LeadCensus;
use columns::Columns;
use config::{Follow, Settings};
use destination::LeadDestination;
use doctor::LeadDoctor;
use operation::Key;
use outcomes::LeadOutcomes;
use provision::LeadProvisioner;
use withdraw::LeadWithdrawal;

/// Builds the connector; nothing is asked of the network yet.
pub fn build(settings: &ConnectorSettings, context: &ConnectorContext) -> Result<Connector, ConfigError> {
    let own: Settings = settings.parse()?;
    own.check()?;
    let rules = columns::rules(settings, &own)?;
    let columns = Columns::new(&rules, settings, &own)?;
    let dataverse = Arc::new(dataverse(&own, context)?);
    let goes = settings.roles.contains(&Role::Destination);
    let comes_back = settings.roles.contains(&Role::OutcomeSource);
    let followed = if comes_back {
        vec!["lead", "opportunity"]
    } else {
        Vec::new()
    };
    let wanted = wanted::wanted(&rules, &columns.for_referrals(), &own);
    let census = LeadCensus {
        dataverse: Arc::clone(&dataverse),
        revision: field_of(&rules, "revision").map(str::to_owned),
        email: field_of(&rules, "person.email").map(str::to_owned),
    };
    let doctor = Arc::new(LeadDoctor {
        dataverse: Arc::clone(&dataverse),
        wanted: if goes { wanted.clone() } else { Vec::new() },
        followed: followed.clone(),
        follow: own.outcomes.follow,
        signs: own.auth.key.is_some(),
        bulk: own.bulk,
    });
    let tracked = if own.outcomes.follow == Follow::ChangeTracking {
        followed
    } else {
        Vec::new()
    };
    Ok(Connector {
        withdraw: goes.then(|| Arc::new(LeadWithdrawal(Arc::clone(&dataverse))) as _),
        census: goes.then(|| Arc::new(census) as _),
        destination: goes.then(|| Arc::new(LeadDestination::new(&dataverse, columns, &own)) as _),
        outcome_source: comes_back.then(|| Arc::new(LeadOutcomes::new(&dataverse, &own.outcomes)) as _),
        probe: Some(Arc::new(DoctorProbe(Arc::clone(&doctor) as _))),
        doctor: Some(doctor),
        provisioner: Some(Arc::new(LeadProvisioner::new(dataverse, wanted, tracked, &own))),
        ..Connector::default()
    })
}

fn dataverse(own: &Settings, context: &ConnectorContext) -> Result<Dataverse, ConfigError> {
    let transport = context.transports.transport(&own.transport())?;
    Ok(Dataverse {
        origin: own.origin()?,
        base: format!("/api/data/v{}", own.api_version),
        key: Key::new(&own.key_column),
        manner: Manner::new(&own.bypass, own.tag.as_deref()),
        tokens: credentials::tokens(own, &transport, context)?,
        transport,
        clock: Arc::clone(&context.clock),
        dice: context.dice.clone(),
        calls: context.calls.clone(),
        quiet_until: Mutex::default(),
    })
}

/// What may be written in `[settings]`, for editors.
pub fn settings_schema(
    generator: &mut connector_kit::schema::SchemaGenerator,
) -> connector_kit::schema::Schema {
    generator.subschema_for::<config::Settings>()
}
