//! Standard Webhooks 1.0.0 from the receiver's side, written from the specification alone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Seconds a timestamp may be off, in both directions.
const TOLERANCE: i64 = 300;

/// Whether any signature in the list is right for any secret, and the timestamp is fresh.
pub fn verify(
    secrets: &[String],
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now: i64,
) -> Result<(), String> {
    let moment: i64 = timestamp
        .parse()
        .map_err(|_| format!("timestamp {timestamp:?} is no number"))?;
    if (now - moment).abs() > TOLERANCE {
        return Err(format!("timestamp is {} s old", now - moment));
    }
    let given: Vec<Vec<u8>> = signatures
        .split(' ')
        .filter_map(|item| item.strip_prefix("v1,"))
        .filter_map(|text| STANDARD.decode(text).ok())
        .collect();
    for secret in secrets {
        let key = STANDARD
            .decode(secret.strip_prefix("whsec_").unwrap_or(secret))
            .map_err(|_| "the receiver's own secret is not base64".to_owned())?;
        for signature in &given {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| error.to_string())?;
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                mac.update(part);
            }
            if mac.verify_slice(signature).is_ok() {
                return Ok(());
            }
        }
    }
    Err("no signature in the list is right".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../fixtures/https/standard-webhooks-vectors.json"
        );
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    fn outcome(vector: &Value, signatures: &str, body: &str, age: i64) -> Result<(), String> {
        let secrets = [vector["secret"].as_str().unwrap().to_owned()];
        let moment = vector["webhook_timestamp"].as_i64().unwrap();
        let id = vector["webhook_id"].as_str().unwrap();
        verify(
            &secrets,
            id,
            &moment.to_string(),
            signatures,
            body.as_bytes(),
            moment + age,
        )
    }

    #[test]
    fn every_published_vector_is_accepted_within_five_minutes_and_not_beyond() {
        for vector in vectors()["vectors"].as_array().unwrap() {
            let (signature, body) = (
                vector["webhook_signature"].as_str().unwrap(),
                vector["body"].as_str().unwrap(),
            );
            for age in [0, 299, -299] {
                assert_eq!(
                    outcome(vector, signature, body, age),
                    Ok(()),
                    "{}",
                    vector["name"]
                );
            }
            for age in [301, -301] {
                assert!(
                    outcome(vector, signature, body, age).is_err(),
                    "{}",
                    vector["name"]
                );
            }
        }
    }

    #[test]
    fn every_negative_is_refused() {
        let all = vectors();
        let good = &all["vectors"][1];
        for negative in all["negative"].as_array().unwrap() {
            let signature = negative["webhook_signature"]
                .as_str()
                .or(good["webhook_signature"].as_str())
                .unwrap();
            let body = negative["body"].as_str().or(good["body"].as_str()).unwrap();
            let age = negative["age_seconds"].as_i64().unwrap_or_default();
            assert!(
                outcome(good, signature, body, age).is_err(),
                "{}",
                negative["name"]
            );
        }
    }
}
