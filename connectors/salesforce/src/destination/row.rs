//! One lead on its way, and what is to be done with it next. Pure.

use std::collections::{BTreeMap, BTreeSet};

use connector_kit::{ConnectorError, EventKind, LeadDelivery, LeadId, Receipt, RecordRef};

use crate::config::is_record_id;
use crate::error::Fault;
use crate::mapping::is_closed;

/// What is to be done next.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Nobody knows whether a record has this key: ask.
    LookUp,
    /// Make the record.
    Create {
        /// Although a duplicate rule warns.
        allow_save: bool,
    },
    /// Change the record of this id.
    Update(String),
    /// A duplicate rule objected to the new record.
    Explain(Fault),
    /// The lead of this id was converted; it takes no changes.
    Converted(String),
    /// The record of this id is deleted or merged, so it seems.
    Gone(String, Fault),
    /// Nothing.
    Done(Result<Receipt, ConnectorError>),
}

/// What may help once, and is not tried twice: so every lead comes to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Remedy {
    /// Another call after a short rest.
    Wait,
    /// Looking again who has the key.
    LookAgain,
    /// A fresh description of the fields.
    Describe,
    /// Going without the fields that are refused.
    LeaveOut,
    /// Asking for this record alone, to learn what a duplicate rule found.
    Alone,
    /// Saving although a duplicate rule warns.
    Save,
    /// Following the record to where it went.
    Follow,
    /// Making it anew where it is gone.
    Restore,
}

/// One lead on its way.
pub(super) struct Row<'d> {
    pub delivery: &'d LeadDelivery,
    pub step: Step,
    /// Fields it goes without.
    pub without: BTreeSet<String>,
    /// It is to rest before the next try.
    pub waits: bool,
    /// It was in a bulk job, and is not put into another.
    loaded: bool,
    tried: BTreeSet<Remedy>,
}

impl<'d> Row<'d> {
    /// What has a record is changed; what was never sent is made; of all else, somebody has to look.
    pub(super) fn new(delivery: &'d LeadDelivery, in_doubt: bool) -> Self {
        let known = delivery.record.as_ref().map(|record| record.0.clone());
        let is_new = delivery.kind == EventKind::Created && delivery.attempt == 0 && !in_doubt;
        let step = match known.filter(|id| is_record_id(id)) {
            Some(id) => Step::Update(id),
            // A record that is not there is not made for somebody nobody may contact.
            None if is_new && !is_closed(delivery) => Step::Create { allow_save: false },
            None => Step::LookUp,
        };
        Self {
            delivery,
            step,
            without: BTreeSet::new(),
            waits: false,
            loaded: false,
            tried: BTreeSet::new(),
        }
    }

    pub(super) fn id(&self) -> LeadId {
        self.delivery.lead.id
    }

    /// Whether this was not tried yet; from now on it was.
    pub(super) fn once(&mut self, remedy: Remedy) -> bool {
        self.tried.insert(remedy)
    }

    /// It was in no bulk job.
    pub(super) fn is_fresh(&self) -> bool {
        !self.loaded
    }

    /// It goes into a bulk job, or will never.
    pub(super) fn load(&mut self) {
        self.loaded = true;
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.step, Step::Done(_))
    }

    /// The record holds the lead.
    pub(super) fn hold(&mut self, record: Option<String>) {
        self.step = Step::Done(Ok(Receipt {
            record: record.map(RecordRef),
            closed: false,
        }));
    }

    /// The record takes no more changes.
    pub(super) fn close(&mut self, record: String) {
        self.step = Step::Done(Ok(Receipt {
            record: Some(RecordRef(record)),
            closed: true,
        }));
    }

    pub(super) fn fail(&mut self, error: ConnectorError) {
        self.step = Step::Done(Err(error));
    }
}

/// The rows of one call: one per lead, the newest revision of each, whatever was asked.
pub(super) struct Rows<'d> {
    pub rows: Vec<Row<'d>>,
    /// For each delivery its row.
    places: Vec<usize>,
}

impl<'d> Rows<'d> {
    pub(super) fn new(deliveries: &'d [LeadDelivery], in_doubt: &BTreeSet<LeadId>) -> Self {
        let mut rows: Vec<Row<'d>> = Vec::with_capacity(deliveries.len());
        let mut by_lead: BTreeMap<LeadId, usize> = BTreeMap::new();
        let mut places = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let row = Row::new(delivery, in_doubt.contains(&delivery.lead.id));
            let place = *by_lead.entry(delivery.lead.id).or_insert(rows.len());
            match rows.get_mut(place) {
                None => rows.push(row),
                Some(older) if older.delivery.revision < delivery.revision => *older = row,
                Some(_) => {}
            }
            places.push(place);
        }
        Self { rows, places }
    }

    /// One result per delivery, in their order.
    pub(super) fn results(self) -> Vec<Result<Receipt, ConnectorError>> {
        let result = |place: &usize| match &self.rows[*place].step {
            Step::Done(result) => result.clone(),
            _ => Err(ConnectorError::new(
                connector_kit::ErrorKind::Broken,
                "write lead: left undone",
            )),
        };
        self.places.iter().map(result).collect()
    }
}
