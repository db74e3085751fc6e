//! Who may read the numbers from another machine: whoever shows the token.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use connector_kit::secret::Secret;

use crate::intake::Keys;

/// Answers only to requests with `Authorization: Bearer <token>`.
pub fn guarded(router: Router, token: &Secret) -> Router {
    let keys = Keys::new(std::slice::from_ref(token));
    router.layer(from_fn_with_state(keys, check))
}

async fn check(State(keys): State<Keys>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION);
    let shown = shown.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (scheme, token) = shown.split_once(' ').unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") && keys.open(token.trim()) {
        return next.run(request).await;
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, challenge).into_response()
}
