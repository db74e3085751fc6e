//! What permission records have to look like (contract salesforce 12.3, 12.4).

use serde_json::{Value, json};

use super::answer::Refusal;
use super::id;
use super::org::{Org, Right};
use super::schema::Object;
use super::store::{Row, is_deleted};

impl Org {
    /// Looks at a record that would change who may do what.
    pub(super) fn consult_permissions(&self, object: &Object, id: &str, row: &Row) -> Result<(), Refusal> {
        match object.name.as_str() {
            "PermissionSet" => self.need(Right::CustomizeApplication),
            "FieldPermissions" => {
                self.need(Right::ViewSetup)?;
                self.field_permission(row)?;
                self.once(object, id, row, ["ParentId", "Field"])
            }
            "ObjectPermissions" => {
                self.need(Right::ViewSetup)?;
                self.once(object, id, row, ["ParentId", "SobjectType"])
            }
            "PermissionSetAssignment" => self.once(object, id, row, ["AssigneeId", "PermissionSetId"]),
            _ => Ok(()),
        }
    }

    fn field_permission(&self, row: &Row) -> Result<(), Refusal> {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let (object, field) = text("Field").split_once('.').unwrap_or_default();
        let known = self
            .schema
            .object(object)
            .filter(|it| it.name == text("SobjectType"))
            .and_then(|it| it.field(field));
        // Fields that are required or never hidden are not for permission sets to give.
        let Some(known) = known.filter(|field| field.guarded && !field.is_required()) else {
            let message = format!(
                "Field Name: bad value for restricted picklist field: {}",
                text("Field")
            );
            return Err(Refusal::new("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message).on("Field"));
        };
        let given = |right: &str| row.get(right) == Some(&json!(true));
        if given("PermissionsEdit") && !given("PermissionsRead") {
            let message = format!("Permission Edit {} depends on permission(s): Read", known.name);
            return Err(Refusal::new("FIELD_INTEGRITY_EXCEPTION", message).on("PermissionsEdit"));
        }
        Ok(())
    }

    /// No two of them say the same thing.
    fn once(&self, object: &Object, id: &str, row: &Row, fields: [&str; 2]) -> Result<(), Refusal> {
        let same = |other: &Row| fields.iter().all(|field| other.get(*field) == row.get(*field));
        let twin = self
            .store
            .rows(&object.name)
            .find(|(other, it)| *other != id && !is_deleted(it) && same(it));
        match twin {
            None => Ok(()),
            Some((twin, _)) => {
                let (fields, twin) = (fields.join(", "), id::short(twin));
                let message =
                    format!("duplicate value found: {fields} duplicates value on record with id: {twin}");
                Err(Refusal::new("DUPLICATE_VALUE", message))
            }
        }
    }
}
