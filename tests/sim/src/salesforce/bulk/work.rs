//! The work of a bulk job, row by row.

use std::collections::HashMap;

use serde_json::Value;

use super::{Job, State};
use crate::salesforce::answer::Refusal;
use crate::salesforce::call::Manner;
use crate::salesforce::csv;
use crate::salesforce::id;
use crate::salesforce::org::Org;
use crate::salesforce::save::Upserted;
use crate::salesforce::schema::Object;
use crate::salesforce::store::Row;
use crate::salesforce::value;

const ROWS_IN_BATCH: usize = 10_000;

/// What all rows of a job share.
struct Load<'a> {
    job: &'a Job,
    object: &'a Object,
    header: &'a [String],
    manner: Manner,
    /// How often the upload names each key.
    times: HashMap<&'a str, usize>,
}

impl Org {
    /// Works off the jobs whose time has come.
    pub(super) fn work_off(&mut self) {
        let (now, takes) = (self.now(), self.jobs.delay + self.jobs.work);
        let due = |job: &Job| matches!(job.state, State::Closed(at) if at + takes <= now);
        let ids: Vec<_> = self
            .jobs
            .all
            .iter()
            .filter(|(_, job)| due(job))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            let Some(mut job) = self.jobs.all.remove(&id) else {
                continue;
            };
            if job.fails_with.is_none() {
                job.fails_with = self.work_on(&mut job).err();
            }
            job.state = if job.fails_with.is_none() {
                State::Complete
            } else {
                State::Failed
            };
            self.jobs.all.insert(id, job);
        }
    }

    /// Saves every row, or tells why the job fails as a whole.
    fn work_on(&mut self, job: &mut Job) -> Result<(), String> {
        let rows = csv::read(&job.csv, job.delimiter.1).unwrap_or_default();
        let (header, rows) = rows
            .split_first()
            .ok_or("InvalidBatch : The upload has no header")?;
        let object = self.object(&job.object).map_err(|refusal| refusal.message)?;
        let readable = |name: &&String| {
            object
                .field(name)
                .is_some_and(|field| field.is_readable(self.now()))
        };
        if let Some(unknown) = header.iter().find(|name| !readable(name)) {
            return Err(format!("InvalidBatch : Field name not found : {unknown}"));
        }
        self.jobs.batches += rows.len().div_ceil(ROWS_IN_BATCH) as u64;
        let place = job
            .key
            .as_ref()
            .and_then(|key| header.iter().position(|name| name.eq_ignore_ascii_case(key)));
        let mut times = HashMap::new();
        for key in rows.iter().filter_map(|row| row.get(place?)) {
            *times.entry(key.as_str()).or_default() += 1;
        }
        let load = Load {
            job: &job.clone(),
            object: &object,
            header,
            manner: Manner {
                assign: job.rule.clone(),
                allow_save: false,
            },
            times,
        };
        for row in rows {
            let cells = row.iter().map(String::as_str);
            let comma = job.delimiter.1;
            job.processed += 1;
            match self.work_row(&load, row) {
                Ok((id, created)) => {
                    let created = if created { "true" } else { "false" };
                    job.done
                        .push(csv::write([id.as_str(), created].into_iter().chain(cells), comma));
                }
                Err(refusal) => {
                    let error = refusal.of_row();
                    job.failed
                        .push(csv::write(["", &error].into_iter().chain(cells), comma));
                }
            }
        }
        Ok(())
    }

    fn work_row(&mut self, load: &Load<'_>, row: &[String]) -> Result<(String, bool), Refusal> {
        let mut fields = load.fields(row)?;
        let id = fields.remove("Id").and_then(|id| id::read(id.as_str()?));
        let (object, manner) = (load.object, &load.manner);
        let missing = |name: &str| Refusal::new("MISSING_ARGUMENT", format!("{name} not specified"));
        match (load.job.operation.as_str(), &load.job.key) {
            ("insert", _) => Ok((self.create(object, &fields, manner)?, true)),
            ("upsert", Some(key)) => {
                let value = if key == "Id" {
                    id.map(Value::from)
                } else {
                    fields.remove(key)
                };
                let value = value
                    .filter(|value| !value.is_null())
                    .ok_or_else(|| missing(key))?;
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                self.upsert_row(load, key, &value, &fields)
            }
            ("update", _) => {
                let id = id.ok_or_else(|| missing("Id"))?;
                self.update(object, &id, &fields, manner)?;
                Ok((id, false))
            }
            _ => {
                let id = id.ok_or_else(|| missing("Id"))?;
                self.delete(object, &id)?;
                Ok((id, false))
            }
        }
    }

    fn upsert_row(
        &mut self,
        load: &Load<'_>,
        key: &str,
        value: &str,
        fields: &Row,
    ) -> Result<(String, bool), Refusal> {
        if load.times.get(value).is_some_and(|times| *times > 1) {
            let message = format!("Duplicate external id specified: {value}");
            return Err(Refusal::new("DUPLICATE_VALUE", message).on(key));
        }
        let field = self.key_field(load.object, key)?.clone();
        match self.upsert(load.object, &field, value, fields, &load.manner)? {
            Upserted::Created(id) => Ok((id, true)),
            Upserted::Updated(id) => Ok((id, false)),
            Upserted::Several(_) => {
                let message = format!("{key}: more than one record found for external id field");
                Err(Refusal::new("DUPLICATE_EXTERNAL_ID", message).on(key))
            }
        }
    }
}

impl Load<'_> {
    /// The cells of a row under the names of their fields.
    fn fields(&self, row: &[String]) -> Result<Row, Refusal> {
        if row.len() != self.header.len() {
            let message = "the row has another number of columns than the header";
            return Err(Refusal::new("INVALID_CSV", message));
        }
        let mut fields = Row::new();
        for (name, cell) in self.header.iter().zip(row) {
            let Some(field) = self.object.field(name) else {
                continue;
            };
            let value = match cell.as_str() {
                // An empty cell leaves the field as it is.
                "" => continue,
                "#N/A" => Value::Null,
                cell => value::from_cell(field, cell),
            };
            fields.insert(field.name.clone(), value);
        }
        Ok(fields)
    }
}
