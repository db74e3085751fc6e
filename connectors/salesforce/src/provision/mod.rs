//! Makes an organisation ready for leads (contract salesforce 12): the key, the columns, and the least
//! rights that do.

mod field;
mod rights;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::mapping::{FieldRule, ValueKind};
use connector_kit::{ConnectorError, ConnectorSettings, ErrorKind, Plan, Provisioner, Role, Step, StepState};
use serde_json::{Value, json};

use crate::api::Api;
use crate::config::{self, Column, OnConverted, Settings};
use crate::connection::Failure;
use crate::describe::Describe;
use crate::mapping::Shape;
use crate::soql::literal;

/// The fields no permission set may name: they belong to everybody who sees the object.
const FOR_EVERYBODY: [&str; 6] = ["lastname", "firstname", "salutation", "name", "company", "status"];
/// The fields a permission set knows as one.
const ADDRESS: [&str; 7] = [
    "street",
    "city",
    "state",
    "statecode",
    "postalcode",
    "country",
    "countrycode",
];

/// The role.
pub(crate) struct Provision {
    api: Arc<Api>,
    shape: Arc<Shape>,
    own: config::Provision,
    on_converted: OnConverted,
    roles: Vec<Role>,
}

/// What was found there.
struct Sight {
    lead: Describe,
    user: Option<String>,
    set: Option<String>,
    /// Custom fields of Lead by developer name; none when we may not look.
    fields: Option<BTreeSet<String>>,
    /// Fields the set lets write.
    granted: BTreeSet<String>,
    /// Objects the set gives rights on.
    objects: BTreeSet<String>,
    is_assigned: bool,
}

impl Provision {
    pub(crate) fn new(
        api: &Arc<Api>,
        shape: &Arc<Shape>,
        settings: &Settings,
        written: &ConnectorSettings,
    ) -> Self {
        Self {
            api: Arc::clone(api),
            shape: Arc::clone(shape),
            own: settings.provision.clone(),
            on_converted: settings.on_converted,
            roles: written.roles.clone(),
        }
    }

    /// The custom fields leads are written to, key first, and what each is made of.
    fn columns(&self) -> Vec<(String, Column)> {
        let rule = |name: &str| self.shape.rules.get(name);
        let type_of = |name: &str| {
            let own = self.own.columns.get(name).copied();
            own.or_else(|| rule(name).map(column))
                .unwrap_or(Column::Text(255))
        };
        let custom = self.shape.rules.keys().filter(|name| name.ends_with("__c"));
        let columns = custom.map(|name| (name.clone(), type_of(name)));
        std::iter::once((self.shape.key_field.clone(), Column::Text(80)))
            .chain(columns)
            .collect()
    }

    /// Every field leads are written to and the name a permission set has for it, if it has one.
    fn written_fields(&self) -> Vec<(String, String)> {
        let names = [&self.shape.key_field]
            .into_iter()
            .chain(self.shape.rules.keys())
            .chain(self.shape.flags());
        let mut fields: Vec<(String, String)> = Vec::new();
        for name in names {
            let lower = name.to_lowercase();
            let right = if ADDRESS.contains(&lower.as_str()) {
                "Address"
            } else {
                name
            };
            let is_new = fields.iter().all(|(_, known)| known != right);
            if is_new && !FOR_EVERYBODY.contains(&lower.as_str()) {
                fields.push((name.clone(), right.to_owned()));
            }
        }
        fields
    }

    async fn look(&self) -> Result<Sight, ConnectorError> {
        let user = self.api.pass().await?.user;
        let set_name = literal(&self.own.permission_set);
        let lead = self.api.describe("Lead").await?;
        let set = self
            .ids(&format!("SELECT Id FROM PermissionSet WHERE Name = {set_name}"))
            .await?;
        let set = set.into_iter().next();
        let mut sight = Sight {
            lead,
            fields: self.custom_fields().await?,
            granted: BTreeSet::new(),
            objects: BTreeSet::new(),
            is_assigned: false,
            user,
            set,
        };
        if let Some(set) = &sight.set {
            let parent = literal(set);
            let soql = format!(
                "SELECT Field FROM FieldPermissions WHERE ParentId = {parent} AND SobjectType = 'Lead' AND PermissionsEdit = true"
            );
            sight.granted = self.values(&soql, "Field").await?.into_iter().collect();
            let soql = format!("SELECT SobjectType FROM ObjectPermissions WHERE ParentId = {parent}");
            sight.objects = self.values(&soql, "SobjectType").await?.into_iter().collect();
            if let Some(user) = &sight.user {
                let soql = format!(
                    "SELECT Id FROM PermissionSetAssignment WHERE AssigneeId = {} AND PermissionSetId = {parent}",
                    literal(user)
                );
                sight.is_assigned = !self.ids(&soql).await?.is_empty();
            }
        }
        Ok(sight)
    }

    /// A description alone is no proof: a field may be there and hidden (contract salesforce 0.12).
    async fn custom_fields(&self) -> Result<Option<BTreeSet<String>>, ConnectorError> {
        let soql = "SELECT Id, DeveloperName FROM CustomField WHERE TableEnumOrId = 'Lead'";
        match self
            .api
            .query_tooling::<Value>(soql, "look up custom fields")
            .await
        {
            Ok(page) => {
                let names = page
                    .records
                    .iter()
                    .filter_map(|field| field.get("DeveloperName")?.as_str());
                Ok(Some(names.map(str::to_owned).collect()))
            }
            Err(failure) => match failure.error.kind() {
                ErrorKind::Unauthorized | ErrorKind::Misconfigured | ErrorKind::Rejected => Ok(None),
                _ => Err(failure.into()),
            },
        }
    }

    async fn ids(&self, soql: &str) -> Result<Vec<String>, ConnectorError> {
        self.values(soql, "Id").await
    }

    async fn values(&self, soql: &str, name: &str) -> Result<Vec<String>, ConnectorError> {
        let page = self
            .api
            .query::<Value>(soql, "look up rights")
            .await
            .map_err(no_rights)?;
        let values = page
            .records
            .iter()
            .filter_map(|record| record.get(name)?.as_str());
        Ok(values.map(str::to_owned).collect())
    }

    /// Values of restricted picklists are a person's business.
    fn picklists(&self, lead: &Describe) -> Vec<Step> {
        let listed = self
            .shape
            .rules
            .keys()
            .filter_map(|name| lead.field(name))
            .filter(|field| field.restricted_picklist);
        listed
            .map(|field| {
                let values = self.shape.known_values(&field.name);
                let missing: Vec<&str> = values
                    .iter()
                    .filter(|value| !field.takes(value))
                    .map(String::as_str)
                    .collect();
                let state = if missing.is_empty() {
                    StepState::Present
                } else {
                    StepState::ByHand(format!(
                        "in Setup, Object Manager, Lead, Fields, {}: add the values {}",
                        field.name,
                        missing.join(", ")
                    ))
                };
                Step {
                    id: format!("values Lead.{}", field.name),
                    what: format!("values of the restricted picklist Lead.{}", field.name),
                    state,
                }
            })
            .collect()
    }
}

#[async_trait]
impl Provisioner for Provision {
    async fn plan(&self) -> Result<Plan, ConnectorError> {
        let sight = self.look().await?;
        let mut steps = self.field_steps(&sight);
        steps.extend(self.rights_steps(&sight));
        steps.extend(self.picklists(&sight.lead));
        Ok(Plan {
            steps,
            role: self.role(),
        })
    }

    async fn apply(&self, step: &Step) -> Result<(), ConnectorError> {
        let (verb, name) = step.id.split_once(' ').unwrap_or((&step.id, ""));
        let name = name.strip_prefix("Lead.").unwrap_or(name);
        match verb {
            "field" => self.make_field(name).await,
            "permission-set" => self.make_set().await,
            "object" => self.grant_object(name).await,
            "access" => self.grant_field(name).await,
            "assignment" => self.assign().await,
            _ => Err(ConnectorError::new(
                ErrorKind::Misconfigured,
                format!("provision {}: this is done by hand", step.id),
            )),
        }
    }
}

impl Provision {
    async fn create(&self, path: &str, record: &Value, doing: &str) -> Result<(), ConnectorError> {
        match self.api.create_setup(path, record, doing).await {
            Ok(()) => Ok(()),
            // Somebody was faster, or an answer of ours got lost.
            Err(failure) if failure.is("DUPLICATE_DEVELOPER_NAME") || failure.is("DUPLICATE_VALUE") => Ok(()),
            Err(failure) => Err(no_rights(failure)),
        }
    }

    async fn set(&self) -> Result<String, ConnectorError> {
        let soql = format!(
            "SELECT Id FROM PermissionSet WHERE Name = {}",
            literal(&self.own.permission_set)
        );
        self.ids(&soql).await?.into_iter().next().ok_or_else(|| {
            let text = format!(
                "provision: there is no permission set {}",
                self.own.permission_set
            );
            ConnectorError::new(ErrorKind::Misconfigured, text)
        })
    }

    async fn make_set(&self) -> Result<(), ConnectorError> {
        let set =
            json!({ "Name": self.own.permission_set, "Label": self.own.permission_set.replace('_', " ") });
        self.create("/sobjects/PermissionSet", &set, "make the permission set")
            .await
    }
}

/// What a field is made of where the operator does not say: what its rule gives. An amount is a number of no
/// currency, since a currency field would be in that of the record.
fn column(rule: &FieldRule) -> Column {
    match rule.value_kind() {
        ValueKind::Text if rule.max_length.unwrap_or(255) > 255 => Column::LongTextArea(32_768),
        ValueKind::Text => Column::Text(255),
        ValueKind::Whole => Column::Number(18, 0),
        ValueKind::Decimal => Column::Number(18, 2),
        ValueKind::Flag => Column::Checkbox,
        ValueKind::Moment => Column::DateTime,
        ValueKind::Day => Column::Date,
    }
}

fn no_rights(failure: Failure) -> ConnectorError {
    match failure.error.kind() {
        ErrorKind::Unauthorized | ErrorKind::Misconfigured => ConnectorError::from(failure).hint(
            "provision needs View Setup and Configuration, Customize Application and Manage Profiles and \
             Permission Sets: lend them to the integration user for this, or do the plan by hand",
        ),
        _ => failure.into(),
    }
}
