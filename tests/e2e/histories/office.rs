//! A pretended CRM and the people in it: it holds one record a lead, mirrors what a referral says, and
//! tells how records stand.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::{
    Batch, Checkpoint, ConnectorError, DealValue, Destination, LeadDelivery, LeadId, Outcome, OutcomeSource,
    Receipt, RecordRef, Rendered, Stage, Subject,
};

use crate::world::Death;

/// What the CRM holds of one lead.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) stage: Stage,
    pub(super) value: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) closes_on: Option<NaiveDate>,
    pub(super) reason: Option<String>,
    pub(super) owned: bool,
    /// How the referral stood when it was last told.
    pub(super) referral_state: String,
    changed_at: DateTime<Utc>,
    /// Its place in the feed of changes.
    change: u64,
    revision: u32,
    /// Calls that made it.
    pub(super) created: u32,
    /// Every stage people ever put it in.
    pub(super) stages: Vec<Stage>,
}

pub(super) struct Office {
    clock: ManualClock,
    death: Death,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    records: BTreeMap<LeadId, Record>,
    changes: u64,
    writes: u64,
    refuses: u32,
}

impl Office {
    pub(super) fn new(clock: &ManualClock, death: &Death) -> Self {
        Self {
            clock: clock.clone(),
            death: death.clone(),
            books: Mutex::default(),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The leads whose records people can still work on.
    pub(super) fn open(&self) -> Vec<LeadId> {
        let books = self.books();
        let is_open = |record: &&Record| matches!(record.stage, Stage::Open | Stage::Accepted);
        let open = books.records.iter().filter(|(_, record)| is_open(record));
        open.map(|(lead, _)| *lead).collect()
    }

    /// Somebody changes a record.
    pub(super) fn work(&self, lead: LeadId, act: impl FnOnce(&mut Record)) {
        let now = self.clock.now();
        self.books().change(lead, now, |record| {
            act(record);
            record.stages.push(record.stage);
        });
    }

    /// The next calls are answered with 503.
    pub(super) fn refuse(&self, calls: u32) {
        self.books().refuses = calls;
    }

    pub(super) fn records(&self) -> BTreeMap<LeadId, Record> {
        self.books().records.clone()
    }

    /// Records written by us so far.
    pub(super) fn writes(&self) -> u64 {
        self.books().writes
    }
}

impl Books {
    fn change(&mut self, lead: LeadId, now: DateTime<Utc>, act: impl FnOnce(&mut Record)) {
        self.changes += 1;
        let change = self.changes;
        if let Some(record) = self.records.get_mut(&lead) {
            act(record);
            record.changed_at = now;
            record.change = change;
        }
    }

    fn take(&mut self, delivery: &LeadDelivery, now: DateTime<Utc>) -> Receipt {
        let lead = &delivery.lead;
        self.writes += 1;
        self.records.entry(lead.id).or_insert_with(|| Record {
            stage: Stage::Open,
            value: None,
            currency: None,
            closes_on: None,
            reason: None,
            owned: false,
            referral_state: String::new(),
            changed_at: now,
            change: 0,
            revision: 0,
            created: 1,
            stages: vec![Stage::Open],
        });
        let revision = delivery.revision;
        self.change(lead.id, now, |record| {
            assert!(
                record.revision <= revision,
                "an older revision came after a newer one"
            );
            record.revision = revision;
            record.mirror(delivery);
        });
        let closed = self
            .records
            .get(&lead.id)
            .is_some_and(|record| !matches!(record.stage, Stage::Open | Stage::Accepted));
        Receipt {
            record: Some(RecordRef(format!("record-{}", lead.id))),
            closed,
        }
    }
}

impl Record {
    /// What the shipped mappings write: what is empty stays as it is.
    fn mirror(&mut self, delivery: &LeadDelivery) {
        let Some(referral) = delivery.lead.referral() else {
            return;
        };
        self.referral_state = referral.state.to_string();
        if !matches!(self.stage, Stage::Open | Stage::Accepted) {
            return;
        }
        let deal = &referral.deal;
        if let Some(value) = &deal.value {
            self.value = Some(value.to_string());
            self.currency = deal.currency.clone().or(self.currency.take());
        }
        self.closes_on = deal.closes_on().or(self.closes_on);
    }

    fn outcome(&self, lead: LeadId) -> Outcome {
        let value = self.value.as_ref().map(|value| DealValue {
            amount: value.parse().unwrap(),
            currency: self.currency.clone(),
        });
        Outcome {
            lead: Some(lead),
            record: RecordRef(format!("record-{lead}")),
            subject: Subject::Lead,
            stage: self.stage,
            state: format!("{:?}", self.stage),
            value,
            closes_on: self.closes_on,
            reason: self.reason.clone(),
            owned: self.owned,
            changed_at: self.changed_at,
        }
    }
}

#[async_trait]
impl Destination for Office {
    fn batch_limit(&self) -> usize {
        10
    }

    async fn upsert(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Receipt, ConnectorError>> {
        self.death.moment().await;
        let now = self.clock.now();
        let answers = {
            let mut books = self.books();
            if books.refuses > 0 {
                books.refuses -= 1;
                let error = ConnectorError::new(connector_kit::ErrorKind::Unreachable, "write to the office");
                vec![Err(error); deliveries.len()]
            } else {
                deliveries.iter().map(|one| Ok(books.take(one, now))).collect()
            }
        };
        self.death.moment().await;
        answers
    }

    fn preview(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Rendered, ConnectorError>> {
        let record = |one: &LeadDelivery| Ok(Rendered::keyed("key", one.lead.id.to_string()));
        deliveries.iter().map(record).collect()
    }
}

#[async_trait]
impl OutcomeSource for Office {
    async fn outcomes(
        &self,
        after: Option<&Checkpoint>,
        limit: usize,
    ) -> Result<Batch<Outcome>, ConnectorError> {
        self.death.moment().await;
        let after: u64 = after.map_or(0, |Checkpoint(text)| text.parse().unwrap());
        let books = self.books();
        let mut changed: Vec<(u64, Outcome)> = books
            .records
            .iter()
            .filter(|(_, record)| record.change > after)
            .map(|(lead, record)| (record.change, record.outcome(*lead)))
            .collect();
        changed.sort_by_key(|(change, _)| *change);
        changed.truncate(limit);
        let next = changed.last().map_or(after, |(change, _)| *change);
        Ok(Batch {
            items: changed.into_iter().map(|(_, outcome)| outcome).collect(),
            next: Some(Checkpoint(next.to_string())),
            more: false,
        })
    }
}
