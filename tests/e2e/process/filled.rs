//! A store with referrals in it, filled through its own counter.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::{Clock, SystemClock};
use connector_kit::conformance::leads;
use connector_kit::ids::AccountName;
use connector_kit::referral::read;
use connector_kit::{LeadId, Outcome, RawFormat, RawLead, RecordRef, SourceName, Stage, Subject};
use leadsync::store::sqlite::{Options, SqliteStore};
use leadsync::store::{
    Arrival, ClockKind, ClockStart, Custody, Identity, Lane, LeadChange, Link, ReferralNote, ReferralStore,
    ReportAsk, ReportEnding, ReportFinished, ReportResult, Settlement, Sighting, Store, Understood,
};

use super::House;

/// New, and in time.
pub(crate) const NEW: &str = "11111111-1111-4111-8111-111111111111";
/// New, accepted in the CRM, and refused for want of a value.
pub(crate) const REFUSED: &str = "22222222-2222-4222-8222-222222222222";
/// New for longer than it may be.
pub(crate) const LATE: &str = "33333333-3333-4333-8333-333333333333";
/// Closed as won on both sides.
pub(crate) const WON: &str = "44444444-4444-4444-8444-444444444444";

/// What was filled in.
pub(crate) struct Filled {
    leads: BTreeMap<&'static str, LeadId>,
}

impl Filled {
    /// Fills the store of a house no daemon runs in.
    pub(crate) fn into(house: &House) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(fill(house))
    }

    /// Two CRMs call their records of two leads by the same name.
    pub(crate) fn name_alike(&self, house: &House, record: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let store = SqliteStore::open_inline(&Options::at(house.database())).unwrap();
        for (crm, referral) in [("crm", NEW), ("other-crm", LATE)] {
            let outcome = outcome(self.leads[referral], record, Stage::Accepted, SystemClock.now());
            runtime.block_on(hear(&store, crm, outcome));
        }
    }

    /// The lead of a referral.
    pub(crate) fn lead_of(&self, referral: &str) -> String {
        self.leads[referral].to_string()
    }

    /// The record a CRM made of it.
    pub(crate) fn record_of(&self, referral: &str) -> String {
        record(self.leads[referral])
    }

    /// Nothing of anybody stands in this text.
    #[track_caller]
    pub(crate) fn assert_no_person(&self, text: &str) {
        for number in (1..).take(self.leads.len()) {
            let person = leads::delivery(number).lead.person.clone();
            for said in [person.first_name, person.last_name, person.email, person.phone] {
                let word = said.unwrap().value;
                assert!(!text.contains(&word), "{word}: {text}");
            }
        }
    }
}

fn record(lead: LeadId) -> String {
    format!("record-{lead}")
}

async fn fill(house: &House) -> Filled {
    let store = SqliteStore::open(&Options::at(house.database())).unwrap();
    let now = SystemClock.now();
    let in_time = (now - TimeDelta::hours(1), now + TimeDelta::days(30));
    let late = (now - TimeDelta::days(20), now - TimeDelta::days(6));
    let mut leads = BTreeMap::new();
    for (number, id, state, (made, due)) in [
        (1, NEW, "New/Pending", in_time),
        (2, REFUSED, "New/Received", in_time),
        (3, LATE, "New/Received", late),
        (4, WON, "Closed/Won", late),
    ] {
        let lead = take_in(&store, number, (id, state), (made, due)).await;
        leads.insert(id, lead);
    }
    say(&store, leads[REFUSED], Stage::Accepted, now).await;
    say(&store, leads[WON], Stage::Won, now).await;
    report(&store, now).await;
    Filled { leads }
}

async fn take_in(
    store: &SqliteStore,
    number: u8,
    (id, state): (&str, &str),
    (made, due): (DateTime<Utc>, DateTime<Utc>),
) -> LeadId {
    let (status, substatus) = state.split_once('/').unwrap();
    let document = json_of(id, (status, substatus), (made, due));
    let referral = read::referral(document.as_bytes()).unwrap().referral;
    let lead = leads::delivery(number.into()).lead;
    let id = lead.id;
    let arrival = Arrival {
        account: AccountName::new("default"),
        source: SourceName::new("partner"),
        received_at: made,
        raw: RawLead {
            format: RawFormat::Referral,
            reference: Some(referral.etag.clone()),
            occurred_at: Some(made),
            body: document.into(),
        },
    };
    let kept = store.accept(vec![arrival], None).await.unwrap();
    let Custody::Kept(arrival) = kept[0] else {
        panic!("not kept: {kept:?}")
    };
    let clock = ClockStart {
        kind: ClockKind::Answer,
        referral: Some(referral.id.clone()),
        starts_at: made,
        due_at: due,
    };
    let change = LeadChange {
        identities: vec![Identity([number; 16])],
        referrals: vec![ReferralNote {
            source: SourceName::new("partner"),
            referral: Arc::new(referral),
            link: Link::Own,
        }],
        clocks: vec![clock],
        lead,
        before: None,
        revision: 1,
        canary: None,
        spans_gone: Vec::new(),
        spans: Vec::new(),
        suppression: None,
        routes: vec![("crm".into(), Lane::Live)],
    };
    let settlement = Settlement {
        leads: vec![change],
        arrivals: vec![(arrival, Understood::New(id))],
    };
    store.settle(settlement, made).await.unwrap();
    id
}

fn json_of(
    id: &str,
    (status, substatus): (&str, &str),
    (made, due): (DateTime<Utc>, DateTime<Utc>),
) -> String {
    let details = if substatus == "Won" {
        serde_json::json!({ "dealValue": 25000, "currency": "EUR" })
    } else {
        serde_json::json!({})
    };
    serde_json::json!({
        "id": id, "eTag": format!("\"{id}\""), "status": status, "substatus": substatus,
        "qualification": "Direct", "type": "Independent", "direction": "Incoming",
        "createdDateTime": made.to_rfc3339(), "updatedDateTime": made.to_rfc3339(),
        "expirationDateTime": due.to_rfc3339(),
        "details": details,
    })
    .to_string()
}

async fn say(store: &SqliteStore, lead: LeadId, stage: Stage, now: DateTime<Utc>) {
    hear(store, "crm", outcome(lead, &record(lead), stage, now)).await;
}

fn outcome(lead: LeadId, record: &str, stage: Stage, now: DateTime<Utc>) -> Outcome {
    Outcome {
        lead: Some(lead),
        record: RecordRef(record.to_owned()),
        subject: Subject::Lead,
        stage,
        state: "in their words".to_owned(),
        value: None,
        closes_on: None,
        reason: None,
        owned: true,
        changed_at: now,
    }
}

async fn hear(store: &SqliteStore, crm: &str, outcome: Outcome) {
    let now = outcome.changed_at;
    let sighting = Sighting {
        source: SourceName::new(crm),
        account: AccountName::new("default"),
        outcomes: vec![outcome],
        checkpoint: None,
    };
    store.observe(sighting, now).await.unwrap();
}

/// Every report is made: one is refused, the others are settled.
async fn report(store: &SqliteStore, now: DateTime<Utc>) {
    let ask = ReportAsk {
        max: 100,
        until: now + TimeDelta::minutes(5),
        only: None,
    };
    let leased = store.lease_reports(&"partner".into(), ask, now).await.unwrap();
    let finished = leased.leases.into_iter().map(|lease| {
        let result = if lease.referral.id.as_str() == REFUSED {
            ReportResult::Refused {
                reason: "to accept it, there is no deal value".to_owned(),
                hint: "fill it in, in the CRM".to_owned(),
            }
        } else {
            ReportResult::Settled
        };
        ReportFinished {
            lease,
            result,
            agreed: None,
            plan: Vec::new(),
            order_done: false,
            remind_crm: false,
        }
    });
    let ending = ReportEnding {
        results: finished.collect(),
        ..ReportEnding::default()
    };
    store
        .finish_reports(&"partner".into(), ending, now)
        .await
        .unwrap();
}
