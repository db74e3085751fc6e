//! What an admin's rules say to a record about to be saved (contract salesforce 7.3, 7.4).

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::Refusal;
use super::call::Manner;
use super::id;
use super::org::Org;
use super::schema::Object;
use super::store::{Row, is_deleted};

/// What a duplicate rule does with a lead whose address another lead or a contact has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicateRule {
    /// Refuses, unless the request carries `allowSave=true`.
    Alert,
    /// Refuses always.
    Block,
}

type Check = Arc<dyn Fn(&Row) -> bool + Send + Sync>;

pub(super) struct Rules {
    pub(super) duplicates: Option<DuplicateRule>,
    /// `duplicateResut`, as many versions spell it, or `duplicateResult`.
    pub(super) duplicate_key: &'static str,
    pub(super) validations: Vec<Validation>,
    pub(super) scripted: Vec<Scripted>,
    pub(super) closed_objects: HashSet<String>,
}

/// An admin's own condition, and what people read when it is broken.
pub(super) struct Validation {
    pub(super) object: String,
    pub(super) message: String,
    pub(super) holds: Check,
}

/// The next saves of the record with this id or key are refused.
#[derive(Debug)]
pub(super) struct Scripted {
    pub(super) record: String,
    pub(super) times: usize,
    pub(super) refusal: Refusal,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            duplicates: None,
            duplicate_key: "duplicateResut",
            validations: Vec::new(),
            scripted: Vec::new(),
            closed_objects: HashSet::new(),
        }
    }
}

impl fmt::Debug for Validation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Validation")
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl Org {
    /// Asks every rule about a record as it would be saved.
    pub(super) fn consult_rules(
        &mut self,
        object: &Object,
        id: &str,
        row: &Row,
        manner: &Manner,
    ) -> Result<(), Refusal> {
        self.scripted_refusal(object, id, row)?;
        for rule in &self.rules.validations {
            if rule.object == object.name && !(rule.holds)(row) {
                return Err(Refusal::new(
                    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                    rule.message.clone(),
                ));
            }
        }
        self.unique(object, id, row)?;
        self.duplicates(object, id, row, manner)
    }

    fn scripted_refusal(&mut self, object: &Object, id: &str, row: &Row) -> Result<(), Refusal> {
        if self.rules.scripted.is_empty() {
            return Ok(());
        }
        let keys = object.fields.iter().filter(|field| field.external_id);
        let keys: Vec<_> = keys.filter_map(|field| row.get(&field.name)?.as_str()).collect();
        let hit = |it: &Scripted| it.times > 0 && (it.record == id || keys.contains(&it.record.as_str()));
        match self.rules.scripted.iter_mut().find(|it| hit(it)) {
            None => Ok(()),
            Some(scripted) => {
                scripted.times -= 1;
                Err(scripted.refusal.clone())
            }
        }
    }

    fn unique(&self, object: &Object, id: &str, row: &Row) -> Result<(), Refusal> {
        for field in object.fields.iter().filter(|field| field.unique) {
            let Some(value) = row.get(&field.name).and_then(Value::as_str) else {
                continue;
            };
            let holders = self
                .store
                .holders(&object.name, &field.name, value)
                .unwrap_or_default();
            if let Some(holder) = holders.iter().find(|holder| *holder != id) {
                let (name, holder) = (&field.name, id::short(holder));
                let message =
                    format!("duplicate value found: {name} duplicates value on record with id: {holder}");
                return Err(Refusal::new("DUPLICATE_VALUE", message));
            }
        }
        Ok(())
    }

    fn duplicates(&self, object: &Object, id: &str, row: &Row, manner: &Manner) -> Result<(), Refusal> {
        let Some(rule) = self.rules.duplicates.filter(|_| object.name == "Lead") else {
            return Ok(());
        };
        let Some(email) = row.get("Email").and_then(Value::as_str) else {
            return Ok(());
        };
        if rule == DuplicateRule::Alert && manner.allow_save {
            return Ok(());
        }
        let matches: Vec<_> = ["Lead", "Contact"]
            .into_iter()
            .filter_map(|kind| self.matches(kind, email, id))
            .collect();
        if matches.is_empty() {
            return Ok(());
        }
        let message = "Use one of these records?";
        let detail = json!({
            "allowSave": rule == DuplicateRule::Alert, "duplicateRule": "Standard_Lead_Duplicate_Rule",
            "duplicateRuleEntityType": "Lead", "errorMessage": message, "matchResults": matches,
        });
        Err(Refusal::new("DUPLICATES_DETECTED", message).with_detail(self.rules.duplicate_key, detail))
    }

    fn matches(&self, kind: &str, email: &str, but: &str) -> Option<Value> {
        let same = |row: &Row| {
            row.get("Email")
                .and_then(Value::as_str)
                .is_some_and(|it| it.eq_ignore_ascii_case(email))
        };
        let found = self.store.rows(kind).filter(|(id, row)| {
            *id != but && !is_deleted(row) && row.get("IsConverted") != Some(&json!(true)) && same(row)
        });
        let records: Vec<_> = found
            .map(|(id, _)| {
                json!({ "additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0,
                    "record": { "attributes": { "type": kind, "url": format!("/services/data/v62.0/sobjects/{kind}/{id}") }, "Id": id } })
            })
            .collect();
        (!records.is_empty()).then(|| {
            json!({ "entityType": kind, "errors": [], "matchEngine": "FuzzyMatchEngine", "size": records.len(),
                "matchRecords": records, "rule": format!("Standard_{kind}_Match_Rule_v1_0"), "success": true })
        })
    }
}
