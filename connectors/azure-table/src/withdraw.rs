//! A canary's row is deleted, after a look whether it is one.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::{Canary, ConnectorError, Withdraw, Withdrawn};
use serde_json::Value;

use crate::api::{Failure, Table};
use crate::entity::Entity;
use crate::keys::Keys;

/// The role.
pub(crate) struct RowWithdrawal {
    /// Where the rows are.
    pub table: Arc<Table>,
    /// How a row is named.
    pub keys: Keys,
}

impl RowWithdrawal {
    async fn remove(&self, canary: &Canary) -> Result<Withdrawn, Failure> {
        let (partition, row) = self.keys.named(canary.lead(), canary.record.as_ref());
        let row = Entity {
            partition,
            row,
            properties: BTreeMap::new(),
        };
        let found = self.table.read_row(&row).await?;
        let tag = found.get("odata.etag").and_then(Value::as_str);
        match tag.filter(|_| canary.is_in(&found)) {
            None => Ok(Withdrawn::NotOurs),
            // On condition: what was written since the look is somebody else's.
            Some(tag) => self.table.delete(&row, tag).await.map(|()| Withdrawn::Gone),
        }
    }
}

#[async_trait]
impl Withdraw for RowWithdrawal {
    async fn withdraw(&self, canary: &Canary) -> Result<Withdrawn, ConnectorError> {
        match self.remove(canary).await {
            Err(failure) if failure.is("ResourceNotFound") || failure.is("TableNotFound") => {
                Ok(Withdrawn::Gone)
            }
            removed => removed.map_err(|failure| failure.into_error(&self.table.doing("delete from"))),
        }
    }
}
