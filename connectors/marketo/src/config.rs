//! What an operator writes below `[settings]`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use connector_kit::http::TransportSettings;
use connector_kit::secret::{Secret, SecretReader, SecretRef};
use connector_kit::{ConfigError, Stage};
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::pace::Allowance;

/// An instance takes 100; what was agreed beyond that, and what stands in for one, is bounded by nothing we know.
const MOST_PER_20S: usize = 10_000;
/// Large instances have thousands of fields to describe.
const LARGEST_ANSWER: usize = 16 << 20;

/// `[settings]` of a `marketo`.
#[derive(Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// `https://123-PQR-789.mktorest.com`; the endpoint as the admin page shows it will do.
    pub(crate) base_url: String,
    /// Of the `LaunchPoint` service.
    pub(crate) client_id: SecretRef,
    /// Of the `LaunchPoint` service.
    pub(crate) client_secret: SecretRef,
    /// What tells that a lead is there already: `email`, or the field that holds our id.
    #[serde(default = "email")]
    pub(crate) lookup_field: String,
    /// What happens to a lead without an address when leads are looked up by address.
    #[serde(default)]
    pub(crate) without_email: WithoutEmail,
    /// Where several partitions exist: the one new leads go to.
    pub(crate) partition: Option<String>,
    /// Fields that forbid contact, set to true; those the instance does not have are left out.
    #[serde(default = "do_not_contact")]
    pub(crate) do_not_contact: Vec<String>,
    /// Whether a record of ours that must not be contacted loses what the mapping writes of the person.
    #[serde(default = "yes")]
    pub(crate) blank_when_forbidden: bool,
    /// Fields of the company; a lead of a real company is written without them.
    #[serde(default = "company_fields")]
    pub(crate) company_fields: BTreeSet<String>,
    /// Text areas: they take 30,000 bytes where other texts take 255 characters.
    #[serde(default)]
    pub(crate) text_areas: BTreeSet<String>,
    /// Calls in any 20 seconds.
    #[serde(default = "forty")]
    pub(crate) calls_per_20s: usize,
    /// Calls at the same time.
    #[serde(default = "three")]
    pub(crate) calls_at_once: usize,
    /// Calls of ours a day.
    #[serde(default = "five_thousand")]
    pub(crate) daily_calls: u64,
    /// Calls a day the instance grants to all integrations.
    #[serde(default = "fifty_thousand")]
    pub(crate) daily_quota: u64,
    /// The share of what all have left that we may take.
    #[serde(default = "four_fifths")]
    pub(crate) quota_share: f64,
    /// The field that says what became of a lead.
    #[serde(default = "lead_status")]
    pub(crate) status_field: String,
    /// Its values and what they mean, beside the shipped ones.
    #[serde(default)]
    pub(crate) status: BTreeMap<String, Stage>,
    /// How far back the first look at changes reaches.
    #[serde(default = "a_day", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub(crate) look_back: Duration,
    /// How often deleted leads are asked for.
    #[serde(default = "an_hour", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub(crate) deleted_every: Duration,
    /// From the first byte to the last; Marketo itself gives up after 90 seconds.
    #[serde(default = "hundred_seconds", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub(crate) timeout: Duration,
    /// Private networks the instance may be in.
    #[serde(default)]
    pub(crate) allow_private_targets: Vec<String>,
    /// `http://`, for something in those networks.
    #[serde(default)]
    pub(crate) allow_plain_http: bool,
    /// Ports; empty means 443 and 8443.
    #[serde(default)]
    pub(crate) allowed_ports: Vec<u16>,
    /// PEM of a private CA.
    pub(crate) ca_file: Option<PathBuf>,
    /// A proxy; never taken from the environment.
    pub(crate) proxy: Option<String>,
}

/// What happens to a lead without an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WithoutEmail {
    /// It is a dead letter.
    #[default]
    Reject,
    /// It is looked up by the field that holds our id.
    ByLeadId,
}

fn email() -> String {
    "email".to_owned()
}

fn do_not_contact() -> Vec<String> {
    vec!["unsubscribed".to_owned(), "doNotCall".to_owned()]
}

fn company_fields() -> BTreeSet<String> {
    let names = [
        "company",
        "site",
        "website",
        "mainPhone",
        "industry",
        "sicCode",
        "annualRevenue",
        "numberOfEmployees",
        "billingStreet",
        "billingCity",
        "billingState",
        "billingCountry",
        "billingPostalCode",
        "companyNotes",
    ];
    names.into_iter().map(str::to_owned).collect()
}

fn yes() -> bool {
    true
}

fn forty() -> usize {
    40
}

fn three() -> usize {
    3
}

fn five_thousand() -> u64 {
    5_000
}

fn fifty_thousand() -> u64 {
    50_000
}

fn four_fifths() -> f64 {
    0.8
}

fn lead_status() -> String {
    "leadStatus".to_owned()
}

fn a_day() -> Duration {
    Duration::from_hours(24)
}

fn an_hour() -> Duration {
    Duration::from_hours(1)
}

fn hundred_seconds() -> Duration {
    Duration::from_secs(100)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| serde::de::Error::custom("write a time as \"100s\" or \"1h\""))
}

impl Settings {
    /// What cannot work, told before anything is sent.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, text: &str| Err(ConfigError::new(format!("settings.{key}"), text));
        if !(1..=MOST_PER_20S).contains(&self.calls_per_20s) {
            return wrong(
                "calls_per_20s",
                "from 1 to 10000; an instance takes 100 unless more was agreed for it",
            );
        }
        if !(1..=10).contains(&self.calls_at_once) {
            return wrong(
                "calls_at_once",
                "an instance takes 1 to 10 calls at the same time",
            );
        }
        if self.daily_calls == 0 || self.daily_quota == 0 {
            return wrong("daily_calls", "with no calls a day nothing can be delivered");
        }
        if !(0.0..=1.0).contains(&self.quota_share) {
            return wrong("quota_share", "a share is between 0.0 and 1.0");
        }
        if self.do_not_contact.is_empty() {
            return wrong("do_not_contact", "name at least one field that forbids contact");
        }
        if self.look_back > Duration::from_hours(24 * 90) {
            return wrong("look_back", "the first look reaches back at most 90 days");
        }
        Ok(())
    }

    /// The instance's address without what the admin page adds to it, and without a slash at its end.
    pub(crate) fn base(&self) -> Result<Url, ConfigError> {
        let text = self.base_url.trim().trim_end_matches('/');
        let text = ["/rest", "/identity"]
            .into_iter()
            .find_map(|end| text.strip_suffix(end))
            .unwrap_or(text);
        let wrong = || {
            ConfigError::new(
                "settings.base_url",
                "write the address of the instance: \"https://123-PQR-789.mktorest.com\"",
            )
        };
        let url = Url::parse(text).map_err(|_| wrong())?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if bare && url.has_host() {
            Ok(url)
        } else {
            Err(wrong())
        }
    }

    /// How requests are sent.
    pub(crate) fn transport(&self) -> TransportSettings {
        TransportSettings {
            total_timeout: self.timeout,
            max_response_bytes: LARGEST_ANSWER,
            allow_private_targets: self.allow_private_targets.clone(),
            allow_plain_http: self.allow_plain_http,
            allowed_ports: self.allowed_ports.clone(),
            ca_file: self.ca_file.clone(),
            proxy: self.proxy.clone(),
            ..TransportSettings::default()
        }
    }

    /// What of the instance's quota is ours.
    pub(crate) fn allowance(&self) -> Allowance {
        Allowance {
            in_window: self.calls_per_20s,
            at_once: self.calls_at_once,
            per_day: self.daily_calls,
            share: self.quota_share,
            quota: self.daily_quota,
        }
    }
}

/// Reads a secret; a failure names the key of the config.
pub(crate) fn read(secrets: &SecretReader, reference: &SecretRef, key: &str) -> Result<Secret, ConfigError> {
    secrets
        .read(reference)
        .map_err(|error| ConfigError::new(format!("settings.{key}"), error.to_string()))
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
