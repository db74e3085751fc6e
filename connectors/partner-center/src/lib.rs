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

// 5. The other side tells by itself.
mod webhook;

// 6. Is everything ready for it, and does it stay so?
mod doctor;
mod provision;
mod upkeep;

use std::sync::{Arc, Mutex};

use connector_kit::event::Tee;
use connector_kit::http::Transport;
use connector_kit::token::TokenSource;
use connector_kit::{ConfigError, Connector, ConnectorContext, ConnectorSettings, DoctorProbe, Role};
use url::Url;

use api::{PartnerCenter, Referrals};
use config::{Settings, Webhook};
use credentials::Credentials;
use desk::Desk;
use doctor::{Events, PartnerDoctor};
use position::Reach;
use provision::WebhookProvisioner;
use source::ReferralSource;
use upkeep::Wear;
use webhook::{Certificates, FormerReceiver, Formers, Registrar, Trust, Verifier};
use wire::Wire;

/// Builds the connector; nothing is asked of the network yet.
pub fn build(settings: &ConnectorSettings, context: &ConnectorContext) -> Result<Connector, ConfigError> {
    let own: Settings = settings.parse()?;
    own.check()?;
    let transport = context.transports.transport(&own.transport())?;
    let credentials = Credentials::new(&own, &transport, context)?;
    let referrals = Arc::new(Referrals {
        wire: wire(&transport, &credentials.referrals, context),
        base: own.referrals_url()?,
    });
    let tidings = own
        .webhook
        .as_ref()
        .map(|webhook| Tidings::new(&own, webhook, &transport, &credentials, context))
        .transpose()?;
    let (verifier, events) = tidings.map(|tidings| (tidings.verifier, tidings.events)).unzip();
    let registrar = events.as_ref().and_then(|events| events.registrar.clone());
    let wear = Arc::new(Wear {
        connector: context.name.clone(),
        sign_in: credentials.sign_in,
        registrar: registrar.clone(),
        clock: Arc::clone(&context.clock),
    });
    let doctor = Arc::new(PartnerDoctor {
        referrals: Arc::clone(&referrals),
        wear: Arc::clone(&wear),
        events,
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
        events: verifier.filter(|_| comes).map(|verifier| Arc::new(verifier) as _),
        upkeep: Some(wear),
        probe: Some(Arc::new(DoctorProbe(Arc::clone(&doctor) as _))),
        doctor: Some(doctor),
        provisioner: Some(Arc::new(WebhookProvisioner { registrar })),
        authorizer: Some(credentials.authorizer),
        ..Connector::default()
    })
}

/// What the other side tells by itself.
struct Tidings {
    verifier: Verifier,
    events: Events,
}

impl Tidings {
    fn new(
        own: &Settings,
        webhook: &Webhook,
        transport: &Arc<dyn Transport>,
        credentials: &Credentials,
        context: &ConnectorContext,
    ) -> Result<Self, ConfigError> {
        let center = Arc::new(PartnerCenter {
            wire: wire(transport, &credentials.partner_center, context),
            base: own.partner_center_url()?,
        });
        let formers = Formers(credentials.vault.clone());
        let tee = webhook.tee.then(|| {
            Arc::new(FormerReceiver {
                formers: formers.clone(),
                transport: Arc::clone(transport),
                clock: Arc::clone(&context.clock),
            }) as Arc<dyn Tee>
        });
        let certificates = Arc::new(Certificates::new(
            own,
            webhook,
            Trust::load(webhook)?,
            context.transports.transport(&webhook::transport(own))?,
            Arc::clone(&context.clock),
        ));
        let address = webhook.address()?;
        let registrar = address
            .clone()
            .map(|url| registrar(&center, formers, url, webhook));
        Ok(Self {
            verifier: Verifier {
                certificates: Arc::clone(&certificates),
                clock: Arc::clone(&context.clock),
                max_age: webhook.max_age,
                tee,
                address,
            },
            events: Events {
                center,
                registrar,
                certificate: certificates.allowed(&webhook.certificate_url()).ok(),
                certificates,
            },
        })
    }
}

fn registrar(center: &Arc<PartnerCenter>, formers: Formers, url: Url, webhook: &Webhook) -> Arc<Registrar> {
    Arc::new(Registrar {
        center: Arc::clone(center),
        formers,
        url,
        events: webhook.events.clone(),
        own_header: webhook.ms_signature_header,
    })
}

fn wire(transport: &Arc<dyn Transport>, tokens: &TokenSource, context: &ConnectorContext) -> Wire {
    Wire {
        transport: Arc::clone(transport),
        tokens: tokens.clone(),
        clock: Arc::clone(&context.clock),
        dice: context.dice.clone(),
        calls: context.calls.clone(),
        quiet_until: Mutex::default(),
    }
}

/// What may be written in `[settings]`, for editors.
pub fn settings_schema(
    generator: &mut connector_kit::schema::SchemaGenerator,
) -> connector_kit::schema::Schema {
    generator.subschema_for::<config::Settings>()
}
