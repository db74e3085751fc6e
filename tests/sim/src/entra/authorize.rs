//! `authorize`, for a browser whose user is signed in, and the code it leads to (RFC 6749 4.1, RFC 7636).

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::delegated::{SignedIn, Wish};
use super::refusal::{self, Refusal};
use super::{App, Book, Entra, Version, member, read_form};

/// A code is good for ten minutes.
const CODE_LIFE: i64 = 600;

/// What a browser was sent back with.
pub(super) struct Code {
    value: String,
    app: String,
    pub(super) user: String,
    redirect: String,
    challenge: Option<String>,
    nonce: Option<String>,
    wish: Wish,
    until: i64,
    redeemed: bool,
}

impl Book {
    /// Sends the browser back to the application. What cannot be told to the application is told to the browser.
    pub(super) fn authorize(&mut self, version: Version, tenant: &str, query: &str, now: i64) -> Response {
        let form = read_form(query);
        let redirect = match self.way_back(tenant, &form) {
            Ok(redirect) => redirect,
            Err(refusal) => return refusal.response(now),
        };
        let state = member(&form, "state").map(str::to_owned);
        let mut told = match self.code(version, &form, &redirect, now) {
            Ok(code) => vec![("code", code), ("session_state", "sim-session".to_owned())],
            Err(refusal) => vec![
                ("error", refusal.error.to_owned()),
                ("error_description", refusal.description(now)),
            ],
        };
        told.extend(state.map(|state| ("state", state)));
        send_back(&redirect, &told)
    }

    /// Where the browser goes afterwards: only to an address the application registered.
    fn way_back(&self, tenant: &str, form: &[(String, String)]) -> Result<String, Refusal> {
        self.knows_tenant_or_any(tenant)?;
        let client = member(form, "client_id").ok_or_else(|| Refusal::missing("client_id"))?;
        let app = self.apps.get(client).ok_or_else(|| Refusal::app(client))?;
        let redirect = member(form, "redirect_uri").ok_or_else(|| Refusal::missing("redirect_uri"))?;
        if app.redirects.iter().any(|known| leads_to(known, redirect)) {
            return Ok(redirect.to_owned());
        }
        Err(Refusal::redirect(redirect))
    }

    fn code(
        &mut self,
        version: Version,
        form: &[(String, String)],
        redirect: &str,
        now: i64,
    ) -> Result<String, Refusal> {
        if member(form, "response_type") != Some("code") {
            return Err(Refusal::authorize("response_type"));
        }
        if member(form, "response_mode").is_some_and(|mode| mode != "query") {
            return Err(Refusal::authorize("response_mode"));
        }
        let challenge = match (
            member(form, "code_challenge"),
            member(form, "code_challenge_method"),
        ) {
            (None, None) => None,
            (Some(challenge), Some("S256")) => Some(challenge.to_owned()),
            _ => return Err(Refusal::authorize("code_challenge_method")),
        };
        let wish = self.wish(version, form, None)?;
        let app = member(form, "client_id").unwrap_or_default().to_owned();
        let Some(user) = self.people.browser.clone() else {
            return Err(Refusal::login());
        };
        if self.people.cancels > 0 {
            self.people.cancels -= 1;
            return Err(Refusal::cancelled());
        }
        let may = self.people.may(&user, &app, &wish.resource);
        may.map_err(|refusal| refusal.said_by(version))?;
        let value = format!("0.sim-code-{:06}", self.codes.len() + 1);
        self.codes.push(Code {
            value: value.clone(),
            app,
            user,
            redirect: redirect.to_owned(),
            challenge,
            nonce: member(form, "nonce").map(str::to_owned),
            wish,
            until: now + CODE_LIFE,
            redeemed: false,
        });
        Ok(value)
    }

    /// The first token for a code.
    pub(super) fn redeem_code(
        &mut self,
        version: Version,
        tenant: &str,
        form: &[(String, String)],
        now: i64,
    ) -> Result<Value, Refusal> {
        let (client, app) = self.client(version, tenant, form, now)?;
        let (client, public) = (client.to_owned(), app.public);
        let value = member(form, "code").ok_or_else(|| Refusal::missing("code"))?;
        let code = self
            .codes
            .iter_mut()
            .find(|code| code.value == value && code.app == client)
            .ok_or_else(|| Refusal::grant("The code is malformed or was given to somebody else."))?;
        code.check(form, public, now)?;
        code.redeemed = true;
        let who = SignedIn {
            app: client,
            user: code.user.clone(),
            nonce: code.nonce.clone(),
        };
        let before = code.wish.clone();
        let wish = self.wish(version, form, Some(&before))?;
        self.give(version, &who, &wish, form, now)
    }
}

impl Code {
    fn check(&self, form: &[(String, String)], public: bool, now: i64) -> Result<(), Refusal> {
        if self.redeemed {
            return Err(Refusal::redeemed());
        }
        if self.until <= now {
            return Err(Refusal::code_expired());
        }
        if member(form, "redirect_uri") != Some(self.redirect.as_str()) {
            return Err(Refusal::other_redirect());
        }
        match (&self.challenge, member(form, "code_verifier")) {
            (Some(challenge), Some(verifier)) if *challenge == challenge_of(verifier) => Ok(()),
            (None, None) if !public => Ok(()),
            (None, None) => Err(Refusal::no_challenge()),
            _ => Err(Refusal::verifier()),
        }
    }
}

impl Entra {
    /// An application on a person's machine: it has no secret, and its users come back to these addresses.
    pub fn add_public_client(&self, app: &str, redirects: &[&str]) {
        self.change(app, |app: &mut App| {
            app.public = true;
            app.redirects
                .extend(redirects.iter().map(|uri| (*uri).to_owned()));
        });
    }

    /// An address users of an application may come back to.
    pub fn add_redirect(&self, app: &str, redirect: &str) {
        self.change(app, |app: &mut App| app.redirects.push(redirect.to_owned()));
    }
}

fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// Whether a registered address covers this one; on the loopback any port will do (RFC 8252 7.3).
fn leads_to(known: &str, asked: &str) -> bool {
    if known == asked {
        return true;
    }
    ["http://localhost", "http://127.0.0.1", "http://[::1]"]
        .iter()
        .any(|host| {
            let rest = |uri: &str| {
                let rest = uri.strip_prefix(host)?;
                let port = rest
                    .strip_prefix(':')
                    .map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
                let path = port.unwrap_or(rest);
                (path.is_empty() || path.starts_with('/')).then(|| path.trim_end_matches('/').to_owned())
            };
            matches!((rest(known), rest(asked)), (Some(known), Some(asked)) if known == asked)
        })
}

fn send_back(redirect: &str, told: &[(&str, String)]) -> Response {
    let pairs = told
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    let pairs = pairs.collect::<Vec<_>>().join("&");
    let join = if redirect.contains('?') { '&' } else { '?' };
    let mut response = refusal::empty(StatusCode::FOUND);
    if let Ok(location) = HeaderValue::from_str(&format!("{redirect}{join}{pairs}")) {
        response.headers_mut().insert(http::header::LOCATION, location);
    }
    response
}
