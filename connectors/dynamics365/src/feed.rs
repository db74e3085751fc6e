//! The change feed of a table, page by page (contract dynamics365 13).

use chrono::{SecondsFormat, TimeDelta};
use connector_kit::{ConnectorError, ErrorKind, Subject};
use http::header::HeaderName;

use crate::api::Dataverse;
use crate::config::Follow;
use crate::error::Failure;
use crate::operation::Operation;
use crate::position::{Track, is_of};
use crate::record::Page;

/// The labels of choices, in the words of the customer.
const LABELS: &str = "odata.include-annotations=\"*\"";
/// How far behind the newest change a record may still appear, when changes are found by time.
const OVERLAP: TimeDelta = TimeDelta::minutes(5);
/// A link of Dataverse's own goes on with the columns it was first asked for, so who changes these two lists
/// raises [`crate::position::COLUMNS`].
const LEAD: &str = "leads?$select=statecode,statuscode,estimatedamount,estimatedclosedate,_transactioncurrencyid_value,\
                    _ownerid_value,_createdby_value,modifiedon,";
const OPPORTUNITY: &str = "opportunities?$select=statecode,statuscode,estimatedvalue,actualvalue,estimatedclosedate,\
                           actualclosedate,_originatingleadid_value,_transactioncurrencyid_value,_ownerid_value,\
                           modifiedon";

/// How changes are found, and how many come at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Feed {
    /// Tracked, or by time.
    pub follow: Follow,
    /// Records of a page.
    pub page_size: usize,
}

impl Feed {
    /// The next page of the track, which moves on only when the page is there.
    pub(crate) async fn page(
        &self,
        dataverse: &Dataverse,
        subject: Subject,
        track: &mut Track,
    ) -> Result<Page, ConnectorError> {
        let doing = format!("read changes of {}", table(subject));
        let answer = loop {
            match self.ask(dataverse, subject, track, &doing).await {
                Ok(answer) => break answer,
                Err(failure) if !track.is_fresh() && forgets(&failure) => {
                    tracing::warn!(
                        event = "position_lost",
                        table = table(subject),
                        "Dataverse has forgotten where we were; the table is read again from {}",
                        if track.next.is_some() {
                            "the last full stop"
                        } else {
                            "the beginning"
                        }
                    );
                    track.is_forgotten();
                }
                Err(failure) => return Err(self.told(failure, &doing)),
            }
        };
        let broken = |what: &str| ConnectorError::new(ErrorKind::Broken, format!("{doing}: {what}"));
        let page: Page =
            serde_json::from_slice(answer.body()).map_err(|_| broken("the answer is no page of records"))?;
        for link in [&page.next, &page.delta].into_iter().flatten() {
            if !is_of(link, &dataverse.origin) {
                let text = format!("{doing}: a link of the answer leads to another server");
                return Err(ConnectorError::new(ErrorKind::Misconfigured, text)
                    .hint("write environment exactly as Dataverse calls itself in its links"));
            }
        }
        if page.next.is_some() && page.next == track.next {
            return Err(broken("the same page is offered again and again"));
        }
        if page.next.is_none() && page.delta.is_none() && self.follow == Follow::ChangeTracking {
            return Err(ConnectorError::new(
                ErrorKind::Misconfigured,
                format!("{doing}: the table is not tracked"),
            )
            .hint(TRACK));
        }
        Ok(page)
    }

    async fn ask(
        &self,
        dataverse: &Dataverse,
        subject: Subject,
        track: &Track,
        doing: &str,
    ) -> Result<connector_kit::http::Response, Failure> {
        let paged = format!("odata.maxpagesize={},{LABELS}", self.page_size);
        match (&track.next, &track.delta, self.follow) {
            (Some(next), ..) => dataverse.follow(next, &paged, doing).await,
            (None, Some(delta), Follow::ChangeTracking) => dataverse.follow(delta, LABELS, doing).await,
            (None, _, follow) => {
                let prefer = match follow {
                    Follow::ChangeTracking => format!("odata.track-changes,{paged}"),
                    Follow::Modified => paged,
                };
                let mut operation = Operation::get(self.query(dataverse, subject, track));
                if let Ok(prefer) = prefer.try_into() {
                    operation
                        .headers
                        .push((HeaderName::from_static("prefer"), prefer));
                }
                dataverse.send(&operation, doing).await
            }
        }
    }

    /// Tracking takes no filter, so every record of the table comes by; by time, ours alone.
    fn query(&self, dataverse: &Dataverse, subject: Subject, track: &Track) -> String {
        let key = dataverse.key.column();
        let (select, ours) = match subject {
            Subject::Lead => (format!("{LEAD}{key}"), key),
            Subject::Deal => (OPPORTUNITY.to_owned(), "_originatingleadid_value"),
        };
        if self.follow == Follow::ChangeTracking {
            return select;
        }
        let since = track.since.map(|since| {
            let from = (since - OVERLAP).to_rfc3339_opts(SecondsFormat::Secs, true);
            format!("%20and%20modifiedon%20ge%20{from}")
        });
        let since = since.unwrap_or_default();
        format!("{select}&$filter={ours}%20ne%20null{since}&$orderby=modifiedon%20asc")
    }

    /// No lead is at fault when a table cannot be read.
    fn told(&self, failure: Failure, doing: &str) -> ConnectorError {
        let Failure::Refused(refusal) = &failure else {
            return failure.into_error(doing);
        };
        let words = refusal.message.clone();
        let untracked =
            self.follow == Follow::ChangeTracking && words.to_lowercase().contains("change tracking");
        let kind = failure.kind();
        let error = failure.into_error(doing);
        if !untracked && kind != ErrorKind::Rejected {
            return error;
        }
        let hint = if untracked {
            TRACK
        } else {
            "see what Dataverse says, then release"
        };
        ConnectorError::new(ErrorKind::Misconfigured, error.to_string())
            .strikes(3)
            .answer(words)
            .hint(hint)
    }
}

const TRACK: &str = "switch change tracking on for lead and opportunity (settings.outcomes.enable_change_tracking and \
                     `leadsync provision`), or set outcomes.follow = \"modified\"";

/// A link Dataverse no longer knows: any 400, 404 or 410 will do.
fn forgets(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(refusal) if matches!(refusal.status, 400 | 404 | 410))
}

/// The table's name for the operator.
fn table(subject: Subject) -> &'static str {
    match subject {
        Subject::Lead => "lead",
        Subject::Deal => "opportunity",
    }
}
