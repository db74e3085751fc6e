//! The role: a person signs in, and what they are given goes into the vault.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use url::Url;

use super::record::{NAME, Record};
use super::{CodeRequest, DeviceRequest, SignIn, Standing, Wish, person};
use crate::clock::Clock;
use crate::dice::Dice;
use crate::error::{ConnectorError, ErrorKind};
use crate::http::{Response, Transport};
use crate::roles::Authorizer;
use crate::secret::Secret;
use crate::token::answer;
use crate::token::exchange::form;
use crate::token::refusal::{self, PersonRefusal};

/// A person has signed in, and it is kept.
#[derive(Clone)]
pub struct Authorized {
    /// Who, for the operator's eyes only: never for a log.
    pub user: Option<String>,
    /// Until when it lasts.
    pub standing: Standing,
}

impl fmt::Debug for Authorized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorized")
            .field("standing", &self.standing)
            .finish_non_exhaustive()
    }
}

/// Signs people in at the app's endpoints.
pub(super) struct ByPerson {
    pub(super) sign_in: SignIn,
    pub(super) audience: String,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) dice: Dice,
}

/// What the token endpoint said.
enum Said {
    Granted(Response),
    Refused(PersonRefusal),
}

impl ByPerson {
    /// Asks the token endpoint for the audience, with what proves the person.
    async fn ask(&self, proof: &[(&str, &str)]) -> Result<Said, ConnectorError> {
        let app = &self.sign_in.0.delegated;
        let wanted = app.wanted(&self.audience, Wish::WithName);
        let mut fields = proof.to_vec();
        fields.extend(wanted.iter().map(|(name, value)| (*name, value.as_str())));
        let asked = app.asked(self.transport.as_ref(), &[], self.clock.now());
        let response = asked.ask(app.token_request(&fields)?).await?;
        Ok(if response.status() == StatusCode::OK {
            Said::Granted(response)
        } else {
            Said::Refused(refusal::of_person(&response, &asked, self.sign_in.name()))
        })
    }

    /// Keeps what was granted, in place of whatever was kept before.
    async fn keep(&self, granted: &Response) -> Result<Authorized, ConnectorError> {
        let app = &self.sign_in.0.delegated;
        let host = app.token_url.host_str().unwrap_or_default();
        let (_, lasting) = answer::read_lasting(granted.body(), host)?;
        let lasting = lasting.ok_or_else(|| {
            ConnectorError::new(
                ErrorKind::Misconfigured,
                format!("sign in at {host}: the answer holds no refresh token"),
            )
            .hint("let the app's registration allow offline_access")
        })?;
        let (user, now) = (person::of_answer(granted.body()), self.clock.now());
        let record = Record::new(app, lasting, user, now);
        let held = self.sign_in.0.vault.hold(NAME).await?;
        held.write(&record)?;
        Ok(Authorized {
            user: record.user.as_ref().map(|user| user.0.expose().to_owned()),
            standing: Standing::of(&record, now),
        })
    }

    fn refused(&self, why: &str) -> ConnectorError {
        let name = self.sign_in.name();
        ConnectorError::new(ErrorKind::Unauthorized, format!("sign in for {name}: {why}"))
            .hint(format!("run leadsync authorize {name} again"))
    }
}

#[async_trait]
impl Authorizer for ByPerson {
    async fn prepare(&self) -> Result<(), ConnectorError> {
        let held = self.sign_in.0.vault.hold(NAME).await?;
        Ok(held.rehearse()?)
    }

    fn code_request(&self, redirect: &Url) -> CodeRequest {
        CodeRequest::new(&self.sign_in.0.delegated, &self.audience, redirect, &self.dice)
    }

    async fn redeem(
        &self,
        request: &CodeRequest,
        code: &Secret,
        state: &str,
    ) -> Result<Authorized, ConnectorError> {
        if !request.expects(state) {
            return Err(self.refused("the answer belongs to another sign-in"));
        }
        let proof = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", request.redirect.as_str()),
            ("code_verifier", request.verifier.expose()),
        ];
        match self.ask(&proof).await? {
            Said::Granted(response) => self.keep(&response).await,
            Said::Refused(refused) => Err(refused.error),
        }
    }

    async fn device_request(&self) -> Result<DeviceRequest, ConnectorError> {
        let app = &self.sign_in.0.delegated;
        let wanted = app.wanted(&self.audience, Wish::WithName);
        let mut fields = vec![("client_id", app.client_id.as_str())];
        fields.extend(wanted.iter().map(|(name, value)| (*name, value.as_str())));
        let now = self.clock.now();
        let asked = app.asked(self.transport.as_ref(), &[], now);
        let response = asked.ask(form(&app.device_url, &fields)?).await?;
        if response.status() != StatusCode::OK {
            return Err(refusal::of_person(&response, &asked, self.sign_in.name()).error);
        }
        DeviceRequest::read(response.body(), now).ok_or_else(|| {
            let host = app.device_url.host_str().unwrap_or_default();
            ConnectorError::new(
                ErrorKind::Misconfigured,
                format!("sign in at {host}: the answer is no code for a device"),
            )
            .hint("correct the endpoint for device codes in the config")
        })
    }

    async fn device_poll(&self, request: &mut DeviceRequest) -> Result<Option<Authorized>, ConnectorError> {
        if self.clock.now() >= request.expires_at {
            return Err(self.refused("nobody typed the code in time"));
        }
        let style = self.sign_in.0.delegated.style;
        let refused = match self.ask(&request.fields(style)).await? {
            Said::Granted(response) => return self.keep(&response).await.map(Some),
            Said::Refused(refused) => refused,
        };
        match refused.code.as_str() {
            "authorization_pending" => Ok(None),
            "slow_down" => {
                request.slow_down();
                Ok(None)
            }
            "access_denied" | "authorization_declined" => Err(self.refused("the person declined")),
            "expired_token" | "code_expired" => Err(self.refused("nobody typed the code in time")),
            _ => Err(refused.error),
        }
    }

    fn standing(&self) -> Result<Standing, ConnectorError> {
        self.sign_in.standing(self.clock.now())
    }
}
