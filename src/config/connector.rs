//! `connectors.d/<name>.toml`: one outside system.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::mapping::{FieldRule, Tables};
use connector_kit::{ConnectorSettings, Role};
use serde::Deserialize;

use super::daemon::default_account;
use super::report::Report;
use super::values::{Rate, count, duration, durations, own_silence_rule, time_of_day};
use crate::intake::silence::SilenceRule;

/// One file of `connectors.d`.
#[derive(Clone, Debug, PartialEq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub struct ConnectorFile {
    /// The name in logs and commands: the file's stem.
    #[serde(skip)]
    pub name: String,
    /// Where it was read.
    #[serde(skip)]
    pub path: PathBuf,
    /// Which crate speaks to the system.
    pub kind: String,
    /// What it is used as.
    pub roles: Vec<Role>,
    /// The publisher it belongs to.
    #[serde(default = "default_account")]
    pub account: String,
    /// Most calls.
    #[serde(default = "default_rate")]
    pub rate: Rate,
    /// Most calls at the same time.
    #[serde(default = "default_concurrency", deserialize_with = "count")]
    #[schemars(range(min = 1))]
    pub concurrency: usize,
    /// What a day may cost; absent: as many calls as the rate allows.
    #[serde(default)]
    pub budget: Option<Budget>,
    /// When a delivery is tried again.
    #[serde(default)]
    pub retry: Retry,
    /// How long an unreachable or throttling system is left alone.
    #[serde(default)]
    pub hold: Hold,
    /// A delivery belongs to one worker for this long.
    #[serde(default = "default_lease", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub lease: Duration,
    /// How often a source is asked.
    #[serde(default = "default_poll_every", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub poll_every: Duration,
    /// When a source counts as silent, other than `[silence]` says.
    #[serde(default, deserialize_with = "own_silence_rule")]
    #[schemars(with = "Option<String>")]
    pub silence: Option<SilenceRule>,
    /// How often a CRM is asked what became of leads.
    #[serde(default = "default_watch_every", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub watch_every: Duration,
    /// How outcomes are reported to it.
    #[serde(default)]
    pub report: Option<Report>,
    /// Read by the connector's crate.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub settings: toml::Table,
    /// Target field -> rule; empty is the connector's shipped mapping.
    #[serde(default)]
    pub mapping: BTreeMap<String, FieldRule>,
    /// Look-up tables for this mapping, before those of the main file.
    #[serde(default)]
    pub tables: Tables,
}

/// How many calls a day may cost.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Every request the system counts, looks for outcomes included.
    pub calls_per_day: NonZeroU32,
    /// This fraction of them is kept for hot and new leads.
    #[serde(default = "default_reserve")]
    pub reserve: f64,
    /// When the system's day begins, since midnight UTC.
    #[serde(default, deserialize_with = "time_of_day")]
    #[schemars(with = "connector_kit::schema::TimeOfDay")]
    pub day_starts: TimeDelta,
}

/// When a delivery is tried again after a failure of its own.
#[derive(Clone, Debug, PartialEq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// The waits, one per attempt that failed; after the last the delivery is a dead letter.
    #[serde(deserialize_with = "durations")]
    #[schemars(with = "Vec<connector_kit::schema::Span>")]
    pub schedule: Vec<Duration>,
    /// Each wait is longer or shorter by up to this fraction.
    pub jitter: f64,
}

/// How long a system that cannot be reached is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Hold {
    /// After the first failure.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub first: Duration,
    /// At most.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub max: Duration,
}

impl ConnectorFile {
    /// What the connector's crate is given. `shared` are the tables of the main file.
    pub fn connector_settings(&self, shared: &Tables) -> ConnectorSettings {
        ConnectorSettings {
            roles: self.roles.clone(),
            settings: self.settings.clone(),
            mapping: self.mapping.clone(),
            tables: self.all_tables(shared),
        }
    }

    /// Its own tables and the shared ones; its own win.
    pub(super) fn all_tables(&self, shared: &Tables) -> Tables {
        let mut tables = shared.clone();
        tables.extend(self.tables.clone());
        tables
    }
}

fn default_rate() -> Rate {
    Rate::of(5, 10)
}

fn default_reserve() -> f64 {
    0.2
}

fn default_concurrency() -> usize {
    2
}

fn default_lease() -> Duration {
    Duration::from_mins(2)
}

fn default_poll_every() -> Duration {
    Duration::from_mins(1)
}

fn default_watch_every() -> Duration {
    Duration::from_secs(30)
}

/// Five seconds, then minutes, then hours: most faults are over soon, some only after a working day.
fn default_schedule() -> Vec<Duration> {
    let hour = 60 * 60;
    [5, 5 * 60, 30 * 60, 2 * hour, 5 * hour, 10 * hour, 10 * hour]
        .map(Duration::from_secs)
        .to_vec()
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            schedule: default_schedule(),
            jitter: 0.1,
        }
    }
}

impl Default for Hold {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(5),
            max: Duration::from_mins(1),
        }
    }
}
