//! What an operator writes below `[settings]`.

mod choices;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::http::{TargetPolicy, TransportSettings};
use connector_kit::{ConfigError, Stage};
use serde::{Deserialize, Deserializer};
use url::Url;

pub(crate) use choices::{ApiVersion, Assignment, Auth, Column, DuplicateRule, MissingFields, OnConverted};

/// Ten thousand rows of a bulk job's results, each with all its fields.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// `[settings]` of a `salesforce` connector.
#[derive(Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// My Domain: `https://contoso.my.salesforce.com`.
    pub instance_url: String,
    /// Where tokens are asked for, when not there.
    pub login_url: Option<String>,
    /// How we prove who we are.
    pub auth: Auth,
    /// The version spoken, pinned.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The unique external id on Lead that holds our key.
    #[serde(default = "key_field")]
    pub key_field: String,
    /// What to do when a duplicate rule objects.
    #[serde(default)]
    pub duplicate_rule: DuplicateRule,
    /// What to do with news of a lead that was converted.
    #[serde(default)]
    pub on_converted: OnConverted,
    /// Whether assignment rules run for new leads. They never run for updates.
    #[serde(default)]
    pub assignment: Assignment,
    /// The id of the rule to run, instead of the active one.
    pub assignment_rule: Option<String>,
    /// What to do about a field of the mapping that cannot be written.
    #[serde(default)]
    pub missing_fields: MissingFields,
    /// The checkboxes that say nobody may be contacted; those that can be written are set.
    #[serde(default = "do_not_contact_fields")]
    pub do_not_contact_fields: Vec<String>,
    /// How long a description of the fields is believed.
    #[serde(default = "four_hours", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub describe_every: Duration,
    /// The way for many new leads at once.
    #[serde(default)]
    pub bulk: Bulk,
    /// How what became of leads is read.
    #[serde(default)]
    pub outcomes: Outcomes,
    /// What `provision` makes.
    #[serde(default)]
    pub provision: Provision,
    /// From the first byte to the last.
    #[serde(default = "hundred_seconds", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub timeout: Duration,
    /// To connect, TLS included.
    #[serde(default = "five_seconds", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub connect_timeout: Duration,
    /// Private networks the instance may be in.
    #[serde(default)]
    pub allow_private_targets: Vec<String>,
    /// `http://`, for a test instance in those networks.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Ports besides 443 and the one of `instance_url`.
    #[serde(default)]
    pub allowed_ports: Vec<u16>,
    /// PEM of a private CA.
    pub ca_file: Option<PathBuf>,
    /// A proxy; never taken from the environment.
    pub proxy: Option<String>,
}

/// Bulk API 2.0.
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Bulk {
    /// From so many waiting leads on; 0 is never.
    pub from: usize,
    /// In one job.
    pub most: usize,
    /// How long a job may take.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub patience: Duration,
}

impl Default for Bulk {
    fn default() -> Self {
        Self {
            from: 2_000,
            most: 10_000,
            patience: Duration::from_mins(10),
        }
    }
}

/// How what became of leads is read.
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Outcomes {
    /// Lead `Status` to stage, before the shipped ones.
    #[serde(deserialize_with = "stages")]
    pub statuses: BTreeMap<String, Stage>,
    /// Every other status.
    pub other_status: Stage,
    /// ISO 4217, for organisations with one currency.
    pub currency: Option<String>,
    /// What a deal is worth.
    pub amount_field: String,
    /// Why a deal was lost: a field of Opportunity.
    pub reason_field: Option<String>,
    /// Why a lead was declined: a field of Lead.
    pub lead_reason_field: Option<String>,
    /// What a lead is expected to be worth: a field of Lead, which has none of its own.
    pub lead_amount_field: Option<String>,
    /// The currency of that, as an ISO 4217 code: a field of Lead, before `currency`.
    pub lead_currency_field: Option<String>,
    /// The day it is expected to close: a field of Lead.
    pub lead_close_field: Option<String>,
    /// How late a change may appear behind its time.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub overlap: Duration,
    /// How often deleted opportunities are looked for.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub deleted_every: Duration,
}

impl Default for Outcomes {
    fn default() -> Self {
        Self {
            statuses: BTreeMap::new(),
            other_status: Stage::Open,
            currency: None,
            amount_field: "Amount".to_owned(),
            reason_field: None,
            lead_reason_field: None,
            lead_amount_field: None,
            lead_currency_field: None,
            lead_close_field: None,
            overlap: Duration::from_mins(5),
            deleted_every: Duration::from_mins(10),
        }
    }
}

/// What `provision` makes.
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Provision {
    /// The permission set that holds the rights of the integration user.
    pub permission_set: String,
    /// Types of custom fields: `Marketplace_Offer__c = "Text(255)"`, which is also what others get.
    pub columns: BTreeMap<String, Column>,
}

impl Default for Provision {
    fn default() -> Self {
        Self {
            permission_set: "Leadsync".to_owned(),
            columns: BTreeMap::new(),
        }
    }
}

fn key_field() -> String {
    "Marketplace_Lead_Id__c".to_owned()
}

fn do_not_contact_fields() -> Vec<String> {
    vec!["DoNotCall".to_owned(), "HasOptedOutOfEmail".to_owned()]
}

fn four_hours() -> Duration {
    Duration::from_hours(4)
}

fn hundred_seconds() -> Duration {
    Duration::from_secs(100)
}

fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .ok()
        .filter(|time| TimeDelta::from_std(*time).is_ok_and(|time| time <= TimeDelta::days(30)))
        .ok_or_else(|| serde::de::Error::custom("write a time up to 30 days as \"20s\" or \"1m\""))
}

/// A stage of a lead's own record: nothing is won or lost without a deal.
fn stages<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Stage>, D::Error> {
    let stages: BTreeMap<String, Stage> = BTreeMap::deserialize(deserializer)?;
    match stages.iter().find(|(_, stage)| **stage == Stage::Gone) {
        Some((status, _)) => Err(serde::de::Error::custom(format!(
            "{status:?}: gone is for deleted records; write open, accepted, declined, won or lost"
        ))),
        None => Ok(stages),
    }
}

impl Settings {
    /// What cannot work, told before anything is sent.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, text: String| Err(ConfigError::new(format!("settings.{key}"), text));
        let outcomes = &self.outcomes;
        let names = [("key_field", Some(&self.key_field))]
            .into_iter()
            .chain(
                self.do_not_contact_fields
                    .iter()
                    .map(|name| ("do_not_contact_fields", Some(name))),
            )
            .chain([
                ("outcomes.amount_field", Some(&outcomes.amount_field)),
                ("outcomes.reason_field", outcomes.reason_field.as_ref()),
                ("outcomes.lead_reason_field", outcomes.lead_reason_field.as_ref()),
                ("outcomes.lead_amount_field", outcomes.lead_amount_field.as_ref()),
                (
                    "outcomes.lead_currency_field",
                    outcomes.lead_currency_field.as_ref(),
                ),
                ("outcomes.lead_close_field", outcomes.lead_close_field.as_ref()),
                ("provision.permission_set", Some(&self.provision.permission_set)),
            ]);
        for (key, name) in names {
            if let Some(name) = name.filter(|name| !is_api_name(name)) {
                return wrong(
                    key,
                    format!("{name:?} is not an API name such as Marketplace_Lead_Id__c"),
                );
            }
        }
        if ["id", "email"].contains(&self.key_field.to_lowercase().as_str()) {
            let text = "the key is a field of its own, unique and opaque; `leadsync provision` makes it";
            return wrong("key_field", text.to_owned());
        }
        if let Some(id) = self.assignment_rule.as_ref().filter(|id| !is_record_id(id)) {
            return wrong(
                "assignment_rule",
                format!("{id:?} is not the id of an assignment rule"),
            );
        }
        if self.bulk.from != 0 && !(self.bulk.from.max(201)..=100_000).contains(&self.bulk.most) {
            return wrong(
                "bulk.most",
                "a job takes from bulk.from, and more than 200, to 100000 leads".to_owned(),
            );
        }
        if self
            .outcomes
            .currency
            .as_ref()
            .is_some_and(|code| !is_currency(code))
        {
            return wrong(
                "outcomes.currency",
                "write a currency as ISO 4217 does: \"EUR\"".to_owned(),
            );
        }
        if self.outcomes.other_status == Stage::Gone {
            return wrong("outcomes.other_status", "gone is for deleted records".to_owned());
        }
        Ok(())
    }

    /// Where the instance is, checked.
    pub(crate) fn instance(&self, policy: &TargetPolicy) -> Result<Url, ConfigError> {
        let url = origin(policy, "settings.instance_url", &self.instance_url)?;
        if is_login_host(&url) {
            return Err(ConfigError::new(
                "settings.instance_url",
                "this is a login host: write your My Domain, https://<name>.my.salesforce.com",
            ));
        }
        Ok(url)
    }

    /// Where tokens are asked for, checked.
    pub(crate) fn login(&self, policy: &TargetPolicy, instance: &Url) -> Result<Url, ConfigError> {
        let url = match &self.login_url {
            Some(text) => origin(policy, "settings.login_url", text)?,
            None => instance.clone(),
        };
        if is_login_host(&url) && matches!(self.auth, Auth::ClientCredentials { .. }) {
            return Err(ConfigError::new(
                "settings.login_url",
                "client credentials work only on your My Domain: remove login_url",
            ));
        }
        Ok(url)
    }

    /// How requests are sent.
    pub(crate) fn transport(&self) -> TransportSettings {
        let ports = [Some(self.instance_url.as_str()), self.login_url.as_deref()]
            .into_iter()
            .flatten()
            .filter_map(|text| Url::parse(text).ok()?.port_or_known_default());
        let mut allowed_ports = vec![443, 8443];
        allowed_ports.extend(ports.filter(|port| *port != 80 || self.allow_plain_http));
        allowed_ports.extend(&self.allowed_ports);
        TransportSettings {
            total_timeout: self.timeout,
            connect_timeout: self.connect_timeout,
            max_response_bytes: LARGEST_ANSWER,
            allow_private_targets: self.allow_private_targets.clone(),
            allow_plain_http: self.allow_plain_http,
            allowed_ports,
            ca_file: self.ca_file.clone(),
            proxy: self.proxy.clone(),
            ..TransportSettings::default()
        }
    }
}

fn origin(policy: &TargetPolicy, key: &str, text: &str) -> Result<Url, ConfigError> {
    let url = policy
        .check(text)
        .map_err(|refusal| ConfigError::new(key, refusal.to_string()))?;
    if url.path() != "/" || url.query().is_some() {
        return Err(ConfigError::new(
            key,
            "write the host alone: https://<name>.my.salesforce.com",
        ));
    }
    Ok(url)
}

/// `login.` and `test.` know all organisations and serve the data of none.
fn is_login_host(url: &Url) -> bool {
    matches!(
        url.host_str(),
        Some("login.salesforce.com" | "test.salesforce.com")
    )
}

/// A name as the API knows it; nothing else is ever put into a path or a query unescaped.
pub(crate) fn is_api_name(name: &str) -> bool {
    name.len() <= 80
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// 15 or 18 letters and digits.
pub(crate) fn is_record_id(text: &str) -> bool {
    matches!(text.len(), 15 | 18) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests;
