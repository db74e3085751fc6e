//! A record that was deleted or merged: the survivor is followed where there is one.

use std::collections::BTreeSet;

use connector_kit::ConnectorError;

use super::look::{Found, short};
use super::row::{Remedy, Row, Step};
use super::{Leads, places};
use crate::error::Place;

/// Merges of merges of merges.
const HOPS: usize = 5;

impl Leads {
    pub(super) async fn follow_gone(&self, rows: &mut [Row<'_>]) -> Result<(), ConnectorError> {
        for _ in 0..HOPS {
            let open = places(rows, |step| matches!(step, Step::Gone(..)));
            if open.is_empty() {
                return Ok(());
            }
            let ids: BTreeSet<String> = open.iter().filter_map(|place| id(&rows[*place])).collect();
            let records = self.records(&ids).await?;
            for place in open {
                let row = &mut rows[place];
                if let Some(id) = id(row) {
                    follow(row, &id, records.get(short(&id)));
                }
            }
        }
        for place in places(rows, |step| matches!(step, Step::Gone(..))) {
            if let Some(id) = id(&rows[place]) {
                rows[place].close(id);
            }
        }
        Ok(())
    }
}

/// What was deleted stays so, unless the operator ordered it to be delivered again.
fn restore_or_close(row: &mut Row<'_>, id: &str) {
    if row.delivery.again.is_some() && row.once(Remedy::Restore) {
        row.step = Step::LookUp;
    } else {
        row.close(id.to_owned());
    }
}

fn id(row: &Row<'_>) -> Option<String> {
    match &row.step {
        Step::Gone(id, _) => Some(id.clone()),
        _ => None,
    }
}

fn follow(row: &mut Row<'_>, id: &str, found: Option<&Found>) {
    let Step::Gone(_, fault) = &row.step else { return };
    let fault = fault.clone();
    let is_survivor = |found: &Found| {
        row.delivery
            .record
            .as_ref()
            .is_none_or(|known| short(&known.0) != short(&found.id))
    };
    match found {
        None => restore_or_close(row, id),
        Some(found) if found.is_deleted => match &found.master {
            Some(master) => row.step = Step::Gone(master.clone(), fault),
            None => restore_or_close(row, id),
        },
        // It lives: then something else was wrong with it, unless it is where a merge led us.
        Some(found) if found.is_converted => row.step = Step::Converted(found.id.clone()),
        Some(found) if !is_survivor(found) => row.fail(fault.error("write lead", Place::Update)),
        Some(found) if found.is_free_for(row.id()) => row.step = Step::Update(found.id.clone()),
        // The survivor is another lead of ours: that one goes on, this one has found its end.
        Some(found) => row.close(found.id.clone()),
    }
}
