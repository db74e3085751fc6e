//! The role of a destination: every lead is one row, written by insert-or-merge in transactions.
//!
//! A row's keys come from the lead's id alone, so writing twice, or again after an answer was
//! lost, changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::{ConnectorError, Destination, ErrorKind, LeadDelivery, Receipt, RecordRef, Rendered};

use crate::api::{Failure, Table};
use crate::batch::{OPERATIONS, byte_limit, part, transactions};
use crate::columns::Columns;
use crate::entity::Entity;
use crate::keys::Keys;
use crate::limits;

/// From this attempt on, a transaction that breaks is taken apart: one row may be the cause.
const PATIENCE: u32 = 2;

/// A table that holds the leads.
pub(crate) struct TableDestination {
    /// Where they go.
    pub table: Arc<Table>,
    /// How a lead becomes a row.
    pub columns: Columns,
    /// How a row is named.
    pub keys: Keys,
    /// Whether a missing table is made.
    pub create_table: bool,
}

type Fate = Result<Receipt, ConnectorError>;

/// A row on its way, and whose it is.
struct Row {
    delivery: usize,
    attempt: u32,
    entity: Entity,
    part: String,
}

impl Row {
    fn receipt(&self) -> Receipt {
        Receipt {
            record: Some(RecordRef(format!(
                "{}/{}",
                self.entity.partition, self.entity.row
            ))),
            closed: false,
        }
    }
}

#[async_trait]
impl Destination for TableDestination {
    fn batch_limit(&self) -> usize {
        OPERATIONS
    }

    async fn upsert(&self, deliveries: &[LeadDelivery]) -> Vec<Fate> {
        let (newest, stands_for) = newest(deliveries);
        let mut fates = BTreeMap::new();
        let mut partitions: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for at in newest {
            match self.row(at, &deliveries[at]) {
                Ok(row) => partitions
                    .entry(row.entity.partition.clone())
                    .or_default()
                    .push(row),
                Err(error) => {
                    fates.insert(at, Err(error));
                }
            }
        }
        self.write(partitions.into_values(), &mut fates).await;
        stands_for
            .iter()
            .map(|at| fates.get(at).cloned().unwrap_or_else(forgotten))
            .collect()
    }

    fn preview(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Rendered, ConnectorError>> {
        let one = |delivery| Ok(self.entity(delivery)?.rendered());
        deliveries.iter().map(one).collect()
    }
}

impl TableDestination {
    fn entity(&self, lead: &LeadDelivery) -> Result<Entity, ConnectorError> {
        let (partition, row) = self.keys.of(lead);
        let entity = Entity {
            partition,
            row,
            properties: self.columns.of(lead)?,
        };
        limits::check(&entity, self.table.service())?;
        Ok(entity)
    }

    fn row(&self, delivery: usize, lead: &LeadDelivery) -> Result<Row, ConnectorError> {
        let entity = self.entity(lead)?;
        let part = part(
            self.table.endpoint.base(),
            &self.table.name,
            &entity,
            self.table.service(),
        );
        Ok(Row {
            delivery,
            attempt: lead.attempt,
            entity,
            part,
        })
    }

    /// Writes the rows of each partition. A fault that is nobody's in particular ends it for all
    /// that are left: the next call would only meet it again.
    async fn write(&self, partitions: impl Iterator<Item = Vec<Row>>, fates: &mut BTreeMap<usize, Fate>) {
        let limit = byte_limit(self.table.service());
        let mut waiting: Vec<Vec<Row>> = partitions.flat_map(|rows| cut(rows, limit)).collect();
        waiting.reverse();
        let mut may_create = self.create_table;
        let mut halted: Option<ConnectorError> = None;
        while let Some(mut group) = waiting.pop() {
            if let Some(error) = &halted {
                fates.extend(group.iter().map(|row| (row.delivery, Err(error.clone()))));
                continue;
            }
            let Err(failure) = self.attempt(&group, &mut may_create).await else {
                fates.extend(group.iter().map(|row| (row.delivery, Ok(row.receipt()))));
                continue;
            };
            match blame(&failure, &group) {
                Blame::One(index) => {
                    let row = group.remove(index);
                    fates.insert(
                        row.delivery,
                        Err(failure.into_error(&self.table.doing("write to"))),
                    );
                    waiting.extend(Some(group).filter(|rest| !rest.is_empty()));
                }
                Blame::Some => {
                    let second = group.split_off(group.len() / 2);
                    waiting.extend([second, group]);
                }
                Blame::All => {
                    let error = failure.into_error(&self.table.doing("write to"));
                    fates.extend(group.iter().map(|row| (row.delivery, Err(error.clone()))));
                    halted = Some(error).filter(|error| error.kind() != ErrorKind::Rejected);
                }
            }
        }
    }

    /// Writes one group; makes the table, once, when it is not there.
    async fn attempt(&self, group: &[Row], may_create: &mut bool) -> Result<(), Failure> {
        match self.send(group).await {
            Err(failure) if failure.is("TableNotFound") && std::mem::take(may_create) => {
                self.create().await?;
                self.send(group).await
            }
            outcome => outcome,
        }
    }

    async fn send(&self, group: &[Row]) -> Result<(), Failure> {
        if let [row] = group {
            return self.table.merge(&row.entity).await;
        }
        let parts: Vec<String> = group.iter().map(|row| row.part.clone()).collect();
        self.table.merge_all(&parts).await
    }

    async fn create(&self) -> Result<(), Failure> {
        let Err(failure) = self.table.create().await else {
            tracing::info!(event = "table_created", table = %self.table.name, "table was not there and has been created");
            return Ok(());
        };
        let error = failure.into_error(&self.table.doing("create"));
        Err(Failure::Told(match error.kind() {
            ErrorKind::Unauthorized => error.hint(format!(
                "create the table {} by hand: these credentials may write rows but not make tables",
                self.table.name
            )),
            _ => error,
        }))
    }
}

/// Whose fault it is.
#[derive(Debug, PartialEq, Eq)]
enum Blame {
    /// This row's; the others can go.
    One(usize),
    /// One or more of them; halves will tell.
    Some,
    /// Nobody's in particular, or there is only one.
    All,
}

fn blame(failure: &Failure, group: &[Row]) -> Blame {
    if group.len() < 2 {
        return Blame::All;
    }
    let kind = match failure {
        Failure::Refused(refusal) => refusal.kind(),
        Failure::Told(error) => error.kind(),
        Failure::Silent(..) => return Blame::All,
    };
    match (kind, failure) {
        (ErrorKind::Rejected | ErrorKind::Conflict, Failure::Refused(refusal)) => match refusal.index {
            Some(index) if index < group.len() && refusal.status != 413 => Blame::One(index),
            _ => Blame::Some,
        },
        (ErrorKind::Broken, _) if group.iter().any(|row| row.attempt >= PATIENCE) => Blame::Some,
        _ => Blame::All,
    }
}

/// The deliveries to write, and for every delivery the one that stands for it: a row may appear
/// once in a transaction, so of two revisions of one lead only the newer goes.
fn newest(deliveries: &[LeadDelivery]) -> (Vec<usize>, Vec<usize>) {
    let mut best: BTreeMap<_, usize> = BTreeMap::new();
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
    let newest = (0..deliveries.len())
        .filter(|at| stands_for[*at] == *at)
        .collect();
    (newest, stands_for)
}

/// Cuts the rows of a partition into transactions.
fn cut(mut rows: Vec<Row>, limit: usize) -> Vec<Vec<Row>> {
    let parts: Vec<String> = rows.iter().map(|row| row.part.clone()).collect();
    let ranges = transactions(&parts, limit);
    ranges
        .into_iter()
        .map(|range| rows.drain(..range.len()).collect())
        .collect()
}

/// Cannot happen, and is safe if it does: the delivery is simply tried again.
fn forgotten() -> Fate {
    Err(ConnectorError::new(
        ErrorKind::Broken,
        "write a row: it was left out",
    ))
}
