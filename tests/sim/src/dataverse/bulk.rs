//! `CreateMultiple`, `UpdateMultiple` and `UpsertMultiple`: all or nothing (contract dynamics365 10.2).

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::Environment;
use super::answer::{Answer, Refusal};
use super::call::Call;
use super::path;
use super::predicate::Predicate;
use super::schema::Table;
use super::store::fold;
use super::write::Target;

impl Environment {
    pub(super) fn bulk(&mut self, table: &'static str, action: &str, call: &Call) -> Result<Answer, Refusal> {
        let known = matches!(action, "CreateMultiple" | "UpdateMultiple" | "UpsertMultiple");
        if !known || !self.allows(table, action) {
            return Err(Refusal::no_resource(&format!("Microsoft.Dynamics.CRM.{action}")));
        }
        let mut asked = call.object()?;
        let Some(Value::Array(items)) = asked.remove("Targets") else {
            return Err(Refusal::payload("The parameter 'Targets' is required."));
        };
        if let Some(other) = asked.keys().find(|name| !name.starts_with('@')) {
            return Err(Refusal::payload(format!(
                "The parameter '{other}' in the request payload is not a valid parameter for the operation '{action}'."
            )));
        }
        let mut ids = Vec::with_capacity(items.len());
        let mut seen = HashSet::new();
        for item in items {
            let Value::Object(item) = item else {
                return Err(Refusal::payload("A target is not an object."));
            };
            ids.push(self.bulk_item(table, action, item, &mut seen, call)?);
        }
        if action != "CreateMultiple" {
            return Ok(Answer::nothing());
        }
        let context = self.context(&call.version, "Microsoft.Dynamics.CRM.CreateMultipleResponse");
        Ok(Answer::json(
            200,
            &json!({ "@odata.context": context, "Ids": ids }),
        ))
    }

    fn bulk_item(
        &mut self,
        name: &'static str,
        action: &str,
        mut item: Map<String, Value>,
        seen: &mut HashSet<String>,
        call: &Call,
    ) -> Result<String, Refusal> {
        if !item.contains_key("@odata.type") {
            return Err(Refusal::payload(
                "The entity collection needs '@odata.type' for every target.",
            ));
        }
        let table = self.table(name)?;
        let given = item.remove("@odata.id");
        if action == "CreateMultiple" {
            return self.create(name, None, &item, call).map(|written| written.id);
        }
        let target = match (&given, item.get(table.id).and_then(Value::as_str)) {
            (Some(Value::String(url)), _) => self.target_of(table, url)?,
            (None, Some(id)) => Target::Id(id.to_ascii_lowercase()),
            _ => {
                return Err(Refusal::payload(
                    "A target has neither '@odata.id' nor its primary key.",
                ));
            }
        };
        if self.settings.refuse_repeated_keys && !seen.insert(identity(&target)) {
            return Err(Refusal::exists());
        }
        if action == "UpdateMultiple" {
            self.existing(table, &target)?;
        }
        self.upsert(name, &target, &item, call).map(|written| written.id)
    }

    fn target_of(&self, table: &Table, url: &str) -> Result<Target, Refusal> {
        let mut segments = path::read(url.trim_start_matches('/'))?;
        match (segments.pop(), segments.is_empty()) {
            (Some(segment), true) if segment.name == table.set => {
                self.target(table, &segment.key.unwrap_or(Predicate::Empty))
            }
            _ => Err(Refusal::syntax()),
        }
    }
}

fn identity(target: &Target) -> String {
    match target {
        Target::Id(id) => id.clone(),
        Target::Key { key, columns } => {
            let values = columns.iter().map(|(_, value)| fold(value));
            values.fold(key.clone(), |all, value| all + "\u{1f}" + &value)
        }
    }
}
