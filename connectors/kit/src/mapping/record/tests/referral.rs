//! What the paths of a referral give.

use serde_json::{Value, json};

use super::{mapping, tables};
use crate::conformance::leads::{delivery, forbidden, referral_canaries, referral_changed, referred};
use crate::delivery::LeadDelivery;
use crate::mapping::{FieldRule, Mapping};
use crate::referral::{Member, ReferralState};

fn value(rule: &str, delivery: &LeadDelivery) -> Value {
    let mapping = mapping(&format!("F = {{ {rule} }}"));
    let field = mapping.record(delivery).unwrap().pop();
    field.map_or(Value::Null, |field| field.value)
}

/// Every path, and what it gives of the first lead of the conformance suite.
fn paths() -> Vec<(&'static str, Value)> {
    vec![
        ("id", json!("00000001-0000-4000-8000-000000000001")),
        ("state", json!("New/Pending")),
        ("status", json!("New")),
        ("substatus", json!("Pending")),
        ("reason", json!("Reason1Canary")),
        ("name", json!("Deal1Canary")),
        ("kind", json!("customer-inquiry")),
        ("value", json!("20000.50")),
        ("currency", json!("EUR")),
        ("closes_on", json!("2026-12-31")),
        ("notes", json!("Remark1Canary")),
        ("created_at", json!("2026-11-20T12:00:00.000Z")),
        ("updated_at", json!("2026-11-20T12:00:00.000Z")),
        ("answer_due", json!("2026-12-04T00:00:00.000Z")),
        ("external_reference", Value::Null),
        ("campaign", Value::Null),
        ("favourite", json!(false)),
        ("wants_contact", json!(true)),
        ("consent_to_contact", json!(true)),
        ("shared_with_sellers", json!(false)),
        ("team", json!("partner1canary@example.com")),
        ("help", json!("ProofOfConceptOrDemo")),
        ("msx_id", json!("7-00000001")),
        ("solutions", json!("SOL-34104-EBB; SOL-12345-ABC")),
    ]
}

#[test]
fn every_path_gives_what_the_referral_says_and_nothing_without_one() {
    for (name, expected) in paths() {
        for rule in [
            format!("from = 'referral.{name}'"),
            format!("expr = 'referral.{name}'"),
        ] {
            assert_eq!(value(&rule, &referred(1)), expected, "{rule}");
            assert_eq!(value(&rule, &delivery(1)), Value::Null, "{rule}");
        }
    }
}

#[test]
fn the_referral_made_last_counts() {
    let mut delivery = referred(2);
    let lead = std::sync::Arc::make_mut(&mut delivery.lead);
    lead.referrals.extend(referred(1).lead.referrals.clone());
    assert_eq!(value("from = 'referral.msx_id'", &delivery), "7-00000002");
}

#[test]
fn what_is_said_of_money_days_and_people_is_written_whole() {
    let changed = |change: fn(&mut crate::Referral)| referral_changed(&referred(1), 2, change);
    let exact = changed(|referral| referral.deal.value = "922337203685477.5807".parse().ok());
    assert_eq!(
        value("from = 'referral.value'", &exact),
        "922337203685477.5807",
        "no digit is lost"
    );
    let team = changed(|referral| {
        let member = |email: &str| Member {
            email: email.to_owned(),
            ..Member::default()
        };
        referral.team = vec![member("a@b.example"), member(""), member("c@d.example")];
        referral.consent.contact = None;
        referral.state = ReferralState::read("Active", "Brewing");
    });
    for (rule, expected) in [
        ("from = 'referral.team'", json!("a@b.example; c@d.example")),
        ("from = 'referral.consent_to_contact'", Value::Null),
        ("from = 'referral.state'", json!("Active/Brewing")),
        (
            "from = 'referral.closes_on', pipe = ['date(\"%d.%m.%Y\")']",
            json!("31.12.2026"),
        ),
        (
            "from = 'referral.closes_on', pipe = ['date(iso)']",
            json!("2026-12-31"),
        ),
        (
            "from = 'referral.closes_on', pipe = ['date(unix)']",
            json!(1_798_675_200),
        ),
        (
            "expr = 'referral.value|float > 20000 and referral.wants_contact'",
            json!(true),
        ),
        (
            "pipe = ['join(\" \", referral.value, referral.currency)']",
            json!("20000.50 EUR"),
        ),
    ] {
        assert_eq!(value(rule, &team), expected, "{rule}");
    }
    let many = changed(|referral| referral.solutions = vec!["S".repeat(1000); 9]);
    let solutions = value("from = 'referral.solutions'", &many);
    assert_eq!(
        solutions.as_str().unwrap().len(),
        4 * 1000 + 3 * 2,
        "whole ones only"
    );
}

#[test]
fn behind_the_gate_nothing_of_a_referral_tells_of_people() {
    let line = |(name, _): &(&str, Value)| {
        format!("{name} = {{ from = 'referral.{name}' }}\n{name}_x = {{ expr = 'referral.{name}' }}")
    };
    let table: Vec<String> = paths().iter().map(line).collect();
    let mapping = mapping(&table.join("\n"));
    let told = |delivery: &LeadDelivery| format!("{:?}", mapping.record(delivery).unwrap());
    let open = told(&referred(1));
    let closed = told(&forbidden(&referred(1), 2));
    for canary in referral_canaries(1) {
        assert!(open.contains(&canary) && !closed.contains(&canary), "{closed}");
    }
    assert!(
        closed.contains("New/Pending"),
        "how it stands may be told: {closed}"
    );
}

#[test]
fn what_only_a_referral_fills_is_emptied_only_where_there_is_one() {
    let mapping = mapping(
        "Notes = { from = 'referral.notes' }
        Both = { pipe = ['join(\" \", referral.name, person.company)'] }
        Deal = { expr = 'referral.name ~ referral.value' }
        Mail = { from = 'person.email' }
        State = { from = 'referral.state' }",
    );
    let personal = |delivery: &LeadDelivery| {
        mapping
            .personal(&delivery.lead)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(personal(&referred(1)), ["Both", "Deal", "Mail", "Notes"]);
    assert_eq!(personal(&delivery(1)), ["Both", "Mail"]);
}

#[test]
fn what_stays_empty_without_a_referral_is_known_at_load() {
    for (rule, is) in [
        ("from = 'referral.state'", true),
        ("from = 'referral.name', pipe = ['truncate(9)']", true),
        ("pipe = ['join(\" \", referral.value, referral.currency)']", true),
        ("from = 'referral.state', default = 'none'", false),
        ("from = 'referral.state', pipe = ['default(none)']", false),
        (
            "from = 'referral.name', pipe = ['join(\" \", touch.offer)']",
            false,
        ),
        ("expr = 'referral.state'", false),
        ("from = 'touch.offer'", false),
        ("default = 'x'", false),
    ] {
        let rules: std::collections::BTreeMap<String, FieldRule> =
            toml::from_str(&format!("F = {{ {rule} }}")).unwrap();
        let mapping = Mapping::parse(&rules, &tables()).unwrap();
        assert_eq!(mapping.of_referrals().count() == 1, is, "{rule}");
    }
}

#[test]
fn a_mistake_in_a_path_names_the_nearest_right_one() {
    for (rule, key, word) in [
        ("expr = 'referral'", "mapping.F.expr", "like `referral.state`"),
        (
            "from = 'referral.favorite'",
            "mapping.F.from",
            "did you mean `referral.favourite`",
        ),
        (
            "expr = 'referral.close_on'",
            "mapping.F.expr",
            "did you mean `referral.closes_on`",
        ),
    ] {
        let rules = super::rules(&format!("F = {{ {rule} }}"));
        let mistake = Mapping::parse(&rules, &tables()).expect_err(rule);
        assert_eq!(mistake.key, key, "{rule}");
        assert!(mistake.message.contains(word), "{rule}: {mistake}");
    }
}
