//! What an operator ordered, held against how the referral stands. Pure.

use connector_kit::referral::Phase;
use connector_kit::{Referral, ReferralChange, ReferralMove, ReferralState};

use super::plan::Decision;
use super::preflight::{Refusal, refusal};

/// Decides about an order; [`Decision::Agree`] when there is nothing left of it to do.
///
/// An order obeys the same rules as what the CRM says. It needs no link: whoever gives it knows.
pub fn decide(order: &ReferralChange, referral: &Referral) -> Decision {
    let rest = order.clone().beyond(referral);
    if rest.is_empty() {
        return Decision::Agree(Vec::new());
    }
    match referral.state.phase() {
        Phase::New => answer(rest, referral),
        Phase::Active => go_on(rest, referral),
        Phase::Closed if is_done(order, referral) => Decision::Agree(Vec::new()),
        Phase::Closed => Decision::Refuse(Refusal::new(
            format!("it is {} for good", referral.state),
            "a closed referral cannot be changed any more, not even its notes",
        )),
        Phase::Unknown => Decision::Refuse(Refusal::new(
            format!("it stands at {}, which no document explains", referral.state),
            "look at it in Partner Center, and answer it there",
        )),
    }
}

/// It is where the order wanted it; what else it says cannot be changed any more.
fn is_done(order: &ReferralChange, referral: &Referral) -> bool {
    let wanted = order.step.map(ReferralMove::target);
    wanted.is_some_and(|wanted| wanted == referral.state)
}

fn answer(rest: ReferralChange, referral: &Referral) -> Decision {
    let steps = match rest.step {
        Some(ReferralMove::Accept | ReferralMove::Decline | ReferralMove::Acknowledge) => vec![rest],
        Some(end @ (ReferralMove::Win | ReferralMove::Lose)) => {
            let last = ReferralChange {
                step: Some(end),
                reason: rest.reason.clone(),
                ..ReferralChange::default()
            };
            let accept = ReferralChange {
                step: Some(ReferralMove::Accept),
                reason: None,
                ..rest
            };
            vec![accept, last]
        }
        None => {
            let hint = format!("accept it first: leadsync referral accept {}", referral.id);
            return Decision::Refuse(Refusal::new("nobody has accepted it yet", hint));
        }
    };
    checked(steps, referral)
}

fn go_on(rest: ReferralChange, referral: &Referral) -> Decision {
    match rest.step {
        // It was accepted by whomever: what is left of the order is an edit.
        Some(ReferralMove::Accept | ReferralMove::Acknowledge) => {
            let edit = ReferralChange { step: None, ..rest };
            if edit.is_empty() {
                return Decision::Agree(Vec::new());
            }
            checked(vec![edit], referral)
        }
        Some(ReferralMove::Decline) => Decision::Refuse(Refusal::new(
            format!(
                "it is {} already, and can no longer be declined",
                ReferralState::Accepted
            ),
            format!(
                "report it as lost: leadsync referral lost {} --reason ..",
                referral.id
            ),
        )),
        _ => checked(vec![rest], referral),
    }
}

fn checked(steps: Vec<ReferralChange>, referral: &Referral) -> Decision {
    match steps.iter().find_map(|step| refusal(referral, step)) {
        Some(refusal) => Decision::Refuse(refusal),
        None => Decision::Write(steps, Vec::new()),
    }
}

#[cfg(test)]
mod tests;
