//! Both envelopes, codes at any depth, and who has to change.

use super::*;
use bytes::Bytes;

fn fixture(name: &str) -> Bytes {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/referrals");
    std::fs::read(format!("{folder}/{name}.json")).unwrap().into()
}

fn answer(status: u16, body: impl Into<Bytes>) -> Response {
    let mut answer = http::Response::new(body.into());
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
    answer
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap()
}

fn told(answer: &Response) -> ConnectorError {
    Refusal::read(answer, now()).into_error("write a referral")
}

#[test]
fn the_documented_answers_are_told_by_who_has_to_change() {
    let table = [
        (
            412,
            "error_412_precondition_failed",
            ErrorKind::Conflict,
            "412 resourceModified",
        ),
        (
            401,
            "error_401_unauthenticated",
            ErrorKind::Unauthorized,
            "401 unAuthorized",
        ),
        (429, "error_429_gateway", ErrorKind::Throttled, "429"),
    ];
    for (status, name, kind, words) in table {
        let error = told(&answer(status, fixture(name)));
        assert_eq!(error.kind(), kind, "{name}");
        assert_eq!(error.to_string(), format!("write a referral: {words}"), "{name}");
    }
}

#[test]
fn every_announced_status_has_somebody_who_has_to_change() {
    use ErrorKind::{Broken, Conflict, Misconfigured, Rejected, Throttled, Unauthorized, Unreachable};
    let table = [
        (Rejected, &[400, 404, 410, 413, 422][..]),
        (Unauthorized, &[401, 403]),
        (Conflict, &[409, 412, 423]),
        (Throttled, &[429, 503, 509]),
        (Unreachable, &[408, 502, 504]),
        (Broken, &[500, 507]),
        (Misconfigured, &[301, 405, 406, 411, 415, 416, 501]),
    ];
    for (kind, statuses) in table {
        for status in statuses {
            assert_eq!(told(&answer(*status, "")).kind(), kind, "{status}");
        }
    }
}

#[test]
fn the_deepest_code_a_document_names_counts_in_any_case_of_letters() {
    let nested = |codes: &[&str]| {
        let inner = codes.iter().rev().fold(
            Value::Null,
            |inner, code| serde_json::json!({ "Code": code, "message": "m", "innerError": inner }),
        );
        serde_json::json!({ "Error": inner }).to_string()
    };
    let table = [
        (
            400,
            vec!["invalidRequest", "RESOURCEMODIFIED"],
            ErrorKind::Conflict,
        ),
        (409, vec!["resourceModified"], ErrorKind::Conflict),
        (400, vec!["invalidRequest", "somethingNew"], ErrorKind::Rejected),
        (400, vec!["generalException"], ErrorKind::Rejected),
        (500, vec!["generalException"], ErrorKind::Broken),
        (400, vec!["badRequest", "accessdenied"], ErrorKind::Unauthorized),
        (500, vec!["serviceNotAvailable"], ErrorKind::Throttled),
        (503, vec!["accessDenied"], ErrorKind::Throttled),
        (400, vec!["itemNotFound"], ErrorKind::Rejected),
    ];
    for (status, codes, kind) in table {
        let refusal = Refusal::read(&answer(status, nested(&codes)), now());
        assert_eq!(Failure::Refused(refusal).kind(), kind, "{status} {codes:?}");
    }
    let deep = nested(&vec!["invalidRequest"; 100]);
    assert_eq!(
        told(&answer(400, deep)).to_string(),
        "write a referral: 400 invalidRequest"
    );
    let missing = Refusal::read(&answer(400, nested(&["invalidRequest", "itemNotFound"])), now());
    assert!(Failure::Refused(missing).is_missing());
}

#[test]
fn a_wait_is_read_from_seconds_dates_and_words() {
    let waits = |header: Option<&str>, body: Bytes| {
        let mut answer = answer(429, body);
        if let Some(header) = header {
            answer
                .headers_mut()
                .insert("retry-after", header.parse().unwrap());
        }
        told(&answer).wait().map(|wait| wait.as_secs())
    };
    let gateway = fixture("error_429_gateway");
    assert_eq!(waits(None, gateway.clone()), Some(57));
    assert_eq!(waits(Some("20"), gateway.clone()), Some(20));
    let date = httpdate_in(90);
    assert_eq!(waits(Some(&date), gateway), Some(90));
    assert_eq!(
        waits(
            None,
            Bytes::from_static(br#"{"message":"Try again in 99999999 seconds."}"#)
        ),
        Some(3600)
    );
    assert_eq!(waits(None, Bytes::from_static(b"{}")), None);
}

fn httpdate_in(seconds: i64) -> String {
    (now() + chrono::TimeDelta::seconds(seconds))
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

#[test]
fn the_gateway_is_believed_about_its_own_status() {
    let error = told(&answer(403, fixture("error_429_gateway")));
    assert_eq!(
        (error.kind(), error.wait().map(|wait| wait.as_secs())),
        (ErrorKind::Throttled, Some(57))
    );
}

#[test]
fn what_they_say_is_kept_beside_the_error_and_never_in_it() {
    let body = r#"{"error":{"code":"invalidRequest","message":"sue.smith@fabrikam.example is taken"}}"#;
    let mut refused = answer(400, body);
    refused
        .headers_mut()
        .insert("request-id", "84001c9d-0000".parse().unwrap());
    let error = told(&refused);
    assert_eq!(error.to_string(), "write a referral: 400 invalidRequest");
    let kept = error.answer_text().unwrap();
    assert!(
        kept.starts_with("request-id 84001c9d-0000\n") && kept.contains("is taken"),
        "{kept}"
    );
}

#[test]
fn a_page_of_somebody_else_is_no_success() {
    assert!(success(answer(200, "<html>Sign in</html>"), now()).is_err());
    assert!(success(answer(200, " {}"), now()).is_ok());
    assert!(success(answer(204, ""), now()).is_ok());
}
