//! `leadsync doctor`: what is in a lead's way, on this machine and at the other sides, and what to do about it.

mod certificate;
mod daemon;
mod listener;
mod machine;
mod secrets;
mod service;
mod state;
mod unit;

use clap::Args;
use connector_kit::secret::SecretReader;
use connector_kit::{CallBook, Check, Connector, Health, readiness};

use super::examine::{Examined, examine};
use super::{Exit, Place, house, screen};
use crate::app::{self, Outside};
use crate::config::{Config, ConnectorFile, Diagnostics, Loaded, Mistake};
use machine::Machine;

/// Whom to look at.
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is changed, and neither the daemon nor its store is needed. One line per thing looked at:
  ok       as it should be
  warning  works, but not as it should
  failed   leads will not get through
  skipped  could not be looked at
Ends with 0 when nothing failed, with 78 when the config is wrong, with 69 when this machine or a connector
cannot be used.")]
pub(super) struct DoctorArgs {
    /// Connectors by name, as their files in connectors.d are called; this machine and all when none is given
    #[arg(value_name = "CONNECTOR")]
    connectors: Vec<String>,
}

/// Looks at this machine and at the connectors, and tells what was found.
pub(super) fn doctor(place: &Place, args: &DoctorArgs) -> Result<(), Exit> {
    let env = SecretReader::from_environment().env;
    let (loaded, mistakes) = Config::survey(&place.config, &env);
    house::known(&loaded, &args.connectors)?;
    let outside = house::outside()?;
    let mut progress = screen::Progress::new();
    if !place.json {
        progress.doing("looking ...");
    }
    let report = if args.connectors.is_empty() {
        let machine = Machine::new(&loaded, &mistakes, &outside);
        house::runtime()?.block_on(look_at_all(&machine))
    } else if let Some(wrong) = Diagnostics::new(mistakes) {
        return Err(wrong.into());
    } else {
        let named: Vec<&ConnectorFile> = loaded
            .connectors
            .iter()
            .filter(|file| args.connectors.contains(&file.name))
            .collect();
        let connectors = house::runtime()?.block_on(look_at(&loaded, &outside, &named, |_| None));
        Report {
            machine: None,
            connectors,
        }
    };
    progress.clear();
    report.tell(place.json);
    report.ended()
}

async fn look_at_all(machine: &Machine<'_>) -> Report {
    let found = machine.examine().await;
    let files: Vec<&ConnectorFile> = machine.loaded.connectors.iter().collect();
    let is_readable = machine.is_readable();
    let known = |file: &ConnectorFile| {
        if found.without_secrets.contains(&file.name) {
            Some("not built: a secret it names is missing, as told above")
        } else if found.trusts_nobody {
            Some("not built: this machine trusts no authority, as told above")
        } else {
            None
        }
    };
    let mut connectors = if is_readable {
        look_at(machine.loaded, machine.outside, &files, known).await
    } else {
        Vec::new()
    };
    for name in machine.loaded.connector_documents.keys() {
        if !connectors.iter().any(|examined| examined.name == *name) {
            connectors.push(Examined {
                name: name.clone(),
                kind: "unknown".to_owned(),
                checks: vec![Check::unknown(
                    "config",
                    if is_readable {
                        "not built: its file is wrong, as told above"
                    } else {
                        "not built: leadsync.toml cannot be read, as told above"
                    },
                )],
            });
        }
    }
    connectors.sort_by(|a, b| a.name.cmp(&b.name));
    Report {
        machine: Some(found.checks),
        connectors,
    }
}

/// Builds each by itself, so that one that is wrong keeps nobody from the others. `known` tells why one
/// cannot be built when that was told already.
async fn look_at(
    loaded: &Loaded,
    outside: &Outside,
    files: &[&ConnectorFile],
    known: impl Fn(&ConnectorFile) -> Option<&'static str>,
) -> Vec<Examined> {
    let mut ready: Vec<(ConnectorFile, Connector)> = Vec::new();
    let mut broken: Vec<Examined> = Vec::new();
    for file in files {
        let only = |name: &str| (name == file.name).then(CallBook::default);
        match app::connectors(loaded, outside, only) {
            Ok(built) => ready.extend(built),
            Err(wrong) => broken.push(Examined {
                name: file.name.clone(),
                kind: file.kind.clone(),
                checks: not_built(&wrong, known(file)),
            }),
        }
    }
    let mut all = examine(&ready).await;
    all.extend(broken);
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn not_built(wrong: &Diagnostics, known: Option<&'static str>) -> Vec<Check> {
    if let Some(known) = known {
        return vec![Check::unknown("config", known)];
    }
    wrong.mistakes().iter().map(mistaken).collect()
}

/// A mistake in the config, as a look at it tells it.
fn mistaken(mistake: &Mistake) -> Check {
    let remedy = match &mistake.did_you_mean {
        Some(word) => format!("write `{word}`"),
        None => "correct it there; leadsync check tells when it is right".to_owned(),
    };
    Check::ill("config", mistake.place_and_message(), remedy)
}

/// What was found.
struct Report {
    /// None when only connectors were asked for.
    machine: Option<Vec<Check>>,
    connectors: Vec<Examined>,
}

impl Report {
    fn tell(&self, json: bool) {
        if json {
            let machine = self.machine.as_ref().map(|checks| {
                serde_json::json!({ "ok": !readiness::any_ill(checks), "checks": checks.iter().map(as_json).collect::<Vec<_>>() })
            });
            screen::json(&serde_json::json!({
                "ok": self.ill().is_empty(),
                "machine": machine,
                "connectors": self.connectors.iter().map(connector_as_json).collect::<Vec<_>>(),
            }));
            return;
        }
        if let Some(checks) = &self.machine {
            print("this machine", checks);
        }
        for examined in &self.connectors {
            print(
                &format!("{}  ({})", examined.name, examined.kind),
                &examined.checks,
            );
        }
        if self.ill().is_empty() {
            screen::line(self.summary());
        }
    }

    /// What cannot be used.
    fn ill(&self) -> Vec<&str> {
        let machine = self
            .machine
            .as_ref()
            .filter(|checks| readiness::any_ill(checks))
            .map(|_| "this machine");
        let connectors = self.connectors.iter().filter(|one| !one.is_well());
        machine
            .into_iter()
            .chain(connectors.map(|one| one.name.as_str()))
            .collect()
    }

    fn all(&self) -> impl Iterator<Item = &Check> {
        let connectors = self.connectors.iter().flat_map(|one| &one.checks);
        self.machine.iter().flatten().chain(connectors)
    }

    fn summary(&self) -> String {
        let warnings = self.all().filter(|check| check.health == Health::Ailing).count();
        match (self.connectors.len(), warnings) {
            (0, _) => "there is no connector in the config".to_owned(),
            (_, 0) => "all is well".to_owned(),
            (_, 1) => "leads get through; see the warning".to_owned(),
            (_, many) => format!("leads get through; see the {many} warnings"),
        }
    }

    fn ended(&self) -> Result<(), Exit> {
        let ill = self.ill();
        if ill.is_empty() {
            return Ok(());
        }
        let message = format!("{} cannot be used", ill.join(", "));
        let is_wrong = |check: &Check| check.name == "config" && check.health == Health::Ill;
        if self.all().any(is_wrong) {
            return Err(Exit::misconfigured(message));
        }
        Err(Exit::unanswered(message))
    }
}

fn print(title: &str, checks: &[Check]) {
    screen::line(title);
    let width = checks.iter().map(|check| check.name.len()).max();
    let width = width.unwrap_or_default();
    for check in checks {
        let found = screen::clean_whole(&check.found);
        screen::line(format_args!(
            "  {:<7}  {:<width$}  {found}",
            check.health.as_str(),
            check.name,
        ));
        if !check.remedy.is_empty() {
            let remedy = screen::clean_whole(&check.remedy);
            screen::line(format_args!("  {:<7}  {:<width$}  -> {remedy}", "", ""));
        }
    }
    screen::line("");
}

fn as_json(check: &Check) -> serde_json::Value {
    serde_json::json!({
        "check": check.name, "state": check.health.as_str(), "found": check.found, "remedy": check.remedy,
    })
}

fn connector_as_json(examined: &Examined) -> serde_json::Value {
    serde_json::json!({
        "name": examined.name, "kind": examined.kind, "ok": examined.is_well(),
        "checks": examined.checks.iter().map(as_json).collect::<Vec<_>>(),
    })
}
