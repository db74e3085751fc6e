//! `/metrics`: what the rooms counted, and what the store says now.

use std::time::Duration;

use axum::extract::State as Given;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use connector_kit::DestinationName;
use tokio::time::timeout;

use super::metrics::{PageForm, Snapshot, State};
use super::router::Desk;
use super::{Trouble, vitals};
use crate::deliver::budget;
use crate::store::{DestinationStatus, StoreError};

/// How long `/metrics` waits for the store before it shows the figures of last time.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// What is shown before there is a desk: that the store is being opened, and nothing else.
pub(super) fn not_yet() -> Response {
    let reason = Trouble::Starting.as_str();
    let page = format!(
        "# TYPE leadsync_ready gauge\nleadsync_ready 0\n\
         # TYPE leadsync_unready gauge\nleadsync_unready{{reason=\"{reason}\"}} 1\n"
    );
    ([(header::CONTENT_TYPE, PageForm::Text.content_type())], page).into_response()
}

/// All numbers, in the form the reader asks for.
pub(super) async fn metrics(Given(desk): Given<Desk>, headers: HeaderMap) -> Response {
    let now = desk.clock.now();
    let snapshot = match timeout(STORE_PATIENCE, snapshot(&desk, now)).await {
        Ok(Ok(snapshot)) => Some(snapshot),
        Ok(Err(error)) => {
            tracing::debug!(%error, "metrics show old totals");
            None
        }
        Err(_) => {
            tracing::debug!("metrics show old totals: the store is slow");
            None
        }
    };
    let state = State {
        now,
        snapshot,
        troubles: vitals::troubles(&desk.health, now),
    };
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let form = PageForm::asked_by(accept.unwrap_or_default());
    match desk.metrics.page(&state, form) {
        Ok(page) => ([(header::CONTENT_TYPE, form.content_type())], page).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn snapshot(desk: &Desk, now: DateTime<Utc>) -> Result<Snapshot, StoreError> {
    let terms = desk.terms.load_full();
    let mut destinations = desk.store.destinations(now).await?;
    // Of one that was taken out of the config, only what still waits for it is told.
    destinations.retain(|status| {
        let waits = status.due + status.waiting + status.dead > 0;
        waits || terms.connectors.contains(status.name.as_str())
    });
    for name in &terms.callers {
        if destinations.iter().all(|status| status.name != *name) {
            destinations.push(unseen(desk, name).await?);
        }
    }
    let with_budget = destinations.into_iter().map(|mut status| {
        let budget = terms.budgets.get(&status.name).copied();
        let allowance = budget::allow(budget.as_ref(), &status.calls, now);
        status.gate = allowance.over(std::mem::take(&mut status.gate));
        (status, budget)
    });
    Ok(Snapshot {
        destinations: with_budget.collect(),
        totals: desk.store.totals().await?,
        referrals: desk.store.referral_totals().await?,
        footprint: desk.store.footprint().await?,
    })
}

/// One nothing was delivered to yet; it may have been called all the same.
async fn unseen(desk: &Desk, name: &DestinationName) -> Result<DestinationStatus, StoreError> {
    Ok(DestinationStatus {
        calls: desk.store.ledger(name).await?,
        ..DestinationStatus::idle(name.clone())
    })
}
