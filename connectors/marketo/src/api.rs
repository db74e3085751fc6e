//! The requests, in Marketo's words: the only file that knows a path (contract marketo A4-A6).

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use connector_kit::{ConnectorError, Quota};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::{Complaint, Refusal};
use crate::wire::{Ask, Reply, Wire};

/// Values of one filter, and records of one page.
pub(crate) const PER_CALL: usize = 300;

/// A record as it is sent or shown.
pub(crate) type Fields = Map<String, Value>;

/// How a call finds the people it writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// `createOrUpdate` by this field.
    ByField(String),
    /// `updateOnly` by Marketo's id.
    ById,
}

impl Order {
    /// The field the record is found by.
    pub(crate) fn field(&self) -> &str {
        match self {
            Self::ByField(field) => field,
            Self::ById => "id",
        }
    }
}

/// What became of one record.
pub(crate) type Written = Result<u64, Complaint>;

/// One field of a lead, as `describe2` shows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FieldShown {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) data_type: String,
    pub(crate) length: Option<usize>,
    #[serde(default = "yes")]
    pub(crate) updateable: bool,
}

fn yes() -> bool {
    true
}

/// The fields of a lead, and by which of them it can be found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    pub(crate) fields: Vec<FieldShown>,
    pub(crate) searchable: Vec<String>,
}

impl Schema {
    pub(crate) fn field(&self, name: &str) -> Option<&FieldShown> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// One thing that happened to one person.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Activity {
    #[serde(rename = "marketoGUID")]
    pub(crate) guid: Option<String>,
    pub(crate) lead_id: u64,
    #[serde(rename = "activityDate")]
    pub(crate) date: String,
    #[serde(rename = "activityTypeId")]
    pub(crate) kind: u32,
    #[serde(default)]
    pub(crate) fields: Vec<Changed>,
}

/// A field that changed.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Changed {
    pub(crate) name: String,
}

impl Activity {
    /// `..Z` or `..+0000`.
    pub(crate) fn at(&self) -> Option<DateTime<Utc>> {
        let text = self.date.as_str();
        DateTime::parse_from_rfc3339(text)
            .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
            .ok()
            .map(|at| at.to_utc())
    }
}

/// A page of a feed.
pub(crate) struct Page {
    pub(crate) activities: Vec<Activity>,
    pub(crate) next: String,
    pub(crate) more: bool,
}

/// An instance and all it is asked for.
pub(crate) struct Api {
    pub(crate) wire: Wire,
    pub(crate) partition: Option<String>,
}

impl Api {
    /// Writes records; one result each, in their order.
    pub(crate) async fn upsert(&self, order: &Order, input: Vec<&Fields>) -> Result<Vec<Written>, Refusal> {
        let count = input.len();
        let doing = "create or update leads";
        let ask = Ask::post("/rest/v1/leads.json", doing, self.body(order, &input));
        let reply = self.wire.call(&ask).await?;
        let written: Vec<Written> = reply.records(doing)?.iter().map(written).collect();
        if written.len() == count {
            Ok(written)
        } else {
            Err(Wire::unreadable(doing, &format!("{} results for {count} records", written.len())).into())
        }
    }

    /// The body of an upsert; also how large it is.
    fn body(&self, order: &Order, input: &[&Fields]) -> Bytes {
        let action = match order {
            Order::ByField(_) => "createOrUpdate",
            Order::ById => "updateOnly",
        };
        let key = order.field();
        let mut body =
            json!({ "action": action, "lookupField": key, "asyncProcessing": false, "input": input });
        if let Some(partition) = &self.partition {
            body["partitionName"] = partition.as_str().into();
        }
        Bytes::from(body.to_string())
    }

    /// Everybody whose field has one of these values.
    pub(crate) async fn find(
        &self,
        field: &str,
        values: &[String],
        shown: &[&str],
    ) -> Result<Vec<Fields>, Refusal> {
        let mut found = Vec::new();
        for values in values.chunks(PER_CALL) {
            let mut page = String::new();
            loop {
                let doing = "look up leads";
                let mut ask = Ask::get("/rest/v1/leads.json", doing)
                    .with("filterType", field)
                    .with("filterValues", values.join(","))
                    .with("fields", shown.join(","));
                if !page.is_empty() {
                    ask = ask.with("nextPageToken", &page);
                }
                let reply = self.wire.call(&ask).await?;
                let next = reply.next_page_token.clone();
                found.extend(reply.records::<Fields>(doing)?);
                match next {
                    Some(next) if next != page => page = next,
                    _ => break,
                }
            }
        }
        Ok(found)
    }

    /// Deletes people; one who is gone already (1004) is as good.
    pub(crate) async fn delete(&self, ids: &[u64]) -> Result<(), Refusal> {
        let doing = "delete leads";
        let input: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        let body = Bytes::from(json!({ "input": input }).to_string());
        let reply = self
            .wire
            .call(&Ask::post("/rest/v1/leads/delete.json", doing, body))
            .await?;
        let records: Vec<Value> = reply.records(doing)?;
        let mut refused = records
            .iter()
            .filter_map(complaint)
            .filter(|no| no.code != "1004");
        match refused.next() {
            None => Ok(()),
            Some(complaint) => Err(self.wire.record_refused(complaint).into()),
        }
    }

    /// What fields there are.
    pub(crate) async fn describe(&self) -> Result<Schema, Refusal> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Described {
            fields: Vec<FieldShown>,
            searchable_fields: Vec<Vec<String>>,
        }
        let doing = "describe leads";
        let reply = self
            .wire
            .call(&Ask::get("/rest/v1/leads/describe2.json", doing))
            .await?;
        let mut schema = Schema::default();
        for described in reply.records::<Described>(doing)? {
            schema.fields.extend(described.fields);
            schema
                .searchable
                .extend(described.searchable_fields.into_iter().flatten());
        }
        Ok(schema)
    }

    /// Whether we may read and make fields.
    pub(crate) async fn may_make_fields(&self) -> Result<bool, Refusal> {
        let ask = Ask::get("/rest/v1/leads/schema/fields.json", "list fields");
        match self.wire.call(&ask).await {
            Ok(_) => Ok(true),
            Err(refusal) if refusal.code == "603" => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }

    /// Makes one field.
    pub(crate) async fn create_field(&self, field: &Value) -> Result<Result<(), Complaint>, Refusal> {
        let doing = "create a field";
        let body = Bytes::from(json!({ "input": [field] }).to_string());
        let reply = self
            .wire
            .call(&Ask::post("/rest/v1/leads/schema/fields.json", doing, body))
            .await?;
        let record: Option<Value> = reply.records(doing)?.into_iter().next();
        Ok(match record.as_ref().and_then(complaint) {
            Some(complaint) => Err(complaint),
            None => Ok(()),
        })
    }

    /// Where a feed begins that tells what happened since then.
    pub(crate) async fn paging_token(&self, since: DateTime<Utc>) -> Result<String, Refusal> {
        let doing = "ask where changes begin";
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let ask = Ask::get("/rest/v1/activities/pagingtoken.json", doing).with("sinceDatetime", since);
        let reply = self.wire.call(&ask).await?;
        let token = reply.next_page_token.filter(|token| !token.is_empty());
        token.ok_or_else(|| Wire::unreadable(doing, "no token").into())
    }

    /// What changed in these fields.
    pub(crate) async fn changes(&self, token: &str, field: &str, most: usize) -> Result<Page, Refusal> {
        let ask = Ask::get("/rest/v1/activities/leadchanges.json", "ask for changes")
            .with("fields", field)
            .with("batchSize", most.clamp(1, PER_CALL).to_string());
        self.page(ask, token).await
    }

    /// Who was deleted.
    pub(crate) async fn deleted(&self, token: &str) -> Result<Page, Refusal> {
        self.page(
            Ask::get("/rest/v1/activities/deletedleads.json", "ask for deleted leads"),
            token,
        )
        .await
    }

    async fn page(&self, ask: Ask, token: &str) -> Result<Page, Refusal> {
        let ask = ask.with("nextPageToken", token);
        let reply = self.wire.call(&ask).await?;
        let more = reply.more_result;
        let next = reply.next_page_token.clone().unwrap_or_else(|| token.to_owned());
        Ok(Page {
            activities: reply.records(ask.doing)?,
            next,
            more,
        })
    }

    /// Now and then, so that the others of the instance keep their share.
    pub(crate) async fn look_at_quota_when_due(&self) {
        if self.wire.pace.should_look(self.wire.clock.now())
            && let Err(refusal) = self.look_at_quota().await
        {
            tracing::debug!(error = %refusal.error, "Marketo does not say what is left of the quota");
        }
    }

    /// Asks how much of the day's quota all integrations have used, and tells everybody who should know.
    pub(crate) async fn look_at_quota(&self) -> Result<Quota, Refusal> {
        #[derive(Deserialize)]
        struct Usage {
            total: u64,
        }
        let doing = "look at the quota";
        let reply = self
            .wire
            .call(&Ask::get("/rest/v1/stats/usage.json", doing))
            .await?;
        let today = reply.records::<Usage>(doing)?.into_iter().next();
        Ok(self.wire.learn(today.map_or(0, |usage| usage.total)))
    }
}

fn written(record: &Value) -> Written {
    if let Some(complaint) = complaint(record) {
        return Err(complaint);
    }
    record["id"].as_u64().ok_or_else(|| Complaint {
        code: "500".to_owned(),
        message: "a result without id and reasons".to_owned(),
    })
}

/// Why a record was skipped; none when it was not.
fn complaint(record: &Value) -> Option<Complaint> {
    let first = record["reasons"].get(0).cloned();
    match first {
        Some(reason) => serde_json::from_value(reason).ok(),
        None if record["status"] == "skipped" => Some(Complaint {
            code: "1003".to_owned(),
            message: "skipped without a reason".to_owned(),
        }),
        None => None,
    }
}

impl Reply {
    /// The result as records of one kind.
    fn records<T: serde::de::DeserializeOwned>(self, doing: &'static str) -> Result<Vec<T>, ConnectorError> {
        let records = self.result.into_iter().map(serde_json::from_value);
        let records: Result<Vec<T>, _> = records.collect();
        // The parser's words may quote a value.
        records.map_err(|_| Wire::unreadable(doing, "a result of an unknown shape"))
    }
}
