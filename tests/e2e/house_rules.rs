//! The rules of the house that a machine can keep.

use std::fs;
use std::path::{Path, PathBuf};

/// Systems by name; only `registry.rs` and the connectors know them.
const SYSTEMS: [&str; 10] = [
    "salesforce",
    "dynamics",
    "dataverse",
    "marketo",
    "hubspot",
    "azure_table",
    "azure-table",
    "https_endpoint",
    "https-endpoint",
    "azurite",
];

/// The register of kinds, the log filter that names their crates, and the show of how it works.
const MAY_NAME_SYSTEMS: [&str; 4] = ["registry.rs", "cli/logging/filter.rs", "demo", "cli/demo"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below these folders.
fn rust_files(folders: &[&str]) -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            open.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    assert!(files.len() > 5, "the files were not found");
    files
}

/// Tests name the folder a fixture was recorded in.
fn is_for_tests(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs")
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn every_file_has_a_sentence_at_the_door() {
    let mut without = Vec::new();
    for path in rust_files(&["src", "connectors", "tests"]) {
        let text = fs::read_to_string(&path).unwrap();
        // The README of a connector is its crate's documentation.
        if !text.starts_with("//! ") && !text.starts_with("#![doc = include_str!(\"../README.md\")]") {
            without.push(shown(&path));
        }
    }
    assert_none(&without, "a file begins with `//! ` and what it is for");
}

#[test]
fn no_file_is_longer_than_500_lines() {
    // A table of countries is long and easy to read; tests of one room are one list.
    let excepted = ["src/dedupe/tests.rs"];
    let mut long = Vec::new();
    for path in rust_files(&["src", "connectors", "tests"]) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        if lines > 500 && !excepted.contains(&shown(&path).as_str()) {
            long.push(format!("{}: {lines}", shown(&path)));
        }
    }
    assert_none(&long, "a file has at most 500 lines");
}

#[test]
fn the_rooms_know_no_system_by_name() {
    let mut naming = Vec::new();
    for path in rust_files(&["src"]) {
        let room = path.strip_prefix(root().join("src")).unwrap();
        if is_for_tests(room) || MAY_NAME_SYSTEMS.iter().any(|may| room.starts_with(may)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            // Comments may cite a contract by its name.
            let code = line.split("//").next().unwrap().to_lowercase();
            let named = SYSTEMS.iter().filter(|system| code.contains(**system));
            naming.extend(named.map(|system| format!("{}:{}: {system}", shown(&path), number + 1)));
        }
    }
    assert_none(&naming, "no system is named in src outside registry.rs");
}

#[test]
fn connectors_lean_only_on_the_kit_and_the_simulators_on_nothing_of_ours() {
    let mut leaning = Vec::new();
    for folder in fs::read_dir(root().join("connectors")).unwrap() {
        let folder = folder.unwrap().path();
        let allowed: &[&str] = match folder.file_name().unwrap().to_str().unwrap() {
            "kit" => &["", "leadsync-sim"],
            // Tests may try a connector against a simulator.
            _ => &["connector-kit", "leadsync-sim"],
        };
        leaning.extend(leans_on(
            &folder,
            "dependencies",
            &allowed[..allowed.len().min(1)],
        ));
        leaning.extend(leans_on(&folder, "dev-dependencies", allowed));
    }
    let sim = root().join("tests/sim");
    leaning.extend(leans_on(&sim, "dependencies", &[]));
    leaning.extend(leans_on(&sim, "dev-dependencies", &[]));
    assert_none(&leaning, "dependencies point one way: leadsync, connectors, kit");
}

/// Crates of ours in a table of a manifest that it may not name.
fn leans_on(folder: &Path, table: &str, allowed: &[&str]) -> Vec<String> {
    let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let Some(dependencies) = manifest.get(table).and_then(toml::Value::as_table) else {
        return Vec::new();
    };
    let is_ours = |name: &str| name.starts_with("connector-") || name.starts_with("leadsync");
    dependencies
        .keys()
        .filter(|name| is_ours(name) && !allowed.contains(&name.as_str()))
        .map(|name| format!("{}: [{table}] {name}", shown(folder)))
        .collect()
}
