//! Bulk API 2.0 ingest: a job is made, filled once, closed, worked off, told (contract salesforce 6).

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::call::Call;
use super::org::Org;
use super::route::{Version, only};
use super::value;

mod work;

const MOST_BYTES: usize = 100 << 20;

/// Every job, and how long one takes.
#[derive(Default)]
pub(super) struct Jobs {
    /// Seconds between the close and the work.
    pub(super) delay: i64,
    /// Seconds the work takes.
    pub(super) work: i64,
    /// The next job closed comes to nothing, with this message.
    pub(super) fail_next: Option<String>,
    all: BTreeMap<String, Job>,
    batches: u64,
}

#[derive(Clone)]
struct Job {
    object: String,
    operation: String,
    key: Option<String>,
    rule: Option<String>,
    delimiter: (&'static str, char),
    crlf: bool,
    version: String,
    created: i64,
    state: State,
    csv: String,
    done: Vec<String>,
    failed: Vec<String>,
    processed: usize,
    fails_with: Option<String>,
}

/// Where a job stands; `Closed` is told as `UploadComplete`, then `InProgress`, by the clock.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    Uploaded,
    Closed(i64),
    Complete,
    Failed,
    Aborted,
}

const DELIMITERS: [(&str, char); 6] = [
    ("COMMA", ','),
    ("TAB", '\t'),
    ("SEMICOLON", ';'),
    ("PIPE", '|'),
    ("CARET", '^'),
    ("BACKQUOTE", '`'),
];

impl Jobs {
    pub(super) fn batches(&self) -> u64 {
        self.batches
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }
}

impl Org {
    pub(super) fn ingest(
        &mut self,
        call: &Call,
        version: &Version,
        path: &[&str],
    ) -> Result<Answer, Refusal> {
        self.work_off();
        match path {
            [] => {
                only(call, &[Method::GET, Method::POST])?;
                if call.method == Method::GET {
                    return Ok(self.list_jobs());
                }
                self.open_job(call, version)
            }
            [id] => self.one_job(call, id),
            [id, "batches"] => self.upload(call, id),
            [id, results] => self.results(call, id, results),
            _ => Err(Refusal::not_found()),
        }
    }

    fn open_job(&mut self, call: &Call, version: &Version) -> Result<Answer, Refusal> {
        let asked = call.object()?;
        let text = |name: &str| asked.get(name).and_then(Value::as_str);
        let invalid = |message: String| Refusal::new("INVALIDJOB", message);
        let operation = text("operation").unwrap_or_default();
        if !["insert", "update", "upsert", "delete"].contains(&operation) {
            return Err(invalid(format!("InvalidJob : unsupported operation {operation}")));
        }
        if text("contentType").is_some_and(|media| media != "CSV") {
            return Err(invalid("InvalidJob : contentType has to be CSV".to_owned()));
        }
        let object = self.object(text("object").unwrap_or_default())?;
        let key = match (operation, text("externalIdFieldName")) {
            ("upsert", None) => {
                return Err(invalid(
                    "InvalidJob : Must specify an External ID field name for upsert".to_owned(),
                ));
            }
            ("upsert", Some(name)) => Some(self.key_field(&object, name)?.name.clone()),
            _ => None,
        };
        let wish = text("columnDelimiter").unwrap_or("COMMA");
        let delimiter = DELIMITERS.into_iter().find(|(name, _)| *name == wish);
        let id = self.store.mint("750");
        let job = Job {
            object: object.name.clone(),
            operation: operation.to_owned(),
            key,
            rule: text("assignmentRuleId").map(str::to_owned),
            delimiter: delimiter
                .ok_or_else(|| invalid(format!("InvalidJob : unknown columnDelimiter {wish}")))?,
            crlf: text("lineEnding") == Some("CRLF"),
            version: version.name.clone(),
            created: self.now(),
            state: State::Open,
            csv: String::new(),
            done: Vec::new(),
            failed: Vec::new(),
            processed: 0,
            fails_with: None,
        };
        let told = self.tell_job(&id, &job);
        self.jobs.all.insert(id, job);
        Ok(Answer::json(200, told))
    }

    fn upload(&mut self, call: &Call, id: &str) -> Result<Answer, Refusal> {
        only(call, &[Method::PUT])?;
        let job = self.job(id)?;
        if job.state != State::Open {
            return Err(Refusal::new(
                "INVALIDJOBSTATE",
                "Found multiple contents for job: one upload per job",
            ));
        }
        if !call
            .header("content-type")
            .unwrap_or_default()
            .starts_with("text/csv")
        {
            return Err(
                Refusal::new("UNSUPPORTED_MEDIA_TYPE", "Content-Type has to be text/csv").with_status(415),
            );
        }
        if call.body.len() > MOST_BYTES {
            return Err(
                Refusal::new("EXCEEDED_MAX_SIZE_REQUEST", "The upload is too large").with_status(413),
            );
        }
        let text = String::from_utf8(call.body.to_vec());
        let text = text.map_err(|_| Refusal::new("INVALIDJOB", "The upload is not UTF-8"))?;
        let job = self.job_mut(id)?;
        job.csv = text;
        job.state = State::Uploaded;
        Ok(Answer::text(201, "text/plain", ""))
    }

    fn one_job(&mut self, call: &Call, id: &str) -> Result<Answer, Refusal> {
        only(call, &[Method::DELETE, Method::GET, Method::PATCH])?;
        if call.method == Method::PATCH {
            self.change_state(call, id)?;
        }
        let job = self.job(id)?.clone();
        if call.method == Method::DELETE {
            if matches!(job.state, State::Open | State::Uploaded | State::Closed(_)) {
                return Err(Refusal::new(
                    "API_ERROR",
                    "The job has to be complete, failed or aborted to be deleted",
                ));
            }
            self.jobs.all.remove(id);
            return Ok(Answer::empty(204));
        }
        Ok(Answer::json(200, self.tell_job(id, &job)))
    }

    fn change_state(&mut self, call: &Call, id: &str) -> Result<(), Refusal> {
        let wish = call.object()?;
        let now = self.now();
        let state = match (wish.get("state").and_then(Value::as_str), self.job(id)?.state) {
            (Some("UploadComplete"), State::Open | State::Uploaded) => State::Closed(now),
            (Some("Aborted"), State::Open | State::Uploaded | State::Closed(_)) => State::Aborted,
            (wish, _) => {
                let message = format!("Job cannot be set to {}", wish.unwrap_or("nothing"));
                return Err(Refusal::new("INVALIDJOBSTATE", message));
            }
        };
        let fails_with = self.jobs.fail_next.take_if(|_| state != State::Aborted);
        let job = self.job_mut(id)?;
        job.state = state;
        job.fails_with = fails_with;
        Ok(())
    }

    fn results(&mut self, call: &Call, id: &str, which: &str) -> Result<Answer, Refusal> {
        only(call, &[Method::GET])?;
        let job = self.job(id)?;
        if matches!(job.state, State::Open | State::Uploaded | State::Closed(_)) {
            return Err(Refusal::new("INVALIDJOBSTATE", "The job is not complete"));
        }
        let header = job.csv.lines().next().unwrap_or_default();
        let comma = job.delimiter.1;
        let (head, rows): (String, Vec<String>) = match which {
            "successfulResults" => (
                format!("\"sf__Id\"{comma}\"sf__Created\"{comma}{header}"),
                job.done.clone(),
            ),
            "failedResults" => (
                format!("\"sf__Id\"{comma}\"sf__Error\"{comma}{header}"),
                job.failed.clone(),
            ),
            "unprocessedrecords" | "unprocessedRecords" => {
                let left = if job.state == State::Complete {
                    Vec::new()
                } else {
                    rest_of(&job.csv)
                };
                (header.to_owned(), left)
            }
            _ => return Err(Refusal::not_found()),
        };
        Ok(Answer::text(
            200,
            "text/csv",
            format!("{head}\n{}", rows.concat()),
        ))
    }

    fn list_jobs(&self) -> Answer {
        let jobs: Vec<_> = self
            .jobs
            .all
            .iter()
            .map(|(id, job)| self.tell_job(id, job))
            .collect();
        Answer::json(
            200,
            json!({ "done": true, "nextRecordsUrl": null, "records": jobs }),
        )
    }

    fn tell_job(&self, id: &str, job: &Job) -> Value {
        let created = value::stamp(job.created);
        let mut told = json!({
            "id": id, "operation": job.operation, "object": job.object, "createdById": self.integration_user,
            "createdDate": created, "systemModstamp": created, "state": self.state_name(job),
            "concurrencyMode": "Parallel", "contentType": "CSV",
            "apiVersion": job.version.trim_start_matches('v').parse::<f64>().unwrap_or_default(),
            "lineEnding": if job.crlf { "CRLF" } else { "LF" }, "columnDelimiter": job.delimiter.0,
        });
        if let Some(key) = &job.key {
            told["externalIdFieldName"] = json!(key);
        }
        if let Some(rule) = &job.rule {
            told["assignmentRuleId"] = json!(rule);
        }
        if job.state == State::Open {
            told["contentUrl"] = json!(format!("services/data/{}/jobs/ingest/{id}/batches", job.version));
        } else {
            told["jobType"] = json!("V2Ingest");
            told["numberRecordsProcessed"] = json!(job.processed);
            told["numberRecordsFailed"] = json!(job.failed.len());
            for counter in [
                "retries",
                "totalProcessingTime",
                "apiActiveProcessingTime",
                "apexProcessingTime",
            ] {
                told[counter] = json!(0);
            }
        }
        if let (State::Failed, Some(message)) = (job.state, &job.fails_with) {
            told["errorMessage"] = json!(message);
        }
        told
    }

    fn state_name(&self, job: &Job) -> &'static str {
        match job.state {
            State::Open | State::Uploaded => "Open",
            State::Closed(at) if self.now() <= at + self.jobs.delay => "UploadComplete",
            State::Closed(_) => "InProgress",
            State::Complete => "JobComplete",
            State::Failed => "Failed",
            State::Aborted => "Aborted",
        }
    }

    fn job(&self, id: &str) -> Result<&Job, Refusal> {
        self.jobs.all.get(id).ok_or_else(Refusal::not_found)
    }

    fn job_mut(&mut self, id: &str) -> Result<&mut Job, Refusal> {
        self.jobs.all.get_mut(id).ok_or_else(Refusal::not_found)
    }
}

fn rest_of(csv: &str) -> Vec<String> {
    csv.lines().skip(1).map(|line| format!("{line}\n")).collect()
}
