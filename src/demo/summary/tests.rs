//! What is added up, and what is noticed about it.

use connector_kit::LeadId;
use connector_kit::ids::AccountName;
use connector_kit::lead::{Intent, Lead, Person};

use super::*;
use crate::store::{InboxId, LeadRow};

fn counted<'a>(
    totals: &'a Totals,
    referrals: &'a ReferralTotals,
    stories: &'a [LeadStory],
    times: &'a [TimeDelta],
) -> Counted<'a> {
    Counted {
        totals,
        referrals,
        stories,
        standings: Standings::default(),
        times,
    }
}

/// A lead with these arrivals: source, and what became of it.
fn story(arrivals: &[(&str, &str)]) -> LeadStory {
    let at = chrono::DateTime::UNIX_EPOCH;
    let arrival = |(number, (source, what)): (usize, &(&str, &str))| {
        let id = InboxId(i64::try_from(number).unwrap());
        (id, SourceName::new(*source), at, (*what).to_owned())
    };
    LeadStory {
        row: LeadRow {
            lead: Lead {
                id: LeadId::from_bytes([7; 16]),
                account: AccountName::new("default"),
                person: Person::default(),
                intent: Intent::Unknown,
                dnc: false,
                first_at: at,
                last_at: at,
                touches: Vec::new(),
                referrals: Vec::new(),
            },
            revision: 1,
            fate: String::new(),
            revised_at: at,
        },
        spans: Vec::new(),
        arrivals: arrivals.iter().enumerate().map(arrival).collect(),
        deliveries: Vec::new(),
    }
}

#[test]
fn versions_of_referrals_are_not_counted_as_posted_bodies() {
    let totals = Totals {
        accepted: 9,
        repeats: 4,
        merged: 2,
        ..Totals::default()
    };
    let stories = [
        story(&[
            ("marketplace", "new lead"),
            ("marketplace", "merged"),
            ("marketplace", "repeat"),
        ]),
        story(&[(NAME, "new lead"), (NAME, "repeat"), (NAME, "repeat")]),
        story(&[("marketplace", "new lead"), (NAME, "merged"), (NAME, "repeat")]),
    ];
    let summary = Summary::of(&counted(&totals, &ReferralTotals::default(), &stories, &[]));
    assert_eq!((summary.accepted, summary.repeats, summary.merged), (4, 1, 1));
}

#[test]
fn outcomes_are_what_partner_center_holds_and_refusals_what_the_store_holds() {
    let (totals, stories) = (Totals::default(), []);
    let referrals = ReferralTotals {
        won: 9,
        refused: 5,
        ..ReferralTotals::default()
    };
    let standings = Standings {
        new: 6,
        active: 7,
        won: 1,
        lost: 2,
        declined: 3,
        expired: 4,
    };
    let summary = Summary::of(&Counted {
        standings,
        ..counted(&totals, &referrals, &stories, &[])
    });
    let expected = Outcomes {
        won: 1,
        lost: 2,
        declined: 3,
        refused: 5,
        expired: 4,
    };
    assert_eq!(summary.outcomes, expected);
}

#[test]
fn every_count_that_differs_is_named() {
    let (totals, referrals) = (Totals::default(), ReferralTotals::default());
    let faults = Summary::of(&counted(&totals, &referrals, &[], &[])).faults();
    assert_eq!(faults.len(), 16);
    assert_eq!(faults[4], "delivered is 0 and should be 94");
    assert_eq!(faults[8], "won in the CRMs is 0 and should be 3");
    assert_eq!(faults[15], "expired is 0 and should be 1");
}

#[test]
fn a_percentile_is_a_time_that_was_measured() {
    let times: Vec<TimeDelta> = (1..=200).map(TimeDelta::milliseconds).collect();
    let found = [50, 99, 100].map(|percent| percentile(&times, percent).to_string());
    assert_eq!(found, ["100", "198", "200"]);
    assert_eq!(percentile(&times[..1], 99).to_string(), "1");
    assert_eq!(percentile(&[], 50).to_string(), "0");
}
