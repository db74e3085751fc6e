//! `POST /rest/v1/leads.json`: first everybody is looked up, then everything is written. Whoever
//! comes in between is not seen (contract marketo A0.5, A4).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::State;
use super::answer::{Trouble, message};
use super::schema::{Field, Reason, reason};

/// What is to be done for the records of one call.
pub(super) struct Upsert {
    input: Vec<(Map<String, Value>, Fate)>,
    partition: String,
    /// The keys of its records, while it is under way.
    pub(super) keys: Vec<String>,
}

enum Fate {
    Create,
    Update(u64),
    Skip(Reason),
}

const MEMBERS: [&str; 5] = [
    "action",
    "lookupField",
    "partitionName",
    "asyncProcessing",
    "input",
];

/// What the body says beside its records.
struct Order {
    action: String,
    key: String,
    partition: Option<String>,
}

impl State {
    /// Reads the call and looks everybody up.
    pub(super) fn begin_upsert(&self, body: &[u8]) -> Result<Upsert, Trouble> {
        let mut body: Map<String, Value> = serde_json::from_slice(body).map_err(|_| Trouble::new("609"))?;
        let order = self.order(&body)?;
        let partition = self.partition(order.partition.as_deref())?;
        let Some(Value::Array(input)) = body.remove("input") else {
            return Err(Trouble::new("1002"));
        };
        if input.is_empty() || input.len() > self.limits.records {
            return Err(Trouble::saying(
                "1003",
                format!("Number of records must be 1 to {}", self.limits.records),
            ));
        }
        let mut records = Vec::with_capacity(input.len());
        for record in input {
            let Value::Object(record) = record else {
                return Err(Trouble::new("609"));
            };
            records.push(record);
        }
        let keys = keys(&records, &order.key)?;
        let decided = records.into_iter().map(|record| {
            let fate = self.fate(&record, &order, &partition);
            (record, fate.unwrap_or_else(Fate::Skip))
        });
        Ok(Upsert {
            input: decided.collect(),
            partition,
            keys,
        })
    }

    fn order(&self, body: &Map<String, Value>) -> Result<Order, Trouble> {
        if body.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(Trouble::new("1003"));
        }
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let order = Order {
            action: text("action").unwrap_or_else(|| "createOrUpdate".into()),
            key: text("lookupField").unwrap_or_else(|| "email".into()),
            partition: text("partitionName"),
        };
        let asynchronous = body.get("asyncProcessing").is_some_and(|flag| flag != false);
        let actions = ["createOrUpdate", "createOnly", "updateOnly", "createDuplicate"];
        let id_without_update = order.key == "id" && order.action != "updateOnly";
        let searchable = self
            .schema
            .field(&order.key)
            .is_some_and(|field| field.searchable);
        if asynchronous || !actions.contains(&order.action.as_str()) || id_without_update || !searchable {
            return Err(Trouble::saying("1003", "Invalid value for action or lookupField"));
        }
        Ok(order)
    }

    fn partition(&self, named: Option<&str>) -> Result<String, Trouble> {
        match (named, self.partitions.as_slice()) {
            (Some(name), known) if known.iter().any(|partition| partition == name) => Ok(name.to_owned()),
            (Some(_), _) => Err(Trouble::new("1008")),
            (None, [only]) => Ok(only.clone()),
            (None, _) => Err(Trouble::new("1009")),
        }
    }

    fn fate(&self, record: &Map<String, Value>, order: &Order, partition: &str) -> Result<Fate, Reason> {
        if let Some((_, code, text)) = self
            .poison
            .iter()
            .find(|(canary, ..)| Value::Object(record.clone()).to_string().contains(canary))
        {
            return Err(reason(code, text.clone()));
        }
        for (name, value) in record {
            let Some(field) = self.schema.field(name) else {
                return Err(reason("1006", format!("Field '{name}' not found")));
            };
            if field.read_only && name != &order.key {
                return Err(reason("1011", format!("Field '{name}' is not supported")));
            }
            field.check(value)?;
        }
        let key = record
            .get(&order.key)
            .filter(|value| !value.is_null() && *value != "");
        let key = key.ok_or_else(|| reason("1003", message("1003")))?;
        let found = match order.action.as_str() {
            "createDuplicate" => Vec::new(),
            _ => self.people.matching(&order.key, key),
        };
        let id = match (found.as_slice(), order.action.as_str()) {
            ([], "updateOnly") => return Err(reason("1004", message("1004"))),
            ([], _) => return Ok(Fate::Create),
            ([_], "createOnly") => return Err(reason("1005", message("1005"))),
            ([id], _) => *id,
            _ => return Err(reason("1007", message("1007"))),
        };
        let person = &self.people.held[&id];
        let touches_company = |name: &String| self.schema.field(name).is_some_and(Field::is_of_the_company);
        if person.has_company && record.keys().any(touches_company) {
            return Err(reason("1021", message("1021")));
        }
        if person.partition != partition {
            return Err(reason("1010", message("1010")));
        }
        Ok(Fate::Update(id))
    }

    /// Writes what was decided, in the order of the input.
    pub(super) fn end_upsert(&mut self, upsert: Upsert, now: i64) -> Vec<Value> {
        let mut results = Vec::with_capacity(upsert.input.len());
        for (record, fate) in upsert.input {
            results.push(match fate {
                Fate::Create => {
                    let id = self.people.create(record, &upsert.partition, now);
                    json!({ "id": id, "status": "created" })
                }
                Fate::Update(id) if self.people.update(id, record, now) => {
                    json!({ "id": id, "status": "updated" })
                }
                Fate::Update(_) => skipped(&reason("1004", message("1004"))),
                Fate::Skip(why) => skipped(&why),
            });
        }
        results
    }
}

/// The keys, each at most once in one input.
fn keys(records: &[Map<String, Value>], key: &str) -> Result<Vec<String>, Trouble> {
    let mut seen = BTreeSet::new();
    for record in records {
        let text = match record.get(key) {
            Some(Value::String(text)) => text.to_lowercase(),
            Some(Value::Number(number)) => number.to_string(),
            _ => continue,
        };
        if !seen.insert(format!("{key} {text}")) {
            return Err(Trouble::new("1036"));
        }
    }
    Ok(seen.into_iter().collect())
}

fn skipped((code, text): &Reason) -> Value {
    json!({ "status": "skipped", "reasons": [{ "code": code, "message": text }] })
}
