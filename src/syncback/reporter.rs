//! Carries out one report: read, plan, write the first step, plan again, until there is nothing to do.

mod steps;

use std::sync::Arc;

use connector_kit::clock::Clock;
use connector_kit::ids::AccountName;
use connector_kit::referral::Phase;
use connector_kit::{
    ConnectorError, ErrorKind, Outcome, Referral, ReferralChange, ReferralDesk, SourceName, Stage, outcome,
};

use super::order;
use super::plan::{Case, Decision, decide};
use super::policy::Policy;
use super::preflight::Refusal;
use super::reported::{End, Reported, Reporting};
use super::terms::{self, Kept};
use crate::store::{Agreed, ReportLease, Store, StoreError};
use steps::Written;

/// No report has more steps; who wants more goes round in circles.
const ROUNDS: u32 = 20;

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
    /// The last change that was written.
    written: Option<ReferralChange>,
}

impl Course<'_> {
    /// What the sink refused as it is would be refused again: the operator is told, and asked no more.
    fn let_go_of_a_refused_order(&mut self, end: &End) {
        if let (End::Refused(refusal), Some(_)) =
            (end, self.order.take_if(|_| matches!(end, End::Refused(_))))
        {
            self.reported.order_refused = Some(refusal.clone());
            self.reported.order_done = true;
        }
    }
}

impl Reporter {
    /// Carries the report out as far as it goes now. Every step is on disk before the next one.
    pub async fn carry_out(&self, lease: &ReportLease) -> Result<Reported, StoreError> {
        let mut course = Course {
            lease,
            reported: Reported {
                lead: lease.lead.id,
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
            written: None,
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
            if course.written.as_ref() == Some(&step) {
                let end = End::Refused(not_held(&step));
                course.let_go_of_a_refused_order(&end);
                return Ok(end);
            }
            let written = self.write(course, &seen, &step).await?;
            seen = match written {
                Written::Became(became) => {
                    if !self.keep(course, &kept).await? {
                        return Ok(End::LeaseLost);
                    }
                    course.written = Some(step);
                    *became
                }
                Written::Changed => match self.look(course.lease).await? {
                    Ok(seen) => seen,
                    Err(error) => return Ok(End::Failed(error)),
                },
                Written::Ended(end) => {
                    course.let_go_of_a_refused_order(&end);
                    return Ok(end);
                }
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
}

/// Of all that the CRMs say of the lead, what holds.
fn held(lease: &ReportLease) -> Option<&Outcome> {
    outcome::overall(lease.outcomes.iter().map(|row| &row.outcome))
}

/// Writing it once more would not help.
fn not_held(step: &ReferralChange) -> Refusal {
    Refusal::new(
        format!("{} was written, and is not there afterwards", sentence(step)),
        "look at the referral on the other side: it does not keep this value; correct it in the CRM",
    )
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
