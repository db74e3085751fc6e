//! Which crate speaks to which kind of system: the only file that names them.

use connector_kit::{ConfigError, Connector, ConnectorContext, ConnectorSettings};

/// The kinds an operator may write.
pub const KINDS: [&str; 7] = [
    "azure-table",
    "dynamics365",
    "file",
    "https-endpoint",
    "marketo",
    "partner-center",
    "salesforce",
];

/// Builds the connector of this kind.
pub fn build(
    kind: &str,
    settings: &ConnectorSettings,
    context: &ConnectorContext,
) -> Result<Connector, ConfigError> {
    match kind {
        "azure-table" => connector_azure_table::build(settings, context),
        "dynamics365" => connector_dynamics365::build(settings, context),
        "file" => connector_file::build(settings, context),
        "https-endpoint" => connector_https_endpoint::build(settings, context),
        "marketo" => connector_marketo::build(settings, context),
        "partner-center" => connector_partner_center::build(settings, context),
        "salesforce" => connector_salesforce::build(settings, context),
        other => Err(ConfigError::new("kind", unknown(other))),
    }
}

fn unknown(kind: &str) -> String {
    format!("unknown kind {kind:?}, expected one of {}", KINDS.join(", "))
}
