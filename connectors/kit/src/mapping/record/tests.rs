//! What each path, function and option does.

mod hostile;
mod mistakes;
mod referral;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::delivery::{EventKind, Gate, LeadDelivery};
use crate::error::ErrorKind;
use crate::ids::LeadId;
use crate::lead::{Intent, Lead, Person, Said, Touch};
use crate::mapping::{FieldRule, MappedField, Mapping, Tables};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn said(value: &str, raw: Option<&str>, normal: bool) -> Said {
    Said {
        value: value.to_owned(),
        raw: raw.map(str::to_owned),
        normal,
        at: at(0),
    }
}

fn delivery() -> LeadDelivery {
    let touch = Touch {
        at: at(1_763_640_000),
        source: "website".into(),
        storefront: "AppSource".to_owned(),
        action: "INS".to_owned(),
        lead_source: "AppSource (SPZA)-INS|contoso.scanner".to_owned(),
        action_code: "INS".to_owned(),
        offer: "contoso.scanner".to_owned(),
        publisher: "contoso".to_owned(),
        offer_title: "Scanner".to_owned(),
        description: "=cmd|'/c calc'!A1\r\nsecond line".to_owned(),
        intent: Intent::Acquired,
        dnc: false,
        extra: BTreeMap::from([
            ("Plan Id".to_owned(), "gold".to_owned()),
            ("Since".to_owned(), "2026-11-20T12:00:00+02:00".to_owned()),
        ]),
        referral: None,
    };
    let person = Person {
        first_name: Some(said("Ada", None, true)),
        last_name: Some(said("Lovelace", None, true)),
        email: Some(said("ada@example.com", Some("Ada@Example.com"), true)),
        phone: Some(said("+442079460018", Some("020 7946 0018"), true)),
        country: Some(said("GB", Some("United Kingdom"), true)),
        company: None,
        title: Some(said("  Countess  ", None, true)),
    };
    let lead = Lead {
        id: LeadId::from_bytes([0xab; 16]),
        account: "default".into(),
        person,
        intent: Intent::Acquired,
        dnc: false,
        first_at: at(1_763_630_000),
        last_at: at(1_763_640_000),
        touches: vec![touch],
        referrals: Vec::new(),
    };
    LeadDelivery {
        lead: Arc::new(lead),
        revision: 3,
        kind: EventKind::Created,
        gate: Gate::Open,
        revised_at: at(1_763_640_001),
        record: None,
        attempt: 0,
        again: None,
    }
}

fn tables() -> Tables {
    let intents = [("acquired", "Won the deal"), ("trial", "Trying")];
    let intents = intents.map(|(from, to)| (from.to_owned(), to.to_owned()));
    Tables::from([("intents".to_owned(), BTreeMap::from(intents))])
}

/// The rules of a `[mapping]` as an operator writes them.
fn rules(text: &str) -> BTreeMap<String, FieldRule> {
    toml::from_str(text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

fn mapping(text: &str) -> Mapping {
    Mapping::parse(&rules(text), &tables()).unwrap_or_else(|why| panic!("{text}: {}: {why}", why.key))
}

fn fields(text: &str, delivery: &LeadDelivery) -> Vec<MappedField> {
    mapping(text)
        .record(delivery)
        .unwrap_or_else(|why| panic!("{text}: {why}"))
}

/// The value of the one field made by the rule, or null.
fn value(rule: &str) -> Value {
    let field = fields(&format!("F = {{ {rule} }}"), &delivery()).pop();
    field.map_or(Value::Null, |field| field.value)
}

fn rejected(rule: &str) -> String {
    let error = mapping(&format!("F = {{ {rule} }}"))
        .record(&delivery())
        .expect_err(rule);
    assert_eq!(error.kind(), ErrorKind::Rejected, "{rule}");
    assert!(
        error.hint_text().is_some_and(|hint| hint.contains("requeue")),
        "{rule}"
    );
    error.to_string()
}

#[test]
fn every_path_gives_its_typed_value() {
    for (path, expected) in [
        ("id", json!("abababababababababababababababab")),
        ("account", json!("default")),
        ("revision", json!(3)),
        ("intent", json!("acquired")),
        ("hot", json!(true)),
        ("dnc", json!(false)),
        ("first_at", json!("2025-11-20T09:13:20.000Z")),
        ("last_at", json!("2025-11-20T12:00:00.000Z")),
        ("revised_at", json!("2025-11-20T12:00:01.000Z")),
        ("touches", json!(1)),
        ("person.first_name", json!("Ada")),
        ("person.last_name", json!("Lovelace")),
        ("person.email", json!("ada@example.com")),
        ("person.email.raw", json!("Ada@Example.com")),
        ("person.first_name.raw", json!("Ada")),
        ("person.phone", json!("+442079460018")),
        ("person.phone.raw", json!("020 7946 0018")),
        ("person.country", json!("GB")),
        ("person.company", Value::Null),
        ("person.company.raw", Value::Null),
        ("person.title", json!("  Countess  ")),
        ("touch.at", json!("2025-11-20T12:00:00.000Z")),
        ("touch.source", json!("website")),
        ("touch.storefront", json!("AppSource")),
        ("touch.action", json!("INS")),
        ("touch.lead_source", json!("AppSource (SPZA)-INS|contoso.scanner")),
        ("touch.action_code", json!("INS")),
        ("touch.offer", json!("contoso.scanner")),
        ("touch.publisher", json!("contoso")),
        ("touch.offer_title", json!("Scanner")),
        ("touch.description", json!("=cmd|'/c calc'!A1\r\nsecond line")),
        ("touch.intent", json!("acquired")),
        ("touch.dnc", json!(false)),
        ("touch.extra.Plan Id", json!("gold")),
        ("touch.extra.Nope", Value::Null),
    ] {
        assert_eq!(value(&format!("from = '{path}'")), expected, "{path}");
    }
}

#[test]
fn every_function_does_what_it_says() {
    for (rule, expected) in [
        ("from = 'person.title', pipe = ['trim']", json!("Countess")),
        ("from = 'person.last_name', pipe = ['lower']", json!("lovelace")),
        ("from = 'person.last_name', pipe = ['upper']", json!("LOVELACE")),
        ("from = 'dnc', pipe = ['upper']", json!("FALSE")),
        ("from = 'person.phone', pipe = ['e164']", json!("+442079460018")),
        ("from = 'person.phone.raw', pipe = ['e164']", Value::Null),
        ("from = 'person.country', pipe = ['iso_country']", json!("GB")),
        (
            "from = 'person.country', pipe = ['lower', 'iso_country']",
            json!("GB"),
        ),
        ("from = 'person.country.raw', pipe = ['iso_country']", Value::Null),
        ("from = 'intent', pipe = ['map(intents)']", json!("Won the deal")),
        ("from = 'account', pipe = ['map(intents)']", Value::Null),
        ("from = 'account', pipe = ['map(intents, Other)']", json!("Other")),
        (
            "from = 'person.company', pipe = ['map(intents, Other)']",
            Value::Null,
        ),
        ("from = 'person.last_name', pipe = ['truncate(4)']", json!("Love")),
        (
            "from = 'person.last_name', pipe = ['truncate(400)']",
            json!("Lovelace"),
        ),
        (
            "from = 'person.first_name', pipe = ['join(\" \", person.last_name)']",
            json!("Ada Lovelace"),
        ),
        (
            "pipe = ['join(\", \", person.company, touch.offer, id)', 'truncate(19)']",
            json!("contoso.scanner, ab"),
        ),
        (
            "from = 'last_at', pipe = ['date(iso)']",
            json!("2025-11-20T12:00:00.000Z"),
        ),
        ("from = 'last_at', pipe = ['date(unix)']", json!(1_763_640_000)),
        (
            "from = 'last_at', pipe = ['date(\"%d.%m.%Y %H:%M\")']",
            json!("20.11.2025 12:00"),
        ),
        (
            "from = 'touch.extra.Since', pipe = ['date(\"%H:%M\")']",
            json!("10:00"),
        ),
        ("from = 'person.company', pipe = ['date(iso)']", Value::Null),
        (
            "from = 'touch.description', pipe = ['plain', 'truncate(6)']",
            json!("'=cmd|"),
        ),
        ("from = 'touch.offer', pipe = ['plain']", json!("contoso.scanner")),
        (
            "from = 'person.company', pipe = ['default(unknown)']",
            json!("unknown"),
        ),
        (
            "from = 'person.last_name', pipe = ['default(unknown)']",
            json!("Lovelace"),
        ),
        (
            "from = 'touch.description', pipe = ['replace_newlines(\" / \")']",
            json!("=cmd|'/c calc'!A1 / second line"),
        ),
        (
            "from = 'touch.description', pipe = ['replace_newlines']",
            json!("=cmd|'/c calc'!A1 second line"),
        ),
    ] {
        assert_eq!(value(rule), expected, "{rule}");
    }
}

#[test]
fn the_formula_guard_knows_every_dangerous_beginning() {
    for text in [
        "=1", "+1", "-1", "@SUM", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1",
    ] {
        assert_eq!(crate::mapping::plain(text.into()), format!("'{text}"));
    }
    for text in ["", "1+1", "a=b", "'=1", " x"] {
        assert_eq!(crate::mapping::plain(text.into()), text);
    }
}

#[test]
fn rule_options_decide_on_empty_and_long_values() {
    for (rule, expected) in [
        ("default = 'Marketplace'", json!("Marketplace")),
        ("default = 7", json!(7)),
        ("default = 1.5", json!(1.5)),
        ("default = true", json!(true)),
        (
            "from = 'person.company', default = '[unknown]', required = true",
            json!("[unknown]"),
        ),
        ("from = 'person.last_name', max_length = 8", json!("Lovelace")),
        (
            "from = 'person.last_name', max_length = 4, on_overflow = 'truncate'",
            json!("Love"),
        ),
        (
            "expr = '\"e\\u0301e\\u0301\"', max_length = 3, on_overflow = 'truncate'",
            json!("e\u{301}"),
        ),
        ("from = 'revision', max_length = 1", json!(3)),
    ] {
        assert_eq!(value(rule), expected, "{rule}");
    }
    assert!(rejected("from = 'person.company', required = true").contains("field F: it is required"));
    let long = rejected("from = 'person.last_name', max_length = 4");
    assert!(long.contains("8 characters") && !long.contains("Love"), "{long}");
    assert!(rejected("from = 'touch.offer', pipe = ['date(iso)']").contains("RFC 3339"));
}

#[test]
fn an_expression_reads_the_same_places() {
    for (expr, expected) in [
        (
            "person.first_name ~ ' ' ~ person.last_name",
            json!("Ada Lovelace"),
        ),
        ("raw.email", json!("Ada@Example.com")),
        (
            "touch.extra['Plan Id'] ~ touch.extra.Nope ~ touch.extra.Since|truncate(4)",
            json!("gold2026"),
        ),
        ("person.company", Value::Null),
        ("person.company|default(touch.publisher)", json!("contoso")),
        ("10 if hot else 0", json!(10)),
        ("revision / 2", json!(1.5)),
        ("touches > 0 and not dnc", json!(true)),
        ("none", Value::Null),
        ("first_at|truncate(10)", json!("2025-11-20")),
    ] {
        assert_eq!(value(&format!("expr = \"{expr}\"")), expected, "{expr}");
    }
    assert!(rejected("expr = '[id]'").contains("one value"));
    assert!(rejected(r#"expr = 'touch.offer["nope"]'"#).contains("not there"));
}

const WHOLE_PERSON: &str = "
    Email = { from = 'person.email', required = true }
    RawPhone = { from = 'person.phone.raw', default = 'none' }
    Name = { pipe = ['join(\" \", person.first_name, person.last_name)'] }
    Company = { expr = 'person.company|default(\"[none]\")' }
    Country = { from = 'person.country' }
    Note = { from = 'touch.description' }
    Plan = { expr = 'touch.extra.Plan' }
    DoNotContact = { from = 'dnc' }
    Offer = { from = 'touch.offer', write = 'create_only' }
    Origin = { default = 'Marketplace' }
";

#[test]
fn a_do_not_contact_record_says_that_and_nothing_about_the_person() {
    let mut delivery = delivery();
    delivery.gate = Gate::DoNotContact;
    delivery.kind = EventKind::Suppressed;
    let fields = fields(WHOLE_PERSON, &delivery);
    let written: Vec<_> = fields
        .iter()
        .map(|f| (f.target.as_str(), f.value.clone()))
        .collect();
    assert_eq!(
        written,
        [("DoNotContact", json!(true)), ("Origin", json!("Marketplace"))]
    );
}

#[test]
fn a_create_only_field_comes_with_the_first_delivery_alone() {
    let mut delivery = delivery();
    let offers = |d: &LeadDelivery| {
        fields(WHOLE_PERSON, d)
            .iter()
            .filter(|f| f.target == "Offer")
            .count()
    };
    assert_eq!(offers(&delivery), 1);
    delivery.kind = EventKind::Updated;
    assert_eq!(offers(&delivery), 0);
}
