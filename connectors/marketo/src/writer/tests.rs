//! How records are cut into calls.

use serde_json::json;

use super::*;

fn piece(at: usize, fields: Value) -> Piece {
    let Value::Object(fields) = fields else {
        panic!("an object")
    };
    Piece {
        at,
        attempt: 0,
        anew: Fields::new(),
        order: Order::ByField("email".into()),
        fields,
        otherwise: None,
    }
}

fn sizes(pieces: Vec<Piece>) -> Vec<usize> {
    calls(pieces).iter().map(Vec::len).collect()
}

#[test]
fn no_call_has_more_than_300_records() {
    let pieces = (0..1_000).map(|n| piece(n, json!({ "email": format!("{n}@contoso.com") })));
    assert_eq!(sizes(pieces.collect()), [300, 300, 300, 100]);
}

#[test]
fn no_body_comes_near_a_megabyte() {
    let pieces = (0..100).map(|n| {
        piece(
            n,
            json!({ "email": format!("{n}@contoso.com"), "note": "x".repeat(30_000) }),
        )
    });
    let cut = calls(pieces.collect());
    assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [33, 33, 33, 1]);
    for call in cut {
        let bytes: usize = call.iter().map(|piece| size(&piece.fields)).sum();
        assert!(bytes <= LARGEST_INPUT);
    }
}

#[test]
fn one_address_is_never_twice_in_one_input_however_it_is_written() {
    let pieces = ["a@contoso.com", "A@Contoso.com", "b@contoso.com"]
        .into_iter()
        .enumerate()
        .map(|(at, email)| piece(at, json!({ "email": email })));
    assert_eq!(sizes(pieces.collect()), [2, 1]);
}

#[test]
fn each_way_of_finding_people_has_its_own_calls() {
    let mut by_id = piece(0, json!({ "id": 7, "email": "a@contoso.com" }));
    by_id.order = Order::ById;
    let by_email = piece(1, json!({ "email": "a@contoso.com" }));
    assert_eq!(sizes(vec![by_id, by_email]), [1, 1]);
}
