//! What the environment holds of our leads: by key, and everything with a key that changed since a moment.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use connector_kit::http::Response;
use connector_kit::{
    Batch, Census, Checkpoint, ConnectorError, ErrorKind, Held, HeldState, RecordRef, Sought,
};
use http::HeaderName;

use crate::api::Dataverse;
use crate::operation::Operation;
use crate::position::is_of;
use crate::record::{Page, Record};

/// Leads asked for in one batch.
const AT_ONCE: usize = 500;
/// Records of one page.
const PAGE: &str = "odata.maxpagesize=1000";

/// Counts leads.
pub(crate) struct LeadCensus {
    pub(crate) dataverse: Arc<Dataverse>,
    /// The column that holds the revision, where the mapping writes one.
    pub(crate) revision: Option<String>,
    /// The column that holds the address.
    pub(crate) email: Option<String>,
}

impl LeadCensus {
    fn columns(&self) -> String {
        let mut columns = vec!["statecode", self.dataverse.key.column()];
        columns.extend(self.revision.as_deref());
        columns.extend(self.email.as_deref());
        columns.join(",")
    }

    fn held(&self, record: &Record) -> Option<Held> {
        let state = match record.get::<i64>("statecode") {
            None | Some(0) => HeldState::Open,
            Some(_) => HeldState::Closed,
        };
        let email = self.email.as_deref().and_then(|name| record.get::<String>(name));
        Some(Held {
            key: record.get(self.dataverse.key.column()).unwrap_or_default(),
            record: RecordRef(record.id("leadid")?.to_string()),
            state,
            revision: self.revision.as_deref().and_then(|name| revision(record, name)),
            person: email.map(|email| email.to_lowercase()),
        })
    }

    /// Everything with something in the column of our key that changed since then.
    fn first_page(&self, since: DateTime<Utc>) -> Operation {
        let (key, columns) = (self.dataverse.key.column(), self.columns());
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut operation = Operation::get(format!(
            "leads?$select={columns}&$filter={key}%20ne%20null%20and%20modifiedon%20ge%20{since}\
             &$orderby=modifiedon%20asc"
        ));
        if let Ok(prefer) = PAGE.try_into() {
            let pair = (HeaderName::from_static("prefer"), prefer);
            operation.headers.push(pair);
        }
        operation
    }

    fn page(&self, answer: &Response) -> Result<Page, ConnectorError> {
        let broken =
            || ConnectorError::new(ErrorKind::Broken, "count leads: the answer is no page of records");
        let page: Page = serde_json::from_slice(answer.body()).map_err(|_| broken())?;
        if page
            .next
            .as_ref()
            .is_some_and(|link| !is_of(link, &self.dataverse.origin))
        {
            let text = "count leads: a link of the answer leads to another server";
            return Err(ConnectorError::new(ErrorKind::Misconfigured, text)
                .hint("write environment exactly as Dataverse calls itself in its links"));
        }
        Ok(page)
    }
}

/// A whole number, or a text that is one.
fn revision(record: &Record, name: &str) -> Option<u32> {
    record
        .get(name)
        .or_else(|| record.get::<String>(name)?.parse().ok())
}

#[async_trait]
impl Census for LeadCensus {
    fn at_once(&self) -> usize {
        AT_ONCE
    }

    /// A record that is not there by its key was deleted or merged: Dataverse tells no more of it here.
    async fn find(&self, sought: &[Sought]) -> Result<Vec<Held>, ConnectorError> {
        let doing = "count leads";
        let columns = self.columns();
        let look =
            |one: &Sought| Operation::get(format!("{}?$select={columns}", self.dataverse.key.of(one.lead)));
        let operations: Vec<Operation> = sought.iter().map(look).collect();
        let parts = self.dataverse.send_all(&operations, doing).await;
        let mut found = Vec::new();
        for part in parts.map_err(|failure| failure.into_error(doing))? {
            match part {
                Ok(answer) => {
                    let record: Option<Record> = serde_json::from_slice(answer.body()).ok();
                    found.extend(record.as_ref().and_then(|record| self.held(record)));
                }
                Err(failure) if failure.is_not_found() => {}
                Err(failure) => return Err(failure.into_error(doing)),
            }
        }
        Ok(found)
    }

    async fn list(
        &self,
        since: DateTime<Utc>,
        after: Option<&Checkpoint>,
    ) -> Result<Batch<Held>, ConnectorError> {
        let doing = "count leads";
        let answer = if let Some(Checkpoint(link)) = after {
            self.dataverse.follow(link, PAGE, doing).await
        } else {
            self.dataverse.send(&self.first_page(since), doing).await
        };
        let page = self.page(&answer.map_err(|failure| failure.into_error(doing))?)?;
        Ok(Batch {
            items: page.value.iter().filter_map(|record| self.held(record)).collect(),
            more: page.next.is_some(),
            next: page.next.map(Checkpoint),
        })
    }
}
