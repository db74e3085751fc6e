//! Tokens after the person has gone: rotation, lost answers, many who ask at once.

use leadsync_sim::entra::Rotation;
use leadsync_sim::faults::Fault;

use super::*;

#[tokio::test]
async fn each_token_is_asked_for_with_the_newest_refresh_token() {
    let world = World::signed_in(Style::V2).await;
    world.entra.rotate(Rotation::AtOnce);
    for _ in 0..5 {
        for audience in [PARTNER, CENTER] {
            let token = world.fetch(audience).await.unwrap();
            assert!(world.is_good(&token, audience));
        }
    }
    let used: Vec<String> = world
        .entra
        .requests()
        .iter()
        .map(|asked| asked.member("refresh_token").unwrap().to_owned())
        .collect();
    let mut different = used.clone();
    different.dedup();
    assert_eq!((used.len(), different.len()), (10, 10));
    assert_eq!(world.kept().former.unwrap().0.expose(), used[9]);
}

#[tokio::test]
async fn numbers_in_quotes_are_read_and_a_resource_is_named_at_the_older_endpoint() {
    let world = World::signed_in(Style::V1).await;
    let granted = world.tokens(&world.sign_in(), CENTER).granted().await.unwrap();
    assert_eq!(granted.life, TimeDelta::seconds(3599));
    let asked = world.entra.requests();
    assert_eq!(asked[0].path, "/common/oauth2/token");
    assert_eq!(asked[0].member("resource"), Some(CENTER));
    assert_eq!(asked[0].member("scope"), None);
}

#[tokio::test]
async fn a_scope_that_lasts_is_named_at_the_newer_endpoint() {
    let world = World::signed_in(Style::V2).await;
    world.fetch(&format!("{CENTER}/")).await.unwrap();
    let asked = world.entra.requests();
    let scope = format!("{CENTER}/.default offline_access");
    assert_eq!(asked[0].member("scope"), Some(scope.as_str()));
    assert_eq!(asked[0].member("resource"), None);
}

#[tokio::test]
async fn an_app_with_a_secret_shows_it() {
    let world = World::signed_in(Style::V2).await;
    world.entra.add_secret("confidential", "s3cret", None);
    world.entra.consent("confidential", PARTNER);
    let app = Delegated {
        client_id: "confidential".to_owned(),
        client_secret: Some(Secret::new("s3cret")),
        ..world.app()
    };
    let token = world.entra.refresh_token("confidential", ADA, PARTNER);
    let sign_in = world.sign_in_of(app.clone());
    let record = Record::new(&app, Secret::new(token), None, world.clock.now());
    let held = sign_in.0.vault.hold(NAME).await.unwrap();
    held.write(&record).unwrap();
    drop(held);
    world.tokens(&sign_in, PARTNER).bearer().await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_nobody_has_to_sign_in() {
    for rotation in [Rotation::Stays, Rotation::Grace(60)] {
        let world = World::signed_in(Style::V2).await;
        world.entra.rotate(rotation);
        world.fetch(PARTNER).await.unwrap();
        for fault in [Fault::CutAfter, Fault::CutDuring, Fault::CutBefore] {
            world.entra.faults.next(fault);
            let lost = world.fetch(PARTNER).await.unwrap_err();
            assert_eq!(lost.kind(), ErrorKind::Unreachable, "{lost:?}");
            assert!(world.standing().signed_in);
            world.clock.advance(TimeDelta::seconds(5));
            let token = world.fetch(PARTNER).await.unwrap();
            assert!(world.is_good(&token, PARTNER));
        }
    }
}

#[tokio::test]
async fn where_each_works_once_only_a_lost_answer_is_lost_and_a_person_is_called() {
    let world = World::signed_in(Style::V2).await;
    world.entra.rotate(Rotation::AtOnce);
    world.fetch(PARTNER).await.unwrap();
    world.entra.faults.next(Fault::CutAfter);
    world.fetch(PARTNER).await.unwrap_err();
    let error = world.fetch(PARTNER).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error:?}");
    assert_eq!(error.hint_text(), Some(AGAIN));
}

#[tokio::test]
async fn the_one_before_is_tried_once_when_the_newest_is_not_taken() {
    let world = World::signed_in(Style::V2).await;
    let mut record = world.kept();
    record.former = Some(record.refresh_token.clone());
    record.refresh_token = Kept(Secret::new("never heard of"));
    let vault = vault(world.dir.path(), &world.clock);
    vault.hold(NAME).await.unwrap().write(&record).unwrap();

    let token = world.fetch(PARTNER).await.unwrap();
    assert!(world.is_good(&token, PARTNER));
    assert_eq!(world.entra.fetches(), 2);
    let kept = world.kept();
    assert_eq!(
        kept.former.unwrap().0.expose(),
        record.former.unwrap().0.expose(),
        "the one that worked"
    );
    assert_ne!(kept.refresh_token.0.expose(), "never heard of");
    world.fetch(PARTNER).await.unwrap();
    assert_eq!(world.entra.fetches(), 3, "and the newest is taken again");
}

#[tokio::test]
async fn trouble_on_the_way_to_the_second_try_ends_nothing() {
    let world = World::signed_in(Style::V2).await;
    let mut record = world.kept();
    record.former = Some(record.refresh_token.clone());
    record.refresh_token = Kept(Secret::new("never heard of"));
    let vault = vault(world.dir.path(), &world.clock);
    vault.hold(NAME).await.unwrap().write(&record).unwrap();

    world.entra.faults.on_request(2, Fault::status(503));
    let busy = world.fetch(PARTNER).await.unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Throttled, "{busy:?}");
    assert!(world.standing().signed_in);
    world.fetch(PARTNER).await.unwrap();
}

#[tokio::test]
async fn those_who_ask_at_once_do_not_take_each_others_turn() {
    let world = World::signed_in(Style::V2).await;
    world.entra.rotate(Rotation::AtOnce);
    let (daemon, command) = (world.sign_in(), world.sign_in());
    let mut asking = tokio::task::JoinSet::new();
    for sign_in in [&daemon, &command] {
        for audience in [PARTNER, CENTER] {
            let tokens = world.tokens(sign_in, audience);
            asking.spawn(async move { tokens.bearer().await });
        }
    }
    for answer in asking.join_all().await {
        answer.unwrap();
    }
    assert_eq!(world.entra.fetches(), 4);
    world.fetch(PARTNER).await.unwrap();
}

#[tokio::test]
async fn what_could_not_be_kept_is_not_asked_for() {
    let world = World::signed_in(Style::V2).await;
    let sign_in = world.sign_in();
    // A directory lies where the next record would be written first.
    let taken = world.dir.path().join("sign-in.new");
    std::fs::create_dir(&taken).unwrap();
    let refused = world.tokens(&sign_in, PARTNER).bearer().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Misconfigured, "{refused:?}");
    assert_eq!(world.transport.sent.load(Ordering::SeqCst), 0);
    std::fs::remove_dir(&taken).unwrap();
    world.tokens(&sign_in, PARTNER).bearer().await.unwrap();
}

#[tokio::test]
async fn a_sign_in_in_use_lasts_far_beyond_ninety_days() {
    let world = World::signed_in(Style::V2).await;
    for _ in 0..4 {
        world.clock.advance(TimeDelta::days(80));
        world.fetch(PARTNER).await.unwrap();
    }
    let standing = world.standing();
    assert_eq!(standing.renewed_at, Some(world.clock.now()));
    assert_eq!(standing.expires_at, Some(world.clock.now() + TimeDelta::days(90)));
    assert_eq!(
        standing.obtained_at,
        Some(world.clock.now() - TimeDelta::days(320))
    );
}
