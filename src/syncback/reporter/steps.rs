//! One look, one write, and a note of each: what carries a plan out.

use std::panic::AssertUnwindSafe;

use connector_kit::{ConnectorError, ErrorKind, FetchedReferral, Referral, ReferralChange};
use futures_util::FutureExt;
use tracing::{info, warn};

use super::{Course, Reporter};
use crate::store::{Arrival, FinishOutcome, ReportLease, ReportStep, StoreError};
use crate::syncback::preflight::Refusal;
use crate::syncback::reported::End;
use crate::syncback::terms::Kept;

/// Somebody else was faster so often in a row: time to let them finish.
const CONFLICTS: u32 = 5;

impl Reporter {
    /// Reads the referral. A version we do not know goes the way of every arrival.
    pub(super) async fn look(
        &self,
        lease: &ReportLease,
    ) -> Result<Result<Referral, ConnectorError>, StoreError> {
        let id = &lease.referral.id;
        let read = AssertUnwindSafe(self.desk.read(id)).catch_unwind().await;
        let fetched = match read.unwrap_or_else(|_| Err(failed_inside())) {
            Ok(Some(fetched)) => fetched,
            Ok(None) => {
                let error = ConnectorError::new(ErrorKind::Conflict, "read the referral: it is not there")
                    .hint("look for it in Partner Center; it may have been taken from us");
                return Ok(Err(error));
            }
            Err(error) => return Ok(Err(error)),
        };
        if fetched.referral.etag != lease.referral.etag {
            let arrival = self.arrival(&fetched);
            self.store.accept(vec![arrival], None).await?;
        }
        Ok(Ok(fetched.referral))
    }

    pub(super) async fn write(
        &self,
        course: &mut Course<'_>,
        seen: &Referral,
        change: &ReferralChange,
    ) -> Result<Written, StoreError> {
        let word = change.step.map_or("edit", |step| step.as_str());
        let fields = change.fields();
        let asked = AssertUnwindSafe(self.desk.write(seen, change))
            .catch_unwind()
            .await;
        let error = match asked.unwrap_or_else(|_| Err(failed_inside())) {
            Ok(fetched) => {
                let step = self.step(word, &fields, "done", String::new(), &fetched.referral);
                let arrival = self.arrival(&fetched);
                return Ok(if self.note(course, step, Some(arrival)).await? {
                    Written::Became(Box::new(fetched.referral))
                } else {
                    Written::Ended(End::LeaseLost)
                });
            }
            Err(error) => error,
        };
        let result = match error.kind() {
            ErrorKind::Conflict => "conflict",
            ErrorKind::Unreachable | ErrorKind::Broken => "unknown",
            _ => "refused",
        };
        let step = self.step(word, &fields, result, in_full(&error), seen);
        if !self.note(course, step, None).await? {
            return Ok(Written::Ended(End::LeaseLost));
        }
        Ok(match error.kind() {
            ErrorKind::Conflict if course.conflicts < CONFLICTS => {
                course.conflicts += 1;
                Written::Changed
            }
            ErrorKind::Rejected => Written::Ended(End::Refused(rejected(&error, seen))),
            _ => Written::Ended(End::Failed(error)),
        })
    }

    /// Records what a rule decided. False when the lease is lost.
    pub(super) async fn keep(&self, course: &mut Course<'_>, kept: &[Kept]) -> Result<bool, StoreError> {
        for one in kept {
            course.reported.remind_crm |= one.crm_lost();
            let mut step = self.step(
                "kept",
                &[one.field],
                "done",
                one.sentence(),
                &course.lease.referral,
            );
            step.state = None;
            if !self.note(course, step, None).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) async fn note(
        &self,
        course: &mut Course<'_>,
        step: ReportStep,
        became: Option<Arrival>,
    ) -> Result<bool, StoreError> {
        let id = &course.lease.referral.id;
        let noted = self.store.note_step(course.lease, step.clone(), became).await?;
        let (sink, word) = (&self.sink, &step.step);
        match step.result.as_str() {
            "done" => {
                info!(event = "referral_reported", referral.id = %id, sink = %sink, step = %word, fields = ?step.fields, "referral: {word} is written to {sink}");
            }
            result => {
                warn!(event = "referral_step_failed", referral.id = %id, sink = %sink, step = %word, result, "referral: {word} did not get through to {sink}");
            }
        }
        self.listener.stepped(sink, id, &step);
        course.reported.steps.push(step);
        Ok(noted == FinishOutcome::Done)
    }

    pub(super) fn step(
        &self,
        word: &str,
        fields: &[&str],
        result: &str,
        detail: String,
        after: &Referral,
    ) -> ReportStep {
        ReportStep {
            at: self.clock.now(),
            step: word.to_owned(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            result: result.to_owned(),
            detail,
            state: Some(after.state.clone()),
        }
    }

    fn arrival(&self, fetched: &FetchedReferral) -> Arrival {
        Arrival {
            account: self.account.clone(),
            source: self.sink.clone(),
            received_at: self.clock.now(),
            raw: fetched.raw.clone(),
        }
    }
}

/// How a write ended.
pub(super) enum Written {
    /// The referral became this.
    Became(Box<Referral>),
    /// Somebody else changed it: look again.
    Changed,
    /// Nothing more to do.
    Ended(End),
}

fn rejected(error: &ConnectorError, seen: &Referral) -> Refusal {
    let hint = error.hint_text().map_or_else(
        || {
            let id = &seen.id;
            format!("correct what it names in the CRM, or by hand: leadsync referral edit {id} ..")
        },
        str::to_owned,
    );
    Refusal::new(format!("could not {error}"), hint)
}

fn failed_inside() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Broken,
        "report an outcome: the connector failed inside",
    )
}

/// With what the other side answered, which may quote what was written: for the store, never for a log.
fn in_full(error: &ConnectorError) -> String {
    let answer = error.answer_text().unwrap_or_default();
    format!("{error} {answer}").trim_end().to_owned()
}
