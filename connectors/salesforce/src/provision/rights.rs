//! The permission set: the least rights that do, and who has them.

use connector_kit::{ConnectorError, ErrorKind, Role, Step, StepState};
use serde_json::json;

use super::{Provision, Sight};
use crate::config::OnConverted;

/// Rights on an object: read is always among them.
struct Grant {
    object: &'static str,
    creates: bool,
    edits: bool,
}

impl Provision {
    /// Reading contacts and opportunities needs reading accounts.
    fn grants(&self) -> Vec<Grant> {
        let reads = |object| Grant {
            object,
            creates: false,
            edits: false,
        };
        let mut grants = vec![Grant {
            object: "Lead",
            creates: true,
            edits: true,
        }];
        let writes_tasks = self.roles.contains(&Role::Destination) && self.on_converted == OnConverted::Task;
        if writes_tasks || self.roles.contains(&Role::OutcomeSource) {
            grants.push(reads("Account"));
        }
        if writes_tasks {
            grants.push(Grant {
                object: "Contact",
                creates: false,
                edits: true,
            });
        }
        if self.roles.contains(&Role::OutcomeSource) || writes_tasks {
            grants.push(reads("Opportunity"));
        }
        grants
    }

    pub(super) fn rights_steps(&self, sight: &Sight) -> Vec<Step> {
        let set = &self.own.permission_set;
        let present = |is: bool| {
            if is {
                StepState::Present
            } else {
                StepState::Missing
            }
        };
        let mut steps = vec![Step {
            id: "permission-set".to_owned(),
            what: format!("permission set {set}"),
            state: present(sight.set.is_some()),
        }];
        steps.extend(self.grants().iter().map(|grant| Step {
            id: format!("object {}", grant.object),
            what: format!("permission set {set} gives {}", grant.words()),
            state: present(sight.objects.contains(grant.object)),
        }));
        steps.extend(self.written_fields().iter().map(|(name, right)| Step {
            id: format!("access Lead.{right}"),
            what: format!("permission set {set} lets read and edit Lead.{right}"),
            state: access_state(sight, name, right),
        }));
        steps.push(Step {
            id: "assignment".to_owned(),
            what: format!("permission set {set} is assigned to the integration user"),
            state: match &sight.user {
                Some(_) => present(sight.is_assigned),
                None => StepState::ByHand(
                    "the token does not name its user: assign the permission set in Setup".to_owned(),
                ),
            },
        });
        steps
    }

    pub(super) fn role(&self) -> Vec<String> {
        let mut role = vec![
            format!("permission set {}", self.own.permission_set),
            "system: API Enabled".to_owned(),
        ];
        if self.on_converted == OnConverted::Task && self.roles.contains(&Role::Destination) {
            role.push("system: Edit Tasks".to_owned());
        }
        role.extend(self.grants().iter().map(Grant::words));
        role.extend(
            self.written_fields()
                .iter()
                .map(|(_, right)| format!("field Lead.{right}: Read, Edit")),
        );
        if self.roles.contains(&Role::OutcomeSource) {
            role.push("where sharing is private: View All on Lead and Opportunity".to_owned());
        }
        role
    }

    pub(super) async fn grant_object(&self, object: &str) -> Result<(), ConnectorError> {
        let grant = self.grants().into_iter().find(|grant| grant.object == object);
        let Some(grant) = grant else {
            let text = format!("provision: no rights on {object} are planned");
            return Err(ConnectorError::new(ErrorKind::Misconfigured, text));
        };
        let rights = json!({
            "ParentId": self.set().await?, "SobjectType": object,
            "PermissionsRead": true, "PermissionsCreate": grant.creates, "PermissionsEdit": grant.edits,
            "PermissionsDelete": false, "PermissionsViewAllRecords": false, "PermissionsModifyAllRecords": false,
        });
        self.create("/sobjects/ObjectPermissions", &rights, "give rights on an object")
            .await
    }

    pub(super) async fn grant_field(&self, field: &str) -> Result<(), ConnectorError> {
        let rights = json!({
            "ParentId": self.set().await?, "SobjectType": "Lead", "Field": format!("Lead.{field}"),
            "PermissionsRead": true, "PermissionsEdit": true,
        });
        self.create("/sobjects/FieldPermissions", &rights, "give rights on a field")
            .await
    }

    pub(super) async fn assign(&self) -> Result<(), ConnectorError> {
        let Some(user) = self.api.pass().await?.user else {
            let text = "assign the permission set: the token does not name its user";
            return Err(ConnectorError::new(ErrorKind::Misconfigured, text));
        };
        let assignment = json!({ "AssigneeId": user, "PermissionSetId": self.set().await? });
        self.create(
            "/sobjects/PermissionSetAssignment",
            &assignment,
            "assign the permission set",
        )
        .await
    }
}

impl Grant {
    fn words(&self) -> String {
        let mut rights = vec!["Read"];
        if self.creates {
            rights.push("Create");
        }
        if self.edits {
            rights.push("Edit");
        }
        format!("object {}: {}", self.object, rights.join(", "))
    }
}

/// What the user may write already, by whatever right, need not be given; what was given shows after a while.
fn access_state(sight: &Sight, name: &str, right: &str) -> StepState {
    let is_writable = sight
        .lead
        .field(name)
        .is_some_and(|field| field.createable && field.updateable);
    let is_granted = sight.granted.contains(&format!("Lead.{right}"));
    match (is_writable, is_granted) {
        (false, false) => StepState::Missing,
        (false, true) if sight.is_assigned => StepState::Settling,
        _ => StepState::Present,
    }
}
