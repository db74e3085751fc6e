//! Many new leads at once, by a job of Bulk API 2.0 (contract salesforce 6). What a job does not take
//! goes the usual way, where every policy is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::{ConnectorError, ErrorKind};
use serde_json::Value;

use super::row::{Row, Step};
use super::{Leads, places};
use crate::api::COLLECTION;
use crate::config::Assignment;
use crate::csv;
use crate::mapping::Purpose;

/// An upload holds 150 MB after base64.
const UPLOAD_BYTES: usize = 90 * 1024 * 1024;
/// Between two looks, at first and at most.
const FIRST_LOOK: Duration = Duration::from_secs(1);
const LAST_LOOK: Duration = Duration::from_secs(15);

impl Leads {
    pub(super) async fn run_bulk(&self, rows: &mut [Row<'_>]) -> Result<(), ConnectorError> {
        let open = places(rows, |step| matches!(step, Step::Create { allow_save: false }));
        let open: Vec<usize> = open.into_iter().filter(|place| rows[*place].is_fresh()).collect();
        if self.bulk.from == 0 || open.len() < self.bulk.from.max(COLLECTION + 1) {
            return Ok(());
        }
        let mut rest = &open[..];
        while !rest.is_empty() {
            let count = self.load(rows, rest).await?;
            rest = &rest[count..];
        }
        Ok(())
    }

    /// One job with as many rows as fit; how many that were.
    async fn load(&self, rows: &mut [Row<'_>], open: &[usize]) -> Result<usize, ConnectorError> {
        let lead = self.schema.get().await?;
        let (mut records, mut bytes, mut count) = (Vec::new(), 0, 0);
        for place in open {
            let row = &mut rows[*place];
            match self
                .shape
                .record(row.delivery, &lead, Purpose::Create, &row.without)
            {
                Ok(record) => {
                    bytes += csv::size(&record);
                    if !records.is_empty() && (bytes > UPLOAD_BYTES || records.len() >= self.bulk.most) {
                        break;
                    }
                    row.load();
                    records.push(record);
                }
                Err(error) if error.kind() == ErrorKind::Misconfigured => {
                    return Ok(Self::usual_way(rows, open));
                }
                Err(error) => row.fail(error),
            }
            count += 1;
        }
        let places: Vec<usize> = open[..count]
            .iter()
            .copied()
            .filter(|place| !rows[*place].is_done())
            .collect();
        match self.run(csv::write(&records)).await {
            Ok(results) => settle(rows, &places, &results),
            Err(error) if concerns_the_job(&error) => {
                tracing::warn!(event = "bulk_failed", error = %error, "a bulk job failed; its leads go by collections");
                Self::usual_way(rows, &places);
            }
            Err(error) => {
                self.doubt(places.iter().map(|place| rows[*place].id()));
                return Err(error);
            }
        }
        Ok(count)
    }

    /// These rows are looked up and written as if there were no jobs.
    fn usual_way(rows: &mut [Row<'_>], places: &[usize]) -> usize {
        for place in places {
            rows[*place].load();
            if !rows[*place].is_done() {
                rows[*place].step = Step::LookUp;
            }
        }
        places.len()
    }

    /// The job from its beginning to its results: key -> id of what was written.
    async fn run(&self, csv: String) -> Result<BTreeMap<String, Option<String>>, ConnectorError> {
        let rule = self.bulk_rule().await?;
        let job = self.api.open_job(&self.shape.key_field, rule.as_deref()).await?;
        let ended = match self.api.upload(&job.id, csv).await {
            Ok(()) => self.wait(&job.id).await,
            Err(failure) => Err(failure.into()),
        };
        if let Err(error) = ended {
            // What is in it may be written or not; the next attempt finds out.
            let _ = self.api.set_job(&job.id, "Aborted").await;
            return Err(error);
        }
        let mut results = BTreeMap::new();
        for which in ["successfulResults", "failedResults"] {
            let text = self.api.results(&job.id, which).await?;
            self.collect(&text, which == "successfulResults", &mut results)?;
        }
        Ok(results)
    }

    async fn wait(&self, job: &str) -> Result<(), ConnectorError> {
        self.api.set_job(job, "UploadComplete").await?;
        let patience = TimeDelta::from_std(self.bulk.patience).unwrap_or(TimeDelta::minutes(10));
        let until = self.api.clock.now() + patience;
        let mut pause = FIRST_LOOK;
        loop {
            let job = self.api.look_at_job(job).await?;
            match job.state.as_str() {
                "JobComplete" => return Ok(()),
                // Some of its rows may be written all the same: the results tell.
                "Failed" | "Aborted" => {
                    tracing::warn!(
                        event = "bulk_failed",
                        state = job.state,
                        code = code(&job),
                        "a bulk job came to no good end"
                    );
                    return Ok(());
                }
                _ if self.api.clock.now() >= until => {
                    let text = format!(
                        "run a bulk job: it is {} after {:?}",
                        job.state, self.bulk.patience
                    );
                    return Err(ConnectorError::new(ErrorKind::Throttled, text)
                        .hint("raise bulk.patience, or bulk.from"));
                }
                _ => self.api.clock.rest(pause).await,
            }
            pause = (pause * 2).min(LAST_LOOK);
        }
    }

    /// A job runs no assignment rule of itself; so that new leads find their owners, it names the active one.
    async fn bulk_rule(&self) -> Result<Option<String>, ConnectorError> {
        if self.assignment == Assignment::Never || self.assignment_rule.is_some() {
            return Ok(self
                .assignment_rule
                .clone()
                .filter(|_| self.assignment == Assignment::OnCreate));
        }
        let soql = "SELECT Id FROM AssignmentRule WHERE SobjectType = 'Lead' AND Active = true";
        let page = self
            .api
            .query::<Value>(soql, "look up the assignment rule")
            .await?;
        let id = page.records.first().and_then(|rule| rule.get("Id")?.as_str());
        Ok(id.map(str::to_owned))
    }

    fn collect(
        &self,
        text: &str,
        written: bool,
        results: &mut BTreeMap<String, Option<String>>,
    ) -> Result<(), ConnectorError> {
        let broken = || {
            ConnectorError::new(
                ErrorKind::Unreachable,
                "read the results of a bulk job: they are not whole",
            )
        };
        let mut lines = csv::read(text).ok_or_else(broken)?.into_iter();
        let Some(head) = lines.next() else { return Ok(()) };
        let column = |name: &str| head.iter().position(|column| column.eq_ignore_ascii_case(name));
        let key = column(&self.shape.key_field).ok_or_else(broken)?;
        let id = column("sf__Id").ok_or_else(broken)?;
        for line in lines {
            let (Some(key), Some(id)) = (line.get(key), line.get(id)) else {
                return Err(broken());
            };
            results.insert(key.clone(), written.then(|| id.clone()));
        }
        Ok(())
    }
}

/// By key, not by order. What failed goes the usual way; of what is not named, somebody has to look.
fn settle(rows: &mut [Row<'_>], places: &[usize], results: &BTreeMap<String, Option<String>>) {
    for place in places {
        let row = &mut rows[*place];
        match results.get(&row.id().to_string()) {
            Some(Some(id)) => row.hold(Some(id.clone())),
            Some(None) => {}
            None => row.step = Step::LookUp,
        }
    }
}

/// The organisation takes no such job, or not this one; leads may still get through one call at a time.
fn concerns_the_job(error: &ConnectorError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Rejected | ErrorKind::Misconfigured | ErrorKind::Broken | ErrorKind::Conflict
    )
}

/// The code before their words, which may quote a row: `InvalidBatch : Field name not found : ..`.
fn code(job: &crate::api::Job) -> &str {
    let words = job.error_message.as_deref().unwrap_or_default();
    let code = words.split_whitespace().next().unwrap_or_default();
    if code.chars().all(|c| c.is_ascii_alphabetic()) {
        code
    } else {
        ""
    }
}
