//! From what the operator wrote to what the rooms are built from; nothing is started here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use connector_kit::clock::Clock;
use connector_kit::dice::Dice;
use connector_kit::http::TransportFactory;
use connector_kit::ids::AccountName;
use connector_kit::secret::{Secret, SecretReader};
use connector_kit::{
    CallBook, Connector, ConnectorContext, DestinationName, EventVerifier, ReferralDesk, Role, SourceName,
};

use super::purses::Purses;
use super::reporting::is_sink;
use crate::config::{self, ConnectorFile, Diagnostics, Loaded};
use crate::deliver::{Patience, Purse};
use crate::intake::{IntakeLimits, IntakeSource, Proxies, Tls};
use crate::route::Routes;
use crate::{dedupe, intake, normalize, registry};

/// What comes in from outside the program.
#[derive(Clone)]
pub struct Outside {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives chance.
    pub dice: Dice,
    /// Reads secrets.
    pub secrets: SecretReader,
    /// Opens the way to the network.
    pub transports: Arc<dyn TransportFactory>,
}

/// Everything the daemon is built from, already checked.
pub struct Blueprint {
    /// The config and its connectors' files.
    pub loaded: Loaded,
    /// One per file.
    pub connectors: Vec<(ConnectorFile, Connector)>,
    /// What each connector may spend.
    pub purses: Purses,
    /// Chooses destinations.
    pub routes: Arc<Routes>,
    /// The doors leads are posted to.
    pub sources: Vec<IntakeSource>,
    /// The certificate, where the public listener speaks TLS itself.
    pub tls: Option<Arc<Tls>>,
    /// What readers of the numbers have to show, where it is asked for.
    pub metrics_token: Option<Secret>,
    /// Reads arrivals; a test may put something here that misbehaves.
    pub reader: crate::settle::Reader,
    /// Time, dice, secrets, network.
    pub outside: Outside,
}

/// A connector that tells of changes by itself, and has them read.
pub(super) struct Teller<'a> {
    pub(super) file: &'a ConnectorFile,
    pub(super) verifier: &'a Arc<dyn EventVerifier>,
    pub(super) desk: &'a Arc<dyn ReferralDesk>,
}

impl Blueprint {
    /// Builds every connector and reads every secret; all mistakes come back together.
    pub fn draw(loaded: Loaded, outside: Outside) -> Result<Self, Diagnostics> {
        Self::redraw(loaded, outside, &Purses::default())
    }

    /// The same for a daemon at work: a connector that was there before is given the purse it had.
    /// The terms of that purse are not touched here, for the config may still be refused.
    pub fn redraw(loaded: Loaded, mut outside: Outside, purses: &Purses) -> Result<Self, Diagnostics> {
        outside.secrets = loaded.with_credentials_beside(&outside.secrets);
        let mut mistakes = loaded.unwritten();
        let routes = loaded
            .routes()
            .inspect_err(|found| mistakes.extend(found.mistakes().to_vec()));
        let secrets = loaded
            .source_secrets(&outside.secrets)
            .map_err(|found| mistakes.extend(found.mistakes().to_vec()))
            .unwrap_or_default();
        let metrics_token = loaded
            .metrics_token(&outside.secrets)
            .map_err(|found| mistakes.extend(found.mistakes().to_vec()))
            .unwrap_or_default();
        let tls = match tls(&loaded, &outside) {
            Ok(tls) => tls,
            Err(error) => {
                mistakes.push(loaded.mistake(None, &error));
                None
            }
        };
        let purses = purses.and_new(&loaded, &outside);
        let book = |name: &str| purses.get(name).map(|purse| purse.book());
        let connectors = connectors(&loaded, &outside, book)
            .map_err(|found| mistakes.extend(found.mistakes().to_vec()))
            .unwrap_or_default();
        if let Some(diagnostics) = Diagnostics::new(mistakes) {
            return Err(diagnostics);
        }
        Ok(Self {
            sources: sources(&loaded, secrets),
            routes: Arc::new(routes?),
            connectors,
            purses,
            tls,
            metrics_token,
            reader: reader(&loaded.config),
            outside,
            loaded,
        })
    }

    /// Where leads may go.
    pub fn destinations(&self) -> Vec<DestinationName> {
        let playing = self
            .connectors
            .iter()
            .filter(|(_, connector)| connector.destination.is_some());
        playing
            .map(|(file, _)| DestinationName::new(&file.name))
            .collect()
    }

    /// Connectors whose calls are worth telling: leads go there, outcomes are reported there, or a day of
    /// calls is limited.
    pub fn callers(&self) -> BTreeSet<DestinationName> {
        let calls = |(file, connector): &&(ConnectorFile, Connector)| {
            connector.destination.is_some() || is_sink(file, connector) || file.budget.is_some()
        };
        let callers = self.connectors.iter().filter(calls);
        callers
            .map(|(file, _)| DestinationName::new(&file.name))
            .collect()
    }

    /// CRMs that are asked what became of leads.
    pub fn watched(&self) -> Vec<SourceName> {
        self.watching().map(|file| SourceName::new(&file.name)).collect()
    }

    fn watching(&self) -> impl Iterator<Item = &ConnectorFile> {
        let connectors = self.connectors.iter();
        connectors
            .filter(|(_, connector)| connector.outcome_source.is_some())
            .map(|(file, _)| file)
    }

    /// Connectors whose events are heard: leads come from them, and what they tell of can be read.
    pub(super) fn tellers(&self) -> impl Iterator<Item = Teller<'_>> {
        self.connectors.iter().filter_map(|(file, connector)| {
            file.roles.contains(&Role::Source).then_some(())?;
            Some(Teller {
                file,
                verifier: connector.events.as_ref()?,
                desk: connector.referrals.as_ref()?,
            })
        })
    }

    /// What the connector may spend; one for all its workers.
    pub fn purse(&self, name: &str) -> Option<Arc<Purse>> {
        self.purses.get(name).map(Arc::clone)
    }

    /// Chooses destinations.
    pub fn router(&self) -> crate::settle::Router {
        let routes = Arc::clone(&self.routes);
        Arc::new(move |lead| routes.choose(lead))
    }

    /// What one request may cost.
    pub fn intake_limits(&self) -> IntakeLimits {
        let intake = &self.loaded.config.intake;
        IntakeLimits {
            max_body: usize::try_from(intake.max_body).unwrap_or(usize::MAX),
            body_timeout: intake.body_timeout,
            answer_deadline: intake.answer_deadline,
            rate_per_address: intake.rate_per_address.map(rate),
            trusted_proxies: Proxies::new(intake.trusted_proxies.clone()),
        }
    }

    /// What connections may cost.
    pub fn connection_limits(&self) -> intake::ConnectionLimits {
        let intake = &self.loaded.config.intake;
        intake::ConnectionLimits {
            header_timeout: intake.header_timeout,
            connection_time: intake.connection_time,
            max_connections: intake.max_connections,
            max_connections_per_address: intake.max_connections_per_address,
            ..intake::ConnectionLimits::default()
        }
    }

    /// What the operator decided about duplicates.
    pub fn dedupe_rules(&self) -> dedupe::Rules {
        let config = &self.loaded.config;
        dedupe::Rules {
            window: chrono::TimeDelta::from_std(config.dedupe.window).unwrap_or(chrono::TimeDelta::MAX),
            forward_test_leads: config.forward_test_leads,
            follow_up_leads: self
                .watching()
                .map(|file| AccountName::new(&file.account))
                .collect(),
        }
    }
}

/// Reads arrivals as the operator decided.
pub fn reader(config: &config::Config) -> crate::settle::Reader {
    let rules = reading_rules(config);
    Arc::new(move |arrival| normalize::understand(arrival, &rules))
}

/// What the operator decided about reading.
fn reading_rules(config: &config::Config) -> normalize::Rules {
    normalize::Rules {
        limits: normalize::BodyLimits {
            max_keys: config.intake.max_keys,
        },
        dedupe_by: match config.dedupe.by {
            config::DedupeBy::Person => dedupe::DedupeBy::Person,
            config::DedupeBy::PersonAndOffer => dedupe::DedupeBy::PersonAndOffer,
        },
    }
}

/// The connectors that are given a book for their calls; commands that need neither doors nor a
/// store give one to those they are about.
pub fn connectors(
    loaded: &Loaded,
    outside: &Outside,
    book: impl Fn(&str) -> Option<CallBook>,
) -> Result<Vec<(ConnectorFile, Connector)>, Diagnostics> {
    let outside = &Outside {
        secrets: loaded.with_credentials_beside(&outside.secrets),
        ..outside.clone()
    };
    let mut mistakes = Vec::new();
    let mut built = Vec::new();
    for file in &loaded.connectors {
        let Some(calls) = book(&file.name) else { continue };
        match connector(file, loaded, outside, calls) {
            Ok(connector) => built.push((file.clone(), connector)),
            Err(error) => mistakes.push(loaded.mistake(Some(&file.name), &error)),
        }
    }
    Diagnostics::new(mistakes).map_or(Ok(built), Err)
}

fn connector(
    file: &ConnectorFile,
    loaded: &Loaded,
    outside: &Outside,
    calls: CallBook,
) -> Result<Connector, connector_kit::ConfigError> {
    let context = ConnectorContext {
        name: file.name.clone(),
        clock: Arc::clone(&outside.clock),
        dice: outside.dice.clone(),
        secrets: outside.secrets.clone(),
        transports: Arc::clone(&outside.transports),
        calls,
        state_dir: Some(loaded.config.connector_dir(&file.name)),
    };
    let settings = file.connector_settings(&loaded.config.tables);
    let connector = registry::build(&file.kind, &settings, &context)?;
    for role in &file.roles {
        let plays = match role {
            Role::Source => connector.source.is_some(),
            Role::Destination => connector.destination.is_some(),
            Role::OutcomeSource => connector.outcome_source.is_some(),
            Role::OutcomeSink => connector.referrals.is_some(),
            Role::Alerts => connector.alerts.is_some(),
        };
        if !plays {
            let message = format!("a connector of kind {:?} cannot be used as this", file.kind);
            return Err(connector_kit::ConfigError::new("roles", message));
        }
    }
    Ok(connector)
}

fn sources(loaded: &Loaded, mut secrets: BTreeMap<SourceName, Vec<Secret>>) -> Vec<IntakeSource> {
    let configured = loaded.config.sources.iter().map(|(name, source)| {
        let name = SourceName::new(name);
        IntakeSource {
            account: AccountName::new(&source.account),
            secrets: secrets.remove(&name).unwrap_or_default(),
            rate: source.rate.map(rate),
            name,
        }
    });
    configured.collect()
}

fn tls(loaded: &Loaded, outside: &Outside) -> Result<Option<Arc<Tls>>, connector_kit::ConfigError> {
    let Some(tls) = &loaded.config.listen.tls else {
        return Ok(None);
    };
    let wrong =
        |key: &str, message: String| connector_kit::ConfigError::new(format!("listen.tls.{key}"), message);
    let chain = std::fs::read(&tls.certificate).map_err(|error| {
        wrong(
            "certificate",
            format!("cannot read {}: {error}", tls.certificate.display()),
        )
    })?;
    let key = outside
        .secrets
        .read(&tls.key)
        .map_err(|error| wrong("key", error.to_string()))?;
    Tls::new(&chain, key.expose().as_bytes())
        .map(|tls| Some(Arc::new(tls)))
        .map_err(|error| wrong("certificate", error.to_string()))
}

fn rate(rate: config::Rate) -> intake::Rate {
    intake::Rate {
        per_second: rate.per_second,
        burst: rate.burst,
    }
}

/// What is done after failures, as the operator wrote it.
pub(super) fn patience(file: &ConnectorFile) -> Patience {
    Patience {
        schedule: file.retry.schedule.clone(),
        jitter: file.retry.jitter,
        first_rest: file.hold.first,
        longest_rest: file.hold.max,
    }
}
