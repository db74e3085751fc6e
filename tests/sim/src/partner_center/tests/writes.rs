//! Changes: what is taken, what is refused, and that a change is done wholly or not at all.

use serde_json::{Value, json};

use super::world::{World, sample};
use crate::partner_center::{Cause, NewReferral, Required, Stage, Transitions};

const PAIRS: [(&str, &str); 9] = [
    ("New", "Pending"),
    ("New", "Received"),
    ("Active", "Accepted"),
    ("Active", "Engaged"),
    ("Closed", "Won"),
    ("Closed", "Lost"),
    ("Closed", "Declined"),
    ("Closed", "Expired"),
    ("Closed", "Error"),
];

fn lead() -> NewReferral {
    NewReferral::marketplace_lead("ada@fabrikam.example")
}

/// Brings a fresh referral to a pair and tries to bring it to another.
async fn tried(world: &World, from: (&str, &str), to: (&str, &str)) -> u16 {
    let id = world.center.create(lead());
    let pair = [("/status", from.0.into()), ("/substatus", from.1.into())];
    world.center.edit(&id, &pair);
    world.go(&id, to.0, to.1).await.status
}

#[tokio::test]
async fn the_strict_table_allows_what_it_names_and_nothing_else() {
    let world = World::new();
    for from in PAIRS {
        for to in PAIRS {
            let closes = |words: &[&str]| to.0 == "Closed" && words.contains(&to.1);
            let allowed = match from.0 {
                "New" if to == ("New", "Received") => true,
                "New" => from == to || to == ("Active", "Accepted") || closes(&["Won", "Lost", "Declined"]),
                "Active" => from == to || closes(&["Won", "Lost"]),
                _ => false,
            };
            let expected = if allowed { 204 } else { 400 };
            assert_eq!(tried(&world, from, to).await, expected, "{from:?} to {to:?}");
        }
    }
}

#[tokio::test]
async fn the_lenient_table_allows_every_documented_step_but_none_from_a_closed_referral() {
    let world = World::new();
    world
        .center
        .set(|settings| settings.transitions = Transitions::Lenient);
    for from in PAIRS {
        for to in PAIRS {
            let back = from.0 == "Active" && to.0 == "New";
            let expected = if from.0 == "Closed" || back { 400 } else { 204 };
            assert_eq!(tried(&world, from, to).await, expected, "{from:?} to {to:?}");
        }
    }
    let id = world.center.create(lead());
    assert_eq!(world.go(&id, "Active", "Won").await.status, 400, "no pair");
    assert_eq!(
        world.set(&id, &[("/status", "Active".into())]).await.status,
        400,
        "half a pair"
    );
}

#[tokio::test]
async fn the_documented_changes_are_taken_and_carry_what_the_service_adds() {
    let world = World::new();
    let id = world.center.create(lead());
    let path = format!("/{id}");
    let told = world.ask("PATCH", &path, &[], &sample!("patch_accept")).await;
    assert_eq!(
        (told.status, told.header("etag"), &told.body),
        (204, "", &Value::Null)
    );
    let referral = world.center.referral(&id).unwrap();
    assert_eq!(
        referral["details"]["dealValue"], 25000,
        "a number, though text was sent"
    );
    assert_eq!(referral["externalReferenceId"], "crm-lead-77");
    assert_eq!(referral["expirationDateTime"], Value::Null);
    assert!(referral["acceptedDateTime"].as_str() < referral["updatedDateTime"].as_str());
    for (body, name) in [
        (sample!("patch_add_team_member"), "team"),
        (sample!("patch_create_deal_registration"), "registrations"),
    ] {
        assert_eq!(world.ask("PATCH", &path, &[], &body).await.status, 204, "{name}");
    }
    let referral = world.center.referral(&id).unwrap();
    assert_eq!(referral["team"][1]["email"], "jane.doe@contoso.example");
    assert_eq!(referral["team"][1]["title"], Value::Null);
    assert_eq!(referral["registrations"][0]["status"], "ReviewPending");
    assert_eq!(referral["registrationStatus"], "ReviewPending");
    let prefer = [("prefer", "return=representation")];
    let told = world.ask("PATCH", &path, &prefer, &sample!("patch_won")).await;
    assert_eq!((told.status, &told.body["substatus"]), (200, &json!("Won")));
    assert_eq!(told.header("etag"), told.body["eTag"].as_str().unwrap());
    let closed = told.body["closedDateTime"].as_str().unwrap();
    assert!(closed < told.body["updatedDateTime"].as_str().unwrap());
    for body in [sample!("patch_lost"), sample!("patch_decline")] {
        let id = world.center.create(lead());
        assert_eq!(
            world.ask("PATCH", &format!("/{id}"), &[], &body).await.status,
            204
        );
    }
}

#[tokio::test]
async fn a_closed_referral_takes_nothing_not_even_notes() {
    let world = World::new();
    let id = world.center.create(lead());
    world
        .center
        .close(&id, "Declined", Some("Customer did not respond"));
    for how in [Transitions::Strict, Transitions::Lenient] {
        world.center.set(|settings| settings.transitions = how);
        let told = world.set(&id, &[("/details/notes", "late".into())]).await;
        assert_eq!((told.status, told.inner()), (400, "referralClosed"));
    }
    assert_eq!(world.center.writes_of(&id)[0].refused, Some(Cause::Terminal));
    assert_eq!(world.center.violations().len(), 2);
}

#[tokio::test]
async fn a_change_is_done_wholly_or_not_at_all() {
    let world = World::new();
    let id = world.center.create(lead());
    let before = world.center.referral(&id).unwrap();
    let good = json!({ "op": "replace", "path": "/name", "value": "changed" });
    let bad = [
        json!({ "op": "remove", "path": "/name" }),
        json!({ "op": "test", "path": "/name", "value": "x" }),
        json!({ "op": "move", "from": "/name", "path": "/campaignId" }),
        json!({ "op": "replace", "path": "/nowhere", "value": 1 }),
        json!({ "op": "replace", "path": "name", "value": "x" }),
        json!({ "op": "replace", "path": "/name" }),
        json!({ "op": "replace", "path": "/name", "value": 7 }),
        json!({ "op": "replace", "path": "/details/dealValue", "value": "a lot" }),
        json!({ "op": "replace", "path": "/details/dealValue", "value": -1 }),
        json!({ "op": "replace", "path": "/details/closingDateTime", "value": "soon" }),
        json!({ "op": "replace", "path": "/details/currency", "value": "euro" }),
        json!({ "op": "replace", "path": "/team/7/email", "value": "x@example.com" }),
        json!({ "op": "add", "path": "/team/5", "value": {} }),
        json!({ "op": "replace", "path": "/eTag", "value": "x" }),
        json!({ "op": "replace", "path": "/id", "value": "x" }),
        json!({ "op": "replace", "path": "/status", "value": "Sleeping" }),
    ];
    for bad in bad {
        let told = world
            .ask("PATCH", &format!("/{id}"), &[], &json!([good, bad]))
            .await;
        assert_eq!(
            (told.status, &told.body["error"]["code"]),
            (400, &json!("invalidRequest")),
            "{bad}"
        );
    }
    for body in [json!([]), json!({ "name": "x" })] {
        assert_eq!(
            world.ask("PATCH", &format!("/{id}"), &[], &body).await.status,
            400
        );
    }
    assert_eq!(world.center.referral(&id).unwrap(), before);
}

#[tokio::test]
async fn an_etag_is_matched_with_its_quotes_and_only_where_it_is_sent() {
    let world = World::new();
    let id = world.center.create(lead());
    let path = format!("/{id}");
    let etag = world.get(&path).await.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'));
    let notes = |text: &str| json!([{ "op": "replace", "path": "/details/notes", "value": text }]);
    let told = world
        .ask("PATCH", &path, &[("if-match", &etag)], &notes("one"))
        .await;
    assert_eq!(told.status, 204);
    let told = world
        .ask("PATCH", &path, &[("if-match", &etag)], &notes("two"))
        .await;
    assert_eq!((told.status, told.inner()), (412, "resourceModified"));
    assert_eq!(told.body, sample!("error_412_precondition_failed"));
    world.center.set(|settings| settings.stale_status = 409);
    let told = world
        .ask("PATCH", &path, &[("if-match", &etag)], &notes("two"))
        .await;
    assert_eq!(
        (told.status, &told.body["error"]["code"]),
        (409, &json!("resourceModified"))
    );
    assert_eq!(
        world.ask("PATCH", &path, &[], &notes("three")).await.status,
        204,
        "nothing is checked"
    );
    let fresh = world.get(&path).await.header("etag").to_owned();
    let bare = fresh.trim_matches('"');
    let told = world
        .ask("PATCH", &path, &[("if-match", bare)], &notes("four"))
        .await;
    assert_eq!(told.status, 409);
    assert!(
        world
            .center
            .complaints()
            .iter()
            .any(|one| one.contains("without the quotes"))
    );
    assert!(world.center.violations().is_empty());
}

#[tokio::test]
async fn somebody_else_may_be_quicker_as_often_as_told() {
    let world = World::new();
    let id = world.center.create(lead());
    let path = format!("/{id}");
    world.center.interfere_next(3, "/favorite", &json!(true));
    let mut answers = Vec::new();
    for _ in 0..4 {
        let etag = world.get(&path).await.header("etag").to_owned();
        let body = json!([{ "op": "replace", "path": "/name", "value": "mine" }]);
        answers.push(
            world
                .ask("PATCH", &path, &[("if-match", &etag)], &body)
                .await
                .status,
        );
    }
    assert_eq!(answers, [412, 412, 412, 204]);
}

#[tokio::test]
async fn the_portal_asks_for_fields_that_the_interface_does_not() {
    let world = World::new();
    let id = world.center.create(lead().named(""));
    world
        .center
        .set(|settings| settings.required = Required::AsThePortal);
    let told = world.go(&id, "Active", "Accepted").await;
    assert_eq!((told.status, told.inner()), (400, "requiredFieldMissing"));
    let missing = told.body["error"]["innerError"]["message"].as_str().unwrap();
    assert_eq!(
        missing,
        "/name, /details/dealValue, /details/currency, /details/closingDateTime"
    );
    assert_eq!(
        world.go(&id, "Closed", "Declined").await.inner(),
        "requiredFieldMissing"
    );
    let told = world
        .ask("PATCH", &format!("/{id}"), &[], &sample!("patch_accept"))
        .await;
    assert_eq!(told.status, 204);
    assert_eq!(
        world.go(&id, "Closed", "Lost").await.inner(),
        "requiredFieldMissing"
    );
    world
        .center
        .set(|settings| settings.required = Required::AsTheApi);
    assert_eq!(world.go(&id, "Closed", "Lost").await.status, 204);
}

#[tokio::test]
async fn a_replacement_needs_the_etag_and_takes_no_links() {
    let world = World::new();
    let id = world.center.create(lead());
    let path = format!("/{id}");
    let told = world.get(&path).await;
    let etag = told.header("etag").to_owned();
    let mut whole = told.body.clone();
    whole["name"] = "replaced".into();
    assert_eq!(world.ask("PUT", &path, &[], &whole).await.status, 412);
    assert_eq!(
        world
            .ask("PUT", &path, &[("if-match", &etag)], &whole)
            .await
            .status,
        400
    );
    whole.as_object_mut().unwrap().remove("links");
    let told = world.ask("PUT", &path, &[("if-match", &etag)], &whole).await;
    assert_eq!((told.status, &told.body["name"]), (200, &json!("replaced")));
    assert_ne!(told.header("etag"), etag);
    assert!(told.body["links"].is_object());
    assert_eq!(
        world
            .ask("PUT", &path, &[("if-match", &etag)], &whole)
            .await
            .status,
        412
    );
}

#[tokio::test]
async fn a_referral_of_ones_own_comes_back_accepted() {
    let world = World::new();
    for body in [
        sample!("create_request_private"),
        sample!("create_request_cosell_own_side"),
    ] {
        let told = world.ask("POST", "", &[], &body).await;
        assert_eq!(told.status, 201, "{}", told.body);
        let stage = (&told.body["status"], &told.body["substatus"]);
        assert_eq!(stage, (&json!("Active"), &json!("Accepted")));
        assert_eq!(told.body["expirationDateTime"], Value::Null);
        assert_eq!(told.body["acceptedDateTime"], told.body["createdDateTime"]);
        assert_eq!(told.body["externalReferenceId"], body["externalReferenceId"]);
    }
    for lacks in ["type", "customerProfile", "consent", "details"] {
        let mut body = sample!("create_request_private");
        body.as_object_mut().unwrap().remove(lacks);
        assert_eq!(world.ask("POST", "", &[], &body).await.status, 400, "{lacks}");
    }
}

#[tokio::test]
async fn a_shared_deal_takes_two_calls_and_the_side_of_microsoft_is_not_ours() {
    let world = World::new();
    let mut theirs = sample!("create_request_cosell_microsoft_side");
    assert_eq!(
        world.ask("POST", "", &[], &theirs).await.status,
        400,
        "no such engagement yet"
    );
    let ours = world
        .ask("POST", "", &[], &sample!("create_request_cosell_own_side"))
        .await;
    theirs["engagementId"] = ours.body["engagementId"].clone();
    let told = world.ask("POST", "", &[], &theirs).await;
    assert_eq!((told.status, &told.body["status"]), (201, &json!("New")));
    assert_eq!(told.body["engagementId"], ours.body["engagementId"]);
    assert_ne!(told.body["organizationId"], ours.body["organizationId"]);
    let id = told.body["id"].as_str().unwrap();
    assert_eq!(world.go(id, "Active", "Accepted").await.status, 403);
    assert_eq!(world.center.stage(id), Some(Stage::new("New", "Pending")));
    assert_eq!(
        world
            .center
            .other_side(ours.body["id"].as_str().unwrap())
            .as_deref(),
        Some(id)
    );
}

#[tokio::test]
async fn every_attempt_to_write_is_kept_for_whoever_checks() {
    let world = World::new();
    let id = world.center.create(lead());
    assert_eq!(world.go(&id, "Active", "Accepted").await.status, 204);
    assert_eq!(world.go(&id, "Active", "Accepted").await.status, 204);
    assert_eq!(world.go(&id, "Closed", "Expired").await.status, 400);
    let writes = world.center.writes_of(&id);
    let seen: Vec<_> = writes
        .iter()
        .map(|write| {
            (
                write.before.as_ref().unwrap().to_string(),
                write.status,
                write.refused,
            )
        })
        .collect();
    let expected = [
        ("New/Pending".to_owned(), 204, None),
        ("Active/Accepted".to_owned(), 204, None),
        ("Active/Accepted".to_owned(), 400, Some(Cause::Illegal)),
    ];
    assert_eq!(seen, expected);
    assert_eq!(writes[0].sets("/substatus"), Some(&json!("Accepted")));
    let violations = world.center.violations();
    assert_eq!(violations.len(), 2, "{violations:?}");
    assert!(violations[0].contains("second acceptance") && violations[1].contains("illegal"));
}

#[tokio::test]
async fn what_was_shown_to_microsoft_is_not_hidden_again_and_typing_errors_are_told() {
    let world = World::new();
    let id = world.center.create(NewReferral::co_sell("ada@fabrikam.example"));
    let consent = "/consent/consentToShareReferralWithMicrosoftSellers";
    assert_eq!(world.set(&id, &[(consent, false.into())]).await.status, 400);
    let member = json!({ "emailAddress": "x@example.com" });
    let body = json!([{ "op": "add", "path": "/team/-", "value": member }]);
    assert_eq!(
        world.ask("PATCH", &format!("/{id}"), &[], &body).await.status,
        204
    );
    assert!(
        world
            .center
            .complaints()
            .iter()
            .any(|one| one.contains("emailAddress"))
    );
}
