//! Many at once, TLS, and a process without descriptors to spare.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::house::{House, Plan, post};
use super::wire::Wire;
use crate::intake::Tls;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_200_of_a_crowd_is_on_the_shelf() {
    let house = Arc::new(House::usual());
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..40 {
        let house = Arc::clone(&house);
        senders.spawn(async move {
            let mut wire = house.connect().await;
            let mut acknowledged = Vec::new();
            for lead in 0..50 {
                let body = format!("{{\"id\":\"{sender}-{lead}\"}}").into_bytes();
                wire.send(&post(&body)).await;
                if wire.answer().await.is_some_and(|answer| answer.status == 200) {
                    acknowledged.push(body);
                }
            }
            acknowledged
        });
    }
    let mut acknowledged: Vec<Vec<u8>> = senders.join_all().await.concat();
    let mut kept = house.shelf.bodies();
    acknowledged.sort();
    kept.sort();
    assert_eq!(acknowledged.len(), 2000);
    assert_eq!(acknowledged, kept);
}

fn certificate() -> (rcgen::CertifiedKey<rcgen::KeyPair>, Vec<u8>, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec!["leads.example".to_owned()]).unwrap();
    let chain = made.cert.pem().into_bytes();
    let key = made.signing_key.serialize_pem().into_bytes();
    (made, chain, key)
}

async fn over_tls(house: &House, trusted: &rcgen::CertifiedKey<rcgen::KeyPair>) -> Option<u16> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(house.address).await.unwrap();
    let name = ServerName::try_from("leads.example").unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .ok()?;
    let mut wire = Wire::new(stream);
    wire.send(&post("{}")).await;
    wire.answer().await.map(|answer| answer.status)
}

#[tokio::test]
async fn leads_come_over_tls_and_a_renewed_certificate_is_used_at_once() {
    let (old, chain, key) = certificate();
    let tls = Arc::new(Tls::new(&chain, &key).unwrap());
    let house = House::open(Plan {
        tls: Some(Arc::clone(&tls)),
        ..Plan::default()
    });
    assert_eq!(over_tls(&house, &old).await, Some(200));
    assert_eq!(house.ask(&post("{}")).await, None, "plain HTTP finds nobody");

    let (new, new_chain, new_key) = certificate();
    assert!(Tls::new(&new_chain, &key).is_err(), "key and certificate differ");
    assert_eq!(over_tls(&house, &old).await, Some(200), "all stayed as it was");
    tls.become_like(&Tls::new(&new_chain, &new_key).unwrap());
    assert_eq!(over_tls(&house, &old).await, None);
    assert_eq!(over_tls(&house, &new).await, Some(200));
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_without_showing_it() {
    let (_made, chain, key) = certificate();
    for (chain, key) in [
        (&b""[..], &key[..]),
        (b"-----BEGIN CERTIFICATE-----\n!", &key),
        (&chain, b""),
        (&chain, b"nonsense"),
    ] {
        let error = Tls::new(chain, key).err().unwrap();
        assert!(!error.to_string().contains("BEGIN"), "{error}");
    }
}
