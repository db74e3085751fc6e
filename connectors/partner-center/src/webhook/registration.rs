//! Who is registered for the events: one address per tenant, so whoever registers takes them from
//! whoever did before (contract partner-center 8.1, 8.2).

use std::sync::Arc;

use connector_kit::http::Clean;
use connector_kit::{ConnectorError, ErrorKind};
use serde_json::{Map, Value, json};
use url::Url;

use super::tee::{Former, Formers};
use crate::api::PartnerCenter;
use crate::error::Failure;

/// The registration as it was told.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Registration {
    url: String,
    events: Vec<String>,
    /// Whether the signature comes in a header of its own; not every answer tells.
    own_header: Option<bool>,
    subscriber: String,
}

impl Registration {
    /// Names in any case of letters; an answer without an address is no registration.
    fn read(body: &[u8]) -> Option<Self> {
        let members: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let member = |name: &str| {
            let found = members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value)
        };
        let text = |name: &str| {
            member(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let events = member("WebhookEvents").and_then(Value::as_array);
        let events = events.into_iter().flatten().filter_map(Value::as_str);
        Some(Self {
            url: text("WebhookUrl"),
            events: events.map(str::to_owned).collect(),
            own_header: member("SignatureTokenToMsSignatureHeader").and_then(Value::as_bool),
            subscriber: text("SubscriberId"),
        })
        .filter(|told| !told.url.is_empty())
    }

    /// Who it is, for people: paths and queries of such addresses are secrets.
    pub(crate) fn holder(&self) -> String {
        let host = Url::parse(&self.url).ok();
        let host = host
            .as_ref()
            .and_then(Url::host_str)
            .unwrap_or("an address that cannot be read");
        match self.subscriber.as_str() {
            "" => Clean(host).to_string(),
            subscriber => format!("{} (subscriber {})", Clean(host), Clean(subscriber)),
        }
    }

    fn is_for(&self, url: &Url) -> bool {
        Url::parse(self.url.trim()).is_ok_and(|own| own == *url)
    }
}

/// Who is registered.
pub(crate) enum Holder {
    /// Nobody.
    Nobody,
    /// We are; what is not as configured.
    We(Vec<String>),
    /// Somebody else.
    Other(Registration),
}

/// Registers our address.
pub(crate) struct Registrar {
    /// Where.
    pub center: Arc<PartnerCenter>,
    /// Where whoever was registered before is kept.
    pub formers: Formers,
    /// Our address.
    pub url: Url,
    /// The events asked for.
    pub events: Vec<String>,
    /// Whether the signature comes in a header of its own.
    pub own_header: bool,
}

impl Registrar {
    /// Who is registered now. Changes nothing.
    pub(crate) async fn holder(&self) -> Result<Holder, Failure> {
        let Some(told) = self.registration().await? else {
            return Ok(Holder::Nobody);
        };
        if !told.is_for(&self.url) {
            return Ok(Holder::Other(told));
        }
        let wanted = self.wanted().await?;
        let missing = wanted.iter().filter(|event| !told.events.contains(event));
        let mut lacks: Vec<String> = missing
            .map(|event| format!("it does not ask for {event}"))
            .collect();
        if told.own_header.is_some_and(|own| own != self.own_header) {
            lacks.push("the signature comes in the other header".to_owned());
        }
        Ok(Holder::We(lacks))
    }

    /// Registers our address. Somebody else's registration is replaced only when told to, and kept.
    pub(crate) async fn register(&self, take_over: bool) -> Result<(), ConnectorError> {
        let doing = "register the webhook";
        let told = |failure: Failure| failure.into_error(doing);
        let current = self.registration().await.map_err(told)?;
        if let Some(other) = current.as_ref().filter(|current| !current.is_for(&self.url)) {
            if !take_over {
                let text = format!("{doing}: it belongs to {}", other.holder());
                return Err(ConnectorError::new(ErrorKind::Rejected, text).hint(
                    "see who that is; take it over only when they are told: they get no events any more",
                ));
            }
            self.formers
                .keep(&Former {
                    url: other.url.clone(),
                    events: other.events.clone(),
                    kept_at: self.center.wire.clock.now(),
                })
                .await?;
            tracing::warn!(event = "webhook_taken_over", holder = %other.holder(), "the webhook registration is taken over; the former address is kept");
        }
        let body = json!({
            "WebhookUrl": self.url.as_str(),
            "WebhookEvents": self.wanted().await.map_err(told)?,
            "SignatureTokenToMsSignatureHeader": self.own_header,
        });
        let done = self.center.register(&body, current.is_some()).await;
        match done {
            // It may have been ours that arrived, unanswered at first.
            Err(failure) if failure.kind() == ErrorKind::Conflict && self.is_ours().await => Ok(()),
            other => other.map_err(told),
        }
    }

    async fn is_ours(&self) -> bool {
        matches!(self.registration().await, Ok(Some(told)) if told.is_for(&self.url))
    }

    async fn registration(&self) -> Result<Option<Registration>, Failure> {
        let Some(body) = self.center.registration().await? else {
            return Ok(None);
        };
        Ok(Registration::read(&body))
    }

    /// The events asked for that there are; one that there is not would be refused with all others.
    async fn wanted(&self) -> Result<Vec<String>, Failure> {
        let mut wanted = self.events.clone();
        if let Some(known) = self.center.events().await? {
            wanted.retain(|event| known.iter().any(|name| name.eq_ignore_ascii_case(event)));
        }
        if wanted.is_empty() {
            let text = "register the webhook: this tenant offers none of the configured events";
            return Err(Failure::Told(ConnectorError::new(ErrorKind::Misconfigured, text)));
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/referrals");
        std::fs::read(format!("{folder}/{name}.json")).unwrap()
    }

    #[test]
    fn a_registration_is_read_in_any_case_and_shown_without_its_secrets() {
        let told = Registration::read(&fixture("webhook_registration_response")).unwrap();
        let url = "https://leads.contoso.example/webhooks/partner-center/0f3c";
        assert!(told.is_for(&Url::parse(url).unwrap()));
        assert_eq!(
            told.holder(),
            "leads.contoso.example (subscriber e82cac64-dc67-4cd3-849b-78b6127dd57d)"
        );
        assert_eq!((told.events.len(), told.own_header), (5, None));
        let asked = Registration::read(&fixture("webhook_registration_request")).unwrap();
        assert_eq!(asked.own_header, Some(true));
        let other = br#"{"webhookurl":"https://prod-1.logic.example/workflows/s3cret?sig=s3cret","webhookEvents":null}"#;
        let other = Registration::read(other).unwrap();
        assert_eq!(other.holder(), "prod-1.logic.example");
        assert!(Registration::read(b"{}").is_none() && Registration::read(b"[]").is_none());
    }
}
