//! What a test sees of the environment.

use std::collections::{BTreeMap, HashMap, VecDeque};

use http::HeaderMap;
use serde_json::{Map, Value};

use super::present::View;
use super::store::fold;
use super::{Dataverse, Environment};

/// So many requests are remembered.
const REMEMBERED: usize = 20_000;

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// The raw path.
    pub path: String,
    /// The raw query.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The status it was answered with.
    pub status: u16,
}

/// What happened so far.
#[derive(Default)]
pub(super) struct Log {
    requests: VecDeque<Recorded>,
    created: HashMap<String, usize>,
}

impl Log {
    pub(super) fn keep(&mut self, request: Recorded) {
        if self.requests.len() == REMEMBERED {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }
}

impl Environment {
    /// What the request did is final.
    pub(super) fn settle(&mut self) {
        for born in self.store.settle() {
            for key in self.store.keys_of(born.table, &born.id) {
                *self.log.created.entry(key).or_default() += 1;
            }
        }
    }

    /// The id of the row with this id, or this value of an alternate key.
    pub(super) fn named(&self, table: &str, name: &str) -> Option<String> {
        if self.store.row(table, name).is_some() {
            return Some(name.to_owned());
        }
        let folded = fold(&Value::from(name));
        let keys = &self.schema.table(table)?.keys;
        keys.iter()
            .find_map(|key| self.store.find(table, &key.metadata, &folded))
            .map(str::to_owned)
    }
}

impl Dataverse {
    /// Every row of a table, in order of creation, with all its columns.
    pub fn rows(&self, table: &str) -> Vec<Map<String, Value>> {
        let environment = self.lock();
        let Some(definition) = environment.schema.table(table) else {
            return Vec::new();
        };
        let rows = environment.store.rows(table);
        rows.map(|(id, row)| environment.show(definition, id, row, &EVERYTHING))
            .collect()
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> usize {
        self.lock().store.rows(table).count()
    }

    /// A row by its id or by the value of an alternate key.
    pub fn row(&self, table: &str, name: &str) -> Option<Map<String, Value>> {
        let environment = self.lock();
        let id = environment.named(table, name)?;
        let row = environment.store.row(table, &id)?;
        let definition = environment.schema.table(table)?;
        Some(environment.show(definition, &id, row, &EVERYTHING))
    }

    /// Leads by the value of this column, as in `lsync_marketplaceleadid`; those without a value are left out.
    pub fn leads_by(&self, column: &str) -> BTreeMap<String, Map<String, Value>> {
        let key = |row: &Map<String, Value>| row.get(column).and_then(Value::as_str).map(str::to_owned);
        let leads = self.rows("lead").into_iter();
        leads.filter_map(|row| key(&row).map(|key| (key, row))).collect()
    }

    /// How often a row with this value of an alternate key was created.
    pub fn creations(&self, key: &str) -> usize {
        let folded = fold(&Value::from(key));
        let created = self.lock().log.created.get(&folded).copied();
        created.unwrap_or_default()
    }

    /// The most often any row with a value of an alternate key was created; 1 is what everybody wants.
    pub fn most_creations(&self) -> usize {
        self.lock()
            .log
            .created
            .values()
            .copied()
            .max()
            .unwrap_or_default()
    }

    /// Requests as they came, oldest first; the last 20,000 of them.
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().log.requests.iter().cloned().collect()
    }

    /// Forgets the requests that came.
    pub fn forget_requests(&self) {
        self.lock().log.requests.clear();
    }

    /// How many requests were refused with 429.
    pub fn throttled(&self) -> u64 {
        self.lock().meters.values().map(|meter| meter.refused).sum()
    }

    /// The most requests one user had running at a time.
    pub fn most_at_a_time(&self) -> usize {
        let environment = self.lock();
        let most = environment.meters.values().map(|meter| meter.most_running);
        most.max().unwrap_or_default()
    }
}

const EVERYTHING: View<'static> = View {
    select: None,
    expand: &[],
    annotations: false,
};
