//! One call: paced, counted, with a token, and with a look inside its HTTP 200 (contract marketo A1-A3).

use std::sync::Arc;

use bytes::Bytes;
use connector_kit::clock::Clock;
use connector_kit::dice::Dice;
use connector_kit::http::{Request, Response, Transport, redact, retry_after, whole};
use connector_kit::secret::Secret;
use connector_kit::token::TokenSource;
use connector_kit::{CallBook, ConnectorError, ErrorKind, Quota};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::error::{Complaint, Refusal};
use crate::pace::Pace;

/// A longer address is refused with 414; what does not fit goes as a form.
const LONGEST_URI: usize = 7_000;

/// A call to be made.
pub(crate) struct Ask {
    method: Method,
    path: &'static str,
    pub(crate) doing: &'static str,
    params: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Ask {
    pub(crate) fn get(path: &'static str, doing: &'static str) -> Self {
        Self {
            method: Method::GET,
            path,
            doing,
            params: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn post(path: &'static str, doing: &'static str, body: Bytes) -> Self {
        Self {
            method: Method::POST,
            body,
            ..Self::get(path, doing)
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.params.push((name, value.into()));
        self
    }
}

/// The envelope of every answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Reply {
    success: Option<bool>,
    errors: Vec<Complaint>,
    pub(crate) result: Vec<Value>,
    pub(crate) next_page_token: Option<String>,
    pub(crate) more_result: bool,
}

/// The way to an instance.
pub(crate) struct Wire {
    pub(crate) base: Url,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) tokens: TokenSource,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dice: Dice,
    pub(crate) calls: CallBook,
    pub(crate) pace: Pace,
}

/// What an answer says before anybody asked what it means.
enum Heard {
    Reply(Reply),
    Complaint(Complaint),
}

impl Wire {
    /// Makes the call, once more with a new token when the first one is refused.
    pub(crate) async fn call(&self, ask: &Ask) -> Result<Reply, Refusal> {
        let token = self.tokens.bearer().await?;
        let complaint = match self.attempt(ask, &token).await? {
            Heard::Reply(reply) => return Ok(reply),
            Heard::Complaint(complaint) => complaint,
        };
        if !complaint.is_about_the_token() {
            return Err(self.refusal(ask, complaint));
        }
        self.tokens.invalidate(&token).await;
        let token = self.tokens.bearer().await?;
        match self.attempt(ask, &token).await? {
            Heard::Reply(reply) => Ok(reply),
            Heard::Complaint(complaint) => Err(self.refusal(ask, complaint)),
        }
    }

    fn refusal(&self, ask: &Ask, complaint: Complaint) -> Refusal {
        complaint.into_refusal(ask.doing, self.clock.now(), self.dice.fraction())
    }

    async fn attempt(&self, ask: &Ask, token: &Secret) -> Result<Heard, ConnectorError> {
        let _seat = self.pace.enter(self.clock.as_ref()).await?;
        let request = self.request(ask, token)?;
        let answered = match self.transport.send(request).await {
            Ok(response) if response.status().is_success() => whole(response),
            answered => answered,
        };
        let free = match &answered {
            Ok(_) => false,
            // What never left did not count; of all else nobody knows.
            Err(error) => !error.outcome_unknown(),
        };
        let heard = answered
            .map_err(|error| error.into_connector_error(ask.doing))
            .and_then(|response| self.read(ask, &response, token));
        match &heard {
            Ok(Heard::Complaint(complaint)) if complaint.is_free() => self.pace.give_back(),
            _ if free => self.pace.give_back(),
            _ => self.calls.note(),
        }
        heard
    }

    fn request(&self, ask: &Ask, token: &Secret) -> Result<Request, ConnectorError> {
        let mut url = self.base.clone();
        url.set_path(ask.path);
        let params = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&ask.params)
            .finish();
        let (method, body, kind) = if ask.method == Method::GET && params.len() > LONGEST_URI {
            url.set_query(Some("_method=GET"));
            (
                Method::POST,
                Bytes::from(params),
                "application/x-www-form-urlencoded",
            )
        } else {
            url.set_query(Some(params.as_str()).filter(|params| !params.is_empty()));
            (ask.method.clone(), ask.body.clone(), "application/json")
        };
        let unbuildable =
            || ConnectorError::new(ErrorKind::Misconfigured, format!("{}: no such URL", ask.doing));
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| unbuildable())?;
        bearer.set_sensitive(true);
        let mut request = http::Request::builder().method(method).uri(url.as_str());
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, kind);
        }
        request
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/json")
            .body(body)
            .map_err(|_| unbuildable())
    }

    fn read(&self, ask: &Ask, response: &Response, token: &Secret) -> Result<Heard, ConnectorError> {
        let reply: Option<Reply> = serde_json::from_slice(response.body()).ok();
        let status = response.status();
        match reply {
            Some(mut reply) if !reply.errors.is_empty() => Ok(Heard::Complaint(reply.errors.swap_remove(0))),
            Some(reply) if status == StatusCode::OK && reply.success == Some(true) => Ok(Heard::Reply(reply)),
            _ if status == StatusCode::UNAUTHORIZED => Ok(Heard::Complaint(Complaint {
                code: "601".to_owned(),
                message: "HTTP 401".to_owned(),
            })),
            _ => Err(self.gateway(ask, response, token)),
        }
    }

    /// Something before Marketo answered, or something that is not Marketo.
    fn gateway(&self, ask: &Ask, response: &Response, token: &Secret) -> ConnectorError {
        let status = response.status();
        let kind = match status.as_u16() {
            429 | 503 => ErrorKind::Throttled,
            413 => ErrorKind::Rejected,
            200..=299 | 408 | 500.. => ErrorKind::Unreachable,
            _ => ErrorKind::Misconfigured,
        };
        let error = ConnectorError::new(
            kind,
            format!(
                "{}: HTTP {} without Marketo's envelope",
                ask.doing,
                status.as_u16()
            ),
        )
        .retry_after(retry_after::of(response.headers(), self.clock.now()))
        .answer(redact::answer(response.body(), [token.expose()]));
        match kind {
            ErrorKind::Misconfigured => error
                .strikes(3)
                .hint("look at base_url and at what stands between us and Marketo, then release"),
            _ => error,
        }
    }

    /// One record of a call was skipped.
    pub(crate) fn record_refused(&self, complaint: Complaint) -> ConnectorError {
        let refusal = complaint.into_refusal(
            "create or update the lead",
            self.clock.now(),
            self.dice.fraction(),
        );
        refusal.error
    }

    /// They answered something nobody can use.
    pub(crate) fn unreadable(doing: &str, what: &str) -> ConnectorError {
        ConnectorError::new(ErrorKind::Broken, format!("{doing}: {what}"))
    }

    /// All integrations used so many calls today.
    pub(crate) fn learn(&self, used: u64) -> Quota {
        let now = self.clock.now();
        let quota = Quota {
            granted: self.pace.quota(),
            left: self.pace.learn(used, now),
            told_at: now,
        };
        self.calls.tell(quota);
        quota
    }
}
