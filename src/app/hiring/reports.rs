//! Workers that report outcomes, one per sink.

use std::sync::Arc;

use connector_kit::ids::AccountName;
use connector_kit::{Connector, Role, SourceName};

use super::{Hired, Hiring};
use crate::app::build::{Blueprint, patience};
use crate::config::ConnectorFile;
use crate::syncback::{ReportParts, ReportWorker, Reporter};

impl Hiring {
    pub(super) fn reporting(&self, blueprint: &Blueprint) -> Vec<Hired> {
        let hire = |(file, connector): &(ConnectorFile, Connector)| -> Option<Hired> {
            let sink = SourceName::new(&file.name);
            let bell = self.bells.report.get(&sink)?.clone();
            let outside = &blueprint.outside;
            let worker = ReportWorker::new(ReportParts {
                reporter: Reporter {
                    account: AccountName::new(&file.account),
                    desk: Arc::clone(connector.referrals.as_ref()?),
                    policy: file.report.clone().unwrap_or_default().policy(),
                    store: Arc::clone(&self.store),
                    clock: Arc::clone(&outside.clock),
                    listener: self.counting.clone(),
                    sink,
                },
                purse: blueprint.purse(&file.name)?,
                patience: patience(file),
                lease: file.lease,
                dice: outside.dice.clone(),
                bells: self.bells.clone(),
            });
            Some((Box::new(worker), bell))
        };
        blueprint.connectors.iter().filter_map(hire).collect()
    }
}

/// Whether outcomes are reported to it.
pub(super) fn is_sink(file: &ConnectorFile, connector: &Connector) -> bool {
    file.roles.contains(&Role::OutcomeSink) && connector.referrals.is_some()
}

/// Those whom outcomes are reported to.
pub(super) fn sinks(blueprint: &Blueprint) -> Vec<SourceName> {
    let playing = blueprint
        .connectors
        .iter()
        .filter(|(file, connector)| is_sink(file, connector));
    playing.map(|(file, _)| SourceName::new(&file.name)).collect()
}
