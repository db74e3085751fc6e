//! Objects and their fields: recorded describes, stock objects, and what provisioning added.

pub(super) mod field;
mod stock;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value, json};

pub(super) use field::Field;

/// An object and its fields.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) fields: Vec<Field>,
    places: HashMap<String, usize>,
}

/// Every object of the org, by its name in lower case.
pub(super) struct Schema(BTreeMap<String, Arc<Object>>);

impl Object {
    fn new(name: &str, prefix: &str, fields: Vec<Field>) -> Self {
        let mut object = Self {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            fields: Vec::new(),
            places: HashMap::new(),
        };
        for field in fields {
            object.add(field);
        }
        object
    }

    /// The field of this name; letter case makes no difference.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        let place = self
            .places
            .get(name)
            .or_else(|| self.places.get(&name.to_ascii_lowercase()))?;
        Some(&self.fields[*place])
    }

    pub(super) fn field_mut(&mut self, name: &str) -> Option<&mut Field> {
        let place = self.places.get(&name.to_ascii_lowercase())?;
        self.fields.get_mut(*place)
    }

    /// The reference field whose parent record goes by this name.
    pub(super) fn relationship(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| {
            let relationship = field.relationship.as_deref();
            relationship.is_some_and(|it| it.eq_ignore_ascii_case(name))
        })
    }

    pub(super) fn add(&mut self, field: Field) {
        let place = self.fields.len();
        self.places.insert(field.name.to_ascii_lowercase(), place);
        self.places.insert(field.name.clone(), place);
        self.fields.push(field);
    }

    pub(super) fn remove(&mut self, name: &str) {
        let fields = std::mem::take(&mut self.fields);
        self.places.clear();
        for field in fields.into_iter().filter(|field| field.name != name) {
            self.add(field);
        }
    }

    pub(super) fn resize(&mut self, field: &str, length: usize) {
        if let Some(field) = self.field_mut(field) {
            field.resize(length);
        }
    }

    /// What `describe` tells a user who sees the fields that are readable at `now`.
    pub(super) fn describe(&self, version: &str, now: i64) -> Value {
        let fields: Vec<_> = self
            .fields
            .iter()
            .filter(|field| field.is_readable(now))
            .map(|field| field.describe(now))
            .collect();
        let base = format!("/services/data/{version}/sobjects/{}", self.name);
        let mut about = self.about(version);
        about["fields"] = json!(fields);
        about["childRelationships"] = json!([]);
        about["recordTypeInfos"] = json!([]);
        about["urls"]["describe"] = json!(format!("{base}/describe"));
        about
    }

    /// What the list of objects tells of it.
    pub(super) fn about(&self, version: &str) -> Value {
        let base = format!("/services/data/{version}/sobjects/{}", self.name);
        json!({
            "activateable": false, "createable": true, "custom": false, "customSetting": false,
            "deletable": true, "deprecatedAndHidden": false, "feedEnabled": false,
            "hasSubtypes": false, "isSubtype": false, "keyPrefix": self.prefix,
            "label": self.name, "labelPlural": format!("{}s", self.name), "layoutable": true,
            "mergeable": matches!(self.name.as_str(), "Lead" | "Contact" | "Account"),
            "mruEnabled": true, "name": self.name, "queryable": true, "replicateable": true,
            "retrieveable": true, "searchable": true, "triggerable": true, "undeletable": true,
            "updateable": true,
            "urls": { "sobject": base, "rowTemplate": format!("{base}/{{ID}}") },
        })
    }
}

impl Schema {
    /// The objects of a new org.
    pub(super) fn stock() -> Self {
        let recorded = [
            include_str!("../../../../fixtures/salesforce/schema/lead-describe-min.json"),
            include_str!("../../../../fixtures/salesforce/schema/opportunity-describe-min.json"),
        ];
        let mut objects: Vec<_> = recorded.into_iter().filter_map(recorded_object).collect();
        objects.extend(stock::objects());
        let mut schema = Self(BTreeMap::new());
        for object in objects {
            schema
                .0
                .insert(object.name.to_ascii_lowercase(), Arc::new(object));
        }
        // They exist in every org; the recorded user did not see them.
        for field in stock::hidden_lead_fields() {
            schema.change("Lead", |lead| lead.add(field));
        }
        schema
    }

    pub(super) fn object(&self, name: &str) -> Option<&Arc<Object>> {
        self.0.get(&name.to_ascii_lowercase())
    }

    pub(super) fn with_prefix(&self, prefix: &str) -> Option<&Arc<Object>> {
        self.0.values().find(|object| object.prefix == prefix)
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.0.values()
    }

    pub(super) fn change(&mut self, name: &str, change: impl FnOnce(&mut Object)) {
        if let Some(object) = self.0.get_mut(&name.to_ascii_lowercase()) {
            change(Arc::make_mut(object));
        }
    }
}

fn recorded_object(text: &str) -> Option<Object> {
    let recorded: Map<String, Value> = serde_json::from_str(text).ok()?;
    let fields = recorded["fields"]
        .as_array()?
        .iter()
        .map(Field::recorded)
        .collect();
    Some(Object::new(
        recorded["name"].as_str()?,
        recorded["keyPrefix"].as_str()?,
        fields,
    ))
}
