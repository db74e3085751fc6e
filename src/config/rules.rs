//! What must hold between values that are each fine alone.

use std::collections::BTreeMap;

use connector_kit::mapping::Mapping;
use connector_kit::nearest::did_you_mean;
use connector_kit::secret::SecretRef;
use connector_kit::{ConfigError, Role};
use url::Url;

use crate::route::{RouteTarget, Routes};

use super::alarms::Canary;
use super::clocks::Clocks;
use super::connector::ConnectorFile;
use super::daemon::{Config, HttpsSource, Listen};

/// What is wrong in the main file.
pub(super) fn check_config(
    config: &Config,
    connectors: &[ConnectorFile],
    targets: &[RouteTarget],
) -> Vec<ConfigError> {
    let mut mistakes = Vec::new();
    let mut homes: BTreeMap<String, &str> = BTreeMap::new();
    for (name, source) in &config.sources {
        check_name(&format!("sources.{name}"), name, &mut mistakes);
        check_name(&format!("sources.{name}.account"), &source.account, &mut mistakes);
        check_secrets(name, source, &mut homes, &mut mistakes);
    }
    if let Some(tls) = &config.listen.tls {
        check_reference("listen.tls.key", &tls.key, &mut mistakes);
    }
    check_readers(&config.listen, &mut mistakes);
    check_clocks(&config.clocks, connectors, &mut mistakes);
    mistakes.extend(config.traces.mistakes(cfg!(feature = "otel")));
    check_alert(
        "silence.alert",
        config.silence.alert.as_ref(),
        connectors,
        &mut mistakes,
    );
    check_canary(&config.canary, config, &mut mistakes);
    mistakes.extend(Routes::mistakes(&config.routes, targets));
    mistakes
}

/// What is wrong in one file of `connectors.d`.
pub(super) fn check_connector(connector: &ConnectorFile, config: &Config) -> Vec<ConfigError> {
    let mut mistakes = Vec::new();
    check_name("", &connector.name, &mut mistakes);
    check_name("account", &connector.account, &mut mistakes);
    if connector.roles.is_empty() {
        mistakes.push(ConfigError::new(
            "roles",
            "name at least one of \"source\", \"destination\"",
        ));
    }
    if !(0.0..=1.0).contains(&connector.retry.jitter) {
        mistakes.push(ConfigError::new(
            "retry.jitter",
            "expected a fraction from 0 to 1",
        ));
    }
    if connector
        .budget
        .is_some_and(|budget| !(0.0..=1.0).contains(&budget.reserve))
    {
        mistakes.push(ConfigError::new(
            "budget.reserve",
            "expected a fraction from 0 to 1",
        ));
    }
    if connector.hold.first > connector.hold.max {
        mistakes.push(ConfigError::new(
            "hold.first",
            "the first hold cannot be longer than hold.max",
        ));
    }
    if let Some(report) = &connector.report {
        mistakes.extend(report.mistakes());
        if !connector.roles.contains(&Role::OutcomeSink) {
            let message = "only a connector with the role \"outcome-sink\" is reported to: add the role, or remove this section";
            mistakes.push(ConfigError::new("report", message));
        }
    }
    mistakes.extend(Mapping::mistakes(
        &connector.mapping,
        &connector.all_tables(&config.tables),
    ));
    mistakes
}

/// Where leads may go.
pub(super) fn targets(connectors: &[ConnectorFile]) -> Vec<RouteTarget> {
    let destinations = connectors
        .iter()
        .filter(|connector| connector.roles.contains(&Role::Destination));
    destinations
        .map(|connector| RouteTarget {
            name: connector.name.as_str().into(),
            account: connector.account.as_str().into(),
        })
        .collect()
}

/// Whoever can reach the numbers from another machine has to show a token.
fn check_readers(listen: &Listen, mistakes: &mut Vec<ConfigError>) {
    if let Some(token) = &listen.metrics_token {
        check_reference("listen.metrics_token", token, mistakes);
    }
    let message = match (listen.metrics, &listen.metrics_token) {
        (Some(address), None) if !address.ip().to_canonical().is_loopback() => {
            "others can reach this address: give listen.metrics_token, or a loopback address like \"127.0.0.1:9464\""
        }
        (Some(address), _) if address == listen.public => {
            "this is where leads arrive; the numbers need an address of their own"
        }
        _ => return,
    };
    mistakes.push(ConfigError::new("listen.metrics", message));
}

/// More moments than this are noise.
const MOST_MOMENTS: usize = 20;

fn check_clocks(clocks: &Clocks, connectors: &[ConnectorFile], mistakes: &mut Vec<ConfigError>) {
    let moments = &clocks.tell_at;
    let is_ascending = moments.windows(2).all(|pair| pair[0] < pair[1]);
    let are_fractions = moments.iter().all(|moment| *moment > 0.0 && *moment <= 1.0);
    if !(is_ascending && are_fractions && moments.len() <= MOST_MOMENTS) {
        let message = "give at most 20 fractions of the time, ascending, each above 0 and at most 1, like [0.5, 0.9, 1.0]";
        mistakes.push(ConfigError::new("clocks.tell_at", message));
    }
    check_alert("clocks.alert", clocks.alert.as_ref(), connectors, mistakes);
}

/// Whoever wants alerts has to be one who takes them.
fn check_alert(
    key: &str,
    name: Option<&String>,
    connectors: &[ConnectorFile],
    mistakes: &mut Vec<ConfigError>,
) {
    let Some(name) = name else { return };
    let message = match connectors.iter().find(|file| file.name == *name) {
        Some(file) if file.roles.contains(&Role::Alerts) => return,
        Some(_) => format!("`{name}` takes no alerts: add \"alerts\" to its roles"),
        None => {
            let guess = did_you_mean(name, connectors.iter().map(|file| file.name.as_str()));
            format!("no connector is named `{name}`{guess}")
        }
    };
    mistakes.push(ConfigError::new(key, message));
}

fn check_canary(canary: &Canary, config: &Config, mistakes: &mut Vec<ConfigError>) {
    let is_base = |url: &Url| {
        matches!(url.scheme(), "https" | "http")
            && url.has_host()
            && url.query().is_none()
            && url.username().is_empty()
    };
    if canary.url.as_ref().is_some_and(|url| !is_base(url)) {
        let message =
            "expected the address Microsoft reaches this daemon at, like \"https://leads.example.com\"";
        mistakes.push(ConfigError::new("canary.url", message));
    }
    if let Some(source) = canary
        .source
        .as_ref()
        .filter(|name| !config.sources.contains_key(*name))
    {
        let guess = did_you_mean(source, config.sources.keys().map(String::as_str));
        let message = format!("no source is named `{source}`{guess}");
        mistakes.push(ConfigError::new("canary.source", message));
    }
}

fn check_secrets<'a>(
    name: &'a str,
    source: &HttpsSource,
    homes: &mut BTreeMap<String, &'a str>,
    mistakes: &mut Vec<ConfigError>,
) {
    if !(1..=2).contains(&source.secrets.len()) {
        let message = "give one secret, or two while one replaces the other";
        mistakes.push(ConfigError::new(format!("sources.{name}.secrets"), message));
    }
    for (index, reference) in source.secrets.iter().enumerate() {
        let key = format!("sources.{name}.secrets[{index}]");
        check_reference(&key, reference, mistakes);
        if let Some(other) = homes.insert(format!("{reference:?}"), name) {
            let message = format!("source `{other}` has the same secret; each needs its own");
            mistakes.push(ConfigError::new(key, message));
        }
    }
}

fn check_reference(key: &str, reference: &SecretRef, mistakes: &mut Vec<ConfigError>) {
    let given = [
        reference.credential.is_some(),
        reference.file.is_some(),
        reference.env.is_some(),
    ];
    if given.into_iter().filter(|given| *given).count() != 1 {
        let message = "give exactly one of { credential = \"..\" }, { file = \"..\" }, { env = \"..\" }";
        mistakes.push(ConfigError::new(key, message));
    }
}

fn check_name(key: &str, name: &str, mistakes: &mut Vec<ConfigError>) {
    let letters = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !letters || !(1..=64).contains(&name.len()) {
        let message = format!("`{name}` is no name: use 1 to 64 of a-z, 0-9 and -");
        mistakes.push(ConfigError::new(key, message));
    }
}
