//! The schema takes what is shipped, refuses what is misspelt, and knows exactly the keys the reader knows.

use std::collections::BTreeSet;
use std::sync::Arc;

use connector_kit::clock::SystemClock;
use connector_kit::dice::Dice;
use connector_kit::http::ReqwestFactory;
use connector_kit::secret::SecretReader;
use connector_kit::{CallBook, ConnectorContext, ConnectorSettings, Role};
use jsonschema::Validator;
use serde_json::Value;

use super::repository;
use crate::config::{Config, ConnectorFile, schema};
use crate::registry;

fn json(text: &str) -> Value {
    let table: toml::Table = toml::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    serde_json::to_value(table).unwrap()
}

fn validator(schema: &Value) -> Validator {
    jsonschema::validator_for(schema).unwrap()
}

/// What the schema says against a file.
fn objections(validator: &Validator, text: &str) -> Vec<String> {
    let file = json(text);
    let errors = validator.iter_errors(&file);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

fn shipped(file: &str) -> String {
    std::fs::read_to_string(repository().join("config").join(file)).unwrap()
}

/// Settings that are shown as examples, as if somebody had taken them.
fn uncommented(text: &str) -> String {
    let taken = text.lines().map(|line| match line.strip_prefix('#') {
        Some(example) if !example.starts_with(' ') => example,
        _ => line,
    });
    taken.collect::<Vec<_>>().join("\n")
}

#[test]
fn everything_that_is_shipped_is_valid() {
    let main = validator(&schema::main_file());
    assert_eq!(objections(&main, &shipped("leadsync.toml")), [""; 0]);
    assert_eq!(
        objections(&main, &uncommented(&shipped("leadsync.toml"))),
        [""; 0]
    );
    let mut kinds = BTreeSet::new();
    for entry in std::fs::read_dir(repository().join("config/connectors.d")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let kind = json(&text)["kind"].as_str().unwrap().to_owned();
        let validator = validator(&schema::connector_file(&kind).unwrap());
        assert_eq!(objections(&validator, &text), [""; 0], "{kind}");
        kinds.insert(kind);
    }
    assert_eq!(kinds.len(), registry::KINDS.len(), "{kinds:?}");
}

#[test]
fn what_is_misspelt_is_refused() {
    let main = validator(&schema::main_file());
    for wrong in [
        "state_dri = '/x'",
        "[lisen]\npublic = 'x'",
        "[listen]\npubilc = 'x'",
        "[listen.tls]\ncertificate = 'x'",
        "[intake]\nmax_body = '64KiBs'",
        "[intake]\nqueue = '5k'",
        "[intake]\nmax_keys = 0",
        "[intake]\nbody_timeout = 10",
        "[intake]\nbody_timeout = '10x'",
        "[intake]\nrate_per_address = 'of'",
        "[intake]\nrate_per_address = { per_secnd = 1, burst = 1 }",
        "[dedupe]\nby = 'persons'",
        "[log]\nlevel = 'inof'",
        "[sources.web]\nsecrets = [{ evn = 'A' }]",
        "[sources.web]\nsecrets = [{}]",
        "[[route]]\nto = 'crm'",
    ] {
        assert_ne!(objections(&main, wrong), [""; 0], "{wrong}");
    }
    for (file, from, to) in [
        ("salesforce", "instance_url", "instnace_url"),
        ("salesforce", "\"client_credentials\"", "\"client_credntials\""),
        (
            "salesforce",
            "client_secret = { credential",
            "client_secret = { credentail",
        ),
        ("salesforce", "write = \"create_only\"", "write = \"create-onyl\""),
        ("salesforce", "\"outcome-source\"", "\"outcome_sorce\""),
        (
            "dynamics365",
            "[settings.do_not_contact]",
            "[settings.do_not_contct]",
        ),
        ("dynamics365", "\"1\"   = \"accepted\"", "\"1\"   = \"acepted\""),
        ("dynamics365", "concurrency = 4", "concurency = 4"),
        ("marketo", "base_url", "bse_url"),
        (
            "partner-center",
            "datetime_literal = \"plain\"",
            "datetime_literal = \"plian\"",
        ),
        ("partner-center", "{ value = \"crm\"", "{ valeu = \"crm\""),
        ("azure-table", "\"Edm.DateTime\"", "\"Edm.DatTime\""),
        ("leads-file", "path = ", "pth = "),
        (
            "webhook",
            "url = \"https://hooks.example.com/leads\"",
            "url = { credntial = \"webhook-url\" }",
        ),
    ] {
        let text = shipped(&format!("connectors.d/{file}.toml"));
        assert!(text.contains(from), "{file}: {from}");
        let kind = json(&text)["kind"].as_str().unwrap().to_owned();
        let validator = validator(&schema::connector_file(&kind).unwrap());
        let wrong = text.replacen(from, to, 1);
        assert_ne!(objections(&validator, &wrong), [""; 0], "{to}");
    }
}

/// The words a reader would have taken in place of one it does not know.
fn expected(message: &str) -> BTreeSet<String> {
    let (_, words) = message
        .split_once("expected")
        .unwrap_or_else(|| panic!("{message}"));
    words.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What the schema says at a place, which may only point to where it is said.
fn said<'a>(schema: &'a Value, at: &'a Value) -> &'a Value {
    match at["$ref"].as_str() {
        Some(place) => schema.pointer(place.trim_start_matches('#')).unwrap(),
        None => at,
    }
}

/// The sections of the main file with keys of their own.
fn sections(main: &Value) -> BTreeSet<&str> {
    let all = main["properties"].as_object().unwrap();
    all.iter()
        .filter(|(_, at)| said(main, at).get("properties").is_some())
        .map(|(name, _)| name.as_str())
        .collect()
}

fn properties(schema: &Value, at: &Value) -> BTreeSet<String> {
    said(schema, at)["properties"]
        .as_object()
        .unwrap_or_else(|| panic!("{at}"))
        .keys()
        .cloned()
        .collect()
}

#[test]
fn the_schema_knows_exactly_the_keys_the_reader_knows() {
    let main = schema::main_file();
    let unknown = |text: &str| expected(toml::from_str::<Config>(text).unwrap_err().message());
    assert_eq!(properties(&main, &main), unknown("zzz = 1"));
    let sections = sections(&main);
    assert!(sections.contains("traces"), "{sections:?}");
    for section in sections {
        let known = unknown(&format!("[{section}]\nzzz = 1"));
        assert_eq!(
            properties(&main, &main["properties"][section]),
            known,
            "{section}"
        );
    }
    for kind in registry::KINDS {
        let schema = schema::connector_file(kind).unwrap();
        let error = toml::from_str::<ConnectorFile>("zzz = 1").unwrap_err();
        assert_eq!(properties(&schema, &schema), expected(error.message()));
        let found = properties(&schema, &schema["properties"]["settings"]);
        assert_eq!(found, settings_of(kind), "{kind}");
    }
}

/// The settings a connector would have taken in place of one it does not know.
fn settings_of(kind: &str) -> BTreeSet<String> {
    let context = ConnectorContext {
        name: "any".to_owned(),
        clock: Arc::new(SystemClock),
        dice: Dice::seeded(1),
        secrets: SecretReader::default(),
        transports: Arc::new(ReqwestFactory::new("test")),
        calls: CallBook::default(),
        state_dir: None,
    };
    let settings = ConnectorSettings {
        settings: toml::from_str("zzz = 1").unwrap(),
        // One that every kind can play, or looks at later.
        roles: vec![Role::Destination],
        ..ConnectorSettings::default()
    };
    let error = registry::build(kind, &settings, &context).map(drop).unwrap_err();
    expected(&error.message)
}

#[test]
fn defaults_are_told_as_they_are_written() {
    let main = schema::main_file();
    let intake = main["properties"]["intake"]["$ref"]
        .as_str()
        .unwrap()
        .trim_start_matches('#');
    let intake = main.pointer(intake).unwrap();
    assert_eq!(intake["properties"]["body_timeout"]["default"], "10s");
    assert_eq!(intake["properties"]["max_keys"]["default"], 256);
    assert!(
        intake["properties"]["queue"]["description"]
            .as_str()
            .unwrap()
            .contains("wait for the disk")
    );
    assert_eq!(schema::main_file(), main, "the same each time");
}
