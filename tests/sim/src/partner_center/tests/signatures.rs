//! Signatures: by whom, in which header, and what a receiver can check.

use std::sync::Arc;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::NaiveDate;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tower::ServiceExt;

use super::world::{CALLBACK, World};
use crate::partner_center::{CertificateForm, Delivery, NewReferral, PartnerCenter, Signing};

const NAME: &str = "pcnotifications-dispatch.microsoft.com";

fn event(world: &World) -> Delivery {
    world
        .center
        .create(NewReferral::marketplace_lead("ada@fabrikam.example"));
    world.center.due_deliveries(world.now()).remove(0)
}

fn header(delivery: &Delivery, name: &str) -> String {
    let headers = delivery.headers();
    let found = headers.iter().find(|(header, _)| *header == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

async fn certificate(world: &World) -> Vec<u8> {
    let url = world.center.certificate_url();
    let path = url
        .strip_prefix("https://3psostorageacct.blob.core.windows.net")
        .unwrap();
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = world.center.certificates_router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()
}

/// Whether the certificate's key signed these bytes.
fn signed(der: &[u8], body: &[u8], signature: &str) -> bool {
    let certificate = CertificateDer::from(der.to_vec());
    let key = ParsedCertificate::try_from(&certificate)
        .unwrap()
        .subject_public_key_info()
        .to_vec();
    let signature = STANDARD
        .decode(signature.strip_prefix("Signature ").unwrap())
        .unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key)
        .verify(body, &signature)
        .is_ok()
}

/// What a receiver that trusts the one authority makes of a certificate for this name.
fn chain(world: &World, der: &[u8], name: &'static str) -> Result<(), Error> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(PartnerCenter::trusted_authority().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider)
        .build()
        .unwrap();
    let now = u64::try_from(world.now().timestamp()).unwrap();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
    let name = ServerName::try_from(name).unwrap();
    let certificate = CertificateDer::from(der.to_vec());
    verifier
        .verify_server_cert(&certificate, &[], &name, &[], now)
        .map(|_| ())
}

#[tokio::test]
async fn an_event_is_signed_in_the_header_that_was_asked_for() {
    let world = World::new();
    for (by_own_header, here, not_here) in [
        (true, "x-ms-signature", "authorization"),
        (false, "authorization", "x-ms-signature"),
    ] {
        world.center.register(CALLBACK, by_own_header);
        let delivery = event(&world);
        world.center.answered(delivery.id, Some(200));
        let der = certificate(&world).await;
        assert!(signed(&der, &delivery.body, &header(&delivery, here)));
        assert!(!signed(&der, b"{}", &header(&delivery, here)));
        assert_eq!(header(&delivery, not_here), "");
        assert_eq!(header(&delivery, "x-ms-signature-algorithm"), "rsa-sha256");
        assert_eq!(
            header(&delivery, "x-ms-certificate-url"),
            world.center.certificate_url()
        );
        chain(&world, &der, NAME).unwrap();
    }
    assert_eq!(world.center.certificate_downloads(), 2);
}

#[tokio::test]
async fn the_certificate_comes_as_bytes_or_as_text() {
    let world = World::new();
    let der = certificate(&world).await;
    world
        .center
        .set(|settings| settings.certificate_form = CertificateForm::Pem);
    let pem = certificate(&world).await;
    assert_eq!(CertificateDer::from_pem_slice(&pem).unwrap().as_ref(), der);
    let elsewhere = Request::get("/cert/other.cer").body(Body::empty()).unwrap();
    let response = world
        .center
        .certificates_router()
        .oneshot(elsewhere)
        .await
        .unwrap();
    assert_eq!(response.status(), 404);
}

#[tokio::test]
async fn another_key_signs_after_a_rotation_and_its_certificate_is_at_the_old_address() {
    let world = World::new();
    world.center.register(CALLBACK, true);
    let (before, old) = (event(&world), certificate(&world).await);
    let by_old = header(&before, "x-ms-signature");
    world.center.answered(before.id, Some(200));
    world.center.rotate_key();
    let (after, new) = (event(&world), certificate(&world).await);
    let by_new = header(&after, "x-ms-signature");
    let verdicts = [
        signed(&old, &before.body, &by_old),
        signed(&old, &after.body, &by_new),
        signed(&new, &before.body, &by_old),
        signed(&new, &after.body, &by_new),
    ];
    assert_eq!(verdicts, [true, false, false, true]);
    chain(&world, &new, NAME).unwrap();
}

#[tokio::test]
async fn signers_that_nobody_should_believe_can_be_had() {
    let world = World::new();
    let day = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
    let usual = Signing::default;
    world.center.sign_as(&Signing {
        until: day(2021),
        ..usual()
    });
    let stale = chain(&world, &certificate(&world).await, NAME).unwrap_err();
    assert!(
        matches!(
            stale,
            Error::InvalidCertificate(CertificateError::ExpiredContext { .. })
        ),
        "{stale}"
    );
    world.center.sign_as(&Signing {
        trusted: false,
        ..usual()
    });
    chain(&world, &certificate(&world).await, NAME).unwrap_err();
    world.center.sign_as(&Signing {
        common_name: "leads.example".to_owned(),
        ..usual()
    });
    let der = certificate(&world).await;
    chain(&world, &der, "leads.example").unwrap();
    chain(&world, &der, NAME).unwrap_err();
    assert!(der.windows(21).any(|text| text == b"Microsoft Corporation"));
    world.center.sign_as(&Signing {
        organization: "Somebody".to_owned(),
        ..usual()
    });
    let der = certificate(&world).await;
    assert!(der.windows(8).any(|text| text == b"Somebody"));
    chain(&world, &der, NAME).unwrap();
}
