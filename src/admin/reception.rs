//! Answers before the desk is there: a large store takes a while to open, and who asks is told so.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use super::{numbers, vitals};

/// The way to a router that is not there yet.
#[derive(Clone, Default)]
pub struct Reception(Arc<OnceLock<Router>>);

impl Reception {
    /// From now on it is there. The first one stays.
    pub fn open(&self, router: Router) {
        let _ = self.0.set(router);
    }

    /// Passes requests on, or says that it is too early.
    pub fn router(&self) -> Router {
        Router::new().fallback(pass_on).with_state(self.clone())
    }
}

async fn pass_on(State(reception): State<Reception>, request: Request) -> Response {
    match reception.0.get() {
        Some(router) => router.clone().oneshot(request).await.into_response(),
        None if request.uri().path() == "/metrics" => numbers::not_yet(),
        None => vitals::not_yet(request.uri().path(), request.headers()),
    }
}
