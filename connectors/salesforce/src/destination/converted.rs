//! News of a lead that people have converted: it is frozen, so a task tells whoever owns what it became
//! (contract salesforce 0.14 and 11).

use std::collections::{BTreeMap, BTreeSet};

use connector_kit::{ConnectorError, ErrorKind, LeadDelivery};
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
        self.mark_contacts(rows, chunk, &leads).await?;
        match self.write_tasks(rows, chunk, &leads).await {
            // Whoever may not write tasks may still write leads.
            Err(error) if is_about_rights(&error) => {
                for place in chunk {
                    let row = &mut rows[*place];
                    if matches!(row.step, Step::Converted(_)) {
                        row.fail(no_task(&error));
                    }
                }
                Ok(())
            }
            result => result,
        }
    }

    async fn write_tasks(
        &self,
        rows: &mut [Row<'_>],
        chunk: &[usize],
        leads: &BTreeMap<String, Found>,
    ) -> Result<(), ConnectorError> {
        let told = self.told(rows, chunk).await?;
        let (mut places, mut tasks) = (Vec::new(), Vec::new());
        for place in chunk {
            let row = &mut rows[*place];
            let Some(id) = id(row) else { continue };
            if told.contains(&subject(row.delivery)) {
                self.end(row);
            } else if let Some(lead) = leads.get(short(&id)).filter(|lead| lead.contact.is_some()) {
                tasks.push(task(row.delivery, lead, self.api.clock.now().date_naive()));
                places.push(*place);
            } else {
                // Nothing is left of what it became.
                row.close(id);
            }
        }
        if tasks.is_empty() {
            return Ok(());
        }
        let records: Vec<&Record> = tasks.iter().collect();
        for (place, written) in places.into_iter().zip(self.api.create("Task", &records).await?) {
            let row = &mut rows[place];
            match written.faults.first() {
                None => self.end(row),
                Some(fault) if fault.is_lock() && row.once(Remedy::Wait) => row.waits = true,
                Some(fault) => row.fail(no_task(&fault.error("write a task", Place::Update))),
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
        leads: &BTreeMap<String, Found>,
    ) -> Result<(), ConnectorError> {
        let contact = |place: &usize| {
            let lead = id(&rows[*place]).and_then(|id| leads.get(short(&id)))?;
            Some((*place, lead.contact.clone()?)).filter(|_| is_closed(rows[*place].delivery))
        };
        let closed: Vec<(usize, String)> = chunk.iter().filter_map(contact).collect();
        let flags = if closed.is_empty() {
            Vec::new()
        } else {
            self.contact_flags().await?
        };
        if flags.is_empty() {
            return Ok(());
        }
        let mark = |id: &String| {
            let flags = flags.iter().map(|flag| (flag.clone(), Value::Bool(true)));
            flags.chain([("id".to_owned(), id.as_str().into())]).collect()
        };
        let marks: Vec<Record> = closed.iter().map(|(_, id)| mark(id)).collect();
        let records: Vec<&Record> = marks.iter().collect();
        let wishes = Wishes {
            auto_assign: "FALSE".to_owned(),
            allow_save: true,
        };
        let results = self.api.update("Contact", &records, &wishes).await?;
        for ((place, _), written) in closed.iter().zip(results) {
            if let Some(fault) = written.faults.first().filter(|fault| !fault.is_gone()) {
                rows[*place].fail(fault.error("mark the contact of a converted lead", Place::Update));
            }
        }
        Ok(())
    }

    /// The boxes that can be ticked on contacts; none where we may not look, and then the task says it all.
    async fn contact_flags(&self) -> Result<Vec<String>, ConnectorError> {
        let contact = match self.contacts.get().await {
            Ok(contact) => contact,
            Err(error) if is_about_rights(&error) => {
                tracing::warn!(event = "contacts_unmarked", error = %error, "contacts cannot be marked; a task says that they must not be contacted");
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let fields = self.shape.flags().iter().filter_map(|name| contact.field(name));
        Ok(fields
            .filter(|field| field.updateable)
            .map(|field| field.name.clone())
            .collect())
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

fn is_about_rights(error: &ConnectorError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unauthorized | ErrorKind::Misconfigured | ErrorKind::Rejected
    )
}

/// A right that only converted leads need parks nobody else.
fn no_task(error: &ConnectorError) -> ConnectorError {
    let kind = if is_about_rights(error) {
        ErrorKind::Rejected
    } else {
        error.kind()
    };
    ConnectorError::new(kind, format!("tell the news of a converted lead: {error}"))
        .answer(error.answer_text().unwrap_or_default())
        .hint("give the integration user Edit Tasks and the rights of leadsync provision, or set on_converted = \"stop\", then requeue")
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
