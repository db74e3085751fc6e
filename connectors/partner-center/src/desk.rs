//! The role of a referral desk: one referral after the other, read, written, made.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{
    ConnectorError, ErrorKind, FetchedReferral, Referral, ReferralChange, ReferralDesk, ReferralId,
};

use crate::api::Referrals;
use crate::draft::Draft;
use crate::error::Failure;
use crate::odata::{NEWEST_FIRST, Query};
use crate::patch;

/// How far the other side's clock may be behind ours.
const SKEW: TimeDelta = TimeDelta::minutes(10);
/// A referral just made may not be in the list at once.
const SETTLES: Duration = Duration::from_secs(5);
/// Pages looked through for one that was made a moment ago.
const PAGES: usize = 5;

/// The desk of one partner.
pub(crate) struct Desk {
    /// Where referrals are.
    pub referrals: Arc<Referrals>,
}

#[async_trait]
impl ReferralDesk for Desk {
    async fn read(&self, id: &ReferralId) -> Result<Option<FetchedReferral>, ConnectorError> {
        match self.referrals.get(id).await {
            Ok(fetched) => Ok(Some(fetched).filter(|fetched| fetched.referral.ours)),
            Err(failure) if failure.is_missing() => Ok(None),
            // Another partner's referral of the same deal is denied, too: are we let in at all?
            Err(failure) if failure.is_denied() => self.let_in().await.map(|()| None),
            Err(failure) => Err(failure.into_error("read a referral")),
        }
    }

    async fn write(
        &self,
        seen: &Referral,
        change: &ReferralChange,
    ) -> Result<FetchedReferral, ConnectorError> {
        patch::allowed(seen, change)?;
        let operations = patch::operations(change);
        if operations.is_empty() {
            return self.unchanged(seen).await;
        }
        match self.referrals.patch(&seen.id, &seen.etag, &operations).await {
            Ok(Some(written)) if written.referral.id == seen.id => Ok(written),
            Ok(_) => self.after_write(&seen.id).await,
            Err(failure) if failure.is_missing() => Err(failure
                .into_error("write a referral")
                .hint("it is not there any more, or our role does not reach it")),
            // It was read a moment ago, so we are let in: it is this one we may not change.
            Err(failure) if failure.is_denied() && self.let_in().await.is_ok() => Err(ConnectorError::new(
                ErrorKind::Rejected,
                "write a referral: we may read this one, not change it",
            )
            .hint("put the signed-in user on the referral's team, or give them the role Referrals admin")),
            Err(failure) => Err(failure.into_error("write a referral")),
        }
    }

    async fn create(&self, body: Bytes) -> Result<FetchedReferral, ConnectorError> {
        let draft = Draft::read(&body)?;
        let asked_at = self.referrals.wire.clock.now();
        match self.referrals.post(body).await {
            Ok(Some(made)) => Ok(made),
            Ok(None) => self.look_up(&draft, asked_at, None).await,
            Err(failure) if failure.may_be_done() => self.look_up(&draft, asked_at, Some(failure)).await,
            Err(failure) => Err(failure.into_error("make a referral")),
        }
    }
}

impl Desk {
    async fn let_in(&self) -> Result<(), ConnectorError> {
        let look = self.referrals.ask(&Query::default().top(Some(1))).await;
        look.map(drop)
            .map_err(|failure| failure.into_error("list referrals"))
    }

    /// Nothing is to be written; it is told all the same when somebody else did.
    async fn unchanged(&self, seen: &Referral) -> Result<FetchedReferral, ConnectorError> {
        let found = self.referrals.get(&seen.id).await;
        let found = found.map_err(|failure| failure.into_error("read a referral"))?;
        if found.referral.etag == seen.etag {
            return Ok(found);
        }
        Err(ConnectorError::new(
            ErrorKind::Conflict,
            "write a referral: somebody changed it meanwhile",
        ))
    }

    /// It is written; what it became was not told.
    async fn after_write(&self, id: &ReferralId) -> Result<FetchedReferral, ConnectorError> {
        self.referrals.get(id).await.map_err(|failure| {
            let cause = failure.into_error("read a referral");
            ConnectorError::new(
                ErrorKind::Unreachable,
                "write a referral: it is written, but what it became cannot be read",
            )
            .retry_after(cause.wait())
            .source(cause)
        })
    }

    /// Whether what was sent arrived, before anything is said about it: it must not be sent again if it did.
    async fn look_up(
        &self,
        draft: &Draft,
        asked_at: DateTime<Utc>,
        failure: Option<Failure>,
    ) -> Result<FetchedReferral, ConnectorError> {
        let since = asked_at - SKEW;
        let mut found = self.newest_like(draft, since).await;
        if matches!(found, Ok(None)) && draft.can_be_found() {
            self.referrals.wire.clock.rest(SETTLES).await;
            found = self.newest_like(draft, since).await;
        }
        let error = match (found, failure) {
            (Ok(Some(id)), _) => return self.after_write(&id).await,
            (_, Some(failure)) => failure.into_error("make a referral"),
            (_, None) => ConnectorError::new(
                ErrorKind::Unreachable,
                "make a referral: it is made, but not to be found",
            ),
        };
        Err(error.hint(
            "it may have been made: look for it in Partner Center by its externalReferenceId before it is made again",
        ))
    }

    /// The newest one that is what was sent.
    async fn newest_like(&self, draft: &Draft, since: DateTime<Utc>) -> Result<Option<ReferralId>, Failure> {
        if !draft.can_be_found() {
            return Ok(None);
        }
        let mut query = Query::ordered(NEWEST_FIRST).text();
        for _ in 0..PAGES {
            let page = self.referrals.list(&query).await?;
            let made = page.items.iter().find(|item| {
                let new = item
                    .referral
                    .as_ref()
                    .is_some_and(|referral| referral.created_at >= since);
                new && draft.is_like(&item.raw.body)
            });
            if let Some(referral) = made.and_then(|item| item.referral.as_ref()) {
                return Ok(Some(referral.id.clone()));
            }
            let is_old = |item: &crate::page::Item| {
                item.referral
                    .as_ref()
                    .is_some_and(|referral| referral.created_at < since)
            };
            match page.next {
                Some(link) if !page.items.last().is_some_and(is_old) => {
                    query = self.referrals.next(&link).map_err(Failure::Told)?;
                }
                _ => break,
            }
        }
        Ok(None)
    }
}
