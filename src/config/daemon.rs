//! `leadsync.toml`: what the daemon itself is told.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use connector_kit::mapping::Tables;
use connector_kit::secret::SecretRef;
use serde::Deserialize;
use url::Url;

use crate::route::RouteConfig;

use super::alarms::{Canary, Silence};
use super::clocks::Clocks;
use super::intake::Intake;
use super::retention::Retention;
use super::traces::Traces;
use super::values::{Admin, Rate, address, duration, own_silence_rule, size};
use crate::intake::silence::SilenceRule;

/// The whole of `leadsync.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Everything the daemon must not lose lives here.
    pub state_dir: PathBuf,
    /// Where it can be reached.
    pub listen: Listen,
    /// What the receiver takes.
    pub intake: Intake,
    /// HTTPS sources by name; the name is part of the intake URL.
    pub sources: BTreeMap<String, HttpsSource>,
    /// When two touches are one, and two persons one lead.
    pub dedupe: Dedupe,
    /// Deliver Microsoft's own test leads too.
    pub forward_test_leads: bool,
    /// When people are told that a clock runs out.
    pub clocks: Clocks,
    /// When people are told that a source fell silent.
    pub silence: Silence,
    /// How the way is tried.
    pub canary: Canary,
    /// The database.
    pub store: StoreConfig,
    /// How long what is done with is kept.
    pub retention: Retention,
    /// What is told, and how.
    pub log: Log,
    /// Where the way of each lead is traced.
    pub traces: Traces,
    /// `[[route]]`: which leads go where. None: every lead goes everywhere.
    #[serde(rename = "route")]
    pub routes: Vec<RouteConfig>,
    /// `[tables.<name>]`: look-up tables for every mapping.
    pub tables: Tables,
}

/// Where the daemon can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Where leads arrive.
    #[schemars(with = "String")]
    pub public: SocketAddr,
    /// The address others reach `public` by, as Microsoft is told: `https://leads.contoso.example`.
    #[serde(deserialize_with = "address")]
    #[schemars(with = "Option<String>")]
    pub public_url: Option<Url>,
    /// TLS for `public`; without it a proxy stands in front.
    pub tls: Option<Tls>,
    /// The operator's own interface.
    pub admin: Admin,
    /// Where `/metrics`, `/healthz` and `/readyz` may be read as well; nothing else is there.
    pub metrics: Option<SocketAddr>,
    /// What readers of `metrics` have to show; without it only this machine may read.
    pub metrics_token: Option<SecretRef>,
}

/// A certificate and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// Where the private key is kept.
    pub key: SecretRef,
}

/// A publisher's door for pushed leads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub struct HttpsSource {
    /// The publisher it belongs to.
    #[serde(default = "default_account")]
    pub account: String,
    /// Where the secret of its URL is kept; two while one replaces the other.
    pub secrets: Vec<SecretRef>,
    /// Most leads it may send; none is no limit of its own.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// When it counts as silent, other than `[silence]` says.
    #[serde(default, deserialize_with = "own_silence_rule")]
    #[schemars(with = "Option<String>")]
    pub silence: Option<SilenceRule>,
}

/// What counts as the same.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Dedupe {
    /// The same touch again within this time of the last one is a repeat.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub window: Duration,
    /// What makes two touches one lead.
    pub by: DedupeBy,
}

/// What makes two touches one lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "snake_case")]
pub enum DedupeBy {
    /// The person.
    #[default]
    Person,
    /// The person and the offer.
    PersonAndOffer,
}

/// The database and its limits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// The database file; by default `leadsync.db` in `state_dir`.
    pub path: Option<PathBuf>,
    /// Nothing is accepted while less space is free.
    #[serde(deserialize_with = "size")]
    #[schemars(with = "connector_kit::schema::Size")]
    pub free_space_floor: u64,
    /// What unreadable bodies may take; the oldest go first.
    #[serde(deserialize_with = "size")]
    #[schemars(with = "connector_kit::schema::Size")]
    pub quarantine_max: u64,
    /// Use a file system of another machine all the same.
    pub allow_network_filesystem: bool,
}

/// What is told, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How much is told.
    pub level: LogLevel,
    /// In which form.
    pub format: LogFormat,
}

/// How much is told.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Deserialize,
    connector_kit::schema::JsonSchema,
)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what a person should look at.
    Error,
    /// And what may need a look.
    Warn,
    /// And every change of fate.
    #[default]
    Info,
    /// And how it came about.
    Debug,
}

impl LogLevel {
    /// The word a filter understands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// In which form the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, journald under systemd, else JSON.
    #[default]
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
    /// Fields of the journal.
    Journald,
}

impl Config {
    /// The database file.
    pub fn store_path(&self) -> PathBuf {
        self.store
            .path
            .clone()
            .unwrap_or_else(|| self.state_dir.join("leadsync.db"))
    }

    /// Where a connector may keep files of its own; made by the connector when it has any.
    pub fn connector_dir(&self, name: &str) -> PathBuf {
        self.state_dir.join("connectors").join(name)
    }
}

/// The main file of a config that is named by its directory, or by itself.
pub(super) fn main_file(dir_or_file: &Path) -> PathBuf {
    if dir_or_file.is_dir() {
        dir_or_file.join("leadsync.toml")
    } else {
        dir_or_file.to_owned()
    }
}

pub(super) fn default_account() -> String {
    "default".to_owned()
}

fn default_state_dir() -> PathBuf {
    PathBuf::from("/var/lib/leadsync")
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state_dir: default_state_dir(),
            listen: Listen::default(),
            intake: Intake::default(),
            sources: BTreeMap::new(),
            dedupe: Dedupe::default(),
            forward_test_leads: false,
            clocks: Clocks::default(),
            silence: Silence::default(),
            canary: Canary::default(),
            store: StoreConfig::default(),
            retention: Retention::default(),
            log: Log::default(),
            traces: Traces::default(),
            routes: Vec::new(),
            tables: Tables::new(),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            public: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_url: None,
            tls: None,
            admin: Admin::Unix(PathBuf::from("/run/leadsync/admin.sock")),
            metrics: None,
            metrics_token: None,
        }
    }
}

impl Default for Dedupe {
    fn default() -> Self {
        Self {
            window: Duration::from_hours(24),
            by: DedupeBy::default(),
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            path: None,
            free_space_floor: 256 << 20,
            quarantine_max: 64 << 20,
            allow_network_filesystem: false,
        }
    }
}
