//! Every code of the contract, and answers that are none of Dataverse's.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap()
}

fn answer(status: u16, body: &str) -> Response {
    let mut answer = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
    answer
}

fn refused(status: u16, body: &str) -> Failure {
    Failure::Refused(Refusal::read(&answer(status, body), now()))
}

/// What a class of the fixture means to us.
fn expected(class: &str, code: &str) -> Vec<ErrorKind> {
    match (class, code) {
        // The payload, the key or the URL does not fit the table: the operator's part. So is a record
        // that is not there, but for the destination, which knows what that means.
        ("permanent", "0x80048d19" | "0x80060888" | "0x8006088a" | "0x80040217" | "0x80060891") => {
            vec![ErrorKind::Misconfigured]
        }
        ("permanent" | "permanent (split)" | "resync", _) | ("duplicate", "0x80040333") => {
            vec![ErrorKind::Rejected]
        }
        ("duplicate" | "conflict", _) => vec![ErrorKind::Conflict],
        ("config", _) => vec![ErrorKind::Unauthorized, ErrorKind::Misconfigured],
        ("throttle", _) => vec![ErrorKind::Throttled],
        ("transient", _) => vec![ErrorKind::Broken],
        other => panic!("unknown class {other:?}"),
    }
}

#[test]
fn every_error_of_the_catalogue_names_who_has_to_change() {
    let text = include_str!("../../../../tests/fixtures/dynamics365/errors.json");
    let catalogue: Value = serde_json::from_str(text).unwrap();
    let cases = catalogue["exchanges"].as_array().unwrap();
    assert_eq!(cases.len(), 23);
    for case in cases {
        let (code, message) = (case["code"].as_str().unwrap(), case["message"].as_str().unwrap());
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        // Its digits come in upper or lower case.
        for code in [code.to_owned(), code.to_uppercase().replace("0X", "0x")] {
            let body = serde_json::json!({ "error": { "code": code, "message": message } }).to_string();
            let error = refused(status, &body).into_error("write a lead");
            let wanted = expected(case["class"].as_str().unwrap(), &code.to_lowercase());
            assert!(
                wanted.contains(&error.kind()),
                "{}: {:?}",
                case["label"],
                error.kind()
            );
            assert_eq!(
                error.answer_text(),
                Some(message),
                "Dataverse's own words are kept"
            );
            assert!(error.to_string().contains(&code.to_lowercase()), "{error}");
        }
    }
}

#[test]
fn fact_2_no_record_with_this_key_is_no_duplicate() {
    let failure = refused(
        404,
        r#"{"error":{"code":"0x80060891","message":"A record with the specified key values does not exist in lead entity"}}"#,
    );
    assert!(failure.is_not_found() && !failure.lost_a_race());
    for code in ["0x80060892", "0x80040237"] {
        let failure = refused(
            412,
            &format!(r#"{{"error":{{"code":"{code}","message":"exists"}}}}"#),
        );
        assert!(failure.lost_a_race() && !failure.is_not_found(), "{code}");
        assert_eq!(failure.kind(), ErrorKind::Conflict);
    }
    let rule = refused(412, r#"{"error":{"code":"0x80040333","message":"duplicate"}}"#);
    assert!(!rule.lost_a_race());
}

#[test]
fn a_404_with_an_empty_code_is_decisive_and_one_without_dataverses_shape_is_not() {
    assert!(
        refused(
            404,
            r#"{"error":{"code":"","message":"lead With Id = .. Does Not Exist"}}"#
        )
        .is_not_found()
    );
    assert!(!refused(404, "<html>404</html>").is_not_found());
    assert!(!refused(404, "").is_not_found());
    assert!(
        !refused(
            404,
            r#"{"error":{"code":"0x8006088a","message":"Resource not found for the segment 'leads'."}}"#
        )
        .is_not_found()
    );
    assert!(!refused(410, r#"{"error":{"code":"","message":"gone"}}"#).is_not_found());
}

#[test]
fn an_error_body_may_be_empty_html_or_of_another_shape() {
    for (status, body, kind, code) in [
        (401, "", ErrorKind::Unauthorized, ""),
        (403, "", ErrorKind::Unauthorized, ""),
        (
            500,
            "<html><body>Server Error</body></html>",
            ErrorKind::Broken,
            "",
        ),
        (502, "<html>", ErrorKind::Unreachable, ""),
        (503, "", ErrorKind::Throttled, ""),
        (504, "gateway", ErrorKind::Unreachable, ""),
        (
            400,
            r#"{"error":{"code":"","message":""}}"#,
            ErrorKind::Rejected,
            "",
        ),
        (400, r#"{"error":"invalid"}"#, ErrorKind::Rejected, ""),
        (302, "", ErrorKind::Misconfigured, ""),
        (405, "", ErrorKind::Misconfigured, ""),
        (
            429,
            r#"{"Message":"slow down","ErrorCode":-2147015902}"#,
            ErrorKind::Throttled,
            "0x80072322",
        ),
        (
            500,
            r#"{"Message":"An error has occurred.","ExceptionMessage":"Sql","ErrorCode":"0x80044150"}"#,
            ErrorKind::Broken,
            "0x80044150",
        ),
    ] {
        let failure = refused(status, body);
        assert_eq!(failure.kind(), kind, "{status} {body}");
        assert!(code.is_empty() || failure.is(code), "{status} {body}");
        let _ = failure.into_error("try");
    }
}

#[test]
fn the_code_decides_before_the_status() {
    let rule = |status| refused(status, r#"{"error":{"code":"0x80040333","message":"duplicate"}}"#);
    assert_eq!(
        (rule(412).kind(), rule(500).kind()),
        (ErrorKind::Rejected, ErrorKind::Rejected)
    );
}

#[test]
fn a_throttled_answer_is_read_whatever_its_counters_look_like() {
    let mut throttled = answer(
        429,
        r#"{"error":{"code":"0x80072321","message":"Combined execution time"}}"#,
    );
    for (name, value) in [
        ("retry-after", "7"),
        ("x-ms-ratelimit-burst-remaining-xrm-requests", "not a number"),
        ("x-ms-ratelimit-time-remaining-xrm-requests", "1,199.60"),
    ] {
        throttled.headers_mut().insert(name, value.parse().unwrap());
    }
    let error = Failure::Refused(Refusal::read(&throttled, now())).into_error("write leads");
    assert_eq!(
        (error.kind(), error.wait()),
        (ErrorKind::Throttled, Some(Duration::from_secs(7)))
    );
}

#[test]
fn a_page_of_a_proxy_with_status_200_is_no_success() {
    let page = success(answer(200, "<html>Please sign in</html>"), now());
    assert_eq!(page.unwrap_err().kind(), ErrorKind::Unreachable);
    assert!(
        success(
            answer(200, r#"{"@odata.context":"https://h/$metadata","value":[]}"#),
            now()
        )
        .is_ok()
    );
    let mut empty = answer(204, "");
    empty
        .headers_mut()
        .insert("odata-version", "4.0".parse().unwrap());
    assert!(success(empty, now()).is_ok());
}

#[test]
fn one_record_is_blamed_for_its_payload_only_where_its_neighbours_went_well() {
    let body = r#"{"error":{"code":"0x80048d19","message":"Error identified in Payload"}}"#;
    assert_eq!(
        refused(400, body).into_error("write").kind(),
        ErrorKind::Misconfigured
    );
    assert_eq!(
        refused(400, body).into_error_of_the_record("write").kind(),
        ErrorKind::Rejected
    );
}

#[test]
fn a_requests_id_is_shown_for_support() {
    let mut broken = answer(500, "");
    broken.headers_mut().insert(
        "x-ms-service-request-id",
        "5ecd1cb3-1730-4ffc-909c-d44c22270026".parse().unwrap(),
    );
    let error = Failure::Refused(Refusal::read(&broken, now())).into_error("write leads");
    assert_eq!(
        error.to_string(),
        "write leads: 500, request 5ecd1cb3-1730-4ffc-909c-d44c22270026"
    );
}
