//! The file an operator copies is what the connector does without it.

use std::collections::BTreeMap;

use connector_kit::conformance::leads::{delivery, forbidden};
use connector_kit::mapping::FieldRule;
use serde::Deserialize;

use crate::world::World;

const FILE: &str = include_str!("../../../../config/connectors.d/dynamics365.toml");

#[derive(Deserialize)]
struct File {
    settings: toml::Table,
    mapping: BTreeMap<String, FieldRule>,
}

/// Two leads, the second of them forbidden later, as Dataverse holds them.
async fn held(mut world: World) -> Vec<String> {
    let destination = world.destination();
    for one in [delivery(1), delivery(2), forbidden(&delivery(2), 2)] {
        assert!(destination.upsert(&[one]).await[0].is_ok());
    }
    let mut rows = world.crm.rows("lead");
    for row in &mut rows {
        row.retain(|name, _| name != "leadid" && name != "versionnumber");
    }
    rows.into_iter()
        .map(|row| serde_json::Value::Object(row).to_string())
        .collect()
}

#[tokio::test]
async fn the_mapping_written_out_is_the_mapping_shipped() {
    let file: File = toml::from_str(FILE).unwrap();
    let without = World::new().await;
    let mut with = World::new().await;
    for (name, value) in file.settings {
        with.settings.settings.entry(name).or_insert(value);
    }
    with.settings.mapping = file.mapping;
    assert_eq!(held(with).await, held(without).await);
}

#[tokio::test]
async fn the_file_builds_a_connector_as_it_stands() {
    let file: File = toml::from_str(FILE).unwrap();
    let mut world = World::new().await;
    world.settings.settings = file.settings;
    world
        .settings
        .settings
        .insert("auth".into(), toml::toml! { secret = { env = "SECRET" } }.into());
    let connector = world.connector();
    assert!(connector.destination.is_some() && connector.outcome_source.is_some());
    assert!(connector.doctor.is_some() && connector.provisioner.is_some() && connector.probe.is_some());
}

/// The commented examples of the file: the table each belongs to, and its line.
fn examples() -> Vec<(String, String)> {
    let (mut table, mut found) = ("settings".to_owned(), Vec::new());
    for line in FILE.lines() {
        match line.strip_prefix("#   ").map(str::trim) {
            Some(header) if header.starts_with('[') => table = header.trim_matches(['[', ']']).to_owned(),
            Some(example) => found.push((table.clone(), example.to_owned())),
            None => table = "settings".to_owned(),
        }
    }
    found
}

#[tokio::test]
async fn every_commented_key_is_one_that_is_read() {
    let examples = examples();
    assert_eq!(examples.len(), 8, "{examples:#?}");
    for (table, line) in examples {
        let mut world = World::new().await;
        let example: toml::Table = line.parse().unwrap();
        match table.strip_prefix("settings.") {
            Some(inner) => drop(world.settings.settings.insert(inner.to_owned(), example.into())),
            None => world.settings.settings.extend(example),
        }
        if let Err(error) = connector_dynamics365::build(&world.settings, &world.context()) {
            // The files and credentials of the examples are not on this machine.
            assert_eq!(error.key, "settings.auth.certificate", "{line}: {error}");
        }
    }
}
