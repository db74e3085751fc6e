//! Which crate speaks to which kind of system: the only file that names them.

use connector_kit::nearest::did_you_mean;
use connector_kit::schema::{Schema, SchemaGenerator};
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

/// A file of `connectors.d` as it is shipped, and what `leadsync init` makes of it.
pub struct Template {
    /// The name of the connector when the operator gives none.
    pub name: &'static str,
    /// The shipped file, every setting explained.
    pub text: &'static str,
    /// Lines that are written in place of shipped ones.
    pub lines: &'static [(&'static str, &'static str)],
    /// Credentials that need nobody else: they are made here.
    pub made: &'static [(&'static str, Made)],
    /// What a person does once the file is filled in; `NAME` is the connector's name.
    pub then: &'static [&'static str],
}

/// A secret of our own, and its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// Letters fit for a URL.
    Letters,
    /// What signs by Standard Webhooks: `whsec_` and base64.
    Signing,
}

/// The shipped file of a kind.
pub fn template(kind: &str) -> Option<Template> {
    let (name, text) = match kind {
        "azure-table" => (
            "azure-table",
            include_str!("../config/connectors.d/azure-table.toml"),
        ),
        "dynamics365" => (
            "dynamics365",
            include_str!("../config/connectors.d/dynamics365.toml"),
        ),
        "file" => (
            "leads-file",
            include_str!("../config/connectors.d/leads-file.toml"),
        ),
        "https-endpoint" => ("webhook", include_str!("../config/connectors.d/webhook.toml")),
        "marketo" => ("marketo", include_str!("../config/connectors.d/marketo.toml")),
        "partner-center" => (
            "partner-center",
            include_str!("../config/connectors.d/partner-center.toml"),
        ),
        "salesforce" => (
            "salesforce",
            include_str!("../config/connectors.d/salesforce.toml"),
        ),
        _ => return None,
    };
    let plain = Template {
        name,
        text,
        lines: &[],
        made: &[],
        then: &["leadsync provision NAME --apply"],
    };
    Some(match kind {
        "https-endpoint" => Template {
            lines: &[(
                "# signing_secrets = []",
                "signing_secrets = [{ credential = \"webhook-signing\" }]",
            )],
            made: &[("webhook-signing", Made::Signing)],
            then: &[],
            ..plain
        },
        "partner-center" => Template {
            made: &[("partner-center-key", Made::Letters)],
            then: &["leadsync authorize NAME"],
            ..plain
        },
        "file" | "azure-table" => Template { then: &[], ..plain },
        _ => plain,
    })
}

/// What may be written in `[settings]` of a connector of this kind, for editors.
pub fn settings_schema(kind: &str, generator: &mut SchemaGenerator) -> Option<Schema> {
    Some(match kind {
        "azure-table" => connector_azure_table::settings_schema(generator),
        "dynamics365" => connector_dynamics365::settings_schema(generator),
        "file" => connector_file::settings_schema(generator),
        "https-endpoint" => connector_https_endpoint::settings_schema(generator),
        "marketo" => connector_marketo::settings_schema(generator),
        "partner-center" => connector_partner_center::settings_schema(generator),
        "salesforce" => connector_salesforce::settings_schema(generator),
        _ => return None,
    })
}

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
    let guess = did_you_mean(kind, KINDS);
    format!(
        "unknown kind {kind:?}, expected one of {}{guess}",
        KINDS.join(", ")
    )
}
