//! Reading people: by id, or by a searchable field (contract marketo A5).

use serde_json::{Map, Value, json};

use super::State;
use super::answer::{Members, Trouble, result};
use super::request::Asked;

/// What is shown when nobody says what to show.
const SHOWN: [&str; 6] = ["id", "email", "firstName", "lastName", "createdAt", "updatedAt"];
/// No more than so many people match one filter.
const MATCHES: usize = 1000;
/// People on one page.
const PAGE: usize = 300;

impl State {
    /// `GET /rest/v1/lead/{id}.json`
    pub(super) fn one(&self, id: &str, asked: &Asked) -> Result<Members, Trouble> {
        let fields = self.shown(asked)?;
        let found = id.parse().ok().and_then(|id: u64| self.people.held.get(&id));
        match found {
            Some(person) => Ok(result(vec![cut(&person.fields, &fields)])),
            None => Err(Trouble::new("1004")),
        }
    }

    /// `GET /rest/v1/leads.json`
    pub(super) fn filtered(&self, asked: &Asked) -> Result<Members, Trouble> {
        let fields = self.shown(asked)?;
        let filter = asked.param("filterType").ok_or_else(|| Trouble::new("1002"))?;
        if !self.schema.field(filter).is_some_and(|field| field.searchable) {
            return Err(Trouble::saying("1003", format!("Invalid filterType '{filter}'")));
        }
        let values = asked.list("filterValues");
        if values.is_empty() || values.len() > self.limits.records {
            return Err(Trouble::new("1003"));
        }
        let mut found: Vec<u64> = values
            .iter()
            .flat_map(|value| self.people.matching(filter, &Value::from(*value)))
            .collect();
        found.sort_unstable();
        found.dedup();
        if found.len() > MATCHES {
            return Err(Trouble::saying("1003", "Too many results match the filter"));
        }
        let begin: usize = asked
            .param("nextPageToken")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let page = found.iter().skip(begin).take(PAGE);
        let mut members = result(
            page.map(|id| cut(&self.people.held[id].fields, &fields))
                .collect(),
        );
        if begin + PAGE < found.len() {
            members.insert("nextPageToken".into(), (begin + PAGE).to_string().into());
        }
        Ok(members)
    }

    /// `POST /rest/v1/leads/delete.json`: by id alone, each for itself.
    pub(super) fn delete_leads(&mut self, body: &[u8], now: i64) -> Result<Members, Trouble> {
        let body: Value = serde_json::from_slice(body).map_err(|_| Trouble::new("609"))?;
        let Some(input) = body.get("input").and_then(Value::as_array) else {
            return Err(Trouble::new("1002"));
        };
        if input.is_empty() || input.len() > self.limits.records {
            return Err(Trouble::new("1003"));
        }
        let ids: Option<Vec<u64>> = input.iter().map(|record| record.get("id")?.as_u64()).collect();
        let ids = ids.ok_or_else(|| Trouble::new("1003"))?;
        let delete = |id: u64| {
            if self.people.remove(id, now) {
                return json!({ "id": id, "status": "deleted" });
            }
            let reason = json!({ "code": "1004", "message": "Lead not found" });
            json!({ "id": id, "status": "skipped", "reasons": [reason] })
        };
        Ok(result(ids.into_iter().map(delete).collect()))
    }

    fn shown(&self, asked: &Asked) -> Result<Vec<String>, Trouble> {
        let named = asked.list("fields");
        if let Some(unknown) = named.iter().find(|name| self.schema.field(name).is_none()) {
            return Err(Trouble::saying("1006", format!("Field '{unknown}' not found")));
        }
        let shown = if named.is_empty() { SHOWN.to_vec() } else { named };
        Ok(shown.into_iter().map(str::to_owned).collect())
    }
}

/// Fields asked for and empty are null.
fn cut(fields: &Map<String, Value>, names: &[String]) -> Value {
    let mut shown = Map::new();
    for name in names.iter().map(String::as_str).chain(["id"]) {
        shown.insert(name.to_owned(), fields.get(name).cloned().unwrap_or_default());
    }
    Value::Object(shown)
}
