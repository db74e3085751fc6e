//! The role of a destination: every lead is one record, found by the lead's id alone, so writing
//! twice, or again after an answer was lost, changes nothing.
//!
//! Of each call: records that are there are looked at first, since a closed or deleted one takes no
//! changes; then what is known is changed, and what is new is made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::{ConnectorError, Destination, LeadDelivery, LeadId, Receipt, Rendered};
use serde_json::{Map, Value};

use crate::api::Dataverse;
use crate::columns::{Columns, is_forbidden};
use crate::config::{OnDuplicate, Settings, Switch};
use crate::currency::{self, Currencies};
use crate::operation::Row;
use crate::run::Run;
use crate::ways::Ways;
use crate::writing::Writer;

/// Leads in Dynamics 365.
pub(crate) struct LeadDestination {
    /// Where they go.
    dataverse: Arc<Dataverse>,
    /// How a lead becomes a record.
    columns: Columns,
    /// What their money is in.
    currencies: Currencies,
    /// Which way many go at once.
    ways: Ways,
    /// Whether Dataverse looks for duplicates.
    detection: Switch,
    /// What becomes of one.
    on_duplicate: OnDuplicate,
}

#[async_trait]
impl Destination for LeadDestination {
    fn batch_limit(&self) -> usize {
        self.ways.most()
    }

    async fn upsert(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Receipt, ConnectorError>> {
        let (newest, stands_for) = newest(deliveries);
        let mut run = Run::default();
        let mut rows = Vec::with_capacity(newest.len());
        for at in newest {
            match self.row(at, &deliveries[at]) {
                Err(error) => run.settle(at, Err(error)),
                Ok(row) => rows.push(row),
            }
        }
        if let Err(error) = self.currencies.bind(&self.dataverse, &mut rows).await {
            run.halt(&rows, &error);
            return run.fates(&stands_for);
        }
        let (mut new, mut known, mut forbidden) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let kind = match &deliveries[row.delivery] {
                delivery if is_forbidden(delivery) => &mut forbidden,
                _ if row.update_only => &mut known,
                _ => &mut new,
            };
            kind.push(row);
        }
        let writer = Writer {
            dataverse: &self.dataverse,
            ways: &self.ways,
            on_duplicate: self.on_duplicate,
        };
        // Who must not be contacted is marked first, also in a record that is closed.
        writer.patch(forbidden, &mut run).await;
        let open = writer.still_open(known, &mut run).await;
        writer.patch(open, &mut run).await;
        writer.make(new, &mut run).await;
        run.fates(&stands_for)
    }

    fn preview(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Rendered, ConnectorError>> {
        deliveries
            .iter()
            .map(|delivery| self.rendered(delivery))
            .collect()
    }
}

impl LeadDestination {
    /// As the operator wishes.
    pub(crate) fn new(dataverse: &Arc<Dataverse>, columns: Columns, own: &Settings) -> Self {
        Self {
            dataverse: Arc::clone(dataverse),
            currencies: Currencies::new(money(&columns, own)),
            columns,
            ways: Ways::new(own),
            detection: own.duplicate_detection,
            on_duplicate: own.on_duplicate,
        }
    }

    fn rendered(&self, delivery: &LeadDelivery) -> Result<Rendered, ConnectorError> {
        let row = self.row(0, delivery)?;
        let mut record = Rendered::keyed(self.dataverse.key.column(), row.lead.to_string());
        let code = currency::code(&row);
        for (name, value) in row.columns {
            match &code {
                Some(code) if name == currency::LOOKUP => {
                    record.looked_up(name, format!("the currency {code}"));
                }
                Some(code) if self.currencies.is_money(&name) => {
                    record.looked_up(
                        name,
                        format!("{value}, where the environment has the currency {code}"),
                    );
                }
                _ => record.fixed(name, value),
            }
        }
        Ok(record)
    }

    /// What only a new record gets, where the operator wants one that is gone made again.
    fn only_when_new(
        &self,
        delivery: &LeadDelivery,
        columns: &Map<String, Value>,
    ) -> Result<Option<Map<String, Value>>, ConnectorError> {
        if delivery.again.is_none() || is_forbidden(delivery) {
            return Ok(None);
        }
        let mut anew = self.columns.of(&delivery.as_new())?;
        anew.retain(|name, _| !columns.contains_key(name));
        Ok(Some(anew))
    }

    fn row(&self, at: usize, delivery: &LeadDelivery) -> Result<Row, ConnectorError> {
        let forbidden = is_forbidden(delivery);
        let columns = self.columns.of(delivery)?;
        Ok(Row {
            delivery: at,
            lead: delivery.lead.id,
            anew: self.only_when_new(delivery, &columns)?,
            columns,
            was_held: delivery.record.is_some(),
            // A record that was deleted is not made again, and nobody is made only to be forbidden.
            update_only: forbidden || delivery.record.is_some(),
            detect: self.detection == Switch::On && !forbidden,
            attempt: delivery.attempt,
        })
    }
}

/// Values of deals, but for those in columns of our own, which are of no currency.
fn money(columns: &Columns, own: &Settings) -> BTreeSet<String> {
    let prefix = format!("{}_", own.prefix());
    let decimals = columns.decimals().iter();
    decimals
        .filter(|name| !name.starts_with(&prefix))
        .cloned()
        .collect()
}

/// The deliveries to write, and for every delivery the one that stands for it: what Dataverse does
/// with a key that comes twice in one request is unknown, so of two revisions only the newer goes.
fn newest(deliveries: &[LeadDelivery]) -> (Vec<usize>, Vec<usize>) {
    let mut best: BTreeMap<LeadId, usize> = BTreeMap::new();
    for (at, delivery) in deliveries.iter().enumerate() {
        let held = best.entry(delivery.lead.id).or_insert(at);
        if deliveries[*held].revision <= delivery.revision {
            *held = at;
        }
    }
    let stands_for = deliveries
        .iter()
        .enumerate()
        .map(|(at, delivery)| *best.get(&delivery.lead.id).unwrap_or(&at));
    let stands_for: Vec<usize> = stands_for.collect();
    let newest = (0..deliveries.len()).filter(|at| stands_for[*at] == *at);
    (newest.collect(), stands_for)
}
