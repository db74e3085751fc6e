//! Records as Salesforce shows them, and what they say.

use connector_kit::outcome::Amount;
use serde_json::Value;

use super::*;

fn fixture(text: &str) -> Vec<Members> {
    let fixture: Value = serde_json::from_str(text).unwrap();
    let body = fixture.get("response").unwrap()["body"]["records"].clone();
    // As text, so that numbers stay as they were printed.
    serde_json::from_str(&body.to_string()).unwrap()
}

fn meaning(lines: &str) -> Meaning {
    Meaning::new(&toml::from_str(lines).unwrap())
}

fn key() -> LeadId {
    "0199b0c4".repeat(4).parse().unwrap()
}

fn members(json: &str) -> Members {
    serde_json::from_str(json).unwrap()
}

fn lead(meaning: &Meaning, more: &str) -> Outcome {
    let row = members(&format!(
        r#"{{ "Id": "00Q5e0000000001EAA", "SystemModstamp": "2026-01-02T10:15:30.000+0000", {more} }}"#
    ));
    meaning.outcome(&meaning.lead(&row, "Key__c", None).unwrap(), key())
}

#[test]
fn the_recorded_page_is_read() {
    let rows = fixture(include_str!(
        "../../../../../tests/fixtures/salesforce/query-page1.json"
    ));
    let meaning = meaning("");
    let read: Vec<WatchedLead> = rows
        .iter()
        .filter_map(|row| meaning.lead(row, "Marketplace_Lead_Id__c", None))
        .collect();
    let stages: Vec<Stage> = read.iter().map(|row| meaning.outcome(row, key()).stage).collect();
    assert_eq!(stages, [Stage::Open, Stage::Accepted]);
    assert_eq!(read[1].changed_at.to_rfc3339(), "2026-01-02T10:15:30+00:00");
}

#[test]
fn a_status_means_what_the_operator_says_before_what_is_shipped() {
    let own = meaning(
        "statuses = { 'working - contacted' = 'open', 'On Hold' = 'declined' }\nother_status = 'accepted'",
    );
    for (status, stage) in [
        ("Working - Contacted", Stage::Open),
        ("On Hold", Stage::Declined),
        ("Closed - Not Converted", Stage::Declined),
        ("Somewhere", Stage::Accepted),
    ] {
        let outcome = lead(&own, &format!(r#""Status": "{status}", "IsConverted": false"#));
        assert_eq!((outcome.stage, outcome.state.as_str()), (stage, status));
    }
    assert!(own.knows("on hold") && !own.knows("Somewhere"));
}

#[test]
fn a_converted_lead_is_accepted_whatever_its_status_is_called() {
    let outcome = lead(&meaning(""), r#""Status": "Unqualified", "IsConverted": true"#);
    assert_eq!(outcome.stage, Stage::Accepted);
}

#[test]
fn a_deleted_record_says_nothing_any_more() {
    let outcome = lead(
        &meaning(""),
        r#""Status": "Open", "IsDeleted": true, "MasterRecordId": null"#,
    );
    assert_eq!((outcome.stage, outcome.state.as_str()), (Stage::Gone, "deleted"));
    let outcome = lead(
        &meaning(""),
        r#""Status": "Open", "IsDeleted": true, "MasterRecordId": "00Q5e0000000009EAA""#,
    );
    assert_eq!((outcome.stage, outcome.state.as_str()), (Stage::Gone, "merged"));
}

#[test]
fn an_opportunity_decides_by_its_flags_and_never_by_its_stage_name() {
    let rows = fixture(include_str!(
        "../../../../../tests/fixtures/salesforce/query-opportunity-status.json"
    ));
    let opportunity = parent(&rows[0], "ConvertedOpportunity").unwrap();
    let outcome = meaning("currency = 'EUR'")
        .deal(&opportunity, "0065e0000000001AAA", key(), None)
        .unwrap();
    assert_eq!((outcome.stage, outcome.subject), (Stage::Won, Subject::Deal));
    let value = outcome.value.unwrap();
    assert_eq!(
        (value.amount.to_string(), value.currency.as_deref()),
        ("12000.0".to_owned(), Some("EUR"))
    );
    assert_eq!(outcome.closes_on, NaiveDate::from_ymd_opt(2026, 3, 31));
    assert!(
        parent(&rows[1], "ConvertedOpportunity").is_none(),
        "a null parent is no parent"
    );

    let deal = |flags: &str| {
        let row = format!(
            r#"{{ {flags}, "StageName": "Closed Won", "SystemModstamp": "2026-03-31T08:00:00.000+0000" }}"#
        );
        meaning("")
            .deal(&members(&row), "006", key(), None)
            .unwrap()
            .stage
    };
    assert_eq!(deal(r#""IsClosed": true, "IsWon": false"#), Stage::Lost);
    assert_eq!(deal(r#""IsClosed": false, "IsWon": false"#), Stage::Accepted);
}

#[test]
fn an_opportunity_tells_its_own_currency_and_the_reason_the_operator_names() {
    let own = meaning("currency = 'EUR'\nreason_field = 'Loss_Reason__c'\namount_field = 'Value__c'");
    let row = r#"{ "IsClosed": true, "IsWon": false, "StageName": "Lost", "CurrencyIsoCode": "USD", "Value__c": 1.25E7,
        "Loss_Reason__c": "Price", "SystemModstamp": "2026-03-31T08:00:00.000+0000" }"#;
    let outcome = own.deal(&members(row), "006", key(), None).unwrap();
    assert_eq!(outcome.reason.as_deref(), Some("Price"));
    let value = outcome.value.unwrap();
    assert_eq!(
        (value.amount.to_string(), value.currency.as_deref()),
        ("12500000".to_owned(), Some("USD"))
    );
}

#[test]
fn an_amount_keeps_its_digits() {
    for (printed, meant) in [
        ("12000.0", Some("12000.0")),
        ("99999999999999.99", Some("99999999999999.99")),
        ("1.2E7", Some("12000000")),
        ("1.23456789E7", Some("12345678.9")),
        ("-1.5E8", Some("-150000000")),
        ("5.0E-4", Some("0.00050")),
        ("1E0", Some("1")),
        ("null", None),
        ("1E99", None),
    ] {
        assert_eq!(
            decimal(printed).as_ref().map(Amount::to_string).as_deref(),
            meant,
            "{printed}"
        );
    }
}

#[test]
fn a_deleted_opportunity_is_known_by_its_record_alone() {
    let row = members(r#"{ "Id": "0065e0000000001AAA", "SystemModstamp": "2026-03-31T08:00:00.000+0000" }"#);
    let outcome = deleted_deal(&row).unwrap();
    assert_eq!(
        (outcome.lead, outcome.stage, outcome.subject),
        (None, Stage::Gone, Subject::Deal)
    );
}

#[test]
fn a_record_is_owned_by_a_user_who_is_not_the_one_that_writes() {
    let (us, person, queue) = ("0055e0000000001", "0055e0000000002AAA", "00G5e0000000001EAA");
    for (owner, made_by, we_are, owned) in [
        (person, us, Some("0055e0000000001AAA"), true),
        ("0055e0000000001AAA", us, Some(us), false),
        (queue, us, Some(us), false),
        ("", us, Some(us), false),
        (person, person, Some(us), true),
        (person, us, None, true),
        (us, us, None, false),
        (person, "", None, false),
    ] {
        let row = format!(
            r#"{{ "OwnerId": "{owner}", "CreatedById": "{made_by}", "Id": "006", "IsClosed": false, "IsWon": false,
                "SystemModstamp": "2026-01-02T10:15:30.000+0000" }}"#
        );
        let row = members(&row);
        let meaning = meaning("");
        let deal = meaning.deal(&row, "006", key(), we_are).unwrap();
        let lead = meaning.outcome(&meaning.lead(&row, "Key__c", we_are).unwrap(), key());
        assert_eq!(
            (deal.owned, lead.owned),
            (owned, owned),
            "{owner} {made_by} {we_are:?}"
        );
    }
}

#[test]
fn a_lead_tells_its_deal_only_by_fields_the_operator_names() {
    let row = r#""Status": "Open", "Value__c": 20000.5, "Code__c": "EUR", "Day__c": "2026-12-31""#;
    let silent = lead(&meaning("currency = 'USD'"), row);
    assert_eq!((silent.value, silent.closes_on), (None, None));
    let named = "lead_amount_field = 'Value__c'\nlead_close_field = 'Day__c'\ncurrency = 'USD'";
    for (more, currency) in [
        ("", "USD"),
        ("\nlead_currency_field = 'Code__c'", "EUR"),
        ("\nlead_currency_field = 'No__c'", "USD"),
    ] {
        let told = lead(&meaning(&format!("{named}{more}")), row);
        let value = told.value.unwrap();
        assert_eq!(
            (value.amount.to_string().as_str(), value.currency.as_deref()),
            ("20000.5", Some(currency))
        );
        assert_eq!(told.closes_on, NaiveDate::from_ymd_opt(2026, 12, 31));
    }
}
