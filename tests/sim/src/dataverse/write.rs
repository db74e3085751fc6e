//! Create, update and upsert of one row (contract dynamics365 7 to 9).

use serde_json::{Map, Value};

use super::Environment;
use super::answer::Refusal;
use super::call::{Call, Condition};
use super::ids;
use super::predicate::Predicate;
use super::rules::{compute_name, settle_state};
use super::schema::{AlternateKey, Table};
use super::store::{Row, fold, join};

/// Which row is meant.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// The one with this id.
    Id(String),
    /// The one with these values of an alternate key.
    Key {
        key: String,
        columns: Vec<(String, Value)>,
    },
}

/// What a write did.
pub(super) struct Written {
    pub(super) id: String,
    pub(super) created: bool,
}

impl Environment {
    /// What a predicate means for a table.
    pub(super) fn target(&self, table: &Table, predicate: &Predicate) -> Result<Target, Refusal> {
        let pairs = match predicate {
            Predicate::Id(id) => return Ok(Target::Id(id.clone())),
            Predicate::Empty => return Err(Refusal::syntax()),
            Predicate::Named(pairs) => pairs,
        };
        if let [(name, Value::String(id))] = pairs.as_slice()
            && name == table.id
        {
            return Ok(Target::Id(id.clone()));
        }
        let column = |(name, value): &(String, Value)| {
            let lookup = table.lookup_value(name, self.now);
            let name = lookup.map_or_else(|| name.clone(), |column| column.name.clone());
            (name, value.clone())
        };
        let columns: Vec<(String, Value)> = pairs.iter().map(column).collect();
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let key = table.keys.iter().find(|key| key.is_active() && key.is_of(&names));
        let key = key.ok_or_else(|| invalid_key(table))?;
        Ok(Target::Key {
            key: key.metadata.clone(),
            columns: in_order(key, &columns),
        })
    }

    /// The id of the row, if it is there.
    pub(super) fn find(&self, table: &Table, target: &Target) -> Option<String> {
        match target {
            Target::Id(id) => self.store.row(table.name, id).map(|_| id.clone()),
            Target::Key { key, columns } => {
                let values: Vec<String> = columns.iter().map(|(_, value)| fold(value)).collect();
                self.store
                    .find(table.name, key, &join(&values))
                    .map(str::to_owned)
            }
        }
    }

    /// The id of the row, which has to be there.
    pub(super) fn existing(&self, table: &Table, target: &Target) -> Result<String, Refusal> {
        self.find(table, target).ok_or_else(|| match target {
            Target::Id(id) => Refusal::no_row(table.name, id),
            Target::Key { .. } => Refusal::no_row_with_key(table.name),
        })
    }

    /// `PATCH`: updates the row, or creates it, as the conditions allow.
    pub(super) fn upsert(
        &mut self,
        table: &'static str,
        target: &Target,
        body: &Map<String, Value>,
        call: &Call,
    ) -> Result<Written, Refusal> {
        let found = self.find(self.table(table)?, target);
        match (found, call.if_match(), call.if_none_match()) {
            (Some(_), _, Condition::Any) => Err(Refusal::exists()),
            (Some(id), Condition::Tag(tag), _) if tag != self.tag(table, &id) => Err(Refusal::stale()),
            (Some(id), ..) => {
                self.update(table, &id, target, body, call)?;
                Ok(Written { id, created: false })
            }
            (None, Condition::Any | Condition::Tag(_), _) => self
                .existing(self.table(table)?, target)
                .map(|id| Written { id, created: false }),
            (None, Condition::None, _) => self.create(table, Some(target), body, call),
        }
    }

    /// A new row; `target` gives the id or the key it is created under.
    pub(super) fn create(
        &mut self,
        name: &'static str,
        target: Option<&Target>,
        body: &Map<String, Value>,
        call: &Call,
    ) -> Result<Written, Refusal> {
        self.privileged("Create", name)?;
        let serial = self.store.next_serial();
        let table = self.table(name)?;
        let mut row = Row {
            serial,
            created: self.now,
            modified: self.now,
            ..Row::default()
        };
        self.set_defaults(table, &mut row);
        // A key in the body wins over the one in the URL.
        if let Some(Target::Key { columns, .. }) = target {
            let columns: Map<String, Value> = columns.iter().cloned().collect();
            self.fill(table, &mut row, &columns, true, &call.references)?;
        }
        self.fill(table, &mut row, body, true, &call.references)?;
        let id = match (body.get(table.id), target) {
            (Some(Value::String(id)), _) => {
                ids::guid(id).ok_or_else(|| Refusal::payload("The id is no GUID."))?
            }
            (_, Some(Target::Id(id))) => id.clone(),
            _ => ids::row(serial),
        };
        if self.store.row(name, &id).is_some() {
            return Err(Refusal::exists());
        }
        self.keep(name, &id, row, body, call)?;
        Ok(Written { id, created: true })
    }

    fn update(
        &mut self,
        name: &'static str,
        id: &str,
        target: &Target,
        body: &Map<String, Value>,
        call: &Call,
    ) -> Result<(), Refusal> {
        self.privileged("Write", name)?;
        let table = self.table(name)?;
        let mut row = self.store.row(name, id).cloned().unwrap_or_default();
        self.is_open(table, &row, body)?;
        let mut body = body.clone();
        // The columns of the key are dropped from the body.
        if let Target::Key { columns, .. } = target {
            body.retain(|column, _| columns.iter().all(|(name, _)| name != column));
        }
        if body.get(table.id).is_some_and(|given| given != id) {
            return Err(Refusal::argument("The id of a row does not change."));
        }
        self.fill(table, &mut row, &body, false, &call.references)?;
        row.modified = self.now;
        self.keep(name, id, row, &body, call)
    }

    /// The last checks of a row, and then it is written.
    fn keep(
        &mut self,
        name: &'static str,
        id: &str,
        mut row: Row,
        body: &Map<String, Value>,
        call: &Call,
    ) -> Result<(), Refusal> {
        let table = self.table(name)?;
        let before = self.store.row(name, id);
        settle_state(table, id, before, &mut row, body)?;
        compute_name(table, &mut row);
        if let Some(key) = self.store.clash(name, id, &row) {
            let key = table.keys.iter().find(|known| known.metadata == key);
            return Err(key.map_or_else(Refusal::exists, |key| violated(table, key)));
        }
        self.passes_plug_in(&row)?;
        if call.says("MSCRM.SuppressDuplicateDetection", "false") {
            self.no_duplicate(table, id, &row)?;
        }
        self.store.put(name, id, row);
        Ok(())
    }

    /// The tag of a row that is there.
    pub(super) fn tag(&self, table: &str, id: &str) -> String {
        let version = self.store.row(table, id).map_or(0, |row| row.version);
        format!("W/\"{version}\"")
    }

    /// Deletes a row.
    pub(super) fn delete(
        &mut self,
        table: &'static str,
        target: &Target,
        call: &Call,
    ) -> Result<(), Refusal> {
        self.privileged("Delete", table)?;
        let id = self.existing(self.table(table)?, target)?;
        match call.if_match() {
            Condition::Tag(tag) if tag != self.tag(table, &id) => Err(Refusal::stale()),
            _ => {
                self.store.remove(table, &id);
                Ok(())
            }
        }
    }
}

fn in_order(key: &AlternateKey, given: &[(String, Value)]) -> Vec<(String, Value)> {
    let value = |column: &String| {
        given
            .iter()
            .find(|(name, _)| name == column)
            .map(|(_, value)| (column.clone(), value.clone()))
    };
    key.columns.iter().filter_map(value).collect()
}

fn invalid_key(table: &Table) -> Refusal {
    let resource = table.type_name();
    Refusal::odata(format!(
        "The key in the request URI is not valid for resource '{resource}'. Ensure that the names and number of key \
         properties match the declared or alternate key properties for the resource '{resource}'."
    ))
}

fn violated(table: &Table, key: &AlternateKey) -> Refusal {
    let label = |name: &String| table.columns.get(name).map_or("", |column| column.label.as_str());
    let labels: Vec<&str> = key.columns.iter().map(label).collect();
    Refusal::key_violated(&key.label, &labels.join(", "))
}
