//! Leads as Dataverse takes them.

use std::sync::Arc;

use connector_kit::conformance::leads::{canaries, delivery, forbidden, referral_changed, referred};
use connector_kit::lead::Said;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn own(more: &str) -> Settings {
    let text = format!(
        "environment = 'https://contoso.crm.dynamics.com'\ntenant = 'contoso'\nclient_id = 'a'\n\
         auth = {{ secret = {{ env = 'SECRET' }} }}\n{more}"
    );
    toml::from_str(&text).unwrap()
}

fn columns(mapping: &str, more: &str) -> Result<Columns, ConfigError> {
    let settings = ConnectorSettings {
        mapping: toml::from_str(mapping).unwrap(),
        ..ConnectorSettings::default()
    };
    let own = own(more);
    Columns::new(&rules(&settings, &own)?, &settings, &own)
}

fn with_company(company: &str) -> LeadDelivery {
    let one = delivery(1);
    let mut lead = one.lead.as_ref().clone();
    lead.person.company = Some(Said {
        value: company.to_owned(),
        ..lead.person.company.clone().unwrap()
    });
    LeadDelivery {
        lead: Arc::new(lead),
        ..one
    }
}

#[test]
fn the_shipped_mapping_adds_what_a_referral_says() {
    let columns = columns("", "").unwrap();
    let plain = columns.of(&delivery(1)).unwrap();
    let mut record = columns.of(&referred(1)).unwrap();
    record.retain(|name, _| !plain.contains_key(name));
    assert_eq!(
        Value::Object(record),
        json!({
            "estimatedamount": 20000.5,
            "estimatedclosedate": "2026-12-31",
            "transactioncurrencyid@odata.bind": "EUR",
            "lsync_referralid": "00000001-0000-4000-8000-000000000001",
            "lsync_referralstatus": "New",
            "lsync_referralsubstatus": "Pending",
            "lsync_referralkind": "customer-inquiry",
            "lsync_referralvalue": 20000.5,
            "lsync_referralcurrency": "EUR",
            "lsync_referralanswerdue": "2026-12-04T00:00:00Z",
            "lsync_referralhelp": "ProofOfConceptOrDemo",
            "lsync_referralvisible": false,
            "lsync_referralcrmid": "7-00000001",
            "lsync_referralsolutions": "SOL-34104-EBB; SOL-12345-ABC",
            "lsync_referralnotes": "Remark1Canary",
        })
    );
}

#[test]
fn a_value_is_a_number_where_the_column_takes_one() {
    let columns = columns(
        "estimatedamount = { from = 'referral.value' }\nlsync_text = { from = 'referral.value', max_length = 40 }",
        "",
    )
    .unwrap();
    for (value, number) in [
        ("25000", json!(25000)),
        ("0.10", json!(0.1)),
        ("1234567890.25", json!(1_234_567_890.25)),
    ] {
        let one = referral_changed(&referred(1), 2, |referral| {
            referral.deal.value = value.parse().ok();
        });
        let record = columns.of(&one).unwrap();
        assert_eq!(
            (&record["estimatedamount"], &record["lsync_text"]),
            (&number, &json!(value))
        );
    }
}

#[test]
fn a_forbidden_lead_empties_what_a_referral_filled_only_where_there_is_one() {
    let columns = columns("", "").unwrap();
    let (with, without) = (forbidden(&referred(1), 2), forbidden(&delivery(1), 2));
    let with = columns.of(&with).unwrap();
    assert_eq!(with["lsync_referralnotes"], Value::Null);
    assert_eq!(with["lsync_referralstatus"], json!("New"));
    let without = columns.of(&without).unwrap();
    assert!(
        without.keys().all(|name| !name.contains("referral")),
        "{without:?}"
    );
}

#[test]
fn the_shipped_mapping_fills_a_lead() {
    let record = columns("", "").unwrap().of(&delivery(1)).unwrap();
    assert_eq!(
        Value::Object(record),
        json!({
            "subject": "AzureMarketplace-PLT|contoso.analytics-pro",
            "firstname": "Given1Canary",
            "lastname": "Family1Canary",
            "companyname": "Company1Canary",
            "jobtitle": "Title1Canary",
            "emailaddress1": "canary1@example.com",
            "telephone1": "+14255550001",
            "address1_country": "US",
            "description": "Contoso Analytics Pro\nNote1Canary",
            "lsync_leadsource": "AzureMarketplace-PLT|contoso.analytics-pro",
            "lsync_actioncode": "PLT",
            "lsync_publisher": "contoso",
            "lsync_offer": "contoso.analytics-pro",
            "lsync_receivedat": "2026-11-20T12:00:00Z",
        })
    );
}

#[test]
fn a_lead_without_a_family_name_is_called_by_its_company_or_its_address() {
    let columns = columns("", "").unwrap();
    let mut lead = delivery(1).lead.as_ref().clone();
    let name = |lead: &connector_kit::Lead| {
        let one = LeadDelivery {
            lead: Arc::new(lead.clone()),
            ..delivery(1)
        };
        columns.of(&one).unwrap()["lastname"].clone()
    };
    lead.person.last_name = None;
    assert_eq!(name(&lead), "Company1Canary");
    lead.person.company = None;
    assert_eq!(name(&lead), "canary1@example.com");
    lead.person.email = None;
    assert_eq!(name(&lead), "Unknown");
}

#[test]
fn our_own_columns_take_the_prefix_of_the_key_column() {
    let columns = columns("", "key_column = 'contoso_leadid'").unwrap();
    let record = columns.of(&delivery(1)).unwrap();
    assert!(record.contains_key("contoso_offer") && !record.contains_key("lsync_offer"));
}

#[test]
fn a_person_who_must_not_be_contacted_is_marked_and_emptied() {
    let columns = columns("", "").unwrap();
    let record = columns.of(&forbidden(&delivery(1), 2)).unwrap();
    for mark in [
        "donotemail",
        "donotbulkemail",
        "donotphone",
        "donotpostalmail",
        "donotfax",
        "donotsendmm",
    ] {
        assert_eq!(record[mark], json!(true), "{mark}");
    }
    for column in [
        "firstname",
        "lastname",
        "emailaddress1",
        "telephone1",
        "companyname",
        "description",
    ] {
        assert_eq!(record[column], Value::Null, "{column}");
    }
    let text = Value::Object(record).to_string();
    assert!(canaries(1).iter().all(|canary| !text.contains(canary)), "{text}");
}

#[test]
fn a_person_may_be_marked_and_not_emptied() {
    let more = "do_not_contact = { columns = ['donotemail', 'msdyn_gdproptout'], blank = false }";
    let record = columns("", more)
        .unwrap()
        .of(&forbidden(&delivery(1), 2))
        .unwrap();
    assert_eq!(
        (&record["donotemail"], &record["msdyn_gdproptout"]),
        (&json!(true), &json!(true))
    );
    assert!(!record.contains_key("emailaddress1") && !record.contains_key("donotphone"));
}

#[test]
fn who_may_be_contacted_is_never_unmarked_by_us() {
    let record = columns("", "").unwrap().of(&delivery(1)).unwrap();
    assert!(
        !record.keys().any(|name| name.starts_with("donot")),
        "a sales person may have set it"
    );
}

#[test]
fn texts_are_cut_by_utf16_units_between_graphemes() {
    let columns = columns("companyname = { from = 'person.company' }", "").unwrap();
    for (company, kept) in [
        ("x".repeat(100), 100),
        ("x".repeat(101), 100),
        // Two units each: fifty fit, and the surrogate pair at the edge stays whole.
        ("😀".repeat(60), 100),
        (format!("x{}", "😀".repeat(60)), 99),
        // Seven units each (a family is one grapheme of eleven): none is torn apart.
        ("👩‍👩‍👧‍👦".repeat(20), 99),
    ] {
        let record = columns.of(&with_company(&company)).unwrap();
        let text = record["companyname"].as_str().unwrap();
        assert_eq!(text.encode_utf16().count(), kept, "{company}");
        assert!(company.starts_with(text));
    }
}

#[test]
fn a_rule_that_refuses_what_is_too_long_counts_units_too() {
    let columns = columns("companyname = { from = 'person.company', max_length = 60 }", "").unwrap();
    assert!(columns.of(&with_company(&"😀".repeat(30))).is_ok());
    let error = columns.of(&with_company(&"😀".repeat(31))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(
        error.to_string().contains("companyname") && !error.to_string().contains('😀'),
        "{error}"
    );
}

#[test]
fn a_columns_length_can_be_told() {
    let columns = columns(
        "companyname = { from = 'person.company' }",
        "lengths = { companyname = 10 }",
    )
    .unwrap();
    let record = columns.of(&with_company("Contoso Corporation")).unwrap();
    assert_eq!(record["companyname"], "Contoso Co");
}

#[test]
fn choices_and_flags_and_lookups_are_written_as_their_columns_take_them() {
    let mapping = "leadsourcecode = { default = 'Web' }\nleadqualitycode = { default = 1 }\n\
                   lsync_hot = { from = 'hot' }\n\
                   'campaignid@odata.bind' = { default = '/campaigns(9b2d0c4e-5a6f-ee11-9ae7-000d3a993550)' }";
    let record = columns(mapping, "").unwrap().of(&delivery(1)).unwrap();
    assert_eq!(
        Value::Object(record),
        json!({
            "leadsourcecode": 8,
            "leadqualitycode": 1,
            "lsync_hot": true,
            "campaignid@odata.bind": "/campaigns(9b2d0c4e-5a6f-ee11-9ae7-000d3a993550)",
        })
    );
}

#[test]
fn an_unknown_label_rejects_the_lead_and_names_the_column() {
    let columns = columns("leadsourcecode = { from = 'person.company' }", "").unwrap();
    let error = columns.of(&delivery(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().contains("leadsourcecode") && !error.to_string().contains("Company1Canary"));
}

#[test]
fn a_mapping_that_cannot_work_is_refused_at_load() {
    for (mapping, key) in [
        (
            "lsync_marketplaceleadid = { from = 'id' }",
            "mapping.lsync_marketplaceleadid",
        ),
        ("statecode = { default = 1 }", "mapping.statecode"),
        (
            "EmailAddress1 = { from = 'person.email' }",
            "mapping.EmailAddress1",
        ),
        ("'owner id' = { default = 'x' }", "mapping.owner id"),
        ("'@odata.bind' = { default = 'x' }", "mapping.@odata.bind"),
        ("'@odata.id' = { default = 'x' }", "mapping.@odata.id"),
    ] {
        assert_eq!(columns(mapping, "").unwrap_err().key, key, "{mapping}");
    }
    assert!(columns("statecode = { default = 0 }\nstatuscode = { default = 2 }", "").is_ok());
}

proptest! {
    #[test]
    fn a_cut_text_fits_and_is_the_longest_that_does(text in "\\PC{0,40}", units in 1usize..50) {
        let kept = cut(&text, units);
        prop_assert!(text.starts_with(kept));
        prop_assert!(kept.encode_utf16().count() <= units);
        if kept.len() < text.len() {
            let next = text[kept.len()..].graphemes(true).next().unwrap();
            prop_assert!(kept.encode_utf16().count() + next.encode_utf16().count() > units);
        }
    }
}
