#![doc = include_str!("../README.md")]

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use connector_kit::{ConfigError, Connector, ConnectorContext, ConnectorSettings, Role};

// 1. What the operator wrote, and what opens the account.
mod access;
mod config;
mod connection;
mod sas;
mod sign;

// 2. Rows: their names, their columns, their limits.
mod columns;
mod entity;
mod keys;
mod limits;

// 3. The service's words.
mod api;
mod batch;
mod error;

// 4. The roles.
mod census;
mod destination;
mod pass;
mod probe;
mod row;
mod source;
mod upkeep;
mod withdraw;

/// Builds the connector in the one role its file asks for.
pub fn build(settings: &ConnectorSettings, context: &ConnectorContext) -> Result<Connector, ConfigError> {
    let [role @ (Role::Source | Role::Destination)] = settings.roles[..] else {
        return Err(ConfigError::new(
            "roles",
            "give one role, source or destination: in both, the table's own leads would come back for ever",
        ));
    };
    let own: config::Settings = settings.parse()?;
    let (endpoint, entry) = own.entry(&context.secrets)?;
    limits::check_table("settings.table", &own.table, endpoint.service())?;
    let transport = context.transports.transport(&own.transport(&endpoint)?)?;
    let access = access::Access::open(entry, &endpoint, &transport, context)?;
    let table = Arc::new(api::Table {
        name: own.table.clone(),
        key_in_use: AtomicUsize::new(0),
        clock: Arc::clone(&context.clock),
        calls: context.calls.clone(),
        dice: context.dice.clone(),
        endpoint,
        access,
        transport,
    });
    probe::warn_of_the_end(&context.name, &table);
    let probe = probe::TableProbe {
        table: Arc::clone(&table),
        role,
        create_table: own.create_table,
    };
    let mut connector = Connector {
        upkeep: upkeep::of(&table),
        probe: Some(Arc::new(probe)),
        ..Connector::default()
    };
    match role {
        Role::Destination => {
            let columns = columns::Columns::new(settings, &own.types, table.service())?;
            let keys = keys::Keys::new(&own.partition_prefix)?;
            connector.census = Some(Arc::new(census::RowCensus {
                table: Arc::clone(&table),
                keys: keys.clone(),
                revision: columns.revision.clone(),
                email: columns.email.clone(),
            }));
            connector.withdraw = Some(Arc::new(withdraw::RowWithdrawal {
                keys: keys.clone(),
                table: Arc::clone(&table),
            }));
            connector.destination = Some(Arc::new(destination::TableDestination {
                columns,
                keys,
                create_table: own.create_table,
                table,
            }));
        }
        _ => {
            connector.source = Some(Arc::new(source::TableSource {
                overlap: own.overlap()?,
                full_scan_every: own.full_scan_every()?,
                own_pass: Mutex::default(),
                table,
            }));
        }
    }
    Ok(connector)
}

/// What may be written in `[settings]`, for editors.
pub fn settings_schema(
    generator: &mut connector_kit::schema::SchemaGenerator,
) -> connector_kit::schema::Schema {
    generator.subschema_for::<config::Settings>()
}
