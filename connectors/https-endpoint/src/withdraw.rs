//! A canary is taken back by an event: what was sent cannot be unsent.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::{Canary, ConfigError, ConnectorError, ConnectorSettings, Withdraw, Withdrawn};
use serde_json::json;

use crate::api::Endpoint;
use crate::config::Settings;
use crate::notice::Notice;

/// The role.
pub(crate) struct Withdrawal {
    endpoint: Arc<Endpoint>,
    type_prefix: String,
}

impl Withdrawal {
    pub(crate) fn new(endpoint: Arc<Endpoint>, written: &ConnectorSettings) -> Result<Self, ConfigError> {
        let settings: Settings = written.parse()?;
        Ok(Self {
            endpoint,
            type_prefix: settings.event_type_prefix,
        })
    }
}

#[async_trait]
impl Withdraw for Withdrawal {
    async fn withdraw(&self, canary: &Canary) -> Result<Withdrawn, ConnectorError> {
        let notice = Notice {
            id: format!("{}-withdrawn", canary.lead()),
            event: "lead.withdrawn".to_owned(),
            account: &canary.account,
            at: canary.at,
            subject: format!("lead/{}", canary.lead()),
            data: json!({
                "leadId": canary.lead(), "revision": canary.revision, "account": canary.account,
                "email": canary.mark().address(),
            }),
        };
        notice.send(&self.endpoint, &self.type_prefix).await?;
        Ok(Withdrawn::Told)
    }
}
