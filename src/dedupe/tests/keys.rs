//! Who is the same person, and who is not.

use std::collections::BTreeSet;

use connector_kit::lead::Touch;

use super::*;
use crate::dedupe::lead_id as begun;

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
        assert_eq!(nobody.identity_keys.first(), None, "{details}");
        assert_eq!(
            understood(&settle(&mut BTreeMap::new(), &[nobody.clone(), nobody], true)),
            ["new", "new"]
        );
    }
}

pub(super) fn key_of(details: &serde_json::Value) -> Option<Identity> {
    said(&json!({"UserDetails": details}), 0)
        .identity_keys
        .first()
        .copied()
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
fn the_same_arrival_begins_the_same_lead_whenever_it_is_understood() {
    let pushed = ada("PLT", "p.o", 0);
    let id = begun(InboxId(1), &pushed);
    assert_eq!(begun(InboxId(1), &pushed), id);
    assert_ne!(
        begun(InboxId(2), &pushed),
        id,
        "another sender at the same moment"
    );

    let mut polled = pushed.clone();
    polled.touch.at = pushed.received_at - chrono::TimeDelta::hours(3);
    let id = begun(InboxId(1), &polled);
    let mut again = polled.clone();
    again.received_at += chrono::TimeDelta::days(1);
    assert_eq!(begun(InboxId(7), &again), id, "read again after a restore");
    again.touch.offer = "p.other".into();
    assert_ne!(begun(InboxId(7), &again), id);

    let mut nobody = polled;
    nobody.identity_keys.clear();
    assert_ne!(
        begun(InboxId(1), &nobody),
        begun(InboxId(2), &nobody),
        "who is never merged is always another"
    );
}
