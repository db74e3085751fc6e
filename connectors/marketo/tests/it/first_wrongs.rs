//! What goes wrong first, in the words and the order of the contract (marketo A0).

use std::sync::Arc;

use connector_kit::conformance::leads::{delivery, revised};
use connector_kit::{ErrorKind, LeadDelivery};
use leadsync_sim::marketo::Permissions;
use serde_json::json;

use crate::world::{World, deliver, email};

#[tokio::test]
async fn a0_1_failures_inside_http_200_are_seen_for_the_call_and_for_the_record() {
    let world = World::start().await;
    let destination = world.destination();
    world.marketo.refuse("leads.json", 1, "603");
    let error = deliver(&destination, &delivery(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "success: false");
    world.marketo.skip_containing("Company2Canary", "1003");
    let fates = destination.upsert(&[delivery(1), delivery(2), delivery(3)]).await;
    assert!(fates[0].is_ok() && fates[2].is_ok());
    let error = fates[1].as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected, "status: skipped");
    assert_eq!(error.answer_text(), Some("1003 Invalid data"));
    assert_eq!(world.people(&email(2)).len(), 0);
}

#[tokio::test]
async fn a0_2_a_token_asked_for_early_is_the_same_one_and_its_death_is_noticed_by_its_code() {
    let world = World::start().await;
    let destination = world.destination();
    deliver(&destination, &delivery(1)).await.unwrap();
    // A minute before its end we ask again, and get what is left of it: a few seconds.
    world.advance(3_595);
    deliver(&destination, &delivery(2)).await.unwrap();
    let asked = world.marketo.token_requests();
    assert!(asked >= 2);
    world.advance(10);
    deliver(&destination, &delivery(3)).await.unwrap();
    // It dies long before its time.
    world.marketo.expire_token();
    deliver(&destination, &delivery(4)).await.unwrap();
    let codes: Vec<_> = world
        .marketo
        .calls()
        .into_iter()
        .filter_map(|call| call.code)
        .collect();
    assert_eq!(codes, ["602"], "only the early death was told by a refusal");
    assert_eq!(world.marketo.leads().len(), 4);
}

#[tokio::test]
async fn a0_2_a_token_that_is_refused_twice_is_no_reason_to_ask_for_ever() {
    let world = World::start().await;
    world.marketo.refuse("leads.json", 2, "601");
    let error = deliver(&world.destination(), &delivery(1)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.strikes_needed()),
        (ErrorKind::Misconfigured, 3)
    );
    assert_eq!(world.marketo.calls().len(), 2);
    assert_eq!(world.calls.made(), 0, "601 is free");
}

#[tokio::test]
async fn a0_3_the_token_travels_in_the_header_and_the_secret_in_a_form() {
    let world = World::start().await;
    deliver(&world.destination(), &delivery(1)).await.unwrap();
    // The instance refuses tokens in the query, and a form was understood at once.
    assert_eq!((world.marketo.token_requests(), world.paths().len()), (1, 1));
    let world = World::start().await;
    world.marketo.refuse_token_forms();
    let destination = world.destination();
    deliver(&destination, &delivery(1)).await.unwrap();
    assert_eq!(
        world.marketo.token_requests(),
        2,
        "where a form is refused, the documented query"
    );
    world.marketo.expire_token();
    deliver(&destination, &delivery(2)).await.unwrap();
    assert_eq!(
        world.marketo.token_requests(),
        3,
        "and the query at once from then on"
    );
}

#[tokio::test]
async fn a0_4_the_quota_is_shared_and_we_leave_the_others_theirs() {
    let world = World::with("daily_calls = 20\ndaily_quota = 10").await;
    let destination = world.destination();
    // Two calls of ours, a look at the quota; then four fifths of what is left.
    let mut delivered = 0;
    let error = loop {
        match deliver(&destination, &delivery(delivered)).await {
            Ok(_) => delivered += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert_eq!(error.wait().unwrap().as_secs(), 18 * 3600);
    assert!(world.marketo.used_today() < 10, "{}", world.marketo.used_today());
    assert_eq!(
        world.calls.made(),
        world.marketo.used_today(),
        "every call is in the book"
    );
    assert!(
        world
            .calls
            .quota()
            .is_some_and(|quota| quota.granted == 10 && quota.left < 10)
    );
    world.advance(18 * 3600);
    deliver(&destination, &delivery(99)).await.unwrap();
}

#[tokio::test]
async fn a0_5_two_upserts_of_one_address_never_overlap() {
    let world = World::start().await;
    let destination = world.destination();
    world.marketo.hold();
    let mut tasks = tokio::task::JoinSet::new();
    for revision in 1..=5 {
        let destination = Arc::clone(&destination);
        let mine = revised(&delivery(1), revision);
        let other = delivery(100 + revision);
        tasks.spawn(async move { destination.upsert(&[mine, other]).await });
    }
    while world.marketo.running() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    world.marketo.release();
    for fates in tasks.join_all().await {
        assert!(fates.iter().all(Result::is_ok));
    }
    assert_eq!((world.people(&email(1)).len(), world.marketo.overlaps()), (1, 0));
    assert_eq!(world.marketo.leads().len(), 6);
}

#[tokio::test]
async fn a0_5_calls_for_different_people_do_run_at_the_same_time() {
    let world = World::start().await;
    let destination = world.destination();
    world.marketo.hold();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..3 {
        let destination = Arc::clone(&destination);
        tasks.spawn(async move { destination.upsert(&[delivery(number)]).await });
    }
    while world.marketo.running() < 3 {
        tokio::task::yield_now().await;
    }
    world.marketo.release();
    tasks.join_all().await;
    assert_eq!(world.marketo.leads().len(), 3);
}

#[tokio::test]
async fn a0_6_people_who_are_there_twice_are_a_task_for_a_person() {
    let world = World::start().await;
    world.marketo.add_lead(&[("email", &email(1))]);
    world.marketo.add_lead(&[("email", &email(1))]);
    let fates = world.destination().upsert(&[delivery(1), delivery(2)]).await;
    let error = fates[0].as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected, "no repeating helps");
    assert!(error.hint_text().unwrap().contains("merge them"));
    assert_eq!(
        error.answer_text(),
        Some("1007 Multiple leads match lookup criteria")
    );
    assert!(fates[1].is_ok());
}

#[tokio::test]
async fn a0_7_a_lead_of_a_real_company_is_written_without_the_companys_fields() {
    let world = World::start().await;
    let destination = world.destination();
    let receipts = destination.upsert(&[delivery(1), delivery(2)]).await;
    let id: u64 = receipts[0]
        .as_ref()
        .unwrap()
        .record
        .as_ref()
        .unwrap()
        .0
        .parse()
        .unwrap();
    world.marketo.edit(id, "company", "Contoso Holding");
    world.marketo.bind_to_company(id);
    let mut again = [revised(&delivery(1), 2), revised(&delivery(2), 2)];
    let title = |delivery: &mut LeadDelivery| {
        Arc::make_mut(&mut delivery.lead)
            .person
            .title
            .as_mut()
            .unwrap()
            .value = "CTO".into();
    };
    again.iter_mut().for_each(title);
    assert!(destination.upsert(&again).await.iter().all(Result::is_ok));
    let bound = world.person(&email(1));
    assert_eq!(
        (&bound["company"], &bound["title"]),
        (&json!("Contoso Holding"), &json!("CTO"))
    );
    assert_eq!(world.person(&email(2))["company"], "Company2Canary r2");
    assert_eq!(world.paths().len(), 3, "one call more, for those alone");
}

#[tokio::test]
async fn a0_8_an_empty_page_with_more_behind_it_is_not_the_end() {
    let world = World::start().await;
    world.marketo.look_through(3);
    deliver(&world.destination(), &delivery(1)).await.unwrap();
    for number in 0..30 {
        world
            .marketo
            .add_lead(&[("email", &format!("{number}@contoso.com"))]);
    }
    let id = world.person(&email(1))["id"].as_u64().unwrap();
    world.marketo.edit(id, "leadStatus", "Working");
    let batch = world.outcome_source().outcomes(None, 100).await.unwrap();
    assert_eq!(batch.items.len(), 1, "found behind ten empty pages");
    assert!(!batch.more);
}

#[tokio::test]
async fn a0_9_a_field_is_made_only_where_it_is_missing_because_none_can_be_unmade() {
    let world = World::bare("").await;
    world.marketo.add_field("msOfferId", "string");
    let provisioner = world.connector().provisioner.unwrap();
    for _ in 0..2 {
        for step in provisioner.plan().await.unwrap().steps {
            if step.state == connector_kit::StepState::Missing {
                provisioner.apply(&step).await.unwrap();
            }
        }
    }
    let made = world
        .marketo
        .calls()
        .iter()
        .filter(|call| call.method == "POST")
        .count();
    assert_eq!(
        made, 6,
        "each missing field once, and the one that was there never"
    );
}

#[tokio::test]
async fn a0_10_what_is_needed_is_a_rest_api_user_and_its_role_and_both_are_named() {
    let mut world = World::start().await;
    let plan = world.connector().provisioner.unwrap().plan().await.unwrap();
    assert_eq!(
        plan.role,
        ["Access API > Read-Write Lead", "Access API > Read-Only Activity"]
    );
    world.marketo.set_permissions(Permissions {
        leads: false,
        activities: true,
        schema: true,
    });
    let checks = world.connector().doctor.unwrap().examine().await;
    let rights = checks.iter().find(|check| check.name == "permissions").unwrap();
    assert!(rights.remedy.contains("Read-Write Lead"), "{rights}");
    world.settings.settings.insert("form_id".into(), 1_179.into());
    assert_eq!(
        world.try_connector().err().unwrap().key,
        "settings.form_id",
        "Microsoft's form is not what we post"
    );
}
