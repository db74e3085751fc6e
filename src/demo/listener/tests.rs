//! What is told of referrals: each thing once, whoever hears of it first.

use std::sync::Arc;

use connector_kit::clock::ManualClock;
use connector_kit::ids::AccountName;
use connector_kit::lead::{Intent, Lead, Person};
use connector_kit::referral::read;
use connector_kit::{LeadId, Referral, ReferralState};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::store::{InboxId, Link, ReferralNote};
use crate::syncback::Refusal;

const NAME: &str = "partner-center";

struct World {
    listener: Listener,
    told: UnboundedReceiver<Heard>,
    referral: Referral,
}

impl World {
    fn new() -> Self {
        let (steps, told) = unbounded_channel();
        let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
        let body = include_bytes!("../../../tests/fixtures/referrals/referral_new_pending_direct_lead.json");
        Self {
            listener: Listener::new(clock, steps),
            told,
            referral: read::referral(body).unwrap().referral,
        }
    }

    fn understood(&self, what: fn(LeadId) -> Understood, state: ReferralState) {
        let id = LeadId::from_bytes([7; 16]);
        let at = DateTime::UNIX_EPOCH;
        let referral = Referral {
            state,
            ..self.referral.clone()
        };
        let change = LeadChange {
            lead: Arc::new(Lead {
                id,
                account: AccountName::new("default"),
                person: Person::default(),
                intent: Intent::ContactMe,
                dnc: false,
                first_at: at,
                last_at: at,
                touches: Vec::new(),
                referrals: vec![referral.clone()],
            }),
            identities: Vec::new(),
            before: None,
            revision: 1,
            canary: None,
            spans_gone: Vec::new(),
            spans: Vec::new(),
            suppression: None,
            routes: Vec::new(),
            referrals: vec![ReferralNote {
                source: SourceName::new(NAME),
                referral: Arc::new(referral),
                link: Link::Own,
            }],
            clocks: Vec::new(),
        };
        self.listener.settled(&Settlement {
            leads: vec![change],
            arrivals: vec![(InboxId(1), what(id))],
        });
    }

    fn stepped(&self, result: &str, state: ReferralState) {
        let step = ReportStep {
            at: DateTime::UNIX_EPOCH,
            step: "accept".to_owned(),
            fields: Vec::new(),
            result: result.to_owned(),
            detail: String::new(),
            state: Some(state),
        };
        self.listener
            .stepped(&SourceName::new(NAME), &self.referral.id, &step);
    }

    fn refused(&self, reason: &str) {
        let ended = Reported {
            lead: connector_kit::LeadId::from_bytes([7; 16]),
            end: End::Refused(Refusal::new(reason, "act")),
            plan: Vec::new(),
            steps: Vec::new(),
            order_refused: None,
            order_done: false,
            agreed: None,
            remind_crm: false,
        };
        self.listener
            .reported(&SourceName::new(NAME), &self.referral.id, &ended);
    }

    /// Everything told since this was asked last.
    fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Ok(heard) = self.told.try_recv() {
            told.push(match heard.step {
                Step::Referred { referral, who, .. } => {
                    format!("in {}, {}", referral.kind.as_str(), who.name)
                }
                Step::Stands { state, says, .. } => format!("{state}, {}", says.is_some()),
                Step::Unreported { why, .. } => why.reason,
                other => format!("{other:?}"),
            });
        }
        told
    }
}

#[test]
fn a_referral_comes_in_once_and_stands_anew_once_for_each_state() {
    let mut world = World::new();
    world.understood(Understood::New, ReferralState::Pending);
    assert_eq!(world.told(), ["in customer-inquiry, nobody named ()"]);
    world.understood(Understood::Repeat, ReferralState::Received);
    assert_eq!(world.told(), [""; 0]);
    for (how, told) in [("first", vec!["Active/Accepted, false"]), ("again", vec![])] {
        world.stepped("done", ReferralState::Accepted);
        world.understood(Understood::Repeat, ReferralState::Accepted);
        assert_eq!(world.told(), told, "{how}");
    }
    world.stepped("done", ReferralState::Won);
    assert_eq!(world.told(), [""; 0], "what it says is not known yet");
    world.understood(Understood::Repeat, ReferralState::Won);
    world.understood(Understood::Repeat, ReferralState::Won);
    assert_eq!(world.told(), ["Closed/Won, true"]);
}

#[test]
fn a_step_that_failed_is_none_and_a_refusal_is_told_once_for_each_reason() {
    let mut world = World::new();
    world.stepped("conflict", ReferralState::Accepted);
    for reason in ["no value", "no value", "no currency"] {
        world.refused(reason);
    }
    assert_eq!(world.told(), ["no value", "no currency"]);
}
