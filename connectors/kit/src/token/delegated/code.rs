//! A person signs in in a browser, and the browser brings a code to us (RFC 6749 4.1, RFC 7636).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl};
use url::{Url, form_urlencoded};

use super::{Delegated, Wish};
use crate::dice::Dice;
use crate::error::{ConnectorError, ErrorKind};
use crate::http::{Code, redact};
use crate::secret::Secret;

/// A sign-in that was begun: what the browser is sent to, and what its answer has to bring.
pub struct CodeRequest {
    /// To be opened in a browser.
    pub url: Url,
    /// Where the browser comes back to.
    pub redirect: Url,
    /// What an answer to this very request repeats.
    pub(super) state: Secret,
    /// What proves that the code is brought back by whoever asked for it.
    pub(super) verifier: Secret,
}

/// What the browser brought back.
#[derive(Clone, Debug)]
pub struct Brought {
    /// To be redeemed, once.
    pub code: Secret,
    /// Which sign-in it belongs to.
    pub state: Secret,
}

impl CodeRequest {
    pub(super) fn new(app: &Delegated, audience: &str, redirect: &Url, dice: &Dice) -> Self {
        let (state, verifier) = (random(dice), random(dice));
        let challenge =
            PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
        let client = BasicClient::new(ClientId::new(app.client_id.clone()))
            .set_auth_uri(AuthUrl::from_url(app.authorize_url.clone()))
            .set_redirect_uri(RedirectUrl::from_url(redirect.clone()));
        let mut request = client
            .authorize_url(|| CsrfToken::new(state.clone()))
            .set_pkce_challenge(challenge)
            .add_extra_param("response_mode", "query")
            // Whoever is signed in by chance is not always who has the role.
            .add_extra_param("prompt", "select_account");
        for (name, value) in app.wanted(audience, Wish::WithName) {
            request = request.add_extra_param(name, value);
        }
        Self {
            url: request.url().0,
            redirect: redirect.clone(),
            state: Secret::new(state),
            verifier: Secret::new(verifier),
        }
    }

    /// Whether an answer with this state belongs to this request.
    pub fn expects(&self, state: &str) -> bool {
        let (ours, theirs) = (self.state.expose().as_bytes(), state.as_bytes());
        aws_lc_rs::constant_time::verify_slices_are_equal(ours, theirs).is_ok()
    }

    /// What the browser brought, by the query of the address it came to: the code, or why there is
    /// none. Nothing when it is no answer to this request.
    pub fn brought(&self, query: &str) -> Option<Result<Brought, ConnectorError>> {
        let member = |wanted: &str| {
            let mut members = form_urlencoded::parse(query.as_bytes());
            members.find(|(name, _)| name == wanted).map(|(_, value)| value)
        };
        let state = member("state").filter(|state| self.expects(state))?;
        match (member("code"), member("error")) {
            (_, Some(error)) => Some(Err(refused(&error))),
            (Some(code), None) if !code.is_empty() => Some(Ok(Brought {
                code: Secret::new(code),
                state: Secret::new(state),
            })),
            _ => None,
        }
    }
}

/// The person, or the authority, said no. Its free words are for the person, who has read them.
fn refused(error: &str) -> ConnectorError {
    let hint = match error {
        "access_denied" => "sign in again and accept, or let an administrator consent to what the app may do",
        "server_error" | "temporarily_unavailable" => "try again in a while",
        _ => "read what the browser shows, and correct the app's registration",
    };
    ConnectorError::new(ErrorKind::Unauthorized, format!("sign in: {}", Code(error))).hint(hint)
}

/// 256 bits in 43 letters: as long as a verifier has to be.
fn random(dice: &Dice) -> String {
    let mut bytes = [0; 32];
    dice.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

impl fmt::Debug for CodeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeRequest")
            .field("url", &redact::url(&self.url))
            .field("redirect", &self.redirect.as_str())
            .finish_non_exhaustive()
    }
}
