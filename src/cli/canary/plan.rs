//! Which way a canary goes: address, source, destinations.

use std::path::PathBuf;

use chrono::TimeDelta;
use connector_kit::nearest::did_you_mean;
use connector_kit::{DestinationName, Role, SourceName};
use url::Url;

use super::{CanaryArgs, Exit};
use crate::app::Outside;
use crate::config::Loaded;

/// The way of a canary.
pub(super) struct Plan {
    /// Where it is posted to; holds the secret.
    pub(super) url: Url,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) source: SourceName,
    pub(super) destinations: Vec<DestinationName>,
    /// Every destination of the config: an earlier canary may be at any of them.
    pub(super) all_destinations: Vec<String>,
    pub(super) wait: TimeDelta,
    pub(super) keep: bool,
}

impl Plan {
    /// What the operator wants, or wrote in the config.
    pub(super) fn of(loaded: &Loaded, args: &CanaryArgs, outside: &Outside) -> Result<Self, Exit> {
        let config = &loaded.config.canary;
        let source = source(loaded, args)?;
        let base = args.url.as_ref().or(config.url.as_ref());
        let base = base.ok_or_else(|| {
            Exit::usage("where does Microsoft reach this daemon? give --url https://leads.example.com, or set url in [canary]")
        })?;
        let playing = |account: Option<&str>| -> Vec<String> {
            let files = loaded.connectors.iter();
            files
                .filter(|file| file.roles.contains(&Role::Destination))
                .filter(|file| account.is_none_or(|account| file.account == account))
                .map(|file| file.name.clone())
                .collect()
        };
        let account = &loaded.config.sources[&source].account;
        let destinations = chosen(playing(Some(account)), &args.destinations, account)?;
        let source = SourceName::new(&source);
        let secrets = loaded.source_secrets(&loaded.with_credentials_beside(&outside.secrets))?;
        let secret = secrets.get(&source).and_then(|secrets| secrets.first());
        let secret = secret.ok_or_else(|| Exit::failed("the source has no secret"))?;
        Ok(Self {
            url: intake_url(base, source.as_str(), secret.expose())?,
            ca_file: config.ca_file.clone(),
            source,
            destinations,
            all_destinations: playing(None),
            wait: TimeDelta::from_std(args.wait).unwrap_or(TimeDelta::hours(1)),
            keep: args.keep,
        })
    }
}

fn source(loaded: &Loaded, args: &CanaryArgs) -> Result<String, Exit> {
    let sources = &loaded.config.sources;
    let known = || sources.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    match args.source.as_ref().or(loaded.config.canary.source.as_ref()) {
        Some(name) if sources.contains_key(name) => Ok(name.clone()),
        Some(name) => {
            let guess = did_you_mean(name, sources.keys().map(String::as_str));
            let known = known();
            Err(Exit::missing(format!(
                "no source is named {name:?}{guess}; in the config: {known}"
            )))
        }
        None if sources.len() == 1 => Ok(sources.keys().cloned().collect()),
        None if sources.is_empty() => Err(Exit::missing(
            "a canary comes in by HTTPS, and the config has no [sources.*]",
        )),
        None => Err(Exit::usage(format!(
            "through which source? give --source, or set source in [canary]: {}",
            known()
        ))),
    }
}

/// Those the operator named, or all of the publisher.
fn chosen(known: Vec<String>, named: &[String], account: &str) -> Result<Vec<DestinationName>, Exit> {
    if let Some(name) = named.iter().find(|name| !known.contains(name)) {
        let guess = did_you_mean(name, known.iter().map(String::as_str));
        let known = known.join(", ");
        return Err(Exit::missing(format!(
            "account {account} has no destination {name:?}{guess}; it has: {known}"
        )));
    }
    if known.is_empty() {
        return Err(Exit::missing(format!("account {account} has no destination")));
    }
    let chosen = if named.is_empty() { known } else { named.to_vec() };
    Ok(chosen.iter().map(DestinationName::new).collect())
}

/// The address leads of the source are posted to.
fn intake_url(base: &Url, source: &str, secret: &str) -> Result<Url, Exit> {
    let mut url = base.clone();
    let no_base = || Exit::usage("the public address is no address of a server");
    url.path_segments_mut()
        .map_err(|()| no_base())?
        .pop_if_empty()
        .extend(["v1", "leads", source, secret]);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_appended_to_whatever_address_is_public() {
        for (base, expected) in [
            (
                "https://leads.example.com",
                "https://leads.example.com/v1/leads/web/s-1_x",
            ),
            (
                "https://leads.example.com/",
                "https://leads.example.com/v1/leads/web/s-1_x",
            ),
            (
                "https://example.com/leadsync/",
                "https://example.com/leadsync/v1/leads/web/s-1_x",
            ),
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080/v1/leads/web/s-1_x",
            ),
        ] {
            let url = intake_url(&base.parse().unwrap(), "web", "s-1_x").unwrap();
            assert_eq!(url.as_str(), expected);
        }
        assert!(intake_url(&"mailto:a@b".parse().unwrap(), "web", "s").is_err());
    }

    #[test]
    fn only_destinations_of_the_publisher_are_chosen() {
        let known = || vec!["crm".to_owned(), "hook".to_owned()];
        let names = |chosen: Vec<DestinationName>| {
            chosen
                .iter()
                .map(|name| name.as_str().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(chosen(known(), &[], "a").unwrap()), ["crm", "hook"]);
        assert_eq!(names(chosen(known(), &["hook".into()], "a").unwrap()), ["hook"]);
        assert!(chosen(known(), &["hok".into()], "a").is_err());
        assert!(chosen(Vec::new(), &[], "a").is_err());
    }
}
