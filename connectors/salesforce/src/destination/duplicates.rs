//! A duplicate rule objected to a new lead: take the record it found for ours, save anyway, or leave it
//! to a person (contract salesforce 7.4).

use std::collections::BTreeSet;

use connector_kit::ConnectorError;

use super::look::short;
use super::row::{Remedy, Row, Step};
use super::{Leads, places};
use crate::api::Wishes;
use crate::config::DuplicateRule;
use crate::error::{Duplicate, Fault, Place};
use crate::mapping::Purpose;

impl Leads {
    pub(super) async fn explain(&self, rows: &mut [Row<'_>]) -> Result<(), ConnectorError> {
        let open = places(rows, |step| matches!(step, Step::Explain(_)));
        if self.duplicate_rule == DuplicateRule::Link {
            for place in &open {
                self.ask_alone(&mut rows[*place]).await?;
            }
            self.link(rows).await?;
        }
        for place in places(rows, |step| matches!(step, Step::Explain(_))) {
            let row = &mut rows[place];
            if let Step::Explain(fault) = &row.step {
                let fault = fault.clone();
                row.fail(objection(&fault));
            }
        }
        Ok(())
    }

    /// A collection may not tell what the rule found; the same record alone does.
    async fn ask_alone(&self, row: &mut Row<'_>) -> Result<(), ConnectorError> {
        let Step::Explain(Fault { duplicate: None, .. }) = row.step else {
            return Ok(());
        };
        if !row.once(Remedy::Alone) {
            return Ok(());
        }
        let lead = self.schema.get().await?;
        let mut record = self
            .shape
            .record(row.delivery, &lead, Purpose::Create, &row.without)?;
        // In this one request the key is in the path alone (contract salesforce 0.4).
        record.retain(|name, _| !name.eq_ignore_ascii_case(&self.shape.key_field));
        let wishes = Wishes {
            auto_assign: self.auto_assign(),
            allow_save: false,
        };
        let key = row.id().to_string();
        match self
            .api
            .upsert_one(&self.shape.key_field, &key, &record, &wishes)
            .await
        {
            Ok(written) => {
                row.step = Step::Create { allow_save: false };
                self.judge(row, written);
                Ok(())
            }
            Err(failure) => {
                self.doubt([row.id()]);
                Err(failure.into())
            }
        }
    }

    /// The first record that may be ours becomes ours; each only once.
    async fn link(&self, rows: &mut [Row<'_>]) -> Result<(), ConnectorError> {
        let open = places(rows, |step| matches!(step, Step::Explain(_)));
        let matches = |row: &Row<'_>| match &row.step {
            Step::Explain(fault) => fault.duplicate.clone().unwrap_or_default(),
            _ => Duplicate::default(),
        };
        let ids: BTreeSet<String> = open
            .iter()
            .flat_map(|place| matches(&rows[*place]).leads)
            .collect();
        let records = self.records(&ids).await?;
        let mut given: BTreeSet<String> = BTreeSet::new();
        for place in open {
            let row = &mut rows[place];
            let duplicate = matches(row);
            let ours = duplicate
                .leads
                .iter()
                .filter_map(|id| records.get(short(id)))
                .find(|found| {
                    !found.is_converted
                        && !found.is_deleted
                        && found.is_free_for(row.id())
                        && !given.contains(&found.id)
                });
            if let Some(found) = ours {
                given.insert(found.id.clone());
                row.step = Step::Update(found.id.clone());
            } else if duplicate.may_save && row.once(Remedy::Save) {
                row.step = Step::Create { allow_save: true };
            }
        }
        Ok(())
    }
}

fn objection(fault: &Fault) -> ConnectorError {
    let duplicate = fault.duplicate.clone().unwrap_or_default();
    let mut doing = "write lead: a duplicate rule objects".to_owned();
    if !duplicate.leads.is_empty() {
        doing = format!("{doing}; it may be {}", duplicate.leads.join(", "));
    }
    if duplicate.others > 0 {
        doing = format!("{doing}; {} records of other kinds match", duplicate.others);
    }
    // The general error brings the hint and the answer along.
    fault.error(&doing, Place::Create)
}
