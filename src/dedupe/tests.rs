//! The promises of the room, in any order and any grouping.

mod fates;
mod keys;
mod planning;
mod properties;
mod referrals;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::lead::{Intent, Lead, Said, TOUCHES_CARRIED};
use connector_kit::{LeadId, RawFormat, RawLead};
use serde_json::json;

use super::draft::window_of;
use super::span::apply;
use super::*;
use crate::normalize::{self, Understanding, understand};
use crate::store::{
    Arrival, Identity, InboxId, KnownLead, Lane, LeadChange, LeadKey, Settlement, Suppression, TouchKey,
    TouchSpan, Understood,
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
    arrived(RawFormat::MarketplaceJson, "web", body, at)
}

fn arrived(format: RawFormat, source: &str, body: &serde_json::Value, at: i64) -> Understanding {
    let arrival = Arrival {
        account: "default".into(),
        source: source.into(),
        received_at: minutes(at),
        raw: RawLead {
            format,
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
        let window = window_of(understanding, &Rules::default());
        let placement = place(&spans, touch_key(touch), touch.at, window);
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
    settle_by(&Rules::default(), known, batch, routed)
}

fn settle_by(
    rules: &Rules,
    known: &mut BTreeMap<Identity, KnownLead>,
    batch: &[Understanding],
    routed: bool,
) -> Settlement {
    let batch: Vec<_> = batch
        .iter()
        .cloned()
        .enumerate()
        .map(|(n, u)| (InboxId(i64::try_from(n).unwrap()), Ok(u)))
        .collect();
    let mut ids = (1 + u8::try_from(known.len()).unwrap()..).map(lead_id);
    let route = |_: &Lead| if routed { vec!["crm".into()] } else { Vec::new() };
    let settlement = plan(&batch, known, rules, &mut |_, _| ids.next().unwrap(), &route);
    for change in &settlement.leads {
        write(known, change);
    }
    settlement
}

/// A new lead must be the first to claim each of its identities; every identity shows the same lead.
fn write(known: &mut BTreeMap<Identity, KnownLead>, change: &LeadChange) {
    let newest = known.values().map(|known| known.key).max();
    let next = LeadKey(newest.map_or(1, |LeadKey(key)| key + 1));
    let key = change.before.map_or(next, |(key, _)| key);
    let held = known.values().find(|known| known.key == key);
    assert_eq!(
        held.map(|held| held.revision),
        change.before.map(|(_, revision)| revision)
    );
    let mut spans = held.map(|held| held.spans.clone()).unwrap_or_default();
    spans.retain(|span| !change.spans_gone.contains(&(span.key, span.first_at)));
    spans.retain(|span| {
        !change
            .spans
            .iter()
            .any(|new| (new.key, new.first_at) == (span.key, span.first_at))
    });
    spans.extend(&change.spans);
    let written = KnownLead {
        key,
        lead: Lead::clone(&change.lead),
        revision: change.revision,
        spans,
        suppression: change.suppression,
    };
    for identity in &change.identities {
        let former = known.insert(*identity, written.clone());
        assert!(former.is_none(), "an identity was claimed twice");
    }
    for shown in known.values_mut().filter(|known| known.key == key) {
        *shown = written.clone();
    }
}

fn understood(settlement: &Settlement) -> Vec<&'static str> {
    let word = |(_, understood): &(InboxId, Understood)| match understood {
        Understood::New(_) => "new",
        Understood::Merged(_) => "merged",
        Understood::Repeat(_) => "repeat",
        Understood::Quarantined(_) => "quarantined",
        Understood::Forgotten => "forgotten",
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
