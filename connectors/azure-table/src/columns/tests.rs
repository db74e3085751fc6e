//! The shipped mapping, an operator's own, and what a closed gate leaves of either.

use connector_kit::Role;
use connector_kit::conformance::leads::{canaries, delivery, forbidden};

use super::*;

fn settings(mapping: &str) -> ConnectorSettings {
    ConnectorSettings {
        roles: vec![Role::Destination],
        mapping: toml::from_str(mapping).expect("a mapping"),
        ..ConnectorSettings::default()
    }
}

fn columns(mapping: &str) -> Columns {
    Columns::new(&settings(mapping), &BTreeMap::new(), Service::Storage).expect("columns")
}

fn mistake(mapping: &str, types: &str) -> ConfigError {
    let types = toml::from_str(types).expect("types");
    Columns::new(&settings(mapping), &types, Service::Storage).expect_err("a mistake")
}

#[test]
fn the_shipped_mapping_is_one_the_service_takes() {
    for service in [Service::Storage, Service::Cosmos] {
        let columns = Columns::new(&settings(""), &BTreeMap::new(), service).expect("the shipped mapping");
        let held = columns.of(&delivery(1)).expect("mapped");
        assert_eq!(held["LeadId"], Property::Text(delivery(1).lead.id.to_string()));
        assert_eq!(held["Revision"], Property::Int32(1));
        assert_eq!(held["DoNotContact"], Property::Flag(false));
        assert!(matches!(held["FirstSeen"], Property::Moment(_)));
        assert!(matches!(held["Email"], Property::Text(_)));
    }
}

#[test]
fn behind_a_closed_gate_no_column_holds_anything_of_the_person() {
    let own = "Who = { expr = \"person.email ~ ' x'\" }\nNote = { from = \"touch.description\" }\n\
               All = { pipe = [\"join(' ', person.first_name, person.last_name)\"] }\nOffer = { from = \"touch.offer\" }";
    for mapping in ["", own] {
        let columns = columns(mapping);
        let open = columns.of(&delivery(1)).expect("mapped");
        assert!(
            canaries(1)
                .iter()
                .any(|canary| format!("{open:?}").contains(canary))
        );
        let closed = columns.of(&forbidden(&delivery(1), 2)).expect("mapped");
        for canary in canaries(1) {
            assert!(!format!("{closed:?}").contains(&canary), "{canary}: {closed:?}");
        }
        assert_eq!(closed["DoNotContact"], Property::Flag(true));
        for (name, value) in open
            .iter()
            .filter(|(_, value)| canaries(1).iter().any(|c| format!("{value:?}").contains(c)))
        {
            assert_eq!(
                closed[name],
                Property::Text(String::new()),
                "{name} was {value:?} and must be blanked"
            );
        }
    }
}

#[test]
fn a_lead_marked_do_not_contact_counts_as_a_closed_gate() {
    let columns = columns("");
    let mut marked = forbidden(&delivery(1), 2);
    marked.gate = Gate::Open;
    assert_eq!(
        columns.of(&marked).expect("mapped"),
        columns.of(&forbidden(&delivery(1), 2)).expect("mapped")
    );
}

#[test]
fn a_mapping_that_fails_does_not_keep_the_mark_from_being_written() {
    let columns = columns(
        "Score = { from = \"touch.extra.score\", required = true }\nOther = { from = \"account\", max_length = 1 }",
    );
    assert!(columns.of(&delivery(1)).is_err());
    let closed = columns.of(&forbidden(&delivery(1), 2)).expect("the mark");
    assert_eq!(closed["DoNotContact"], Property::Flag(true));
    assert_eq!(closed["Score"], Property::Text(String::new()));
}

#[test]
fn the_mark_goes_where_the_mapping_says() {
    let closed = columns("Blocked = { from = \"dnc\" }")
        .of(&forbidden(&delivery(1), 2))
        .expect("mapped");
    assert_eq!(closed["Blocked"], Property::Flag(true));
    assert!(!closed.contains_key("DoNotContact"));
}

#[test]
fn mistakes_are_found_at_start_and_named() {
    for (mapping, types, key) in [
        ("Bad-Name = { from = \"id\" }", "", "mapping.Bad-Name"),
        ("RowKey = { from = \"id\" }", "", "mapping.RowKey"),
        ("A = { from = \"id\" }", "B = \"Edm.Int32\"", "settings.types.B"),
        ("A = { from = \"nonsense\" }", "", "mapping.A.from"),
    ] {
        assert_eq!(mistake(mapping, types).key, key);
    }
}
