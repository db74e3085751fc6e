//! How a row is named: by the lead's id and nothing else.
//!
//! The partition is the month the lead was first seen in, which its id carries for ever. So leads
//! that are delivered together share a partition, and a hundred of them fit one transaction.

use chrono::{DateTime, Datelike};
use connector_kit::{ConfigError, LeadDelivery, LeadId, RecordRef};

use crate::limits::key_fault;

/// Names rows.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    /// `prefix` stands before the month in every partition key.
    pub(crate) fn new(prefix: &str) -> Result<Self, ConfigError> {
        match key_fault("PartitionKey", &format!("{prefix}000000")) {
            Some(fault) => Err(ConfigError::new("settings.partition_prefix", fault)),
            None => Ok(Self {
                prefix: prefix.to_owned(),
            }),
        }
    }

    /// Partition key and row key. A record the destination named before keeps its keys, so that
    /// one lead stays one row even when the prefix was changed.
    pub(crate) fn of(&self, delivery: &LeadDelivery) -> (String, String) {
        self.named(delivery.lead.id, delivery.record.as_ref())
    }

    /// The same for a lead and what its record was called.
    pub(crate) fn named(&self, lead: LeadId, record: Option<&RecordRef>) -> (String, String) {
        let row = lead.to_string();
        let named = record.and_then(|record| record.0.split_once('/'));
        match named {
            Some((partition, same)) if same == row && key_fault("PartitionKey", partition).is_none() => {
                (partition.to_owned(), row)
            }
            _ => (format!("{}{}", self.prefix, month(lead)), row),
        }
    }

    /// What stands before the month.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// `yyyyMM` of the milliseconds in the first six bytes.
fn month(id: LeadId) -> String {
    let millis = id
        .as_bytes()
        .iter()
        .take(6)
        .fold(0, |sum, byte| sum << 8 | i64::from(*byte));
    let at = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    format!("{:04}{:02}", at.year(), at.month())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_comes_from_the_id_for_ever() {
        for (millis, expected) in [
            (1_795_176_000_000, "202611"),
            (0, "197001"),
            (1_798_761_599_999, "202612"),
            (1_798_761_600_000, "202701"),
            ((1 << 48) - 1, "1088908"),
        ] {
            assert_eq!(month(LeadId::new(millis, &[7; 10])), expected);
            assert_eq!(month(LeadId::new(millis, &[0xff; 10])), expected);
        }
    }

    #[test]
    fn a_prefix_that_no_key_may_hold_is_refused() {
        for bad in ["leads/", "a#", "50%", "a+b", &"p".repeat(510)] {
            let error = Keys::new(bad).expect_err(bad);
            assert_eq!(error.key, "settings.partition_prefix");
        }
        assert!(Keys::new("").is_ok() && Keys::new("leads-").is_ok());
    }
}
