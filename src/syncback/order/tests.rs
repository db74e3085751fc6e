//! Orders obey the same rules as what the CRM says.

use super::super::plan::tests::referral;
use super::*;

fn order(step: Option<ReferralMove>) -> ReferralChange {
    ReferralChange {
        step,
        reason: matches!(step, Some(ReferralMove::Decline | ReferralMove::Lose)).then(|| "Budget".to_owned()),
        value: "100".parse().ok(),
        currency: Some("EUR".to_owned()),
        closes_on: "2026-12-31".parse().ok(),
        ..ReferralChange::default()
    }
}

fn told(decision: &Decision) -> String {
    let word = |change: &ReferralChange| change.step.map_or("edit", ReferralMove::as_str);
    match decision {
        Decision::Agree(_) => "agree".to_owned(),
        Decision::Write(steps, _) => steps.iter().map(word).collect::<Vec<_>>().join("+"),
        Decision::Refuse(_) => "refuse".to_owned(),
        Decision::Wait(..) => "wait".to_owned(),
    }
}

#[test]
fn every_order_meets_every_state_legally() {
    use ReferralMove::{Accept, Decline, Lose, Win};
    let orders = [None, Some(Accept), Some(Decline), Some(Win), Some(Lose)];
    let table = [
        (
            "New/Pending",
            ["refuse", "accept", "decline", "accept+win", "accept+lose"],
        ),
        ("Active/Accepted", ["edit", "edit", "refuse", "win", "lose"]),
        ("Closed/Won", ["refuse", "refuse", "refuse", "agree", "refuse"]),
        ("Closed/Lost", ["refuse", "refuse", "refuse", "refuse", "agree"]),
        ("Closed/Expired", ["refuse"; 5]),
        ("Odd/Odd", ["refuse"; 5]),
    ];
    for (state, expected) in table {
        let found = orders.map(|step| told(&decide(&order(step), &referral(state))));
        assert_eq!(found, expected, "{state}");
    }
}

#[test]
fn an_order_that_is_carried_out_asks_for_nothing_more() {
    let mut accepted = referral("Active/Accepted");
    accepted.deal.value = "100.0".parse().ok();
    accepted.deal.currency = Some("EUR".to_owned());
    accepted.deal.closes_at = "2026-12-31T00:00:00Z".parse().ok();
    let decision = decide(&order(Some(ReferralMove::Accept)), &accepted);
    assert_eq!(decision, Decision::Agree(Vec::new()));
}

#[test]
fn an_acceptance_without_a_value_is_refused_by_name() {
    let bare = ReferralChange {
        step: Some(ReferralMove::Accept),
        ..ReferralChange::default()
    };
    let Decision::Refuse(refusal) = decide(&bare, &referral("New/Pending")) else {
        panic!("it cannot be accepted");
    };
    assert!(
        refusal
            .reason
            .contains("no deal value, no currency, no closing date"),
        "{}",
        refusal.reason
    );
}

#[test]
fn values_that_cannot_be_right_are_refused_before_anybody_is_asked() {
    for (value, currency) in [("-1", "EUR"), ("1", "EURO"), ("1", "€")] {
        let wrong = ReferralChange {
            value: value.parse().ok(),
            currency: Some(currency.to_owned()),
            ..ReferralChange::default()
        };
        let decision = decide(&wrong, &referral("Active/Accepted"));
        assert_eq!(told(&decision), "refuse", "{value} {currency}");
    }
}
