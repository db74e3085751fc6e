//! The intake of the ceiling program: parse, make the key, keep, answer after the commit.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::echo::PostedLead;
use super::writer::Writer;

/// `POST /leads`, answered once the lead is on the disk.
pub(super) fn router(writer: Writer) -> Router {
    Router::new().route("/leads", post(take)).with_state(writer)
}

async fn take(State(writer): State<Writer>, body: Bytes) -> StatusCode {
    let Ok(lead) = serde_json::from_slice::<PostedLead>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    if writer.keep(key(&lead), body).await {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

/// Person, offer and action: the same touch has the same key.
fn key(lead: &PostedLead) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in [
        lead.user_details.email.to_lowercase().as_str(),
        &lead.lead_source,
        &lead.action_code,
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hash.finalize()[..16]);
    short
}
