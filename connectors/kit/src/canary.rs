//! A canary: a test lead of our own that goes the whole way, and is taken away again.
//!
//! Only what carries the mark of a canary can be taken away: there is no way to make a [`Canary`] of
//! anybody's lead, and whoever removes one looks first whether the record says that it is one.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::delivery::RecordRef;
use crate::error::ConnectorError;
use crate::ids::{AccountName, LeadId};
use crate::lead::Lead;

const BEFORE: &str = "canary+";
/// Nobody can ever have an address there, and no mail can be sent there (RFC 2606).
const BEHIND: &str = "@leadsync.invalid";

/// The mark of one canary, used once: sixteen random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanaryMark([u8; 16]);

impl CanaryMark {
    /// A mark of random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// The bytes, to be stored.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The address that carries it: `canary+<32 hex digits>@leadsync.invalid`.
    pub fn address(&self) -> String {
        format!("{BEFORE}{self}{BEHIND}")
    }

    /// The mark an address carries.
    pub fn in_address(address: &str) -> Option<Self> {
        let digits = address.trim().strip_prefix(BEFORE)?.strip_suffix(BEHIND)?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() != 32 || !digits.bytes().all(is_hex) {
            return None;
        }
        let number = u128::from_str_radix(digits, 16).ok()?;
        Some(Self(number.to_be_bytes()))
    }

    /// The mark a lead carries.
    pub fn of(lead: &Lead) -> Option<Self> {
        Self::in_address(&lead.person.email.as_ref()?.value)
    }
}

impl fmt::Display for CanaryMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// A canary that a destination may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    mark: CanaryMark,
    lead: LeadId,
    /// The publisher it flew for.
    pub account: AccountName,
    /// When it came in; the same for every attempt to take it away.
    pub at: DateTime<Utc>,
    /// The revision that was written.
    pub revision: u32,
    /// What the destination called its record.
    pub record: Option<RecordRef>,
}

impl Canary {
    /// The canary that this lead is; none for every other lead.
    pub fn of(lead: &Lead, revision: u32, record: Option<RecordRef>) -> Option<Self> {
        Some(Self {
            mark: CanaryMark::of(lead)?,
            lead: lead.id,
            account: lead.account.clone(),
            at: lead.last_at,
            revision,
            record,
        })
    }

    /// The key of its record.
    pub fn lead(&self) -> LeadId {
        self.lead
    }

    /// Its mark.
    pub fn mark(&self) -> CanaryMark {
        self.mark
    }

    /// Whether a record says that it is this canary: its mark stands in one of the texts.
    pub fn is_in(&self, record: &Value) -> bool {
        let mark = self.mark.to_string();
        stands_in(record, &mark)
    }
}

fn stands_in(value: &Value, mark: &str) -> bool {
    match value {
        Value::String(text) => text.contains(mark),
        Value::Array(values) => values.iter().any(|value| stands_in(value, mark)),
        Value::Object(members) => members.values().any(|value| stands_in(value, mark)),
        _ => false,
    }
}

/// What became of a canary's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// It is gone, or was never there.
    Gone,
    /// What is written cannot be taken back; the receiver was told that it is void.
    Told,
    /// There is a record under its key which does not say that it is a canary: left alone.
    NotOurs,
}

/// Takes a canary away again.
#[async_trait]
pub trait Withdraw: Send + Sync {
    /// Takes it away, after a look whether it is one. Safe to call again.
    async fn withdraw(&self, canary: &Canary) -> Result<Withdrawn, ConnectorError>;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::conformance::leads;

    #[test]
    fn only_the_address_of_a_canary_carries_a_mark() {
        let mark = CanaryMark::new([0xab; 16]);
        assert_eq!(CanaryMark::in_address(&mark.address()), Some(mark));
        let digits = mark.to_string();
        for address in [
            "canary@leadsync.invalid".to_owned(),
            "canary+@leadsync.invalid".to_owned(),
            format!("canary+{digits}@leadsync.example"),
            format!("canary+{digits}0@leadsync.invalid"),
            format!("canary+{}@leadsync.invalid", digits.to_uppercase()),
            format!("xcanary+{digits}@leadsync.invalid"),
            format!("canary++{}@leadsync.invalid", &digits[1..]),
            "ada@example.com".to_owned(),
        ] {
            assert_eq!(CanaryMark::in_address(&address), None, "{address}");
        }
    }

    #[test]
    fn nobodys_lead_is_a_canary() {
        let lead = leads::delivery(1).lead;
        assert_eq!(Canary::of(&lead, 1, None), None);
    }

    #[test]
    fn a_record_is_a_canary_when_its_mark_stands_anywhere_in_it() {
        let canary = leads::canary(7);
        let digits = canary.mark().to_string();
        for (record, expected) in [
            (json!({ "emailaddress1": canary.mark().address() }), true),
            (
                json!({ "person": { "names": ["x", format!("canary {digits}")] } }),
                true,
            ),
            (
                json!({ "emailaddress1": "ada@example.com", "lastname": "Lovelace" }),
                false,
            ),
            (json!({ "lastname": digits[..31], "revision": 1 }), false),
            (json!(null), false),
        ] {
            assert_eq!(canary.is_in(&record), expected, "{record}");
        }
    }
}
