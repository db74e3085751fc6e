//! What is kept of a sign-in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use super::Delegated;
use crate::error::{ConnectorError, ErrorKind};
use crate::secret::Secret;
use crate::vault::RecordName;

/// Where in the vault.
pub(super) const NAME: RecordName = RecordName::new("sign-in");

/// The sign-in of one person for one app.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// Whose it is: another app cannot use it.
    pub(super) client_id: String,
    /// Where it is used.
    pub(super) token_url: Url,
    pub(super) refresh_token: Kept,
    /// The one before: tried once when the newest is not taken.
    #[serde(default)]
    pub(super) former: Option<Kept>,
    /// When a person signed in.
    pub(super) obtained_at: DateTime<Utc>,
    /// When it was used last.
    pub(super) renewed_at: DateTime<Utc>,
    /// Since when it is refused.
    #[serde(default)]
    pub(super) refused_at: Option<DateTime<Utc>>,
    /// Who signed in, for the operator's eyes.
    #[serde(default)]
    pub(super) user: Option<Kept>,
}

/// A secret that may be written, for it is written into the vault alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Kept(#[serde(with = "exposed")] pub(super) Secret);

impl Record {
    /// What a person's sign-in gave.
    pub(super) fn new(
        by: &Delegated,
        refresh_token: Secret,
        user: Option<Secret>,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            client_id: by.client_id.clone(),
            token_url: by.token_url.clone(),
            refresh_token: Kept(refresh_token),
            former: None,
            obtained_at: now,
            renewed_at: now,
            refused_at: None,
            user: user.map(Kept),
        }
    }

    /// It was used: with `newest`, where the endpoint gave another one.
    pub(super) fn renew(&mut self, used: Secret, newest: Option<Secret>, now: DateTime<Utc>) {
        let newest = newest.unwrap_or_else(|| used.clone());
        if newest.expose() != used.expose() {
            self.former = Some(Kept(used));
        }
        self.refresh_token = Kept(newest);
        self.renewed_at = now;
        self.refused_at = None;
    }

    /// The app's own, and for the authority it is shown to.
    pub(super) fn belongs_to(&self, app: &Delegated) -> bool {
        self.client_id == app.client_id && self.token_url.origin() == app.token_url.origin()
    }

    /// The record, unless it is another app's: then it is shown to nobody.
    pub(super) fn checked(
        kept: Option<Self>,
        app: &Delegated,
        connector: &str,
    ) -> Result<Self, ConnectorError> {
        let refused = |why: String| {
            ConnectorError::new(
                ErrorKind::Unauthorized,
                format!("use the sign-in of {connector}: {why}"),
            )
            .hint(format!("run leadsync authorize {connector}, then release"))
        };
        let Some(kept) = kept else {
            return Err(refused("nobody has signed in yet".into()));
        };
        if kept.client_id != app.client_id {
            return Err(refused(format!(
                "it was made for the app {}, the config names {}",
                kept.client_id, app.client_id
            )));
        }
        if !kept.belongs_to(app) {
            return Err(refused(format!(
                "it was made at {}, the config names {}",
                kept.token_url.host_str().unwrap_or_default(),
                app.token_url.host_str().unwrap_or_default()
            )));
        }
        Ok(kept)
    }
}

/// Secrets as text: only ever into a buffer that is sealed and wiped.
mod exposed {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::secret::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}
