//! A referral walks the way of a lead, beside those of the marketplace.

use chrono::TimeDelta;
use connector_kit::ids::AccountName;
use connector_kit::{RawFormat, RawLead};
use leadsync::store::{Arrival, ClockFilter, ClockKind, Link, ReferralFilter, ReferralStore, Store};
use serde_json::{Value, json};

use crate::world::{ACCOUNT, World, lead};

const ADA: &str = "ada@example.com";

/// A customer's inquiry of the day the world begins.
fn inquiry(id: &str, email: &str, status: &str) -> Value {
    json!({
        "id": id, "status": status, "qualification": "Direct", "type": "Independent", "direction": "Incoming",
        "customerProfile": {"name": "Contoso", "team": [{"email": email, "title": "Analyst"}]},
    })
}

impl World {
    /// Takes custody of one version of a referral, changed a minute after whatever was before.
    async fn refer(&mut self, body: &Value) {
        self.advance(TimeDelta::minutes(1)).await;
        let mut body = body.clone();
        body["createdDateTime"] = json!("2026-11-20T08:00:00Z");
        body["updatedDateTime"] = json!(self.now());
        let arrival = Arrival {
            account: AccountName::new(ACCOUNT),
            source: "partner".into(),
            received_at: self.now(),
            raw: RawLead {
                format: RawFormat::Referral,
                reference: None,
                occurred_at: None,
                body: body.to_string().into(),
            },
        };
        self.store().accept(vec![arrival], None).await.unwrap();
        self.run_until_idle().await;
    }
}

#[tokio::test]
async fn a_referral_becomes_one_record_and_its_changes_follow() {
    let mut world = World::start().await;
    world.refer(&inquiry("a-1", ADA, "New")).await;
    assert_eq!(world.crm.contactable(), [ADA]);
    world.refer(&inquiry("a-1", ADA, "New")).await;
    assert_eq!(world.crm.record(ADA).unwrap().revision, 1, "nothing new to see");
    world.refer(&inquiry("a-1", ADA, "Active")).await;
    world.send(&lead(ADA).titled("Countess")).await;
    world.run_until_idle().await;
    let [row] = &world.leads().await[..] else {
        panic!("one lead")
    };
    assert_eq!((row.lead.touches.len(), row.lead.referrals.len()), (2, 1));
    let record = world.crm.record(ADA).unwrap();
    assert_eq!((record.title.as_str(), record.revision), ("Countess", 3));
    assert_eq!(world.fate(ADA).await, "delivered");
}

#[tokio::test]
async fn the_house_knows_a_referral_again_when_its_contact_has_another_address() {
    let mut world = World::start().await;
    world.send(&lead(ADA).did("PLT")).await;
    world.refer(&inquiry("a-1", ADA, "New")).await;
    world.refer(&inquiry("a-1", "ada@other.example", "New")).await;
    world.refer(&inquiry("b-1", "ada@other.example", "New")).await;
    assert_eq!(world.leads().await.len(), 1);
    let rows = world.store().referrals(ReferralFilter::default()).await.unwrap();
    let mut links: Vec<_> = rows
        .iter()
        .map(|row| (row.referral.id.as_str(), row.source.as_str(), row.link))
        .collect();
    links.sort_unstable_by_key(|(id, ..)| *id);
    assert_eq!(
        links,
        [
            ("a-1", "partner", Link::Matched),
            ("b-1", "partner", Link::OtherReferral)
        ]
    );
    let clocks = world.store().clocks(ClockFilter::default()).await.unwrap();
    let running = |kind: ClockKind| clocks.iter().filter(|clock| clock.kind == kind).count();
    assert_eq!((running(ClockKind::FollowUp), running(ClockKind::Answer)), (2, 2));
}

#[tokio::test]
async fn history_and_our_own_referrals_are_kept_and_go_nowhere() {
    let mut world = World::start().await;
    world.refer(&inquiry("a-1", ADA, "Closed")).await;
    let mut ours = inquiry("b-1", "bob@example.com", "Active");
    ours["direction"] = json!("Outgoing");
    world.refer(&ours).await;
    assert_eq!(
        world.fate(ADA).await,
        "suppressed: referral closed before it was seen"
    );
    assert_eq!(
        world.fate("bob@example.com").await,
        "suppressed: our own referral"
    );
    let totals = world.totals().await;
    assert_eq!((totals.suppressed_closed, totals.suppressed_own), (1, 1));
    assert_eq!(world.crm.call_count(), 0);
    world.send(&lead(ADA)).await;
    world.run_until_idle().await;
    assert_eq!(world.crm.contactable(), [ADA]);
    assert_eq!(world.totals().await.suppressed_closed, 0);
}

#[tokio::test]
async fn a_customer_who_does_not_consent_is_never_a_contactable_record() {
    let mut world = World::start().await;
    world.send(&lead(ADA)).await;
    world.run_until_idle().await;
    let mut refused = inquiry("a-1", ADA, "New");
    refused["consent"] = json!({"consentToContact": false});
    world.refer(&refused).await;
    assert_eq!(world.fate(ADA).await, "suppressed: do not contact");
    world.refer(&inquiry("a-1", ADA, "New")).await;
    assert!(world.crm.contactable().is_empty());
}

#[tokio::test]
async fn what_is_no_referral_is_quarantined_and_its_neighbours_go_on() {
    let mut world = World::start().await;
    world.refer(&json!({"customerProfile": {}})).await;
    world.refer(&inquiry("a-1", ADA, "New")).await;
    assert_eq!(world.totals().await.quarantined, 1);
    assert_eq!(world.crm.contactable(), [ADA]);
}
