#![doc = include_str!("../README.md")]

// 1. What the operator wrote, and who we are.
mod config;
mod credentials;

// 2. The way there and back.
mod api;
mod error;
mod link;
mod odata;
mod page;
mod wire;

// 3. Referrals come.
mod position;
mod source;

// 4. Referrals are read one by one, changed and made.
mod desk;
mod draft;
mod patch;

use std::sync::{Arc, Mutex};

use connector_kit::http::Transport;
use connector_kit::token::TokenSource;
use connector_kit::{ConfigError, Connector, ConnectorContext, ConnectorSettings, Role};

use api::Referrals;
use config::Settings;
use credentials::Credentials;
use desk::Desk;
use position::Reach;
use source::ReferralSource;
use wire::Wire;

/// Builds the connector; nothing is asked of the network yet.
pub fn build(settings: &ConnectorSettings, context: &ConnectorContext) -> Result<Connector, ConfigError> {
    let own: Settings = settings.parse()?;
    own.check()?;
    let transport = context.transports.transport(&own.transport())?;
    let credentials = Credentials::new(&own, &transport, context)?;
    let referrals = Arc::new(Referrals {
        wire: wire(&transport, credentials.referrals.clone(), context),
        base: own.referrals_url()?,
    });
    let comes = settings.roles.contains(&Role::Source);
    Ok(Connector {
        source: comes.then(|| {
            Arc::new(ReferralSource {
                referrals: Arc::clone(&referrals),
                reach: Reach::new(&own),
                own: Mutex::default(),
            }) as _
        }),
        referrals: Some(Arc::new(Desk { referrals })),
        authorizer: Some(credentials.authorizer),
        ..Connector::default()
    })
}

fn wire(transport: &Arc<dyn Transport>, tokens: TokenSource, context: &ConnectorContext) -> Wire {
    Wire {
        transport: Arc::clone(transport),
        tokens,
        clock: Arc::clone(&context.clock),
        dice: context.dice.clone(),
        calls: context.calls.clone(),
        quiet_until: Mutex::default(),
    }
}
