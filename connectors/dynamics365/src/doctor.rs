//! Looks at everything in a lead's way, in the order a lead meets it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::http::{Clean, Response};
use connector_kit::readiness::{self, Way, any_ill};
use connector_kit::{Check, Doctor};
use url::Url;

use crate::api::Dataverse;
use crate::config::{Bulk, Follow};
use crate::error::Failure;
use crate::metadata::ColumnFacts;
use crate::operation::Operation;
use crate::provision::lacks;
use crate::wanted::Wanted;
use crate::ways;

/// What is looked at once the way there is known to be open.
const LATER: [&str; 8] = [
    "token",
    "user",
    "quota",
    "rights",
    "fields",
    "key",
    "bulk",
    "change-tracking",
];

/// The table of currencies, which leads and outcomes can do without.
const CURRENCIES: &str = "transactioncurrencies";

/// A look at one environment.
pub(crate) struct LeadDoctor {
    /// Where.
    pub dataverse: Arc<Dataverse>,
    /// What leads need; empty where none are sent.
    pub wanted: Vec<Wanted>,
    /// Tables whose changes are followed.
    pub followed: Vec<&'static str>,
    /// How they are.
    pub follow: Follow,
    /// We sign assertions, which a wrong clock spoils.
    pub signs: bool,
    /// The way many leads are to go.
    pub bulk: Bulk,
}

#[async_trait]
impl Doctor for LeadDoctor {
    async fn examine(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        // What comes after a locked door cannot be looked at.
        let open = self.way_there(&mut checks).await && self.way_in(&mut checks).await;
        if !open {
            let seen = |name: &&str| checks.iter().any(|check| check.name == *name);
            let rest = LATER.into_iter().skip_while(seen);
            let unseen = rest.map(|name| Check::unknown(name, "not looked at: the way in is closed"));
            let unseen: Vec<_> = unseen.collect();
            checks.extend(unseen);
            return checks;
        }
        checks.push(self.rights().await);
        if !self.wanted.is_empty() {
            checks.push(self.fields().await);
            checks.push(self.key().await);
            checks.push(self.bulk().await);
        }
        if !self.followed.is_empty() {
            checks.push(self.tracking().await);
        }
        checks
    }
}

impl LeadDoctor {
    /// Name, door, certificate and clock; anybody may knock.
    async fn way_there(&self, checks: &mut Vec<Check>) -> bool {
        let Ok(url) = Url::parse(&format!(
            "{}{}/WhoAmI",
            self.dataverse.origin, self.dataverse.base
        )) else {
            return false;
        };
        self.dataverse.calls.note();
        let way = Way::new(self.dataverse.transport.as_ref(), self.dataverse.clock.as_ref());
        let way = if self.signs { way.for_assertions() } else { way };
        checks.extend(way.look(&url).await);
        !any_ill(checks)
    }

    /// Token and application user.
    async fn way_in(&self, checks: &mut Vec<Check>) -> bool {
        let (check, granted) = readiness::token(&self.dataverse.tokens).await;
        checks.push(check);
        if granted.is_none() {
            return false;
        }
        match self
            .dataverse
            .send(&Operation::get("WhoAmI"), "ask who we are")
            .await
        {
            Err(failure) => {
                checks.push(Check::of_error("user", &failure.into_error("ask who we are")));
                false
            }
            Ok(answer) => {
                checks.push(Check::well(
                    "user",
                    format!("the environment knows us{}", user(&answer)),
                ));
                checks.push(Check::well("quota", quota(&answer)));
                true
            }
        }
    }

    /// What may be read. That leads may be written shows with the first one: a look changes nothing.
    async fn rights(&self) -> Check {
        let mut tables = vec!["leads"];
        if !self.followed.is_empty() {
            tables.push("opportunities");
        }
        tables.push(CURRENCIES);
        for table in &tables {
            let doing = format!("read {table}");
            let look = Operation::get(format!("{table}?$top=1&$select=modifiedon"));
            let Err(failure) = self.dataverse.send(&look, &doing).await else {
                continue;
            };
            let check = Check::of_error("rights", &failure.into_error(&doing));
            if *table == CURRENCIES {
                let found = format!(
                    "{}: values of deals come without a currency, or not at all",
                    check.found
                );
                return Check::ailing("rights", found, check.remedy);
            }
            return check;
        }
        Check::well("rights", format!("{} can be read", tables.join(", ")))
    }

    async fn fields(&self) -> Check {
        let facts = match self.dataverse.columns().await {
            Ok(facts) => facts,
            Err(failure) => return unseen("fields", failure),
        };
        let faults = |for_referrals: bool| -> Vec<String> {
            let columns = self.wanted.iter();
            let columns = columns.filter(|column| column.for_referrals == for_referrals);
            columns.filter_map(|column| fault(column, &facts)).collect()
        };
        let (now, later) = (faults(false), faults(true));
        let remedy = "run `leadsync provision`, or correct the mapping";
        if !now.is_empty() {
            return Check::ill("fields", [now, later].concat().join("; "), remedy);
        }
        if !later.is_empty() {
            let found = format!("only leads with a referral miss them: {}", later.join("; "));
            return Check::ailing("fields", found, remedy);
        }
        Check::well(
            "fields",
            format!(
                "{} columns are there, writable and long enough",
                self.wanted.len()
            ),
        )
    }

    async fn key(&self) -> Check {
        let column = self.dataverse.key.column();
        match self.dataverse.our_key().await {
            Err(failure) => unseen("key", failure),
            Ok(None) => Check::ill(
                "key",
                format!("there is no alternate key on {column}"),
                "run `leadsync provision`",
            ),
            Ok(Some(key)) if key.entity_key_index_status == "Active" => {
                Check::well("key", format!("the alternate key {} is active", key.logical_name))
            }
            Ok(Some(key)) => Check::ill(
                "key",
                format!(
                    "the alternate key {} is {}",
                    key.logical_name,
                    Clean(&key.entity_key_index_status)
                ),
                if key.entity_key_index_status == "Failed" {
                    "clear values that are there twice, then call ReactivateEntityKey"
                } else {
                    "wait: its index is being built"
                },
            ),
        }
    }

    async fn bulk(&self) -> Check {
        if self.bulk == Bulk::Batch {
            return Check::well("bulk", "many leads go by $batch, as configured");
        }
        match (ways::ask(&self.dataverse).await, self.bulk) {
            (Err(failure), _) => unseen("bulk", failure),
            (Ok(true), _) => Check::well("bulk", "many leads go by UpsertMultiple"),
            (Ok(false), Bulk::UpsertMultiple) => Check::ailing(
                "bulk",
                "the lead table is not known to have UpsertMultiple",
                "set bulk = \"auto\", or let the role read SdkMessageFilter",
            ),
            (Ok(false), _) => Check::well("bulk", "many leads go by $batch: UpsertMultiple is not there"),
        }
    }

    async fn tracking(&self) -> Check {
        let name = "change-tracking";
        if self.follow == Follow::Modified {
            return Check::ailing(
                name,
                "changes are found by time",
                "deletions are not seen this way",
            );
        }
        let mut off = Vec::new();
        for table in &self.followed {
            match self.dataverse.tracking(table).await {
                Err(failure) => return unseen(name, failure),
                Ok(tracking) if !tracking.enabled => off.push(*table),
                Ok(_) => {}
            }
        }
        if off.is_empty() {
            return Check::well(name, format!("{} are tracked", self.followed.join(" and ")));
        }
        Check::ill(
            name,
            format!("not tracked: {}", off.join(", ")),
            "set outcomes.enable_change_tracking = true and run `leadsync provision` (it cannot be switched off \
             again), or set outcomes.follow = \"modified\"",
        )
    }
}

/// What is wrong with a column, in words.
fn fault(column: &Wanted, facts: &BTreeMap<String, ColumnFacts>) -> Option<String> {
    let fault = match facts.get(&column.name) {
        None => Some("it is not there".to_owned()),
        Some(facts) => lacks(column, facts),
    };
    fault.map(|fault| format!("{}: {fault}", column.name))
}

/// Rights to look are not the rights to deliver.
fn unseen(name: &'static str, failure: Failure) -> Check {
    let denied = matches!(&failure, Failure::Refused(refusal) if refusal.status == 403);
    let error = failure.into_error(&format!("look at the {name}"));
    if denied {
        return Check::unknown(name, format!("{error}: our role may not look"));
    }
    Check::of_error(name, &error)
}

/// The user's id: what an administrator looks for.
fn user(answer: &Response) -> String {
    let said: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    said["UserId"]
        .as_str()
        .map_or_else(String::new, |id| format!(" as user {}", Clean(id)))
}

/// Told as it is: the limits are per server and window, so nothing is steered by them.
fn quota(answer: &Response) -> String {
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let parallel = match header("x-ms-dop-hint") {
        Some(hint) => format!("Dataverse recommends {} requests at a time", Clean(hint)),
        None => "Dataverse recommends no number of requests at a time".to_owned(),
    };
    match header("x-ms-ratelimit-burst-remaining-xrm-requests") {
        Some(left) => format!("{parallel}, {} of this server's window are left", Clean(left)),
        None => parallel,
    }
}
