//! A destination that books every record by its key, answers as scripted, and notes every wrong
//! that is done to it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::{
    Bulk, CallBook, ConnectorError, Destination, ErrorKind, EventKind, Gate, LeadDelivery, LeadId, Quota,
    Receipt, RecordRef, Rendered,
};
use tokio::sync::Semaphore;

use super::death::Death;

/// How a call is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// All is written.
    Takes,
    /// Nothing is written.
    Fails(ConnectorError),
    /// All is written, and the answer says otherwise.
    TakesAndFails(ConnectorError),
    /// All is written, and only so many of the answers arrive.
    Mentions(usize),
    /// All is written, and more answers arrive than were asked for.
    Babbles,
    /// The connector panics before it calls.
    Panics,
    /// The connector panics after it called.
    TakesAndPanics,
    /// All is written once [`Crm::let_go`] allows.
    Waits,
    /// All is written, and the answer comes once [`Crm::let_go`] allows.
    TakesAndWaits,
}

/// What the destination holds of one lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) email: String,
    pub(crate) title: String,
    pub(crate) revision: u32,
    pub(crate) contactable: bool,
    /// Calls that wrote it.
    pub(crate) writes: u32,
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) at: DateTime<Utc>,
    /// Whom it was about, and what it said happened.
    pub(crate) about: Vec<(String, EventKind)>,
}

pub(crate) struct Crm {
    pub(crate) name: String,
    batch_limit: usize,
    bulk: Option<Bulk>,
    clock: ManualClock,
    death: Death,
    go: Semaphore,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    records: BTreeMap<LeadId, Record>,
    calls: Vec<Call>,
    next: VecDeque<Answer>,
    ever: Option<Answer>,
    nth: Option<(usize, Answer)>,
    refused: BTreeMap<String, ConnectorError>,
    /// Whose records take no more changes, and whether we said so.
    converted: BTreeMap<String, bool>,
    not_before: Option<DateTime<Utc>>,
    wrongs: Vec<String>,
    /// Where this process counts its requests, how many a call takes, and when each was made.
    book: CallBook,
    extras: usize,
    requests: Vec<DateTime<Utc>>,
    /// Requests granted and left of them, where it tells.
    granted: Option<(u64, u64)>,
}

/// An error of this kind, as a connector would tell it.
pub(crate) fn failing(kind: ErrorKind) -> ConnectorError {
    ConnectorError::new(kind, format!("write to the crm: {}", kind.as_str()))
}

impl Crm {
    pub(crate) fn new(
        name: &str,
        (batch_limit, bulk): (usize, Option<Bulk>),
        clock: &ManualClock,
        death: &Death,
    ) -> Self {
        Self {
            name: name.to_owned(),
            batch_limit,
            bulk,
            clock: clock.clone(),
            death: death.clone(),
            go: Semaphore::new(0),
            books: Mutex::default(),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next calls are answered like this.
    pub(crate) fn answer_next(&self, calls: usize, answer: &Answer) {
        let answers = std::iter::repeat_n(answer.clone(), calls);
        self.books().next.extend(answers);
    }

    /// Every call is answered like this, until [`Crm::recover`].
    pub(crate) fn always(&self, answer: Answer) {
        self.books().ever = Some(answer);
    }

    /// Call number `nth` from now on, counted from 1, is answered like this.
    pub(crate) fn answer_nth(&self, nth: usize, answer: Answer) {
        let mut books = self.books();
        books.nth = Some((books.calls.len() + nth, answer));
    }

    /// Every call goes well again.
    pub(crate) fn recover(&self) {
        let mut books = self.books();
        books.ever = None;
        books.next.clear();
        books.nth = None;
        books.refused.clear();
    }

    /// Refuses the records of this person, and only those.
    pub(crate) fn refuse(&self, email: &str, error: ConnectorError) {
        self.books().refused.insert(email.to_owned(), error);
    }

    /// Takes the records of this person again.
    pub(crate) fn accept(&self, email: &str) {
        self.books().refused.remove(email);
    }

    /// The record of this person becomes something else: from now on it can only be marked.
    pub(crate) fn convert(&self, email: &str) {
        self.books().converted.insert(email.to_owned(), false);
    }

    /// Every call takes so many requests more.
    pub(crate) fn take_extra_requests(&self, extras: usize) {
        self.books().extras = extras;
    }

    /// From now on it says with every request how many are left.
    pub(crate) fn grant(&self, granted: u64, left: u64) {
        self.books().granted = Some((granted, left));
    }

    /// A process begins to count its requests.
    pub(crate) fn begin_book(&self) -> CallBook {
        let mut books = self.books();
        books.book = CallBook::default();
        books.book.clone()
    }

    /// When each request was made.
    pub(crate) fn requests(&self) -> Vec<DateTime<Utc>> {
        self.books().requests.clone()
    }

    /// Lets one waiting call go on.
    pub(crate) fn let_go(&self) {
        self.go.add_permits(1);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.books().calls.clone()
    }

    pub(crate) fn call_count(&self) -> usize {
        self.books().calls.len()
    }

    pub(crate) fn records(&self) -> BTreeMap<LeadId, Record> {
        self.books().records.clone()
    }

    /// The record of a person; there is at most one.
    pub(crate) fn record(&self, email: &str) -> Option<Record> {
        self.books()
            .records
            .values()
            .find(|record| record.email == email)
            .cloned()
    }

    /// Who is held and may be contacted.
    pub(crate) fn contactable(&self) -> Vec<String> {
        let books = self.books();
        let open = books.records.values().filter(|record| record.contactable);
        let mut emails: Vec<String> = open.map(|record| record.email.clone()).collect();
        emails.sort();
        emails
    }

    /// What was done that must never be done.
    pub(crate) fn wrongs(&self) -> Vec<String> {
        self.books().wrongs.clone()
    }
}

#[async_trait]
impl Destination for Crm {
    fn batch_limit(&self) -> usize {
        self.batch_limit
    }

    fn bulk(&self) -> Option<Bulk> {
        self.bulk
    }

    async fn upsert(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Receipt, ConnectorError>> {
        self.death.moment().await;
        let limit = self.bulk.map_or(self.batch_limit, |bulk| bulk.most);
        let answer = self.books().begin(deliveries, self.clock.now(), limit);
        let answers = self.give(answer, deliveries).await;
        self.books().remember_waits(&answers, self.clock.now());
        self.death.moment().await;
        answers
    }

    fn preview(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Rendered, ConnectorError>> {
        let record = |one: &LeadDelivery| Ok(Rendered::keyed("key", one.lead.id.to_string()));
        deliveries.iter().map(record).collect()
    }
}

impl Crm {
    async fn give(
        &self,
        answer: Answer,
        deliveries: &[LeadDelivery],
    ) -> Vec<Result<Receipt, ConnectorError>> {
        let all = |error: ConnectorError| vec![Err(error); deliveries.len()];
        match answer {
            Answer::Takes => self.books().take(deliveries),
            Answer::Fails(error) => all(error),
            Answer::TakesAndFails(error) => {
                self.books().take(deliveries);
                all(error)
            }
            Answer::Mentions(count) => {
                let mut answers = self.books().take(deliveries);
                answers.truncate(count);
                answers
            }
            Answer::Babbles => {
                let mut answers = self.books().take(deliveries);
                answers.push(Ok(Receipt::default()));
                answers
            }
            Answer::Panics => panic!("planned"),
            Answer::TakesAndPanics => {
                self.books().take(deliveries);
                panic!("planned")
            }
            Answer::Waits => {
                self.go.acquire().await.unwrap().forget();
                self.books().take(deliveries)
            }
            Answer::TakesAndWaits => {
                let answers = self.books().take(deliveries);
                self.go.acquire().await.unwrap().forget();
                answers
            }
        }
    }
}

impl Books {
    fn begin(&mut self, deliveries: &[LeadDelivery], at: DateTime<Utc>, limit: usize) -> Answer {
        if deliveries.is_empty() || deliveries.len() > limit {
            self.wrongs
                .push(format!("a call with {} deliveries", deliveries.len()));
        }
        if let Some(until) = self.not_before.filter(|until| at < *until) {
            self.wrongs
                .push(format!("a call at {at}, asked to wait until {until}"));
        }
        let about = deliveries.iter().map(|one| (email(one), one.kind)).collect();
        self.calls.push(Call { at, about });
        for _ in 0..=self.extras {
            self.request(at);
        }
        let number = self.calls.len();
        if let Some((_, answer)) = self.nth.take_if(|(nth, _)| *nth == number) {
            return answer;
        }
        let ever = self.ever.clone().unwrap_or(Answer::Takes);
        self.next.pop_front().unwrap_or(ever)
    }

    fn request(&mut self, at: DateTime<Utc>) {
        self.requests.push(at);
        self.book.note();
        if let Some((granted, left)) = &mut self.granted {
            *left = left.saturating_sub(1);
            self.book.tell(Quota {
                granted: *granted,
                left: *left,
                told_at: at,
            });
        }
    }

    fn take(&mut self, deliveries: &[LeadDelivery]) -> Vec<Result<Receipt, ConnectorError>> {
        deliveries
            .iter()
            .map(|delivery| self.take_one(delivery))
            .collect()
    }

    fn take_one(&mut self, delivery: &LeadDelivery) -> Result<Receipt, ConnectorError> {
        let (id, email) = (delivery.lead.id, email(delivery));
        if let Some(error) = self.refused.get(&email) {
            return Err(error.clone());
        }
        let is_open = delivery.gate == Gate::Open;
        let mut wrong = |what: &str| self.wrongs.push(format!("{what}: {id} r{}", delivery.revision));
        if delivery.lead.dnc && is_open {
            wrong("a person who must not be contacted came through an open gate");
        }
        let before = self.records.get(&id);
        if before.is_some_and(|record| record.revision > delivery.revision) {
            wrong("an older revision came after a newer one");
        }
        if before.is_some_and(|record| !record.contactable && is_open) {
            wrong("a record that must not be contacted was opened");
        }
        if before.is_none() && delivery.kind == EventKind::Updated {
            wrong("an update of a record that was never made");
        }
        let writes = before.map_or(0, |record| record.writes) + 1;
        let record_ref = Some(RecordRef(format!("record of {id}")));
        if let (Some(told), Some(record)) = (self.converted.get_mut(&email), self.records.get_mut(&id)) {
            if *told && is_open {
                self.wrongs.push(format!(
                    "a revision for a closed record: {id} r{}",
                    delivery.revision
                ));
            }
            *told = true;
            record.contactable &= is_open;
            record.writes = writes;
            return Ok(Receipt {
                record: record_ref,
                closed: true,
            });
        }
        let record = Record {
            email,
            title: delivery
                .lead
                .person
                .title
                .as_ref()
                .map_or(String::new(), |said| said.value.clone()),
            revision: delivery.revision,
            contactable: is_open,
            writes,
        };
        self.records.insert(id, record);
        Ok(Receipt {
            record: record_ref,
            closed: false,
        })
    }

    fn remember_waits(&mut self, answers: &[Result<Receipt, ConnectorError>], now: DateTime<Utc>) {
        let waits = answers.iter().filter_map(|answer| answer.as_ref().err()?.wait());
        let longest = waits.max().unwrap_or(Duration::ZERO);
        if !longest.is_zero() {
            // No wait longer than an hour is obeyed in one go.
            let obeyed = longest.min(Duration::from_hours(1));
            self.not_before = Some(now + TimeDelta::from_std(obeyed).unwrap());
        }
    }
}

fn email(delivery: &LeadDelivery) -> String {
    let email = delivery.lead.person.email.as_ref();
    email.map_or(String::new(), |said| said.value.clone())
}
