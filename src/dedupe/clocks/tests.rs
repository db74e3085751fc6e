//! The times of contract partner-center 6.3, as a table.

use super::*;

fn referral(members: &serde_json::Value) -> Referral {
    let mut body = serde_json::json!({
        "id": "a", "status": "New", "substatus": "Pending", "direction": "Incoming",
        "createdDateTime": "2018-10-30T21:03:42.5Z",
    });
    for (name, member) in members.as_object().unwrap() {
        body[name] = member.clone();
    }
    let bytes = body.to_string();
    connector_kit::referral::read::referral(bytes.as_bytes())
        .unwrap()
        .referral
}

fn due(members: &serde_json::Value) -> Vec<(ClockKind, String)> {
    let clocks = of_referral(&referral(members)).into_iter();
    clocks
        .inspect(|clock| assert_eq!(clock.starts_at.to_rfc3339(), "2018-10-30T21:03:42.500+00:00"))
        .map(|clock| (clock.kind, clock.due_at.to_rfc3339()))
        .collect()
}

#[test]
fn a_referral_that_waits_runs_by_the_documented_times() {
    use ClockKind::{Answer, DirectContact, FollowUp};
    let follow_up = (FollowUp, "2018-10-31T21:03:42.500+00:00".to_owned());
    let answer = |at: &str| (Answer, format!("{at}+00:00"));
    assert_eq!(
        due(&serde_json::json!({})),
        [follow_up.clone(), answer("2018-11-13T00:00:00")]
    );
    assert_eq!(
        due(&serde_json::json!({"substatus": "SomethingNew", "expirationDateTime": "2018-11-07T00:00:00Z"})),
        [follow_up.clone(), answer("2018-11-07T00:00:00")],
        "what it says itself holds"
    );
    assert_eq!(
        due(&serde_json::json!({"details": {"customerRequestedContact": true}})),
        [
            follow_up,
            (DirectContact, "2018-11-02T21:03:42.500+00:00".to_owned()),
            answer("2018-11-13T00:00:00")
        ]
    );
}

#[test]
fn what_does_not_wait_for_us_runs_no_clock() {
    for members in [
        serde_json::json!({"direction": "Outgoing"}),
        serde_json::json!({"status": "Active", "substatus": "Accepted"}),
        serde_json::json!({"status": "Closed", "substatus": "Expired"}),
        serde_json::json!({"status": "Whatever"}),
    ] {
        assert_eq!(due(&members), [], "{members}");
    }
}

#[test]
fn the_end_of_the_calendar_is_survived() {
    let last = referral(&serde_json::json!({"createdDateTime": "+262142-12-31T23:59:59"}));
    let kinds: Vec<_> = of_referral(&last).into_iter().map(|clock| clock.kind).collect();
    assert_eq!(kinds, [ClockKind::Answer]);
    assert_eq!(of_lead(DateTime::<Utc>::MAX_UTC), None);
}
