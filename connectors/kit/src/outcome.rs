//! What became of a lead in a CRM, in the words every part of leadsync shares.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::delivery::RecordRef;
use crate::ids::LeadId;

/// How far the CRM has taken a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// The lead, by the key our record carries. A connector keeps records without one to itself.
    pub lead: LeadId,
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
    /// When the record changed, by the CRM's clock.
    pub changed_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
