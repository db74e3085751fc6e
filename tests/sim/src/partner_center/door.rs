//! The two doors: which resource is meant, what every request needs, and what every answer carries
//! (contract partner-center 3).

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method};

use super::access::{self, Caller};
use super::answer::{Answer, Refusal};
use super::ids::{self, Of};
use super::inspect::{Kind, Recorded};
use super::settings::Gzip;
use super::store::Service;
use super::{PartnerCenter, gzip, registration};

/// Larger requests are nothing a referral would need.
const LARGEST: usize = 1 << 20;
const REFERRALS: &str = "/v1.0/engagements/referrals";
const CENTER_IDS: [&str; 3] = ["ms-requestid", "ms-correlationid", "ms-contract-version"];
const BY_EVENT: &str = "/engagements/v1/referrals/";

/// A request, read.
pub(super) struct Call<'a> {
    pub(super) kind: Kind,
    /// The referral it names.
    pub(super) id: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    /// None when it was too large.
    pub(super) body: Option<Bytes>,
}

impl Call<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

pub(super) fn referrals(center: &PartnerCenter) -> Router {
    Router::new().fallback(at_referrals).with_state(center.clone())
}

pub(super) fn center(center: &PartnerCenter) -> Router {
    Router::new().fallback(at_center).with_state(center.clone())
}

async fn at_referrals(State(center): State<PartnerCenter>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.ok();
    let mut service = center.lock();
    let (kind, id) = meant(&head.method, head.uri.path());
    let audience = &service.settings.referrals_audience;
    let caller = access::caller(&center.entra, &head.headers, audience);
    let call = call(&head, kind, id, body);
    let result = caller.and_then(|caller| {
        service.demand(&call, &["client-request-id"])?;
        service.referral(&call, &caller)
    });
    let answer = result.unwrap_or_else(Refusal::answer);
    service.note_at_referrals(&call);
    let answer = service.dressed_at_referrals(answer, &call);
    service.log.keep(recorded(&head, kind, &answer));
    drop(service);
    answer.response()
}

async fn at_center(State(center): State<PartnerCenter>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.ok();
    let mut service = center.lock();
    let (kind, id) = meant_at_center(&head.method, head.uri.path());
    let call = call(&head, kind, id, body);
    let audience = service.settings.center_audience.clone();
    let result = if matches!(kind, Kind::GetByEvent | Kind::Other) {
        let caller = access::caller(&center.entra, &head.headers, &audience);
        caller.and_then(|caller| {
            service.demand(&call, &CENTER_IDS)?;
            service.referral(&call, &caller)
        })
    } else {
        let bearer = access::bearer(&center.entra, &head.headers, &audience);
        bearer.and_then(|bearer| {
            service.demand(&call, &CENTER_IDS)?;
            service.registration(&call, &bearer)
        })
    };
    let answer = result.unwrap_or_else(Refusal::answer);
    service.note_at_center(&call);
    let answer = service.dressed_at_center(answer, &call);
    service.log.keep(recorded(&head, kind, &answer));
    drop(service);
    answer.response()
}

fn call<'a>(head: &'a Parts, kind: Kind, id: &'a str, body: Option<Bytes>) -> Call<'a> {
    Call {
        kind,
        id,
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body,
    }
}

fn recorded(head: &Parts, kind: Kind, answer: &Answer) -> Recorded {
    Recorded {
        kind,
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers.clone(),
        status: answer.status,
    }
}

/// What a request to the referrals host wants, and of which referral.
fn meant<'a>(method: &Method, path: &'a str) -> (Kind, &'a str) {
    let Some(rest) = path.strip_prefix(REFERRALS) else {
        return (Kind::Other, "");
    };
    if rest.is_empty() {
        return match *method {
            Method::GET => (Kind::List, ""),
            Method::POST => (Kind::Create, ""),
            _ => (Kind::Other, "*"),
        };
    }
    let Some(id) = rest.strip_prefix('/').filter(|id| ids::is_guid(id)) else {
        return (Kind::Other, "");
    };
    match *method {
        Method::GET => (Kind::Get, id),
        Method::PATCH => (Kind::Patch, id),
        Method::PUT => (Kind::Replace, id),
        _ => (Kind::Other, id),
    }
}

/// What a request to the other host wants, and of what.
fn meant_at_center<'a>(method: &Method, path: &'a str) -> (Kind, &'a str) {
    if let Some(meant) = registration::meant(method, path) {
        return meant;
    }
    match path.strip_prefix(BY_EVENT) {
        Some(id) if *method == Method::GET && ids::is_guid(id) => (Kind::GetByEvent, id),
        _ => (Kind::Other, ""),
    }
}

impl Service {
    fn referral(&mut self, call: &Call, caller: &Caller) -> Result<Answer, Refusal> {
        self.window
            .admit(self.settings.limit, self.now, call.kind.writes())?;
        let accepts = |accept: &str| {
            ["application/json", "application/*", "*/*"]
                .iter()
                .any(|kind| accept.contains(kind))
        };
        if call.header("accept").is_some_and(|accept| !accepts(accept)) {
            return Err(Refusal::not_acceptable());
        }
        if call.kind.writes() {
            let kind = call.header("content-type").unwrap_or_default();
            let bare = kind.split(';').next().unwrap_or_default().trim();
            if !bare.eq_ignore_ascii_case("application/json") {
                return Err(Refusal::media_type());
            }
        }
        match call.kind {
            Kind::List => self.list(call.query, caller),
            Kind::Get | Kind::GetByEvent => self.get(call.id, caller),
            Kind::Create | Kind::Patch | Kind::Replace => self.write(call, caller),
            _ => Err(match call.id {
                "" => Refusal::unknown(),
                "*" => Refusal::method("GET, POST"),
                _ => Refusal::method("GET, PATCH, PUT"),
            }),
        }
    }

    /// What every answered request of this host has to carry, where that is demanded.
    fn demand(&self, call: &Call, names: &[&str]) -> Result<(), Refusal> {
        let lacks = |name: &&&str| call.header(name).is_none_or(str::is_empty);
        match names.iter().find(lacks).filter(|_| self.settings.ids_demanded) {
            Some(name) => Err(Refusal::malformed(format!("The header {name} is required."))),
            None => Ok(()),
        }
    }

    fn note_at_referrals(&mut self, call: &Call) {
        match call.header("client-request-id") {
            None => self.log.complain(call.kind, "no client-request-id"),
            Some(id) if !ids::is_guid(id) => self.log.complain(call.kind, "the client-request-id is no GUID"),
            Some(id) if self.log.saw(id) => self
                .log
                .complain(call.kind, "the client-request-id was used before"),
            Some(_) => {}
        }
        if call.header("accept").is_none() {
            self.log.complain(call.kind, "no Accept");
        }
    }

    fn note_at_center(&mut self, call: &Call) {
        for name in CENTER_IDS {
            if call.header(name).is_none() {
                self.log.complain(call.kind, &format!("no {name}"));
            }
        }
        // A request that is repeated keeps its MS-RequestId, so that one may come again.
        if call.header("ms-correlationid").is_some_and(|id| self.log.saw(id)) {
            self.log
                .complain(call.kind, "the MS-CorrelationId was used before");
        }
    }

    fn dressed_at_referrals(&mut self, answer: Answer, call: &Call) -> Answer {
        let request = self.request_id();
        let mut answer = answer
            .with("request-id", request)
            .with(
                "x-ms-ags-diagnostic",
                r#"{"ServerInfo":{"DataCenter":"Sim","Slice":"E"}}"#,
            )
            .with("timestamp", super::moment::write(self.now));
        if let Some(id) = call.header("client-request-id") {
            answer = answer.with("client-request-id", id);
        }
        self.packed(answer, call)
    }

    fn dressed_at_center(&mut self, answer: Answer, call: &Call) -> Answer {
        let request = call.header("ms-requestid").map(str::to_owned);
        let request = request.unwrap_or_else(|| self.request_id());
        let correlation = call.header("ms-correlationid").unwrap_or(&request).to_owned();
        let answer = answer
            .with("ms-requestid", request)
            .with("ms-correlationid", correlation)
            .with("x-locale", call.header("x-locale").unwrap_or("en-US"));
        self.packed(answer, call)
    }

    fn request_id(&mut self) -> String {
        let serial = self.serial();
        ids::guid(Of::Request, serial)
    }

    fn packed(&self, mut answer: Answer, call: &Call) -> Answer {
        let accepted = || {
            call.header("accept-encoding")
                .is_some_and(|all| all.contains("gzip"))
        };
        let pack = match self.settings.gzip {
            Gzip::Never => false,
            Gzip::WhenAccepted => accepted(),
            Gzip::Always => true,
        };
        if !pack || answer.body.is_empty() {
            return answer;
        }
        answer.body = gzip::pack(&answer.body);
        answer.with("content-encoding", "gzip")
    }
}
