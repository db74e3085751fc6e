//! How an order ended is read from what is kept of it.

use connector_kit::ConnectorError;

use super::super::super::samples::{hour, noon, referral, report, step};
use super::*;
use crate::syncback::Refusal;

/// With its report in this state, and these steps: hour and result.
fn story(state: &'static str, is_open: bool, steps: &[(i64, &str)]) -> ReferralStory {
    let mut row = report(state);
    row.order = is_open.then(|| Order {
        change: ReferralChange::default(),
        at: noon(),
    });
    let mut story = referral("New/Received");
    story.report = Some(row);
    story.steps = steps
        .iter()
        .map(|(at, result)| step(hour(*at), result, ""))
        .collect();
    story
}

#[test]
fn an_order_is_done_refused_or_comes_later() {
    let word = |ending: &Ending| match ending {
        Ending::Done => "done",
        Ending::Refused { .. } => "refused",
        Ending::Later(_) => "later",
        Ending::Unanswered(_) => "unanswered",
    };
    for (state, is_open, steps, expected) in [
        ("settled", false, vec![(0, "ordered"), (1, "done")], "done"),
        ("settled", false, vec![(0, "ordered")], "done"),
        ("due", false, vec![(0, "ordered"), (1, "done")], "done"),
        ("refused", false, vec![(0, "ordered"), (1, "refused")], "refused"),
        ("refused", false, vec![(0, "ordered")], "refused"),
        // The order went through; what the CRM says afterwards does not.
        ("refused", false, vec![(0, "ordered"), (1, "done")], "done"),
        // An older refusal is not the order's.
        ("settled", false, vec![(-5, "refused"), (0, "ordered")], "done"),
        ("due", true, vec![(0, "ordered")], "later"),
        ("leased", true, vec![(0, "ordered")], "later"),
        ("waiting", true, vec![(0, "ordered")], "later"),
    ] {
        let ended = ending(&story(state, is_open, &steps), noon());
        assert_eq!(word(&ended), expected, "{state}, open: {is_open}, {steps:?}");
    }
    assert_eq!(ending(&referral("New/Received"), noon()), Ending::Done);
}

#[test]
fn a_refusal_says_why_and_what_to_do() {
    let told = ending(&story("refused", false, &[(1, "refused")]), noon());
    let (reason, hint) = ("to accept it, there is no deal value", "fill it in, in the CRM");
    assert_eq!(
        told,
        Ending::Refused {
            reason: reason.into(),
            hint: hint.into()
        }
    );
    let waits = ending(&story("waiting", true, &[]), noon());
    assert_eq!(
        waits,
        Ending::Later("a co-sell deal must not be won so soon".into())
    );
}

/// What our own attempt came to.
fn reported(end: End, is_done: bool, order_refused: Option<&str>) -> Reported {
    Reported {
        lead: connector_kit::LeadId::from_bytes([7; 16]),
        end,
        plan: Vec::new(),
        steps: Vec::new(),
        order_refused: order_refused.map(|reason| Refusal::new(reason, "look")),
        order_done: is_done,
        agreed: None,
        remind_crm: false,
    }
}

#[test]
fn our_own_attempt_tells_of_the_order_and_not_of_what_the_crm_says() {
    let failed = |kind| End::Failed(ConnectorError::new(kind, "write it: 500"));
    let crm = || End::Refused(Refusal::new("the CRM says won", "correct the CRM"));
    let said = |reason: &str, hint: &str| {
        Some(Ending::Refused {
            reason: reason.into(),
            hint: hint.into(),
        })
    };
    for (end, is_done, refusal, expected) in [
        (End::Settled, true, None, Some(Ending::Done)),
        (crm(), true, None, Some(Ending::Done)),
        (failed(ErrorKind::Unreachable), true, None, Some(Ending::Done)),
        (
            End::Settled,
            true,
            Some("it is closed"),
            said("it is closed", "look"),
        ),
        (crm(), false, None, said("the CRM says won", "correct the CRM")),
        (
            End::Waiting(noon(), "too soon"),
            false,
            None,
            Some(Ending::Later("too soon".into())),
        ),
        (
            failed(ErrorKind::Broken),
            false,
            None,
            Some(Ending::Unanswered("could not write it: 500".into())),
        ),
        (
            failed(ErrorKind::Unauthorized),
            false,
            None,
            said("could not write it: 500", "see leadsync doctor"),
        ),
        (End::LeaseLost, false, None, None),
    ] {
        let told = reported(end, is_done, refusal);
        assert_eq!(of_report(&told), expected, "{told:?}");
    }
}
