//! Whether a column takes a value (contract dynamics365 6, 7, 12).

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::Value;

use super::answer::Refusal;
use super::schema::{Column, Kind, Table};

/// The value as the column keeps it; null for nothing.
pub(super) fn check(table: &Table, column: &Column, value: &Value) -> Result<Value, Refusal> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    match &column.kind {
        Kind::Text(most) | Kind::Memo(most) => text(table, column, value, *most),
        Kind::Choice(options) => {
            let code = whole(value)?;
            let known = options.iter().any(|(option, _)| *option == code);
            known.then(|| value.clone()).ok_or_else(out_of_range)
        }
        Kind::State => {
            let state = table.state(whole(value)?);
            state.map(|_| value.clone()).ok_or_else(out_of_range)
        }
        Kind::Status => whole(value).map(Value::from),
        Kind::Boolean if value.is_boolean() => Ok(value.clone()),
        Kind::Integer(least, most) => {
            let number = whole(value)?;
            if (*least..=*most).contains(&number) {
                return Ok(value.clone());
            }
            Err(outside(table, column, &number.to_string(), least, most))
        }
        Kind::Double(least, most) | Kind::Decimal(least, most) | Kind::Money(least, most) => {
            let number = value.as_f64().ok_or_else(|| target("Edm.Decimal"))?;
            if (*least..=*most).contains(&number) {
                return Ok(value.clone());
            }
            Err(outside(table, column, &number.to_string(), least, most))
        }
        Kind::Date => date(value),
        Kind::Moment => moment(value),
        Kind::Boolean => Err(target("Edm.Boolean")),
        Kind::Id => super::ids::guid(value.as_str().unwrap_or_default())
            .map(Value::String)
            .ok_or_else(|| target("Edm.Guid")),
        Kind::Lookup(_) | Kind::Version => Err(target("Edm.EntityType")),
    }
}

/// A moment as the Web API writes it.
pub(super) fn written(at: i64) -> String {
    let at = DateTime::<Utc>::from_timestamp(at, 0).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn text(table: &Table, column: &Column, value: &Value, most: usize) -> Result<Value, Refusal> {
    let text = value.as_str().ok_or_else(|| target("Edm.String"))?;
    if text.encode_utf16().count() > most {
        return Err(Refusal::validation(format!(
            "The length of the '{}' attribute of the '{}' entity exceeded the maximum allowed length of '{most}'.",
            column.name, table.name
        )));
    }
    Ok(if text.is_empty() {
        Value::Null
    } else {
        value.clone()
    })
}

fn whole(value: &Value) -> Result<i64, Refusal> {
    value.as_i64().ok_or_else(|| target("Edm.Int32"))
}

fn date(value: &Value) -> Result<Value, Refusal> {
    let parsed = value
        .as_str()
        .and_then(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok());
    parsed
        .map(|date| date.format("%Y-%m-%d").to_string().into())
        .ok_or_else(|| target("Edm.Date"))
}

fn moment(value: &Value) -> Result<Value, Refusal> {
    let parsed = value
        .as_str()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    parsed
        .map(|at| written(at.timestamp()).into())
        .ok_or_else(|| target("Edm.DateTimeOffset"))
}

fn target(kind: &str) -> Refusal {
    Refusal::payload(format!(
        "Error identified in Payload provided by the user: Cannot convert a value to target type '{kind}'."
    ))
}

fn out_of_range() -> Refusal {
    Refusal::new(400, "0x8004431A", "The picklist value is out of the range.")
}

fn outside<T: std::fmt::Display>(
    table: &Table,
    column: &Column,
    value: &str,
    least: &T,
    most: &T,
) -> Refusal {
    Refusal::validation(format!(
        "The value {value} of '{}' on record of type '{}' is outside the valid range. Accepted Values: {least} to \
         {most}",
        column.name, table.name
    ))
}
