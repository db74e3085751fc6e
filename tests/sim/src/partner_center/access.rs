//! Who may: signed-in users with a role, at the host their token was made for (contract partner-center 2.1).

use std::sync::Arc;

use http::HeaderMap;
use serde_json::Value;

use crate::entra::{Bearer, Entra};

use super::answer::Refusal;
use super::store::Record;

/// A user with a role.
pub(super) struct Caller {
    user: Arc<str>,
    /// Sees everything, not only where they are on the team.
    admin: bool,
}

impl Caller {
    pub(super) fn sees(&self, record: &Record) -> bool {
        self.admin || self.is_on(&record.value["team"])
    }

    fn is_on(&self, team: &Value) -> bool {
        let members = team.as_array().map(Vec::as_slice).unwrap_or_default();
        members.iter().any(|member| {
            member["email"]
                .as_str()
                .is_some_and(|email| email.eq_ignore_ascii_case(&self.user))
        })
    }
}

/// Whoever shows a living token for this audience.
pub(super) fn bearer(entra: &Entra, headers: &HeaderMap, audience: &str) -> Result<Bearer, Refusal> {
    headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .and_then(|token| entra.bearer(token, audience))
        .ok_or_else(Refusal::unauthenticated)
}

/// The user who may work with referrals.
pub(super) fn caller(entra: &Entra, headers: &HeaderMap, audience: &str) -> Result<Caller, Refusal> {
    let bearer = bearer(entra, headers, audience)?;
    let admin = bearer.has("Referrals admin");
    let may = admin || bearer.has("Referrals user");
    match bearer.user {
        None => Err(Refusal::denied(
            "An application alone has no access; a user has to sign in.",
        )),
        Some(_) if !may => Err(Refusal::denied("The user has no role for referrals.")),
        Some(user) => Ok(Caller { user, admin }),
    }
}
