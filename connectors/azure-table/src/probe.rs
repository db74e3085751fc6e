//! A look at the table that changes nothing: is it there, do we get in, what is missing.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use connector_kit::{ConnectorError, ErrorKind, Probe, ProbeReport, Role};

use crate::access::Access;
use crate::api::Table;
use crate::sas::Sas;

/// A token that ends sooner is worth a word.
const SOON: TimeDelta = TimeDelta::days(14);

/// Looks at one table in one role.
pub(crate) struct TableProbe {
    /// The table.
    pub table: Arc<Table>,
    /// What it is for.
    pub role: Role,
    /// Whether a destination would make it.
    pub create_table: bool,
}

#[async_trait]
impl Probe for TableProbe {
    async fn probe(&self) -> Result<ProbeReport, ConnectorError> {
        let table = &self.table;
        let mut findings = vec![format!(
            "{} answers to {}",
            table.endpoint.host(),
            table.access.describe()
        )];
        if let Access::Sas(sas) = &table.access {
            findings.extend(self.look_at(sas)?);
        }
        match table.query(None, 1, None).await {
            Ok(_) => findings.push(format!("table {} is there and can be read", table.name)),
            Err(failure) if failure.is("TableNotFound") => findings.push(self.without_table()?),
            Err(failure)
                if self.role == Role::Destination && failure.is("AuthorizationPermissionMismatch") =>
            {
                findings.push(format!(
                    "table {} may not be read with these credentials; writing is not tried here",
                    table.name
                ));
            }
            Err(failure) => return Err(failure.into_error(&table.doing("query"))),
        }
        Ok(ProbeReport { findings })
    }
}

impl TableProbe {
    fn without_table(&self) -> Result<String, ConnectorError> {
        let name = &self.table.name;
        match (self.role, self.create_table) {
            (Role::Source | Role::OutcomeSource | Role::OutcomeSink | Role::Alerts, _) => Ok(format!(
                "table {name} is not there yet: Microsoft makes it with the first lead"
            )),
            (Role::Destination, true) => Ok(format!(
                "table {name} is not there yet: it is made with the first lead"
            )),
            (Role::Destination, false) => Err(ConnectorError::new(
                ErrorKind::Misconfigured,
                format!("find table {name}"),
            )
            .hint("create the table, or set create_table = true")),
        }
    }

    fn look_at(&self, sas: &Sas) -> Result<Option<String>, ConnectorError> {
        let needed = needed_rights(self.role);
        let missing = sas.lacks(needed);
        if !missing.is_empty() {
            let text = format!(
                "use table {}: the shared access signature lacks the rights {missing:?}",
                self.table.name
            );
            return Err(ConnectorError::new(ErrorKind::Unauthorized, text)
                .hint(format!("make a new one with the rights {needed}")));
        }
        let now = self.table.clock.now();
        match sas.expires() {
            Some(end) if end <= now => Err(ConnectorError::new(
                ErrorKind::Unauthorized,
                "use a shared access signature that has ended",
            )
            .hint("make a new shared access signature")),
            Some(end) if end - now < SOON => Ok(Some(format!(
                "the shared access signature ends in {} days: make a new one",
                (end - now).num_days()
            ))),
            _ => Ok(None),
        }
    }
}

/// What a token must allow.
pub(crate) fn needed_rights(role: Role) -> &'static str {
    match role {
        Role::Destination => "au",
        _ => "r",
    }
}

/// Tells the operator at start when a token has ended or soon will.
pub(crate) fn warn_of_the_end(name: &str, table: &Table) {
    let Access::Sas(sas) = &table.access else {
        return;
    };
    let now = table.clock.now();
    match sas.expires() {
        Some(end) if end <= now => {
            tracing::error!(event = "access_ended", connector = %name, ended = %end, "the shared access signature has ended: make a new one");
        }
        Some(end) if end - now < SOON => {
            tracing::warn!(event = "access_ends_soon", connector = %name, ends = %end, "the shared access signature ends soon: make a new one");
        }
        _ => {}
    }
}
