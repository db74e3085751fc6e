//! What an operator writes below `[settings]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use connector_kit::ConfigError;
use connector_kit::http::TransportSettings;
use connector_kit::secret::SecretRef;
use connector_kit::token::Signing;
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::stages::StageTable;

/// A thousand leads, or a page of five thousand records.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
/// Dataverse takes no more requests in one batch.
const MOST_AT_ONCE: usize = 1000;

/// `[settings]` of a `dynamics365`.
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The environment: `https://contoso.crm4.dynamics.com`, nothing behind the host.
    pub environment: String,
    /// The directory: its id or its domain.
    pub tenant: String,
    /// The application (client) id.
    pub client_id: String,
    /// How the application proves who it is.
    pub auth: Auth,
    /// The login authority; that of the environment's cloud when left out.
    #[serde(default)]
    pub authority: Option<String>,
    /// The Web API's version.
    #[serde(default = "current_version")]
    pub api_version: String,
    /// The text column that holds the lead's id.
    #[serde(default = "default_key_column")]
    pub key_column: String,
    /// The schema name of the alternate key on that column.
    #[serde(default = "default_key_name")]
    pub key_name: String,
    /// The solution new columns and keys are put into.
    #[serde(default)]
    pub solution: Option<String>,
    /// How many leads go at once.
    #[serde(default)]
    pub bulk: Bulk,
    /// Leads in one `UpsertMultiple`.
    #[serde(default = "default_bulk_size")]
    pub bulk_size: usize,
    /// Requests in one `$batch`.
    #[serde(default = "default_batch_size")]
    pub batch_size: usize,
    /// Whether Dataverse looks for duplicates by its own rules.
    #[serde(default)]
    pub duplicate_detection: Switch,
    /// What becomes of a lead for which it finds one.
    #[serde(default)]
    pub on_duplicate: OnDuplicate,
    /// What is said about a person who must not be contacted.
    #[serde(default)]
    pub do_not_contact: DoNotContact,
    /// Choice columns and their values by label: text from a mapping is looked up here.
    #[serde(default)]
    pub choices: BTreeMap<String, BTreeMap<String, i64>>,
    /// The longest text of a column in UTF-16 units, where it is not the standard one.
    #[serde(default)]
    pub lengths: BTreeMap<String, usize>,
    /// What our own writes leave out of the customer's automation.
    #[serde(default)]
    pub bypass: Bypass,
    /// Told to plug-ins with every write (`?tag=`), so that they can know our writes.
    #[serde(default)]
    pub tag: Option<String>,
    /// How what became of leads is read.
    #[serde(default)]
    pub outcomes: Outcomes,
    /// From the first byte to the last.
    #[serde(default = "two_minutes", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub timeout: Duration,
    /// To connect, TLS included.
    #[serde(default = "ten_seconds", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub connect_timeout: Duration,
    /// Private networks the environment may be in.
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

/// How the application proves who it is: `{ secret = .. }`, or `{ certificate = .., key = .. }`.
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub(crate) struct Auth {
    /// The client secret.
    #[serde(default)]
    pub secret: Option<SecretRef>,
    /// PEM of the certificate the application is registered with.
    #[serde(default)]
    pub certificate: Option<SecretRef>,
    /// PEM of its RSA key.
    #[serde(default)]
    pub key: Option<SecretRef>,
    /// How the certificate signs.
    #[serde(default)]
    pub signing: Signing,
    /// Sends the certificates along, for applications trusted by issuer and name.
    #[serde(default)]
    pub send_chain: bool,
}

/// The way many leads go at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bulk {
    /// `UpsertMultiple` where the table knows it, else `$batch`.
    #[default]
    Auto,
    /// Always `UpsertMultiple`.
    UpsertMultiple,
    /// Always `$batch`.
    Batch,
}

/// `"on"` or `"off"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Switch {
    /// No.
    #[default]
    Off,
    /// Yes.
    On,
}

/// What becomes of a lead that Dataverse calls a duplicate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnDuplicate {
    /// A person decides.
    #[default]
    Dead,
    /// It is written all the same.
    AllowSave,
    /// The record that is there is enough; this lead is not written, now or later.
    Skip,
}

/// What is said about a person who must not be contacted.
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DoNotContact {
    /// Columns that become true.
    pub columns: Vec<String>,
    /// Whether columns made from the person are emptied.
    pub blank: bool,
}

impl Default for DoNotContact {
    fn default() -> Self {
        let columns = [
            "donotemail",
            "donotbulkemail",
            "donotphone",
            "donotpostalmail",
            "donotfax",
            "donotsendmm",
        ];
        Self {
            columns: columns.map(str::to_owned).to_vec(),
            blank: true,
        }
    }
}

/// What our own writes leave out; each needs a privilege of its own.
#[derive(Clone, Debug, Default, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Bypass {
    /// Custom synchronous plug-ins (older form).
    pub plugins: bool,
    /// `["CustomSync", "CustomAsync"]`
    pub business_logic: Vec<String>,
    /// Power Automate flows.
    pub flows: bool,
}

/// How what became of leads is read.
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Outcomes {
    /// How changes are found.
    pub follow: Follow,
    /// Records of a page.
    pub page_size: usize,
    /// `provision` may switch change tracking on. It cannot be switched off again.
    pub enable_change_tracking: bool,
    /// `statecode` or `statecode/statuscode` of lead -> stage.
    pub lead: StageTable,
    /// The same of opportunity.
    pub opportunity: StageTable,
}

impl Default for Outcomes {
    fn default() -> Self {
        Self {
            follow: Follow::default(),
            page_size: 1000,
            enable_change_tracking: false,
            lead: StageTable::default(),
            opportunity: StageTable::default(),
        }
    }
}

/// How changes are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Follow {
    /// Change tracking: deletions too, no filter, organisation-wide read.
    #[default]
    ChangeTracking,
    /// By `modifiedon`, with an overlap; misses deletions.
    Modified,
}

fn current_version() -> String {
    "9.2".to_owned()
}

fn default_key_column() -> String {
    "lsync_marketplaceleadid".to_owned()
}

fn default_key_name() -> String {
    "lsync_MarketplaceLeadKey".to_owned()
}

fn default_bulk_size() -> usize {
    MOST_AT_ONCE
}

/// The parts of a batch run one after the other: more would not end within the time-out.
fn default_batch_size() -> usize {
    500
}

fn two_minutes() -> Duration {
    Duration::from_mins(2)
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| serde::de::Error::custom("write a time as \"20s\" or \"2m\""))
}

impl Settings {
    /// Everything that can be seen to be wrong without asking anybody.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.origin()?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !self
            .api_version
            .split_once('.')
            .is_some_and(|(major, minor)| digits(major) && digits(minor))
        {
            return Err(ConfigError::new(
                "settings.api_version",
                "write the version as \"9.2\"",
            ));
        }
        if !is_own_column(&self.key_column) {
            return Err(ConfigError::new(
                "settings.key_column",
                "write the logical name of a custom column: lower case, with its prefix, like lsync_marketplaceleadid",
            ));
        }
        for (key, size) in [("bulk_size", self.bulk_size), ("batch_size", self.batch_size)] {
            if !(1..=MOST_AT_ONCE).contains(&size) {
                return Err(ConfigError::new(format!("settings.{key}"), "from 1 to 1000"));
            }
        }
        if !(1..=5000).contains(&self.outcomes.page_size) {
            return Err(ConfigError::new("settings.outcomes.page_size", "from 1 to 5000"));
        }
        if self
            .tag
            .as_deref()
            .is_some_and(|tag| tag.is_empty() || tag.len() > 100)
        {
            return Err(ConfigError::new("settings.tag", "1 to 100 characters"));
        }
        if let Some(column) = self.lengths.iter().find(|(_, units)| **units == 0) {
            return Err(ConfigError::new(
                format!("settings.lengths.{}", column.0),
                "at least 1",
            ));
        }
        Ok(())
    }

    /// `https://host`, lower case, with a port only where it is not the scheme's own.
    pub(crate) fn origin(&self) -> Result<String, ConfigError> {
        let wrong = || {
            ConfigError::new(
                "settings.environment",
                "write the environment as https://contoso.crm4.dynamics.com, nothing behind the host",
            )
        };
        let url = Url::parse(self.environment.trim()).map_err(|_| wrong())?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let plain = url.scheme() == "http" && self.allow_plain_http;
        if !bare || !url.username().is_empty() || !(plain || url.scheme() == "https") {
            return Err(wrong());
        }
        Ok(url.origin().ascii_serialization())
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

    /// What stands before the first underscore of our columns' names.
    pub(crate) fn prefix(&self) -> &str {
        self.key_column.split('_').next().unwrap_or_default()
    }
}

/// A logical name with a publisher's prefix.
fn is_own_column(name: &str) -> bool {
    let prefix = name.split_once('_').map_or("", |(prefix, _)| prefix);
    is_logical_name(name)
        && (2..=8).contains(&prefix.len())
        && !prefix.starts_with("mscrm")
        && prefix.starts_with(|first: char| first.is_ascii_lowercase())
}

/// Lower case, digits and underscores.
pub(crate) fn is_logical_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
