//! `/healthz`, `/readyz`, `/metrics`, `/v1/upkeep`, `/v1/poke` and `/v1/reload`, whatever carries them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use connector_kit::clock::Clock;
use connector_kit::{Check, DestinationName};
use serde::Serialize;
use tokio::time::timeout;

use crate::admin::reload::{self, Reload};
use crate::admin::{Health, Metrics, Noticeboard, Tended};
use crate::deliver::budget::{self, Budget};
use crate::store::{Store, StoreError};

/// How long `/metrics` waits for the store before it shows the figures of last time.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// Wakes whoever waits. Carries nothing; a lost poke costs only time.
pub type Poke = Arc<dyn Fn() + Send + Sync>;

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
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/v1/upkeep", get(upkeep))
        .route("/v1/poke", post(poke))
        .route("/v1/reload", post(reload_config))
        .with_state(desk)
}

#[derive(Serialize)]
struct Alive {
    alive: bool,
    silent: Vec<Silent>,
}

#[derive(Serialize)]
struct Silent {
    room: &'static str,
    seconds: u64,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    reasons: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    reason: &'static str,
    detail: String,
}

fn ok_or_unavailable(ok: bool) -> StatusCode {
    if ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn healthz(State(desk): State<Desk>) -> Response {
    let silent: Vec<Silent> = desk
        .health
        .silent()
        .into_iter()
        .map(|(room, span)| Silent {
            room,
            seconds: span.as_secs(),
        })
        .collect();
    let alive = silent.is_empty();
    (ok_or_unavailable(alive), Json(Alive { alive, silent })).into_response()
}

async fn readyz(State(desk): State<Desk>) -> Response {
    let reasons: Vec<Reason> = desk
        .health
        .troubles()
        .into_iter()
        .map(|(trouble, detail)| Reason {
            reason: trouble.as_str(),
            detail,
        })
        .collect();
    let ready = reasons.is_empty();
    (ok_or_unavailable(ready), Json(Ready { ready, reasons })).into_response()
}

async fn metrics(State(desk): State<Desk>) -> Response {
    match timeout(STORE_PATIENCE, refresh(&desk)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "metrics show old totals"),
        Err(_) => tracing::debug!("metrics show old totals: the store is slow"),
    }
    let Ok(page) = desk.metrics.text() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], page).into_response()
}

async fn refresh(desk: &Desk) -> Result<(), StoreError> {
    let now = desk.clock.now();
    let totals = desk.store.totals().await?;
    let terms = desk.terms.load_full();
    let mut destinations = desk.store.destinations(now).await?;
    // Of one that was taken out of the config, only what still waits for it is told.
    destinations.retain(|status| {
        let waits = status.due + status.waiting + status.dead > 0;
        waits || terms.connectors.contains(status.name.as_str())
    });
    for status in &mut destinations {
        let allowance = budget::allow(terms.budgets.get(&status.name), &status.calls, now);
        status.gate = allowance.over(std::mem::take(&mut status.gate));
    }
    desk.metrics.show(&totals, &destinations, now);
    desk.metrics.show_referrals(&desk.store.referral_totals().await?);
    Ok(())
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
