//! Definitions of columns: a base type for all, a derived one for each kind.

use serde_json::{Map, Value, json};

use super::definition::{Defined, label, members};
use crate::dataverse::answer::Refusal;
use crate::dataverse::options::Options;
use crate::dataverse::schema::{Access, Column, Kind, Table};

const PREFIX: &str = "Microsoft.Dynamics.CRM.";
const BASE: &str = "Microsoft.Dynamics.CRM.AttributeMetadata";

/// A column, cast where asked; none when it is of another type than the cast wants.
pub(super) fn shown(
    table: &Table,
    column: &Column,
    cast: Option<&str>,
    options: &Options,
) -> Result<Option<Defined>, Refusal> {
    let mut defined = defined(table, column);
    let Some(cast) = cast else {
        return match options.expand.first() {
            Some(expand) => Err(Refusal::no_property(&expand.name, BASE)),
            None => Ok(Some(defined)),
        };
    };
    if !cast.starts_with(PREFIX) || !cast.ends_with("AttributeMetadata") {
        return Err(Refusal::no_resource(cast));
    }
    if format!("#{cast}") != defined.own["@odata.type"] {
        return Ok(None);
    }
    let derived = std::mem::take(&mut defined.derived);
    defined.own.extend(derived);
    cast.clone_into(&mut defined.type_name);
    for expand in &options.expand {
        let set = match expand.name.as_str() {
            "OptionSet" => option_set(table, column),
            "GlobalOptionSet" => Some(Value::Null),
            _ => None,
        };
        let set = set.ok_or_else(|| Refusal::no_property(&expand.name, cast))?;
        let set = selected(set, expand.inner.select.as_deref());
        defined.expanded.insert(expand.name.clone(), set);
    }
    Ok(Some(defined))
}

pub(super) fn defined(table: &Table, column: &Column) -> Defined {
    let (kind, word, derived) = kind_of(column);
    let own = json!({
        "@odata.type": format!("#{PREFIX}{kind}AttributeMetadata"),
        "MetadataId": column.metadata,
        "LogicalName": column.name,
        "SchemaName": column.schema,
        "EntityLogicalName": table.name,
        "AttributeType": word,
        "AttributeTypeName": { "Value": format!("{word}Type") },
        "DisplayName": label(&column.label),
        "RequiredLevel": { "Value": "None", "CanBeChanged": true },
        "IsPrimaryId": column.name == table.id,
        "IsPrimaryName": column.name == table.title,
        "IsCustomAttribute": column.custom,
        "IsSecured": false,
        "IsValidForRead": column.name != "authvalue",
        "IsValidForCreate": column.access != Access::System,
        "IsValidForUpdate": column.access == Access::Free,
    });
    Defined {
        type_name: BASE.to_owned(),
        own: members(own),
        derived: members(derived),
        expanded: Map::new(),
    }
}

/// The name of the derived type, the word of the base type, and what the derived type adds.
fn kind_of(column: &Column) -> (&'static str, &'static str, Value) {
    match &column.kind {
        Kind::Id => ("UniqueIdentifier", "Uniqueidentifier", json!({})),
        Kind::Text(most) => (
            "String",
            "String",
            json!({ "MaxLength": most, "FormatName": { "Value": "Text" } }),
        ),
        Kind::Memo(most) => ("Memo", "Memo", json!({ "MaxLength": most })),
        Kind::Choice(_) => ("Picklist", "Picklist", json!({ "DefaultFormValue": -1 })),
        Kind::State => ("State", "State", json!({})),
        Kind::Status => ("Status", "Status", json!({})),
        Kind::Boolean => ("Boolean", "Boolean", json!({ "DefaultValue": false })),
        Kind::Integer(least, most) => (
            "Integer",
            "Integer",
            json!({ "MinValue": least, "MaxValue": most }),
        ),
        Kind::Double(least, most) => (
            "Double",
            "Double",
            json!({ "MinValue": least, "MaxValue": most, "Precision": 2 }),
        ),
        Kind::Decimal(least, most) => (
            "Decimal",
            "Decimal",
            json!({ "MinValue": least, "MaxValue": most, "Precision": 2 }),
        ),
        Kind::Money(least, most) => (
            "Money",
            "Money",
            json!({ "MinValue": least, "MaxValue": most, "PrecisionSource": 2 }),
        ),
        Kind::Date => ("DateTime", "DateTime", json!({ "Format": "DateOnly" })),
        Kind::Moment => ("DateTime", "DateTime", json!({ "Format": "DateAndTime" })),
        Kind::Lookup(ways) => {
            let targets: Vec<&str> = ways.iter().flat_map(|way| way.tables).copied().collect();
            ("Lookup", "Lookup", json!({ "Targets": targets }))
        }
        Kind::Version => ("BigInt", "BigInt", json!({})),
    }
}

fn option_set(table: &Table, column: &Column) -> Option<Value> {
    let option = |code: i64, word: &str| json!({ "Value": code, "Label": label(word), "IsManaged": false });
    let options: Vec<Value> = match &column.kind {
        Kind::Choice(options) => options.iter().map(|(code, word)| option(*code, word)).collect(),
        Kind::State => {
            let states = table.states.iter();
            states.map(|state| option(state.code, state.name)).collect()
        }
        Kind::Status => {
            let states = table.states.iter();
            let reasons = states.flat_map(|state| state.reasons.iter().map(move |reason| (state, reason)));
            reasons
                .map(|(state, (code, word))| {
                    let mut option = option(*code, word);
                    option["State"] = state.code.into();
                    option
                })
                .collect()
        }
        Kind::Boolean => {
            let (no, yes) = (option(0, "No"), option(1, "Yes"));
            let id = &column.metadata;
            return Some(json!({ "MetadataId": id, "FalseOption": no, "TrueOption": yes }));
        }
        _ => return None,
    };
    Some(json!({
        "MetadataId": column.metadata,
        "Name": format!("{}_{}", table.name, column.name),
        "IsGlobal": false,
        "Options": options,
    }))
}

fn selected(set: Value, names: Option<&[String]>) -> Value {
    match (set, names) {
        (Value::Object(mut members), Some(names)) => {
            members.retain(|name, _| name == "MetadataId" || names.contains(name));
            Value::Object(members)
        }
        (set, _) => set,
    }
}
