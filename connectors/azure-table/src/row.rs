//! A row as it came, and what makes it the same row when it is seen again.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::{RawFormat, RawLead};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// Takes a row as it is. One that cannot be read is kept all the same.
pub(crate) fn raw_lead(row: &RawValue) -> RawLead {
    let text = row.get();
    let columns: BTreeMap<String, Value> = serde_json::from_str(text).unwrap_or_default();
    let column = |name: &str| columns.get(name).and_then(Value::as_str);
    RawLead {
        format: RawFormat::MarketplaceRow,
        reference: Some(format!(
            "{}/{}/{}",
            column("PartitionKey").unwrap_or_default(),
            column("RowKey").unwrap_or_default(),
            fingerprint(&columns, text)
        )),
        occurred_at: column("Timestamp").and_then(moment),
        body: Bytes::copy_from_slice(text.as_bytes()),
    }
}

/// A digest of what Microsoft wrote; when it was written and under which version does not count.
fn fingerprint(columns: &BTreeMap<String, Value>, text: &str) -> String {
    let mut digest = Sha256::new();
    if columns.is_empty() {
        digest.update(text);
    }
    for (name, value) in columns.iter().filter(|(name, _)| is_content(name)) {
        let line = Value::from(vec![Value::from(name.as_str()), value.clone()]);
        digest.update(line.to_string());
        digest.update("\n");
    }
    let half: [u8; 16] = std::array::from_fn({
        let whole = digest.finalize();
        move |at| whole[at]
    });
    format!("{:032x}", u128::from_be_bytes(half))
}

fn is_content(name: &str) -> bool {
    name != "Timestamp" && name != "Timestamp@odata.type" && !name.starts_with("odata.")
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(text: &str) -> RawLead {
        raw_lead(&RawValue::from_string(text.to_owned()).expect("JSON"))
    }

    const ROW: &str = r#"{"odata.etag":"W/\"1\"","PartitionKey":"11:2F20:2F2026","RowKey":"r","Timestamp":"2026-11-20T11:58:03.1234567Z","ActionCode":"INS"}"#;

    #[test]
    fn a_row_is_kept_byte_for_byte_with_its_time_to_100_ns() {
        let lead = lead(ROW);
        assert_eq!(lead.body, ROW);
        assert_eq!(
            lead.occurred_at.map(crate::entity::moment).as_deref(),
            Some("2026-11-20T11:58:03.1234567Z")
        );
        assert!(
            lead.reference
                .is_some_and(|reference| reference.starts_with("11:2F20:2F2026/r/"))
        );
    }

    #[test]
    fn a_row_touched_without_a_change_is_the_same_row() {
        let touched = r#"{"ActionCode":"INS","RowKey":"r","odata.etag":"W/\"2\"","PartitionKey":"11:2F20:2F2026","Timestamp":"2027-01-01T00:00:00Z"}"#;
        assert_eq!(lead(ROW).reference, lead(touched).reference);
    }

    #[test]
    fn a_row_with_other_content_or_keys_is_another() {
        for (from, to) in [
            ("INS", "PLT"),
            ("\"r\"", "\"s\""),
            ("11:2F20", "11:2F21"),
            ("ActionCode", "ActionCodes"),
        ] {
            assert_ne!(
                lead(ROW).reference,
                lead(&ROW.replace(from, to)).reference,
                "{from}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_kept_under_its_own_digest() {
        for text in ["[]", "7", "null", "{}", "\"x\""] {
            let lead = lead(text);
            assert_eq!(lead.body, text);
            assert_eq!(lead.occurred_at, None);
        }
        assert_ne!(lead("[]").reference, lead("[1]").reference);
    }
}
