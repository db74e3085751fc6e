//! Makes the custom fields that hold what Microsoft told us (contract marketo A6).

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::{ConnectorError, ErrorKind, Plan, Provisioner, Step, StepState};
use serde_json::json;

use crate::api::{Api, Schema};
use crate::lead::Records;

/// A field we make.
struct Ours {
    name: &'static str,
    display: &'static str,
    data_type: &'static str,
    description: &'static str,
}

const fn ours(
    name: &'static str,
    display: &'static str,
    data_type: &'static str,
    description: &'static str,
) -> Ours {
    Ours {
        name,
        display,
        data_type,
        description,
    }
}

const FIELDS: [Ours; 7] = [
    ours(
        "msLeadId",
        "MS Lead Id",
        "string",
        "Identifier of the marketplace lead",
    ),
    ours(
        "msActionCode",
        "MS Action Code",
        "string",
        "What the customer did in the marketplace",
    ),
    ours(
        "msOfferTitle",
        "MS Offer Title",
        "string",
        "Title of the marketplace offer",
    ),
    ours(
        "msOfferId",
        "MS Offer Id",
        "string",
        "Identifier of the marketplace offer",
    ),
    ours(
        "msLeadSource",
        "MS Lead Source",
        "string",
        "Where in the marketplace the lead came from",
    ),
    ours(
        "msReceivedAt",
        "MS Received At",
        "datetime",
        "When the customer was last seen in the marketplace",
    ),
    ours(
        "msReferralId",
        "MS Referral Id",
        "string",
        "Identifier of the Partner Center referral",
    ),
];

/// The least rights of daily work, as the role editor calls them.
pub(crate) const ROLE: [&str; 2] = ["Access API > Read-Write Lead", "Access API > Read-Only Activity"];
/// Needed to make fields, and only for that.
pub(crate) const SCHEMA_ROLE: [&str; 2] = [
    "Access API > Read-Write Schema Standard Field",
    "Access API > Read-Write Schema Custom Field",
];

/// The role.
pub(crate) struct MarketoProvisioner {
    pub(crate) api: Arc<Api>,
    pub(crate) records: Arc<Records>,
    /// Whether the mapping is the shipped one.
    pub(crate) shipped: bool,
    /// The status field, where outcomes are watched.
    pub(crate) status_field: Option<String>,
}

#[async_trait]
impl Provisioner for MarketoProvisioner {
    async fn plan(&self) -> Result<Plan, ConnectorError> {
        let schema = self.api.describe().await.map_err(|refusal| refusal.error)?;
        let names = self.names();
        let is_missing = |name: &&String| schema.field(name).is_none();
        let may_make = match names.iter().find(is_missing) {
            Some(_) => self
                .api
                .may_make_fields()
                .await
                .map_err(|refusal| refusal.error)?,
            None => true,
        };
        Ok(Plan {
            steps: names.iter().map(|name| step(name, &schema, may_make)).collect(),
            role: ROLE.iter().map(ToString::to_string).collect(),
        })
    }

    async fn apply(&self, step: &Step) -> Result<(), ConnectorError> {
        let field = FIELDS.iter().find(|field| step.id == id(field.name));
        let Some(field) = field else {
            return Err(ConnectorError::new(
                ErrorKind::Misconfigured,
                format!("do {}: this is not ours to make", step.id),
            ));
        };
        let wish = json!({
            "displayName": field.display, "name": field.name, "description": field.description,
            "dataType": field.data_type,
        });
        let made = self
            .api
            .create_field(&wish)
            .await
            .map_err(|refusal| refusal.error)?;
        let Err(complaint) = made else { return Ok(()) };
        // Somebody else may have made it in the meantime.
        let schema = self.api.describe().await.map_err(|refusal| refusal.error)?;
        match schema.field(field.name) {
            Some(_) => Ok(()),
            None => Err(self.api.wire.record_refused(complaint).hint(format!(
                "create the field {} by hand: Admin, Field Management, New Custom Field",
                field.name
            ))),
        }
    }
}

impl MarketoProvisioner {
    /// Ours, and whatever else the config names.
    fn names(&self) -> Vec<String> {
        let config: BTreeSet<&str> = self
            .records
            .targets()
            .chain(self.status_field.as_deref())
            .collect();
        let ours = FIELDS.iter().map(|field| field.name);
        let wanted = ours.filter(|name| self.shipped || config.contains(name));
        let others = config.iter().copied().filter(|name| !is_ours(name));
        wanted.chain(others).map(str::to_owned).collect()
    }
}

fn is_ours(name: &str) -> bool {
    FIELDS.iter().any(|field| field.name == name)
}

fn id(name: &str) -> String {
    format!("field {name}")
}

fn step(name: &str, schema: &Schema, may_make: bool) -> Step {
    let field = FIELDS.iter().find(|field| field.name == name);
    let what = match field {
        Some(field) => format!("custom field {name}, {}: {}", field.data_type, field.description),
        None => format!("field {name}, named in the config"),
    };
    let state = match (schema.field(name), field) {
        (Some(_), _) => StepState::Present,
        (None, Some(_)) if may_make => StepState::Missing,
        (None, Some(field)) => StepState::ByHand(format!(
            "Admin, Field Management, New Custom Field: name {:?}, API name {name}, type {}; or give the role {}",
            field.display,
            field.data_type,
            SCHEMA_ROLE.join(" and ")
        )),
        (None, None) => StepState::ByHand(
            "the instance has no such field: correct the config, or make it in Admin, Field Management"
                .to_owned(),
        ),
    };
    Step {
        id: id(name),
        what,
        state,
    }
}
