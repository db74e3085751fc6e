//! Fields both sides may change: who changed what since they agreed, and who wins. Pure.

use chrono::{DateTime, Utc};
use connector_kit::{Outcome, Referral, ReferralChange};

use super::policy::{FieldRules, Policy, Winner};
use crate::store::{Agreed, Terms};

/// A rule decided between two values; the loser's is recorded, for it is overwritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The field.
    pub field: &'static str,
    /// Whose value holds.
    pub winner: &'static str,
    /// What the loser said.
    pub lost: String,
}

impl Kept {
    /// The CRM lost: it is to be told what holds.
    pub fn crm_lost(&self) -> bool {
        self.winner == REFERRAL
    }

    /// In words.
    pub fn sentence(&self) -> String {
        let loser = if self.winner == CRM { REFERRAL } else { CRM };
        format!(
            "{}: both sides changed it, what the {} says holds; the {loser} said {}",
            self.field, self.winner, self.lost
        )
    }
}

const CRM: &str = "CRM";
const REFERRAL: &str = "referral";

/// What the CRM says, in the terms of both.
pub fn of_crm(outcome: &Outcome, policy: &Policy) -> Terms {
    let value = outcome.value.as_ref();
    Terms {
        value: value.map(|value| value.amount.clone()),
        currency: value
            .and_then(|value| value.currency.clone())
            .or_else(|| value.and(policy.currency.clone()))
            .map(|currency| currency.to_ascii_uppercase()),
        closes_on: outcome.closes_on,
    }
}

/// What the referral says, in the terms of both.
pub fn of_referral(referral: &Referral) -> Terms {
    Terms {
        value: referral.deal.value.clone(),
        currency: referral.deal.currency.clone(),
        closes_on: referral.deal.closes_on(),
    }
}

/// Lets what was ordered hold: those fields count as agreed, as both sides say them now. True when the
/// CRM says something else.
pub fn decreed(ordered: &ReferralChange, base: &mut Agreed, crm: &Terms, referral: &Terms) -> bool {
    let mut differs = false;
    if ordered.value.is_some() || ordered.currency.is_some() {
        for (base, side) in [(&mut base.crm, crm), (&mut base.referral, referral)] {
            base.value.clone_from(&side.value);
            base.currency.clone_from(&side.currency);
        }
        differs |= crm.value.is_some() && !same_money(crm, referral);
    }
    if ordered.closes_on.is_some() {
        (base.crm.closes_on, base.referral.closes_on) = (crm.closes_on, referral.closes_on);
        differs |= crm.closes_on.is_some() && crm.closes_on != referral.closes_on;
    }
    differs
}

/// Both sides as they stand, and when each last changed.
#[derive(Clone, Copy, Debug)]
pub struct Meeting<'a> {
    /// What the CRM says.
    pub crm: &'a Terms,
    /// When the CRM's record changed.
    pub crm_at: DateTime<Utc>,
    /// What the referral says.
    pub referral: &'a Terms,
    /// When the referral changed.
    pub referral_at: DateTime<Utc>,
    /// What both said when they last agreed.
    pub agreed: Option<&'a Agreed>,
}

/// What comes of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// Both say the same, or nobody moved, or the referral moved alone: deliveries bring that to the CRM.
    Leave,
    /// The CRM moved alone, or the referral says nothing.
    Write,
    /// Both moved, and the rule says so.
    Prefer(Winner),
}

impl Meeting<'_> {
    /// What is to be written into the referral, and what a rule decided.
    pub fn settle(&self, rules: FieldRules, change: &mut ReferralChange) -> Vec<Kept> {
        let mut kept = Vec::new();
        match self.value(rules.value) {
            Choice::Leave => {}
            Choice::Write => self.write_value(change),
            Choice::Prefer(Winner::Crm) => {
                self.write_value(change);
                kept.push(lost("value", CRM, &money(self.referral)));
            }
            Choice::Prefer(_) => kept.push(lost("value", REFERRAL, &money(self.crm))),
        }
        // Whoever wins: a value without a currency says nothing.
        if change.currency.is_none() && self.referral.currency.is_none() {
            change.currency.clone_from(&self.crm.currency);
        }
        let day = |terms: &Terms| terms.closes_on.map(|day| day.to_string()).unwrap_or_default();
        match self.closes_on(rules.closes_on) {
            Choice::Leave => {}
            Choice::Write => change.closes_on = self.crm.closes_on,
            Choice::Prefer(Winner::Crm) => {
                change.closes_on = self.crm.closes_on;
                kept.push(lost("closes-on", CRM, &day(self.referral)));
            }
            Choice::Prefer(_) => kept.push(lost("closes-on", REFERRAL, &day(self.crm))),
        }
        kept
    }

    fn write_value(&self, change: &mut ReferralChange) {
        change.value.clone_from(&self.crm.value);
        change.currency.clone_from(&self.crm.currency);
    }

    fn value(&self, rule: Winner) -> Choice {
        if self.crm.value.is_none() || same_money(self.crm, self.referral) {
            return Choice::Leave;
        }
        if self.referral.value.is_none() {
            return Choice::Write;
        }
        let base = self.agreed;
        self.choose(
            rule,
            base.is_none_or(|base| !same_money(&base.crm, self.crm)),
            base.is_none_or(|base| !same_money(&base.referral, self.referral)),
        )
    }

    fn closes_on(&self, rule: Winner) -> Choice {
        if self.crm.closes_on.is_none() || self.crm.closes_on == self.referral.closes_on {
            return Choice::Leave;
        }
        if self.referral.closes_on.is_none() {
            return Choice::Write;
        }
        let base = self.agreed;
        self.choose(
            rule,
            base.is_none_or(|base| base.crm.closes_on != self.crm.closes_on),
            base.is_none_or(|base| base.referral.closes_on != self.referral.closes_on),
        )
    }

    fn choose(&self, rule: Winner, crm_moved: bool, referral_moved: bool) -> Choice {
        match (crm_moved, referral_moved) {
            (false, _) => Choice::Leave,
            (true, false) => Choice::Write,
            (true, true) => Choice::Prefer(match rule {
                Winner::Newest if self.crm_at >= self.referral_at => Winner::Crm,
                Winner::Newest => Winner::PartnerCenter,
                rule => rule,
            }),
        }
    }
}

fn lost(field: &'static str, winner: &'static str, lost: &str) -> Kept {
    Kept {
        field,
        winner,
        lost: lost.to_owned(),
    }
}

fn money(terms: &Terms) -> String {
    let amount = terms.value.as_ref().map(ToString::to_string).unwrap_or_default();
    let currency = terms.currency.as_deref().unwrap_or_default();
    format!("{amount} {currency}").trim().to_owned()
}

/// A side that names no currency does not contradict one that does.
fn same_money(one: &Terms, other: &Terms) -> bool {
    let same_value = match (&one.value, &other.value) {
        (Some(one), Some(other)) => one.is_same(other),
        (one, other) => one.is_none() && other.is_none(),
    };
    let same_currency = match (&one.currency, &other.currency) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => true,
    };
    same_value && same_currency
}

#[cfg(test)]
mod tests;
