//! How values travel, and how keys become addresses.

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn trap_11_whole_numbers_that_do_not_fit_travel_as_annotated_strings() {
    let entity = Entity {
        partition: "p".to_owned(),
        row: "r".to_owned(),
        properties: BTreeMap::from([
            ("Big".to_owned(), Property::suggested(&json!(3_000_000_000_i64))),
            ("Small".to_owned(), Property::suggested(&json!(3))),
            ("Whole".to_owned(), Property::Double(3.0)),
            (
                "At".to_owned(),
                Property::Moment(DateTime::from_timestamp(1_795_176_000, 123_456_700).expect("a moment")),
            ),
        ]),
    };
    let body: Value = serde_json::from_str(&entity.body()).expect("JSON");
    assert_eq!(
        body,
        json!({
            "Big": "3000000000", "Big@odata.type": "Edm.Int64",
            "Small": 3,
            "Whole": 3.0, "Whole@odata.type": "Edm.Double",
            "At": "2026-11-20T12:00:00.1234567Z", "At@odata.type": "Edm.DateTime",
        })
    );
    assert!(!entity.body().contains('\n'));
}

#[test]
fn a_type_asked_for_is_given_or_refused() {
    for (value, wanted, expected) in [
        (
            json!("2026-11-20T12:00:00.000Z"),
            EdmType::DateTime,
            Some("\"2026-11-20T12:00:00.0000000Z\""),
        ),
        (
            json!(1_795_176_000),
            EdmType::DateTime,
            Some("\"2026-11-20T12:00:00.0000000Z\""),
        ),
        (json!("yesterday"), EdmType::DateTime, None),
        (json!("7"), EdmType::Int32, Some("7")),
        (json!(3_000_000_000_i64), EdmType::Int32, None),
        (json!(7), EdmType::Int64, Some("\"7\"")),
        (json!("1.5"), EdmType::Double, Some("1.5")),
        (json!("NaN"), EdmType::Double, None),
        (json!("true"), EdmType::Boolean, Some("true")),
        (json!("maybe"), EdmType::Boolean, None),
        (json!(7), EdmType::String, Some("\"7\"")),
    ] {
        let typed = Property::typed(&value, Some(wanted)).map(|property| property.json().0.to_string());
        assert_eq!(typed.as_deref(), expected, "{value} as {wanted:?}");
    }
}

#[test]
fn a_text_is_cut_by_utf16_units_and_never_inside_a_character() {
    assert_eq!(truncated("abc", 3), "abc");
    assert_eq!(truncated("abc", 2), "ab");
    assert_eq!(truncated("a😀b", 2), "a");
    assert_eq!(truncated("a😀b", 3), "a😀");
    assert_eq!(truncated("", 0), "");
}

#[test]
fn a_key_becomes_the_address_the_contract_shows() {
    let entity = Entity {
        partition: "O'Brien é".to_owned(),
        row: "a&b".to_owned(),
        properties: BTreeMap::new(),
    };
    assert_eq!(
        entity.address("T"),
        "T(PartitionKey='O%27%27Brien%20%C3%A9',RowKey='a%26b')"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn no_key_can_end_its_literal_or_change_the_path(key in any::<String>()) {
        let written = literal(&key);
        let unreserved = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '%');
        prop_assert!(written.chars().all(unreserved));
        let decoded = percent_decode_str(&written).decode_utf8().expect("UTF-8");
        prop_assert_eq!(decoded.matches('\'').count() % 2, 0);
        prop_assert_eq!(decoded.replace("''", "'"), key);
    }

    #[test]
    fn a_cut_text_is_a_beginning_that_fits(text in any::<String>(), limit in 0_usize..40) {
        let cut = truncated(&text, limit);
        prop_assert!(text.starts_with(cut));
        prop_assert!(units(cut) <= limit);
        prop_assert!(cut.len() == text.len() || units(cut) + 2 > limit);
    }
}
