//! A field: what it takes, and who may see it.

use serde_json::{Map, Value, json};

/// What a describe says of a field, and no field here is.
const UNTRUE: &[&str] = &[
    "aiPredictionField",
    "autoNumber",
    "cascadeDelete",
    "dependentPicklist",
    "deprecatedAndHidden",
    "displayLocationInDecimal",
    "encrypted",
    "formulaTreatNullNumberAsZero",
    "highScaleNumber",
    "htmlFormatted",
    "namePointing",
    "queryByDistance",
    "restrictedDelete",
    "searchPrefilterable",
    "writeRequiresMasterRead",
];

/// What a describe says of a field, and no field here has.
const UNKNOWN: &[&str] = &[
    "calculatedFormula",
    "compoundFieldName",
    "controllerName",
    "defaultValue",
    "defaultValueFormula",
    "extraTypeInfo",
    "filteredLookupInfo",
    "inlineHelpText",
    "mask",
    "maskType",
    "referenceTargetField",
    "relationshipOrder",
];

/// From which second on a user may do something; `None` is never.
pub(in super::super) type Since = Option<i64>;

/// A field of an object.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the flags of a describe, one by one"
)]
pub(in super::super) struct Field {
    pub(in super::super) name: String,
    pub(in super::super) label: String,
    pub(in super::super) kind: String,
    pub(in super::super) length: usize,
    pub(in super::super) nillable: bool,
    pub(in super::super) createable: bool,
    pub(in super::super) updateable: bool,
    pub(in super::super) defaulted: bool,
    pub(in super::super) external_id: bool,
    pub(in super::super) unique: bool,
    pub(in super::super) case_sensitive: bool,
    pub(in super::super) restricted: bool,
    pub(in super::super) relationship: Option<String>,
    pub(in super::super) targets: Vec<String>,
    pub(in super::super) values: Vec<Value>,
    /// Whether only a permission set opens it.
    pub(in super::super) guarded: bool,
    pub(in super::super) readable: Since,
    pub(in super::super) editable: Since,
    /// What a describe says of it beyond the above.
    recorded: Value,
}

impl Field {
    /// A field as a describe has it.
    pub(in super::super) fn recorded(recorded: &Value) -> Self {
        let text = |key: &str| recorded[key].as_str().unwrap_or_default().to_owned();
        let flag = |key: &str| recorded[key].as_bool().unwrap_or_default();
        let list = |key: &str| recorded[key].as_array().cloned().unwrap_or_default();
        let targets = list("referenceTo");
        Self {
            name: text("name"),
            label: text("label"),
            kind: text("type"),
            length: recorded["length"]
                .as_u64()
                .map_or(0, |length| usize::try_from(length).unwrap_or(0)),
            nillable: flag("nillable"),
            createable: flag("createable"),
            updateable: flag("updateable"),
            defaulted: flag("defaultedOnCreate"),
            external_id: flag("externalId"),
            unique: flag("unique"),
            case_sensitive: flag("caseSensitive"),
            restricted: flag("restrictedPicklist"),
            relationship: recorded["relationshipName"].as_str().map(str::to_owned),
            targets: targets
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            values: list("picklistValues"),
            guarded: flag("custom"),
            readable: Some(i64::MIN).filter(|_| !flag("custom")),
            editable: Some(i64::MIN).filter(|_| !flag("custom")),
            recorded: recorded.clone(),
        }
    }

    pub(in super::super) fn is_readable(&self, now: i64) -> bool {
        self.readable.is_some_and(|since| since <= now)
    }

    pub(in super::super) fn is_editable(&self, now: i64) -> bool {
        self.editable.is_some_and(|since| since <= now)
    }

    /// Whether a record cannot be made without a value for it.
    pub(in super::super) fn is_required(&self) -> bool {
        !self.nillable && self.createable && !self.defaulted && self.kind != "boolean"
    }

    /// Whether its text matters to the letter: only a unique field that says so, or an external id that is not unique.
    pub(in super::super) fn folds_case(&self) -> bool {
        self.unique && !self.case_sensitive
    }

    /// Whether an active value of its list is this one.
    pub(in super::super) fn lists(&self, value: &str) -> bool {
        self.values
            .iter()
            .any(|it| it["active"] != json!(false) && it["value"] == json!(value))
    }

    /// The value a new record gets.
    pub(in super::super) fn default_value(&self) -> Option<Value> {
        if self.kind == "boolean" {
            return Some(json!(false));
        }
        let chosen = self.values.iter().find(|it| it["defaultValue"] == json!(true))?;
        Some(chosen["value"].clone())
    }

    pub(super) fn resize(&mut self, length: usize) {
        self.length = length;
        self.recorded["length"] = json!(length);
        self.recorded["byteLength"] = json!(length * 3);
    }

    pub(in super::super) fn describe(&self, now: i64) -> Value {
        let editable = self.is_editable(now);
        let mut told = self.unrecorded();
        let recorded = self.recorded.as_object().into_iter().flatten();
        told.extend(recorded.map(|(key, value)| (key.clone(), value.clone())));
        told.insert("createable".to_owned(), json!(self.createable && editable));
        told.insert("updateable".to_owned(), json!(self.updateable && editable));
        told.insert("restrictedPicklist".to_owned(), json!(self.restricted));
        told.insert("picklistValues".to_owned(), json!(self.values));
        Value::Object(told)
    }

    /// What a whole describe has besides; clients with types want all of it.
    fn unrecorded(&self) -> Map<String, Value> {
        let is_long = self.kind == "textarea" && self.length > 255;
        let mut told = Map::new();
        for key in ["aggregatable", "filterable", "groupable", "sortable"] {
            told.insert(key.to_owned(), json!(!is_long));
        }
        for key in UNTRUE {
            told.insert((*key).to_owned(), json!(false));
        }
        for key in UNKNOWN {
            told.insert((*key).to_owned(), Value::Null);
        }
        told.insert("digits".to_owned(), json!(0));
        told.insert("nameField".to_owned(), json!(self.name == "Name"));
        told.insert("permissionable".to_owned(), json!(self.guarded));
        told.insert("polymorphicForeignKey".to_owned(), json!(self.targets.len() > 1));
        told
    }
}

/// `ConvertedOpportunityId` as people read it.
pub(super) fn spaced(name: &str) -> String {
    let mut label = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !label.is_empty() {
            label.push(' ');
        }
        label.push(letter);
    }
    label
}

/// The type of a field as XML schema calls it.
pub(in super::super) fn soap_type(kind: &str) -> &'static str {
    match kind {
        "id" | "reference" => "tns:ID",
        "boolean" => "xsd:boolean",
        "int" => "xsd:int",
        "double" | "currency" | "percent" => "xsd:double",
        "date" => "xsd:date",
        "datetime" => "xsd:dateTime",
        _ => "xsd:string",
    }
}
