//! A canary is deleted, after a look whether it is one.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::{Canary, ConnectorError, Withdraw, Withdrawn};
use serde_json::Value;

use crate::api::Api;
use crate::lead::{EMAIL, Records};

/// The role.
pub(crate) struct LeadWithdrawal {
    pub(crate) api: Arc<Api>,
    pub(crate) records: Arc<Records>,
}

#[async_trait]
impl Withdraw for LeadWithdrawal {
    async fn withdraw(&self, canary: &Canary) -> Result<Withdrawn, ConnectorError> {
        let (field, value) = match &canary.record {
            Some(record) => ("id", record.0.clone()),
            None => (EMAIL, canary.mark().address()),
        };
        let shown: Vec<&str> = self.records.targets().collect();
        let found = self.api.find(field, &[value], &shown).await;
        let found = found.map_err(|refusal| refusal.error)?;
        let mut ids = Vec::new();
        for record in &found {
            match record.get("id").and_then(Value::as_u64) {
                Some(id) if canary.is_in(&Value::Object(record.clone())) => ids.push(id),
                _ => return Ok(Withdrawn::NotOurs),
            }
        }
        if !ids.is_empty() {
            self.api.delete(&ids).await.map_err(|refusal| refusal.error)?;
        }
        Ok(Withdrawn::Gone)
    }
}
