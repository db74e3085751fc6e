//! What is to be done about a referral, given what the CRM says and how the referral stands. Pure.
//!
//! A plan is made anew after every step, from what the other side answered: only its first step is
//! carried out, the others show where it leads.

use chrono::{DateTime, Utc};
use connector_kit::referral::{Phase, ReferralKind};
use connector_kit::{Lead, Outcome, RecordRef, Referral, ReferralChange, ReferralMove, ReferralState, Stage};

use super::policy::Policy;
use super::preflight::{Refusal, refusal};
use super::terms::{self, Kept, Meeting};
use crate::store::{Agreed, Link};

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: both sides agree, the CRM says nothing that has to be told, or a rule decided for the
    /// referral; then the CRM is to be told.
    Agree(Vec<Kept>),
    /// Write these, the first one first; and what a rule decided on the way.
    Write(Vec<ReferralChange>, Vec<Kept>),
    /// Nothing, until a person acts.
    Refuse(Refusal),
    /// Nothing before this moment.
    Wait(DateTime<Utc>, &'static str),
}

/// Both sides, as they stand.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The lead.
    pub lead: &'a Lead,
    /// Whether its outcomes are the referral's.
    pub link: Link,
    /// What holds of all that the CRMs say.
    pub outcome: Option<&'a Outcome>,
    /// The referral, read just now.
    pub referral: &'a Referral,
    /// What both said when they last agreed.
    pub agreed: Option<&'a Agreed>,
    /// What the operator decided.
    pub policy: &'a Policy,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Decides by what the CRM says.
pub fn decide(case: &Case<'_>) -> Decision {
    let Some(outcome) = case.outcome.filter(|outcome| outcome.stage != Stage::Gone) else {
        return Decision::Agree(Vec::new());
    };
    if outcome.stage == Stage::Open && !case.may_accept_by_itself(outcome) {
        return Decision::Agree(Vec::new());
    }
    if !case.link.is_linked() {
        return Decision::Refuse(unlinked(case, outcome));
    }
    match case.referral.state.phase() {
        Phase::New => case.answer(outcome),
        Phase::Active => case.go_on(outcome),
        Phase::Closed => case.look_back(outcome),
        Phase::Unknown => Decision::Refuse(Refusal::new(
            format!("it stands at {}, which no document explains", case.referral.state),
            "look at it in Partner Center, and answer it there",
        )),
    }
}

fn unlinked(case: &Case<'_>, outcome: &Outcome) -> Refusal {
    let (stage, id) = (outcome.stage.as_str(), &case.referral.id);
    Refusal::new(
        format!("the lead is {stage}, but {}", case.link.as_str()),
        format!(
            "if it is about this referral, run: leadsync referral link {id}; else: leadsync referral unlink {id}"
        ),
    )
}

impl Case<'_> {
    /// The referral waits for an answer.
    fn answer(&self, outcome: &Outcome) -> Decision {
        let (accept, kept) = self.acceptance(outcome);
        let accepts = refusal(self.referral, &accept);
        match (outcome.stage, accepts) {
            (Stage::Declined, _) => self.checked(vec![closing(ReferralMove::Decline, outcome)], kept),
            // Nobody worked on it in Partner Center's eyes, and what an acceptance needs is not there.
            (Stage::Lost, Some(_)) => self.checked(vec![closing(ReferralMove::Decline, outcome)], Vec::new()),
            (Stage::Open, Some(_)) => Decision::Agree(Vec::new()),
            (_, Some(refusal)) => Decision::Refuse(refusal),
            (Stage::Won, None) => self.write(vec![accept, closing(ReferralMove::Win, outcome)], kept),
            (Stage::Lost, None) => self.checked(vec![accept, closing(ReferralMove::Lose, outcome)], kept),
            (_, None) => self.write(vec![accept], kept),
        }
    }

    /// Somebody works on it.
    fn go_on(&self, outcome: &Outcome) -> Decision {
        let mut change = ReferralChange::default();
        let kept = self.meet(outcome, &mut change);
        match outcome.stage {
            Stage::Won => {
                change.step = Some(ReferralMove::Win);
                change.external_reference = self.reference(outcome);
                let not_before = self.referral.created_at + self.policy.co_sell_won_after;
                if self.referral.kind == ReferralKind::CoSell && self.now < not_before {
                    return Decision::Wait(
                        not_before,
                        "a co-sell deal must not be won so soon after it was made",
                    );
                }
                self.checked(vec![change], kept)
            }
            // Once accepted, a referral can no longer be declined.
            Stage::Lost | Stage::Declined => {
                self.checked(vec![closing(ReferralMove::Lose, outcome)], Vec::new())
            }
            _ => self.write(vec![change], kept),
        }
    }

    /// Nothing of it can be changed any more.
    fn look_back(&self, outcome: &Outcome) -> Decision {
        use ReferralState::{Declined, Lost, Won};
        let state = &self.referral.state;
        let agrees = match outcome.stage {
            Stage::Won => *state == Won,
            Stage::Lost | Stage::Declined => matches!(state, Lost | Declined),
            Stage::Accepted => matches!(state, Won | Lost),
            Stage::Open | Stage::Gone => true,
        };
        if agrees {
            return Decision::Agree(Vec::new());
        }
        Decision::Refuse(Refusal::new(
            format!(
                "the CRM says {}, but it is {state} for good",
                outcome.stage.as_str()
            ),
            "a closed referral cannot be changed: correct the CRM, or ask Microsoft for a new one",
        ))
    }

    fn may_accept_by_itself(&self, outcome: &Outcome) -> bool {
        self.policy.auto_accept
            && outcome.owned
            && self.referral.state.phase() == Phase::New
            && !self.lead.dnc
    }

    /// Everything an acceptance carries, and what a rule decided.
    fn acceptance(&self, outcome: &Outcome) -> (ReferralChange, Vec<Kept>) {
        let Self {
            lead,
            referral,
            policy,
            ..
        } = self;
        let company = lead.person.company.as_ref().map(|said| said.value.clone());
        let if_empty = |held: &str, text: &Option<String>| text.clone().filter(|_| held.trim().is_empty());
        let mut change = ReferralChange {
            step: Some(ReferralMove::Accept),
            name: company.filter(|_| referral.name.trim().is_empty()),
            notes: if_empty(&referral.deal.notes, &policy.notes),
            campaign: if_empty(&referral.campaign, &policy.campaign),
            external_reference: self.reference(outcome),
            team: policy.team.clone(),
            ..ReferralChange::default()
        };
        let kept = self.meet(outcome, &mut change);
        (change, kept)
    }

    fn meet(&self, outcome: &Outcome, change: &mut ReferralChange) -> Vec<Kept> {
        let (crm, referral) = (
            terms::of_crm(outcome, self.policy),
            terms::of_referral(self.referral),
        );
        let meeting = Meeting {
            crm: &crm,
            crm_at: outcome.changed_at,
            referral: &referral,
            referral_at: self.referral.updated_at,
            agreed: self.agreed,
        };
        meeting.settle(self.policy.fields, change)
    }

    /// Our record's id, where the referral carries none: the deal's where there is one.
    fn reference(&self, outcome: &Outcome) -> Option<String> {
        let RecordRef(record) = &outcome.record;
        (self.referral.external_reference.trim().is_empty() && !record.is_empty()).then(|| record.clone())
    }

    fn checked(&self, steps: Vec<ReferralChange>, kept: Vec<Kept>) -> Decision {
        let first = steps.first().and_then(|step| refusal(self.referral, step));
        // The reason of a later step is known now as well as then.
        let reason = steps.iter().skip(1).find_map(|step| refusal(self.referral, step));
        match first.or(reason) {
            Some(refusal) => Decision::Refuse(refusal),
            None => self.write(steps, kept),
        }
    }

    /// Only what says something new.
    fn write(&self, steps: Vec<ReferralChange>, kept: Vec<Kept>) -> Decision {
        let steps: Vec<ReferralChange> = steps
            .into_iter()
            .map(|step| step.beyond(self.referral))
            .filter(|step| !step.is_empty())
            .collect();
        if steps.is_empty() {
            return Decision::Agree(kept);
        }
        match refusal(self.referral, &steps[0]) {
            Some(refusal) => Decision::Refuse(refusal),
            None => Decision::Write(steps, kept),
        }
    }
}

/// The end, with its reason where it has one.
fn closing(step: ReferralMove, outcome: &Outcome) -> ReferralChange {
    let says = outcome.reason.clone().unwrap_or_else(|| outcome.state.clone());
    ReferralChange {
        step: Some(step),
        reason: (step != ReferralMove::Win).then_some(says),
        ..ReferralChange::default()
    }
}

#[cfg(test)]
pub(in crate::syncback) mod tests;
