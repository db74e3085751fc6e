//! Who may come in, and what every answer carries (contract dynamics365 3 to 5).

use axum::body::Body;
use serde_json::json;

use super::world::{APP, World};

#[tokio::test]
async fn without_a_good_token_the_answer_names_the_authority() {
    let mut world = World::new().await;
    world.entra.revoke_all();
    for token in ["", "eyJ.unknown.sim", &world.token.clone()] {
        token.clone_into(&mut world.token);
        let reply = world.get("WhoAmI").await;
        assert_eq!(reply.status, 401);
        let challenge = reply.header("www-authenticate");
        assert!(challenge.starts_with("Bearer authorization_uri=https://login.microsoftonline.com/72f988bf"));
        assert!(challenge.ends_with("resource_id=https://contoso.crm.dynamics.com/"));
    }
    world.token = world.new_token().await;
    assert_eq!(world.get("WhoAmI").await.status, 200);
    world.advance(3599);
    assert_eq!(world.get("WhoAmI").await.status, 401);
}

#[tokio::test]
async fn an_application_that_is_no_user_here_is_told_so() {
    let world = World::new().await;
    world.crm.forget_user(APP);
    let reply = world.get("WhoAmI").await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "0x80072560"));
}

#[tokio::test]
async fn a_missing_privilege_is_named() {
    let world = World::new().await;
    world.crm.deny("prvCreateLead");
    let reply = world.post("leads", &json!({})).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "0x80040220"));
    assert!(reply.text.contains("prvCreateLead"));
    world.crm.grant("prvCreateLead");
    assert_eq!(world.post("leads", &json!({})).await.status, 204);
}

#[tokio::test]
async fn headers_that_need_a_privilege_are_refused_without_it() {
    let world = World::new().await;
    let headers = [("mscrm.bypasscustompluginexecution", "true")];
    let refused = world.send("POST", "leads", &headers, "{}").await;
    assert_eq!(refused.status, 403);
    world.crm.grant("prvBypassCustomPlugins");
    assert_eq!(world.send("POST", "leads", &headers, "{}").await.status, 204);
}

#[tokio::test]
async fn all_three_versions_are_served_and_no_other() {
    let world = World::new().await;
    for (version, status) in [("v9.0", 200), ("v9.1", 200), ("v9.2", 200), ("v8.2", 404)] {
        let target = format!("/api/data/{version}/WhoAmI()");
        assert_eq!(world.get(&target).await.status, status, "{version}");
    }
    assert_eq!(world.get("nothings").await.status, 404);
    assert_eq!(world.send("PUT", "leads", &[], "{}").await.status, 405);
}

#[tokio::test]
async fn cookies_are_set_and_never_needed() {
    let world = World::new().await;
    let first = world.get("WhoAmI").await;
    assert!(first.header("set-cookie").starts_with("ARRAffinity="));
    assert_eq!(first.header("x-ms-dop-hint"), "4");
    assert_eq!(world.get("WhoAmI").await.status, 200);
    assert_eq!(world.crm.requests().len(), 2);
}

#[tokio::test]
async fn bodies_have_to_be_json_and_of_a_bearable_size() {
    let world = World::new().await;
    let form = [("content-type", "text/plain")];
    assert_eq!(world.send("POST", "leads", &form, "{}").await.status, 415);
    let broken = world.send("POST", "leads", &[], "{").await;
    assert_eq!(broken.code(), "0x80048d19");
    world.crm.refuse_larger_than(10);
    let body = json!({ "subject": "longer than that" });
    let reply = world.post("leads", &body).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "0x8004418a"));
}

#[tokio::test]
async fn faults_stand_in_front_of_everything() {
    use crate::faults::Fault;
    let world = World::new().await;
    world.crm.faults.next(Fault::HtmlPage(503));
    let reply = world.send("GET", "WhoAmI", &[], Body::empty()).await;
    assert_eq!(reply.status, 503);
    assert!(reply.text.contains("<html"));
    assert_eq!(world.get("WhoAmI").await.status, 200);
}
