//! Polling alone is enough: everything open, everything that changed, however pages and clocks behave.

use chrono::TimeDelta;
use connector_kit::ErrorKind;
use leadsync_sim::faults::Fault;
use leadsync_sim::partner_center::{
    Envelope, FilterTimes, Kind, NewReferral, NextLink, throttled, unavailable,
};
use serde_json::json;

use crate::world::{World, ids, read_all};

#[tokio::test]
async fn the_first_poll_reads_what_is_open_however_old_and_what_was_closed_lately() {
    let mut world = World::new().await;
    let old_open = world.lead(1);
    let old_closed = world.lead(2);
    world.center.accept(old_open.as_str());
    world.center.close(old_closed.as_str(), "Declined", Some("no"));
    world.pass(40 * 86_400);
    let new_closed = world.lead(3);
    world.center.close(new_closed.as_str(), "Declined", Some("no"));
    let fresh = world.lead(4);
    world.pass(1);
    let source = world.source();
    let (leads, after) = read_all(source.as_ref(), None).await;
    let found = ids(&leads);
    for id in [&old_open, &new_closed, &fresh] {
        assert!(found.contains(id.as_str()), "{id}");
    }
    assert!(!found.contains(old_closed.as_str()));
    world.center.forget();
    let (again, _) = read_all(source.as_ref(), after).await;
    assert!(ids(&again).len() <= 2, "only what lies in the overlap");
    assert_eq!(
        world.center.count(Kind::List),
        1,
        "one request tells that nothing changed"
    );
}

#[tokio::test]
async fn every_change_is_seen_once_more_and_its_bytes_are_those_of_the_service() {
    let mut world = World::new().await;
    let id = world.lead(1);
    let source = world.source();
    let (_, after) = read_all(source.as_ref(), None).await;
    world.pass(3600);
    world
        .center
        .edit(id.as_str(), &[("/name", json!("Fabrikam &amp; Sons"))]);
    let (changed, _) = read_all(source.as_ref(), after).await;
    assert_eq!(changed.len(), 1);
    let etag = world.member(&id, "/eTag");
    assert_eq!(
        changed[0].reference,
        Some(format!("{id} {}", etag.as_str().unwrap()))
    );
    let own = world.center.referral(id.as_str()).unwrap().to_string();
    assert_eq!(changed[0].body, own.as_bytes());
    assert!(
        world.center.complaints().is_empty(),
        "{:?}",
        world.center.complaints()
    );
}

#[tokio::test]
async fn pages_are_followed_by_their_odd_link_with_the_token_going_to_our_own_address_only() {
    for next_link in [NextLink::Documented, NextLink::WellFormed] {
        let mut world = World::new().await;
        world.center.set(|settings| {
            settings.page_size = 7;
            settings.next_link = next_link.clone();
        });
        let made: Vec<_> = (0..25).map(|number| world.lead(number)).collect();
        let source = world.source();
        let (leads, _) = read_all(source.as_ref(), None).await;
        assert_eq!(ids(&leads).len(), made.len(), "{next_link:?}");
        let asked = world.sent.with("/v1.0/engagements/referrals");
        assert!(asked.len() > 4);
        let here = world.origin(0);
        assert!(
            asked
                .iter()
                .all(|request| request.uri().to_string().starts_with(&here))
        );
    }
}

#[tokio::test]
async fn a_hostile_link_is_refused_and_no_request_goes_there() {
    let mut world = World::new().await;
    let elsewhere = world.origin(3).replace("127.0.0.1", "127.0.0.2");
    world.center.set(|settings| {
        settings.page_size = 2;
        settings.next_link = NextLink::Elsewhere(elsewhere);
    });
    (0..5).for_each(|number| drop(world.lead(number)));
    let source = world.source();
    let before = world.entra.requests().len();
    let error = source.poll(None, 100).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Broken);
    assert!(error.to_string().ends_with("it leads to another host"), "{error}");
    assert_eq!(
        world.entra.requests().len(),
        before + 1,
        "the token alone was fetched"
    );
}

#[tokio::test]
async fn pages_as_large_as_configured_are_read_to_the_end_though_top_is_a_total() {
    let mut world = World::with("page_size = 4").await;
    (0..10).for_each(|number| drop(world.lead(number)));
    let source = world.source();
    let (leads, _) = read_all(source.as_ref(), None).await;
    assert_eq!(ids(&leads).len(), 10);
    assert!(
        world
            .sent
            .with("/referrals")
            .iter()
            .all(|request| request.uri().query().unwrap().contains("$top=4"))
    );
}

#[tokio::test]
async fn a_service_that_cannot_filter_by_time_is_read_newest_first_from_then_on() {
    let mut world = World::new().await;
    world.center.set(|settings| {
        settings.filter_times = FilterTimes::Refused;
        settings.page_size = 3;
    });
    for number in 0..9 {
        world.lead(number);
        world.pass(3600);
    }
    let source = world.source();
    let (leads, after) = read_all(source.as_ref(), None).await;
    assert_eq!(ids(&leads).len(), 9);
    assert!(after.as_ref().unwrap().0.contains("refused"));
    world.pass(3600);
    let late = world.lead(99);
    world.center.forget();
    let other_process = world.source();
    let (more, _) = read_all(other_process.as_ref(), after).await;
    assert!(ids(&more).contains(late.as_str()));
    let requests = world.center.requests();
    assert!(
        requests.iter().all(|request| request.status == 200),
        "it is not tried again"
    );
    assert_eq!(requests.len(), 1, "reading ends at what is old");
}

#[tokio::test]
async fn the_quoted_literal_can_be_chosen() {
    let mut world = World::with("datetime_literal = 'quoted'").await;
    world
        .center
        .set(|settings| settings.filter_times = FilterTimes::Quoted);
    world.lead(1);
    let source = world.source();
    let (leads, after) = read_all(source.as_ref(), None).await;
    assert_eq!(ids(&leads).len(), 1);
    assert!(!after.unwrap().0.contains("refused"));
}

#[tokio::test]
async fn what_this_partner_sent_is_read_when_it_is_asked_for() {
    for (more, count) in [("", 1), ("outgoing = true", 2)] {
        let mut world = World::with(more).await;
        world.lead(1);
        let sent = NewReferral::sales_qualified("x@y.example").set("/direction", "Outgoing");
        world.center.create(sent);
        let source = world.source();
        let (leads, _) = read_all(source.as_ref(), None).await;
        assert_eq!(ids(&leads).len(), count, "{more}");
    }
}

#[tokio::test]
async fn the_other_side_of_a_shared_deal_is_not_ours_to_answer() {
    let mut world = World::with("outgoing = true").await;
    let own = world.center.create(NewReferral::co_sell("x@y.example"));
    let other = world.center.other_side(&own).unwrap();
    let connector = world.connector();
    let (leads, _) = read_all(connector.source.unwrap().as_ref(), None).await;
    assert_eq!(ids(&leads), [own].into());
    let read = connector.referrals.unwrap().read(&other.parse().unwrap()).await;
    assert_eq!(read.unwrap(), None);
}

#[tokio::test]
async fn once_a_day_everything_that_is_open_is_read_again() {
    let mut world = World::new().await;
    let quiet = world.lead(1);
    let source = world.source();
    let (_, mut after) = read_all(source.as_ref(), None).await;
    let mut seen_again = 0;
    for hour in 0..50 {
        world.pass(3600);
        world.lead(1000);
        let (leads, next) = read_all(source.as_ref(), after).await;
        // At first it is the newest change itself, within the overlap.
        seen_again += usize::from(hour > 0 && ids(&leads).contains(quiet.as_str()));
        after = next;
    }
    assert_eq!(seen_again, 2);
}

#[tokio::test]
async fn a_change_that_shows_up_late_is_found_within_the_overlap() {
    let mut world = World::new().await;
    let source = world.source();
    world.lead(1);
    world.pass(600);
    let (_, after) = read_all(source.as_ref(), None).await;
    // Changed nine minutes before the newest change seen, but not in the list until now.
    world.pass(60);
    let newest = world.lead(2);
    world.pass(1);
    let (_, after) = read_all(source.as_ref(), after).await;
    let mut late = world.center.referral(newest.as_str()).unwrap();
    late["id"] = json!("61c65492-0000-4000-8000-00000000000f");
    let before = crate::world::noon() + TimeDelta::seconds(600 + 60 - 540);
    late["updatedDateTime"] = json!(before.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let late = world.center.place(late);
    let (leads, _) = read_all(source.as_ref(), after).await;
    assert!(ids(&leads).contains(&late));
}

#[tokio::test]
async fn a_pass_that_cannot_be_continued_begins_again_and_a_second_time_is_told() {
    let mut world = World::new().await;
    world.center.set(|settings| settings.page_size = 2);
    (0..5).for_each(|number| drop(world.lead(number)));
    let source = world.source();
    let first = source.poll(None, 100).await.unwrap();
    assert!(first.more);
    world.center.forget_pages();
    let begun_again = source.poll(first.next.as_ref(), 100).await.unwrap();
    assert!(begun_again.more && begun_again.items.is_empty());
    let (leads, _) = read_all(source.as_ref(), begun_again.next).await;
    assert_eq!(ids(&leads).len(), 5);
    let first = source.poll(None, 100).await.unwrap();
    world.center.forget_pages();
    let again = source.poll(first.next.as_ref(), 100).await.unwrap();
    let first = source.poll(again.next.as_ref(), 100).await.unwrap();
    world.center.forget_pages();
    let error = source.poll(first.next.as_ref(), 100).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

#[tokio::test]
async fn the_same_page_again_and_again_is_noticed() {
    let mut world = World::new().await;
    let page = json!({ "value": [], "@odata.nextLink": "?$skiptoken=same" });
    world
        .center
        .referral_faults
        .when("referrals", 1000, Fault::json(200, &page));
    let source = world.source();
    let begun_again = source.poll(None, 100).await.unwrap();
    let error = source.poll(begun_again.next.as_ref(), 100).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "list referrals: the same page is offered again and again"
    );
    assert!(world.center.referral_faults.requests() < 8);
}

#[tokio::test]
async fn being_throttled_in_either_envelope_is_told_with_its_wait_and_nothing_is_asked_meanwhile() {
    for fault in [
        throttled(Envelope::Gateway, 57),
        throttled(Envelope::Service, 57),
        unavailable(Some(57)),
    ] {
        let mut world = World::new().await;
        world.lead(1);
        world.center.referral_faults.next(fault);
        let source = world.source();
        let error = source.poll(None, 100).await.unwrap_err();
        let wait = error.wait().map(|wait| wait.as_secs());
        assert_eq!((error.kind(), wait), (ErrorKind::Throttled, Some(57)));
        let requests = world.center.referral_faults.requests();
        world.pass(56);
        assert_eq!(
            source
                .poll(None, 100)
                .await
                .unwrap_err()
                .wait()
                .map(|wait| wait.as_secs()),
            Some(1)
        );
        assert_eq!(world.center.referral_faults.requests(), requests);
        world.pass(1);
        assert_eq!(read_all(source.as_ref(), None).await.0.len(), 2);
        assert_eq!(
            world.calls.made(),
            4,
            "each request is noted, and those for tokens are not"
        );
    }
}

#[tokio::test]
async fn a_fault_on_the_way_costs_time_and_no_referral() {
    for fault in [
        Fault::status(500),
        Fault::HtmlPage(200),
        Fault::HtmlPage(502),
        Fault::CutBefore,
        Fault::CutDuring,
        Fault::status(504),
    ] {
        for at in 1..=6 {
            let mut world = World::new().await;
            world.center.set(|settings| settings.page_size = 2);
            let made: Vec<_> = (0..5).map(|number| world.lead(number)).collect();
            world.center.referral_faults.on_request(at, fault.clone());
            let source = world.source();
            let (mut found, mut after, mut failed) = (Vec::new(), None, 0);
            loop {
                match source.poll(after.as_ref(), 100).await {
                    Ok(page) => {
                        found.extend(page.items);
                        after = page.next.or(after);
                        if !page.more {
                            break;
                        }
                    }
                    Err(_) => failed += 1,
                }
                assert!(failed < 3, "{fault:?}");
            }
            assert_eq!(ids(&found).len(), made.len(), "{fault:?} at {at}");
        }
    }
}
