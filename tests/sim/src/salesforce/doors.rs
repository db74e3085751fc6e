//! The ways in: token endpoint, sessions, who am I (contract salesforce 2).

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use jsonwebtoken::DecodingKey;
use serde_json::{Value, json};
use sha2::Sha256;

use super::answer::{Answer, Refusal};
use super::assertion;
use super::call::{Call, field};
use super::org::{Org, Right};

/// How long a session lives without being used, in seconds.
const IDLE: i64 = 2 * 60 * 60;

/// The apps that may ask for tokens, and the sessions they got.
pub(super) struct Doors {
    pub(super) apps: HashMap<String, App>,
    pub(super) idle: i64,
    pub(super) scheme: &'static str,
    /// What to tell as `instance_url`, instead of where the request came to.
    pub(super) instance: Option<String>,
    sessions: HashMap<String, i64>,
    pub(super) issued: u64,
    pub(super) asked: u64,
}

/// An external client app.
#[derive(Default)]
pub(super) struct App {
    pub(super) secret: Option<String>,
    pub(super) key: Option<DecodingKey>,
    /// Whom the admin allowed in without asking them.
    pub(super) users: Vec<String>,
}

/// A refusal of the token endpoint, by its two words.
pub(super) type Closed = (&'static str, &'static str);

impl Default for Doors {
    fn default() -> Self {
        Self {
            apps: HashMap::new(),
            idle: IDLE,
            scheme: "http",
            instance: None,
            sessions: HashMap::new(),
            issued: 0,
            asked: 0,
        }
    }
}

impl Doors {
    /// Ends every session.
    pub(super) fn close_all(&mut self) {
        self.sessions.clear();
    }

    fn is_open(&mut self, token: &str, now: i64) -> bool {
        let idle = self.idle;
        let Some(used) = self.sessions.get_mut(token).filter(|used| now - **used < idle) else {
            return false;
        };
        *used = now;
        true
    }

    fn open(&mut self, org: &str, now: i64) -> String {
        self.issued += 1;
        let token = format!("{}!AQ.session.{}", super::id::short(org), self.issued);
        self.sessions.insert(token.clone(), now);
        token
    }
}

impl Org {
    /// 401 unless the request carries the token of a session that lives.
    pub(super) fn authenticate(&mut self, call: &Call) -> Result<(), Refusal> {
        let expired = || Refusal::new("INVALID_SESSION_ID", "Session expired or invalid").with_status(401);
        let header = call.header("authorization").ok_or_else(expired)?;
        let token = header
            .strip_prefix("Bearer ")
            .or_else(|| header.strip_prefix("OAuth "));
        let token = token
            .ok_or_else(|| Refusal::new("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE").with_status(401))?;
        let now = self.now();
        if !self.doors.is_open(token, now) {
            return Err(expired());
        }
        self.need(Right::ApiEnabled).map_err(|_| {
            Refusal::new(
                "API_DISABLED_FOR_ORG",
                "API is not enabled for this Organization or Partner",
            )
            .with_status(403)
        })
    }

    /// `/services/oauth2/…` and `/id/…`
    pub(super) fn oauth(&mut self, call: &Call, action: &str) -> Answer {
        match action {
            "token" => match self.token(call) {
                Ok(body) => Answer::json(200, body),
                Err((error, description)) => {
                    let body = json!({ "error": error, "error_description": description });
                    Answer::json(400, body).header("cache-control", "no-store")
                }
            },
            "revoke" => {
                let form = String::from_utf8_lossy(&call.body).into_owned();
                let token = field(&form, "token").unwrap_or_default();
                let known = self.doors.sessions.remove(&token).is_some();
                Answer::empty(if known { 200 } else { 400 })
            }
            "userinfo" => self.who_am_i(call),
            _ => Refusal::not_found().into(),
        }
    }

    /// A dead token gets plain text and 403 here, not 401.
    pub(super) fn who_am_i(&mut self, call: &Call) -> Answer {
        if self.authenticate(call).is_err() {
            return Answer::text(403, "text/plain", "Bad_OAuth_Token");
        }
        let user = self
            .store
            .get("User", &self.integration_user)
            .cloned()
            .unwrap_or_default();
        let body = json!({
            "sub": self.identity(), "id": self.identity(), "user_id": self.integration_user,
            "organization_id": self.organization, "preferred_username": user["Username"],
            "username": user["Username"], "email": user["Email"], "name": user["Name"],
        });
        Answer::json(200, body)
    }

    fn identity(&self) -> String {
        format!(
            "https://login.salesforce.com/id/{}/{}",
            self.organization, self.integration_user
        )
    }

    fn token(&mut self, call: &Call) -> Result<Value, Closed> {
        self.doors.asked += 1;
        let media = call.header("content-type").unwrap_or_default();
        if call.method != Method::POST || !media.starts_with("application/x-www-form-urlencoded") {
            return Err(("unsupported_grant_type", "grant type not supported"));
        }
        let form = String::from_utf8_lossy(&call.body).into_owned();
        let host = call.header("host").unwrap_or("localhost").to_owned();
        let base = format!("{}://{host}", self.doors.scheme);
        let signed = match field(&form, "grant_type").as_deref() {
            Some("client_credentials") => Some(self.by_secret(call, &form, &host)?),
            Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => {
                let assertion = field(&form, "assertion").unwrap_or_default();
                assertion::check(&assertion, &self.doors.apps, &base, self.now())?;
                None
            }
            // No app here ever gets a refresh token.
            Some("refresh_token") => return Err(("invalid_grant", "expired access/refresh token")),
            _ => return Err(("unsupported_grant_type", "grant type not supported")),
        };
        let (org, now) = (self.organization.clone(), self.now());
        let mut body = json!({
            "access_token": self.doors.open(&org, now), "scope": "api", "token_type": "Bearer",
            "instance_url": self.doors.instance.clone().unwrap_or(base), "id": self.identity(),
        });
        if let Some(secret) = signed {
            let issued_at = format!("{}", now * 1000);
            body["signature"] = json!(signature(&secret, &format!("{}{issued_at}", self.identity())));
            body["issued_at"] = json!(issued_at);
            body["api_instance_url"] = json!("https://api.salesforce.com");
        }
        Ok(body)
    }

    /// The secret, when app and secret are right.
    fn by_secret(&self, call: &Call, form: &str, host: &str) -> Result<String, Closed> {
        if ["login.", "test."].iter().any(|login| host.starts_with(login)) {
            return Err(("invalid_grant", "request not supported on this domain"));
        }
        let posted = field(form, "client_id").zip(field(form, "client_secret"));
        let (client, secret) = call
            .header("authorization")
            .and_then(basic)
            .or(posted)
            .unwrap_or_default();
        let app = self
            .doors
            .apps
            .get(&client)
            .ok_or(("invalid_client_id", "client identifier invalid"))?;
        let expected = app
            .secret
            .as_ref()
            .ok_or(("invalid_grant", "no client credentials user enabled"))?;
        if *expected != secret {
            return Err(("invalid_client", "invalid client credentials"));
        }
        let scope = field(form, "scope").unwrap_or_else(|| "api".to_owned());
        let unusable = ["full", "refresh_token", "offline_access"];
        if scope.split_whitespace().all(|scope| unusable.contains(&scope)) {
            return Err(("invalid_grant", "no valid scopes defined"));
        }
        Ok(secret)
    }
}

fn basic(header: &str) -> Option<(String, String)> {
    let decoded = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let (client, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((client.to_owned(), secret.to_owned()))
}

fn signature(secret: &str, text: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
