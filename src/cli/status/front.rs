//! Whether the daemon is up, by its own word.

use std::io::{self, ErrorKind};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::cli::counter;
use crate::cli::screen::{self, Colour};
use crate::cli::spans;
use crate::config::{Admin, Loaded};
use crate::store::sqlite::SqliteStore;

/// What the daemon says of itself.
pub(super) enum Front {
    /// It answers: `/readyz`, what it is, and what wears out.
    Up {
        ready: Value,
        about: Value,
        upkeep: Value,
    },
    /// It holds the store, but does not answer, or not to us.
    Mute(String),
    /// It does not run.
    Down,
}

/// Something a connector's upkeep found.
pub(super) struct Wear {
    pub(super) connector: String,
    pub(super) check: String,
    /// Green when it is well.
    pub(super) colour: Colour,
    pub(super) found: String,
    pub(super) remedy: String,
}

impl Front {
    /// Asks.
    pub(super) fn look(loaded: &Loaded) -> Self {
        let admin = &loaded.config.listen.admin;
        match ask(admin, "/readyz") {
            Ok(ready) => Self::Up {
                ready,
                about: ask(admin, "/v1/about").unwrap_or_default(),
                upkeep: ask(admin, "/v1/upkeep").unwrap_or_default(),
            },
            Err(error) => {
                let is_free = SqliteStore::ensure_free(&loaded.config.store_path()).is_ok();
                let nobody = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused);
                match error.kind() {
                    _ if nobody && is_free => Self::Down,
                    _ if nobody => Self::Mute(format!("it holds the store, but nobody listens at {admin}")),
                    ErrorKind::PermissionDenied => {
                        Self::Mute(format!("you may not ask it at {admin}: use its group, or root"))
                    }
                    _ => Self::Mute(format!("it gives no answer at {admin}")),
                }
            }
        }
    }

    /// It takes leads.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self, Self::Up { ready, .. } if ready["ready"] == true)
    }

    /// Why it should not be sent leads, and what it notes besides.
    fn reasons(&self) -> Vec<String> {
        let Self::Up { ready, .. } = self else {
            return Vec::new();
        };
        let reasons = ready["reasons"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        reasons
            .map(|reason| format!("{}: {}", text(&reason["reason"]), text(&reason["detail"])))
            .collect()
    }

    /// What wears out, ill or well.
    pub(super) fn wears(&self) -> Vec<Wear> {
        let Self::Up { upkeep, .. } = self else {
            return Vec::new();
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut wears = Vec::new();
        for connector in upkeep["connectors"].as_array().into_iter().flatten() {
            for check in connector["checks"].as_array().into_iter().flatten() {
                let colour = match check["state"].as_str() {
                    Some("failed") => Colour::Red,
                    Some("warning") => Colour::Yellow,
                    Some("ok") => Colour::Green,
                    _ => continue,
                };
                wears.push(Wear {
                    connector: text(&connector["connector"]),
                    check: text(&check["check"]),
                    colour,
                    found: text(&check["found"]),
                    remedy: text(&check["remedy"]),
                });
            }
        }
        wears
    }

    /// The first line of the screen.
    pub(super) fn print(&self, now: DateTime<Utc>) {
        let at = now.format("%Y-%m-%d %H:%M UTC");
        let (colour, text) = match self {
            Self::Up { about, .. } => {
                let version = about["version"].as_str().unwrap_or("of another version");
                let since = about["uptime_s"]
                    .as_i64()
                    .map(|seconds| format!(", up for {}", spans::words(TimeDelta::seconds(seconds))));
                let since = since.unwrap_or_default();
                let config = about["config"].as_u64().filter(|number| *number > 1);
                let config = config
                    .map(|number| format!(", config {number}"))
                    .unwrap_or_default();
                let ready = if self.is_ready() { "ready" } else { "NOT READY" };
                let colour = if self.is_ready() {
                    Colour::Green
                } else {
                    Colour::Red
                };
                (colour, format!("leadsync {version} is {ready}{since}{config}"))
            }
            Self::Mute(why) => (
                Colour::Yellow,
                format!("leadsync runs, but cannot be asked: {why}"),
            ),
            Self::Down => (
                Colour::Red,
                "leadsync is DOWN: no leads are taken; start it with systemctl start leadsync".to_owned(),
            ),
        };
        screen::line(format_args!(
            "{}   {at}",
            colour.over(&screen::clean_whole(&text))
        ));
        for reason in self.reasons() {
            let reason = screen::clean_whole(&reason);
            screen::line(format_args!("{} {reason}", Colour::Red.over("!")));
        }
    }

    pub(super) fn as_json(&self) -> Value {
        match self {
            Self::Up { ready, about, upkeep } => json!({
                "up": true, "ready": ready["ready"], "reasons": ready["reasons"], "notes": ready["notes"],
                "version": about["version"], "uptime_s": about["uptime_s"], "config": about["config"], "upkeep": upkeep["connectors"],
            }),
            Self::Mute(why) => json!({ "up": true, "unasked": why }),
            Self::Down => json!({ "up": false }),
        }
    }
}

/// What the daemon answers, whatever its status.
fn ask(admin: &Admin, path: &str) -> io::Result<Value> {
    let answer = counter::get(admin, path, Duration::from_secs(2))?;
    serde_json::from_str(&answer.body).map_err(|_| io::Error::from(ErrorKind::InvalidData))
}
