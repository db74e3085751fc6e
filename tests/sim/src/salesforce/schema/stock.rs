//! The stock objects nobody recorded, reduced to what a connector meets.
//!
//! A line is a field: name, type, length, then letters for what may be done with it
//! (`c`reate, `u`pdate, `r`equired, `d`efaulted, `i`ndexed as unique), then relationship and targets.

use serde_json::{Value, json};

use super::field::{soap_type, spaced};
use super::{Field, Object};

const SYSTEM: &str = "
Id id 18 rd
IsDeleted boolean 0 rd
CreatedDate datetime 0 rd
CreatedById reference 18 rd CreatedBy User
LastModifiedDate datetime 0 rd
LastModifiedById reference 18 rd LastModifiedBy User
SystemModstamp datetime 0 rd
";

const OBJECTS: &[(&str, &str, &str)] = &[
    (
        "Account",
        "001",
        "
MasterRecordId reference 18 - MasterRecord Account
Name string 255 cur
Phone phone 40 cu
Website url 255 cu
Industry picklist 255 cu
BillingStreet textarea 255 cu
BillingCity string 40 cu
BillingState string 80 cu
BillingPostalCode string 20 cu
BillingCountry string 80 cu
Description textarea 32000 cu
OwnerId reference 18 curd Owner User
",
    ),
    (
        "Contact",
        "003",
        "
MasterRecordId reference 18 - MasterRecord Contact
AccountId reference 18 cu Account Account
LastName string 80 cur
FirstName string 40 cu
Name string 121 -
Title string 128 cu
Email email 80 cu
Phone phone 40 cu
MobilePhone phone 40 cu
HasOptedOutOfEmail boolean 0 curd
DoNotCall boolean 0 curd
Description textarea 32000 cu
LeadSource picklist 255 cu
OwnerId reference 18 curd Owner User
",
    ),
    (
        "Task",
        "00T",
        "
WhoId reference 18 cu Who Contact,Lead
WhatId reference 18 cu What Account,Opportunity
Subject combobox 255 cu
ActivityDate date 0 cu
Status picklist 255 curd
Priority picklist 255 curd
Description textarea 32000 cu
IsClosed boolean 0 rd
OwnerId reference 18 curd Owner User
",
    ),
    (
        "Event",
        "00U",
        "
WhoId reference 18 cu Who Contact,Lead
WhatId reference 18 cu What Account,Opportunity
Subject combobox 255 cu
StartDateTime datetime 0 cu
EndDateTime datetime 0 cu
DurationInMinutes int 0 cu
Description textarea 32000 cu
OwnerId reference 18 curd Owner User
",
    ),
    (
        "Note",
        "002",
        "
ParentId reference 18 cr Parent Account,Contact,Lead,Opportunity
Title string 80 cur
Body textarea 32000 cu
IsPrivate boolean 0 curd
OwnerId reference 18 curd Owner User
",
    ),
    (
        "User",
        "005",
        "
Username string 80 cur
Name string 121 -
Email email 128 cu
IsActive boolean 0 curd
",
    ),
    (
        "Group",
        "00G",
        "
Name string 40 cur
Type picklist 40 curd
",
    ),
    (
        "Organization",
        "00D",
        "
Name string 80 ur
NamespacePrefix string 15 -
IsSandbox boolean 0 rd
",
    ),
    (
        "CustomField",
        "00N",
        "
DeveloperName string 80 -
TableEnumOrId string 255 -
FullName string 255 -
NamespacePrefix string 15 -
Metadata complexvalue 0 -
",
    ),
    (
        "StandardValueSet",
        "0Nv",
        "
MasterLabel string 255 -
FullName string 255 -
Metadata complexvalue 0 -
",
    ),
    (
        "AssignmentRule",
        "01Q",
        "
Name string 120 -
SobjectType string 40 -
Active boolean 0 rd
",
    ),
    (
        "LeadStatus",
        "01J",
        "
MasterLabel string 255 -
ApiName string 255 -
IsConverted boolean 0 rd
IsDefault boolean 0 rd
SortOrder int 0 -
",
    ),
    (
        "OpportunityStage",
        "01G",
        "
MasterLabel string 255 -
ApiName string 255 -
IsActive boolean 0 rd
IsClosed boolean 0 rd
IsWon boolean 0 rd
DefaultProbability percent 0 -
SortOrder int 0 -
",
    ),
    (
        "PermissionSet",
        "0PS",
        "
Name string 80 curi
Label string 80 cur
Description string 255 cu
IsOwnedByProfile boolean 0 rd
",
    ),
    (
        "PermissionSetAssignment",
        "0Pa",
        "
AssigneeId reference 18 cr Assignee User
PermissionSetId reference 18 cr PermissionSet PermissionSet
",
    ),
    (
        "FieldPermissions",
        "01k",
        "
ParentId reference 18 cr Parent PermissionSet
SobjectType string 40 cr
Field string 255 cr
PermissionsRead boolean 0 curd
PermissionsEdit boolean 0 curd
",
    ),
    (
        "ObjectPermissions",
        "110",
        "
ParentId reference 18 cr Parent PermissionSet
SobjectType string 40 cr
PermissionsRead boolean 0 curd
PermissionsCreate boolean 0 curd
PermissionsEdit boolean 0 curd
PermissionsDelete boolean 0 curd
PermissionsViewAllRecords boolean 0 curd
PermissionsModifyAllRecords boolean 0 curd
",
    ),
];

const HIDDEN_ON_LEADS: &str = "
HasOptedOutOfEmail boolean 0 curd
DoNotCall boolean 0 curd
HasOptedOutOfFax boolean 0 curd
";

/// Lists of values that have a default.
const VALUES: &[(&str, &str, &[&str])] = &[
    ("Task", "Status", &["Not Started", "In Progress", "Completed"]),
    ("Task", "Priority", &["Normal", "High", "Low"]),
    ("Group", "Type", &["Queue", "Regular"]),
];

pub(super) fn objects() -> Vec<Object> {
    let object = |(name, prefix, lines): &(&str, &str, &str)| {
        let lines = SYSTEM.lines().chain(lines.lines());
        let fields = lines.filter_map(|line| field(name, line)).collect();
        Object::new(name, prefix, fields)
    };
    OBJECTS.iter().map(object).collect()
}

/// Fields of leads that this user does not see until a permission set opens them (contract salesforce 10.1).
pub(super) fn hidden_lead_fields() -> Vec<Field> {
    let mut fields: Vec<_> = HIDDEN_ON_LEADS
        .lines()
        .filter_map(|line| field("Lead", line))
        .collect();
    for field in &mut fields {
        field.guarded = true;
        field.readable = None;
        field.editable = None;
    }
    fields
}

fn field(object: &str, line: &str) -> Option<Field> {
    let mut words = line.split_whitespace();
    let (name, kind, length, may) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let relationship = words.next();
    let targets: Vec<_> = words
        .next()
        .into_iter()
        .flat_map(|word| word.split(','))
        .collect();
    let length: u64 = length.parse().ok()?;
    let listed = VALUES.iter().find(|(on, of, _)| (*on, *of) == (object, name));
    let values: Vec<_> = listed
        .into_iter()
        .flat_map(|(_, _, values)| values.iter().enumerate())
        .map(|(place, value)| listed_value(value, place == 0))
        .collect();
    Some(Field::recorded(&json!({
        "name": name, "label": spaced(name), "type": kind, "length": length, "byteLength": length * 3,
        "precision": 0, "scale": 0, "nillable": !may.contains('r'), "createable": may.contains('c'),
        "updateable": may.contains('u'), "defaultedOnCreate": may.contains('d'), "externalId": false,
        "idLookup": name == "Id", "unique": may.contains('i'), "caseSensitive": false,
        "restrictedPicklist": false, "relationshipName": relationship, "referenceTo": targets,
        "soapType": soap_type(kind), "custom": false, "calculated": false, "picklistValues": values,
    })))
}

fn listed_value(value: &str, default: bool) -> Value {
    json!({ "active": true, "defaultValue": default, "label": value, "value": value })
}
