//! Who is linked, as a table.

use connector_kit::RawFormat;
use serde_json::{Value, json};

use super::*;
use crate::dedupe::span::{apply, place};
use crate::dedupe::{Rules, merge};
use crate::normalize::{self, Understanding, understand};
use crate::store::Arrival;

const HOUR: i64 = 60;

fn at(minutes: i64) -> chrono::DateTime<chrono::Utc> {
    "2026-11-20T12:00:00Z"
        .parse::<chrono::DateTime<chrono::Utc>>()
        .unwrap()
        + TimeDelta::minutes(minutes)
}

fn arrives(format: RawFormat, body: &Value, minutes: i64) -> Understanding {
    let arrival = Arrival {
        account: "default".into(),
        source: "web".into(),
        received_at: at(minutes),
        raw: connector_kit::RawLead {
            format,
            reference: None,
            occurred_at: None,
            body: body.to_string().into(),
        },
    };
    understand(&arrival, &normalize::Rules::default()).unwrap()
}

/// An inquiry, this many minutes after the referral was made.
fn asks(action: &str, offer: &str, minutes: i64) -> Understanding {
    let body = json!({"UserDetails": {"Email": "a@b.com"}, "LeadSource": format!("SPZA-{action}|{offer}")});
    arrives(RawFormat::MarketplaceJson, &body, minutes)
}

fn with_target(id: &str, target: &str) -> Understanding {
    let body = json!({
        "id": id, "createdDateTime": at(0), "type": "Shared",
        "target": [{"type": "BusinessProfileLocation", "id": target}],
    });
    arrives(RawFormat::Referral, &body, 0)
}

fn refers(id: &str, state: &str, solutions: &[&str]) -> Understanding {
    let solutions: Vec<_> = solutions.iter().map(|id| json!({"id": id})).collect();
    let body = json!({
        "id": id, "status": state, "createdDateTime": at(0), "qualification": "Direct",
        "details": {"requirements": {"solutions": solutions}},
    });
    arrives(RawFormat::Referral, &body, 0)
}

/// The link of a new referral to a lead with this history.
fn link_after(history: &[Understanding], solutions: &[&str]) -> Link {
    let (mut lead, mut spans) = (None::<Lead>, Vec::new());
    for one in history {
        let placement = place(
            &spans,
            touch_key(&one.touch),
            one.touch.at,
            Rules::default().window,
        );
        apply(&mut spans, &placement);
        let id = connector_kit::LeadId::from_bytes([1; 16]);
        lead = Some(merge(lead.as_ref(), id, &one.account, one, &spans));
    }
    let referral = refers("a", "New", solutions).referral.unwrap();
    link(&referral, lead.as_ref(), &spans)
}

#[test]
fn only_the_one_inquiry_of_a_day_is_linked() {
    use Link::{KnownBefore, Matched, OtherReferral, Own};
    let day = 24 * HOUR;
    let plt = |minutes| asks("PLT", "p.o", minutes);
    let elsewhere = |state| refers("b", state, &[]);
    let other_side = || with_target("b", "msft");
    let table: [(&str, Vec<Understanding>, Link); 18] = [
        ("nobody was known", vec![], Own),
        (
            "only earlier versions of itself",
            vec![refers("a", "New", &[])],
            Own,
        ),
        ("a minute before", vec![plt(-1)], Matched),
        ("a day before", vec![plt(-day)], Matched),
        ("more than a day before", vec![plt(-day - 1)], KnownBefore),
        ("a day after", vec![plt(day)], Matched),
        ("more than a day after", vec![plt(day + 1)], KnownBefore),
        (
            "the same inquiry repeated",
            vec![plt(-HOUR), plt(HOUR), plt(20 * HOUR), plt(40 * HOUR)],
            Matched,
        ),
        (
            "the same inquiry of old, and again",
            vec![plt(-90 * day), plt(-1)],
            KnownBefore,
        ),
        (
            "another of old",
            vec![asks("PLT", "p.x", -90 * day), plt(-1)],
            KnownBefore,
        ),
        (
            "two actions of one day",
            vec![plt(-2), asks("INS", "p.o", -1)],
            KnownBefore,
        ),
        (
            "two offers of one day",
            vec![plt(-2), asks("PLT", "p.x", -1)],
            KnownBefore,
        ),
        ("another referral", vec![elsewhere("New")], OtherReferral),
        (
            "another referral that is closed",
            vec![elsewhere("Closed"), plt(-1)],
            OtherReferral,
        ),
        ("the other side of the deal", vec![other_side()], Own),
        (
            "the other side of the deal, and an inquiry",
            vec![other_side(), plt(-1)],
            Matched,
        ),
        (
            "an inquiry and itself",
            vec![plt(-1), refers("a", "New", &[])],
            Matched,
        ),
        (
            "itself and another",
            vec![refers("a", "New", &[]), elsewhere("New")],
            OtherReferral,
        ),
    ];
    for (what, history, expected) in table {
        assert_eq!(link_after(&history, &["SOL-1"]), expected, "{what}");
    }
}

#[test]
fn the_other_side_of_a_deal_is_never_linked() {
    let sides = ["msft", "SOL-1"].map(|target| with_target("a", target).referral.unwrap());
    assert_eq!(
        sides.map(|side| link(&side, None, &[])),
        [Link::OtherReferral, Link::Own]
    );
}

#[test]
fn what_it_is_about_contradicts_only_where_both_say_it_in_one_language() {
    use Link::{KnownBefore, Matched};
    let table: [(&str, &[&str], Link); 11] = [
        ("p.o", &[], Matched),
        ("p.o", &["SOL-34104-EBB"], Matched),
        ("p.o", &["CloudMigration"], Matched),
        ("p.o", &["65edc0b5-3485-41b7-a17e-dfa9ef4706e2"], Matched),
        ("p.o", &["P.O"], Matched),
        ("p.o", &["p.x"], KnownBefore),
        ("p.o", &["p.x", "p.o"], Matched),
        ("Contoso 2.0 Suite", &["p.x"], Matched),
        ("SOL-1", &["sol-1"], Matched),
        ("SOL-1", &["SOL-2"], KnownBefore),
        ("", &["p.x"], Matched),
    ];
    for (offer, solutions, expected) in table {
        assert_eq!(
            link_after(&[asks("PLT", offer, 0)], solutions),
            expected,
            "{offer} {solutions:?}"
        );
    }
}

#[test]
fn a_lead_with_more_referrals_than_it_carries_still_knows_them() {
    let mut history: Vec<_> = (0..7).map(|n| refers(&format!("b{n}"), "Closed", &[])).collect();
    history.push(asks("PLT", "p.o", 0));
    assert_eq!(link_after(&history, &[]), Link::OtherReferral);
}
