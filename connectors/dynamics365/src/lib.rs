#![doc = include_str!("../README.md")]

// 1. What the operator wrote.
mod config;
mod credentials;

// 2. A lead becomes a record.
mod catalog;
mod choices;
mod columns;

// 3. The way there and back.
mod api;
mod error;
mod multipart;
mod operation;

// 4. Leads go.
mod destination;
mod run;
mod ways;
mod writing;

// 5. What became of them comes back.
mod feed;
mod outcomes;
mod position;
mod record;
mod relations;
mod stages;

use std::sync::{Arc, Mutex};

use connector_kit::{ConfigError, Connector, ConnectorContext, ConnectorSettings, Role};

use api::{Dataverse, Manner};
use columns::{Columns, rules};
use config::Settings;
use destination::LeadDestination;
use feed::Feed;
use operation::Key;
use outcomes::LeadOutcomes;
use relations::Relations;
use stages::Stages;
use ways::Ways;

/// Builds the connector; nothing is asked of the network yet.
pub fn build(settings: &ConnectorSettings, context: &ConnectorContext) -> Result<Connector, ConfigError> {
    let own: Settings = settings.parse()?;
    own.check()?;
    let transport = context.transports.transport(&own.transport())?;
    let dataverse = Arc::new(Dataverse {
        origin: own.origin()?,
        base: format!("/api/data/v{}", own.api_version),
        key: Key::new(&own.key_column),
        manner: Manner::new(&own.bypass, own.tag.as_deref()),
        tokens: credentials::tokens(&own, &transport, context)?,
        transport,
        clock: Arc::clone(&context.clock),
        dice: context.dice.clone(),
        calls: context.calls.clone(),
        quiet_until: Mutex::default(),
    });
    let rules = rules(settings, &own)?;
    let columns = Columns::new(&rules, settings, &own)?;
    let destination = settings
        .roles
        .contains(&Role::Destination)
        .then(|| LeadDestination {
            dataverse: Arc::clone(&dataverse),
            columns,
            ways: Ways::new(&own),
            detection: own.duplicate_detection,
            on_duplicate: own.on_duplicate,
        });
    let outcomes = settings
        .roles
        .contains(&Role::OutcomeSource)
        .then(|| LeadOutcomes {
            dataverse: Arc::clone(&dataverse),
            feed: Feed {
                follow: own.outcomes.follow,
                page_size: own.outcomes.page_size,
            },
            stages: Stages::new(&own.outcomes.lead, &own.outcomes.opportunity),
            relations: Relations::default(),
        });
    Ok(Connector {
        outcome_source: outcomes.map(|outcomes| Arc::new(outcomes) as _),
        destination: destination.map(|destination| Arc::new(destination) as _),
        ..Connector::default()
    })
}
