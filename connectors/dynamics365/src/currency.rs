//! The currency of a lead's money: a code in the mapping, a row in Dataverse (contract dynamics365 6 and 12.1).
//!
//! Money is in the currency of its record, so an amount whose currency Dataverse does not know is left out
//! rather than passed off as another one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::ConnectorError;
use uuid::Uuid;

use crate::api::Dataverse;
use crate::operation::Row;
use crate::relations::read_currencies;

/// The lookup, as a mapping names it.
pub(crate) const LOOKUP: &str = "transactioncurrencyid@odata.bind";
/// A currency that is not there may be added; nobody is asked more often.
const ASK_EVERY: TimeDelta = TimeDelta::hours(1);

/// The currencies of the environment, asked for when the first code is to be written.
#[derive(Debug)]
pub(crate) struct Currencies {
    /// Columns that are money of the record.
    money: BTreeSet<String>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    asked_at: Option<DateTime<Utc>>,
    by_code: BTreeMap<String, Uuid>,
    complained_of: BTreeSet<String>,
}

impl Currencies {
    /// Nobody is asked yet.
    pub(crate) fn new(money: BTreeSet<String>) -> Self {
        Self {
            money,
            known: Mutex::default(),
        }
    }

    /// Whether the column is money of the record: without a currency there is none.
    pub(crate) fn is_money(&self, column: &str) -> bool {
        self.money.contains(column)
    }

    /// Rows that name their currency by its code name its row instead; where there is none, they go
    /// without the lookup and without the money.
    pub(crate) async fn bind(&self, dataverse: &Dataverse, rows: &mut [Row]) -> Result<(), ConnectorError> {
        let codes: BTreeSet<String> = rows.iter().filter_map(code).collect();
        self.learn(dataverse, &codes).await?;
        for row in rows {
            let Some(code) = code(row) else { continue };
            if let Some(id) = self.find(&code) {
                let target = format!("/transactioncurrencies({id})");
                row.columns.insert(LOOKUP.to_owned(), target.into());
            } else {
                row.columns.remove(LOOKUP);
                row.columns.retain(|name, _| !self.money.contains(name));
            }
        }
        Ok(())
    }

    async fn learn(&self, dataverse: &Dataverse, codes: &BTreeSet<String>) -> Result<(), ConnectorError> {
        let now = dataverse.clock.now();
        let is_known = {
            let known = self.lock();
            let is_fresh = known.asked_at.is_some_and(|at| now >= at && now - at < ASK_EVERY);
            is_fresh || codes.iter().all(|code| known.by_code.contains_key(code))
        };
        if is_known {
            return Ok(());
        }
        let read = read_currencies(dataverse).await?;
        let mut known = self.lock();
        known.asked_at = Some(now);
        known.by_code = read.into_iter().map(|(id, code)| (code, id)).collect();
        Ok(())
    }

    fn find(&self, code: &str) -> Option<Uuid> {
        let mut known = self.lock();
        let found = known.by_code.get(code).copied();
        if found.is_none() && known.complained_of.insert(code.to_owned()) {
            tracing::warn!(
                event = "currency_unknown",
                currency = code,
                "Dataverse has no such currency, so amounts in it are left out: add it in Dynamics"
            );
        }
        found
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ISO 4217 code a row names; an operator may also have written a reference.
pub(crate) fn code(row: &Row) -> Option<String> {
    let text = row.columns.get(LOOKUP)?.as_str()?;
    (text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())).then(|| text.to_owned())
}
