//! Certificates and the assertions signed with them: RS256 with `x5t`, PS256 with `x5t#S256`.

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::server::ParsedCertificate;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;

use super::refusal::Refusal;

/// A clock may be so far from ours, in seconds.
const SKEW: f64 = 300.0;

/// A registered certificate, by what an assertion says of it.
pub(super) struct Certificate {
    key: Vec<u8>,
    sha1: String,
    sha256: String,
}

impl Certificate {
    /// Reads the first certificate of a PEM text.
    ///
    /// # Panics
    /// When there is none.
    #[expect(clippy::expect_used, reason = "a test registers its certificates by hand")]
    pub(super) fn read(pem: &str) -> Self {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        let parsed = ParsedCertificate::try_from(&der).expect("a readable certificate");
        Self {
            key: parsed.subject_public_key_info().to_vec(),
            sha1: URL_SAFE_NO_PAD.encode(digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, &der)),
            sha256: URL_SAFE_NO_PAD.encode(digest::digest(&SHA256, &der)),
        }
    }

    fn signed(&self, how: Signed, message: &[u8], signature: &[u8]) -> bool {
        let scheme = match how {
            Signed::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Signed::Ps256 => &RSA_PSS_2048_8192_SHA256,
        };
        UnparsedPublicKey::new(scheme, &self.key)
            .verify(message, signature)
            .is_ok()
    }
}

#[derive(Clone, Copy)]
enum Signed {
    Rs256,
    Ps256,
}

/// Whether `token` shows that its sender holds the key of one of `certificates`, for this `app`.
pub(super) fn check(
    token: &str,
    app: &str,
    audience: &str,
    certificates: &[Certificate],
    now: i64,
) -> Result<(), Refusal> {
    let (message, signature) = token
        .rsplit_once('.')
        .ok_or_else(|| Refusal::assertion("it has no three parts"))?;
    let (head, claims) = message
        .split_once('.')
        .ok_or_else(|| Refusal::assertion("it has no three parts"))?;
    let head = object(head)?;
    let claims = object(claims)?;
    if head["typ"] != "JWT" {
        return Err(Refusal::assertion("the type is not JWT"));
    }
    let (how, thumbprint) = match head["alg"].as_str() {
        Some("RS256") => (Signed::Rs256, &head["x5t"]),
        Some("PS256") => (Signed::Ps256, &head["x5t#S256"]),
        _ => return Err(Refusal::assertion("the algorithm is neither RS256 nor PS256")),
    };
    let thumbprint = thumbprint
        .as_str()
        .ok_or_else(|| Refusal::assertion("no thumbprint"))?
        .trim_end_matches('=');
    let signature = bytes(signature)?;
    let known = certificates
        .iter()
        .filter(|certificate| match how {
            Signed::Rs256 => certificate.sha1 == thumbprint,
            Signed::Ps256 => certificate.sha256 == thumbprint,
        })
        .any(|certificate| certificate.signed(how, message.as_bytes(), &signature));
    if !known {
        return Err(Refusal::signature());
    }
    claim(&claims, app, audience, now)
}

fn claim(claims: &Value, app: &str, audience: &str, now: i64) -> Result<(), Refusal> {
    if claims["iss"] != app || claims["sub"] != app {
        return Err(Refusal::assertion("issuer and subject must be the application"));
    }
    if claims["jti"].as_str().is_none_or(str::is_empty) {
        return Err(Refusal::assertion("it has no jti"));
    }
    if claims["aud"] != audience {
        return Err(Refusal::audience());
    }
    let until = claims["exp"]
        .as_f64()
        .ok_or_else(|| Refusal::assertion("it has no exp"))?;
    let from = claims["nbf"].as_f64().or(claims["iat"].as_f64());
    #[expect(clippy::cast_precision_loss, reason = "the time of day fits")]
    let now = now as f64;
    if until + SKEW < now || from.is_some_and(|from| from - SKEW > now) {
        return Err(Refusal::assertion_time());
    }
    Ok(())
}

fn object(part: &str) -> Result<Value, Refusal> {
    serde_json::from_slice(&bytes(part)?).map_err(|_| Refusal::assertion("a part is no JSON"))
}

fn bytes(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD
        .decode(part.trim_end_matches('='))
        .map_err(|_| Refusal::assertion("a part is not base64url"))
}
