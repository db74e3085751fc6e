//! Whether a certificate is the signer's: valid now, for the pinned name, issued by the pinned
//! organisation, and going back to a root we trust (contract partner-center 8.4).
//!
//! The certificate of the published test vector is of version 1, which TLS stacks refuse; so chains are
//! followed here: by names, and each signature is looked at.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};
use chrono::{DateTime, Utc};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION,
    OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA, OID_SIG_ECDSA_WITH_SHA256,
    OID_SIG_ECDSA_WITH_SHA384,
};
use x509_parser::prelude::FromDer;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name, X509Version};

/// A certificate in DER.
pub(crate) type Der = Vec<u8>;

/// More certificates between the signer's and a root are no chain of theirs.
const MOST_BETWEEN: usize = 4;
/// However certificates are made to point at each other.
const MOST_LOOKS: usize = 64;

/// Whom we believe.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    /// What a chain may go back to.
    pub roots: Vec<Der>,
    /// What may stand between, besides what comes along.
    pub between: Vec<Der>,
    /// Whom the certificate is for.
    pub subject: String,
    /// The organisation of whoever issued it.
    pub issuer: String,
}

/// The signer's key, and from when until when its chain is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proven {
    /// An RSA key in DER.
    pub key: Vec<u8>,
    /// The first moment.
    pub from: DateTime<Utc>,
    /// The last moment.
    pub until: DateTime<Utc>,
}

impl Proven {
    /// Whether it is good now.
    pub(crate) fn holds(&self, now: DateTime<Utc>) -> bool {
        self.from <= now && now <= self.until
    }

    /// Whether its owner signed this: RSASSA-PKCS1-v1_5 with SHA-256, over the bytes as they came.
    pub(crate) fn signed(&self, body: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.key)
            .verify(body, signature)
            .is_ok()
    }
}

impl Trust {
    /// Looks at the first of these; the others may stand between it and a root.
    pub(crate) fn prove(&self, certificates: &[Der], now: DateTime<Utc>) -> Result<Proven, &'static str> {
        let (first, along) = certificates.split_first().ok_or("there is no certificate")?;
        let leaf = parse(first).ok_or("the certificate cannot be read")?;
        let own = window(&leaf).ok_or("the certificate's time cannot be read")?;
        if now < own.0 {
            return Err("the certificate is not valid yet");
        }
        if now > own.1 {
            return Err("the certificate has expired");
        }
        if !self.is_for_the_subject(&leaf) {
            return Err("the certificate is for somebody else");
        }
        if !organisations(leaf.issuer()).any(|name| name == self.issuer) {
            return Err("the certificate is issued by somebody else");
        }
        if leaf.public_key().algorithm.algorithm != OID_PKCS1_RSAENCRYPTION {
            return Err("the certificate's key is not of RSA");
        }
        if !may_sign(&leaf) {
            return Err("the certificate is not for signing");
        }
        let mut climb = Climb {
            roots: self.roots.iter().filter_map(|der| parse(der)).collect(),
            between: along
                .iter()
                .chain(&self.between)
                .filter_map(|der| parse(der))
                .collect(),
            now,
            looks: 0,
        };
        let (from, until) = climb
            .up(&leaf, 0, own)
            .ok_or("the certificate goes back to no root we trust")?;
        Ok(Proven {
            key: leaf.public_key().subject_public_key.data.to_vec(),
            from,
            until,
        })
    }

    fn is_for_the_subject(&self, leaf: &X509Certificate<'_>) -> bool {
        let is = |name: &str| name.eq_ignore_ascii_case(&self.subject);
        let common = leaf.subject().iter_common_name();
        if common.filter_map(|name| name.as_str().ok()).any(is) {
            return true;
        }
        let Ok(Some(names)) = leaf.subject_alternative_name() else {
            return false;
        };
        let mut names = names.value.general_names.iter();
        names.any(|name| matches!(name, GeneralName::DNSName(name) if is(name)))
    }
}

type Window = (DateTime<Utc>, DateTime<Utc>);

/// The way up to a root.
struct Climb<'a> {
    roots: Vec<X509Certificate<'a>>,
    between: Vec<X509Certificate<'a>>,
    now: DateTime<Utc>,
    looks: usize,
}

impl Climb<'_> {
    /// When the whole chain above `low` is good, where there is one; `below` of its links are not the first.
    fn up(&mut self, low: &X509Certificate<'_>, below: usize, so_far: Window) -> Option<Window> {
        if below > MOST_BETWEEN {
            return None;
        }
        for root in self.roots.clone() {
            if self.issued(&root, low, below, true) {
                return join(so_far, window(&root)?);
            }
        }
        for issuer in self.between.clone() {
            if self.issued(&issuer, low, below, false) {
                let joined = join(so_far, window(&issuer)?)?;
                if let Some(found) = self.up(&issuer, below + 1, joined) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Whether this one may issue, is good now, and did issue `low`.
    fn issued(
        &mut self,
        issuer: &X509Certificate<'_>,
        low: &X509Certificate<'_>,
        below: usize,
        is_root: bool,
    ) -> bool {
        if issuer.subject().as_raw() != low.issuer().as_raw() || self.looks >= MOST_LOOKS {
            return false;
        }
        self.looks += 1;
        let good = window(issuer).is_some_and(|(from, until)| from <= self.now && self.now <= until);
        good && may_issue(issuer, below, is_root) && has_signed(issuer.public_key(), low)
    }
}

fn join(one: Window, other: Window) -> Option<Window> {
    let joined = (one.0.max(other.0), one.1.min(other.1));
    (joined.0 <= joined.1).then_some(joined)
}

/// All of it, with nothing behind it, no extension twice, and none that has to be understood and is not.
fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    let twice = certificate.extensions_map().is_err();
    let understood = |extension: &ParsedExtension<'_>| {
        matches!(
            extension,
            ParsedExtension::BasicConstraints(_)
                | ParsedExtension::KeyUsage(_)
                | ParsedExtension::ExtendedKeyUsage(_)
                | ParsedExtension::SubjectAlternativeName(_)
                | ParsedExtension::CertificatePolicies(_)
        )
    };
    let strange = certificate
        .iter_extensions()
        .any(|extension| extension.critical && !understood(extension.parsed_extension()));
    let same_algorithm =
        certificate.signature_algorithm.algorithm == certificate.tbs_certificate.signature.algorithm;
    (rest.is_empty() && !twice && !strange && same_algorithm).then_some(certificate)
}

fn window(certificate: &X509Certificate<'_>) -> Option<Window> {
    let validity = certificate.validity();
    Some((
        DateTime::from_timestamp(validity.not_before.timestamp(), 0)?,
        DateTime::from_timestamp(validity.not_after.timestamp(), 0)?,
    ))
}

fn organisations<'a>(name: &'a X509Name<'_>) -> impl Iterator<Item = &'a str> {
    name.iter_organization().filter_map(|name| name.as_str().ok())
}

/// A certificate that says what it is for says that it signs.
fn may_sign(leaf: &X509Certificate<'_>) -> bool {
    match leaf.key_usage() {
        Ok(usage) => {
            usage.is_none_or(|usage| usage.value.digital_signature() || usage.value.non_repudiation())
        }
        Err(_) => false,
    }
}

/// Only a root we chose may be of a version that cannot say that it issues.
fn may_issue(issuer: &X509Certificate<'_>, below: usize, is_root: bool) -> bool {
    if is_root && issuer.version() != X509Version::V3 {
        return true;
    }
    let (Ok(Some(constraints)), Ok(usage)) = (issuer.basic_constraints(), issuer.key_usage()) else {
        return false;
    };
    let long_enough = constraints
        .value
        .path_len_constraint
        .is_none_or(|most| usize::try_from(most).is_ok_and(|most| below <= most));
    constraints.value.ca && long_enough && usage.is_none_or(|usage| usage.value.key_cert_sign())
}

/// Whether the owner of `key` signed `low`.
fn has_signed(key: &SubjectPublicKeyInfo<'_>, low: &X509Certificate<'_>) -> bool {
    let Some(algorithm) = algorithm(key, low) else {
        return false;
    };
    UnparsedPublicKey::new(algorithm, key.subject_public_key.data.as_ref())
        .verify(low.tbs_certificate.as_ref(), low.signature_value.data.as_ref())
        .is_ok()
}

/// How `low` says it is signed, where the key fits.
fn algorithm(
    key: &SubjectPublicKeyInfo<'_>,
    low: &X509Certificate<'_>,
) -> Option<&'static dyn VerificationAlgorithm> {
    let by = &low.signature_algorithm.algorithm;
    if key.algorithm.algorithm == OID_PKCS1_RSAENCRYPTION {
        let hashes: [(_, &'static dyn VerificationAlgorithm); 3] = [
            (OID_PKCS1_SHA256WITHRSA, &RSA_PKCS1_2048_8192_SHA256),
            (OID_PKCS1_SHA384WITHRSA, &RSA_PKCS1_2048_8192_SHA384),
            (OID_PKCS1_SHA512WITHRSA, &RSA_PKCS1_2048_8192_SHA512),
        ];
        return hashes
            .into_iter()
            .find(|(oid, _)| oid == by)
            .map(|(_, algorithm)| algorithm);
    }
    if key.algorithm.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY {
        return None;
    }
    let curve = key.algorithm.parameters.as_ref()?.as_oid().ok()?;
    let known: [(_, _, &'static dyn VerificationAlgorithm); 4] = [
        (OID_EC_P256, OID_SIG_ECDSA_WITH_SHA256, &ECDSA_P256_SHA256_ASN1),
        (OID_EC_P256, OID_SIG_ECDSA_WITH_SHA384, &ECDSA_P256_SHA384_ASN1),
        (
            OID_NIST_EC_P384,
            OID_SIG_ECDSA_WITH_SHA256,
            &ECDSA_P384_SHA256_ASN1,
        ),
        (
            OID_NIST_EC_P384,
            OID_SIG_ECDSA_WITH_SHA384,
            &ECDSA_P384_SHA384_ASN1,
        ),
    ];
    let fits = known.into_iter().find(|(on, oid, _)| *on == curve && oid == by);
    fits.map(|(.., algorithm)| algorithm)
}

#[cfg(test)]
#[path = "chain/tests.rs"]
mod tests;
