//! Their codes become a [`ConnectorError`]: who has to change (contract marketo A3). Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::http::{Code, redact};
use connector_kit::{ConnectorError, ErrorKind};
use serde::Deserialize;

use crate::central;

/// One entry of `errors` or `reasons`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Complaint {
    /// A number in a text, nearly always.
    #[serde(deserialize_with = "text_or_number")]
    pub(crate) code: String,
    /// Their words.
    #[serde(default)]
    pub(crate) message: String,
}

fn text_or_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// A call or a record that was not taken.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// Their code; empty when there was no envelope to read.
    pub(crate) code: String,
    /// What it means for us.
    pub(crate) error: ConnectorError,
}

impl From<ConnectorError> for Refusal {
    fn from(error: ConnectorError) -> Self {
        Self {
            code: String::new(),
            error,
        }
    }
}

/// Codes that do not count against the daily quota.
const FREE: [&str; 6] = ["601", "602", "604", "605", "608", "611"];

impl Complaint {
    /// The token is refused; a new one may help.
    pub(crate) fn is_about_the_token(&self) -> bool {
        matches!(self.code.as_str(), "600" | "601" | "602")
    }

    /// The call was free.
    pub(crate) fn is_free(&self) -> bool {
        FREE.contains(&self.code.as_str())
    }

    /// What it means; `chance` is a throw from 0 to 1.
    pub(crate) fn into_refusal(self, doing: &str, now: DateTime<Utc>, chance: f64) -> Refusal {
        let (kind, strikes, hint) = meaning(&self.code);
        let mut error = ConnectorError::new(kind, format!("{doing}: {}", Code(&self.code)))
            .strikes(strikes)
            .retry_after(wait(&self.code, now, chance))
            .answer(redact::answer(
                format!("{} {}", self.code, self.message).as_bytes(),
                [],
            ));
        if !hint.is_empty() {
            error = error.hint(hint);
        }
        Refusal {
            code: self.code,
            error,
        }
    }
}

/// Who has to change, how often in a row until a person is asked, and what that person should do.
fn meaning(code: &str) -> (ErrorKind, u8, &'static str) {
    use ErrorKind::{Broken, Conflict, Misconfigured, Rejected, Throttled, Unauthorized, Unreachable};
    match code {
        "600" | "601" | "602" => (
            Misconfigured,
            3,
            "the token is refused although it is new: look at the API user and its service, then release",
        ),
        "603" => (
            Unauthorized,
            1,
            "give the API user's role the permissions of the README and this machine a place on the IP allow list, then release",
        ),
        "604" | "502" => (Unreachable, 1, ""),
        "606" | "608" | "615" | "1016" => (Throttled, 1, ""),
        "607" => (
            Throttled,
            1,
            "the instance's daily quota is spent by all its integrations together; it goes on at midnight US Central",
        ),
        "614" => (
            Misconfigured,
            60,
            "the subscription is not known to the API for an hour by now: look at base_url, or ask Marketo, then release",
        ),
        "605" | "609" | "610" | "612" | "613" => (
            Misconfigured,
            3,
            "Marketo does not know this request: look at base_url, and report it to the makers of leadsync",
        ),
        "611" | "713" | "500" => (Broken, 1, ""),
        "719" | "1005" | "1036" => (Conflict, 1, ""),
        "703" => (
            Misconfigured,
            1,
            "the instance lacks a feature that the config asks for",
        ),
        "1004" => (
            Rejected,
            1,
            "the lead was deleted in Marketo meanwhile: requeue to create it anew",
        ),
        "1006" => (
            Misconfigured,
            1,
            "the mapping names a field the instance does not have: `leadsync provision`, or correct [mapping], then release",
        ),
        "1007" => (
            Rejected,
            1,
            "several people in Marketo have this address: merge them there, then requeue",
        ),
        "1008" | "1009" => (
            Misconfigured,
            1,
            "name a partition the API user may write to in `partition`, or assign it to the user's workspace, then release",
        ),
        "1010" => (
            Rejected,
            1,
            "the person is in another partition than the one in `partition`: move them there, or give that partition a connector of its own, then requeue",
        ),
        "1011" => (
            Misconfigured,
            1,
            "the mapping names a field that cannot be written: take it out of [mapping], then release",
        ),
        "1018" => (
            Misconfigured,
            1,
            "the instance is synchronised with a CRM and refuses this: leave the CRM's fields out of [mapping], then release",
        ),
        "1021" => (
            Rejected,
            1,
            "the lead belongs to a company whose fields are not written here: name them in company_fields, then requeue",
        ),
        _ => (
            Rejected,
            1,
            "Marketo's own words are with the attempt: correct the lead or the mapping, then requeue",
        ),
    }
}

/// How long to leave them alone.
fn wait(code: &str, now: DateTime<Utc>, chance: f64) -> Option<Duration> {
    let wait = match code {
        "606" => Duration::from_secs(20),
        "615" => Duration::from_secs(1) + Duration::from_secs(4).mul_f64(chance),
        "607" => {
            let midnight = central::next_midnight(now) - now + TimeDelta::seconds(1);
            midnight.to_std().unwrap_or_default() + Duration::from_mins(1).mul_f64(chance)
        }
        "614" | "1016" => Duration::from_mins(1),
        _ => return None,
    };
    Some(wait)
}

#[cfg(test)]
#[path = "error/tests.rs"]
mod tests;
