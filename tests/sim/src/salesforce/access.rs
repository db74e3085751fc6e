//! Who sees and edits what: field and object permissions of the sets a user has (contract salesforce 12).

use serde_json::{Value, json};

use super::answer::Refusal;
use super::org::{Org, Right};
use super::store::{Row, is_deleted};
use super::value;

impl Org {
    /// 403 unless the user has this right.
    pub(super) fn need(&self, right: Right) -> Result<(), Refusal> {
        if self.rights.contains(&right) {
            return Ok(());
        }
        Err(Refusal::no_access(format!(
            "You do not have the level of access necessary: {right:?}"
        )))
    }

    pub(super) fn sees_object(&self, object: &str) -> bool {
        !self.hidden_objects.contains(object)
    }

    /// Opens and closes fields and objects by what the permission records say now.
    pub(super) fn refresh_access(&mut self) {
        self.hidden_objects = self.closed_objects();
        let grants: Vec<_> = self.granted("FieldPermissions");
        let guarded: Vec<_> = self.schema.objects().map(|object| object.name.clone()).collect();
        for object in guarded {
            self.schema.change(&object, |object| {
                let name = object.name.clone();
                for field in object.fields.iter_mut().filter(|field| field.guarded) {
                    let full = format!("{name}.{}", field.name);
                    let grant = |right: &str| {
                        let right = grants.iter().filter(|(row, _)| {
                            says(row, "Field", &full) && row.get(right) == Some(&json!(true))
                        });
                        right.map(|(_, since)| *since).min()
                    };
                    field.readable = grant("PermissionsRead");
                    field.editable = grant("PermissionsEdit");
                }
            });
        }
    }

    /// Objects the admin closed and no permission set opened again.
    fn closed_objects(&self) -> std::collections::HashSet<String> {
        let opened = self.granted("ObjectPermissions");
        let closed = self.rules.closed_objects.iter();
        closed
            .filter(|object| !opened.iter().any(|(row, _)| says(row, "SobjectType", object)))
            .cloned()
            .collect()
    }

    /// Permission records of the sets the integration user has, and from when on each counts.
    fn granted(&self, object: &str) -> Vec<(Row, i64)> {
        let assigned = self
            .store
            .rows("PermissionSetAssignment")
            .filter(|(_, row)| !is_deleted(row) && says(row, "AssigneeId", &self.integration_user));
        let sets: Vec<_> = assigned
            .map(|(_, row)| (row["PermissionSetId"].clone(), written(row)))
            .collect();
        let permissions = self.store.rows(object).filter(|(_, row)| !is_deleted(row));
        permissions
            .filter_map(|(_, row)| {
                let (_, assigned) = sets.iter().find(|(set, _)| row.get("ParentId") == Some(set))?;
                Some((row.clone(), written(row).max(*assigned) + self.permission_lag))
            })
            .collect()
    }
}

fn says(row: &Row, field: &str, value: &str) -> bool {
    row.get(field).and_then(Value::as_str) == Some(value)
}

fn written(row: &Row) -> i64 {
    let stamp = row.get("SystemModstamp").and_then(Value::as_str);
    stamp.and_then(value::second).unwrap_or_default()
}
