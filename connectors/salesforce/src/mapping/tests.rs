//! Leads become records as a described organisation takes them.

use std::sync::Arc;

use connector_kit::conformance::leads;
use connector_kit::{EventKind, Lead};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const KEY: &str = "Marketplace_Lead_Id__c";

fn stock() -> Value {
    let text = include_str!("../../../../tests/fixtures/salesforce/lead-describe-min.json");
    let mut describe: Value = serde_json::from_str(text).unwrap();
    let key = json!({
        "name": KEY, "type": "string", "length": 80, "nillable": true, "createable": true, "updateable": true,
        "externalId": true, "unique": true,
    });
    describe["fields"].as_array_mut().unwrap().push(key);
    describe
}

/// The recorded organisation, changed.
fn described(change: impl Fn(&mut Vec<Value>)) -> Describe {
    let mut describe = stock();
    change(describe["fields"].as_array_mut().unwrap());
    serde_json::from_value(describe).unwrap()
}

fn field<'f>(fields: &'f mut [Value], name: &str) -> &'f mut Value {
    fields.iter_mut().find(|field| field["name"] == name).unwrap()
}

fn shape(mapping: &str, settings: &str) -> Result<Shape, ConfigError> {
    let least = r#"
        instance_url = "https://contoso.my.salesforce.com"
        auth = { kind = "client_credentials", client_id = "CK", client_secret = { env = "S" } }
    "#;
    let written = ConnectorSettings {
        settings: format!("{least}{settings}").parse().unwrap(),
        mapping: toml::from_str(mapping).unwrap(),
        ..ConnectorSettings::default()
    };
    Shape::new(&written, &written.parse().unwrap())
}

fn create(shape: &Shape, delivery: &LeadDelivery, lead: &Describe) -> Result<Value, ConnectorError> {
    shape
        .record(delivery, lead, Purpose::Create, &BTreeSet::new())
        .map(Value::Object)
}

fn changed(delivery: &LeadDelivery, change: impl Fn(&mut Lead)) -> LeadDelivery {
    let mut lead = Lead::clone(&delivery.lead);
    change(&mut lead);
    LeadDelivery {
        lead: Arc::new(lead),
        ..delivery.clone()
    }
}

#[test]
fn the_shipped_mapping_is_the_default() {
    let shipped: Shipped = toml::from_str(SHIPPED).unwrap();
    assert_eq!(shape("", "").unwrap().rules, shipped.mapping);
    assert!(shipped.mapping.len() >= 9);
}

#[test]
fn a_lead_becomes_the_record_the_readme_promises() {
    let delivery = leads::delivery(1);
    assert_eq!(
        create(&shape("", "").unwrap(), &delivery, &described(|_| ())).unwrap(),
        json!({
            KEY: delivery.lead.id.to_string(),
            "FirstName": "Given1Canary", "LastName": "Family1Canary", "Company": "Company1Canary",
            "Title": "Title1Canary", "Email": "canary1@example.com", "Phone": "+14255550001", "Country": "US",
            "LeadSource": "AzureMarketplace",
            "Description": "Contoso Analytics Pro\ncontoso.analytics-pro\nPLT\nNote1Canary",
        })
    );
}

#[test]
fn what_salesforce_insists_on_is_filled_from_what_the_lead_says() {
    let shape = shape("", "").unwrap();
    let lead = described(|_| ());
    let nameless = changed(&leads::delivery(1), |lead| {
        lead.person.last_name = None;
        lead.person.company = None;
    });
    let record = create(&shape, &nameless, &lead).unwrap();
    assert_eq!(
        (&record["LastName"], &record["Company"]),
        (&json!("Given1Canary"), &json!("example.com"))
    );
    let first_less = changed(&nameless, |lead| lead.person.first_name = None);
    assert_eq!(create(&shape, &first_less, &lead).unwrap()["LastName"], "canary1");
    let nobody = changed(&first_less, |lead| lead.person.email = None);
    let record = create(&shape, &nobody, &lead).unwrap();
    assert_eq!(
        (&record["LastName"], &record["Company"]),
        (&json!("Unknown"), &json!("Unknown"))
    );
    let update = shape
        .record(&nobody, &lead, Purpose::Update, &BTreeSet::new())
        .unwrap();
    assert!(
        !update.contains_key("LastName") && !update.contains_key("Company"),
        "an update fills no gaps"
    );
}

#[test]
fn a_field_that_cannot_be_written_parks_the_destination_and_is_named() {
    let lead = described(|fields| field(fields, "Title")["createable"] = false.into());
    let error = create(&shape("", "").unwrap(), &leads::delivery(1), &lead).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert_eq!(
        error.to_string(),
        "write leads: field Title is read-only for the integration user"
    );
    let hidden = described(|fields| fields.retain(|field| field["name"] != "Title"));
    let error = create(&shape("", "").unwrap(), &leads::delivery(1), &hidden).unwrap_err();
    assert!(error.to_string().contains("field Title is missing"), "{error}");
    assert!(error.hint_text().unwrap().contains("leadsync provision"));
}

#[test]
fn a_field_may_be_left_out_when_the_operator_says_so_unless_it_is_required() {
    let hidden = described(|fields| fields.retain(|field| field["name"] != "Title"));
    let left_out = "missing_fields = 'leave_out'";
    let record = create(&shape("", left_out).unwrap(), &leads::delivery(1), &hidden).unwrap();
    assert!(record.get("Title").is_none());
    let required = "Title = { from = 'person.title', required = true }";
    assert!(create(&shape(required, left_out).unwrap(), &leads::delivery(1), &hidden).is_err());
}

#[test]
fn a_missing_key_is_told_before_anything_is_sent() {
    let lead = described(|fields| fields.retain(|field| field["name"] != KEY));
    let error = create(&shape("", "").unwrap(), &leads::delivery(1), &lead).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.hint_text().unwrap().contains("leadsync provision"));
}

#[test]
fn a_field_that_is_fixed_after_the_create_is_left_out_of_updates() {
    let lead = described(|fields| field(fields, "Title")["updateable"] = false.into());
    let shape = shape("", "").unwrap();
    assert_eq!(
        create(&shape, &leads::delivery(1), &lead).unwrap()["Title"],
        "Title1Canary"
    );
    let update = shape
        .record(&leads::delivery(1), &lead, Purpose::Update, &BTreeSet::new())
        .unwrap();
    assert!(!update.contains_key("Title"));
}

#[test]
fn create_only_fields_are_not_in_updates_whatever_the_delivery_says() {
    let shape = shape("", "").unwrap();
    let created = leads::delivery(1);
    assert_eq!(created.kind, EventKind::Created);
    let update = shape
        .record(&created, &described(|_| ()), Purpose::Update, &BTreeSet::new())
        .unwrap();
    assert!(!update.contains_key("LeadSource"), "{update:?}");
}

#[test]
fn text_is_cut_within_the_field_when_the_mapping_says_truncate() {
    let lead = described(|fields| field(fields, "Title")["length"] = 8.into());
    let family = changed(&leads::delivery(1), |lead| {
        // Six units per family: four people joined would be eleven; the flag is two letters of two units.
        lead.person.title.as_mut().unwrap().value = "ab🇩🇪👩‍👩‍👧".into();
    });
    assert_eq!(
        create(&shape("", "").unwrap(), &family, &lead).unwrap()["Title"],
        "ab🇩🇪"
    );
    let strict = "Title = { from = 'person.title' }";
    let error = create(&shape(strict, "").unwrap(), &family, &lead).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().contains("the field takes 8"), "{error}");
}

#[test]
fn with_country_picklists_the_code_has_a_field_of_its_own() {
    let lead = described(|fields| {
        fields.push(
            json!({ "name": "CountryCode", "type": "picklist", "length": 10, "nillable": true,
            "createable": true, "updateable": true }),
        );
    });
    let record = create(&shape("", "").unwrap(), &leads::delivery(1), &lead).unwrap();
    assert_eq!(
        (record.get("Country"), &record["CountryCode"]),
        (None, &json!("US"))
    );
}

#[test]
fn a_value_outside_a_restricted_picklist_does_not_hold_up_the_lead() {
    let lead = described(|fields| field(fields, "LeadSource")["restrictedPicklist"] = true.into());
    let record = create(&shape("", "").unwrap(), &leads::delivery(1), &lead).unwrap();
    assert!(record.get("LeadSource").is_none());
    let required = "LeadSource = { from = 'touch.storefront', required = true }";
    let error = create(&shape(required, "").unwrap(), &leads::delivery(1), &lead).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

#[test]
fn values_take_the_type_of_their_field() {
    let lead = described(|fields| {
        for (name, kind) in [
            ("N__c", "double"),
            ("F__c", "boolean"),
            ("D__c", "date"),
            ("T__c", "datetime"),
            ("S__c", "string"),
        ] {
            fields.push(json!({ "name": name, "type": kind, "createable": true, "updateable": true, "nillable": true }));
        }
    });
    let mapping = "
        N__c = { from = 'revision' }\nF__c = { from = 'hot' }\nD__c = { from = 'first_at' }
        T__c = { from = 'first_at' }\nS__c = { from = 'revision' }";
    let record = create(&shape(mapping, "").unwrap(), &leads::delivery(1), &lead).unwrap();
    assert_eq!(
        (
            &record["N__c"],
            &record["F__c"],
            &record["D__c"],
            &record["T__c"],
            &record["S__c"]
        ),
        (
            &json!(1),
            &json!(true),
            &json!("2026-11-20"),
            &json!("2026-11-20T12:00:00.000Z"),
            &json!("1")
        )
    );
    let wrong = "N__c = { from = 'person.title' }";
    let error = create(&shape(wrong, "").unwrap(), &leads::delivery(1), &lead).unwrap_err();
    assert!(!error.to_string().contains("Canary"), "{error}");
}

#[test]
fn nothing_of_the_person_is_left_when_nobody_may_be_contacted() {
    let lead = described(|fields| {
        fields
            .push(json!({ "name": "DoNotCall", "type": "boolean", "createable": true, "updateable": true }));
    });
    let closed = leads::forbidden(&leads::delivery(1), 2);
    let record = create(&shape("", "").unwrap(), &closed, &lead).unwrap();
    assert_eq!(record["DoNotCall"], true);
    assert_eq!(record["Email"], Value::Null);
    assert_eq!(
        (&record["LastName"], &record["Company"]),
        (&json!(WITHHELD), &json!(WITHHELD))
    );
    for canary in leads::canaries(1) {
        assert!(!record.to_string().contains(&canary), "{record}");
    }
    assert!(
        record.get("HasOptedOutOfEmail").is_none(),
        "what is not described is not sent"
    );
}

#[test]
fn the_key_belongs_to_leadsync() {
    for (line, key) in [
        (
            "marketplace_lead_id__c = { from = 'id' }",
            "mapping.marketplace_lead_id__c",
        ),
        ("IsConverted = { default = true }", "mapping.IsConverted"),
        ("'Lead Source' = { default = 'x' }", "mapping.Lead Source"),
    ] {
        assert_eq!(shape(line, "").unwrap_err().key, key);
    }
}

proptest! {
    #[test]
    fn a_cut_text_fits_and_is_a_beginning(text in "\\PC{0,30}", most in 0..20_usize) {
        let kept = cut(&text, most);
        prop_assert!(kept.encode_utf16().count() <= most);
        prop_assert!(text.starts_with(kept));
    }
}
