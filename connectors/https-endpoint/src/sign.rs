//! Standard Webhooks 1.0.0 from the sender's side (contract https-endpoint 2).

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use connector_kit::ConfigError;
use connector_kit::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Secrets are pasted by people: padding may be missing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Signs with every configured secret, newest first.
pub(crate) struct Signer(Vec<Hmac<Sha256>>);

impl Signer {
    /// `whsec_` is only a prefix; the key is what the base64 after it stands for.
    pub(crate) fn new(secrets: &[Secret]) -> Result<Self, ConfigError> {
        let keyed = secrets.iter().enumerate().map(|(index, secret)| {
            let wrong = |text: &str| ConfigError::new(format!("settings.signing_secrets[{index}]"), text);
            let text = secret.expose().trim();
            let key = LENIENT
                .decode(text.strip_prefix("whsec_").unwrap_or(text))
                .map_err(|_| wrong("a signing secret is whsec_ and base64"))?;
            if !(24..=64).contains(&key.len()) {
                return Err(wrong("a signing secret stands for 24 to 64 random bytes"));
            }
            Hmac::new_from_slice(&key).map_err(|_| wrong("this secret cannot be a key"))
        });
        keyed.collect::<Result<_, _>>().map(Self)
    }

    /// The value of `webhook-signature`; none when there is no secret.
    pub(crate) fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
        let mut list = String::with_capacity(self.0.len() * 48);
        for keyed in &self.0 {
            let mut mac = keyed.clone();
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                mac.update(part);
            }
            if !list.is_empty() {
                list.push(' ');
            }
            list.push_str("v1,");
            STANDARD.encode_string(mac.finalize().into_bytes(), &mut list);
        }
        (!list.is_empty()).then_some(list)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/https/standard-webhooks-vectors.json"
        );
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    fn sign(secrets: &[&str], vector: &Value) -> Option<String> {
        let secrets: Vec<Secret> = secrets.iter().map(|text| Secret::new(*text)).collect();
        let timestamp = vector["webhook_timestamp"].to_string();
        let body = vector["body"].as_str().unwrap().as_bytes();
        Signer::new(&secrets)
            .unwrap()
            .sign(vector["webhook_id"].as_str().unwrap(), &timestamp, body)
    }

    #[test]
    fn trap_3_every_published_vector_is_signed_with_the_decoded_key() {
        for vector in vectors()["vectors"].as_array().unwrap() {
            let secret = vector["secret"].as_str().unwrap();
            let expected = vector["webhook_signature"].as_str().map(str::to_owned);
            assert_eq!(sign(&[secret], vector), expected, "{}", vector["name"]);
            let bare = secret.strip_prefix("whsec_").unwrap();
            assert_eq!(
                sign(&[bare.trim_end_matches('=')], vector),
                expected,
                "without prefix and padding"
            );
        }
    }

    #[test]
    fn trap_4_two_secrets_make_a_list_of_two() {
        let all = vectors();
        let rotation = &all["rotation"];
        let (old, new) = (
            rotation["old_secret"].as_str().unwrap(),
            rotation["new_secret"].as_str().unwrap(),
        );
        let expected = rotation["webhook_signature"].as_str().map(str::to_owned);
        assert_eq!(sign(&[old, new], rotation), expected);
    }

    #[test]
    fn without_a_secret_nothing_is_signed() {
        assert_eq!(sign(&[], &vectors()["vectors"][0]), None);
    }

    #[test]
    fn a_secret_that_is_no_secret_is_refused_without_being_shown() {
        for wrong in ["whsec_", "whsec_c2hvcnQ=", "whsec_canary!", "canary canary"] {
            let error = Signer::new(&[Secret::new(wrong)]).err().unwrap();
            assert_eq!(error.key, "settings.signing_secrets[0]");
            assert!(!error.message.contains("canary"), "{}", error.message);
        }
    }
}
