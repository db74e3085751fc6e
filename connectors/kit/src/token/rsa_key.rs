//! The private key behind an assertion.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{EncodingKey, Header};
use rustls::SignatureAlgorithm;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SigningKey;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::error::{ConfigError, ConnectorError, ErrorKind};
use crate::secret::Secret;

/// An RSA private key, tried out when it is read. Prints as `***`.
#[derive(Clone)]
pub struct RsaKey {
    signs: EncodingKey,
    /// The same key, to compare a certificate with.
    pub(super) checks: Arc<dyn SigningKey>,
}

impl RsaKey {
    /// Reads PEM, PKCS#8 or PKCS#1; other things in the same text (certificates) are passed over.
    /// `setting` is where the operator named the secret.
    pub fn from_pem(pem: &Secret, setting: &str) -> Result<Self, ConfigError> {
        let wrong = |text: &str| ConfigError::new(setting, text);
        let der = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes())
            .map_err(|_| wrong(why_unreadable(pem.expose())))?;
        let pem = rewritten(&der).ok_or_else(|| wrong(NOT_RSA))?;
        let signs = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| wrong(NOT_RSA))?;
        let checks = aws_lc_rs::default_provider()
            .key_provider
            .load_private_key(der)
            .map_err(|_| wrong("this key is damaged, or shorter than 2048 bits"))?;
        if checks.algorithm() != SignatureAlgorithm::RSA {
            return Err(wrong(NOT_RSA));
        }
        Ok(Self { signs, checks })
    }

    /// A signed assertion.
    pub(super) fn sign(&self, header: &Header, claims: &Value) -> Result<Secret, ConnectorError> {
        jsonwebtoken::encode(header, claims, &self.signs)
            .map(Secret::new)
            .map_err(|_| {
                ConnectorError::new(ErrorKind::Misconfigured, "sign an assertion with the private key")
            })
    }
}

impl std::fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

const NOT_RSA: &str = "an RSA key is needed, this is another kind, or damaged";

/// The key alone, as the signing crate reads it: it takes the first section of a text for the key.
fn rewritten(key: &PrivateKeyDer<'_>) -> Option<Zeroizing<String>> {
    let label = match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Pkcs8(_) => "PRIVATE KEY",
        _ => return None,
    };
    let body = Zeroizing::new(STANDARD.encode(key.secret_der()));
    let text = format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        body.as_str()
    );
    Some(Zeroizing::new(text))
}

/// What the operator most likely did.
fn why_unreadable(text: &str) -> &'static str {
    if text.contains("ENCRYPTED") {
        "this key is encrypted: decrypt it (openssl pkcs8 -in KEY -out PLAIN), and guard the file instead"
    } else if text.contains("PRIVATE KEY") {
        "this PEM is damaged or has lost its line ends: give it as { file = .. } or { credential = .. }"
    } else if text.contains("PUBLIC KEY") {
        "this is the public key; the private key is needed"
    } else if text.contains("CERTIFICATE") {
        "this is a certificate without its private key"
    } else {
        "this is not a private key in PEM (-----BEGIN PRIVATE KEY-----)"
    }
}
