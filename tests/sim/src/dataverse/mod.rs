//! Dataverse (Dynamics 365 Sales) as a connector sees it: its Web API, change tracking, limits and faults.
//!
//! Written from contract dynamics365; it shares nothing with the connector it tests. One environment
//! with the tables of section 12, in memory, behind one lock.

mod actions;
mod answer;
mod batch;
mod bulk;
mod call;
mod control;
mod filter;
mod front;
mod home;
mod ids;
mod inspect;
mod limits;
mod metadata;
mod options;
mod path;
mod payload;
mod people;
mod predicate;
mod present;
mod query;
mod route;
mod rules;
mod schema;
mod settings;
mod store;
mod track;
mod value;
mod write;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use tokio::sync::watch;

use crate::entra::Entra;
use crate::faults::Faults;
use crate::webhook::UnixClock;

use answer::Refusal;
use home::Home;
use schema::{Schema, Table};
use settings::Settings;
use store::Store;

pub use inspect::Recorded;
pub use limits::Limits;

/// An environment. Clones are the same environment.
#[derive(Clone)]
pub struct Dataverse {
    clock: UnixClock,
    entra: Entra,
    state: Arc<Mutex<Environment>>,
    gate: Arc<watch::Sender<bool>>,
    /// What goes wrong with requests.
    pub faults: Faults,
}

/// All there is to an environment.
struct Environment {
    origin: String,
    now: i64,
    settings: Settings,
    schema: Schema,
    store: Store,
    home: Home,
    pages: query::Pages,
    meters: HashMap<Arc<str>, limits::Meter>,
    log: inspect::Log,
    /// How many answers with made-up ids there were.
    answers: u64,
}

impl Dataverse {
    /// An environment that trusts the tokens of `entra`. It is found at
    /// `https://contoso.crm.dynamics.com` until [`Dataverse::at`] says otherwise.
    pub fn new(entra: &Entra, clock: UnixClock) -> Self {
        let mut environment = Environment {
            origin: String::new(),
            now: clock(),
            settings: Settings::default(),
            schema: Schema::shipped(),
            store: Store::default(),
            home: Home::default(),
            pages: query::Pages::default(),
            meters: HashMap::new(),
            log: inspect::Log::default(),
            answers: 0,
        };
        environment.furnish();
        let dataverse = Self {
            clock,
            entra: entra.clone(),
            state: Arc::new(Mutex::new(environment)),
            gate: Arc::new(watch::Sender::new(true)),
            faults: Faults::default(),
        };
        dataverse.at("https://contoso.crm.dynamics.com");
        dataverse
    }

    /// Its routes.
    pub fn router(&self) -> Router {
        self.faults.wrap(front::routes(self))
    }

    /// The environment, at the time of the clock.
    fn lock(&self) -> MutexGuard<'_, Environment> {
        let mut environment = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        environment.now = (self.clock)();
        environment.build_indexes();
        environment
    }
}

impl Environment {
    fn table(&self, name: &str) -> Result<&Table, Refusal> {
        self.schema.table(name).ok_or_else(|| Refusal::no_resource(name))
    }

    /// Refuses a user without a privilege, such as `prvCreateLead`.
    fn privileged(&self, verb: &str, table: &str) -> Result<(), Refusal> {
        let schema = self.table(table)?.schema;
        self.has_privilege(&format!("prv{verb}{schema}"), table)
    }

    fn has_privilege(&self, privilege: &str, table: &str) -> Result<(), Refusal> {
        if self.settings.missing_privileges.contains(privilege) {
            return Err(Refusal::privilege(&self.home.user.id, privilege, table));
        }
        Ok(())
    }
}
