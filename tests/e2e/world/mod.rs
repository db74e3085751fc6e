//! The real pipeline in one process, on a real store, under a clock that a test turns.
//!
//! Nothing sleeps: [`World::run_until_idle`] lets every worker step until none has work at this
//! moment, and [`World::advance`] turns the clock from one appointment of a worker to the next.

mod crm;
mod death;
mod life;
mod mortal;
mod outside;
mod plan;
mod posted;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::dice::Dice;
use connector_kit::{DestinationName, ErrorKind};
use leadsync::runtime::{Next, Worker};
use leadsync::settle::Reader;
use leadsync::store::sqlite::SqliteStore;
use leadsync::store::{DeadLetterFilter, Store};
use tempfile::TempDir;

pub(crate) use crm::{Answer, Crm, failing};
pub(crate) use death::Death;
pub(crate) use life::reader;
use life::{Life, Stage};
pub(crate) use mortal::Mortal;
pub(crate) use outside::{InProcess, Outside, SYSTEM_CLIENT, SYSTEM_SECRET, unix};
pub(crate) use plan::{ACCOUNT, POLLED, Plan};
pub(crate) use posted::{Posted, lead};

/// A worker that wants to go on this often without anybody's doing is spinning.
const TOO_MANY_ROUNDS: u32 = 20_000;

/// How one step ended.
#[derive(Debug)]
pub(crate) enum Turn {
    /// The worker said what it wants next.
    Wants(Next),
    /// The store failed it.
    Failed,
    /// The process died in the middle of it.
    Died,
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    /// The first destination; most worlds have only this one.
    pub(crate) crm: Arc<Crm>,
    stage: Stage,
    plan: Plan,
    life: Option<Life>,
    /// What senders were told is kept.
    ledger: Vec<Posted>,
    /// When sources and CRMs are asked again. The others look whenever something happened; it costs
    /// nobody a call.
    asked_again_at: BTreeMap<String, DateTime<Utc>>,
    /// Errors of the store that workers met.
    pub(crate) store_errors: u32,
    /// How often the process died.
    pub(crate) deaths: u32,
}

/// Friday noon, which is as good as any.
pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// On a disk of memory where there is one: the store flushes as ever, and the test is quick.
pub(crate) fn home() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Plan::default()).await
    }

    pub(crate) async fn with(plan: Plan) -> Self {
        let clock = plan.clock.clone().unwrap_or_else(|| ManualClock::new(noon()));
        let death = Death::default();
        let crm = |(name, _): &(&str, &str)| {
            Arc::new(Crm::new(name, (plan.batch_limit, plan.bulk), &clock, &death))
        };
        let stage = Stage {
            crms: plan.destinations.iter().map(crm).collect(),
            dice: Dice::seeded(plan.seed),
            home: home(),
            clock: clock.clone(),
            death,
        };
        let life = Life::begin(&plan, &stage, false).await;
        Self {
            crm: Arc::clone(&stage.crms[0]),
            clock,
            stage,
            plan,
            life: Some(life),
            ledger: Vec::new(),
            asked_again_at: BTreeMap::new(),
            store_errors: 0,
            deaths: 0,
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The store as an operator sees it: without any planned fault.
    pub(crate) fn store(&self) -> &SqliteStore {
        &self.life().store
    }

    /// Where the store lies.
    pub(crate) fn home(&self) -> &std::path::Path {
        self.stage.home.path()
    }

    /// The destination of that name.
    pub(crate) fn crm(&self, name: &str) -> &Crm {
        self.stage.crms.iter().find(|crm| crm.name == name).unwrap()
    }

    /// Ends the process when it is asked to.
    pub(crate) fn death(&self) -> &Death {
        &self.stage.death
    }

    /// Calls made of the store that fails as planned.
    pub(crate) fn store_calls(&self) -> u64 {
        self.life().faulty.as_ref().map_or(0, |faulty| faulty.calls())
    }

    fn life(&self) -> &Life {
        self.life.as_ref().unwrap()
    }

    fn life_mut(&mut self) -> &mut Life {
        self.life.as_mut().unwrap()
    }

    /// Posts a lead once; the status its sender hears, or none when the process died before.
    pub(crate) async fn post(&mut self, lead: &Posted) -> Option<u16> {
        let status = self.life().post(lead, &self.stage.death).await;
        if status == Some(200) {
            self.ledger.push(lead.clone());
        }
        if status.is_none() {
            self.crash().await;
        }
        status
    }

    /// Posts until the sender hears that the lead is kept.
    pub(crate) async fn send(&mut self, lead: &Posted) {
        for _ in 0..5 {
            if self.post(lead).await == Some(200) {
                return;
            }
        }
        panic!("the door does not take {lead:?}");
    }

    /// Takes custody of many at once, as a source that is polled does.
    pub(crate) async fn take_in(&mut self, leads: impl IntoIterator<Item = Posted>) {
        let leads: Vec<Posted> = leads.into_iter().collect();
        let arrivals = leads.iter().map(|lead| lead.arrival(self.now())).collect();
        self.store().accept(arrivals, None).await.unwrap();
        self.ledger.extend(leads);
    }

    /// Takes custody of one that says itself when it happened, as the row of a table does.
    pub(crate) async fn take_in_said_at(&mut self, lead: &Posted, at: DateTime<Utc>) {
        let mut arrival = lead.arrival(self.now());
        arrival.raw.occurred_at = Some(at);
        self.store().accept(vec![arrival], None).await.unwrap();
        self.ledger.push(lead.clone());
    }

    /// One step of one worker, and a new process if that was its last.
    pub(crate) async fn step_or_die(&mut self, worker: usize) {
        if matches!(self.step(worker).await, Turn::Died) {
            self.crash().await;
        }
    }

    /// One step of one worker.
    pub(crate) async fn step(&mut self, worker: usize) -> Turn {
        let now = self.clock.now();
        let death = self.stage.death.clone();
        let step = self.life_mut().workers[worker].step(now);
        tokio::select! {
            biased;
            done = step => match done {
                Ok(next) => Turn::Wants(next),
                Err(_) => Turn::Failed,
            },
            () = death.came() => Turn::Died,
        }
    }

    /// Lets everybody work until nobody has anything to do now; the next appointment, if any.
    pub(crate) async fn run_until_idle(&mut self) -> Option<DateTime<Utc>> {
        for _ in 0..TOO_MANY_ROUNDS {
            let (busy, next) = self.round().await;
            if !busy {
                return next;
            }
        }
        panic!("the workers find no rest");
    }

    /// Lets everybody work until the process dies, as planned, or there is nothing to do. True when
    /// it died; the next one has done nothing yet.
    pub(crate) async fn run_until_it_dies(&mut self) -> bool {
        let before = self.deaths;
        while self.deaths == before && self.round().await.0 {}
        self.deaths > before
    }

    /// Every worker steps once. Whether anybody wants to go on, and else when.
    async fn round(&mut self) -> (bool, Option<DateTime<Utc>>) {
        let mut busy = false;
        let mut next: Option<DateTime<Utc>> = None;
        for worker in 0..self.life().workers.len() {
            let name = self.life().workers[worker].name().to_owned();
            let asks = name == POLLED || name.starts_with("watch ");
            if let Some(at) = self.asked_again_at.get(&name).filter(|at| **at > self.now()) {
                next = Some(next.map_or(*at, |other| other.min(*at)));
                continue;
            }
            let at = match self.step(worker).await {
                Turn::Wants(Next::Idle) => continue,
                Turn::Wants(Next::Again) => self.now(),
                Turn::Wants(Next::At(at)) => at,
                Turn::Failed => {
                    self.store_errors += 1;
                    self.now() + TimeDelta::seconds(1)
                }
                Turn::Died => {
                    self.crash().await;
                    return (true, None);
                }
            };
            busy |= at <= self.now();
            if asks {
                self.asked_again_at.insert(name, at);
            }
            next = Some(next.map_or(at, |other| other.min(at)));
        }
        (busy, next)
    }

    /// Lets time pass, stopping wherever a worker has an appointment.
    pub(crate) async fn advance(&mut self, by: TimeDelta) {
        let until = self.now() + by;
        while let Some(next) = self.run_until_idle().await.filter(|next| *next <= until) {
            self.clock.advance(next - self.now());
        }
        self.clock.advance(until - self.now());
        self.run_until_idle().await;
    }

    /// The process is killed and started again; what it had in memory is gone.
    pub(crate) async fn crash(&mut self) {
        self.deaths += 1;
        self.restart(true).await;
    }

    /// The process ends in order and is started again.
    pub(crate) async fn restart(&mut self, died: bool) {
        self.life.take().unwrap().end();
        self.stage.death.revive();
        self.asked_again_at.clear();
        self.plan.fault = None;
        self.life = Some(Life::begin(&self.plan, &self.stage, died).await);
    }

    /// Reads arrivals like this from the next start on.
    pub(crate) fn read_with(&mut self, reader: Reader) {
        self.plan.reader = Some(reader);
    }

    /// The whole process is stopped for a while, after the next question of the gate.
    pub(crate) fn sleep_before_the_next_call(&self, time: TimeDelta) {
        self.life().mortal.sleep_at_the_gate(time);
    }

    /// This worker steps once in the middle of the next question of the gate.
    pub(crate) fn let_in_before_the_gate_answers(&self, worker: Box<dyn Worker>) {
        self.life().mortal.let_in_at_the_gate(worker);
    }

    /// Takes a worker out, to be led by hand; the others go on without it.
    pub(crate) fn take_out(&mut self, name: &str) -> Box<dyn Worker> {
        let workers = &mut self.life_mut().workers;
        let place = workers.iter().position(|worker| worker.name() == name).unwrap();
        workers.remove(place)
    }

    /// Puts a worker to work with the others.
    pub(crate) fn put_in(&mut self, worker: Box<dyn Worker>) {
        self.life_mut().workers.push(worker);
    }

    /// An operator opens a held or parked destination.
    pub(crate) async fn release(&self) -> bool {
        let name = DestinationName::new(&self.crm.name);
        self.store().release(&name, self.now()).await.unwrap()
    }

    /// Who had to change, of every dead letter.
    pub(crate) async fn dead_letter_kinds(&self) -> Vec<ErrorKind> {
        let letters = self.store().dead_letters(DeadLetterFilter::default());
        letters
            .await
            .unwrap()
            .iter()
            .map(|letter| letter.failure.kind)
            .collect()
    }
}
