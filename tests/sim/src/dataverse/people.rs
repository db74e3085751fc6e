//! What salespeople do at their screens, past every limit and header.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use super::answer::Refusal;
use super::call::Call;
use super::{Dataverse, Environment};

impl Dataverse {
    /// Somebody writes columns of a row, named by its id or key; lookups as `…@odata.bind`.
    ///
    /// # Panics
    /// When there is no such row, or the columns do not take the values.
    pub fn change(&self, table: &'static str, name: &str, columns: &Value) {
        self.by_hand(table, name, |environment, id, call| {
            let columns = columns.as_object().cloned().unwrap_or_default();
            let target = super::write::Target::Id(id.to_owned());
            environment.upsert(table, &target, &columns, call).map(|_| ())
        });
    }

    /// Somebody makes a row; its id.
    ///
    /// # Panics
    /// When the columns do not take the values.
    pub fn make(&self, table: &'static str, columns: &Value) -> String {
        let mut environment = self.lock();
        let call = by_hand(&environment);
        let columns = columns.as_object().cloned().unwrap_or_default();
        let written = environment.create(table, None, &columns, &call);
        environment.settle();
        done(written).id
    }

    /// Somebody deletes a row, named by its id or key.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn remove(&self, table: &'static str, name: &str) {
        self.by_hand(table, name, |environment, id, _| {
            environment.store.remove(table, id);
            Ok(())
        });
    }

    /// A person of this name owns a lead, named by its id or key, from now on.
    ///
    /// # Panics
    /// When there is no such lead.
    pub fn assign(&self, lead: &str, person: &str) {
        self.give("lead", lead, "systemuser", person);
    }

    /// A row gets another owner: a `systemuser` or a `team` of this name, made when there is none.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn give(&self, table: &'static str, name: &str, owners: &'static str, owner: &str) {
        self.by_hand(table, name, |environment, id, call| {
            let owner = environment.named_or_made(owners, owner, call)?;
            let set = environment.table(owners)?.set;
            let bind = serde_json::json!({ "ownerid@odata.bind": format!("/{set}({owner})") });
            let columns = bind.as_object().cloned().unwrap_or_default();
            let target = super::write::Target::Id(id.to_owned());
            environment.upsert(table, &target, &columns, call).map(|_| ())
        });
    }

    /// Sales qualifies a lead, named by its id or key; the id of its new opportunity.
    ///
    /// # Panics
    /// When there is no such lead, or it is closed.
    pub fn qualify(&self, lead: &str) -> String {
        self.by_hand("lead", lead, |environment, id, call| {
            let created = environment.qualify(id, [true, true, true], call)?;
            let opportunity = created.into_iter().find(|link| link.table == "opportunity");
            Ok(opportunity.map(|link| link.id).unwrap_or_default())
        })
    }

    /// Sales closes a lead as disqualified, for this reason (4 to 7, or one of the customer's own).
    ///
    /// # Panics
    /// When there is no such lead or reason.
    pub fn disqualify(&self, lead: &str, reason: i64) {
        self.change(
            "lead",
            lead,
            &serde_json::json!({ "statecode": 2, "statuscode": reason }),
        );
    }

    /// Sales wins an opportunity, with an amount and a day (`2025-03-31`), or today.
    ///
    /// # Panics
    /// When there is no such opportunity, or it is closed.
    pub fn win(&self, opportunity: &str, revenue: f64, day: Option<&str>) {
        self.by_hand("opportunity", opportunity, |environment, id, _| {
            environment.close(id, 1, 3, Some(revenue.into()), day)
        });
    }

    /// Sales loses an opportunity: 4 canceled, 5 out-sold.
    ///
    /// # Panics
    /// When there is no such opportunity, or it is closed.
    pub fn lose(&self, opportunity: &str, reason: i64) {
        self.by_hand("opportunity", opportunity, |environment, id, _| {
            environment.close(id, 2, reason, None, None)
        });
    }

    /// An opportunity, or a lead, is open again.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn reopen(&self, table: &'static str, name: &str) {
        self.change(
            table,
            name,
            &serde_json::json!({ "statecode": 0, "statuscode": 1 }),
        );
    }

    fn by_hand<T>(
        &self,
        table: &'static str,
        name: &str,
        what: impl FnOnce(&mut Environment, &str, &Call) -> Result<T, Refusal>,
    ) -> T {
        let mut environment = self.lock();
        let id = environment.named(table, name);
        let id = id.ok_or_else(|| Refusal::no_row(table, name));
        let call = by_hand(&environment);
        let result = id.and_then(|id| what(&mut environment, &id, &call));
        environment.settle();
        drop(environment);
        done(result)
    }
}

impl Environment {
    /// The id of the row with this title.
    fn named_or_made(&mut self, table: &'static str, title: &str, call: &Call) -> Result<String, Refusal> {
        let column = self.table(table)?.title;
        let mut rows = self.store.rows(table);
        if let Some((id, _)) =
            rows.find(|(_, row)| row.values.get(column).is_some_and(|value| value == title))
        {
            return Ok(id.to_owned());
        }
        drop(rows);
        let mut columns = serde_json::Map::new();
        columns.insert(column.to_owned(), title.into());
        self.create(table, None, &columns, call).map(|written| written.id)
    }
}

/// A person at the screen, as a request.
fn by_hand(environment: &Environment) -> Call {
    Call {
        method: Method::PATCH,
        version: "v9.2".to_owned(),
        path: String::new(),
        query: String::new(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        references: HashMap::new(),
        user: Arc::from(environment.home.user.id.as_str()),
    }
}

/// # Panics
/// When it was refused.
fn done<T>(result: Result<T, Refusal>) -> T {
    result.unwrap_or_else(|refusal| panic!("refused: {} {}", refusal.code, refusal.message))
}
