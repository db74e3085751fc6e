//! Looks at everything that may be in a lead's way, in the order a lead meets it.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::http::Clean;
use connector_kit::readiness::{self, Way, any_ill};
use connector_kit::{Check, Doctor, ErrorKind};

use crate::api::{Api, Schema};
use crate::error::Refusal;
use crate::lead::Records;
use crate::provision::ROLE;

/// What is looked at once the way there is open.
const LATER: [&str; 6] = ["token", "quota", "permissions", "fields", "do-not-contact", "key"];
/// With less of the quota left than one part in so many, somebody should know.
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
        let wire = &self.api.wire;
        let mut checks = Way::new(wire.transport.as_ref(), wire.clock.as_ref())
            .look(&wire.base)
            .await;
        if !any_ill(&checks) {
            self.inside(&mut checks).await;
        }
        // What comes after a locked door cannot be looked at.
        let unseen = LATER
            .into_iter()
            .filter(|name| checks.iter().all(|check| check.name != *name));
        let unseen: Vec<Check> = unseen
            .map(|name| Check::unknown(name, "not looked at: something before it failed"))
            .collect();
        checks.extend(unseen);
        checks
    }
}

impl MarketoDoctor {
    async fn inside(&self, checks: &mut Vec<Check>) {
        let (check, granted) = readiness::token(&self.api.wire.tokens).await;
        checks.push(check);
        if granted.is_none() {
            return;
        }
        checks.push(self.quota().await);
        match self.api.describe().await {
            Err(refusal) => checks.push(lacking(ROLE[0], &refusal)),
            Ok(schema) => {
                checks.push(self.permissions().await);
                checks.extend([
                    self.fields(&schema),
                    self.do_not_contact(&schema),
                    self.key(&schema),
                ]);
            }
        }
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

    async fn permissions(&self) -> Check {
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

fn lacking(permission: &str, refusal: &Refusal) -> Check {
    if refusal.error.kind() != ErrorKind::Unauthorized {
        return Check::of_error("permissions", &refusal.error);
    }
    Check::ill(
        "permissions",
        refusal.error.to_string(),
        format!("give the API user's role {permission}, and this machine a place on the IP allow list"),
    )
}
