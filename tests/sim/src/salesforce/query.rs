//! Queries, page by page (contract salesforce 9).

use std::collections::HashMap;

use serde_json::json;

use super::answer::{Answer, Refusal};
use super::call::Call;
use super::org::Org;
use super::route::Version;
use super::schema::Object;
use super::soql::{Found, Plan};
use super::tooling;

/// How long a locator lives: two days, in seconds.
const LIFETIME: i64 = 2 * 24 * 60 * 60;
const PAGE: usize = 2000;

/// Queries whose pages are not all fetched.
pub(super) struct Locators {
    /// The org may send less than asked for.
    pub(super) largest_page: usize,
    open: HashMap<String, Cursor>,
}

struct Cursor {
    plan: Plan,
    found: Found,
    page: usize,
    since: i64,
}

impl Default for Locators {
    fn default() -> Self {
        Self {
            largest_page: PAGE,
            open: HashMap::new(),
        }
    }
}

impl Org {
    pub(super) fn query(
        &mut self,
        call: &Call,
        version: &Version,
        deleted_too: bool,
    ) -> Result<Answer, Refusal> {
        self.ask(call, version, deleted_too, false)
    }

    pub(super) fn ask(
        &mut self,
        call: &Call,
        version: &Version,
        deleted_too: bool,
        tooling: bool,
    ) -> Result<Answer, Refusal> {
        let soql = call
            .parameter("q")
            .ok_or_else(|| Refusal::new("MALFORMED_QUERY", "q is required"))?;
        let plan = Plan::make(self, &soql, tooling)?;
        let found = plan.find(self, deleted_too);
        if plan.fields.is_empty() {
            return Ok(Answer::json(
                200,
                json!({ "totalSize": found.len(), "done": true, "records": [] }),
            ));
        }
        if tooling {
            tooling::one_row_at_most(&soql, found.len())?;
        }
        let cursor = Cursor {
            plan,
            found,
            page: page_size(call).min(self.locators.largest_page),
            since: self.now(),
        };
        Ok(self.page(version, cursor, None, 0))
    }

    pub(super) fn query_more(&mut self, version: &Version, locator: &str) -> Result<Answer, Refusal> {
        let unknown = || Refusal::new("INVALID_QUERY_LOCATOR", "invalid query locator");
        let (id, start) = locator.rsplit_once('-').ok_or_else(unknown)?;
        let start: usize = start.parse().map_err(|_| unknown())?;
        let cursor = self.locators.open.remove(id).ok_or_else(unknown)?;
        if self.now() - cursor.since >= LIFETIME || start > cursor.found.len() {
            return Err(unknown());
        }
        Ok(self.page(version, cursor, Some(id.to_owned()), start))
    }

    /// Whether a query may go over this object, here or in the tooling part.
    pub(super) fn is_queryable(&self, object: &Object, in_tooling: bool) -> bool {
        self.sees_object(&object.name) && tooling::is_metadata(&object.name) == in_tooling
    }

    fn page(&mut self, version: &Version, cursor: Cursor, id: Option<String>, start: usize) -> Answer {
        let end = cursor.found.len().min(start + cursor.page);
        let base = version.path();
        let records: Vec<_> = cursor.found[start..end]
            .iter()
            .map(|id| cursor.plan.tell(self, &base, id))
            .collect();
        let done = end == cursor.found.len();
        let mut body = json!({ "totalSize": cursor.found.len(), "done": done, "records": records });
        if !done || id.is_some() {
            // A page may be fetched again: its answer can get lost.
            let id = id.unwrap_or_else(|| self.store.mint("0r8"));
            if !done {
                body["nextRecordsUrl"] = json!(format!("{base}/query/{id}-{end}"));
            }
            self.locators.open.insert(id, cursor);
        }
        Answer::json(200, body)
    }
}

/// What the client wishes; outside of 200 to 2,000 it is as if it wished nothing.
fn page_size(call: &Call) -> usize {
    let options = call.header("sforce-query-options").unwrap_or_default();
    let wish = options
        .split([';', ','])
        .find_map(|part| part.trim().strip_prefix("batchSize="));
    let wish = wish.and_then(|size| size.trim().parse().ok());
    wish.filter(|size| (200..=PAGE).contains(size)).unwrap_or(PAGE)
}
