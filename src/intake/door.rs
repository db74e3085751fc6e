//! `POST /v1/leads/{source}/{secret}`: the way of one request, from its head to its answer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use connector_kit::clock::Clock;
use connector_kit::ids::AccountName;
use connector_kit::{RawFormat, RawLead, SourceName};
use futures_util::future::BoxFuture;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Body;
use tokio::time::timeout;

use crate::admin::metrics::DoorMeter;
use crate::admin::{Health, Metrics, Poke, Ticks, Trouble};
use crate::intake::body;
use crate::intake::custody::ToTheEnd;
use crate::intake::keys::Keys;
use crate::intake::limits::{IntakeLimits, IntakeSource};
use crate::intake::pace::{AddressPace, SourcePace, TooFast};
use crate::intake::refusal::Refusal;
use crate::normalize::{self, BodyLimits, check_body};
use crate::store::{Arrival, Store, StoreError, Unreadable};

/// The path as it may be logged: the real one holds the secret.
const ROUTE: &str = "/v1/leads/{source}/{secret}";

/// How long a failing store keeps the daemon unready without being seen to fail again.
const TROUBLE_SPAN: Duration = Duration::from_secs(5);

/// Why a body cannot be read, and what would be right; never its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Why.
    pub reason: String,
    /// What would be right.
    pub hint: String,
}

impl From<normalize::Unreadable> for Doubt {
    fn from(unreadable: normalize::Unreadable) -> Self {
        Self {
            reason: unreadable.reason.to_string(),
            hint: unreadable.hint.to_owned(),
        }
    }
}

/// Says whether a body can be read at all. Pure, and quick: it runs before the answer.
pub type BodyCheck = Arc<dyn Fn(&[u8]) -> Result<(), Doubt> + Send + Sync>;

/// Looks at bodies the way they are read later.
pub fn body_check(limits: BodyLimits) -> BodyCheck {
    Arc::new(move |bytes| Ok(check_body(bytes, &limits)?))
}

/// What the door is built from.
pub struct DoorParts {
    /// Keeps what comes in.
    pub store: Arc<dyn Store>,
    /// Tells when it came.
    pub clock: Arc<dyn Clock>,
    /// Measures pace and answers.
    pub ticks: Ticks,
    /// Looks at bodies.
    pub check: BodyCheck,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Hears of a store that fails.
    pub health: Arc<Health>,
    /// Wakes whoever understands leads, once one is kept.
    pub on_kept: Poke,
}

/// Takes leads in. Its rules can be replaced while it works.
pub struct Door {
    parts: DoorParts,
    rules: ArcSwap<Rules>,
}

struct Rules {
    limits: IntakeLimits,
    addresses: AddressPace,
    sources: BTreeMap<String, Arc<Entrance>>,
    nobody: Keys,
    strangers: DoorMeter,
}

/// One source, ready to be asked.
struct Entrance {
    account: AccountName,
    name: SourceName,
    keys: Keys,
    pace: SourcePace,
    meter: DoorMeter,
}

impl Door {
    /// Opens for `sources`.
    pub fn new(parts: DoorParts, limits: IntakeLimits, sources: Vec<IntakeSource>) -> Self {
        let rules = ArcSwap::from_pointee(Rules::new(&parts, limits, sources));
        Self { parts, rules }
    }

    /// Goes on under new rules; requests in hand end under the old ones.
    pub fn reload(&self, limits: IntakeLimits, sources: Vec<IntakeSource>) {
        self.rules
            .store(Arc::new(Rules::new(&self.parts, limits, sources)));
    }

    /// The door as a service for one sender, callable in process.
    pub fn caller(self: &Arc<Self>, peer: IpAddr) -> Caller {
        Caller {
            door: Arc::clone(self),
            peer,
        }
    }

    /// True when the connection comes from a proxy, which stands for many senders.
    pub fn is_proxy(&self, peer: IpAddr) -> bool {
        self.rules.load().limits.trusted_proxies.trusts(peer)
    }

    /// Takes the lead the request brings, or says why not. 200 means on disk.
    pub async fn answer<B>(&self, peer: IpAddr, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
    {
        let begun = self.parts.ticks.now();
        let rules = self.rules.load_full();
        let (head, body) = request.into_parts();
        let mut body = pin!(body);

        let admitted = rules.admit(peer, &head);
        let entrance = admitted.as_ref().ok().map(Arc::clone);
        let outcome = match admitted {
            Ok(entrance) => self.take(&rules, &entrance, &head, body.as_mut()).await,
            Err(refusal) => Err(refusal),
        };

        let response = match outcome {
            Ok(()) => accepted(),
            Err(refusal) => turn_away(&refusal, &rules.limits, &head, body).await,
        };
        let meter = entrance.as_ref().map_or(&rules.strangers, |known| &known.meter);
        let took = self.parts.ticks.now().saturating_sub(begun);
        meter.answered(response.status().as_u16(), took);
        tracing::debug!(
            http.route = ROUTE,
            source = entrance.as_ref().map(|known| known.name.as_str()),
            status = response.status().as_u16(),
            "answered"
        );
        response
    }

    async fn take<B>(
        &self,
        rules: &Rules,
        entrance: &Entrance,
        head: &Parts,
        body: Pin<&mut B>,
    ) -> Result<(), Refusal>
    where
        B: Body<Data = Bytes>,
    {
        if head.method != Method::POST {
            return Err(Refusal::Method);
        }
        entrance.pace.admit()?;
        if head.headers.contains_key(header::CONTENT_ENCODING) {
            return Err(Refusal::Encoded);
        }
        let limits = &rules.limits;
        let bytes = body::read(body, limits.max_body, limits.body_timeout).await?;
        match (self.parts.check)(&bytes) {
            Ok(()) => self.keep(limits, entrance, bytes).await,
            Err(doubt) => self.set_aside(limits, entrance, bytes, doubt).await,
        }
    }

    async fn keep(&self, limits: &IntakeLimits, entrance: &Entrance, body: Bytes) -> Result<(), Refusal> {
        let arrival = Arrival {
            account: entrance.account.clone(),
            source: entrance.name.clone(),
            received_at: self.parts.clock.now(),
            raw: RawLead {
                format: RawFormat::MarketplaceJson,
                reference: None,
                occurred_at: None,
                body,
            },
        };
        let store = Arc::clone(&self.parts.store);
        let on_kept = Arc::clone(&self.parts.on_kept);
        let accepted = entrance.meter.accepted.clone();
        let work = async move {
            store.accept(vec![arrival], None).await?;
            accepted.inc();
            on_kept();
            Ok(())
        };
        self.see_through(limits, work).await
    }

    /// Keeps the bytes for a person to look at. The sender hears 400 only once that is done.
    async fn set_aside(
        &self,
        limits: &IntakeLimits,
        entrance: &Entrance,
        body: Bytes,
        doubt: Doubt,
    ) -> Result<(), Refusal> {
        let item = Unreadable {
            account: entrance.account.clone(),
            source: entrance.name.clone(),
            received_at: self.parts.clock.now(),
            reason: doubt.reason.clone(),
            body,
        };
        let store = Arc::clone(&self.parts.store);
        let refused = entrance.meter.refused.clone();
        let work = async move {
            store.quarantine(vec![item]).await?;
            refused.inc();
            Ok(())
        };
        self.see_through(limits, work).await?;
        Err(Refusal::Unreadable {
            reason: doubt.reason,
            hint: doubt.hint,
        })
    }

    /// Waits for a write, but not for ever; the write itself goes on in any case.
    async fn see_through<W>(&self, limits: &IntakeLimits, work: W) -> Result<(), Refusal>
    where
        W: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        match timeout(limits.answer_deadline, ToTheEnd::new(work)).await {
            Ok(Ok(())) => {
                self.parts.health.store_works();
                Ok(())
            }
            Ok(Err(error)) => Err(self.blame(&error)),
            Err(_) => Err(Refusal::Late),
        }
    }

    fn blame(&self, error: &StoreError) -> Refusal {
        let health = &self.parts.health;
        let (news, refusal) = match error {
            StoreError::Busy => return Refusal::Busy,
            StoreError::Full => (
                health.raise_for(Trouble::StoreFull, error.to_string(), TROUBLE_SPAN),
                Refusal::Full,
            ),
            StoreError::Lost(_) => (
                health.raise(Trouble::StoreLost, error.to_string()),
                Refusal::Failing,
            ),
            StoreError::Stale | StoreError::Unknown(_) | StoreError::Failed(_) => (
                health.raise_for(Trouble::StoreFailing, error.to_string(), TROUBLE_SPAN),
                Refusal::Failing,
            ),
        };
        if news {
            tracing::error!(%error, "leads cannot be kept; senders are told to come again");
        }
        refusal
    }
}

impl Rules {
    fn new(parts: &DoorParts, limits: IntakeLimits, sources: Vec<IntakeSource>) -> Self {
        let entrances = sources.into_iter().map(|source| {
            let entrance = Entrance {
                keys: Keys::new(&source.secrets),
                pace: SourcePace::new(source.rate, &parts.ticks),
                meter: parts.metrics.door(&source.name),
                account: source.account,
                name: source.name.clone(),
            };
            (source.name.as_str().to_owned(), Arc::new(entrance))
        });
        Self {
            addresses: AddressPace::new(limits.rate_per_address, &parts.ticks),
            sources: entrances.collect(),
            nobody: Keys::none(),
            strangers: parts.metrics.strangers(),
            limits,
        }
    }

    fn admit(&self, peer: IpAddr, head: &Parts) -> Result<Arc<Entrance>, Refusal> {
        let sender = self.limits.trusted_proxies.sender(peer, &head.headers);
        self.addresses.admit(sender)?;
        self.find(head.uri.path()).ok_or(Refusal::NotHere)
    }

    /// The source whose secret the path holds. A path of another shape costs as much time.
    fn find(&self, path: &str) -> Option<Arc<Entrance>> {
        let (source, secret) = named(path).unwrap_or(("", path));
        let entrance = self.sources.get(source);
        let keys = entrance.map_or(&self.nobody, |known| &known.keys);
        if keys.open(secret) {
            entrance.map(Arc::clone)
        } else {
            None
        }
    }
}

/// Source and secret, when the path has the right shape.
fn named(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("/v1/leads/")?.split_once('/')
}

impl From<TooFast> for Refusal {
    fn from(TooFast(wait): TooFast) -> Self {
        Self::TooFast(wait)
    }
}

fn accepted() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(br#"{"status":"accepted"}"#)));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn turn_away<B>(
    refusal: &Refusal,
    limits: &IntakeLimits,
    head: &Parts,
    body: Pin<&mut B>,
) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes>,
{
    let mut response = refusal.answer();
    let spent = response.headers().contains_key(header::CONNECTION);
    if !spent && !body::discard(body, &head.headers, limits.max_body, limits.body_timeout).await {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// The door as one sender sees it.
#[derive(Clone)]
pub struct Caller {
    door: Arc<Door>,
    peer: IpAddr,
}

impl<B> tower::Service<Request<B>> for Caller
where
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Self { door, peer } = self.clone();
        Box::pin(async move { Ok(door.answer(peer, request).await) })
    }
}
