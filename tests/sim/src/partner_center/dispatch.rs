//! Events as a test, the demo or a property test handles them: no socket, no waiting.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::Uri;

use super::PartnerCenter;
use super::answer::Answer;
use super::events::{Delivery, Event};
use super::registration::{EVENTS, Registration};
use super::settings::CertificateForm;
use super::signer::{self, Signer, Signing};

/// Where the certificate is, below its host.
const CERTIFICATE: &str = "/cert/pcnotifications-dispatch.microsoft.com.cer";

impl PartnerCenter {
    /// What has to be posted now, oldest first; each of them is answered, or counts as unanswered after ten seconds.
    /// To lose one, answer it with 200 and post nothing; to double or reorder them, post them so.
    pub fn due_deliveries(&self, now: DateTime<Utc>) -> Vec<Delivery> {
        let mut service = self.lock();
        let url = format!("{}{CERTIFICATE}", service.certificates_origin);
        let service = &mut *service;
        let current = service.registrations.current.as_ref();
        service.events.due(now, current, &url)
    }

    /// What the receiver answered; `None` for nothing at all. Whether the delivery was still waited for.
    pub fn answered(&self, delivery: u64, status: Option<u16>) -> bool {
        let mut service = self.lock();
        let now = service.now;
        service.events.answered(delivery, status, now)
    }

    /// When the next attempt is due, or the next silence ends.
    pub fn next_delivery(&self) -> Option<DateTime<Utc>> {
        self.lock().events.next_due()
    }

    /// Posts what is due, one after the other, and notes the answers; how many there were.
    pub async fn deliver_once<F>(&self, post: impl Fn(Delivery) -> F) -> usize
    where
        F: Future<Output = Option<u16>>,
    {
        let due = self.due_deliveries((self.clock)());
        let count = due.len();
        for delivery in due {
            let id = delivery.id;
            let status = post(delivery).await;
            self.answered(id, status);
        }
        count
    }

    /// Events that are still on their way.
    pub fn waiting_events(&self) -> Vec<Event> {
        self.lock().events.waiting.iter().cloned().collect()
    }

    /// Events that were taken.
    pub fn delivered_events(&self) -> Vec<Event> {
        self.lock().events.delivered.clone()
    }

    /// Events that will never be delivered.
    pub fn offline_events(&self) -> Vec<Event> {
        self.lock().events.offline.clone()
    }

    /// Who is told of events.
    pub fn registration(&self) -> Option<Registration> {
        self.lock().registrations.current.clone()
    }

    /// Registers an address for all events, in place of whoever was told before: another daemon, for example.
    pub fn register(&self, url: &str, by_own_header: bool) {
        self.lock().registrations.current = Some(Registration {
            subscriber: "e82cac64-dc67-4cd3-849b-78b6127dd57d".to_owned(),
            url: url.to_owned(),
            events: EVENTS.map(str::to_owned).to_vec(),
            by_own_header,
        });
    }

    /// Nobody is told of events any more.
    pub fn unregister(&self) {
        self.lock().registrations.current = None;
    }

    /// Where clients reach the host of registrations; events name this origin. The audience stays as it is.
    pub fn center_at(&self, origin: &str) {
        origin
            .trim_end_matches('/')
            .clone_into(&mut self.lock().center_origin);
    }

    /// Where clients reach the host of the certificate.
    pub fn certificates_at(&self, origin: &str) {
        origin
            .trim_end_matches('/')
            .clone_into(&mut self.lock().certificates_origin);
    }

    /// The address deliveries name for the certificate.
    pub fn certificate_url(&self) -> String {
        format!("{}{CERTIFICATE}", self.lock().certificates_origin)
    }

    /// The authority a receiver trusts, as PEM. It is one for the whole process.
    pub fn trusted_authority() -> String {
        signer::trusted_pem()
    }

    /// From now on the other key signs; its certificate is at the same address.
    pub fn rotate_key(&self) {
        self.sign_as(&Signing::default());
    }

    /// From now on the other key signs, with a certificate that says this.
    pub fn sign_as(&self, signing: &Signing) {
        let mut service = self.lock();
        service.rotations += 1;
        let signer = Signer::issue(signing, service.rotations);
        service.events.signer = Some(Arc::new(signer));
    }

    /// How often the certificate was fetched.
    pub fn certificate_downloads(&self) -> u64 {
        self.lock().downloads
    }

    /// The routes of the host of the certificate.
    pub fn certificates_router(&self) -> Router {
        let routes = Router::new().fallback(certificate).with_state(self.clone());
        self.certificate_faults.wrap(routes)
    }
}

async fn certificate(State(center): State<PartnerCenter>, uri: Uri) -> Response {
    if uri.path() != CERTIFICATE {
        return Answer::empty(404).response();
    }
    let mut service = center.lock();
    service.downloads += 1;
    let form = service.settings.certificate_form;
    let signer = service.events.signer.clone();
    drop(service);
    let signer = signer.unwrap_or_else(Signer::usual);
    let body = match form {
        CertificateForm::Der => signer.der.clone(),
        CertificateForm::Pem => signer.pem.clone().into_bytes(),
    };
    let answer = Answer {
        body: body.into(),
        ..Answer::empty(200)
    };
    answer.with("content-type", "application/octet-stream").response()
}
