//! What an operator writes below `[settings]`.

mod webhook;

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::ConfigError;
use connector_kit::http::TransportSettings;
use connector_kit::secret::SecretRef;
use connector_kit::token::Style;
use serde::{Deserialize, Deserializer};
use url::Url;

pub(crate) use webhook::Webhook;

/// Two hundred referrals with all their lists.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
/// Clients were seen to ask for no more (contract partner-center 4.1).
const MOST_OF_A_PAGE: usize = 200;

/// `[settings]` of a `partner-center`.
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The partner's directory: its id or its domain.
    pub tenant: String,
    /// The application (client) id.
    pub client_id: String,
    /// The application's secret; left out where it is registered as a public client.
    #[serde(default)]
    pub client_secret: Option<SecretRef>,
    /// What seals the sign-in on disk: 32 characters or more.
    pub vault_key: SecretRef,
    /// The login authority.
    #[serde(default = "worldwide_authority")]
    pub authority: String,
    /// Which of the authority's two kinds of endpoint: `v2` or `v1`.
    #[serde(default)]
    pub token_endpoint: Style,
    /// Where referrals are: the address without `/referrals`.
    #[serde(default = "worldwide_referrals")]
    pub referrals_url: String,
    /// Whom tokens for referrals are for.
    #[serde(default = "worldwide_referrals_audience")]
    pub referrals_audience: String,
    /// Where the webhook is registered.
    #[serde(default = "worldwide_partner_center")]
    pub partner_center_url: String,
    /// Whom tokens for the registration are for; `partner_center_url` itself when left out.
    #[serde(default)]
    pub partner_center_audience: Option<String>,
    /// Whether referrals this partner sent are read, too.
    #[serde(default)]
    pub outgoing: bool,
    /// How a moment is written in a filter.
    #[serde(default)]
    pub datetime_literal: Literal,
    /// Referrals of one page (`$top`); what the service thinks right when left out, which is 100.
    #[serde(default)]
    pub page_size: Option<usize>,
    /// How far before the newest change a poll begins: so late a change may appear.
    #[serde(default = "ten_minutes", deserialize_with = "span")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub overlap: TimeDelta,
    /// How far back the first poll reads what is closed; what is open is read in any case.
    #[serde(default = "thirty_days", deserialize_with = "span")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub history: TimeDelta,
    /// How often everything that is not closed is read again.
    #[serde(default = "one_day", deserialize_with = "span")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub full_scan_every: TimeDelta,
    /// The inbound notifications; left out, referrals come by polling alone.
    #[serde(default)]
    pub webhook: Option<Webhook>,
    /// From the first byte to the last.
    #[serde(default = "one_minute", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub timeout: Duration,
    /// To connect, TLS included.
    #[serde(default = "ten_seconds", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub connect_timeout: Duration,
    /// Private networks the hosts may be in.
    #[serde(default)]
    pub allow_private_targets: Vec<String>,
    /// `http://`, for simulators in those networks.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Ports; empty means 443 and 8443.
    #[serde(default)]
    pub allowed_ports: Vec<u16>,
    /// PEM of a private CA.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A proxy; never taken from the environment.
    #[serde(default)]
    pub proxy: Option<String>,
}

/// How a moment is written in a filter; no document shows it (contract partner-center 4.1).
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    Deserialize,
    connector_kit::schema::JsonSchema,
)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Literal {
    /// `2024-05-01T00:00:00Z`
    #[default]
    Plain,
    /// `'2024-05-01T00:00:00Z'`
    Quoted,
    /// Not at all: the newest are asked for first, and reading ends at what is old.
    None,
}

fn worldwide_authority() -> String {
    "https://login.microsoftonline.com".to_owned()
}

fn worldwide_referrals() -> String {
    "https://api.partner.microsoft.com/v1.0/engagements".to_owned()
}

fn worldwide_referrals_audience() -> String {
    "https://api.partner.microsoft.com".to_owned()
}

fn worldwide_partner_center() -> String {
    "https://api.partnercenter.microsoft.com".to_owned()
}

fn ten_minutes() -> TimeDelta {
    TimeDelta::minutes(10)
}

fn thirty_days() -> TimeDelta {
    TimeDelta::days(30)
}

fn one_day() -> TimeDelta {
    TimeDelta::hours(24)
}

fn one_minute() -> Duration {
    Duration::from_mins(1)
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| serde::de::Error::custom("write a time as \"20s\" or \"2m\""))
}

/// No span is longer than a century.
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeDelta, D::Error> {
    let span = TimeDelta::from_std(duration(deserializer)?).ok();
    span.filter(|span| *span <= TimeDelta::days(36_500))
        .ok_or_else(|| serde::de::Error::custom("no time here is longer than a century"))
}

impl Settings {
    /// Everything that can be seen to be wrong without asking anybody.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if self.tenant.is_empty() || !self.tenant.chars().all(name) {
            return Err(ConfigError::new(
                "settings.tenant",
                "give the directory's id or its domain",
            ));
        }
        if self.client_id.trim().is_empty() {
            return Err(ConfigError::new(
                "settings.client_id",
                "give the application (client) id",
            ));
        }
        let pages = 1..=MOST_OF_A_PAGE;
        if self.page_size.is_some_and(|size| !pages.contains(&size)) {
            return Err(ConfigError::new("settings.page_size", "from 1 to 200"));
        }
        if self.full_scan_every < TimeDelta::minutes(1) {
            return Err(ConfigError::new("settings.full_scan_every", "at least a minute"));
        }
        self.referrals_url()?;
        self.partner_center_url()?;
        self.login_url("")?;
        self.webhook
            .as_ref()
            .map_or(Ok(()), |webhook| webhook.check(self))
    }

    /// Where referrals are, without a slash at the end.
    pub(crate) fn referrals_url(&self) -> Result<Url, ConfigError> {
        self.base("settings.referrals_url", &self.referrals_url)
    }

    /// Where the webhook is registered, without a slash at the end.
    pub(crate) fn partner_center_url(&self) -> Result<Url, ConfigError> {
        self.base("settings.partner_center_url", &self.partner_center_url)
    }

    /// Whom tokens for the registration are for.
    pub(crate) fn partner_center_audience(&self) -> &str {
        let own = self.partner_center_audience.as_deref();
        own.unwrap_or_else(|| self.partner_center_url.trim().trim_end_matches('/'))
    }

    /// An address at the login authority, within the tenant.
    pub(crate) fn login_url(&self, path: &str) -> Result<Url, ConfigError> {
        let authority = self.base("settings.authority", &self.authority)?;
        let text = format!(
            "{}/{}/{path}",
            authority.as_str().trim_end_matches('/'),
            self.tenant
        );
        Url::parse(&text).map_err(|_| wrong_base("settings.authority"))
    }

    fn base(&self, key: &str, text: &str) -> Result<Url, ConfigError> {
        let url = Url::parse(text.trim().trim_end_matches('/')).map_err(|_| wrong_base(key))?;
        let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if bare && url.has_host() && self.takes_scheme(&url) {
            Ok(url)
        } else {
            Err(wrong_base(key))
        }
    }

    /// `https`, or `http` where the operator allows it.
    pub(crate) fn takes_scheme(&self, url: &Url) -> bool {
        url.scheme() == "https" || (url.scheme() == "http" && self.allow_plain_http)
    }

    /// How requests are sent.
    pub(crate) fn transport(&self) -> TransportSettings {
        TransportSettings {
            total_timeout: self.timeout,
            connect_timeout: self.connect_timeout,
            max_response_bytes: LARGEST_ANSWER,
            allow_private_targets: self.allow_private_targets.clone(),
            allow_plain_http: self.allow_plain_http,
            allowed_ports: self.allowed_ports.clone(),
            ca_file: self.ca_file.clone(),
            proxy: self.proxy.clone(),
            ..TransportSettings::default()
        }
    }
}

fn wrong_base(key: &str) -> ConfigError {
    ConfigError::new(key, "write the address as https://host/path, without a query")
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
