//! Changes become the documented operations, and nothing illegal leaves.

use super::*;
use connector_kit::ReferralMove;
use connector_kit::referral::read::referral;

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/referrals");
    std::fs::read(format!("{folder}/{name}.json")).unwrap()
}

fn sample(name: &str) -> Value {
    serde_json::from_slice(&fixture(name)).unwrap()
}

fn seen(state: &str) -> Referral {
    let mut seen = referral(&fixture("referral_new_pending_direct_lead"))
        .unwrap()
        .referral;
    seen.state = state.to_owned().into();
    seen
}

fn step(step: ReferralMove) -> ReferralChange {
    ReferralChange {
        step: Some(step),
        ..ReferralChange::default()
    }
}

#[test]
fn changes_become_the_documented_operations() {
    let accept = ReferralChange {
        name: Some("Fabrikam - M365 rollout".into()),
        value: "25000".parse().ok(),
        currency: Some("USD".into()),
        closes_on: "2024-09-30".parse().ok(),
        notes: Some("Qualified by phone.".into()),
        external_reference: Some("crm-lead-77".into()),
        ..step(ReferralMove::Accept)
    };
    let decline = ReferralChange {
        reason: Some("Customer did not respond".into()),
        ..step(ReferralMove::Decline)
    };
    let lost = ReferralChange {
        reason: Some("Project budget is not adequate".into()),
        ..step(ReferralMove::Lose)
    };
    let team = ReferralChange {
        team: vec![Member {
            first_name: "Jane".into(),
            last_name: "Doe".into(),
            email: "jane.doe@contoso.example".into(),
            phone: "0000000001".into(),
        }],
        ..ReferralChange::default()
    };
    for (change, name) in [
        (accept, "patch_accept"),
        (decline, "patch_decline"),
        (lost, "patch_lost"),
        (step(ReferralMove::Win), "patch_won"),
        (team, "patch_add_team_member"),
    ] {
        assert_eq!(Value::from(operations(&change)), sample(name), "{name}");
    }
}

#[test]
fn every_field_of_a_change_is_written() {
    let whole = ReferralChange {
        step: Some(ReferralMove::Acknowledge),
        reason: Some("r".into()),
        name: Some("n".into()),
        value: "0.10".parse().ok(),
        currency: Some("EUR".into()),
        closes_on: "2026-12-01".parse().ok(),
        notes: Some("o".into()),
        external_reference: Some("x".into()),
        campaign: Some("c".into()),
        team: vec![Member::default()],
    };
    let written = operations(&whole);
    // Status is two operations.
    assert_eq!(written.len(), whole.fields().len() + 1);
    let value = |path: &str| {
        written
            .iter()
            .find(|op| op["path"] == path)
            .map(|op| op["value"].clone())
    };
    assert_eq!(value("/details/dealValue"), Some("0.10".into()));
    assert_eq!(value("/substatus"), Some("Received".into()));
    assert_eq!(value("/campaignId"), Some("c".into()));
}

#[test]
fn no_illegal_step_leaves() {
    use ReferralMove::{Accept, Acknowledge, Decline, Lose, Win};
    let states = [
        "New/Pending",
        "New/Received",
        "Active/Accepted",
        "Active/Engaged",
        "Closed/Won",
        "Closed/Expired",
        "Open/Odd",
    ];
    for state in states {
        for move_ in [Accept, Acknowledge, Decline, Lose, Win] {
            let seen = seen(state);
            let open = matches!(seen.state.phase(), Phase::New | Phase::Active);
            let legal = open && move_.is_legal_from(&seen.state);
            let answer = allowed(&seen, &step(move_));
            assert_eq!(answer.is_ok(), legal, "{state} {move_:?}");
            if let Err(error) = answer {
                assert_eq!(error.kind(), ErrorKind::Rejected);
                assert!(error.hint_text().is_some(), "{error}");
            }
        }
        let edit = ReferralChange {
            notes: Some("n".into()),
            ..ReferralChange::default()
        };
        let open = state.starts_with("New") || state.starts_with("Active");
        assert_eq!(allowed(&seen(state), &edit).is_ok(), open, "{state}");
    }
}

#[test]
fn nothing_is_written_without_an_etag() {
    let mut bare = seen("New/Pending");
    bare.etag.clear();
    assert_eq!(
        allowed(&bare, &step(ReferralMove::Accept)).unwrap_err().kind(),
        ErrorKind::Rejected
    );
}
