//! Headers and bodies that are easily misread.

use serde_json::Value;

use super::*;

fn headers(name: &'static str, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(
        HeaderName::from_static(name),
        HeaderValue::from_str(value).unwrap(),
    )])
}

#[test]
fn limit_info_is_read_in_all_its_forms() {
    for (text, usage_told) in [
        ("api-usage=10018/100000", Some((10_018, 100_000))),
        ("api-usage=18/15000; api-bursts=1/750", Some((18, 15_000))),
        (
            "per-app-api-usage=17/250(appName=sample); api-usage=25/5000",
            Some((25, 5_000)),
        ),
        ("api-usage=many", None),
        ("", None),
    ] {
        assert_eq!(usage(&headers("sforce-limit-info", text)), usage_told, "{text}");
    }
}

#[test]
fn a_new_token_is_asked_for_only_when_it_may_help() {
    let answer = |status: u16, message: &str, code: &str| {
        let body = serde_json::json!([{ "message": message, "errorCode": code }]).to_string();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        response
    };
    let session = "INVALID_SESSION_ID";
    assert!(is_stale(&answer(401, "Session expired or invalid", session)));
    for (status, message, code) in [
        (
            401,
            "This session is not valid for use with the REST API",
            session,
        ),
        (401, "Connected app is not attached to Agent", session),
        (
            401,
            "The users password has expired",
            "INVALID_OPERATION_WITH_EXPIRED_PASSWORD",
        ),
        (403, "Bad_OAuth_Token", session),
    ] {
        assert!(!is_stale(&answer(status, message, code)), "{message}");
    }
}

#[test]
fn three_hundred_is_a_fault_of_the_data_and_names_the_records() {
    let text = include_str!("../../../../tests/fixtures/salesforce/lead-upsert-multiple-300.json");
    let fixture: Value = serde_json::from_str(text).unwrap();
    let fault = several(fixture["response"]["body"].to_string().as_bytes());
    assert_eq!(fault.code, "MULTIPLE_CHOICES");
    assert_eq!(
        fault.message,
        "the key matches 00Q5e0000000001EAA, 00Q5e0000000002EAA"
    );
    assert_eq!(
        fault.error("write lead", crate::error::Place::Create).kind(),
        ErrorKind::Rejected
    );
}
