//! What became of leads, as Dataverse tells it.

use connector_kit::conformance::leads::delivery;
use connector_kit::{Checkpoint, ErrorKind, Outcome, Stage, Subject};
use leadsync_sim::faults::Fault;
use serde_json::{Value, json};

use crate::world::{KEY_COLUMN, World, deliveries, read_all};

/// Leads of ours in the CRM.
async fn holding(count: u32, more: &str) -> World {
    let mut world = World::with(more).await;
    assert!(
        world
            .destination()
            .upsert(&deliveries(count))
            .await
            .iter()
            .all(Result::is_ok)
    );
    world.crm.forget_requests();
    world
}

fn name(number: u32) -> String {
    delivery(number).lead.id.to_string()
}

fn of(all: &[Outcome], number: u32, subject: Subject) -> &Outcome {
    let id = delivery(number).lead.id;
    all.iter()
        .rfind(|outcome| outcome.lead == Some(id) && outcome.subject == subject)
        .unwrap()
}

#[tokio::test]
async fn a_won_deal_tells_its_value_its_currency_its_day_and_its_words() {
    let mut world = holding(2, "").await;
    let won = world.crm.qualify(&name(0));
    world.crm.win(&won, 20000.5, Some("2026-11-19"));
    let open = world.crm.qualify(&name(1));
    world.crm.change(
        "opportunity",
        &open,
        &json!({ "estimatedvalue": 777.25, "estimatedclosedate": "2027-01-31" }),
    );
    let (all, _) = read_all(world.outcomes().as_ref(), None).await;
    let deal = of(&all, 0, Subject::Deal);
    assert_eq!(
        (deal.stage, deal.state.as_str(), &deal.reason),
        (Stage::Won, "Won: Won", &None)
    );
    let value = deal.value.as_ref().unwrap();
    assert_eq!(value.amount.to_string().trim_end_matches('0'), "20000.5");
    assert_eq!(value.currency.as_deref(), Some("USD"));
    assert_eq!(deal.closes_on, "2026-11-19".parse().ok());
    let deal = of(&all, 1, Subject::Deal);
    assert_eq!(
        (deal.stage, deal.closes_on),
        (Stage::Accepted, "2027-01-31".parse().ok())
    );
    assert_eq!(
        deal.value
            .as_ref()
            .unwrap()
            .amount
            .to_string()
            .trim_end_matches('0'),
        "777.25"
    );
}

#[tokio::test]
async fn a_lost_deal_tells_why() {
    let mut world = holding(1, "").await;
    let lost = world.crm.qualify(&name(0));
    world.crm.lose(&lost, 5);
    let (all, _) = read_all(world.outcomes().as_ref(), None).await;
    let deal = of(&all, 0, Subject::Deal);
    assert_eq!(
        (deal.stage, deal.reason.as_deref()),
        (Stage::Lost, Some("Out-Sold"))
    );
}

#[tokio::test]
async fn a_deal_that_was_reopened_takes_its_end_back() {
    let mut world = holding(1, "").await;
    let deal = world.crm.qualify(&name(0));
    world.crm.win(&deal, 10.0, None);
    let source = world.outcomes();
    let (_, after) = read_all(source.as_ref(), None).await;
    world.advance(60);
    world.crm.reopen("opportunity", &deal);
    let (all, _) = read_all(source.as_ref(), after).await;
    assert_eq!(of(&all, 0, Subject::Deal).stage, Stage::Accepted);
}

#[tokio::test]
async fn deals_find_their_leads_with_few_reads() {
    let mut world = holding(30, "").await;
    let source = world.outcomes();
    let (_, after) = read_all(source.as_ref(), None).await;
    (0..30).for_each(|number| drop(world.crm.qualify(&name(number))));
    world.crm.forget_requests();
    let before = world.calls.made();
    let (all, after) = read_all(source.as_ref(), after).await;
    assert_eq!(
        all.iter()
            .filter(|outcome| outcome.subject == Subject::Deal)
            .count(),
        30
    );
    assert!(
        world.calls.made() - before <= 3,
        "two deltas, and who we are: {:?}",
        world.seen()
    );

    // A process that remembers nobody asks for all of them in one batch.
    world.advance(60);
    for deal in world.crm.rows("opportunity") {
        let id = deal["opportunityid"].as_str().unwrap();
        world
            .crm
            .change("opportunity", id, &json!({ "description": "called" }));
    }
    let (all, _) = read_all(world.outcomes().as_ref(), after).await;
    assert_eq!(all.len(), 30);
    assert_eq!(world.calls.made(), 5, "{:?}", world.seen());
}

#[tokio::test]
async fn nothing_new_costs_two_requests() {
    let mut world = holding(3, "").await;
    let source = world.outcomes();
    let (_, after) = read_all(source.as_ref(), None).await;
    let before = world.calls.made();
    let (all, again) = read_all(source.as_ref(), after.clone()).await;
    assert_eq!((all.len(), world.calls.made() - before), (0, 2));
    assert!(again.is_some());
}

#[tokio::test]
async fn an_expired_token_costs_a_full_load_whatever_its_status() {
    for status in [400, 410] {
        let mut world = holding(5, "").await;
        world.crm.refuse_expired_deltas_with(status);
        let source = world.outcomes();
        let (_, after) = read_all(source.as_ref(), None).await;
        world.advance(60);
        world.crm.disqualify(&name(3), 5);
        world.crm.expire_delta_tokens();
        let (all, after) = read_all(source.as_ref(), after).await;
        assert_eq!(all.len(), 5, "{status}: everything is told again");
        assert_eq!(of(&all, 3, Subject::Lead).stage, Stage::Declined);
        let (all, _) = read_all(source.as_ref(), after).await;
        assert_eq!(all, [], "{status}: and then only what is new");
    }
}

#[tokio::test]
async fn a_token_that_slept_too_long_is_a_full_load_and_no_error() {
    let mut world = holding(2, "").await;
    let source = world.outcomes();
    let (_, after) = read_all(source.as_ref(), None).await;
    world.advance(8 * 24 * 3600);
    let (all, _) = read_all(source.as_ref(), after).await;
    assert_eq!(all.len(), 2);
}

#[tokio::test]
async fn a_checkpoint_of_another_environment_begins_anew() {
    let mut world = holding(2, "").await;
    let foreign = json!({ "turn": "lead", "lead": { "delta": "https://other.crm.dynamics.com/api/data/v9.2/leads?$deltatoken=1" }, "opportunity": {} });
    for text in [foreign.to_string(), "nonsense".to_owned()] {
        let (all, _) = read_all(world.outcomes().as_ref(), Some(Checkpoint(text))).await;
        assert_eq!(all.len(), 2);
    }
}

#[tokio::test]
async fn a_deleted_record_of_either_table_is_gone() {
    let mut world = holding(2, "").await;
    let deal = world.crm.qualify(&name(0));
    let source = world.outcomes();
    let (all, after) = read_all(source.as_ref(), None).await;
    let lead = of(&all, 1, Subject::Lead).record.clone();
    world.advance(60);
    world.crm.remove("opportunity", &deal);
    world.crm.remove("lead", &name(1));
    let (all, _) = read_all(source.as_ref(), after).await;
    let gone: Vec<_> = all
        .iter()
        .filter(|outcome| outcome.stage == Stage::Gone)
        .collect();
    let told: Vec<_> = gone
        .iter()
        .map(|outcome| (outcome.subject, outcome.record.0.as_str()))
        .collect();
    assert_eq!(
        told,
        [(Subject::Lead, lead.0.as_str()), (Subject::Deal, deal.as_str())]
    );
}

#[tokio::test]
async fn a_table_that_is_not_tracked_says_how_to_track_it() {
    let mut world = holding(1, "").await;
    world.crm.track("opportunity", false);
    let source = world.outcomes();
    let first = source.outcomes(None, 100).await.unwrap();
    assert!(first.more && first.items.len() == 1, "the leads are safe");
    let error = source.outcomes(first.next.as_ref(), 100).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(
        error.hint_text().unwrap().contains("enable_change_tracking"),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_breaks_between_two_pages_loses_nothing() {
    for n in 1..=6 {
        for fault in [
            Fault::CutBefore,
            Fault::CutDuring,
            Fault::CutAfter,
            Fault::status(500),
            Fault::status(401),
        ] {
            let mut world = holding(7, "outcomes = { page_size = 2 }").await;
            let deal = world.crm.qualify(&name(6));
            world.crm.win(&deal, 5.0, None);
            let done = world.crm.faults.requests();
            world.crm.faults.on_request(done + n, fault.clone());
            let (mut after, mut all, mut failures) = (None, Vec::new(), 0);
            loop {
                // Every call is by a process of its own.
                match world.outcomes().outcomes(after.as_ref(), 2).await {
                    Ok(page) => {
                        all.extend(page.items);
                        after = page.next;
                        if !page.more {
                            break;
                        }
                    }
                    Err(_) => failures += 1,
                }
                assert!(failures < 3, "request {n}, {fault:?}");
            }
            for number in 0..7 {
                of(&all, number, Subject::Lead);
            }
            assert_eq!(
                of(&all, 6, Subject::Deal).stage,
                Stage::Won,
                "request {n}, {fault:?}"
            );
        }
    }
}

#[tokio::test]
async fn changes_are_found_by_time_where_tables_are_not_tracked() {
    let mut world = holding(3, "outcomes = { follow = 'modified', page_size = 2 }").await;
    world.crm.track("lead", false);
    world.crm.track("opportunity", false);
    world
        .crm
        .make("lead", &json!({ "subject": "theirs", "lastname": "x" }));
    let source = world.outcomes();
    let (all, after) = read_all(source.as_ref(), None).await;
    assert_eq!(all.len(), 3, "ours alone");
    world.advance(3600);
    world
        .crm
        .change("lead", &name(1), &json!({ "statecode": 0, "statuscode": 2 }));
    let (_, after) = read_all(source.as_ref(), after).await;
    world.advance(3600);
    let deal = world.crm.qualify(&name(1));
    world.crm.win(&deal, 10.0, None);
    world.crm.disqualify(&name(2), 5);
    let (all, after) = read_all(source.as_ref(), after).await;
    assert_eq!(of(&all, 1, Subject::Deal).stage, Stage::Won);
    assert_eq!(of(&all, 2, Subject::Lead).stage, Stage::Declined);
    assert!(
        all.iter()
            .all(|outcome| outcome.lead != Some(delivery(0).lead.id)),
        "what is older than the overlap is not told again"
    );
    let (again, _) = read_all(source.as_ref(), after).await;
    assert_eq!(again.len(), 3, "within the overlap the same is told twice");
}

#[tokio::test]
async fn a_mapping_of_states_is_the_operators() {
    let more = "[outcomes.lead]\n'1' = 'open'\n'2' = 'lost'\n'0/100000001' = 'accepted'";
    let mut world = holding(3, more).await;
    world.crm.add_status_reason("lead", 0, 100_000_001, "Called back");
    world.crm.qualify(&name(0));
    world.crm.disqualify(&name(1), 5);
    world.crm.change(
        "lead",
        &name(2),
        &json!({ "statecode": 0, "statuscode": 100_000_001 }),
    );
    let (all, _) = read_all(world.outcomes().as_ref(), None).await;
    let stages = [0, 1, 2].map(|number| of(&all, number, Subject::Lead).stage);
    assert_eq!(stages, [Stage::Open, Stage::Lost, Stage::Accepted]);
    assert_eq!(of(&all, 2, Subject::Lead).state, "Open: Called back");
}

#[tokio::test]
async fn a_user_who_may_not_read_currencies_gets_values_without_one() {
    let mut world = holding(1, "").await;
    world.crm.deny("prvReadTransactionCurrency");
    let deal = world.crm.qualify(&name(0));
    world.crm.win(&deal, 10.0, None);
    let (all, _) = read_all(world.outcomes().as_ref(), None).await;
    assert_eq!(of(&all, 0, Subject::Deal).value.as_ref().unwrap().currency, None);
}

#[tokio::test]
async fn no_name_or_address_of_a_person_is_read_back() {
    let mut world = holding(2, "").await;
    let deal = world.crm.qualify(&name(0));
    world.crm.win(&deal, 10.0, None);
    let (_, after) = read_all(world.outcomes().as_ref(), None).await;
    for request in world.crm.requests() {
        for column in [
            "fullname",
            "lastname",
            "emailaddress1",
            "telephone1",
            "description",
        ] {
            assert!(!request.query.contains(column), "{}", request.query);
        }
    }
    let Checkpoint(text) = after.unwrap();
    let position: Value = serde_json::from_str(&text).unwrap();
    assert!(position["lead"]["delta"].as_str().unwrap().contains(KEY_COLUMN));
}
