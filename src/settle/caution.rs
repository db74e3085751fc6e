//! After a death nobody explained, arrivals are opened the way a suspicious parcel is.
//!
//! In ordinary times nothing is noted before work on an arrival begins: that would cost a write per
//! lead. After an unclean end, what was waiting then is worked on in small groups that are marked
//! first, and what was marked and not finished is worked on alone, until the one that kills the
//! process has shown itself.

use crate::store::{InboxId, Unsettled};

/// How many are marked and worked on together.
const GROUP: usize = 64;
/// Work on an arrival that began this often without an end is not begun again.
///
/// Once in a group and then alone. A process killed from outside dies with some innocent arrival in
/// hand; that it is one and the same so often is no chance, and a service manager still restarts.
const ENOUGH: u8 = 5;

/// What to do with the oldest arrivals.
#[derive(Debug)]
pub(super) enum Approach {
    /// Nothing is suspicious: work on all of them.
    Freely(Vec<Unsettled>),
    /// Mark them, then work on them.
    MarkedFirst(Vec<Unsettled>),
    /// Do not open it again.
    Quarantine(Box<Unsettled>),
}

/// Chooses how to work on the oldest arrivals; `suspicious_up_to` is the newest that was waiting
/// when the process died.
pub(super) fn approach(mut waiting: Vec<Unsettled>, suspicious_up_to: Option<InboxId>) -> Approach {
    let first = match (waiting.first(), suspicious_up_to) {
        (Some(first), Some(limit)) if first.id <= limit => first.starts,
        _ => return Approach::Freely(waiting),
    };
    if first >= ENOUGH {
        return Approach::Quarantine(Box::new(waiting.swap_remove(0)));
    }
    let group = if first == 0 { GROUP } else { 1 };
    let alike = waiting
        .iter()
        .take(group)
        .take_while(|one| one.starts == first)
        .count();
    waiting.truncate(alike);
    Approach::MarkedFirst(waiting)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::DateTime;
    use connector_kit::{RawFormat, RawLead};

    use super::*;
    use crate::store::Arrival;

    fn waiting(starts: &[u8]) -> Vec<Unsettled> {
        let raw = RawLead {
            format: RawFormat::MarketplaceJson,
            reference: None,
            occurred_at: None,
            body: Bytes::new(),
        };
        let arrival = Arrival {
            account: connector_kit::ids::AccountName::new("default"),
            source: "test".into(),
            received_at: DateTime::UNIX_EPOCH,
            raw,
        };
        starts
            .iter()
            .zip(1..)
            .map(|(starts, id)| Unsettled {
                id: InboxId(id),
                arrival: arrival.clone(),
                starts: *starts,
            })
            .collect()
    }

    #[test]
    fn after_a_clean_end_nothing_is_marked() {
        assert!(matches!(approach(waiting(&[0, 0, 1]), None), Approach::Freely(all) if all.len() == 3));
    }

    #[test]
    fn what_came_after_the_restart_is_not_suspicious() {
        assert!(
            matches!(approach(waiting(&[0, 0]), Some(InboxId(0))), Approach::Freely(all) if all.len() == 2)
        );
    }

    #[test]
    fn a_killer_shows_itself_by_killing_alone_again_and_again() {
        let limit = Some(InboxId(100));
        assert!(
            matches!(approach(waiting(&[0, 0, 0]), limit), Approach::MarkedFirst(group) if group.len() == 3)
        );
        for starts in 1..ENOUGH {
            assert!(
                matches!(approach(waiting(&[starts, 1, 1]), limit), Approach::MarkedFirst(alone) if alone.len() == 1)
            );
        }
        assert!(
            matches!(approach(waiting(&[ENOUGH, 1, 1]), limit), Approach::Quarantine(one) if one.id == InboxId(1))
        );
    }

    #[test]
    fn two_deaths_in_a_row_make_nobody_a_killer() {
        assert!(matches!(
            approach(waiting(&[2, 1, 1]), Some(InboxId(100))),
            Approach::MarkedFirst(_)
        ));
    }
}
