//! The strict simulators in process: the sink calls their routers, without another hop.

mod azure_table;
mod dynamics365;
mod marketo;
mod salesforce;
mod window;

use std::net::SocketAddr;

use anyhow::bail;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::far_end::{Answered, Call, FarEnd};
use crate::subject::SinkKind;

/// What a simulated system lets through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limits {
    /// As the vendor publishes them.
    Published,
    /// So many calls in any 20 seconds: fewer than the daemon believes.
    Stricter(u64),
    /// Everything.
    None,
}

/// How a simulated system behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// What it lets through.
    pub(crate) limits: Limits,
    /// It refuses every record [`crate::lead::is_poison`] names.
    pub(crate) poison: bool,
    /// It takes many records in one action; otherwise they come as batches of single requests.
    pub(crate) bulk_action: bool,
}

/// A request as it came.
struct Asked {
    method: Method,
    path: String,
    body: Bytes,
}

/// A simulator, and what its answers mean.
trait System: Send + Sync {
    /// Its routes.
    fn router(&self) -> Router;

    /// A refusal of the door, before the system is asked.
    fn refuse(&self, _: &Asked) -> Option<Response<Bytes>> {
        None
    }

    /// How the request counts, and which leads it wrote.
    fn judge(&self, asked: &Asked, status: StatusCode, answer: &[u8]) -> (Call, Vec<u64>);

    /// The number of the lead in every record.
    fn records(&self) -> Vec<u64>;
}

/// A system of this kind that is found at `address`.
pub(crate) fn simulated(
    kind: SinkKind,
    manners: Manners,
    address: SocketAddr,
) -> anyhow::Result<Box<dyn FarEnd>> {
    let system: Box<dyn System> = match kind {
        SinkKind::AzureTable => Box::new(azure_table::AzureTables::new()),
        SinkKind::Salesforce => Box::new(salesforce::Org::new(manners, address)),
        SinkKind::Marketo => Box::new(marketo::Instance::new(manners)),
        SinkKind::Dynamics365 => Box::new(dynamics365::Environment::new(manners, address)),
        SinkKind::Https => bail!("there is nothing to simulate at an endpoint that takes everything"),
    };
    let router = system.router();
    Ok(Box::new(Simulated { system, router }))
}

struct Simulated {
    system: Box<dyn System>,
    router: Router,
}

#[async_trait]
impl FarEnd for Simulated {
    async fn answer(&self, request: Request<Bytes>) -> Answered {
        let asked = Asked {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            body: request.body().clone(),
        };
        if let Some(refusal) = self.system.refuse(&asked) {
            return Answered::plain(refusal, Call::Throttled);
        }
        let response = match self.router.clone().oneshot(request.map(Body::from)).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (head, body) = response.into_parts();
        // A simulator that breaks off while answering has failed like any other.
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let (call, written) = self.system.judge(&asked, head.status, &body);
        Answered {
            response: Response::from_parts(head, body),
            call,
            written,
        }
    }

    fn records(&self) -> Option<Vec<u64>> {
        Some(self.system.records())
    }
}

/// The number of the lead whose address stands in a record.
fn number_in(record: &str) -> Option<u64> {
    crate::lead::markers(record.as_bytes()).first().copied()
}
