//! Who may read the numbers from another machine: whoever shows the token.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use connector_kit::secret::Secret;

use crate::intake::Keys;

/// What readers from another machine show. Clones are the same; another may take its place.
#[derive(Clone)]
pub struct Token(Arc<ArcSwap<Keys>>);

impl Token {
    /// This one.
    pub fn new(token: &Secret) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(keys(token))))
    }

    /// From now on this one, and the one of before no more.
    pub fn replace(&self, token: &Secret) {
        self.0.store(Arc::new(keys(token)));
    }
}

fn keys(token: &Secret) -> Keys {
    Keys::new(std::slice::from_ref(token))
}

/// Answers only to requests with `Authorization: Bearer <token>`.
pub fn guarded(router: Router, token: Token) -> Router {
    router.layer(from_fn_with_state(token, check))
}

async fn check(State(known): State<Token>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION);
    let shown = shown.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (scheme, token) = shown.split_once(' ').unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") && known.0.load().open(token.trim()) {
        return next.run(request).await;
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, challenge).into_response()
}
