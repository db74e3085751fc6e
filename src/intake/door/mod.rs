//! The way of one request, from its head to its answer: which room it leads to, which bytes it
//! brings, kept or refused.

mod caller;
mod events;
mod leads;
mod rules;

use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use connector_kit::SourceName;
use connector_kit::clock::Clock;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Body;
use tokio::time::timeout;

pub use caller::Caller;
pub use events::EventSource;
pub use leads::{BodyCheck, Doubt, body_check};
pub use rules::DoorRules;

use crate::admin::metrics::DoorMeter;
use crate::admin::{Health, Metrics, Poke, Trouble};
use crate::intake::body;
use crate::intake::custody::ToTheEnd;
use crate::intake::limits::IntakeLimits;
use crate::intake::pace::TooFast;
use crate::intake::refusal::Refusal;
use crate::runtime::Ticks;
use crate::store::{Store, StoreError};
use rules::Rules;

/// Every kind of path there is on the public listener.
pub const PUBLIC_PATHS: [&str; 2] = [leads::ROUTE, events::ROUTE];

/// How long a failing store keeps the daemon unready without being seen to fail again.
const TROUBLE_SPAN: Duration = Duration::from_secs(5);

/// What the door is built from.
pub struct DoorParts {
    /// Keeps what comes in.
    pub store: Arc<dyn Store>,
    /// Tells when it came.
    pub clock: Arc<dyn Clock>,
    /// Measures pace and answers.
    pub ticks: Ticks,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Hears of a store that fails.
    pub health: Arc<Health>,
    /// Wakes whoever understands leads, once one is kept.
    pub on_kept: Poke,
}

/// Takes leads and events in. Its rules can be replaced while it works.
pub struct Door {
    parts: DoorParts,
    rules: ArcSwap<Rules>,
}

/// Where a path leads.
enum Room {
    Leads(Arc<leads::Entrance>),
    Events(Arc<events::Entrance>),
}

impl Door {
    /// Opens under these rules.
    pub fn new(parts: DoorParts, rules: DoorRules) -> Self {
        Self {
            rules: ArcSwap::from_pointee(Rules::new(&parts, rules, None)),
            parts,
        }
    }

    /// Goes on under new rules; requests in hand end under the old ones. A pace whose rate stays goes
    /// on as well: whoever came too fast before still does.
    pub fn reload(&self, rules: DoorRules) {
        let before = self.rules.load_full();
        self.rules
            .store(Arc::new(Rules::new(&self.parts, rules, Some(&before))));
    }

    /// The door as a service for one sender, callable in process.
    pub fn caller(self: &Arc<Self>, peer: IpAddr) -> Caller {
        Caller::new(Arc::clone(self), peer)
    }

    /// True when the connection comes from a proxy, which stands for many senders.
    pub fn is_proxy(&self, peer: IpAddr) -> bool {
        self.rules.load().limits.trusted_proxies.trusts(peer)
    }

    /// Takes what the request brings, or says why not. 200 means on disk.
    pub async fn answer<B>(&self, peer: IpAddr, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
    {
        let begun = self.parts.ticks.now();
        let rules = self.rules.load_full();
        let (head, body) = request.into_parts();
        let mut body = pin!(body);

        let room = rules.find(head.uri.path());
        let outcome = match (rules.admit(peer, &head), &room) {
            // Who is too fast hears nothing of rooms; the refusal still counts for the one it looked for.
            (Err(refusal), _) => Err(refusal),
            (Ok(()), None) => Err(Refusal::NotHere),
            (Ok(()), Some(room)) => self.take(&rules, room, &head, body.as_mut()).await,
        };

        let response = match outcome {
            Ok(()) => accepted(),
            Err(refusal) => turn_away(&refusal, &rules.limits, &head, body).await,
        };
        let took = self.parts.ticks.now().saturating_sub(begun);
        room.as_ref()
            .map_or(&rules.strangers, Room::meter)
            .answered(response.status().as_u16(), took);
        tracing::debug!(
            http.route = room.as_ref().map(Room::route),
            source = room.as_ref().map(|room| room.name().as_str()),
            status = response.status().as_u16(),
            "answered"
        );
        response
    }

    async fn take<B>(
        &self,
        rules: &Rules,
        room: &Room,
        head: &Parts,
        body: Pin<&mut B>,
    ) -> Result<(), Refusal>
    where
        B: Body<Data = Bytes>,
    {
        if head.method != Method::POST {
            return Err(Refusal::Method);
        }
        if let Room::Leads(entrance) = room {
            entrance.pace.admit()?;
        }
        if head.headers.contains_key(header::CONTENT_ENCODING) {
            return Err(Refusal::Encoded);
        }
        let limits = &rules.limits;
        let bytes = body::read(body, limits.max_body, limits.body_timeout).await?;
        match room {
            Room::Leads(entrance) => self.take_lead(rules, entrance, bytes).await,
            Room::Events(entrance) => self.take_event(limits, entrance, &head.headers, &bytes).await,
        }
    }

    /// Waits for a write, but not for ever; the write itself goes on in any case.
    async fn see_through<W>(&self, patience: Duration, work: W) -> Result<(), Refusal>
    where
        W: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        match timeout(patience, ToTheEnd::new(work)).await {
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
            tracing::error!(event = "custody_failed", %error, "leads cannot be kept; senders are told to come again");
        }
        refusal
    }
}

impl Room {
    /// The path as it may be logged.
    fn route(&self) -> &'static str {
        match self {
            Self::Leads(_) => leads::ROUTE,
            Self::Events(_) => events::ROUTE,
        }
    }

    fn name(&self) -> &SourceName {
        match self {
            Self::Leads(entrance) => &entrance.name,
            Self::Events(entrance) => &entrance.source.name,
        }
    }

    fn meter(&self) -> &DoorMeter {
        match self {
            Self::Leads(entrance) => &entrance.meter,
            Self::Events(entrance) => &entrance.door,
        }
    }
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
