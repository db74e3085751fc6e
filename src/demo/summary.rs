//! The numbers of the run, and what they must be.

use chrono::TimeDelta;
use connector_kit::SourceName;

use super::customers::{ALL, Fate};
use super::partner_center::{NAME, Standings};
use super::receivers::NAMES;
use super::samples::Expected;
use crate::store::{LeadStory, ReferralTotals, Totals};

/// The numbers of the run.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Summary {
    /// Bodies answered 200 where leads are posted.
    pub accepted: u64,
    /// The same touch again.
    pub repeats: u64,
    /// New touches of a known person.
    pub merged: u64,
    /// Leads, those of referrals included.
    pub leads: u64,
    /// Deliveries whose destination holds the newest revision.
    pub delivered: u64,
    /// Leads that go nowhere, by rule.
    pub suppressed: u64,
    /// Unreadable bodies, kept with the reason.
    pub quarantined: u64,
    /// Dead letters.
    pub dead: u64,
    /// Half of the deliveries were confirmed within so many milliseconds of the lead's receipt.
    pub p50_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// Leads by what became of them in the CRMs.
    pub crm_outcomes: CrmOutcomes,
    /// Referrals by what became of them.
    pub outcomes: Outcomes,
}

/// Leads by what became of them in the CRMs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CrmOutcomes {
    /// Sold.
    pub won: u64,
    /// Not sold.
    pub lost: u64,
    /// Not worth a call.
    pub declined: u64,
}

/// Referrals by what became of them: at Partner Center, and of one that is refused, here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Outcomes {
    /// Sold.
    pub won: u64,
    /// Not sold.
    pub lost: u64,
    /// Not worth a call.
    pub declined: u64,
    /// Cannot be reported until a person acts.
    pub refused: u64,
    /// Nobody replied in time.
    pub expired: u64,
}

/// What is counted.
pub struct Counted<'a> {
    /// Everything the store holds.
    pub totals: &'a Totals,
    /// Everything the store holds of referrals.
    pub referrals: &'a ReferralTotals,
    /// Every lead.
    pub stories: &'a [LeadStory],
    /// How referrals stand at Partner Center.
    pub standings: Standings,
    /// From receipt to each first delivery, shortest first.
    pub times: &'a [TimeDelta],
}

/// Arrivals that are versions of referrals: they did not come in where leads are posted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Versions {
    all: u64,
    merged: u64,
    repeats: u64,
}

impl Versions {
    fn among(stories: &[LeadStory]) -> Self {
        let from_there = |source: &SourceName| source.as_str() == NAME;
        let arrivals = stories.iter().flat_map(|story| &story.arrivals);
        let mut versions = Self::default();
        for (_, _, _, what) in arrivals.filter(|(_, source, ..)| from_there(source)) {
            versions.all += 1;
            versions.merged += u64::from(what == "merged");
            versions.repeats += u64::from(what == "repeat");
        }
        versions
    }
}

/// Leads that begin with a referral.
fn referred() -> u64 {
    ALL.len() as u64
}

/// Of the customers, so many have this fate.
fn of_fate(fate: Fate) -> u64 {
    ALL.iter().filter(|customer| customer.fate == fate).count() as u64
}

impl Summary {
    /// Adds up.
    pub fn of(counted: &Counted<'_>) -> Self {
        let Counted {
            totals,
            referrals,
            stories,
            standings,
            times,
        } = counted;
        let versions = Versions::among(stories);
        Self {
            accepted: totals.accepted.saturating_sub(versions.all),
            repeats: totals.repeats.saturating_sub(versions.repeats),
            merged: totals.merged.saturating_sub(versions.merged),
            leads: totals.leads,
            delivered: totals.delivered + totals.closed,
            suppressed: totals.suppressed().iter().map(|(_, leads)| leads).sum(),
            quarantined: totals.refused + totals.quarantined,
            dead: totals.dead,
            p50_ms: percentile(times, 50),
            p99_ms: percentile(times, 99),
            crm_outcomes: CrmOutcomes {
                won: totals.outcomes.won,
                lost: totals.outcomes.lost,
                declined: totals.outcomes.declined,
            },
            outcomes: Outcomes {
                won: standings.won,
                lost: standings.lost,
                declined: standings.declined,
                refused: referrals.refused,
                expired: standings.expired,
            },
        }
    }

    /// Leads that did not begin with a referral.
    pub fn posted(&self) -> u64 {
        self.leads.saturating_sub(self.referred())
    }

    /// Leads that began with a referral.
    pub fn referred(&self) -> u64 {
        self.leads.min(referred())
    }

    /// Every count that is not what samples and customers come to.
    pub fn faults(&self) -> Vec<String> {
        let destinations = NAMES.len() as u64;
        let leads = Expected::LEADS + referred();
        let delivered = (leads - Expected::SUPPRESSED) * destinations - Expected::DEAD;
        let (crm, outcomes) = (&self.crm_outcomes, &self.outcomes);
        let counts = [
            ("accepted", self.accepted, Expected::ACCEPTED),
            ("repeats", self.repeats, Expected::REPEATS),
            ("merged", self.merged, Expected::MERGED),
            ("leads", self.leads, leads),
            ("delivered", self.delivered, delivered),
            ("suppressed", self.suppressed, Expected::SUPPRESSED),
            ("quarantined", self.quarantined, Expected::REFUSED),
            ("dead", self.dead, Expected::DEAD),
            ("won in the CRMs", crm.won, Expected::WON + of_fate(Fate::Won)),
            ("lost in the CRMs", crm.lost, Expected::LOST + of_fate(Fate::Lost)),
            (
                "declined in the CRMs",
                crm.declined,
                Expected::DECLINED + of_fate(Fate::Declined),
            ),
            ("won", outcomes.won, of_fate(Fate::Won)),
            ("lost", outcomes.lost, of_fate(Fate::Lost)),
            ("declined", outcomes.declined, of_fate(Fate::Declined)),
            ("refused", outcomes.refused, of_fate(Fate::Refused)),
            ("expired", outcomes.expired, of_fate(Fate::Expired)),
        ];
        let wrong = counts.into_iter().filter(|(_, is, should)| is != should);
        wrong
            .map(|(name, is, should)| format!("{name} is {is} and should be {should}"))
            .collect()
    }
}

/// The smallest time that `percent` of 100 do not exceed, in milliseconds.
fn percentile(sorted: &[TimeDelta], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    let micros = sorted.get(rank - 1).and_then(TimeDelta::num_microseconds);
    let tenths = micros.unwrap_or_default().max(0) / 100;
    f64::from(i32::try_from(tenths).unwrap_or(i32::MAX)) / 10.0
}

#[cfg(test)]
mod tests;
