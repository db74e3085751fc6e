//! Salesforce as a connector sees it: tokens, records, bulk jobs, queries, limits (contract salesforce 14).
//!
//! One org in memory, strict about what it accepts. People work in it by plain methods; what goes
//! wrong on the way is in [`Salesforce::faults`].

// The ways in, and which request is which.
mod answer;
mod assertion;
mod call;
mod doors;
mod limits;
mod route;

// What the org is made of.
mod access;
mod id;
mod org;
mod permissions;
mod rules;
mod save;
mod schema;
mod store;
mod value;

// The resources.
mod bulk;
mod collections;
mod composite;
mod csv;
mod query;
mod records;
mod replication;
mod soql;
mod tooling;

// What tests do with it.
mod admin;
mod inspect;
mod people;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;

use crate::faults::Faults;
use crate::webhook::UnixClock;
use call::Call;
use org::Org;

pub use org::{Assigned, Right, Seen};
pub use people::Conversion;
pub use rules::DuplicateRule;

/// The user name the integration signs in with.
pub const INTEGRATION_USER: &str = "integration@acme.example";

/// No upload may be larger.
const LARGEST_REQUEST: usize = 150 << 20;

/// An org. Clones are the same org.
#[derive(Clone)]
pub struct Salesforce {
    /// What goes wrong on the way to it.
    pub faults: Faults,
    org: Arc<Mutex<Org>>,
}

impl Salesforce {
    /// A stock org with this clock, and no app that may come in.
    pub fn new(clock: UnixClock) -> Self {
        Self {
            faults: Faults::default(),
            org: Arc::new(Mutex::new(Org::new(clock))),
        }
    }

    /// Its routes, with the faults in front.
    pub fn router(&self) -> Router {
        let plain = Router::new().fallback(receive).with_state(self.clone());
        self.faults.wrap(plain)
    }

    fn look<T>(&self, look: impl FnOnce(&mut Org) -> T) -> T {
        look(&mut self.org.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn receive(State(salesforce): State<Salesforce>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    // A request that breaks off is not done.
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return answer::Answer::empty(400).into_response();
    };
    let call = Call {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
    };
    salesforce.look(|org| org.answer(&call)).into_response()
}
