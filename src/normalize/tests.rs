//! Arrivals as seen on the wire, and arrivals nobody should ever see.

use chrono::{DateTime, Utc};
use connector_kit::lead::{FIELD_CAP_BYTES, Intent, Said};
use connector_kit::{RawFormat, RawLead};
use proptest::prelude::*;
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

macro_rules! fixture {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../tests/fixtures/marketplace/", $name, ".json")),
        )
    };
}

/// Every posted fixture, and what it means: the customer, what was done, and what follows.
const POSTED: [((&str, &str), [&str; 3]); 15] = [
    (
        fixture!("https_azuremarketplace_ins"),
        [
            "Ada; Lindqvist; ada.lindqvist@fabrikam.example; +4685550100; SE; Fabrikam AB; Head of IT",
            "AzureMarketplace; INS; contoso.contoso-backup-saas; Customer acquired the offer",
            "acquired key",
        ],
    ),
    (
        fixture!("https_azuremarketplace_ins_plain_source"),
        [
            "Some; One; someone@fabrikam.example; +16175550100; US; Fabrikam; Engineer",
            "AzureMarketplace; INS; Contoso Backup; LeadSource carries only the source; action and offer are in their own fields",
            "acquired key",
        ],
    ),
    (
        fixture!("https_azureportal_create"),
        [
            "Lena; Vogel; lena.vogel@wingtip.example; ; DE; Wingtip GmbH; ",
            "AzurePortal; Create; contoso.contoso-vm-firewall-byol; ",
            "acquired key",
        ],
    ),
    (
        fixture!("https_appsource_plt_contact_me"),
        [
            "Marco; Rossi; marco.rossi@northwind.example; +390255501234; IT; Northwind S.p.A.; CFO",
            "AppSource; PLT; contoso.contoso-crm-addon; We need 50 seats before year end. Please call after 14:00 CET.",
            "contact_me key",
        ],
    ),
    (
        fixture!("https_appsource_dnc"),
        [
            "Kenji; Sato; kenji.sato@adatum.example; +81355501234; JP; Adatum K.K.; Director",
            "AppSource; DNC; contoso.contoso-crm-addon; Customer asked a cross-listed partner to contact them; do not contact",
            "unknown key dnc",
        ],
    ),
    (
        fixture!("https_appsource_spza_label_ins"),
        [
            "Mary; Jones; mary.jones@tailspin.example; +14255550111; US; Tailspin Toys; Buyer",
            "AppSource; INS; contoso.3701c77e-1cfa-4c56-91e6-3ed0b6221450; ",
            "acquired key",
        ],
    ),
    (
        fixture!("https_testdrive_start"),
        [
            "Omar; Haddad; omar.haddad@proseware.example; +97145550199; AE; Proseware LLC; Architect",
            "TestDrive; StartTestDrive; contoso.contoso-analytics-td; test drive instance started",
            "trial key",
        ],
    ),
    (
        fixture!("https_lowercase_keys"),
        [
            "Sue; Smith; sue.smith@fabrikam.example; 1234567890; US; Fabrikam; Owner",
            "AppSource; PLT; contoso.contoso-crm-addon; keys and codes in lower case",
            "contact_me key",
        ],
    ),
    (
        fixture!("https_microsoft_test_lead"),
        [
            "MSFT_TEST_636573304831318844; MSFT_TEST_636573304831318844; msft_test_636573304831318844@test.com; \
             1234567890; US; MSFT_TEST_636573304831318844; MSFT_TEST_636573304831318844",
            "AzureMarketplace; INS; Contoso Test; MSFT_TEST_636573304831318844",
            "acquired test",
        ],
    ),
    (
        fixture!("https_missing_fields"),
        [
            "; Okafor; c.okafor@litware.example; ; NG; ; ",
            "AzureMarketplace; INS; contoso.contoso-backup-saas; ",
            "acquired key",
        ],
    ),
    (
        fixture!("https_null_user_details"),
        [
            "; ; ; ; ; ; ",
            "AppSource; INS; contoso.contoso-edu-suite; ",
            "acquired",
        ],
    ),
    (
        fixture!("https_pii_withheld_edu"),
        [
            "; ; ; ; US; ; ",
            "AppSource; INS; contoso.contoso-edu-suite; ",
            "acquired",
        ],
    ),
    (
        fixture!("https_extra_unknown_fields"),
        [
            "Nia; Brown; nia.brown@lamna.example; +12065550123; US; Lamna Healthcare; VP Sales",
            "AzureMarketplace; INS; contoso.contoso-backup-saas; ",
            "acquired key 6",
        ],
    ),
    (
        fixture!("https_unicode"),
        [
            "Gülşah; Öztürk-İnanç; gulsah.ozturk@ornek.example; +902125550199; TR; Şişli Yazılım A.Ş. &amp; Ortakları; Müdür / 部長",
            "AppSource; PLT; contoso.contoso-crm-addon; Merhaba 👋 \u{202b}مرحبا\u{202c}\nSatır 2\tsekme \"tırnak\" é",
            "contact_me key",
        ],
    ),
    (
        fixture!("https_unknown_action"),
        [
            "Ivan; Petrov; ivan.petrov@relecloud.example; +359255501; BG; Relecloud; CTO",
            "AzureMarketplace; XYZ; contoso.contoso-backup-saas; action code not in any published list",
            "unknown key",
        ],
    ),
];

/// An understanding in the words of the table.
fn summary(understanding: &Understanding) -> [String; 3] {
    let Person {
        first_name,
        last_name,
        email,
        phone,
        country,
        company,
        title,
    } = &understanding.person;
    let who = [first_name, last_name, email, phone, country, company, title].map(|said| text(said.as_ref()));
    let touch = &understanding.touch;
    let what = [&touch.storefront, &touch.action, &touch.offer, &touch.description].map(String::as_str);
    let mut follows = vec![touch.intent.as_str().to_owned()];
    follows.extend(understanding.identity_key.map(|_| "key".to_owned()));
    follows.extend(touch.dnc.then(|| "dnc".to_owned()));
    follows.extend(understanding.test_lead.then(|| "test".to_owned()));
    let unknown = understanding.unknown_members;
    follows.extend((unknown > 0).then(|| unknown.to_string()));
    [who.join("; "), what.join("; "), follows.join(" ")]
}

#[test]
fn every_documented_body_is_understood_as_meant() {
    for ((name, body), expected) in POSTED {
        let understood = posted(body).unwrap();
        assert_eq!(summary(&understood), expected, "{name}");
        assert_eq!(understood.touch.at, now(), "{name}");
    }
}

#[test]
fn a_documented_sequence_is_one_person_with_two_keys_of_touch() {
    let sequence: Value = serde_json::from_str(fixture!("https_duplicate_sequence").1).unwrap();
    let read: Vec<_> = sequence
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| read(&entry["body"]))
        .collect();
    assert!(
        read.iter()
            .all(|one| one.identity_key.is_some() && one.identity_key == read[0].identity_key)
    );
    let keys: Vec<_> = read
        .iter()
        .map(|one| crate::dedupe::touch_key(&one.touch))
        .collect();
    assert!(keys[0] == keys[1] && keys[1] != keys[2]);
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
    assert_eq!(understood.identity_key, None);
}

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
        prop_assert_eq!(understood.identity_key.is_some(), present & 4 != 0);
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

fn key() -> impl Strategy<Value = String> {
    const KNOWN: [&str; 9] = [
        "UserDetails",
        "userDetails",
        "CustomerInfo",
        "Email",
        "phone",
        "Country",
        "LeadSource",
        "ActionCode",
        "CreatedTime",
    ];
    prop_oneof![
        prop::sample::select(&KNOWN[..]).prop_map(str::to_owned),
        "[ -~]{0,8}",
        any::<String>()
    ]
}
