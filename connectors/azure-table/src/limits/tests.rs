//! Every limit the service enforces and the emulator does not.

use chrono::{DateTime, TimeZone, Utc};

use super::*;

fn entity(properties: impl IntoIterator<Item = (String, Property)>) -> Entity {
    Entity {
        partition: "leads-202611".to_owned(),
        row: "0191".to_owned(),
        properties: properties.into_iter().collect(),
    }
}

fn one(name: &str, value: Property) -> Entity {
    entity([(name.to_owned(), value)])
}

fn refused(entity: &Entity) -> String {
    let error = check(entity, Service::Storage).expect_err("the service would refuse it");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.hint_text().is_some());
    error.to_string()
}

fn numbered(count: usize) -> Entity {
    entity((0..count).map(|n| (format!("P{n}"), Property::Int32(1))))
}

#[test]
fn trap_14_a_row_has_at_most_252_columns_although_the_emulator_takes_more() {
    assert!(check(&numbered(252), Service::Storage).is_ok());
    assert!(refused(&numbered(253)).contains("253 columns"));
}

#[test]
fn a_text_has_at_most_32768_utf16_units() {
    assert!(check(&one("A", Property::Text("x".repeat(32_768))), Service::Storage).is_ok());
    assert!(refused(&one("A", Property::Text("x".repeat(32_769)))).contains("A is longer"));
    assert!(check(&one("A", Property::Text("😀".repeat(16_384))), Service::Storage).is_ok());
    assert!(refused(&one("A", Property::Text("😀".repeat(16_385)))).contains("A is longer"));
}

#[test]
fn a_row_has_at_most_one_mebibyte() {
    let texts = |n: usize| entity((0..n).map(|i| (format!("P{i}"), Property::Text("x".repeat(32_768)))));
    assert!(check(&texts(15), Service::Storage).is_ok());
    assert!(refused(&texts(16)).contains("1 MiB"));
}

#[test]
fn a_column_is_named_like_an_identifier() {
    for name in ["Has-Dash", "Has Space", "1Digit", "", "A.B", "A'B"] {
        assert!(
            check(&one(name, Property::Flag(true)), Service::Storage).is_err(),
            "{name}"
        );
    }
    for name in ["A", "_a", "Größe", "A1_b"] {
        assert!(
            check(&one(name, Property::Flag(true)), Service::Storage).is_ok(),
            "{name}"
        );
    }
    assert!(check(&one(&"n".repeat(255), Property::Flag(true)), Service::Storage).is_ok());
    assert!(refused(&one(&"n".repeat(256), Property::Flag(true))).contains("255"));
}

#[test]
fn names_of_the_service_are_not_columns() {
    for name in ["PartitionKey", "RowKey", "Timestamp"] {
        assert!(refused(&one(name, Property::Flag(true))).contains("belongs to the service"));
    }
    for name in ["id", "ID", "rid", "etag", "ResourceId"] {
        assert!(
            check(&one(name, Property::Flag(true)), Service::Storage).is_ok(),
            "{name}"
        );
        assert!(
            check(&one(name, Property::Flag(true)), Service::Cosmos).is_err(),
            "{name}"
        );
    }
}

#[test]
fn a_key_holds_no_forbidden_character() {
    for bad in [
        "", "a/b", "a\\b", "a#b", "a?b", "a\tb", "a\nb", "a\u{7f}b", "a\u{9f}b", "a%b", "a+b",
    ] {
        assert!(key_fault("RowKey", bad).is_some(), "{bad:?}");
    }
    for good in ["a", "O'Brien é", "11:2F20:2F2026", "a b"] {
        assert_eq!(key_fault("RowKey", good), None);
    }
}

#[test]
fn a_key_has_at_most_512_units_and_at_cosmos_255_bytes() {
    assert_eq!(key_fault("RowKey", &"k".repeat(512)), None);
    assert!(key_fault("RowKey", &"k".repeat(513)).is_some());
    let mut long = numbered(1);
    long.row = "é".repeat(128);
    assert!(check(&long, Service::Storage).is_ok());
    assert!(check(&long, Service::Cosmos).is_err());
}

#[test]
fn a_moment_lies_between_1601_and_9999() {
    let at = |year: i32| {
        Property::Moment(
            Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0)
                .single()
                .expect("a moment"),
        )
    };
    assert!(check(&one("At", at(1601)), Service::Storage).is_ok());
    assert!(check(&one("At", at(9999)), Service::Storage).is_ok());
    for value in [at(1600), at(10_000), Property::Moment(DateTime::<Utc>::MIN_UTC)] {
        assert!(refused(&one("At", value)).contains("1601"));
    }
}

#[test]
fn a_number_is_finite() {
    assert!(refused(&one("N", Property::Double(f64::NAN))).contains("finite"));
}

#[test]
fn a_fault_names_the_column_and_never_the_value() {
    let message = refused(&one("Description", Property::Text("secret".repeat(10_000))));
    assert!(message.contains("Description") && !message.contains("secret"));
}

#[test]
fn tables_are_named_by_the_rules_of_their_service() {
    for name in ["MarketplaceLeads", "abc", "A12"] {
        assert!(
            check_table("settings.table", name, Service::Storage).is_ok(),
            "{name}"
        );
    }
    for name in [
        "",
        "ab",
        "1abc",
        "tables",
        "Tables",
        "with-dash",
        "with'quote",
        &"t".repeat(64),
    ] {
        assert!(
            check_table("settings.table", name, Service::Storage).is_err(),
            "{name}"
        );
    }
    assert!(check_table("settings.table", "with-dash", Service::Cosmos).is_ok());
    assert!(check_table("settings.table", "with/slash", Service::Cosmos).is_err());
}
