//! Which records changed or went away within a time (contract salesforce 9).

use http::Method;
use serde_json::json;

use super::answer::{Answer, Refusal};
use super::call::Call;
use super::org::Org;
use super::route::only;
use super::schema::Object;
use super::store::{Row, is_deleted};
use super::value;

const DAY: i64 = 24 * 60 * 60;
/// How far back one may ask, in days.
const UPDATED_BACK: i64 = 30;
const DELETED_BACK: i64 = 15;

impl Org {
    pub(super) fn updated(&self, call: &Call, object: &Object) -> Result<Answer, Refusal> {
        let (start, end) = self.window(call, UPDATED_BACK)?;
        let ids: Vec<_> = self
            .changed(object, start, end)
            .filter(|(_, row)| !is_deleted(row))
            .map(|(id, _)| id)
            .collect();
        Ok(Answer::json(
            200,
            json!({ "ids": ids, "latestDateCovered": value::stamp(end.min(self.now())) }),
        ))
    }

    pub(super) fn deleted(&self, call: &Call, object: &Object) -> Result<Answer, Refusal> {
        let (start, end) = self.window(call, DELETED_BACK)?;
        let gone = self
            .changed(object, start, end)
            .filter(|(_, row)| is_deleted(row));
        let gone: Vec<_> = gone
            .map(|(id, row)| json!({ "id": id, "deletedDate": row["SystemModstamp"] }))
            .collect();
        Ok(Answer::json(
            200,
            json!({
                "deletedRecords": gone,
                "earliestDateAvailable": value::stamp(self.now() - DELETED_BACK * DAY),
                "latestDateCovered": value::stamp(end.min(self.now())),
            }),
        ))
    }

    fn changed(&self, object: &Object, start: i64, end: i64) -> impl Iterator<Item = (&str, &Row)> {
        let (start, end) = (value::stamp(start), value::stamp(end));
        self.store.rows(&object.name).filter(move |(_, row)| {
            let stamp = row
                .get("SystemModstamp")
                .and_then(|stamp| stamp.as_str())
                .unwrap_or_default();
            start.as_str() <= stamp && stamp < end.as_str()
        })
    }

    /// Both ends in whole minutes, apart, in order, and not too long ago.
    fn window(&self, call: &Call, days_back: i64) -> Result<(i64, i64), Refusal> {
        only(call, &[Method::GET])?;
        let wrong = |message: &str| Refusal::new("INVALID_REPLICATION_DATE", message);
        let at = |name: &str| {
            let second = call.parameter(name).as_deref().and_then(value::second);
            second.ok_or_else(|| wrong("startDate and endDate are required, as dates with an offset"))
        };
        let (start, end) = (at("start")?, at("end")?);
        if start / 60 >= end / 60 {
            return Err(wrong(
                "startDate must be at least one minute greater than endDate",
            ));
        }
        if start < self.now() - days_back * DAY {
            return Err(wrong("startDate cannot be more than 30 days ago"));
        }
        Ok((start, end))
    }
}
