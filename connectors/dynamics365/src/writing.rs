//! How rows are written: many at once where that works, each for itself where one of them is in the
//! others' way.

use connector_kit::http::Response;
use connector_kit::{ErrorKind, Receipt, RecordRef};
use serde::Deserialize;

use crate::api::{Dataverse, Parts, is_of_the_call};
use crate::config::OnDuplicate;
use crate::error::{DUPLICATE_RULE, Failure};
use crate::operation::Row;
use crate::run::{Fate, Run};
use crate::ways::Ways;

/// From this attempt on, a call that breaks is taken apart: one row may be the cause.
const PATIENCE: u32 = 1;

/// Writes the rows of one call.
pub(crate) struct Writer<'a> {
    /// Where to.
    pub dataverse: &'a Dataverse,
    /// Which way.
    pub ways: &'a Ways,
    /// What becomes of a duplicate.
    pub on_duplicate: OnDuplicate,
}

impl Writer<'_> {
    /// Makes records that are new to us; should one be there already, it is changed.
    pub(crate) async fn make(&self, rows: Vec<Row>, run: &mut Run) {
        // The action answers for all alike, so detection goes by the way that asks for each.
        let alone = rows.len() < 2 || rows.iter().any(|row| row.detect);
        if alone || !run.goes_on(&rows) {
            return self.patch(rows, run).await;
        }
        match self.ways.has_upsert_multiple(self.dataverse).await {
            Ok(true) => self.multiple(rows, run).await,
            Ok(false) => self.patch(rows, run).await,
            Err(failure) => run.halt(&rows, &failure.into_error(&self.doing())),
        }
    }

    async fn multiple(&self, mut rows: Vec<Row>, run: &mut Run) {
        while !rows.is_empty() {
            let rest = rows.split_off(self.ways.multiple.size().min(rows.len()));
            if run.goes_on(&rows) {
                self.multiple_or_apart(rows, run).await;
            }
            rows = rest;
        }
    }

    /// All or none: where one is refused the answer does not say which, so each goes for itself.
    async fn multiple_or_apart(&self, rows: Vec<Row>, run: &mut Run) {
        let Err(failure) = self.dataverse.upsert_multiple(&rows, &self.doing()).await else {
            self.ways.multiple.went_well(rows.len());
            for row in &rows {
                run.settle(row.delivery, Ok(self.receipt(row, None)));
            }
            return;
        };
        if failure.asks_for_less() {
            self.ways.multiple.less_than(rows.len());
        }
        if failure.says_there_is_no_such_action() {
            self.ways.is_missing(self.dataverse.clock.now());
        }
        let broke_again =
            failure.kind() == ErrorKind::Broken && rows.iter().any(|row| row.attempt >= PATIENCE);
        if !broke_again && (is_of_the_call(&failure) || failure.kind() == ErrorKind::Broken) {
            return run.halt(&rows, &failure.into_error(&self.doing()));
        }
        tracing::debug!(
            leads = rows.len(),
            "UpsertMultiple was refused; each lead goes for itself"
        );
        self.patch(rows, run).await;
    }

    /// Writes each for itself, many in one call. What is to be tried once more is.
    pub(crate) async fn patch(&self, rows: Vec<Row>, run: &mut Run) {
        let again = self.patch_once(rows, run, true).await;
        self.patch_once(again, run, false).await;
    }

    /// The rows that are worth another try.
    async fn patch_once(&self, mut rows: Vec<Row>, run: &mut Run, may_repeat: bool) -> Vec<Row> {
        let mut again = Vec::new();
        while !rows.is_empty() {
            let rest = rows.split_off(self.ways.batch.size().min(rows.len()));
            if run.goes_on(&rows) {
                match self.dataverse.patch(&rows, &self.doing()).await {
                    Ok(parts) => again.extend(self.weigh(&rows, parts, run, may_repeat)),
                    Err(failure) if failure.is_too_large() && rows.len() > 1 => {
                        self.ways.batch.less_than(rows.len());
                        rows.extend(rest);
                        continue;
                    }
                    Err(failure) => {
                        if failure.asks_for_less() {
                            self.ways.batch.less_than(rows.len());
                        }
                        run.halt(&rows, &failure.into_error(&self.doing()));
                    }
                }
            }
            rows = rest;
        }
        again
    }

    /// One answer for each row; gives back those that are worth another try.
    fn weigh(&self, rows: &[Row], parts: Parts, run: &mut Run, may_repeat: bool) -> Vec<Row> {
        let some_went_well = parts.iter().any(Result::is_ok);
        if parts.iter().all(Result::is_ok) {
            self.ways.batch.went_well(rows.len());
        }
        let mut again = Vec::new();
        for (row, part) in rows.iter().zip(parts) {
            let fate = match part {
                Ok(answer) => Ok(self.receipt(row, Some(&answer))),
                Err(failure) if may_repeat && failure.lost_a_race() => {
                    again.push(row.clone());
                    continue;
                }
                Err(failure)
                    if failure.is(DUPLICATE_RULE)
                        && may_repeat
                        && self.on_duplicate == OnDuplicate::AllowSave =>
                {
                    again.push(Row {
                        detect: false,
                        ..row.clone()
                    });
                    continue;
                }
                Err(failure) => self.refused(row, failure, some_went_well),
            };
            run.settle(row.delivery, fate);
        }
        again
    }

    fn refused(&self, row: &Row, failure: Failure, others_went_well: bool) -> Fate {
        if row.update_only && failure.is_not_found() {
            return Ok(gone(row));
        }
        if failure.is(DUPLICATE_RULE) && self.on_duplicate == OnDuplicate::Skip {
            return Ok(Receipt {
                record: None,
                closed: true,
            });
        }
        let doing = format!("write a lead to {}", self.dataverse.host());
        Err(if others_went_well {
            failure.into_error_of_the_record(&doing)
        } else {
            failure.into_error(&doing)
        })
    }

    /// Of records that are there, those that take changes: a qualified or disqualified lead is
    /// read-only in the product, and one that was deleted is not made again.
    pub(crate) async fn still_open(&self, mut rows: Vec<Row>, run: &mut Run) -> Vec<Row> {
        let mut open = Vec::new();
        while !rows.is_empty() {
            let rest = rows.split_off(self.ways.batch.size().min(rows.len()));
            if run.goes_on(&rows) {
                match self.dataverse.look(&rows, &self.doing()).await {
                    Ok(parts) => open.extend(self.sort_out(rows, parts, run)),
                    Err(failure) => run.halt(&rows, &failure.into_error(&self.doing())),
                }
            }
            rows = rest;
        }
        open
    }

    fn sort_out(&self, rows: Vec<Row>, parts: Parts, run: &mut Run) -> Vec<Row> {
        let mut open = Vec::new();
        for (row, part) in rows.into_iter().zip(parts) {
            let fate = match part {
                Ok(answer) if Seen::of(&answer).is_some_and(|seen| seen.statecode != 0) => Ok(Receipt {
                    closed: true,
                    ..self.receipt(&row, Some(&answer))
                }),
                Ok(_) => {
                    open.push(row);
                    continue;
                }
                Err(failure) if failure.is_not_found() && row.anew.is_some() => {
                    open.extend(row.made_anew());
                    continue;
                }
                Err(failure) => self.refused(&row, failure, false),
            };
            run.settle(row.delivery, fate);
        }
        open
    }

    /// The record by its id where the answer names it, else by its key.
    fn receipt(&self, row: &Row, answer: Option<&Response>) -> Receipt {
        let id = answer.and_then(|answer| Seen::of(answer).map(|seen| seen.leadid).or_else(|| named(answer)));
        Receipt {
            record: Some(RecordRef(id.unwrap_or_else(|| self.dataverse.key.of(row.lead)))),
            closed: false,
        }
    }

    fn doing(&self) -> String {
        format!("write leads to {}", self.dataverse.host())
    }
}

/// There is no such record: one we named is deleted and stays so; one we never named need not be.
fn gone(row: &Row) -> Receipt {
    Receipt {
        record: None,
        closed: row.was_held,
    }
}

/// What an answer with a body says.
#[derive(Deserialize)]
struct Seen {
    leadid: String,
    #[serde(default)]
    statecode: i64,
}

impl Seen {
    fn of(answer: &Response) -> Option<Self> {
        serde_json::from_slice(answer.body()).ok()
    }
}

/// The id in `OData-EntityId`, which repeats the key after an upsert and names an id after others.
fn named(answer: &Response) -> Option<String> {
    let link = answer.headers().get("odata-entityid")?.to_str().ok()?;
    let inner = link.strip_suffix(')')?.rsplit_once('(')?.1;
    uuid::Uuid::try_parse(inner).ok().map(|id| id.to_string())
}
