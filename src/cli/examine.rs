//! A close look at connectors: by their doctor, or by their probe where there is none.

use connector_kit::{Check, Connector, readiness};
use futures_util::future::join_all;

use crate::config::ConnectorFile;

/// What was found at one connector.
pub(super) struct Examined {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) checks: Vec<Check>,
}

impl Examined {
    /// Leads can pass.
    pub(super) fn is_well(&self) -> bool {
        !readiness::any_ill(&self.checks)
    }
}

/// Looks at all of them at the same time; the answers come in the order of the connectors.
pub(super) async fn examine(connectors: &[(ConnectorFile, Connector)]) -> Vec<Examined> {
    let looks = connectors.iter().map(|(file, connector)| async {
        Examined {
            name: file.name.clone(),
            kind: file.kind.clone(),
            checks: look(connector).await,
        }
    });
    join_all(looks).await
}

async fn look(connector: &Connector) -> Vec<Check> {
    if let Some(doctor) = &connector.doctor {
        return doctor.examine().await;
    }
    let Some(probe) = &connector.probe else {
        return vec![Check::unknown("probe", "there is nothing to look at")];
    };
    let check = match probe.probe().await {
        Ok(report) => Check::well("probe", report.findings.join("; ")),
        Err(error) => Check::of_error("probe", &error),
    };
    vec![check]
}
