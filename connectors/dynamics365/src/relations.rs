//! What the ids in a record stand for: the lead's key, the currency's code. Looked up in few reads and
//! remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use connector_kit::{ConnectorError, LeadId};
use uuid::Uuid;

use crate::api::Dataverse;
use crate::error::Failure;
use crate::operation::Operation;
use crate::record::{Page, Record};

/// More leads than this are forgotten and asked for again.
const REMEMBERED: usize = 100_000;
/// Leads asked for in one batch.
const AT_ONCE: usize = 500;

/// Remembers who is who. The leads of the change feed tell most of it for nothing.
#[derive(Debug, Default)]
pub(crate) struct Relations {
    leads: Mutex<BTreeMap<Uuid, Option<LeadId>>>,
    currencies: Mutex<BTreeMap<Uuid, Option<String>>>,
}

impl Relations {
    /// A record of the lead table has this key, or none of ours.
    pub(crate) fn remember(&self, record: Uuid, lead: Option<LeadId>) {
        let mut leads = lock(&self.leads);
        if leads.len() >= REMEMBERED {
            leads.clear();
        }
        leads.insert(record, lead);
    }

    /// The keys of these records of the lead table; those that are not ours are missing.
    pub(crate) async fn leads(
        &self,
        dataverse: &Dataverse,
        records: BTreeSet<Uuid>,
    ) -> Result<BTreeMap<Uuid, LeadId>, ConnectorError> {
        let unknown: Vec<Uuid> = {
            let known = lock(&self.leads);
            records
                .iter()
                .filter(|id| !known.contains_key(*id))
                .copied()
                .collect()
        };
        let doing = "look up the leads of opportunities";
        for some in unknown.chunks(AT_ONCE) {
            let column = dataverse.key.column();
            let look = |id: &Uuid| Operation::get(format!("leads({id})?$select={column}"));
            let operations: Vec<_> = some.iter().map(look).collect();
            let parts = dataverse.send_all(&operations, doing).await;
            for (id, part) in some
                .iter()
                .zip(parts.map_err(|failure| failure.into_error(doing))?)
            {
                let lead = match part {
                    Ok(answer) => serde_json::from_slice(answer.body())
                        .ok()
                        .and_then(|record: Record| key_of(&record, column)),
                    Err(failure) if failure.is_not_found() => None,
                    Err(failure) => return Err(failure.into_error(doing)),
                };
                self.remember(*id, lead);
            }
        }
        let known = lock(&self.leads);
        let ours = records
            .into_iter()
            .filter_map(|id| Some((id, (*known.get(&id)?)?)));
        Ok(ours.collect())
    }

    /// The ISO codes of these currencies; without the right to read them there are none.
    pub(crate) async fn currencies(
        &self,
        dataverse: &Dataverse,
        wanted: &BTreeSet<Uuid>,
    ) -> Result<BTreeMap<Uuid, String>, ConnectorError> {
        let all_known = wanted.iter().all(|id| lock(&self.currencies).contains_key(id));
        if !all_known {
            let read = read_currencies(dataverse).await?;
            let mut known = lock(&self.currencies);
            known.extend(wanted.iter().map(|id| (*id, None)));
            known.extend(read.into_iter().map(|(id, code)| (id, Some(code))));
        }
        let known = lock(&self.currencies);
        let codes = wanted
            .iter()
            .filter_map(|id| Some((*id, known.get(id)?.clone()?)));
        Ok(codes.collect())
    }
}

/// Every currency there is; without the right to read them there are none.
pub(crate) async fn read_currencies(dataverse: &Dataverse) -> Result<Vec<(Uuid, String)>, ConnectorError> {
    let doing = "read the currencies";
    let operation = Operation::get("transactioncurrencies?$select=isocurrencycode");
    let answer = match dataverse.send(&operation, doing).await {
        Ok(answer) => answer,
        Err(Failure::Refused(refusal)) if refusal.status == 403 => {
            tracing::warn!(
                event = "currencies_unreadable",
                "the application user may not read currencies; values come without one"
            );
            return Ok(Vec::new());
        }
        Err(failure) => return Err(failure.into_error(doing)),
    };
    let page: Option<Page> = serde_json::from_slice(answer.body()).ok();
    let records = page.map(|page| page.value).unwrap_or_default();
    let code = |record: &Record| {
        Some((
            record.id("transactioncurrencyid")?,
            record.get("isocurrencycode")?,
        ))
    };
    Ok(records.iter().filter_map(code).collect())
}

/// The lead whose key the record carries; anything else in that column is not ours.
pub(crate) fn key_of(record: &Record, column: &str) -> Option<LeadId> {
    record.get::<String>(column)?.parse().ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
