//! The promises of the room, in any order and any grouping.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::lead::{Intent, Lead, Said, TOUCHES_CARRIED, Touch};
use connector_kit::{LeadId, RawFormat, RawLead};
use proptest::prelude::*;
use serde_json::json;

use super::span::apply;
use super::*;
use crate::normalize::{self, Reason, Understanding, Unreadable, understand};
use crate::store::{
    Arrival, InboxId, KnownLead, Lane, LeadKey, Settlement, Suppression, TouchKey, TouchSpan, Understood,
};

fn start() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn minutes(count: i64) -> DateTime<Utc> {
    start() + TimeDelta::minutes(count)
}

fn lead_id(n: u8) -> LeadId {
    LeadId::from_bytes([n; 16])
}

/// Ada does something with an offer, `at` minutes after the start.
fn ada(action: &str, offer: &str, at: i64) -> Understanding {
    said(
        &json!({
            "UserDetails": {"FirstName": format!("Ada {at}"), "Email": "Ada@Example.com", "Country": "US"},
            "LeadSource": format!("SPZA-{action}|{offer}"), "ActionCode": action,
        }),
        at,
    )
}

fn said(body: &serde_json::Value, at: i64) -> Understanding {
    let arrival = Arrival {
        account: "default".into(),
        source: "web".into(),
        received_at: minutes(at),
        raw: RawLead {
            format: RawFormat::MarketplaceJson,
            reference: None,
            occurred_at: None,
            body: body.to_string().into(),
        },
    };
    understand(&arrival, &normalize::Rules::default()).unwrap()
}

/// Everything one after another, as the store would see it.
fn fold<'a>(touches: impl IntoIterator<Item = &'a Understanding>) -> (Lead, Vec<TouchSpan>) {
    let mut spans = Vec::new();
    let mut lead: Option<Lead> = None;
    for understanding in touches {
        let touch = &understanding.touch;
        let placement = place(&spans, touch_key(touch), touch.at, Rules::default().window);
        apply(&mut spans, &placement);
        lead = Some(merge(
            lead.as_ref(),
            lead_id(1),
            &understanding.account,
            understanding,
            &spans,
        ));
    }
    spans.sort();
    (lead.unwrap(), spans)
}

fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(at);
        all.extend(
            permutations(&rest)
                .into_iter()
                .map(|tail| [vec![first.clone()], tail].concat()),
        );
    }
    all
}

/// Settles a batch into known leads, as a store would.
fn settle(known: &mut BTreeMap<Identity, KnownLead>, batch: &[Understanding], routed: bool) -> Settlement {
    let batch: Vec<_> = batch
        .iter()
        .cloned()
        .enumerate()
        .map(|(n, u)| (InboxId(i64::try_from(n).unwrap()), Ok(u)))
        .collect();
    let mut ids = (1 + u8::try_from(known.len()).unwrap()..).map(lead_id);
    let route = |_: &Lead| if routed { vec!["crm".into()] } else { Vec::new() };
    let settlement = plan(
        &batch,
        known,
        &Rules::default(),
        &mut || ids.next().unwrap(),
        &route,
    );
    for change in &settlement.leads {
        let Some(identity) = change.identity else { continue };
        let mut spans = known
            .get(&identity)
            .map(|known| known.spans.clone())
            .unwrap_or_default();
        spans.retain(|span| !change.spans_gone.contains(&(span.key, span.first_at)));
        spans.retain(|span| {
            !change
                .spans
                .iter()
                .any(|new| (new.key, new.first_at) == (span.key, span.first_at))
        });
        spans.extend(&change.spans);
        let lead = Lead::clone(&change.lead);
        let (revision, suppression) = (change.revision, change.suppression);
        known.insert(
            identity,
            KnownLead {
                key: LeadKey(1),
                lead,
                revision,
                spans,
                suppression,
            },
        );
    }
    settlement
}

use crate::store::Identity;

fn understood(settlement: &Settlement) -> Vec<&'static str> {
    let word = |(_, understood): &(InboxId, Understood)| match understood {
        Understood::New(_) => "new",
        Understood::Merged(_) => "merged",
        Understood::Repeat(_) => "repeat",
        Understood::Quarantined(_) => "quarantined",
    };
    settlement.arrivals.iter().map(word).collect()
}

#[test]
fn all_hundred_and_twenty_orders_give_one_lead() {
    let edit = said(
        &json!({"UserDetails": {"Email": "ada@example.com", "Company": "Contoso", "Title": ""}, "ActionCode": "INS",
        "LeadSource": "SPZA-INS|p.o"}),
        30,
    );
    let touches = [
        ada("INS", "p.o", 0),
        ada("PLT", "p.o", 10),
        ada("DNC", "p.o", 20),
        edit,
        ada("StartTestDrive", "p.td", 40),
    ];
    let orders = permutations(&touches);
    assert_eq!(orders.len(), 120);
    let expected = fold(&touches);
    assert!(expected.0.dnc && expected.0.intent == Intent::Acquired && expected.0.touches.len() == 4);
    assert_eq!(expected.0.person.company.as_ref().unwrap().value, "Contoso");
    for order in orders {
        assert_eq!(fold(&order), expected);
        let mut known = BTreeMap::new();
        for one in &order {
            settle(&mut known, std::slice::from_ref(one), true);
        }
        let settled = known.into_values().next().unwrap();
        assert_eq!(settled.lead, expected.0);
    }
}

#[test]
fn the_same_lead_five_times_is_one_lead_with_two_touches() {
    let mut known = BTreeMap::new();
    let at = [0, 0, 0, 60, 60 + 25 * 60];
    let touches: Vec<_> = at.iter().map(|at| ada("PLT", "p.o", *at)).collect();
    let first = settle(&mut known, &touches[..2], true);
    assert_eq!(understood(&first), ["new", "repeat"]);
    let second = settle(&mut known, &touches[2..], true);
    assert_eq!(understood(&second), ["repeat", "repeat", "merged"]);
    let lead = known.into_values().next().unwrap();
    assert_eq!(
        (lead.lead.touches.len(), lead.spans.len(), lead.revision),
        (2, 2, 2)
    );
    assert_eq!(lead.spans.iter().map(|span| span.count).sum::<u32>(), 5);
}

#[test]
fn a_repeat_raises_no_revision_and_adds_no_route() {
    let mut known = BTreeMap::new();
    let lead = json!({"UserDetails": {"Email": "ada@example.com"}, "LeadSource": "SPZA-PLT|p.o"});
    settle(&mut known, &[said(&lead, 0)], true);
    let repeat = settle(&mut known, &[said(&lead, 2)], true);
    let change = &repeat.leads[0];
    assert_eq!(
        (change.revision, change.before.unwrap().1, change.routes.len()),
        (1, 1, 0)
    );
    assert_eq!(change.lead.last_at, minutes(2));
    assert_eq!((change.spans.len(), change.spans_gone.len()), (1, 0));
    let edited = json!({"UserDetails": {"Email": "ada@example.com", "Company": "Contoso"}, "LeadSource": "SPZA-PLT|p.o"});
    let edit = settle(&mut known, &[said(&edited, 4), said(&edited, 5)], true);
    assert_eq!(
        (
            edit.leads[0].revision,
            edit.leads[0].routes.len(),
            edit.leads[0].lead.touches.len()
        ),
        (2, 1, 1)
    );
}

#[test]
fn a_window_ends_where_it_is_said_to_end() {
    let window = TimeDelta::hours(24);
    let key = TouchKey([7; 16]);
    let run = [TouchSpan {
        key,
        first_at: start(),
        last_at: start(),
        count: 1,
    }];
    assert!(place(&run, key, start() + window, window).repeat);
    assert!(!place(&run, key, start() + window + TimeDelta::milliseconds(1), window).repeat);
    assert!(place(&run, key, start() - window, window).repeat);
    assert!(!place(&run, key, start() - window - TimeDelta::milliseconds(1), window).repeat);
    assert!(!place(&run, TouchKey([8; 16]), start(), window).repeat);
}

#[test]
fn a_late_touch_joins_two_runs() {
    let mut known = BTreeMap::new();
    let day = 24 * 60;
    settle(
        &mut known,
        &[ada("PLT", "p.o", 0), ada("PLT", "p.o", 2 * day)],
        true,
    );
    let bridge = settle(&mut known, &[ada("PLT", "p.o", day)], true);
    assert_eq!(understood(&bridge), ["repeat"]);
    let change = &bridge.leads[0];
    assert_eq!(
        (change.spans_gone.len(), change.spans.len(), change.spans[0].count),
        (1, 1, 3)
    );
    assert_eq!(change.lead.touches.len(), 1);
}

#[test]
fn a_new_lead_that_must_not_be_contacted_goes_nowhere() {
    let mut known = BTreeMap::new();
    let settlement = settle(&mut known, &[ada("DNC", "p.o", 0)], true);
    assert_eq!(settlement.leads[0].suppression, Some(Suppression::DoNotContact));
    assert!(settlement.leads[0].routes.is_empty() && settlement.leads[0].lead.dnc);
    let later = settle(&mut known, &[ada("PLT", "p.o", 1)], true);
    assert_eq!(
        (later.leads[0].suppression, later.leads[0].routes.len()),
        (Some(Suppression::DoNotContact), 0)
    );
    assert!(later.leads[0].lead.dnc);
}

#[test]
fn do_not_contact_closes_a_lead_that_was_on_its_way() {
    let mut known = BTreeMap::new();
    let open = settle(&mut known, &[ada("PLT", "p.o", 0)], true);
    assert_eq!(open.leads[0].routes, [("crm".into(), Lane::Hot)]);
    let closed = settle(&mut known, &[ada("DNC", "p.o", 1)], true);
    let change = &closed.leads[0];
    assert_eq!(
        (change.revision, change.suppression, change.routes.len()),
        (2, Some(Suppression::DoNotContact), 0)
    );
}

#[test]
fn a_test_lead_goes_nowhere_and_is_never_merged() {
    let test = said(
        &json!({"UserDetails": {"FirstName": "MSFT_TEST_1", "Email": "MSFT_TEST_1@test.com"}}),
        0,
    );
    let mut known = BTreeMap::new();
    let settlement = settle(&mut known, &[test.clone(), test.clone()], true);
    assert_eq!(understood(&settlement), ["new", "new"]);
    assert!(
        settlement
            .leads
            .iter()
            .all(|change| change.suppression == Some(Suppression::TestLead) && change.routes.is_empty())
    );
    let rules = Rules {
        forward_test_leads: true,
        ..Rules::default()
    };
    let forwarded = plan(
        &[(InboxId(1), Ok(test))],
        &known,
        &rules,
        &mut || lead_id(1),
        &|_| vec!["crm".into()],
    );
    assert_eq!(
        (forwarded.leads[0].suppression, forwarded.leads[0].routes.len()),
        (None, 1)
    );
}

#[test]
fn a_lead_without_a_route_waits_for_one() {
    let mut known = BTreeMap::new();
    let nowhere = settle(&mut known, &[ada("XYZ", "p.o", 0)], false);
    assert_eq!(nowhere.leads[0].suppression, Some(Suppression::NoRoute));
    let found = settle(&mut known, &[ada("XYZ", "p.o", 1)], true);
    assert_eq!(
        (found.leads[0].suppression, &found.leads[0].routes[..]),
        (None, &[("crm".into(), Lane::Live)][..])
    );
    let update = settle(&mut known, &[ada("XYZ", "p.other", 2)], true);
    assert_eq!(update.leads[0].routes, [("crm".into(), Lane::Update)]);
    let hot = settle(&mut known, &[ada("PLT", "p.o", 3)], true);
    assert_eq!(hot.leads[0].routes, [("crm".into(), Lane::Hot)]);
    let unrouted = settle(&mut known, &[ada("INS", "p.o", 4)], false);
    assert_eq!(
        (unrouted.leads[0].suppression, unrouted.leads[0].routes.len()),
        (None, 0)
    );
}

#[test]
fn what_nobody_can_read_is_quarantined_and_its_neighbours_go_on() {
    let batch = vec![
        (InboxId(1), Err(Unreadable::from(Reason::NotJson).to_string())),
        (InboxId(2), Ok(ada("INS", "p.o", 0))),
    ];
    let settlement = plan(
        &batch,
        &BTreeMap::new(),
        &Rules::default(),
        &mut || lead_id(1),
        &|_| Vec::new(),
    );
    assert_eq!(understood(&settlement), ["quarantined", "new"]);
    assert_eq!(settlement.leads.len(), 1);
}

#[test]
fn nobody_is_merged_without_a_key() {
    for details in [
        json!(null),
        json!({"FirstName": "Ada"}),
        json!({"Email": "n/a", "Phone": "+14255550111"}),
        json!({"Email": "not one", "Phone": "1234567890", "Country": "US", "Company": "Contoso"}),
        json!({"Phone": "+14255550111", "Company": "N/A"}),
        json!({"Phone": "-", "Company": "Contoso"}),
        json!({"Email": "no-reply@contoso.com"}),
        json!({"Company": "Contoso"}),
    ] {
        let nobody = said(&json!({"UserDetails": details, "LeadSource": "SPZA-INS|p.o"}), 0);
        assert_eq!(nobody.identity_key, None, "{details}");
        assert_eq!(
            understood(&settle(&mut BTreeMap::new(), &[nobody.clone(), nobody], true)),
            ["new", "new"]
        );
    }
}

fn key_of(details: &serde_json::Value) -> Option<Identity> {
    said(&json!({"UserDetails": details}), 0).identity_key
}

#[test]
fn one_person_has_one_key_however_written() {
    let same = [
        [
            json!({"Email": "Ada@Example.com"}),
            json!({"Email": " ada@example.com. ", "Phone": "+14255550111", "Company": "X Corp"}),
        ],
        [
            json!({"Phone": "(425) 555-0111", "Country": "USA", "Company": "Contoso  GMBH"}),
            json!({"Phone": "+14255550111", "Company": "contoso gmbh"}),
        ],
        [
            json!({"Email": "jose\u{301}@example.com"}),
            json!({"Email": "josé@example.com"}),
        ],
        [
            json!({"Email": "ada\u{200B}@example.com"}),
            json!({"Email": "ada@example.com"}),
        ],
    ];
    for [one, other] in same {
        assert!(
            key_of(&one).is_some() && key_of(&one) == key_of(&other),
            "{one} {other}"
        );
    }
}

#[test]
fn different_people_have_different_keys() {
    let people = [
        json!({"Email": "ada@example.com"}),
        json!({"Email": "ada+crm@example.com"}),
        json!({"Email": "ada@examp1e.com"}),
        json!({"Email": "ada@exаmple.com"}),
        json!({"Phone": "+14255550111", "Company": "Contoso"}),
        json!({"Phone": "+14255550111", "Company": "Fabrikam"}),
        json!({"Phone": "+14255550112", "Company": "Contoso"}),
    ];
    let keys: BTreeSet<_> = people.iter().map(|details| key_of(details).unwrap()).collect();
    assert_eq!(keys.len(), people.len());
}

#[test]
fn accounts_and_where_so_configured_offers_divide_people() {
    let Understanding { person, touch, .. } = ada("INS", "p.o", 0);
    let other_offer = Touch {
        offer: "p.x".to_owned(),
        ..touch.clone()
    };
    let same_offer = Touch {
        offer: "P.O".to_owned(),
        ..touch.clone()
    };
    let key = |account: &str, touch: &Touch, by| identity(&account.into(), &person, touch, by).unwrap();
    assert_ne!(
        key("a", &touch, DedupeBy::Person),
        key("b", &touch, DedupeBy::Person)
    );
    assert_eq!(
        key("a", &touch, DedupeBy::Person),
        key("a", &other_offer, DedupeBy::Person)
    );
    assert_ne!(
        key("a", &touch, DedupeBy::PersonAndOffer),
        key("a", &other_offer, DedupeBy::PersonAndOffer)
    );
    assert_eq!(
        key("a", &touch, DedupeBy::PersonAndOffer),
        key("a", &same_offer, DedupeBy::PersonAndOffer)
    );
}

#[test]
fn a_placeholder_never_replaces_a_real_value_but_a_newer_one_does() {
    let with = |company: &str, country: &str, at| {
        said(
            &json!({"UserDetails": {"Email": "ada@example.com", "Company": company, "Country": country}}),
            at,
        )
    };
    let (lead, _) = fold(&[
        with("Contoso", "US", 0),
        with("N/A", "Namibia", 1),
        with("", "", 2),
    ]);
    assert_eq!(lead.person.company.unwrap().value, "Contoso");
    assert_eq!(lead.person.country.unwrap().value, "NA");
    let (lead, _) = fold(&[with("Fabrikam", "US", 3), with("Contoso", "??", 4)]);
    assert_eq!(lead.person.company.unwrap().value, "Contoso");
    assert_eq!(lead.person.country.unwrap().value, "US");
}

#[test]
fn a_lead_carries_its_ten_newest_touches() {
    let touches: Vec<_> = (0..15).map(|n| ada("INS", &format!("p.o{n}"), n)).collect();
    let (lead, spans) = fold(&touches);
    assert_eq!((lead.touches.len(), spans.len()), (TOUCHES_CARRIED, 15));
    assert_eq!(lead.latest().unwrap().offer, "p.o14");
    assert_eq!((lead.first_at, lead.last_at), (minutes(0), minutes(14)));
    assert_eq!(fold(touches.iter().rev()), (lead, spans));
}

/// Touches of one person: few offers, few moments, so that repeats and ties are common.
fn touches() -> impl Strategy<Value = Vec<Understanding>> {
    let action = prop::sample::select(vec!["INS", "PLT", "DNC", "Create", "StartTestDrive", "XYZ"]);
    let moment = prop_oneof![0i64..5, (0i64..6).prop_map(|n| n * 700), 0i64..4_000];
    let one = (action, 0..2, moment, "[A-C]{0,1}").prop_map(|(action, offer, at, company)| {
        said(&json!({
            "UserDetails": {"Email": "ada@example.com", "Company": company, "FirstName": if at % 2 == 0 { "Ada" } else { "-" }},
            "LeadSource": format!("SPZA-{action}|p.o{offer}"), "Description": company,
        }), at)
    });
    prop::collection::vec(one, 1..9)
}

proptest! {
    #[test]
    fn order_never_matters(touches in touches(), order in any::<prop::sample::Index>()) {
        let expected = fold(&touches);
        let mut shuffled = touches.clone();
        shuffled.rotate_left(order.index(touches.len()));
        prop_assert_eq!(&fold(&shuffled), &expected);
        shuffled.reverse();
        prop_assert_eq!(&fold(&shuffled), &expected);
        shuffled.swap(0, order.index(touches.len()));
        prop_assert_eq!(fold(&shuffled), expected);
    }

    #[test]
    fn grouping_into_batches_never_matters(touches in touches(), cut in any::<prop::sample::Index>()) {
        let (mut whole, mut parts) = (BTreeMap::new(), BTreeMap::new());
        settle(&mut whole, &touches, true);
        let (first, second) = touches.split_at(cut.index(touches.len()));
        for batch in [first, second] {
            settle(&mut parts, batch, true);
        }
        let state = |known: BTreeMap<Identity, KnownLead>| {
            known.into_values().map(|mut known| {
                known.spans.sort();
                (known.lead, known.spans, known.suppression)
            }).next()
        };
        prop_assert_eq!(state(whole), state(parts));
    }

    #[test]
    fn merging_again_changes_nothing(touches in touches(), again in any::<prop::sample::Index>()) {
        let (lead, spans) = fold(&touches);
        let again = again.get(&touches);
        let twice = merge(Some(&lead), lead.id, &lead.account, again, &spans);
        prop_assert!(!changed(&lead, &twice));
        prop_assert_eq!(twice, lead);
    }

    #[test]
    fn do_not_contact_is_never_lost(touches in touches()) {
        let mut known = BTreeMap::new();
        let mut closed = false;
        for touch in &touches {
            let settlement = settle(&mut known, std::slice::from_ref(touch), true);
            closed |= touch.touch.dnc;
            let change = &settlement.leads[0];
            prop_assert_eq!(change.lead.dnc, closed);
            prop_assert!(!closed || (change.routes.is_empty() && change.suppression == Some(Suppression::DoNotContact)));
        }
    }

    #[test]
    fn revisions_rise_by_one_at_most_and_only_for_what_a_destination_sees(touches in touches()) {
        let mut known: BTreeMap<Identity, KnownLead> = BTreeMap::new();
        for touch in &touches {
            let before = known.values().next().cloned();
            settle(&mut known, std::slice::from_ref(touch), true);
            let after = known.values().next().unwrap();
            let expected = before.as_ref().map_or(1, |b| b.revision + u32::from(changed(&b.lead, &after.lead)));
            prop_assert_eq!(after.revision, expected);
        }
    }

    #[test]
    fn runs_do_not_overlap_and_lose_no_touch(moments in prop::collection::vec(0i64..10_000, 1..40)) {
        let window = Rules::default().window;
        let (mut spans, mut reversed) = (Vec::new(), Vec::new());
        for at in &moments {
            let placement = place(&spans, TouchKey([1; 16]), minutes(*at), window);
            apply(&mut spans, &placement);
        }
        for at in moments.iter().rev() {
            let placement = place(&reversed, TouchKey([1; 16]), minutes(*at), window);
            apply(&mut reversed, &placement);
        }
        spans.sort();
        reversed.sort();
        prop_assert!(spans.windows(2).all(|pair| pair[1].first_at - pair[0].last_at > window));
        prop_assert_eq!(spans.iter().map(|span| span.count as usize).sum::<usize>(), moments.len());
        prop_assert_eq!(spans, reversed);
    }

    #[test]
    fn two_addresses_never_share_a_key(one in "[a-z.]{1,8}@[a-z]{1,6}\\.[a-z]{2,3}", other in "[a-z.]{1,8}@[a-z]{1,6}\\.[a-z]{2,3}") {
        let (a, b) = (key_of(&json!({"Email": one})), key_of(&json!({"Email": other})));
        prop_assert!(one == other || a.is_none() || a != b);
    }
}

#[test]
fn the_newer_of_two_values_at_one_moment_is_chosen_by_its_text() {
    let with = |company: &str| {
        said(
            &json!({"UserDetails": {"Email": "a@b.com", "Company": company}}),
            0,
        )
    };
    let company = |lead: Lead| lead.person.company.map(|said: Said| said.value);
    assert_eq!(
        company(fold(&[with("A"), with("B")]).0),
        company(fold(&[with("B"), with("A")]).0)
    );
}
