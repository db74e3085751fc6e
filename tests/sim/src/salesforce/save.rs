//! Records made, changed and deleted, by every road the same way (contract salesforce 3, 4, 10).

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::Refusal;
use super::call::Manner;
use super::id;
use super::org::{Assigned, Org, Right};
use super::schema::{Field, Object};
use super::store::Row;
use super::value;

/// What an upsert came to.
#[derive(Debug)]
pub(super) enum Upserted {
    Created(String),
    Updated(String),
    /// Several records hold the key; nothing was written.
    Several(Vec<String>),
}

impl Org {
    /// An object the user may see.
    pub(super) fn object(&self, name: &str) -> Result<Arc<Object>, Refusal> {
        let object = self
            .schema
            .object(name)
            .filter(|object| self.is_queryable(object, false));
        object.cloned().ok_or_else(Refusal::not_found)
    }

    pub(super) fn create(
        &mut self,
        object: &Object,
        given: &Row,
        manner: &Manner,
    ) -> Result<String, Refusal> {
        let given = self.admit(object, given, true)?;
        let mut row = Row::new();
        for field in &object.fields {
            if let Some(default) = field.default_value() {
                row.insert(field.name.clone(), default);
            }
        }
        row.extend(given.into_iter().filter(|(_, value)| !value.is_null()));
        Self::complete(object, &row)?;
        // An id is spent even when the record is refused.
        let id = self.store.mint(&object.prefix);
        row.insert("Id".to_owned(), json!(id));
        row.insert("IsDeleted".to_owned(), json!(false));
        if object.field("OwnerId").is_some_and(|owner| owner.defaulted) && !row.contains_key("OwnerId") {
            row.insert("OwnerId".to_owned(), json!(self.actor));
        }
        self.compute(object, &mut row);
        self.keep(object, &id, row, manner, true)?;
        Ok(id)
    }

    pub(super) fn update(
        &mut self,
        object: &Object,
        id: &str,
        given: &Row,
        manner: &Manner,
    ) -> Result<(), Refusal> {
        let given = self.admit(object, given, false)?;
        let mut row = self.live(object, id)?;
        if row.get("IsConverted") == Some(&json!(true)) {
            return Err(converted());
        }
        row.extend(given);
        Self::complete(object, &row)?;
        self.compute(object, &mut row);
        self.keep(object, id, row, manner, false)
    }

    pub(super) fn upsert(
        &mut self,
        object: &Object,
        field: &Field,
        key: &str,
        given: &Row,
        manner: &Manner,
    ) -> Result<Upserted, Refusal> {
        let holders = self.holders(object, field, key);
        match holders.as_slice() {
            [] if field.name == "Id" => Err(Refusal::not_found()),
            [] => {
                let mut given = given.clone();
                given.insert(field.name.clone(), value::from_cell(field, key));
                self.create(object, &given, manner).map(Upserted::Created)
            }
            [id] => {
                self.update(object, id, given, manner)?;
                Ok(Upserted::Updated(id.clone()))
            }
            _ => Ok(Upserted::Several(holders)),
        }
    }

    pub(super) fn delete(&mut self, object: &Object, id: &str) -> Result<(), Refusal> {
        let mut row = self.live(object, id)?;
        row.insert("IsDeleted".to_owned(), json!(true));
        self.touch(&mut row, false);
        self.store.put(&object.name, id, row);
        self.after_save(object);
        Ok(())
    }

    /// The field an upsert may go by, as the user sees it.
    pub(super) fn key_field<'a>(&self, object: &'a Object, name: &str) -> Result<&'a Field, Refusal> {
        let missing = || {
            let message = format!("Provided external ID field does not exist or is not accessible: {name}");
            Refusal::new("NOT_FOUND", message).with_status(404)
        };
        let field = object
            .field(name)
            .filter(|field| field.is_readable(self.now()))
            .ok_or_else(missing)?;
        if field.name == "Id" {
            return Ok(field);
        }
        if !field.external_id {
            return Err(missing());
        }
        if !field.unique {
            self.need(Right::ViewAllData)?;
        }
        Ok(field)
    }

    /// The live records that hold this key.
    pub(super) fn holders(&self, object: &Object, field: &Field, key: &str) -> Vec<String> {
        if field.name == "Id" {
            let id = id::read(key).filter(|id| self.store.live(&object.name, id).is_some());
            return id.into_iter().collect();
        }
        self.store
            .holders(&object.name, &field.name, key)
            .unwrap_or_default()
    }

    /// The record, if there is one of this object.
    pub(super) fn live(&self, object: &Object, id: &str) -> Result<Row, Refusal> {
        match self.store.get(&object.name, id) {
            None => Err(Refusal::not_found()),
            Some(row) if super::store::is_deleted(row) => {
                Err(Refusal::new("ENTITY_IS_DELETED", "entity is deleted").with_status(404))
            }
            Some(row) => Ok(row.clone()),
        }
    }

    /// The fields under their own names with values as they are kept.
    fn admit(&self, object: &Object, given: &Row, creating: bool) -> Result<Row, Refusal> {
        let now = self.now();
        let mut admitted = Row::new();
        let mut closed = Vec::new();
        for (name, value) in given.iter().filter(|(name, _)| *name != "attributes") {
            let field = object.field(name).filter(|field| field.is_readable(now));
            let field = field.ok_or_else(|| no_column(name, &object.name))?;
            let open = if creating {
                field.createable
            } else {
                field.updateable
            };
            if !open || !field.is_editable(now) {
                closed.push(field.name.clone());
                continue;
            }
            let value = value::take(field, value)?;
            let value = self.refer(field, value)?;
            admitted.insert(field.name.clone(), value);
        }
        if closed.is_empty() {
            return Ok(admitted);
        }
        let message = format!(
            "Unable to create/update fields: {}. Please check the security settings of this field and verify \
             that it is read/write for your profile or permission set.",
            closed.join(", ")
        );
        let refusal = Refusal::new("INVALID_FIELD_FOR_INSERT_UPDATE", message);
        Err(closed.iter().fold(refusal, |refusal, field| refusal.on(field)))
    }

    /// A reference has to lead to a record that may be referred to.
    fn refer(&self, field: &Field, value: Value) -> Result<Value, Refusal> {
        let Some(given) = value.as_str().filter(|_| field.kind == "reference") else {
            return Ok(value);
        };
        let id = id::read(given).ok_or_else(|| {
            let message = format!("{}: id value of incorrect type: {given}", field.label);
            Refusal::new("MALFORMED_ID", message).on(&field.name)
        })?;
        let target = self.schema.with_prefix(&id[..3]);
        let row = target.and_then(|target| self.store.live(&target.name, &id));
        let allowed = |name: &str| {
            field.targets.is_empty() || field.targets.iter().any(|it| it == name) || name == "Group"
        };
        match (target, row) {
            (Some(target), Some(_)) if !allowed(&target.name) => {
                let message = format!("{}: id value of incorrect type: {given}", field.label);
                Err(Refusal::new("FIELD_INTEGRITY_EXCEPTION", message).on(&field.name))
            }
            (Some(_), Some(row)) if row.get("IsConverted") == Some(&json!(true)) => Err(converted()),
            (Some(_), Some(_)) => Ok(json!(id)),
            _ => {
                Err(Refusal::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id").on(&field.name))
            }
        }
    }

    fn complete(object: &Object, row: &Row) -> Result<(), Refusal> {
        let missing = object
            .fields
            .iter()
            .filter(|field| field.is_required() && row.get(&field.name).is_none_or(Value::is_null));
        let missing: Vec<_> = missing.map(|field| field.name.as_str()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!("Required fields are missing: [{}]", missing.join(", "));
        let refusal = Refusal::new("REQUIRED_FIELD_MISSING", message);
        Err(missing.iter().fold(refusal, |refusal, field| refusal.on(field)))
    }

    /// Fields that follow from others.
    fn compute(&self, object: &Object, row: &mut Row) {
        let text = |row: &Row, field: &str| {
            row.get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        match object.name.as_str() {
            "Lead" | "Contact" => {
                let name = format!("{} {}", text(row, "FirstName"), text(row, "LastName"));
                row.insert("Name".to_owned(), json!(name.trim()));
            }
            "Opportunity" => {
                let label = text(row, "StageName");
                let mut stages = self.store.rows("OpportunityStage").map(|(_, stage)| stage);
                let stage = stages.find(|stage| text(stage, "MasterLabel") == label);
                let told = |field: &str| stage.and_then(|stage| stage.get(field)).cloned();
                row.insert("IsClosed".to_owned(), told("IsClosed").unwrap_or(json!(false)));
                row.insert("IsWon".to_owned(), told("IsWon").unwrap_or(json!(false)));
                row.insert(
                    "Probability".to_owned(),
                    told("DefaultProbability").unwrap_or(Value::Null),
                );
            }
            "Task" => {
                let done = text(row, "Status") == "Completed";
                row.insert("IsClosed".to_owned(), json!(done));
            }
            _ => {}
        }
    }

    fn keep(
        &mut self,
        object: &Object,
        id: &str,
        mut row: Row,
        manner: &Manner,
        created: bool,
    ) -> Result<(), Refusal> {
        self.consult_rules(object, id, &row, manner)?;
        self.consult_permissions(object, id, &row)?;
        if let Some(rule) = manner.assign.clone().filter(|_| object.name == "Lead") {
            row.insert("OwnerId".to_owned(), json!(self.queue));
            let record = id.to_owned();
            self.assigned.push(Assigned {
                record,
                created,
                rule,
            });
        }
        self.touch(&mut row, created);
        self.store.put(&object.name, id, row);
        self.after_save(object);
        Ok(())
    }

    fn after_save(&mut self, object: &Object) {
        if matches!(
            object.name.as_str(),
            "FieldPermissions" | "ObjectPermissions" | "PermissionSetAssignment"
        ) {
            self.refresh_access();
        }
    }
}

pub(super) fn no_column(name: &str, object: &str) -> Refusal {
    Refusal::new(
        "INVALID_FIELD",
        format!("No such column '{name}' on sobject of type {object}"),
    )
}

fn converted() -> Refusal {
    Refusal::new("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
}
