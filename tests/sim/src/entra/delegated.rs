//! Tokens for a user who signed in: what is asked for, who asks, and what is given.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{App, Book, Issued, Version, member, token};

/// What a user's token is to be good for.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) resource: String,
    /// It was asked for by `/.default`, which the answer then names too.
    pub(super) default: bool,
    /// Who it is shall be told too.
    pub(super) openid: bool,
    /// It shall be renewable.
    pub(super) offline: bool,
}

/// A user who signed in to an application.
#[derive(Clone, Debug)]
pub(super) struct SignedIn {
    pub(super) app: String,
    pub(super) user: String,
    pub(super) nonce: Option<String>,
}

impl Book {
    /// What the parameters ask for; `before` is what was asked for when the user signed in.
    pub(super) fn wish(
        &self,
        version: Version,
        form: &[(String, String)],
        before: Option<&Wish>,
    ) -> Result<Wish, Refusal> {
        let wish = match version {
            Version::V1 => v1(member(form, "resource"), before)?,
            Version::V2 => v2(member(form, "scope"), before)?,
        };
        if self.resources.contains(&wish.resource) {
            return Ok(wish);
        }
        Err(Refusal::resource(&wish.resource))
    }

    /// The application, after it showed what it has to show.
    pub(super) fn client(
        &self,
        version: Version,
        tenant: &str,
        form: &[(String, String)],
        now: i64,
    ) -> Result<(&str, &App), Refusal> {
        let client = member(form, "client_id").ok_or_else(|| Refusal::missing("client_id"))?;
        let (id, app) = self
            .apps
            .get_key_value(client)
            .ok_or_else(|| Refusal::app(client))?;
        let shows = ["client_secret", "client_assertion"]
            .iter()
            .any(|name| member(form, name).is_some());
        match (app.public, shows) {
            (true, false) => {}
            (true, true) => return Err(Refusal::public_with_secret()),
            (false, _) => token::prove(app, client, &self.endpoint(version, tenant), form, now)?,
        }
        Ok((id, app))
    }

    pub(super) fn endpoint(&self, version: Version, tenant: &str) -> String {
        match version {
            Version::V1 => format!("{}/{tenant}/oauth2/token", self.origin),
            Version::V2 => format!("{}/{tenant}/oauth2/v2.0/token", self.origin),
        }
    }

    /// A token for the user, if nothing about the user stands against it.
    pub(super) fn give(
        &mut self,
        version: Version,
        who: &SignedIn,
        wish: &Wish,
        form: &[(String, String)],
        now: i64,
    ) -> Result<Value, Refusal> {
        let may = self.people.may(&who.user, &who.app, &wish.resource);
        may.map_err(|refusal| refusal.said_by(version))?;
        let token = self.issue(Issued {
            token: String::new(),
            app: who.app.clone(),
            user: Some(who.user.clone()),
            resource: wish.resource.clone(),
            until: now + self.lifetime,
            revoked: false,
        });
        let mut body = self.told(version, &token, &wish.resource, now);
        body["scope"] = match version {
            Version::V1 => json!("user_impersonation"),
            Version::V2 if wish.default => {
                json!(format!("{0}/user_impersonation {0}/.default", wish.resource))
            }
            Version::V2 => json!(format!("{}/user_impersonation", wish.resource)),
        };
        if wish.offline || version == Version::V1 {
            body["refresh_token"] = self.refresh.issue(who, wish, now).into();
        }
        if wish.openid {
            body["id_token"] = self.id_token(who, now).into();
        }
        if member(form, "client_info").is_some() {
            let info = json!({ "uid": self.people.object_id(&who.user), "utid": self.tenant });
            body["client_info"] = URL_SAFE_NO_PAD.encode(info.to_string()).into();
        }
        Ok(body)
    }

    /// Says who signed in; nobody checks its signature, because it came from the authority itself.
    fn id_token(&self, who: &SignedIn, now: i64) -> String {
        let object = self.people.object_id(&who.user);
        let claims = json!({
            "aud": who.app,
            "iss": format!("{}/{}/v2.0", self.origin, self.tenant),
            "iat": now,
            "nbf": now,
            "exp": now + self.lifetime,
            "name": who.user,
            "nonce": who.nonce,
            "oid": object,
            "preferred_username": who.user,
            "sub": format!("sub-{object}"),
            "tid": self.tenant,
            "ver": "2.0",
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = json!({ "typ": "JWT", "alg": "RS256", "kid": "sim" });
        format!(
            "{}.{}.{}",
            part(&head),
            part(&claims),
            URL_SAFE_NO_PAD.encode("unsigned")
        )
    }
}

fn v1(resource: Option<&str>, before: Option<&Wish>) -> Result<Wish, Refusal> {
    let resource = resource.or(before.map(|wish| wish.resource.as_str()));
    Ok(Wish {
        resource: resource.ok_or_else(|| Refusal::missing("resource"))?.to_owned(),
        default: false,
        openid: true,
        offline: true,
    })
}

/// One resource, named by the scopes that are not about the user alone.
fn v2(scope: Option<&str>, before: Option<&Wish>) -> Result<Wish, Refusal> {
    let Some(scope) = scope else {
        return before.cloned().ok_or_else(|| Refusal::missing("scope"));
    };
    let scopes: Vec<&str> = scope.split_whitespace().collect();
    let about_user = |scope: &&str| matches!(*scope, "openid" | "profile" | "email" | "offline_access");
    let mut resource = None;
    for scope in scopes.iter().filter(|scope| !about_user(scope)) {
        let named = scope
            .strip_suffix("/.default")
            .or_else(|| scope.strip_suffix("/user_impersonation"))
            .ok_or_else(|| Refusal::scope(scope))?;
        if resource.is_some_and(|other| other != named) {
            return Err(Refusal::two_resources());
        }
        resource = Some(named);
    }
    let resource = resource.or(before.map(|wish| wish.resource.as_str()));
    Ok(Wish {
        resource: resource.ok_or_else(|| Refusal::scope(scope))?.to_owned(),
        default: scopes.iter().any(|scope| scope.ends_with("/.default")),
        openid: scopes.contains(&"openid"),
        offline: scopes.contains(&"offline_access"),
    })
}
