//! The door: who calls, whether they may, and what every answer carries.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;

use super::answer::{Answer, Refusal};
use super::call::Call;
use super::inspect::Recorded;
use super::{Dataverse, Environment, ids};

pub(super) fn routes(dataverse: &Dataverse) -> Router {
    Router::new().fallback(receive).with_state(dataverse.clone())
}

async fn receive(State(dataverse): State<Dataverse>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let most = dataverse.lock().settings.largest_request;
    let body = to_bytes(body, most).await;
    let answer = dataverse.answer(&head, body.ok()).await;
    dataverse.lock().log.keep(Recorded {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        status: answer.status,
    });
    answer.response()
}

/// Leaves when its request ends, however it ends.
struct Running {
    dataverse: Dataverse,
    user: Arc<str>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(meter) = self.dataverse.lock().meters.get_mut(&self.user) {
            meter.running -= 1;
        }
    }
}

impl Dataverse {
    async fn answer(&self, head: &Parts, body: Option<Bytes>) -> Answer {
        let user = match self.caller(head) {
            Ok(user) => user,
            Err(answer) => return answer,
        };
        // A guard of its own: in `if let` it would live on into the refusal, which locks again.
        let admitted = self.lock().admit(&user);
        if let Err(refusal) = admitted {
            return self.lock().dressed(refusal.answer(), &user);
        }
        let running = Running {
            dataverse: self.clone(),
            user: Arc::clone(&user),
        };
        let takes = self.lock().settings.takes;
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        // The gate outlives its environment's requests: it is never closed for good.
        let _ = self.gate.subscribe().wait_for(|open| *open).await;
        let mut environment = self.lock();
        let result = match body {
            Some(body) => environment.serve(head, body, &user),
            None => Err(Refusal::new(
                413,
                "0x8004418a",
                "Request message length is too large.",
            )),
        };
        let answer = result.unwrap_or_else(|refusal| refusal.answer());
        let answer = environment.dressed(answer, &user);
        drop(environment);
        drop(running);
        answer
    }

    /// The application behind the bearer token.
    fn caller(&self, head: &Parts) -> Result<Arc<str>, Answer> {
        let origin = self.lock().origin.clone();
        let authorization = head.headers.get("authorization");
        let token = authorization
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        token
            .and_then(|token| self.entra.holder(token, &origin))
            .ok_or_else(|| {
                let authority = format!("{}/{}", self.entra.origin(), self.entra.tenant());
                let challenge =
                    format!("Bearer authorization_uri={authority}/oauth2/authorize, resource_id={origin}/");
                Answer {
                    status: 401,
                    headers: vec![("WWW-Authenticate", challenge)],
                    body: None,
                }
            })
    }
}

impl Environment {
    fn admit(&mut self, user: &Arc<str>) -> Result<(), Refusal> {
        if self.settings.strangers.contains(&**user) {
            let message = "The user is not a member of the organization.";
            return Err(Refusal::new(403, "0x80072560", message));
        }
        let meter = self.meters.entry(Arc::clone(user)).or_default();
        meter.admit(&self.settings.limits, self.now)
    }

    /// Does what the request asks, or nothing.
    fn serve(&mut self, head: &Parts, body: Bytes, user: &Arc<str>) -> Result<Answer, Refusal> {
        let target = head.uri.path_and_query().map_or("", |target| target.as_str());
        if target.len() > 32_768 {
            return Err(Refusal::new(414, "0x8006088a", "The request URI is too long."));
        }
        let (version, path, query) = resource(target).ok_or_else(|| Refusal::no_resource(head.uri.path()))?;
        let call = Call {
            method: head.method.clone(),
            version: version.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: head.headers.clone(),
            body,
            references: std::collections::HashMap::new(),
            user: Arc::clone(user),
        };
        self.allowed(&call)?;
        let mark = self.store.mark();
        let result = if call.path == "$batch" {
            self.batch(&call)
        } else {
            self.one(&call)
        };
        let rows = (self.store.mark() - mark) as u64;
        let limits = self.settings.limits;
        let now = self.now;
        if let Some(meter) = self.meters.get_mut(user) {
            meter.charge(now, 0, limits.request_ms + limits.row_ms * rows);
        }
        self.settle();
        result
    }

    /// One request, done wholly or not at all.
    pub(super) fn one(&mut self, call: &Call) -> Result<Answer, Refusal> {
        let mark = self.store.mark();
        let result = self.route(call);
        if result.is_err() {
            self.store.back_to(mark);
        }
        result
    }

    /// Headers that need something of their sender.
    pub(super) fn allowed(&self, call: &Call) -> Result<(), Refusal> {
        for name in ["OData-MaxVersion", "OData-Version"] {
            if call.header(name).is_some_and(|version| version != "4.0") {
                return Err(Refusal::odata(format!("The version in {name} is not supported.")));
            }
        }
        let privileged = [
            ("MSCRM.BypassCustomPluginExecution", "prvBypassCustomPlugins"),
            (
                "MSCRM.BypassBusinessLogicExecution",
                "prvBypassCustomBusinessLogic",
            ),
            ("CallerObjectId", "prvActOnBehalfOfAnotherUser"),
            ("MSCRMCallerID", "prvActOnBehalfOfAnotherUser"),
        ];
        for (header, privilege) in privileged {
            if call.headers.contains_key(header) {
                self.has_privilege(privilege, "systemuser")?;
            }
        }
        Ok(())
    }

    /// What every answer carries.
    fn dressed(&mut self, answer: Answer, user: &Arc<str>) -> Answer {
        self.answers += 1;
        let request = ids::row(self.answers);
        let answer = match self.meters.get(user) {
            Some(meter) => meter.tell(&self.settings.limits, answer),
            None => answer,
        };
        answer
            .with("x-ms-service-request-id", request.clone())
            .with("REQ_ID", request)
            .with("Set-Cookie", "ARRAffinity=c0ffee; path=/; secure; HttpOnly")
    }
}

/// Version, raw path and raw query of a target below `/api/data/`.
pub(super) fn resource(target: &str) -> Option<(&str, &str, &str)> {
    let rest = target.strip_prefix("/api/data/")?;
    let (version, resource) = rest.split_once('/')?;
    let (path, query) = resource.split_once('?').unwrap_or((resource, ""));
    let served = matches!(version, "v9.0" | "v9.1" | "v9.2") && !path.is_empty();
    served.then_some((version, path, query))
}
