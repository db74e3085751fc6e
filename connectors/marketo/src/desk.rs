//! Who stands for whom in one call, and what became of each delivery.

use std::collections::BTreeMap;

use connector_kit::{ConnectorError, ErrorKind, LeadDelivery, Receipt, RecordRef};

use crate::lead::is_forbidden;

/// What became of one delivery.
pub(crate) type Fate = Result<Receipt, ConnectorError>;

/// The fates of one call, as far as they are known.
#[derive(Default)]
pub(crate) struct Desk {
    fates: BTreeMap<usize, Fate>,
    /// What concerns everybody: nothing more is sent.
    pub(crate) halted: Option<ConnectorError>,
}

impl Desk {
    /// The record is written. Where one delivery has several, all have to succeed.
    pub(crate) fn done(&mut self, at: usize, id: Option<u64>) {
        self.fates.entry(at).or_insert(Ok(Receipt {
            record: id.map(|id| RecordRef(id.to_string())),
            closed: false,
        }));
    }

    /// It is not.
    pub(crate) fn failed(&mut self, at: usize, error: ConnectorError) {
        self.fates.insert(at, Err(error));
    }

    /// None of these is written. What is nobody's own fault ends it for all that are left: the next
    /// call would only meet it again.
    pub(crate) fn all_failed(&mut self, deliveries: impl Iterator<Item = usize>, error: &ConnectorError) {
        for at in deliveries {
            self.failed(at, error.clone());
        }
        if error.kind() != ErrorKind::Rejected {
            self.halted.get_or_insert_with(|| error.clone());
        }
    }

    /// Whether it is known what became of it.
    pub(crate) fn knows(&self, at: usize) -> bool {
        self.fates.contains_key(&at)
    }

    /// What became of it.
    pub(crate) fn fate(&self, at: usize) -> Fate {
        // Cannot be missing, and is safe if it is: the delivery is simply tried again.
        let forgotten = || {
            Err(ConnectorError::new(
                ErrorKind::Broken,
                "write the lead: it was left out",
            ))
        };
        self.fates.get(&at).cloned().unwrap_or_else(forgotten)
    }
}

/// For every delivery the one that stands for it: of those with the same key only one may be in an
/// input (1036), so the newest goes, and what forbids contact before what allows it.
pub(crate) fn stand_ins(deliveries: &[LeadDelivery], keys: &[String]) -> Vec<usize> {
    let mut best: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, key) in keys.iter().enumerate() {
        let held = best.entry(key).or_insert(at);
        if outranks(&deliveries[at], &deliveries[*held]) {
            *held = at;
        }
    }
    keys.iter().map(|key| best[key.as_str()]).collect()
}

fn outranks(one: &LeadDelivery, other: &LeadDelivery) -> bool {
    if one.lead.id == other.lead.id {
        return one.revision > other.revision;
    }
    (is_forbidden(one), one.revised_at) > (is_forbidden(other), other.revised_at)
}

#[cfg(test)]
mod tests {
    use connector_kit::conformance::leads::{delivery, forbidden, revised};

    use super::*;

    fn keys(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_newest_revision_stands_for_all_wherever_it_comes() {
        let lead = delivery(1);
        let all = [revised(&lead, 2), delivery(7), revised(&lead, 3), lead.clone()];
        assert_eq!(stand_ins(&all, &keys(&["a", "b", "a", "a"])), [2, 1, 2, 2]);
    }

    #[test]
    fn of_two_leads_with_one_address_the_newer_goes_unless_the_other_forbids_contact() {
        let (older, newer) = (delivery(1), revised(&delivery(2), 5));
        assert_eq!(
            stand_ins(&[older.clone(), newer.clone()], &keys(&["a", "a"])),
            [1, 1]
        );
        let closed = forbidden(&older, 2);
        assert_eq!(stand_ins(&[closed, newer], &keys(&["a", "a"])), [0, 0]);
    }

    #[test]
    fn one_failure_among_several_records_of_a_delivery_is_its_fate() {
        let mut desk = Desk::default();
        desk.done(0, Some(1));
        desk.failed(0, ConnectorError::new(ErrorKind::Rejected, "x"));
        desk.done(0, Some(2));
        assert!(desk.fate(0).is_err());
        assert_eq!(desk.fate(1).unwrap_err().kind(), ErrorKind::Broken);
    }
}
