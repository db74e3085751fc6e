//! `POST /{tenant}/oauth2/v2.0/token`: client credentials, by secret or by certificate.

use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{App, Book, Issued, assertion, member};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Book {
    /// A token, or why there is none.
    pub(super) fn grant(
        &mut self,
        tenant: &str,
        form: &[(String, String)],
        now: i64,
    ) -> Result<Value, Refusal> {
        self.knows_tenant(tenant)?;
        match member(form, "grant_type") {
            None => return Err(Refusal::missing("grant_type")),
            Some("client_credentials") => {}
            Some(_) => return Err(Refusal::grant_type()),
        }
        let client = member(form, "client_id").ok_or_else(|| Refusal::missing("client_id"))?;
        let app = self.apps.get(client).ok_or_else(|| Refusal::app(client))?;
        let endpoint = format!("{}/{tenant}/oauth2/v2.0/token", self.origin);
        prove(app, client, &endpoint, form, now)?;
        let scope = member(form, "scope").ok_or_else(|| Refusal::missing("scope"))?;
        let resource = scope
            .strip_suffix("/.default")
            .ok_or_else(|| Refusal::scope(scope))?;
        if !self.resources.iter().any(|known| known == resource) {
            return Err(Refusal::resource(resource));
        }
        let token = format!("eyJ0eXAiOiJKV1QifQ.{:012x}.sim", self.issued.len() + 1);
        self.issued.push(Issued {
            token: token.clone(),
            app: client.to_owned(),
            resource: resource.to_owned(),
            until: now + self.lifetime,
            revoked: false,
        });
        Ok(self.told(&token))
    }

    fn told(&self, token: &str) -> Value {
        let mut body = json!({
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "ext_expires_in": self.lifetime,
            "access_token": token,
        });
        match (&self.expires_in, body.as_object_mut()) {
            (Some(Value::Null), Some(members)) => {
                members.remove("expires_in");
            }
            (Some(other), Some(members)) => {
                members.insert("expires_in".to_owned(), other.clone());
            }
            _ => {}
        }
        body
    }
}

fn prove(
    app: &App,
    client: &str,
    endpoint: &str,
    form: &[(String, String)],
    now: i64,
) -> Result<(), Refusal> {
    match (
        member(form, "client_secret"),
        member(form, "client_assertion"),
        member(form, "client_assertion_type"),
    ) {
        (Some(secret), None, None) => {
            let mut held = app.secrets.iter().filter(|held| held.value == secret);
            let held = held.next().ok_or_else(Refusal::secret)?;
            match held.until {
                Some(until) if until <= now => Err(Refusal::secret_expired()),
                _ => Ok(()),
            }
        }
        (None, Some(token), Some(ASSERTION_TYPE)) => {
            assertion::check(token, client, endpoint, &app.certificates, now)
        }
        _ => Err(Refusal::credential()),
    }
}
