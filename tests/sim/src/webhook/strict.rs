//! The form every request must have, or the receiver complains.

use serde_json::Value;

use super::ledger::{Ledger, Recorded, events};
use super::signature;

/// What the receiver insists on.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// One of these secrets must have signed; empty when signatures are not looked at.
    pub secrets: Vec<String>,
    /// The shape of the body.
    pub form: Form,
}

/// The shape of a body (contract https-endpoint 1 and 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Any JSON.
    #[default]
    Any,
    /// `{"type","timestamp","data"}`
    Standard,
    /// Microsoft's members, all of them strings.
    Microsoft,
    /// The same, with members of ours.
    MicrosoftPlus,
    /// `CloudEvents` 1.0, one JSON document.
    Structured,
    /// `CloudEvents` 1.0, attributes in headers.
    Binary,
}

/// Status and words of a complaint.
type Complaint = (u16, String);

pub(super) fn check(rules: &Rules, request: &Recorded, ledger: &Ledger, now: i64) -> Result<(), Complaint> {
    check_transfer(request)?;
    let body: Value =
        serde_json::from_slice(&request.body).map_err(|error| bad(&format!("not JSON: {error}")))?;
    let id = request.header("webhook-id").ok_or_else(|| bad("no webhook-id"))?;
    if id.is_empty() || id.contains('.') {
        return Err(bad("webhook-id is empty or contains a dot"));
    }
    let timestamp = request
        .header("webhook-timestamp")
        .ok_or_else(|| bad("no webhook-timestamp"))?;
    if timestamp.is_empty() || !timestamp.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad("webhook-timestamp is not in seconds"));
    }
    if !rules.secrets.is_empty() {
        let given = request.header("webhook-signature").unwrap_or_default();
        signature::verify(&rules.secrets, id, timestamp, given, &request.body, now)
            .map_err(|text| (401, text))?;
    }
    check_form(rules.form, request, &body)?;
    check_against_earlier(request, id, ledger)
}

fn bad(text: &str) -> Complaint {
    (400, text.to_owned())
}

fn check_transfer(request: &Recorded) -> Result<(), Complaint> {
    if request.method != "POST" {
        return Err((405, format!("{} is not POST", request.method)));
    }
    for unwanted in [
        "transfer-encoding",
        "accept-encoding",
        "expect",
        "cookie",
        "referer",
    ] {
        if request.header(unwanted).is_some() {
            return Err(bad(&format!("{unwanted} is not wanted")));
        }
    }
    if request.header("content-length") != Some(&request.body.len().to_string()) {
        return Err((411, "no content-length, or a wrong one".to_owned()));
    }
    let agent = request.header("user-agent").unwrap_or_default();
    if !agent.starts_with("leadsync/") {
        return Err(bad("user-agent does not say who calls"));
    }
    Ok(())
}

/// A retry carries the same bytes under the same id.
fn check_against_earlier(request: &Recorded, id: &str, ledger: &Ledger) -> Result<(), Complaint> {
    match ledger.first_body(id) {
        Some(first) if *first != request.body => Err(bad("this webhook-id came with another body before")),
        _ => Ok(()),
    }
}

fn check_form(form: Form, request: &Recorded, body: &Value) -> Result<(), Complaint> {
    let content_type = request.header("content-type").unwrap_or_default();
    let wanted = match form {
        Form::Any => return Ok(()),
        Form::Structured if body.is_array() => "application/cloudevents-batch+json",
        Form::Structured => "application/cloudevents+json",
        _ => "application/json",
    };
    if content_type.split(';').next() != Some(wanted) {
        return Err((415, format!("content-type {content_type:?} is not {wanted}")));
    }
    if form == Form::Binary {
        return check_binary(request, body);
    }
    if form == Form::Standard && body.get("type").and_then(Value::as_str).is_none() {
        return Err(bad("the envelope has no type"));
    }
    for event in events(body) {
        match form {
            Form::Standard => need(event, &["type", "timestamp"], Some("data"))?,
            Form::Structured => need(
                event,
                &["specversion", "id", "source", "type", "time"],
                Some("data"),
            )?,
            _ => check_microsoft(event, form == Form::MicrosoftPlus)?,
        }
    }
    Ok(())
}

/// Members that must be non-empty strings, and one that must be an object and not its text.
fn need(event: &Value, strings: &[&str], object: Option<&str>) -> Result<(), Complaint> {
    for name in strings {
        if event.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(bad(&format!("{name} is missing")));
        }
    }
    match object {
        Some(name) if !event.get(name).is_some_and(Value::is_object) => {
            Err(bad(&format!("{name} is no object")))
        }
        _ => Ok(()),
    }
}

fn check_binary(request: &Recorded, body: &Value) -> Result<(), Complaint> {
    for name in ["ce-specversion", "ce-id", "ce-source", "ce-type"] {
        if request.header(name).is_none_or(str::is_empty) {
            return Err(bad(&format!("{name} is missing")));
        }
    }
    if request.header("ce-datacontenttype").is_some() {
        return Err(bad("ce-datacontenttype is content-type in this mode"));
    }
    if body.is_object() {
        Ok(())
    } else {
        Err(bad("the body is no object"))
    }
}

const PERSON: [&str; 7] = [
    "FirstName",
    "LastName",
    "Email",
    "Phone",
    "Country",
    "Company",
    "Title",
];
const LEAD: [&str; 5] = [
    "UserDetails",
    "LeadSource",
    "ActionCode",
    "OfferTitle",
    "Description",
];

/// What a flow built from the published schema takes: these members, all there, all strings.
fn check_microsoft(event: &Value, plus: bool) -> Result<(), Complaint> {
    let member = |of: &Value, name: &str| match of.get(name) {
        Some(Value::String(_)) => Ok(()),
        _ => Err(bad(&format!("{name} is not a string"))),
    };
    let person = event.get("UserDetails").unwrap_or(&Value::Null);
    PERSON.iter().try_for_each(|name| member(person, name))?;
    LEAD[1..].iter().try_for_each(|name| member(event, name))?;
    let strangers = event.as_object().map_or(0, serde_json::Map::len) - LEAD.len();
    if strangers > 0 && !plus {
        return Err(bad("there is a member Microsoft does not send"));
    }
    Ok(())
}
