//! A canary is taken back by a line that says so: the file only grows.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{Canary, ConnectorError, ErrorKind, LeadId, Withdraw, Withdrawn};
use serde::Serialize;

use crate::destination::File;

#[derive(Serialize)]
struct Line {
    key: LeadId,
    revision: u32,
    event: &'static str,
    at: DateTime<Utc>,
    data: Data,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    lead_id: LeadId,
}

#[async_trait]
impl Withdraw for File {
    async fn withdraw(&self, canary: &Canary) -> Result<Withdrawn, ConnectorError> {
        let line = Line {
            key: canary.lead(),
            revision: canary.revision,
            event: "lead.withdrawn",
            at: canary.at,
            data: Data {
                lead_id: canary.lead(),
            },
        };
        let mut bytes = serde_json::to_vec(&line).map_err(|error| {
            ConnectorError::new(ErrorKind::Rejected, "write the line of a canary").source(error)
        })?;
        bytes.push(b'\n');
        self.with_log("append to", move |log| log.append(&bytes)).await?;
        Ok(Withdrawn::Told)
    }
}
