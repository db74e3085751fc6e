//! Who signs events: an authority of this process, its certificates, and RSA keys made once (contract partner-center 8.4).

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{Datelike, NaiveDate};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, SigningKey, date_time_ymd,
};

/// What the certificate of the signer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// The name in subject and alternative name.
    pub common_name: String,
    /// The organization of the subject.
    pub organization: String,
    /// The first day it is good.
    pub from: NaiveDate,
    /// The first day it is not good any more.
    pub until: NaiveDate,
    /// Whether the authority that clients trust issued it, and not another one of the same name.
    pub trusted: bool,
}

impl Default for Signing {
    fn default() -> Self {
        let day = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
        Self {
            common_name: "pcnotifications-dispatch.microsoft.com".to_owned(),
            organization: "Microsoft Corporation".to_owned(),
            from: day(2018),
            until: day(2048),
            trusted: true,
        }
    }
}

/// A key with its certificate.
pub(super) struct Signer {
    key: &'static KeyPair,
    /// In DER.
    pub(super) der: Vec<u8>,
    /// In PEM.
    pub(super) pem: String,
}

impl Signer {
    /// The one in use until another is asked for.
    pub(super) fn usual() -> Arc<Self> {
        static USUAL: OnceLock<Arc<Signer>> = OnceLock::new();
        Arc::clone(USUAL.get_or_init(|| Arc::new(Self::issue(&Signing::default(), 0))))
    }

    /// A certificate as told for one of the two keys.
    #[expect(clippy::expect_used, reason = "a test asks for certificates by hand")]
    pub(super) fn issue(signing: &Signing, key: usize) -> Self {
        let key = leaf_key(key);
        let mut params = CertificateParams::new(vec![signing.common_name.clone()]).expect("a name");
        params.distinguished_name = named(&signing.organization, &signing.common_name);
        let part = |number: u32| u8::try_from(number).unwrap_or(1);
        let day = |date: NaiveDate| date_time_ymd(date.year(), part(date.month()), part(date.day()));
        params.not_before = day(signing.from);
        params.not_after = day(signing.until);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let certificate = params
            .signed_by(key, authority(signing.trusted))
            .expect("a certificate");
        Self {
            key,
            der: certificate.der().to_vec(),
            pem: certificate.pem(),
        }
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256, in base64.
    pub(super) fn sign(&self, body: &[u8]) -> String {
        STANDARD.encode(self.key.sign(body).unwrap_or_default())
    }
}

/// What clients trust, as PEM.
pub(super) fn trusted_pem() -> String {
    authority(true).pem()
}

type Authority = CertifiedIssuer<'static, KeyPair>;

/// Both have the same name; one is trusted.
#[expect(clippy::expect_used, reason = "nothing comes from outside")]
fn authority(trusted: bool) -> &'static Authority {
    static AUTHORITIES: [OnceLock<Authority>; 2] = [const { OnceLock::new() }; 2];
    AUTHORITIES[usize::from(trusted)].get_or_init(|| {
        let mut params = CertificateParams::default();
        params.distinguished_name = named("Microsoft Corporation", "Simulator CA - not a real Microsoft CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2015, 1, 1);
        params.not_after = date_time_ymd(2060, 1, 1);
        CertifiedIssuer::self_signed(params, rsa_key()).expect("an authority")
    })
}

fn leaf_key(which: usize) -> &'static KeyPair {
    static KEYS: [OnceLock<KeyPair>; 2] = [const { OnceLock::new() }; 2];
    KEYS[which % 2].get_or_init(rsa_key)
}

#[expect(clippy::expect_used, reason = "nothing comes from outside")]
fn rsa_key() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("a key")
}

fn named(organization: &str, name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CountryName, "US");
    named.push(DnType::OrganizationName, organization);
    named.push(DnType::CommonName, name);
    named
}
