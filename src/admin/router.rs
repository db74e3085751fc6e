//! `/healthz`, `/readyz`, `/metrics`, `/v1/about`, `/v1/upkeep`, `/v1/poke` and `/v1/reload`, whatever
//! carries them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use connector_kit::clock::Clock;
use connector_kit::{Check, DestinationName};
use serde::Serialize;

use crate::admin::reload::{self, Reload};
use crate::admin::{Health, Metrics, Noticeboard, Tended, numbers, vitals};
use crate::deliver::budget::Budget;
use crate::store::Store;

/// Wakes whoever waits. Carries nothing; a lost poke costs only time.
pub type Poke = Arc<dyn Fn() + Send + Sync>;

/// Names a worker that does not move, if there is one.
pub type Stuck = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// What the admin router answers from.
#[derive(Clone)]
pub struct Desk {
    /// What the rooms say of themselves.
    pub health: Arc<Health>,
    /// What the rooms counted.
    pub metrics: Arc<Metrics>,
    /// Asked for totals when metrics are read.
    pub store: Arc<dyn Store>,
    /// Tells the age of what waits.
    pub clock: Arc<dyn Clock>,
    /// Names a worker that does not move.
    pub stuck: Stuck,
    /// How what wears out stands.
    pub upkeep: Noticeboard,
    /// What follows from the config in force.
    pub terms: Arc<ArcSwap<Terms>>,
    /// Replaces the config; none where it does not come from files.
    pub reload: Option<Arc<dyn Reload>>,
}

/// What the desk goes by as long as a config is in force.
pub struct Terms {
    /// What a day of a destination may cost.
    pub budgets: BTreeMap<DestinationName, Budget>,
    /// Those whose calls are told, whether anything was delivered to them or not.
    pub callers: BTreeSet<DestinationName>,
    /// The connectors there are.
    pub connectors: BTreeSet<String>,
    /// The sources leads are posted to.
    pub sources: BTreeSet<String>,
    /// Wakes the workers.
    pub poke: Poke,
}

/// The routes, callable in process.
pub fn router(desk: Desk) -> Router {
    Router::new()
        .route("/v1/upkeep", get(upkeep))
        .route("/v1/about", get(about))
        .route("/v1/poke", post(poke))
        .route("/v1/reload", post(reload_config))
        .with_state(desk.clone())
        .merge(readable(desk))
}

/// The routes that only tell, for whoever watches from outside.
pub fn readable(desk: Desk) -> Router {
    Router::new()
        .route("/healthz", get(vitals::healthz))
        .route("/readyz", get(vitals::readyz))
        .route("/metrics", get(numbers::metrics))
        .with_state(desk)
}

fn ok_or_unavailable(ok: bool) -> StatusCode {
    if ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

#[derive(Serialize)]
struct Kept {
    well: bool,
    connectors: Vec<Upkept>,
}

#[derive(Serialize)]
struct Upkept {
    connector: String,
    looked_at: String,
    checks: Vec<Looked>,
}

#[derive(Serialize)]
struct Looked {
    check: &'static str,
    state: &'static str,
    found: String,
    remedy: String,
}

async fn upkeep(State(desk): State<Desk>) -> Response {
    let tended = desk.upkeep.all();
    let well = tended.values().all(Tended::is_well);
    let connectors = tended.into_iter().map(|(connector, tended)| Upkept {
        connector,
        looked_at: tended.at.to_rfc3339(),
        checks: tended.checks.into_iter().map(Looked::from).collect(),
    });
    let connectors = connectors.collect();
    (ok_or_unavailable(well), Json(Kept { well, connectors })).into_response()
}

impl From<Check> for Looked {
    fn from(check: Check) -> Self {
        Self {
            check: check.name,
            state: check.health.as_str(),
            found: check.found,
            remedy: check.remedy,
        }
    }
}

#[derive(Serialize)]
struct About {
    version: &'static str,
    uptime_s: u64,
    config: u64,
}

async fn about(State(desk): State<Desk>) -> Json<About> {
    Json(About {
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: desk.health.age().as_secs(),
        config: desk.health.config(),
    })
}

async fn poke(State(desk): State<Desk>) -> StatusCode {
    (desk.terms.load().poke)();
    StatusCode::NO_CONTENT
}

async fn reload_config(State(desk): State<Desk>) -> Response {
    match &desk.reload {
        Some(config) => reload::answer(config.reload().await),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests;
