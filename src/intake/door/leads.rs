//! `POST /v1/leads/{source}/{secret}`: whose door it is, and a lead is kept or set aside.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use connector_kit::ids::AccountName;
use connector_kit::{RawFormat, RawLead, SourceName};

use super::rules::Rules;
use super::{Door, DoorParts};
use crate::admin::metrics::DoorMeter;
use crate::intake::keys::Keys;
use crate::intake::limits::{IntakeLimits, IntakeSource, Rate};
use crate::intake::pace::SourcePace;
use crate::intake::refusal::Refusal;
use crate::normalize::{self, BodyLimits, check_body};
use crate::store::{Arrival, Unreadable};

/// The path as it may be logged: the real one holds the secret.
pub(super) const ROUTE: &str = "/v1/leads/{source}/{secret}";

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

/// Every source, and a lock for those who name none.
pub(super) struct Entrances {
    sources: BTreeMap<String, Arc<Entrance>>,
    nobody: Keys,
}

/// One source, ready to be asked.
pub(super) struct Entrance {
    account: AccountName,
    pub(super) name: SourceName,
    keys: Keys,
    rate: Option<Rate>,
    pub(super) pace: Arc<SourcePace>,
    pub(super) meter: DoorMeter,
}

impl Entrances {
    pub(super) fn new(parts: &DoorParts, sources: Vec<IntakeSource>, before: Option<&Self>) -> Self {
        let entrances = sources.into_iter().map(|source| {
            let known = before.and_then(|all| all.sources.get(source.name.as_str()));
            let pace = known.filter(|known| known.rate == source.rate).map_or_else(
                || Arc::new(SourcePace::new(source.rate, &parts.ticks)),
                |known| Arc::clone(&known.pace),
            );
            let entrance = Entrance {
                keys: Keys::new(&source.secrets),
                rate: source.rate,
                pace,
                meter: parts.metrics.door(&source.name),
                account: source.account,
                name: source.name.clone(),
            };
            (source.name.as_str().to_owned(), Arc::new(entrance))
        });
        Self {
            sources: entrances.collect(),
            nobody: Keys::none(),
        }
    }

    /// The source whose secret the path holds. A path of another shape costs as much time.
    pub(super) fn find(&self, path: &str) -> Option<Arc<Entrance>> {
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

impl Door {
    /// Keeps a lead, or sets aside what nobody could read.
    pub(super) async fn take_lead(
        &self,
        rules: &Rules,
        entrance: &Entrance,
        body: Bytes,
    ) -> Result<(), Refusal> {
        match (rules.check)(&body) {
            Ok(()) => self.keep(&rules.limits, entrance, body).await,
            Err(doubt) => self.set_aside(&rules.limits, entrance, body, doubt).await,
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
        self.see_through(limits.answer_deadline, work).await
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
        self.see_through(limits.answer_deadline, work).await?;
        Err(Refusal::Unreadable {
            reason: doubt.reason,
            hint: doubt.hint,
        })
    }
}
