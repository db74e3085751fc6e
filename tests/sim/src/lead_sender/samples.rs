//! Leads as they are documented, and the ways in which they differ.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// .NET counts from the year 1, in units of 100 ns.
const TICKS_TO_1970: i64 = 621_355_968_000_000_000;

/// Every documented lead, by the name of its file.
const DOCUMENTED: [(&str, &str); 17] = [
    sample(
        "appsource_dnc",
        include_str!("../../../fixtures/marketplace/https_appsource_dnc.json"),
    ),
    sample(
        "appsource_plt_contact_me",
        include_str!("../../../fixtures/marketplace/https_appsource_plt_contact_me.json"),
    ),
    sample(
        "appsource_spza_label_ins",
        include_str!("../../../fixtures/marketplace/https_appsource_spza_label_ins.json"),
    ),
    sample(
        "azuremarketplace_ins",
        include_str!("../../../fixtures/marketplace/https_azuremarketplace_ins.json"),
    ),
    sample(
        "azuremarketplace_ins_plain_source",
        include_str!("../../../fixtures/marketplace/https_azuremarketplace_ins_plain_source.json"),
    ),
    sample(
        "azureportal_create",
        include_str!("../../../fixtures/marketplace/https_azureportal_create.json"),
    ),
    sample(
        "duplicate_sequence",
        include_str!("../../../fixtures/marketplace/https_duplicate_sequence.json"),
    ),
    sample(
        "extra_unknown_fields",
        include_str!("../../../fixtures/marketplace/https_extra_unknown_fields.json"),
    ),
    sample(
        "lowercase_keys",
        include_str!("../../../fixtures/marketplace/https_lowercase_keys.json"),
    ),
    sample(
        "microsoft_test_lead",
        include_str!("../../../fixtures/marketplace/https_microsoft_test_lead.json"),
    ),
    sample(
        "missing_fields",
        include_str!("../../../fixtures/marketplace/https_missing_fields.json"),
    ),
    sample(
        "null_user_details",
        include_str!("../../../fixtures/marketplace/https_null_user_details.json"),
    ),
    sample(
        "pii_withheld_edu",
        include_str!("../../../fixtures/marketplace/https_pii_withheld_edu.json"),
    ),
    sample(
        "testdrive_start",
        include_str!("../../../fixtures/marketplace/https_testdrive_start.json"),
    ),
    sample(
        "unicode",
        include_str!("../../../fixtures/marketplace/https_unicode.json"),
    ),
    sample(
        "unknown_action",
        include_str!("../../../fixtures/marketplace/https_unknown_action.json"),
    ),
    sample(
        "lower_userdetails",
        include_str!("../../../fixtures/https/marketplace-lead-test-lower-userdetails.json"),
    ),
];

const fn sample(name: &'static str, text: &'static str) -> (&'static str, &'static str) {
    (name, text)
}

/// Every documented lead, with a name to find it by. One sample is a sequence of leads; they stand in its order.
pub fn documented() -> Vec<(&'static str, Value)> {
    let mut leads = Vec::new();
    for (name, text) in DOCUMENTED {
        match serde_json::from_str(text).unwrap_or_default() {
            Value::Array(sequence) => {
                leads.extend(sequence.into_iter().map(|mut one| (name, one["body"].take())));
            }
            lead => leads.push((name, lead)),
        }
    }
    leads
}

/// The lead that every publication and every press of *Validate* sends; the number is the time.
pub fn test_lead(now: DateTime<Utc>) -> Value {
    let ticks = TICKS_TO_1970 + now.timestamp() * 10_000_000 + i64::from(now.timestamp_subsec_nanos() / 100);
    let mark = format!("MSFT_TEST_{ticks}");
    json!({
        "userDetails": {
            "FirstName": mark,
            "LastName": mark,
            "Email": format!("{mark}@test.com"),
            "Phone": "1234567890",
            "Country": "US",
            "Company": mark,
            "Title": mark,
        },
        "LeadSource": "AzureMarketplace",
        "ActionCode": "INS",
        "OfferTitle": mark,
        "Description": mark,
    })
}

/// The same lead with every name in lower case.
pub fn in_lower_case(lead: &Value) -> Value {
    match lead {
        Value::Object(members) => {
            let lower = members
                .iter()
                .map(|(name, value)| (name.to_lowercase(), in_lower_case(value)));
            Value::from(lower.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// The same lead with members no schema knows.
pub fn with_unknown_members(lead: &Value) -> Value {
    let mut more = lead.clone();
    more["PublisherDisplayName"] = "Contoso".into();
    more["Extension"] = json!({ "list": [1, 2.5, null, true], "text": "?" });
    more
}
