//! What reports to one sink: hired by the daemon, or asked by a command for one report.

use std::sync::Arc;

use connector_kit::ids::AccountName;
use connector_kit::{Connector, Role, SourceName};

use super::build::{self, Outside, patience};
use super::purses::Purses;
use crate::config::{ConnectorFile, Diagnostics, Loaded};
use crate::deliver::Purse;
use crate::runtime::Bells;
use crate::store::Store;
use crate::syncback::{ReportParts, ReportWorker, Reporter, Reporting, Unreported};

/// What a report takes beside its sink.
pub(super) struct ReportTools<'a> {
    pub(super) outside: &'a Outside,
    pub(super) store: Arc<dyn Store>,
    pub(super) purse: Arc<Purse>,
    pub(super) listener: Arc<dyn Reporting>,
    pub(super) bells: Bells,
}

/// The worker of one sink; none when the connector is no sink.
pub(super) fn report_worker(
    file: &ConnectorFile,
    connector: &Connector,
    tools: ReportTools<'_>,
) -> Option<ReportWorker> {
    if !is_sink(file, connector) {
        return None;
    }
    let outside = tools.outside;
    Some(ReportWorker::new(ReportParts {
        reporter: Reporter {
            sink: SourceName::new(&file.name),
            account: AccountName::new(&file.account),
            desk: Arc::clone(connector.referrals.as_ref()?),
            policy: file.report.clone().unwrap_or_default().policy(),
            store: tools.store,
            clock: Arc::clone(&outside.clock),
            listener: tools.listener,
        },
        purse: tools.purse,
        patience: patience(file),
        lease: file.lease,
        dice: outside.dice.clone(),
        bells: tools.bells,
    }))
}

/// Whether outcomes are reported to it.
pub(super) fn is_sink(file: &ConnectorFile, connector: &Connector) -> bool {
    file.roles.contains(&Role::OutcomeSink) && connector.referrals.is_some()
}

/// The same outside a daemon, for an operator who waits. None when the config names no such sink.
pub fn report_by_hand(
    loaded: &Loaded,
    outside: &Outside,
    store: Arc<dyn Store>,
    sink: &SourceName,
) -> Result<Option<ReportWorker>, Diagnostics> {
    let purses = Purses::default().and_new(loaded, outside);
    let Some(purse) = purses.get(sink.as_str()) else {
        return Ok(None);
    };
    let book = |name: &str| (name == sink.as_str()).then(|| purse.book());
    let built = build::connectors(loaded, outside, book)?;
    let tools = ReportTools {
        outside,
        store,
        purse: Arc::clone(purse),
        listener: Arc::new(Unreported),
        bells: Bells::default(),
    };
    let found = built.first();
    Ok(found.and_then(|(file, connector)| report_worker(file, connector, tools)))
}
