//! The one request there is: a POST, signed anew with every attempt.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use connector_kit::clock::Clock;
use connector_kit::dice::Dice;
use connector_kit::http::{Request, Response, TargetPolicy, Transport};
use connector_kit::secret::Secret;
use connector_kit::{CallBook, ConfigError, ConnectorContext, ConnectorError, ConnectorSettings, Receipt};
use http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};

use crate::auth::{Credential, Identity};
use crate::config::{self, IdempotencyKey, Settings};
use crate::error::{Reading, may_be_one_member};
use crate::render::Call;
use crate::sign::Signer;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A receiver, and all it takes to speak to it.
pub(crate) struct Endpoint {
    uri: Uri,
    transport: Arc<dyn Transport>,
    signer: Signer,
    credential: Credential,
    headers: HeaderMap,
    idempotency: IdempotencyKey,
    pub(crate) reading: Reading,
    pub(crate) format: config::PayloadFormat,
    pub(crate) clock: Arc<dyn Clock>,
    calls: CallBook,
    pub(crate) dice: Dice,
}

/// A call that was not taken.
pub(crate) struct Refusal {
    pub(crate) error: ConnectorError,
    /// Perhaps only one of its events is at fault.
    pub(crate) may_be_one_member: bool,
}

impl Endpoint {
    pub(crate) fn new(written: &ConnectorSettings, context: &ConnectorContext) -> Result<Self, ConfigError> {
        let settings: Settings = written.parse()?;
        settings.check(!written.mapping.is_empty())?;
        let transport_settings = settings.transport(&context.secrets)?;
        let policy = TargetPolicy::new(&transport_settings)?;
        let text = settings.url_text(&context.secrets)?;
        let url = policy
            .check(text.expose())
            .map_err(|refusal| ConfigError::new("settings.url", refusal.to_string()))?;
        let uri = Uri::try_from(url.as_str())
            .map_err(|_| ConfigError::new("settings.url", "this URL cannot be requested"))?;
        let transport = context.transports.transport(&transport_settings)?;
        let mut identity = Identity::new(&settings, context, &transport, &policy)?;
        let signing = settings
            .signing_secrets
            .iter()
            .enumerate()
            .map(|(index, reference)| {
                config::read(
                    &context.secrets,
                    reference,
                    &format!("settings.signing_secrets[{index}]"),
                )
            });
        let signing: Vec<Secret> = signing.collect::<Result<_, _>>()?;
        identity.headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        identity.secrets.extend(signing.iter().cloned());
        identity
            .secrets
            .extend(url.query_pairs().map(|(_, value)| Secret::new(value)));
        let host = url.host_str().unwrap_or_default().to_owned();
        Ok(Self {
            uri,
            transport,
            signer: Signer::new(&signing)?,
            credential: identity.credential,
            headers: identity.headers,
            idempotency: settings.idempotency_key,
            reading: Reading::new(&settings, host, identity.secrets),
            format: settings.payload_format,
            clock: Arc::clone(&context.clock),
            calls: context.calls.clone(),
            dice: context.dice.clone(),
        })
    }

    /// Sends the call, once more with a new token when the first one is refused.
    pub(crate) async fn post(&self, call: &Call) -> Result<Receipt, Refusal> {
        let answer = self.answer(call).await.map_err(|error| Refusal {
            error,
            may_be_one_member: false,
        })?;
        self.reading
            .read(&answer, self.clock.now())
            .map_err(|error| Refusal {
                may_be_one_member: may_be_one_member(&error, answer.status()),
                error,
            })
    }

    /// The receiver's answer, whatever it says.
    pub(crate) async fn answer(&self, call: &Call) -> Result<Response, ConnectorError> {
        let (answer, token) = self.attempt(call).await?;
        if answer.status() == StatusCode::UNAUTHORIZED && self.credential.renew(token.as_ref()).await {
            return Ok(self.attempt(call).await?.0);
        }
        Ok(answer)
    }

    async fn attempt(&self, call: &Call) -> Result<(Response, Option<Secret>), ConnectorError> {
        let mut request = self.request(call, self.clock.now());
        let token = self.credential.apply(request.headers_mut()).await?;
        let answer = self.send(request).await?;
        Ok((answer, token))
    }

    /// The id stays over all attempts; the moment and the signature are of this one.
    fn request(&self, call: &Call, now: DateTime<Utc>) -> Request {
        let mut request = Request::new(call.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        headers.extend(
            call.headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        let timestamp = now.timestamp().to_string();
        let signature = self.signer.sign(&call.id, &timestamp, &call.body);
        let key = match self.idempotency {
            IdempotencyKey::Off => None,
            IdempotencyKey::Bare => Some(call.id.clone()),
            IdempotencyKey::Quoted => Some(format!("\"{}\"", call.id)),
        };
        for (name, value) in [
            (ID, Some(call.id.clone())),
            (TIMESTAMP, Some(timestamp)),
            (SIGNATURE, signature),
            (IDEMPOTENCY_KEY, key),
        ] {
            if let Some(value) = value.and_then(|text| HeaderValue::try_from(text).ok()) {
                headers.insert(name, value);
            }
        }
        request
    }

    /// Asks without telling anything; the answer only proves that somebody is there.
    pub(crate) async fn knock(&self) -> Result<(StatusCode, bool), ConnectorError> {
        let mut request = Request::default();
        *request.method_mut() = Method::OPTIONS;
        *request.uri_mut() = self.uri.clone();
        let token = self.credential.apply(request.headers_mut()).await?;
        Ok((self.send(request).await?.status(), token.is_some()))
    }

    async fn send(&self, request: Request) -> Result<Response, ConnectorError> {
        self.calls.note();
        let sent = self.transport.send(request).await;
        sent.map_err(|error| error.into_connector_error(&format!("post to {}", self.reading.host)))
    }
}
