//! What a verified event points at (contract partner-center 8.2).

use chrono::{DateTime, Utc};
use connector_kit::Notice;
use connector_kit::event::Refused;
use serde_json::{Map, Value};

use crate::page::hash;

/// Reads the body; it has been verified.
pub(super) fn read(body: &[u8]) -> Result<Notice, Refused> {
    let members: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| Refused::Malformed("the event is not a JSON object"))?;
    let text = |name: &str| {
        let found = members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found
            .and_then(|(_, value)| value.as_str())
            .unwrap_or_default()
            .trim()
    };
    let (event, uri, date) = (
        text("EventName"),
        text("ResourceUri"),
        text("ResourceChangeUtcDate"),
    );
    if event.is_empty() {
        return Err(Refused::Malformed("the event has no name"));
    }
    // What is related is another side of the same deal: ours did not change, or it would say so itself.
    let referral = if event.to_ascii_lowercase().starts_with("referral") {
        let id = last_segment(uri).parse();
        Some(id.map_err(|_| Refused::Malformed("the event points at no referral"))?)
    } else {
        None
    };
    Ok(Notice {
        event: event.to_owned(),
        referral,
        occurred_at: moment(date).ok_or(Refused::Malformed("the event does not say when it happened"))?,
        // There is no id: these three tell events apart.
        reference: hash(&[event.as_bytes(), uri.as_bytes(), date.as_bytes()]),
    })
}

fn last_segment(uri: &str) -> &str {
    let path = uri
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .trim_end_matches('/');
    path.rsplit_once('/').map_or("", |(_, id)| id)
}

/// 0 to 7 fractional digits, with a zone or without.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.with_timezone(&Utc))
        .or_else(|_| format!("{text}Z").parse())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/referrals");
        std::fs::read(format!("{folder}/{name}.json")).unwrap()
    }

    #[test]
    fn the_documented_events_point_at_their_referrals() {
        let table = [
            (
                "referral_created",
                Some("61c65492-0000-4000-8000-3654499bc1da"),
                "2024-05-01T08:15:30.548548700+00:00",
            ),
            (
                "referral_updated",
                Some("61c65494-0000-4000-8000-3654499bc1dc"),
                "2024-04-22T15:15:09.548548700+00:00",
            ),
            ("related_referral_updated", None, "2024-04-02T09:00:02+00:00"),
            ("test_created", None, "2024-05-01T16:19:06.352027600+00:00"),
        ];
        for (name, referral, at) in table {
            let notice = read(&fixture(&format!("webhook_event_{name}"))).unwrap();
            assert_eq!(notice.event, name.replace('_', "-"));
            assert_eq!(
                notice.referral.as_ref().map(connector_kit::ReferralId::as_str),
                referral
            );
            assert_eq!(notice.occurred_at.to_rfc3339(), at);
        }
    }

    #[test]
    fn members_are_found_in_any_case_and_the_reference_tells_events_apart() {
        let event = |name: &str, id: &str, date: &str| {
            let body = format!(
                r#"{{"eventname":"{name}","RESOURCEURI":"https://h/engagements/v1/referrals/{id}/?x=1","resourceChangeUtcDate":"{date}"}}"#
            );
            read(body.as_bytes()).unwrap()
        };
        let first = event("referral-updated", "A-1", "2024-05-01T08:15:30");
        assert_eq!(first.referral.as_ref().unwrap().as_str(), "a-1");
        assert_eq!(first, event("referral-updated", "A-1", "2024-05-01T08:15:30"));
        for other in [
            event("referral-created", "A-1", "2024-05-01T08:15:30"),
            event("referral-updated", "A-2", "2024-05-01T08:15:30"),
            event("referral-updated", "A-1", "2024-05-01T08:15:31"),
        ] {
            assert_ne!(first.reference, other.reference);
        }
    }

    #[test]
    fn what_points_at_nothing_is_malformed() {
        for body in [
            "[]",
            "{}",
            r#"{"EventName":"referral-updated","ResourceChangeUtcDate":"2024-05-01T08:15:30Z"}"#,
            r#"{"EventName":"referral-updated","ResourceUri":"https://h/a/..","ResourceChangeUtcDate":"2024-05-01T08:15:30Z"}"#,
            r#"{"EventName":"referral-updated","ResourceUri":"https://h/referrals/a-1","ResourceChangeUtcDate":"soon"}"#,
            r#"{"EventName":"referral-updated","ResourceUri":"https://h/referrals/%2e","ResourceChangeUtcDate":"2024-05-01T08:15:30Z"}"#,
        ] {
            assert!(
                matches!(read(body.as_bytes()), Err(Refused::Malformed(_))),
                "{body}"
            );
        }
        let other = r#"{"EventName":"subscription-updated","ResourceUri":"x","ResourceChangeUtcDate":"2024-05-01T08:15:30Z"}"#;
        assert_eq!(read(other.as_bytes()).unwrap().referral, None);
    }
}
