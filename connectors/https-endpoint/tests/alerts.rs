//! Clocks that run out are told like everything else: signed, once more when it failed, one id per event.

use connector_kit::conformance::leads;
use connector_kit::{Alert, ClockAlert, ErrorKind, Role, SilenceAlert};
use leadsync_sim::webhook::Answer;
use leadsync_sim::webhook::strict::Form;
use serde_json::json;

use crate::world::{World, build, settings_at};

fn alert(state: &'static str) -> ClockAlert {
    ClockAlert {
        id: format!("clock-7c0e6f9a-answer-{state}"),
        account: "contoso".into(),
        clock: "answer",
        state,
        since: "2026-11-20T10:30:00Z".parse().unwrap(),
        due_at: "2026-11-22T00:00:00Z".parse().unwrap(),
        lead: leads::delivery(1).lead.id,
        referral: Some("7c0e6f9a".parse().unwrap()),
        hint: "accept or decline it",
    }
}

impl World {
    async fn tell(&self, state: &'static str) -> Result<(), connector_kit::ConnectorError> {
        self.connector
            .alerts
            .as_ref()
            .unwrap()
            .alert(&Alert::Clock(alert(state)))
            .await
    }
}

#[tokio::test]
async fn an_alert_is_a_signed_event_of_ids_and_what_to_do() {
    let world = World::start().await;
    world.tell("due").await.unwrap();
    let request = world.hook.requests().remove(0);
    let lead = alert("due").lead;
    assert_eq!(
        request.json(),
        json!({
            "type": "clock.due", "timestamp": "2026-11-20T10:30:00Z",
            "data": {
                "clock": "answer", "state": "due", "dueAt": "2026-11-22T00:00:00Z", "account": "contoso",
                "leadId": lead, "referralId": "7c0e6f9a", "hint": "accept or decline it",
            },
        })
    );
    assert_eq!(request.header("webhook-id"), Some("clock-7c0e6f9a-answer-due"));
    assert!(request.header("webhook-signature").is_some());
    world.assert_no_complaints();
    assert_eq!((world.hook.lead_count(), world.calls.made()), (0, 1));
}

#[tokio::test]
async fn telling_again_repeats_id_and_bytes_and_another_state_is_another_event() {
    let world = World::start().await;
    world
        .hook
        .answer_next([Answer::status(503).header("retry-after", "30"), Answer::silence()]);
    let error = world.tell("due").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.wait().map(|wait| wait.as_secs())),
        (ErrorKind::Throttled, Some(30))
    );
    assert_eq!(
        world.tell("due").await.unwrap_err().kind(),
        ErrorKind::Unreachable
    );
    world.clock.advance(chrono::TimeDelta::minutes(5));
    world.tell("due").await.unwrap();
    world.tell("overdue").await.unwrap();
    let requests = world.hook.requests();
    assert!(
        requests[..3]
            .iter()
            .all(|request| request.body == requests[0].body)
    );
    let ids: Vec<_> = requests[2..]
        .iter()
        .map(|request| request.header("webhook-id"))
        .collect();
    assert_eq!(
        ids,
        [
            Some("clock-7c0e6f9a-answer-due"),
            Some("clock-7c0e6f9a-answer-overdue")
        ]
    );
    world.assert_no_complaints();
}

#[tokio::test]
async fn a_silent_source_is_told_of_in_the_same_way() {
    let world = World::start().await;
    let silence = Alert::Silence(SilenceAlert {
        id: "silence-marketplace-1795176000".into(),
        account: "contoso".into(),
        source: "marketplace".into(),
        since: "2026-11-17T10:30:00Z".parse().unwrap(),
        raised_at: "2026-11-20T10:00:00Z".parse().unwrap(),
        hint: "press Validate",
    });
    world
        .connector
        .alerts
        .as_ref()
        .unwrap()
        .alert(&silence)
        .await
        .unwrap();
    let request = world.hook.requests().remove(0);
    assert_eq!(
        request.json(),
        json!({
            "type": "source.silent", "timestamp": "2026-11-20T10:00:00Z",
            "data": {
                "source": "marketplace", "silentSince": "2026-11-17T10:30:00Z", "account": "contoso",
                "hint": "press Validate",
            },
        })
    );
    assert_eq!(
        request.header("webhook-id"),
        Some("silence-marketplace-1795176000")
    );
    world.assert_no_complaints();
}

#[tokio::test]
async fn every_format_that_has_a_word_for_it_is_spoken() {
    for (form, settings, pointer, event) in [
        (
            Form::Structured,
            "payload_format = 'cloudevents_structured'",
            "/type",
            "leadsync.clock.due",
        ),
        (
            Form::Binary,
            "payload_format = 'cloudevents_binary'",
            "/clock",
            "answer",
        ),
        (Form::Standard, "batch_max = 10", "/type", "clock.due"),
    ] {
        let world = World::with(form, settings).await;
        world.tell("due").await.unwrap();
        let request = world.hook.requests().remove(0);
        assert_eq!(request.json().pointer(pointer), Some(&json!(event)), "{settings}");
        world.assert_no_complaints();
    }
    let world = World::with(Form::Any, "payload_format = 'microsoft'").await;
    world.tell("due").await.unwrap();
    assert_eq!(world.hook.requests()[0].json()["type"], "clock.due");
    let binary = World::with(Form::Binary, "payload_format = 'cloudevents_binary'").await;
    binary.tell("overdue").await.unwrap();
    let request = binary.hook.requests().remove(0);
    let told = ["ce-type", "ce-source", "ce-time"].map(|name| request.header(name));
    assert_eq!(
        told,
        [
            Some("leadsync.clock.overdue"),
            Some("/leadsync/contoso"),
            Some("2026-11-20T10:30:00Z")
        ]
    );
}

#[test]
fn a_role_that_is_not_asked_for_is_not_played() {
    let plays = |roles: &[Role]| {
        let mut settings = settings_at("https://hooks.example.com/x", &[443], "");
        settings.roles = roles.to_vec();
        let connector = build(&settings).unwrap();
        (connector.destination.is_some(), connector.alerts.is_some())
    };
    assert_eq!(plays(&[Role::Alerts]), (false, true));
    assert_eq!(plays(&[Role::Destination]), (true, false));
    assert_eq!(plays(&[Role::Alerts, Role::Destination]), (true, true));
}
