//! Workers that report outcomes, one per sink.

use std::sync::Arc;

use connector_kit::{Connector, SourceName};

use super::Hiring;
use crate::app::build::Blueprint;
use crate::app::crew::Hired;
use crate::app::reporting::{ReportTools, is_sink, report_worker};
use crate::config::ConnectorFile;

impl Hiring {
    pub(super) fn reporting(&self, blueprint: &Blueprint) -> Vec<Hired> {
        let hire = |(file, connector): &(ConnectorFile, Connector)| -> Option<Hired> {
            let bell = self.bells.report.get(&SourceName::new(&file.name))?;
            let tools = ReportTools {
                outside: &blueprint.outside,
                store: Arc::clone(&self.store),
                purse: blueprint.purse(&file.name)?,
                listener: self.counting.clone(),
                bells: self.bells.clone(),
            };
            let worker = report_worker(file, connector, tools)?;
            Some(Hired::new("report", &file.name, worker, bell))
        };
        blueprint.connectors.iter().filter_map(hire).collect()
    }
}

/// Those whom outcomes are reported to.
pub(super) fn sinks(blueprint: &Blueprint) -> Vec<SourceName> {
    let playing = blueprint
        .connectors
        .iter()
        .filter(|(file, connector)| is_sink(file, connector));
    playing.map(|(file, _)| SourceName::new(&file.name)).collect()
}
