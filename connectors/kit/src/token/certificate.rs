//! A certificate and its key, and the assertion that shows we have both.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, Header};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use serde_json::json;
use uuid::Builder;

use super::rsa_key::RsaKey;
use crate::dice::Dice;
use crate::error::{ConfigError, ConnectorError};
use crate::secret::Secret;

/// What the other side knows us by: its copy of our certificate.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    key: RsaKey,
    /// Our own first, then its issuers.
    chain: Vec<CertificateDer<'static>>,
}

/// How an assertion is signed and names the certificate (contract dynamics365 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
pub enum Signing {
    /// PS256, and the certificate by its SHA-256.
    #[default]
    #[serde(rename = "ps256")]
    Ps256,
    /// RS256, and the certificate by its SHA-1, for authorities that know no other.
    #[serde(rename = "rs256")]
    Rs256,
}

/// How long an assertion is good for.
const LIFE: TimeDelta = TimeDelta::minutes(10);

impl ClientCertificate {
    /// Reads PEM, the own certificate first; other things in the same text (the key) are passed
    /// over. `setting` is where the operator named it.
    pub fn from_pem(key: RsaKey, pem: &Secret, setting: &str) -> Result<Self, ConfigError> {
        let wrong = |text: &str| ConfigError::new(setting, text);
        let chain = CertificateDer::pem_slice_iter(pem.expose().as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| wrong("this PEM is damaged or has lost its line ends"))?;
        if chain.is_empty() {
            return Err(wrong("no certificate in PEM (-----BEGIN CERTIFICATE-----) here"));
        }
        CertifiedKey::new(chain.clone(), key.checks.clone())
            .keys_match()
            .map_err(|_| wrong("the first certificate does not belong to the private key"))?;
        Ok(Self { key, chain })
    }

    /// Says to `audience` that we are `client`; `with_chain` sends the certificates along.
    pub(super) fn assertion(
        &self,
        client: &str,
        audience: &str,
        (signing, with_chain): (Signing, bool),
        dice: &Dice,
        now: DateTime<Utc>,
    ) -> Result<Secret, ConnectorError> {
        let mut id = [0; 16];
        dice.fill(&mut id);
        let claims = json!({
            "aud": audience,
            "iss": client,
            "sub": client,
            "jti": Builder::from_random_bytes(id).into_uuid(),
            "iat": now.timestamp(),
            "nbf": now.timestamp(),
            "exp": (now + LIFE).timestamp(),
        });
        let mut header = self.header(signing);
        if with_chain {
            header.x5c = Some(self.chain.iter().map(|der| STANDARD.encode(der)).collect());
        }
        self.key.sign(&header, &claims)
    }

    fn header(&self, signing: Signing) -> Header {
        let own = self.chain.first().map_or(&[][..], |der| der);
        match signing {
            Signing::Ps256 => Header {
                x5t_s256: Some(URL_SAFE_NO_PAD.encode(digest(&SHA256, own))),
                ..Header::new(Algorithm::PS256)
            },
            Signing::Rs256 => Header {
                x5t: Some(URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, own))),
                ..Header::new(Algorithm::RS256)
            },
        }
    }
}
