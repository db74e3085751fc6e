//! `leadsync config schema`: what may be written in a config, for editors.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use connector_kit::nearest::did_you_mean;
use serde_json::Value;

use super::{Exit, screen};
use crate::config::schema;
use crate::registry;

/// Things about the config itself.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the JSON Schema of leadsync.toml, or of the files of one kind of connector
    Schema(SchemaArgs),
}

/// Of what.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of connectors.d/*.toml with this kind, its settings included
    #[arg(long, value_name = "KIND")]
    connector: Option<String>,
    /// Write all of them into this directory instead: leadsync.json and one per kind
    #[arg(long, value_name = "DIR", conflicts_with = "connector")]
    dir: Option<PathBuf>,
}

/// Does what was asked.
pub(super) fn config(command: &ConfigCommand) -> Result<(), Exit> {
    let ConfigCommand::Schema(args) = command;
    if let Some(dir) = &args.dir {
        return write_all(dir);
    }
    let found = match &args.connector {
        None => schema::main_file(),
        Some(kind) => schema::connector_file(kind).ok_or_else(|| unknown(kind))?,
    };
    screen::line(format_args!("{found:#}"));
    Ok(())
}

fn unknown(kind: &str) -> Exit {
    let guess = did_you_mean(kind, registry::KINDS);
    Exit::missing(format!(
        "there is no kind {kind:?}{guess} (known: {})",
        registry::KINDS.join(", ")
    ))
}

fn write_all(dir: &Path) -> Result<(), Exit> {
    std::fs::create_dir_all(dir)?;
    let put = |name: &str, schema: &Value| {
        std::fs::write(dir.join(format!("{name}.json")), format!("{schema:#}\n"))
    };
    put("leadsync", &schema::main_file())?;
    for kind in registry::KINDS {
        if let Some(schema) = schema::connector_file(kind) {
            put(kind, &schema)?;
        }
    }
    Ok(())
}
