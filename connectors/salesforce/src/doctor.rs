//! Looks at everything that may be in a lead's way, in the order a lead meets it.

mod schema;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::http::Fault;
use connector_kit::{Check, ConnectorError, ConnectorSettings, Doctor, Role};
use serde_json::Value;

use crate::api::{Api, Version};
use crate::config::{DuplicateRule, Settings};
use crate::connection::Failure;
use crate::mapping::Shape;
use crate::outcomes::Watch;

/// Everything looked at, in order; what cannot be looked at is told, too.
const NAMES: [&str; 15] = [
    "dns",
    "connection",
    "tls",
    "clock",
    "version",
    "token",
    "scopes",
    "access",
    "quota",
    "key",
    "fields",
    "values",
    "do-not-contact",
    "duplicates",
    "statuses",
];
/// An assertion lives three minutes.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// The role.
pub(crate) struct Examiner {
    api: Arc<Api>,
    shape: Arc<Shape>,
    watch: Arc<Watch>,
    watches: bool,
    duplicate_rule: DuplicateRule,
}

impl Examiner {
    pub(crate) fn new(
        api: &Arc<Api>,
        shape: &Arc<Shape>,
        watch: &Arc<Watch>,
        settings: &Settings,
        written: &ConnectorSettings,
    ) -> Self {
        Self {
            api: Arc::clone(api),
            shape: Arc::clone(shape),
            watch: Arc::clone(watch),
            watches: written.roles.contains(&Role::OutcomeSource),
            duplicate_rule: settings.duplicate_rule,
        }
    }

    /// As far as it goes; the first illness that hides the rest ends it.
    async fn look(&self, checks: &mut Vec<Check>) {
        match self.api.versions().await {
            Ok((versions, at)) => {
                checks.extend([
                    Check::well("dns", "the name is resolved"),
                    Check::well("connection", "the organisation answers"),
                    self.tls(),
                    self.clock(at),
                    self.version(&versions),
                ]);
            }
            Err(failure) => return checks.extend(unreached(&failure)),
        }
        let pass = match self.api.pass().await {
            Ok(pass) => pass,
            Err(error) => return checks.push(ill("token", &error)),
        };
        let user = pass.user.as_deref().unwrap_or("a user it does not name");
        checks.push(Check::well(
            "token",
            format!(
                "granted for {user} at {}",
                pass.base.host_str().unwrap_or_default()
            ),
        ));
        checks.push(scopes(&pass.scope));
        let lead = match self.api.describe("Lead").await {
            Ok(lead) => lead,
            Err(error) => return checks.push(ill("access", &error)),
        };
        checks.push(schema::access(&lead));
        checks.push(self.quota().await);
        checks.push(self.key(&lead));
        checks.push(self.fields(&lead));
        checks.push(self.values(&lead));
        checks.push(self.flags(&lead));
        checks.push(self.duplicates().await);
        if self.watches {
            checks.push(self.statuses(&lead));
        }
    }

    async fn duplicates(&self) -> Check {
        let soql = "SELECT Id FROM DuplicateRule WHERE SobjectType = 'Lead' AND IsActive = true";
        match self.api.query::<Value>(soql, "look up duplicate rules").await {
            Ok(page) if page.records.is_empty() => {
                Check::well("duplicates", "no duplicate rule watches leads")
            }
            Ok(page) => {
                let found = format!(
                    "{} duplicate rules watch leads; {}",
                    page.records.len(),
                    self.duplicate_rule.words()
                );
                Check::well("duplicates", found)
            }
            Err(_) => Check::unknown(
                "duplicates",
                "the integration user may not look at duplicate rules",
            ),
        }
    }

    fn tls(&self) -> Check {
        if self.api.is_plain() {
            return Check::ailing("tls", "plain http", "use https:// outside of tests");
        }
        Check::well("tls", "the certificate is valid for us")
    }

    fn clock(&self, theirs: Option<DateTime<Utc>>) -> Check {
        let Some(theirs) = theirs else {
            return Check::unknown("clock", "the answer does not tell the time");
        };
        let skew = self.api.clock.now() - theirs;
        if skew.abs() <= SKEW {
            return Check::well("clock", "our clock and theirs agree");
        }
        let found = format!(
            "our clock is {} s {}",
            skew.num_seconds().abs(),
            if skew < TimeDelta::zero() {
                "behind"
            } else {
                "ahead"
            }
        );
        Check::ailing(
            "clock",
            found,
            "synchronise this machine's clock (timedatectl set-ntp true)",
        )
    }

    fn version(&self, versions: &[Version]) -> Check {
        let own = self.api.version();
        if versions.iter().any(|version| version.version == own) {
            return Check::well("version", format!("the organisation speaks v{own}"));
        }
        let newest = versions.last().map_or("none", |version| version.version.as_str());
        let found = format!("the organisation does not speak v{own}; its newest is {newest}");
        Check::ill("version", found, "set api_version to one it speaks")
    }

    async fn quota(&self) -> Check {
        let told = self.api.limits().await;
        let daily = told
            .as_ref()
            .ok()
            .and_then(|limits| limits.get("DailyApiRequests"));
        let number = |name: &str| daily.and_then(|daily| daily.get(name)).and_then(Value::as_u64);
        let header = self.api.calls().quota();
        let granted = number("Max").or(header.map(|quota| quota.granted));
        let left = number("Remaining").or(header.map(|quota| quota.left));
        let (Some(granted), Some(left)) = (granted, left) else {
            return Check::unknown(
                "quota",
                "the organisation does not tell how many API calls are left",
            );
        };
        let found = format!("{left} of {granted} API calls of 24 hours are left");
        let storage = told
            .as_ref()
            .ok()
            .and_then(|limits| limits.pointer("/DataStorageMB/Remaining")?.as_i64());
        if storage.is_some_and(|left| left <= 0) {
            return Check::ill(
                "quota",
                format!("{found}; the data storage is full"),
                "make room in the organisation",
            );
        }
        match left {
            0 => Check::ill(
                "quota",
                found,
                "wait, or find out what uses them (Setup, System Overview)",
            ),
            left if left < granted / 5 => {
                Check::ailing("quota", found, "find out what uses them (Setup, System Overview)")
            }
            _ => Check::well("quota", found),
        }
    }
}

#[async_trait]
impl Doctor for Examiner {
    async fn examine(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        self.look(&mut checks).await;
        let names = NAMES.iter().filter(|name| self.watches || **name != "statuses");
        let left: Vec<&str> = names
            .filter(|name| checks.iter().all(|check| check.name != **name))
            .copied()
            .collect();
        checks.extend(
            left.into_iter()
                .map(|name| Check::unknown(name, "not looked at: something before it failed")),
        );
        checks
    }
}

/// Which part of the way is broken.
fn unreached(failure: &Failure) -> Vec<Check> {
    let name = match failure.broken {
        Some(Fault::Dns) => "dns",
        Some(Fault::Certificate | Fault::Identity) => "tls",
        _ => "connection",
    };
    let mut checks = Vec::new();
    for passed in ["dns", "connection"].iter().take_while(|passed| **passed != name) {
        checks.push(Check::well(passed, "so far it works"));
    }
    checks.push(ill(name, &failure.error));
    checks
}

fn ill(name: &'static str, error: &ConnectorError) -> Check {
    let remedy = error
        .hint_text()
        .unwrap_or("check instance_url, and that this machine reaches it");
    Check::ill(name, error.to_string(), remedy)
}

fn scopes(scope: &str) -> Check {
    let has = |wanted: &str| scope.split_whitespace().any(|one| one == wanted);
    if scope.is_empty() {
        return Check::unknown("scopes", "the token does not tell its scopes");
    }
    if has("api") || has("full") {
        return Check::well("scopes", "api");
    }
    let remedy = "add the scope \"Manage user data via APIs (api)\" to the app";
    Check::ill("scopes", format!("the token has {scope}, not api"), remedy)
}
