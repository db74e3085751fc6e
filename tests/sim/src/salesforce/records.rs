//! One record at a time, and what an object is (contract salesforce 3, 4, 10.2).

use http::Method;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::call::Call;
use super::id;
use super::org::Org;
use super::route::{Version, only};
use super::save::{Upserted, no_column};
use super::schema::{Field, Object};
use super::store::Row;

/// The first version that tells of an upsert whether it made the record.
pub(super) const CREATED_SINCE: u32 = 46;

impl Org {
    pub(super) fn list_objects(&self, version: &Version) -> Answer {
        let seen = self
            .schema
            .objects()
            .filter(|object| self.sees_object(&object.name));
        let objects: Vec<_> = seen.map(|object| object.about(&version.name)).collect();
        Answer::json(
            200,
            json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects }),
        )
    }

    pub(super) fn sobject(
        &mut self,
        call: &Call,
        version: &Version,
        name: &str,
        path: &[&str],
    ) -> Result<Answer, Refusal> {
        let object = self.object(name)?;
        match path {
            [] if call.method == Method::GET => {
                let about = json!({ "objectDescribe": object.about(&version.name), "recentItems": [] });
                Ok(Answer::json(200, about))
            }
            [] => {
                only(call, &[Method::GET, Method::HEAD, Method::POST])?;
                let id = self.create(&object, &call.object()?, &call.manner(version.number))?;
                Ok(created(version, &object, &id, None))
            }
            ["describe"] => {
                only(call, &[Method::GET])?;
                Ok(Answer::json(200, object.describe(&version.name, self.now())))
            }
            ["updated"] => self.updated(call, &object),
            ["deleted"] => self.deleted(call, &object),
            [id] => self.by_id(call, version, &object, id),
            [field, key] => {
                let field = self.key_field(&object, field)?.clone();
                self.by_key(call, version, &object, &field, key)
            }
            _ => Err(Refusal::not_found()),
        }
    }

    fn by_id(
        &mut self,
        call: &Call,
        version: &Version,
        object: &Object,
        given: &str,
    ) -> Result<Answer, Refusal> {
        let id = id::read(given)
            .filter(|id| id.starts_with(&object.prefix))
            .ok_or_else(|| {
                let message = "Provided external ID field does not exist or is not accessible: ";
                Refusal::new("NOT_FOUND", format!("{message}{given}")).with_status(404)
            })?;
        match call.method {
            Method::GET => {
                let row = self.live(object, &id)?;
                self.read(call, version, object, &row)
            }
            Method::PATCH => {
                let given = call.object()?;
                not_in_body("Id", &given)?;
                self.update(object, &id, &given, &call.manner(version.number))?;
                Ok(Answer::empty(204))
            }
            Method::DELETE => {
                self.delete(object, &id)?;
                Ok(Answer::empty(204))
            }
            _ => Err(
                only(call, &[Method::DELETE, Method::GET, Method::HEAD, Method::PATCH])
                    .err()
                    .unwrap_or_else(Refusal::not_found),
            ),
        }
    }

    fn by_key(
        &mut self,
        call: &Call,
        version: &Version,
        object: &Object,
        field: &Field,
        key: &str,
    ) -> Result<Answer, Refusal> {
        only(call, &[Method::DELETE, Method::GET, Method::HEAD, Method::PATCH])?;
        // The edge takes some endings for files (contract salesforce 0, line 6).
        if key.to_ascii_lowercase().ends_with(".inc") {
            return Err(Refusal::not_found());
        }
        let holders = self.holders(object, field, key);
        if holders.len() > 1 {
            let urls: Vec<_> = holders.iter().map(|id| url(version, object, id)).collect();
            return Ok(Answer::json(300, json!(urls)));
        }
        if call.method == Method::PATCH {
            return self.upsert_one(call, version, object, field, key);
        }
        let id = holders.first().ok_or_else(Refusal::not_found)?;
        if call.method == Method::DELETE {
            self.delete(object, id)?;
            return Ok(Answer::empty(204));
        }
        let row = self.live(object, id)?;
        self.read(call, version, object, &row)
    }

    fn upsert_one(
        &mut self,
        call: &Call,
        version: &Version,
        object: &Object,
        field: &Field,
        key: &str,
    ) -> Result<Answer, Refusal> {
        let given = call.object()?;
        not_in_body("Id", &given)?;
        not_in_body(&field.name, &given)?;
        if call.parameter("updateOnly").as_deref() == Some("true")
            && self.holders(object, field, key).is_empty()
        {
            return Err(Refusal::not_found());
        }
        let tells = version.number >= CREATED_SINCE;
        match self.upsert(object, field, key, &given, &call.manner(version.number))? {
            Upserted::Created(id) => Ok(created(version, object, &id, tells.then_some(true))),
            Upserted::Updated(_) if !tells => Ok(Answer::empty(204)),
            Upserted::Updated(id) => {
                let body = json!({ "id": id, "success": true, "errors": [], "created": false });
                Ok(Answer::json(200, body))
            }
            Upserted::Several(ids) => {
                let urls: Vec<_> = ids.iter().map(|id| url(version, object, id)).collect();
                Ok(Answer::json(300, json!(urls)))
            }
        }
    }

    fn read(&self, call: &Call, version: &Version, object: &Object, row: &Row) -> Result<Answer, Refusal> {
        let now = self.now();
        let seen = |field: &&Field| field.is_readable(now);
        let fields: Vec<&Field> = match call.parameter("fields") {
            None => object.fields.iter().filter(seen).collect(),
            Some(names) => {
                let find = |name: &str| {
                    let field = object.field(name.trim()).filter(seen);
                    field.ok_or_else(|| no_column(name.trim(), &object.name))
                };
                names.split(',').map(find).collect::<Result<_, _>>()?
            }
        };
        let mut told = Row::new();
        let id = row.get("Id").and_then(Value::as_str).unwrap_or_default();
        told.insert(
            "attributes".to_owned(),
            json!({ "type": object.name, "url": url(version, object, id) }),
        );
        told.insert("Id".to_owned(), json!(id));
        for field in fields {
            let value = row.get(&field.name).cloned().unwrap_or(Value::Null);
            told.insert(field.name.clone(), value);
        }
        Ok(Answer::json(200, Value::Object(told)))
    }
}

pub(super) fn url(version: &Version, object: &Object, id: &str) -> String {
    format!("{}/sobjects/{}/{id}", version.path(), object.name)
}

fn created(version: &Version, object: &Object, id: &str, created: Option<bool>) -> Answer {
    let mut body = json!({ "id": id, "success": true, "errors": [] });
    if let Some(created) = created {
        body["created"] = json!(created);
    }
    Answer::json(201, body).header("location", url(version, object, id))
}

/// The path says which record it is; the body must not say it again.
fn not_in_body(field: &str, given: &Row) -> Result<(), Refusal> {
    if given.keys().any(|name| name.eq_ignore_ascii_case(field)) {
        let message = format!("The {field} field should not be specified in the sobject data.");
        return Err(Refusal::new("INVALID_FIELD", message));
    }
    Ok(())
}
