//! Every error of the fixtures, and who has to change.

use connector_kit::ErrorKind::{
    self, Broken, Conflict, Misconfigured, Rejected, Throttled, Unauthorized, Unreachable,
};

use super::*;

fn fixtures() -> Vec<Value> {
    let text = include_str!("../../../../tests/fixtures/salesforce/rest-errors.json");
    let all: Value = serde_json::from_str(text).unwrap();
    all["errors"].as_array().unwrap().clone()
}

fn answer(status: u64, body: &Value) -> Response {
    let bytes = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let mut response = Response::new(bytes.into());
    *response.status_mut() = http::StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
    response
}

fn read(fixture: &Value) -> (ConnectorError, Vec<Fault>) {
    let response = answer(fixture["status"].as_u64().unwrap(), &fixture["body"]);
    let faults = Fault::all(response.body());
    (refusal(&response, &faults, "write", DateTime::default()), faults)
}

#[test]
fn every_whole_request_error_tells_who_has_to_change() {
    let expected: [(&str, ErrorKind); 31] = [
        ("invalid-session-id", Unauthorized),
        ("session-not-valid-for-rest", Unauthorized),
        ("request-limit-exceeded", Throttled),
        ("concurrent-limit", Throttled),
        ("api-disabled", Unauthorized),
        ("required-field-missing", Rejected),
        ("string-too-long", Rejected),
        ("invalid-email-address", Rejected),
        ("restricted-picklist", Rejected),
        ("country-picklist", Rejected),
        ("duplicate-value", Rejected),
        ("duplicates-detected-block", Rejected),
        ("duplicates-detected-alert", Rejected),
        ("duplicates-detected-alert-newer-spelling", Rejected),
        ("field-custom-validation", Rejected),
        ("invalid-field", Misconfigured),
        ("external-id-in-body", Misconfigured),
        ("invalid-field-for-insert-update", Misconfigured),
        ("cannot-update-converted-lead", Rejected),
        ("entity-is-deleted", Rejected),
        ("not-found", Misconfigured),
        ("external-id-field-missing", Misconfigured),
        ("unable-to-lock-row", Conflict),
        ("server-unavailable", Throttled),
        ("malformed-query", Misconfigured),
        ("invalid-type", Misconfigured),
        ("invalid-query-locator", Broken),
        ("json-parser-error", Rejected),
        ("method-not-allowed", Misconfigured),
        ("txn-security-metering", Throttled),
        ("txn-security-no-access", Unauthorized),
    ];
    let fixtures = fixtures();
    for (name, kind) in expected {
        let fixture = fixtures.iter().find(|fixture| fixture["name"] == name).unwrap();
        assert_eq!(read(fixture).0.kind(), kind, "{name}");
    }
    let edge = fixtures
        .iter()
        .find(|fixture| fixture["name"] == "edge-420")
        .unwrap();
    assert_eq!(read(edge).0.kind(), Throttled);
    assert_eq!(fixtures.len(), expected.len() + 1, "every fixture has its line");
}

#[test]
fn without_a_code_the_status_decides() {
    for (status, kind) in [
        (401, Unauthorized),
        (403, Unauthorized),
        (404, Misconfigured),
        (405, Misconfigured),
        (406, Unreachable),
        (410, Misconfigured),
        (414, Misconfigured),
        (420, Throttled),
        (429, Throttled),
        (500, Broken),
        (502, Unreachable),
        (503, Throttled),
        (504, Unreachable),
    ] {
        let page = Value::String("<html>down</html>".to_owned());
        for body in [&Value::Null, &page] {
            let error = refusal(&answer(status, body), &[], "write", DateTime::default());
            assert_eq!(error.kind(), kind, "{status}");
        }
    }
}

#[test]
fn the_days_limit_rests_longer_than_a_busy_moment() {
    let of = |name: &str| {
        fixtures()
            .iter()
            .find(|fixture| fixture["name"] == name)
            .map(read)
            .unwrap()
            .0
    };
    assert_eq!(of("request-limit-exceeded").wait(), Some(Duration::from_mins(15)));
    assert_eq!(of("concurrent-limit").wait(), Some(Duration::from_secs(30)));
}

#[test]
fn records_say_status_code_where_requests_say_error_code() {
    let text = include_str!("../../../../tests/fixtures/salesforce/collections-upsert-mixed-200.json");
    let fixture: Value = serde_json::from_str(text).unwrap();
    let fault = Fault::read(&fixture["response"]["body"][2]["errors"][0]).unwrap();
    assert_eq!(fault.code, "REQUIRED_FIELD_MISSING");
    assert_eq!(fault.fields, ["Company"]);
    let error = fault.error("write lead", Place::Create);
    assert_eq!(error.kind(), Rejected);
    assert_eq!(error.to_string(), "write lead: REQUIRED_FIELD_MISSING (Company)");
    assert_eq!(
        error.answer_text(),
        Some("Required fields are missing: [Company]")
    );
}

#[test]
fn both_spellings_of_the_duplicate_result_are_read() {
    for name in [
        "duplicates-detected-block",
        "duplicates-detected-alert",
        "duplicates-detected-alert-newer-spelling",
    ] {
        let fixture = fixtures()
            .into_iter()
            .find(|fixture| fixture["name"] == name)
            .unwrap();
        let duplicate = read(&fixture).1[0].duplicate.clone().unwrap();
        assert_eq!(duplicate.leads, ["00Q5e0000000001EAA"], "{name}");
        assert_eq!(duplicate.may_save, name != "duplicates-detected-block", "{name}");
    }
}

#[test]
fn a_lock_hides_behind_automation() {
    let fault = Fault {
        code: "CANNOT_EXECUTE_FLOW_TRIGGER".to_owned(),
        message: "We can't save this record because a flow failed: UNABLE_TO_LOCK_ROW".to_owned(),
        ..Fault::default()
    };
    assert!(fault.is_lock());
    assert_eq!(fault.error("write lead", Place::Update).kind(), Conflict);
}

#[test]
fn a_right_that_one_record_lacks_parks_nobody() {
    let fault = Fault {
        code: "INSUFFICIENT_ACCESS_OR_READONLY".to_owned(),
        ..Fault::default()
    };
    assert_eq!(fault.error("write lead", Place::Update).kind(), Rejected);
    assert_eq!(fault.error("write lead", Place::Create).kind(), Unauthorized);
}

#[test]
fn what_quotes_a_lead_is_kept_for_the_operator_and_not_for_the_log() {
    let fixture = fixtures()
        .into_iter()
        .find(|fixture| fixture["name"] == "invalid-email-address")
        .unwrap();
    let (_, faults) = read(&fixture);
    let error = faults[0].error("write lead", Place::Create);
    assert!(!error.to_string().contains("not-an-email"), "{error}");
    assert!(error.answer_text().unwrap().contains("not-an-email"));
}
