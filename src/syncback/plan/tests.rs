//! Every stage of the CRM against every state of the referral.

use chrono::TimeDelta;
use connector_kit::ids::AccountName;
use connector_kit::lead::{Person, Said};
use connector_kit::referral::{Deal, Member};
use connector_kit::{DealValue, LeadId, Subject};

use super::*;

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub(in crate::syncback) fn referral(state: &str) -> Referral {
    Referral {
        id: "r-1".parse().unwrap(),
        engagement: String::new(),
        state: ReferralState::from(state.to_owned()),
        reason: String::new(),
        name: "Fabrikam - inquiry".to_owned(),
        kind: ReferralKind::CustomerInquiry,
        ours: true,
        incoming: true,
        etag: "\"1\"".to_owned(),
        created_at: noon() - TimeDelta::days(1),
        updated_at: noon() - TimeDelta::days(1),
        expires_at: None,
        deal: Deal::default(),
        external_reference: String::new(),
        campaign: String::new(),
        favourite: false,
        wants_contact: true,
        consent: connector_kit::referral::Consent::default(),
        team: Vec::new(),
        help: String::new(),
        msx_id: String::new(),
        solutions: Vec::new(),
    }
}

pub(in crate::syncback) fn lead() -> Lead {
    let company = Said {
        value: "Fabrikam".to_owned(),
        raw: None,
        normal: true,
        at: noon(),
    };
    Lead {
        id: LeadId::new(1, &[1; 10]),
        account: AccountName::new("default"),
        person: Person {
            company: Some(company),
            ..Person::default()
        },
        intent: connector_kit::lead::Intent::ContactMe,
        dnc: false,
        first_at: noon(),
        last_at: noon(),
        touches: Vec::new(),
        referrals: Vec::new(),
    }
}

/// What the CRM says, whole.
pub(in crate::syncback) fn says(stage: Stage) -> Outcome {
    Outcome {
        lead: None,
        record: RecordRef("006-1".to_owned()),
        subject: Subject::Deal,
        stage,
        state: format!("{stage:?} there"),
        value: Some(DealValue {
            amount: "25000".parse().unwrap(),
            currency: Some("eur".to_owned()),
        }),
        closes_on: "2026-12-31".parse().ok(),
        reason: None,
        owned: false,
        changed_at: noon(),
    }
}

fn bare(stage: Stage) -> Outcome {
    Outcome {
        value: None,
        closes_on: None,
        ..says(stage)
    }
}

fn decided(outcome: &Outcome, referral: &Referral, policy: &Policy) -> Decision {
    decide(&Case {
        lead: &lead(),
        link: Link::Own,
        outcome: Some(outcome),
        referral,
        agreed: None,
        policy,
        now: noon(),
    })
}

/// The decision in a word: the steps, or what else.
fn told(decision: &Decision) -> String {
    let word = |change: &ReferralChange| change.step.map_or("edit", ReferralMove::as_str);
    match decision {
        Decision::Agree(_) => "agree".to_owned(),
        Decision::Write(steps, _) => steps.iter().map(word).collect::<Vec<_>>().join("+"),
        Decision::Refuse(_) => "refuse".to_owned(),
        Decision::Wait(..) => "wait".to_owned(),
    }
}

#[test]
fn every_stage_meets_every_state_legally() {
    use Stage::{Accepted, Declined, Gone, Lost, Open, Won};
    let stages = [Open, Accepted, Declined, Won, Lost, Gone];
    let table = [
        (
            "New/Pending",
            ["agree", "accept", "decline", "accept+win", "accept+lose", "agree"],
        ),
        (
            "New/Received",
            ["agree", "accept", "decline", "accept+win", "accept+lose", "agree"],
        ),
        (
            "Active/Accepted",
            ["agree", "edit", "lose", "win", "lose", "agree"],
        ),
        (
            "Active/Engaged",
            ["agree", "edit", "lose", "win", "lose", "agree"],
        ),
        (
            "Active/Unheard",
            ["agree", "edit", "lose", "win", "lose", "agree"],
        ),
        (
            "Closed/Won",
            ["agree", "agree", "refuse", "agree", "refuse", "agree"],
        ),
        (
            "Closed/Lost",
            ["agree", "agree", "agree", "refuse", "agree", "agree"],
        ),
        (
            "Closed/Declined",
            ["agree", "refuse", "agree", "refuse", "agree", "agree"],
        ),
        (
            "Closed/Expired",
            ["agree", "refuse", "refuse", "refuse", "refuse", "agree"],
        ),
        (
            "Closed/Error",
            ["agree", "refuse", "refuse", "refuse", "refuse", "agree"],
        ),
        (
            "Some/Thing",
            ["agree", "refuse", "refuse", "refuse", "refuse", "agree"],
        ),
    ];
    for (state, expected) in table {
        let found = stages.map(|stage| told(&decided(&says(stage), &referral(state), &Policy::default())));
        assert_eq!(found, expected, "{state}");
    }
}

#[test]
fn no_step_of_any_plan_is_illegal_where_it_is_taken() {
    let states = [
        "New/Pending",
        "New/Received",
        "Active/Accepted",
        "Active/Engaged",
        "Closed/Won",
        "X/Y",
    ];
    for state in states {
        for stage in [Stage::Accepted, Stage::Declined, Stage::Won, Stage::Lost] {
            for outcome in [says(stage), bare(stage)] {
                let Decision::Write(steps, _) = decided(&outcome, &referral(state), &Policy::default())
                else {
                    continue;
                };
                let mut at = ReferralState::from(state.to_owned());
                for step in steps.iter().filter_map(|change| change.step) {
                    assert!(step.is_legal_from(&at), "{step:?} from {at}");
                    at = step.target();
                }
            }
        }
    }
}

#[test]
fn an_acceptance_carries_everything_partner_center_needs() {
    let policy = Policy {
        notes: Some("Qualified.".to_owned()),
        campaign: Some("spring".to_owned()),
        team: vec![Member {
            email: "jane@contoso.example".to_owned(),
            ..Member::default()
        }],
        ..Policy::default()
    };
    let nameless = Referral {
        name: String::new(),
        ..referral("New/Pending")
    };
    let Decision::Write(steps, _) = decided(&says(Stage::Accepted), &nameless, &policy) else {
        panic!("it is accepted");
    };
    let accept = &steps[0];
    assert_eq!(
        accept.fields(),
        [
            "status",
            "name",
            "value",
            "currency",
            "closes-on",
            "notes",
            "crm-id",
            "campaign",
            "team"
        ]
    );
    assert_eq!(accept.name.as_deref(), Some("Fabrikam"));
    assert_eq!(accept.currency.as_deref(), Some("EUR"));
    assert_eq!(accept.external_reference.as_deref(), Some("006-1"));
}

#[test]
fn what_is_missing_is_named_and_nothing_is_sent() {
    let Decision::Refuse(refusal) = decided(&bare(Stage::Won), &referral("New/Pending"), &Policy::default())
    else {
        panic!("it cannot be accepted");
    };
    assert_eq!(
        refusal.reason,
        "to accept it, there is no deal value, no currency, no closing date"
    );
    assert!(
        refusal.hint.contains("leadsync referral accept r-1"),
        "{}",
        refusal.hint
    );
}

#[test]
fn what_the_referral_says_itself_need_not_come_from_the_crm() {
    let mut told_by_the_seller = referral("New/Pending");
    told_by_the_seller.deal = Deal {
        value: "9000".parse().ok(),
        currency: Some("USD".to_owned()),
        closes_at: "2026-12-01T00:00:00Z".parse().ok(),
        notes: String::new(),
    };
    let decision = decided(&bare(Stage::Accepted), &told_by_the_seller, &Policy::default());
    assert_eq!(told(&decision), "accept");
}

#[test]
fn a_value_without_a_currency_takes_the_configured_one() {
    let outcome = Outcome {
        value: Some(DealValue {
            amount: "5".parse().unwrap(),
            currency: None,
        }),
        ..says(Stage::Accepted)
    };
    let refused = decided(&outcome, &referral("New/Pending"), &Policy::default());
    assert!(matches!(refused, Decision::Refuse(refusal) if refusal.reason.ends_with("no currency")));
    let policy = Policy {
        currency: Some("USD".to_owned()),
        ..Policy::default()
    };
    assert_eq!(
        told(&decided(&outcome, &referral("New/Pending"), &policy)),
        "accept"
    );
}

#[test]
fn what_is_lost_before_anybody_could_accept_it_is_declined_with_the_reason() {
    let outcome = Outcome {
        reason: Some("Budget".to_owned()),
        ..bare(Stage::Lost)
    };
    let Decision::Write(steps, _) = decided(&outcome, &referral("New/Received"), &Policy::default()) else {
        panic!("it is declined");
    };
    assert_eq!(steps[0].step, Some(ReferralMove::Decline));
    assert_eq!(steps[0].reason.as_deref(), Some("Budget"));
}

#[test]
fn a_co_sell_deal_is_accepted_at_once_and_won_after_72_hours() {
    let co_sell = |state, hours| Referral {
        kind: ReferralKind::CoSell,
        created_at: noon() - TimeDelta::hours(hours),
        ..referral(state)
    };
    let at = |state, hours| decided(&says(Stage::Won), &co_sell(state, hours), &Policy::default());
    assert_eq!(told(&at("New/Pending", 1)), "accept+win");
    let wait = at("Active/Accepted", 1);
    assert!(matches!(wait, Decision::Wait(until, _) if until == noon() + TimeDelta::hours(71)));
    assert_eq!(told(&at("Active/Accepted", 72)), "win");
}

#[test]
fn an_unlinked_referral_is_refused_with_the_command_that_links_it() {
    let new = referral("New/Pending");
    for (link, stage, expected) in [
        (Link::KnownBefore, Stage::Won, "refuse"),
        (Link::OtherReferral, Stage::Accepted, "refuse"),
        (Link::UnlinkedByHand, Stage::Lost, "refuse"),
        (Link::KnownBefore, Stage::Open, "agree"),
        (Link::ByHand, Stage::Won, "accept+win"),
        (Link::Matched, Stage::Won, "accept+win"),
    ] {
        let decision = decide(&Case {
            lead: &lead(),
            link,
            outcome: Some(&says(stage)),
            referral: &new,
            agreed: None,
            policy: &Policy::default(),
            now: noon(),
        });
        assert_eq!(told(&decision), expected, "{link:?} {stage:?}");
        if let Decision::Refuse(refusal) = decision {
            assert!(
                refusal.hint.contains("leadsync referral link r-1"),
                "{}",
                refusal.hint
            );
        }
    }
}

#[test]
fn only_an_owned_whole_lead_is_accepted_by_itself_and_only_when_asked_for() {
    let auto = Policy {
        auto_accept: true,
        ..Policy::default()
    };
    let owned = |outcome| Outcome {
        owned: true,
        ..outcome
    };
    let open = Stage::Open;
    let new = referral("New/Pending");
    let table = [
        (owned(says(open)), &auto, "accept"),
        (owned(says(open)), &Policy::default(), "agree"),
        (says(open), &auto, "agree"),
        (owned(bare(open)), &auto, "agree"),
    ];
    for (outcome, policy, expected) in table {
        assert_eq!(told(&decided(&outcome, &new, policy)), expected, "{outcome:?}");
    }
    let forbidden = Lead { dnc: true, ..lead() };
    let decision = decide(&Case {
        lead: &forbidden,
        link: Link::Own,
        outcome: Some(&owned(says(open))),
        referral: &new,
        agreed: None,
        policy: &auto,
        now: noon(),
    });
    assert_eq!(
        told(&decision),
        "agree",
        "nobody is accepted who must not be contacted"
    );
}

#[test]
fn what_both_sides_say_alike_is_not_written() {
    let mut same = referral("Active/Accepted");
    same.deal = Deal {
        value: "25000.00".parse().ok(),
        currency: Some("EUR".to_owned()),
        closes_at: "2026-12-30T23:00:00Z".parse().ok(),
        notes: String::new(),
    };
    let decision = decided(&says(Stage::Accepted), &same, &Policy::default());
    assert_eq!(decision, Decision::Agree(Vec::new()));
}
