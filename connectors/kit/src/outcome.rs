//! What became of a lead in a CRM, in the words every part of leadsync shares.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::delivery::RecordRef;
use crate::ids::LeadId;

/// How far the CRM has taken a lead.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nobody has decided yet, or a decision was taken back.
    Open,
    /// Somebody works on it.
    Accepted,
    /// Nobody will work on it.
    Declined,
    /// Sold.
    Won,
    /// Not sold.
    Lost,
    /// The record is deleted; it says nothing any more.
    Gone,
}

impl Stage {
    /// The word in config, commands and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Gone => "gone",
        }
    }
}

/// Which kind of record says so. What a deal says outweighs what the lead's own record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The record we made.
    Lead,
    /// An opportunity that grew from it.
    Deal,
}

/// A decimal number as the CRM wrote it; never goes through floating point.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Amount(String);

/// The text is not a plain decimal number.
#[derive(Debug, thiserror::Error)]
#[error("an amount is a plain decimal number such as 20000.50")]
pub struct InvalidAmount;

impl FromStr for Amount {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if plain(whole) && plain(fraction) && text.len() <= 40 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAmount)
        }
    }
}

impl TryFrom<String> for Amount {
    type Error = InvalidAmount;

    fn try_from(text: String) -> Result<Self, InvalidAmount> {
        text.parse()
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Amount {
    /// Whether both are the same number, however it is written: `25000` and `25000.00`.
    pub fn is_same(&self, other: &Self) -> bool {
        fn plain(text: &str) -> (bool, &str, &str) {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
            let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
            let is_zero = whole.is_empty() && fraction.is_empty();
            (digits.len() < text.len() && !is_zero, whole, fraction)
        }
        plain(&self.0) == plain(&other.0)
    }

    /// More than nothing.
    pub fn is_positive(&self) -> bool {
        !self.0.starts_with('-') && self.0.bytes().any(|byte| (b'1'..=b'9').contains(&byte))
    }
}

/// What a deal is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealValue {
    /// How much.
    pub amount: Amount,
    /// ISO 4217, where the CRM or the config tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// What one record of a CRM says of one lead.
///
/// It tells how the record stands, not what happened to it: seeing it again changes nothing, and
/// the newest by `changed_at` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The lead, by the key our record carries; none only for [`Stage::Gone`], when a deleted record
    /// no longer tells it: the daemon then knows it by the record. A connector keeps living records
    /// without a key to itself.
    pub lead: Option<LeadId>,
    /// The record that says so.
    pub record: RecordRef,
    /// Which kind of record that is.
    pub subject: Subject,
    /// How far it is.
    pub stage: Stage,
    /// The CRM's own words for it; for the operator. Never personal data.
    pub state: String,
    /// What the deal is worth.
    pub value: Option<DealValue>,
    /// The day it closed, or is expected to.
    pub closes_on: Option<NaiveDate>,
    /// Why it was lost or declined, in the CRM's own words.
    pub reason: Option<String>,
    /// A person owns the record: neither a queue or team, nor the account that wrote it.
    pub owned: bool,
    /// When the record changed, by the CRM's clock.
    pub changed_at: DateTime<Utc>,
}

/// Of all that the records of one lead say in one CRM, what holds: a deal outweighs the lead's own
/// record, a won deal every other deal, and one that is still open those that are lost. Among equals
/// the newest holds.
pub fn overall<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Option<&'a Outcome> {
    let weight = |outcome: &Outcome| match (outcome.subject, outcome.stage) {
        (Subject::Deal, Stage::Won) => 4,
        (Subject::Deal, Stage::Open | Stage::Accepted) => 3,
        (Subject::Deal, Stage::Lost | Stage::Declined) => 2,
        (Subject::Lead, stage) if stage != Stage::Gone => 1,
        _ => 0,
    };
    outcomes
        .into_iter()
        .max_by_key(|outcome| (weight(outcome), outcome.changed_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(subject: Subject, stage: Stage, day: u32) -> Outcome {
        Outcome {
            lead: None,
            record: RecordRef(format!("{subject:?}{day}")),
            subject,
            stage,
            state: String::new(),
            value: None,
            closes_on: None,
            reason: None,
            owned: false,
            changed_at: format!("2026-11-{day:02}T12:00:00Z").parse().unwrap(),
        }
    }

    /// Subject, stage, and the day it changed.
    type Told = (Subject, Stage, u32);

    #[test]
    fn a_deal_outweighs_the_lead_and_a_won_deal_every_other() {
        use Stage::{Accepted, Declined, Gone, Lost, Open, Won};
        use Subject::{Deal, Lead};
        let table: [(&[Told], Told); 7] = [
            (&[(Lead, Accepted, 9), (Deal, Won, 3)], (Deal, Won, 3)),
            (
                &[(Deal, Won, 3), (Deal, Lost, 8), (Deal, Open, 9)],
                (Deal, Won, 3),
            ),
            (&[(Deal, Lost, 8), (Deal, Open, 2)], (Deal, Open, 2)),
            (
                &[(Deal, Lost, 2), (Deal, Lost, 8), (Lead, Accepted, 9)],
                (Deal, Lost, 8),
            ),
            (&[(Deal, Gone, 8), (Lead, Accepted, 2)], (Lead, Accepted, 2)),
            (&[(Lead, Gone, 8), (Deal, Gone, 2)], (Lead, Gone, 8)),
            (&[(Lead, Open, 1), (Lead, Declined, 2)], (Lead, Declined, 2)),
        ];
        for (said, (subject, stage, day)) in table {
            let outcomes: Vec<Outcome> = said.iter().map(|(s, t, d)| says(*s, *t, *d)).collect();
            assert_eq!(overall(&outcomes), Some(&says(subject, stage, day)), "{said:?}");
            let backwards: Vec<Outcome> = outcomes.into_iter().rev().collect();
            assert_eq!(overall(&backwards), Some(&says(subject, stage, day)), "{said:?}");
        }
        assert_eq!(overall(&[]), None);
    }

    #[test]
    fn an_amount_is_a_plain_decimal_number() {
        for good in [
            "0",
            "20000",
            "20000.50",
            "-3.1",
            "000123456789012345678901234567890",
        ] {
            assert_eq!(good.parse::<Amount>().unwrap().to_string(), good);
        }
        for bad in ["", "-", ".5", "5.", "1e9", "1,5", " 1", "NaN", "+1", "1.2.3"] {
            assert!(bad.parse::<Amount>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn amounts_are_compared_as_numbers() {
        let amount = |text: &str| text.parse::<Amount>().unwrap();
        for (one, other, same) in [
            ("25000", "25000.00", true),
            ("0", "-0.0", true),
            ("025", "25", true),
            ("25", "-25", false),
            ("2.5", "25", false),
            ("0.10", "0.1", true),
        ] {
            assert_eq!(amount(one).is_same(&amount(other)), same, "{one} {other}");
        }
        let positive = ["1", "0.01", "0", "0.00", "-1"].map(|text| amount(text).is_positive());
        assert_eq!(positive, [true, true, false, false, false]);
    }
}
