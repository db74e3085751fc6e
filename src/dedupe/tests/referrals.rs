//! Referrals make leads, join them, and change.

use connector_kit::lead::REFERRALS_CARRIED;
use connector_kit::{Referral, ReferralState};
use serde_json::Value;

use super::*;
use crate::store::Link;

/// The referral `id` of Ada's, made at minute 0 and last changed `updated` minutes after the start.
pub(super) fn body(id: &str, state: &str, updated: i64) -> Value {
    let (status, substatus) = state.split_once('/').unwrap();
    json!({
        "id": id, "status": status, "substatus": substatus, "qualification": "Direct", "type": "Independent",
        "direction": "Incoming", "name": "Analytics", "eTag": format!("\"{updated}\""),
        "createdDateTime": minutes(0), "updatedDateTime": minutes(updated),
        "customerProfile": {
            "name": "Contoso", "address": {"country": "US"},
            "team": [{"firstName": format!("Ada {updated}"), "email": "ADA@example.com"}],
        },
        "consent": {"consentToContact": true},
        "details": {"notes": format!("Said at {updated}."), "requirements": {"solutions": [{"id": "SOL-1"}]}},
    })
}

/// The same with other members at the top.
pub(super) fn with(mut body: Value, members: &Value) -> Value {
    for (name, member) in members.as_object().unwrap() {
        body[name] = member.clone();
    }
    body
}

/// Arrives the minute it was changed.
pub(super) fn comes(body: &Value) -> Understanding {
    let updated: DateTime<Utc> = body["updatedDateTime"].as_str().unwrap().parse().unwrap();
    arrived(
        RawFormat::Referral,
        "partner",
        body,
        (updated - start()).num_minutes(),
    )
}

pub(super) fn referral(id: &str, state: &str, updated: i64) -> Understanding {
    comes(&body(id, state, updated))
}

fn with_customer(body: &Value, email: Option<&str>) -> Value {
    let team = email.map(|email| json!([{"email": email}]));
    with(
        body.clone(),
        &json!({"customerProfile": {"name": "Contoso", "team": team}}),
    )
}

fn links(settlement: &Settlement) -> Vec<(&str, &str, Link)> {
    let notes = settlement.leads.iter().flat_map(|change| &change.referrals);
    notes
        .map(|note| {
            (
                note.referral.id.as_str(),
                note.referral.state.substatus(),
                note.link,
            )
        })
        .collect()
}

#[test]
fn all_hundred_and_twenty_orders_of_inquiries_and_referrals_give_one_lead() {
    let other = with(
        body("b", "New/Pending", 50),
        &json!({"createdDateTime": minutes(45), "qualification": "SalesQualified"}),
    );
    let arrivals = [
        ada("PLT", "p.o", 10),
        ada("INS", "p.x", 20),
        referral("a", "New/Pending", 0),
        referral("a", "Active/Accepted", 40),
        comes(&other),
    ];
    let expected = fold(&arrivals);
    let lead = &expected.0;
    let ids: Vec<_> = lead
        .referrals
        .iter()
        .map(|held| (held.id.as_str(), &held.state))
        .collect();
    assert_eq!(
        ids,
        [("b", &ReferralState::Pending), ("a", &ReferralState::Accepted)]
    );
    assert_eq!((lead.touches.len(), lead.intent), (4, Intent::Acquired));
    assert_eq!(lead.person.first_name.as_ref().unwrap().value, "Ada 50");
    let orders = permutations(&arrivals);
    assert_eq!(orders.len(), 120);
    for order in orders {
        assert_eq!(fold(&order), expected);
        let mut known = BTreeMap::new();
        for one in &order {
            settle(&mut known, std::slice::from_ref(one), true);
        }
        assert_eq!(known.len(), 3, "the person and two referrals");
        assert!(known.values().all(|known| known.lead == expected.0));
    }
}

#[test]
fn later_versions_are_the_same_touch_and_their_words_replace_older_ones() {
    let mut known = BTreeMap::new();
    let first = settle(&mut known, &[referral("a", "New/Pending", 0)], true);
    assert_eq!(understood(&first), ["new"]);
    let month = 30 * 24 * 60;
    let later = with(
        body("a", "Active/Accepted", month),
        &json!({"name": "Renamed", "details": {"notes": "By phone."}}),
    );
    let second = settle(&mut known, &[comes(&later)], true);
    assert_eq!(understood(&second), ["repeat"]);
    let change = &second.leads[0];
    assert_eq!((change.revision, change.routes.len()), (2, 1));
    let [touch] = &change.lead.touches[..] else {
        panic!("one touch")
    };
    assert_eq!(
        (touch.description.as_str(), touch.offer.as_str()),
        ("Said at 0.", "SOL-1")
    );
    assert_eq!((touch.at, change.lead.last_at), (minutes(0), minutes(0)));
    let held = change.lead.referral().unwrap();
    assert_eq!(
        (held.name.as_str(), held.deal.notes.as_str()),
        ("Renamed", "By phone.")
    );
    assert_eq!(
        change.lead.person.first_name.as_ref().unwrap().value,
        format!("Ada {month}")
    );
    let stale = settle(&mut known, &[referral("a", "New/Received", 60)], true);
    assert_eq!(stale.leads[0].lead.referrals, change.lead.referrals);
    assert_eq!(stale.leads[0].revision, 2);
}

#[test]
fn a_version_without_other_words_is_kept_and_raises_no_revision() {
    let mut known = BTreeMap::new();
    let same = |updated: i64| {
        let moments = json!({"updatedDateTime": minutes(updated), "eTag": updated.to_string()});
        comes(&with(body("a", "New/Pending", 0), &moments))
    };
    settle(&mut known, &[same(0)], true);
    let touched = settle(&mut known, &[same(9)], true);
    let change = &touched.leads[0];
    assert_eq!((change.revision, change.routes.len()), (1, 0));
    assert_eq!(change.lead.referral().unwrap().updated_at, minutes(9));
    assert_eq!(change.referrals.len(), 1, "whoever reports needs the newest eTag");
    for (member, value) in [
        ("status", json!("Active")),
        ("name", json!("Other")),
        ("favorite", json!(true)),
        ("expirationDateTime", json!("2026-12-01T00:00:00Z")),
    ] {
        let mut fresh = known.clone();
        let mut body = with(
            body("a", "New/Pending", 0),
            &json!({"updatedDateTime": minutes(20)}),
        );
        body[member] = value;
        let settlement = settle(&mut fresh, &[comes(&body)], true);
        assert_eq!(settlement.leads[0].revision, 2, "{member}");
    }
}

#[test]
fn a_lead_carries_the_referrals_made_last() {
    let made = |n: i64| {
        let made = json!({"createdDateTime": minutes(n)});
        comes(&with(
            body(&format!("r{n}"), "Closed/Lost", 100 + (n * 7) % 10),
            &made,
        ))
    };
    let all: Vec<_> = (0..8).map(made).collect();
    let (lead, spans) = fold(&all);
    let ids: Vec<_> = lead.referrals.iter().map(|held| held.id.as_str()).collect();
    assert_eq!(ids, ["r7", "r6", "r5", "r4", "r3"]);
    assert_eq!((ids.len(), spans.len()), (REFERRALS_CARRIED, 8));
    assert_eq!(fold(all.iter().rev()), (lead, spans));
}

#[test]
fn our_side_of_a_deal_speaks_for_it() {
    let other_side = with(
        body("m", "New/Pending", 30),
        &json!({"createdDateTime": minutes(30), "organizationId": "msft"}),
    );
    let (lead, _) = fold(&[referral("a", "Active/Accepted", 0), comes(&other_side)]);
    assert_eq!(lead.referrals[0].id.as_str(), "m");
    assert_eq!(lead.referral().unwrap().id.as_str(), "a");
    let (alone, _) = fold(&[comes(&other_side)]);
    assert_eq!(alone.referral().unwrap().id.as_str(), "m");
}

#[test]
fn a_referral_finds_its_lead_whatever_becomes_of_the_address() {
    let mut known = BTreeMap::new();
    let nobody = with_customer(&body("a", "New/Pending", 0), None);
    let first = settle(&mut known, &[comes(&nobody)], true);
    assert_eq!(
        (understood(&first), first.leads[0].identities.len()),
        (vec!["new"], 1)
    );
    let named = with_customer(&body("a", "New/Received", 5), Some("grace@example.com"));
    let second = settle(&mut known, &[comes(&named)], true);
    assert_eq!(
        (understood(&second), second.leads[0].identities.len()),
        (vec!["repeat"], 1)
    );
    let moved = with_customer(&body("a", "Active/Accepted", 6), Some("g.hopper@example.com"));
    settle(&mut known, &[comes(&moved)], true);
    let asks = |email: &str| {
        said(
            &json!({"UserDetails": {"Email": email}, "LeadSource": "SPZA-INS|p.o"}),
            7,
        )
    };
    let inquiries = settle(
        &mut known,
        &[asks("grace@example.com"), asks("g.hopper@example.com")],
        true,
    );
    assert_eq!(understood(&inquiries), ["merged", "repeat"]);
    assert_eq!(known.values().map(|known| known.key).max(), Some(LeadKey(1)));
}

#[test]
fn the_referrals_own_lead_comes_before_the_lead_of_its_new_address() {
    let grace = said(
        &json!({"UserDetails": {"Email": "grace@example.com"}, "LeadSource": "SPZA-INS|p.o"}),
        0,
    );
    let moved = comes(&with_customer(
        &body("a", "New/Received", 5),
        Some("grace@example.com"),
    ));
    let first = referral("a", "New/Pending", 0);
    let (mut whole, mut parts) = (BTreeMap::new(), BTreeMap::new());
    settle(&mut whole, &[grace.clone(), first.clone(), moved.clone()], true);
    for one in [grace, first, moved] {
        settle(&mut parts, &[one], true);
    }
    for known in [whole, parts] {
        assert_eq!(known.len(), 3, "two addresses and a referral");
        let of_referral = known.values().find(|known| !known.lead.referrals.is_empty());
        let of_grace = known.values().find(|known| known.lead.referrals.is_empty());
        let addresses = [of_referral, of_grace].map(|known| known.unwrap().lead.person.email.clone());
        assert!(
            addresses
                .iter()
                .all(|email| email.as_ref().unwrap().value == "grace@example.com")
        );
    }
}

#[test]
fn one_lead_is_in_hand_once_under_whatever_identity_it_is_asked_for() {
    let mut known = BTreeMap::new();
    settle(&mut known, &[referral("a", "New/Pending", 0)], true);
    let batch = [
        ada("INS", "p.o", 1),
        comes(&with_customer(&body("a", "New/Received", 2), None)),
        comes(&with_customer(
            &body("b", "New/Pending", 3),
            Some("ada@example.com"),
        )),
    ];
    let settlement = settle(&mut known, &batch, true);
    assert_eq!(understood(&settlement), ["merged", "repeat", "merged"]);
    assert_eq!(settlement.leads.len(), 1);
    assert_eq!(
        settlement.leads[0].identities.len(),
        1,
        "only the second referral is news"
    );
}

#[test]
fn no_consent_to_contact_closes_the_gate_in_every_order() {
    let refused = with(
        body("a", "New/Received", 5),
        &json!({"consent": {"consentToContact": false}}),
    );
    let arrivals = [
        referral("a", "New/Pending", 0),
        comes(&refused),
        referral("a", "Active/Accepted", 9),
        ada("INS", "p.o", 3),
    ];
    for order in permutations(&arrivals) {
        let mut known = BTreeMap::new();
        let mut closed = false;
        for one in &order {
            let settlement = settle(&mut known, std::slice::from_ref(one), true);
            closed |= one.touch.dnc;
            let change = &settlement.leads[0];
            assert_eq!(change.lead.dnc, closed);
            let expected = closed.then_some(Suppression::DoNotContact);
            assert_eq!(
                (change.suppression, change.routes.is_empty() || !closed),
                (expected, true)
            );
            assert!(!closed || change.clocks.is_empty());
        }
        assert!(closed);
    }
}

#[test]
fn a_batch_notes_each_referral_once_in_its_newest_version() {
    let batch = [
        referral("a", "Active/Accepted", 5),
        referral("a", "New/Pending", 0),
        referral("b", "New/Pending", 3),
        referral("a", "Closed/Won", 9),
    ];
    let settlement = settle(&mut BTreeMap::new(), &batch, true);
    assert_eq!(
        links(&settlement),
        [("a", "Won", Link::Own), ("b", "Pending", Link::OtherReferral)]
    );
    assert!(
        settlement.leads[0]
            .referrals
            .iter()
            .all(|note| note.source.as_str() == "partner")
    );
}

#[test]
fn a_link_is_decided_when_the_referral_is_first_seen() {
    let (asks, comes) = (ada("PLT", "p.o", 10), referral("a", "New/Pending", 0));
    let table: [(&[Understanding], Link); 3] = [
        (&[asks.clone(), comes.clone()], Link::Matched),
        (&[comes.clone(), asks.clone()], Link::Own),
        (
            &[asks.clone(), ada("INS", "p.o", 11), comes.clone()],
            Link::KnownBefore,
        ),
    ];
    for (order, link) in table {
        let whole = settle(&mut BTreeMap::new(), order, true);
        assert_eq!(links(&whole), [("a", "Pending", link)]);
        let mut known = BTreeMap::new();
        let first_seen: Vec<_> = order
            .iter()
            .filter_map(|one| {
                let settlement = settle(&mut known, std::slice::from_ref(one), true);
                settlement.leads[0].referrals.first().map(|note| note.link)
            })
            .collect();
        assert_eq!(first_seen, [link]);
    }
}

#[test]
fn two_views_of_one_moment_are_told_apart_by_their_words() {
    let view = |name: &str| -> Referral {
        let named = json!({"name": name, "eTag": ""});
        comes(&with(body("a", "New/Pending", 0), &named))
            .referral
            .unwrap()
    };
    let newer = |one: &str, other: &str| view(one).newer(view(other)).name;
    assert_eq!(newer("A", "B"), newer("B", "A"));
}
