//! Up to 200 records in a request, each with a result of its own (contract salesforce 5.1).

use std::collections::HashMap;

use http::Method;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::call::{Call, Manner};
use super::id;
use super::org::Org;
use super::records::CREATED_SINCE;
use super::route::{Version, only};
use super::save::{Upserted, no_column};
use super::schema::{Field, Object};
use super::store::Row;

const MOST: usize = 200;

/// A record's id, and whether the request made it, where that is told.
type Saved = (String, Option<bool>);

/// The records of a request, and whether they stand and fall together.
struct Batch {
    all_or_none: bool,
    records: Vec<Row>,
}

impl Batch {
    fn read(call: &Call) -> Result<Self, Refusal> {
        let body = call.object()?;
        let records = body.get("records").and_then(Value::as_array);
        let records = records.ok_or_else(|| Refusal::new("JSON_PARSER_ERROR", "records is required"))?;
        limit(records.len())?;
        let records = records.iter().map(|record| {
            let record = record.as_object().cloned();
            record.ok_or_else(|| Refusal::new("JSON_PARSER_ERROR", "a record has to be an object"))
        });
        Ok(Self {
            all_or_none: body.get("allOrNone") == Some(&json!(true)),
            records: records.collect::<Result<_, _>>()?,
        })
    }
}

impl Org {
    /// `/composite/sobjects`: create, update, delete.
    pub(super) fn collection(&mut self, call: &Call, version: &Version) -> Result<Answer, Refusal> {
        only(call, &[Method::DELETE, Method::PATCH, Method::POST])?;
        let manner = call.manner(version.number);
        if call.method == Method::DELETE {
            return self.collection_delete(call);
        }
        let creating = call.method == Method::POST;
        let batch = Batch::read(call)?;
        Ok(self.each(&batch, |org, record| {
            let object = org.object(kind(record)?)?;
            if creating {
                return Ok((org.create(&object, record, &manner)?, None));
            }
            let id = record
                .get("id")
                .or_else(|| record.get("Id"))
                .and_then(Value::as_str);
            let id = id
                .and_then(id::read)
                .ok_or_else(|| Refusal::new("MISSING_ARGUMENT", "Id not specified in an update call"))?;
            let mut fields = record.clone();
            fields.retain(|name, _| !name.eq_ignore_ascii_case("id"));
            org.update(&object, &id, &fields, &manner)?;
            Ok((id, None))
        }))
    }

    fn collection_delete(&mut self, call: &Call) -> Result<Answer, Refusal> {
        let ids = call.parameter("ids").unwrap_or_default();
        let ids: Vec<_> = ids.split(',').map(str::to_owned).collect();
        limit(ids.len())?;
        let batch = Batch {
            all_or_none: call.parameter("allOrNone").as_deref() == Some("true"),
            records: ids
                .into_iter()
                .map(|id| Row::from_iter([("id".to_owned(), json!(id))]))
                .collect(),
        };
        Ok(self.each(&batch, |org, record| {
            let given = record["id"].as_str().unwrap_or_default();
            let malformed = || Refusal::new("MALFORMED_ID", format!("malformed id {given}"));
            let id = id::read(given).ok_or_else(malformed)?;
            let object = org.schema.with_prefix(&id[..3]).cloned().ok_or_else(malformed)?;
            org.delete(&object, &id)?;
            Ok((id, None))
        }))
    }

    /// `PATCH /composite/sobjects/{object}/{field}`
    pub(super) fn collection_upsert(
        &mut self,
        call: &Call,
        version: &Version,
        object: &str,
        field: &str,
    ) -> Result<Answer, Refusal> {
        only(call, &[Method::PATCH])?;
        if version.number < CREATED_SINCE {
            return Err(Refusal::not_found());
        }
        let object = self.object(object)?;
        let field = self.key_field(&object, field)?.clone();
        let batch = Batch::read(call)?;
        self.well_formed(&object, &batch)?;
        let manner = call.manner(version.number);
        let times = times_named(&batch, &field);
        Ok(self.each(&batch, |org, record| {
            org.upsert_of_many(&object, &field, record, &times, &manner)
        }))
    }

    /// What makes the whole request fail: another object, or none.
    fn well_formed(&self, object: &Object, batch: &Batch) -> Result<(), Refusal> {
        let now = self.now();
        for record in &batch.records {
            let kind = kind(record)?;
            if !kind.eq_ignore_ascii_case(&object.name) {
                let message = format!("sObject type {kind} does not match {}", object.name);
                return Err(Refusal::new("INVALID_INPUT", message));
            }
            let unknown = |name: &&String| {
                *name != "attributes" && !object.field(name).is_some_and(|it| it.is_readable(now))
            };
            if let Some(name) = record
                .keys()
                .find(unknown)
                .filter(|_| self.unknown_field_fails_call)
            {
                return Err(no_column(name, &object.name));
            }
        }
        Ok(())
    }

    fn upsert_of_many(
        &mut self,
        object: &Object,
        field: &Field,
        record: &Row,
        times: &HashMap<String, usize>,
        manner: &Manner,
    ) -> Result<Saved, Refusal> {
        let key = key_of(record, field).ok_or_else(|| {
            let message = format!("{} not specified", field.name);
            Refusal::new("MISSING_ARGUMENT", message).on(&field.name)
        })?;
        if times.get(&key).is_some_and(|times| *times > 1) {
            let message = format!("Duplicate external id specified: {key}");
            return Err(Refusal::new("DUPLICATE_VALUE", message).on(&field.name));
        }
        let mut fields = record.clone();
        fields.retain(|name, _| !name.eq_ignore_ascii_case(&field.name));
        match self.upsert(object, field, &key, &fields, manner)? {
            Upserted::Created(id) => Ok((id, Some(true))),
            Upserted::Updated(id) => Ok((id, Some(false))),
            Upserted::Several(_) => {
                let message = format!("{}: more than one record found for external id field", field.name);
                Err(Refusal::new("DUPLICATE_EXTERNAL_ID", message).on(&field.name))
            }
        }
    }

    /// Does one thing to each record and tells the results in order.
    fn each(
        &mut self,
        batch: &Batch,
        mut save: impl FnMut(&mut Self, &Row) -> Result<Saved, Refusal>,
    ) -> Answer {
        let mark = self.begin();
        let results: Vec<_> = batch.records.iter().map(|record| save(self, record)).collect();
        let together = batch.all_or_none && results.iter().any(Result::is_err);
        self.end(mark, !together);
        let told: Vec<_> = results.iter().map(|result| tell(result, together)).collect();
        Answer::json(200, json!(told))
    }
}

fn tell(result: &Result<Saved, Refusal>, rolled_back: bool) -> Value {
    match result {
        Ok(_) if rolled_back => {
            let message = "Record rolled back because not all records were valid and the request was using AllOrNone header";
            let refusal = Refusal::new("ALL_OR_NONE_OPERATION_ROLLED_BACK", message);
            json!({ "success": false, "errors": [refusal.of_record()] })
        }
        Ok((id, None)) => json!({ "id": id, "success": true, "errors": [] }),
        Ok((id, Some(created))) => json!({ "id": id, "success": true, "errors": [], "created": created }),
        Err(refusal) => json!({ "success": false, "errors": [refusal.of_record()] }),
    }
}

fn limit(count: usize) -> Result<(), Refusal> {
    if count <= MOST {
        return Ok(());
    }
    let message = format!("record limit reached. cannot submit more than {MOST} records into this call");
    Err(Refusal::new("EXCEEDED_ID_LIMIT", message))
}

fn kind(record: &Row) -> Result<&str, Refusal> {
    let kind = record.get("attributes").and_then(|it| it["type"].as_str());
    kind.ok_or_else(|| {
        Refusal::new(
            "INVALID_INPUT",
            "Please specify the type attribute of every record",
        )
    })
}

fn key_of(record: &Row, field: &Field) -> Option<String> {
    let (_, key) = record
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&field.name))?;
    match key {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        other => Some(other.to_string()),
    }
}

fn times_named(batch: &Batch, field: &Field) -> HashMap<String, usize> {
    let mut times = HashMap::new();
    for key in batch.records.iter().filter_map(|record| key_of(record, field)) {
        *times.entry(key).or_default() += 1;
    }
    times
}
