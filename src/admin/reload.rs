//! `POST /v1/reload`: the config is read anew, and what came of it is told.

use std::fmt;

use async_trait::async_trait;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::config::Diagnostics;

/// Replaces the config of the running daemon.
#[async_trait]
pub trait Reload: Send + Sync {
    /// Reads everything anew; returns once it is in force, or refused as a whole.
    async fn reload(&self) -> Result<Reloaded, NotReloaded>;
}

/// Another config is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Counts the configs since the daemon started; that of the start is 1.
    pub generation: u64,
    /// From the request to the answer, in milliseconds.
    pub duration_ms: u64,
    /// What is other than before.
    #[serde(flatten)]
    pub changes: Changes,
}

/// What another config changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Doors leads are posted to.
    pub sources: Names,
    /// Outside systems.
    pub connectors: Names,
    /// Sections of the main file that differ.
    pub settings: Vec<String>,
    /// Whether the public listener shows another certificate; absent without TLS.
    pub certificate: Option<bool>,
}

/// Names by what became of them, each list in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// New.
    pub added: Vec<String>,
    /// Gone.
    pub removed: Vec<String>,
    /// Under other terms.
    pub changed: Vec<String>,
    /// As before; their secrets were read anew all the same.
    pub kept: Vec<String>,
}

/// All is as it was before.
#[derive(Clone, Debug)]
pub enum NotReloaded {
    /// The new config is wrong.
    Refused(Diagnostics),
    /// The daemon was told to stop.
    Stopping,
    /// Reading it failed inside.
    Failed,
}

impl NotReloaded {
    /// The word of metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
        }
    }
}

impl Names {
    /// Each list that tells of a change, by its word.
    pub fn changes(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let lists = [
            ("added", &self.added),
            ("removed", &self.removed),
            ("changed", &self.changed),
        ];
        lists
            .into_iter()
            .flat_map(|(word, names)| names.iter().map(move |name| (word, name)))
    }
}

/// In one line: `connector crm changed, source web removed, certificate new`.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |what: &'static str, names: &Names| -> Vec<String> {
            let told = names
                .changes()
                .map(|(word, name)| format!("{what} {name} {word}"));
            told.collect()
        };
        let mut told = of("source", &self.sources);
        told.extend(of("connector", &self.connectors));
        told.extend(self.settings.iter().map(|section| format!("{section} changed")));
        told.extend((self.certificate == Some(true)).then(|| "certificate new".to_owned()));
        if told.is_empty() {
            return f.write_str("nothing changed; secrets and certificates were read anew");
        }
        f.write_str(&told.join(", "))
    }
}

/// The answer on the wire: 200, 422 with the mistakes as `check --json` tells them, 503, 500.
pub(super) fn answer(result: Result<Reloaded, NotReloaded>) -> Response {
    match result {
        Ok(reloaded) => Json(reloaded).into_response(),
        Err(NotReloaded::Refused(wrong)) => {
            let told = json!({ "error": "the new config is refused; the old one runs on", "details": wrong.to_json() });
            (StatusCode::UNPROCESSABLE_ENTITY, Json(told)).into_response()
        }
        Err(NotReloaded::Stopping) => {
            let told = json!({ "error": "the daemon is stopping" });
            (StatusCode::SERVICE_UNAVAILABLE, Json(told)).into_response()
        }
        Err(NotReloaded::Failed) => {
            let told = json!({ "error": "reading the config failed inside leadsync; the old one runs on" });
            (StatusCode::INTERNAL_SERVER_ERROR, Json(told)).into_response()
        }
    }
}
