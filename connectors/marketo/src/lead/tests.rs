//! What a lead looks like in Marketo.

use std::sync::Arc;

use connector_kit::conformance::leads::{delivery, forbidden};
use connector_kit::{Lead, RecordRef};
use serde_json::json;

use super::*;

const SETTINGS: &str =
    "base_url = 'https://a.example'\nclient_id = { env = 'I' }\nclient_secret = { env = 'S' }";

fn records(settings: &str, mapping: &str) -> Result<Records, ConfigError> {
    let written = ConnectorSettings {
        settings: format!("{SETTINGS}\n{settings}").parse().unwrap(),
        mapping: toml::from_str(mapping).unwrap(),
        ..ConnectorSettings::default()
    };
    Records::new(&written, &written.parse()?)
}

fn with(change: impl FnOnce(&mut Lead)) -> LeadDelivery {
    let mut delivery = delivery(1);
    change(Arc::make_mut(&mut delivery.lead));
    delivery
}

#[test]
fn the_shipped_mapping_writes_the_fields_of_the_contract() {
    let record = records("", "").unwrap().of(&delivery(1)).unwrap();
    let id = delivery(1).lead.id.to_string();
    assert_eq!(record.order, Order::ByField("email".into()));
    assert_eq!(
        Value::Object(record.fields),
        json!({
            "email": "canary1@example.com", "firstName": "Given1Canary", "lastName": "Family1Canary",
            "phone": "+14255550001", "company": "Company1Canary", "title": "Title1Canary", "country": "US",
            "leadSource": "Microsoft Marketplace", "msLeadId": id, "msActionCode": "PLT",
            "msOfferTitle": "Contoso Analytics Pro", "msOfferId": "contoso.analytics-pro",
            "msLeadSource": "AzureMarketplace-PLT|contoso.analytics-pro", "msReceivedAt": "2026-11-20T12:00:00Z",
        })
    );
}

#[test]
fn the_mapping_written_out_in_the_shipped_file_is_the_default() {
    let shipped: Shipped = toml::from_str(SHIPPED).unwrap();
    let written = ConnectorSettings {
        settings: SETTINGS.parse().unwrap(),
        mapping: shipped.mapping,
        ..ConnectorSettings::default()
    };
    let copied = Records::new(&written, &written.parse().unwrap()).unwrap();
    let default = records("", "").unwrap();
    assert_eq!(
        copied.of(&delivery(1)).unwrap().fields,
        default.of(&delivery(1)).unwrap().fields
    );
    assert_eq!(
        copied.targets().collect::<Vec<_>>(),
        default.targets().collect::<Vec<_>>()
    );
}

#[test]
fn an_address_is_written_in_ascii_or_not_at_all() {
    for (text, written) in [
        ("ada@example.com", Some("ada@example.com")),
        ("Ada.L@Example.COM", Some("Ada.L@example.com")),
        ("ada@münchen.example", Some("ada@xn--mnchen-3ya.example")),
        ("ada@例え.テスト", Some("ada@xn--r8jz45g.xn--zckzah")),
        ("ädä@example.com", None),
        ("a,b@example.com", None),
        ("@example.com", None),
        ("ada", None),
        ("ada@127.0.0.1", None),
    ] {
        assert_eq!(ascii_address(text).as_deref(), written, "{text}");
    }
    let odd = with(|lead| lead.person.email.as_mut().unwrap().value = "ädä@example.com".into());
    let error = records("", "").unwrap().of(&odd).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(!error.to_string().contains("example.com"));
}

#[test]
fn a_lead_without_an_address_is_refused_with_a_hint_or_keyed_by_our_id() {
    let nameless = with(|lead| lead.person.email = None);
    let error = records("", "").unwrap().of(&nameless).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.hint_text().unwrap().contains("without_email"));
    let record = records("without_email = 'by-lead-id'", "")
        .unwrap()
        .of(&nameless)
        .unwrap();
    assert_eq!(record.order, Order::ByField("msLeadId".into()));
}

#[test]
fn a_record_marketo_named_before_is_written_by_that_name() {
    let known = LeadDelivery {
        record: Some(RecordRef("318581".into())),
        ..delivery(1)
    };
    let record = records("", "").unwrap().of(&known).unwrap();
    assert_eq!(
        (record.order, &record.fields["id"]),
        (Order::ById, &json!(318_581))
    );
    assert_eq!(record.otherwise, Some(Order::ByField("email".into())));
}

#[test]
fn texts_are_cut_at_255_characters_and_text_areas_at_30000_bytes() {
    let mapping = "email = { from = 'person.email' }\nnotes = { from = 'person.title' }\ntitle = { from = 'person.title' }";
    let long = with(|lead| lead.person.title.as_mut().unwrap().value = "ş".repeat(2_000));
    let record = records("text_areas = ['notes']", mapping)
        .unwrap()
        .of(&long)
        .unwrap();
    assert_eq!(record.fields["title"], json!("ş".repeat(255)));
    assert_eq!(record.fields["notes"], json!("ş".repeat(2_000)));
}

#[test]
fn behind_a_closed_gate_nothing_personal_is_mapped() {
    let records = records("", "").unwrap();
    let fields = records.fields(&forbidden(&delivery(1), 2)).unwrap();
    assert!(!Value::Object(fields).to_string().contains("Canary"));
    let personal: Vec<&str> = records.personal(&delivery(1).lead).collect();
    assert_eq!(
        personal,
        [
            "company",
            "country",
            "email",
            "firstName",
            "lastName",
            "phone",
            "title"
        ]
    );
}

#[test]
fn a_key_that_nothing_writes_is_refused_at_load() {
    let mapping = "email = { from = 'person.email' }";
    for (settings, key) in [
        ("lookup_field = 'msLeadId'", "settings.lookup_field"),
        ("without_email = 'by-lead-id'", "settings.without_email"),
    ] {
        assert_eq!(records(settings, mapping).unwrap_err().key, key);
    }
    assert!(records("lookup_field = 'msLeadId'", "").is_ok());
}
