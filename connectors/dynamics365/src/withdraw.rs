//! A canary's record is deleted, after a look whether it is one.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::{Canary, ConnectorError, Withdraw, Withdrawn};
use serde_json::Value;

use crate::api::Dataverse;
use crate::error::Failure;
use crate::operation::Operation;

/// The role.
pub(crate) struct LeadWithdrawal(pub(crate) Arc<Dataverse>);

impl LeadWithdrawal {
    async fn remove(&self, canary: &Canary) -> Result<Withdrawn, Failure> {
        let Self(dataverse) = self;
        let doing = "look for a lead";
        let look = Operation::get(dataverse.key.of(canary.lead()));
        let answer = dataverse.send(&look, doing).await?;
        let found: Value = serde_json::from_slice(answer.body()).map_err(|_| Failure::unreadable(doing))?;
        let text = |name: &str| found.get(name).and_then(Value::as_str);
        let (Some(id), Some(tag)) = (text("leadid"), text("@odata.etag")) else {
            return Err(Failure::unreadable(doing));
        };
        if !canary.is_in(&found) {
            return Ok(Withdrawn::NotOurs);
        }
        // On condition: what was written since the look is somebody else's.
        let delete = Operation::delete(format!("leads({id})"), tag);
        dataverse.send(&delete, "delete a lead").await?;
        Ok(Withdrawn::Gone)
    }
}

#[async_trait]
impl Withdraw for LeadWithdrawal {
    async fn withdraw(&self, canary: &Canary) -> Result<Withdrawn, ConnectorError> {
        match self.remove(canary).await {
            Err(failure) if failure.is_not_found() => Ok(Withdrawn::Gone),
            removed => removed.map_err(|failure| failure.into_error("take a canary away")),
        }
    }
}
