//! Leads go out: what is there is changed, what is new is made, and each answer decides what is next.
//!
//! Every row has a step, and every turn does the steps of one kind together. A remedy is tried once
//! per row, so the turns come to an end.

mod bulk;
mod converted;
mod duplicates;
mod gone;
mod look;
mod row;
mod withdraw;
mod write;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use connector_kit::{Bulk, ConnectorError, Destination, EventKind, LeadDelivery, LeadId, Receipt, Rendered};

use crate::api::{Api, COLLECTION};
use crate::config::{self, Assignment, DuplicateRule, OnConverted, Settings};
use crate::describe::{Describe, Schema};
use crate::mapping::{Purpose, Shape};
use row::{Row, Rows, Step};
pub(crate) use withdraw::LeadWithdrawal;

/// Keys remembered of creates whose fate is unknown; after a restart `attempt` tells of most.
const DOUBTS: usize = 10_000;
/// What holds a row is mostly over in a moment.
const LOCK_REST: Duration = Duration::from_secs(2);

/// The role.
pub(crate) struct Leads {
    api: Arc<Api>,
    schema: Arc<Schema>,
    contacts: Schema,
    shape: Arc<Shape>,
    duplicate_rule: DuplicateRule,
    on_converted: OnConverted,
    assignment: Assignment,
    assignment_rule: Option<String>,
    bulk: config::Bulk,
    /// Leads that may have a record although nobody told us.
    doubts: Mutex<BTreeSet<LeadId>>,
}

impl Leads {
    pub(crate) fn new(api: &Arc<Api>, schema: &Arc<Schema>, shape: &Arc<Shape>, settings: &Settings) -> Self {
        Self {
            api: Arc::clone(api),
            schema: Arc::clone(schema),
            contacts: Schema::new(Arc::clone(api), "Contact", settings.describe_every),
            shape: Arc::clone(shape),
            duplicate_rule: settings.duplicate_rule,
            on_converted: settings.on_converted,
            assignment: settings.assignment,
            assignment_rule: settings.assignment_rule.clone(),
            bulk: settings.bulk.clone(),
            doubts: Mutex::default(),
        }
    }

    /// One step of each kind, for the rows that want it. An error is everybody's.
    async fn turn(&self, rows: &mut [Row<'_>]) -> Result<(), ConnectorError> {
        if rows.iter().any(|row| row.waits) {
            self.api
                .clock
                .rest(LOCK_REST.mul_f64(1.0 + self.api.dice.fraction()))
                .await;
            for row in rows.iter_mut() {
                row.waits = false;
            }
        }
        self.look_up(rows).await?;
        self.run_bulk(rows).await?;
        self.write_all(rows).await?;
        self.explain(rows).await?;
        self.follow_gone(rows).await?;
        self.follow_converted(rows).await
    }

    /// The record in an org whose fields are as the mapping takes them to be.
    fn rendered(&self, delivery: &LeadDelivery, assumed: &Describe) -> Result<Rendered, ConnectorError> {
        let purpose = match delivery.kind {
            EventKind::Created => Purpose::Create,
            EventKind::Updated | EventKind::Suppressed => Purpose::Update,
        };
        let fields = self.shape.record(delivery, assumed, purpose, &BTreeSet::new())?;
        let key = self.shape.key_field.as_str();
        let mut record = Rendered::keyed(key, delivery.lead.id.to_string());
        for (name, value) in fields.into_iter().filter(|(name, _)| name != key) {
            record.fixed(name, value);
        }
        Ok(record)
    }

    fn doubts(&self) -> BTreeSet<LeadId> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Nobody knows whether these were made.
    fn doubt(&self, leads: impl IntoIterator<Item = LeadId>) {
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        for lead in leads {
            if doubts.len() < DOUBTS {
                doubts.insert(lead);
            }
        }
    }

    fn trust(&self, rows: &[Row<'_>]) {
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows.iter().filter(|row| matches!(row.step, Step::Done(Ok(_)))) {
            doubts.remove(&row.id());
        }
    }
}

#[async_trait]
impl Destination for Leads {
    fn batch_limit(&self) -> usize {
        COLLECTION
    }

    fn bulk(&self) -> Option<Bulk> {
        (self.bulk.from > 0).then_some(Bulk {
            from: self.bulk.from,
            most: self.bulk.most,
        })
    }

    async fn upsert(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Receipt, ConnectorError>> {
        let mut work = Rows::new(deliveries, &self.doubts());
        while !work.rows.iter().all(Row::is_done) {
            if let Err(error) = Box::pin(self.turn(&mut work.rows)).await {
                // What was not finished shares the fate of what stopped it.
                for row in work.rows.iter_mut().filter(|row| !row.is_done()) {
                    row.fail(error.clone());
                }
            }
        }
        self.trust(&work.rows);
        work.results()
    }

    fn preview(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Rendered, ConnectorError>> {
        let assumed = self.shape.assumed();
        deliveries
            .iter()
            .map(|delivery| self.rendered(delivery, &assumed))
            .collect()
    }
}

/// The places of the rows whose step is of this kind.
fn places(rows: &[Row<'_>], wanted: impl Fn(&Step) -> bool) -> Vec<usize> {
    let wanted = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| !row.waits && wanted(&row.step));
    wanted.map(|(place, _)| place).collect()
}
