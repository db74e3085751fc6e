//! Tokens, rights, and what is said with every write.

use connector_kit::ErrorKind;
use connector_kit::conformance::leads::delivery;
use leadsync_sim::faults::Fault;

use crate::destination::{WAYS, deliver};
use crate::world::{World, deliveries};

#[tokio::test]
async fn a_token_refused_in_the_middle_is_renewed_once_and_the_request_repeated() {
    let mut world = World::with("bulk = 'batch'\nbatch_size = 10").await;
    let destination = world.destination();
    assert!(destination.upsert(&deliveries(2)).await.iter().all(Result::is_ok));
    world.entra.revoke_all();
    assert!(
        destination
            .upsert(&deliveries(30))
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!((world.entra.fetches(), world.crm.count("lead")), (2, 30));
}

#[tokio::test]
async fn a_token_that_is_never_taken_parks_after_one_renewal() {
    let mut world = World::new().await;
    let destination = world.destination();
    world.crm.faults.when("leads", 2, Fault::status(401));
    let error = destination.upsert(&[delivery(1)]).await.remove(0).unwrap_err();
    assert_eq!(
        (error.kind(), world.entra.fetches()),
        (ErrorKind::Unauthorized, 2)
    );
    assert!(error.hint_text().is_some());
}

#[tokio::test]
async fn a_certificate_signs_in_as_well() {
    const CERTIFICATE: &str = include_str!("../../../../tests/fixtures/keys/rsa-certificate.pem");
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/keys");
    let auth = format!(
        "auth = {{ certificate = {{ file = '{keys}/rsa-certificate.pem' }}, key = {{ file = '{keys}/rsa-pkcs8.pem' }} }}"
    );
    let mut world = World::with(&auth).await;
    world.entra.add_certificate(crate::world::APP, CERTIFICATE);
    assert!(deliver(&mut world, &delivery(1)).await.is_ok());
    assert!(world.entra.requests()[0].member("client_assertion").is_some());
    assert!(world.entra.requests()[0].member("client_secret").is_none());
}

#[tokio::test]
async fn missing_rights_park_the_destination_and_name_the_privilege() {
    for way in WAYS {
        let mut world = World::with(way).await;
        world.crm.deny("prvCreateLead");
        for fate in world.destination().upsert(&deliveries(3)).await {
            let error = fate.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized, "{way}");
            assert!(
                error.answer_text().unwrap().contains("prvCreateLead"),
                "{way}: {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_application_without_a_user_parks_with_the_remedy() {
    let mut world = World::new().await;
    world.crm.forget_user(crate::world::APP);
    let error = deliver(&mut world, &delivery(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.hint_text().unwrap().contains("application user"));
}

#[tokio::test]
async fn what_we_leave_out_of_the_customers_automation_is_said_with_every_write_and_no_read() {
    let more = "tag = 'leadsync & co'\n[bypass]\nplugins = true\nbusiness_logic = ['CustomSync', 'CustomAsync']\nflows = true";
    let mut world = World::with(more).await;
    for privilege in ["prvBypassCustomPlugins", "prvBypassCustomBusinessLogic"] {
        world.crm.grant(privilege);
    }
    let one = delivery(1);
    assert!(deliver(&mut world, &one).await.is_ok());
    let requests = world.crm.requests();
    let patch = requests.iter().find(|request| request.method == "PATCH").unwrap();
    assert!(
        patch.query.ends_with("&tag=leadsync%20%26%20co"),
        "{}",
        patch.query
    );
    for (name, value) in [
        ("mscrm.bypasscustompluginexecution", "true"),
        ("mscrm.bypassbusinesslogicexecution", "CustomSync,CustomAsync"),
        ("mscrm.suppresscallbackregistrationexpanderjob", "true"),
    ] {
        assert_eq!(patch.headers[name], value);
    }
}
