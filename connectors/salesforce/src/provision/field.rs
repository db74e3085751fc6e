//! Custom fields of Lead: the key, and what the mapping names.

use connector_kit::{ConnectorError, Step, StepState};
use serde_json::{Value, json};

use super::{Provision, Sight};
use crate::config::Column;

impl Provision {
    pub(super) fn field_steps(&self, sight: &Sight) -> Vec<Step> {
        let columns = self.columns().into_iter();
        let steps = columns.map(|(name, column)| Step {
            id: format!("field Lead.{name}"),
            what: self.what(&name, column),
            state: self.field_state(sight, &name),
        });
        steps.collect()
    }

    fn is_key(&self, name: &str) -> bool {
        name == self.shape.key_field
    }

    fn what(&self, name: &str, column: Column) -> String {
        let kind = if self.is_key(name) {
            ", unique external id"
        } else {
            ""
        };
        format!("custom field Lead.{name}, {column:?}{kind}")
    }

    fn field_state(&self, sight: &Sight, name: &str) -> StepState {
        let developer_name = name.strip_suffix("__c");
        let is_there = sight
            .fields
            .as_ref()
            .is_some_and(|fields| developer_name.is_some_and(|name| fields.contains(name)));
        match (sight.lead.field(name), developer_name) {
            (Some(field), _) if self.is_key(name) && !(field.external_id && field.unique) => {
                StepState::ByHand(format!(
                    "in Setup, Object Manager, Lead, Fields, {name}: tick External ID and Unique"
                ))
            }
            (Some(_), _) => StepState::Present,
            // There, and hidden: the rights below show it.
            (None, Some(_)) if is_there => StepState::Present,
            (None, Some(_)) if sight.fields.is_some() => StepState::Missing,
            (None, _) => StepState::ByHand(format!(
                "we may not look at custom fields: in Setup, Object Manager, Lead, Fields, make {name}{}, or give \
                 the integration user View Setup and Configuration and Customize Application for this",
                if self.is_key(name) {
                    " as Text(80), External ID, Unique"
                } else {
                    ""
                }
            )),
        }
    }

    pub(super) async fn make_field(&self, name: &str) -> Result<(), ConnectorError> {
        let column = self.columns().into_iter().find(|(column, _)| column == name);
        let column = column.map_or(Column::Text(255), |(_, column)| column);
        let label = name.strip_suffix("__c").unwrap_or(name).replace('_', " ");
        let mut metadata = described(column);
        metadata["label"] = label.into();
        metadata["required"] = false.into();
        metadata["description"] = "Written by leadsync".into();
        if self.is_key(name) {
            metadata["externalId"] = true.into();
            metadata["unique"] = true.into();
            metadata["caseSensitive"] = true.into();
            metadata["description"] = "The id of the lead in leadsync: its key. Do not change.".into();
        }
        let field = json!({ "FullName": format!("Lead.{name}"), "Metadata": metadata });
        let doing = format!("make field {name}");
        self.create("/tooling/sobjects/CustomField", &field, &doing).await
    }
}

fn described(column: Column) -> Value {
    match column {
        Column::Text(length) => json!({ "type": "Text", "length": length }),
        Column::LongTextArea(length) => {
            json!({ "type": "LongTextArea", "length": length, "visibleLines": 5 })
        }
        Column::Number(precision, scale) => {
            json!({ "type": "Number", "precision": precision, "scale": scale })
        }
        Column::Checkbox => json!({ "type": "Checkbox", "defaultValue": "false" }),
        Column::DateTime => json!({ "type": "DateTime" }),
        Column::Date => json!({ "type": "Date" }),
        Column::Url => json!({ "type": "Url" }),
    }
}
