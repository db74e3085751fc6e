//! A record as Dataverse tells it; numbers keep their digits.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use connector_kit::Amount;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use uuid::Uuid;

/// The table a lookup points into, told beside the id.
const TABLE: &str = "@Microsoft.Dynamics.CRM.lookuplogicalname";
/// The label of a choice, told beside its number.
const LABEL: &str = "@OData.Community.Display.V1.FormattedValue";

/// The members of one record, as written.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Record(BTreeMap<String, Box<RawValue>>);

/// One page, and the link at its end: to the next page, or to what will have changed.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    /// Changed records first, then the deleted ones.
    pub value: Vec<Record>,
    /// There is more of this.
    #[serde(rename = "@odata.nextLink")]
    pub next: Option<String>,
    /// This is all, as of now.
    #[serde(rename = "@odata.deltaLink")]
    pub delta: Option<String>,
}

impl Record {
    /// The member's value; none when it is null, missing or of another type.
    pub(crate) fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str::<Option<T>>(self.0.get(name)?.get()).ok()?
    }

    /// An id: of the record itself, or of what a lookup points to.
    pub(crate) fn id(&self, name: &str) -> Option<Uuid> {
        self.get(name)
    }

    /// The id of a record that is no more.
    pub(crate) fn deleted(&self) -> Option<Uuid> {
        let context: Option<String> = self.get("@odata.context");
        let tells = context.is_some_and(|context| context.ends_with("/$deletedEntity"));
        (tells || self.0.contains_key("reason")).then(|| self.id("id"))?
    }

    /// Money, digit by digit; never through floating point unless it is written with an exponent.
    pub(crate) fn amount(&self, name: &str) -> Option<Amount> {
        let written = self.0.get(name)?.get();
        let with_exponent = || self.get::<f64>(name)?.to_string().parse().ok();
        written.parse().ok().or_else(with_exponent)
    }

    /// A date, also where a customer made a moment of it.
    pub(crate) fn date(&self, name: &str) -> Option<NaiveDate> {
        let text: String = self.get(name)?;
        text.get(..10)?.parse().ok()
    }

    /// A moment.
    pub(crate) fn moment(&self, name: &str) -> Option<DateTime<Utc>> {
        self.get(name)
    }

    /// The table a lookup points into.
    pub(crate) fn table(&self, name: &str) -> Option<String> {
        self.get(&format!("{name}{TABLE}"))
    }

    /// What a choice is called there.
    pub(crate) fn label(&self, name: &str) -> Option<String> {
        self.get(&format!("{name}{LABEL}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> Record {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn money_keeps_its_digits() {
        for (written, amount) in [
            ("25000.0", Some("25000.0")),
            ("20000.50", Some("20000.50")),
            ("922337203685477.5807", Some("922337203685477.5807")),
            ("0.10", Some("0.10")),
            ("-3.1", Some("-3.1")),
            ("2.5E+4", Some("25000")),
            ("null", None),
            ("\"12\"", None),
        ] {
            let record = record(&format!("{{\"actualvalue\":{written}}}"));
            let read = record.amount("actualvalue").map(|amount| amount.to_string());
            assert_eq!(read.as_deref(), amount, "{written}");
        }
    }

    #[test]
    fn a_date_is_read_also_where_it_is_a_moment() {
        let record = record(r#"{"a":"2025-03-31","b":"2025-03-31T23:30:00Z","c":null,"d":"soon"}"#);
        let day = "2025-03-31".parse().ok();
        assert_eq!((record.date("a"), record.date("b")), (day, day));
        assert_eq!(
            (record.date("c"), record.date("d"), record.date("e")),
            (None, None, None)
        );
    }

    #[test]
    fn a_deleted_record_is_known_by_its_context_or_its_reason() {
        let id = "a17c4f10-5a6f-ee11-9ae7-000d3a993550";
        for text in [
            format!(r#"{{"@odata.context":"https://h/$metadata#leads/$deletedEntity","id":"{id}"}}"#),
            format!(r#"{{"id":"{id}","reason":"deleted"}}"#),
        ] {
            assert_eq!(record(&text).deleted(), id.parse().ok(), "{text}");
        }
        assert_eq!(record(&format!(r#"{{"leadid":"{id}"}}"#)).deleted(), None);
    }
}
