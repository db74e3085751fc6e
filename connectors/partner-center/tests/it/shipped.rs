//! The file an operator copies is what the connector does without it.

use connector_kit::Role;
use serde::Deserialize;

use crate::world::World;

const FILE: &str = include_str!("../../../../config/connectors.d/partner-center.toml");

#[derive(Deserialize)]
struct File {
    kind: String,
    roles: Vec<Role>,
    settings: toml::Table,
}

fn file() -> File {
    toml::from_str(FILE).unwrap()
}

/// The file needs a secret that is not on this machine.
fn with_key(mut settings: toml::Table) -> toml::Table {
    settings.insert("vault_key".into(), toml::toml! { env = "KEY" }.into());
    settings
}

#[tokio::test]
async fn the_file_builds_a_connector_as_it_stands() {
    let mut world = World::new().await;
    let file = file();
    assert_eq!(
        (file.kind.as_str(), file.roles.as_slice()),
        ("partner-center", &[Role::Source, Role::OutcomeSink][..])
    );
    world.settings.settings = with_key(file.settings);
    let connector = world.connector();
    assert!(connector.source.is_some() && connector.referrals.is_some() && connector.authorizer.is_some());
    assert!(connector.upkeep.is_some() && connector.doctor.is_some() && connector.provisioner.is_some());
    assert!(
        connector.events.is_none(),
        "polling alone, until an address is given"
    );
}

/// The commented examples of what the connector reads: the table each belongs to, and its line.
fn examples() -> Vec<(String, String)> {
    let (mut table, mut found) = ("settings".to_owned(), Vec::new());
    let (_, ours) = FILE.split_once("\n[settings]\n").unwrap();
    for line in ours.lines() {
        match line.strip_prefix("#   ").map(str::trim) {
            Some(header) if header.starts_with('[') => header.trim_matches(['[', ']']).clone_into(&mut table),
            Some(example) => found.push((table.clone(), example.to_owned())),
            None => {}
        }
    }
    found
}

#[test]
fn no_table_is_opened_twice_whatever_is_uncommented() {
    let mut tables = std::collections::BTreeSet::new();
    let lines = FILE.lines().map(|line| line.trim_start_matches(['#', ' ']));
    for header in lines.filter(|line| line.starts_with('[') && line.ends_with(']')) {
        assert!(tables.insert(header), "{header}");
    }
    assert!(tables.len() > 1, "{tables:?}");
}

#[tokio::test]
async fn every_commented_key_is_one_that_is_read() {
    let examples = examples();
    assert_eq!(examples.len(), 20, "{examples:#?}");
    for (table, line) in examples {
        let mut world = World::new().await;
        world.settings.settings = with_key(file().settings);
        let example: toml::Table = line.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
        let settings = &mut world.settings.settings;
        if table == "settings.webhook" {
            let webhook = settings
                .entry("webhook")
                .or_insert_with(|| toml::Table::new().into());
            webhook.as_table_mut().unwrap().extend(example);
        } else {
            settings.extend(example);
        }
        if let Err(error) = world.try_connector() {
            // Files and credentials of the examples are not on this machine; what is passed on needs an address.
            let expected = [
                "settings.client_secret",
                "settings.webhook.roots_file",
                "settings.webhook.intermediates_file",
                "settings.webhook.tee",
                "settings.ca_file",
            ];
            assert!(
                expected.contains(&error.key.as_str()),
                "{line}: {} {error}",
                error.key
            );
        }
    }
}

#[tokio::test]
async fn the_values_written_out_are_those_without_the_file() {
    let mut world = World::new().await;
    let shipped = file().settings;
    for (name, value) in &shipped {
        if ["tenant", "client_id", "vault_key"].contains(&name.as_str()) {
            continue;
        }
        let mut without = with_key(shipped.clone());
        without.remove(name);
        world.settings.settings = without;
        assert!(world.try_connector().is_ok(), "{name} = {value} has a default");
    }
}
