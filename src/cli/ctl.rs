//! `leadsync ctl`: tells the running daemon what to do, and waits for the result.

use std::io::{self, ErrorKind};
use std::time::Duration;

use clap::Subcommand;
use connector_kit::secret::SecretReader;
use serde_json::Value;

use super::counter::{self, Answer};
use super::{Exit, Place, screen};
use crate::admin::{Names, Reloaded};
use crate::config::{Admin, Config, Diagnostics, Mistake};

/// Far longer than reading files takes; a disk or a share that hangs reaches it.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Subcommand)]
pub(super) enum CtlCommand {
    /// Read config, secrets and certificates anew; a config that is wrong is refused, and the old one
    /// runs on
    Reload,
    /// Whether it moves and takes leads; says what is in the way otherwise
    Health,
}

/// Does it.
pub(super) fn ctl(place: &Place, command: &CtlCommand) -> Result<(), Exit> {
    match command {
        CtlCommand::Reload => reload(place),
        CtlCommand::Health => health(place),
    }
}

fn health(place: &Place) -> Result<(), Exit> {
    let told = |what: &str| -> Result<Value, Exit> {
        let answer = ask(place, what)?;
        serde_json::from_str(&answer.body)
            .map_err(|_| Exit::failed("the daemon is of another version: restart it"))
    };
    let (alive, ready) = (told("GET /healthz")?, told("GET /readyz")?);
    if let Some(complaint) = complaint(&alive, &ready) {
        return Err(Exit::unanswered(complaint));
    }
    if place.json {
        screen::json(&serde_json::json!({ "alive": true, "ready": true }));
    } else {
        screen::line("the daemon moves and takes leads");
    }
    Ok(())
}

/// Who does not move, and why no leads are taken; none when all is well.
fn complaint(alive: &Value, ready: &Value) -> Option<String> {
    let word = |value: &Value| screen::clean(value.as_str().unwrap_or("?"));
    let each = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let silent = each(&alive["silent"]).into_iter().map(|one| {
        let room = word(&one["room"]);
        match one["seconds"].as_u64() {
            Some(seconds) => format!("the {room} is silent for {seconds} s"),
            None => format!("the worker {room} does not move"),
        }
    });
    let reasons: Vec<String> = each(&ready["reasons"])
        .into_iter()
        .map(|one| format!("{} ({})", word(&one["reason"]), word(&one["detail"])))
        .collect();
    let what = if reasons.is_empty() {
        "the daemon does not move"
    } else {
        "no leads are taken"
    };
    let faults: Vec<String> = silent.chain(reasons).collect();
    (!faults.is_empty()).then(|| format!("{what}: {}", faults.join("; ")))
}

fn reload(place: &Place) -> Result<(), Exit> {
    let answer = ask(place, "POST /v1/reload")?;
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let error = body["error"].as_str().unwrap_or("no reason was given").to_owned();
    match answer.status {
        200 => {
            let reloaded: Reloaded = serde_json::from_value(body.clone())
                .map_err(|_| Exit::failed("the daemon is of another version: restart it"))?;
            if place.json {
                screen::json(&body);
            } else {
                lines(&reloaded).iter().for_each(screen::line);
            }
            Ok(())
        }
        422 => Err(refused(&body).map_or_else(|| Exit::failed(error), Exit::from)),
        503 => Err(Exit::busy(error)),
        404 => Err(Exit::unanswered(
            "the daemon that answers cannot reload: restart it once, so that it runs this version",
        )),
        _ => Err(Exit::failed(format!("{error}; see the daemon's log"))),
    }
}

/// One line for each change.
fn lines(reloaded: &Reloaded) -> Vec<String> {
    let Reloaded {
        generation,
        duration_ms,
        changes,
    } = reloaded;
    let of = |what: &'static str, names: &Names| -> Vec<String> {
        let told = names
            .changes()
            .map(|(word, name)| format!("{what:<12} {name}  {word}"));
        told.map(|line| screen::clean(&line)).collect()
    };
    let mut lines = of("source", &changes.sources);
    lines.extend(of("connector", &changes.connectors));
    lines.extend(
        changes
            .settings
            .iter()
            .map(|section| format!("{:<12} {section}  changed", "setting")),
    );
    lines.extend((changes.certificate == Some(true)).then(|| format!("{:<12} new", "certificate")));
    let kept = match changes.connectors.kept.len() {
        1 => "1 connector".to_owned(),
        kept => format!("{kept} connectors"),
    };
    lines.push(format!(
        "config {generation} is in force after {duration_ms} ms; {kept} unchanged, secrets read anew"
    ));
    lines
}

/// The mistakes, as `check` would tell them.
fn refused(body: &Value) -> Option<Diagnostics> {
    let mistakes: Vec<Mistake> = serde_json::from_value(body["details"].clone()).ok()?;
    Diagnostics::new(mistakes)
}

/// Asks whoever answers where this config, or the one applied last, says.
fn ask(place: &Place, what: &str) -> Result<Answer, Exit> {
    let environment = SecretReader::from_environment().env;
    let addresses = Config::admin_addresses(&place.config, &environment);
    let mut unanswered = None;
    for admin in &addresses {
        match counter::ask(admin, what, PATIENCE) {
            Ok(answer) => return Ok(answer),
            Err(error) if is_nobody(&error) => unanswered = unanswered.or(Some(nobody(admin))),
            Err(error) => return Err(no_answer(admin, &error)),
        }
    }
    Err(unanswered.unwrap_or_else(|| Exit::failed("there is nowhere to ask")))
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

fn nobody(admin: &Admin) -> Exit {
    Exit::unanswered(format!(
        "no daemon answers at {admin}: start it with systemctl start leadsync, or name its config with --config"
    ))
}

fn no_answer(admin: &Admin, error: &io::Error) -> Exit {
    match error.kind() {
        ErrorKind::PermissionDenied => Exit::refused(format!(
            "this user may not talk to the daemon at {admin}: do it as root, or as the user the daemon runs as"
        )),
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Exit::unanswered(format!(
            "the daemon at {admin} did not answer within {} s; what became of it stands in its log",
            PATIENCE.as_secs()
        )),
        _ => Exit::unanswered(format!("the daemon at {admin} broke off: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::Changes;

    #[test]
    fn all_that_is_in_the_way_of_leads_is_told() {
        let alive =
            serde_json::json!({ "alive": false, "silent": [{ "room": "store writer", "seconds": 21 }] });
        let ready = serde_json::json!({ "ready": false, "reasons": [{ "reason": "store full", "detail": "9 MiB are free" }] });
        assert_eq!(
            complaint(&alive, &ready).as_deref(),
            Some("no leads are taken: the store writer is silent for 21 s; store full (9 MiB are free)")
        );
        let well = serde_json::json!({ "alive": true, "silent": [], "ready": true, "reasons": [] });
        assert_eq!(complaint(&well, &well), None);
    }

    #[test]
    fn a_worker_that_does_not_move_is_named_while_leads_are_taken() {
        let alive = serde_json::json!({ "alive": false, "silent": [{ "room": "settle", "seconds": null }] });
        let ready = serde_json::json!({ "ready": true, "reasons": [] });
        assert_eq!(
            complaint(&alive, &ready).as_deref(),
            Some("the daemon does not move: the worker settle does not move")
        );
    }

    #[test]
    fn every_change_is_a_line_and_what_stayed_is_counted() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let reloaded = Reloaded {
            generation: 4,
            duration_ms: 31,
            changes: Changes {
                sources: Names {
                    removed: list(&["web"]),
                    ..Names::default()
                },
                connectors: Names {
                    added: list(&["crm"]),
                    changed: list(&["table"]),
                    kept: list(&["one", "two"]),
                    ..Names::default()
                },
                settings: list(&["dedupe"]),
                certificate: Some(true),
            },
        };
        let expected = [
            "source       web  removed",
            "connector    crm  added",
            "connector    table  changed",
            "setting      dedupe  changed",
            "certificate  new",
            "config 4 is in force after 31 ms; 2 connectors unchanged, secrets read anew",
        ];
        assert_eq!(lines(&reloaded), expected);
        let back: Reloaded = serde_json::from_value(serde_json::json!(reloaded)).unwrap();
        assert_eq!(back, reloaded);
    }
}
