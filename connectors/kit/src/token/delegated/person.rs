//! Who signed in, as the operator knows them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use crate::secret::Secret;

/// Claims that name a person, best first.
const NAMES: [&str; 5] = ["preferred_username", "upn", "unique_name", "email", "name"];

#[derive(Deserialize)]
struct Answer {
    id_token: String,
}

/// The person in the id token of a token answer, where there is one.
///
/// Its signature is not looked at: it came straight from the authority, and nothing hangs on it but
/// a line on the operator's screen.
pub(super) fn of_answer(body: &[u8]) -> Option<Secret> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let claims = URL_SAFE_NO_PAD
        .decode(answer.id_token.split('.').nth(1)?.trim_end_matches('='))
        .ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let named = NAMES
        .iter()
        .filter_map(|name| claims.get(name)?.as_str())
        .find(|named| !named.is_empty())?;
    Some(Secret::new(named))
}
