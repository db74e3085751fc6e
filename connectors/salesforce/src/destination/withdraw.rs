//! A canary's record is deleted, after a look whether it is one.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::{Canary, ConnectorError, Withdraw, Withdrawn};
use serde_json::Value;

use crate::api::Api;
use crate::mapping::Shape;

/// The role.
pub(crate) struct LeadWithdrawal {
    pub(crate) api: Arc<Api>,
    pub(crate) shape: Arc<Shape>,
}

#[async_trait]
impl Withdraw for LeadWithdrawal {
    async fn withdraw(&self, canary: &Canary) -> Result<Withdrawn, ConnectorError> {
        let key = canary.lead().to_string();
        let Some(found) = self.api.lead(&self.shape.key_field, &key).await? else {
            return Ok(Withdrawn::Gone);
        };
        let id = found.get("Id").and_then(Value::as_str);
        match id.filter(|_| canary.is_in(&found)) {
            None => Ok(Withdrawn::NotOurs),
            Some(id) => {
                self.api.delete_lead(id).await?;
                Ok(Withdrawn::Gone)
            }
        }
    }
}
