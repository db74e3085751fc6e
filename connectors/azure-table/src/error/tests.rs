//! Every code of the contract and every shape of a body.

use connector_kit::ErrorKind;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).expect("a moment")
}

fn read(status: u16, headers: &[(&str, &str)], body: &str) -> Refusal {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
        map.insert(name, value.parse().expect("a value"));
    }
    Refusal::read(
        StatusCode::from_u16(status).expect("a status"),
        &map,
        body.as_bytes(),
        now(),
    )
}

#[derive(Deserialize)]
struct Case {
    status: u16,
    code: String,
    handling: String,
}

/// What the words of the contract are called here. Where a code can never be one lead's fault, a
/// "permanent" error is the operator's.
fn expected(case: &Case) -> Vec<ErrorKind> {
    let handling = case.handling.as_str();
    match (case.status, handling) {
        (405 | 415 | 501, _) => vec![ErrorKind::Misconfigured],
        (_, text) if text.starts_with("permanent") => vec![ErrorKind::Rejected],
        (400, "configuration") => vec![ErrorKind::Misconfigured, ErrorKind::Unauthorized],
        (401 | 403, _) => vec![ErrorKind::Unauthorized],
        (404, _) => vec![ErrorKind::Misconfigured],
        (408, _) => vec![ErrorKind::Unreachable],
        (409, text) if text.contains("40 s") => vec![ErrorKind::Throttled],
        (409 | 412, _) => vec![ErrorKind::Conflict],
        (413, _) => vec![ErrorKind::Rejected],
        (429 | 503, _) => vec![ErrorKind::Throttled],
        (500, _) if case.code == "OperationTimedOut" => vec![ErrorKind::Throttled],
        (500, _) => vec![ErrorKind::Broken],
        _ => panic!("no rule for {handling}"),
    }
}

#[test]
fn every_code_of_the_contract_has_its_kind() {
    let text = include_str!("../../../../tests/fixtures/azure-table/error-classification.json");
    let cases: Vec<Case> = serde_json::from_str(text).expect("the cases");
    assert!(cases.len() >= 36, "{}", cases.len());
    for case in cases {
        let body = format!(
            r#"{{"odata.error":{{"code":"{}","message":{{"lang":"en-US","value":"No.\nRequestId:r-1\nTime:t"}}}}}}"#,
            case.code
        );
        let error = read(case.status, &[], &body).into_error("write to table T");
        assert!(
            expected(&case).contains(&error.kind()),
            "{} {}: {:?}",
            case.status,
            case.code,
            error.kind()
        );
    }
}

#[test]
fn trap_13_a_body_of_any_shape_is_read_without_a_panic() {
    let xml = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Error>
  <Code>AuthorizationFailure</Code>
  <Message>Server failed to authenticate the request.
RequestId:8754
Time:2026-11-20T22:56:44.461Z</Message></Error>"#;
    let atom = r#"<m:error xmlns:m="http://x"><m:code>TableNotFound</m:code><m:message xml:lang="en-US">Gone.</m:message></m:error>"#;
    let html = "<!DOCTYPE HTML><html><head><title>Bad Request</title></head><body><h2>Bad Request - Invalid URL</h2></body></html>";
    for (status, headers, body, code, message) in [
        (
            403,
            &[][..],
            xml,
            Some("AuthorizationFailure"),
            "Server failed to authenticate the request.",
        ),
        (404, &[], atom, Some("TableNotFound"), "Gone."),
        (400, &[], html, None, ""),
        (500, &[], "", None, ""),
        (500, &[], "{\"odata.error\":{", None, ""),
        (400, &[], "null", None, ""),
        (400, &[], "<", None, ""),
        (400, &[], "<Code>", None, ""),
        (400, &[], "<Code/><Message/>", None, ""),
        (
            400,
            &[("X-MS-Error-Code", "InvalidInput")],
            html,
            Some("InvalidInput"),
            "",
        ),
        (
            400,
            &[],
            r#"{"odata.error":{"code":"BadRequest","message":{"value":"a"}}}"#,
            Some("BadRequest"),
            "a",
        ),
        (
            429,
            &[],
            r#"{"code":"TooManyRequests","message":"Request rate is large"}"#,
            Some("TooManyRequests"),
            "Request rate is large",
        ),
        (
            400,
            &[],
            r#"{"odata.error":{"code":"evil\u001b[31m code","message":7}}"#,
            None,
            "",
        ),
    ] {
        let refusal = read(status, headers, body);
        assert_eq!(refusal.code.as_deref(), code, "{body}");
        assert_eq!(refusal.message, message, "{body}");
    }
}

#[test]
fn the_header_wins_over_the_body() {
    let refusal = read(
        409,
        &[("x-ms-error-code", "A")],
        r#"{"odata.error":{"code":"B","message":{"value":"m"}}}"#,
    );
    assert!(refusal.is("A"));
}

#[test]
fn the_index_of_a_failed_operation_is_read_off_the_message() {
    for (message, index, rest) in [
        (
            "1:The specified entity already exists.",
            Some(1),
            "The specified entity already exists.",
        ),
        ("99:x", Some(99), "x"),
        ("x:1", None, "x:1"),
        (":x", None, ":x"),
        ("99999999999999999999999:x", None, "x"),
    ] {
        let body =
            serde_json::json!({"odata.error": {"code": "C", "message": {"value": message}}}).to_string();
        let refusal = read(409, &[], &body);
        assert_eq!(
            (refusal.index, refusal.message.as_str()),
            (index, rest),
            "{message}"
        );
    }
}

#[test]
fn the_message_of_an_error_names_status_code_and_request() {
    let error = read(
        503,
        &[("x-ms-request-id", "r-1"), ("x-ms-error-code", "ServerBusy")],
        "",
    )
    .into_error("write to table T");
    assert_eq!(error.to_string(), "write to table T: 503 ServerBusy, request r-1");
}

#[test]
fn a_wait_is_read_in_all_its_forms_and_bounded() {
    for (headers, expected) in [
        (&[("retry-after", "20")][..], Some(Duration::from_secs(20))),
        (
            &[("retry-after", "Fri, 20 Nov 2026 12:00:30 GMT")],
            Some(Duration::from_secs(30)),
        ),
        (
            &[("retry-after", "Fri, 20 Nov 2020 12:00:30 GMT")],
            Some(Duration::ZERO),
        ),
        (&[("retry-after", "315360000")], Some(retry_after::CAP)),
        (&[("retry-after", "-1")], None),
        (&[("retry-after", "soon")], None),
        (
            &[("x-ms-retry-after-ms", "250"), ("retry-after", "20")],
            Some(Duration::from_millis(250)),
        ),
        (&[], None),
    ] {
        assert_eq!(read(503, headers, "").retry_after, expected, "{headers:?}");
    }
}

#[test]
fn a_refused_signature_with_a_clock_that_is_off_blames_the_clock() {
    let error = read(
        403,
        &[
            ("date", "Fri, 20 Nov 2026 12:20:00 GMT"),
            ("x-ms-error-code", "AuthenticationFailed"),
        ],
        "",
    )
    .into_error("query table T");
    assert!(
        error
            .hint_text()
            .is_some_and(|hint| hint.contains("20 minutes behind")),
        "{:?}",
        error.hint_text()
    );
    let error = read(
        403,
        &[
            ("date", "Fri, 20 Nov 2026 12:01:00 GMT"),
            ("x-ms-error-code", "AuthenticationFailed"),
        ],
        "",
    )
    .into_error("query table T");
    assert!(
        error
            .hint_text()
            .is_some_and(|hint| hint.contains("renew the key")),
        "{:?}",
        error.hint_text()
    );
}

#[test]
fn a_table_that_is_being_deleted_is_waited_for() {
    let error = read(409, &[("x-ms-error-code", "TableBeingDeleted")], "").into_error("create table T");
    assert!(error.wait().is_some_and(|wait| wait >= Duration::from_secs(40)));
}
