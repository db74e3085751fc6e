//! Requests as they go to the wire.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn row(lead: LeadId) -> Row {
    Row {
        delivery: 0,
        lead,
        columns: json!({ "subject": "a" }).as_object().unwrap().clone(),
        was_held: false,
        update_only: false,
        detect: false,
        attempt: 0,
        anew: None,
    }
}

fn said(operation: &Operation, name: &str) -> Option<String> {
    let found = operation
        .headers
        .iter()
        .find(|(header, _)| header.as_str() == name);
    found.map(|(_, value)| value.to_str().unwrap().to_owned())
}

proptest! {
    #[test]
    fn fact_3_a_key_holds_nothing_that_does_not_work_in_a_url(bytes: [u8; 16]) {
        let lead = LeadId::from_bytes(bytes);
        let name = Key::new("lsync_marketplaceleadid").of(lead);
        let value = name
            .strip_prefix("leads(lsync_marketplaceleadid='")
            .and_then(|rest| rest.strip_suffix("')"))
            .unwrap();
        prop_assert_eq!(value.len(), 32);
        // Lower-case hex: two ids that differ by case alone would be one record.
        prop_assert!(value.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
        prop_assert_eq!(value.parse::<LeadId>().unwrap(), lead);
    }

    #[test]
    fn a_key_reaches_the_wire_as_it_is_written(bytes: [u8; 16]) {
        let patch = row(LeadId::from_bytes(bytes)).patch(&Key::new("lsync_marketplaceleadid"));
        let url = format!("https://contoso.crm.dynamics.com/api/data/v9.2/{}", patch.path);
        let uri: http::Uri = url.parse().unwrap();
        let sent = url::Url::parse(&uri.to_string()).unwrap();
        prop_assert_eq!(sent.as_str(), url);
    }
}

#[test]
fn the_key_column_is_in_the_url_and_never_in_the_body() {
    let lead = LeadId::from_bytes([7; 16]);
    let key = Key::new("lsync_marketplaceleadid");
    let patch = row(lead).patch(&key);
    assert_eq!(patch.body.as_deref(), Some(r#"{"subject":"a"}"#));
    assert!(patch.path.contains("lsync_marketplaceleadid='07070707"));
}

#[test]
fn fact_1_an_upsert_asks_for_the_records_id() {
    let patch = row(LeadId::from_bytes([7; 16])).patch(&Key::new("lsync_marketplaceleadid"));
    assert_eq!(said(&patch, "prefer").as_deref(), Some("return=representation"));
    assert!(patch.path.ends_with("?$select=leadid"));
}

#[test]
fn fact_9_detection_is_switched_on_by_false_and_only_where_it_is_wanted() {
    let key = Key::new("lsync_marketplaceleadid");
    let wanted = Row {
        detect: true,
        ..row(LeadId::from_bytes([7; 16]))
    };
    assert_eq!(
        said(&wanted.patch(&key), "mscrm.suppressduplicatedetection").as_deref(),
        Some("false")
    );
    let unwanted = row(LeadId::from_bytes([7; 16]));
    assert_eq!(
        said(&unwanted.patch(&key), "mscrm.suppressduplicatedetection"),
        None
    );
}

#[test]
fn a_record_that_was_named_before_is_changed_and_never_made_again() {
    let key = Key::new("lsync_marketplaceleadid");
    let held = Row {
        update_only: true,
        ..row(LeadId::from_bytes([7; 16]))
    };
    assert_eq!(said(&held.patch(&key), "if-match").as_deref(), Some("*"));
    assert_eq!(
        said(&row(LeadId::from_bytes([7; 16])).patch(&key), "if-match"),
        None
    );
}

#[test]
fn a_target_of_upsert_multiple_names_its_type_and_its_key() {
    let lead = LeadId::from_bytes([0xab; 16]);
    let target = row(lead).target(&Key::new("lsync_marketplaceleadid"));
    assert_eq!(
        target,
        json!({
            "subject": "a",
            "@odata.type": "Microsoft.Dynamics.CRM.lead",
            "@odata.id": format!("leads(lsync_marketplaceleadid='{}')", "ab".repeat(16)),
        })
    );
}
