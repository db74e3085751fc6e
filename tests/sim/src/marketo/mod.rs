//! A strict Marketo instance in memory: its quotas are enforced, its HTTP 200 hides failures.
//!
//! What it knows comes from contract marketo-hubspot, part A.

mod activities;
mod answer;
mod control;
mod identity;
mod limits;
mod lookup;
mod people;
mod request;
mod schema;
mod upsert;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::Response;
use http::Method;
use tokio::sync::watch;

use crate::faults::Faults;
use answer::{Members, Trouble};
use request::Asked;

pub use control::{Call, Permissions};
pub use limits::Limits;

/// Tells the instance's time, in Unix milliseconds.
pub type MillisClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// More than any request may hold.
const LARGEST_REQUEST: usize = 16 << 20;

/// The instance. Clones are the same instance.
#[derive(Clone)]
pub struct Marketo {
    /// What goes wrong between it and its clients.
    pub faults: Faults,
    clock: MillisClock,
    state: Arc<Mutex<State>>,
    /// While true, calls wait after they have looked and before they write.
    held: Arc<watch::Sender<bool>>,
}

/// Everything it knows.
struct State {
    identity: identity::Identity,
    limits: Limits,
    usage: limits::Usage,
    permissions: Permissions,
    schema: schema::Schema,
    people: people::People,
    feed: activities::Feed,
    partitions: Vec<String>,
    /// Part of a path, how often, the code, and whether the call is done all the same.
    script: VecDeque<(String, usize, String, bool)>,
    /// Records that contain the text are skipped with this code and message.
    poison: Vec<(String, String, String)>,
    /// Upserts under way, by the key of a record.
    under_way: BTreeMap<String, usize>,
    overlaps: u64,
    calls: Vec<Call>,
}

impl Marketo {
    /// An instance with one API user.
    pub fn new(client_id: &str, client_secret: &str, clock: MillisClock) -> Self {
        Self {
            faults: Faults::default(),
            clock,
            state: Arc::new(Mutex::new(State {
                identity: identity::Identity::new(client_id, client_secret),
                limits: Limits::default(),
                usage: limits::Usage::default(),
                permissions: Permissions::default(),
                schema: schema::Schema::standard(),
                people: people::People::default(),
                feed: activities::Feed::new(),
                partitions: vec!["Default".to_owned()],
                script: VecDeque::new(),
                poison: Vec::new(),
                under_way: BTreeMap::new(),
                overlaps: 0,
                calls: Vec::new(),
            })),
            held: Arc::new(watch::Sender::new(false)),
        }
    }

    /// The instance as something that can be called or served.
    pub fn router(&self) -> Router {
        let instance = self.clone();
        let router = Router::new().fallback(move |request: Request| {
            let instance = instance.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, LARGEST_REQUEST).await.unwrap_or_default();
                instance.answer(Asked::new(&parts, body)).await
            }
        });
        self.faults.wrap(router)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        (self.clock)()
    }

    async fn answer(&self, asked: Asked) -> Response {
        if asked.path == "/identity/oauth/token" {
            return self.lock().identity.answer(&asked, self.now());
        }
        let admitted = self.lock().admit(&asked, self.now());
        let outcome = match admitted {
            Err(trouble) => Err(trouble),
            Ok(scripted) => {
                let _seat = Seat(self);
                self.serve(&asked, scripted).await
            }
        };
        let mut state = self.lock();
        let now = self.now();
        state.usage.count(outcome.as_ref().err(), now);
        state.calls.push(Call::new(&asked, outcome.as_ref().err()));
        answer::envelope(state.calls.len() as u64, outcome)
    }

    async fn serve(&self, asked: &Asked, scripted: Option<(Trouble, bool)>) -> Result<Members, Trouble> {
        let done = match &scripted {
            Some((trouble, false)) => Err(trouble.clone()),
            _ if asked.method == Method::POST && asked.path == "/rest/v1/leads.json" => {
                self.upsert(asked).await
            }
            _ => {
                self.wait_while_held().await;
                self.lock().route(asked, self.now())
            }
        };
        match scripted {
            Some((trouble, true)) => Err(trouble),
            _ => done,
        }
    }

    async fn upsert(&self, asked: &Asked) -> Result<Members, Trouble> {
        let begun = {
            let mut state = self.lock();
            State::check_json(asked)?;
            State::check_right(state.permissions.leads)?;
            let begun = state.begin_upsert(&asked.body)?;
            state.enter(&begun.keys);
            begun
        };
        let under_way = UnderWay(self, begun.keys.clone());
        self.wait_while_held().await;
        drop(under_way);
        let mut state = self.lock();
        let now = self.now();
        Ok(answer::result(state.end_upsert(begun, now)))
    }

    async fn wait_while_held(&self) {
        tokio::task::yield_now().await;
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|held| !held).await;
    }
}

/// One of the few places for calls at the same time; given back even when the caller hangs up.
struct Seat<'a>(&'a Marketo);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.lock().usage.running -= 1;
    }
}

/// Keys that somebody is writing.
struct UnderWay<'a>(&'a Marketo, Vec<String>);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.lock().leave(&self.1);
    }
}

impl State {
    /// Lets the call in; or with a refusal the script has for it, and whether it is done all the same.
    fn admit(&mut self, asked: &Asked, now: i64) -> Result<Option<(Trouble, bool)>, Trouble> {
        if asked.uri_bytes > self.limits.uri {
            return Err(Trouble::Page(414));
        }
        if asked.body.len() > self.limits.body {
            return Err(Trouble::Page(413));
        }
        if asked.path.contains("//") || !asked.path.starts_with("/rest/v1/") {
            return Err(Trouble::new("610"));
        }
        if asked.query.contains("access_token") {
            return Err(Trouble::saying(
                "601",
                "A token in the query is no longer accepted",
            ));
        }
        if let Some(code) = self.identity.objection(asked.bearer.as_deref(), now) {
            return Err(Trouble::new(code));
        }
        self.usage.admit(&self.limits, now)?;
        Ok(self.scripted(&asked.path))
    }

    fn scripted(&mut self, path: &str) -> Option<(Trouble, bool)> {
        let (_, left, code, done) = self
            .script
            .iter_mut()
            .find(|(part, left, ..)| *left > 0 && path.contains(part.as_str()))?;
        *left -= 1;
        Some((Trouble::new(code), *done))
    }

    fn check_json(asked: &Asked) -> Result<(), Trouble> {
        if asked.content_type.starts_with("application/json") {
            Ok(())
        } else {
            Err(Trouble::new("612"))
        }
    }

    fn check_right(granted: bool) -> Result<(), Trouble> {
        if granted { Ok(()) } else { Err(Trouble::new("603")) }
    }

    fn route(&mut self, asked: &Asked, now: i64) -> Result<Members, Trouble> {
        let path = asked.path.strip_prefix("/rest/v1/").unwrap_or_default();
        let rights = self.permissions;
        let granted = match path.split('/').next() {
            Some("activities") => rights.activities,
            Some("stats") => true,
            _ if path.starts_with("leads/schema/") => rights.schema,
            _ => rights.leads,
        };
        Self::check_right(granted)?;
        let is_get = asked.method == Method::GET;
        match path {
            "leads.json" if is_get => self.filtered(asked),
            "leads/delete.json" if asked.method == Method::POST => {
                Self::check_json(asked)?;
                self.delete_leads(&asked.body, now)
            }
            "leads/describe.json" if is_get => Ok(self.schema.describe()),
            "leads/describe2.json" if is_get => Ok(self.schema.describe2()),
            "leads/schema/fields.json" if is_get => Ok(self.schema.list()),
            "leads/schema/fields.json" => {
                Self::check_json(asked)?;
                let limits = self.limits;
                self.schema.create(asked, &limits)
            }
            "activities/pagingtoken.json" if is_get => self.feed.first_token(asked, &self.people.log),
            "activities/leadchanges.json" if is_get => {
                self.feed.changes(asked, &self.people.log, &self.schema)
            }
            "activities/deletedleads.json" if is_get => self.feed.deleted(asked, &self.people.log),
            "stats/usage.json" if is_get => Ok(self.told_usage(now)),
            _ => match path
                .strip_prefix("lead/")
                .and_then(|rest| rest.strip_suffix(".json"))
            {
                Some(id) if is_get => self.one(id, asked),
                _ if Self::knows(path) => Err(Trouble::new("605")),
                _ => Err(Trouble::new("610")),
            },
        }
    }

    fn knows(path: &str) -> bool {
        let known = [
            "leads.json",
            "leads/delete.json",
            "leads/describe.json",
            "leads/describe2.json",
            "leads/schema/fields.json",
            "activities/pagingtoken.json",
            "activities/leadchanges.json",
            "activities/deletedleads.json",
            "stats/usage.json",
        ];
        known.contains(&path) || path.starts_with("lead/")
    }

    fn told_usage(&mut self, now: i64) -> Members {
        self.usage.turn_page(now);
        let total = self.usage.today;
        answer::result(vec![serde_json::json!({
            "date": limits::central_day(now).to_string(),
            "total": total,
            "users": [{ "userId": "leadsync-api@contoso.example", "count": total }],
        })])
    }

    fn enter(&mut self, keys: &[String]) {
        for key in keys {
            let count = self.under_way.entry(key.clone()).or_default();
            *count += 1;
            self.overlaps += u64::from(*count > 1);
        }
    }

    fn leave(&mut self, keys: &[String]) {
        for key in keys {
            if let Some(count) = self.under_way.get_mut(key) {
                *count -= 1;
            }
        }
    }
}
