//! What a changed config would write otherwise than the one in force, lead by lead and field by field.

use std::collections::BTreeMap;

use connector_kit::{ConnectorError, DestinationName, LeadId, Rendered, RenderedValue};

use super::render::{Side, Written};
use crate::store::Surveyed;

/// What changes at one destination.
#[derive(Debug, Default)]
pub struct DestinationPlan {
    /// The kind of system it is after the change, or was before.
    pub kind: String,
    /// How many leads were looked at.
    pub leads: usize,
    /// How many of them go there after the change.
    pub taken: usize,
    /// Those that change, as they were asked for.
    pub changes: Vec<LeadChange>,
}

/// What changes for one lead.
#[derive(Debug)]
pub struct LeadChange {
    /// The lead.
    pub lead: LeadId,
    /// What is different.
    pub what: Change,
}

/// One difference.
#[derive(Debug)]
pub enum Change {
    /// It would go there and did not: all of the record is new.
    Joins(Vec<FieldChange>),
    /// It would go there no longer.
    Leaves,
    /// These fields are written otherwise.
    Fields(Vec<FieldChange>),
    /// It would become a dead letter, and would not have.
    Fails(ConnectorError),
    /// It would have become a dead letter, and does no more: all of the record is new.
    Heals(Vec<FieldChange>),
}

/// A field before and after; none where it is not written.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Its name in the other system.
    pub field: String,
    /// What was written.
    pub before: Option<RenderedValue>,
    /// What would be.
    pub after: Option<RenderedValue>,
}

impl DestinationPlan {
    /// How many leads change in which field, by the field's name, with one example each.
    pub fn fields(&self) -> BTreeMap<&str, (usize, &FieldChange)> {
        let mut counted = BTreeMap::new();
        for field in self.changes.iter().flat_map(|change| change.what.fields()) {
            counted.entry(field.field.as_str()).or_insert((0, field)).0 += 1;
        }
        counted
    }

    /// How many changes are of this sort.
    pub fn count(&self, sort: impl Fn(&Change) -> bool) -> usize {
        self.changes.iter().filter(|change| sort(&change.what)).count()
    }

    /// Whether a lead would become a dead letter that would not have.
    pub fn fails(&self) -> bool {
        self.count(|change| matches!(change, Change::Fails(_))) > 0
    }
}

impl Change {
    fn fields(&self) -> &[FieldChange] {
        match self {
            Self::Joins(fields) | Self::Fields(fields) | Self::Heals(fields) => fields,
            Self::Leaves | Self::Fails(_) => &[],
        }
    }
}

/// Holds one destination of two configs against each other; without a config of before, all is new.
pub fn compare(
    before: Option<&Side>,
    after: &Side,
    destination: &DestinationName,
    leads: &[Surveyed],
) -> DestinationPlan {
    let written_after = after.write(destination, leads);
    let written_before = match before {
        Some(side) => side.write(destination, leads),
        None => vec![Written::Nothing; leads.len()],
    };
    let kind_in = |side: &Side| {
        let mut all = side.destinations();
        all.find(|(name, _)| *name == destination)
            .map(|(_, kind)| kind.to_owned())
    };
    let taken = written_after
        .iter()
        .filter(|written| !matches!(written, Written::Nothing));
    let mut plan = DestinationPlan {
        kind: kind_in(after).or_else(|| kind_in(before?)).unwrap_or_default(),
        leads: leads.len(),
        taken: taken.count(),
        changes: Vec::new(),
    };
    for (lead, (before, after)) in leads.iter().zip(written_before.iter().zip(written_after)) {
        if let Some(what) = change(before, after) {
            plan.changes.push(LeadChange {
                lead: lead.lead.id,
                what,
            });
        }
    }
    plan
}

fn change(before: &Written, after: Written) -> Option<Change> {
    let nothing = Rendered::default();
    match (before, after) {
        (Written::Nothing, Written::Nothing) | (Written::Refused(_), Written::Refused(_)) => None,
        (Written::Nothing, Written::Record(record)) => Some(Change::Joins(difference(&nothing, &record))),
        (Written::Refused(_), Written::Record(record)) => Some(Change::Heals(difference(&nothing, &record))),
        (Written::Record(_) | Written::Refused(_), Written::Nothing) => Some(Change::Leaves),
        (Written::Nothing | Written::Record(_), Written::Refused(error)) => Some(Change::Fails(error)),
        (Written::Record(before), Written::Record(after)) => {
            let fields = difference(before, &after);
            (!fields.is_empty()).then_some(Change::Fields(fields))
        }
    }
}

/// The fields that differ: those that are written in their order, then those that are no more.
fn difference(before: &Rendered, after: &Rendered) -> Vec<FieldChange> {
    let written = after.fields.iter().map(|field| FieldChange {
        field: field.name.clone(),
        before: before.get(&field.name).cloned(),
        after: Some(field.value.clone()),
    });
    let gone = before
        .fields
        .iter()
        .filter(|field| after.get(&field.name).is_none());
    let gone = gone.map(|field| FieldChange {
        field: field.name.clone(),
        before: Some(field.value.clone()),
        after: None,
    });
    written
        .chain(gone)
        .filter(|field| field.before != field.after)
        .collect()
}

#[cfg(test)]
mod tests;
