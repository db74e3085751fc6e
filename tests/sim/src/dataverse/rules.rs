//! The system's own rules for a row: defaults, states, names, duplicates, plug-ins.

use serde_json::{Map, Value};

use super::Environment;
use super::answer::Refusal;
use super::schema::Table;
use super::store::{Row, fold};

impl Environment {
    pub(super) fn set_defaults(&self, table: &Table, row: &mut Row) {
        let defaults: &[(&str, Value)] = &[
            ("leadqualitycode", 2.into()),
            ("opportunityratingcode", 2.into()),
            ("preferredcontactmethodcode", 1.into()),
            ("donotemail", false.into()),
            ("donotphone", false.into()),
            ("donotbulkemail", false.into()),
            ("donotpostalmail", false.into()),
            ("donotfax", false.into()),
            ("donotsendmm", false.into()),
            ("followemail", true.into()),
            ("msdyn_gdproptout", false.into()),
        ];
        let here = defaults
            .iter()
            .filter(|(name, _)| table.columns.contains_key(*name));
        for (name, value) in here {
            row.values.insert((*name).to_owned(), value.clone());
        }
        for (column, link) in [
            ("ownerid", &self.home.user),
            ("createdby", &self.home.user),
            ("transactioncurrencyid", &self.home.currency),
        ] {
            if table.columns.contains_key(column) {
                row.links.insert(column.to_owned(), link.clone());
            }
        }
    }

    /// Asks the customer's plug-in, if there is one.
    pub(super) fn passes_plug_in(&self, row: &Row) -> Result<(), Refusal> {
        let Some((text, why)) = &self.settings.plug_in else {
            return Ok(());
        };
        let objects = |value: &Value| value.as_str().is_some_and(|value| value.contains(text.as_str()));
        if row.values.values().any(objects) {
            return Err(Refusal::new(400, "0x80040265", why));
        }
        Ok(())
    }

    /// Another row with the same values in the columns of a rule.
    pub(super) fn no_duplicate(&self, table: &Table, id: &str, row: &Row) -> Result<(), Refusal> {
        let rules = self.settings.duplicate_rules.iter();
        for (_, columns) in rules.filter(|(name, _)| name == table.name) {
            let folded = |row: &Row| -> Option<Vec<String>> {
                columns
                    .iter()
                    .map(|column| row.values.get(column).map(fold))
                    .collect()
            };
            let Some(mine) = folded(row) else { continue };
            let mut others = self.store.rows(table.name).filter(|(other, _)| *other != id);
            if others.any(|(_, other)| folded(other).as_ref() == Some(&mine)) {
                let message = "A record was not created or updated because a duplicate of the current record already exists.";
                return Err(Refusal::new(
                    self.settings.duplicate_status,
                    "0x80040333",
                    message,
                ));
            }
        }
        Ok(())
    }

    pub(super) fn is_open(&self, table: &Table, row: &Row, body: &Map<String, Value>) -> Result<(), Refusal> {
        let closed = row.values.get("statecode").is_some_and(|state| *state != 0);
        let reopens = body.contains_key("statecode");
        if self.settings.closed_rows_refuse && closed && !reopens && table.name == "lead" {
            return Err(Refusal::argument("The row is read-only in its state."));
        }
        Ok(())
    }
}

/// State and reason always fit together (contract dynamics365 12.3).
pub(super) fn settle_state(
    table: &Table,
    id: &str,
    before: Option<&Row>,
    row: &mut Row,
    body: &Map<String, Value>,
) -> Result<(), Refusal> {
    if table.states.is_empty() {
        return Ok(());
    }
    let number = |row: &Row, name: &str| row.values.get(name).and_then(Value::as_i64);
    let state = number(row, "statecode").unwrap_or(0);
    let Some(words) = table.state(state) else {
        return Ok(());
    };
    let moved = before.is_none_or(|before| number(before, "statecode") != Some(state));
    let named = body.contains_key("statuscode");
    let reason = number(row, "statuscode").filter(|_| named || !moved);
    let reason = reason.or_else(|| words.default_reason()).unwrap_or(1);
    if !words.has(reason) {
        return Err(Refusal::new(
            400,
            "0x80048408",
            format!(
                "{reason} is not a valid status code for state code {}State.{} on {} with Id {id}.",
                table.schema, words.name, table.name
            ),
        ));
    }
    row.values.insert("statecode".to_owned(), state.into());
    row.values.insert("statuscode".to_owned(), reason.into());
    Ok(())
}

pub(super) fn compute_name(table: &Table, row: &mut Row) {
    if table.title != "fullname" || !table.columns.contains_key("firstname") {
        return;
    }
    let part = |name: &str| row.values.get(name).and_then(Value::as_str);
    let parts = [part("firstname"), part("lastname")];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        row.values.remove("fullname");
    } else {
        row.values.insert("fullname".to_owned(), parts.join(" ").into());
    }
}
