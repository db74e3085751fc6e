//! Referrals as documented, and referrals nobody should ever see.

use connector_kit::referral::{Phase, ReferralKind};
use connector_kit::{Referral, ReferralState};

use super::*;

fn came(body: impl Into<bytes::Bytes>) -> Result<Understanding, Unreadable> {
    let mut arrival = arrival(RawFormat::Referral, body);
    arrival.source = "partner".into();
    understand(&arrival, &Rules::default())
}

fn sample(name: &str) -> Understanding {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/referrals");
    came(std::fs::read(format!("{folder}/{name}.json")).unwrap()).unwrap()
}

/// A customer inquiry with other members at the top.
fn like(members: &Value) -> Understanding {
    let mut body = json!({
        "id": "a-1", "createdDateTime": "2026-11-19T12:00:00Z", "updatedDateTime": "2026-11-20T11:00:00Z",
        "status": "New", "substatus": "Pending", "qualification": "Direct", "type": "Independent",
        "direction": "Incoming", "name": "A deal",
        "customerProfile": {
            "name": "Contoso", "address": {"country": "US"},
            "team": [{"firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com"}],
        },
    });
    for (name, member) in members.as_object().unwrap() {
        body[name] = member.clone();
    }
    came(body.to_string()).unwrap()
}

fn team(members: &Value) -> Understanding {
    like(&json!({"customerProfile": {"name": "Contoso", "address": {"country": "US"}, "team": members}}))
}

fn kept(understood: &Understanding) -> &Referral {
    understood.referral.as_ref().unwrap()
}

/// Customer, touch, and what follows.
fn told(understood: &Understanding) -> [String; 3] {
    let Understanding { person, touch, .. } = understood;
    let said = [
        &person.first_name,
        &person.last_name,
        &person.email,
        &person.phone,
        &person.country,
        &person.company,
    ]
    .map(|said| text(said.as_ref()));
    let touched = [
        &touch.storefront,
        &touch.action,
        &touch.offer,
        &touch.offer_title,
        &touch.description,
    ]
    .map(String::as_str);
    let mut follows = vec![touch.intent.as_str()];
    follows.extend(touch.dnc.then_some("dnc"));
    follows.extend(understood.identity_keys.iter().map(|_| "key"));
    [said.join("; "), touched.join("; "), follows.join(" ")]
}

#[test]
fn every_documented_referral_is_understood_as_meant() {
    const SUE: &str = "Sue; Smith; sue.smith@fabrikam.example; +14255550100; US; Fabrikam Inc";
    let deal = |action: &str, notes: &str| format!("PartnerCenter; {action}; SOL-34104-EBB; ; {notes}");
    let table = [
        (
            "referral_new_pending_direct_lead",
            deal(
                "customer-inquiry",
                "We want to deploy Microsoft 365 and need training for our employees. Can you help?",
            ),
            "contact_me key key",
        ),
        (
            "referral_new_received",
            deal("marketing-qualified", ""),
            "contact_me key key",
        ),
        (
            "referral_active_accepted_shared",
            deal("co-sell", "Pilot scoped, proposal due in May."),
            "unknown key key",
        ),
        ("referral_active_engaged", deal("co-sell", ""), "unknown key key"),
        (
            "referral_closed_expired",
            deal("customer-inquiry", ""),
            "unknown key key",
        ),
        ("referral_closed_lost", deal("co-sell", ""), "unknown key key"),
        (
            "referral_closed_declined",
            deal("co-sell", "Existing competitor contract until 2027."),
            "unknown key key",
        ),
        ("referral_closed_error", deal("co-sell", ""), "unknown key key"),
        (
            "referral_closed_won_registration_pending",
            deal("co-sell", ""),
            "unknown key key",
        ),
        (
            "referral_outgoing_partner_led",
            deal("co-sell", ""),
            "unknown key key",
        ),
    ];
    let mut whom = Vec::new();
    for (name, touch, follows) in table {
        let understood = sample(name);
        assert_eq!(
            told(&understood),
            [SUE.to_owned(), touch, follows.to_owned()],
            "{name}"
        );
        whom.push(understood.identity_keys[1]);
    }
    assert!(
        whom.iter().all(|key| *key == whom[0]),
        "one person in all of them"
    );
    let odd = sample("referral_edge_unicode_unknown_values");
    assert_eq!(
        told(&odd)[0],
        "Sue; Smith; sue.smith@fabrikam.example; 4255550100; AR; EJEMPLO OIL & GAS S.A."
    );
    let asked = posted(r#"{"UserDetails":{"Email":"Sue.Smith@Fabrikam.example"}}"#).unwrap();
    assert_eq!(
        asked.identity_keys,
        whom[..1],
        "and the same who asks at a marketplace"
    );
}

#[test]
fn the_touch_is_as_old_as_the_referral_and_the_person_as_new_as_the_version() {
    let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let understood = like(&json!({"createdDateTime": "2026-11-19T12:00:00.1234567Z"}));
    let person_at = |understood: &Understanding| understood.person.email.as_ref().unwrap().at;
    assert_eq!(understood.touch.at, moment("2026-11-19T12:00:00.123Z"));
    assert_eq!(person_at(&understood), moment("2026-11-20T11:00:00Z"));
    let version = understood.touch.referral.clone().unwrap();
    assert_eq!(
        (version.id.as_str(), version.updated_at),
        ("a-1", moment("2026-11-20T11:00:00Z"))
    );
    assert_eq!(
        kept(&understood).created_at,
        moment("2026-11-19T12:00:00.1234567Z")
    );
    for absurd in [
        "1601-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "+262142-12-31T23:59:59",
    ] {
        let moments = json!({"createdDateTime": absurd, "updatedDateTime": absurd});
        let understood = like(&moments);
        assert_eq!(
            (understood.touch.at, person_at(&understood)),
            (now(), now()),
            "{absurd}"
        );
    }
}

#[test]
fn who_waits_for_an_answer_is_hot_and_a_no_of_the_customer_closes_the_gate() {
    let no = json!({"consentToContact": false});
    let msft = json!({"invitedBy": {"organizationId": "msft"}});
    let asked = json!({"customerRequestedContact": true});
    let table = [
        (json!({}), Intent::ContactMe, true),
        (
            json!({"qualification": "MarketingQualified", "inviteContext": msft}),
            Intent::ContactMe,
            true,
        ),
        (
            json!({"qualification": "SalesQualified", "inviteContext": msft}),
            Intent::ContactMe,
            true,
        ),
        (
            json!({"qualification": "SalesQualified", "type": "Shared"}),
            Intent::Unknown,
            false,
        ),
        (
            json!({"qualification": "SalesQualified", "type": "Shared", "details": asked}),
            Intent::ContactMe,
            false,
        ),
        (json!({"qualification": "Someday"}), Intent::Unknown, true),
        (
            json!({"qualification": "Someday", "details": asked}),
            Intent::ContactMe,
            true,
        ),
        (
            json!({"direction": "Outgoing", "details": asked}),
            Intent::Unknown,
            false,
        ),
        (
            json!({"status": "Closed", "substatus": "Expired", "details": asked}),
            Intent::Unknown,
            true,
        ),
        (
            json!({"status": "Active", "substatus": "Accepted"}),
            Intent::ContactMe,
            true,
        ),
    ];
    for (members, intent, gated) in table {
        for (consent, closed) in [
            (no.clone(), gated),
            (json!({"consentToContact": "False"}), gated),
            (json!({"consentToContact": true}), false),
            (json!({"consentToContact": null}), false),
            (json!(null), false),
        ] {
            let mut members = members.clone();
            members["consent"] = consent;
            let touch = like(&members).touch;
            assert_eq!((touch.intent, touch.dnc), (intent, closed), "{members}");
        }
    }
}

#[test]
fn a_deal_without_a_solution_is_known_by_its_name() {
    let touch = |details: Value| like(&json!({"details": details})).touch;
    let nameless = touch(json!({"requirements": {"solutions": [{"id": " "}, {"id": null}, 7]}}));
    assert_eq!(
        (nameless.offer.as_str(), nameless.offer_title.as_str()),
        ("", "A deal")
    );
    let about = touch(json!({"requirements": {"solutions": [{"id": "SOL-1"}, {"id": "SOL-2"}]}}));
    assert_eq!((about.offer.as_str(), about.offer_title.as_str()), ("SOL-1", ""));
}

#[test]
fn odd_people_are_understood_as_far_as_they_go() {
    let ada = json!({"email": "ada@example.com"});
    let table = [
        (json!(null), "; ; ; ; US; Contoso", 1),
        (json!([]), "; ; ; ; US; Contoso", 1),
        (json!({}), "; ; ; ; US; Contoso", 1),
        (json!([null, 7, "x", {}]), "; ; ; ; US; Contoso", 1),
        (
            json!([{"email": ""}, {"email": null, "phoneNumber": " "}]),
            "; ; ; ; US; Contoso",
            1,
        ),
        (
            json!([{"firstName": " ADA ", "lastName": "O&#39;NEIL\t", "email": " ADA@EXAMPLE.COM "}]),
            "ADA; O'NEIL; ada@example.com; ; US; Contoso",
            2,
        ),
        (
            json!([ada, {"email": "bob@example.com", "firstName": "Bob"}]),
            "; ; ada@example.com; ; US; Contoso",
            2,
        ),
        (
            json!([{"firstName": "Bob"}, ada]),
            "; ; ada@example.com; ; US; Contoso",
            2,
        ),
        (
            json!([{"email": "no-reply@contoso.com"}]),
            "; ; no-reply@contoso.com; ; US; Contoso",
            1,
        ),
        (
            json!([{"email": "no-reply@contoso.com", "phoneNumber": "(425) 555-0100"}]),
            "; ; no-reply@contoso.com; +14255550100; US; Contoso",
            2,
        ),
        (
            json!([{"email": "not one", "phoneNumber": "call me"}]),
            "; ; not one; call me; US; Contoso",
            1,
        ),
        (
            json!([{"firstName": {"a": 1}, "email": ["x"]}]),
            "; ; ; ; US; Contoso",
            1,
        ),
        (json!(vec![ada; 64]), "; ; ada@example.com; ; US; Contoso", 2),
    ];
    for (members, expected, keys) in table {
        let understood = team(&members);
        assert_eq!(
            (told(&understood)[0].as_str(), understood.identity_keys.len()),
            (expected, keys),
            "{members}"
        );
    }
    for profile in [
        json!(null),
        json!(7),
        json!([]),
        json!({"name": null, "address": null, "ids": {}}),
    ] {
        let understood = like(&json!({"customerProfile": profile}));
        assert_eq!(
            (understood.person, understood.identity_keys.len()),
            (Person::default(), 1),
            "{profile}"
        );
    }
}

#[test]
fn odd_values_leave_a_referral_that_is_still_one() {
    for (member, value) in [
        ("status", json!("Frozen")),
        ("status", json!(null)),
        ("substatus", json!({"a": 1})),
        ("qualification", json!(3)),
        ("qualification", json!("\u{200B}")),
        ("type", json!("")),
        ("direction", json!("Sideways")),
        ("expirationDateTime", json!("soon")),
        ("updatedDateTime", json!("")),
        ("consent", json!([true])),
        ("details", json!("x")),
        (
            "details",
            json!({"dealValue": {}, "currency": "", "closingDateTime": 7, "requirements": {"solutions": {}}}),
        ),
        ("team", json!({"a": 1})),
        ("team", json!(vec![json!({"email": "e"}); 64])),
        ("inviteContext", json!(null)),
        ("registrations", json!(null)),
        ("lastRunId", json!({"deep": {"er": []}})),
        ("eTag", json!(null)),
        ("name", json!("x".repeat(60_000))),
    ] {
        let understood = like(&json!({member: value}));
        let referral = kept(&understood);
        assert_eq!(referral.id.as_str(), "a-1", "{member}");
        assert!(
            !understood.touch.action.is_empty() && referral.name.len() <= FIELD_CAP_BYTES,
            "{member}"
        );
        assert!(referral.team.len() <= 50);
        let stored = serde_json::to_string(referral).unwrap();
        assert_eq!(
            &serde_json::from_str::<Referral>(&stored).unwrap(),
            referral,
            "{member}"
        );
    }
}

#[test]
fn texts_are_kept_in_normal_form_and_the_e_tag_as_it_came() {
    let understood = like(&json!({
        "name": "  R\u{202E}esume\u{301}\r\n&amp; more\u{0} ", "eTag": "\"a\u{200B}&amp; \"",
        "status": "New\u{200B}", "substatus": "Pending", "campaignId": "c\u{7}1", "externalReferenceId": " x ",
        "statusReason": "a\tb", "qualification": "Odd\u{200B}One", "team": [{"firstName": "B\u{0}o\nb"}],
        "details": {"notes": "one\r\ntwo\u{0}", "currency": "us\u{200B}d", "requirements": {"solutions": [{"id": "SOL\u{200B}-1"}]}},
    }));
    let referral = kept(&understood);
    assert_eq!(referral.name, "Resum\u{e9} & more");
    assert_eq!(referral.etag, "\"a\u{200B}&amp; \"");
    assert_eq!(
        (&referral.state, referral.state.phase()),
        (&ReferralState::Pending, Phase::New)
    );
    assert_eq!(referral.kind, ReferralKind::Other("OddOne".into()));
    assert_eq!(
        (referral.campaign.as_str(), referral.external_reference.as_str()),
        ("c1", "x")
    );
    assert_eq!(
        (referral.reason.as_str(), referral.team[0].first_name.as_str()),
        ("a b", "Bo b")
    );
    assert_eq!(
        (referral.deal.notes.as_str(), referral.deal.currency.as_deref()),
        ("one\ntwo", Some("USD"))
    );
    assert_eq!(understood.touch.offer, "SOL-1");
}

#[test]
fn the_mark_of_a_test_lead_counts_in_a_referral_too() {
    let mark = "MSFT_TEST_636573304831318844";
    for understood in [
        team(&json!([{"firstName": mark, "email": "ada@example.com"}])),
        team(&json!([{"email": format!("{mark}@test.com")}])),
        like(&json!({"name": mark})),
        like(&json!({"details": {"notes": mark}})),
    ] {
        assert!(understood.test_lead);
        assert_eq!(
            understood.identity_keys.len(),
            1,
            "found again as itself, and as nobody else"
        );
    }
    assert!(!like(&json!({})).test_lead);
}

#[test]
fn only_what_holds_no_referral_is_quarantined_with_its_reason() {
    let table = [
        ("", "this is not JSON; "),
        ("nope", "this is not JSON; "),
        ("[]", "this is not a JSON object; "),
        ("{}", "the referral has no id; "),
        (
            r#"{"id":"../../x","createdDateTime":"2026-11-19T12:00:00Z"}"#,
            "the referral has no id; ",
        ),
        (r#"{"id":"a"}"#, "the referral does not say when it was made; "),
        (
            r#"{"id":"a","createdDateTime":"yesterday"}"#,
            "the referral does not say when it was made; ",
        ),
    ];
    for (body, reason) in table {
        let refused = came(body).unwrap_err();
        assert_eq!(refused.reason.code(), "no-referral");
        assert!(refused.to_string().starts_with(reason), "{body}: {refused}");
    }
    let least = came(r#"{"ID":"A-1","CreatedDateTime":"2026-11-19T12:00:00"}"#).unwrap();
    assert_eq!(
        (told(&least)[1].as_str(), least.identity_keys.len()),
        ("PartnerCenter; co-sell; ; ; ", 1)
    );
}
