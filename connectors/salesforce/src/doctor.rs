//! Looks at everything that may be in a lead's way, in the order a lead meets it.

mod schema;

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::readiness::any_ill;
use connector_kit::{Check, ConnectorSettings, Doctor, Role};
use serde_json::Value;

use crate::api::{Api, Version};
use crate::config::{DuplicateRule, Settings};
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
        checks.extend(self.api.look_at_the_way().await);
        if any_ill(checks) {
            return;
        }
        match self.api.versions().await {
            Ok(versions) => checks.push(self.version(&versions)),
            Err(failure) => return checks.push(Check::of_error("version", &failure.error)),
        }
        let (token, granted) = self.api.look_at_the_token().await;
        checks.push(token);
        let Some(granted) = granted else { return };
        checks.push(scopes(granted.members.get("scope").map_or("", String::as_str)));
        let lead = match self.api.describe("Lead").await {
            Ok(lead) => lead,
            Err(error) => return checks.push(Check::of_error("access", &error)),
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
                let count = page.records.len();
                let found = format!(
                    "{count} duplicate rules watch leads; {}",
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
