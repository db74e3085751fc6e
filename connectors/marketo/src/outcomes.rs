//! What became of leads: the change feed tells who changed, a look-up how they stand (contract marketo A5).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{
    Batch, Checkpoint, ConnectorError, ErrorKind, Outcome, OutcomeSource, RecordRef, Stage, Subject,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::{Activity, Api, Fields, Page};
use crate::error::Refusal;
use crate::status::Statuses;

/// Data value changed.
const CHANGED: u32 = 13;
/// Lead deleted; the one that loses a merge, too.
const DELETED: u32 = 37;
/// Pages without anything for us that are walked through in one go.
const EMPTY_PAGES: usize = 20;
/// A feed that is begun anew begins so much earlier than it ended.
const OVERLAP: TimeDelta = TimeDelta::hours(1);

/// The role.
pub(crate) struct MarketoOutcomes {
    pub(crate) api: Arc<Api>,
    /// The field that holds our id.
    pub(crate) lead_key: String,
    pub(crate) statuses: Statuses,
    pub(crate) look_back: TimeDelta,
    pub(crate) deleted_every: TimeDelta,
}

/// Where both feeds are; a checkpoint is this as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    changes: String,
    deleted: String,
    /// When we last asked who was deleted.
    asked: DateTime<Utc>,
    /// The newest change seen.
    until: DateTime<Utc>,
}

/// The newest change of each person in a page.
type Changes = BTreeMap<u64, DateTime<Utc>>;

#[async_trait]
impl OutcomeSource for MarketoOutcomes {
    async fn outcomes(
        &self,
        after: Option<&Checkpoint>,
        limit: usize,
    ) -> Result<Batch<Outcome>, ConnectorError> {
        self.ask(after, limit).await.map_err(|refusal| refusal.error)
    }
}

impl MarketoOutcomes {
    async fn ask(&self, after: Option<&Checkpoint>, limit: usize) -> Result<Batch<Outcome>, Refusal> {
        let stored: Option<Place> = after.and_then(|checkpoint| serde_json::from_str(&checkpoint.0).ok());
        let mut place = match stored {
            Some(place) => place,
            None => self.begin(self.now() - self.look_back).await?,
        };
        let (changes, more) = self.changes(&mut place, limit).await?;
        let mut items = self.stand(&changes).await?;
        let more_deleted = if more {
            false
        } else {
            self.deleted(&mut place, &mut items).await?
        };
        items.sort_by_key(|outcome| outcome.changed_at);
        let next = serde_json::to_string(&place)
            .map_err(|_| ConnectorError::new(ErrorKind::Broken, "write down where the feed is"))?;
        Ok(Batch {
            items,
            next: Some(Checkpoint(next)),
            more: more || more_deleted,
        })
    }

    fn now(&self) -> DateTime<Utc> {
        self.api.wire.clock.now()
    }

    /// Both feeds from a moment on.
    async fn begin(&self, since: DateTime<Utc>) -> Result<Place, Refusal> {
        let token = self.api.paging_token(since).await?;
        Ok(Place {
            changes: token.clone(),
            deleted: token,
            asked: DateTime::UNIX_EPOCH,
            until: since,
        })
    }

    /// Walks on to the next page with somebody in it, or to the end of the feed.
    async fn changes(&self, place: &mut Place, limit: usize) -> Result<(Changes, bool), Refusal> {
        for _ in 0..EMPTY_PAGES {
            let page = match self
                .api
                .changes(&place.changes, self.statuses.field(), limit)
                .await
            {
                Err(refusal) if is_lost(&refusal) => {
                    self.begin_anew(place, &refusal).await?;
                    self.api
                        .changes(&place.changes, self.statuses.field(), limit)
                        .await?
                }
                page => page?,
            };
            let changes = newest(&page, |activity| {
                let field = self.statuses.field();
                activity.kind == CHANGED && activity.fields.iter().any(|changed| changed.name == field)
            });
            advance(place, &page);
            place.changes.clone_from(&page.next);
            if !changes.is_empty() || !page.more {
                return Ok((changes, page.more));
            }
        }
        Ok((Changes::new(), true))
    }

    async fn begin_anew(&self, place: &mut Place, refusal: &Refusal) -> Result<(), Refusal> {
        let since = place.until - OVERLAP;
        tracing::warn!(
            event = "position_lost",
            code = refusal.code,
            "Marketo no longer knows where we were in its changes; beginning anew an hour before the last one"
        );
        *place = self.begin(since).await?;
        Ok(())
    }

    /// How those who changed stand now; whoever is none of ours is left out.
    async fn stand(&self, changes: &Changes) -> Result<Vec<Outcome>, Refusal> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = changes.keys().map(u64::to_string).collect();
        let shown = ["id", &self.lead_key, self.statuses.field()];
        let people = self.api.find("id", &ids, &shown).await?;
        Ok(people
            .iter()
            .filter_map(|person| self.outcome(person, changes))
            .collect())
    }

    fn outcome(&self, person: &Fields, changes: &Changes) -> Option<Outcome> {
        let id = person.get("id")?.as_u64()?;
        let lead = person.get(&self.lead_key)?.as_str()?.parse().ok()?;
        let state = person
            .get(self.statuses.field())
            .and_then(Value::as_str)
            .unwrap_or_default();
        Some(Outcome {
            lead: Some(lead),
            stage: self.statuses.stage(state),
            state: state.to_owned(),
            ..outcome(id, *changes.get(&id)?)
        })
    }

    /// Who was deleted since we last asked; seldom, because it is seldom worth a call.
    async fn deleted(&self, place: &mut Place, items: &mut Vec<Outcome>) -> Result<bool, Refusal> {
        let now = self.now();
        if now - place.asked < self.deleted_every {
            return Ok(false);
        }
        for _ in 0..EMPTY_PAGES {
            let page = match self.api.deleted(&place.deleted).await {
                Err(refusal) if is_lost(&refusal) => {
                    place.deleted = self.api.paging_token(place.until - OVERLAP).await?;
                    self.api.deleted(&place.deleted).await?
                }
                page => page?,
            };
            let gone = newest(&page, |activity| activity.kind == DELETED);
            place.deleted.clone_from(&page.next);
            if !page.more {
                place.asked = now;
            }
            let found = !gone.is_empty();
            items.extend(gone.into_iter().map(|(id, at)| outcome(id, at)));
            if found || !page.more {
                return Ok(page.more);
            }
        }
        Ok(true)
    }
}

/// A record of which nothing is left to tell.
fn outcome(id: u64, changed_at: DateTime<Utc>) -> Outcome {
    Outcome {
        lead: None,
        record: RecordRef(id.to_string()),
        subject: Subject::Lead,
        stage: Stage::Gone,
        state: "deleted".to_owned(),
        value: None,
        closes_on: None,
        reason: None,
        owned: false,
        changed_at,
    }
}

/// The newest wanted activity of each person; the same activity twice counts once.
fn newest(page: &Page, wanted: impl Fn(&Activity) -> bool) -> Changes {
    let mut seen = BTreeSet::new();
    let mut changes = Changes::new();
    for activity in page.activities.iter().filter(|activity| wanted(activity)) {
        let is_new = activity
            .guid
            .as_ref()
            .is_none_or(|guid| seen.insert(guid.as_str()));
        if let (true, Some(at)) = (is_new, activity.at()) {
            let newest = changes.entry(activity.lead_id).or_insert(at);
            *newest = at.max(*newest);
        }
    }
    changes
}

fn advance(place: &mut Place, page: &Page) {
    let newest = page.activities.iter().filter_map(Activity::at).max();
    place.until = newest.map_or(place.until, |at| at.max(place.until));
}

/// The token is refused, not the question: any parameter is said to be wrong.
fn is_lost(refusal: &Refusal) -> bool {
    refusal.error.kind() == ErrorKind::Rejected
}
