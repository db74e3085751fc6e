//! Fields: what there is, what may be written into it, and how new ones are made (contract marketo A4, A6).

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::answer::{Members, Trouble, message, result};
use super::limits::Limits;
use super::request::Asked;

/// One field of a lead.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    display: String,
    data_type: String,
    pub(super) length: Option<usize>,
    pub(super) read_only: bool,
    pub(super) searchable: bool,
    by_api: bool,
}

/// Why a value, or a record, is not taken.
pub(super) type Reason = (String, String);

pub(super) fn reason(code: &str, text: impl Into<String>) -> Reason {
    (code.to_owned(), text.into())
}

/// The data types a field may be made with.
const DATA_TYPES: [&str; 12] = [
    "boolean", "currency", "date", "datetime", "email", "float", "integer", "percent", "phone", "score",
    "string", "url",
];

impl Field {
    pub(super) fn custom(name: &str, display: &str, data_type: &str, by_api: bool) -> Self {
        let length = match data_type {
            "string" | "email" | "phone" | "url" => Some(255),
            "text" => Some(30_000),
            _ => None,
        };
        Self {
            name: name.to_owned(),
            display: display.to_owned(),
            data_type: data_type.to_owned(),
            length,
            read_only: false,
            searchable: matches!(data_type, "string" | "email" | "integer"),
            by_api,
        }
    }

    /// Belongs to the company, not to the lead.
    pub(super) fn is_of_the_company(&self) -> bool {
        matches!(self.name.as_str(), "company" | "industry")
    }

    /// Whether the field takes the value; null clears any.
    pub(super) fn check(&self, value: &Value) -> Result<(), Reason> {
        let wrong = || {
            let text = format!(
                "Invalid value for field '{}'. Required type '{}'",
                self.name, self.data_type
            );
            Err(reason("1001", text))
        };
        if value.is_null() {
            return Ok(());
        }
        match (self.data_type.as_str(), value) {
            ("boolean", Value::Bool(_))
            | ("integer" | "score" | "float" | "percent" | "currency", Value::Number(_)) => Ok(()),
            ("datetime", Value::String(text)) if DateTime::parse_from_rfc3339(text).is_ok() => Ok(()),
            ("date", Value::String(text)) if text.parse::<chrono::NaiveDate>().is_ok() => Ok(()),
            ("email", Value::String(text)) if !is_address(text) => Err(reason("1003", message("1003"))),
            ("string" | "email" | "phone" | "url" | "text", Value::String(text)) => self.check_length(text),
            _ => wrong(),
        }
    }

    fn check_length(&self, text: &str) -> Result<(), Reason> {
        let size = if self.data_type == "text" {
            text.len()
        } else {
            text.chars().count()
        };
        if self.length.is_some_and(|most| size > most) {
            return Err(reason(
                "1003",
                format!("Value too long for field '{}'", self.name),
            ));
        }
        Ok(())
    }
}

/// ASCII only, with something on both sides.
fn is_address(text: &str) -> bool {
    text.is_ascii()
        && text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !host.contains('@'))
}

/// All fields.
pub(super) struct Schema(pub(super) Vec<Field>);

impl Schema {
    /// What every instance has.
    pub(super) fn standard() -> Self {
        let table = [
            ("id", "Id", "integer"),
            ("email", "Email Address", "email"),
            ("firstName", "First Name", "string"),
            ("lastName", "Last Name", "string"),
            ("phone", "Phone Number", "phone"),
            ("company", "Company Name", "string"),
            ("title", "Job Title", "string"),
            ("country", "Country", "string"),
            ("industry", "Industry", "string"),
            ("leadSource", "Person Source", "string"),
            ("leadStatus", "Person Status", "string"),
            ("leadScore", "Person Score", "score"),
            ("unsubscribed", "Unsubscribed", "boolean"),
            ("doNotCall", "Do Not Call", "boolean"),
            ("createdAt", "Created At", "datetime"),
            ("updatedAt", "Updated At", "datetime"),
        ];
        let fields = table.into_iter().map(|(name, display, data_type)| Field {
            read_only: matches!(name, "id" | "createdAt" | "updatedAt"),
            searchable: matches!(name, "id" | "email"),
            ..Field::custom(name, display, data_type, false)
        });
        Self(fields.collect())
    }

    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.name == name)
    }

    pub(super) fn field_mut(&mut self, name: &str) -> Option<&mut Field> {
        self.0.iter_mut().find(|field| field.name == name)
    }

    /// `GET /rest/v1/leads/describe.json`
    pub(super) fn describe(&self) -> Members {
        let described = self.0.iter().enumerate().map(|(number, field)| {
            let mut entry = json!({
                "id": number + 1, "displayName": field.display, "dataType": field.data_type,
                "rest": { "name": field.name, "readOnly": field.read_only },
            });
            if let Some(length) = field.length {
                entry["length"] = length.into();
            }
            entry
        });
        result(described.collect())
    }

    /// `GET /rest/v1/leads/describe2.json`
    pub(super) fn describe2(&self) -> Members {
        let searchable = self
            .0
            .iter()
            .filter(|field| field.searchable)
            .map(|field| json!([field.name]));
        let fields = self.0.iter().map(|field| {
            json!({
                "name": field.name, "displayName": field.display, "dataType": field.data_type,
                "length": field.length, "updateable": !field.read_only, "crmManaged": false,
            })
        });
        result(vec![json!({
            "name": "API Lead",
            "searchableFields": searchable.collect::<Vec<_>>(),
            "fields": fields.collect::<Vec<_>>(),
        })])
    }

    /// `GET /rest/v1/leads/schema/fields.json`
    pub(super) fn list(&self) -> Members {
        let listed = self.0.iter().map(|field| {
            json!({
                "displayName": field.display, "name": field.name, "dataType": field.data_type,
                "isHidden": false, "isCustom": field.by_api, "isApiCreated": field.by_api, "length": field.length,
            })
        });
        result(listed.collect())
    }

    /// `POST /rest/v1/leads/schema/fields.json`
    pub(super) fn create(&mut self, asked: &Asked, limits: &Limits) -> Result<Members, Trouble> {
        let body: Map<String, Value> =
            serde_json::from_slice(&asked.body).map_err(|_| Trouble::new("609"))?;
        let input = body.get("input").and_then(Value::as_array);
        let input = input.filter(|input| (1..=limits.records).contains(&input.len()));
        let wanted = input.ok_or_else(|| Trouble::new("1003"))?;
        let made = wanted.iter().map(|wish| match self.make(wish, limits) {
            Ok(name) => json!({ "name": name, "status": "created" }),
            Err((code, text)) => {
                json!({ "name": wish["name"], "status": "skipped", "reasons": [{ "code": code, "message": text }] })
            }
        });
        Ok(result(made.collect()))
    }

    fn make(&mut self, wish: &Value, limits: &Limits) -> Result<String, Reason> {
        let text = |key: &str| wish[key].as_str().unwrap_or_default();
        let (name, display, data_type) = (text("name"), text("displayName"), text("dataType"));
        let known = ["name", "displayName", "description", "dataType"];
        let strange = wish
            .as_object()
            .is_none_or(|wish| wish.keys().any(|key| !known.contains(&key.as_str())));
        let well_named = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if strange || !well_named || display.is_empty() || !DATA_TYPES.contains(&data_type) {
            return Err(reason("1003", message("1003")));
        }
        let taken = |field: &Field| field.name.eq_ignore_ascii_case(name) || field.display == display;
        if self.0.iter().any(taken) {
            return Err(reason("709", format!("Field '{name}' already exists")));
        }
        if self.0.iter().filter(|field| field.by_api).count() >= limits.custom_fields {
            return Err(reason("709", "Custom field limit reached"));
        }
        self.0.push(Field::custom(name, display, data_type, true));
        Ok(name.to_owned())
    }
}
