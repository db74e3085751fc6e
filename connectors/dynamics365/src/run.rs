//! What has become of each delivery of one call so far.

use std::collections::BTreeMap;

use connector_kit::{ConnectorError, ErrorKind, Receipt};

use crate::operation::Row;

/// What became of one delivery.
pub(crate) type Fate = Result<Receipt, ConnectorError>;

/// The fates of a call, and why it goes no further.
#[derive(Debug, Default)]
pub(crate) struct Run {
    fates: BTreeMap<usize, Fate>,
    halted: Option<ConnectorError>,
}

impl Run {
    /// This is what became of it.
    pub(crate) fn settle(&mut self, delivery: usize, fate: Fate) {
        self.fates.insert(delivery, fate);
    }

    /// The call failed for these, and for nobody's sake in particular: the next one would only meet
    /// the same.
    pub(crate) fn halt(&mut self, rows: &[Row], error: &ConnectorError) {
        for row in rows {
            self.settle(row.delivery, Err(error.clone()));
        }
        self.halted = Some(error.clone());
    }

    /// Whether to go on; if not, these share the fate of those before.
    pub(crate) fn goes_on(&mut self, rows: &[Row]) -> bool {
        let Some(error) = self.halted.clone() else {
            return true;
        };
        self.halt(rows, &error);
        false
    }

    /// One fate per delivery, in their order.
    pub(crate) fn fates(&self, stands_for: &[usize]) -> Vec<Fate> {
        stands_for
            .iter()
            .map(|at| self.fates.get(at).cloned().unwrap_or_else(forgotten))
            .collect()
    }
}

/// Not reached as long as every row is settled; a lead must not pass for delivered if it ever is.
fn forgotten() -> Fate {
    Err(ConnectorError::new(
        ErrorKind::Broken,
        "write a lead: the call ended without a word about it",
    ))
}
