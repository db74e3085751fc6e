//! Looks at events by the script a test writes: the proof says itself how good it is.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use connector_kit::event::Tee;
use connector_kit::{ConnectorError, ErrorKind, EventVerifier, Notice, Refused};
use http::{HeaderMap, HeaderName};
use tokio::sync::watch;

/// The header that says how good the proof is.
pub(crate) const PROOF: &str = "x-proof";

/// `good`, `slow`, `forged`, `later`, `broken`; without a proof the event is malformed.
pub(crate) struct Oracle {
    looking: watch::Sender<usize>,
    open: watch::Sender<bool>,
    tee: bool,
}

impl Oracle {
    pub(crate) fn new() -> Arc<Self> {
        Self::made(false)
    }

    /// Somebody else is to get the events too.
    pub(crate) fn with_a_tee() -> Arc<Self> {
        Self::made(true)
    }

    fn made(tee: bool) -> Arc<Self> {
        Arc::new(Self {
            looking: watch::Sender::new(0),
            open: watch::Sender::new(false),
            tee,
        })
    }

    /// Waits until so many slow proofs are looked at.
    pub(crate) async fn looks_at(&self, proofs: usize) {
        let mut looking = self.looking.subscribe();
        looking.wait_for(|now| *now >= proofs).await.unwrap();
    }

    /// Slow proofs are decided from now on.
    pub(crate) fn decide(&self) {
        self.open.send_replace(true);
    }
}

#[async_trait]
impl EventVerifier for Oracle {
    async fn verify(&self, headers: &HeaderMap, body: &Bytes) -> Result<Notice, Refused> {
        let Some(proof) = headers.get(PROOF) else {
            return Err(Refused::Malformed("there is no proof"));
        };
        match proof.as_bytes() {
            b"good" => {}
            b"slow" => {
                self.looking.send_modify(|now| *now += 1);
                self.open.subscribe().wait_for(|open| *open).await.unwrap();
            }
            b"later" => {
                let error = ConnectorError::new(ErrorKind::Unreachable, "fetch the certificate: no answer")
                    .hint("let this machine reach the certificate's host");
                let wait = std::time::Duration::from_secs(30);
                return Err(Refused::Undecided(error.retry_after(Some(wait))));
            }
            b"broken" => panic!("planned"),
            _ => return Err(Refused::Forged("the signature does not fit")),
        }
        let text = std::str::from_utf8(body).map_err(|_| Refused::Malformed("the body is no text"))?;
        Ok(notice(text))
    }

    fn tee(&self) -> Option<Arc<dyn Tee>> {
        self.tee.then(|| Arc::new(Former) as Arc<dyn Tee>)
    }
}

/// `<referral> <anything>`; about no referral when it begins with `-`.
fn notice(text: &str) -> Notice {
    let referral = text.split(' ').next().and_then(|id| id.parse().ok());
    Notice {
        event: "referral-updated".into(),
        referral: referral.filter(|_| !text.starts_with('-')),
        occurred_at: DateTime::UNIX_EPOCH,
        reference: text.to_owned(),
    }
}

/// To whom events went before; takes none while nothing is passed on here.
struct Former;

#[async_trait]
impl Tee for Former {
    fn carries(&self, header: &HeaderName) -> bool {
        header == PROOF || header == "content-type"
    }

    async fn pass_on(&self, _: &HeaderMap, _: &Bytes) -> Result<(), ConnectorError> {
        Err(ConnectorError::new(ErrorKind::Misconfigured, "pass an event on"))
    }
}
