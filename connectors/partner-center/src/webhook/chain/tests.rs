//! Chains as they should be, and every way in which they are not.

use std::sync::OnceLock;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, PKCS_RSA_SHA512, RsaKeySize,
    date_time_ymd,
};
use serde_json::Value;

use super::*;
use crate::webhook::certificate::certificates;

const NAME: &str = "pcnotifications-dispatch.microsoft.com";

fn vector() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/referrals/webhook_signature_test_vector.json"
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

type Ca = CertifiedIssuer<'static, KeyPair>;

fn named(organisation: &str, name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, organisation);
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params
}

fn authority(organisation: &str, name: &str) -> CertificateParams {
    let mut params = named(organisation, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf() -> CertificateParams {
    named("Whoever", NAME)
}

/// Keys of RSA take long to make.
fn rsa() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap())
}

fn root() -> Ca {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    CertifiedIssuer::self_signed(authority("Some Root", "Root"), key).unwrap()
}

fn microsoft(params: CertificateParams, root: &Ca) -> Ca {
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), root).unwrap()
}

fn signed(params: &CertificateParams, by: &Ca) -> Der {
    params.signed_by(rsa(), by).unwrap().der().to_vec()
}

fn trust(roots: &[&Ca]) -> Trust {
    Trust {
        roots: roots.iter().map(|root| root.der().to_vec()).collect(),
        between: Vec::new(),
        subject: NAME.into(),
        issuer: "Microsoft Corporation".into(),
    }
}

/// Root, one between, the leaf; `change` is what is wrong.
fn two_steps(
    change: impl FnOnce(&mut CertificateParams, &mut CertificateParams),
) -> Result<Proven, &'static str> {
    let (mut middle, mut leaf) = (authority("Microsoft Corporation", "Issuing CA"), leaf());
    change(&mut middle, &mut leaf);
    let root = root();
    let middle = microsoft(middle, &root);
    let chain = [signed(&leaf, &middle), middle.der().to_vec()];
    trust(&[&root]).prove(&chain, now())
}

#[test]
fn the_published_vector_is_believed_in_pem_and_in_der_and_only_as_it_is() {
    let vector = vector();
    let pem = |name: &str| certificates(vector[name].as_str().unwrap().as_bytes()).unwrap();
    let trust = Trust {
        roots: pem("ca_pem"),
        between: Vec::new(),
        subject: "pcnotifications-dispatch.simulator.example".into(),
        issuer: "Microsoft Corporation".into(),
    };
    let proven = trust.prove(&pem("leaf_pem"), now()).unwrap();
    let der = certificates(vector["leaf_der_base64"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(trust.prove(&der, now()).unwrap(), proven);
    let bodies = vector["vectors"].as_array().unwrap();
    assert_eq!(bodies.len(), 3);
    for one in bodies {
        let body = one["body_utf8"].as_str().unwrap();
        let shown = one["headers_rsa_sha256"]["Authorization"].as_str().unwrap();
        let signature = base64(shown.trim_start_matches("Signature "));
        assert!(proven.signed(body.as_bytes(), &signature), "{}", one["name"]);
        for at in 0..body.len() {
            let mut flipped = body.as_bytes().to_vec();
            flipped[at] ^= 1;
            assert!(!proven.signed(&flipped, &signature));
        }
        let value: Value = serde_json::from_str(body).unwrap();
        let again = serde_json::to_string_pretty(&value).unwrap();
        assert!(!proven.signed(again.as_bytes(), &signature), "re-serialised");
    }
}

fn base64(text: &str) -> Vec<u8> {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

#[test]
fn a_chain_with_one_between_is_followed_whoever_brings_it() {
    let root = root();
    let middle = microsoft(authority("Microsoft Corporation", "Issuing CA"), &root);
    let leaf = signed(&leaf(), &middle);
    let along = [leaf.clone(), middle.der().to_vec()];
    let proven = trust(&[&root]).prove(&along, now()).unwrap();
    assert_eq!(proven.until.to_rfc3339(), "2040-01-01T00:00:00+00:00");
    let configured = Trust {
        between: vec![middle.der().to_vec()],
        ..trust(&[&root])
    };
    assert_eq!(configured.prove(std::slice::from_ref(&leaf), now()), Ok(proven));
    let nowhere = trust(&[&root]).prove(&[leaf], now());
    assert_eq!(nowhere, Err("the certificate goes back to no root we trust"));
}

#[test]
fn every_documented_kind_of_signature_is_looked_at() {
    for kind in [&PKCS_RSA_SHA256, &PKCS_RSA_SHA512] {
        let key = KeyPair::generate_rsa_for(kind, RsaKeySize::_2048).unwrap();
        let ca = CertifiedIssuer::self_signed(authority("Microsoft Corporation", "CA"), key).unwrap();
        assert!(trust(&[&ca]).prove(&[signed(&leaf(), &ca)], now()).is_ok());
    }
    for kind in [&rcgen::PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384] {
        let key = KeyPair::generate_for(kind).unwrap();
        let ca = CertifiedIssuer::self_signed(authority("Microsoft Corporation", "CA"), key).unwrap();
        assert!(trust(&[&ca]).prove(&[signed(&leaf(), &ca)], now()).is_ok());
    }
    let ca = CertifiedIssuer::self_signed(
        authority("Microsoft Corporation", "CA"),
        rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(),
    )
    .unwrap();
    assert!(
        trust(&[&ca]).prove(&[signed(&leaf(), &ca)], now()).is_err(),
        "not one of theirs"
    );
}

#[test]
fn the_name_may_be_common_or_alternative() {
    assert!(two_steps(|_, _| ()).is_ok());
    let alternative = |name: &str| {
        two_steps(|_, leaf| {
            let mut other = CertificateParams::new(vec![name.to_owned()]).unwrap();
            other.distinguished_name = DistinguishedName::new();
            other.not_before = leaf.not_before;
            other.not_after = leaf.not_after;
            *leaf = other;
        })
    };
    assert!(alternative("PCnotifications-dispatch.microsoft.com").is_ok());
    for name in [
        "*.microsoft.com",
        "pcnotifications-dispatch.microsoft.com.evil.example",
        "microsoft.com",
    ] {
        assert_eq!(
            alternative(name),
            Err("the certificate is for somebody else"),
            "{name}"
        );
    }
}

#[test]
fn each_harm_to_a_chain_is_refused_for_what_it_is() {
    let nowhere = Err("the certificate goes back to no root we trust");
    let strange = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    assert_eq!(
        two_steps(|_, leaf| leaf.not_after = date_time_ymd(2025, 1, 1)),
        Err("the certificate has expired")
    );
    assert_eq!(
        two_steps(|_, leaf| leaf.not_before = date_time_ymd(2027, 1, 1)),
        Err("the certificate is not valid yet")
    );
    assert_eq!(
        two_steps(|middle, _| middle.not_after = date_time_ymd(2025, 1, 1)),
        nowhere
    );
    assert_eq!(two_steps(|middle, _| middle.is_ca = IsCa::ExplicitNoCa), nowhere);
    assert_eq!(two_steps(|middle, _| middle.is_ca = IsCa::NoCa), nowhere);
    assert_eq!(
        two_steps(|middle, _| middle.key_usages = vec![KeyUsagePurpose::DigitalSignature]),
        nowhere
    );
    assert_eq!(
        two_steps(|middle, _| *middle = authority("Microsoft Corporation Ltd", "O=Microsoft Corporation")),
        Err("the certificate is issued by somebody else")
    );
    assert_eq!(
        two_steps(|_, leaf| leaf.distinguished_name = named("x", "other.microsoft.com").distinguished_name),
        Err("the certificate is for somebody else")
    );
    assert_eq!(
        two_steps(|_, leaf| leaf.key_usages = vec![KeyUsagePurpose::KeyEncipherment]),
        Err("the certificate is not for signing")
    );
    let critical = |mut extension: CustomExtension| {
        extension.set_criticality(true);
        extension
    };
    assert!(two_steps(|_, leaf| leaf.custom_extensions.push(strange.clone())).is_ok());
    assert_eq!(
        two_steps(|_, leaf| leaf.custom_extensions.push(critical(strange.clone()))),
        Err("the certificate cannot be read")
    );
    assert_eq!(
        two_steps(|middle, _| middle.custom_extensions.push(critical(strange.clone()))),
        nowhere
    );
}

#[test]
fn a_root_of_the_same_name_is_not_the_root() {
    let (ours, other) = (root(), root());
    let middle = microsoft(authority("Microsoft Corporation", "Issuing CA"), &other);
    let chain = [
        signed(&leaf(), &middle),
        middle.der().to_vec(),
        other.der().to_vec(),
    ];
    assert!(
        trust(&[&ours]).prove(&chain, now()).is_err(),
        "what comes along is no root"
    );
    assert!(trust(&[&ours, &other]).prove(&chain, now()).is_ok());
}

#[test]
fn a_chain_is_no_longer_than_it_says_and_no_longer_than_any() {
    let build = |most: Option<u8>, steps: usize| {
        let root = root();
        let mut last = root;
        let mut roots = None;
        let mut between = Vec::new();
        for step in 0..steps {
            let mut params = authority("Microsoft Corporation", &format!("CA {step}"));
            if let (Some(most), 0) = (most, step) {
                params.is_ca = IsCa::Ca(BasicConstraints::Constrained(most));
            }
            let next = microsoft(params, &last);
            roots.get_or_insert_with(|| last.der().to_vec());
            between.push(next.der().to_vec());
            last = next;
        }
        let trust = Trust {
            roots: roots.into_iter().collect(),
            between,
            ..trust(&[])
        };
        trust.prove(&[signed(&leaf(), &last)], now()).is_ok()
    };
    assert!(build(None, 2) && build(None, 4));
    assert!(!build(None, 5), "longer than any");
    assert!(build(Some(1), 2) && build(Some(0), 1));
    assert!(!build(Some(0), 2), "longer than it says");
}

#[test]
fn certificates_that_issue_each_other_end() {
    let key = KeyPair::generate().unwrap();
    let one = CertifiedIssuer::self_signed(authority("Microsoft Corporation", "Loop"), key).unwrap();
    let mut chain = vec![signed(&leaf(), &one)];
    chain.extend(std::iter::repeat_n(one.der().to_vec(), 50));
    assert!(trust(&[&root()]).prove(&chain, now()).is_err());
}

#[test]
fn what_is_no_certificate_is_refused() {
    let trust = trust(&[&root()]);
    assert!(trust.prove(&[], now()).is_err());
    assert!(trust.prove(&[vec![0x30, 0x82]], now()).is_err());
    let root = root();
    let middle = microsoft(authority("Microsoft Corporation", "Issuing CA"), &root);
    let mut longer = signed(&leaf(), &middle);
    longer.push(0);
    assert_eq!(
        trust.prove(&[longer], now()),
        Err("the certificate cannot be read")
    );
}
