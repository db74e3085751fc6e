//! Each referral with its own bytes, and one reference for one version.

use super::*;

fn fixture(name: &str) -> Bytes {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/referrals");
    std::fs::read(format!("{folder}/{name}.json")).unwrap().into()
}

fn answer(body: impl Into<Bytes>) -> Response {
    http::Response::new(body.into())
}

#[test]
fn items_of_a_page_keep_exactly_their_bytes() {
    let one = r#"{ "id" : "A-1",  "createdDateTime":"2024-05-01T08:15:30Z", "eTag": "\"x\"", "n": 1.0 , "ü":"\u00fc" }"#;
    let page = page(
        &answer(format!("{{\"@odata.count\":1,\"value\":[ {one} ]}}")),
        "list",
    )
    .unwrap();
    assert_eq!(page.items[0].raw.body, one.as_bytes());
    assert_eq!(page.items[0].raw.reference.as_deref(), Some("a-1 \"x\""));
    assert_eq!(page.next, None);
}

#[test]
fn the_documented_page_is_read_with_its_link() {
    let page = page(&answer(fixture("list_page_with_next_link")), "list").unwrap();
    assert_eq!(page.items.len(), 2);
    assert!(page.items.iter().all(|item| item.referral.is_some()));
    assert!(
        page.next
            .unwrap()
            .starts_with("http://api.partner.microsoft.com/v1.0/referrals?$skiptoken=")
    );
    let empty = super::page(&answer(fixture("list_page_empty")), "list").unwrap();
    assert!(empty.items.is_empty() && empty.next.is_none());
}

#[test]
fn the_same_version_has_the_same_reference_alone_and_in_a_list() {
    let alone = fetched(&answer(fixture("referral_new_pending_direct_lead")), "read").unwrap();
    let listed = page(&answer(fixture("list_page_with_next_link")), "list").unwrap();
    assert_eq!(alone.raw.reference, listed.items[0].raw.reference);
    assert_eq!(
        alone.raw.reference.as_deref(),
        Some("61c65492-0000-4000-8000-3654499bc1da \"84001c9d-0000-0100-0000-6631fa220000\"")
    );
    assert_eq!(alone.raw.occurred_at, Some(alone.referral.updated_at));
}

#[test]
fn what_cannot_be_read_is_kept_under_a_name_of_its_own() {
    let page = page(&answer(r#"{"value":[{"odd":1},{"odd":2},null]}"#), "list").unwrap();
    let names: std::collections::BTreeSet<_> = page
        .items
        .iter()
        .map(|item| item.raw.reference.clone().unwrap())
        .collect();
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|name| name.starts_with("unreadable ")));
    assert_eq!(page.items[2].raw.body, "null");
}

#[test]
fn an_etag_may_stand_in_the_header_alone() {
    let body = r#"{"id":"A-1","createdDateTime":"2024-05-01T08:15:30Z"}"#;
    let mut told = answer(body);
    told.headers_mut().insert(ETAG, "\"h\"".parse().unwrap());
    let one = fetched(&told, "read").unwrap();
    assert_eq!(
        (one.referral.etag.as_str(), one.raw.reference.as_deref()),
        ("\"h\"", Some("a-1 \"h\""))
    );
}

#[test]
fn what_is_no_list_and_no_referral_is_refused_without_being_quoted() {
    for body in ["[]", "{}", r#"{"value":"sue.smith@fabrikam.example"}"#] {
        let error = page(&answer(body), "list referrals").unwrap_err();
        assert_eq!(error.to_string(), "list referrals: the answer is not a list");
    }
    let error = fetched(&answer(r#"{"id":"../x"}"#), "read a referral").unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Broken, "read a referral: the referral has no id")
    );
}
