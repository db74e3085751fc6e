//! The role of an outcome source: how leads and the opportunities grown from them stand.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::http::Clean;
use connector_kit::{
    Batch, Checkpoint, ConnectorError, DealValue, LeadId, Outcome, OutcomeSource, RecordRef, Stage, Subject,
};
use uuid::Uuid;

use crate::api::Dataverse;
use crate::config::Outcomes;
use crate::feed::Feed;
use crate::owner::Owners;
use crate::position::Position;
use crate::record::{Page, Record};
use crate::relations::{Relations, key_of};
use crate::stages::{Stages, state_name, status_name};

/// Pages read before the daemon is let in between: most records of a CRM may not be ours.
const PAGES: usize = 20;

/// Leads and opportunities that are watched.
pub(crate) struct LeadOutcomes {
    /// Where they are.
    dataverse: Arc<Dataverse>,
    /// How changes are found.
    feed: Feed,
    /// What a state means.
    stages: Stages,
    /// Who is who.
    relations: Relations,
    /// Who of the owners is a person.
    owners: Owners,
}

#[async_trait]
impl OutcomeSource for LeadOutcomes {
    async fn outcomes(
        &self,
        after: Option<&Checkpoint>,
        limit: usize,
    ) -> Result<Batch<Outcome>, ConnectorError> {
        let mut position = Position::read(after, &self.dataverse.origin);
        let mut items = Vec::new();
        for pages in 0.. {
            let both_read = match self.page(&mut position).await {
                Ok((found, both_read)) => {
                    items.extend(found);
                    both_read
                }
                // What was read before is safe; the fault will be there when we are asked again.
                Err(_) if pages > 0 => false,
                Err(error) => return Err(error),
            };
            if both_read || items.len() >= limit || pages >= PAGES {
                return Ok(Batch {
                    items,
                    next: position.write(),
                    more: !both_read,
                });
            }
        }
        Ok(Batch {
            items,
            next: position.write(),
            more: true,
        })
    }
}

impl LeadOutcomes {
    /// As the operator wishes; nobody is known yet.
    pub(crate) fn new(dataverse: &Arc<Dataverse>, own: &Outcomes) -> Self {
        Self {
            dataverse: Arc::clone(dataverse),
            feed: Feed {
                follow: own.follow,
                page_size: own.page_size,
            },
            stages: Stages::new(&own.lead, &own.opportunity),
            relations: Relations::default(),
            owners: Owners::default(),
        }
    }

    /// One page, and whether it was the last of both tables. The position moves with it.
    async fn page(&self, position: &mut Position) -> Result<(Vec<Outcome>, bool), ConnectorError> {
        let subject = position.turn;
        let mut track = position.track().clone();
        let page = self.feed.page(&self.dataverse, subject, &mut track).await?;
        let outcomes = match subject {
            Subject::Lead => self.leads(&page).await?,
            Subject::Deal => self.deals(&page).await?,
        };
        page.value
            .iter()
            .for_each(|record| track.saw(record.moment("modifiedon")));
        let chain_ended = page.next.is_none();
        match page.next {
            Some(next) => track.goes_on(next),
            None => track.ends(page.delta),
        }
        *position.track() = track;
        Ok((outcomes, chain_ended && position.turn_over()))
    }

    /// Every lead of the CRM comes by; those without a key of ours are remembered as such.
    async fn leads(&self, page: &Page) -> Result<Vec<Outcome>, ConnectorError> {
        let mut ours = Vec::new();
        for record in &page.value {
            let Some(id) = record.id("leadid") else { continue };
            let lead = key_of(record, self.dataverse.key.column());
            self.relations.remember(id, lead);
            ours.extend(lead.map(|lead| Ours { id, lead, record }));
        }
        self.told(Subject::Lead, page, &ours).await
    }

    /// Won and lost live here. An opportunity that grew from no lead of ours is none of ours.
    async fn deals(&self, page: &Page) -> Result<Vec<Outcome>, ConnectorError> {
        let origin = |record: &Record| record.id("_originatingleadid_value");
        let origins = page.value.iter().filter_map(origin).collect();
        let leads = self.relations.leads(&self.dataverse, origins).await?;
        let ours = page.value.iter().filter_map(|record| {
            let lead = *leads.get(&origin(record)?)?;
            Some(Ours {
                id: record.id("opportunityid")?,
                lead,
                record,
            })
        });
        self.told(Subject::Deal, page, &ours.collect::<Vec<_>>()).await
    }

    /// How the living records stand, then which ones are no more, as Dataverse orders them.
    async fn told(
        &self,
        subject: Subject,
        page: &Page,
        ours: &[Ours<'_>],
    ) -> Result<Vec<Outcome>, ConnectorError> {
        let currencies: BTreeSet<Uuid> = ours.iter().filter_map(Ours::currency).collect();
        let codes = self.relations.currencies(&self.dataverse, &currencies).await?;
        let now = self.dataverse.clock.now();
        let mut outcomes = Vec::with_capacity(ours.len());
        for one in ours {
            let code = one.currency().and_then(|id| codes.get(&id)).cloned();
            let outcome = Outcome {
                owned: self
                    .owners
                    .is_a_person(&self.dataverse, subject, one.record)
                    .await?,
                ..self.living(subject, one, code, now)
            };
            outcomes.push(outcome);
        }
        let gone = page.value.iter().filter_map(Record::deleted);
        outcomes.extend(gone.map(|id| gone_outcome(subject, id, now)));
        Ok(outcomes)
    }

    fn living(
        &self,
        subject: Subject,
        one: &Ours<'_>,
        currency: Option<String>,
        now: DateTime<Utc>,
    ) -> Outcome {
        let record = one.record;
        let code = |name| record.get::<i64>(name).unwrap_or_default();
        let (state, status) = (code("statecode"), code("statuscode"));
        let reached = self.stages.of(subject, state, status);
        let status = status_words(subject, record, status);
        let closed = if reached == Stage::Won || reached == Stage::Lost {
            record.date("actualclosedate")
        } else {
            None
        };
        // On a lead `estimatedvalue` is a deprecated number; its money is `estimatedamount`.
        let amount = match (subject, reached) {
            (Subject::Lead, _) => record.amount("estimatedamount"),
            (Subject::Deal, Stage::Won) => record
                .amount("actualvalue")
                .or_else(|| record.amount("estimatedvalue")),
            (Subject::Deal, _) => record.amount("estimatedvalue"),
        };
        let refused = matches!(reached, Stage::Lost | Stage::Declined);
        Outcome {
            lead: Some(one.lead),
            record: RecordRef(one.id.to_string()),
            subject,
            stage: reached,
            state: format!("{}: {status}", state_words(subject, record, state)),
            value: amount.map(|amount| DealValue { amount, currency }),
            closes_on: closed.or_else(|| record.date("estimatedclosedate")),
            reason: refused.then_some(status),
            owned: false,
            changed_at: record.moment("modifiedon").unwrap_or(now),
        }
    }
}

/// A living record that grew from a lead of ours.
struct Ours<'a> {
    id: Uuid,
    lead: LeadId,
    record: &'a Record,
}

impl Ours<'_> {
    fn currency(&self) -> Option<Uuid> {
        self.record.id("_transactioncurrencyid_value")
    }
}

/// A deleted record tells its id and nothing else, not even when.
fn gone_outcome(subject: Subject, id: Uuid, now: DateTime<Utc>) -> Outcome {
    Outcome {
        lead: None,
        record: RecordRef(id.to_string()),
        subject,
        stage: Stage::Gone,
        state: "deleted".to_owned(),
        value: None,
        closes_on: None,
        reason: None,
        owned: false,
        changed_at: now,
    }
}

/// The customer's own label, else the product's word, else the number.
fn state_words(subject: Subject, record: &Record, state: i64) -> String {
    let label = record.label("statecode").map(|label| Clean(label).to_string());
    label.unwrap_or_else(|| state_name(subject, state).map_or_else(|| state.to_string(), str::to_owned))
}

fn status_words(subject: Subject, record: &Record, status: i64) -> String {
    let label = record.label("statuscode").map(|label| Clean(label).to_string());
    label.unwrap_or_else(|| status_name(subject, status).map_or_else(|| status.to_string(), str::to_owned))
}
