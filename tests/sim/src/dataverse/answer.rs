//! Answers and refusals, in the words of the Web API (contract dynamics365 16).

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

const JSON: &str = "application/json; odata.metadata=minimal";

/// What goes back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
}

impl Answer {
    /// 204.
    pub(super) fn nothing() -> Self {
        Self {
            status: 204,
            headers: vec![("OData-Version", "4.0".to_owned())],
            body: None,
        }
    }

    /// A JSON body.
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![
                ("Content-Type", JSON.to_owned()),
                ("OData-Version", "4.0".to_owned()),
            ],
            body: Some(body.to_string()),
        }
    }

    /// A count, as Dataverse writes it: with a byte order mark.
    pub(super) fn count(count: usize) -> Self {
        Self {
            status: 200,
            headers: vec![
                ("Content-Type", "text/plain".to_owned()),
                ("OData-Version", "4.0".to_owned()),
            ],
            body: Some(format!("\u{feff}{count}")),
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut named = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    }

    pub(super) fn response(self) -> Response {
        let mut response = Response::new(self.body.map_or_else(Body::empty, Body::from));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or_default();
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_str(&value),
            ) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

/// Why something is not done.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) retry_after: Option<i64>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    pub(super) fn answer(&self) -> Answer {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        let answer = Answer::json(self.status, &body);
        match self.retry_after {
            Some(seconds) => answer.with("Retry-After", seconds.to_string()),
            None => answer,
        }
    }

    /// The URL cannot be read.
    pub(super) fn syntax() -> Self {
        Self::new(400, "0x8006088a", "Bad Request - Error in query syntax.")
    }

    /// An option or a word of the protocol is misused.
    pub(super) fn odata(message: impl Into<String>) -> Self {
        Self::new(400, "0x80060888", message)
    }

    /// The body is not what the table takes.
    pub(super) fn payload(message: impl Into<String>) -> Self {
        Self::new(400, "0x80048d19", message)
    }

    /// The system's own rules forbid the value.
    pub(super) fn validation(message: impl AsRef<str>) -> Self {
        let message = format!("A validation error occurred.  {}", message.as_ref());
        Self::new(400, "0x80044331", message)
    }

    pub(super) fn argument(message: impl Into<String>) -> Self {
        Self::new(400, "0x80040203", message)
    }

    pub(super) fn no_resource(segment: &str) -> Self {
        let message = format!("Resource not found for the segment '{segment}'.");
        Self::new(404, "0x80060888", message)
    }

    pub(super) fn method() -> Self {
        Self::new(
            405,
            "0x80060888",
            "The requested resource does not support this http method.",
        )
    }

    pub(super) fn no_property(name: &str, of: &str) -> Self {
        Self::odata(format!(
            "Could not find a property named '{name}' on type '{of}'."
        ))
    }

    pub(super) fn no_row(table: &str, id: &str) -> Self {
        Self::new(
            404,
            "0x80040217",
            format!("{table} With Id = {id} Does Not Exist"),
        )
    }

    pub(super) fn no_row_with_key(table: &str) -> Self {
        let message = format!("A record with the specified key values does not exist in {table} entity");
        Self::new(404, "0x80060891", message)
    }

    pub(super) fn exists() -> Self {
        Self::new(
            412,
            "0x80040237",
            "A record with matching key values already exists.",
        )
    }

    pub(super) fn stale() -> Self {
        let message = "The version of the existing record doesn't match the RowVersion property provided.";
        Self::new(412, "0x80060882", message)
    }

    pub(super) fn key_violated(key: &str, columns: &str) -> Self {
        let message = format!(
            "Entity Key {key} violated. A record with the same value for {columns} already exists. A duplicate \
             record cannot be created. Select one or more unique values and try again."
        );
        Self::new(412, "0x80060892", message)
    }

    pub(super) fn privilege(user: &str, privilege: &str, table: &str) -> Self {
        let message = format!(
            "Principal user (Id={user}, type=8) is missing {privilege} privilege for entity '{table}'."
        );
        Self::new(403, "0x80040220", message)
    }
}
