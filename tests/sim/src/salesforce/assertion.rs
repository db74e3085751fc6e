//! A JWT bearer assertion, looked at claim by claim (contract salesforce 2.2).

use std::collections::HashMap;

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::Value;

use super::doors::{App, Closed};

/// How far a client's clock may be behind, in seconds.
const SKEW: i64 = 180;

const INVALID: Closed = ("invalid_grant", "invalid assertion");

/// Whether an app may let the user in whom this assertion names; `base` is where the request came to.
pub(super) fn check(
    assertion: &str,
    apps: &HashMap<String, App>,
    base: &str,
    now: i64,
) -> Result<(), Closed> {
    let header = decode_header(assertion).map_err(|_| INVALID)?;
    if header.alg != Algorithm::RS256 {
        return Err(INVALID);
    }
    let unverified: Value = jsonwebtoken::dangerous::insecure_decode(assertion)
        .map_err(|_| INVALID)?
        .claims;
    let client = unverified["iss"].as_str().unwrap_or_default();
    let app = apps
        .get(client)
        .ok_or(("invalid_client_id", "client identifier invalid"))?;
    let key = app.key.as_ref().ok_or(INVALID)?;
    let mut signature_only = Validation::new(Algorithm::RS256);
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_aud = false;
    let claims: Value = decode(assertion, key, &signature_only)
        .map_err(|_| INVALID)?
        .claims;
    judge(&claims, app, base, now)
}

fn judge(claims: &Value, app: &App, base: &str, now: i64) -> Result<(), Closed> {
    let ours = [
        "https://login.salesforce.com",
        "https://test.salesforce.com",
        base,
    ];
    let audience = claims["aud"].as_str().unwrap_or_default();
    if !ours.contains(&audience.trim_end_matches('/')) {
        return Err(("invalid_grant", "audience is invalid"));
    }
    // A number, or a text of digits. Far ahead is no fault: the vendor's own tool sends milliseconds.
    let expires = claims["exp"]
        .as_i64()
        .or_else(|| claims["exp"].as_str()?.parse().ok());
    if expires.ok_or(INVALID)? + SKEW < now {
        return Err(INVALID);
    }
    let user = claims["sub"].as_str().unwrap_or_default();
    if !app.users.iter().any(|it| it == user) {
        return Err(("invalid_grant", "user hasn't approved this consumer"));
    }
    Ok(())
}
