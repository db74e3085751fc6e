//! Definitions of tables and keys as JSON.

use serde_json::{Map, Value, json};

use crate::dataverse::answer::Refusal;
use crate::dataverse::options::Options;
use crate::dataverse::schema::{AlternateKey, Table};

/// A definition: what its type declares, what only a cast makes selectable, and what was expanded.
pub(super) struct Defined {
    pub(super) type_name: String,
    pub(super) own: Map<String, Value>,
    /// Properties of the derived type: shown whole, selectable by a cast only.
    pub(super) derived: Map<String, Value>,
    pub(super) expanded: Map<String, Value>,
}

impl Defined {
    /// What a client gets to see of it.
    pub(super) fn select(&self, options: &Options) -> Result<Value, Refusal> {
        let mut shown = Map::new();
        match &options.select {
            None => {
                shown.extend(self.own.clone());
                shown.extend(self.derived.clone());
            }
            Some(names) => {
                for name in names.iter().map(String::as_str).chain(["MetadataId"]) {
                    let value = self.own.get(name);
                    let value = value.ok_or_else(|| Refusal::no_property(name, &self.type_name))?;
                    shown.insert(name.to_owned(), value.clone());
                }
                if let Some(kind) = self.own.get("@odata.type") {
                    shown.insert("@odata.type".to_owned(), kind.clone());
                }
            }
        }
        shown.extend(self.expanded.clone());
        Ok(Value::Object(shown))
    }

    /// Refuses a property a filter cannot ask about.
    pub(super) fn knows(&self, property: &str) -> Result<(), Refusal> {
        let first = property.split('/').next().unwrap_or_default();
        let known = self.own.contains_key(first);
        known
            .then_some(())
            .ok_or_else(|| Refusal::no_property(property, &self.type_name))
    }

    /// A value for a filter; a slash leads into it.
    pub(super) fn value(&self, name: &str) -> Value {
        let mut steps = name.split('/');
        let first = steps.next().and_then(|name| self.own.get(name));
        let value = steps.fold(first, |value, step| value.and_then(|value| value.get(step)));
        value.cloned().unwrap_or(Value::Null)
    }
}

pub(super) fn table(table: &Table) -> Defined {
    let own = json!({
        "MetadataId": table.metadata,
        "LogicalName": table.name,
        "SchemaName": table.schema,
        "EntitySetName": table.set,
        "LogicalCollectionName": table.set,
        "CollectionSchemaName": table.set,
        "PrimaryIdAttribute": table.id,
        "PrimaryNameAttribute": table.title,
        "PrimaryImageAttribute": null,
        "DisplayName": label(table.schema),
        "DisplayCollectionName": label(table.set),
        "OwnershipType": "UserOwned",
        "TableType": "Standard",
        "IsCustomEntity": false,
        "IsActivity": table.name == "task",
        "ChangeTrackingEnabled": table.tracked,
        "CanChangeTrackingBeEnabled": {
            "Value": true,
            "CanBeChanged": true,
            "ManagedPropertyLogicalName": "canchangetrackingbeenabled",
        },
    });
    Defined {
        type_name: super::TABLE_TYPE.to_owned(),
        own: members(own),
        derived: Map::new(),
        expanded: Map::new(),
    }
}

pub(super) fn key(table: &Table, key: &AlternateKey, now: i64) -> Defined {
    let own = json!({
        "MetadataId": key.metadata,
        "SchemaName": key.schema,
        "LogicalName": key.name,
        "EntityLogicalName": table.name,
        "KeyAttributes": key.columns,
        "EntityKeyIndexStatus": key.status.word(now),
        "DisplayName": label(&key.label),
        "IsManaged": false,
    });
    Defined {
        type_name: "Microsoft.Dynamics.CRM.EntityKeyMetadata".to_owned(),
        own: members(own),
        derived: Map::new(),
        expanded: Map::new(),
    }
}

pub(super) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// A text in the one language there is.
pub(super) fn label(text: &str) -> Value {
    let localized = json!({ "Label": text, "LanguageCode": 1033, "IsManaged": false });
    json!({ "LocalizedLabels": [localized], "UserLocalizedLabel": localized })
}
