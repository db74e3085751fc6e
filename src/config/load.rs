//! Files and environment become a [`Config`], or a list of all that is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use connector_kit::ConfigError;
use toml::Table;
use toml::de::DeTable;

use super::connector::ConnectorFile;
use super::daemon::{Config, main_file};
use super::diagnostics::{Diagnostics, Mistake};
use super::document::Document;
use super::environment::{Overlaid, overlay, secrets_named_in};
use super::read::{read, salvage};
use super::rules::{check_config, check_connector, targets};
use super::syntax::first_mistake;
use crate::route::{RouteTarget, Routes};

/// A config that makes sense, and the texts it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The main file, with the environment over it.
    pub config: Config,
    /// One per file of `connectors.d`, ordered by name.
    pub connectors: Vec<ConnectorFile>,
    /// The main file's text.
    pub document: Document,
    /// The texts of `connectors`, by name.
    pub connector_documents: BTreeMap<String, Document>,
    /// The variables that lie over the main file, with their values; none holds a secret.
    pub environment: BTreeMap<String, String>,
    overlaid: Overlaid,
}

impl Config {
    /// Loads a main file and the `connectors.d` beside it, or `leadsync.toml` of a directory.
    ///
    /// Reads no secret; see [`Loaded::source_secrets`].
    pub fn load(dir_or_file: &Path, env: &BTreeMap<String, String>) -> Result<Loaded, Diagnostics> {
        let (loaded, mistakes) = Self::survey(dir_or_file, env);
        Diagnostics::new(mistakes).map_or(Ok(loaded), Err)
    }

    /// Loads what can be read, with defaults for the rest, and tells what is wrong beside it.
    ///
    /// For a look at a config that may be broken; nothing else should be built from it.
    pub fn survey(dir_or_file: &Path, env: &BTreeMap<String, String>) -> (Loaded, Vec<Mistake>) {
        let main = main_file(dir_or_file);
        let mut files = Files::default();
        let document = files.open(&main);
        let connectors: Vec<_> = files
            .in_directory(&main)
            .iter()
            .map(|path| files.open(path))
            .collect();

        let (config, overlaid) = files.main(document.as_ref(), &connectors, env);
        // Between files nothing is judged unless each of them could be read.
        let all_read = files.mistakes.is_empty();
        let connectors: Vec<_> = connectors.into_iter().flatten().collect();
        let parsed: Vec<_> = connectors
            .iter()
            .filter_map(|opened| files.connector(opened))
            .collect();
        let mut loaded = Loaded {
            config: config.unwrap_or_default(),
            document: document.map_or_else(|| Document::new(&main, ""), |opened| opened.document),
            connector_documents: connectors
                .into_iter()
                .map(|opened| (opened.name(), opened.document))
                .collect(),
            connectors: parsed,
            environment: laid_over(&overlaid, env),
            overlaid,
        };
        loaded.connectors.sort_by(|a, b| a.name.cmp(&b.name));
        files.mistakes.extend(loaded.check(all_read));
        (loaded, files.mistakes)
    }
}

impl Loaded {
    /// Places a mistake found later, for example by a connector's `build`, at its file and line.
    pub fn mistake(&self, connector: Option<&str>, error: &ConfigError) -> Mistake {
        if connector.is_none()
            && let Some(variable) = self.overlaid.get(&error.key)
        {
            return Mistake::of(format!("${variable}"), &error.key, &error.message);
        }
        let document = connector.map_or(Some(&self.document), |name| self.connector_documents.get(name));
        match document {
            Some(document) => Mistake::at_key(document, error),
            None => Mistake::of(connector.unwrap_or_default(), &error.key, &error.message),
        }
    }

    /// Where leads may go.
    pub fn targets(&self) -> Vec<RouteTarget> {
        targets(&self.connectors)
    }

    /// The routes, ready to choose.
    pub fn routes(&self) -> Result<Routes, Diagnostics> {
        Routes::parse(&self.config.routes, &self.targets())
            .map_err(|error| Diagnostics::one(self.mistake(None, &error)))
    }

    fn check(&self, all_read: bool) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        // Routes are judged only when every destination they may name could be read.
        if all_read && self.connectors.len() == self.connector_documents.len() {
            let found = check_config(&self.config, &self.connectors, &self.targets());
            mistakes.extend(found.iter().map(|error| self.mistake(None, error)));
        }
        for connector in &self.connectors {
            let found = check_connector(connector, &self.config);
            mistakes.extend(
                found
                    .iter()
                    .map(|error| self.mistake(Some(&connector.name), error)),
            );
        }
        mistakes
    }
}

/// The files of one load, and what is wrong so far.
#[derive(Default)]
struct Files {
    mistakes: Vec<Mistake>,
}

/// A file that is TOML.
struct Opened {
    document: Document,
    table: Table,
}

impl Opened {
    fn name(&self) -> String {
        let stem = self.document.path().file_stem();
        stem.map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default()
    }
}

impl Files {
    fn open(&mut self, path: &Path) -> Option<Opened> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                self.mistakes
                    .push(Mistake::of(path, "", &format!("cannot be read: {error}")));
                return None;
            }
        };
        let document = Document::new(path, text);
        let (_, errors) = DeTable::parse_recoverable(document.text());
        self.mistakes.extend(first_mistake(&document, &errors));
        let table = toml::from_str(document.text()).ok()?;
        Some(Opened { document, table })
    }

    /// Every `*.toml` of `connectors.d` beside the main file, by name; what begins with a dot is an editor's.
    fn in_directory(&mut self, main: &Path) -> Vec<PathBuf> {
        let directory = main.parent().unwrap_or(Path::new("")).join("connectors.d");
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.mistakes
                    .push(Mistake::of(&directory, "", &format!("cannot be read: {error}")));
                return Vec::new();
            }
        };
        let paths = entries.flatten().map(|entry| entry.path());
        let mut paths: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|ext| ext == "toml") && !is_hidden(path))
            .collect();
        paths.sort();
        paths
    }

    fn main(
        &mut self,
        main: Option<&Opened>,
        connectors: &[Option<Opened>],
        env: &BTreeMap<String, String>,
    ) -> (Option<Config>, Overlaid) {
        let mut secrets = BTreeSet::new();
        for opened in connectors.iter().flatten().chain(main) {
            secrets_named_in(&opened.table, &mut secrets);
        }
        let Some(main) = main else {
            return (None, Overlaid::new());
        };
        let mut table = main.table.clone();
        let overlaid = overlay(&mut table, env, &secrets);
        let (config, errors) = salvage(table, &overlaid);
        let mistakes = errors.iter().map(|error| match variable(&overlaid, &error.key) {
            Some(variable) => Mistake::of(format!("${variable}"), &error.key, &error.message),
            None => Mistake::at_key(&main.document, error),
        });
        self.mistakes.extend(mistakes);
        (config, overlaid)
    }

    fn connector(&mut self, opened: &Opened) -> Option<ConnectorFile> {
        match read::<ConnectorFile>(opened.table.clone(), &Overlaid::new()) {
            Ok(connector) => Some(ConnectorFile {
                name: opened.name(),
                path: opened.document.path().to_owned(),
                ..connector
            }),
            Err(errors) => {
                self.mistakes.extend(
                    errors
                        .iter()
                        .map(|error| Mistake::at_key(&opened.document, error)),
                );
                None
            }
        }
    }
}

/// The variables that were laid over the files, with their values.
fn laid_over(overlaid: &Overlaid, env: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let value = |variable: &String| Some((variable.clone(), env.get(variable)?.clone()));
    overlaid.values().filter_map(value).collect()
}

/// The variable that brought a key in, or the table around it.
fn variable<'a>(overlaid: &'a Overlaid, key: &str) -> Option<&'a String> {
    overlaid.get(key).or_else(|| {
        let within = |path: &str| path.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
        overlaid
            .iter()
            .find(|(path, _)| !key.is_empty() && within(path))
            .map(|(_, variable)| variable)
    })
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}
