//! The requests, in Salesforce's words; the only file that knows a URL.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::clock::Clock;
use connector_kit::dice::Dice;
use connector_kit::readiness::{self, Check};
use connector_kit::token::Granted;
use connector_kit::{CallBook, ConnectorError, ErrorKind};
use http::Method;
use http::header::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::connection::{Connection, Failure};
use crate::describe::Describe;
use crate::error::Fault;
use crate::login::Pass;
use crate::soql::encoded;

/// The most a collection takes (contract salesforce 5.1).
pub(crate) const COLLECTION: usize = 200;

const AUTO_ASSIGN: HeaderName = HeaderName::from_static("sforce-auto-assign");
const DUPLICATE_RULE: HeaderName = HeaderName::from_static("sforce-duplicate-rule-header");

/// Open to everybody.
pub(crate) const VERSIONS: &str = "/services/data";

/// A record as it travels.
pub(crate) type Record = Map<String, Value>;

/// What a write asks for besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// `TRUE`, `FALSE` or the id of a rule.
    pub auto_assign: String,
    /// Save although a duplicate rule warns.
    pub allow_save: bool,
}

impl Wishes {
    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        if let Ok(value) = HeaderValue::try_from(&self.auto_assign) {
            headers.push((AUTO_ASSIGN, value));
        }
        if self.allow_save {
            headers.push((DUPLICATE_RULE, HeaderValue::from_static("allowSave=true")));
        }
        headers
    }
}

/// Many records in one request, each for itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Collection<'a> {
    all_or_none: bool,
    records: Vec<Typed<'a>>,
}

/// A record and the object it is of.
struct Typed<'a> {
    object: &'a str,
    record: &'a Record,
}

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.record.len() + 1))?;
        map.serialize_entry("attributes", &json!({ "type": self.object }))?;
        for (name, value) in self.record {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// What became of one record of a collection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    /// Its id, when it is there now.
    pub id: Option<String>,
    /// What is wrong with it; empty when nothing.
    pub faults: Vec<Fault>,
}

impl Written {
    fn read(value: &Value) -> Self {
        let id = value.get("id").and_then(Value::as_str).map(str::to_owned);
        if value.get("success").and_then(Value::as_bool) == Some(true) {
            return Self {
                id,
                faults: Vec::new(),
            };
        }
        let faults: Vec<Fault> = value
            .get("errors")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Fault::read)
            .collect();
        let unnamed = Fault {
            code: "UNKNOWN_EXCEPTION".to_owned(),
            ..Fault::default()
        };
        Self {
            id: None,
            faults: if faults.is_empty() { vec![unnamed] } else { faults },
        }
    }
}

/// A page of a query; where the next one is is not followed: whoever wants more asks for what comes
/// after the last record.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    /// The records.
    pub records: Vec<T>,
    /// Whether these are all.
    pub done: bool,
    /// The moment the page was made, by their clock.
    #[serde(skip)]
    pub at: Option<DateTime<Utc>>,
}

/// A bulk job, as far as it matters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Job {
    /// Its id.
    pub id: String,
    /// `Open`, `UploadComplete`, `InProgress`, `JobComplete`, `Failed`, `Aborted`
    pub state: String,
    /// Why it failed.
    pub error_message: Option<String>,
}

/// A version the organisation speaks.
#[derive(Debug, Deserialize)]
pub(crate) struct Version {
    /// `62.0`
    pub version: String,
}

/// An organisation, and all it takes to speak to it.
pub(crate) struct Api {
    connection: Connection,
    /// Time, for what grows old.
    pub clock: Arc<dyn Clock>,
    /// Chance, for waits.
    pub dice: Dice,
}

type Told<T> = Result<T, Failure>;

impl Api {
    pub(crate) fn new(connection: Connection, clock: Arc<dyn Clock>, dice: Dice) -> Self {
        Self {
            connection,
            clock,
            dice,
        }
    }

    /// A token and what was said with it.
    pub(crate) async fn pass(&self) -> Result<Pass, ConnectorError> {
        self.connection.login.pass().await
    }

    /// Requests made, and what is left.
    pub(crate) fn calls(&self) -> &CallBook {
        &self.connection.calls
    }

    /// The version of the config.
    pub(crate) fn version(&self) -> &str {
        self.connection.version()
    }

    /// The looks at the way there.
    pub(crate) async fn look_at_the_way(&self) -> Vec<Check> {
        self.connection.look().await
    }

    /// The look at whether we are let in.
    pub(crate) async fn look_at_the_token(&self) -> (Check, Option<Granted>) {
        readiness::token(&self.connection.login.tokens).await
    }

    /// The versions the organisation speaks. Needs no token, is not counted.
    pub(crate) async fn versions(&self) -> Told<Vec<Version>> {
        let answer = self.connection.knock(VERSIONS).await?;
        read(&answer.body, "list the API versions")
    }

    /// What the integration user sees of an object.
    pub(crate) async fn describe(&self, object: &str) -> Result<Describe, ConnectorError> {
        let doing = format!("describe {object}");
        Ok(self.get(&format!("/sobjects/{object}/describe"), &doing).await?)
    }

    /// What is left of everything that is counted.
    pub(crate) async fn limits(&self) -> Told<Value> {
        self.get("/limits", "read the limits").await
    }

    /// One page of a query.
    pub(crate) async fn query<T: DeserializeOwned>(&self, soql: &str, doing: &str) -> Told<Page<T>> {
        self.page("/query", soql, doing).await
    }

    /// The same, with deleted records.
    pub(crate) async fn query_all<T: DeserializeOwned>(&self, soql: &str, doing: &str) -> Told<Page<T>> {
        self.page("/queryAll", soql, doing).await
    }

    /// One page of a query over metadata.
    pub(crate) async fn query_tooling<T: DeserializeOwned>(&self, soql: &str, doing: &str) -> Told<Page<T>> {
        self.page("/tooling/query", soql, doing).await
    }

    async fn page<T: DeserializeOwned>(&self, path: &str, soql: &str, doing: &str) -> Told<Page<T>> {
        let path = format!("{path}?q={}", encoded(soql));
        let answer = self
            .connection
            .send(Method::GET, &path, Bytes::new(), &[], doing)
            .await?;
        let mut page: Page<T> = read(&answer.body, doing)?;
        page.at = answer.at;
        Ok(page)
    }

    /// Leads by key: made where the key is unknown, changed where it is known.
    pub(crate) async fn upsert(&self, key: &str, records: &[&Record], wishes: &Wishes) -> Told<Vec<Written>> {
        let path = format!("/composite/sobjects/Lead/{key}");
        self.collection(Method::PATCH, &path, "Lead", records, wishes)
            .await
    }

    /// Records by id: changed, never made.
    pub(crate) async fn update(
        &self,
        object: &str,
        records: &[&Record],
        wishes: &Wishes,
    ) -> Told<Vec<Written>> {
        self.collection(Method::PATCH, "/composite/sobjects", object, records, wishes)
            .await
    }

    /// New records. Not to be repeated blindly.
    pub(crate) async fn create(&self, object: &str, records: &[&Record]) -> Told<Vec<Written>> {
        let wishes = Wishes {
            auto_assign: "FALSE".to_owned(),
            allow_save: false,
        };
        self.collection(Method::POST, "/composite/sobjects", object, records, &wishes)
            .await
    }

    async fn collection(
        &self,
        method: Method,
        path: &str,
        object: &str,
        records: &[&Record],
        wishes: &Wishes,
    ) -> Told<Vec<Written>> {
        let doing = format!("write {} records of {object}", records.len());
        let typed = records.iter().map(|record| Typed { object, record });
        let body = Collection {
            all_or_none: false,
            records: typed.collect(),
        };
        let answer = self
            .connection
            .send(method, path, json_of(&body), &wishes.headers(), &doing)
            .await?;
        let results: Vec<Value> = read(&answer.body, &doing)?;
        if results.len() != records.len() {
            let text = format!("{doing}: the answer tells of {}", results.len());
            return Err(ConnectorError::new(ErrorKind::Broken, text).into());
        }
        Ok(results.iter().map(Written::read).collect())
    }

    /// One lead by key; unlike a collection it tells what a duplicate rule found.
    pub(crate) async fn upsert_one(
        &self,
        key: &str,
        value: &str,
        record: &Record,
        wishes: &Wishes,
    ) -> Told<Written> {
        let path = format!("/sobjects/Lead/{key}/{}", encoded(value));
        let doing = "write a record of Lead";
        match self
            .connection
            .send(Method::PATCH, &path, json_of(record), &wishes.headers(), doing)
            .await
        {
            Ok(answer) if answer.body.is_empty() => Ok(Written::default()),
            Ok(answer) => Ok(Written::read(&read(&answer.body, doing)?)),
            Err(failure) if failure.is_about_the_record() => Ok(Written {
                id: None,
                faults: failure.faults,
            }),
            Err(failure) => Err(failure),
        }
    }

    /// The lead with this key, with all its fields; none when nobody has the key.
    pub(crate) async fn lead(&self, key: &str, value: &str) -> Told<Option<Value>> {
        let path = format!("/sobjects/Lead/{key}/{}", encoded(value));
        match self.get(&path, "look for a record of Lead").await {
            Ok(record) => Ok(Some(record)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Deletes a lead; one that is gone already is as good.
    pub(crate) async fn delete_lead(&self, id: &str) -> Told<()> {
        let path = format!("/sobjects/Lead/{}", encoded(id));
        let doing = "delete a record of Lead";
        match self
            .connection
            .send(Method::DELETE, &path, Bytes::new(), &[], doing)
            .await
        {
            Err(failure) if !failure.is_not_found() => Err(failure),
            _ => Ok(()),
        }
    }

    /// One new record of setup data; its id.
    pub(crate) async fn create_setup(&self, path: &str, record: &Value, doing: &str) -> Told<()> {
        self.connection
            .send(Method::POST, path, json_of(record), &[], doing)
            .await?;
        Ok(())
    }

    /// Opens a job that upserts leads by key.
    pub(crate) async fn open_job(&self, key: &str, assignment_rule: Option<&str>) -> Told<Job> {
        let mut body = json!({
            "object": "Lead", "operation": "upsert", "externalIdFieldName": key,
            "contentType": "CSV", "lineEnding": "LF", "columnDelimiter": "COMMA",
        });
        if let Some(rule) = assignment_rule {
            body["assignmentRuleId"] = rule.into();
        }
        self.job(Method::POST, "/jobs/ingest", Some(&body)).await
    }

    /// Gives a job its only upload.
    pub(crate) async fn upload(&self, job: &str, csv: String) -> Told<()> {
        let path = format!("/jobs/ingest/{}/batches", encoded(job));
        self.connection
            .put(&path, Bytes::from(csv), "text/csv", "upload a bulk job")
            .await?;
        Ok(())
    }

    /// Says that a job has all its rows, or that nobody wants it any more.
    pub(crate) async fn set_job(&self, job: &str, state: &str) -> Told<Job> {
        let path = format!("/jobs/ingest/{}", encoded(job));
        self.job(Method::PATCH, &path, Some(&json!({ "state": state })))
            .await
    }

    /// How a job stands.
    pub(crate) async fn look_at_job(&self, job: &str) -> Told<Job> {
        self.job(Method::GET, &format!("/jobs/ingest/{}", encoded(job)), None)
            .await
    }

    async fn job(&self, method: Method, path: &str, body: Option<&Value>) -> Told<Job> {
        let doing = "run a bulk job";
        let answer = self
            .connection
            .send(method, path, body.map_or_else(Bytes::new, json_of), &[], doing)
            .await?;
        read(&answer.body, doing)
    }

    /// One of the results of a job, as text.
    pub(crate) async fn results(&self, job: &str, which: &str) -> Told<String> {
        let path = format!("/jobs/ingest/{}/{which}", encoded(job));
        let doing = "read the results of a bulk job";
        let answer = self
            .connection
            .send(Method::GET, &path, Bytes::new(), &[], doing)
            .await?;
        String::from_utf8(answer.body.into()).map_err(|_| unreadable(doing))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, doing: &str) -> Told<T> {
        let answer = self
            .connection
            .send(Method::GET, path, Bytes::new(), &[], doing)
            .await?;
        read(&answer.body, doing)
    }
}

fn json_of(body: &impl Serialize) -> Bytes {
    // Maps with text keys always become JSON.
    Bytes::from(serde_json::to_vec(body).unwrap_or_default())
}

/// A 200 that says something else than it should: a page of some machine in between, or a fault.
fn read<T: DeserializeOwned>(body: &Bytes, doing: &str) -> Told<T> {
    serde_json::from_slice(body).map_err(|_| unreadable(doing))
}

fn unreadable(doing: &str) -> Failure {
    ConnectorError::new(
        ErrorKind::Broken,
        format!("{doing}: 200, but not the answer of the API"),
    )
    .hint("look whether a proxy answers in place of Salesforce")
    .into()
}
