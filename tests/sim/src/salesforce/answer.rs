//! What Salesforce answers: records, refusals in their two shapes, pages (contract salesforce 0, 7).

use std::borrow::Cow;

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

/// An answer before it is written.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Nothing,
    Json(Value),
    Text(&'static str, String),
}

impl Answer {
    pub(super) fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Json(body),
        }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Nothing,
        }
    }

    pub(super) fn text(status: u16, media: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Text(media, text.into()),
        }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn is_well(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as a composite answer repeats it.
    pub(super) fn body(&self) -> Value {
        match &self.content {
            Content::Nothing => Value::Null,
            Content::Json(body) => body.clone(),
            Content::Text(_, text) => json!(text),
        }
    }

    pub(super) fn into_response(self) -> Response {
        let (media, body) = match self.content {
            Content::Nothing => (None, Body::empty()),
            Content::Json(body) => (
                Some("application/json;charset=UTF-8"),
                Body::from(body.to_string()),
            ),
            Content::Text(media, text) => (Some(media), Body::from(text)),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or_default();
        let headers = response.headers_mut();
        if let Some(media) = media {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// Why something is not done, of a whole request or of one record.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: u16,
    pub(super) code: Cow<'static, str>,
    pub(super) message: String,
    pub(super) fields: Vec<String>,
    detail: Option<Box<(&'static str, Value)>>,
}

impl Refusal {
    /// 400 unless said otherwise.
    pub(super) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: code.into(),
            message: message.into(),
            fields: Vec::new(),
            detail: None,
        }
    }

    pub(super) fn not_found() -> Self {
        Self::new("NOT_FOUND", "The requested resource does not exist").with_status(404)
    }

    pub(super) fn no_access(message: impl Into<String>) -> Self {
        Self::new("INSUFFICIENT_ACCESS", message).with_status(403)
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(super) fn on(mut self, field: &str) -> Self {
        self.fields.push(field.to_owned());
        self
    }

    pub(super) fn with_detail(mut self, key: &'static str, detail: Value) -> Self {
        self.detail = Some(Box::new((key, detail)));
        self
    }

    /// As an element of `errors` of one record: the code is called `statusCode`.
    pub(super) fn of_record(&self) -> Value {
        let mut error = json!({ "statusCode": self.code, "message": self.message, "fields": self.fields });
        if let Some((key, detail)) = self.detail.as_deref() {
            error[*key] = detail.clone();
        }
        error
    }

    /// As the row of a bulk job tells it.
    pub(super) fn of_row(&self) -> String {
        format!("{}:{}:{} --", self.code, self.message, self.fields.join(","))
    }

    fn of_request(&self) -> Value {
        let mut error = json!({ "message": self.message, "errorCode": self.code });
        if !self.fields.is_empty() {
            error["fields"] = json!(self.fields);
        }
        if let Some((key, detail)) = self.detail.as_deref() {
            error[*key] = detail.clone();
        }
        json!([error])
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::json(refusal.status, refusal.of_request())
    }
}
