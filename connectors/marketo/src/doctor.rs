//! Looks at everything that may be in a lead's way, in the order a lead meets it.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::http::{Clean, Fault, TransportError};
use connector_kit::{Check, ConnectorError, Doctor, ErrorKind, Health};

use crate::api::{Api, Schema};
use crate::error::Refusal;
use crate::lead::Records;
use crate::provision::ROLE;

/// A clock that is off by more than this confuses who reads times, tokens and logs.
const SKEW_SECONDS: i64 = 120;
/// With less of the quota left than this share somebody should know.
const SCARCE: u64 = 10;
/// Standard texts are at least this long; ours are as well.
const LONG_ENOUGH: usize = 255;

/// The role.
pub(crate) struct MarketoDoctor {
    pub(crate) api: Arc<Api>,
    pub(crate) records: Arc<Records>,
    /// Fields that forbid contact.
    pub(crate) marks: Vec<String>,
    /// What leads are looked up by.
    pub(crate) lookup_field: String,
    /// The status field, where outcomes are watched.
    pub(crate) status_field: Option<String>,
}

#[async_trait]
impl Doctor for MarketoDoctor {
    async fn examine(&self) -> Vec<Check> {
        let mut checks = self.network().await;
        let names = ["token", "quota", "permissions", "fields", "do-not-contact", "key"];
        if checks.iter().any(|check| check.health == Health::Ill) {
            checks.extend(
                names.map(|name| Check::unknown(name, "not looked at: the instance was not reached")),
            );
            return checks;
        }
        if let Err(error) = self.api.wire.tokens.bearer().await {
            checks.push(ill("token", &error));
            checks.extend(
                names[1..]
                    .iter()
                    .map(|name| Check::unknown(name, "not looked at: there is no token")),
            );
            return checks;
        }
        checks.push(Check::well("token", "the API user is let in"));
        checks.push(self.quota().await);
        let schema = self.api.describe().await;
        checks.push(self.permissions(schema.as_ref().err()).await);
        match schema {
            Ok(schema) => checks.extend([
                self.fields(&schema),
                self.do_not_contact(&schema),
                self.key(&schema),
            ]),
            Err(_) => {
                checks.extend(
                    names[3..]
                        .iter()
                        .map(|name| Check::unknown(name, "not looked at: the fields are not known")),
                );
            }
        }
        checks
    }
}

impl MarketoDoctor {
    /// Name, connection, certificate and clock, all by one request without a token.
    async fn network(&self) -> Vec<Check> {
        let host = self.api.wire.base.host_str().unwrap_or_default().to_owned();
        let date = match self.api.wire.knock().await {
            Ok(date) => date,
            Err(error) => return unreached(&host, &error),
        };
        let plain = self.api.wire.base.scheme() == "http";
        let tls = if plain {
            "no TLS: plain http"
        } else {
            "the certificate is valid"
        };
        let now = self.api.wire.clock.now();
        let clock = match date.map(|date| (date - now).num_seconds()) {
            None => Check::unknown("clock", "the instance does not tell the time"),
            Some(skew) if skew.abs() <= SKEW_SECONDS => Check::well("clock", format!("{skew} s apart")),
            Some(skew) => Check::ailing(
                "clock",
                format!("this machine is {skew} s behind the instance"),
                "let this machine keep its time (timedatectl set-ntp true)",
            ),
        };
        vec![
            Check::well("dns", format!("{host} is found")),
            Check::well("tls", tls),
            clock,
        ]
    }

    async fn quota(&self) -> Check {
        match self.api.look_at_quota().await {
            Ok(quota) if quota.left * SCARCE < quota.granted => Check::ailing(
                "quota",
                format!("{} of {} calls left today", quota.left, quota.granted),
                "the other integrations of the instance use most of it: look at Admin, Web Services; or correct daily_quota",
            ),
            Ok(quota) => Check::well(
                "quota",
                format!("{} of {} calls left today", quota.left, quota.granted),
            ),
            Err(refusal) => Check::unknown("quota", refusal.error.to_string()),
        }
    }

    async fn permissions(&self, describing: Option<&Refusal>) -> Check {
        if let Some(refusal) = describing {
            return lacking(ROLE[0], refusal);
        }
        if self.status_field.is_none() {
            return Check::well("permissions", "leads may be described");
        }
        match self.api.paging_token(self.api.wire.clock.now()).await {
            Ok(_) => Check::well("permissions", "leads may be described and changes read"),
            Err(refusal) => lacking(ROLE[1], &refusal),
        }
    }

    fn fields(&self, schema: &Schema) -> Check {
        let mut faults = Vec::new();
        for name in self.records.targets().chain(self.status_field.as_deref()) {
            let fault = match schema.field(name) {
                None => "does not exist",
                Some(field) if !field.updateable && Some(name) != self.status_field.as_deref() => {
                    "cannot be written"
                }
                Some(field) if is_short(field.length, &field.data_type) => "is shorter than 255 characters",
                Some(_) => continue,
            };
            faults.push(format!("{} {fault}", Clean(name)));
        }
        if faults.is_empty() {
            return Check::well("fields", "every field of the mapping exists and can be written");
        }
        Check::ill(
            "fields",
            faults.join("; "),
            "`leadsync provision --apply`, or correct [mapping]; a short field needs max_length and on_overflow = \"truncate\"",
        )
    }

    fn do_not_contact(&self, schema: &Schema) -> Check {
        let is_there = |name: &&String| schema.field(name).is_some_and(|field| field.updateable);
        let there: Vec<&str> = self.marks.iter().filter(is_there).map(String::as_str).collect();
        if there.is_empty() {
            Check::ill(
                "do-not-contact",
                "none of the fields in do_not_contact can be written",
                "name a field in do_not_contact that exists",
            )
        } else {
            Check::well("do-not-contact", format!("{} will be set", there.join(" and ")))
        }
    }

    fn key(&self, schema: &Schema) -> Check {
        let wanted = [Some(&self.lookup_field), self.records.lead_key.as_ref()];
        let unfit = wanted
            .into_iter()
            .flatten()
            .find(|name| !schema.searchable.contains(name));
        match unfit {
            None => Check::well(
                "key",
                format!("leads can be looked up by {}", Clean(&self.lookup_field)),
            ),
            Some(name) => Check::ill(
                "key",
                format!("leads cannot be looked up by {}", Clean(name)),
                "ask Marketo support to make the field searchable, or look leads up by another",
            ),
        }
    }
}

fn is_short(length: Option<usize>, data_type: &str) -> bool {
    data_type == "string" && length.is_some_and(|length| length < LONG_ENOUGH)
}

fn unreached(host: &str, error: &TransportError) -> Vec<Check> {
    let (name, remedy) = match error.fault {
        Fault::Dns => ("dns", "correct base_url, or this machine's name servers"),
        Fault::Certificate | Fault::Identity => ("tls", "name the issuer of a proxy on the way in ca_file"),
        Fault::Forbidden => ("dns", "name the network in allow_private_targets"),
        _ => (
            "tls",
            "let this machine reach the instance on port 443, or name a proxy",
        ),
    };
    let found = format!("{host}: {}", error.message);
    let sick = Check::ill(name, found, remedy);
    if name == "dns" {
        vec![
            sick,
            Check::unknown("tls", "not looked at"),
            Check::unknown("clock", "not looked at"),
        ]
    } else {
        vec![
            Check::well("dns", format!("{host} is found")),
            sick,
            Check::unknown("clock", "not looked at"),
        ]
    }
}

fn ill(name: &'static str, error: &ConnectorError) -> Check {
    let remedy = error
        .hint_text()
        .unwrap_or("look at client_id, client_secret and base_url");
    Check::ill(name, error.to_string(), remedy)
}

fn lacking(permission: &str, refusal: &Refusal) -> Check {
    if refusal.error.kind() != ErrorKind::Unauthorized {
        return Check::unknown("permissions", refusal.error.to_string());
    }
    Check::ill(
        "permissions",
        refusal.error.to_string(),
        format!("give the API user's role {permission}, and this machine a place on the IP allow list"),
    )
}
