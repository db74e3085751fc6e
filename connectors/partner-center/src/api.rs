//! The requests, in the words of the two hosts; the only file that knows a path (contract
//! partner-center 1, 3, 4, 8.1).

use std::collections::BTreeMap;

use bytes::Bytes;
use connector_kit::http::Response;
use connector_kit::{ConnectorError, ErrorKind, FetchedReferral, ReferralId};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH};
use http::{HeaderMap, Method};
use serde_json::Value;
use url::Url;

use crate::error::Failure;
use crate::link;
use crate::odata::Query;
use crate::page::{self, Page};
use crate::wire::{Call, Wire};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The host of referrals.
pub(crate) struct Referrals {
    /// The way there.
    pub wire: Wire,
    /// `https://api.partner.microsoft.com/v1.0/engagements`
    pub base: Url,
}

impl Referrals {
    /// The collection: also where anybody may knock.
    pub(crate) fn collection(&self) -> Url {
        within(&self.base, "referrals")
    }

    /// A page; `query` is ours, or that of a link.
    pub(crate) async fn list(&self, query: &str) -> Result<Page, Failure> {
        let mut url = self.collection();
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        let doing = "list referrals";
        let answer = self
            .send(Method::GET, url, HeaderMap::new(), Bytes::new(), doing)
            .await?;
        page::page(&answer, doing).map_err(Failure::Told)
    }

    /// The first page of our own making.
    pub(crate) async fn ask(&self, query: &Query) -> Result<Page, Failure> {
        self.list(&query.text()).await
    }

    /// The query behind a link to the next page.
    pub(crate) fn next(&self, link: &str) -> Result<String, ConnectorError> {
        link::query(link, &self.base)
    }

    /// One referral.
    pub(crate) async fn get(&self, id: &ReferralId) -> Result<FetchedReferral, Failure> {
        let doing = "read a referral";
        let answer = self
            .send(Method::GET, self.one(id), HeaderMap::new(), Bytes::new(), doing)
            .await?;
        page::fetched(&answer, doing).map_err(Failure::Told)
    }

    /// Changes one, if it still has this eTag; none: done, but what it became was not told.
    pub(crate) async fn patch(
        &self,
        id: &ReferralId,
        etag: &str,
        operations: &[Value],
    ) -> Result<Option<FetchedReferral>, Failure> {
        let doing = "write a referral";
        let mut headers = HeaderMap::new();
        // Verbatim: its quotes are part of it.
        let etag = HeaderValue::from_str(etag).map_err(|_| {
            let text = format!("{doing}: its eTag cannot be sent");
            Failure::Told(ConnectorError::new(ErrorKind::Rejected, text))
        })?;
        headers.insert(IF_MATCH, etag);
        headers.insert(
            HeaderName::from_static("prefer"),
            HeaderValue::from_static("return=representation"),
        );
        let body = Value::from(operations).to_string().into();
        let answer = self
            .send(Method::PATCH, self.one(id), headers, body, doing)
            .await?;
        told(&answer, doing)
    }

    /// Makes one; none: done, but what it became was not told.
    pub(crate) async fn post(&self, body: Bytes) -> Result<Option<FetchedReferral>, Failure> {
        let doing = "make a referral";
        let answer = self
            .send(Method::POST, self.collection(), HeaderMap::new(), body, doing)
            .await?;
        told(&answer, doing)
    }

    fn one(&self, id: &ReferralId) -> Url {
        within(&self.base, &format!("referrals/{id}"))
    }

    async fn send(
        &self,
        method: Method,
        url: Url,
        mut headers: HeaderMap,
        body: Bytes,
        doing: &str,
    ) -> Result<Response, Failure> {
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, JSON);
        }
        say(&mut headers, "client-request-id", &self.wire.id());
        let call = Call {
            method,
            url,
            headers,
            body,
            doing,
        };
        self.wire.send(&call).await
    }
}

/// A success without a body tells nothing.
fn told(answer: &Response, doing: &str) -> Result<Option<FetchedReferral>, Failure> {
    if answer.body().is_empty() {
        return Ok(None);
    }
    page::fetched(answer, doing).map(Some).map_err(Failure::Told)
}

/// The host of the registration, which wants a token and headers of its own.
pub(crate) struct PartnerCenter {
    /// The way there.
    pub wire: Wire,
    /// `https://api.partnercenter.microsoft.com`
    pub base: Url,
}

/// The registration as it is written: in this case of letters, read in any.
const REGISTRATION: &str = "webhooks/v1/registration";

impl PartnerCenter {
    /// The registration; also where anybody may knock.
    pub(crate) fn registration_url(&self) -> Url {
        within(&self.base, REGISTRATION)
    }

    /// The registration; none where there is none.
    pub(crate) async fn registration(&self) -> Result<Option<Bytes>, Failure> {
        let url = self.registration_url();
        match self
            .send(
                Method::GET,
                url,
                None,
                &self.wire.id(),
                "read the webhook registration",
            )
            .await
        {
            Ok(answer) => Ok(Some(answer.into_body())),
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The events this tenant may ask for; none where it is not told.
    pub(crate) async fn events(&self) -> Result<Option<Vec<String>>, Failure> {
        let url = within(&self.base, &format!("{REGISTRATION}/events"));
        match self
            .send(
                Method::GET,
                url,
                None,
                &self.wire.id(),
                "list the webhook's events",
            )
            .await
        {
            Ok(answer) => Ok(serde_json::from_slice(answer.body()).ok()),
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Writes the registration, in place of the one that is there when `replace`. An unanswered one is
    /// written again under the same id, once.
    pub(crate) async fn register(&self, body: &Value, replace: bool) -> Result<(), Failure> {
        let method = if replace { Method::PUT } else { Method::POST };
        let (body, id) = (body.to_string(), self.wire.id());
        let doing = "register the webhook";
        let first = self
            .send(method.clone(), self.registration_url(), Some(&body), &id, doing)
            .await;
        match first {
            Err(Failure::Silent {
                may_be_done: true, ..
            }) => {}
            other => return other.map(drop),
        }
        let again = self
            .send(method, self.registration_url(), Some(&body), &id, doing)
            .await;
        again.map(drop)
    }

    async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<&str>,
        request_id: &str,
        doing: &str,
    ) -> Result<Response, Failure> {
        let mut headers = HeaderMap::new();
        if body.is_some() {
            headers.insert(CONTENT_TYPE, JSON);
        }
        let own = self.wire.id();
        let said = BTreeMap::from([
            ("ms-requestid", request_id),
            ("ms-correlationid", own.as_str()),
            ("ms-contract-version", "v1"),
            ("x-locale", "en-US"),
        ]);
        for (name, value) in said {
            say(&mut headers, name, value);
        }
        let body = Bytes::copy_from_slice(body.unwrap_or_default().as_bytes());
        let call = Call {
            method,
            url,
            headers,
            body,
            doing,
        };
        self.wire.send(&call).await
    }
}

/// Names are constants, and values letters and digits.
fn say(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// The address of something below a base that ends without a slash.
fn within(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}
