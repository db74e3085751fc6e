//! Where a lead goes, and why it goes nowhere.

use crate::normalize::{Reason, Unreadable};

use super::*;

#[test]
fn a_new_lead_that_must_not_be_contacted_goes_nowhere() {
    let mut known = BTreeMap::new();
    let settlement = settle(&mut known, &[ada("DNC", "p.o", 0)], true);
    assert_eq!(settlement.leads[0].suppression, Some(Suppression::DoNotContact));
    assert!(settlement.leads[0].routes.is_empty() && settlement.leads[0].lead.dnc);
    let later = settle(&mut known, &[ada("PLT", "p.o", 1)], true);
    assert_eq!(
        (later.leads[0].suppression, later.leads[0].routes.len()),
        (Some(Suppression::DoNotContact), 0)
    );
    assert!(later.leads[0].lead.dnc);
}

#[test]
fn do_not_contact_closes_a_lead_that_was_on_its_way() {
    let mut known = BTreeMap::new();
    let open = settle(&mut known, &[ada("PLT", "p.o", 0)], true);
    assert_eq!(open.leads[0].routes, [("crm".into(), Lane::Hot)]);
    let closed = settle(&mut known, &[ada("DNC", "p.o", 1)], true);
    let change = &closed.leads[0];
    assert_eq!(
        (change.revision, change.suppression, change.routes.len()),
        (2, Some(Suppression::DoNotContact), 0)
    );
}

#[test]
fn a_test_lead_goes_nowhere_and_is_never_merged() {
    let test = said(
        &json!({"UserDetails": {"FirstName": "MSFT_TEST_1", "Email": "MSFT_TEST_1@test.com"}}),
        0,
    );
    let mut known = BTreeMap::new();
    let settlement = settle(&mut known, &[test.clone(), test.clone()], true);
    assert_eq!(understood(&settlement), ["new", "new"]);
    assert!(
        settlement
            .leads
            .iter()
            .all(|change| change.suppression == Some(Suppression::TestLead) && change.routes.is_empty())
    );
    let rules = Rules {
        forward_test_leads: true,
        ..Rules::default()
    };
    let forwarded = plan(
        &[(InboxId(1), Ok(test))],
        &known,
        &rules,
        &mut |_, _| lead_id(1),
        &|_| vec!["crm".into()],
    );
    assert_eq!(
        (forwarded.leads[0].suppression, forwarded.leads[0].routes.len()),
        (None, 1)
    );
}

#[test]
fn a_lead_without_a_route_waits_for_one() {
    let mut known = BTreeMap::new();
    let nowhere = settle(&mut known, &[ada("XYZ", "p.o", 0)], false);
    assert_eq!(nowhere.leads[0].suppression, Some(Suppression::NoRoute));
    let found = settle(&mut known, &[ada("XYZ", "p.o", 1)], true);
    assert_eq!(
        (found.leads[0].suppression, &found.leads[0].routes[..]),
        (None, &[("crm".into(), Lane::Live)][..])
    );
    let update = settle(&mut known, &[ada("XYZ", "p.other", 2)], true);
    assert_eq!(update.leads[0].routes, [("crm".into(), Lane::Update)]);
    let hot = settle(&mut known, &[ada("PLT", "p.o", 3)], true);
    assert_eq!(hot.leads[0].routes, [("crm".into(), Lane::Hot)]);
    let unrouted = settle(&mut known, &[ada("INS", "p.o", 4)], false);
    assert_eq!(
        (unrouted.leads[0].suppression, unrouted.leads[0].routes.len()),
        (None, 0)
    );
}

#[test]
fn what_nobody_can_read_is_quarantined_and_its_neighbours_go_on() {
    let batch = vec![
        (InboxId(1), Err(Unreadable::from(Reason::NotJson).to_string())),
        (InboxId(2), Ok(ada("INS", "p.o", 0))),
    ];
    let settlement = plan(
        &batch,
        &BTreeMap::new(),
        &Rules::default(),
        &mut |_, _| lead_id(1),
        &|_| Vec::new(),
    );
    assert_eq!(understood(&settlement), ["quarantined", "new"]);
    assert_eq!(settlement.leads.len(), 1);
}
