//! News of a lead that people have converted: it is frozen, so a task tells whoever owns what it became
//! (contract salesforce 0.14 and 11).

use std::collections::{BTreeMap, BTreeSet};

use connector_kit::{ConnectorError, LeadDelivery};
use serde_json::{Value, json};

use super::look::{Found, short};
use super::row::{Remedy, Row, Step};
use super::{Leads, places};
use crate::api::{COLLECTION, Record, Wishes};
use crate::config::OnConverted;
use crate::error::Place;
use crate::mapping::is_closed;
use crate::soql;

impl Leads {
    pub(super) async fn follow_converted(&self, rows: &mut [Row<'_>]) -> Result<(), ConnectorError> {
        let open = places(rows, |step| matches!(step, Step::Converted(_)));
        // A person who must not be contacted is told of in any case.
        let (told, closed): (Vec<usize>, Vec<usize>) = open
            .into_iter()
            .partition(|place| self.on_converted == OnConverted::Task || is_closed(rows[*place].delivery));
        for place in closed {
            if let Some(id) = id(&rows[place]) {
                rows[place].close(id);
            }
        }
        for chunk in told.chunks(COLLECTION) {
            self.tell(rows, chunk).await?;
        }
        Ok(())
    }

    async fn tell(&self, rows: &mut [Row<'_>], chunk: &[usize]) -> Result<(), ConnectorError> {
        let ids: BTreeSet<String> = chunk.iter().filter_map(|place| id(&rows[*place])).collect();
        let leads = self.records(&ids).await?;
        let of = |row: &Row<'_>| id(row).and_then(|id| leads.get(short(&id)).cloned());
        self.mark_contacts(rows, chunk, &of).await?;
        let told = self.told(rows, chunk).await?;
        let (mut places, mut tasks) = (Vec::new(), Vec::new());
        for place in chunk {
            let row = &mut rows[*place];
            if row.is_done() {
                continue;
            }
            if told.contains(&subject(row.delivery)) {
                self.end(row);
            } else if let Some(contact) = of(row).filter(|found| found.contact.is_some()) {
                tasks.push(task(row.delivery, &contact, self.api.clock.now().date_naive()));
                places.push(*place);
            } else if let Some(id) = id(row) {
                // Nothing is left of what it became.
                row.close(id);
            }
        }
        if tasks.is_empty() {
            return Ok(());
        }
        for (place, written) in places.into_iter().zip(self.api.create("Task", tasks).await?) {
            let row = &mut rows[place];
            match written.faults.first() {
                None => self.end(row),
                Some(fault) if fault.is_lock() && row.once(Remedy::Wait) => row.waits = true,
                Some(fault) => row.fail(fault.error("write a task for a converted lead", Place::Create)),
            }
        }
        Ok(())
    }

    /// Tasks have no key; those that were made before an answer got lost are known by their subject.
    async fn told(&self, rows: &[Row<'_>], chunk: &[usize]) -> Result<BTreeSet<String>, ConnectorError> {
        let subjects: Vec<String> = chunk.iter().map(|place| subject(rows[*place].delivery)).collect();
        let mut told = BTreeSet::new();
        for list in soql::lists(subjects) {
            let soql = format!("SELECT Subject FROM Task WHERE Subject IN {list}");
            let page = self
                .api
                .query::<BTreeMap<String, Value>>(&soql, "look up tasks")
                .await?;
            let subjects = page
                .records
                .iter()
                .filter_map(|task| task.get("Subject")?.as_str());
            told.extend(subjects.map(str::to_owned));
        }
        Ok(told)
    }

    /// The contact is who would be contacted.
    async fn mark_contacts(
        &self,
        rows: &mut [Row<'_>],
        chunk: &[usize],
        of: &(dyn Fn(&Row<'_>) -> Option<Found> + Sync),
    ) -> Result<(), ConnectorError> {
        let closed: Vec<(usize, String)> = chunk
            .iter()
            .filter(|place| is_closed(rows[**place].delivery))
            .filter_map(|place| Some((*place, of(&rows[*place])?.contact?)))
            .collect();
        if closed.is_empty() {
            return Ok(());
        }
        let contact = self.contacts.get().await?;
        let flags: Vec<&str> = self
            .shape
            .flags()
            .iter()
            .filter_map(|name| contact.field(name).filter(|field| field.updateable))
            .map(|field| field.name.as_str())
            .collect();
        if flags.is_empty() {
            return Ok(());
        }
        let marks = closed.iter().map(|(_, id)| {
            let mut mark: Record = flags
                .iter()
                .map(|flag| ((*flag).to_owned(), Value::Bool(true)))
                .collect();
            mark.insert("id".to_owned(), id.as_str().into());
            mark
        });
        let wishes = Wishes {
            auto_assign: "FALSE".to_owned(),
            allow_save: true,
        };
        let results = self.api.update("Contact", marks.collect(), &wishes).await?;
        for ((place, _), written) in closed.iter().zip(results) {
            let row = &mut rows[*place];
            match written.faults.first() {
                None => {}
                Some(fault) if fault.is_gone() => {}
                Some(fault) => row.fail(fault.error("mark the contact of a converted lead", Place::Update)),
            }
        }
        Ok(())
    }

    fn end(&self, row: &mut Row<'_>) {
        if let Some(id) = id(row) {
            match self.on_converted {
                OnConverted::Task => row.hold(Some(id)),
                OnConverted::Stop => row.close(id),
            }
        }
    }
}

fn id(row: &Row<'_>) -> Option<String> {
    match &row.step {
        Step::Converted(id) => Some(id.clone()),
        _ => None,
    }
}

/// Says in a line what it is, and is the same for every attempt of this revision and no other.
fn subject(delivery: &LeadDelivery) -> String {
    let what = if is_closed(delivery) {
        "Do not contact"
    } else {
        "Marketplace lead: news"
    };
    format!("{what} ({})", delivery.message_id())
}

fn task(delivery: &LeadDelivery, lead: &Found, today: chrono::NaiveDate) -> Record {
    let mut task = json!({
        "WhoId": lead.contact,
        "Subject": subject(delivery),
        "Description": description(delivery),
        "ActivityDate": today.to_string(),
    });
    if let Some(opportunity) = &lead.opportunity {
        task["WhatId"] = opportunity.as_str().into();
    }
    match task {
        Value::Object(task) => task,
        _ => Record::new(),
    }
}

fn description(delivery: &LeadDelivery) -> String {
    if is_closed(delivery) {
        return "This person asked Microsoft not to be contacted any more.".to_owned();
    }
    let Some(touch) = delivery.lead.latest() else {
        return String::new();
    };
    let offer = if touch.offer_title.is_empty() {
        &touch.offer
    } else {
        &touch.offer_title
    };
    let mut lines = vec![format!("Offer: {offer}"), format!("Action: {}", touch.action)];
    if !touch.description.is_empty() {
        lines.push(touch.description.clone());
    }
    lines.join("\n")
}
