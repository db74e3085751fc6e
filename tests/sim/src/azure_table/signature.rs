//! Checks `Authorization` from first principles (contract azure-table 3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use sha2::Sha256;

use super::Shape;
use super::answer::Refusal;

/// Decodes an account key.
///
/// # Panics
/// When it is not base64: the test is wrong then.
pub(super) fn key(text: &str) -> Vec<u8> {
    STANDARD
        .decode(text)
        .unwrap_or_else(|error| panic!("the simulator's key: {error}"))
}

/// Refuses what the service refuses: no or a stale date, no or a wrong signature.
pub(super) fn check(
    parts: &Parts,
    account: &str,
    keys: &[Vec<u8>],
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let refused = || Refusal {
        shape: Shape::Xml,
        ..Refusal::new(403, "AuthenticationFailed")
    };
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let date = header("x-ms-date");
    let sent = NaiveDateTime::parse_from_str(date, "%a, %d %b %Y %H:%M:%S GMT")
        .map_err(|_| refused())?
        .and_utc();
    if (now - sent).abs() > TimeDelta::minutes(15) {
        return Err(refused());
    }
    let Some((scheme, rest)) = header("authorization").split_once(' ') else {
        return Err(Refusal::new(401, "NoAuthenticationInformation"));
    };
    let (name, signature) = rest.split_once(':').ok_or_else(refused)?;
    let comp = parts
        .uri
        .query()
        .and_then(|query| query.split('&').find(|pair| pair.starts_with("comp=")));
    let mut resource = format!("/{account}{}", parts.uri.path());
    if let Some(comp) = comp {
        resource = format!("{resource}?{comp}");
    }
    let text = match scheme {
        "SharedKeyLite" => [date, &resource].join("\n"),
        "SharedKey" => [
            parts.method.as_str(),
            header("content-md5"),
            header("content-type"),
            date,
            &resource,
        ]
        .join("\n"),
        _ => return Err(refused()),
    };
    let given = STANDARD.decode(signature).map_err(|_| refused())?;
    let fits = |key: &Vec<u8>| {
        Hmac::<Sha256>::new_from_slice(key)
            .is_ok_and(|mac| mac.chain_update(&text).verify_slice(&given).is_ok())
    };
    if name == account && keys.iter().any(fits) {
        Ok(())
    } else {
        Err(refused())
    }
}
