//! Where a lead made by referrals goes, and what begins to run.

use connector_kit::ids::AccountName;

use super::referrals::{body, comes, referral, with};
use super::*;
use crate::store::ClockKind;

fn outgoing(id: &str, updated: i64) -> Understanding {
    let ours = json!({"direction": "Outgoing", "qualification": "SalesQualified", "type": "Shared"});
    comes(&with(body(id, "Active/Accepted", updated), &ours))
}

/// Why it goes nowhere, or in which lane it goes.
type Fate = (Option<Suppression>, Option<Lane>);
/// What happens, batch by batch, and the fate after each.
type Case = (&'static str, Vec<Vec<Understanding>>, Vec<Fate>);

/// The fate of the only lead after each batch.
fn fates(batches: &[Vec<Understanding>]) -> Vec<Fate> {
    let mut known = BTreeMap::new();
    batches
        .iter()
        .map(|batch| {
            let settlement = settle(&mut known, batch, true);
            let [change] = &settlement.leads[..] else {
                panic!("one lead")
            };
            (change.suppression, change.routes.first().map(|(_, lane)| *lane))
        })
        .collect()
}

#[test]
fn what_is_closed_or_our_own_makes_no_delivery_of_its_own() {
    use Suppression::{ClosedReferral, DoNotContact, OwnReferral};
    let closed = referral("a", "Closed/Lost", 5);
    let open = referral("a", "New/Pending", 0);
    let gone = (Some(ClosedReferral), None);
    let ours = (Some(OwnReferral), None);
    let hot = (None, Some(Lane::Hot));
    let asks = ada("StartTestDrive", "p.o", 1);
    let refused = comes(&with(
        body("a", "Closed/Lost", 5),
        &json!({"consent": {"consentToContact": false}}),
    ));
    let other = referral("b", "New/Pending", 6);
    let unknown = referral("a", "Shelved/Somewhere", 5);
    let deal = |updated, asked| {
        let members = json!({"type": "Shared", "qualification": "None", "details": {"customerRequestedContact": asked}});
        comes(&with(body("a", "Active/Accepted", updated), &members))
    };
    let microsofts = comes(&with(
        body("m", "New/Pending", 0),
        &json!({"type": "Shared", "qualification": "None", "target": [{"id": "msft"}]}),
    ));
    let table: [Case; 15] = [
        (
            "it is for the other side to answer",
            vec![vec![microsofts]],
            vec![ours],
        ),
        (
            "closed before it was seen",
            vec![vec![closed.clone()]],
            vec![gone],
        ),
        (
            "seen open, then closed",
            vec![vec![open.clone()], vec![closed.clone()]],
            vec![hot, hot],
        ),
        (
            "both at once",
            vec![vec![open.clone(), closed.clone()]],
            vec![hot],
        ),
        (
            "its open version comes late",
            vec![vec![closed.clone()], vec![open.clone()]],
            vec![gone, gone],
        ),
        (
            "somebody asks later",
            vec![vec![closed.clone()], vec![asks.clone()], vec![closed.clone()]],
            vec![gone, (None, Some(Lane::Live)), (None, None)],
        ),
        (
            "it joins a lead on its way",
            vec![vec![asks.clone()], vec![closed.clone()]],
            vec![(None, Some(Lane::Live)), (None, Some(Lane::Update))],
        ),
        (
            "both in one batch",
            vec![vec![closed.clone(), asks.clone()]],
            vec![(None, Some(Lane::Live))],
        ),
        (
            "another is open",
            vec![vec![closed.clone()], vec![other.clone()]],
            vec![gone, hot],
        ),
        (
            "we sent it",
            vec![vec![outgoing("o", 0)], vec![outgoing("o", 3)]],
            vec![ours, ours],
        ),
        (
            "ours, and one that is closed",
            vec![vec![outgoing("o", 0)], vec![closed.clone()]],
            vec![ours, gone],
        ),
        (
            "ours joins a lead on its way",
            vec![vec![asks], vec![outgoing("o", 3)]],
            vec![(None, Some(Lane::Live)), (None, Some(Lane::Update))],
        ),
        (
            "a closed one forbids contact",
            vec![vec![refused]],
            vec![(Some(DoNotContact), None)],
        ),
        (
            "a customer asks to be called while a deal goes on",
            vec![vec![deal(0, false)], vec![deal(5, true)]],
            vec![(None, Some(Lane::Live)), hot],
        ),
        ("nobody knows how it stands", vec![vec![unknown]], vec![hot]),
    ];
    for (what, batches, expected) in table {
        assert_eq!(fates(&batches), expected, "{what}");
    }
}

#[test]
fn an_old_referral_that_waits_is_worth_a_delivery_whatever_was_closed_since() {
    let closed = |n: i64| {
        let made = json!({"createdDateTime": minutes(n)});
        comes(&with(body(&format!("c{n}"), "Closed/Lost", 60), &made))
    };
    let mut batch: Vec<_> = (1..8).map(closed).collect();
    let mut known = BTreeMap::new();
    let history = settle(&mut known, &batch, true);
    assert_eq!(history.leads[0].suppression, Some(Suppression::ClosedReferral));
    let waits = referral("a", "New/Pending", 0);
    let found = settle(&mut known, std::slice::from_ref(&waits), true);
    assert_eq!(
        (found.leads[0].suppression, found.leads[0].clocks.len()),
        (None, 2)
    );
    batch.insert(3, waits);
    let whole = settle(&mut BTreeMap::new(), &batch, true);
    assert_eq!(
        (whole.leads[0].suppression, whole.leads[0].clocks.len()),
        (None, 2)
    );
}

#[test]
fn a_referral_without_a_route_is_routed_when_there_is_one() {
    let mut known = BTreeMap::new();
    let nowhere = settle(&mut known, &[referral("a", "New/Pending", 0)], false);
    let change = &nowhere.leads[0];
    assert_eq!(
        (change.suppression, change.clocks.len()),
        (Some(Suppression::NoRoute), 0)
    );
    let found = settle(&mut known, &[referral("a", "New/Received", 4)], true);
    let change = &found.leads[0];
    assert_eq!(
        (change.suppression, &change.routes[..]),
        (None, &[("crm".into(), Lane::Hot)][..])
    );
    assert_eq!(change.clocks.len(), 2, "all begin that could not before");
}

#[test]
fn a_try_out_that_became_a_referral_goes_nowhere_and_is_one_lead() {
    let test = |updated| {
        let profile =
            json!({"customerProfile": {"team": [{"firstName": "MSFT_TEST_1", "email": "ada@example.com"}]}});
        comes(&with(body("a", "New/Pending", updated), &profile))
    };
    let mut known = BTreeMap::new();
    settle(&mut known, &[ada("INS", "p.o", 0)], true);
    let settlement = settle(&mut known, &[test(0), test(1)], true);
    assert_eq!(understood(&settlement), ["new", "repeat"]);
    assert_eq!(settlement.leads[0].suppression, Some(Suppression::TestLead));
    let again = settle(&mut known, &[test(2)], true);
    assert_eq!(
        (understood(&again), again.leads[0].suppression),
        (vec!["repeat"], Some(Suppression::TestLead))
    );
}

/// Kind and hours of each clock, and whether it is about a referral.
fn clocks(rules: &Rules, batches: &[&[Understanding]]) -> Vec<Vec<(ClockKind, i64, bool)>> {
    let mut known = BTreeMap::new();
    let hours = |change: &LeadChange| {
        let clocks = change.clocks.iter();
        clocks
            .map(|clock| {
                (
                    clock.kind,
                    (clock.due_at - clock.starts_at).num_hours(),
                    clock.referral.is_some(),
                )
            })
            .collect::<Vec<_>>()
    };
    batches
        .iter()
        .map(|batch| {
            settle_by(rules, &mut known, batch, true)
                .leads
                .iter()
                .flat_map(hours)
                .collect()
        })
        .collect()
}

#[test]
fn clocks_begin_with_what_waits_for_us() {
    use ClockKind::{Answer, DirectContact, FollowUp};
    let watched = Rules {
        follow_up_leads: [AccountName::new("default")].into(),
        ..Rules::default()
    };
    let elsewhere = Rules {
        follow_up_leads: [AccountName::new("fabrikam")].into(),
        ..Rules::default()
    };
    let calls = comes(&with(
        body("a", "New/Pending", 0),
        &json!({"details": {"customerRequestedContact": true}}),
    ));
    // Made at noon, due at midnight fourteen days later.
    let answer = (Answer, 14 * 24 - 12, true);
    let (follow, lead) = ((FollowUp, 24, true), (FollowUp, 24, false));
    let late = |minutes: i64| Understanding {
        received_at: start() + TimeDelta::hours(24) + TimeDelta::minutes(minutes),
        ..ada("PLT", "p.o", 0)
    };
    assert_eq!(clocks(&Rules::default(), &[&[ada("PLT", "p.o", 0)]]), [[]]);
    assert_eq!(clocks(&elsewhere, &[&[ada("PLT", "p.o", 0)]]), [[]]);
    assert_eq!(
        clocks(
            &watched,
            &[
                &[ada("PLT", "p.o", 0), ada("INS", "p.o", 5)],
                &[ada("PLT", "p.x", 9)]
            ]
        ),
        [vec![lead], vec![]]
    );
    assert_eq!(clocks(&watched, &[&[late(0)]]), [[lead]]);
    assert_eq!(clocks(&watched, &[&[late(1)]]), [[]], "nobody could have kept it");
    assert_eq!(clocks(&watched, &[&[ada("DNC", "p.o", 0)]]), [[]]);
    assert_eq!(
        clocks(&Rules::default(), &[&[calls]]),
        [[follow, (DirectContact, 72, true), answer]]
    );
    assert_eq!(
        clocks(
            &watched,
            &[&[referral("a", "New/Pending", 0), ada("PLT", "p.o", 5)]]
        ),
        [[follow, answer, lead]]
    );
    assert_eq!(
        clocks(
            &watched,
            &[&[ada("PLT", "p.o", 5)], &[referral("a", "New/Pending", 0)]]
        ),
        [vec![lead], vec![follow, answer]]
    );
    for quiet in [
        referral("a", "Active/Accepted", 0),
        referral("a", "Closed/Won", 0),
        outgoing("a", 0),
    ] {
        assert_eq!(clocks(&watched, &[&[quiet]]), [[]]);
    }
}
