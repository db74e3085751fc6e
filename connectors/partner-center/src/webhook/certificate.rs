//! Certificates by their address: fetched from hosts the operator allows, kept for a day, and fetched
//! again no sooner than an attacker's patience lasts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use connector_kit::event::Refused;
use connector_kit::http::{Fault, Request, Transport, TransportSettings, whole};
use connector_kit::{ConnectorError, ErrorKind};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use url::Url;

use super::chain::{Der, Proven, Trust};
use crate::config::{Settings, Webhook};

/// Certificates rotate without notice; so long one that still works is not asked for again.
const KEPT: TimeDelta = TimeDelta::hours(24);
/// No address is asked again sooner, whoever claims that the certificate there is a new one ...
const BETWEEN: TimeDelta = TimeDelta::minutes(5);
/// ... unless nobody answered.
const AFTER_SILENCE: TimeDelta = TimeDelta::seconds(10);
/// Addresses nobody has seen a good certificate at are asked so many times within that time.
const STRANGERS: usize = 6;
/// Addresses remembered.
const REMEMBERED: usize = 16;
const LARGEST: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// The signer's certificates, as far as they were seen.
pub(crate) struct Certificates {
    trust: Trust,
    hosts: Vec<String>,
    may_be_plain: bool,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
    /// One fetch at a time.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Seen {
    by_url: BTreeMap<Url, Entry>,
    /// When addresses without a good certificate were asked.
    strangers: VecDeque<DateTime<Utc>>,
}

#[derive(Clone, Default)]
struct Entry {
    /// The last good one, and when it was fetched.
    good: Option<(Proven, DateTime<Utc>)>,
    tried_at: Option<DateTime<Utc>>,
    /// Why what came last is not good; none also when nothing came.
    refused: Option<&'static str>,
}

/// How certificates are fetched: small, soon, and with the operator's way out.
pub(crate) fn transport(own: &Settings) -> TransportSettings {
    TransportSettings {
        total_timeout: PATIENCE,
        connect_timeout: PATIENCE,
        max_response_bytes: LARGEST,
        ..own.transport()
    }
}

impl Certificates {
    /// Nothing is fetched yet.
    pub(crate) fn new(
        own: &Settings,
        webhook: &Webhook,
        trust: Trust,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            trust,
            hosts: webhook
                .certificate_hosts
                .iter()
                .map(|host| host.trim().to_ascii_lowercase())
                .collect(),
            may_be_plain: own.allow_plain_http,
            transport,
            clock,
            seen: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        }
    }

    /// The address, if it is one we would ask; nobody is asked otherwise.
    pub(crate) fn allowed(&self, text: &str) -> Result<Url, Refused> {
        let url =
            Url::parse(text).map_err(|_| Refused::Malformed("the certificate's address is not a URL"))?;
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let place = match url.port() {
            None => host,
            Some(port) => format!("{host}:{port}"),
        };
        if !self.hosts.contains(&place) {
            return Err(Refused::Forged(
                "the certificate is on a host that is not allowed",
            ));
        }
        let secure = url.scheme() == "https" || (self.may_be_plain && url.scheme() == "http");
        let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if secure && bare {
            Ok(url)
        } else {
            Err(Refused::Forged(
                "the certificate's address is not a plain https address",
            ))
        }
    }

    /// The certificate there: the one we know, or it is fetched.
    pub(crate) async fn find(&self, url: &Url) -> Result<Proven, Refused> {
        if let Some(known) = self.fresh(url) {
            return Ok(known);
        }
        let _turn = self.fetching.lock().await;
        // Whoever was before us may have brought it.
        match self.fresh(url) {
            Some(known) => Ok(known),
            None => self.fetch_or_make_do(url).await,
        }
    }

    /// Another certificate there than `known`, which did not fit; none when it is too soon to ask.
    pub(crate) async fn another(&self, url: &Url, known: &Proven) -> Result<Option<Proven>, Refused> {
        let _turn = self.fetching.lock().await;
        let now = self.clock.now();
        let entry = self.entry(url);
        if let Some((good, _)) = entry.good.filter(|(good, _)| good != known && good.holds(now)) {
            return Ok(Some(good));
        }
        if entry.tried_at.is_some_and(|at| now < at + BETWEEN) {
            return Ok(None);
        }
        let fetched = self.fetch(url, now).await?;
        Ok(Some(fetched).filter(|fetched| fetched != known))
    }

    fn fresh(&self, url: &Url) -> Option<Proven> {
        let now = self.clock.now();
        let (good, fetched_at) = self.entry(url).good?;
        (good.holds(now) && now < fetched_at + KEPT).then_some(good)
    }

    /// Fetches it if it may; an older one that still holds is better than none.
    async fn fetch_or_make_do(&self, url: &Url) -> Result<Proven, Refused> {
        let now = self.clock.now();
        let entry = self.entry(url);
        let older = entry.good.map(|(good, _)| good).filter(|good| good.holds(now));
        let pause = if entry.refused.is_some() {
            BETWEEN
        } else {
            AFTER_SILENCE
        };
        let too_soon = entry.tried_at.filter(|at| now < *at + pause);
        let Some(tried_at) = too_soon else {
            return match self.fetch(url, now).await {
                Err(Refused::Undecided(error)) => older.ok_or(Refused::Undecided(error)),
                other => other,
            };
        };
        match (older, entry.refused) {
            (Some(older), _) => Ok(older),
            (None, Some(why)) => Err(Refused::Forged(why)),
            (None, None) => Err(come_again(tried_at + pause - now)),
        }
    }

    async fn fetch(&self, url: &Url, now: DateTime<Utc>) -> Result<Proven, Refused> {
        self.note_try(url, now)?;
        let found = self.download(url).await.and_then(|body| {
            let certificates =
                certificates(&body).ok_or(Refused::Forged("what is there is no certificate"))?;
            self.trust.prove(&certificates, now).map_err(Refused::Forged)
        });
        let mut seen = self.seen();
        let entry = seen.by_url.entry(url.clone()).or_default();
        match &found {
            Ok(proven) => {
                entry.good = Some((proven.clone(), now));
                entry.refused = None;
            }
            Err(Refused::Forged(why) | Refused::Malformed(why)) => entry.refused = Some(why),
            Err(Refused::Undecided(_)) => entry.refused = None,
        }
        found
    }

    /// Before anything is sent, so that it counts however it ends.
    fn note_try(&self, url: &Url, now: DateTime<Utc>) -> Result<(), Refused> {
        let mut seen = self.seen();
        if seen.by_url.get(url).is_none_or(|entry| entry.good.is_none()) {
            seen.strangers.retain(|at| now < *at + BETWEEN);
            if seen.strangers.len() >= STRANGERS {
                return Err(come_again(BETWEEN));
            }
            seen.strangers.push_back(now);
        }
        if seen.by_url.len() >= REMEMBERED && !seen.by_url.contains_key(url) {
            let worst = seen
                .by_url
                .iter()
                .min_by_key(|(_, entry)| (entry.good.is_some(), entry.tried_at));
            if let Some(worst) = worst.map(|(url, _)| url.clone()) {
                seen.by_url.remove(&worst);
            }
        }
        seen.by_url.entry(url.clone()).or_default().tried_at = Some(now);
        Ok(())
    }

    async fn download(&self, url: &Url) -> Result<Bytes, Refused> {
        let doing = "fetch the certificate of an event";
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = url
            .as_str()
            .parse()
            .map_err(|_| Refused::Malformed("the certificate's address is not a URL"))?;
        let answer = self.transport.send(request).await;
        let status = answer.as_ref().map(|answer| answer.status().as_u16());
        match status {
            Ok(408 | 429 | 500..) => {
                let error = ConnectorError::new(
                    ErrorKind::Unreachable,
                    format!("{doing}: it is not to be had now"),
                );
                return Err(Refused::Undecided(error));
            }
            Ok(status) if status != 200 => {
                return Err(Refused::Forged("there is no certificate where it should be"));
            }
            _ => {}
        }
        match answer.and_then(whole) {
            Ok(answer) => Ok(answer.into_body()),
            Err(error) if error.fault == Fault::TooLarge => {
                Err(Refused::Forged("what is there is too large for a certificate"))
            }
            Err(error) => Err(Refused::Undecided(error.into_connector_error(doing))),
        }
    }

    fn entry(&self, url: &Url) -> Entry {
        self.seen().by_url.get(url).cloned().unwrap_or_default()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn come_again(after: TimeDelta) -> Refused {
    let error = ConnectorError::new(
        ErrorKind::Unreachable,
        "fetch the certificate of an event: it was asked for a moment ago",
    );
    Refused::Undecided(error.retry_after(after.to_std().ok()))
}

/// DER, PEM, or DER written as base64 without the lines around it: each was seen (contract partner-center 8.4).
pub(crate) fn certificates(body: &[u8]) -> Option<Vec<Der>> {
    const SEQUENCE: u8 = 0x30;
    if body.first() == Some(&SEQUENCE) {
        // Text that happens to begin with a zero is no certificate either way.
        return Some(vec![body.to_vec()]);
    }
    let text = std::str::from_utf8(body).ok()?.trim_start_matches('\u{feff}');
    if text.contains("-----BEGIN") {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        let all: Vec<Der> = all.ok()?.into_iter().map(|der| der.as_ref().to_vec()).collect();
        return Some(all).filter(|all| !all.is_empty());
    }
    let digits: String = text.split_whitespace().collect();
    STANDARD
        .decode(digits)
        .ok()
        .filter(|der| der.first() == Some(&SEQUENCE))
        .map(|der| vec![der])
}

#[cfg(test)]
#[path = "certificate/tests.rs"]
mod tests;
