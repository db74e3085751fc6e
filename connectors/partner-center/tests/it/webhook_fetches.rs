//! Certificates are fetched when they are needed, kept, and fetched again when they rotate; nobody from
//! outside can make us fetch more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use connector_kit::http::{
    Fault, Request, Response, Transport, TransportError, TransportFactory, TransportSettings,
};
use connector_kit::{ConfigError, EventVerifier};
use http::{HeaderMap, StatusCode};
use leadsync_sim::faults::Fault as Wrong;
use serde_json::Value;

use crate::webhook::judged;
use crate::world::World;

/// What lies at an address; nobody answers where there is none.
type Lying = Option<(u16, Bytes)>;

/// Answers by address; counts.
#[derive(Clone, Default)]
struct Shelf {
    lying: Arc<Mutex<BTreeMap<String, Lying>>>,
    fetched: Arc<Mutex<Vec<String>>>,
}

impl Shelf {
    fn put(&self, url: &str, status: u16, body: impl Into<Bytes>) {
        self.lying
            .lock()
            .unwrap()
            .insert(url.to_owned(), Some((status, body.into())));
    }

    /// Nobody answers there.
    fn silence(&self, url: &str) {
        self.lying.lock().unwrap().insert(url.to_owned(), None);
    }

    fn fetches(&self) -> usize {
        self.fetched.lock().unwrap().len()
    }
}

#[async_trait]
impl Transport for Shelf {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        assert!(request.headers().is_empty(), "nothing of ours goes along");
        let url = request.uri().to_string();
        self.fetched.lock().unwrap().push(url.clone());
        match self.lying.lock().unwrap().get(&url) {
            Some(Some((status, body))) => {
                let mut answer = Response::new(body.clone());
                *answer.status_mut() = StatusCode::from_u16(*status).unwrap();
                Ok(answer)
            }
            Some(None) => Err(TransportError::new(Fault::Timeout, "h: no whole answer in time")),
            None => Ok(http::Response::builder().status(404).body(Bytes::new()).unwrap()),
        }
    }
}

impl TransportFactory for Shelf {
    fn transport(&self, _: &TransportSettings) -> Result<Arc<dyn Transport>, ConfigError> {
        Ok(Arc::new(self.clone()))
    }
}

const HOST: &str = "https://3psostorageacct.blob.core.windows.net";

fn vector() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/referrals/webhook_signature_test_vector.json"
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn address() -> String {
    format!("{HOST}/cert/pcnotifications-dispatch.microsoft.com.cer")
}

/// The published vector in front of a shelf; it is old, so old events are taken.
async fn published() -> (World, Shelf, Arc<dyn EventVerifier>) {
    let mut world = World::bare("").await;
    let roots = world.state.path().join("roots.pem");
    std::fs::write(&roots, vector()["ca_pem"].as_str().unwrap()).unwrap();
    let webhook: toml::Table = format!(
        "max_age = '10years'\nsubject = 'pcnotifications-dispatch.simulator.example'\nroots_file = '{}'",
        roots.display()
    )
    .parse()
    .unwrap();
    world.settings.settings.insert("webhook".into(), webhook.into());
    world.pass(86_400);
    let shelf = Shelf::default();
    shelf.put(&address(), 200, vector()["leaf_pem"].as_str().unwrap().to_owned());
    let context = connector_kit::ConnectorContext {
        transports: Arc::new(shelf.clone()),
        ..world.context()
    };
    let connector = connector_partner_center::build(&world.settings, &context).unwrap();
    (world, shelf, connector.events.unwrap())
}

fn signed(one: &Value, url: &str) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    let signature = one["headers_rsa_sha256"]["Authorization"].as_str().unwrap();
    headers.insert("authorization", signature.parse().unwrap());
    headers.insert("x-ms-signature-algorithm", "rsa-sha256".parse().unwrap());
    headers.insert("x-ms-certificate-url", url.parse().unwrap());
    (headers, one["body_utf8"].as_str().unwrap().to_owned().into())
}

#[tokio::test]
async fn the_published_vector_passes_in_each_form_with_one_fetch() {
    let vector = vector();
    let der = STANDARD
        .decode(vector["leaf_der_base64"].as_str().unwrap())
        .unwrap();
    for body in [
        Bytes::from(vector["leaf_pem"].as_str().unwrap().to_owned()),
        Bytes::from(der),
        Bytes::from(vector["leaf_der_base64"].as_str().unwrap().to_owned()),
    ] {
        let (_world, shelf, verifier) = published().await;
        shelf.put(&address(), 200, body);
        for one in vector["vectors"].as_array().unwrap() {
            let (headers, body) = signed(one, &address());
            let notice = judged(verifier.as_ref(), &headers, &body).await.unwrap();
            assert_eq!(notice.referral.is_none(), notice.event == "test-created");
        }
        assert_eq!(shelf.fetches(), 1);
    }
}

#[tokio::test]
async fn a_certificate_is_kept_for_a_day_and_longer_when_its_host_is_silent() {
    let (world, shelf, verifier) = published().await;
    let (headers, body) = signed(&vector()["vectors"][0], &address());
    for _ in 0..3 {
        assert!(judged(verifier.as_ref(), &headers, &body).await.is_ok());
        world.pass(7 * 3600);
    }
    assert_eq!(shelf.fetches(), 1);
    world.pass(7 * 3600);
    shelf.silence(&address());
    assert!(
        judged(verifier.as_ref(), &headers, &body).await.is_ok(),
        "an older one is better than none"
    );
    assert_eq!(shelf.fetches(), 2);
    assert!(judged(verifier.as_ref(), &headers, &body).await.is_ok());
    assert_eq!(shelf.fetches(), 2, "not asked again at once");
}

#[tokio::test]
async fn whoever_is_silent_leaves_an_event_undecided_so_that_it_comes_again() {
    let (world, shelf, verifier) = published().await;
    let (headers, body) = signed(&vector()["vectors"][0], &address());
    shelf.silence(&address());
    assert!(
        judged(verifier.as_ref(), &headers, &body)
            .await
            .unwrap_err()
            .starts_with("undecided")
    );
    shelf.put(&address(), 503, "");
    world.pass(11);
    assert!(
        judged(verifier.as_ref(), &headers, &body)
            .await
            .unwrap_err()
            .starts_with("undecided")
    );
    shelf.put(&address(), 200, vector()["leaf_pem"].as_str().unwrap().to_owned());
    assert!(
        judged(verifier.as_ref(), &headers, &body)
            .await
            .unwrap_err()
            .starts_with("undecided")
    );
    assert_eq!(shelf.fetches(), 2, "a moment's pause");
    world.pass(11);
    assert!(judged(verifier.as_ref(), &headers, &body).await.is_ok());
}

#[tokio::test]
async fn what_is_no_certificate_is_forged_and_not_fetched_again_for_five_minutes() {
    for (status, body) in [
        (404, Bytes::new()),
        (302, Bytes::new()),
        (200, Bytes::from_static(b"<html>")),
        (200, Bytes::from(vec![b'A'; 1000])),
    ] {
        let (world, shelf, verifier) = published().await;
        let (headers, event) = signed(&vector()["vectors"][0], &address());
        shelf.put(&address(), status, body);
        for _ in 0..5 {
            assert!(
                judged(verifier.as_ref(), &headers, &event)
                    .await
                    .unwrap_err()
                    .starts_with("forged")
            );
        }
        assert_eq!(shelf.fetches(), 1);
        world.pass(301);
        assert!(judged(verifier.as_ref(), &headers, &event).await.is_err());
        assert_eq!(shelf.fetches(), 2);
    }
}

#[tokio::test]
async fn forged_signatures_make_us_fetch_once_in_five_minutes_at_most() {
    let (world, shelf, verifier) = published().await;
    let (headers, body) = signed(&vector()["vectors"][0], &address());
    assert!(judged(verifier.as_ref(), &headers, &body).await.is_ok());
    world.pass(600);
    for _ in 0..100 {
        assert!(
            judged(verifier.as_ref(), &headers, &Bytes::from_static(b"{}"))
                .await
                .is_err()
        );
        world.pass(6);
    }
    assert_eq!(shelf.fetches(), 1 + 2, "in ten minutes");
    assert!(judged(verifier.as_ref(), &headers, &body).await.is_ok());
}

#[tokio::test]
async fn ever_new_addresses_on_the_allowed_host_do_not_make_us_fetch_without_end() {
    let (world, shelf, verifier) = published().await;
    let one = vector()["vectors"][0].clone();
    let (headers, body) = signed(&one, &address());
    assert!(judged(verifier.as_ref(), &headers, &body).await.is_ok());
    for number in 0..100 {
        let (other, body) = signed(&one, &format!("{HOST}/{number}.cer"));
        assert!(judged(verifier.as_ref(), &other, &body).await.is_err());
    }
    assert!(shelf.fetches() <= 7, "{}", shelf.fetches());
    assert!(
        judged(verifier.as_ref(), &headers, &body).await.is_ok(),
        "the good one is still known"
    );
    world.pass(301);
    let (other, other_body) = signed(&one, &format!("{HOST}/later.cer"));
    let before = shelf.fetches();
    assert!(judged(verifier.as_ref(), &other, &other_body).await.is_err());
    assert_eq!(shelf.fetches(), before + 1);
    world.pass(25 * 3600);
    assert!(
        judged(verifier.as_ref(), &headers, &body).await.is_ok(),
        "and may be renewed"
    );
}

#[tokio::test]
async fn many_events_at_once_fetch_once() {
    let (_world, shelf, verifier) = published().await;
    let (headers, body) = signed(&vector()["vectors"][0], &address());
    let looks: Vec<_> = (0..20)
        .map(|_| {
            let (verifier, headers, body) = (Arc::clone(&verifier), headers.clone(), body.clone());
            tokio::spawn(async move { verifier.verify(&headers, &body).await.is_ok() })
        })
        .collect();
    for look in looks {
        assert!(look.await.unwrap());
    }
    assert_eq!(shelf.fetches(), 1);
}

#[tokio::test]
async fn a_key_that_rotates_without_notice_is_found() {
    let mut world = World::hearing("").await;
    let (headers, body) = world.event();
    let verifier = world.verifier();
    assert!(judged(verifier.as_ref(), &headers, &body).await.is_ok());
    world.pass(3600);
    world.center.rotate_key();
    let (headers, body) = world.event();
    assert!(judged(verifier.as_ref(), &headers, &body).await.is_ok());
    assert_eq!(world.center.certificate_downloads(), 2);
    world.pass(60);
    world.center.rotate_key();
    let (headers, body) = world.event();
    assert!(
        judged(verifier.as_ref(), &headers, &body).await.is_err(),
        "too soon; it comes again"
    );
    world.pass(300);
    assert!(judged(verifier.as_ref(), &headers, &body).await.is_ok());
}

#[tokio::test]
async fn a_body_without_end_is_no_certificate() {
    let mut world = World::hearing("").await;
    let (headers, body) = world.event();
    let large = Wrong::Answer {
        status: 200,
        headers: Vec::new(),
        body: "M".repeat(70 * 1024),
    };
    world.center.certificate_faults.next(large);
    let refused = judged(world.verifier().as_ref(), &headers, &body)
        .await
        .unwrap_err();
    assert_eq!(refused, "forged: what is there is too large for a certificate");
}
