//! What the instance holds of our leads, asked for by our id.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{Batch, Census, Checkpoint, ConnectorError, Held, HeldState, RecordRef, Sought};
use serde_json::Value;

use crate::api::{Api, Fields, PER_CALL};

/// Counts people.
pub(crate) struct PeopleCensus {
    pub(crate) api: Arc<Api>,
    /// The field of our id.
    pub(crate) lead_key: String,
    /// The field that holds the revision, where the mapping writes one.
    pub(crate) revision: Option<String>,
}

impl PeopleCensus {
    fn held(&self, person: &Fields) -> Option<Held> {
        let text = |name: &str| person.get(name).and_then(Value::as_str).map(str::to_owned);
        let revision = self.revision.as_ref().and_then(|name| person.get(name));
        let revision = revision.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
        Some(Held {
            key: text(&self.lead_key)?,
            record: RecordRef(person.get("id")?.as_u64()?.to_string()),
            state: HeldState::Open,
            revision: revision.and_then(|number| u32::try_from(number).ok()),
            person: text("email").map(|email| email.to_lowercase()),
        })
    }
}

#[async_trait]
impl Census for PeopleCensus {
    fn at_once(&self) -> usize {
        PER_CALL
    }

    async fn find(&self, sought: &[Sought]) -> Result<Vec<Held>, ConnectorError> {
        let keys: Vec<String> = sought.iter().map(|one| one.lead.to_string()).collect();
        let mut shown = vec!["id", "email", self.lead_key.as_str()];
        shown.extend(self.revision.as_deref());
        let found = self.api.find(&self.lead_key, &keys, &shown).await;
        let found = found.map_err(|refusal| refusal.error)?;
        Ok(found.iter().filter_map(|person| self.held(person)).collect())
    }

    fn unlisted(&self) -> Option<&'static str> {
        Some(
            "Marketo lists nobody by a field of ours, so people with a key the ledger does not know stay unseen",
        )
    }

    async fn list(&self, _: DateTime<Utc>, _: Option<&Checkpoint>) -> Result<Batch<Held>, ConnectorError> {
        Ok(Batch {
            items: Vec::new(),
            next: None,
            more: false,
        })
    }
}
