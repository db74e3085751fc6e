//! What an operator writes below `[settings.webhook]`.

use std::path::PathBuf;

use chrono::TimeDelta;
use connector_kit::ConfigError;
use serde::Deserialize;
use url::Url;

use super::{Settings, span};

/// The inbound notifications.
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    /// The public address of our door; left out, the registration is nobody's business here.
    #[serde(default)]
    pub url: Option<String>,
    /// The events asked for.
    #[serde(default = "all_events")]
    pub events: Vec<String>,
    /// Whether the proof comes in `x-ms-signature`; proxies like to drop the other form.
    #[serde(default = "yes")]
    pub ms_signature_header: bool,
    /// Whether verified events are passed on to whoever was registered before us.
    #[serde(default)]
    pub tee: bool,
    /// The oldest change an event may tell.
    #[serde(default = "one_day", deserialize_with = "span")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub max_age: TimeDelta,
    /// Hosts the signer's certificate may be on.
    #[serde(default = "documented_hosts")]
    pub certificate_hosts: Vec<String>,
    /// Whom the certificate is for: its common name or one of its alternative names.
    #[serde(default = "documented_subject")]
    pub subject: String,
    /// Where the doctor looks for the certificate; `https://<first host>/cert/<subject>.cer` when left out.
    #[serde(default)]
    pub certificate_url: Option<String>,
    /// The organisation of whoever issued it.
    #[serde(default = "microsoft")]
    pub issuer: String,
    /// PEM of the roots it may go back to; the system's when left out.
    #[serde(default)]
    pub roots_file: Option<PathBuf>,
    /// PEM of certificates between it and a root that do not come along with it.
    #[serde(default)]
    pub intermediates_file: Option<PathBuf>,
}

/// Contract partner-center 8.2.
fn all_events() -> Vec<String> {
    let events = [
        "referral-created",
        "referral-updated",
        "related-referral-created",
        "related-referral-updated",
        "test-created",
    ];
    events.map(str::to_owned).to_vec()
}

/// Contract partner-center 8.3.
fn documented_hosts() -> Vec<String> {
    vec!["3psostorageacct.blob.core.windows.net".to_owned()]
}

/// Contract partner-center 8.3.
fn documented_subject() -> String {
    "pcnotifications-dispatch.microsoft.com".to_owned()
}

fn microsoft() -> String {
    "Microsoft Corporation".to_owned()
}

fn one_day() -> TimeDelta {
    TimeDelta::hours(24)
}

fn yes() -> bool {
    true
}

impl Webhook {
    /// Everything that can be seen to be wrong without asking anybody.
    pub(super) fn check(&self, own: &Settings) -> Result<(), ConfigError> {
        if let Some(url) = self.address()? {
            if !url.has_host() || !own.takes_scheme(&url) || url.fragment().is_some() {
                return Err(wrong_address());
            }
        } else if self.tee {
            return Err(ConfigError::new(
                "settings.webhook.tee",
                "there is a former address only where url is set: it is kept when the registration is taken over",
            ));
        }
        if self.certificate_hosts.is_empty() {
            return Err(ConfigError::new(
                "settings.webhook.certificate_hosts",
                "name at least one host",
            ));
        }
        for (key, text) in [("subject", &self.subject), ("issuer", &self.issuer)] {
            if text.trim().is_empty() {
                return Err(ConfigError::new(
                    format!("settings.webhook.{key}"),
                    "without it anybody's certificate would do",
                ));
            }
        }
        if self.max_age <= TimeDelta::zero() {
            return Err(ConfigError::new("settings.webhook.max_age", "above zero"));
        }
        if !self.events.iter().any(|event| event.contains("referral")) {
            return Err(ConfigError::new(
                "settings.webhook.events",
                "at least one of them is about referrals",
            ));
        }
        Ok(())
    }

    /// Our address.
    pub(crate) fn address(&self) -> Result<Option<Url>, ConfigError> {
        let url = self.url.as_deref().map(Url::parse).transpose();
        url.map_err(|_| wrong_address())
    }

    /// Where the doctor looks for the signer's certificate.
    pub(crate) fn certificate_url(&self) -> String {
        self.certificate_url.clone().unwrap_or_else(|| {
            let host = self.certificate_hosts.first().map_or("", String::as_str);
            format!("https://{}/cert/{}.cer", host.trim(), self.subject.trim())
        })
    }
}

fn wrong_address() -> ConfigError {
    ConfigError::new(
        "settings.webhook.url",
        "write the public address of the door as https://host/path",
    )
}
