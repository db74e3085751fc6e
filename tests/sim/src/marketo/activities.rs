//! The change feed: opaque tokens, half-empty pages, dates in two forms (contract marketo A5).

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::answer::{Members, Trouble, result};
use super::request::Asked;
use super::schema::Schema;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    NewLead = 12,
    Change = 13,
    Deleted = 37,
}

/// One thing that happened to one person.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    pub(super) kind: Kind,
    pub(super) lead: u64,
    /// Field, new value, old value.
    pub(super) changes: Vec<(String, Value, Value)>,
    pub(super) at: i64,
}

/// Hands out tokens and knows which of them it still honours.
pub(super) struct Feed {
    generation: u32,
    /// How many activities one page looks through, whether they are asked for or not.
    pub(super) looks_through: usize,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            generation: 1,
            looks_through: 300,
        }
    }

    /// Every token handed out so far is forgotten.
    pub(super) fn forget_tokens(&mut self) {
        self.generation += 1;
    }

    fn token(&self, position: usize) -> String {
        format!(
            "{}====",
            STANDARD_NO_PAD.encode(format!("{}:{position}", self.generation))
        )
    }

    fn position(&self, asked: &Asked) -> Result<usize, Trouble> {
        let refused = || Trouble::saying("1003", "Invalid nextPageToken");
        if asked.has_raw_equals() {
            return Err(Trouble::saying("1003", "nextPageToken is not URL-encoded"));
        }
        let token = asked.param("nextPageToken").ok_or_else(|| Trouble::new("1002"))?;
        let token = token.strip_suffix("====").ok_or_else(refused)?;
        let text = STANDARD_NO_PAD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(refused)?;
        let (generation, position) = text.split_once(':').ok_or_else(refused)?;
        if generation != self.generation.to_string() {
            return Err(refused());
        }
        position.parse().map_err(|_| refused())
    }

    /// `GET /rest/v1/activities/pagingtoken.json`
    pub(super) fn first_token(&self, asked: &Asked, log: &[Activity]) -> Result<Members, Trouble> {
        let since = asked.param("sinceDatetime").ok_or_else(|| Trouble::new("1002"))?;
        let since = DateTime::parse_from_rfc3339(since).map_err(|_| Trouble::new("704"))?;
        let position = log.partition_point(|activity| activity.at < since.timestamp_millis());
        let mut members = Members::new();
        members.insert("nextPageToken".into(), self.token(position).into());
        Ok(members)
    }

    /// `GET /rest/v1/activities/leadchanges.json`
    pub(super) fn changes(
        &self,
        asked: &Asked,
        log: &[Activity],
        schema: &Schema,
    ) -> Result<Members, Trouble> {
        let fields = asked.list("fields");
        if fields.is_empty() || asked.param("listId").is_some() {
            return Err(Trouble::new("1002"));
        }
        if let Some(unknown) = fields.iter().find(|name| schema.field(name).is_none()) {
            return Err(Trouble::saying("1006", format!("Field '{unknown}' not found")));
        }
        let leads = asked.list("leadIds");
        if leads.len() > 30 {
            return Err(Trouble::new("1003"));
        }
        self.page(asked, log, |activity| {
            let wanted = leads.is_empty() || leads.contains(&activity.lead.to_string().as_str());
            match activity.kind {
                Kind::NewLead => wanted,
                Kind::Change => {
                    wanted
                        && activity
                            .changes
                            .iter()
                            .any(|(name, ..)| fields.contains(&name.as_str()))
                }
                Kind::Deleted => false,
            }
        })
    }

    /// `GET /rest/v1/activities/deletedleads.json`
    pub(super) fn deleted(&self, asked: &Asked, log: &[Activity]) -> Result<Members, Trouble> {
        self.page(asked, log, |activity| activity.kind == Kind::Deleted)
    }

    fn page(
        &self,
        asked: &Asked,
        log: &[Activity],
        wanted: impl Fn(&Activity) -> bool,
    ) -> Result<Members, Trouble> {
        let begin = self.position(asked)?.min(log.len());
        let most: usize = match asked.param("batchSize") {
            None => 300,
            Some(text) => text
                .parse()
                .ok()
                .filter(|size| (1..=300).contains(size))
                .ok_or_else(|| Trouble::new("1003"))?,
        };
        let mut shown = Vec::new();
        let mut end = begin;
        for activity in log[begin..].iter().take(self.looks_through) {
            if shown.len() == most {
                break;
            }
            if wanted(activity) {
                shown.push(shown_as(activity, end));
            }
            end += 1;
        }
        let mut members = result(shown);
        members.insert("nextPageToken".into(), self.token(end).into());
        members.insert("moreResult".into(), (end < log.len()).into());
        Ok(members)
    }
}

/// The older `id` is missing, and every other date is in the other form.
fn shown_as(activity: &Activity, number: usize) -> Value {
    let at = DateTime::<Utc>::from_timestamp_millis(activity.at).unwrap_or_default();
    let form = if number.is_multiple_of(2) {
        "%Y-%m-%dT%H:%M:%SZ"
    } else {
        "%Y-%m-%dT%H:%M:%S+0000"
    };
    let fields = activity.changes.iter().enumerate().map(|(index, (name, new, old))| {
        json!({ "id": index + 1, "name": name, "newValue": text(new), "oldValue": text(old) })
    });
    let mut shown = json!({
        "marketoGUID": (783_000 + number).to_string(),
        "leadId": activity.lead,
        "activityDate": at.format(form).to_string(),
        "activityTypeId": activity.kind as u16,
        "attributes": [{ "name": "Source", "value": "Web service API" }],
    });
    if activity.kind == Kind::Change {
        shown["fields"] = fields.collect();
    }
    shown
}

/// Values of the feed are texts.
fn text(value: &Value) -> Value {
    match value {
        Value::Null | Value::String(_) => value.clone(),
        other => other.to_string().into(),
    }
}
