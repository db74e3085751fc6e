//! Whether the daemon runs, is ready, and does what the files say.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use connector_kit::Check;
use serde_json::Value;

use crate::cli::counter;
use crate::config::{Admin, Loaded};

/// What came back from the admin interface.
pub(super) enum Answer {
    /// Nobody listens there.
    Nobody,
    /// Somebody does, but this user may not ask.
    Forbidden,
    /// The words of `/readyz`.
    Said(Value),
    /// Somebody listens, and did not say anything that is understood.
    Silent,
}

impl Answer {
    /// A daemon runs.
    pub(super) fn is_there(&self) -> bool {
        matches!(self, Self::Said(_) | Self::Silent)
    }
}

/// Asks whether it is ready.
pub(super) fn ask(admin: &Admin) -> Answer {
    match counter::get(admin, "/readyz", Duration::from_secs(5)) {
        Ok(answer) => serde_json::from_str(&answer.body).map_or(Answer::Silent, Answer::Said),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => Answer::Nobody,
            ErrorKind::PermissionDenied => Answer::Forbidden,
            _ => Answer::Silent,
        },
    }
}

/// Whether it runs and takes leads.
pub(super) fn runs(admin: &Admin, answer: &Answer) -> Check {
    const NAME: &str = "daemon";
    match answer {
        Answer::Nobody => Check::unknown(NAME, "it does not run"),
        Answer::Forbidden => Check::unknown(NAME, format!("this user may not ask at {admin}; root may")),
        Answer::Silent => Check::ill(
            NAME,
            format!("somebody listens at {admin}, but does not answer as leadsync does"),
            "look at the log (journalctl -u leadsync), then: systemctl restart leadsync",
        ),
        Answer::Said(said) if said["ready"] == true => Check::well(NAME, "it runs and takes leads"),
        Answer::Said(said) => {
            let reasons = said["reasons"].as_array().into_iter().flatten();
            let words = reasons.map(|reason| {
                let word = |name: &str| reason[name].as_str().unwrap_or_default().to_owned();
                format!("{}: {}", word("reason"), word("detail"))
            });
            let found = format!(
                "it runs, but takes no leads: {}",
                words.collect::<Vec<_>>().join("; ")
            );
            Check::ill(
                NAME,
                found,
                "do what the reason says; see the log (journalctl -u leadsync)",
            )
        }
    }
}

/// Whether the files were changed since the daemon read them.
pub(super) fn applied(loaded: &Loaded, answer: &Answer) -> Check {
    const NAME: &str = "config-applied";
    if !answer.is_there() {
        return Check::unknown(NAME, "not looked at: the daemon does not run");
    }
    let kept = loaded.config.state_dir.join("applied");
    let Ok(main) = std::fs::read_to_string(kept.join("leadsync.toml")) else {
        return Check::unknown(NAME, "the daemon's own copy of the config cannot be read");
    };
    let mut changed = Vec::new();
    if main != **loaded.document.text() {
        changed.push("leadsync.toml".to_owned());
    }
    for (name, document) in &loaded.connector_documents {
        let copy = std::fs::read_to_string(kept.join(format!("connectors.d/{name}.toml")));
        if copy.ok().as_deref() != Some(document.text()) {
            changed.push(format!("connectors.d/{name}.toml"));
        }
    }
    changed.extend(
        in_force(&kept)
            .filter(|name| !loaded.connector_documents.contains_key(name))
            .map(|name| format!("connectors.d/{name}.toml (it is gone)")),
    );
    if changed.is_empty() {
        return Check::well(NAME, "the daemon does what the files say");
    }
    Check::ailing(
        NAME,
        format!("changed since the daemon read it: {}", changed.join(", ")),
        "leadsync check, then: leadsync ctl reload",
    )
}

/// The names of the connectors the daemon runs with.
fn in_force(kept: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(kept.join("connectors.d")).into_iter().flatten();
    let names = entries.flatten().map(|entry| entry.file_name());
    names.filter_map(|name| Some(name.to_str()?.strip_suffix(".toml")?.to_owned()))
}
