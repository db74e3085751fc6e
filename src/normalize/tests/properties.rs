//! What holds for any bytes and any object.

use connector_kit::Referral;
use connector_kit::lead::Touch;
use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn any_bytes_are_understood_or_refused(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let verdict = check_body(&body, &BodyLimits::default());
        prop_assert_eq!(posted(body).map(|_| ()), verdict);
    }

    #[test]
    fn any_object_is_understood(value in object(), format in prop::sample::select(vec![RawFormat::MarketplaceJson, RawFormat::MarketplaceRow])) {
        let rules = Rules { limits: BodyLimits { max_keys: 10_000 }, ..Rules::default() };
        let understood = understand(&arrival(format, value.to_string()), &rules);
        let understood = understood.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let json = serde_json::to_string(&understood.touch).unwrap();
        prop_assert_eq!(serde_json::from_str::<Touch>(&json).unwrap(), understood.touch);
    }

    #[test]
    fn any_object_with_an_id_and_a_beginning_is_a_referral(value in object(), made in moment(), updated in moment()) {
        let mut value = value;
        value["id"] = json!("a-1");
        value["createdDateTime"] = json!(made);
        value["updatedDateTime"] = json!(updated);
        let understood = understand(&arrival(RawFormat::Referral, value.to_string()), &Rules::default());
        let understood = understood.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let referral = understood.referral.unwrap();
        let _ = (referral.answer_due(), referral.deal.closes_on());
        let stored = serde_json::to_string(&referral).unwrap();
        prop_assert_eq!(serde_json::from_str::<Referral>(&stored).unwrap(), referral);
        let stored = serde_json::to_string(&understood.touch).unwrap();
        prop_assert_eq!(serde_json::from_str::<Touch>(&stored).unwrap(), understood.touch);
    }

    #[test]
    fn any_bytes_are_a_referral_or_refused(body in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(understand(&arrival(RawFormat::Referral, body), &Rules::default()).is_err());
    }

    #[test]
    fn every_combination_of_missing_members_is_readable(present in 0u16..512) {
        let members = ["FirstName", "LastName", "Email", "Phone", "Country", "Company", "Title"];
        let mut details = serde_json::Map::new();
        let mut body = serde_json::Map::new();
        for (bit, member) in members.iter().enumerate().filter(|(bit, _)| present & (1 << bit) != 0) {
            details.insert((*member).to_owned(), json!(format!("v{bit}@example.com")));
        }
        body.insert("UserDetails".to_owned(), Value::Object(details));
        for (bit, member) in [(7, "LeadSource"), (8, "ActionCode")] {
            if present & (1 << bit) != 0 {
                body.insert(member.to_owned(), json!("SPZA-INS|p.o"));
            }
        }
        let understood = read(&Value::Object(body));
        prop_assert_eq!(!understood.identity_keys.is_empty(), present & 4 != 0);
    }

    #[test]
    fn text_in_normal_form_stays_as_it_is(text in "\\PC{0,40}|[\\s\\S]{0,40}") {
        for normal in [text::line(&text), text::paragraph(&text)] {
            prop_assert!(!normal.contains('\0') && normal.len() <= FIELD_CAP_BYTES);
        }
        let once = text::line(&text).into_owned();
        prop_assert_eq!(text::line(&once), once.as_str());
        let once = text::paragraph(&text).into_owned();
        prop_assert_eq!(text::paragraph(&once), once.as_str());
    }
}

/// Objects whose members are often the ones we know, with values of any shape.
fn object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,30}".prop_map(Value::from),
        Just(json!("{\"Email\":\"ada@example.com\"}")),
    ];
    let value = leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..8).prop_map(|map| map.into_iter().collect()),
        ]
    });
    prop::collection::btree_map(key(), value, 0..10).prop_map(|map| map.into_iter().collect())
}

/// Moments as .NET writes them, and some only a hostile sender would.
fn moment() -> impl Strategy<Value = String> {
    prop_oneof![
        "20[0-9]{2}-(0[1-9]|1[0-2])-[0-2][1-8]T1[0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,7})?Z?",
        Just("+262142-12-31T23:59:59".to_owned()),
        Just("-262143-01-01T00:00:00".to_owned()),
        Just("0001-01-01T00:00:00Z".to_owned()),
    ]
}

fn key() -> impl Strategy<Value = String> {
    const KNOWN: [&str; 31] = [
        "UserDetails",
        "userDetails",
        "CustomerInfo",
        "Email",
        "phone",
        "Country",
        "LeadSource",
        "ActionCode",
        "CreatedTime",
        "status",
        "Substatus",
        "qualification",
        "type",
        "direction",
        "name",
        "eTag",
        "customerProfile",
        "address",
        "team",
        "email",
        "phoneNumber",
        "firstName",
        "consent",
        "consentToContact",
        "details",
        "notes",
        "dealValue",
        "closingDateTime",
        "requirements",
        "solutions",
        "id",
    ];
    prop_oneof![
        prop::sample::select(&KNOWN[..]).prop_map(str::to_owned),
        "[ -~]{0,8}",
        any::<String>()
    ]
}
