//! Whether both sides agree, by rules that know nothing of our plans.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use connector_kit::clock::Clock;
use connector_kit::referral::ReferralDocument;
use connector_kit::{LeadId, Stage};
use leadsync::store::{ReferralFilter, ReferralStore, ReportRow, Store};

use super::office::Record;
use super::town::Town;

/// One referral as all three parties see it.
struct Sides {
    /// How Partner Center holds it now.
    there: ReferralDocument,
    /// How we think it stands.
    here: String,
    record: Option<Record>,
    report: Option<ReportRow>,
}

impl Town {
    /// Everything that was promised of a history.
    pub(super) async fn judge(&mut self, seed: u64) {
        let violations = self.center.violations();
        assert!(violations.is_empty(), "seed {seed}: {violations:#?}");
        let blind: Vec<_> = self
            .center
            .writes()
            .into_iter()
            .filter(|write| write.if_match.is_none())
            .collect();
        assert!(
            blind.is_empty(),
            "seed {seed}: written without a look: {blind:#?}"
        );
        let records = self.office.records();
        assert!(
            records.values().all(|record| record.created == 1),
            "seed {seed}: a record was made twice"
        );
        for sides in self.sides(&records).await {
            if let Err(fault) = sides.agree() {
                let id = sides.there.referral.id.clone();
                let story = self.store().referral(&id).await.unwrap().unwrap();
                let gates = self.store().destinations(self.clock.now()).await.unwrap();
                panic!(
                    "seed {seed}: referral {id}: {fault}\n{:?}\n{:?}\n{:?}\n{:?}\n{:#?}\n{gates:?}\n{:#?}",
                    sides.here, sides.record, sides.report, story.row.link, story.steps, story.outcomes
                );
            }
        }
        self.is_at_rest(seed).await;
    }

    async fn sides(&self, records: &BTreeMap<LeadId, Record>) -> Vec<Sides> {
        let known = self.store().referrals(ReferralFilter::default()).await.unwrap();
        let mut all = Vec::new();
        for value in self.center.referrals() {
            let there = connector_kit::referral::read::referral(value.to_string().as_bytes()).unwrap();
            if !there.referral.incoming {
                continue;
            }
            let id = there.referral.id.clone();
            let Some(row) = known.iter().find(|row| row.referral.id == id) else {
                panic!("referral {id} is not known to us: {value}");
            };
            all.push(Sides {
                here: row.referral.state.to_string(),
                record: records.get(&row.lead).cloned(),
                report: self.store().referral(&id).await.unwrap().unwrap().report,
                there,
            });
        }
        all
    }

    /// One more day changes nothing on either side.
    async fn is_at_rest(&mut self, seed: u64) {
        let writes = (self.center.writes().len(), self.office.writes());
        let until = self.clock.now() + TimeDelta::hours(1);
        self.live(until).await;
        assert_eq!(
            (self.center.writes().len(), self.office.writes()),
            writes,
            "seed {seed}: somebody still writes"
        );
    }
}

impl Sides {
    fn agree(&self) -> Result<(), String> {
        let there = &self.there.referral;
        if self.here != there.state.to_string() {
            return Err(format!("it is {} there", there.state));
        }
        let Some(record) = &self.record else {
            // Closed before we ever saw it.
            return if there.state.is_terminal() {
                Ok(())
            } else {
                Err("nobody in the office has it".to_owned())
            };
        };
        let is_open = matches!(record.stage, Stage::Open | Stage::Accepted);
        if is_open && record.referral_state != there.state.to_string() {
            return Err(format!("the office was told {:?}", record.referral_state));
        }
        let state = there.state.to_string();
        let refused = self
            .report
            .as_ref()
            .is_some_and(|report| report.state == "refused");
        let agrees = match record.stage {
            Stage::Open | Stage::Gone => true,
            Stage::Accepted => matches!(state.as_str(), "Active/Accepted" | "Closed/Won" | "Closed/Lost"),
            Stage::Won => state == "Closed/Won",
            Stage::Lost | Stage::Declined => matches!(state.as_str(), "Closed/Lost" | "Closed/Declined"),
        };
        if agrees {
            return self.same_terms(record, &state);
        }
        // It may stay apart only for a reason nobody can mend by trying again.
        let final_there = there.state.is_terminal();
        let incomplete = record.value.is_none() || record.currency.is_none() || record.closes_on.is_none();
        match (refused, final_there || incomplete) {
            (true, true) => self.with_a_reason(),
            (true, false) => Err("it was refused, and could have been reported".to_owned()),
            (false, _) => Err(format!("the office says {:?} and it is {state}", record.stage)),
        }
    }

    fn with_a_reason(&self) -> Result<(), String> {
        let told = self
            .report
            .as_ref()
            .is_some_and(|report| !report.reason.is_empty() && !report.hint.is_empty());
        told.then_some(())
            .ok_or_else(|| "it was refused without reason or hint".to_owned())
    }

    /// While both work on it, both say the same of value and day.
    fn same_terms(&self, record: &Record, state: &str) -> Result<(), String> {
        if record.stage != Stage::Accepted || state != "Active/Accepted" {
            return Ok(());
        }
        let deal = &self.there.referral.deal;
        if let Some(value) = &record.value {
            let same = deal
                .value
                .as_ref()
                .is_some_and(|held| held.is_same(&value.parse().unwrap()));
            if !same {
                return Err(format!("value {value} here, {:?} there", deal.value));
            }
        }
        if record.closes_on.is_some() && record.closes_on != deal.closes_on() {
            return Err(format!(
                "{:?} here, {:?} there",
                record.closes_on,
                deal.closes_on()
            ));
        }
        Ok(())
    }
}
