//! What every store promises about referrals.

mod clocks;
mod endings;
mod find;
mod kept;
mod leases;
pub(in crate::store) mod notices;
mod orders;

use connector_kit::referral::{Consent, Deal, ReferralKind};
use connector_kit::{
    DealValue, Outcome, RecordRef, Referral, ReferralChange, ReferralId, ReferralMove, ReferralState, Stage,
    Subject,
};

use super::*;

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    kept::promises(fresh).await;
    leases::promises(fresh).await;
    endings::promises(fresh).await;
    orders::promises(fresh).await;
    notices::promises(fresh).await;
    clocks::promises(fresh).await;
    find::promises(fresh).await;
}

/// The connector that brings referrals, and is reported to.
pub(in crate::store) fn partners() -> SourceName {
    SourceName::new("partners")
}

fn sink() -> DestinationName {
    DestinationName::new("partners")
}

pub(in crate::store) fn id(number: u8) -> ReferralId {
    format!("00000000-0000-4000-8000-{number:012}").parse().unwrap()
}

/// A referral as of this second.
pub(in crate::store) fn referral(number: u8, version: i64, state: ReferralState) -> Referral {
    Referral {
        id: id(number),
        engagement: String::new(),
        state,
        reason: String::new(),
        name: format!("deal of version {version}"),
        kind: ReferralKind::CustomerInquiry,
        ours: true,
        incoming: true,
        etag: format!("\"v{version}\""),
        created_at: at(0),
        updated_at: at(version),
        expires_at: None,
        deal: Deal::default(),
        external_reference: String::new(),
        campaign: String::new(),
        favourite: false,
        wants_contact: false,
        consent: Consent::default(),
        team: Vec::new(),
        help: String::new(),
        msx_id: String::new(),
        solutions: Vec::new(),
    }
}

pub(in crate::store) fn pending(number: u8) -> Referral {
    referral(number, 1, ReferralState::Pending)
}

fn note(referral: Referral, link: Link) -> ReferralNote {
    ReferralNote {
        source: partners(),
        referral: Arc::new(referral),
        link,
    }
}

/// The lead with this number as the store holds it, about to be written again.
async fn known_lead(store: &dyn Store, number: u8) -> LeadChange {
    let known = store.known(vec![Identity([number; 16])]).await.unwrap();
    let known = known.into_iter().next().flatten().unwrap();
    LeadChange {
        before: Some((known.key, known.revision)),
        revision: known.revision,
        routes: Vec::new(),
        ..new_lead(number)
    }
}

async fn write(store: &dyn Store, change: LeadChange, now: i64) {
    let settlement = Settlement {
        leads: vec![change],
        arrivals: Vec::new(),
    };
    assert_eq!(store.settle(settlement, at(now)).await.unwrap(), Settled::Done);
}

/// A new lead with a referral of the same number, which made it.
async fn refer(store: &dyn Store, number: u8) {
    refer_as(store, number, Link::Own).await;
}

pub(in crate::store) async fn refer_as(store: &dyn Store, number: u8, link: Link) {
    let change = LeadChange {
        referrals: vec![note(pending(number), link)],
        ..new_lead(number)
    };
    write(store, change, 0).await;
}

/// The referral of the same number is seen again.
pub(in crate::store) async fn see_again(store: &dyn Store, number: u8, referral: Referral, now: i64) {
    let change = LeadChange {
        referrals: vec![note(referral, Link::Own)],
        ..known_lead(store, number).await
    };
    write(store, change, now).await;
}

pub(in crate::store) fn said(number: u8, stage: Stage, seconds: i64) -> Outcome {
    Outcome {
        lead: Some(lead(number).id),
        record: RecordRef(format!("record {number}")),
        subject: Subject::Lead,
        stage,
        state: "in their words".into(),
        value: None,
        closes_on: None,
        reason: None,
        owned: false,
        changed_at: at(seconds),
    }
}

/// A CRM says so, and is heard at that second.
pub(in crate::store) async fn say(store: &dyn Store, outcome: Outcome, now: i64) -> Noted {
    let sighting = Sighting {
        source: SourceName::new("crm"),
        account: AccountName::new("default"),
        outcomes: vec![outcome],
        checkpoint: None,
    };
    store.observe(sighting, at(now)).await.unwrap()[0]
}

/// The same, and it is news.
async fn hear_crm(store: &dyn Store, outcome: Outcome, now: i64) {
    assert_eq!(say(store, outcome, now).await, Noted::News);
}

fn ask(now: i64) -> ReportAsk {
    ReportAsk {
        max: 10,
        until: at(now + 60),
        only: None,
    }
}

pub(in crate::store) async fn lease(store: &dyn Store, now: i64) -> Vec<ReportLease> {
    let leased = store.lease_reports(&sink(), ask(now), at(now)).await.unwrap();
    leased.leases
}

/// The one report that is due.
pub(in crate::store) async fn lease_one(store: &dyn Store, now: i64) -> ReportLease {
    let mut leases = lease(store, now).await;
    assert_eq!(leases.len(), 1, "at {now}");
    leases.remove(0)
}

pub(in crate::store) fn ended(lease: ReportLease, result: ReportResult) -> ReportFinished {
    ReportFinished {
        lease,
        result,
        agreed: None,
        plan: vec!["a line".into()],
        order_done: false,
        remind_crm: false,
    }
}

pub(in crate::store) async fn end(store: &dyn Store, finished: ReportFinished, now: i64) -> FinishOutcome {
    let ending = ReportEnding {
        results: vec![finished],
        ..ReportEnding::default()
    };
    let outcomes = store.finish_reports(&sink(), ending, at(now)).await.unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes[0]
}

pub(in crate::store) async fn settle_report(store: &dyn Store, lease: ReportLease, now: i64) {
    let done = end(store, ended(lease, ReportResult::Settled), now).await;
    assert_eq!(done, FinishOutcome::Done);
}

async fn look(store: &dyn Store, number: u8) -> ReferralStory {
    store.referral(&id(number)).await.unwrap().unwrap()
}

async fn report(store: &dyn Store, number: u8) -> ReportRow {
    look(store, number).await.report.unwrap()
}

/// A new lead, its referral, and a CRM that accepted it at second 10.
pub(in crate::store) async fn accepted_in_crm(store: &dyn Store, number: u8) {
    refer(store, number).await;
    hear_crm(store, said(number, Stage::Accepted, 9), 10).await;
}

/// The bytes of a referral as they come back after a write.
fn fetched(referral: &Referral) -> Arrival {
    let body = format!(
        r#"{{"id":"{}","eTag":{:?},"status":"{}","substatus":"{}","createdDateTime":"{}","updatedDateTime":"{}"}}"#,
        referral.id,
        referral.etag,
        referral.state.status(),
        referral.state.substatus(),
        referral.created_at.to_rfc3339(),
        referral.updated_at.to_rfc3339(),
    );
    Arrival {
        source: partners(),
        raw: RawLead {
            format: RawFormat::Referral,
            reference: Some(format!("{} {}", referral.id, referral.etag)),
            occurred_at: Some(referral.updated_at),
            body: Bytes::from(body),
        },
        ..arrival(None)
    }
}

fn did(what: &str, seconds: i64) -> ReportStep {
    ReportStep {
        at: at(seconds),
        step: what.into(),
        fields: vec!["status".into()],
        result: "done".into(),
        detail: String::new(),
        state: Some(ReferralState::Accepted),
    }
}
