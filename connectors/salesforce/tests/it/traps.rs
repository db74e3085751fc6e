//! What gets implemented wrong (contract salesforce 0), line by line.

use connector_kit::ErrorKind::{self, Rejected, Throttled, Unauthorized};
use connector_kit::conformance::leads;
use connector_kit::{Health, StepState};
use leadsync_sim::faults::Fault;
use leadsync_sim::salesforce::{DuplicateRule, INTEGRATION_USER, Salesforce};
use serde_json::{Value, json};

use crate::world::{KEY, World, header, key_field, next, org};

fn kind(result: &Result<connector_kit::Receipt, connector_kit::ConnectorError>) -> ErrorKind {
    result.as_ref().unwrap_err().kind()
}

/// A stranger's lead with the address of lead 1.
fn stranger(crm: &Salesforce) -> String {
    let fields = json!({ "LastName": "Known", "Company": "Contoso", "Email": "canary1@example.com" });
    crm.make("Lead", &fields).unwrap()
}

#[tokio::test]
async fn trap_01_errors_of_records_and_of_requests_have_two_shapes() {
    let world = World::new();
    world.crm.add_validation("Lead", "no", |row| {
        row.get("FirstName") != Some(&json!("Given1Canary"))
    });
    let results = world.deliver(&[leads::delivery(1), leads::delivery(2)]).await;
    let error = results[0].as_ref().unwrap_err();
    assert_eq!(error.kind(), Rejected, "statusCode, in a 200");
    assert!(
        error.to_string().contains("FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        "{error}"
    );
    assert_eq!(error.answer_text(), Some("no"));
    assert!(results[1].is_ok());
    let body = json!([{ "message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED" }]);
    world.crm.faults.next(Fault::json(403, &body));
    assert_eq!(
        kind(&world.deliver_one(&leads::delivery(3)).await),
        Throttled,
        "errorCode, in a 403"
    );
}

#[tokio::test]
async fn trap_02_the_duplicate_result_is_read_in_both_spellings() {
    for right in [false, true] {
        let world = World::new();
        world.crm.spell_duplicates_right(right);
        world.crm.set_duplicate_rule(Some(DuplicateRule::Block));
        let known = stranger(&world.crm);
        assert_eq!(
            world.deliver_well(&[leads::delivery(1)]).await,
            [known],
            "spelt right: {right}"
        );
    }
}

#[tokio::test]
async fn trap_03_a_rule_that_only_warns_refuses_until_a_header_says_save() {
    let warned = World::with("duplicate_rule = 'dead'");
    warned.crm.set_duplicate_rule(Some(DuplicateRule::Alert));
    stranger(&warned.crm);
    assert_eq!(kind(&warned.deliver_one(&leads::delivery(1)).await), Rejected);

    let saved = World::with("duplicate_rule = 'allow_save'");
    saved.crm.set_duplicate_rule(Some(DuplicateRule::Alert));
    stranger(&saved.crm);
    saved.deliver_well(&[leads::delivery(1)]).await;
    assert_eq!(
        header(&saved.writes()[0], "sforce-duplicate-rule-header"),
        "allowSave=true"
    );
}

#[tokio::test]
async fn trap_04_the_key_is_in_every_record_of_a_collection_and_not_in_the_body_of_one_alone() {
    let world = World::new();
    world.crm.set_duplicate_rule(Some(DuplicateRule::Alert));
    let known = stranger(&world.crm);
    // A collection that does not tell what the rule found.
    let bare = json!([{ "success": false, "errors": [
        { "statusCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", "fields": [] }] }]);
    world
        .crm
        .faults
        .when("/composite/sobjects", 1, Fault::json(200, &bare));
    assert_eq!(world.deliver_well(&[leads::delivery(1)]).await, [known]);
    let alone = world.seen("/sobjects/Lead/Marketplace_Lead_Id__c/").remove(0);
    let body: Value = serde_json::from_slice(&alone.body).unwrap();
    assert_eq!((body.get(KEY), body.get("Id")), (None, None));
    for write in world.writes() {
        let body: Value = serde_json::from_slice(&write.body).unwrap();
        assert!(body["records"][0].get(KEY).is_some(), "{body}");
    }
}

#[tokio::test]
async fn trap_05_an_update_never_runs_assignment_rules() {
    let world = World::new();
    let first = leads::delivery(1);
    let record = world.deliver_well(std::slice::from_ref(&first)).await.remove(0);
    world
        .deliver_well(&[next(&first, &record), leads::delivery(2)])
        .await;
    let assigned = world.crm.assigned();
    assert_eq!(assigned.len(), 2, "{assigned:?}");
    assert!(assigned.iter().all(|one| one.created), "{assigned:?}");

    let never = World::with("assignment = 'never'");
    never.deliver_well(&[leads::delivery(1)]).await;
    assert_eq!(never.crm.assigned(), []);

    let named = World::with("assignment_rule = '01Q5e000000AbCdEAK'");
    named.deliver_well(&[leads::delivery(1)]).await;
    assert_eq!(named.crm.assigned()[0].rule, "01Q5e000000AbCdEAK");
}

#[tokio::test]
async fn trap_06_no_byte_of_a_key_or_a_query_breaks_out_of_its_place() {
    let world = World::new();
    let first = leads::delivery(1);
    let record = world.deliver_well(std::slice::from_ref(&first)).await.remove(0);
    world.crm.convert(&record, true);
    world.deliver_well(&[next(&first, &record)]).await;
    for seen in world.crm.requests() {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~%/?=".contains(&b);
        assert!(seen.target.bytes().all(plain), "{}", seen.target);
        assert!(seen.target.matches('?').count() <= 1, "{}", seen.target);
    }
}

#[tokio::test]
async fn trap_07_three_hundred_is_about_the_data_and_is_not_followed() {
    let world = World::new();
    world.crm.set_duplicate_rule(Some(DuplicateRule::Alert));
    stranger(&world.crm);
    let bare =
        json!([{ "success": false, "errors": [{ "statusCode": "DUPLICATES_DETECTED", "message": "?" }] }]);
    world
        .crm
        .faults
        .when("/composite/sobjects", 1, Fault::json(200, &bare));
    let several = json!([
        "/services/data/v62.0/sobjects/Lead/00Q5e0000000001EAA",
        "/services/data/v62.0/sobjects/Lead/00Q5e0000000002EAA"
    ]);
    world
        .crm
        .faults
        .when("/sobjects/Lead/Marketplace", 1, Fault::json(300, &several));
    let before = world.crm.faults.requests();
    let error = world.deliver_one(&leads::delivery(1)).await.unwrap_err();
    assert_eq!(error.kind(), Rejected);
    assert!(
        error
            .answer_text()
            .unwrap()
            .contains("00Q5e0000000001EAA, 00Q5e0000000002EAA"),
        "{error:?}"
    );
    assert_eq!(
        world.crm.faults.requests() - before,
        4,
        "token, describe, collection, one alone"
    );
}

#[tokio::test]
async fn trap_08_stamps_without_a_colon_are_moments() {
    let world = World::new();
    world.deliver_well(&[leads::delivery(1)]).await;
    let page = world.watch().outcomes(None, 10).await.unwrap();
    assert_eq!(page.items[0].changed_at, crate::world::noon());
    let row = world.held(&leads::delivery(1));
    assert_eq!(
        row["SystemModstamp"], "2026-11-20T12:00:00.000+0000",
        "as they write it"
    );
}

#[tokio::test]
async fn trap_09_the_days_limit_is_a_403_without_retry_after() {
    let world = World::new();
    world.deliver_well(&[leads::delivery(1)]).await;
    world.crm.set_daily_limit(world.crm.usage());
    let error = world.deliver_one(&leads::delivery(2)).await.unwrap_err();
    assert_eq!(error.kind(), Throttled);
    assert_eq!(error.wait().unwrap().as_secs(), 900);
    assert_eq!(world.calls.quota().unwrap().left, 0);
}

#[tokio::test]
async fn trap_10_a_signed_assertion_gets_a_token_without_issued_at_or_signature() {
    let clock = connector_kit::clock::ManualClock::new(crate::world::noon());
    let crm = org(&clock);
    crm.add_field(&format!("Lead.{KEY}"), &key_field());
    crm.add_jwt_app(
        "JWT",
        include_str!("../../../../tests/fixtures/keys/rsa-public.pem"),
    );
    let login = format!(
        "auth = {{ kind = 'jwt_bearer', client_id = 'JWT', username = '{INTEGRATION_USER}', private_key = {{ env = 'KEY' }} }}"
    );
    let world = World::signing_in(crm, clock, &login, "");
    world.deliver_well(&[leads::delivery(1)]).await;
    let body = String::from_utf8(world.seen("/oauth2/token")[0].body.to_vec()).unwrap();
    assert!(body.contains("jwt-bearer"), "{body}");
    world.crm.withdraw_approval("JWT");
    world.crm.expire_tokens();
    let error = world.deliver_one(&leads::delivery(2)).await.unwrap_err();
    assert_eq!(error.kind(), Unauthorized, "{error}");
}

#[tokio::test]
async fn trap_11_client_credentials_at_a_login_host_are_told_in_the_config() {
    let settings = connector_kit::ConnectorSettings {
        settings: "instance_url = 'https://acme.my.salesforce.com'\nlogin_url = 'https://login.salesforce.com'\n\
                   auth = { kind = 'client_credentials', client_id = 'CK', client_secret = { env = 'SECRET' } }"
            .parse()
            .unwrap(),
        ..connector_kit::ConnectorSettings::default()
    };
    let error = crate::world::try_build(&settings).err().unwrap();
    assert_eq!(error.key, "settings.login_url");
    assert!(error.message.contains("My Domain"), "{error}");
}

#[tokio::test]
async fn trap_12_a_new_custom_field_is_invisible_until_somebody_may_see_it() {
    let clock = connector_kit::clock::ManualClock::new(crate::world::noon());
    let world = World::around(org(&clock), clock, "");
    let provisioner = world.connector.provisioner.clone().unwrap();
    let plan = provisioner.plan().await.unwrap();
    assert_eq!(plan.steps[0].id, format!("field Lead.{KEY}"));
    provisioner.apply(&plan.steps[0]).await.unwrap();
    let error = world.deliver_one(&leads::delivery(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "made, and hidden");
    assert!(error.hint_text().unwrap().contains("leadsync provision"));
    crate::ready::apply_all(&world).await;
    world.deliver_well(&[leads::delivery(1)]).await;
}

#[tokio::test]
async fn trap_13_a_key_that_is_not_unique_is_told_of() {
    let clock = connector_kit::clock::ManualClock::new(crate::world::noon());
    let crm = org(&clock);
    let mut field = key_field();
    field["unique"] = false.into();
    crm.add_field(&format!("Lead.{KEY}"), &field);
    let world = World::around(crm, clock, "");
    assert_eq!(kind(&world.deliver_one(&leads::delivery(1)).await), Unauthorized);
    let key = crate::ready::check(&world, "key").await;
    assert_eq!(
        (key.health, key.found.contains("not unique")),
        (Health::Ill, true),
        "{key}"
    );
    let plan = world.connector.provisioner.clone().unwrap().plan().await.unwrap();
    assert!(
        matches!(&plan.steps[0].state, StepState::ByHand(how) if how.contains("Unique")),
        "{plan:?}"
    );
}

#[tokio::test]
async fn trap_14_a_converted_lead_is_an_end_and_no_failure() {
    let world = World::with("on_converted = 'stop'");
    let first = leads::delivery(1);
    let record = world.deliver_well(std::slice::from_ref(&first)).await.remove(0);
    world.crm.convert(&record, true);
    let receipt = world.deliver_one(&next(&first, &record)).await.unwrap();
    assert!(receipt.closed);
}

#[tokio::test]
async fn trap_15_an_id_is_the_same_with_and_without_its_checksum() {
    let world = World::new();
    let first = leads::delivery(1);
    let record = world.deliver_well(std::slice::from_ref(&first)).await.remove(0);
    assert_eq!(record.len(), 18);
    let short = &record[..15];
    world.deliver_well(&[next(&first, short)]).await;
    assert!(world.held(&first)["Company"].to_string().contains("r2"));
    world.crm.delete("Lead", &record);
    let receipt = world.deliver_one(&next(&first, short)).await.unwrap();
    assert!(receipt.closed, "found among the deleted by fifteen characters");
}
