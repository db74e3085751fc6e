//! Metadata by the tooling API: custom fields and the stock lists of values (contract salesforce 12).

use http::Method;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::call::Call;
use super::org::{Org, Right};
use super::route::{Version, only};
use super::schema::Field;
use super::schema::field::soap_type;

/// The objects of the tooling API.
const METADATA: [&str; 2] = ["CustomField", "StandardValueSet"];

/// The stock lists that can be changed, and the fields that show them.
const VALUE_SETS: [(&str, &[(&str, &str)]); 4] = [
    (
        "LeadSource",
        &[
            ("Lead", "LeadSource"),
            ("Opportunity", "LeadSource"),
            ("Contact", "LeadSource"),
        ],
    ),
    ("LeadStatus", &[("Lead", "Status")]),
    ("Industry", &[("Lead", "Industry"), ("Account", "Industry")]),
    ("OpportunityStage", &[("Opportunity", "StageName")]),
];

/// A field somebody made.
#[derive(Clone, Debug)]
pub(super) struct CustomField {
    /// `Lead`, or `Activity` for tasks and events.
    pub(super) table: String,
    pub(super) name: String,
}

pub(super) fn is_metadata(object: &str) -> bool {
    METADATA.contains(&object)
}

/// A query that reads whole metadata has to name one of them.
pub(super) fn one_row_at_most(soql: &str, found: usize) -> Result<(), Refusal> {
    let select = soql.to_ascii_lowercase();
    let select = select.split(" from ").next().unwrap_or_default();
    if found <= 1 || !(select.contains("metadata") || select.contains("fullname")) {
        return Ok(());
    }
    let message = "When retrieving results with Metadata or FullName fields, the query qualifications must specify \
                   no more than one row for retrieval.";
    Err(Refusal::new("MALFORMED_QUERY", message))
}

impl Org {
    pub(super) fn tooling(
        &mut self,
        call: &Call,
        version: &Version,
        path: &[&str],
    ) -> Result<Answer, Refusal> {
        self.need(Right::CustomizeApplication)?;
        match path {
            ["query"] => {
                only(call, &[Method::GET])?;
                self.ask(call, version, false, true)
            }
            ["sobjects", "CustomField"] => {
                only(call, &[Method::POST])?;
                let body = call.object()?;
                let (Some(name), Some(metadata)) =
                    (body.get("FullName").and_then(Value::as_str), body.get("Metadata"))
                else {
                    let message = "Required fields are missing: [FullName, Metadata]";
                    return Err(Refusal::new("REQUIRED_FIELD_MISSING", message)
                        .on("FullName")
                        .on("Metadata"));
                };
                let id = self.make_field(name, metadata)?;
                let told = json!({ "id": id, "success": true, "errors": [], "warnings": [], "infos": [] });
                Ok(Answer::json(201, told))
            }
            ["sobjects", "CustomField", id] => self.one_custom_field(call, id),
            ["sobjects", "StandardValueSet", id] => self.one_value_set(call, id),
            _ => Err(Refusal::not_found()),
        }
    }

    fn one_custom_field(&mut self, call: &Call, id: &str) -> Result<Answer, Refusal> {
        only(call, &[Method::DELETE, Method::GET, Method::PATCH])?;
        let id = super::id::read(id).ok_or_else(Refusal::not_found)?;
        let custom = self
            .custom_fields
            .get(&id)
            .cloned()
            .ok_or_else(Refusal::not_found)?;
        match call.method {
            Method::GET => {
                let row = self.store.get("CustomField", &id).cloned().unwrap_or_default();
                Ok(Answer::json(200, Value::Object(row)))
            }
            Method::DELETE => {
                self.drop_field(&id, &custom);
                Ok(Answer::empty(204))
            }
            _ => {
                let body = call.object()?;
                let metadata = body
                    .get("Metadata")
                    .ok_or_else(|| Refusal::new("REQUIRED_FIELD_MISSING", "Metadata"))?;
                let field = custom_field(&custom.name, metadata)?;
                self.drop_field(&id, &custom);
                self.put_field(&id, &custom, &field, metadata);
                Ok(Answer::empty(204))
            }
        }
    }

    /// Makes a field nobody sees yet.
    pub(super) fn make_field(&mut self, full_name: &str, metadata: &Value) -> Result<String, Refusal> {
        let wrong = |message: &str| {
            Refusal::new("INVALID_FULL_NAME", format!("{message}: {full_name}")).on("FullName")
        };
        let (table, name) = full_name
            .split_once('.')
            .ok_or_else(|| wrong("Object and field are required"))?;
        let developer_name = name
            .strip_suffix("__c")
            .ok_or_else(|| wrong("A custom field ends with __c"))?;
        if tables_of(table)
            .iter()
            .any(|object| self.schema.object(object).is_none())
            || matches!(table, "Task" | "Event")
        {
            return Err(wrong(
                "Entity Enumeration Or ID: bad value for restricted picklist field",
            ));
        }
        let taken = |object: &&str| {
            self.schema
                .object(object)
                .is_some_and(|it| it.field(name).is_some())
        };
        if tables_of(table).iter().any(taken) {
            let message = format!("There is already a field named {developer_name} on {table}.");
            return Err(Refusal::new("DUPLICATE_DEVELOPER_NAME", message).on("DeveloperName"));
        }
        let field = custom_field(name, metadata)?;
        let id = self.store.mint("00N");
        let custom = CustomField {
            table: table.to_owned(),
            name: name.to_owned(),
        };
        self.put_field(&id, &custom, &field, metadata);
        Ok(id)
    }

    fn put_field(&mut self, id: &str, custom: &CustomField, field: &Field, metadata: &Value) {
        for object in tables_of(&custom.table) {
            self.schema.change(object, |object| object.add(field.clone()));
            if field.external_id || field.unique {
                self.store.index(object, &field.name, field.folds_case());
            }
        }
        let CustomField { table, name } = custom;
        let row = json!({
            "Id": id, "IsDeleted": false, "DeveloperName": name.trim_end_matches("__c"), "TableEnumOrId": table,
            "FullName": format!("{table}.{name}"), "NamespacePrefix": null, "Metadata": metadata,
        });
        self.store
            .put("CustomField", id, row.as_object().cloned().unwrap_or_default());
        self.custom_fields.insert(id.to_owned(), custom.clone());
        self.refresh_access();
    }

    fn drop_field(&mut self, id: &str, custom: &CustomField) {
        for object in tables_of(&custom.table) {
            self.schema.change(object, |object| object.remove(&custom.name));
        }
        let mut row = self.store.get("CustomField", id).cloned().unwrap_or_default();
        row.insert("IsDeleted".to_owned(), json!(true));
        self.store.put("CustomField", id, row);
        self.custom_fields.remove(id);
    }

    /// Writes down the stock lists, so that they can be asked for.
    pub(super) fn publish_value_sets(&mut self) {
        for (name, fields) in VALUE_SETS {
            let values = fields
                .first()
                .and_then(|(object, field)| Some(&self.schema.object(object)?.field(field)?.values));
            let values: Vec<_> = values
                .into_iter()
                .flatten()
                .map(|value| json!({ "valueName": value["value"], "label": value["label"], "default": value["defaultValue"] }))
                .collect();
            let metadata = json!({ "sorted": false, "standardValue": values });
            self.seed(
                "StandardValueSet",
                json!({ "MasterLabel": name, "FullName": name, "Metadata": metadata }),
            );
        }
    }

    fn one_value_set(&mut self, call: &Call, id: &str) -> Result<Answer, Refusal> {
        only(call, &[Method::GET, Method::PATCH])?;
        let id = super::id::read(id).ok_or_else(Refusal::not_found)?;
        let mut row = self
            .store
            .get("StandardValueSet", &id)
            .cloned()
            .ok_or_else(Refusal::not_found)?;
        if call.method == Method::GET {
            return Ok(Answer::json(200, Value::Object(row)));
        }
        let body = call.object()?;
        let metadata = body.get("Metadata").cloned().unwrap_or_default();
        let listed = metadata["standardValue"].as_array();
        let listed =
            listed.ok_or_else(|| Refusal::new("REQUIRED_FIELD_MISSING", "standardValue").on("Metadata"))?;
        let values: Vec<_> = listed
            .iter()
            .map(|it| picklist_value(it["valueName"].as_str().or(it["fullName"].as_str()), it))
            .collect::<Option<_>>()
            .ok_or_else(|| Refusal::new("INVALID_INPUT", "every value needs a valueName"))?;
        let set = VALUE_SETS
            .iter()
            .find(|(name, _)| row.get("MasterLabel") == Some(&json!(name)));
        for (object, field) in set.into_iter().flat_map(|(_, fields)| *fields) {
            self.schema.change(object, |object| {
                if let Some(field) = object.field_mut(field) {
                    field.values.clone_from(&values);
                }
            });
        }
        row.insert("Metadata".to_owned(), metadata);
        self.store.put("StandardValueSet", &id, row);
        Ok(Answer::empty(204))
    }
}

/// Fields of activities are made once, for tasks and events.
fn tables_of(table: &str) -> Vec<&str> {
    if table == "Activity" {
        vec!["Task", "Event"]
    } else {
        vec![table]
    }
}

fn picklist_value(value: Option<&str>, told: &Value) -> Option<Value> {
    let label = told["label"].as_str().or(value)?;
    let default = told["default"].as_bool().unwrap_or_default();
    Some(
        json!({ "active": told["isActive"] != json!(false), "defaultValue": default, "label": label, "value": value? }),
    )
}

/// A field from its metadata, which are written in camel case.
fn custom_field(name: &str, metadata: &Value) -> Result<Field, Refusal> {
    let missing = |what: &str| {
        let message = format!("Required field is missing: {what}");
        Refusal::new("REQUIRED_FIELD_MISSING", message).on(what)
    };
    let label = metadata["label"].as_str().ok_or_else(|| missing("label"))?;
    let number = |what: &str| metadata[what].as_u64().ok_or_else(|| missing(what));
    let flag = |what: &str| metadata[what].as_bool().unwrap_or_default();
    let kind = metadata["type"].as_str().ok_or_else(|| missing("type"))?;
    let (describe, length) = match kind {
        "Text" => ("string", at_most(number("length")?, 255)?),
        "LongTextArea" => {
            number("visibleLines")?;
            ("textarea", at_most(number("length")?, 131_072)?)
        }
        "TextArea" => ("textarea", 255),
        "Url" => ("url", 255),
        "Email" => ("email", 80),
        "Phone" => ("phone", 40),
        "Picklist" => ("picklist", 255),
        "Date" => ("date", 0),
        "DateTime" => ("datetime", 0),
        "Checkbox" => {
            metadata
                .get("defaultValue")
                .ok_or_else(|| missing("defaultValue"))?;
            ("boolean", 0)
        }
        "Number" | "Currency" | "Percent" => {
            number("precision")?;
            number("scale")?;
            (if kind == "Currency" { "currency" } else { "double" }, 0)
        }
        _ => return Err(Refusal::new("INVALID_FIELD", format!("Invalid type: {kind}")).on("type")),
    };
    if flag("externalId") && !matches!(kind, "Text" | "Number" | "Email") {
        return Err(Refusal::new(
            "FIELD_INTEGRITY_EXCEPTION",
            format!("A {kind} field cannot be an external id"),
        ));
    }
    let definition = &metadata["valueSet"]["valueSetDefinition"]["value"];
    let values = definition.as_array().into_iter().flatten();
    let values: Option<Vec<_>> = values
        .map(|it| picklist_value(it["fullName"].as_str(), it))
        .collect();
    let values = values.ok_or_else(|| missing("fullName"))?;
    Ok(Field::recorded(&json!({
        "name": name, "label": label, "type": describe, "length": length, "byteLength": length * 3,
        "precision": metadata["precision"].as_u64().unwrap_or(0), "scale": metadata["scale"].as_u64().unwrap_or(0),
        "nillable": !flag("required") && describe != "boolean", "createable": true, "updateable": true,
        "defaultedOnCreate": describe == "boolean", "externalId": flag("externalId"),
        "idLookup": flag("externalId"), "unique": flag("unique"),
        "caseSensitive": flag("externalId") && !flag("unique") || flag("caseSensitive"),
        "restrictedPicklist": metadata["valueSet"]["restricted"] == json!(true), "relationshipName": null,
        "referenceTo": [], "soapType": soap_type(describe), "custom": true, "calculated": false,
        "picklistValues": values,
    })))
}

fn at_most(length: u64, most: u64) -> Result<u64, Refusal> {
    if (1..=most).contains(&length) {
        return Ok(length);
    }
    Err(Refusal::new("INVALID_FIELD", format!("Length must be between 1 and {most}")).on("length"))
}
