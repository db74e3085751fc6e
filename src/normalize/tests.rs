//! Arrivals as seen on the wire, and arrivals nobody should ever see.

macro_rules! fixture {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/fixtures/marketplace/",
                $name,
                ".json"
            )),
        )
    };
}

mod documented;
mod properties;
mod referrals;

use chrono::{DateTime, Utc};
use connector_kit::lead::{FIELD_CAP_BYTES, Intent, Said};
use connector_kit::{RawFormat, RawLead};
use serde_json::{Value, json};

use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn arrival(format: RawFormat, body: impl Into<bytes::Bytes>) -> Arrival {
    Arrival {
        account: "default".into(),
        source: "web".into(),
        received_at: now(),
        raw: RawLead {
            format,
            reference: None,
            occurred_at: None,
            body: body.into(),
        },
    }
}

fn posted(body: impl Into<bytes::Bytes>) -> Result<Understanding, Unreadable> {
    understand(&arrival(RawFormat::MarketplaceJson, body), &Rules::default())
}

fn read(value: &Value) -> Understanding {
    posted(value.to_string()).unwrap()
}

fn row(value: &Value) -> Understanding {
    understand(
        &arrival(RawFormat::MarketplaceRow, value.to_string()),
        &Rules::default(),
    )
    .unwrap()
}

fn text(said: Option<&Said>) -> &str {
    said.map_or("", |said| said.value.as_str())
}

#[test]
fn rows_are_read_like_bodies_and_carry_their_moment() {
    let page: Value = serde_json::from_str(fixture!("azure_table_query_response").1).unwrap();
    let first = row(&page["value"][0]);
    assert_eq!(text(first.person.email.as_ref()), "jsmith@fabrikam.example");
    assert_eq!(first.touch.offer_title, "Contoso Firewall (BYOL)");
    assert_eq!(first.touch.publisher, "contoso");
    assert_eq!(
        first.touch.at,
        "2018-09-28T17:42:09Z".parse::<DateTime<Utc>>().unwrap()
    );
    assert_eq!(first.unknown_members, 0);
    let second = row(&page["value"][1]);
    assert_eq!(second.person.phone, None);
    assert_eq!(
        (second.touch.action.as_str(), second.touch.intent),
        ("Create", Intent::Acquired)
    );
    let alone: Value = serde_json::from_str(fixture!("azure_table_row").1).unwrap();
    assert_eq!(row(&alone), first);
}

#[test]
fn the_rows_own_timestamp_wins_unless_it_is_absurd() {
    let body = json!({"CreatedTime": "9/28/2018 5:42:09 PM"}).to_string();
    let mut arrival = arrival(RawFormat::MarketplaceRow, body);
    let at = |arrival: &Arrival| understand(arrival, &Rules::default()).unwrap().touch.at;
    let stamp: DateTime<Utc> = "2018-09-28T17:42:10.1234567Z".parse().unwrap();
    arrival.raw.occurred_at = Some(stamp);
    assert_eq!(
        at(&arrival),
        "2018-09-28T17:42:10.123Z".parse::<DateTime<Utc>>().unwrap()
    );
    for absurd in [
        "1970-01-01T00:00:00Z",
        "9999-12-31T00:00:00Z",
        "2026-11-22T00:00:00Z",
    ] {
        arrival.raw.occurred_at = Some(absurd.parse().unwrap());
        assert_eq!(at(&arrival), now(), "{absurd}");
    }
}

#[test]
fn a_bad_customer_leaves_a_lead_without_a_person() {
    for customer in [
        json!("{\"FirstName\":\"Jo\", oops"),
        json!("Jo"),
        json!("[1]"),
        json!([1]),
        json!(7),
        json!(true),
    ] {
        let understood = row(&json!({"CustomerInfo": customer, "LeadSource": "SPZA-INS|p.o"}));
        assert_eq!(understood.person, Person::default(), "{customer}");
        assert_eq!(understood.unknown_members, 1, "{customer}");
        assert!(understood.touch.extra.contains_key("CustomerInfo"), "{customer}");
    }
    for customer in [json!(null), json!(""), json!("  "), json!({}), json!("{}")] {
        let understood = row(&json!({"CustomerInfo": customer}));
        assert_eq!(
            (understood.person, understood.unknown_members),
            (Person::default(), 0),
            "{customer}"
        );
    }
}

#[test]
fn two_spellings_of_user_details_are_joined() {
    let body = r#"{"userDetails":{"FirstName":"Ada","EMAIL":""},"UserDetails":{"firstname":"","Email":"ada@example.com"},"USERDETAILS":null}"#;
    let understood = posted(body).unwrap();
    assert_eq!(text(understood.person.first_name.as_ref()), "Ada");
    assert_eq!(text(understood.person.email.as_ref()), "ada@example.com");
}

#[test]
fn any_shape_of_value_is_readable() {
    for value in [
        json!(7),
        json!(1.5),
        json!(true),
        json!(null),
        json!({"a": 1}),
        json!([1]),
        json!("x".repeat(60_000)),
    ] {
        let understood = read(&json!({
            "UserDetails": {"FirstName": value, "LastName": value, "Email": value, "Phone": value, "Country": value,
                "Company": value, "Title": value},
            "LeadSource": value, "ActionCode": value, "OfferTitle": value, "Description": value, "Other": value,
        }));
        let first_name = text(understood.person.first_name.as_ref());
        assert!(first_name.len() <= FIELD_CAP_BYTES);
        assert_eq!(understood.person.email.filter(|said| said.normal), None);
    }
    let number = read(&json!({"UserDetails": {"Phone": 14_255_550_111_u64, "Country": "US"}}));
    assert_eq!(text(number.person.phone.as_ref()), "+14255550111");
}

#[test]
fn unknown_members_are_kept_as_text_within_bounds_and_counted() {
    let (_, body) = fixture!("https_extra_unknown_fields");
    let extra = posted(body).unwrap().touch.extra;
    assert_eq!(extra["UserDetails.CompanySize"], "251to1000employees");
    assert_eq!(extra["PlanId"], "gold");
    assert!(extra["Tags"].starts_with('[') && !extra.contains_key("UserDetails.LinkedIn"));
    let mut many = serde_json::Map::new();
    for n in 0..100 {
        many.insert(format!("Member{n}"), json!("é".repeat(1_000)));
    }
    let understood = read(&Value::Object(many));
    assert_eq!(understood.unknown_members, 100);
    assert_eq!(understood.touch.extra.len(), fields::EXTRA_MAX);
    assert!(understood.touch.extra.values().all(|value| value.len() <= 1024));
}

#[test]
fn raw_text_stays_beside_its_normal_form() {
    let understood = read(
        &json!({"UserDetails": {"Email": "Ada@Example.com", "Country": "Germany", "Phone": "030 12345678", "FirstName": "Ada"}}),
    );
    let raw = |said: &Option<Said>| said.as_ref().and_then(|said| said.raw.clone());
    assert_eq!(raw(&understood.person.email).as_deref(), Some("Ada@Example.com"));
    assert_eq!(raw(&understood.person.country).as_deref(), Some("Germany"));
    assert_eq!(raw(&understood.person.phone).as_deref(), Some("030 12345678"));
    assert_eq!(raw(&understood.person.first_name), None);
    let odd = read(&json!({"UserDetails": {"Email": "not one", "Country": "??", "Phone": "call me"}}));
    for said in [odd.person.email, odd.person.country, odd.person.phone] {
        assert!(said.is_some_and(|said| !said.normal && said.raw.is_none()));
    }
}

#[test]
fn the_action_code_wins_and_do_not_contact_gates_from_either() {
    let touch = |lead_source: &str, action: &str| {
        read(&json!({"LeadSource": lead_source, "ActionCode": action})).touch
    };
    let disagree = touch("SPZA-PLT|p.o", "INS");
    assert_eq!(
        (disagree.action.as_str(), disagree.intent, disagree.dnc),
        ("INS", Intent::Acquired, false)
    );
    assert_eq!(touch("SPZA-plt|p.o", "N/A").action, "PLT");
    for (lead_source, action) in [
        ("SPZA-DNC|p.o", "PLT"),
        ("SPZA-PLT|p.o", " dnc "),
        ("", "ＤＮＣ"),
        ("SPZA-d\u{200B}nc", "INS"),
        ("", "D.N.C."),
    ] {
        assert!(touch(lead_source, action).dnc, "{lead_source:?} {action:?}");
    }
    let hidden = format!("SPZA{}-DNC|p.o", " ".repeat(50_000));
    assert!(touch(&hidden, "INS").dnc);
}

#[test]
fn the_mark_of_a_test_lead_counts_in_every_named_field() {
    for field in ["FirstName", "LastName", "Email", "Company", "Title"] {
        assert!(
            read(&json!({"UserDetails": {field: "MSFT_TEST_636573304831318844"}})).test_lead,
            "{field}"
        );
    }
    for field in ["Description", "LeadSource"] {
        assert!(read(&json!({field: "MSFT_TEST_1|Offer"})).test_lead, "{field}");
    }
    let understood = read(&json!({"UserDetails": {"Email": "MSFT_TEST_1@test.com"}}));
    assert_eq!(understood.identity_keys.first(), None);
}
