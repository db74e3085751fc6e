//! What is told of a lead and its referral, whatever state they are in.

use connector_kit::{ErrorKind, Stage};

use super::super::samples::{clock, hour, lead, noon, referral, report, said, step};
use super::*;
use crate::store::{ClockEnd, ClockKind, DestinationGate, DestinationStatus, Failure};

fn whole() -> Whole {
    Whole {
        lead: lead(),
        said: Vec::new(),
        referrals: Vec::new(),
        others: Vec::new(),
        clocks: Vec::new(),
        systems: Vec::new(),
    }
}

fn system(name: &str, gate: DestinationGate) -> DestinationStatus {
    DestinationStatus {
        gate,
        ..DestinationStatus::idle(name.into())
    }
}

fn parked() -> DestinationGate {
    DestinationGate::Parked {
        reason: "401".to_owned(),
        hint: "renew the credentials".to_owned(),
    }
}

/// With this referral, and its report in this state.
fn reported(standing: &str, state: Option<&'static str>) -> Whole {
    let mut story = referral(standing);
    story.report = state.map(report);
    Whole {
        referrals: vec![story],
        ..whole()
    }
}

#[test]
fn the_sentence_says_how_both_sides_stand() {
    for (told, part) in [
        (whole(), "is delivered"),
        (
            Whole {
                said: vec![said(Stage::Won)],
                ..whole()
            },
            "is delivered; crm says won",
        ),
        (
            reported("New/Received", None),
            "referral 7c0e6f9a is New/Received",
        ),
        (
            reported("Closed/Won", Some("settled")),
            "is Closed/Won, and both sides agree",
        ),
        (
            reported("Active/Accepted", Some("due")),
            "and its report is on its way",
        ),
        (
            reported("Active/Accepted", Some("waiting")),
            "its report waits: a co-sell deal",
        ),
        (
            reported("New/Pending", Some("refused")),
            "could not be reported: to accept it, there is no deal value",
        ),
    ] {
        let sentence = stand::of(&told, noon()).sentence;
        assert!(sentence.contains(part), "{part}: {sentence}");
    }
}

#[test]
fn nothing_is_to_be_done_where_nothing_is_for_a_person() {
    let quiet = [
        whole(),
        reported("Active/Accepted", Some("due")),
        reported("Active/Accepted", Some("waiting")),
        reported("New/Received", Some("leased")),
        reported("Closed/Won", Some("settled")),
        Whole {
            systems: vec![system("crm", parked())],
            ..whole()
        },
        Whole {
            clocks: vec![clock(ClockKind::FollowUp, Some(ClockEnd::Met(hour(30))))],
            ..whole()
        },
    ];
    for (number, told) in quiet.iter().enumerate() {
        assert_eq!(
            stand::of(told, hour(40)).to_do,
            Vec::<String>::new(),
            "case {number}"
        );
    }
}

#[test]
fn what_is_in_the_way_of_everything_is_told_first() {
    let mut told = reported("New/Received", Some("refused"));
    told.clocks = vec![clock(ClockKind::Answer, None), clock(ClockKind::FollowUp, None)];
    told.systems = vec![system("crm", parked()), system("partner", DestinationGate::Open)];
    told.lead.deliveries[0].state = "due".to_owned();
    let mut dead = told.lead.deliveries[0].clone();
    dead.destination = "archive".into();
    dead.state = "dead".to_owned();
    dead.failures = vec![(
        noon(),
        Failure {
            kind: ErrorKind::Rejected,
            what: "write: 400".to_owned(),
            hint: "correct the field mapping, then requeue".to_owned(),
            answer: Some("no such country".to_owned()),
        },
    )];
    told.lead.deliveries.push(dead);
    let to_do = stand::of(&told, hour(25)).to_do;
    let begin = [
        "crm is parked (401): renew",
        "archive did not take it: correct the field mapping; then: leadsync dead-letters requeue",
        "fill it in, in the CRM",
        "the answer clock is overdue",
        "the follow-up clock is overdue",
    ];
    assert_eq!(to_do.len(), begin.len(), "{to_do:?}");
    for (what, begin) in to_do.iter().zip(begin) {
        assert!(what.starts_with(begin), "{begin}: {what}");
    }
}

#[test]
fn a_new_referral_is_to_be_answered_as_long_as_it_can_be() {
    let open = reported("New/Pending", None);
    let to_do = stand::of(&open, hour(25)).to_do;
    assert_eq!(to_do.len(), 1);
    assert!(to_do[0].contains("until 2026-12-04 12:00 UTC"), "{to_do:?}");
    assert!(
        to_do[0].contains("leadsync referral accept 7c0e6f9a"),
        "{to_do:?}"
    );
    assert_eq!(stand::of(&open, hour(337)).to_do, Vec::<String>::new());
    // The clock that runs out says the same, and is not told twice.
    let late = Whole {
        clocks: vec![clock(ClockKind::Answer, None)],
        ..reported("New/Pending", None)
    };
    assert_eq!(stand::of(&late, hour(20)).to_do.len(), 1);
}

#[test]
fn the_history_is_told_in_the_order_of_time_both_ways() {
    let mut told = reported("New/Received", Some("settled"));
    told.said = vec![said(Stage::Accepted)];
    told.referrals[0].steps = vec![step(hour(1) + chrono::TimeDelta::minutes(1), "done", "")];
    told.clocks = vec![clock(ClockKind::FollowUp, None)];
    told.lead.deliveries[0].failures = vec![(
        noon() + chrono::TimeDelta::seconds(30),
        Failure {
            kind: ErrorKind::Broken,
            what: "write: 500".to_owned(),
            hint: "see the attempts".to_owned(),
            answer: None,
        },
    )];
    let history = history::of(&told);
    let kinds: Vec<&str> = history.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            "arrival", "clock", "attempt", "referral", "delivery", "crm", "report", "report", "clock"
        ]
    );
    assert!(history.is_sorted_by_key(|event| event.at));
    assert_eq!(history[2].notes, ["-> see the attempts"]);
    assert_eq!(history[4].what, "delivered, revision 1 of 1, record 00Q1");
    assert_eq!(history[6].what, "accept: done (status)");
    assert_eq!(history[8].what, "follow-up: the time is over");
}

#[test]
fn a_program_is_told_the_same_and_no_person_is_in_it() {
    let mut told = reported("New/Received", None);
    told.clocks = vec![clock(ClockKind::FollowUp, None)];
    let value = told.as_json(hour(1));
    assert_eq!(value["referrals"][0]["state"], "New/Received");
    assert_eq!(value["history"].as_array().map(Vec::len), Some(5));
    assert_eq!(value["to_do"].as_array().map(Vec::len), Some(1));
    assert_eq!(value["clocks"][0]["state"], "ok");
    let person = &told.lead.row.lead.person;
    for said in [
        &person.first_name,
        &person.last_name,
        &person.email,
        &person.phone,
    ] {
        let text = said.as_ref().map(|said| said.value.clone()).unwrap();
        assert!(!value.to_string().contains(&text), "{text}");
    }
}
