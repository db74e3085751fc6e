//! A lead with a referral, for the tests of what is shown.

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::conformance::leads;
use connector_kit::ids::AccountName;
use connector_kit::referral::read;
use connector_kit::{LeadId, Outcome, RecordRef, SourceName, Stage, Subject};

use crate::store::{
    ClockEnd, ClockId, ClockKind, ClockRow, DeliveryStory, InboxId, LeadRow, LeadStory, Link, OutcomeRow,
    ReferralKey, ReferralRow, ReferralStory, ReportRow, ReportStep,
};

pub(super) fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub(super) fn hour(hours: i64) -> DateTime<Utc> {
    noon() + TimeDelta::hours(hours)
}

pub(super) fn lead_id() -> LeadId {
    leads::delivery(1).lead.id
}

/// Delivered to `crm` two minutes after noon, from one arrival.
pub(super) fn lead() -> LeadStory {
    let delivery = DeliveryStory {
        destination: "crm".into(),
        state: "delivered".to_owned(),
        wanted: 1,
        held: 1,
        record: Some(RecordRef("00Q1".to_owned())),
        at: Some(noon() + TimeDelta::minutes(2)),
        failures: Vec::new(),
    };
    LeadStory {
        row: LeadRow {
            lead: (*leads::delivery(1).lead).clone(),
            revision: 1,
            fate: "delivered".to_owned(),
            revised_at: noon(),
        },
        spans: Vec::new(),
        arrivals: vec![(InboxId(1), "partner".into(), noon(), "new lead".to_owned())],
        deliveries: vec![delivery],
    }
}

/// Made at noon; seen once, in this state.
pub(super) fn referral(state: &str) -> ReferralStory {
    let (status, substatus) = state.split_once('/').unwrap();
    let document = serde_json::json!({
        "id": "7c0e6f9a", "createdDateTime": noon().to_rfc3339(), "updatedDateTime": noon().to_rfc3339(),
        "status": status, "substatus": substatus, "qualification": "Direct", "type": "Independent",
        "direction": "Incoming", "expirationDateTime": hour(336).to_rfc3339(), "eTag": "\"1\"",
    });
    let referral = read::referral(document.to_string().as_bytes()).unwrap().referral;
    ReferralStory {
        row: ReferralRow {
            key: ReferralKey(7),
            source: SourceName::new("partner"),
            account: AccountName::new("default"),
            referral,
            lead: lead_id(),
            link: Link::Own,
            seen_at: noon(),
        },
        versions: vec![(noon(), state.to_owned(), noon() + TimeDelta::minutes(1))],
        report: None,
        steps: Vec::new(),
        outcomes: Vec::new(),
        clocks: Vec::new(),
        notices_waiting: 0,
    }
}

pub(super) fn report(state: &'static str) -> ReportRow {
    let (reason, hint) = match state {
        "refused" => ("to accept it, there is no deal value", "fill it in, in the CRM"),
        "waiting" => ("a co-sell deal must not be won so soon", ""),
        _ => ("", ""),
    };
    ReportRow {
        state,
        at: hour(2),
        attempt: 0,
        plan: vec!["accept: status, name".to_owned()],
        reason: reason.to_owned(),
        hint: hint.to_owned(),
        order: None,
        lag_ms: None,
    }
}

pub(super) fn step(at: DateTime<Utc>, result: &str, detail: &str) -> ReportStep {
    ReportStep {
        at,
        step: "accept".to_owned(),
        fields: vec!["status".to_owned()],
        result: result.to_owned(),
        detail: detail.to_owned(),
        state: None,
    }
}

/// The CRM says so an hour after noon.
pub(super) fn said(stage: Stage) -> OutcomeRow {
    OutcomeRow {
        lead: lead_id(),
        source: "crm".into(),
        outcome: Outcome {
            lead: Some(lead_id()),
            record: RecordRef("0061".to_owned()),
            subject: Subject::Deal,
            stage,
            state: "Closed".to_owned(),
            value: None,
            closes_on: None,
            reason: None,
            owned: true,
            changed_at: hour(1),
        },
        seen_at: hour(1),
        holds: true,
    }
}

/// Runs for a day from noon on.
pub(super) fn clock(kind: ClockKind, end: Option<ClockEnd>) -> ClockRow {
    ClockRow {
        id: ClockId(7),
        kind,
        account: AccountName::new("default"),
        lead: lead_id(),
        referral: "7c0e6f9a".parse().ok(),
        starts_at: noon(),
        due_at: hour(24),
        end,
        told: 0,
        alerted: 0,
    }
}
