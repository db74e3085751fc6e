//! Carries out one report: read, plan, write the first step, plan again, until there is nothing to do.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use connector_kit::ids::AccountName;
use connector_kit::referral::Phase;
use connector_kit::{
    ConnectorError, ErrorKind, FetchedReferral, Outcome, Referral, ReferralChange, ReferralDesk, ReferralId,
    SourceName, Stage, outcome,
};
use futures_util::FutureExt;
use tracing::{info, warn};

use super::order;
use super::plan::{Case, Decision, decide};
use super::policy::Policy;
use super::preflight::Refusal;
use super::terms::{self, Kept};
use crate::store::{Agreed, Arrival, FinishOutcome, ReportLease, ReportStep, Store, StoreError};

/// Somebody else was faster so often in a row: time to let them finish.
const CONFLICTS: u32 = 5;
/// No report has more steps; who wants more goes round in circles.
const ROUNDS: u32 = 20;

/// Hears what was done and refused; metrics and the demo listen.
pub trait Reporting: Send + Sync {
    /// A step was taken, or tried.
    fn stepped(&self, sink: &SourceName, referral: &ReferralId, step: &ReportStep);
    /// A report came to an end for now, so long after something was wanted.
    fn ended(&self, sink: &SourceName, referral: &ReferralId, ended: &Reported, took: TimeDelta);
}

/// Nobody listens.
pub struct Unreported;

impl Reporting for Unreported {
    fn stepped(&self, _: &SourceName, _: &ReferralId, _: &ReportStep) {}
    fn ended(&self, _: &SourceName, _: &ReferralId, _: &Reported, _: TimeDelta) {}
}

/// How far a report came.
#[derive(Clone, Debug)]
pub struct Reported {
    /// What it came to.
    pub end: End,
    /// The steps of the last plan that had any, in words.
    pub plan: Vec<String>,
    /// What was done, in order.
    pub steps: Vec<ReportStep>,
    /// Why the operator's order was not carried out.
    pub order_refused: Option<Refusal>,
    /// The order needs no more looking at.
    pub order_done: bool,
    /// What both sides say now.
    pub agreed: Option<Agreed>,
    /// A rule decided against the CRM.
    pub remind_crm: bool,
}

/// What a report came to.
#[derive(Clone, Debug)]
pub enum End {
    /// Both sides agree.
    Settled,
    /// A person has to act.
    Refused(Refusal),
    /// Not before this moment.
    Waiting(DateTime<Utc>, &'static str),
    /// A call did not do what it should.
    Failed(ConnectorError),
    /// Somebody else holds the lease by now.
    LeaseLost,
}

/// What carrying out takes.
pub struct Reporter {
    /// The connector reported to.
    pub sink: SourceName,
    /// The publisher it belongs to.
    pub account: AccountName,
    /// The way to it.
    pub desk: Arc<dyn ReferralDesk>,
    /// What the operator decided.
    pub policy: Policy,
    /// The floor.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Hears of it.
    pub listener: Arc<dyn Reporting>,
}

/// One report under way.
struct Course<'a> {
    lease: &'a ReportLease,
    reported: Reported,
    /// Not done with yet.
    order: Option<ReferralChange>,
    /// The order, once there is nothing left of it to do.
    carried_out: Option<ReferralChange>,
    conflicts: u32,
}

impl Reporter {
    /// Carries the report out as far as it goes now. Every step is on disk before the next one.
    pub async fn carry_out(&self, lease: &ReportLease) -> Result<Reported, StoreError> {
        let mut course = Course {
            lease,
            reported: Reported {
                end: End::Settled,
                plan: Vec::new(),
                steps: Vec::new(),
                order_refused: None,
                order_done: false,
                agreed: None,
                remind_crm: false,
            },
            order: lease.order.as_ref().map(|order| order.change.clone()),
            carried_out: None,
            conflicts: 0,
        };
        course.reported.end = self.follow(&mut course).await?;
        let took = self.clock.now() - lease.since;
        self.listener
            .ended(&self.sink, &lease.referral.id, &course.reported, took);
        Ok(course.reported)
    }

    async fn follow(&self, course: &mut Course<'_>) -> Result<End, StoreError> {
        // What needs no look at the other side costs no call.
        if course.order.is_none()
            && let Some(end) = self.without_a_look(course)
        {
            return Ok(end);
        }
        let mut seen = match self.look(course.lease).await? {
            Ok(seen) => seen,
            Err(error) => return Ok(End::Failed(error)),
        };
        for _ in 0..ROUNDS {
            let (steps, kept) = match self.decide(course, &seen).await? {
                Ok(steps) => steps,
                Err(end) => return Ok(end),
            };
            if course.reported.plan.is_empty() {
                course.reported.plan = steps.iter().map(sentence).collect();
            }
            let Some(step) = steps.into_iter().next() else {
                continue;
            };
            let written = self.write(course, &seen, &step).await?;
            seen = match written {
                Written::Became(became) => {
                    if !self.keep(course, &kept).await? {
                        return Ok(End::LeaseLost);
                    }
                    *became
                }
                Written::Changed => match self.look(course.lease).await? {
                    Ok(seen) => seen,
                    Err(error) => return Ok(End::Failed(error)),
                },
                Written::Ended(end) => return Ok(end),
            };
        }
        let error = ConnectorError::new(ErrorKind::Broken, "report an outcome: the plan comes to no end");
        Ok(End::Failed(error))
    }

    /// The end, when it is clear from what is known already.
    fn without_a_look(&self, course: &mut Course<'_>) -> Option<End> {
        let lease = course.lease;
        match self.by_the_crm(lease, &lease.referral) {
            Decision::Agree(kept) if kept.is_empty() => {
                course.reported.agreed = self.agreed(lease, &lease.referral);
                Some(End::Settled)
            }
            Decision::Refuse(refusal) if !lease.link.is_linked() => Some(End::Refused(refusal)),
            _ => None,
        }
    }

    async fn decide(
        &self,
        course: &mut Course<'_>,
        seen: &Referral,
    ) -> Result<Result<(Vec<ReferralChange>, Vec<Kept>), End>, StoreError> {
        if let Some(ordered) = &course.order {
            match order::decide(ordered, seen) {
                Decision::Write(steps, kept) => return Ok(Ok((steps, kept))),
                Decision::Refuse(refusal) => {
                    let step = self.step("order", &[], "refused", refusal.reason.clone(), seen);
                    course.reported.order_refused = Some(refusal);
                    if !self.note(course, step, None).await? {
                        return Ok(Err(End::LeaseLost));
                    }
                }
                Decision::Agree(_) | Decision::Wait(..) => course.carried_out.clone_from(&course.order),
            }
            course.order = None;
            course.reported.order_done = true;
        }
        let lease = course.lease;
        course.reported.agreed = self.agreed(lease, seen);
        let base = self.base(course, seen);
        Ok(
            match decide(&self.case(lease, seen, base.as_ref(), held(lease))) {
                Decision::Write(steps, kept) => Ok((steps, kept)),
                Decision::Agree(kept) => {
                    if !self.keep(course, &kept).await? {
                        return Ok(Err(End::LeaseLost));
                    }
                    Err(End::Settled)
                }
                Decision::Refuse(refusal) => Err(End::Refused(refusal)),
                Decision::Wait(until, why) => Err(End::Waiting(until, why)),
            },
        )
    }

    fn by_the_crm(&self, lease: &ReportLease, seen: &Referral) -> Decision {
        decide(&self.case(lease, seen, lease.agreed.as_ref(), held(lease)))
    }

    fn case<'a>(
        &'a self,
        lease: &'a ReportLease,
        referral: &'a Referral,
        agreed: Option<&'a Agreed>,
        outcome: Option<&'a Outcome>,
    ) -> Case<'a> {
        Case {
            lead: &lease.lead,
            link: lease.link,
            outcome,
            referral,
            agreed,
            policy: &self.policy,
            now: self.clock.now(),
        }
    }

    /// What changes are measured by. What an operator ordered holds against the CRM, until the CRM moves
    /// on; it is told what holds.
    fn base(&self, course: &mut Course<'_>, seen: &Referral) -> Option<Agreed> {
        let lease = course.lease;
        let (Some(ordered), Some(outcome)) = (&course.carried_out, held(lease)) else {
            return lease.agreed.clone();
        };
        let (crm, referral) = (terms::of_crm(outcome, &self.policy), terms::of_referral(seen));
        let mut base = lease.agreed.clone().unwrap_or_default();
        course.reported.remind_crm |= terms::decreed(ordered, &mut base, &crm, &referral);
        Some(base)
    }

    /// What both sides say while both work on it: what later changes are measured by.
    fn agreed(&self, lease: &ReportLease, seen: &Referral) -> Option<Agreed> {
        let outcome = held(lease).filter(|outcome| outcome.stage == Stage::Accepted);
        let outcome = outcome.filter(|_| seen.state.phase() == Phase::Active);
        outcome.map_or_else(
            || lease.agreed.clone(),
            |outcome| {
                Some(Agreed {
                    crm: terms::of_crm(outcome, &self.policy),
                    referral: terms::of_referral(seen),
                })
            },
        )
    }

    /// Reads the referral. A version we do not know goes the way of every arrival.
    async fn look(&self, lease: &ReportLease) -> Result<Result<Referral, ConnectorError>, StoreError> {
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

    async fn write(
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
        let step = self.step(word, &fields, result, error.to_string(), seen);
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
    async fn keep(&self, course: &mut Course<'_>, kept: &[Kept]) -> Result<bool, StoreError> {
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

    async fn note(
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
                warn!(event = "referral_step_failed", referral.id = %id, sink = %sink, step = %word, result, detail = ?step.detail, "referral: {word} did not get through to {sink}");
            }
        }
        self.listener.stepped(sink, id, &step);
        course.reported.steps.push(step);
        Ok(noted == FinishOutcome::Done)
    }

    fn step(
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
enum Written {
    /// The referral became this.
    Became(Box<Referral>),
    /// Somebody else changed it: look again.
    Changed,
    /// Nothing more to do.
    Ended(End),
}

/// Of all that the CRMs say of the lead, what holds.
fn held(lease: &ReportLease) -> Option<&Outcome> {
    outcome::overall(lease.outcomes.iter().map(|row| &row.outcome))
}

/// A step in words, without values.
fn sentence(step: &ReferralChange) -> String {
    let fields: Vec<&str> = step
        .fields()
        .into_iter()
        .filter(|field| *field != "status")
        .collect();
    let word = step.step.map_or("edit", |step| step.as_str());
    if fields.is_empty() {
        word.to_owned()
    } else {
        format!("{word} ({})", fields.join(", "))
    }
}

fn rejected(error: &ConnectorError, seen: &Referral) -> Refusal {
    let hint = error.hint_text().map_or_else(
        || {
            let id = &seen.id;
            format!("correct what it names in the CRM, or by hand: leadsync referral edit {id} ..")
        },
        str::to_owned,
    );
    let answer = error.answer_text().unwrap_or_default();
    Refusal::new(format!("could not {error} {answer}").trim_end(), hint)
}

fn failed_inside() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Broken,
        "report an outcome: the connector failed inside",
    )
}
