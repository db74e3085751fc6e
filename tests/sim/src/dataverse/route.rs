//! Which resource a path means, and what its methods do.

use http::Method;
use serde_json::{Map, Value, json};

use super::Environment;
use super::answer::{Answer, Refusal};
use super::call::{Call, Condition};
use super::options::Options;
use super::path::{self, Segment};
use super::predicate::Predicate;
use super::write::{Target, Written};

/// What operations bound to a table or a row begin with.
const BOUND: &str = "Microsoft.Dynamics.CRM.";

impl Environment {
    pub(super) fn route(&mut self, call: &Call) -> Result<Answer, Refusal> {
        let segments = path::read(&call.path)?;
        let (first, rest) = segments.split_first().ok_or_else(Refusal::syntax)?;
        if first.name == "EntityDefinitions" {
            return self.definitions(call, first, rest);
        }
        if let Some(table) = self.schema.of_set(&first.name) {
            let name = table.name;
            return match &first.key {
                None => self.collection(name, call, rest),
                Some(key) => {
                    let target = self.target(table, key)?;
                    self.single(name, &target, call, first, rest)
                }
            };
        }
        match (&call.method, first.name.as_str(), rest) {
            (&Method::GET, "WhoAmI", []) => Ok(self.who_am_i(call)),
            (_, "WhoAmI", []) => Err(Refusal::method()),
            (&Method::POST, name, []) if first.key.is_none() => self.unbound(name, call),
            _ => Err(Refusal::no_resource(&first.name)),
        }
    }

    fn who_am_i(&self, call: &Call) -> Answer {
        let body = json!({
            "@odata.context": self.context(&call.version, "Microsoft.Dynamics.CRM.WhoAmIResponse"),
            "BusinessUnitId": self.home.business_unit,
            "UserId": self.home.user.id,
            "OrganizationId": self.home.organization,
        });
        Answer::json(200, &body).with("x-ms-dop-hint", self.settings.parallel.to_string())
    }

    /// A whole set.
    fn collection(&mut self, table: &'static str, call: &Call, rest: &[Segment]) -> Result<Answer, Refusal> {
        match (&call.method, rest) {
            (&Method::GET, []) => self.query(table, call),
            (&Method::POST, []) => self.post(table, call),
            (_, []) => Err(Refusal::method()),
            (&Method::GET, [count]) if count.name == "$count" => self.count(table, call),
            (&Method::POST, [action]) => match action.name.strip_prefix(BOUND) {
                Some(action) => self.bulk(table, action, call),
                None => Err(Refusal::no_resource(&action.name)),
            },
            (_, [other, ..]) => Err(Refusal::no_resource(&other.name)),
        }
    }

    /// One row.
    fn single(
        &mut self,
        table: &'static str,
        target: &Target,
        call: &Call,
        segment: &Segment,
        rest: &[Segment],
    ) -> Result<Answer, Refusal> {
        match (&call.method, rest) {
            (&Method::GET, []) => self.retrieve(table, target, call),
            (&Method::PATCH, []) => self.patch(table, target, call, segment),
            (&Method::DELETE, []) => self.delete(table, target, call).map(|()| Answer::nothing()),
            (_, []) => Err(Refusal::method()),
            (&Method::POST, [action]) => match action.name.strip_prefix(BOUND) {
                Some(action) => self.bound(table, target, action, call),
                None => Err(Refusal::no_resource(&action.name)),
            },
            (&Method::GET, [property]) => self.get_property(table, target, &property.name, call),
            (&Method::PUT, [property]) => {
                let value = call.object()?.remove("value").ok_or_else(Refusal::syntax)?;
                self.set_property(table, target, &property.name, value, call)
            }
            (&Method::DELETE, [property]) => {
                self.set_property(table, target, &property.name, Value::Null, call)
            }
            (_, [other, ..]) => Err(Refusal::no_resource(&other.name)),
        }
    }

    fn post(&mut self, table: &'static str, call: &Call) -> Result<Answer, Refusal> {
        let body = call.object()?;
        let written = self.create(table, None, &body, call)?;
        if call.preferences().representation {
            return self.represent(table, &written, call);
        }
        let set = self.table(table)?.set;
        Ok(self.located(call, &format!("{set}({})", written.id)))
    }

    fn patch(
        &mut self,
        table: &'static str,
        target: &Target,
        call: &Call,
        segment: &Segment,
    ) -> Result<Answer, Refusal> {
        let body = call.object()?;
        self.lose_race(table, target, call)?;
        let written = self.upsert(table, target, &body, call)?;
        if call.preferences().representation {
            return self.represent(table, &written, call);
        }
        let by_id = matches!(segment.key, Some(Predicate::Id(_)));
        let resource = if by_id {
            format!("{}({})", segment.name, written.id)
        } else {
            call.path.clone()
        };
        Ok(self.located(call, &resource))
    }

    fn represent(&self, table: &'static str, written: &Written, call: &Call) -> Result<Answer, Refusal> {
        let options = Options::read(&call.query)?;
        let preferences = call.preferences();
        let definition = self.table(table)?;
        let annotations = preferences.annotations;
        let body = self.entity(definition, &written.id, &options, annotations, &call.version)?;
        let answer = Answer::json(if written.created { 201 } else { 200 }, &body)
            .with("Preference-Applied", preferences.applied().unwrap_or_default());
        Ok(if call.method == Method::PATCH {
            answer.with("ETag", self.tag(table, &written.id))
        } else {
            answer
        })
    }

    fn located(&self, call: &Call, resource: &str) -> Answer {
        let url = format!("{}/api/data/{}/{resource}", self.origin, call.version);
        Answer::nothing().with("OData-EntityId", url)
    }

    fn retrieve(&self, table: &'static str, target: &Target, call: &Call) -> Result<Answer, Refusal> {
        self.privileged("Read", table)?;
        let definition = self.table(table)?;
        let options = Options::read(&call.query)?;
        let known = ["$select", "$expand", "tag"];
        if let Some(other) = options.given.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(Refusal::odata(format!(
                "The query parameter {other} is not supported for a single row."
            )));
        }
        let id = self.existing(definition, target)?;
        let preferences = call.preferences();
        let tag = self.tag(table, &id);
        let plain = options.expand.is_empty() && !preferences.annotations;
        if plain && call.if_none_match() == Condition::Tag(tag.clone()) {
            return Ok(Answer {
                status: 304,
                ..Answer::nothing()
            });
        }
        let body = self.entity(definition, &id, &options, preferences.annotations, &call.version)?;
        let answer = Answer::json(200, &body).with("ETag", tag);
        Ok(match preferences.applied() {
            Some(applied) => answer.with("Preference-Applied", applied),
            None => answer,
        })
    }

    fn get_property(
        &self,
        table: &'static str,
        target: &Target,
        property: &str,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        self.privileged("Read", table)?;
        let definition = self.table(table)?;
        self.readable(definition, property)?;
        let id = self.existing(definition, target)?;
        let row = self
            .store
            .row(table, &id)
            .ok_or_else(|| Refusal::no_row(table, &id))?;
        match self.read(definition, &id, row, property) {
            Value::Null => Ok(Answer::nothing()),
            value => {
                let of = format!("{}({id})/{property}", definition.set);
                let body = json!({ "@odata.context": self.context(&call.version, &of), "value": value });
                Ok(Answer::json(200, &body))
            }
        }
    }

    fn set_property(
        &mut self,
        table: &'static str,
        target: &Target,
        property: &str,
        value: Value,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        self.existing(self.table(table)?, target)?;
        let body: Map<String, Value> = [(property.to_owned(), value)].into_iter().collect();
        self.upsert(table, target, &body, call)?;
        Ok(Answer::nothing())
    }

    /// Somebody else was faster with this key, if a test wants it so.
    fn lose_race(&mut self, table: &'static str, target: &Target, call: &Call) -> Result<(), Refusal> {
        let Target::Key { columns, .. } = target else {
            return Ok(());
        };
        let Some((_, Value::String(value))) = columns.first() else {
            return Ok(());
        };
        if self.settings.races.remove(value) {
            self.create(table, Some(target), &Map::new(), call)?;
            // The winner's row stays, whatever becomes of this request.
            self.settle();
            let key = columns.first().map_or("", |(name, _)| name);
            return Err(Refusal::key_violated(key, key));
        }
        Ok(())
    }
}
