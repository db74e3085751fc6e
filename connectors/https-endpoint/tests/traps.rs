//! What goes wrong first (contract https-endpoint 0), by number.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::conformance::leads;
use connector_kit::{ErrorKind, Gate, LeadDelivery};
use leadsync_sim::serve::serve;
use leadsync_sim::webhook::strict::Form;
use leadsync_sim::webhook::{Answer, TokenEndpoint};

use crate::world::{World, build, clock, settings, settings_at, unix};

#[tokio::test]
async fn trap_1_and_2_a_retry_has_the_same_id_and_bytes_and_a_new_moment_and_signature() {
    let world = World::start().await;
    world.hook.answer_next([Answer::status(500)]);
    let mut delivery = leads::delivery(1);
    assert!(world.deliver(&delivery).await.is_err());
    world.clock.advance(TimeDelta::seconds(5));
    delivery.attempt = 1;
    world.deliver(&delivery).await.unwrap();

    let seen = world.hook.requests();
    assert_eq!(seen[0].header("webhook-id"), Some(delivery.message_id().as_str()));
    assert_eq!(seen[0].header("webhook-id"), seen[1].header("webhook-id"));
    assert_eq!(seen[0].body, seen[1].body);
    assert_eq!(seen[0].header("webhook-timestamp"), Some("1795176000"));
    assert_eq!(seen[1].header("webhook-timestamp"), Some("1795176005"));
    assert_ne!(
        seen[0].header("webhook-signature"),
        seen[1].header("webhook-signature")
    );
    world.assert_no_complaints();
}

#[tokio::test]
async fn trap_1_a_new_revision_is_another_event() {
    let world = World::start().await;
    let first = leads::delivery(1);
    world.deliver(&first).await.unwrap();
    world.deliver(&leads::revised(&first, 2)).await.unwrap();
    let ids: BTreeSet<_> = world
        .hook
        .requests()
        .iter()
        .map(|r| r.header("webhook-id").map(str::to_owned))
        .collect();
    assert_eq!(ids.len(), 2);
    world.assert_no_complaints();
}

#[tokio::test]
async fn trap_1_a_gate_that_closes_within_a_revision_makes_another_event_of_it() {
    let world = World::start().await;
    let open = leads::delivery(1);
    world.deliver(&open).await.unwrap();
    world
        .deliver(&LeadDelivery {
            gate: Gate::DoNotContact,
            ..open
        })
        .await
        .unwrap();
    assert_eq!(world.hook.requests()[1].json()["type"], "lead.suppressed");
    world.assert_no_complaints();
}

#[tokio::test]
async fn trap_1_what_an_operator_orders_again_is_another_event_and_the_same_over_all_its_attempts() {
    let world = World::start().await;
    let first = leads::delivery(1);
    world.deliver(&first).await.unwrap();
    let again = LeadDelivery {
        again: Some(first.revised_at),
        ..first
    };
    world.deliver(&again).await.unwrap();
    world.deliver(&again).await.unwrap();
    let requests = world.hook.requests();
    let id = |place: usize| requests[place].header("webhook-id").unwrap().to_owned();
    assert_eq!(id(1), format!("{}-again-{}", id(0), again.revised_at.timestamp()));
    assert_eq!(id(1), id(2));
    world.assert_no_complaints();
}

#[tokio::test]
async fn trap_4_a_receiver_that_knows_either_secret_of_a_rotation_accepts() {
    let more = "signing_secrets = [{ env = 'OLD_SECRET' }, { env = 'SECRET' }]";
    let world = World::with(Form::Standard, more).await;
    world.deliver_one().await.unwrap();
    assert_eq!(
        world.hook.requests()[0]
            .header("webhook-signature")
            .unwrap()
            .split(' ')
            .count(),
        2
    );
    world.assert_no_complaints();
}

#[tokio::test]
async fn trap_5_a_redirect_is_not_followed_and_its_host_is_told() {
    let world = World::start().await;
    let own = format!("http://{}/elsewhere?canary", world.server.addr);
    for (location, told) in [
        (own.as_str(), "127.0.0.1"),
        ("https://169.254.169.254/latest", "169.254.169.254"),
        ("/done?canary", "another path"),
    ] {
        let before = world.hook.count();
        world
            .hook
            .answer_next([Answer::status(307).header("location", location)]);
        let error = world.deliver_one().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.strikes_needed()),
            (ErrorKind::Misconfigured, 3)
        );
        assert!(error.to_string().contains(told), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
        assert_eq!(world.hook.count(), before + 1);
    }
}

#[test]
fn traps_6_to_8_no_url_and_no_token_url_leads_inside() {
    for url in [
        "https://127.0.0.1/x",
        "https://0x7f.1/x",
        "https://[64:ff9b::a9fe:a9fe]/x",
        "https://168.63.129.16/",
    ] {
        let mut bare = settings_at(url, &[443], "");
        bare.settings.remove("allow_private_targets");
        bare.settings.remove("allow_plain_http");
        assert_eq!(build(&bare).err().unwrap().key, "settings.url", "{url}");
        bare.settings
            .insert("url".into(), "https://hooks.example.com/x".into());
        assert!(build(&bare).is_ok());
        let auth = format!(
            "kind = 'oauth2'\ntoken_url = '{url}'\nclient_id = 'a'\nclient_secret = {{ env = 'TOKEN' }}"
        );
        bare.settings
            .insert("auth".into(), auth.parse::<toml::Table>().unwrap().into());
        assert_eq!(
            build(&bare).err().unwrap().key,
            "settings.auth.token_url",
            "{url}"
        );
    }
}

#[tokio::test]
async fn traps_6_to_8_a_name_that_leads_inside_is_refused_when_it_is_resolved() {
    let world = World::start().await;
    let port = world.server.addr.port();
    let mut inside = settings_at(&format!("http://localhost:{port}/x"), &[port], "");
    inside
        .settings
        .insert("allow_private_targets".into(), vec!["10.0.0.0/8"].into());
    let destination = build(&inside).unwrap().destination.unwrap();
    let error = destination
        .upsert(&[leads::delivery(1)])
        .await
        .remove(0)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("address not allowed"), "{error}");
    assert_eq!(world.hook.count(), 0);
}

#[tokio::test]
async fn trap_9_retry_after_is_obeyed_clamped_or_ignored() {
    let world = World::start().await;
    for (header, wait) in [
        ("20", Some(20)),
        ("Fri, 20 Nov 2026 12:02:00 GMT", Some(120)),
        ("soon", None),
        ("-1", None),
        ("Thu, 20 Nov 2036 12:00:00 GMT", Some(3600)),
    ] {
        for status in [429, 503] {
            world.hook.answer_next([Answer::status(status)
                .header("retry-after", header)
                .header("date", "nonsense")]);
            let error = world.deliver_one().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Throttled);
            assert_eq!(error.wait(), wait.map(Duration::from_secs), "{header}");
        }
    }
}

#[tokio::test]
async fn trap_10_a_2xx_is_a_2xx_unless_a_rule_asks_for_more() {
    let plain = World::start().await;
    plain
        .hook
        .answer_next([Answer::status(200).body(r#"{"success":false}"#)]);
    plain.deliver_one().await.unwrap();

    let ruled = World::with(
        Form::Standard,
        "success_rule = { pointer = '/success', equals = true }",
    )
    .await;
    ruled.hook.answer_next([
        Answer::status(200).body(r#"{"success":false}"#),
        Answer::status(204),
    ]);
    for _ in 0..2 {
        let error = ruled.deliver_one().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Broken);
    }
    ruled.deliver_one().await.unwrap();
}

#[tokio::test]
async fn trap_11_no_error_shows_a_query_value_a_token_or_a_secret() {
    let more = "auth = { kind = 'bearer', token = { env = 'TOKEN' } }";
    let world = World::with(Form::Standard, more).await;
    let echo = format!("canary-sig canary-token {}", crate::world::SECRET);
    let answers = [400, 401, 404, 500].map(|status| Answer::status(status).body(echo.clone()));
    world.hook.answer_next(answers);
    world.hook.answer_next([Answer::hang_up(), Answer::silence()]);
    for _ in 0..6 {
        let error = world.deliver_one().await.unwrap_err();
        let shown = format!("{error:?}");
        assert!(!shown.contains("canary") && !shown.contains("whsec_"), "{shown}");
        assert!(!shown.contains("Canary"), "nor a person: {shown}");
    }
    assert_eq!(
        world.hook.requests()[0].header("authorization"),
        Some("Bearer canary-token")
    );
}

#[tokio::test]
async fn trap_12_a_lead_taken_without_an_answer_is_sent_again_and_held_once() {
    let world = World::start().await;
    world
        .hook
        .answer_next([Answer::hang_up().but_applied(), Answer::silence().but_applied()]);
    let delivery = leads::delivery(1);
    for _ in 0..2 {
        assert_eq!(
            world.deliver(&delivery).await.unwrap_err().kind(),
            ErrorKind::Unreachable
        );
    }
    world.deliver(&delivery).await.unwrap();
    let held = world.hook.leads();
    assert_eq!((held.len(), held[0].deliveries), (1, 3));
    world.assert_no_complaints();
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_only_then_the_operator_is_asked() {
    let clock = clock();
    let tokens = TokenEndpoint::new("leadsync", "open sesame", 3600, unix(&clock));
    let token_server = serve(tokens.router()).await.unwrap();
    let world = World::guarded(&tokens, &token_server, clock).await;
    world.deliver_one().await.unwrap();
    tokens.revoke_all();
    world.deliver_one().await.unwrap();
    assert_eq!((tokens.fetches(), world.hook.count()), (2, 3));

    world.hook.answer_always(Some(Answer::status(401)));
    assert_eq!(
        world.deliver_one().await.unwrap_err().kind(),
        ErrorKind::Unauthorized
    );
    assert_eq!((tokens.fetches(), world.hook.count()), (3, 5));

    tokens.revoke_all();
    tokens.answer_next([Answer::status(503).header("retry-after", "9")]);
    let error = world.deliver_one().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert_eq!(error.wait(), Some(Duration::from_secs(9)));
    assert_eq!(
        (tokens.fetches(), world.hook.count()),
        (4, 6),
        "a kept token is tried before a new one is asked for"
    );
    world.assert_no_complaints();
}

#[tokio::test]
async fn basic_and_api_keys_are_written_as_their_standards_say() {
    for (auth, header, value) in [
        (
            "kind = 'basic', user = 'Aladdin', password = { env = 'PASSWORD' }",
            "authorization",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
        (
            "kind = 'api_key', key = { env = 'TOKEN' }",
            "x-api-key",
            "canary-token",
        ),
        (
            "kind = 'api_key', header = 'authorization', prefix = 'Key ', key = { env = 'TOKEN' }",
            "authorization",
            "Key canary-token",
        ),
    ] {
        let world = World::with(
            Form::Standard,
            &format!("auth = {{ {auth} }}\nheaders = {{ x-team = 'sales' }}"),
        )
        .await;
        world.deliver_one().await.unwrap();
        let seen = &world.hook.requests()[0];
        assert_eq!(
            (seen.header(header), seen.header("x-team")),
            (Some(value), Some("sales"))
        );
    }
}

#[tokio::test]
async fn settings_that_cannot_work_name_their_key() {
    let world = World::start().await;
    for (more, key) in [
        ("urll = 'x'", "settings.urll"),
        ("timeout = 'soon'", "settings.timeout"),
        ("timeout = '301s'", "settings.timeout"),
        ("batch_max = 0", "settings.batch_max"),
        (
            "batch_max = 5\npayload_format = 'cloudevents_binary'",
            "settings.batch_max",
        ),
        ("batch_max = 5\nrecord_pointer = '/id'", "settings.record_pointer"),
        ("record_pointer = 'id'", "settings.record_pointer"),
        ("headers = { Host = 'x' }", "settings.headers.Host"),
        ("headers = { webhook-id = 'x' }", "settings.headers.webhook-id"),
        ("headers = { ce-id = 'x' }", "settings.headers.ce-id"),
        ("headers = { x-a = \"b\\r\\nc: d\" }", "settings.headers.x-a"),
        (
            "headers = { authorization = 'x' }\nauth = { kind = 'bearer', token = { env = 'TOKEN' } }",
            "settings.headers.authorization",
        ),
        (
            "auth = { kind = 'bearer', token = { env = 'ABSENT' } }",
            "settings.auth.token",
        ),
        (
            "auth = { kind = 'basic', user = 'a:b', password = { env = 'TOKEN' } }",
            "settings.auth.user",
        ),
        (
            "signing_secrets = [{ env = 'TOKEN' }]",
            "settings.signing_secrets[0]",
        ),
        (
            "client_certificate = '/nowhere.pem'",
            "settings.client_certificate",
        ),
        ("url = 'https://user:pw@hooks.example.com/x'", "settings.url"),
        ("url = { env = 'ABSENT' }", "settings.url"),
    ] {
        let error = build(&settings(&world.server, more)).err().expect(more);
        assert_eq!(error.key, key, "{more}: {error}");
        assert!(!error.message.contains("canary"), "{error}");
    }
}
