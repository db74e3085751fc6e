//! What happens in a history: people, Partner Center, the network and death, by chance.

use chrono::TimeDelta;
use connector_kit::clock::Clock;
use connector_kit::{LeadId, ReferralChange, ReferralMove, Stage};
use leadsync::store::{Order, ReferralStore};
use leadsync_sim::faults::Fault;
use leadsync_sim::partner_center::{Envelope, NewReferral, throttled, unavailable};
use serde_json::json;

use super::town::Town;

impl Town {
    /// A number below `below`.
    pub(super) fn throw(&self, below: usize) -> usize {
        let mut bytes = [0; 8];
        self.dice.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % below as u64).unwrap()
    }

    /// A referral of somebody new arrives.
    pub(super) fn arrive(&mut self, number: usize) {
        let email = format!("customer{number}@fabrikam{number}.example");
        let new = match self.throw(4) {
            0 => NewReferral::sales_qualified(&email).deal(9000, "EUR", "2027-01-31T00:00:00Z"),
            1 => NewReferral::marketing_qualified(&email),
            2 => NewReferral::co_sell(&email),
            _ => NewReferral::marketplace_lead(&email),
        };
        self.center.create(new.company(&format!("Fabrikam {number}")));
        self.notice_changes();
    }

    /// Something happens. Most of the time somebody works.
    pub(super) async fn happen(&mut self) {
        match self.throw(40) {
            0..=4 => self.people(),
            5..=7 => self.center_moves(),
            8..=12 => self.event().await,
            13..=15 => self.trouble(),
            16 => self.order().await,
            17..=18 => self.pass_time(),
            _ => {
                let number = self.throw(self.crew());
                self.step(number).await;
            }
        }
    }

    /// Somebody in the office works on a lead.
    fn people(&mut self) {
        let open = self.office.open();
        if open.is_empty() {
            return;
        }
        let lead: LeadId = open[self.throw(open.len())];
        let value = (self.throw(50) * 1000 + 500).to_string();
        let complete = self.throw(4) > 0;
        let day = format!("2027-{:02}-15", self.throw(12) + 1).parse().ok();
        let terms = |record: &mut super::office::Record| {
            if complete {
                record.value = Some(value);
                record.currency = Some("EUR".to_owned());
                record.closes_on = day;
            }
        };
        match self.throw(10) {
            0..=3 => self.office.work(lead, |record| {
                record.stage = Stage::Accepted;
                record.owned = true;
                terms(record);
            }),
            4..=5 => self.office.work(lead, terms),
            6 => self.office.work(lead, |record| {
                record.stage = Stage::Declined;
                record.reason = Some("Budget".to_owned());
            }),
            7..=8 => self.office.work(lead, |record| {
                terms(record);
                record.stage = Stage::Won;
            }),
            _ => self.office.work(lead, |record| {
                record.stage = Stage::Lost;
                record.reason = Some("Chose another vendor".to_owned());
            }),
        }
    }

    /// Somebody changes a referral in Partner Center.
    fn center_moves(&mut self) {
        let referrals = self.center.referrals();
        if referrals.is_empty() {
            return;
        }
        let id = referrals[self.throw(referrals.len())]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let stage = self.center.stage(&id).unwrap();
        match self.throw(6) {
            0..=2 if !stage.is_terminal() => {
                let value = json!(self.throw(90) * 100);
                self.center.edit(
                    &id,
                    &[("/details/dealValue", value), ("/details/currency", json!("EUR"))],
                );
            }
            3 if stage.is_new() => self.center.accept(&id),
            4 if stage.is_new() => self.center.close(&id, "Declined", Some("Not ours")),
            5 if stage.is_new() => self.center.expire(&id),
            _ => {}
        }
        self.notice_changes();
    }

    /// An event comes, comes twice, comes late, or is lost.
    async fn event(&mut self) {
        if self.events.is_empty() {
            return;
        }
        let place = self.throw(self.events.len());
        let event = self.events[place].clone();
        match self.throw(4) {
            0 => drop(self.events.remove(place)),
            1 => self.hear(&event).await,
            _ => {
                self.hear(&event).await;
                self.events.remove(place);
            }
        }
    }

    /// Something is about to go wrong.
    fn trouble(&mut self) {
        let faults = &self.center.referral_faults;
        match self.throw(10) {
            0 => faults.next(Fault::CutBefore),
            1 | 2 => faults.next(Fault::CutAfter),
            3 => faults.next(Fault::CutDuring),
            4 => faults.next(Fault::status(500)),
            5 => faults.next(throttled(Envelope::Gateway, 7)),
            6 => faults.next(unavailable(Some(20))),
            7 if self.throw(2) == 0 => self.center.interfere_next(1, "/favorite", &json!(true)),
            7 => self.center.interfere_next(1, "/details/dealValue", &json!(4321)),
            8 => self.office.refuse(1),
            _ => self.death.comes_at(1 + self.throw(25) as u64),
        }
    }

    /// An operator gives an order.
    async fn order(&mut self) {
        let referrals = self.center.referrals();
        if referrals.is_empty() {
            return;
        }
        let id = referrals[self.throw(referrals.len())]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let step = [
            None,
            Some(ReferralMove::Accept),
            Some(ReferralMove::Win),
            Some(ReferralMove::Decline),
        ][self.throw(4)];
        let change = ReferralChange {
            step,
            reason: (step == Some(ReferralMove::Decline)).then(|| "By hand".to_owned()),
            value: (self.throw(2) == 0).then(|| "777".parse().unwrap()),
            currency: Some("EUR".to_owned()),
            closes_on: "2027-02-02".parse().ok(),
            ..ReferralChange::default()
        };
        let order = Order {
            change,
            at: self.clock.now(),
        };
        self.store().order(&id.parse().unwrap(), order).await.unwrap();
    }

    fn pass_time(&mut self) {
        let minutes = match self.throw(10) {
            0 => 60 * 24 * 3,
            1..=3 => 60,
            _ => 1,
        };
        self.clock.advance(TimeDelta::minutes(minutes));
        self.center.tick();
        self.notice_changes();
    }

    /// Nothing goes wrong any more.
    pub(super) fn calm_down(&mut self) {
        self.center.referral_faults.clear();
        self.office.refuse(0);
        self.death.revive();
    }
}
