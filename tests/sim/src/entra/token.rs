//! The token endpoints: which grant is asked for, and the grant of an application that comes by itself.

use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{App, Book, Issued, Version, assertion, member};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Book {
    /// A token, or why there is none.
    pub(super) fn grant(
        &mut self,
        version: Version,
        tenant: &str,
        form: &[(String, String)],
        now: i64,
    ) -> Result<Value, Refusal> {
        let grant = member(form, "grant_type");
        if grant != Some("client_credentials") {
            self.knows_tenant_or_any(tenant)?;
        }
        match grant {
            None => Err(Refusal::missing("grant_type")),
            Some("client_credentials") => self.grant_to_app(version, tenant, form, now),
            Some("authorization_code") => self.redeem_code(version, tenant, form, now),
            Some("refresh_token") => self.redeem_refresh(version, tenant, form, now),
            Some("urn:ietf:params:oauth:grant-type:device_code" | "device_code") => {
                self.redeem_device(version, tenant, form, now)
            }
            // It worked until every user had to show a second factor (contract partner-center 2.1).
            Some("password") => Err(Refusal::second_factor()),
            Some(_) => Err(Refusal::grant_type()),
        }
    }

    fn grant_to_app(
        &mut self,
        version: Version,
        tenant: &str,
        form: &[(String, String)],
        now: i64,
    ) -> Result<Value, Refusal> {
        self.knows_tenant(tenant)?;
        let client = member(form, "client_id").ok_or_else(|| Refusal::missing("client_id"))?;
        let app = self.apps.get(client).ok_or_else(|| Refusal::app(client))?;
        prove(app, client, &self.endpoint(version, tenant), form, now)?;
        let resource = match version {
            Version::V1 => member(form, "resource").ok_or_else(|| Refusal::missing("resource"))?,
            Version::V2 => {
                let scope = member(form, "scope").ok_or_else(|| Refusal::missing("scope"))?;
                let resource = scope.strip_suffix("/.default");
                resource.ok_or_else(|| Refusal::scope(scope))?
            }
        };
        if !self.resources.iter().any(|known| known == resource) {
            return Err(Refusal::resource(resource));
        }
        let token = self.issue(Issued {
            token: String::new(),
            app: client.to_owned(),
            user: None,
            resource: resource.to_owned(),
            until: now + self.lifetime,
            revoked: false,
        });
        Ok(self.told(version, &token, resource, now))
    }

    /// Writes the token down under a value of its own.
    pub(super) fn issue(&mut self, mut issued: Issued) -> String {
        issued.token = format!("eyJ0eXAiOiJKV1QifQ.{:012x}.sim", self.issued.len() + 1);
        let token = issued.token.clone();
        self.issued.push(issued);
        token
    }

    /// The answer; the older endpoint writes numbers as text.
    pub(super) fn told(&self, version: Version, token: &str, resource: &str, now: i64) -> Value {
        let lifetime = self.lifetime;
        let mut body = match version {
            Version::V1 => json!({
                "token_type": "Bearer",
                "expires_in": lifetime.to_string(),
                "ext_expires_in": lifetime.to_string(),
                "expires_on": (now + lifetime).to_string(),
                "not_before": (now - 300).to_string(),
                "resource": resource,
                "access_token": token,
            }),
            Version::V2 => json!({
                "token_type": "Bearer",
                "expires_in": lifetime,
                "ext_expires_in": lifetime,
                "access_token": token,
            }),
        };
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

/// Whether the application showed a secret or an assertion of its own.
pub(super) fn prove(
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
